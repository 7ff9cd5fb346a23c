"""Many guests, one after the other, at once, and killed: nothing is left, and nothing grows."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from process_helpers import qemus_below, wait_until_gone

from kmodlab.errors import GuestError
from kmodlab.guest.lab import Lab
from kmodlab.guest.session import Session

pytestmark = pytest.mark.long

FORKS, KILLS, GUESTS = 1000, 100, 20
GROWTH_MIB = 16  # of this process, for what Python keeps


class Resources:
    """What this process holds now, and what it has taken since; guests of earlier tests do not count."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._earlier = qemus_below(self._process)
        self._before = self._take()

    def _take(self) -> tuple[int, int, int]:
        gc.collect()
        return self._process.num_fds(), self._process.num_threads(), self._process.memory_info().rss >> 20

    def new_qemus(self) -> list[psutil.Process]:
        return [qemu for qemu in qemus_below(self._process) if qemu not in self._earlier]

    def check(self) -> None:
        wait_until_gone(self.new_qemus())
        fds, threads, memory_mib = (after - before for after, before in zip(self._take(), self._before, strict=True))
        assert fds <= 1  # the pipe from a QEMU that is gone is closed a moment later
        assert threads <= 1
        assert memory_mib < GROWTH_MIB


def test_a_thousand_forks_leave_nothing(lab: Lab) -> None:
    with Session(lab) as session:
        for _ in range(20):
            session.start()
            session.reset()
        resources = Resources()
        for _ in range(FORKS):
            session.start()
            session.reset()
        resources.check()
        assert session.generation == FORKS + 20


def test_guests_that_are_killed_are_replaced_and_leave_nothing(lab: Lab) -> None:
    with Session(lab) as session:
        session.start()
        session.reset()
        resources = Resources()
        for _ in range(KILLS):
            session.start()
            for qemu in resources.new_qemus():
                qemu.kill()
            try:
                session.run(["true"])
            except GuestError:
                assert session.run(["true"]).ok
            session.reset()
        resources.check()


def test_guests_from_as_many_threads_do_not_disturb_each_other(lab: Lab) -> None:
    def write_and_read(number: int) -> str:
        with Session(lab) as session:
            session.put("/root/mine", str(number).encode())
            return session.run(["cat", "/root/mine"], timeout_s=120).text

    resources = Resources()
    numbers = list(range(GUESTS))
    with ThreadPoolExecutor(GUESTS) as pool:
        assert list(pool.map(write_and_read, numbers)) == [str(number) for number in numbers]
    wait_until_gone(resources.new_qemus())


def test_after_a_guest_without_memory_the_next_comes_up_at_once(lab: Lab) -> None:
    with Session(lab) as session:
        for generation in range(1, 6):
            try:
                session.run(["sh", "-c", "cat /dev/zero >/tmp/all; tail -c +1 /dev/zero"], timeout_s=60)
            except GuestError:
                pass
            else:
                session.reset()
            assert session.generation == generation
            assert session.run(["true"]).ok
            session.reset()
            session.generation = generation
