"""The same source as a module and as a driver that is built into the kernel: how to have both, and what differs.

A kernel is not needed to see it: kbuild compiles whatever no `obj-m` names as it compiles what is built in, without
-DMODULE. `builtin_makefile` makes use of that; the build itself is `kbuild.build`'s.
"""

from __future__ import annotations

import re
from pathlib import Path

from kmodlab.elf.compare import Comparison, Facet, compare_objects, quote
from kmodlab.elf.module import KernelModule, read_module
from kmodlab.elf.object_file import ObjectFile, Relocation
from kmodlab.elf.purposes import INIT_LEVELS

_INITCALL = re.compile(r"\.initcall(?P<level>early|rootfs|\d)s?\.init")


def builtin_file(name: str) -> str:
    """What the built-in object is called among a build's files."""
    return f"{name}.builtin.o"


def builtin_makefile(name: str) -> str:
    """A Makefile that builds NAME.c twice: as the module NAME.ko, and as NAME.builtin.o, as if it were built in.

    The object is made in a folder of its own, so that KBUILD_MODNAME is the same, and copied to where results are
    looked for. `if_changed` and `if_changed_rule` are kbuild's (Documentation/kbuild/makefiles.rst).
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
    """A driver's object as it is built in, beside its .ko (or the .o that the .ko is made of)."""
    left, right = read_module(builtin), read_module(module)
    names = ("built in", "module")
    return compare_objects(left.elf, right.elf, names, _facets(left, right))


def _facets(left: KernelModule, right: KernelModule) -> tuple[Facet, ...]:
    init, leave = _targets(left.elf, _INITCALL.pattern), _targets(left.elf, r"\.exitcall\.exit")
    return (
        Facet("How does the kernel find init?", _initcall(left.elf, init), _module_init(right)),
        Facet(
            "When does it run?",
            "once, while the kernel boots" if init else "never: nothing refers to it",
            "whenever the module is loaded",
        ),
        Facet("How does the kernel find exit?", _exitcall(left.elf, leave), _module_exit(right)),
        Facet(
            "When does that run?",
            "never: the kernel's linker throws that section away" if leave else "never: there is none",
            "whenever the module is unloaded" if _has_exit(right) else "never: the module cannot be unloaded",
        ),
        Facet("What is `THIS_MODULE`?", "nothing (NULL): there is no module", _this_module(right)),
        Facet("What does .modinfo say?", _modinfo(left), _modinfo(right)),
        Facet(
            "Who finds what it needs?",
            f"the linker, when the kernel is linked: {_needs(left.elf)}",
            f"the kernel, when the module is loaded: {_needs(right.elf)}",
        ),
    )


def _has_exit(module: KernelModule) -> bool:
    return module.this_module is not None and bool(module.this_module.exit)


def _targets(elf: ObjectFile, section: str) -> list[Relocation]:
    """The pointers in sections of that name, which are not filled in before linking."""
    return [relocation for relocation in elf.relocations if re.fullmatch(section, relocation.section.name)]


def _function(elf: ObjectFile, pointer: Relocation) -> str:
    """The function that a pointer will point to: a symbol, or a place in a section of code."""
    if pointer.symbol.kind != "section" or pointer.symbol.section is None:
        return pointer.symbol.name
    return elf.place(pointer.symbol.section, pointer.addend or 0).removesuffix("+0x0")


def _initcall(elf: ObjectFile, pointers: list[Relocation]) -> str:
    if not pointers:
        return "not at all"
    name = pointers[0].section.name
    found = _INITCALL.fullmatch(name)
    assert found is not None
    level = found["level"]
    return f"`{name}` points to `{_function(elf, pointers[0])}` (level {level}, {INIT_LEVELS.get(level, '')})"


def _exitcall(elf: ObjectFile, pointers: list[Relocation]) -> str:
    return f"`.exitcall.exit` points to `{_function(elf, pointers[0])}`" if pointers else "not at all"


def _module_init(module: KernelModule) -> str:
    return _entry(module, "init_module", module.this_module.init if module.this_module else None)


def _module_exit(module: KernelModule) -> str:
    return _entry(module, "cleanup_module", module.this_module.exit if module.this_module else None)


def _entry(module: KernelModule, alias: str, name: str | None) -> str:
    if name:
        return f"`struct module` points to `{name}`, by its second name `{alias}`"
    if any(symbol.name == alias for symbol in module.elf.symbols):
        return f"by the name `{alias}`, once modpost has added the `struct module`"
    return "not at all"


def _this_module(module: KernelModule) -> str:
    if module.this_module:
        return f"a `struct module` of {module.this_module.size} bytes, in `.gnu.linkonce.this_module`"
    return "`__this_module`, which modpost will add"


def _modinfo(module: KernelModule) -> str:
    if not module.modinfo.entries:
        return "nothing"
    key, value = next((entry for entry in module.modinfo.entries if entry[0] == "license"), module.modinfo.entries[0])
    owner = module.modinfo.owner
    if owner:
        return f"`{owner}.{key}={value}`: all that is built in shares one list, `modules.builtin.modinfo`"
    return f"`{key}={value}`"


def _needs(elf: ObjectFile) -> str:
    return quote(sorted(symbol.name for symbol in elf.symbols if symbol.is_undefined)) or "nothing"
