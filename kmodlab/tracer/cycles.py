"""Many loads of a module in a row: how many went well, and whether anything came together meanwhile."""

from __future__ import annotations

from kmodlab.tracer.leaks import charged
from kmodlab.tracer.observe import Observation
from kmodlab.tracer.resources import parse_account
from kmodlab.tracer.trace_records import RecordKind


def cycles_done(observation: Observation) -> int | None:
    """How often it was loaded and unloaded in the end; None where that was not tried."""
    step = observation.step("cycled")
    return step.status if step else None


def level_after_cycles(observation: Observation) -> bool | None:
    """Whether there was the same after all the loads as before the first; None where that was not tried."""
    begun, before, after = (
        observation.step(*step) for step in (("cycle",), ("account", "before"), ("account", "cycled"))
    )
    if begun is None:
        return None
    if before is None or after is None:
        return False
    level = not charged(parse_account(after.text), parse_account(before.text))
    return level and not observation.records.of(RecordKind.LEFT)
