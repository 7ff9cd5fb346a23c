"""JUnit XML, as build servers read it: one suite for each submission, one case for each check.

A check that errored is an `error`, one that failed a `failure`, one that was skipped is `skipped`. The file may be
shown to learners.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring

from kmodlab.checks.check_result import CheckResult, Status
from kmodlab.files import replace_text
from kmodlab.grading.formats.redact import by_learner, checks_for_learners, is_errored, remarks_for_learners, text_of
from kmodlab.grading.models import Grade, GradeState
from kmodlab.text import escape_control_chars

_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2
_ELEMENTS = {Status.FAILED: "failure", Status.ERRORED: "error", Status.SKIPPED: "skipped"}


def write(grades: Sequence[Grade], folder: Path) -> list[Path]:
    """Write junit.xml."""
    return [replace_text(folder / "junit.xml", as_xml(grades))]


def as_xml(grades: Sequence[Grade]) -> str:
    """All suites as one document."""
    return make_document([_suite(grade) for own in by_learner(grades).values() for grade in own])


def make_document(suites: Sequence[Element]) -> str:
    """The text of an XML document with these suites."""
    root = Element("testsuites", name="kmodlab")
    root.extend(suites)
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def make_suite(name: str, cases: Sequence[Element], seconds: float) -> Element:
    """A <testsuite> with these cases."""
    suite = Element("testsuite", name=_text(name), time=f"{seconds:.3f}")
    suite.extend(cases)
    suite.set("tests", str(len(cases)))
    suite.set("failures", str(len(suite.findall("./testcase/failure"))))
    suite.set("skipped", str(len(suite.findall("./testcase/skipped"))))
    suite.set("errors", str(len(suite.findall("./testcase/error"))))
    return suite


def make_case(name: str, group: str, status: Status, reason: str, seconds: float, details: str = "") -> Element:
    """A <testcase>; unless it passed, with the reason and the details."""
    case = Element("testcase", name=_text(name), classname=_text(group), time=f"{seconds:.3f}")
    if status is not Status.PASSED:
        outcome = SubElement(case, _ELEMENTS[status], message=_text(reason), type=str(status))
        outcome.text = _text(details)
    return case


def _suite(grade: Grade) -> Element:
    cases = [_case(grade, check) for check in checks_for_learners(grade.checks)]
    if grade.state is not GradeState.GRADED and not grade.checks:
        cases.append(_whole(grade))
    suite = make_suite(f"{grade.exercise}/{grade.learner}", cases, grade.seconds)
    remarks = remarks_for_learners(grade)
    if remarks:
        SubElement(suite, "system-out").text = _text("\n".join(remarks))
    return suite


def _case(grade: Grade, check: CheckResult) -> Element:
    details = "" if check.status is Status.PASSED else text_of(check)
    return make_case(check.title, grade.exercise, check.status, check.reason, check.seconds, details)


def _whole(grade: Grade) -> Element:
    """A <testcase> for a submission that could not be judged."""
    case = Element("testcase", name=_text(grade.title), classname=_text(grade.exercise))
    kind = "error" if is_errored(grade) else "failure"
    SubElement(case, kind, message=_text(remarks_for_learners(grade)[0]), type=str(grade.state))
    return case


def _text(text: str) -> str:
    return _NOT_XML.sub(lambda match: f"\\u{ord(match[0]):04x}", escape_control_chars(text))
