"""What a module gives back a second time: of many things the kernel says nothing then, and something else breaks later.

Memory is left to the tracer, which sees every call that frees some.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kmodlab.tracer.call_log import Call
from kmodlab.tracer.resource_kinds import LOCKS, MODULE_REFERENCE

Key = tuple[str, tuple[int, ...]]

# These count their holders, who may be more than were seen.
_COUNTED = LOCKS | {MODULE_REFERENCE, "kobject", "cdev-object", "file", "clock-enabled", "clock-prepared", "gpiod"}
_COUNTED |= {"regulator-enabled", "tty-driver", "adapter-reference", "pci-enable"}
# Which of them is meant is not known, but every function that gets one is.
_COMPLETE = {"chrdev-region"}


def given_back_twice(calls: Iterable[Call]) -> Iterator[tuple[str, Call, Call]]:
    """Kind, second and first call, where what was acquired once is given back twice."""
    held: list[set[Key]] = []
    gone: dict[Key, Call] = {}
    for call in calls:
        closed = set(_keys(call, closes=True))
        found = next((one for one in reversed(held) if one & closed), None)
        if found:
            held.remove(found)
            gone.update(dict.fromkeys(found, call))
        else:
            again = next((key for key in sorted(closed) if key in gone), None)
            if again:
                yield again[0], call, gone[again]
        if call.returned and not call.failed:
            opened = set(_keys(call, closes=False))
            held += [opened] if opened else []
            for key in opened:
                gone.pop(key, None)


def _keys(call: Call, *, closes: bool) -> Iterator[Key]:
    record = call.record
    for handle in call.function.closes if closes else call.function.opens:
        values = handle.values(record.arguments, record.result)
        if handle.kind not in _COUNTED and (any(values) or handle.kind in _COMPLETE):
            yield handle.kind, values
