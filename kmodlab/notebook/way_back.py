"""Shows how to mend a damaged cell: buttons, and the text to type where buttons are not supported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kmodlab.errors import UsageError
from kmodlab.i18n import _
from kmodlab.notebook.magic import show_view
from kmodlab.notebook.render.parts import Message, Part
from kmodlab.notebook.views.buttons import Buttons, Pressed
from kmodlab.notebook.views.view import View


class DamagedCellError(UsageError):
    """A cell is damaged. The remedy is shown below the message.

    `advice` is a sentence. `texts` are the texts of the mended cell and of new cells below it, empty if unknown; then
    `choices` may map labels of buttons to possible texts of the cell. `given` is the id of the exercise's cell that can
    replace it.
    """

    def __init__(
        self,
        message: str,
        *,
        advice: str = "",
        texts: Sequence[str] = (),
        choices: Mapping[str, str] | None = None,
        given: str = "",
    ) -> None:
        super().__init__(message)
        self.advice, self.texts, self.choices, self.given = advice, tuple(texts), choices or {}, given


def offer_way_back(error: DamagedCellError, given: Mapping[str, str]) -> None:
    """Show the remedies below an error's message; `given` are the exercise's cells by id."""
    parts: list[Part] = [Message(error.advice)] if error.advice else []
    labels, pressed = [], []
    mended = View([Message(_("The cell is mended: run it. (Ctrl+Z in it goes back.)"))]).html
    if error.texts:
        labels.append(_("Mend this cell"))
        pressed.append(Pressed(mended, here=error.texts[0], below=error.texts[1:]))
    for label, text in error.choices.items():
        labels.append(label)
        pressed.append(Pressed(mended, here=text))
    if error.given in given:
        part, label, answer = way_to_given(error.given, given)
        parts.append(part)
        labels.append(label)
        pressed.append(answer)
    elif given and not error.texts:
        parts.append(Message(_("`%given` lists the cells of the exercise, and puts one back.")))
    if parts:
        show_view(View(parts, buttons=Buttons(labels, pressed.__getitem__, numbered=False) if labels else None))


def way_to_given(name: str, given: Mapping[str, str]) -> tuple[Part, str, Pressed]:
    """How to restore a given cell: the text to type, a button's label, and the effect of pressing it."""
    html = View([Message(_("The cell `{name}` is below, as it was given.").format(name=name))]).html
    part = Message(_("`%given {name}` puts the given cell back, below this one.").format(name=name))
    return part, _("Put the given cell back"), Pressed(html, below=(given[name],))
