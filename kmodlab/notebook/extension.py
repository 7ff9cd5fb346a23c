"""The IPython extension (`%load_ext kmodlab`): registers the magics, their help and their completion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython.core.magic import no_var_expand

from kmodlab.errors import DamagedLabError, NotBuiltError
from kmodlab.i18n import _
from kmodlab.notebook.accidents import Surroundings, look_at_cell
from kmodlab.notebook.anatomy import ANATOMY_HELP, anatomy
from kmodlab.notebook.beside import BESIDE_HELP, beside
from kmodlab.notebook.built_modules import BUILT_HELP, built
from kmodlab.notebook.checks import ANSWER_HELP, KSCRIPT_HELP, CheckState, answer, kscript, make_functions
from kmodlab.notebook.completion import install, uninstall
from kmodlab.notebook.databases import DATABASES_HELP, databases
from kmodlab.notebook.dkms_magic import DKMS_HELP, dkms
from kmodlab.notebook.export_magic import EXPORT_HELP, export
from kmodlab.notebook.front_end import FrontEnd
from kmodlab.notebook.given import GIVEN_HELP, make_given
from kmodlab.notebook.guest import (
    GUEST_HELP,
    PLUG_HELP,
    RESET_HELP,
    TOOL_HELP,
    UNPLUG_HELP,
    guest,
    plug_in,
    pull_out,
    reset_guest,
    run_tool,
)
from kmodlab.notebook.guest_state import LAB_HELP, lab
from kmodlab.notebook.intree import (
    BOOT_HELP,
    CHECKPATCH_HELP,
    INTREE_HELP,
    KCONFIG_HELP,
    PATCH_HELP,
    USE_KERNEL_HELP,
    boot,
    checkpatch,
    intree,
    kconfig,
    patch,
    use_kernel,
)
from kmodlab.notebook.kernel_source import SOURCE_HELP, source
from kmodlab.notebook.kmod import KMOD_HELP, LIBRARY_HELP, kmod, library
from kmodlab.notebook.magic import Interrupted, show
from kmodlab.notebook.manual import MANUAL_HELP, manual
from kmodlab.notebook.rehearsal_magic import REHEARSE_HELP, RehearsalMagic
from kmodlab.notebook.render.parts import Level, Message
from kmodlab.notebook.source_files import KFILE_HELP, MAKEFILE_HELP, kfile, makefile
from kmodlab.notebook.state import NotebookState
from kmodlab.notebook.tracing import FAULTS_HELP, TIMELINE_HELP, faults, timeline
from kmodlab.notebook.views.quiz import guess, predict
from kmodlab.notebook.way_back import DamagedCellError, offer_way_back
from kmodlab.settings import find_own_programs

Run = Callable[[NotebookState, str, str | None], None]

_WITH_CELL: dict[str, tuple[Run, str]] = {
    "kmod": (kmod, KMOD_HELP),
    "guest": (guest, GUEST_HELP),
    "makefile": (makefile, MAKEFILE_HELP),
    "kfile": (kfile, KFILE_HELP),
    "faults": (faults, FAULTS_HELP),
    "timeline": (timeline, TIMELINE_HELP),
    "library": (library, LIBRARY_HELP),
    "intree": (intree, INTREE_HELP),
    "patch": (patch, PATCH_HELP),
    "kscript": (kscript, KSCRIPT_HELP),
    "answer": (answer, ANSWER_HELP),
}
_AS_LINE: dict[str, tuple[Run, str]] = {
    "reset_guest": (reset_guest, RESET_HELP),
    "plug": (plug_in, PLUG_HELP),
    "unplug": (pull_out, UNPLUG_HELP),
    "anatomy": (anatomy, ANATOMY_HELP),
    "built": (built, BUILT_HELP),
    "databases": (databases, DATABASES_HELP),
    "man": (manual, MANUAL_HELP),
    "kconfig": (kconfig, KCONFIG_HELP),
    "boot": (boot, BOOT_HELP),
    "checkpatch": (checkpatch, CHECKPATCH_HELP),
    "beside": (beside, BESIDE_HELP),
    "source": (source, SOURCE_HELP),
    "dkms": (dkms, DKMS_HELP),
    "export": (export, EXPORT_HELP),
    "use_kernel": (use_kernel, USE_KERNEL_HELP),
    "lab": (lab, LAB_HELP),
}

# Each notebook has a process of its own, so these belong to one notebook.
_state = NotebookState()
_check_state = CheckState(_state)
_front_ends: list[FrontEnd] = []  # has one element while the extension is loaded
_watches: list[AccidentWatch] = []  # has one element while the extension is loaded
_AS_LINE["rehearse"] = (RehearsalMagic(_check_state), REHEARSE_HELP)
_AS_LINE["given"] = (make_given(_check_state.data), GIVEN_HELP)
# The functions that cells call by name.
_FUNCTIONS = {"predict": predict, "guess": guess, **make_functions(_check_state)}


def load(ipython: Any) -> None:
    """Register the magics and the functions, unless `autoload` has done so before."""
    if is_loaded(ipython):
        return
    find_own_programs()  # so that `!kmodlab` works in a cell
    for name, (run, text) in _WITH_CELL.items():
        _register(ipython, name, ("line", "cell"), run, text)
    for tool, text in TOOL_HELP.items():
        _register(ipython, tool, ("line",), _tool(tool), text)
    for name, (run, text) in _AS_LINE.items():
        _register(ipython, name, ("line",), run, text)
    ipython.push(_FUNCTIONS, interactive=False)
    ipython.input_transformer_manager.cleanup_transforms.append(fill_empty_cell)
    ipython.events.register("pre_run_cell", _check_state.note)
    _watches.append(AccidentWatch(ipython))
    _watches[-1].install()
    install(ipython, _state)
    _front_ends.append(FrontEnd(ipython, _state))
    _front_ends[-1].install()


def is_loaded(ipython: Any) -> bool:
    """Whether the magics and the functions are registered."""
    return fill_empty_cell in ipython.input_transformer_manager.cleanup_transforms


def unload(ipython: Any) -> None:
    """Remove the magics and the functions, and end the guest."""
    ipython.drop_by_id(_FUNCTIONS)
    for name in (*_WITH_CELL, *TOOL_HELP, *_AS_LINE):
        for kind in ("line", "cell"):
            ipython.magics_manager.magics[kind].pop(name, None)
    ipython.input_transformer_manager.cleanup_transforms.remove(fill_empty_cell)
    ipython.events.unregister("pre_run_cell", _check_state.note)
    while _watches:
        _watches.pop().uninstall()
    uninstall(ipython)
    while _front_ends:
        _front_ends.pop().uninstall()
    _check_state.close()
    _state.close()


def fill_empty_cell(lines: list[str]) -> list[str]:
    """Add an empty line to a cell that has only a magic of ours, because IPython refuses such a cell."""
    first = lines[0].split() if lines else []
    if len(lines) == 1 and first and first[0] in {f"%%{name}" for name in _WITH_CELL}:
        return [lines[0].rstrip("\n") + "\n", "\n"]
    return lines


class AccidentWatch:
    """Examines each cell before IPython runs it as Python, and offers buttons that mend it below an error."""

    has_side_effects = True  # so that IPython does not call it to check whether a cell is complete

    def __init__(self, ipython: Any) -> None:
        self._ipython = ipython

    def __call__(self, lines: list[str]) -> list[str]:
        """An input transformer, which changes nothing. Raises: DamagedCellError."""
        around = Surroundings(
            _check_state.find_data,
            tuple(_check_state.cells.values()),
            self._ipython.user_ns,
            _FUNCTIONS,
            lambda name: self._ipython.find_cell_magic(name) is not None,
        )
        look_at_cell("".join(lines), around)
        return lines

    def offer(self, result: Any) -> None:
        """Show the buttons after a damaged cell; IPython calls this after each cell."""
        error = result.error_before_exec or result.error_in_exec
        if isinstance(error, DamagedCellError):
            data = _check_state.find_data()
            offer_way_back(error, data.cells if data else {})

    def install(self) -> None:
        """Watch from the next cell on."""
        self._ipython.input_transformer_manager.cleanup_transforms.append(self)
        self._ipython.events.register("post_run_cell", self.offer)

    def uninstall(self) -> None:
        """Stop watching."""
        self._ipython.input_transformer_manager.cleanup_transforms.remove(self)
        self._ipython.events.unregister("post_run_cell", self.offer)


def transform(lines: list[str]) -> list[str]:
    """Apply the input transformers of this extension, in order."""
    return _watches[-1](fill_empty_cell(lines))


def _tool(tool: str) -> Run:
    def run(state: NotebookState, line: str, _cell: str | None) -> None:
        run_tool(state, tool, line)

    return run


def _what_was_ended() -> str:
    """Check the guest after an interrupt; returns a sentence about what was ended."""
    what = _state.running.replace("`", "") or _("what the cell ran")
    if not _state.settle():
        return _("{what} was ended; the next cell gets a fresh guest.").format(what=what)
    if tool := _state.unkillable():
        sentence = _("{what} was ended, but no signal ends {tool} in the kernel; %reset_guest brings a fresh guest.")
        return sentence.format(what=what, tool=tool)
    return _("{what} was ended; the guest stays as it is.").format(what=what)


def _register(ipython: Any, name: str, kinds: tuple[str, ...], run: Run, text: str) -> None:
    def magic(line: str, cell: str | None = None) -> None:
        _state.running = ""
        try:
            run(_state, line, cell)
        except KeyboardInterrupt:
            raise Interrupted(_what_was_ended()) from None
        except DamagedLabError:
            _check_state.forget_lab()
            raise
        except NotBuiltError as error:
            # Not an exception for Jupyter, so that "Run All" continues with the other cells.
            show(Message(str(error), Level.BAD), Message(error.hint))

    magic.__name__, magic.__qualname__, magic.__doc__ = name, name, text
    no_var_expand(magic)  # $ and {} belong to C and to the guest's shell
    for kind in kinds:
        ipython.register_magic_function(magic, kind, name)
