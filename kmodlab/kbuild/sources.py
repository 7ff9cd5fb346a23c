"""What is to be built: C sources, headers, a Makefile, checked before anything is done with them.

`Sources.of` takes text, as from a notebook's cell; `read_sources` takes files. Both refuse in one sentence what kbuild
cannot build and what was never meant to be built. A Makefile is made where none is given, as on the slide.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from kmodlab.errors import UsageError
from kmodlab.files import MIB

FILE_LIMIT = MIB
TOTAL_LIMIT = 4 * MIB
COUNT_LIMIT = 64
MAKEFILES = ("Kbuild", "Makefile")  # kbuild takes the first that is there

# struct module has room for 56 bytes of name, its end included (MODULE_NAME_LEN in linux/moduleparam.h).
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,54}")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}")
_MADE = (".o", ".ko", ".mod", ".mod.c", ".cmd", ".order", "Module.symvers")
# modpost takes "vmlinux" for the kernel itself, and kbuild has a rule or a variable of its own for the others.
_TAKEN = ("vmlinux", "built-in", "obj", "real-obj", "dtb")


def kmod_name(name: str) -> str:
    """The name under which the kernel knows a module: hello-1.ko is hello_1 in lsmod."""
    return name.replace("-", "_")


@dataclass(frozen=True)
class Sources:
    """The sources of a module, checked; make one with `Sources.of`. `files` are name -> bytes, the Makefile included.

    `generated` says that the Makefile is ours.
    """

    name: str
    files: Mapping[str, bytes]
    generated: bool

    @classmethod
    def of(cls, name: str, files: Mapping[str, str | bytes], *, reserved: Collection[str] = ()) -> Sources:
        """Check a module's name and its files; UsageError where they cannot be built.

        All C and assembler files become one module, unless a Makefile or Kbuild file says otherwise. A file such as
        a.symvers (another build's Module.symvers) names symbols of other modules. `reserved` are names (as in
        lsmod) that are taken: built-in modules, and those that the guest needs.
        """
        check_name(name, reserved)
        checked = {file: check_file(file, content) for file, content in files.items()}
        if len(checked) > COUNT_LIMIT or sum(map(len, checked.values())) > TOTAL_LIMIT:
            raise UsageError(f"These are too many files: at most {COUNT_LIMIT}, and {TOTAL_LIMIT >> 20} MiB in all.")
        code = [file for file in checked if file.endswith((".c", ".S"))]
        if not any(checked[file].strip() for file in code):
            raise UsageError("There is nothing to build: the source is empty.", hint="Write a module's C code first.")
        generated = not any(file in checked for file in MAKEFILES)
        if generated:
            symvers = [file for file in checked if file.endswith(".symvers")]
            checked["Makefile"] = make_makefile(name, code, symvers).encode()
        return cls(name, MappingProxyType(checked), generated)

    @property
    def makefile(self) -> str:
        """The text of the Makefile that kbuild will read."""
        return next(self.files[name] for name in MAKEFILES if name in self.files).decode()


def check_name(name: str, reserved: Collection[str] = ()) -> None:
    """Refuse, with UsageError, a name that no module can have here."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{_quoted(name)} cannot be the name of a module.",
            hint="Use up to 55 letters, digits, '_' and '-', and do not begin with '-'; for instance hello-1.",
        )
    if name in _TAKEN or kmod_name(name) in {kmod_name(other) for other in reserved}:
        raise UsageError(
            f"The name {name} is taken: the kernel has a module of that name, or its build needs the name itself.",
            hint=f"Choose another, for instance my_{kmod_name(name)}.",
        )


def _quoted(name: str) -> str:
    shown = name if len(name) <= 40 else f"{name[:37]}..."
    return ascii(shown)


def check_file(name: str, content: str | bytes) -> bytes:
    """A source file's bytes, or UsageError where the name or the text cannot be used."""
    if not _FILE.fullmatch(name):
        raise UsageError(
            f"{_quoted(name)} cannot be the name of a source file.",
            hint="Use letters, digits, '_', '-', '+' and '.', without a folder; for instance hello.c.",
        )
    if name.endswith(_MADE):
        raise UsageError(f"{name} is a file that the build itself makes.", hint="Give the sources only.")
    try:
        data = content.encode() if isinstance(content, str) else content
        data.decode()
    except UnicodeError:
        raise UsageError(f"{name} is not UTF-8 text.", hint="Save it in the UTF-8 encoding.") from None
    if b"\0" in data:
        raise UsageError(f"{name} has NUL bytes in it, so it is no source text.")
    if len(data) > FILE_LIMIT:
        raise UsageError(f"{name} is larger than {FILE_LIMIT >> 20} MiB, the limit for a source file.")
    return data


def make_makefile(name: str, code: Sequence[str], symvers: Sequence[str] = ()) -> str:
    """The Makefile of a module: the slide's one line, and the list of its parts where it is made of other files."""
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
        raise UsageError(f"{doubled}.c and {doubled}.S would both become {doubled}.o.", hint="Rename one of them.")
    if name not in stems:
        return [f"{name}-y := {_objects(stems)}"]
    # hello.o is made of its parts, so hello.c needs to become a part of another name.
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
    """Sources from files; the module is called like the first C file, unless `name` is given."""
    doubled = {path.name for path in paths if sum(path.name == other.name for other in paths) > 1}
    if doubled:
        raise UsageError(f"Two of the files are called {min(doubled)}.", hint="All go into one folder; rename one.")
    files = {path.name: _read(path) for path in paths}
    first = next((path.stem for path in paths if path.suffix in (".c", ".S")), None)
    if first is None:
        raise UsageError("There is no C file among what was given.", hint="Give a file such as hello.c.")
    return Sources.of(name or first, files, reserved=reserved)


def _read(path: Path) -> bytes:
    """A plain file's bytes. Links are refused: a folder of somebody else's could lead anywhere."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UsageError(f"{path} is a symbolic link.", hint="Give the file itself.") from error
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UsageError(f"{path} is no plain file.")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(FILE_LIMIT + 1)
    finally:
        os.close(descriptor)
