"""`check` and the check words in a notebook, `hint`, `progress`, `%%kscript` and `%%answer`.

A check judges the notebook's cells as they were last run, in the same way as a grader, in guests of its own. It shows a
card and returns the number of points, which nbgrader reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

from kmodlab.checks.check import Check, Expectation
from kmodlab.checks.check import check as make_check
from kmodlab.checks.check_result import CheckResult, Status
from kmodlab.checks.evaluate import evaluate
from kmodlab.checks.registry import WORDS
from kmodlab.checks.runner import CheckRunner
from kmodlab.course import progress as record
from kmodlab.course.course_files import installed_courses
from kmodlab.course.exercise_data import ExerciseData, find_data
from kmodlab.errors import DamagedLabError, KmodlabError, UsageError
from kmodlab.i18n import _
from kmodlab.kbuild.sources import kmod_name
from kmodlab.notebook.accidents import find_given, look_at_title
from kmodlab.notebook.guest import guest
from kmodlab.notebook.magic import Interrupted, show, show_view, split
from kmodlab.notebook.progress_bar import ProgressBar
from kmodlab.notebook.render.check import CheckCard, hint_parts
from kmodlab.notebook.render.parts import Level, Message, Part
from kmodlab.notebook.state import NotebookState
from kmodlab.notebook.views.buttons import Buttons, Pressed
from kmodlab.notebook.views.progress import progress_view
from kmodlab.notebook.views.view import View
from kmodlab.notebook.way_back import way_to_given
from kmodlab.settings import is_run_by_nbgrader
from kmodlab.submission.cells import read_cell
from kmodlab.submission.learner_sources import LearnerSources


class NotCheckedError(KmodlabError):
    """A check could not be run, so it gives no points."""


class Points(float):
    """The points of a check, as a float that a notebook does not show below the card."""

    def _ipython_display_(self) -> None:
        """Show nothing."""


@dataclass
class HintOrder:
    """The hints to one result, one after the other; its button and `hint()` share them."""

    exercise: str
    result: CheckResult
    shown: int = 0

    def next(self) -> list[Part]:
        """The next hint; after the last one, the last one again."""
        result = self.result
        self.shown = min(self.shown + 1, len(result.hints))
        if self.exercise:
            record.note_hint(record.progress_file(), self.exercise, result.title, self.shown)
        return hint_parts(result.title, result.hints, self.shown)

    def press(self) -> Pressed:
        """The answer to a press of the button: the next hint."""
        html = View(self.next()).html
        return Pressed(html, (0,) if self.shown < len(self.result.hints) else ())


@dataclass
class CheckState:
    """The checks of one notebook: its cells as they were last run, a runner, and the last result with its hints."""

    state: NotebookState
    cells: dict[tuple[str, str], str] = field(default_factory=dict)
    exercise: str = ""
    replaced: dict[str, str] = field(default_factory=dict)  # first line that a cell had -> its first line now
    hints: HintOrder | None = None  # the hints of the last result
    _by_id: dict[str, tuple[str, str]] = field(default_factory=dict)  # cell's id -> its magic and name
    _runner: CheckRunner | None = None

    def note(self, info: Any) -> None:
        """Store the cell that is about to run, if checks can be about it; IPython calls this before each cell.

        If the same cell had another magic or name when it was last run, that entry is removed: its name was misspelt,
        or its first line is lost.
        """
        source = info.raw_cell or ""
        cell = read_cell(source)
        now = (cell.kind, cell.name) if cell else None
        cell_id = getattr(info, "cell_id", None)
        was = self._by_id.pop(cell_id, None) if cell_id else self._misspelt(now)
        if was and was != now and self.cells.pop(was, None) is not None:
            self.replaced["%%{} {}".format(*was)] = source.strip().partition("\n")[0]
        if now:
            self.cells.pop(now, None)
            self.cells[now] = source
            self.replaced.pop("%%{} {}".format(*now), None)
            if cell_id:
                self._by_id[cell_id] = now

    def _misspelt(self, now: tuple[str, str] | None) -> tuple[str, str] | None:
        """The magic and name that a cell had before, if its name resembles one of the exercise.

        For front ends that send no cell ids.
        """
        names = {cell.name for text in self._given().values() if (cell := read_cell(text))} if now else ()
        if now is None or now[1] in names:
            return None
        near = get_close_matches(now[1], names, n=1)
        return (now[0], near[0]) if near and (now[0], near[0]) in self.cells else None

    def _given(self) -> Mapping[str, str]:
        data = self.find_data()
        return data.cells if data else {}

    @property
    def runner(self) -> CheckRunner:
        """The runner, made at its first use. It gets the notebook's builds, so that it need not repeat them."""
        if self._runner is None:
            self._runner = CheckRunner(self.state.session.lab, warm=True)
        for module in self.state.modules.values():
            self._runner.remember(module.sources, module.build)
        return self._runner

    def close(self) -> None:
        """End the guests, and forget what cells stored."""
        for stored in (self.cells, self.replaced, self._by_id):
            stored.clear()
        self.exercise, self.hints = "", None
        self._close_runner()

    def _close_runner(self) -> None:
        if self._runner is not None:
            self._runner.close()
            self._runner = None

    def forget_lab(self) -> None:
        """End the guests, and read the lab again when it is needed: a set-up may have made another one."""
        self._close_runner()
        self.state.forget_lab()

    def data(self) -> ExerciseData:
        """The data of the notebook's exercise.

        Raises: UsageError if the data cannot be found or read.
        """
        return find_data(self.exercise, Path.cwd(), installed_courses())

    def find_data(self) -> ExerciseData | None:
        """The data of the notebook's exercise; None if they are missing or damaged."""
        with suppress(UsageError):
            return self.data()
        return None

    def judge(self, check: Check) -> CheckResult:
        """Run a check, show its card, and record the result."""
        sources = LearnerSources.of(self.cells.values())
        try:
            with ProgressBar() as bar:
                result = evaluate(check, sources, self.runner, bar.update)
        except KeyboardInterrupt:
            self._close_runner()
            sentence = _("the check “{title}” was ended, and nothing of it is left.")
            raise Interrupted(sentence.format(title=check.title)) from None
        if result.status is Status.ERRORED:
            self._look_at_lab()
        self.hints = hints = HintOrder(self.exercise, result)
        if self.exercise:
            record.note_result(record.progress_file(), self.exercise, result)
        parts: list[Part] = [CheckCard(result, _source(sources, result))]
        labels, presses = [], []
        if result.hints:
            labels, presses = [_("next hint")], [hints.press]
        for message, given in self._replaced_cells(result):
            parts.append(message)
            if given in self._given():
                part, label, pressed = way_to_given(given, self._given())
                parts.append(part)
                labels.append(label)
                presses.append(partial(replace, pressed))
        buttons = Buttons(labels, lambda number: presses[number](), numbered=False) if labels else None
        show_view(View(parts, buttons=buttons))
        return result

    def _replaced_cells(self, result: CheckResult) -> Iterator[tuple[Part, str]]:
        """Messages about cells that a result misses because they were changed, and the ids of the given cells."""
        if result.status is not Status.FAILED:
            return
        if not self.cells and not self.replaced:
            sentence = _(
                "No cell of yours was run since this notebook was started. Run your cells first, from the top."
            )
            yield Message(sentence, Level.BAD), ""
        for was, now in self.replaced.items():
            name = was.split()[-1]
            if f"`{name}`" not in result.reason:
                continue
            sentence = _("The cell that began with `{was}` begins with `{now}` now. Begin it with `{was}`, and run it.")
            yield Message(sentence.format(was=was, now=now), Level.BAD), find_given(was, self._given())
            if kmod_name(name) in self.state.loaded():
                sentence = _("The `{name}` of before is still loaded in your guest: `%rmmod {name}` removes it.")
                yield Message(sentence.format(name=kmod_name(name))), ""

    def _look_at_lab(self) -> None:
        try:
            self.state.session.lab.verify()
        except DamagedLabError:
            self.forget_lab()

    def next_hint(self) -> list[Part]:
        """The next hint to the last check."""
        if self.hints is None or not self.hints.result.hints:
            passed = self.hints is not None and not self.hints.result.reason
            return [Message(_("The last check passed.") if passed else _("There is no hint now."))]
        return self.hints.next()


def _source(sources: LearnerSources, result: CheckResult) -> str | None:
    """The text of the file that a result is about; None if unknown."""
    if result.line is None:
        return None
    for unit in sources.units:
        try:
            content = sources.sources(unit, dict.fromkeys(sources.needs(unit), b"")).files.get(result.line.file)
        except UsageError:
            continue
        if content:
            return content.decode("utf-8", "replace")
    return None


def make_functions(checks: CheckState) -> dict[str, Any]:
    """The functions that cells may call by name: the check words, `exercise`, `check`, `hint` and `progress`."""

    def exercise(name: str = "") -> None:
        """Say which exercise this notebook is, so that its results are kept."""
        if not isinstance(name, str) or not name:
            data = checks.find_data()
            call = f'exercise("{data.exercise if data else "…"}")'
            raise UsageError(_("An exercise needs its name."), hint=_("Write `{call}`.").format(call=call))
        checks.exercise = name
        sentence = _(
            "This is the exercise `{name}`: `hint()` helps with a check, `progress()` shows how far you are, "
            "`%rehearse` what a grader would say."
        )
        show(Message(sentence.format(name=name)))

    def check(
        title: str = "", *expectations: Expectation, points: float = 1, hints: Sequence[str] = (), partial: bool = False
    ) -> float:
        """Check what the notebook's cells wrote; shows a card, and returns the points.

        With a title alone, it is the exercise's check of that title.
        """
        if expectations:
            posed = make_check(title, *expectations, points=points, hints=hints, partial=partial)
        else:
            data = checks.data()
            look_at_title(title, data)
            posed = data.check(title)
            checks.exercise = data.exercise  # after a restart, `exercise()` may not have been called
        result = checks.judge(posed)
        if result.points is None:
            raise NotCheckedError(
                _("The check could not be made, so it gives no points."), hint=_("Run the cell again.")
            )
        return result.points if is_run_by_nbgrader() else Points(result.points)

    def hint(*_ignored: object) -> None:
        """Show the next hint to the check that was last run."""
        show(*checks.next_hint())

    def progress(*_ignored: object) -> None:
        """Show how far you are in all exercises."""
        show_view(progress_view(Path.cwd(), checks.exercise))

    return {**WORDS, "exercise": exercise, "check": check, "hint": hint, "progress": progress}


# ---- cells that are stored for checks ------------------------------------------------------------------------------

KSCRIPT_HELP = _("""\
Store a shell script for a check, and run it in the guest.

    %%kscript install
    mkdir -p /lib/modules/$(uname -r)/extra
    ...

A check runs it once more, in a fresh guest.
""")
ANSWER_HELP = _("""\
Store an answer in words for a check. Lines that begin with # are ignored.

    %%answer order
    first second
""")


# A script may call depmod: an emulated guest reads thousands of modules, which are compressed since Debian 13.
_SCRIPT_S = 180


def kscript(state: NotebookState, line: str, cell: str | None) -> None:
    """Run `%%kscript`: the script runs in the guest. `CheckState.note` has stored it before. Raises: UsageError."""
    _one_name("kscript", line, cell)
    guest(state, f"--timeout {_SCRIPT_S}", cell)


def answer(_state: NotebookState, line: str, cell: str | None) -> None:
    """Run `%%answer`. `CheckState.note` has stored the answer before. Raises: UsageError."""
    name = _one_name("answer", line, cell)
    show(Message(_("Your answer `{name}` is written down.").format(name=name), Level.GOOD))


def _one_name(magic: str, line: str, cell: str | None) -> str:
    words = split(line)
    if cell is None or len(words) != 1:
        raise UsageError(
            _("%%{magic} needs one name, and text below it.").format(magic=magic),
            hint=_("Begin the cell with `%%{magic} NAME`.").format(magic=magic),
        )
    return words[0]
