"""The output of all verbs: a console for output, one for errors, and progress bars."""

from __future__ import annotations

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from kmodlab.text import escape_control_chars

OUT = Console(highlight=False, soft_wrap=True)
ERR = Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str, style: str = "") -> None:
    """Print text without reading it as markup."""
    OUT.print(Text(escape_control_chars(text), style=style))


def show_error(sentence: str, hint: str = "") -> None:
    """Print what is wrong, and what to do next."""
    ERR.print(Text(f"kmodlab: {escape_control_chars(sentence)}", style="bold red"))
    if hint:
        ERR.print(Text(f"  -> {escape_control_chars(hint)}"))


class SetupProgress:
    """Shows the steps of a set-up: as bars on a terminal, otherwise as a line for each.

    The bars show sizes; with `counts`, where steps are counted in other units, parts of a hundred and the time left.
    """

    def __init__(self, *, quiet: bool = False, counts: bool = False) -> None:
        self._quiet = quiet
        self._plain = not sys.stderr.isatty()
        self._bars = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description}"),
            BarColumn(),
            *((TaskProgressColumn(), TimeRemainingColumn()) if counts else (DownloadColumn(),)),
            TimeElapsedColumn(),
            console=ERR,
            disable=quiet or self._plain,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> SetupProgress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if exc is None:
            self._finish()
        self._bars.stop()

    def note(self, text: str) -> None:
        """Print a line above the bars."""
        self._bars.console.print(Text(text))

    def step(self, text: str) -> None:
        """A new step begins."""
        self._finish()
        if self._plain and not self._quiet:
            ERR.print(f"{text} …")
        self._task = self._bars.add_task(text, total=None)

    def progress(self, done: int, total: int) -> None:
        """`done` of `total` bytes of the step are done."""
        if self._task is not None:
            self._bars.update(self._task, completed=done, total=total)

    def _finish(self) -> None:
        if self._task is not None:
            bar = next(task for task in self._bars.tasks if task.id == self._task)
            self._bars.update(self._task, completed=bar.total or 1, total=bar.total or 1)
            self._task = None
