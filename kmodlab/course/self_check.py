"""Runs a learner's own notebook from top to bottom with nbval, and compares its checks with those of a solution.

nbval runs a copy of the notebook. The stored outputs of its check cells are the outputs of the same checks for the
solution; other cells only have to run. `nbval_plugin` reports each cell.
"""

from __future__ import annotations

import ast
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_output

from kmodlab.checks.check_result import Status
from kmodlab.course.course_files import installed_courses
from kmodlab.course.exercise import KEY, ExerciseError, read_notebook
from kmodlab.course.exercise_data import ExerciseData, call_by_title, find_data
from kmodlab.errors import KmodlabError, UsageError
from kmodlab.i18n import _
from kmodlab.process import CompletedProcess, Deadline, run_async, run_sync

_EXERCISE = re.compile(r"""^\s*exercise\(\s*["']([\w-]+)["']\s*\)""", re.MULTILINE)
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_NOT_CHECKED = "NotCheckedError"  # the exception of a check cell whose check is errored
_START_S = 120.0
_WIDEST = 60  # characters of a cell's first line that are shown
_IGNORED = {"tags": ["nbval-ignore-output"]}

Progress = Callable[[int, int], None]  # cells done, cells in total


@dataclass(frozen=True)
class CellReport:
    """The result of one code cell. `status` is None if it was not run."""

    title: str  # the check's, or the cell's first line
    is_check: bool
    status: Status | None
    reason: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class OwnNotebook:
    """A learner's notebook, the data of its exercise, and the title of each code cell that is a check."""

    path: Path
    cells: tuple[str, ...]
    data: ExerciseData
    titles: Mapping[int, str]  # by the number among the code cells

    @classmethod
    def read(cls, path: Path) -> OwnNotebook:
        """Read a notebook.

        Raises:
            UsageError: It is not a notebook, has no check, or its exercise is unknown.
        """
        try:
            notebook = read_notebook(path)
        except ExerciseError as exc:
            raise UsageError(str(exc)) from exc
        cells = tuple(cell.source for cell in notebook.cells if cell.cell_type == "code")
        data = find_data(_exercise_of(notebook.metadata, cells), path.resolve().parent, installed_courses())
        titles = {number: title for number, text in enumerate(cells) if (title := _title_of(text)) in data.verdicts}
        if not titles:
            raise UsageError(
                _("{path} has no check of the exercise {exercise}.").format(path=path, exercise=data.exercise),
                hint=_("`kmodlab check` is for the exercises; the notebooks of the course have no checks."),
            )
        if not all(data.verdicts.values()):
            raise UsageError(
                _("The results of the solution's checks are missing for {exercise}.").format(exercise=data.exercise),
                hint=_("Run all cells of its master, then `kmodlab release`."),
            )
        return cls(path, cells, data, titles)

    def run(self, timeout_s: float, progress: Progress) -> list[CellReport]:
        """Run all cells, each for at most `timeout_s`; returns their reports, then those of checks without a cell.

        Raises: KmodlabError if nbval could not run.
        """
        with tempfile.TemporaryDirectory(prefix="kmodlab-check-") as folder:
            copy = Path(folder) / "notebook.ipynb"
            copy.write_text(self._copy(), encoding="utf-8")
            by_number = self._run_copy(copy, timeout_s, progress)
        reports = [self._report(number, by_number.get(number + 1)) for number in range(len(self.cells))]
        missing = [title for title in self.data.verdicts if title not in self.titles.values()]
        sentence = _("The notebook has no cell with this check.")
        return reports + [CellReport(title, True, None, sentence) for title in missing]

    def _copy(self) -> str:
        """The text of the notebook that nbval runs; an additional first cell changes to the learner's folder."""
        folder = str(self.path.resolve().parent)
        cells = [new_code_cell(f"import os; os.chdir({folder!r})", metadata=_IGNORED)]
        for number, text in enumerate(self.cells):
            cells.append(self._copied_cell(number, text))
        return str(nbformat.writes(nbformat.v4.new_notebook(cells=cells)))

    def _copied_cell(self, number: int, text: str) -> Any:
        title = self.titles.get(number)
        if title is None:
            return new_code_cell(text, metadata=_IGNORED)
        verdict = new_output("display_data", data={"text/plain": self.data.verdicts[title]})
        return new_code_cell(call_by_title(title), execution_count=number + 1, outputs=[verdict])

    def _run_copy(self, copy: Path, timeout_s: float, progress: Progress) -> dict[int, Mapping[str, Any]]:
        total = len(self.cells)
        reports: dict[int, Mapping[str, Any]] = {}
        rest = b""

        def read(chunk: bytes) -> None:
            nonlocal rest
            *lines, rest = (rest + chunk).split(b"\n")
            reports.update((each["cell"], each) for each in _read_reports(lines))
            progress(min(len(reports), total), total)

        progress(0, total)
        deadline = Deadline.after(_START_S + timeout_s * (total + 1))
        finished = run_sync(run_async(_nbval(copy, timeout_s), deadline=deadline, on_output=read, merge=True))
        if not reports:
            raise KmodlabError(_("nbval could not run the notebook."), hint=_last_line(finished))
        return reports

    def _report(self, number: int, report: Mapping[str, Any] | None) -> CellReport:
        title, is_check = self.titles.get(number), number in self.titles
        name = title or _first_line(self.cells[number])
        if report is None or report["outcome"] == "not run":
            return CellReport(name, is_check, None)
        status, reason = Status.PASSED, ""
        if report["outcome"] == "ended":
            status, reason = Status.FAILED, _("The ipykernel has ended in this cell.")
        elif report["outcome"] != "passed":
            status = Status.ERRORED if report["error"].startswith(_NOT_CHECKED) else Status.FAILED
            text = report["text"] if is_check and report["text"] else ""
            reason = _without_title(text) or report["error"] or report["reason"]
        return CellReport(name, is_check, status, _COLOURS.sub("", reason).strip(), report["seconds"])


def passes(reports: Iterable[CellReport]) -> bool:
    """Whether all cells ran, and all checks passed."""
    return all(report.status is Status.PASSED for report in reports)


def _exercise_of(metadata: Mapping[str, Any], cells: Sequence[str]) -> str:
    """The exercise's name, from a cell or from the notebook's metadata; empty if neither has it."""
    named = next((match[1] for text in cells if (match := _EXERCISE.search(text))), None)
    return str(named or metadata.get(KEY, {}).get("exercise", ""))


def _title_of(text: str) -> str:
    """The title of a cell's check, which is written out or called by its title; empty if it is not a check cell."""
    try:
        call = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.func.id != "check":
        return ""
    first = call.args[0] if call.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""


def _first_line(text: str) -> str:
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= _WIDEST else line[: _WIDEST - 1] + "…"


def _without_title(text: str) -> str:
    """The text of a check's card without its first line, the title."""
    return text.partition("\n")[2]


def _nbval(copy: Path, timeout_s: float) -> list[str | Path]:
    """The command that runs a notebook. Only our plugins are loaded, whatever else is installed."""
    plugins = ("no:cacheprovider", "nbval.plugin", "kmodlab.course.nbval_plugin")
    return [
        *("env", "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1", "PYTEST_ADDOPTS="),
        *(sys.executable, "-m", "pytest", "--capture=no", f"--config-file={os.devnull}", "--rootdir", copy.parent),
        *(word for plugin in plugins for word in ("-p", plugin)),
        *("--nbval", "--nbval-current-env", "--nbval-cell-timeout", f"{timeout_s:g}", copy),
    ]


def _read_reports(lines: Iterable[bytes]) -> Iterator[Mapping[str, Any]]:
    """The reports in pytest's output; number 0 is the additional first cell."""
    for line in lines:
        try:
            report = json.loads(line)
        except ValueError:
            continue
        if isinstance(report, dict) and report.get("kmodlab"):
            yield report


def _last_line(finished: CompletedProcess) -> str:
    return next((line for line in reversed(finished.text.splitlines()) if line.strip()), "")
