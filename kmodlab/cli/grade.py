"""`kmodlab grade`: grades whole classes, with real kernels; an interrupted run can be resumed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

import click
from filelock import FileLock, Timeout
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from kmodlab.cli.console import ERR, say
from kmodlab.course.exercise import MASTER, find_masters
from kmodlab.errors import SandboxError, UsageError
from kmodlab.files import replace_text
from kmodlab.grading.adjustments import FILE as ADJUSTMENTS
from kmodlab.grading.adjustments import Adjusted, apply_adjustments, read_adjustments
from kmodlab.grading.formats.gradebook import write_changes
from kmodlab.grading.formats.results import FORMATS, Unwritten, write_form
from kmodlab.grading.grader import Plan, grade_all, keep_errored, make_plan, read_exercises, withhold
from kmodlab.grading.intake import read_submissions
from kmodlab.grading.journal import Journal
from kmodlab.grading.late_policy import parse_late
from kmodlab.grading.models import Ending, Grade, GradeState, GradingProgress
from kmodlab.grading.pool import LocalPool, Pool
from kmodlab.grading.worker import find_setting
from kmodlab.guest.lab import load_lab
from kmodlab.i18n import _, ngettext
from kmodlab.sandbox.sandbox import check_sandbox
from kmodlab.settings import get_settings
from kmodlab.text import escape_control_chars

_HTML = ("feedback", "overview")
_MOST_LISTED = 20
_FORMATS = "json,csv,html"


@dataclass(frozen=True)
class GradeRequest:
    """The request of a run. `--resume` continues with it, and so does the next run without submissions.

    Paths are absolute.
    """

    submissions: tuple[str, ...]
    exercises: str
    exercise: str
    replace: bool = False
    late: str = ""
    due: str = ""
    errored: bool = False
    formats: tuple[str, ...] = ()


@click.command(
    help=_("""Grade SUBMISSIONS: notebooks, folders, zip and tar archives of Moodle and Canvas, nbgrader's tree.

Only the text of the answer cells is taken; it is built in the sandbox, run in disposable guests, and judged by the
master's checks. Every result is written to a journal in OUT at once: whatever ends a run, --resume goes on, and what
was graded before is not graded again. OUT keeps the grades of all runs. Without SUBMISSIONS, it grades again what the
last run into OUT did, with its options.

Ends with status 0 if all is graded, however few points there are; 4 if something could not be graded, which is never a
zero: run it again. 2 is a usage error, 3 a broken exercise.
""")
)
@click.argument("submissions", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(file_okay=False, path_type=Path), help=_("Folder for all results.")
)
@click.option("--exercise", default="", metavar="NAME", help=_("All submissions are to this exercise, as 01-hello."))
@click.option(
    "--exercises",
    type=click.Path(exists=True, path_type=Path),
    help=_("Folder with the masters (default: ./exercises)."),
)
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1, 256), help=_("Worker processes here."))
@click.option("--scheduler", metavar="ADDRESS", help=_("Use the workers of this Dask cluster instead."))
@click.option(
    "--format", "formats", multiple=True, default=(), show_default=_FORMATS, metavar="NAME,…",
    help=_("What to write; repeatable: {formats}.").format(formats=", ".join([*FORMATS, "html"])),
)  # fmt: skip
@click.option(
    "--deadline",
    default=600.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help=_("Seconds for a submission."),
)
@click.option("--late", default="", metavar="PERCENT[/day]", help=_("What being late takes off: 10, or 10/day."))
@click.option("--due", default="", metavar="TIME", help=_("After 2026-11-20T23:59 it is late; Canvas says it itself."))
@click.option("--errored", is_flag=True, help=_("Grade only what errored in an earlier run into OUT."))
@click.option("--replace", "replace_grades", is_flag=True, help=_("Replace grades that other files have earned."))
@click.option("--resume", is_flag=True, help=_("Go on where the last run into OUT was ended."))
@click.option("--without-sandbox", is_flag=True, help=_("Grade even if there is no sandbox; all reports say so."))
def grade(
    submissions: tuple[Path, ...],
    out: Path,
    exercise: str,
    exercises: Path | None,
    jobs: int,
    scheduler: str | None,
    formats: tuple[str, ...],
    deadline: float,
    late: str,
    due: str,
    errored: bool,
    replace_grades: bool,
    resume: bool,
    without_sandbox: bool,
) -> int:
    """Grade submissions."""
    _format_names(formats)  # raises now if a name is wrong
    paths = tuple(str(path.absolute()) for path in submissions)
    folder = str(exercises.absolute()) if exercises else ""
    with _opened(out) as journal:
        request = GradeRequest(paths, folder, exercise, replace_grades, late, due, errored, formats)
        request = _complete(request, journal, resume)
        return _grade(request, out, journal, jobs, scheduler, deadline, without_sandbox)


def _grade(
    request: GradeRequest,
    out: Path,
    journal: Journal,
    jobs: int,
    scheduler: str | None,
    deadline_s: float,
    without_sandbox: bool,
) -> int:
    begun = time.monotonic()
    late, _adjustments = parse_late(request.late, request.due), read_adjustments(out)  # raises now if one is wrong
    exercises, masters = read_exercises(_find_masters(Path(request.exercises)))
    if request.exercise and request.exercise not in exercises:
        sentence = _("There is no exercise {name!r}.").format(name=request.exercise)
        raise UsageError(sentence, hint=_("There are: {names}.").format(names=", ".join(exercises)))
    with _pool(scheduler, jobs, deadline_s) as pool:
        setting = pool.find_setting()
        if not setting.sandboxed:
            _check_accepted(without_sandbox, scheduler)
        with ERR.status(_("Reading the submissions …")):
            handed_in = read_submissions(map(Path, request.submissions), list(exercises), out)
            plan = make_plan(handed_in, exercises, masters, setting, request.exercise)
            plan = replace(plan if request.replace else withhold(plan, journal), late=late)
            plan = keep_errored(plan, journal) if request.errored else plan
        journal.begin(asdict(request))
        tally = _follow(plan, grade_all(plan, pool, journal, deadline_s), out)
    written, unwritten = _write(out, plan, journal, _format_names(request.formats))
    journal.end()
    _sum_up(plan, tally, out, written, time.monotonic() - begun)
    _list_unwritten(unwritten)
    return 4 if tally.errored or plan.withheld or unwritten else 0


# ---- before --------------------------------------------------------------------------------------------------------


def _format_names(formats: Sequence[str]) -> list[str]:
    names: list[str] = []
    for name in ",".join(formats or [_FORMATS]).split(","):
        names += _HTML if name.strip() == "html" else [name.strip()]
    unknown = [name for name in names if name not in FORMATS]
    if unknown:
        hint = _("There are: {names}.").format(names=", ".join([*FORMATS, "html"]))
        raise UsageError(_("There is no format {name!r}.").format(name=unknown[0]), hint=hint)
    return list(dict.fromkeys(names))


@contextlib.contextmanager
def _opened(out: Path) -> Iterator[Journal]:
    """A context with the journal of a folder, locked against other graders."""
    with contextlib.ExitStack() as stack:
        try:
            out.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(out / ".lock", timeout=0))
        except Timeout as error:
            hint = _("Wait for it, or choose another --out.")
            raise UsageError(_("Another `kmodlab grade` writes to {folder}.").format(folder=out), hint=hint) from error
        except OSError as error:
            sentence = _("The folder {folder} cannot be used: {error}.")
            raise UsageError(sentence.format(folder=out, error=error.strerror)) from error
        yield stack.enter_context(Journal(out / "journal.sqlite"))


def _complete(request: GradeRequest, journal: Journal, resume: bool) -> GradeRequest:
    """The request, with missing values from the last run's request."""
    if journal.unfinished and not resume:
        hint = _("Go on with --resume, or choose another --out.")
        raise UsageError(_("The last run into this folder did not come to its end."), hint=hint)
    if request.submissions:
        defaults = {"exercises": str(Path("exercises").absolute()), "formats": (_FORMATS,)}
    else:
        defaults = _last_request(journal, resume)
    said = {name: value for name, value in asdict(request).items() if value}
    return GradeRequest(**{**asdict(request), **defaults, **said})


def _last_request(journal: Journal, resume: bool) -> dict[str, Any]:
    last = journal.unfinished or (None if resume else journal.last_run)
    if not last:
        sentence = _("There is no run to go on with.") if resume else _("There is nothing to grade.")
        hint = _("Name notebooks, folders or archives: kmodlab grade SUBMISSIONS… --out DIR")
        raise UsageError(sentence, hint=hint)
    known = {**last, "submissions": tuple(last["submissions"]), "formats": tuple(last.get("formats") or (_FORMATS,))}
    return known if resume else {**known, "errored": False, "replace": False}


def _find_masters(folder: Path) -> list[Path]:
    masters = [folder / MASTER] if (folder / MASTER).is_file() else find_masters(folder)
    if not masters:
        hint = _("Name their folder: --exercises FOLDER. An exercise is a folder with a master.ipynb.")
        raise UsageError(_("There are no exercises in {folder}.").format(folder=folder), hint=hint)
    return masters


@contextlib.contextmanager
def _pool(scheduler: str | None, jobs: int, deadline_s: float) -> Iterator[Pool]:
    if scheduler is None:
        yield LocalPool(find_setting(load_lab(get_settings())), jobs=jobs, deadline_s=deadline_s)
        return
    if find_spec("distributed") is None:
        raise UsageError(_("For a cluster, dask.distributed is needed."), hint="pip install 'kmodlab[dask]'")
    from kmodlab.grading.dask_pool import DaskPool  # importing it takes a second

    with DaskPool(scheduler, deadline_s=deadline_s) as pool:
        yield pool


def _check_accepted(without_sandbox: bool, scheduler: str | None) -> None:
    verdict = check_sandbox()
    sentence = _("A worker of the cluster has no sandbox.") if scheduler and verdict.works else verdict.sentence
    if not without_sandbox:
        hint = f"{verdict.hint} {_('Or accept it with --without-sandbox: then every report says so.')}".strip()
        raise SandboxError(f"{sentence} {_('Nothing is graded without one.')}", hint=hint)
    ERR.print(Text(f"{sentence} {_('All reports say so.')}", style="yellow"))


# ---- meanwhile -----------------------------------------------------------------------------------------------------


@dataclass
class _Tally:
    """The grades of this run, the number of grades from the journal, and the number of checks that were run."""

    grades: list[Grade] = field(default_factory=list)
    known: int = 0
    checks: int = 0

    @property
    def errored(self) -> list[Grade]:
        return [grade for grade in self.grades if grade.state is GradeState.ERRORED]

    @property
    def rejected(self) -> list[Grade]:
        return [grade for grade in self.grades if grade.state is GradeState.REJECTED]


def _follow(plan: Plan, events: Generator[GradingProgress], out: Path) -> _Tally:
    """Show the progress: a bar with the time left on a terminal, otherwise a line for each grade."""
    tally = _Tally()
    columns = (
        TextColumn(_("Grading")), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[checks]}"),
        TimeElapsedColumn(), TextColumn(_("left")), TimeRemainingColumn(elapsed_when_finished=False),
    )  # fmt: skip
    with Progress(*columns, console=ERR, transient=True, disable=not ERR.is_terminal) as bars:
        bar = bars.add_task("", total=len(plan.submissions), checks="")
        try:
            with contextlib.closing(events):
                for event in events:
                    tally.checks += event.check is not None
                    if event.grade:
                        tally.grades.append(event.grade)
                        tally.known += event.ending is Ending.KNOWN
                        if not ERR.is_terminal:
                            _print_line(event.grade, len(tally.grades), len(plan.submissions))
                    checks = ngettext("{number} check", "{number} checks", tally.checks).format(number=tally.checks)
                    bars.update(bar, completed=len(tally.grades), checks=checks)
        except KeyboardInterrupt:
            ERR.print(Text(_("Go on with: kmodlab grade --out {folder} --resume").format(folder=out)))
            raise
    return tally


def _print_line(grade: Grade, number: int, total: int) -> None:
    ERR.print(Text(escape_control_chars(f"{number}/{total} {grade.learner}, {grade.exercise}: {_result_of(grade)}")))


def _result_of(grade: Grade) -> str:
    if grade.state is GradeState.ERRORED:
        return _("errored. {reason}").format(reason=grade.reason)
    points = _("{points:g} of {worth:g} points").format(points=grade.points, worth=grade.max_points)
    if grade.state is GradeState.REJECTED:
        return _("{points} (rejected: {reason})").format(points=points, reason=grade.reason)
    return points


# ---- afterwards ----------------------------------------------------------------------------------------------------


def _adjusted(journal: Journal, out: Path) -> Adjusted:
    return apply_adjustments(journal.grades(), read_adjustments(out))


def _write(out: Path, plan: Plan, journal: Journal, formats: Sequence[str]) -> tuple[dict[str, int], list[Unwritten]]:
    """Write all formats; returns the number of files of each, and the grades that could not be written."""
    adjusted = _adjusted(journal, out)
    _list(_("{number} in {file} without a grade:"), "yellow", map(", ".join, adjusted.unknown), file=ADJUSTMENTS)
    written: dict[str, int] = {}
    unwritten: list[Unwritten] = []
    for name in formats:
        paths, failed = write_form(name, adjusted.grades, out)
        written[name] = len(paths)
        unwritten += failed
    write_changes(journal.marks(), adjusted.grades, out)
    journal.note_marks(adjusted.grades)
    for each in unwritten:
        journal.add_fault(each.grade, each.fault)
    left_out = [f"{file.source}: {file.problem}\n" for file in (*plan.left_out, *plan.withheld)]
    replace_text(out / "left-out.txt", "".join(left_out))
    return written, unwritten


def _sum_up(plan: Plan, tally: _Tally, out: Path, written: Mapping[str, int], seconds: float) -> None:
    submissions = ngettext("{number} submission", "{number} submissions", len(tally.grades))
    checks = ngettext("{number} check made", "{number} checks made", tally.checks).format(number=tally.checks)
    about = {"submissions": submissions.format(number=len(tally.grades)), "seconds": seconds, "checks": checks}
    judged = len(tally.grades) - tally.known
    if judged:
        rate = judged * 60 / seconds
        say(_("{submissions} in {seconds:.0f} s, {rate:.1f} a minute; {checks}.").format(**about, rate=rate))
    else:
        say(_("{submissions} in {seconds:.0f} s; {checks}.").format(**about))
    if tally.known:
        known = _("{number} of them were answered from the journal: they were graded before.")
        say(known.format(number=tally.known))
    rejected = _("{number} rejected, as there is nothing in them that can be graded:")
    _list(rejected, "yellow", (f"{_line_of(grade)} ({PurePosixPath(grade.source).name})" for grade in tally.rejected))
    late = (f"{grade.learner}, {grade.exercise}: -{grade.late_percent:g} %" for grade in tally.grades if grade.late)
    _list(_("{number} late:"), "", late)
    withheld = _("{number} not graded, as another file has the grade; --replace replaces it:")
    _list(withheld, "red", (f"{file.learner}, {file.source}: {file.problem}" for file in plan.withheld))
    _list(_("{number} left out:"), "yellow", (f"{file.source}: {file.problem}" for file in plan.left_out))
    errored = _("{number} errored, which is our failure and not a zero; run the same command again:")
    _list(errored, "red", map(_line_of, tally.errored))
    if not plan.setting.sandboxed:
        say(_("There was no sandbox."), "yellow")
    files = ", ".join(f"{name} ({count})" for name, count in written.items())
    style = "green" if not tally.errored else ""
    say(_("Results are in {folder}: {files}.").format(folder=out, files=files), style)


def _list_unwritten(unwritten: Sequence[Unwritten]) -> None:
    heading = _("{number} not written in a form, which is our failure; the journal has the traceback:")
    _list(heading, "red", (f"{each.grade.learner}, {each.grade.exercise}: {each.form}" for each in unwritten))


def _line_of(grade: Grade) -> str:
    return f"{grade.learner}, {grade.exercise or grade.source}: {grade.reason}"


def _list(heading: str, style: str, lines: Iterable[str], **about: str) -> None:
    listed = list(lines)
    if not listed:
        return
    say(heading.format(number=len(listed), **about), style)
    for line in listed[:_MOST_LISTED]:
        say(f"  {line}")
    if len(listed) > _MOST_LISTED:
        say("  " + _("and {number} more.").format(number=len(listed) - _MOST_LISTED))
