"""One run of a module under the witness's eyes, in a guest of its own: everything that can be seen of it.

The steps are those of `run.sh`. Whatever the module does to its guest is data: a step that did not end, a crash in the
log, a guest that ended. The witness's records are read from outside, so they are there in every case.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files

from qemu.qmp import QMPError

from kmodlab.build.sources import kmod_name
from kmodlab.errors import GuestEnd, GuestError, GuestLostError
from kmodlab.evidence.calls import Code
from kmodlab.evidence.functions import Functions
from kmodlab.evidence.log import LogRecord, format_log, parse_kmsg
from kmodlab.evidence.oops.parser import parse_oopses
from kmodlab.evidence.oops.types import Kind as OopsKind
from kmodlab.evidence.oops.types import Oops
from kmodlab.evidence.witness.plan import Fault, pack_plan
from kmodlab.evidence.witness.records import Kind, Records, read_records
from kmodlab.guest.machine import Machine
from kmodlab.guest.session import is_modules_doing
from kmodlab.process import Deadline

PLACE = "/root"
_MARK = "kmodlab: "
_LOG_LIMIT = 1 << 19  # of characters that are looked through for crashes
_LOOKS = 5  # at the processor of a guest that hangs
_SETUP_FAILED = (80, 81)  # statuses of run.sh when the witness could not be set up
_CYCLE_S = 0.6  # for one of many loads, at most
# What the log says of a module that was refused: nothing crashed.
_REFUSALS = (OopsKind.UNKNOWN_SYMBOL, OopsKind.BAD_RELOCATION, OopsKind.WRONG_VERSION, OopsKind.BAD_FORMAT)


@dataclass(frozen=True)
class Subject:
    """The module under test: its code, its file's name without .ko, and the modules that it needs before it."""

    code: Code
    name: str
    needed: tuple[bytes, ...] = ()
    depends: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task:
    """What is to be done with it: one fault or none, callbacks given their turn, a script, further loads."""

    fault: Fault | None = None
    settle: bool = False
    script: str = ""
    cycles: int = 0
    timeout_s: float = 10.0


@dataclass(frozen=True)
class Step:
    """A step that was begun: its name, the words behind it, and what was printed before the next one."""

    name: str
    words: tuple[str, ...] = ()
    text: str = ""

    @property
    def status(self) -> int | None:
        """The number that it reports; None where it reports none."""
        return int(self.words[0]) if self.words and re.fullmatch(r"-?\d{1,9}", self.words[0]) else None


@dataclass(frozen=True)
class Crash:
    """A crash in the log, and the step during which it came."""

    step: str
    oops: Oops


@dataclass(frozen=True)
class Observation:
    """What was seen. `end` is set when the guest did not survive, `timed_out` when a step did not end in time.

    `counters` are addresses at which the processor of a hanging guest was found.
    """

    steps: tuple[Step, ...]
    records: Records
    log: tuple[LogRecord, ...]
    crashes: tuple[Crash, ...]
    end: GuestEnd | None = None
    timed_out: bool = False
    counters: tuple[int, ...] = ()
    seconds: float = 0.0

    def step(self, name: str, *words: str) -> Step | None:
        """The step of that name, beginning with these words; None where it was not reached."""
        return next((step for step in self.steps if step.name == name and step.words[: len(words)] == words), None)

    @property
    def last_step(self) -> str:
        """The step that was under way in the end."""
        return self.steps[-1].name if self.steps else ""

    @property
    def heard(self) -> str:
        """What the kernel itself said since the first step, as dmesg prints it; its last words where it ended."""
        if self.end:
            return self.end.console
        begun = next((number for number, record in enumerate(self.log) if _MARK in record.text), len(self.log))
        return format_log(record for record in self.log[begun:] if record.is_kernels)

    @property
    def doubt(self) -> str:
        """Why not everything could be seen; empty where it could."""
        checks = self.records.of(Kind.CHECKED)
        if self.records.dropped:
            return f"{self.records.dropped} of its calls came after there was no room left to record them"
        return "it holds more pieces of memory than can be followed" if any(one.arguments[1] for one in checks) else ""


async def observe(machine: Machine, witness: bytes, subject: Subject, functions: Functions, task: Task) -> Observation:
    """Run a module in a fresh guest. GuestError where the guest or our own part in it failed: nothing is known then."""
    began = time.perf_counter()
    await _put_files(machine, witness, subject, functions, task)
    return await _Run(machine, subject, task).finish(began)


async def _put_files(machine: Machine, witness: bytes, subject: Subject, functions: Functions, task: Task) -> None:
    plan = pack_plan(subject.code, functions, task.fault)
    contents = {
        "kmodlab_witness.ko": witness,
        "plan": plan,
        **{name: (files("kmodlab.evidence.witness") / name).read_bytes() for name in ("run.sh", "cycle.sh")},
        f"{subject.name}.ko": subject.code.ko,
        **{f"needed-{number:02}.ko": ko for number, ko in enumerate(subject.needed)},
    }
    if subject.depends:
        contents["depends"] = "".join(f"{name}\n" for name in subject.depends).encode()
    if task.script:
        contents["script"] = task.script.encode()
    puts = (machine.agent.put(f"{PLACE}/{name}", data) for name, data in contents.items())
    await machine.ask(asyncio.gather(*puts), Deadline.after(60), "take its files")


@dataclass
class _Run:
    """One run of run.sh."""

    machine: Machine
    subject: Subject
    task: Task
    printed: bytearray = field(default_factory=bytearray)

    async def finish(self, began: float) -> Observation:
        task = self.task
        end, timed_out = await self._execute("run.sh", str(int(task.settle)), task.timeout_s)
        if task.cycles and end is None and not timed_out and self._may_go_on():
            end, timed_out = await self._execute("cycle.sh", str(task.cycles), task.timeout_s + _CYCLE_S * task.cycles)
        steps = tuple(parse_steps(self.printed.decode("utf-8", "replace")))
        records = await self._records(steps)
        log: tuple[LogRecord, ...] = ()
        if end is None:
            log, end = await self._log()
        counters = await self._counters() if end else ()
        text = (end.console if end else format_log(log))[-_LOG_LIMIT:]
        crashes = tuple(find_crashes(text))
        seconds = time.perf_counter() - began
        return Observation(steps, records, log, crashes, end, timed_out, counters, seconds)

    def _may_go_on(self) -> bool:
        """Whether it could be loaded and unloaded twice, so that it can be any number of times."""
        steps = list(parse_steps(self.printed.decode("utf-8", "replace")))
        return any(step.name == "reunloaded" and step.status == 0 for step in steps) and steps[-1].name == "end"

    async def _execute(self, script: str, option: str, timeout_s: float) -> tuple[GuestEnd | None, bool]:
        """Run a script; how the guest ended, if it did, and whether a step went on for too long."""
        name = self.subject.name
        argv = ["sh", script, name, kmod_name(name), option, *self.subject.parameters]
        try:
            result = await self.machine.execute(argv, Deadline.after(timeout_s), directory=PLACE, on_output=self._keep)
        except GuestLostError as lost:
            if not is_modules_doing(lost.end):
                raise
            return lost.end, False
        if result.status in _SETUP_FAILED:
            raise GuestError(
                f"The witness could not be set up in the guest (status {result.status}).", details=result.text
            )
        return None, result.timed_out

    def _keep(self, kind: bytes, data: bytes) -> None:
        if kind == b"o":
            self.printed += data

    async def _ask(self, command: str) -> str:
        try:
            async with asyncio.timeout(5):
                arguments = {"command-line": command}
                return str(await self.machine.monitor.execute("human-monitor-command", arguments))
        except (QMPError, TimeoutError, OSError):
            return ""

    async def _records(self, steps: tuple[Step, ...]) -> Records:
        where = next((step.text.split() for step in steps if step.name == "where"), [])
        if not where or not re.fullmatch("[0-9a-f]{1,16}", where[0]):
            return Records()
        return await read_records(self._ask, int(where[0], 16))

    async def _log(self) -> tuple[tuple[LogRecord, ...], GuestEnd | None]:
        """The kernel's log; how the guest ended instead, where what the module left in it has only now killed it."""
        try:
            return parse_kmsg(
                await self.machine.ask(self.machine.agent.log(), Deadline.after(20), "give its log")
            ), None
        except GuestLostError as lost:
            if not is_modules_doing(lost.end):
                raise
            return (), lost.end

    async def _counters(self) -> tuple[int, ...]:
        """Where a silent guest's processor is, seen a few times: a loop has more than one instruction."""
        found = []
        for _ in range(_LOOKS):
            match = re.search(r"\bRIP=([0-9a-f]{16})", await self._ask("info registers"))
            if match:
                found.append(int(match[1], 16))
            await asyncio.sleep(0.01)
        return tuple(found)


def parse_steps(text: str) -> Iterator[Step]:
    """The steps in what run.sh printed."""
    pieces = re.split(r"^@@ ", text, flags=re.MULTILINE)
    for piece in pieces[1:]:
        head, _, rest = piece.partition("\n")
        words = head.split()
        if words:
            yield Step(words[0], tuple(words[1:]), rest)


def find_crashes(log: str) -> Iterator[Crash]:
    """The crashes in a log, each with the step that was under way."""
    step, lines = "", list[str]()
    for line in log.splitlines():
        mark = line.partition(_MARK)[2] if _MARK in line else ""
        if mark:
            yield from _crashes_in(step, lines)
            step, lines = mark.split()[0], []
        else:
            lines.append(line)
    yield from _crashes_in(step, lines)


def _crashes_in(step: str, lines: list[str]) -> Iterator[Crash]:
    if step:  # before the first mark it is the guest's own start
        for oops in parse_oopses("\n".join(lines)):
            if oops.kind not in _REFUSALS:
                yield Crash(step, oops)
