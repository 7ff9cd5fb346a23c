"""`%%faults` and `%%timeline`: build a module from a cell of C, and run it under the tracer in separate guests."""

from __future__ import annotations

import re
from argparse import Namespace

from kmodlab.errors import UsageError
from kmodlab.i18n import _
from kmodlab.kbuild.build import build
from kmodlab.kbuild.sources import kmod_name
from kmodlab.notebook.kmod import build_name
from kmodlab.notebook.magic import MagicOptions, add_module_options, show
from kmodlab.notebook.progress_bar import ProgressBar
from kmodlab.notebook.render.build import build_parts
from kmodlab.notebook.render.faults import FaultTable
from kmodlab.notebook.render.parts import Level, Message
from kmodlab.notebook.render.timeline import TimelineChart
from kmodlab.notebook.state import BuiltModule, NotebookState
from kmodlab.text import parse_count, parse_seconds
from kmodlab.tracer.fault_injection import CYCLES, TIMEOUT_S, FaultOptions, find_faults, make_subject, watch_once
from kmodlab.tracer.kernel_api import known_functions
from kmodlab.tracer.run import check_kernel_modules
from kmodlab.tracer.timeline import make_timeline


def _add_options(options: MagicOptions) -> None:
    add_module_options(options, _("Build with a further source or header (may be repeated)."))
    options.add_argument(
        "-t",
        "--timeout",
        metavar="SECONDS",
        type=parse_seconds,
        default=TIMEOUT_S,
        help=_("For each run (default: 10)."),
    )


def _module(state: NotebookState, options: Namespace, cell: str | None) -> BuiltModule:
    """Build the cell's module; without a cell's text, the module of that name that a cell has built before.

    The new module is not stored in the notebook's state, because it is not loaded into the notebook's guest.

    Raises: UsageError if no cell has built it.
    """
    if cell is None:
        built = state.modules.get(kmod_name(options.name))
        if built is None:
            raise UsageError(
                _("No cell of this notebook has built a module `{name}`.").format(name=options.name),
                hint=_("Run the cell that begins with `%%kmod {name}` first.").format(name=options.name),
            )
        return built
    lab = state.session.lab
    sources = state.sources(options.name, cell, options.file, lab.reserved)
    with state.doing(build_name(options.name)):
        return BuiltModule(build(lab.tree, sources), sources, f"{options.name}.c")


# ---- faults --------------------------------------------------------------------------------------------------------

FAULTS_OPTIONS = MagicOptions("%%faults")
_add_options(FAULTS_OPTIONS)
FAULTS_OPTIONS.add_argument(
    "-s", "--script", metavar="SH", default="", help=_("Shell commands to run while it is loaded.")
)
FAULTS_OPTIONS.add_argument(
    "-c", "--cycles", metavar="N", type=parse_count, default=CYCLES, help=_("Loads in a row (default: 100).")
)

FAULTS_HELP = FAULTS_OPTIONS.explain(
    _("""\
Build the cell's C code as a kernel module and try every way in which its init can fail in the middle.

    %%faults hello
    #include <linux/module.h>
    ...

First it is loaded and unloaded, once and a hundred times more. Then, for each call in init that can fail, it is loaded
in a guest of its own in which only that call fails. The table says what init returned, what stayed behind, and whether
the kernel crashed. Your own guest is not touched.

    %faults hello               the module that a cell has built
""")
)


def faults(state: NotebookState, line: str, cell: str | None) -> None:
    """Run `%%faults`. Raises: UsageError."""
    options = FAULTS_OPTIONS.parse(line)
    lab = state.session.lab
    module = _module(state, options, cell)
    if not module.build.passed:
        show(*build_parts(module))
        return
    run_options = FaultOptions(
        tuple(options.param), options.script, options.cycles, options.timeout, check_kernel_modules(options.after)
    )
    with ProgressBar() as progress, state.doing(_("the sweep")):

        def update(step: str, done: int, total: int) -> None:
            state.running = _("the sweep, in the run “{step}”,").format(step=step)
            progress.update(step, done, total)

        result = find_faults(lab, module.build, module.sources.files, run_options, update)
    if result.passed:
        verdict = Message(_("Every run is clean."), Level.GOOD)
    else:
        verdict = Message(_("Not every run is clean."), Level.BAD)
    sources = {name: text.decode("utf-8", "replace") for name, text in module.sources.files.items()}
    show(verdict, FaultTable(result, sources, module.cell))


# ---- timeline ------------------------------------------------------------------------------------------------------

TIMELINE_OPTIONS = MagicOptions("%%timeline")
_add_options(TIMELINE_OPTIONS)
TIMELINE_OPTIONS.add_argument(
    "-x", "--fail", metavar="CALL", help=_("Make this call in init fail: misc_register, or kmalloc:2.")
)

TIMELINE_HELP = TIMELINE_OPTIONS.explain(
    _("""\
Build the cell's C code as a kernel module, load and unload it once, and draw what happened.

    %%timeline hello
    #include <linux/module.h>
    ...

The picture shows the module's state in the kernel (COMING, LIVE, GOING), its init and exit, and what they call.

    %%timeline hello --fail misc_register
    %timeline hello             the module that a cell has built

makes one call in init fail; the picture then shows that exit is not called. Your own guest is not touched.
""")
)


def timeline(state: NotebookState, line: str, cell: str | None) -> None:
    """Run `%%timeline`. Raises: UsageError."""
    options = TIMELINE_OPTIONS.parse(line)
    lab = state.session.lab
    module = _module(state, options, cell)
    if not module.build.passed:
        show(*build_parts(module))
        return
    subject = make_subject(module.build, module.sources.files, options.param, check_kernel_modules(options.after))
    with state.doing(_("the run of `{name}`").format(name=options.name)):
        observation = watch_once(lab, subject, _parse_call(options.fail), timeout_s=options.timeout)
    show(TimelineChart(make_timeline(subject.code, known_functions(), observation.records)))


def _parse_call(text: str | None) -> tuple[str, int] | None:
    """The call that is to fail: its name, and which of the calls of that name in init it is, from 1; or None."""
    if text is None:
        return None
    match = re.fullmatch(r"(\w+)(?::(\d{1,4}))?", text)
    if match is None:
        raise UsageError(
            _("{text!r} is not a call.").format(text=text),
            hint=_("Write the function's name: --fail misc_register, --fail kmalloc:2"),
        )
    return match[1], int(match[2] or 1)
