"""Children are owned by one thread of one process: whichever thread comes first, and whoever is forked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import psutil
from process_helpers import wait_until_gone

from kmodlab import process
from kmodlab.guest.lab import Lab

# Starts a child that would live long, forks a process that would, too, and prints the ids of both.
FORKS = """
import asyncio, os, sys, time
from kmodlab.process import run, start, run_sync
child = run_sync(start(["sleep", "1000"]))
forked = os.fork()
if forked == 0:
    time.sleep(1000)
print(child.pid, forked, flush=True)
time.sleep(1000)
"""
USES_FORK = """
import os, sys
from kmodlab.process import run
assert run(["true"], timeout_s=60).ok
if os.fork() == 0:
    result = run(["echo", "here"], timeout_s=60)
    os._exit(0 if result.stdout == b"here\\n" else 7)
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""
SESSION_FORKS = """
import os, sys
import kmodlab
session = kmodlab.Session(kmodlab.load_lab(kmodlab.get_settings()))
assert session.run(["touch", "/root/mine"]).ok
if os.fork() == 0:
    own = session.run(["ls", "/root"]).ok and not session.run(["ls", "/root/mine"]).ok
    session.close()
    sys.exit(0 if own else 7)
status = os.waitstatus_to_exitcode(os.wait()[1])
assert session.run(["ls", "/root/mine"]).ok and session.generation == 1
sys.exit(status)
"""


def run_script(script: str) -> int:
    return subprocess.run([sys.executable, "-c", script], timeout=600, check=False).returncode


def test_threads_that_meet_share_one_loop() -> None:
    owner, number = process._Owner(), 20
    barrier = threading.Barrier(number)

    def meet(_number: int) -> int:
        barrier.wait()
        return id(owner.loop())

    with ThreadPoolExecutor(number) as pool:
        assert len(set(pool.map(meet, range(number)))) == 1
    loop = owner.loop()
    loop.call_soon_threadsafe(loop.stop)


def test_a_forked_process_can_run_commands_of_its_own() -> None:
    assert run_script(USES_FORK) == 0


def test_a_forked_process_leaves_its_parents_guest_alone(lab: Lab) -> None:
    assert run_script(SESSION_FORKS) == 0


def test_children_end_with_their_owner_though_a_forked_process_lives_on() -> None:
    with subprocess.Popen([sys.executable, "-c", FORKS], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        child, forked = map(int, owner.stdout.readline().split())
        children = [psutil.Process(child), *psutil.Process(child).children(recursive=True)]
        owner.kill()
        try:
            wait_until_gone(children)
            assert psutil.pid_exists(forked)
        finally:
            os.kill(forked, signal.SIGKILL)
