"""One mistake gives one complaint, on real builds; two mistakes that have nothing to do with each other give two."""

from __future__ import annotations

import re

import pytest
from building import build_all
from cascades import CASCADES, MODULE, PAIRS, Cascade

from kmodlab.kbuild.result import Build
from kmodlab.kbuild.sources import Sources
from kmodlab.kernel.tree import KernelTree

pytestmark = pytest.mark.xdist_group("cascades")  # they are built together


def _params(cascades: tuple[Cascade, ...]) -> list[object]:
    return [pytest.param(each, id=each.name, marks=[pytest.mark.long] if each.is_long else []) for each in cascades]


@pytest.fixture(scope="module")
def builds(request: pytest.FixtureRequest, tree: KernelTree) -> dict[str, Build]:
    """The builds of the selected cascades, two at a time."""
    calls = (getattr(item, "callspec", None) for item in request.session.items if item.path == request.path)
    chosen = [call.params["cascade"] for call in calls if call and "cascade" in call.params]
    return build_all(tree, {each.name: Sources.of("hello", {"hello.c": each.source}) for each in chosen})


@pytest.mark.parametrize("cascade", _params(CASCADES))
def test_one_mistake_gives_one_complaint(cascade: Cascade, builds: dict[str, Build]) -> None:
    build = builds[cascade.name]
    assert [each.hint_key for each in build.diagnostics] == [cascade.hint], build.transcript
    assert cascade.words in build.diagnostics[0].hint
    assert len(build.errors) == 1
    # Nothing is lost: whatever gcc said is there, folded.
    said = re.findall(r"^/\S+: (?:error|warning): ", build.transcript, re.MULTILINE)
    assert len(said) == 1 + len(build.diagnostics[0].follow_ups)


@pytest.mark.parametrize("cascade", _params(PAIRS))
def test_two_independent_mistakes_give_two_complaints(cascade: Cascade, builds: dict[str, Build]) -> None:
    keys = [each.hint_key for each in builds[cascade.name].diagnostics]
    assert sorted(keys) == sorted((cascade.hint, *cascade.also)), builds[cascade.name].transcript


def test_the_module_without_a_mistake_has_no_complaint(tree: KernelTree) -> None:
    build = build_all(tree, {"": Sources.of("hello", {"hello.c": MODULE})})[""]
    assert build.passed and build.diagnostics == ()
