"""Crashes in today's guest, by the same modules as the stored ones: what the kernel says, and the line of C."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from crashes import EXPECTED, LAST_CALLS, build_modules, marked_line, module_names, plain_name, run_module

from kmodlab.crash.guilty import find_guilty_line
from kmodlab.crash.reader import find_reports
from kmodlab.guest.lab import Lab
from kmodlab.guest.session import Session
from kmodlab.kbuild.result import Build

pytestmark = pytest.mark.xdist_group("crashes")  # All modules are built at once.


@pytest.fixture(scope="module")
def built(lab: Lab) -> Build:
    built = build_modules(lab)
    assert built.passed, built.transcript
    return built


@pytest.fixture(scope="module")
def session(lab: Lab) -> Iterator[Session]:
    with Session(lab) as session:
        yield session


@pytest.mark.parametrize("name", module_names())
def test_a_crash_is_put_on_its_line(session: Session, built: Build, name: str) -> None:
    expected, ko = EXPECTED[name], built.modules[name]
    report = find_reports(run_module(session, name, ko))[0]
    assert report.kind in expected.kinds
    assert re.match(expected.sentence, report.sentence)
    own = [plain_name(frame.function) for frame in report.frames if frame.module == name]
    assert own[: len(expected.functions)] == list(expected.functions)
    guilty = find_guilty_line(report, {name: ko})
    assert guilty is not None
    assert (guilty.line.file, guilty.line.line) == marked_line(name)
    assert (guilty.note, guilty.doubt) == (
        (f"{LAST_CALLS[name]}(), the last call of exit", "") if name in LAST_CALLS else ("", "")
    )
