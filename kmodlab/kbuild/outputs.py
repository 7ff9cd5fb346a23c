"""What comes out of the box, read as the hostile data that it is: an archive of files, and modules among them.

A Makefile can plant anything: a link as hello.ko, a text as hello.ko, a damaged archive. So the few formats needed
are read strictly here, by code that cannot loop or follow anything, and all else is left out.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

_BLOCK = 512
_NAME = re.compile(r"\.?[A-Za-z0-9_][A-Za-z0-9_.+-]{0,120}")
_REGULAR = (b"0", b"\0")


def read_archive(data: bytes) -> dict[str, bytes]:
    """The plain files at the top of a ustar archive (POSIX pax(1)), by name.

    Links, devices, folders, files in folders and strange names are left out; what follows damage is too.
    """
    return {name: content for name, kind, content in _members(data) if kind in _REGULAR and _NAME.fullmatch(name)}


def link_names(data: bytes) -> frozenset[str]:
    """The names at the top of an archive that are there, but no plain files."""
    return frozenset(name for name, kind, _ in _members(data) if kind not in _REGULAR)


def _members(data: bytes) -> Iterator[tuple[str, bytes, bytes]]:
    start = 0
    while len(header := data[start : start + _BLOCK]) == _BLOCK and header[257:262] == b"ustar":
        size_field = header[124:136].rstrip(b" \0")
        if not re.fullmatch(rb"[0-7]{1,11}", size_field):
            return
        size = int(size_field, 8)
        content = data[start + _BLOCK : start + _BLOCK + size]
        if len(content) < size:
            return
        # Whatever has a prefix has a path, and only the top is of interest.
        name = header[:100].rstrip(b"\0").decode("utf-8", "replace").removeprefix("./")
        if not header[345]:
            yield name, header[156:157], content
        start += _BLOCK + -(-size // _BLOCK) * _BLOCK


def read_modinfo(data: bytes) -> dict[str, str]:
    """The .modinfo of a kernel module, key -> first value; ValueError, with the reason, where it is none.

    Layout: elf.h (Elf64_Ehdr, Elf64_Shdr); the section holds key=value strings, each ended by NUL.
    """
    if data[:6] != b"\x7fELF\x02\x01":
        raise ValueError("it is no 64-bit ELF file")
    try:
        (kind,) = struct.unpack_from("<H", data, 16)
        (sections_at,) = struct.unpack_from("<Q", data, 40)
        size, count, names_index = struct.unpack_from("<HHH", data, 58)
        if kind != 1:
            raise ValueError("it is no relocatable object file")
        sections = [_section(data, sections_at + number * size) for number in range(min(count, 4096))]
        names = _content(data, sections[names_index])
    except (struct.error, IndexError, OverflowError) as error:  # the last: an offset beyond what any file can have
        raise ValueError("its section table is damaged") from error
    for section in sections:
        if names[section[0] : section[0] + 9] == b".modinfo\0":
            pairs = (entry.partition(b"=") for entry in _content(data, section).split(b"\0") if entry)
            return {
                key.decode("utf-8", "replace"): value.decode("utf-8", "replace") for key, _, value in reversed([*pairs])
            }
    raise ValueError("it has no .modinfo")


def _section(data: bytes, offset: int) -> tuple[int, int, int]:
    name, _, _, _, start, size = struct.unpack_from("<IIQQQQ", data, offset)
    return name, start, size


def _content(data: bytes, section: tuple[int, int, int]) -> bytes:
    _, start, size = section
    return data[start : start + size]


def what_is_wrong(ko: bytes, release: str) -> str:
    """Why these bytes are no module for kernel `release`, as the end of a sentence; empty when they are one."""
    try:
        vermagic = read_modinfo(ko).get("vermagic", "")
    except ValueError as error:
        return str(error)
    if vermagic.split(" ")[0] != release:
        return f"its vermagic is {vermagic[:80]!r}, not one of {release}"
    return ""


def load_order(modules: Mapping[str, bytes]) -> tuple[str, ...]:
    """The names of modules in an order in which they can be loaded: what another depends on comes first.

    `modules` maps names to modules that are known to be such; modpost wrote into each which others it needs.
    """
    by_kmod_name = {name.replace("-", "_"): name for name in modules}
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name, data in modules.items():
        needed = read_modinfo(data).get("depends", "").replace("-", "_").split(",")
        sorter.add(name, *(by_kmod_name[other] for other in needed if other in by_kmod_name))
    try:
        return tuple(sorter.static_order())
    except CycleError:
        return tuple(modules)
