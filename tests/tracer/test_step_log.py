"""The log of a run: nothing of the tracer is in it, and everything of the module is."""

from __future__ import annotations

import pytest

from kmodlab.crash.records import LogRecord
from kmodlab.tracer.step_log import crashes_by_step, hide_in_records, hide_tracer

LOG = """\
[    3.104000] kmodlab: unload
[    3.635559] ------------[ cut here ]------------
[    3.635670] refcount_t: addition on 0; use-after-free.
[    3.635928] WARNING: CPU: 0 PID: 104 at lib/refcount.c:25 refcount_warn_saturate+0x97/0x110
[    3.636438] Modules linked in: th(OE-) kmodlab_tracer(OE) overlay squashfs
[    3.637169] RIP: 0010:refcount_warn_saturate+0x97/0x110
[    3.637853] Call Trace:
[    3.638498]  <TASK>
[    3.638590]  kthread_stop+0x169/0x170
[    3.638959]  kmodlab_pad+0x1/0x10 [kmodlab_tracer]
[    3.639000]  ? on_breakpoint+0x30/0x1c0 [kmodlab_tracer 0123456789abcdef]
[    3.639055]  __do_sys_delete_module+0x1b9/0x330
[    3.639640] RIP: 0033:0x43ebe9
[    3.639995]  </TASK>
[    3.640043] ---[ end trace 0000000000000000 ]---"""


def test_a_report_names_no_function_of_the_tracer() -> None:
    (crash,) = crashes_by_step(hide_tracer(LOG))
    assert crash.step == "unload"
    assert [frame.function for frame in crash.report.frames[:3]] == [
        "refcount_warn_saturate",
        "kthread_stop",
        "__do_sys_delete_module",
    ]
    assert crash.report.cause == "`kthread_stop()` was called for a thread that has ended already"
    assert "tracer" not in crash.report.raw and "th(OE-) overlay" in crash.report.raw


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("[    1.000000]  kfree+0x1/0x10 [th]", "[    1.000000]  kfree+0x1/0x10 [th]"),
        ("[    1.000000] RIP: 0010:guarded_alloc+0x12/0x90 [kmodlab_tracer]", ""),
        ("[    1.000000] kmodlab_tracer: loading out-of-tree module taints kernel.", ""),
        (
            "[    1.000000] WARNING: CPU: 0 PID: 1 at mm/slab.c:9 guarded_alloc+0x1/0x9 [kmodlab_tracer]",
            "[    1.000000] WARNING: CPU: 0 PID: 1 at mm/slab.c:9",
        ),
        ("", ""),
    ],
)
def test_what_else_a_line_says_is_kept(line: str, shown: str) -> None:
    assert hide_tracer(line) == shown


def test_records_that_are_only_about_the_tracer_are_left_out() -> None:
    texts = ["kept", "", " kmodlab_pad+0x1/0x10 [kmodlab_tracer]", "Modules linked in: kmodlab_tracer(OE) th(O)"]
    records = [LogRecord(number, 1.0, 4, 0, text) for number, text in enumerate(texts)]
    assert [record.text for record in hide_in_records(records)] == ["kept", "", "Modules linked in: th(O)"]
