"""`kmodlab grade`: whole classes, with real kernels, and nothing lost."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
from filelock import FileLock, Timeout
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from kmodlab.cli.console import ERR, say
from kmodlab.course.exercise import MASTER, find_masters
from kmodlab.errors import SandboxError, UsageError
from kmodlab.files import replace_text
from kmodlab.grading.formats.registry import FORMATS
from kmodlab.grading.grader import GradingProgress as Step
from kmodlab.grading.grader import Plan, grade_all, make_plan, read_exercises
from kmodlab.grading.intake import read_submissions
from kmodlab.grading.journal import Journal
from kmodlab.grading.models import Grade, GradeState
from kmodlab.grading.pool import LocalPool, Pool
from kmodlab.grading.worker import find_setting
from kmodlab.guest.lab import load_lab
from kmodlab.sandbox.sandbox import check_sandbox
from kmodlab.settings import get_settings
from kmodlab.text import escape_control_chars

_HTML = ("feedback", "overview")
_SHOWN = 20
_FORMATS = "json,csv,html"


@dataclass(frozen=True)
class Request:
    """What a run is asked for, and what `--resume` goes on with. Paths are absolute."""

    submissions: tuple[str, ...]
    exercises: str
    exercise: str


@click.command()
@click.argument("submissions", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder for all results.")
@click.option("--exercise", default="", metavar="NAME", help="All submissions are to this exercise, as 01-hello.")
@click.option(
    "--exercises", type=click.Path(exists=True, path_type=Path), help="Folder with the masters (default: ./exercises)."
)
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1, 256), help="Worker processes here.")
@click.option("--scheduler", metavar="ADDRESS", help="Give the work to this Dask cluster instead.")
@click.option(
    "--format", "formats", multiple=True, default=(_FORMATS,), show_default=True, metavar="NAME,…",
    help=f"What to write; repeatable: {', '.join([*FORMATS, 'html'])}.",
)  # fmt: skip
@click.option(
    "--deadline",
    default=600.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Seconds for a submission.",
)
@click.option("--resume", is_flag=True, help="Go on where the last run into OUT was ended.")
@click.option("--without-sandbox", is_flag=True, help="Grade even where there is no sandbox; all reports say so.")
def grade(
    submissions: tuple[Path, ...],
    out: Path,
    exercise: str,
    exercises: Path | None,
    jobs: int,
    scheduler: str | None,
    formats: tuple[str, ...],
    deadline: float,
    resume: bool,
    without_sandbox: bool,
) -> int:
    """Grade SUBMISSIONS: notebooks, folders, zip and tar archives as Moodle and Canvas make them, nbgrader's tree.

    Only the text of the answer cells is taken; it is built in the sandbox, run in disposable guests, and judged by the
    master's checks. Everything finished is in a journal in OUT, at once: whatever ends a run, --resume goes on, and
    what was graded before is not graded again. OUT keeps the grades of all runs.

    Ends with status 0 when all is graded, however low the marks; 4 when something could not be graded, which is never
    a zero: run it again. 2 is a wrong call, 3 a broken exercise.
    """
    names = _format_names(formats)
    with _opened(out) as journal:
        asked = _asked(submissions, exercises or Path("exercises"), exercise, journal.unfinished, resume)
        return _grade(asked, out, journal, names, jobs, scheduler, deadline, without_sandbox)


def _grade(
    asked: Request,
    out: Path,
    journal: Journal,
    formats: Sequence[str],
    jobs: int,
    scheduler: str | None,
    deadline_s: float,
    without_sandbox: bool,
) -> int:
    begun = time.monotonic()
    masters, texts = read_exercises(_find_masters(Path(asked.exercises)))
    if asked.exercise and asked.exercise not in masters:
        raise UsageError(f"There is no exercise {asked.exercise!r}.", hint=f"There are: {', '.join(masters)}.")
    with _pool(scheduler, jobs, deadline_s) as pool:
        setting = pool.find_setting()
        if not setting.sandboxed:
            _check_accepted(without_sandbox, scheduler)
        with ERR.status("Reading the submissions …"):
            intake = read_submissions(map(Path, asked.submissions), list(masters))
            plan = make_plan(intake, masters, texts, setting, asked.exercise)
        journal.begin(asdict(asked))
        tally = _follow(plan, grade_all(plan, pool, journal, deadline_s), out)
    written = _write(out, plan, journal.grades(), formats)
    journal.end()
    _sum_up(plan, tally, out, written, time.monotonic() - begun)
    return 4 if tally.errored else 0


# ---- before --------------------------------------------------------------------------------------------------------


def _format_names(formats: Sequence[str]) -> list[str]:
    names: list[str] = []
    for name in ",".join(formats).split(","):
        names += _HTML if name.strip() == "html" else [name.strip()]
    unknown = [name for name in names if name not in FORMATS]
    if unknown:
        raise UsageError(f"There is no format {unknown[0]!r}.", hint=f"There are: {', '.join([*FORMATS, 'html'])}.")
    return list(dict.fromkeys(names))


@contextlib.contextmanager
def _opened(out: Path) -> Iterator[Journal]:
    """The journal of a folder that nobody else writes to."""
    with contextlib.ExitStack() as stack:
        try:
            out.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(out / ".lock", timeout=0))
        except Timeout as error:
            hint = "Wait for it, or choose another --out."
            raise UsageError(f"Another `kmodlab grade` writes to {out}.", hint=hint) from error
        except OSError as error:
            raise UsageError(f"The folder {out} cannot be used: {error.strerror}.") from error
        yield stack.enter_context(Journal(out / "journal.sqlite"))


def _asked(
    submissions: Sequence[Path], exercises: Path, exercise: str, unfinished: Mapping[str, Any] | None, resume: bool
) -> Request:
    """What to do: what was asked for now, or by the run that did not end."""
    if unfinished and not resume:
        hint = "Go on with --resume, or choose another --out."
        raise UsageError("The last run into this folder did not come to its end.", hint=hint)
    if not submissions and resume and unfinished:
        return Request(tuple(unfinished["submissions"]), unfinished["exercises"], unfinished["exercise"])
    if not submissions:
        what = "There is no run to go on with" if resume else "There is nothing to grade"
        raise UsageError(f"{what}.", hint="Name notebooks, folders or archives: kmodlab grade SUBMISSIONS… --out DIR")
    return Request(tuple(str(path.absolute()) for path in submissions), str(exercises.absolute()), exercise)


def _find_masters(folder: Path) -> list[Path]:
    found = [folder / MASTER] if (folder / MASTER).is_file() else find_masters(folder)
    if not found:
        hint = "Name their folder: --exercises FOLDER. An exercise is a folder with a master.ipynb."
        raise UsageError(f"There are no exercises in {folder}.", hint=hint)
    return found


@contextlib.contextmanager
def _pool(scheduler: str | None, jobs: int, deadline_s: float) -> Iterator[Pool]:
    if scheduler is None:
        yield LocalPool(find_setting(load_lab(get_settings())), jobs=jobs, deadline_s=deadline_s)
        return
    if find_spec("distributed") is None:
        raise UsageError("For a cluster, dask.distributed is needed.", hint="pip install 'kmodlab[dask]'")
    from kmodlab.grading.dask_pool import DaskPool  # a second's worth of imports

    with DaskPool(scheduler, deadline_s=deadline_s) as pool:
        yield pool


def _check_accepted(without_sandbox: bool, scheduler: str | None) -> None:
    verdict = check_sandbox()
    sentence = "A worker of the cluster has no sandbox." if scheduler and verdict.works else verdict.sentence
    if not without_sandbox:
        hint = f"{verdict.hint} Or accept it with --without-sandbox: then every report says so.".strip()
        raise SandboxError(f"{sentence} Nothing is graded without one.", hint=hint)
    ERR.print(Text(f"{sentence} All reports say so.", style="yellow"))


# ---- meanwhile -----------------------------------------------------------------------------------------------------


@dataclass
class _Tally:
    """What came of the submissions of this run."""

    grades: list[Grade]
    known: int = 0
    checks: int = 0

    @property
    def errored(self) -> list[Grade]:
        return [grade for grade in self.grades if grade.state is GradeState.ERRORED]

    @property
    def rejected(self) -> list[Grade]:
        return [grade for grade in self.grades if grade.state is GradeState.REJECTED]


def _follow(plan: Plan, steps: Generator[Step], out: Path) -> _Tally:
    """Show how it goes on: a bar with the time that is left, or, where there is no terminal, a line for each."""
    tally = _Tally([])
    columns = (
        TextColumn("Grading"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[checks]} checks"),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(elapsed_when_finished=False),
    )  # fmt: skip
    with Progress(*columns, console=ERR, transient=True, disable=not ERR.is_terminal) as bars:
        bar = bars.add_task("", total=len(plan.entries), checks=0)
        try:
            with contextlib.closing(steps):
                for step in steps:
                    tally.checks += step.check is not None
                    if step.grade:
                        tally.grades.append(step.grade)
                        tally.known += step.known
                        if not ERR.is_terminal:
                            _print_line(step.grade, len(tally.grades), len(plan.entries))
                    bars.update(bar, completed=len(tally.grades), checks=tally.checks)
        except KeyboardInterrupt:
            ERR.print(Text(f"Go on with: kmodlab grade --out {out} --resume"))
            raise
    return tally


def _print_line(grade: Grade, number: int, total: int) -> None:
    ERR.print(Text(escape_control_chars(f"{number}/{total} {grade.learner}, {grade.exercise}: {_result_of(grade)}")))


def _result_of(grade: Grade) -> str:
    if grade.state is GradeState.ERRORED:
        return f"errored. {grade.reason}"
    points = f"{grade.points:g} of {grade.max_points:g} points"
    return f"{points} (rejected: {grade.reason})" if grade.state is GradeState.REJECTED else points


# ---- afterwards ----------------------------------------------------------------------------------------------------


def _write(out: Path, plan: Plan, grades: Sequence[Grade], formats: Sequence[str]) -> dict[str, int]:
    written = {name: len(FORMATS[name](grades, out)) for name in formats}
    left_out = "".join(f"{one.source}: {one.reason}\n" for one in plan.refusals)
    replace_text(out / "left-out.txt", left_out)
    return written


def _sum_up(plan: Plan, tally: _Tally, out: Path, written: Mapping[str, int], seconds: float) -> None:
    judged = len(tally.grades) - tally.known
    rate = f", {judged * 60 / seconds:.1f} a minute" if judged else ""
    say(f"{_many(len(tally.grades), 'submission')} in {seconds:.0f} s{rate}; {_many(tally.checks, 'check')} made.")
    if tally.known:
        say(f"{tally.known} of them were answered from the journal: they were graded before.")
    _list("rejected, as there is nothing in them that can be graded", "yellow", map(_line_of, tally.rejected))
    _list("left out", "yellow", (f"{one.source}: {one.reason}" for one in plan.refusals))
    _list("errored, which is ours and no zero; run the same again", "red", map(_line_of, tally.errored))
    if not plan.setting.sandboxed:
        say("There was no sandbox.", "yellow")
    files = ", ".join(f"{name} ({count})" for name, count in written.items())
    say(f"Results are in {out}: {files}.", "green" if not tally.errored else "")


def _line_of(grade: Grade) -> str:
    return f"{grade.learner}, {grade.exercise}: {grade.reason}"


def _list(what: str, style: str, lines: Iterator[str]) -> None:
    found = list(lines)
    if not found:
        return
    say(f"{len(found)} {what}:", style)
    for line in found[:_SHOWN]:
        say(f"  {line}")
    if len(found) > _SHOWN:
        say(f"  and {len(found) - _SHOWN} more.")


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
