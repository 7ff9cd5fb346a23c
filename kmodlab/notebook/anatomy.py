"""`%anatomy`: the inside of what a cell has built, and of the kernel's own modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from kmodlab.elf.builtin import builtin_file, builtin_makefile
from kmodlab.elf.databases import load_databases
from kmodlab.elf.exports import parse_symvers
from kmodlab.errors import UsageError
from kmodlab.kbuild.build import build
from kmodlab.kbuild.sources import Sources, kmod_name
from kmodlab.notebook.arguments import split
from kmodlab.notebook.show import show_view
from kmodlab.notebook.state import BuiltModule, NotebookState
from kmodlab.notebook.views import elf
from kmodlab.notebook.views.comparison import ASPECTS, builtin_beside_module, so_beside_ko
from kmodlab.notebook.views.explorer import explore
from kmodlab.notebook.views.sizes import size_picture
from kmodlab.notebook.views.view import Picture, Source, View

HELP = """\
Look inside a module that a cell has built, or any other of the kernel's.

    %anatomy hello                       everything, to unfold
    %anatomy sections hello              one view of it; more are below
    %anatomy sections hello.o            of what kbuild made on the way (%built hello lists that)
    %anatomy modinfo usb-storage         of a module of the kernel's own
    %anatomy relocations hello .text     of one section
    %anatomy builtin hello               the same source built in, beside the module
    %anatomy library greet hello         a shared library from a %%library cell, beside the module
    %anatomy builtin hello questions     one aspect of a comparison: questions, sections or symbols

    sections symbols imports exports relocations modinfo sizes builtin library
"""


def anatomy(place: NotebookState, line: str, _cell: str | None) -> None:
    """Run the magic."""
    words = split(line)
    view = words.pop(0) if words and words[0] in _VIEWS else "all"
    if not words:
        hint = "Build one with `%%kmod hello`, then: %anatomy hello"
        raise UsageError("%anatomy needs the name of a module.", hint=hint)
    show_view(_VIEWS[view](place, *_exactly(view, words)))


def _exactly(view: str, words: list[str]) -> list[str]:
    allowed = {"relocations": (1, 2), "builtin": (1, 2), "library": (2, 3)}.get(view, (1, 1))
    if not allowed[0] <= len(words) <= allowed[1]:
        raise UsageError(f"%anatomy {view} does not take {len(words)} names.", hint="`%anatomy?` shows what it takes.")
    return words


# ---- finding files -------------------------------------------------------------------------------------------------


def find_file(place: NotebookState, name: str) -> Source:
    """The file that a learner means: what a cell built, an object on the way to it, or a module of the kernel's."""
    made = place.made.get(_kmod(name))
    if made is not None and (ko := made.ko(_kmod(name))) is not None:
        return ko
    for each in reversed(place.made.values()):
        if name in each.build.files:
            return each.build.files[name]
    if name.removesuffix(".so") in place.libraries:
        return place.libraries[name.removesuffix(".so")]
    if found := _kernels_own(place.session.lab.tree.modules, _kmod(name)):
        return found
    raise UsageError(
        f"There is no {name}: no cell has built it, and the kernel has no such module.",
        hint="Run the cell that builds it. `%built hello` lists what a build leaves.",
    )


def _kernels_own(folder: Path, name: str) -> Path | None:
    path = load_databases(folder).find_path(name)
    return folder / path if path else None


def _kmod(name: str) -> str:
    """The name that lsmod shows, for a module or its file."""
    return kmod_name(name.removesuffix(".ko"))


def get_made(place: NotebookState, name: str) -> BuiltModule:
    """What the cell built that made this module; UsageError where there is none."""
    made = place.made.get(_kmod(name))
    if made is None:
        there = ", ".join(place.made)
        hint = f"There are: {there}." if there else f"Begin a cell with `%%kmod {name}`."
        raise UsageError(f"No cell has built {name} yet.", hint=hint)
    return made


# ---- views ---------------------------------------------------------------------------------------------------------


def _builtin(place: NotebookState, name: str, aspect: str = "") -> View:
    """The same sources once more, as if they were built in; only single ones, as kbuild's rule is for one file."""
    made = get_made(place, name)
    ko = made.ko(_kmod(name))
    module = made.build.name
    files: Mapping[str, str | bytes] = {
        file: text for file, text in made.sources.files.items() if file not in ("Makefile", "Kbuild")
    }
    if sum(file.endswith(".c") for file in files) != 1 or ko is None:
        raise UsageError("Only a module with a single source can be compared with itself built in.")
    tree = place.session.lab.tree
    built = build(tree, Sources.of(module, {**files, "Makefile": builtin_makefile(module)}))
    object_file = built.files.get(builtin_file(module))
    if object_file is None:
        raise UsageError(f"{module} does not compile as a built-in driver: {built.sentence}")
    return builtin_beside_module(object_file, ko, _aspects(aspect))


def _aspects(asked: str) -> tuple[str, ...]:
    if asked and asked not in ASPECTS:
        raise UsageError(f"A comparison has no aspect {asked!r}.", hint=f"There are: {', '.join(ASPECTS)}.")
    return (asked,) if asked else ASPECTS


def _library(place: NotebookState, library: str, name: str, aspect: str = "") -> View:
    if library.removesuffix(".so") not in place.libraries:
        raise UsageError(f"No cell has built the library {library} yet.", hint="Begin a cell with `%%library greet`.")
    symvers = parse_symvers(place.session.lab.tree.symvers)
    so = place.libraries[library.removesuffix(".so")]
    return so_beside_ko(so, find_file(place, name), symvers, _aspects(aspect))


def _of_file(view: Callable[[Source], View]) -> Callable[..., View]:
    return lambda place, name: view(find_file(place, name))


def _relocations(place: NotebookState, name: str, section: str = "") -> View:
    return elf.relocations(find_file(place, name), section=section)


def _sizes(place: NotebookState, name: str) -> Picture:
    return size_picture(find_file(place, name), name=name)


_VIEWS: dict[str, Callable[..., View | Picture]] = {
    "all": _of_file(explore),
    "sections": _of_file(elf.sections),
    "symbols": _of_file(elf.symbols),
    "imports": _of_file(elf.imports),
    "exports": _of_file(elf.exports),
    "relocations": _relocations,
    "modinfo": _of_file(elf.modinfo),
    "sizes": _sizes,
    "builtin": _builtin,
    "library": _library,
}
VIEWS = tuple(view for view in _VIEWS if view != "all")
