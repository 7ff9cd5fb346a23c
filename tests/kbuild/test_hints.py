"""Every mistake in the table is built, and gets its hint on the learner's own line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from _pytest.mark import ParameterSet
from building import build_all
from language_mistakes import LANGUAGE_CASES
from mistakes import CASES, Case

from kmodlab.kbuild.hints import RULES
from kmodlab.kbuild.result import Build
from kmodlab.kbuild.sources import Sources
from kmodlab.kernel.tree import KernelTree

ALL = (*CASES, *LANGUAGE_CASES)
pytestmark = pytest.mark.xdist_group("mistakes")  # they are built together


def parameters() -> Iterator[ParameterSet]:
    """All cases; of C's own mistakes, those are long whose hint another case has, too."""
    seen: set[str] = set()
    for case in ALL:
        is_long = case in LANGUAGE_CASES and case.hint in seen
        seen.add(case.hint)
        yield pytest.param(case, id=case.name, marks=[pytest.mark.long] if is_long else [])


@pytest.fixture(scope="module")
def builds(request: pytest.FixtureRequest, tree: KernelTree) -> dict[str, Build]:
    """The builds of the selected cases, two at a time."""
    calls = (getattr(item, "callspec", None) for item in request.session.items if item.path == request.path)
    chosen = [call.params["case"] for call in calls if call and "case" in call.params]

    return build_all(tree, {case.name: Sources.of("hello", case.files) for case in chosen})


@pytest.mark.parametrize("case", list(parameters()))
def test_a_mistake_gets_its_hint_on_the_learners_own_line(case: Case, builds: dict[str, Build]) -> None:
    result = builds[case.name]
    hints = [(diagnostic.hint_key, diagnostic.file, diagnostic.line) for diagnostic in result.diagnostics]
    assert hints == [(case.hint, case.file, case.line)], result.transcript
    assert result.passed is case.passes
    assert bool(result.modules) is case.passes
    assert bool(result.errors) is not case.passes


def test_the_table_shows_every_hint_that_there_is() -> None:
    # objtool reports magic names only of kernels with CONFIG_X86_KERNEL_IBT; a stored transcript has it. The linker
    # refuses a reference only when a whole kernel is linked: an in-tree build has that mistake.
    assert {rule.key for rule in RULES} <= {case.hint for case in ALL} | {"magic-name", "undefined-reference"}


def test_hints_are_one_or_two_sentences() -> None:
    assert [rule.key for rule in RULES if not rule.text.endswith((".", ";")) or len(rule.text) > 260] == []
