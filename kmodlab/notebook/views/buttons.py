"""Buttons below an output: the quiz's answers, and the hints of checks.

An output has its buttons as data of a MIME type of ours. JupyterLab's extension shows them below the output's HTML, in
notebooks and in RISE, and sends the number of one that is pressed through a comm; the answer comes back the same way.
Where there is no extension, the HTML or the text says what to type instead.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kmodlab.i18n import _

BUTTONS_MIME = "application/vnd.kmodlab.buttons+json"
BUTTONS_COMM = "kmodlab.buttons"
_KEY_LETTERS = 16


@dataclass(frozen=True)
class Pressed:
    """What pressing a button does: HTML to add below, and the numbers of the buttons that can still be pressed."""

    html: str
    enabled: tuple[int, ...] = ()


@dataclass(frozen=True)
class Buttons:
    """The buttons of one output. `press` gets the number of the button, from 0."""

    labels: Sequence[str]
    press: Callable[[int], Pressed]

    def data(self, html: str) -> dict[str, Any]:
        """What goes into the output whose HTML this is; its buttons work from now on."""
        content = "\n".join([html, *self.labels])
        # The same output has the same key, whenever it is run, and no other output has it.
        key = hashlib.sha256(content.encode()).hexdigest()[:_KEY_LETTERS]
        _live[key] = self
        return {"key": key, "labels": list(self.labels)}


_live: dict[str, Buttons] = {}


def press(data: Any) -> dict[str, Any]:
    """The answer to a message from the front end: HTML, and which buttons can still be pressed.

    It is empty for what is no message of ours. The buttons of an output that this ipykernel has not made do nothing.
    """
    key, number = (data.get("key"), data.get("number")) if isinstance(data, dict) else (None, None)
    if not isinstance(key, str) or not isinstance(number, int):
        return {}
    buttons = _live.get(key)
    if buttons is None or not 0 <= number < len(buttons.labels):
        sentence = _("Run the cell first: its buttons work from then on.")
        return {"html": f"<p>{sentence}</p>", "enabled": None}
    pressed = buttons.press(number)
    return {"html": pressed.html, "enabled": list(pressed.enabled)}


def answer_comm(comm: Any, message: Any) -> None:
    """Answer a comm that the front end has opened, as ipykernel's comm manager calls it."""
    comm.send(press(message["content"].get("data")))
    comm.close()


def forget_buttons() -> None:
    """Forget all buttons."""
    _live.clear()
