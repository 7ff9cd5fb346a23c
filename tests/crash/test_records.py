"""Kernel records, from /dev/kmsg's format."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kmodlab.crash.records import console_lines, format_log, parse_kmsg, read_log

SAMPLE = b"""\
6,428,2445690,-;squashfs: version 4.0 (2009/01/31) Phillip Lougher
5,427,2397689,-;virtio_blk virtio1: [vda] 312752 512-byte logical blocks
 SUBSYSTEM=virtio
 DEVICE=+virtio:virtio1
15,430,2500000,-;hello init
30,431,2500001,-,caller=T1;systemd[1]: \\x1b[0mhi\\x5cn
"""


def test_records_have_time_level_facility_and_text() -> None:
    record = parse_kmsg(SAMPLE)[0]
    assert (record.sequence, record.time_s, record.level, record.facility) == (428, 2.44569, 6, 0)
    assert record.text == "squashfs: version 4.0 (2009/01/31) Phillip Lougher"


def test_debug_records_are_not_on_the_console() -> None:
    records = parse_kmsg(SAMPLE)
    assert [record.on_console for record in records] == [True, True, False, True]
    assert records[2].level_name == "DEBUG"


def test_key_value_lines_are_no_records() -> None:
    assert len(parse_kmsg(SAMPLE)) == 4


def test_escapes_are_undone_and_facilities_kept() -> None:
    record = parse_kmsg(SAMPLE)[3]
    assert record.text == "systemd[1]: \x1b[0mhi\\n"
    assert record.facility == 3


def test_the_log_reads_as_dmesg_prints_it() -> None:
    assert format_log(parse_kmsg(SAMPLE)[2:3]) == "[    2.500000] hello init"


def test_a_character_of_several_bytes_is_one_again() -> None:
    (record,) = parse_kmsg(b"6,1,1,-;gr\\xc3\\xbc\\xc3\\x9fe\n")
    assert record.text == "grüße"


@given(st.binary())
def test_any_bytes_are_tolerated(data: bytes) -> None:
    format_log(parse_kmsg(data))


def test_records_about_the_guest_itself_are_left_out() -> None:
    log = SAMPLE + (
        b"6,432,2600000,-;clocksource: Switched to clocksource hpet\n"
        b"4,433,2700000,-;hrtimer: interrupt took 8512344 ns\n"
        b"4,435,2750000,-;CE: hpet increased min_delta_ns to 7500 nsec\n"
        b"12,434,2800000,-;hrtimer: interrupt took all day\n"
    )
    assert read_log(log) == (*parse_kmsg(SAMPLE), parse_kmsg(log)[-1])


def test_lines_about_the_guest_itself_are_left_out_of_its_console_too() -> None:
    console = (
        "[   13.1] CE: hpet increased min_delta_ns to 7500 nsec\r\n\r\n"
        "[   13.250000] CE: hpet increased min_delta_ns to 11250 nsec\r\n"
        "[   13.300000] lamp: reboot notifier\r\n[   13.4] lamp: CE: hpet increased"
    )
    assert console_lines(console) == ["[   13.300000] lamp: reboot notifier", "[   13.4] lamp: CE: hpet increased"]
