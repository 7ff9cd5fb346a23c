"""`check` and its words in a notebook, `hint`, `progress`, and the cells that are only written down.

What the learner wrote is what the notebook's cells said when they were run last; it is judged just as a grader judges
it, in guests of its own. A check shows a card, and is the number of points: nbgrader reads that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kmodlab.checks.check import Check, Expectation
from kmodlab.checks.check import check as make_check
from kmodlab.checks.evaluate import evaluate
from kmodlab.checks.registry import WORDS
from kmodlab.checks.result import CheckResult
from kmodlab.checks.runner import CheckRunner
from kmodlab.course import progress as record
from kmodlab.errors import KmodlabError, UsageError
from kmodlab.notebook.arguments import split
from kmodlab.notebook.guest import guest
from kmodlab.notebook.render.check import CheckCard, hint_parts, points_words
from kmodlab.notebook.render.parts import Level, Message, Part
from kmodlab.notebook.show import show, show_view
from kmodlab.notebook.state import NotebookState
from kmodlab.notebook.views.table import Column, ColumnKind, Table
from kmodlab.notebook.views.view import View
from kmodlab.submission.cells import read_cell
from kmodlab.submission.learner_sources import LearnerSources

KSCRIPT_HELP = """\
Write a shell script down, for a check, and run it in the guest.

    %%kscript install
    mkdir -p /lib/modules/$(uname -r)/extra
    ...

A check runs it once more, in a pristine guest.
"""
ANSWER_HELP = """\
Write an answer in words down, for a check. Lines that begin with # are left aside.

    %%answer order
    first second
"""


class NotCheckedError(KmodlabError):
    """A check could not be made, so there is no number of points."""


@dataclass
class CheckState:
    """What one notebook's checks need: its cells as they were run last, a runner, and the last result."""

    place: NotebookState
    cells: dict[tuple[str, str], str] = field(default_factory=dict)
    exercise: str = ""
    last: CheckResult | None = None
    shown: int = 0  # hints of the last result
    _runner: CheckRunner | None = None

    def note(self, info: Any) -> None:
        """Remember the cell that is about to run, if it is one that a learner writes."""
        source = info.raw_cell or ""
        cell = read_cell(source)
        if cell:
            self.cells.pop((cell.kind, cell.name), None)
            self.cells[cell.kind, cell.name] = source

    @property
    def runner(self) -> CheckRunner:
        """The runner, made when it is first asked for; it knows what the notebook has built already."""
        if self._runner is None:
            self._runner = CheckRunner(self.place.session.lab, warm=True)
        for made in self.place.made.values():
            self._runner.remember(made.sources, made.build)
        return self._runner

    def close(self) -> None:
        """End the guests."""
        if self._runner is not None:
            self._runner.close()

    def judge(self, posed: Check) -> CheckResult:
        """Judge a check, and write the result down."""
        work = LearnerSources.of(self.cells.values())
        result = evaluate(posed, work, self.runner)
        self.last, self.shown = result, 0
        if self.exercise:
            record.note_result(record.progress_file(), self.exercise, result)
        show_view(View([CheckCard(result, _source(work, result))], self._button if result.hints else None))
        return result

    def next_hint(self) -> list[Part]:
        """The next hint to the last check."""
        last = self.last
        if last is None or not last.hints:
            passed = "The last check passed." if last and not last.reason else "There is no hint now."
            return [Message(passed)]
        self.shown = min(self.shown + 1, len(last.hints))
        if self.exercise:
            record.note_hint(record.progress_file(), self.exercise, last.title, self.shown)
        return hint_parts(last.title, last.hints, self.shown)

    def _button(self) -> Any:
        from kmodlab.notebook.hints import hint_button  # only a live notebook needs ipywidgets

        assert self.last is not None
        return hint_button(View([CheckCard(self.last)]).html, self.last, self._take)

    def _take(self, result: CheckResult, number: int) -> str:
        if self.exercise:
            record.note_hint(record.progress_file(), self.exercise, result.title, number)
        return View(hint_parts(result.title, result.hints, number)).html


def _source(work: LearnerSources, result: CheckResult) -> str | None:
    """The text of the file that a result is about."""
    if result.line is None:
        return None
    for unit in work.units:
        try:
            content = work.sources(unit, dict.fromkeys(work.needs(unit), b"")).files.get(result.line.file)
        except UsageError:
            continue
        if content:
            return content.decode("utf-8", "replace")
    return None


def make_functions(checks: CheckState) -> dict[str, Any]:
    """What cells may call by name: the words of checks, and what is about them."""

    def exercise(name: str) -> None:
        """Say which exercise this notebook is, so that its results are kept."""
        checks.exercise = name
        show(
            Message(f"This is the exercise `{name}`: `hint()` helps with a check, `progress()` shows how far you are.")
        )

    def check(
        title: str, *expectations: Expectation, points: float = 1, hints: Sequence[str] = (), partial: bool = False
    ) -> float:
        """Check what the notebook's cells wrote; shows a card, and gives the points."""
        result = checks.judge(make_check(title, *expectations, points=points, hints=hints, partial=partial))
        if result.points is None:
            raise NotCheckedError("The check could not be made, so it gives no points.", hint="Run the cell again.")
        return result.points

    def hint() -> None:
        """Show the next hint to the check that was run last."""
        show(*checks.next_hint())

    def progress() -> None:
        """Show how far you are in all exercises."""
        show_view(progress_view(checks.exercise))

    return {**WORDS, "exercise": exercise, "check": check, "hint": hint, "progress": progress}


# ---- cells that are only written down ------------------------------------------------------------------------------


def kscript(place: NotebookState, line: str, cell: str | None) -> None:
    """Run the magic: the script runs in the guest; that it is written down was seen to before."""
    _one_name("kscript", line, cell)
    guest(place, "", cell)


def answer(_place: NotebookState, line: str, cell: str | None) -> None:
    """Run the magic."""
    name = _one_name("answer", line, cell)
    show(Message(f"Your answer `{name}` is written down.", Level.GOOD))


def _one_name(magic: str, line: str, cell: str | None) -> str:
    words = split(line)
    if cell is None or len(words) != 1:
        raise UsageError(f"%%{magic} needs one name, and text below it.", hint=f"Begin the cell with `%%{magic} NAME`.")
    return words[0]


# ---- progress ------------------------------------------------------------------------------------------------------


def progress_view(current: str) -> View:
    """All exercises beside this one, with what was reached in each."""
    marks = record.read_marks(record.progress_file())
    totals = record.find_exercises(Path.cwd())
    rows, bold = [], set[int]()
    for number, name in enumerate(sorted({*totals, *marks})):
        title, of = totals.get(name, ("", sum(mark.of for mark in marks.get(name, {}).values())))
        reached = sum(mark.points for mark in marks.get(name, {}).values())
        hints = sum(mark.hints for mark in marks.get(name, {}).values())
        rows.append([name, title, f"{reached:g} of {of:g}", "done" if of and reached >= of else "", str(hints or "")])
        if name == current:
            bold.add(number)
    reached = sum(mark.points for checks in marks.values() for mark in checks.values())
    caption = f"Your progress: {points_words(reached)} so far. It is kept in {record.progress_file()}."
    columns = [
        Column("exercise", ColumnKind.CODE),
        Column("about"),
        Column("points", ColumnKind.NUMBER),
        Column("state"),
        Column("hints taken", ColumnKind.NUMBER),
    ]
    return View([Table(caption, columns, rows, bold=frozenset(bold))])
