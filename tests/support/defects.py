"""Modules with a known defect, and correct ones: the expected verdicts, and those of fault injection.

Comments at the top of a defective module have the expected result: the verdict; the run that shows it, which is `plain`
or the call that fails (`kmalloc 2` is the second of that name); words of the sentence; and a script for the guest, if
needed. The line to blame ends with the comment `here`.

Modules in `only_in_exit` are wrong only in exit, so each call may fail; the run is `exit` if exit crashes or hangs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from building import build_all

from kmodlab.guest.lab import Lab
from kmodlab.kbuild.result import Build
from kmodlab.kbuild.sources import Sources
from kmodlab.text import align_columns
from kmodlab.tracer.fault_injection import (
    FaultOptions,
    RunPool,
    SiteResult,
    kernel_modules_of,
    make_subject,
    try_faults,
)
from kmodlab.tracer.observe import RunTask
from kmodlab.tracer.troubles import Trouble, Verdict
from kmodlab.tracer.verdict import Finding, find_verdict

FOLDER = Path(__file__).parents[1] / "data" / "defects"
_AT_ONCE = 12  # modules in one run of make
_TIMEOUT_S = 8.0


@dataclass(frozen=True)
class Case:
    """A module: its file's name without .c, its text, and the expectations in its first lines."""

    name: str
    text: str
    wanted: Mapping[str, str]
    folder: str = ""

    @property
    def is_correct(self) -> bool:
        return not self.wanted

    @property
    def is_plain(self) -> bool:
        """Whether its defect shows without a fault."""
        return self.wanted.get("run") == "plain"

    @property
    def is_only_in_exit(self) -> bool:
        """Whether every call in its init may fail."""
        return self.folder == "only_in_exit"

    @property
    def line(self) -> int | None:
        """The line to blame; None if the text has no mark."""
        lines = enumerate(self.text.splitlines(), 1)
        return next((number for number, line in lines if line.endswith(("/* here */", "// here"))), None)


@dataclass(frozen=True)
class Judged:
    """The results for one module: without a fault, and with each call in its init failing.

    If the defect shows without a fault, only that run is made, and `sites` is empty.
    """

    case: Case
    plain: Finding
    sites: tuple[SiteResult, ...]
    exit_troubles: tuple[Trouble, ...] = ()

    @property
    def finding(self) -> Finding | None:
        """The finding of the run that the case is about; for a correct module, of the first run that is not clean."""
        if self.case.is_correct:
            bad = [site.finding for site in self.sites if site.verdict is not Verdict.CLEAN]
            return self.plain if self.plain.verdict is not Verdict.CLEAN or not bad else bad[0]
        site = self.site
        return site.finding if site else self.plain if self.case.is_plain or self.case.is_only_in_exit else None

    @property
    def site(self) -> SiteResult | None:
        name, _, count = self.case.wanted.get("run", "plain").partition(" ")
        sites = [site for site in self.sites if site.function == name]
        return sites[int(count or 1) - 1] if len(sites) >= int(count or 1) else None

    @property
    def problems(self) -> list[str]:
        """The differences from the expected result; empty if there are none."""
        if self.case.is_correct:
            return [*(trouble.sentence for trouble in self.plain.troubles), *self._false_alarms()]
        return [*self._missed(), *(self._not_once_in_exit() if self.case.is_only_in_exit else ())]

    def _not_once_in_exit(self) -> Iterator[str]:
        yield from self._false_alarms()
        wanted = 1 if self.case.wanted["run"] == "exit" else 0
        if len(self.exit_troubles) != wanted:
            yield f"exit has {[trouble.sentence for trouble in self.exit_troubles]}"
        if not self.sites:
            yield "no call was made to fail"

    def _false_alarms(self) -> Iterator[str]:
        for site in self.sites:
            if site.verdict is not Verdict.CLEAN:
                yield f"{site.function} fails: {site.verdict}: {site.reason}"

    def _missed(self) -> Iterator[str]:
        wanted, finding = self.case.wanted, self.finding
        if finding is None:
            calls = ", ".join(site.function for site in self.sites) or "none"
            yield f"{wanted['run']} was not made to fail, but {calls}"
            return
        if finding.verdict != wanted["verdict"]:
            yield f"the verdict is {finding.verdict}, not {wanted['verdict']}"
        line = finding.line.line if finding.line else None
        if line != self.case.line:
            yield f"line {line} is blamed, not {self.case.line}"
        sentences = " / ".join(trouble.sentence for trouble in finding.troubles)
        if wanted["says"] not in sentences:
            yield f"{sentences!r} does not say {wanted['says']!r}"
        if finding is not self.plain and self.plain.verdict is not Verdict.CLEAN:
            yield f"without a fault: {self.plain.sentence}"

    @property
    def row(self) -> tuple[str, ...]:
        finding = self.finding
        verdict = str(finding.verdict) if finding else "-"
        line = str(finding.line.line) if finding and finding.line else ""
        runs = f"{1 + sum(site.finding is not None for site in self.sites)} runs"
        mark = "NOT SO" if self.problems else "ok"
        words = finding.sentence if finding and finding.sentence else ""
        return mark, self.case.name, runs, self.case.wanted.get("run", ""), verdict, line, words


def read_cases(folder: Path) -> list[Case]:
    """The cases of a folder, by name."""
    return [_read_case(path) for path in sorted(folder.glob("*.c"))]


def _read_case(path: Path) -> Case:
    text = path.read_text()
    head = [line[3:] for line in text.partition("#include")[0].splitlines() if line.startswith("// ")]
    wanted = {key: value.strip() for key, _, value in (line.partition(":") for line in head)}
    return Case(path.stem, text, wanted, path.parent.name)


def judge_all(lab: Lab, cases: Iterable[Case]) -> dict[str, Judged]:
    """Build the modules, and run fault injection on each, two at a time."""
    cases = list(cases)
    builds = _build(lab, cases)

    def judge_some(first: int) -> list[Judged]:
        with RunPool(lab) as runs:
            return [_judge(runs, case, builds[case.name]) for case in cases[first::2]]

    with ThreadPoolExecutor(2) as pool:
        return {judged.case.name: judged for some in pool.map(judge_some, range(2)) for judged in some}


def _judge(pool: RunPool, case: Case, build: Build) -> Judged:
    subject = make_subject(build, {f"{case.name}.c": case.text.encode()}, after=kernel_modules_of(build))
    script = case.wanted.get("script", "")
    if case.is_plain and not case.is_only_in_exit:
        observation = pool.observe(subject, RunTask(settle=True, script=script, timeout_s=_TIMEOUT_S), another=True)
        return Judged(case, find_verdict(subject, pool.functions, observation), ())
    faults = try_faults(pool, subject, FaultOptions(script=script, cycles=0, timeout_s=_TIMEOUT_S))
    return Judged(case, faults.plain, faults.sites, faults.exit_troubles)


def _build(lab: Lab, cases: list[Case]) -> dict[str, Build]:
    """Each module's build; a run of make builds several of them."""
    groups = {at: _sources(cases[at : at + _AT_ONCE]) for at in range(0, len(cases), _AT_ONCE)}
    builds: dict[str, Build] = {}
    for build in build_all(lab.tree, groups).values():
        assert build.passed, build.transcript
        builds.update({name: replace(build, name=name, modules={name: ko}) for name, ko in build.modules.items()})
    return builds


def _sources(cases: list[Case]) -> Sources:
    makefile = "".join(f"obj-m += {case.name}.o\n" for case in cases)
    return Sources.of(cases[0].name, {"Makefile": makefile, **{f"{case.name}.c": case.text for case in cases}})


def format_table(judged: Iterable[Judged]) -> str:
    """The table of a run, with the sums below it."""
    results = list(judged)
    heads = ("", "module", "", "what fails", "verdict", "line", "what went wrong first")
    lines = align_columns([heads, *((*result.row[:-1], result.row[-1][:100]) for result in results)])
    for correct, words in ((False, "defects found"), (True, "correct modules without a false alarm")):
        of_kind = [judged for judged in results if judged.case.is_correct is correct]
        lines.append(f"{sum(not judged.problems for judged in of_kind)} of {len(of_kind)} {words}")
    return "\n".join(lines)
