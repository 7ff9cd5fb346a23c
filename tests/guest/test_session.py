"""The guest of a session: commands, files, log, resets, and every way to lose it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from process_helpers import descendants, is_qemu, qemus_below, wait_until_gone

from kmodlab.crash.errnos import explain_error
from kmodlab.crash.records import parse_kmsg
from kmodlab.errors import EndKind, GuestError, GuestLostError
from kmodlab.guest import machine
from kmodlab.guest.lab import Lab
from kmodlab.guest.session import Session, is_modules_doing

Qemus = Callable[[], list[psutil.Process]]


def qemu_of(session: Session) -> psutil.Process:
    """The session's QEMU, which may be a child of the sandbox's process."""
    parent = psutil.Process(session.pid)
    return next(process for process in [parent, *descendants(parent)] if is_qemu(process))


@pytest.fixture
def own_qemus() -> Qemus:
    """The QEMU processes below this test process that were not there when the test began."""
    others = set(qemus_below(psutil.Process()))
    return lambda: [qemu for qemu in qemus_below(psutil.Process()) if qemu not in others]


def test_the_guest_runs_the_labs_kernel_with_kmods_own_tools(session: Session, lab: Lab) -> None:
    assert session.run(["uname", "-r"]).stdout.decode().strip() == lab.file.release
    for tool in ("insmod", "rmmod", "modprobe", "depmod", "modinfo"):
        assert b"kmod version" in session.run([tool, "--version"]).stdout


def test_the_agents_builtin_commands_do_and_say_what_kmods_do(session: Session) -> None:
    listed = session.run(["sh", "-c", "echo nothing >bad.ko; modinfo -n dummy usbhid"])
    dummy, usbhid = listed.stdout.decode().splitlines()
    calls = (
        ["insmod", "/none.ko"],
        ["insmod", "bad.ko"],
        ["insmod", usbhid],  # needs symbols of others
        ["insmod", dummy, "numdummies=none"],
        ["insmod", dummy, "numdummies=2"],
        ["insmod", dummy],
        ["rmmod", "dummy"],
        ["rmmod", "dummy"],
    )

    def run_all(in_agent: bool) -> list[tuple[int, str]]:
        results = (session.run(argv, in_agent=in_agent) for argv in calls)
        return [(result.status, result.text) for result in results]

    by_kmod = run_all(in_agent=False)
    assert run_all(in_agent=True) == by_kmod
    assert [status for status, _ in by_kmod] == [1, 1, 1, 1, 0, 1, 0, 1]
    assert session.run(["modprobe", "usbhid"]).ok
    in_use = [session.run(["rmmod", "hid"], in_agent=in_agent) for in_agent in (False, True)]
    assert [explain_error("rmmod", result.text) for result in in_use] == [explain_error("rmmod", in_use[0].text)] * 2
    assert [result.status for result in in_use] == [1, 1] and "is in use" in in_use[1].text


def test_the_whole_module_tree_is_there_and_modprobe_finds_dependencies(session: Session) -> None:
    result = session.run(["sh", "-c", "modprobe usb_storage && lsmod"])
    assert result.ok, result.text
    assert b"usb_storage" in result.stdout and b"scsi_mod" in result.stdout
    count = session.run(["sh", "-c", "find /lib/modules/$(uname -r)/ -name '*.ko*' | wc -l"]).stdout
    assert int(count) > 3000


def test_the_module_tree_can_be_written_and_a_reset_forgets_it(session: Session) -> None:
    assert session.run(["sh", "-c", "touch /lib/modules/$(uname -r)/file /root/file"]).ok
    assert session.run(["ls", "/root/file"]).ok
    session.reset()
    assert session.run(["ls", "/root/file"]).status == 1
    assert session.run(["sh", "-c", "ls /lib/modules/$(uname -r)/file"]).status == 1


def test_state_is_kept_between_commands(session: Session) -> None:
    generation = session.generation
    session.run(["modprobe", "loop"])
    assert b"loop" in session.run(["lsmod"]).stdout
    assert session.generation == generation + 1


def test_status_and_both_outputs_come_apart(session: Session) -> None:
    result = session.run(["sh", "-c", "echo out; echo err >&2; exit 7"])
    assert (result.status, result.stdout, result.stderr) == (7, b"out\n", b"err\n")


def test_output_streams_while_the_command_runs(session: Session) -> None:
    chunks: list[bytes] = []
    session.run(["sh", "-c", "echo one; sleep 0.5; echo two"], on_output=lambda _, data: chunks.append(data))
    assert chunks == [b"one\n", b"two\n"]


def test_binary_megabytes_go_in_and_out(session: Session) -> None:
    data = os.urandom(8 << 20)
    session.put("/tmp/data", data, 0o755)
    assert session.get("/tmp/data") == data
    assert session.run(["stat", "-c", "%a %s", "/tmp/data"]).stdout == f"755 {len(data)}\n".encode()


def test_a_file_that_is_not_there_is_an_error_and_the_guest_lives_on(session: Session) -> None:
    with pytest.raises(GuestError, match="No such file"):
        session.get("/none")
    assert session.is_alive


def test_only_new_log_records_are_given(session: Session) -> None:
    session.start()
    assert parse_kmsg(session.kmsg()) == ()
    session.run(["sh", "-c", "echo '<7>from the test' > /dev/kmsg"])
    (record,) = parse_kmsg(session.kmsg())
    assert (record.level, record.text) == (7, "from the test")
    assert parse_kmsg(session.kmsg()) == ()
    assert len(parse_kmsg(session.kmsg(0))) > 100


def test_who_follows_the_log_takes_no_records_from_others(session: Session) -> None:
    def follow() -> list[str]:
        return [record.text for record in parse_kmsg(session.with_machine(lambda machine: machine.agent.follow_log()))]

    assert len(follow()) > 100  # the boot
    session.run(["sh", "-c", "echo '<7>for all' > /dev/kmsg"])
    assert follow() == ["for all"]
    assert follow() == []
    assert [record.text for record in parse_kmsg(session.kmsg())][-1] == "for all"


def test_two_forks_have_different_random_numbers_and_the_right_time(session: Session) -> None:
    uuids = set()
    for _ in range(2):
        session.reset()
        uuids.add(session.run(["cat", "/proc/sys/kernel/random/uuid"]).stdout)
        assert abs(int(session.run(["date", "+%s"]).stdout) - time.time()) < 60
    assert len(uuids) == 2


def test_a_command_that_does_not_end_is_killed_and_the_guest_lives_on(session: Session) -> None:
    result = session.run(["sh", "-c", "echo started; sleep 1000"], timeout_s=1)
    assert result.timed_out and not result.ok
    assert result.stdout == b"started\n"
    assert session.is_alive
    assert session.run(["true"]).ok


def test_a_command_that_does_not_end_leaves_the_stacks_of_the_tasks(session: Session) -> None:
    result = session.run(["sh", "-c", "sleep 1000"], timeout_s=1)
    names = re.findall(r"^\d+ \((.+)\) [A-Z] ", result.stacks, re.MULTILINE)
    assert {"agent", "sleep", "kthreadd"} <= set(names)
    assert "hrtimer_nanosleep" in result.stacks and "do_syscall_64" in result.stacks


def test_the_guests_clock_jumps_ahead_and_with_it_what_is_due(session: Session) -> None:
    session.run(["sh", "-c", "echo $(cut -d. -f1 /proc/uptime) >/run/before; sleep 8 && touch /run/slept & sleep 0.1"])
    assert session.run(["jump", "10000"], in_agent=True).ok
    passed = session.run(["sh", "-c", "echo $(($(cut -d. -f1 /proc/uptime) - $(cat /run/before))); ls /run/slept"])
    assert int(passed.text.split()[0]) >= 10
    assert "/run/slept" in passed.text.split()


def test_a_flood_of_output_is_cut(session: Session) -> None:
    result = session.run(["yes"], limit=1 << 20)
    assert result.output_truncated and len(result.stdout) == 1 << 20
    assert session.run(["true"]).ok


ENDS = [
    ("echo c > /proc/sysrq-trigger", EndKind.PANIC),
    ("echo o > /proc/sysrq-trigger; sleep 60", EndKind.POWER_OFF),
    ("halt -f; sleep 60", EndKind.POWER_OFF),
    ("reboot -f; sleep 60", EndKind.REBOOT),
    ("killall -9 agent; sleep 60", EndKind.AGENT_KILLED),
    ("cat /dev/zero > /dev/vport*p1; sleep 60", EndKind.AGENT_KILLED),
]


@pytest.mark.parametrize(("script", "kind"), ENDS, ids=[kind for _, kind in ENDS[:-1]] + ["noise on the port"])
def test_a_lost_guest_is_reported_as_what_it_is_and_replaced(session: Session, script: str, kind: EndKind) -> None:
    session.start()
    before = [qemu_of(session)]
    if "vport" in script:
        # Only one process can open the port, and the agent holds it open: so the agent is killed first.
        script = "killall -9 agent; " + script
    with pytest.raises(GuestLostError) as caught:
        session.run(["sh", "-c", script], timeout_s=20)
    assert caught.value.end.kind is kind
    assert not session.is_alive
    wait_until_gone(before)
    assert session.run(["echo", "again"]).stdout == b"again\n"


def test_a_panic_brings_the_consoles_last_words(session: Session) -> None:
    with pytest.raises(GuestLostError) as caught:
        session.run(["sh", "-c", "echo c > /proc/sysrq-trigger"])
    assert "Kernel panic - not syncing: sysrq triggered crash" in caught.value.end.console


def test_a_guest_out_of_memory_is_replaced_or_lives_on(session: Session) -> None:
    try:
        # tail keeps what it reads until a line ends.
        result = session.run(["sh", "-c", "tail /dev/zero"], timeout_s=60)
        assert not result.ok
    except GuestLostError as lost:
        assert lost.end.kind in (EndKind.PANIC, EndKind.HANG, EndKind.AGENT_KILLED)
    assert session.run(["true"]).ok


def test_qemu_that_dies_is_our_fault_and_is_replaced(session: Session) -> None:
    session.start()
    qemu_of(session).kill()
    with pytest.raises(GuestLostError) as caught:
        session.run(["sleep", "60"])
    assert caught.value.end.kind is EndKind.QEMU_DIED
    assert session.run(["true"]).ok


def test_twenty_resets_leave_one_qemu_and_no_growth(lab: Lab, own_qemus: Qemus) -> None:
    me = psutil.Process()
    with Session(lab) as session:
        for _ in range(3):  # the first guests load libraries and open files that stay open
            session.reset()
            session.start()
        files, memory = me.num_fds(), me.memory_info().rss
        for _ in range(20):
            session.reset()
            session.start()
        last = qemu_of(session)
        wait_until_gone([qemu for qemu in own_qemus() if qemu != last])
        assert me.num_fds() == files
        assert me.memory_info().rss - memory < 8 << 20
    wait_until_gone([last])


def test_ten_guests_need_less_than_a_gibibyte(lab: Lab) -> None:
    sessions = [Session(lab) for _ in range(10)]
    try:
        for session in sessions:
            session.run(["lsmod"])
        guests = [qemu_of(session) for session in sessions]
        assert len(set(guests)) == 10
        assert sum(guest.memory_full_info().pss for guest in guests) < 1 << 30
    finally:
        for session in sessions:
            session.close()


def test_two_sessions_have_their_own_guests(lab: Lab) -> None:
    with Session(lab) as first, Session(lab) as second:
        first.run(["touch", "/root/one"])
        assert second.run(["ls", "/root"]).stdout == b""


def test_an_interrupt_kills_the_command_and_leaves_the_guest_usable(session: Session) -> None:
    session.run(["touch", "/root/file"])
    started = threading.Event()
    main = threading.main_thread().ident
    assert main is not None

    def interrupt() -> None:
        started.wait(30)
        import signal

        signal.pthread_kill(main, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        session.run(["sh", "-c", "echo started; sleep 1000"], timeout_s=100, on_output=lambda *_: started.set())
    assert session.run(["ls", "/root"]).stdout == b"file\n"
    assert b"sleep 1000" not in session.run(["ps"]).stdout


def test_a_qemu_that_is_stopped_is_not_the_modules_hang(
    lab: Lab, own_qemus: Qemus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "STACKS_S", 2.0)
    monkeypatch.setattr(machine, "SILENT_S", 2.0)
    with Session(lab) as session:
        session.start()
        for qemu in own_qemus():
            qemu.suspend()
        with pytest.raises(GuestLostError) as caught:
            session.run(["true"], timeout_s=1)
        assert caught.value.end.kind is EndKind.QEMU_SILENT
        assert not is_modules_doing(caught.value.end)
        assert session.run(["true"]).ok


def test_a_start_that_fails_half_way_leaves_nothing(
    lab: Lab, own_qemus: Qemus, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise asyncio.CancelledError

    with Session(lab) as session:
        session.start()
        session.reset()
        wait_until_gone(own_qemus())
        before = psutil.Process().num_fds()
        monkeypatch.setattr(machine.Machine, "greet", fail)
        for _ in range(3):
            with pytest.raises(BaseException):  # noqa: B017
                session.start()
            wait_until_gone(own_qemus())
    # The pipe from a QEMU that is gone is closed a moment later.
    assert psutil.Process().num_fds() <= before + 1


RESTLESS = """
import os
from kmodlab.guest.lab import load_lab
from kmodlab.guest.session import Session
from kmodlab.settings import get_settings
session = Session(load_lab(get_settings()))
session.start()
print(os.getpid(), flush=True)
while True:
    session.reset()
    session.prepare()
"""


def test_no_guest_survives_an_owner_that_is_killed_while_one_comes_up() -> None:
    # Each program between the owner and QEMU has a moment in which its parent's death escapes it.
    for moment in range(8):
        owner = subprocess.Popen([sys.executable, "-c", RESTLESS], stdout=subprocess.PIPE)
        assert owner.stdout is not None and owner.stdout.readline()
        pipes = pipes_of(owner.pid)
        time.sleep(0.02 * moment)
        owner.kill()
        owner.wait()
        owner.stdout.close()
        others = (process for process in psutil.process_iter() if process.pid != os.getpid())
        wait_until_gone([process for process in others if pipes & pipes_of(process.pid)])


def pipes_of(pid: int) -> set[str]:
    """The pipes that a process has open; none if it ended."""
    links = set()
    with contextlib.suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                links.add(str(descriptor.readlink()))
    return {link for link in links if link.startswith("pipe:")}
