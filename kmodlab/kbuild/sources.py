"""The sources of a module: C files, headers, a Makefile, checked before they are built.

`Sources.of` takes text, as from a notebook's cell; `read_sources` takes files. Both raise UsageError for sources that
kbuild cannot build. If there is no Makefile among them, they write one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from kmodlab.errors import UsageError
from kmodlab.files import MIB, read_regular
from kmodlab.i18n import _

FILE_LIMIT = MIB
TOTAL_LIMIT = 4 * MIB
COUNT_LIMIT = 64
MAKEFILES = ("Kbuild", "Makefile")  # kbuild reads the first that exists
MAKES_OWN = ("GNUmakefile", "makefile")  # make reads them, kbuild does not: the build fails, as it does by hand

# struct module has room for 56 bytes of name, its end included (MODULE_NAME_LEN in linux/moduleparam.h).
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,54}")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}")
_OTHER_C = (".cpp", ".cc", ".cxx", ".C")
_OUTPUTS = (".o", ".ko", ".mod", ".mod.c", ".cmd", ".order", "Module.symvers")
# modpost takes "vmlinux" for the kernel itself; kbuild has rules or variables with the other names.
_TAKEN = ("vmlinux", "built-in", "obj", "real-obj", "dtb")


def kmod_name(name: str) -> str:
    """The kernel's name of a module: hello-1.ko is hello_1 in lsmod."""
    return name.replace("-", "_")


@dataclass(frozen=True)
class Sources:
    """The checked sources of a module; made by `Sources.of`.

    `files` maps names to bytes, the Makefile included. `generated` is True if we wrote the Makefile.
    """

    name: str
    files: Mapping[str, bytes]
    generated: bool

    @classmethod
    def of(cls, name: str, files: Mapping[str, str | bytes], *, reserved: Collection[str] = ()) -> Sources:
        """Check a module's name and its files.

        All C and assembler files become one module, unless a Makefile or Kbuild file says otherwise. A file such as
        a.symvers (another build's Module.symvers) names symbols of other modules. `reserved` are names (as in
        lsmod) that are taken: built-in modules, and those that the guest needs.

        Raises: UsageError if they cannot be built.
        """
        check_name(name, reserved)
        checked = {file: check_file(file, content) for file, content in files.items()}
        if len(checked) > COUNT_LIMIT or sum(map(len, checked.values())) > TOTAL_LIMIT:
            message = _("These are too many files: at most {number}, and {size} MiB in all.")
            raise UsageError(message.format(number=COUNT_LIMIT, size=TOTAL_LIMIT // MIB))
        code = [file for file in checked if file.endswith((".c", ".S"))]
        if not code and (other := next((file for file in checked if file.endswith(_OTHER_C)), None)):
            message = _("{name} is C++, and the kernel is written in C.").format(name=other)
            raise UsageError(message, hint=_("The name of a module's source ends with .c."))
        if not any(checked[file].strip() for file in code):
            raise UsageError(
                _("There is nothing to build: the source is empty."), hint=_("Write a module's C code first.")
            )
        generated = not any(file in checked for file in (*MAKEFILES, *MAKES_OWN))
        if generated:
            symvers = [file for file in checked if file.endswith(".symvers")]
            checked["Makefile"] = make_makefile(name, code, symvers).encode()
        return cls(name, MappingProxyType(checked), generated)

    @property
    def makefile(self) -> str:
        """The text of the Makefile that kbuild reads; empty if it would find none."""
        return next((self.files[name] for name in MAKEFILES if name in self.files), b"").decode()


def check_name(name: str, reserved: Collection[str] = ()) -> None:
    """Refuse a name that a module cannot have.

    Raises: UsageError.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            _("{name} cannot be the name of a module.").format(name=_quoted(name)),
            hint=_("Use up to 55 letters, digits, '_' and '-', and do not begin with '-'; for instance hello-1."),
        )
    if name in _TAKEN or kmod_name(name) in {kmod_name(other) for other in reserved}:
        message = _("The name {name} is taken: the kernel has a module of that name, or its build needs the name.")
        hint = _("Choose another, for instance my_{name}.").format(name=kmod_name(name))
        raise UsageError(message.format(name=name), hint=hint)


def _quoted(name: str) -> str:
    shown = name if len(name) <= 40 else f"{name[:37]}..."
    return ascii(shown)


def check_file(name: str, content: str | bytes) -> bytes:
    """The bytes of a source file.

    Raises: UsageError if its name or its text cannot be used.
    """
    if not _FILE.fullmatch(name):
        raise UsageError(
            _("{name} cannot be the name of a source file.").format(name=_quoted(name)),
            hint=_("Use letters, digits, '_', '-', '+' and '.', without a folder; for instance hello.c."),
        )
    if name.endswith(_OUTPUTS):
        message = _("{name} is a file that the build itself makes.").format(name=name)
        raise UsageError(message, hint=_("Give the sources only."))
    try:
        data = content.encode() if isinstance(content, str) else content
        data.decode()
    except UnicodeError:
        message = _("{name} is not UTF-8 text.").format(name=name)
        raise UsageError(message, hint=_("Save it in the UTF-8 encoding.")) from None
    if b"\0" in data:
        raise UsageError(_("{name} has NUL bytes in it, so it is not source text.").format(name=name))
    if len(data) > FILE_LIMIT:
        message = _("{name} is larger than {size} MiB, the limit for a source file.")
        raise UsageError(message.format(name=name, size=FILE_LIMIT // MIB))
    return data


def make_makefile(name: str, code: Sequence[str], symvers: Sequence[str] = ()) -> str:
    """The Makefile of a module: the line obj-m, and the list of objects unless the only source is NAME.c or NAME.S.

    Raises: UsageError if there are too many sources.
    """
    lines = [f"obj-m += {name}.o"]
    if list(code) not in ([f"{name}.c"], [f"{name}.S"]):
        lines += _parts(name, code)
    if symvers:
        lines.append(f"KBUILD_EXTRA_SYMBOLS := {' '.join(f'$(src)/{file}' for file in symvers)}")
    return "\n".join(lines) + "\n"


def _parts(name: str, code: Sequence[str]) -> list[str]:
    stems = [file.rpartition(".")[0] for file in code]
    doubled = next((stem for stem in stems if stems.count(stem) > 1), None)
    if doubled:
        message = _("{name}.c and {name}.S would both become {name}.o.").format(name=doubled)
        raise UsageError(message, hint=_("Rename one of them."))
    if name not in stems:
        return [f"{name}-y := {_objects(stems)}"]
    # hello.o is linked from several objects, so the object of hello.c needs another name.
    part = next(free for free in (f"{name}-main{n}" for n in ("", *range(COUNT_LIMIT))) if free not in stems)
    source = code[stems.index(name)]
    return [
        f"{name}-y := {_objects([part if stem == name else stem for stem in stems])}",
        "",
        f"# {name}.o is the whole module, so what {source} becomes needs another name.",
        f"$(obj)/{part}.o: $(src)/{source} FORCE",
        f"\t$(call if_changed_rule,{'cc_o_c' if source.endswith('.c') else 'as_o_S'})",
    ]


def _objects(stems: Sequence[str]) -> str:
    return " ".join(f"{stem}.o" for stem in stems)


def read_sources(paths: Sequence[Path], *, name: str | None = None, reserved: Collection[str] = ()) -> Sources:
    """Sources from files; the module is named after the first C or assembler file, unless `name` is given.

    Raises: UsageError if a file cannot be read or built.
    """
    doubled = {path.name for path in paths if sum(path.name == other.name for other in paths) > 1}
    if doubled:
        message = _("Two of the files are called {name}.").format(name=min(doubled))
        raise UsageError(message, hint=_("All go into one folder; rename one."))
    files = {path.name: read_regular(path, FILE_LIMIT) for path in paths}
    first = next((path.stem for path in paths if path.suffix in (".c", ".S")), None)
    if first is None:
        raise UsageError(_("There is no C file among the sources."), hint=_("Give a file such as hello.c."))
    return Sources.of(name or first, files, reserved=reserved)
