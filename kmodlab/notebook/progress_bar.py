"""A bar for cells that take more than a moment."""

from __future__ import annotations

import contextvars
import time
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import clear_output, display

from kmodlab.i18n import _
from kmodlab.notebook.render.parts import escape

_QUIET_S = 2.0  # work that is done sooner shows no bar
_WIDGET = "application/vnd.jupyter.widget-view+json"


class ProgressBar:
    """A bar that appears if a cell takes more than a moment, and disappears when it is done. A context manager.

    Only a notebook can remove output again, so only a notebook shows a bar. The bar is a widget without a text or HTML
    form, so it is neither stored in the notebook nor compared with a stored output.
    """

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._bar: Any = None
        self._in_notebook = hasattr(get_ipython(), "kernel")
        # Steps may arrive on another thread; the cell's context tells the ipykernel which cell the bar belongs to.
        self._context = contextvars.copy_context()

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._bar is not None:
            self._bar.close()
            clear_output(wait=True)

    def update(self, step: str, done: int, total: int) -> None:
        """Show that `done` of `total` steps are done, and which step is running; on any thread."""
        self._context.run(self._update, step, done, total)

    def _update(self, step: str, done: int, total: int) -> None:
        if not self._in_notebook or time.monotonic() - self._began < _QUIET_S:
            return
        words = escape(_("{done} of {total}: {step}").format(done=done, total=total, step=step))
        if self._bar is None:
            from kmodlab.notebook.views.widgets import bar  # only a live notebook needs ipywidgets

            self._bar = bar()
            display({_WIDGET: self._bar._repr_mimebundle_()[_WIDGET]}, raw=True)
        self._bar.value = f'<progress value="{done}" max="{total}"></progress> {words}'
