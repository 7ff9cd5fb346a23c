"""What could still run when its module was unloaded, from the records of one load and of the next."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from trace_factory import CODE, FUNCTIONS, SUBJECT, TIMER, call, loaded_and_unloaded, observed, record, site

from kmodlab.tracer.call_sites import Code
from kmodlab.tracer.leftovers import as_leftover, may_call, may_run_later, may_stay, running_after
from kmodlab.tracer.trace_records import Record
from kmodlab.tracer.wire_format import Callback, Phase, RecordKind

POOL: Any = SimpleNamespace(functions=FUNCTIONS)
STARTS = call("mod_timer", TIMER, 99)
PENDING = record(RecordKind.ACTIVE, Callback.TIMER, TIMER, 0, phase=Phase.GONE, site=site("mod_timer"))


def lives(*pending: bool) -> list[Record]:
    """One load after the other; in some of them the timer is still pending at the end."""
    return [
        life for is_pending in pending for life in loaded_and_unloaded(STARTS, in_exit=[PENDING] if is_pending else [])
    ]


@pytest.mark.parametrize(
    ("pending", "count"), [((False, False), 0), ((True,), 1), ((False, True), 1), ((True, True), 2)]
)
def test_what_is_pending_in_any_load_is_found(pending: tuple[bool, ...], count: int) -> None:
    running = running_after(POOL, SUBJECT, observed(lives(*pending)))
    assert len(running) == count
    for leak in running:
        leftover = as_leftover(SUBJECT, leak)
        assert leftover.is_running and leftover.sentence.startswith("`steps` left behind: the timer")
        assert leftover.line is not None and leftover.line.file == "steps.c"


def test_only_modules_that_start_or_register_something_are_looked_at() -> None:
    assert may_call(CODE, may_run_later) and may_call(CODE, may_stay)
    assert not may_call(Code(b"no module"), may_stay)
