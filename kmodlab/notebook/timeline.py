"""`%%timeline`: a cell of C becomes a module, and its life in the kernel a picture."""

from __future__ import annotations

import re

from kmodlab.errors import UsageError
from kmodlab.kbuild.build import build
from kmodlab.notebook.arguments import MagicOptions
from kmodlab.notebook.render.build import build_parts
from kmodlab.notebook.render.timeline import TimelineChart
from kmodlab.notebook.show import show
from kmodlab.notebook.state import BuiltModule, NotebookState
from kmodlab.tracer.fault_injection import TIMEOUT_S, make_subject, watch_once
from kmodlab.tracer.kernel_api import known_functions
from kmodlab.tracer.timeline import make_timeline

OPTIONS = MagicOptions("%%timeline")
OPTIONS.add_argument("name", nargs="?", default="cell", help="The module's name (default: cell).")
OPTIONS.add_argument("-x", "--fail", metavar="CALL", help="Make this call in init fail: misc_register, or kmalloc:2.")
OPTIONS.add_argument(
    "-p", "--param", metavar="NAME=VALUE", action="append", default=[], help="Set a parameter (may be repeated)."
)
OPTIONS.add_argument(
    "-f", "--file", metavar="FILE", action="append", default=[],
    help="Build with a further source or header (may be repeated).",
)  # fmt: skip
OPTIONS.add_argument(
    "-t", "--timeout", metavar="SECONDS", type=float, default=TIMEOUT_S, help="For each run (default: 10)."
)

HELP = OPTIONS.explain("""\
Build the cell's C code as a kernel module, load and unload it once, and draw what happened.

    %%timeline hello
    #include <linux/module.h>
    ...

The picture shows the module's state in the kernel (COMING, LIVE, GOING), its init and exit, and what they call.

    %%timeline hello --fail misc_register

makes one call in init fail; then one sees that exit is not called. Your own guest is not touched.
""")


def timeline(place: NotebookState, line: str, cell: str | None) -> None:
    """Run the magic."""
    options = OPTIONS.parse(line)
    if cell is None:
        raise UsageError(
            "`%timeline` needs C code below it.", hint="Begin a cell with `%%timeline`, with two percent signs."
        )
    lab = place.session.lab
    sources = place.sources(options.name, cell, options.file, lab.reserved)
    made = BuiltModule(build(lab.tree, sources), sources, f"{options.name}.c")
    if not made.build.passed:
        show(*build_parts(made, verbose=False))
        return
    subject = make_subject(made.build, sources.files, options.param)
    observation = watch_once(lab, subject, _wanted(options.fail), timeout_s=options.timeout)
    show(TimelineChart(make_timeline(subject.code, known_functions(), observation.records)))


def _wanted(text: str | None) -> tuple[str, int] | None:
    """The call that is to fail: its name, and which of the calls of that name in init."""
    if text is None:
        return None
    match = re.fullmatch(r"(\w+)(?::(\d{1,4}))?", text)
    if match is None:
        raise UsageError(
            f"{text!r} is no call.", hint="Write the function's name: --fail misc_register, --fail kmalloc:2"
        )
    return match[1], int(match[2] or 1)
