"""`%load_ext kmodlab`: gives IPython its magics, their help and completion; `unload` takes them away again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython.core.magic import no_var_expand

from kmodlab.notebook.anatomy import HELP as ANATOMY_HELP
from kmodlab.notebook.anatomy import anatomy
from kmodlab.notebook.built_modules import HELP as BUILT_HELP
from kmodlab.notebook.built_modules import built
from kmodlab.notebook.checks import ANSWER_HELP, KSCRIPT_HELP, CheckState, answer, kscript, make_functions
from kmodlab.notebook.completion import install, uninstall
from kmodlab.notebook.databases import HELP as DATABASES_HELP
from kmodlab.notebook.databases import databases
from kmodlab.notebook.devices import PLUG_HELP, UNPLUG_HELP, plug_in, pull_out
from kmodlab.notebook.faults import HELP as FAULTS_HELP
from kmodlab.notebook.faults import faults
from kmodlab.notebook.files import KFILE_HELP, MAKEFILE_HELP, kfile, makefile
from kmodlab.notebook.guest import GUEST_HELP, RESET_HELP, guest, reset_guest
from kmodlab.notebook.kmod import KMOD_HELP, kmod
from kmodlab.notebook.library import HELP as LIBRARY_HELP
from kmodlab.notebook.library import library
from kmodlab.notebook.manual import HELP as MANUAL_HELP
from kmodlab.notebook.manual import manual
from kmodlab.notebook.state import NotebookState
from kmodlab.notebook.timeline import HELP as TIMELINE_HELP
from kmodlab.notebook.timeline import timeline
from kmodlab.notebook.tools import TOOLS, help_text, run_tool
from kmodlab.notebook.views.quiz import guess, predict

Run = Callable[[NotebookState, str, str | None], None]

_WITH_CELL: dict[str, tuple[Run, str]] = {
    "kmod": (kmod, KMOD_HELP),
    "guest": (guest, GUEST_HELP),
    "makefile": (makefile, MAKEFILE_HELP),
    "kfile": (kfile, KFILE_HELP),
    "faults": (faults, FAULTS_HELP),
    "timeline": (timeline, TIMELINE_HELP),
    "library": (library, LIBRARY_HELP),
    "kscript": (kscript, KSCRIPT_HELP),
    "answer": (answer, ANSWER_HELP),
}
_AS_LINE: dict[str, tuple[Run, str]] = {
    "reset_guest": (lambda place, line, _cell: reset_guest(place, line), RESET_HELP),
    "plug": (plug_in, PLUG_HELP),
    "unplug": (pull_out, UNPLUG_HELP),
    "anatomy": (anatomy, ANATOMY_HELP),
    "built": (built, BUILT_HELP),
    "databases": (databases, DATABASES_HELP),
    "man": (manual, MANUAL_HELP),
}

# One for each process, so one for each notebook.
_place = NotebookState()
_desk = CheckState(_place)
# Not magics, but what cells call by name.
_FUNCTIONS = {"predict": predict, "guess": guess, **make_functions(_desk)}


class Interrupted(KeyboardInterrupt):
    """The cell was interrupted, and what it ran was ended. Shown as one line."""

    def _render_traceback_(self) -> list[str]:
        return [f"Interrupted: {self}"]


def load(ipython: Any) -> None:
    """Register the magics, and bring the functions."""
    for name, (run, words) in _WITH_CELL.items():
        _register(ipython, name, ("line", "cell"), run, words)
    for tool in TOOLS:
        _register(ipython, tool, ("line",), _tool(tool), help_text(tool))
    for name, (run, words) in _AS_LINE.items():
        _register(ipython, name, ("line",), run, words)
    ipython.push(_FUNCTIONS, interactive=False)
    ipython.input_transformer_manager.cleanup_transforms.append(fill_empty_cell)
    ipython.events.register("pre_run_cell", _desk.note)
    install(ipython, _place)


def unload(ipython: Any) -> None:
    """Take them away again, and end the guest."""
    ipython.drop_by_id(_FUNCTIONS)
    for name in (*_WITH_CELL, *TOOLS, *_AS_LINE):
        for kind in ("line", "cell"):
            ipython.magics_manager.magics[kind].pop(name, None)
    ipython.input_transformer_manager.cleanup_transforms.remove(fill_empty_cell)
    ipython.events.unregister("pre_run_cell", _desk.note)
    uninstall(ipython)
    _desk.close()
    _place.close()


def fill_empty_cell(lines: list[str]) -> list[str]:
    """Let an empty cell of ours come to us: IPython would refuse it on stderr."""
    first = lines[0].split() if lines else []
    if len(lines) == 1 and first and first[0] in {f"%%{name}" for name in _WITH_CELL}:
        return [lines[0].rstrip("\n") + "\n", "\n"]
    return lines


def _tool(tool: str) -> Run:
    def run(place: NotebookState, line: str, _cell: str | None) -> None:
        run_tool(place, tool, line)

    return run


def _register(ipython: Any, name: str, kinds: tuple[str, ...], run: Run, words: str) -> None:
    def magic(line: str, cell: str | None = None) -> None:
        try:
            run(_place, line, cell)
        except KeyboardInterrupt:
            stays = _place.settle()
            fate = "the guest stays as it is" if stays else "the next cell gets a fresh guest"
            raise Interrupted(f"what the cell ran was ended; {fate}.") from None

    magic.__name__, magic.__qualname__, magic.__doc__ = name, name, words
    no_var_expand(magic)  # $ and {} belong to C and to the guest's shell
    for kind in kinds:
        ipython.register_magic_function(magic, kind, name)
