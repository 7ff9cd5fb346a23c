"""How far a long cell is: a bar that appears after a moment, and goes when the cell is done."""

from __future__ import annotations

import time
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import clear_output, display

from kmodlab.notebook.render.harmless import escape

_QUIET_S = 2.0  # what is done sooner needs no bar
_WIDGET = "application/vnd.jupyter.widget-view+json"


class ProgressTable:
    """A context manager; `tell` it what is going on. Only a notebook can take a bar away again, so only it has one.

    The bar is a widget and nothing else: it is no output that could be stored, or compared with a stored one.
    """

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._bar: Any = None
        self._in_notebook = hasattr(get_ipython(), "kernel")

    def __enter__(self) -> ProgressTable:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._bar is not None:
            self._bar.close()
            clear_output(wait=True)

    def tell(self, what: str, done: int, total: int) -> None:
        """So many of the steps are done, and this one is under way."""
        if not self._in_notebook or time.monotonic() - self._began < _QUIET_S:
            return
        words = escape(f"{done} of {total}: {what}")
        if self._bar is None:
            from kmodlab.notebook.views.widgets import bar  # only a live notebook needs ipywidgets

            self._bar = bar()
            display({_WIDGET: self._bar._repr_mimebundle_()[_WIDGET]}, raw=True)
        self._bar.value = f'<progress value="{done}" max="{total}"></progress> {words}'
