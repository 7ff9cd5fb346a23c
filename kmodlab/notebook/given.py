"""`%given`: restores a cell of the exercise as it was given."""

from __future__ import annotations

from collections.abc import Callable

from IPython.core.getipython import get_ipython

from kmodlab.course.exercise_data import ExerciseData
from kmodlab.errors import UsageError
from kmodlab.i18n import _
from kmodlab.notebook.magic import show
from kmodlab.notebook.render.parts import Level, Message
from kmodlab.notebook.state import NotebookState

GIVEN_HELP = _("""\
Put a cell of the exercise back, as it was given: it appears below this one. Your own cells stay as they are.

    %given                 lists the cells
    %given hello
""")


def make_given(find: Callable[[], ExerciseData]) -> Callable[[NotebookState, str, str | None], None]:
    """Make the magic; `find` returns the data of the notebook's exercise."""

    def given(_state: NotebookState, line: str, _cell: str | None) -> None:
        """Run `%given`. Raises: UsageError."""
        data, name = find(), line.strip()
        if not name:
            for cell, text in data.cells.items():
                show(Message(f"`%given {cell}`: `{text.strip().splitlines()[0]}`"))
            return
        if name not in data.cells:
            raise UsageError(
                _("The exercise {exercise} has no cell {name}.").format(exercise=data.exercise, name=ascii(name)),
                hint=_("There are: {names}.").format(names=", ".join(data.cells)),
            )
        get_ipython().set_next_input(data.cells[name])  # type: ignore[union-attr]
        show(Message(_("The cell `{name}` is below, as it was given.").format(name=name), Level.GOOD))

    return given
