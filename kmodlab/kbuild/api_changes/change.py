"""One change of the kernel's API: the name, what happened to it in which release, and what to write instead."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from kmodlab.i18n import N_, _


class ChangeKind(StrEnum):
    """What happened to a name. The first four concern code older than the kernel, the last two newer code."""

    GONE = "gone"
    CHANGED = "changed"
    MOVED = "moved"
    HIDDEN = "hidden"
    CAME = "came"
    LATER = "later"

    @property
    def concerns_old_kernels(self) -> bool:
        """Whether the change concerns the kernels before its release."""
        return self in (ChangeKind.CAME, ChangeKind.LATER)


class SignKind(StrEnum):
    """The part of a message by which a change is recognised."""

    NAME = "name"
    HEADER = "header"
    MEMBER = "member"
    ARGUMENTS = "arguments"
    TYPE = "type"
    VALUE = "value"
    READ_ONLY = "read-only"
    NAMESPACE = "namespace"


_SENTENCES = {
    ChangeKind.GONE: N_("{name} is gone since Linux {release}: {instead}. For example: {example}"),
    ChangeKind.CHANGED: N_("{name} changed in Linux {release}: {instead}. For example: {example}"),
    ChangeKind.MOVED: N_("{name} is declared elsewhere since Linux {release}: {instead}. For example: {example}"),
    ChangeKind.HIDDEN: N_("{name} is not exported to modules since Linux {release}: {instead}. For example: {example}"),
    ChangeKind.CAME: N_(
        "{name} is new in Linux {release}, and this kernel is {kernel}: {instead}. For example: {example}"
    ),
    ChangeKind.LATER: N_(
        "{name} changed in Linux {release}, and this kernel is {kernel}: {instead}. For example: {example}"
    ),
}


def parse_release(text: str) -> tuple[int, ...]:
    """The numbers at the beginning of a release: (6, 1, 0) of "6.1.0-57-amd64"; () if there are none."""
    match = re.match(r"\d+(?:\.\d+){1,2}", text)
    return tuple(map(int, match[0].split("."))) if match else ()


def _shown(kernel: tuple[int, ...]) -> str:
    """The name of a release: "6.1" or "2.6.32"."""
    return ".".join(map(str, kernel[: 3 if kernel[0] < 3 else 2]))


@dataclass(frozen=True)
class Sign:
    """How a change is recognised: `given` and `wanted` are patterns for the learner's type and the kernel's.

    `arguments` says whether the learner passes too "few" or too "many" arguments. `text` is a pattern for the
    learner's line, for changes that are not recognised by a name.
    """

    kind: SignKind
    arguments: str = ""
    given: str = ""
    wanted: str = ""
    text: str = ""


FEW = Sign(SignKind.ARGUMENTS, arguments="few")
MANY = Sign(SignKind.ARGUMENTS, arguments="many")
VALUE = Sign(SignKind.VALUE)
READ_ONLY = Sign(SignKind.READ_ONLY)
# The pattern has no argument because strings are blanked in the code that it is compared with.
NAMESPACE = Sign(SignKind.NAMESPACE, text=r"\bMODULE_IMPORT_NS\(\s*\)")


def types(given: str, wanted: str, text: str = "") -> Sign:
    """The sign of a type that changed."""
    return Sign(SignKind.TYPE, given=given, wanted=wanted, text=text)


@dataclass(frozen=True)
class Change:
    """A change of the API in Linux `release`, which the header (or kernel source) `source` shows.

    `release` is a range such as "3.18–4.9" if the exact release is not known. `name` is as the reader knows it:
    "init_timer()", "struct timeval", "linux/config.h", "file_operations.ioctl". `instead` (marked for the catalogue)
    completes a sentence, `example` is one line of C.
    """

    how: ChangeKind
    name: str
    release: str
    source: str
    instead: str
    example: str
    sign: Sign

    @property
    def key(self) -> str:
        """A unique key; the name is not unique, because a name may have changed more than once."""
        return f"{self.how} {self.name}"

    @property
    def identifier(self) -> str:
        """The name as an identifier: without parentheses or the word struct, and for a member without its structure."""
        return self.name.removesuffix("()").removeprefix("struct ").rpartition(".")[2]

    @property
    def structure(self) -> str:
        """The structure that a member belongs to."""
        return self.name.rpartition(".")[0]

    def applies_to(self, kernel: tuple[int, ...]) -> bool:
        """Whether the change concerns modules for this kernel."""
        first, _dash, last = self.release.partition("–")
        if self.how.concerns_old_kernels:
            return kernel < parse_release(first)
        return kernel >= parse_release(last or first)

    def sentence(self, kernel: tuple[int, ...]) -> str:
        """The hint, in the reader's language."""
        return _(_SENTENCES[self.how]).format(
            name=self.name,
            release=self.release,
            kernel=_shown(kernel),
            instead=_(self.instead),
            example=self.example,
        )


Row = tuple[str, str, str] | tuple[str, str, str, Sign]


def changes(how: str, release: str, source: str, *rows: Row) -> tuple[Change, ...]:
    """The changes of one kind in one release and one header.

    A row has the name, what to write instead, an example, and a sign unless the name is the sign.
    """
    return tuple(
        Change(ChangeKind(how), row[0], release, source, row[1], row[2], row[3] if len(row) > 3 else _sign_of(row[0]))
        for row in rows
    )


def _sign_of(name: str) -> Sign:
    if "/" in name or name == "stdarg.h":
        return Sign(SignKind.HEADER)
    return Sign(SignKind.MEMBER if "." in name else SignKind.NAME)
