"""Finds the change of the kernel's API that a message is about.

A change matches only if the tool's message and the learner's code both fit it, and it concerns the kernel.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from kmodlab.kbuild.api_changes import (
    buses,
    crypto,
    deferred_work,
    device_classes,
    dma,
    driver_model,
    filesystems,
    inodes,
    interfaces,
    library,
    locking,
    memory,
    modules,
    net_devices,
    network,
    newer,
    newer_devices,
    sockets,
    storage,
    tasks,
    timing,
)
from kmodlab.kbuild.api_changes.change import Change, ChangeKind, SignKind, parse_release

_TABLES = (
    *(modules, timing, deferred_work, locking, tasks, memory, library, filesystems, inodes, interfaces),
    *(driver_model, buses, dma, device_classes, network, net_devices, sockets, crypto, storage, newer, newer_devices),
)
CHANGES: tuple[Change, ...] = tuple(change for table in _TABLES for change in table.CHANGES)


@dataclass(frozen=True)
class DiagnosticText:
    """A message with plain quotes, its notes, and the code that it is about.

    `line` is the learner's line; `code` is that line, and `all_code` all sources, with strings and comments blanked.
    """

    message: str
    notes: str = ""
    line: str = ""
    code: str = ""
    all_code: str = ""


def _by_identifier(kind: SignKind) -> dict[str, list[Change]]:
    index = defaultdict(list)
    for change in CHANGES:
        if change.sign.kind is kind:
            index[change.identifier].append(change)
    return dict(index)


_INDEX = {kind: _by_identifier(kind) for kind in SignKind}


def find_change(report: DiagnosticText, release: str) -> Change | None:
    """The change that a report is about, for a kernel's `release`; None if no known change fits."""
    kernel = parse_release(release)
    if not kernel:
        return None
    candidates = (change for change in _candidates(report) if change.applies_to(kernel))
    return next((change for change in candidates if _agrees(change, report)), None)


def _agrees(change: Change, report: DiagnosticText) -> bool:
    sign = change.sign
    if sign.text and not re.search(sign.text, report.all_code if sign.kind is SignKind.NAMESPACE else report.line):
        return False
    # A type may be in the expansion of a header's macro, and headers' names are blanked in the code.
    return sign.kind in (SignKind.TYPE, SignKind.HEADER) or change.identifier in _names_in(report.all_code)


@lru_cache(maxsize=4)
def _names_in(code: str) -> frozenset[str]:
    return frozenset(_words(code))


# ---- what the tools say --------------------------------------------------------------------------------------------

_NAMED = (
    re.compile(r"implicit declaration of function '(\w+)'"),
    re.compile(r"'(\w+)' undeclared"),
    re.compile(r"unknown type name '(\w+)'"),
    re.compile(r"(?:undefined|incomplete) type '(?:const )?struct (\w+)'"),
    re.compile(r'"(\w+)" \[\S+\] undefined!'),
    re.compile(r"conflicting types for '(\w+)'"),
)
# For a typedef that was a structure in older kernels.
_NO_STRUCTURE = re.compile(r"request for member '(\w+)' in something not a structure or union")
_HEADER = re.compile(r"^(\S+\.h): No such file")
_MEMBER = re.compile(r"'(?:const )?(?:struct |union )?(\w+)'(?: \{aka '[^']*'\})? has no member named '(\w+)'")
_ARGUMENTS = (
    (re.compile(r"too (few|many) arguments to (?:function|macro) '(\w+)'"), (2, 1)),
    (re.compile(r'macro "(\w+)" passed \d+ arguments, but takes just'), (1, "many")),
    (re.compile(r'macro "(\w+)" requires \d+ arguments, but only'), (1, "few")),
)
_TYPES = re.compile(
    r"incompatible (?:pointer |integer to pointer )?type|without a cast|discards 'const'|incompatible type"
    r"|invalid operands to binary|^format '|invalid type argument of"
)
_READ_ONLY = re.compile(r"of read-only (?:member|location) '(?:.*(?:->|\.))?(\w+)[^']*'")
_NAMESPACE = re.compile(r"uses symbol \w+ from namespace")


# Messages without the name, which is on the learner's line. Those of the last row are about the code after the name.
_WITHOUT_A_NAME = (
    (re.compile(r"discards 'const' qualifier"), SignKind.READ_ONLY),
    (re.compile(r"void value not ignored|invalid use of void expression"), SignKind.VALUE),
    (
        re.compile(
            r"^expected |storage size of|incomplete type|data definition has no type|type defaults to 'int'"
            r"|parameter names \(without types\)|declaration does not declare|initializer but incomplete"
        ),
        SignKind.NAME,
    ),
)
_UNKNOWN_STRUCTURE = re.compile(r"'(?:const )?struct (\w+)' declared inside")


def _candidates(report: DiagnosticText) -> Iterator[Change]:
    yield from _named(report.message)
    yield from _members(report.message)
    yield from _changed_arguments(report)
    if match := _HEADER.search(report.message):
        header = match[1]
        yield from (change for change in CHANGES if change.sign.kind is SignKind.HEADER and change.name == header)
    if _TYPES.search(report.message):
        yield from _changed_types(report)
    if _NAMESPACE.search(report.message):
        yield from (change for change in CHANGES if change.sign.kind is SignKind.NAMESPACE)
    for pattern, kind in _WITHOUT_A_NAME:
        if pattern.search(report.message):
            yield from _on_the_line(report, kind)


def _named(message: str) -> Iterator[Change]:
    for pattern in _NAMED:
        if match := pattern.search(message):
            yield from _INDEX[SignKind.NAME].get(match[1], ())
    if match := _UNKNOWN_STRUCTURE.search(message):
        changes = _INDEX[SignKind.NAME].get(match[1], ())
        # A struct that only changed still exists: if it is unknown, only its header is missing.
        yield from (change for change in changes if change.how is not ChangeKind.CHANGED)


def _members(message: str) -> Iterator[Change]:
    if match := _MEMBER.search(message):
        members = _INDEX[SignKind.MEMBER].get(match[2], ())
        yield from (change for change in members if change.structure == match[1])
    if match := _NO_STRUCTURE.search(message):
        members = _INDEX[SignKind.MEMBER].get(match[1], ())
        yield from (change for change in members if change.structure.endswith("_t"))
    if match := _READ_ONLY.search(message):
        yield from _INDEX[SignKind.READ_ONLY].get(match[1], ())


def _changed_arguments(report: DiagnosticText) -> Iterator[Change]:
    for pattern, (name, number) in _ARGUMENTS:
        if match := pattern.search(report.message):
            wrong = match[number] if isinstance(number, int) else number
            called = match[name]
            # A macro on the line may call a function whose name contains the macro's: __vmalloc_noprof.
            names = [called, *(word for word in _words(report.code) if word in called)]
            changes = (change for word in names for change in _INDEX[SignKind.ARGUMENTS].get(word, ()))
            yield from (change for change in changes if change.sign.arguments == wrong)
            yield from (change for change in _INDEX[SignKind.NAME].get(called, ()) if change.how is ChangeKind.HIDDEN)


def _changed_types(report: DiagnosticText) -> Iterator[Change]:
    given, wanted = _types_in(f"{report.message}\n{report.notes}")
    for change in CHANGES:
        if change.sign.kind is not SignKind.TYPE or (
            change.structure and not change.sign.text and not _names_member(change, report)
        ):
            continue
        if re.search(change.sign.given, given) and re.search(change.sign.wanted, wanted):
            yield change


_ARGUMENT_TYPES = re.compile(
    r"expected '(.*?)'(?: \{aka '(.*?)'\})? but argument is of type '(.*?)'(?: \{aka '(.*?)'\})?"
)
_VALUE_TYPES = re.compile(
    r"(?:initialization of|assignment to) '(.*?)'(?: \{aka '(.*?)'\})?"
    r" from (?:incompatible )?(?:pointer )?(?:type )?'(.*?)'(?: \{aka '(.*?)'\})?"
)
_PLAIN_TYPES = re.compile(r"when (?:assigning to|initializing) type '(.*?)'()(?: using| from) type '(.*?)'()")
# What is wrong with them is not said: of an operator, of a pointer that is none, of a format.
_GIVEN_TYPES = re.compile(r"\(have '(.*?)'(?: \{aka '.*?'\})?(?: and '(.*?)')?|but argument \d+ has type '(.*?)'")


def _types_in(text: str) -> tuple[str, str]:
    """The learner's type and the kernel's, each with the type that a typedef stands for."""
    for pattern in (_VALUE_TYPES, _PLAIN_TYPES, _ARGUMENT_TYPES):
        if match := pattern.search(text):
            wanted, wanted_aka, given, given_aka = match.groups()
            return f"{given} {given_aka or ''}", f"{wanted} {wanted_aka or ''}"
    match = _GIVEN_TYPES.search(text)
    return (" ".join(filter(None, match.groups())), "") if match else ("", "")


def _names_member(change: Change, report: DiagnosticText) -> bool:
    """Whether the line sets the member, or gcc's note names it: (near initialization for 'driver.remove')."""
    member = re.escape(change.identifier)
    return bool(
        re.search(rf"(?:\.|->)\s*{member}\b", report.code)
        or re.search(rf"initialization for '.*\b{member}'", report.notes)
    )


def _on_the_line(report: DiagnosticText, kind: SignKind) -> Iterator[Change]:
    for name in _words(report.code):
        changes = _INDEX[kind].get(name, ())
        yield from (change for change in changes if _whole_name(change, report.code))


def _whole_name(change: Change, code: str) -> bool:
    """Whether the code has the name; a structure's name only after the word struct."""
    return not change.name.startswith("struct ") or re.search(rf"\bstruct\s+{change.identifier}\b", code) is not None


def _words(code: str) -> Iterable[str]:
    return re.findall(r"[A-Za-z_]\w*", code)
