"""Buttons below an output: the quiz's answers, the hints of checks, and what mends a cell.

An output contains its buttons as data of a MIME type of our own. Our JupyterLab extension shows them below the output's
HTML, in notebooks and in RISE, and sends the number of a pressed button through a comm; the answer comes back the same
way. For front ends without the extension, the HTML and the text say what to type instead.
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
    """The effect of pressing a button: HTML to add below, and the numbers of the buttons that can still be pressed.

    `here` is the new text of the cell that has the output, None to keep it; `below` are texts of new cells below it.
    """

    html: str
    enabled: tuple[int, ...] = ()
    here: str | None = None
    below: tuple[str, ...] = ()


@dataclass(frozen=True)
class Buttons:
    """The buttons of one output, `numbered` if they are options. `press` is called with a button's number, from 0."""

    labels: Sequence[str]
    press: Callable[[int], Pressed]
    numbered: bool = True

    def data(self, html: str) -> dict[str, Any]:
        """The data for the output with this HTML; its buttons work from now on."""
        content = "\n".join([html, *self.labels])
        # The key depends on the content alone, so it is the same whenever the cell is run.
        key = hashlib.sha256(content.encode()).hexdigest()[:_KEY_LETTERS]
        _live[key] = self
        return {"key": key, "labels": list(self.labels)} | ({} if self.numbered else {"numbered": False})


_live: dict[str, Buttons] = {}


def press(data: Any) -> dict[str, Any]:
    """The answer to a message from the front end: HTML, and the buttons that can still be pressed.

    It is empty for an unknown message. Buttons of an output that another ipykernel has made do nothing.
    """
    key, number = (data.get("key"), data.get("number")) if isinstance(data, dict) else (None, None)
    if not isinstance(key, str) or not isinstance(number, int):
        return {}
    buttons = _live.get(key)
    if buttons is None or not 0 <= number < len(buttons.labels):
        sentence = _("Run the cell first: its buttons work from then on.")
        return {"html": f"<p>{sentence}</p>", "enabled": None}
    pressed = buttons.press(number)
    answer = {"html": pressed.html, "enabled": list(pressed.enabled)}
    cells = {"here": pressed.here, "below": list(pressed.below)}
    return answer | (cells if pressed.here is not None or pressed.below else {})


def answer_comm(comm: Any, message: Any) -> None:
    """Answer a comm that the front end has opened, as ipykernel's comm manager calls it."""
    comm.send(press(message["content"].get("data")))
    comm.close()


def forget_buttons() -> None:
    """Forget all buttons."""
    _live.clear()
