"""`%%kmod`: a cell of C becomes a module in a running kernel."""

from __future__ import annotations

from argparse import Namespace

from kmodlab.errors import UsageError
from kmodlab.kbuild.build import build
from kmodlab.kbuild.sources import kmod_name
from kmodlab.notebook.arguments import MagicOptions
from kmodlab.notebook.render.action import action_parts
from kmodlab.notebook.render.build import NO_SANDBOX, build_parts
from kmodlab.notebook.render.parts import Level, Message, Part
from kmodlab.notebook.show import show
from kmodlab.notebook.state import Action, BuiltModule, NotebookState
from kmodlab.tracer.run import PLACE

KMOD_OPTIONS = MagicOptions("%%kmod")
KMOD_OPTIONS.add_argument("name", nargs="?", default="cell", help="The module's name (default: cell).")
KMOD_OPTIONS.add_argument("-b", "--build-only", action="store_true", help="Build it, but do not load it.")
KMOD_OPTIONS.add_argument("-u", "--unload", action="store_true", help="Unload it again, and show that log as well.")
KMOD_OPTIONS.add_argument(
    "-p", "--param", metavar="NAME=VALUE", action="append", default=[], help="Set a parameter (may be repeated)."
)
KMOD_OPTIONS.add_argument(
    "-f", "--file", metavar="FILE", action="append", default=[],
    help="Build with a further source or header, from a %%%%kfile cell of that name (may be repeated).",
)  # fmt: skip
KMOD_OPTIONS.add_argument(
    "--flavour", metavar="NAME", help="Build for another kernel of the same version, whose headers are there: cloud."
)
KMOD_OPTIONS.add_argument("-v", "--verbose", action="store_true", help="Unfold what make printed.")
KMOD_OPTIONS.add_argument(
    "-t", "--timeout", metavar="SECONDS", type=float, default=20.0, help="For loading (default: 20)."
)

KMOD_HELP = KMOD_OPTIONS.explain("""\
Build the cell's C code as a kernel module and load it into the guest, a real kernel in a machine of its own.

    %%kmod hello
    #include <linux/module.h>
    ...

builds hello.ko with the kernel's own make, loads it with insmod, shows what the kernel logged, and leaves it loaded.
When the cell is run again, the module that is loaded is removed first. Line numbers in messages are those of the
cell. hello.ko is also put into the guest's /root, for %insmod and %modinfo.

    %%kmod hello --param whom=you --param count=3
    %%kmod hello --build-only
    %%kmod hello --unload
    %%kmod hello --file parts.c --file parts.h
    %%kmod user --file provider.symvers      uses symbols of the module `provider`, which a cell has built
""")


def kmod(place: NotebookState, line: str, cell: str | None) -> None:
    """Run the magic."""
    options = KMOD_OPTIONS.parse(line)
    if cell is None:
        raise UsageError("`%kmod` needs C code below it.", hint="Begin a cell with `%%kmod`, with two percent signs.")
    session = place.session
    sources = place.sources(options.name, cell, options.file, session.lab.reserved)
    if not options.build_only:
        session.prepare()  # the guest is forked while make runs
    tree = session.lab.tree.flavour(options.flavour) if options.flavour else session.lab.tree
    made = BuiltModule(build(tree, sources), sources, _cell_file(options.name))
    parts = _built(place, made, options)
    if made.build.passed:
        parts += _InGuest(place, made, options).run()
    show(*parts)


def _cell_file(name: str) -> str:
    return f"{name}.c"


def _built(place: NotebookState, made: BuiltModule, options: Namespace) -> list[Part]:
    parts = build_parts(made, verbose=options.verbose)
    if options.name in place.makefiles:
        parts.append(Message(f"The Makefile is yours (`%makefile --drop {options.name}` goes back to the usual one)."))
    if not made.build.sandboxed and not place.told_no_sandbox:
        place.told_no_sandbox = True
        parts.append(Message(NO_SANDBOX))
    if not made.build.passed and kmod_name(options.name) in place.loaded():
        parts.append(Message(f"The `{kmod_name(options.name)}` that was built before is still loaded."))
    return parts


class _InGuest:
    """The way of what was built through the guest, as far as it goes."""

    def __init__(self, place: NotebookState, made: BuiltModule, options: Namespace) -> None:
        self._place, self._made, self._options = place, made, options
        self._names = list(made.build.modules)
        self._parts: list[Part] = []

    def run(self) -> list[Part]:
        """Replace what is loaded, load, unload if that was asked for; what is to be said about it."""
        if self._options.build_only:
            self._put()
        elif self._replace():
            self._put()
            if self._load() and (not self._options.unload or self._unload()):
                self._parts.append(Message(f"{self._all} {self._fate}.", Level.GOOD))
        return self._parts

    @property
    def _all(self) -> str:
        names = ", ".join(f"`{kmod_name(name)}`" for name in self._names)
        return f"{names} {'are' if len(self._names) > 1 else 'is'}"

    @property
    def _fate(self) -> str:
        return "loaded, and unloaded again" if self._options.unload else "loaded"

    def _put(self) -> None:
        for name, ko in self._made.build.modules.items():
            self._place.put(f"{PLACE}/{name}.ko", ko)
        self._place.remember(self._made)

    def _replace(self) -> bool:
        """Unload what has these names already; False when it will not go."""
        loaded = self._place.loaded()
        for name in reversed(self._names):
            # What is not ours stays: insmod will say that the name is taken.
            if kmod_name(name) not in loaded or kmod_name(name) not in self._place.made:
                continue
            action = self._act(["rmmod", kmod_name(name)])
            if action.is_last:  # it took its guest along, and the new one gets a fresh one
                return True
            if not action.ok:
                self._parts.append(
                    Message("So the old module stays, and the new one is not loaded: try `%reset_guest`.")
                )
                return False
        return True

    def _load(self) -> bool:
        return all(self._act(["insmod", f"{name}.ko", *self._options.param]).ok for name in self._names)

    def _unload(self) -> bool:
        return all(self._act(["rmmod", kmod_name(name)]).ok for name in reversed(self._names))

    def _act(self, argv: list[str]) -> Action:
        action = self._place.act(argv, timeout_s=self._options.timeout)
        self._parts += action_parts(action, argv[0], self._place.made, with_command=True)
        return action
