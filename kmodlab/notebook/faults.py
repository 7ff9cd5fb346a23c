"""`%%faults`: a cell of C becomes a module, and each call in its init is made to fail once."""

from __future__ import annotations

from kmodlab.errors import UsageError
from kmodlab.kbuild.build import build
from kmodlab.kbuild.sources import Sources
from kmodlab.notebook.arguments import MagicOptions
from kmodlab.notebook.progress import ProgressTable
from kmodlab.notebook.render.build import build_parts
from kmodlab.notebook.render.faults import FaultTable
from kmodlab.notebook.render.parts import Level, Message, Part
from kmodlab.notebook.show import show
from kmodlab.notebook.state import BuiltModule, NotebookState
from kmodlab.tracer.fault_injection import CYCLES, TIMEOUT_S, find_faults
from kmodlab.tracer.fault_injection import FaultOptions as Wanted

OPTIONS = MagicOptions("%%faults")
OPTIONS.add_argument("name", nargs="?", default="cell", help="The module's name (default: cell).")
OPTIONS.add_argument(
    "-p", "--param", metavar="NAME=VALUE", action="append", default=[], help="Set a parameter (may be repeated)."
)
OPTIONS.add_argument(
    "-f", "--file", metavar="FILE", action="append", default=[],
    help="Build with a further source or header (may be repeated).",
)  # fmt: skip
OPTIONS.add_argument("-s", "--script", metavar="SH", default="", help="Shell commands to run while it is loaded.")
OPTIONS.add_argument("-c", "--cycles", metavar="N", type=int, default=CYCLES, help="Loads in a row (default: 100).")
OPTIONS.add_argument(
    "-t", "--timeout", metavar="SECONDS", type=float, default=TIMEOUT_S, help="For each run (default: 10)."
)

HELP = OPTIONS.explain("""\
Build the cell's C code as a kernel module and try every way in which its init can fail in the middle.

    %%faults hello
    #include <linux/module.h>
    ...

First it is loaded and unloaded, once and a hundred times more. Then, for each call in init that can fail, it is loaded
in a guest of its own in which just that call fails. The table says what init returned, what stayed behind, and whether
the kernel crashed. Your own guest is not touched.
""")


def faults(place: NotebookState, line: str, cell: str | None) -> None:
    """Run the magic."""
    options = OPTIONS.parse(line)
    if cell is None:
        raise UsageError(
            "`%faults` needs C code below it.", hint="Begin a cell with `%%faults`, with two percent signs."
        )
    lab = place.session.lab
    sources = place.sources(options.name, cell, options.file, lab.reserved)
    made = BuiltModule(build(lab.tree, sources), sources, f"{options.name}.c")
    if not made.build.passed:
        show(*build_parts(made, verbose=False))
        return
    wanted = Wanted(tuple(options.param), options.script, options.cycles, options.timeout)
    with ProgressTable() as progress:
        found = find_faults(lab, made.build, sources.files, wanted, progress.tell)
    words = "Every run is clean." if found.passed else "Not every run is clean."
    parts: list[Part] = [Message(words, Level.GOOD if found.passed else Level.BAD)]
    show(*parts, FaultTable(found, _text(sources, made.cell), made.cell))


def _text(sources: Sources, name: str) -> str:
    return sources.files[name].decode("utf-8", "replace")
