"""Reads the outputs of a build: an archive of files, modules among them, which may be hostile.

A Makefile can leave anything: a link or a text named hello.ko, a damaged archive. So this code reads only regular
files, cannot loop, follows no links, and skips everything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from kmodlab.elf.contents import MalformedError
from kmodlab.elf.module import parse_module
from kmodlab.i18n import _

_BLOCK = 512
_NAME = re.compile(r"\.?[A-Za-z0-9_][A-Za-z0-9_.+-]{0,120}")
_REGULAR = (b"0", b"\0")


def read_archive(data: bytes) -> dict[str, bytes]:
    """The regular files at the top of a ustar archive (POSIX pax(1)), by name.

    Links, devices, folders, files in folders, unusual names, and everything after a damaged header are skipped.
    """
    return {name: content for name, kind, content in _members(data) if kind in _REGULAR and _NAME.fullmatch(name)}


def link_names(data: bytes) -> frozenset[str]:
    """The names at the top of an archive that are not regular files."""
    return frozenset(name for name, kind, _content in _members(data) if kind not in _REGULAR)


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
        # A name with a prefix is a path, and only files at the top are read.
        name = header[:100].rstrip(b"\0").decode("utf-8", "replace").removeprefix("./")
        if not header[345]:
            yield name, header[156:157], content
        start += _BLOCK + -(-size // _BLOCK) * _BLOCK


def what_is_wrong(ko: bytes, release: str) -> str:
    """Why these bytes are not a module for the kernel `release`, in a sentence; empty if they are one."""
    try:
        module = parse_module(ko)
    except MalformedError as error:
        return str(error)
    vermagic = str(module.modinfo.vermagic or "")
    if module.elf.bits != 64 or not module.elf.little_endian:
        return _("It is not a module for a 64-bit little-endian machine.")
    if module.modinfo.vermagic is None or module.modinfo.vermagic.release != release:
        text = _("Its vermagic is {vermagic}, but the kernel is {release}.")
        return text.format(vermagic=repr(vermagic[:80]), release=release)
    return ""


def load_order(modules: Mapping[str, bytes]) -> tuple[str, ...]:
    """The names of modules in an order in which they can be loaded: dependencies first.

    `modules` maps names to valid modules; modpost wrote into each which others it needs.
    """
    by_kmod_name = {name.replace("-", "_"): name for name in modules}
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name, data in modules.items():
        needed = [other.replace("-", "_") for other in parse_module(data).modinfo.depends]
        sorter.add(name, *(by_kmod_name[other] for other in needed if other in by_kmod_name))
    try:
        return tuple(sorter.static_order())
    except CycleError:
        return tuple(modules)
