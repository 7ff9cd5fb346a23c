"""A crash report as data: what went wrong, where, in which process, and whether the kernel is still sound."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from kmodlab.i18n import _, ngettext


class ReportSeverity(StrEnum):
    """How serious a report is.

    After a `FATAL` report, the kernel is not reliable any more; after a `WARNING`, it is. A `TRACE` is a mere call
    trace, as `dump_stack()` prints it. `REFUSED` means that the kernel did not load a module, which has not run.
    """

    FATAL = "fatal"
    WARNING = "warning"
    TRACE = "trace"
    REFUSED = "refused"


class Kind(StrEnum):
    """What a report is about."""

    NULL_DEREFERENCE = "null-dereference"
    PAGE_FAULT = "page-fault"
    GENERAL_PROTECTION = "general-protection"
    DIVIDE_ERROR = "divide-error"
    DOUBLE_FAULT = "double-fault"
    TRAP = "trap"  # any other exception of the processor
    STACK_OVERFLOW = "stack-overflow"
    STACK_CORRUPTION = "stack-corruption"
    BUG = "bug"
    PANIC = "panic"
    NMI = "nmi"  # an NMI for an unknown reason; kmodlab sends one to a guest that hangs
    SOFT_LOCKUP = "soft-lockup"
    HARD_LOCKUP = "hard-lockup"
    RCU_STALL = "rcu-stall"
    HUNG_TASK = "hung-task"
    WORKQUEUE_LOCKUP = "workqueue-lockup"
    SCHEDULING_WHILE_ATOMIC = "scheduling-while-atomic"
    SLEEPING_IN_ATOMIC = "sleeping-in-atomic"
    LIST_CORRUPTION = "list-corruption"
    SLAB_CORRUPTION = "slab-corruption"
    BAD_PAGE = "bad-page"
    KASAN = "kasan"
    KFENCE = "kfence"
    KMSAN = "kmsan"
    KCSAN = "kcsan"
    UBSAN = "ubsan"
    MEMORY_LEAK = "memory-leak"
    LOCKDEP = "lockdep"
    SPINLOCK = "spinlock"
    REFCOUNT = "refcount"
    WARNING = "warning"
    DUPLICATE_NAME = "duplicate-name"
    TRACE = "trace"
    UNKNOWN_SYMBOL = "unknown-symbol"
    WRONG_VERSION = "wrong-version"
    BAD_RELOCATION = "bad-relocation"
    BAD_FORMAT = "bad-format"

    @property
    def severity(self) -> ReportSeverity:
        """How serious reports of this kind are."""
        return _SEVERITIES.get(self, ReportSeverity.FATAL)


_WARNINGS = "warning refcount duplicate-name ubsan memory-leak kcsan lockdep sleeping-in-atomic"
_REFUSALS = "unknown-symbol wrong-version bad-relocation bad-format"
_SEVERITIES = {
    Kind.TRACE: ReportSeverity.TRACE,
    **dict.fromkeys(map(Kind, _WARNINGS.split()), ReportSeverity.WARNING),
    **dict.fromkeys(map(Kind, _REFUSALS.split()), ReportSeverity.REFUSED),
}


@dataclass(frozen=True)
class Frame:
    """One place in a call trace: a function, and the offset in it, in bytes.

    `size` is the distance to the next symbol, in bytes. `module` is None in the kernel itself. `reliable` is False for
    an address that the kernel only found on the stack ("? "). If `exact`, the offset is that of the instruction;
    otherwise it is a return address, the instruction after the call. `location` is file and line, if the log has them
    (scripts/decode_stacktrace.sh), `build_id` the module's, if the kernel prints it.
    """

    function: str
    offset: int | None = None
    size: int | None = None
    module: str | None = None
    reliable: bool = True
    exact: bool = False
    location: str = ""
    build_id: str = ""

    def __str__(self) -> str:
        offset = "" if self.offset is None else f"+{self.offset:#x}"
        size = "" if self.size is None else f"/{self.size:#x}"
        return f"{self.function}{offset}{size}" + (f" [{self.module}]" if self.module else "")


@dataclass(frozen=True)
class Stack:
    """A further call trace in a report: `title` is the kernel's line above it, such as "Allocated by task 84:"."""

    title: str
    frames: tuple[Frame, ...]


@dataclass(frozen=True)
class Report:
    """One report of the kernel.

    `sentence` is the kernel's own, unchanged. `place` is where the processor was, None if unknown; `trace` are the
    calls that led there, innermost first; `stacks` are further traces in the report. `registers` maps names to
    hexadecimal values. `address` is the memory address that was accessed, None if unknown. `taint` maps letters to
    meanings. `panicked` means that the kernel stopped. `doubt` says why the report may be incomplete, and `cause` the
    mistake that it is known for, without a full stop; both may be empty. `time_s` is in seconds since the boot, None if
    the log has no times; `first_line` and `last_line` count the log's lines from 1, `raw` has their text.
    """

    kind: Kind
    sentence: str
    place: Frame | None = None
    trace: tuple[Frame, ...] = ()
    stacks: tuple[Stack, ...] = ()
    registers: Mapping[str, str] = field(default_factory=dict)
    address: int | None = None
    taint: Mapping[str, str] = field(default_factory=dict)
    process: str | None = None
    pid: int | None = None
    cpu: int | None = None
    kernel: str | None = None
    panicked: bool = False
    doubt: str = ""
    cause: str = ""
    time_s: float | None = None
    first_line: int = 0
    last_line: int = 0
    raw: str = ""

    @property
    def severity(self) -> ReportSeverity:
        """How serious the report is."""
        return ReportSeverity.FATAL if self.panicked else self.kind.severity

    @property
    def words(self) -> str:
        """The kernel's sentence, introduced by a sentence in the reader's language."""
        end = "" if self.sentence.endswith((".", "!", "?", ":")) else "."
        words = _("The kernel reported: {sentence}").format(sentence=self.sentence + end)
        return f"{words} {self.explanation}" if self.cause else words

    @property
    def explanation(self) -> str:
        """The cause as a sentence; empty if it is unknown."""
        return f"{self.cause[0].upper()}{self.cause[1:]}." if self.cause else ""

    @property
    def is_crash(self) -> bool:
        """Whether it reports a mistake in code that ran: not a mere trace, and not a refused module."""
        return self.severity in (ReportSeverity.FATAL, ReportSeverity.WARNING)

    @property
    def is_fatal(self) -> bool:
        """Whether the kernel is not reliable any more."""
        return self.severity is ReportSeverity.FATAL

    @property
    def is_refusal(self) -> bool:
        """Whether the kernel refused to load a module, so that the module never ran."""
        return self.severity is ReportSeverity.REFUSED

    @property
    def frames(self) -> tuple[Frame, ...]:
        """Where the processor was and the calls that led there, innermost first, without unreliable ones."""
        calls = tuple(frame for frame in self.trace if frame.reliable)
        # Some architectures repeat the place as the first frame of the trace.
        return (self.place, *calls[[str(self.place)] == [*map(str, calls[:1])] :]) if self.place else calls


def repeated_sentence(later: int) -> str:
    """How many more reports there are like the one before."""
    return ngettext("{count} more report like this one.", "{count} more reports like this one.", later).format(
        count=later
    )


def group_repeated(reports: Iterable[Report]) -> list[tuple[Report, int]]:
    """The first of the reports that say the same of the same calls, each with the number of those that follow.

    A report without calls, whose lines may be incomplete, belongs to those that say the same.
    """
    first: list[Report] = []
    later: list[int] = []
    for report in reports:
        number = next((number for number, other in enumerate(first) if _says_the_same(report, other)), None)
        if number is None:
            first.append(report)
            later.append(0)
        else:
            later[number] += 1
    return list(zip(first, later, strict=True))


def _says_the_same(report: Report, other: Report) -> bool:
    words, others = (re.sub(r"\d+", "", each.sentence) for each in (report, other))
    is_same_place = not report.frames or [*map(str, report.frames)] == [*map(str, other.frames)]
    return report.kind is other.kind and words == others and is_same_place
