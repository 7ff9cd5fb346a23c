"""A bar for cells that take more than a moment."""

from __future__ import annotations

import contextvars
import threading
import uuid
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import display

from kmodlab.i18n import _
from kmodlab.notebook.render.parts import escape

_QUIET_S = 2.0  # work that is done sooner shows no bar
_WIDGET = "application/vnd.jupyter.widget-view+json"


class ProgressBar:
    """A bar that appears if a cell takes more than a moment, and disappears when it is done. A context manager.

    Only a notebook can replace output, so only a notebook shows a bar, if ipywidgets is installed. The bar is a widget
    without a text or HTML form, and becomes an output without any form: what the cell showed before it stays, and
    nothing of it is ever compared.
    """

    def __init__(self) -> None:
        self._bar: Any = None
        self._html = "<progress></progress>"
        self._id = uuid.uuid4().hex
        self._lock = threading.Lock()
        # Other threads write, too; the cell's context tells the ipykernel which cell the bar belongs to.
        self._context = contextvars.copy_context()
        self._timer = threading.Timer(_QUIET_S, self._appear)
        self._timer.daemon = True

    def __enter__(self) -> ProgressBar:
        if hasattr(get_ipython(), "kernel"):
            self._timer.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._timer.cancel()
        with self._lock:
            if self._bar is not None:
                self._bar.close()
                display({}, raw=True, display_id=self._id, update=True)

    def update(self, step: str, done: int, total: int) -> None:
        """Show that `done` of `total` steps are done, and which step is running; on any thread."""
        if total > 1:
            words = escape(_("{done} of {total}: {step}").format(done=done, total=total, step=step))
            html = f'<label><progress value="{done}" max="{total}"></progress> {words}</label>'
        else:
            html = f"<label><progress></progress> {escape(step)}</label>"
        with self._lock:
            self._html = html
            if self._bar is not None:
                self._context.copy().run(setattr, self._bar, "value", self._html)

    def _appear(self) -> None:
        with self._lock:
            if not self._timer.finished.is_set():
                self._context.copy().run(self._show)

    def _show(self) -> None:
        try:
            from kmodlab.notebook.views.widgets import bar  # only a live notebook needs ipywidgets
        except ImportError:
            return
        self._bar = bar(self._html)
        display({_WIDGET: self._bar._repr_mimebundle_()[_WIDGET]}, raw=True, display_id=self._id)
