"""Finds the call that made init fail, by one more load, under the tracer, in another guest.

This load is only made if a plain load failed with an errno that init may have returned. If the tracer is unavailable,
or init returns another errno under it, the cause stays unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from kmodlab.crash.errnos import MAX_ERRNO, errno_name
from kmodlab.crash.load_log import find_cause
from kmodlab.crash.source_location import SourceLine
from kmodlab.errors import KmodlabError
from kmodlab.guest.lab import Lab
from kmodlab.guest.session import Session
from kmodlab.i18n import _, ngettext
from kmodlab.kbuild.result import Build, Outcome
from kmodlab.kbuild.sources import kmod_name
from kmodlab.tracer.call_log import Call, calls_made, site_line
from kmodlab.tracer.call_sites import Code
from kmodlab.tracer.fault_injection import RunPool
from kmodlab.tracer.idle_drivers import describe_idle
from kmodlab.tracer.kernel_api import as_signed
from kmodlab.tracer.missing_owner import describe_missing_owners
from kmodlab.tracer.observe import RunTask, Subject
from kmodlab.tracer.pointer_calls import CallSite
from kmodlab.tracer.return_check import return_line
from kmodlab.tracer.run import ModuleRun, Step
from kmodlab.tracer.waiting import find_waiting
from kmodlab.tracer.wire_format import Allocates

_EAGAIN, _EBUSY, _EINVAL, _EPERM = 11, 16, 22, 1
_IRQF_SHARED = 0x80  # include/linux/interrupt.h
_MINOR_BITS = 20  # include/linux/kdev_t.h
_TAKE_REFERENCE = ("try_module_get", "__module_get")


@dataclass(frozen=True)
class FailedCall:
    """Why init or rmmod failed: a sentence that names the call, and the line of the call or of a return statement."""

    sentence: str
    line: SourceLine | None


# ---- steps ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Circumstances:
    """How a module was loaded: its build and sources, its parameters, the kernel's modules loaded before it."""

    build: Build
    sources: Mapping[str, bytes]
    parameters: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    def subject(self, name: str) -> Subject:
        """A module of the build, to be loaded as before."""
        names = list(self.build.modules)
        needed = tuple(self.build.modules[other] for other in names[: names.index(name)])
        return Subject(Code(self.build.modules[name], self.sources), name, needed, self.after, self.parameters)


def explain_run(lab: Lab, session: Session, module_run: ModuleRun, circumstances: Circumstances) -> ModuleRun:
    """The run, with the call that was the cause in each failed step. Uses the session's guest, and then resets it."""
    steps = []
    for step in module_run.steps:
        if may_explain(step):
            session.reset()
        steps.append(explain_step(lab, step, circumstances, [session]))
    return replace(module_run, steps=tuple(steps))


def may_explain(step: Step) -> bool:
    """Whether init ran in this step, and returned an errno."""
    note = step.errno
    is_fine = step.end is None and not any(report.is_fatal for report in step.reports)
    return step.argv[0] == "insmod" and note is not None and note.in_init and is_fine


def explain_step(lab: Lab, step: Step, circumstances: Circumstances, sessions: list[Session] | None = None) -> Step:
    """The step, with the call that made it fail if that can be found, or with notes about the module it loaded.

    `sessions` have fresh guests.
    """
    name = next((name for name in circumstances.build.modules if _is_about(step, name)), None)
    if name is None:
        return step
    if step.result and step.result.timed_out:
        return explain_wait(step, [Code(circumstances.build.modules[name], circumstances.sources)])
    if may_explain(step):
        call = _find_in_guest(lab, step, circumstances.subject(name), sessions)
        return replace(step, cause=call.sentence) if call else step
    if step.argv[0] == "insmod" and step.outcome is Outcome.PASSED:
        sources = circumstances.sources
        return replace(step, notes=(*describe_idle(step.idle_drivers, sources), *describe_missing_owners(sources)))
    holder = find_own_reference(step, Code(circumstances.build.modules[name], circumstances.sources))
    return replace(step, cause=holder.sentence) if holder else step


def explain_wait(step: Step, codes: Iterable[Code]) -> Step:
    """A step that did not end in time, with the places where modules wait, if they can be found."""
    places = find_waiting(step.result.stacks, codes) if step.result else ()
    if not places:
        return step
    line = next((place.line for place in places if place.line), None)
    return replace(step, cause=" ".join(place.sentence for place in places), cause_line=line)


def _is_about(step: Step, name: str) -> bool:
    return len(step.argv) > 1 and step.argv[1] in (f"{name}.ko", kmod_name(name))


def _find_in_guest(lab: Lab, step: Step, subject: Subject, sessions: list[Session] | None) -> FailedCall | None:
    assert step.errno is not None
    messages = step.evidence.messages if step.evidence else ()
    try:
        with RunPool(lab, sessions, guests=1) as pool:
            return find_failed_call(pool, subject, step.errno.number, messages)
    except KmodlabError:
        return None  # the step then shows only the log


# ---- init ----------------------------------------------------------------------------------------------------------


def find_failed_call(pool: RunPool, subject: Subject, number: int, messages: Iterable[str] = ()) -> FailedCall | None:
    """The call that makes init return the errno `number`; None if unknown.

    `messages` are the kernel's messages during the load that failed.
    """
    observation = pool.observe(subject, RunTask(load_only=True))
    if observation.records.init_returned != -number:
        return None
    calls = calls_made(subject.code, pool.functions, observation.records)
    return describe_return(subject.code, calls, number, messages)


def describe_return(code: Code, calls: Sequence[Call], number: int, messages: Iterable[str] = ()) -> FailedCall:
    """Why init returned the errno `number`; `calls` are all calls in init."""
    in_init = [call for call in calls if call.in_init]
    outer = [call for call in in_init if not call.in_callback]
    call = _last_with(outer, number) or _last_with(in_init, number)
    if call is None:
        return _other_failure(code, outer, number)
    value = f"-{errno_name(number)}" if call.errno != 0 else "NULL"
    why = _why(call, number) or _log_says(messages, number, call.symbol)
    if call.line and why:
        message = _("`{function}()` in line {line} of {file} returned {value}: {why}")
    elif call.line:
        message = _("`{function}()` in line {line} of {file} returned {value}.")
    elif why:
        message = _("`{function}()` returned {value}: {why}")
    else:
        message = _("`{function}()` returned {value}.")
    return FailedCall(_fill(message, call.line, function=call.name, value=value, why=why), call.line)


def _fill(message: str, line: SourceLine | None, **values: object) -> str:
    return message.format(line=line.line if line else "", file=line.file if line else "", **values)


def _last_with(calls: Sequence[Call], number: int) -> Call | None:
    """The call that returned this errno; else the last call that returned NULL, if this errno is usual after it."""
    known = [call for call in calls if call.errno == number]
    # Of several calls of functions that are not in the table, the first one is the origin of the errno.
    unknown = [call for call in calls if not call.function.header and number in _possible_errnos(call)]
    null = [call for call in calls if call.errno == 0 and number in call.function.good_errnos]
    return next((call for call in (*known[-1:], *unknown[:1], *null[-1:])), None)


def _possible_errnos(call: Call) -> set[int]:
    if not call.returned:
        return set()
    values = (as_signed(call.record.result, bits) for bits in (32, 64))
    return {-value for value in values if -MAX_ERRNO <= value < 0}


def _other_failure(code: Code, calls: Sequence[Call], number: int) -> FailedCall:
    """Why init returned an errno that no call returned."""
    name = errno_name(number)
    failed = [call for call in calls if call.failed and _acquires(call)]
    if failed and failed[-1].line:
        call = failed[-1]
        value = f"-{errno_name(call.errno)}" if call.errno else "NULL"
        message = _("`{function}()` in line {line} of {file} returned {value}, and init then -{name}.")
        return FailedCall(_fill(message, call.line, function=call.name, value=value, name=name), call.line)
    line = return_line(code, -number)
    if number == _EPERM:
        message = _("init returned -1 in line {line} of {file}, and -1 is -EPERM.") if line else ""
    else:
        message = _("init itself returned -{name}, in line {line} of {file}.") if line else ""
    message = message or _("init itself returned -{name}.")
    return FailedCall(_fill(message, line, name=name), line)


def _acquires(call: Call) -> bool:
    return bool(call.function.acquires) or call.function.allocates is not Allocates.NOTHING


def _log_says(messages: Iterable[str], number: int, symbol: str) -> str:
    cause = find_cause(messages, number)
    return cause.sentence if cause and cause.in_init and re.search(cause.functions, symbol) else ""


def _why(call: Call, number: int) -> str:
    """What is wrong with the arguments of a call, as a sentence; empty if unknown."""
    arguments, function = call.record.arguments, call.function
    if call.symbol == "request_threaded_irq" and number == _EINVAL:
        # kernel/irq/manage.c, request_threaded_irq
        _irq, handler, thread, flags, _name, device = arguments
        if flags & _IRQF_SHARED and not device:
            return _("a shared interrupt (IRQF_SHARED) needs a dev_id, the last argument, that is not NULL.")
        if not handler and not thread:
            return _("it got no function that handles the interrupt.")
    if number == _EBUSY and call.symbol in ("__register_chrdev", "register_chrdev_region"):
        major = arguments[0] if call.symbol == "__register_chrdev" else (arguments[0] & 0xFFFFFFFF) >> _MINOR_BITS
        return _("the major number {number} is taken; /proc/devices shows by whom.").format(number=major & 0xFFFFFFFF)
    if number == _EBUSY and call.symbol == "misc_register":
        return _("its minor number is taken; /proc/misc shows by whom.")
    if number == _EBUSY and call.symbol == "__request_region":
        return _("the region is taken; /proc/ioports and /proc/iomem show by whom.")
    if call.errno == 0 and function.size is not None and function.allocates is not Allocates.NOTHING:
        size = arguments[function.size]
        return ngettext("it was asked for {size} byte.", "it was asked for {size} bytes.", size).format(size=size)
    return ""


# ---- exit ----------------------------------------------------------------------------------------------------------


def find_own_reference(step: Step, code: Code) -> FailedCall | None:
    """The call with which a module took a reference to itself, so that rmmod fails; None if that is not the reason."""
    evidence = step.evidence
    if step.argv[0] != "rmmod" or step.errno is None or step.errno.number != _EAGAIN:
        return None
    module = (evidence.loaded or {}).get(evidence.module) if evidence else None
    if module is None or any(not user.startswith("[") for user in module.users):
        return None
    takers = [number for number, site in enumerate(code.sites) if site.symbol in _TAKE_REFERENCE]
    in_init = [number for number in takers if _is_in_init(code, code.sites[number])]
    taker = next((number for number in (*in_init, *takers) if site_line(code, number)), None)
    if taker is None:
        return None
    line = site_line(code, taker)
    if taker in in_init:
        message = _(
            "no other module uses it: it holds a reference to itself, which `{function}()` in line {line} of {file} "
            "takes. rmmod works after `module_put()`."
        )
    else:
        message = _(
            "no other module uses it. It may hold a reference to itself, which `{function}()` in line {line} of {file} "
            "takes, or a program has one of its files open."
        )
    return FailedCall(_fill(message, line, function=code.sites[taker].symbol), line)


def _is_in_init(code: Code, site: CallSite) -> bool:
    """Whether the call is in init, which has certainly run."""
    start = code.frame(*code.init_place) if code.init_place else None
    here = code.frame(site.section, site.offset)
    return start is not None and here is not None and start.function == here.function
