"""`%anatomy`: shows the contents of a file that a cell has built, or of one of the kernel's own modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

from kmodlab.elf.builtin import builtin_file, builtin_makefile
from kmodlab.elf.databases import load_databases
from kmodlab.elf.exports import parse_symvers
from kmodlab.errors import UsageError
from kmodlab.guest.boot_session import BootSession
from kmodlab.i18n import _, ngettext
from kmodlab.kbuild.build import build
from kmodlab.kbuild.intree import build_as_module
from kmodlab.kbuild.sources import Sources, kmod_name
from kmodlab.notebook.intree import find_builtin
from kmodlab.notebook.magic import show_view, split
from kmodlab.notebook.state import BuiltModule, NotebookState
from kmodlab.notebook.views import elf
from kmodlab.notebook.views.comparison import ASPECTS, builtin_beside_module, so_beside_ko
from kmodlab.notebook.views.linked import in_kernel
from kmodlab.notebook.views.sizes import size_picture
from kmodlab.notebook.views.view import Picture, Source, View

ANATOMY_HELP = _("""\
Look inside a module that a cell has built, or one of the kernel's own.

    %anatomy hello                       everything, to unfold
    %anatomy sections hello              one view of it; more are below
    %anatomy sections hello.o            of an object file of the build (%built hello lists them)
    %anatomy modinfo usb-storage         of one of the kernel's own modules
    %anatomy relocations hello .text     of one section
    %anatomy builtin hello               the same source built in, beside the module
    %anatomy kernel hello                a driver that %boot has built in: what the linker made of it
    %anatomy library greet hello         a shared library from a %%library cell, beside the module
    %anatomy builtin hello questions     one aspect of a comparison: questions, sections or symbols

    sections symbols imports exports relocations modinfo sizes builtin kernel library
""")


def anatomy(state: NotebookState, line: str, _cell: str | None) -> None:
    """Run `%anatomy`. Raises: UsageError."""
    words = split(line)
    view = words.pop(0) if words and words[0] in _VIEWS else "all"
    if not words:
        hint = _("Build one with `%%kmod hello`, then: %anatomy hello")
        raise UsageError(_("%anatomy needs the name of a module."), hint=hint)
    least, most = {"relocations": (1, 2), "builtin": (1, 2), "library": (2, 3)}.get(view, (1, 1))
    if not least <= len(words) <= most:
        sentence = ngettext(
            "%anatomy {view} does not take {number} name.", "%anatomy {view} does not take {number} names.", len(words)
        )
        raise UsageError(
            sentence.format(view=view, number=len(words)),
            hint=_("`{magic}?` shows what it takes.").format(magic="%anatomy"),
        )
    show_view(_VIEWS[view](state, *words))


# ---- finding files -------------------------------------------------------------------------------------------------


def find_file(state: NotebookState, name: str) -> Source:
    """The file of that name: a module, object file or library that a cell built, or one of the kernel's own modules.

    Raises:
        UsageError: There is no such file.
    """
    module = state.modules.get(_kmod(name))
    if module is not None and (ko := module.ko(_kmod(name))) is not None:
        return ko
    for module in reversed(state.modules.values()):
        if name in module.build.files:
            return module.build.files[name]
    if name.removesuffix(".so") in state.libraries:
        return state.libraries[name.removesuffix(".so")]
    folder = state.session.lab.tree.modules
    if path := load_databases(folder).find_path(_kmod(name)):
        return folder / path
    raise UsageError(
        _("There is no {name}: no cell has built it, and the kernel has no such module.").format(name=name),
        hint=_("Run the cell that builds it. `%built hello` lists what a build leaves."),
    )


def _kmod(name: str) -> str:
    """The name that lsmod shows for a module; `name` may be that of its file."""
    return kmod_name(name.removesuffix(".ko"))


def get_module(state: NotebookState, name: str) -> BuiltModule:
    """The module of that name that a cell has built.

    Raises:
        UsageError: No cell has built it.
    """
    module = state.modules.get(_kmod(name))
    if module is None:
        if state.modules:
            hint = _("There are: {names}.").format(names=", ".join(state.modules))
        else:
            hint = _("Begin a cell with `%%kmod {name}`.").format(name=name)
        raise UsageError(_("No cell has built {name} yet.").format(name=name), hint=hint)
    return module


# ---- views ---------------------------------------------------------------------------------------------------------


def _builtin(state: NotebookState, name: str, aspect: str = "") -> View:
    """Compares a module with the object of the same source as a built-in driver; only for modules of one source.

    If the running kernel contains the driver, the object comes from the kernel's build.
    """
    if _kmod(name) not in state.modules and isinstance(state.session, BootSession):
        return _builtin_of_tree(state, name, aspect)
    module = get_module(state, name)
    ko = module.ko(_kmod(name))
    own_name = module.build.name
    files: Mapping[str, str | bytes] = {
        file: text for file, text in module.sources.files.items() if file not in ("Makefile", "Kbuild")
    }
    if sum(file.endswith(".c") for file in files) != 1 or ko is None:
        raise UsageError(_("Only a module with a single source can be compared with itself built in."))
    tree = state.session.lab.tree
    outcome = build(tree, Sources.of(own_name, {**files, "Makefile": builtin_makefile(own_name)}))
    object_file = outcome.files.get(builtin_file(own_name))
    if object_file is None:
        sentence = _("{name} does not compile as a built-in driver: {reason}")
        raise UsageError(sentence.format(name=own_name, reason=outcome.sentence))
    return builtin_beside_module(object_file, ko, _aspects(aspect))


def _builtin_of_tree(state: NotebookState, name: str, aspect: str) -> View:
    result, path = find_builtin(state, name)
    made = build_as_module(state.session.lab.tree, result.change, path, PurePosixPath(path).stem)
    if made.ko is None:
        sentence = _("{path} is not built as a module: {reason}")
        raise UsageError(sentence.format(path=path, reason=made.sentence))
    return builtin_beside_module(result.objects[path], made.ko, _aspects(aspect))


def _kernel(state: NotebookState, name: str) -> View:
    """Shows a driver of the tree in the kernel that it was linked into."""
    result, path = find_builtin(state, name)
    return in_kernel(result.objects[path], result.vmlinux)


def _aspects(name: str) -> tuple[str, ...]:
    """The aspect of that name, or all if the name is empty."""
    if name and name not in ASPECTS:
        raise UsageError(
            _("A comparison has no aspect {name!r}.").format(name=name),
            hint=_("There are: {names}.").format(names=", ".join(ASPECTS)),
        )
    return (name,) if name else ASPECTS


def _library(state: NotebookState, library: str, name: str, aspect: str = "") -> View:
    if library.removesuffix(".so") not in state.libraries:
        raise UsageError(
            _("No cell has built the library {name} yet.").format(name=library),
            hint=_("Begin a cell with `%%library greet`."),
        )
    symvers = parse_symvers(state.session.lab.tree.symvers)
    so = state.libraries[library.removesuffix(".so")]
    return so_beside_ko(so, find_file(state, name), symvers, _aspects(aspect))


def _of_file(view: Callable[[Source], View]) -> Callable[..., View]:
    return lambda state, name: view(find_file(state, name))


def _relocations(state: NotebookState, name: str, section: str = "") -> View:
    return elf.relocations(find_file(state, name), section=section)


def _sizes(state: NotebookState, name: str) -> Picture:
    return size_picture(find_file(state, name), name=name)


_VIEWS: dict[str, Callable[..., View | Picture]] = {
    "all": _of_file(elf.explore),
    "sections": _of_file(elf.sections),
    "symbols": _of_file(elf.symbols),
    "imports": _of_file(elf.imports),
    "exports": _of_file(elf.exports),
    "relocations": _relocations,
    "modinfo": _of_file(elf.modinfo),
    "sizes": _sizes,
    "builtin": _builtin,
    "kernel": _kernel,
    "library": _library,
}
VIEWS = tuple(view for view in _VIEWS if view != "all")
