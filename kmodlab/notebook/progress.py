"""How far a long cell is: a bar that appears after a moment, and goes when the cell is done."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import clear_output, display

from kmodlab.notebook.render.harmless import escape
from kmodlab.text import harmless

_QUIET_S = 2.0  # what is done sooner needs no bar


@dataclass(frozen=True)
class Bar:
    """A bar with a few words; it has both forms that every output of ours has."""

    what: str
    done: int
    total: int

    def __repr__(self) -> str:
        """What a terminal shows."""
        return f"{self.done} of {self.total}: {harmless(self.what)}"

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        bar = f'<progress value="{self.done}" max="{self.total}"></progress> {escape(repr(self))}'
        return {"text/plain": repr(self), "text/html": bar}


class Progress:
    """A context manager; `tell` it what is going on. Only a notebook can take a bar away again, so only it has one."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._handle: Any = None
        self._in_notebook = hasattr(get_ipython(), "kernel")

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._handle is not None:
            clear_output(wait=True)  # type: ignore[no-untyped-call]

    def tell(self, what: str, done: int, total: int) -> None:
        """So many of the steps are done, and this one is under way."""
        if not self._in_notebook or time.monotonic() - self._began < _QUIET_S:
            return
        if self._handle is None:
            self._handle = display(Bar(what, done, total), display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(Bar(what, done, total))
