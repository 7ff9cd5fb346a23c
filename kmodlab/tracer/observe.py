"""One run of a module in a fresh guest, under the tracer.

First the tracer is loaded, then the module under test, which is unloaded and loaded again. A line in the kernel's log
marks each step. Whatever the module does to its guest is data: a step that does not end, a crash in the log, a guest
that ends. The tracer's records are read from outside through QEMU, so they survive the guest's kernel.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field, replace

from qemu.qmp import QMPError

from kmodlab.crash.records import LogRecord, format_log, is_about_the_guest, parse_kmsg
from kmodlab.errors import GuestEnd, GuestError, GuestLostError
from kmodlab.guest.agent.client import Result
from kmodlab.guest.devices import plug_at_first
from kmodlab.guest.machine import Machine
from kmodlab.guest.session import is_modules_doing
from kmodlab.i18n import _, ngettext
from kmodlab.kbuild.sources import kmod_name
from kmodlab.process import Deadline
from kmodlab.tracer.call_sites import Code
from kmodlab.tracer.kernel_api import Functions
from kmodlab.tracer.plan import Fault, pack_plan
from kmodlab.tracer.run import GUEST_FOLDER, JUMP_MS, load_argv
from kmodlab.tracer.step_log import MARK, CrashInStep, crashes_by_step, hide_in_records, hide_tracer, step_of
from kmodlab.tracer.trace_records import Records, read_records
from kmodlab.tracer.wire_format import RecordKind

_DEBUGFS = "/sys/kernel/debug/kmodlab"  # the tracer's files
_LOG_LIMIT = 1 << 19  # characters that are searched for crashes
_SAMPLES = 5  # of the program counter of a guest that hangs
_CYCLE_S = 0.6  # time limit for each of many loads and unloads in a row


@dataclass(frozen=True)
class Subject:
    """The module under test: its code, its file name without .ko, and the modules that are loaded before it.

    `needed` are .ko files from the same build, `depends` the names of the kernel's own modules.
    """

    code: Code
    name: str
    needed: tuple[bytes, ...] = ()
    depends: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunTask:
    """The parameters of a run: the fault to inject, whether to wait for callbacks, a script, further loads.

    With `interludes` (paths), before each call in exit timers expire, work runs, and these files are read. With
    `load_only`, the run ends after the module was loaded. `reload` says whether to load the module a second time, and
    `settle_again` whether to wait for callbacks after that. `devices` are plugged in before all that.
    """

    fault: Fault | None = None
    settle: bool = False
    script: str = ""
    cycles: int = 0
    timeout_s: float = 10.0
    interludes: tuple[str, ...] | None = None
    load_only: bool = False
    reload: bool = True
    settle_again: bool = False
    devices: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunStep:
    """A step that was begun: its name, further words about it, and the output of its commands."""

    name: str
    words: tuple[str, ...] = ()
    text: str = ""

    @property
    def status(self) -> int | None:
        """The status that the step reports; None if it reports none."""
        return int(self.words[0]) if self.words and re.fullmatch(r"-?\d{1,9}", self.words[0]) else None


@dataclass(frozen=True)
class Observation:
    """The result of a run. `end` is set if the guest did not survive, `timed_out` if a step did not end in time.

    `counters` are values of the program counter of a hanging guest.
    """

    steps: tuple[RunStep, ...]
    records: Records
    log: tuple[LogRecord, ...]
    crashes: tuple[CrashInStep, ...]
    end: GuestEnd | None = None
    timed_out: bool = False
    counters: tuple[int, ...] = ()
    seconds: float = 0.0

    def step(self, name: str, *words: str) -> RunStep | None:
        """The first step of this name whose words begin with `words`; None if it was not reached."""
        return next((step for step in self.steps if step.name == name and step.words[: len(words)] == words), None)

    @property
    def last_step(self) -> str:
        """The name of the last step that was begun."""
        return self.steps[-1].name if self.steps else ""

    @property
    def cycles_done(self) -> int | None:
        """How often the module was loaded and unloaded in a row; None if it was not tried."""
        step = self.step("cycled")
        return step.status if step else None

    @property
    def kernel_log(self) -> str:
        """The kernel's log since the first step, as dmesg prints it; the console's last lines if the guest ended."""
        if self.end:
            return self.end.console
        first = next((number for number, record in enumerate(self.log) if MARK in record.text), len(self.log))
        return format_log(record for record in self.log[first:] if record.is_kernels and not is_about_the_guest(record))

    def messages_in(self, name: str) -> tuple[str, ...]:
        """The kernel's messages in the steps of this name."""
        texts, step = [], ""
        for record in self.log:
            if record.text.startswith(MARK) and not record.is_kernels:
                step = step_of(record.text.removeprefix(MARK))
            elif step == name and record.is_kernels:
                texts.append(record.text)
        return tuple(texts)

    @property
    def doubt(self) -> str:
        """Why some of the module's actions could not be observed; empty if all were."""
        checks = self.records.of(RecordKind.CHECKED)
        if self.records.dropped:
            return ngettext(
                "{number} of its calls could not be recorded, since there was no room left",
                "{number} of its calls could not be recorded, since there was no room left",
                self.records.dropped,
            ).format(number=self.records.dropped)
        if any(record.arguments[1] for record in checks):
            return _("it has more allocations than the tracer can follow")
        return ""


async def observe(
    machine: Machine, tracer: bytes, subject: Subject, functions: Functions, task: RunTask
) -> Observation:
    """Run a module in a fresh guest.

    Raises:
        GuestError: The guest or the tracer failed, but not because of the module.
    """
    began = time.perf_counter()
    await _put_files(machine, tracer, subject, task)
    # In a thread, because finding calls may run objdump, which needs this event loop.
    plan = await asyncio.to_thread(pack_plan, subject.code, functions, task.fault)
    return await _Run(machine, subject, task, plan, Deadline.after(task.timeout_s)).finish(began)


async def _put_files(machine: Machine, tracer: bytes, subject: Subject, task: RunTask) -> None:
    contents = {
        "kmodlab_tracer.ko": tracer,
        f"{subject.name}.ko": subject.code.ko,
        **{f"{_needed(number)}.ko": ko for number, ko in enumerate(subject.needed)},
    }
    if task.script:
        contents["script"] = task.script.encode()
    puts = (machine.agent.put(f"{GUEST_FOLDER}/{name}", data) for name, data in contents.items())
    await machine.ask(asyncio.gather(*puts), Deadline.after(60), _("The guest did not take its files in time."))


def _needed(number: int) -> str:
    return f"needed-{number:02}"


class _OverError(Exception):
    """The run cannot go on: a step does not end, or a crash killed the command."""


@dataclass
class _Run:
    """One run, step by step."""

    machine: Machine
    subject: Subject
    task: RunTask
    plan: bytes
    deadline: Deadline
    steps: list[RunStep] = field(default_factory=list)
    end: GuestEnd | None = None
    timed_out: bool = False

    async def finish(self, began: float) -> Observation:
        task = self.task
        try:
            await self._set_up()
            await self._load_and_unload()
            # A module that was loaded and unloaded twice can be loaded any number of times.
            if task.cycles and any(step.name == "reunloaded" and step.status == 0 for step in self.steps):
                self.deadline = Deadline.after(task.timeout_s + _CYCLE_S * task.cycles)
                await self._cycle()
        except GuestLostError as lost:
            if not is_modules_doing(lost.end):
                raise
            self.end = lost.end
        except _OverError:
            pass
        records = await self._records()
        log, self.end = await self._log() if self.end is None else ((), self.end)
        counters = await self._counters() if self.end else ()
        if self.end:
            self.end = replace(self.end, console=hide_tracer(self.end.console))
        log = hide_in_records(log)
        text = (self.end.console if self.end else format_log(log))[-_LOG_LIMIT:]
        crashes = tuple(crashes_by_step(text))
        seconds = time.perf_counter() - began
        return Observation(tuple(self.steps), records, log, crashes, self.end, self.timed_out, counters, seconds)

    # ---- steps ----

    async def _set_up(self) -> None:
        for number, device in enumerate(self.task.devices, 1):
            await plug_at_first(self.machine, number, device)
        for needed in self.subject.depends:
            await self._do(["modprobe", needed], in_agent=False)
        for number in range(len(self.subject.needed)):
            if not (await self._do(load_argv(_needed(number)))).ok:
                await self._step("refused", f"{_needed(number)}.ko")
                raise _OverError
        loaded = await self._do(load_argv("kmodlab_tracer"))
        if not loaded.ok:
            raise GuestError(_("The tracer could not be set up in the guest."), details=loaded.text)
        await self._put(f"{_DEBUGFS}/plan", self.plan)
        if self.task.interludes is not None:
            paths = "\n".join(self.task.interludes) + "\n"  # never empty: write(2) of 0 bytes does not reach the tracer
            await self._put(f"{_DEBUGFS}/interludes", paths.encode())
        await self._step("where")
        await self._do(["cat", f"{_DEBUGFS}/where"])
        if not self.task.load_only:
            await self._list_resources("before")

    async def _load_and_unload(self) -> None:
        await self._step("load")
        if await self._load("loaded") and not self.task.load_only:
            await self._use()
            await self._step("unload")
            await self._unload("unloaded")
        if self.task.load_only:
            return
        await self._list_resources("after")
        if self.task.reload and await self._is_gone():
            await self._step("reload")
            if await self._load("reloaded"):
                await self._settle(self.task.settle_again, "settle-again")
                await self._unload("reunloaded")
        await self._step("end")

    async def _is_gone(self) -> bool:
        return not (await self._do(["stat", f"/sys/module/{self._kmod}"], silent=True)).ok

    async def _use(self) -> None:
        """Wait until callbacks have run, and run the script."""
        await self._settle(self.task.settle)
        if self.task.settle and self.task.script:
            await self._step("script")
            result = await self._do(["sh", "script"], in_agent=False)
            await self._step("scripted", _status(result))

    async def _settle(self, wanted: bool, name: str = "settle") -> None:
        if not wanted:
            return
        await self._step(name)
        active = await self._do(["cat", f"{_DEBUGFS}/active"])
        if active.text.strip() != "0":
            await self._do(["jump", str(JUMP_MS)])

    async def _cycle(self) -> None:
        await self._step("cycle")
        count = 0
        while count < self.task.cycles:
            if not (await self._do(self._load_argv)).ok or not (await self._do(["rmmod", self._kmod])).ok:
                break
            count += 1
        await self._step("cycled", count)
        await self._list_resources("cycled")

    async def _list_resources(self, when: str) -> None:
        await self._step("resources", when)
        await self._do(["cat", f"{_DEBUGFS}/check"])
        await self._do(["cat", "/proc/modules"])

    async def _load(self, name: str) -> bool:
        return await self._report(name, await self._do(self._load_argv))

    async def _unload(self, name: str) -> bool:
        return await self._report(name, await self._do(["rmmod", self._kmod]))

    async def _report(self, name: str, result: Result) -> bool:
        """Begin the step with the result of a load or unload; return whether it succeeded."""
        await self._step(name, _status(result))
        if result.status < 0:  # killed by a crash: this kernel is not usable any more
            raise _OverError
        return result.ok

    @property
    def _kmod(self) -> str:
        return kmod_name(self.subject.name)

    @property
    def _load_argv(self) -> list[str]:
        return load_argv(self.subject.name, self.subject.parameters)

    async def _step(self, name: str, *words: object) -> None:
        step = RunStep(name, tuple(map(str, words)))
        self.steps.append(step)
        await self._put("/dev/kmsg", f"{MARK}{' '.join((name, *step.words))}\n".encode())

    async def _put(self, path: str, data: bytes) -> None:
        late = _("The guest did not take {path} in time.").format(path=path)
        await self.machine.ask(self.machine.agent.put(path, data), Deadline.after(20), late)

    async def _do(self, argv: list[str], *, in_agent: bool = True, silent: bool = False) -> Result:
        """Run a command; its output belongs to the current step."""
        result = await self.machine.execute(argv, self.deadline, directory=GUEST_FOLDER, in_agent=in_agent)
        if self.steps and not silent:
            self.steps[-1] = replace(self.steps[-1], text=self.steps[-1].text + result.text)
        if result.timed_out:
            self.timed_out = True
            raise _OverError
        return result

    # ---- what is observed ----

    async def _ask(self, command: str) -> str:
        try:
            async with asyncio.timeout(5):
                return str(await self.machine.monitor.execute("human-monitor-command", {"command-line": command}))
        except (QMPError, TimeoutError, OSError):
            return ""

    async def _records(self) -> Records:
        where = next((step.text.split() for step in self.steps if step.name == "where"), [])
        if not where or not re.fullmatch("[0-9a-f]{1,16}", where[0]):
            return Records()
        return await read_records(self._ask, int(where[0], 16))

    async def _log(self) -> tuple[tuple[LogRecord, ...], GuestEnd | None]:
        """The kernel's log and None; or no records, and how the guest ended because of what the module left behind."""
        try:
            return parse_kmsg(
                await self.machine.ask(
                    self.machine.agent.log(), Deadline.after(20), _("The guest did not give its log in time.")
                )
            ), None
        except GuestLostError as lost:
            if not is_modules_doing(lost.end):
                raise
            return (), lost.end

    async def _counters(self) -> tuple[int, ...]:
        """Samples of the program counter of a silent guest; several, because a loop has more than one instruction."""
        counters = []
        for _sample in range(_SAMPLES):
            match = re.search(r"\bRIP=([0-9a-f]{16})", await self._ask("info registers"))
            if match:
                counters.append(int(match[1], 16))
            await asyncio.sleep(0.01)
        return tuple(counters)


def _status(result: Result) -> int:
    """The status as in a shell: 128 plus the signal's number for a command that was killed."""
    return result.status if result.status >= 0 else 128 - result.status
