"""The same source as a module and as a driver that is built into the kernel: how to build both, and the differences.

No kernel has to be built for this: kbuild compiles an object that no `obj-m` names as it compiles built-in code,
without -DMODULE. `builtin_makefile` uses that; `kbuild.build` builds it.
"""

from __future__ import annotations

import re
from pathlib import Path

from kmodlab.elf.compare import Comparison, Facet, compare_objects, quote
from kmodlab.elf.module import KernelModule, read_module
from kmodlab.elf.object_file import ObjectFile, Relocation
from kmodlab.elf.purposes import init_level_purpose
from kmodlab.i18n import _

_INITCALL = re.compile(r"\.initcall(?P<level>early|rootfs|\d)s?\.init")
_EXITCALL = re.compile(r"\.exitcall\.exit")


def builtin_file(name: str) -> str:
    """The name of the built-in object among a build's files."""
    return f"{name}.builtin.o"


def builtin_makefile(name: str) -> str:
    """A Makefile that builds NAME.c twice: as the module NAME.ko, and as NAME.builtin.o, as if it were built in.

    The object is built in a folder of its own, so that KBUILD_MODNAME is the same, and then copied to the folder of
    the results. `if_changed` and `if_changed_rule` are kbuild's (Documentation/kbuild/makefiles.rst).
    """
    return f"""obj-m += {name}.o

# Once more, as if it were built in: no obj-m names these, so kbuild leaves out -DMODULE.
always-y += builtin/{name}.o {builtin_file(name)}
$(obj)/builtin/{name}.o: $(src)/{name}.c FORCE
\t$(call if_changed_rule,cc_o_c)
$(obj)/{builtin_file(name)}: $(obj)/builtin/{name}.o FORCE
\t$(call if_changed,copy)
"""


def compare_builtin(builtin: Path | bytes, module: Path | bytes) -> Comparison:
    """Compare a driver's object as it is built in with its .ko (or the .o that the .ko is made of)."""
    left, right = read_module(builtin), read_module(module)
    names = (_("built in"), _("module"))
    return compare_objects(left.elf, right.elf, names, _facets(left, right))


def _facets(builtin: KernelModule, module: KernelModule) -> tuple[Facet, ...]:
    init, exit_ = _pointers(builtin.elf, _INITCALL), _pointers(builtin.elf, _EXITCALL)
    builtin_needs, module_needs = _needs(builtin.elf), _needs(module.elf)
    return (
        Facet(_("How does the kernel find init?"), _initcall(builtin.elf, init), _module_init(module)),
        Facet(
            _("When does it run?"),
            _("once, while the kernel boots") if init else _("never: nothing refers to it"),
            _("whenever the module is loaded"),
        ),
        Facet(_("How does the kernel find exit?"), _exitcall(builtin.elf, exit_), _module_exit(module)),
        Facet(
            _("When does that run?"),
            _("never: the kernel's linker throws that section away") if exit_ else _("never: there is none"),
            _("whenever the module is unloaded") if _has_exit(module) else _("never: the module cannot be unloaded"),
        ),
        Facet(_("What is `THIS_MODULE`?"), _("nothing (NULL): there is no module"), _this_module(module)),
        Facet(_("What does .modinfo say?"), _modinfo(builtin), _modinfo(module)),
        Facet(
            _("Who finds what it needs?"),
            _("the linker, when the kernel is linked: {symbols}").format(symbols=builtin_needs),
            _("the kernel, when the module is loaded: {symbols}").format(symbols=module_needs),
        ),
    )


def _has_exit(module: KernelModule) -> bool:
    return module.this_module is not None and bool(module.this_module.exit)


def _pointers(elf: ObjectFile, section: re.Pattern[str]) -> list[Relocation]:
    """The pointers in the sections whose names match, as relocations: before linking, only these have the targets."""
    return [relocation for relocation in elf.relocations if section.fullmatch(relocation.section.name)]


def _function(elf: ObjectFile, pointer: Relocation) -> str:
    """The name of the function that a pointer points to, by its symbol or by its offset in a section of code."""
    if pointer.symbol.kind != "section" or pointer.symbol.section is None:
        return pointer.symbol.name
    return elf.describe_place(pointer.symbol.section, pointer.addend or 0).removesuffix("+0x0")


def _initcall(elf: ObjectFile, pointers: list[Relocation]) -> str:
    if not pointers:
        return _("not at all")
    section = pointers[0].section.name
    match = _INITCALL.fullmatch(section)
    assert match is not None
    text = _("`{section}` points to `{function}` (level {level}, {purpose})")
    function, level = _function(elf, pointers[0]), match["level"]
    return text.format(section=section, function=function, level=level, purpose=init_level_purpose(level))


def _exitcall(elf: ObjectFile, pointers: list[Relocation]) -> str:
    if not pointers:
        return _("not at all")
    return _("`.exitcall.exit` points to `{function}`").format(function=_function(elf, pointers[0]))


def _module_init(module: KernelModule) -> str:
    return _entry(module, "init_module", module.this_module.init if module.this_module else None)


def _module_exit(module: KernelModule) -> str:
    return _entry(module, "cleanup_module", module.this_module.exit if module.this_module else None)


def _entry(module: KernelModule, alias: str, name: str | None) -> str:
    if name:
        return _("`struct module` points to `{name}`, by its second name `{alias}`").format(name=name, alias=alias)
    if any(symbol.name == alias for symbol in module.elf.symbols):
        return _("by the name `{alias}`, once modpost has added the `struct module`").format(alias=alias)
    return _("not at all")


def _this_module(module: KernelModule) -> str:
    if module.this_module:
        text = _("a `struct module` of {size} bytes, in `.gnu.linkonce.this_module`")
        return text.format(size=module.this_module.size)
    return _("`__this_module`, which modpost will add")


def _modinfo(module: KernelModule) -> str:
    modinfo = module.modinfo
    if not modinfo.entries:
        return _("nothing")
    key, value = next((entry for entry in modinfo.entries if entry[0] == "license"), modinfo.entries[0])
    if not modinfo.owner:
        return f"`{key}={value}`"
    text = _("`{owner}.{key}={value}`: all that is built in shares one list, `modules.builtin.modinfo`")
    return text.format(owner=modinfo.owner, key=key, value=value)


def _needs(elf: ObjectFile) -> str:
    return quote(sorted(symbol.name for symbol in elf.symbols if symbol.is_undefined)) or _("nothing")
