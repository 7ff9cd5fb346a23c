"""Logs of crashes: of guests that modules of ours crashed, and constructed ones, each from the source that it cites."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from crashes import DATA, EXPECTED, LAST_CALLS, plain_name

from kmodlab.crash.guilty import find_doubt, find_guilty
from kmodlab.crash.reader import find_reports
from kmodlab.crash.report import Kind, ReportSeverity

GUESTS = sorted([*DATA.glob("linux-*/*.txt")])
CONSTRUCTED = sorted(DATA.glob("constructed/*.txt"))
# Kinds that no kernel of ours reports.
NO_CASE = {Kind.DOUBLE_FAULT, Kind.KMSAN, Kind.KCSAN}


def label(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", GUESTS, ids=label)
def test_a_guests_crash_is_what_its_module_has_done(path: Path) -> None:
    name = path.stem
    expected = EXPECTED[name]
    report = find_reports(path.read_text())[0]
    module = name.partition("-")[0]
    assert report.kind in expected.kinds
    assert re.match(expected.sentence, report.sentence)
    own = [plain_name(frame.function) for frame in report.frames if frame.module == module]
    assert own[: len(expected.functions)] == list(expected.functions)
    assert find_doubt(report) == ""
    guilty = find_guilty(report)
    assert guilty is not None
    assert name in LAST_CALLS or (guilty.module, plain_name(guilty.function)) == (module, expected.functions[0])


@pytest.mark.parametrize("path", CONSTRUCTED, ids=label)
def test_a_constructed_log_is_read_as_its_source_prints_it(path: Path) -> None:
    head, _, log = path.read_bytes().decode().partition("\n\n")
    expected = dict(line.split(": ", 1) for line in head.split("\n"))
    (report,) = find_reports(log)
    guilty = find_guilty(report)
    assert (str(report.kind), report.sentence) == (expected["kind"], expected["sentence"])
    assert str(report.severity) == expected.get("severity", "fatal")
    assert str(guilty) == expected.get("guilty", "None")
    reliable = [frame for frame in report.trace if frame.reliable] or report.trace
    functions = [plain_name(frame.function) for frame in reliable]
    trace = expected.get("trace", "").split()
    assert functions[: len(trace)] == trace
    doubt = find_doubt(report)
    assert expected["doubt"] in doubt if "doubt" in expected else not doubt
    assert expected.get("process", f"{report.process} {report.pid}") == f"{report.process} {report.pid}"
    assert expected.get("taint", "".join(report.taint)) == "".join(report.taint)
    assert expected.get("kernel", report.kernel) == report.kernel
    assert expected.get("stacks", "") in "; ".join(stack.title for stack in report.stacks)
    places = [report.place.location] if report.place and report.place.location else []
    places += [frame.location for frame in report.trace if frame.location]
    assert all(end in place for end, place in zip(expected.get("places", "").split(), places, strict=False))


REFUSED = {
    "cut_off_elf": (Kind.BAD_FORMAT, "Invalid ELF section header overflow"),
    "no_elf": (Kind.BAD_FORMAT, "Invalid ELF header magic: != ELF"),
    "invalid_relocation_target": (Kind.BAD_RELOCATION, "module: x86/modules: Skipping invalid relocation target"),
    "unknown_relocation": (Kind.BAD_RELOCATION, "module: warnexit: Unknown rela relocation: 99"),
    "unknown_symbol": (Kind.UNKNOWN_SYMBOL, "nosymbol: Unknown symbol there_is_no_such_function (err -2)"),
    "wrong_symbol_version": (Kind.WRONG_VERSION, "warnexit: disagrees about version of symbol module_layout"),
    "wrong_vermagic": (Kind.WRONG_VERSION, "warnexit: version magic '6.1.0-56-amd64 SMP preemp0"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_module_that_was_refused_is_told_and_is_no_crash(name: str) -> None:
    kind, sentence = REFUSED[name]
    reports = find_reports((DATA / "refused" / f"{name}.txt").read_text())
    assert {report.kind for report in reports} == {kind}
    assert all(report.sentence.startswith(sentence) for report in reports)
    assert not any(report.is_crash for report in reports)
    assert {report.severity for report in reports} == {ReportSeverity.REFUSED}


def test_there_is_a_case_for_each_kind() -> None:
    kinds = {report.kind for path in DATA.glob("*/*.txt") for report in find_reports(path.read_text())}
    assert set(Kind) - kinds == NO_CASE
    assert len(GUESTS) + len(CONSTRUCTED) + len(REFUSED) >= 60
