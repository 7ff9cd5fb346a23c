"""What a decoded kernel crash is made of.

The course shows these values beside the learner's cell; the command line prints them. Nothing here knows how a log
looks: parsing is left to the other modules of this folder, source lines to `evidence.source_lines`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What sort of trouble the kernel reported."""

    NULL_DEREFERENCE = "null-dereference"
    PAGE_FAULT = "page-fault"
    GENERAL_PROTECTION = "general-protection"
    BUG = "bug"
    WARNING = "warning"
    DIVIDE_ERROR = "divide-error"
    INVALID_OPCODE = "invalid-opcode"
    STACK_OVERFLOW = "stack-overflow"
    STACK_PROTECTOR = "stack-protector"
    DOUBLE_FAULT = "double-fault"
    SLEEPING_IN_ATOMIC = "sleeping-in-atomic"
    SCHEDULING_WHILE_ATOMIC = "scheduling-while-atomic"
    SOFT_LOCKUP = "soft-lockup"
    HARD_LOCKUP = "hard-lockup"
    RCU_STALL = "rcu-stall"
    HUNG_TASK = "hung-task"
    LIST_CORRUPTION = "list-corruption"
    REFCOUNT_CORRUPTION = "refcount-corruption"
    DOUBLE_FREE = "double-free"
    SLAB_CORRUPTION = "slab-corruption"
    MEMORY_LEAK = "memory-leak"
    LOCKDEP = "lockdep"
    KASAN = "kasan"
    KMSAN = "kmsan"
    KCSAN = "kcsan"
    KFENCE = "kfence"
    UBSAN = "ubsan"
    PANIC = "panic"
    UNKNOWN_SYMBOL = "unknown-symbol"
    BAD_RELOCATION = "bad-relocation"
    WRONG_VERSION = "wrong-version"
    BAD_FORMAT = "bad-format"
    OTHER = "other"


@dataclass(frozen=True)
class Frame:
    """One place in the kernel's code: a function, how far into it, and the module that it belongs to.

    `offset` and `size` count bytes; both are None where the log names only a function. `module` is None for the
    kernel itself. `reliable` is False for the lines that the kernel marks with `?`: leftovers on the stack rather
    than calls. `exact` is True where the address is the instruction that trapped, False where it is a return
    address, which lies one instruction *after* the call.
    """

    function: str
    offset: int | None = None
    size: int | None = None
    module: str | None = None
    reliable: bool = True
    exact: bool = False

    def __str__(self) -> str:
        place = self.function
        if self.offset is not None:
            place += f"+{self.offset:#x}"
        if self.size is not None:
            place += f"/{self.size:#x}"
        return f"{place} [{self.module}]" if self.module else place


@dataclass(frozen=True)
class Taint:
    """A letter of the kernel's taint flags and what it says."""

    letter: str
    meaning: str


@dataclass(frozen=True)
class Oops:
    """One crash, as the log tells it.

    `title` is the one-line name under which kernel developers file such a crash. `function` is the one that looks
    guilty, which is not always the one that trapped: helpers such as `memcpy` or a spinlock are passed over. It is
    None where nothing names one. `offset`, `size` and `module` belong to that function. `rip` is the instruction that
    trapped, as text. `trace` holds the calls that led there, innermost first.

    `corrupted` is doubt: the log is cut off, or other lines ran into it; `reason` then says which. `first_line` and
    `last_line` count from 1 and delimit `raw` in the log.
    """

    title: str
    kind: Kind
    function: str | None = None
    offset: int | None = None
    size: int | None = None
    module: str | None = None
    rip: str | None = None
    rip_frame: Frame | None = None
    trace: tuple[Frame, ...] = ()
    registers: dict[str, str] = field(default_factory=dict)
    taint: tuple[Taint, ...] = ()
    process: str | None = None
    pid: int | None = None
    cpu: int | None = None
    kernel: str | None = None
    corrupted: bool = False
    reason: str | None = None
    raw: str = ""
    first_line: int = 0
    last_line: int = 0
