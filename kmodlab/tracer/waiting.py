"""Finds where a command that did not end in time waits: from the stacks of the guest's tasks to the module's line of C.

The agent's builtin command `stacks` lists the stacks before the command is killed. A stack does not show functions that
belong to the scheduler, such as mutex_lock (kernel/sched/core.c, in_sched_functions), so these are found by the call.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from kmodlab.crash.frames import parse_frames
from kmodlab.crash.report import Frame
from kmodlab.crash.source_location import CodePlace, SourceLine
from kmodlab.i18n import N_, _
from kmodlab.kbuild.sources import kmod_name
from kmodlab.tracer.call_log import source_name
from kmodlab.tracer.call_sites import Code
from kmodlab.tracer.kernel_api import known_functions
from kmodlab.tracer.pointer_calls import CallSite

_STATUS = re.compile(r"(\d+) \((.*)\) ([A-Z]) .*")  # proc_pid_stat(5)
_ENTRY = "[<0>] "  # fs/proc/base.c, proc_pid_stack
_DELETE_MODULE = "delete_module"
_TOOLS = ("insmod", "rmmod", "modprobe")
_MOST = 2  # tasks that are described

# What a kernel function waits for, by its name without leading underscores.
_WAITS = (
    (r"mutex_lock", N_("a mutex that is locked; whoever locked it must unlock it")),
    (r"down_(read|write)|rwsem_", N_("a semaphore (rwsem) that is taken; whoever took it must release it")),
    (r"down(_|$)", N_("a semaphore that is taken; whoever took it must call up()")),
    (r"kthread_(stop|park)", N_("a thread to end; its function must return")),
    (r"(flush|cancel|drain|destroy)_\w*work|flush_scheduled_work", N_("work to end; its function must return")),
    (r"wait_for_completion|wait_for_common", N_("a completion; somebody must call complete()")),
    (r"synchronize_\w*rcu|rcu_barrier|synchronize_srcu", N_("RCU readers to end")),
    (r"(u|m|s|f)sleep|schedule_(hr)?timeout|msleep_|usleep_range", N_("time to pass")),
    (r"schedule$|wait_woken|prepare_to_wait", N_("being woken; somebody must call wake_up()")),
)


@dataclass(frozen=True)
class BlockedTask:
    """A task of the guest: its process id, name, state (one letter), and its stack, innermost frame first."""

    pid: int
    name: str
    state: str
    frames: tuple[Frame, ...]


@dataclass(frozen=True)
class Waiting:
    """A sentence about where and for what a task waits, and the module's line."""

    sentence: str
    line: SourceLine | None


def parse_stacks(text: str) -> Iterator[BlockedTask]:
    """Parse the output of the agent's builtin `stacks`: the guest's tasks. Other lines are skipped."""
    status, frames = None, list[Frame]()
    for line in (*text.splitlines(), "0 (end) Z "):
        if line.startswith(_ENTRY):
            frames += parse_frames(line.removeprefix(_ENTRY))
        elif match := _STATUS.fullmatch(line):
            if status:
                yield BlockedTask(int(status[1]), status[2], status[3], tuple(frames))
            status, frames = match, []


def find_waiting(stacks: str, codes: Iterable[Code]) -> tuple[Waiting, ...]:
    """The waits of tasks in calls of the modules; those of kmod's tools come first."""
    by_name = {code.name: code for code in codes}
    tasks = sorted(parse_stacks(stacks), key=lambda task: task.name not in _TOOLS)
    places = (place for task in tasks if (place := _find_place(task, by_name)))
    return tuple(dict.fromkeys(places))[:_MOST]


def codes_of(modules: Mapping[str, bytes]) -> list[Code]:
    """The code of modules; `modules` maps names to .ko files."""
    return [Code(ko) for ko in modules.values()]


def _find_place(task: BlockedTask, codes: Mapping[str, Code]) -> Waiting | None:
    for depth, frame in enumerate(task.frames):
        code = codes.get(kmod_name(frame.module or ""))
        place = code.source.code_place(frame) if code else None
        if code and place:
            return _describe(code, place, task.frames[:depth])
    return _find_last_call(task, codes.values())


def _find_last_call(task: BlockedTask, codes: Iterable[Code]) -> Waiting | None:
    """The last call in exit: the compiler makes it a jump (a tail call), so exit is not on the stack."""
    depth = next((number for number, frame in enumerate(task.frames) if _DELETE_MODULE in frame.function), None)
    if depth is None:
        return None
    inner = task.frames[:depth]
    for code in codes:
        calls = code.source.last_calls()
        name = next((_plain(frame.function) for frame in reversed(inner) if _plain(frame.function) in calls), "")
        waits = [called for called in calls if _waits_for(called)]
        if not inner and len(waits) == 1:
            name = waits[0]
        if name:
            return _describe(code, calls[name], inner)
    return None


def _describe(code: Code, place: CodePlace, inner: tuple[Frame, ...]) -> Waiting:
    """Describe a wait; `inner` are the kernel's frames below the module's call."""
    site = _find_site(code, place)
    line = next((line for line in code.source.lines_at([place])[place] if line.own), None)
    names = [*([site.symbol] if site else []), *(frame.function for frame in reversed(inner))]
    what = next((words for name in names if (words := _waits_for(name))), "")
    if site:
        function = source_name(code, site, known_functions().find(site.symbol))
    else:
        function = _plain(names[0]) if names else ""
    if what and line:
        message = _("`{function}()` in line {line} of {file} waits for {what}.")
    elif what:
        message = _("`{function}()` waits for {what}.")
    elif function and line:
        message = _("`{function}()` in line {line} of {file} does not return.")
    elif line:
        message = _("line {line} of {file} runs on and on.")
    else:
        message = _("`{function}()` does not return.")
    sentence = message.format(
        function=function, what=_(what) if what else "", line=line.line if line else "", file=line.file if line else ""
    )
    return Waiting(sentence, line)


def _find_site(code: Code, place: CodePlace) -> CallSite | None:
    """The call site of a return address; None if it is not a call of an imported function."""
    return next(
        (
            site
            for site in code.sites
            if site.symbol
            and code.sections[site.section].name == place.section
            and site.offset <= place.offset < site.next_offset
        ),
        None,
    )


def _waits_for(function: str) -> str:
    name = _plain(function).lstrip("_")
    return next((words for pattern, words in _WAITS if re.match(pattern, name)), "")


def _plain(function: str) -> str:
    """A function's name without the suffix that a compiler appends, such as ".constprop.0"."""
    return function.partition(".")[0]
