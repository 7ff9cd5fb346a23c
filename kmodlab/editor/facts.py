"""Facts about a name of the kernel besides its declaration: its header, who exports it, whether it may sleep."""

from __future__ import annotations

from collections.abc import Iterator

from kmodlab.editor.names import exports
from kmodlab.i18n import N_, _
from kmodlab.kbuild.hint_rules import HEADER_OF
from kmodlab.kernel.tree import KernelTree
from kmodlab.tracer.kernel_api import Function, known_functions

_BY_FLAGS = N_("Its gfp_t argument decides whether it may sleep: with GFP_KERNEL it may, with GFP_ATOMIC it does not.")


def facts_of(name: str, tree: KernelTree, header: str = "", declaration: str = "") -> Iterator[str]:
    """Sentences about a name of the kernel; `header` and `declaration` are empty if unknown."""
    header = HEADER_OF.get(name, header)
    if header:
        yield _("Header: #include <{header}>").format(header=header)
    if exported := exports(tree).get(name):
        macro = "EXPORT_SYMBOL_GPL" if exported.gpl_only else "EXPORT_SYMBOL"
        by_module = _("Exported with {macro} by the module {module}.")
        text = _("Exported with {macro} by the kernel itself.") if exported.is_builtin else by_module
        yield text.format(macro=macro, module=exported.module.rpartition("/")[2])
        if exported.gpl_only:
            yield _("Only a module with a GPL-compatible licence can use it.")
    if function := _find(name):
        if function.sleeps:
            yield _("It may sleep: do not call it in an interrupt handler or with a spinlock held.")
        elif function.sleeps_by is not None:
            yield _(_BY_FLAGS)
    elif "gfp_t" in declaration:
        yield _(_BY_FLAGS)


def _find(name: str) -> Function | None:
    """The function behind a name in a source, which may be a macro; the table has the functions in object files."""
    return known_functions().find(name) or known_functions().by_macro(name)
