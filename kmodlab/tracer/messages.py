"""Finds the formats of the messages that a module can log with printk(), dev_info() and others, in its .ko.

A format that does not end in a newline leaves its line open. The kernel shows an open line only when somebody logs
another one (kernel/printk/printk.c, vprintk_store).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from kmodlab.elf.contents import MalformedError
from kmodlab.elf.object_file import ObjectFile, Relocation, parse_object

# The level before a format begins with this character (include/linux/kern_levels.h).
_SOH = "\x01"
_LOGS = re.compile(r"_?v?printk|_dev_\w+")
_WINDOW = 64  # bytes of code before a call that set its arguments
_TEXT_LIMIT = 1024  # LOG_LINE_MAX, kernel/printk/printk.c
_CONVERSION = re.compile(r"%%|%[-+ #0]*(?:\d+|\*)?(?:\.(?:\d+|\*)?)?(?:hh?|ll?|[Lqjzt])?(?:p\w*|[a-zA-Z])")


@lru_cache(maxsize=32)
def open_formats(ko: bytes) -> tuple[str, ...]:
    """The formats of a module that do not end in a newline, without their levels; empty for a damaged file."""
    try:
        elf = parse_object(ko)
        texts = {*_texts_with_level(elf), *_texts_of_calls(elf)}
    except MalformedError:
        return ()
    return tuple(sorted(text for text in texts if text and not text.endswith("\n")))


def format_matches(form: str, message: str) -> bool:
    """Whether a message may have been logged with the format `form`; a device's name may precede it."""
    *parts, last = _CONVERSION.split(form)
    if not message.endswith(last) or not any(part.strip() for part in (*parts, last)):
        return False
    position, end = 0, len(message) - len(last)
    for part in parts:
        position = message.find(part, position, end)
        if position < 0:
            return False
        position += len(part)
    return True


def _texts_with_level(elf: ObjectFile) -> Iterator[str]:
    for section in elf.sections:
        if section.in_memory and not section.is_executable and section.name.startswith((".rodata", ".init.rodata")):
            for text in elf.content(section).decode("utf-8", "replace").split("\0"):
                if text.startswith(_SOH):
                    yield text[2:]


def _texts_of_calls(elf: ObjectFile) -> Iterator[str]:
    """The strings that are loaded right before a call of a logging function, if none of them has a level."""
    code = {section.index for section in elf.sections if section.is_executable}
    near: list[Relocation] = []
    for relocation in sorted(elf.relocations_in(code), key=lambda other: (other.section.index, other.offset)):
        if relocation.symbol.section is not None:
            near.append(relocation)
        elif relocation.kind in ("R_X86_64_PLT32", "R_X86_64_PC32"):
            if _LOGS.fullmatch(relocation.symbol.name):
                texts = [text for other in near if _is_near(other, relocation) and (text := _text_at(elf, other))]
                if not any(text.startswith(_SOH) for text in texts):
                    yield from texts
            near = []


def _is_near(relocation: Relocation, call: Relocation) -> bool:
    return relocation.section == call.section and 0 < call.offset - relocation.offset <= _WINDOW


def _text_at(elf: ObjectFile, relocation: Relocation) -> str:
    """The string that a relocation refers to; empty if it refers to something else."""
    section = relocation.symbol.section
    if section is None or section.is_executable or not section.name.startswith((".rodata", ".init.rodata")):
        return ""
    # A 32-bit displacement is relative to the end of the instruction, 4 bytes later.
    extra = 4 if relocation.kind in ("R_X86_64_PC32", "R_X86_64_PLT32") else 0
    offset = relocation.symbol.value + (relocation.addend or 0) + extra
    content = elf.content_at(section, offset, _TEXT_LIMIT) if offset >= 0 else b""
    return content.partition(b"\0")[0].decode("utf-8", "replace")
