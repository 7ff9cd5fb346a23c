"""The binary layout of plan and records, and all constants in them; a test compares it with `module/tracer.h`."""

from __future__ import annotations

import struct
from enum import IntEnum, IntFlag

PLAN_MAGIC = 0x314E504B  # "KPN1"
RECORDS_MAGIC = 0x3152574B  # "KWR1"
NO_SITE = 0xFFFF
NO_FUNCTION = 0xFFFF
NO_ARGUMENT = 0xFF
BASE_NEXT = 16
MAX_BREAKPOINTS = 1024
MAX_FUNCTIONS = 2048

# ---- the plan ------------------------------------------------------------------------------------------------------


class SiteFlag(IntFlag):
    """How a call is traced."""

    JUMP = 1  # a tail call: it does not return here
    FENCE = 2  # an access to the call's memory after it was freed crashes
    GUARD = 4  # an access beyond the end of the call's memory crashes
    CACHE = 8  # it creates a slab cache
    REGISTER = 16  # through a pointer in a register
    MEMORY = 32  # through a pointer in memory
    PATCHED = 64  # a static call, which the kernel patches


class BreakpointFlag(IntFlag):
    """The kind of instruction that a breakpoint is set on."""

    CALL = 1
    EXIT = 2


class Allocates(IntEnum):
    """The kind of memory that a call allocates; the tracer identifies it by its address."""

    NOTHING = 0
    MEMORY = 1
    CACHED = 2
    PAGE = 3
    PAGE_ADDRESS = 4


class Frees(IntEnum):
    """The kind of memory that a call frees."""

    NOTHING = 0
    MEMORY = 1
    CACHED = 2
    RCU = 3
    PAGE = 4
    PAGE_ADDRESS = 5


class Callback(IntEnum):
    """The kind of callback that a call starts, which runs the module's code later."""

    NOTHING = 0
    TIMER = 1
    HRTIMER = 2
    WORK = 3
    DELAYED_WORK = 4
    TASKLET = 5
    RCU = 6


class Naming(IntEnum):
    """Where an argument has the name of a resource."""

    NONE = 0
    TEXT = 1
    FIRST = 2
    MISC = 3
    NETDEV = 4
    PLATFORM = 5
    PCI = 6


# ---- records -------------------------------------------------------------------------------------------------------


class RecordKind(IntEnum):
    """The kind of a record. The comments list its arguments; the record's `site` is the call that it is about."""

    LOADING = 1  # the module's code is in place, its init not called yet
    SECTION = 2  # number of the section, its address
    INIT = 3  # init is entered
    RETURN = 4  # what init returned
    LIVE = 5
    EXIT = 6  # exit is entered: the address that it will return to
    GOING = 7  # exit has returned, or init has failed
    FREED = 8  # the module's own memory is freed
    CALL = 9  # a call of the kernel
    ACTIVE = 10  # a callback is still pending: `Callback`, address, function
    THREAD = 11  # a kernel thread still runs the module's code: id, function, task
    LEAKED = 12  # memory that was not freed: address, size, `Allocates`, phase
    DOUBLE_FREE = 13  # address, site of the first free, site that allocated it
    UNPROBED = 14  # a breakpoint could not be set, or did not stay: the instruction there
    SETTLED = 15  # callbacks were counted: how many were active, with threads
    CHECKED = 16  # number of leaks, whether not all allocations could be tracked
    FREED_ACTIVE = 17  # memory is freed while a callback in it is pending: as ACTIVE, and the site that scheduled it
    INVALID_FREE = 18  # not the beginning of the memory is freed: address, the beginning, site that allocated it
    OVERRUN = 19  # a write beyond the end of memory: address, size, site that allocated it
    WRITE_AFTER_FREE = 20  # address, offset of the write, site that freed it
    UNRESOLVED = 21  # a call through a pointer to no known function: the address


class Phase(IntEnum):
    """How far the module had come."""

    OUTSIDE = 0
    INIT = 1
    LOADED = 2
    EXIT = 3
    GONE = 4


class Flag(IntFlag):
    """Properties of a recorded call."""

    RETURNED = 1
    INJECTED = 2  # it was made to fail
    NESTED = 4  # made in a callback, while another call of the module had not returned
    ATOMIC = 8  # made in atomic context, in which sleeping is not allowed
    IN_INTERRUPT = 16
    OWN_TASK = 32  # made by the task that runs init or exit


# ---- layouts -------------------------------------------------------------------------------------------------------


class StructLayout(struct.Struct):
    """A packed C struct, little-endian, from pairs `name:format`; `formats` has the format of each member."""

    def __init__(self, members: str) -> None:
        self.formats = dict(member.split(":") for member in members.split())
        super().__init__("<" + "".join(self.formats.values()))


PLAN = StructLayout(
    "magic:I sections:H sites:H breakpoints:H half:H fail_site:I fail_nth:I fail_value:q recorded_loads:I "
    "functions:H fail_function:H target:56s"
)
PLAN_SECTION = StructLayout("symbol:I reserved:I value:Q")
PLAN_SITE = StructLayout(
    "flags:B allocates:B frees:B frees_argument:B callback:B callback_argument:B name:B name_argument:B "
    "size_argument:B flags_argument:B length:B base:B displacement:B reserved:B"
)
PLAN_FUNCTION = StructLayout(f"name:Q call:{PLAN_SITE.size}s")
PLAN_BREAKPOINT = StructLayout("offset:I section:H site:H flags:H reserved:H")
RECORDS_HEAD = StructLayout("magic:I size:I count:I dropped:I capacity:I loads:I reserved:104s")
RECORD = StructLayout(
    "kind:B phase:B site:H pid:I time:Q result:Q arguments:6Q nth:I flags:B depth:B function:H text:40s ended:Q"
)
