"""How the plan and the records of `module/tracer.h` lie in memory, for the host's side; a test compares the two."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntFlag

PLAN_MAGIC = 0x314E504B  # "KPN1"
RECORDS_MAGIC = 0x3152574B  # "KWR1"
NO_SITE = 0xFFFF
NO_ARGUMENT = 0xFF
MAX_SPOTS = 1024


class SiteFlag(IntFlag):
    """How a call is watched."""

    JUMP = 1  # a tail call: it does not come back here
    FENCE = 2  # its memory is put where an access after it was freed crashes
    GUARD = 4  # its memory is put where an access behind it crashes


class SpotFlag(IntFlag):
    """What a watched place in the code is."""

    CALL = 1
    EXIT = 2


class StructLayout(struct.Struct):
    """A packed C struct, little-endian: `members` are pairs `name:format`, each format one of the struct module's."""

    def __init__(self, members: str) -> None:
        self._members = [member.split(":") for member in members.split()]
        super().__init__("<" + "".join(form for _, form in self._members))

    def members(self) -> Iterator[tuple[str, int, int]]:
        """Name, offset and size of each member, in bytes."""
        offset = 0
        for name, form in self._members:
            size = struct.calcsize("<" + form)
            yield name, offset, size
            offset += size


PLAN = StructLayout(
    "magic:I sections:H sites:H spots:H stand_in:H fail_site:I fail_nth:I fail_value:q recorded_loads:I reserved:I "
    "target:56s"
)
PLAN_SECTION = StructLayout("symbol:I reserved:I value:Q")
PLAN_SITE = StructLayout(
    "flags:B gives:B takes:B takes_argument:B sees:B sees_argument:B name:B name_argument:B size_argument:B "
    "flags_argument:B reserved:H"
)
PLAN_SPOT = StructLayout("offset:I section:H site:H flags:H reserved:H")
RECORDS_HEAD = StructLayout("magic:I size:I count:I dropped:I capacity:I loads:I reserved:104s")
RECORD = StructLayout("kind:B phase:B site:H pid:I time:Q result:Q arguments:6Q nth:I flags:H depth:H text:40s ended:Q")
