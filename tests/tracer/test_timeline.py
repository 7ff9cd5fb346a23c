"""The life of a module as moments: what happened when, and what never did."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from trace_factory import BOX, CODE, FUNCTIONS, LOCK, MISC, call, gone, init, line_of, loaded_and_unloaded, record

from kmodlab.notebook.render.timeline import TimelineChart, timeline_svg
from kmodlab.tracer.timeline import MomentKind, Timeline, as_dict, format_timeline, make_timeline
from kmodlab.tracer.trace_records import Record, Records
from kmodlab.tracer.wire_format import Flag, Phase, RecordKind


def timeline(records: list[Record]) -> Timeline:
    return make_timeline(CODE, FUNCTIONS, Records(tuple(records)))


def failing() -> Timeline:
    failed = Flag.RETURNED | Flag.OWN_TASK | Flag.INJECTED
    calls = (call("kmalloc_trace", result=BOX), call("misc_register", result=-16, flags=failed), call("kfree", BOX))
    return timeline([*init(*calls, returns=-16), *gone()])


def whole() -> Timeline:
    inside = (call("misc_register", MISC), call("mutex_lock", LOCK), call("mutex_unlock", LOCK), call("unheard_of"))
    return timeline(loaded_and_unloaded(*inside, in_exit=[call("misc_deregister", MISC)]))


def test_a_life_goes_from_coming_to_gone() -> None:
    life = whole()
    assert [moment.kind for moment in life.moments] == [
        *(MomentKind.COMING, MomentKind.INIT, MomentKind.CALL, MomentKind.RETURN, MomentKind.LIVE),
        *(MomentKind.GOING, MomentKind.EXIT, MomentKind.CALL, MomentKind.EXITED, MomentKind.GONE),
    ]
    times = [moment.time_s for moment in life.moments]
    assert times == sorted(times) and times[0] == 0
    assert life.exit_called and life.is_live and life.init_returned == 0
    assert life.conclusion == "init succeeded, so the module was live until exit was called"


def test_calls_stand_in_it_with_their_lines_and_results() -> None:
    _, failed, _ = [moment for moment in failing().moments if moment.kind is MomentKind.CALL]
    assert (failed.text, failed.result, failed.failed, failed.injected) == ("misc_register()", "-EBUSY", True, True)
    assert failed.line is not None and failed.line.line == line_of("= misc_register")


def test_an_init_that_failed_is_followed_by_no_exit() -> None:
    life = failing()
    assert MomentKind.EXIT not in [moment.kind for moment in life.moments]
    assert life.conclusion == "init failed with -EBUSY (-16), so the module is not loaded and exit is not called"
    text = format_timeline(life)
    assert "exit is never called" in text
    assert re.search(r"misc_register\(\) -> -EBUSY  \(made to fail\)   steps\.c:\d+", text)


def test_an_init_that_never_returns_is_told() -> None:
    life = timeline(init(call("mutex_lock", flags=Flag.OWN_TASK), call("kmalloc_trace", flags=Flag.OWN_TASK))[:-1])
    assert life.init_returned is None and life.conclusion == "init never returned"
    assert life.moments[-1].result == "never returns"


def test_an_init_that_calls_exit_itself_is_told() -> None:
    life = timeline([*init(record(RecordKind.EXIT, phase=Phase.INIT), returns=-12), *gone()])
    assert life.conclusion.endswith("called the module's exit function itself")


def test_a_second_load_is_not_part_of_it() -> None:
    assert len(timeline([*loaded_and_unloaded(), *loaded_and_unloaded()]).moments) == len(whole().moments) - 2


def test_nothing_recorded_is_a_timeline_too() -> None:
    life = timeline([])
    assert life.moments == () and life.conclusion == "init never returned"
    ET.fromstring(timeline_svg(life))


def test_as_data_it_has_every_moment() -> None:
    data = as_dict(failing())
    assert data["exit_called"] is False and data["init_returned"] == -16
    moments = data["moments"]
    assert isinstance(moments, list)
    assert moments[3]["file"] == "steps.c" and moments[3]["injected"] is True and moments[3]["took_s"] is not None


def test_the_picture_shows_that_exit_is_never_called() -> None:
    words = [element.text for element in ET.fromstring(timeline_svg(failing())).iter() if element.text]
    assert "is never called" in words
    assert any("so the module is not loaded and exit is not called" in text for text in words)
    assert "is never called" not in timeline_svg(whole())


def test_the_picture_of_hostile_names_is_harmless() -> None:
    life = failing()
    hostile = Timeline("<script>alert(1)</script>", life.moments, life.init_returned)
    chart = TimelineChart(hostile)
    assert "<script" not in chart.html
    ET.fromstring(timeline_svg(hostile))
