"""The verdict on one run of a module: what init returned, what it left, whether it crashed or hung, and whose line.

Pure: everything it judges was observed before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from kmodlab.crash.guilty import find_guilty_line
from kmodlab.crash.report import Kind, Report
from kmodlab.crash.source_location import SourceLine
from kmodlab.errors import EndKind
from kmodlab.tracer.call_log import Call, calls_made, site_line
from kmodlab.tracer.double_release import given_back_twice
from kmodlab.tracer.kernel_api import Functions, Takes, as_signed
from kmodlab.tracer.leaks import Leak, find_leaks, place_of, until_second_load, words_of_pending
from kmodlab.tracer.observe import CrashInStep, Observation, Subject
from kmodlab.tracer.resource_kinds import resource_kind
from kmodlab.tracer.resources import Account, parse_account
from kmodlab.tracer.return_check import WrongReturn, check_return
from kmodlab.tracer.trace_records import Flag, Phase, RecordKind

_HANGS = {Kind.SOFT_LOCKUP, Kind.HARD_LOCKUP, Kind.RCU_STALL, Kind.HUNG_TASK}
_LOAD = {"load"}
_GONE = "gone"  # what happens once the module has done its exit, or failed in its init, is a consequence
_BY_ADDRESS = {Takes.MEMORY, Takes.CACHED, Takes.RCU}
_PAGE = 4096
_STEPS = {"load", "loaded", "settle", "script", "scripted", "unload"}


class Verdict(StrEnum):
    """What became of a run."""

    CLEAN = "clean"
    LEAKS = "leaks"
    CRASHES = "crashes"
    WRONG_RETURN = "wrong-return"
    HANGS = "hangs"
    NOT_INJECTED = "not-injected"
    REFUSED = "refused"  # it could not be loaded at all, so its init never ran
    UNSEEN = "unseen"  # nothing wrong was seen, but not all could be


@dataclass(frozen=True)
class Trouble:
    """Something that went wrong: which verdict it means, in a sentence, on which line, in which step."""

    verdict: Verdict
    sentence: str
    line: SourceLine | None = None
    step: str = ""
    report: Report | None = None


@dataclass(frozen=True)
class Finding:
    """All that is known of a run. `init_returned` is None where init did not return.

    `reloads` says whether a load without a fault goes as usual afterwards, None where it was not tried. `exit_ran` is
    only about a run whose init failed. `troubles` are all there were; the verdict is the first one's.
    """

    verdict: Verdict
    init_returned: int | None
    left: tuple[Leak, ...]
    troubles: tuple[Trouble, ...]
    exit_ran: bool
    reloads: bool | None
    observation: Observation

    @property
    def doubt(self) -> str:
        """Why not everything could be seen; empty where it could."""
        return self.observation.doubt

    @property
    def sentence(self) -> str:
        """What went wrong first; empty where nothing did."""
        return self.troubles[0].sentence if self.troubles else ""

    @property
    def line(self) -> SourceLine | None:
        """The line that it is about."""
        return next((trouble.line for trouble in self.troubles if trouble.line), None)


def find_verdict(subject: Subject, functions: Functions, observation: Observation, usual: int | None = None) -> Finding:
    """The verdict on a run. `usual` is what init returns without a fault, None where this is that run."""
    return _Judge(subject, functions, observation, usual).finding()


class _Judge:
    def __init__(self, subject: Subject, functions: Functions, observation: Observation, usual: int | None) -> None:
        self._code = subject.code
        self._functions = functions
        self._seen = observation
        self._records = until_second_load(observation.records)
        self._calls = calls_made(self._code, functions, self._records)
        self._usual = self._returned if usual is None else usual

    def finding(self) -> Finding:
        left = self._left()
        troubles = tuple(self._troubles(left)) or tuple(self._unseen())
        return Finding(
            verdict=troubles[0].verdict if troubles else Verdict.CLEAN,
            init_returned=self._returned,
            left=left,
            troubles=troubles,
            exit_ran=self._exit_ran(),
            reloads=self._reloads(),
            observation=self._seen,
        )

    # ---- what is known ----

    @property
    def _returned(self) -> int | None:
        record = self._records.first(RecordKind.RETURN)
        if record is None:  # a module may have no init at all
            return 0 if self._records.first(RecordKind.LIVE) and not self._records.first(RecordKind.INIT) else None
        return as_signed(record.arguments[0], 32)

    def _left(self) -> tuple[Leak, ...]:
        before, after = self._account("before"), self._account("after")
        if before is None or (after is None and self._records.first(RecordKind.GOING) is None):
            return ()
        return find_leaks(self._code, self._functions, self._seen.records, before, after)

    def _account(self, when: str) -> Account | None:
        step = self._seen.step("account", when)
        return parse_account(step.text) if step else None

    def _exit_ran(self) -> bool:
        returned = self._returned
        return returned is not None and returned < 0 and self._records.first(RecordKind.EXIT) is not None

    def _reloads(self) -> bool | None:
        """Whether the next load, which has no fault, went as it usually does."""
        if self._seen.step("reloaded") is None:
            return None if self._seen.step("reload") is None else False
        if self._second_return() != self._usual:
            return False
        gone = self._seen.step("reunloaded")
        went = gone is not None and gone.status == 0
        return self._usual != 0 or went or self._code.exit_place is None

    def _second_return(self) -> int | None:
        """What init returned in the second load."""
        returns = self._seen.records.of(RecordKind.RETURN)
        if len(returns) > 1:
            return as_signed(returns[1].arguments[0], 32)
        again = self._seen.step("reloaded")
        return 0 if not returns and again and again.status == 0 else None

    # ---- what went wrong, the worst and the first first ----

    def _troubles(self, left: tuple[Leak, ...]) -> Iterator[Trouble]:
        yield from self._refused()
        broken = list(self._broken())
        yield from (trouble for trouble in broken if trouble.step in _LOAD)
        wrong = self._wrong_return()
        if wrong and wrong.is_success:
            yield Trouble(Verdict.WRONG_RETURN, wrong.sentence, wrong.line)
        yield from (trouble for trouble in broken if trouble.step not in _LOAD and trouble.step != _GONE)
        yield from (Trouble(Verdict.LEAKS, f"left behind: {one.sentence}", one.line) for one in left)
        if wrong and not wrong.is_success:
            yield Trouble(Verdict.WRONG_RETURN, wrong.sentence, wrong.line)
        yield from (trouble for trouble in broken if trouble.step == _GONE)
        if not left and not broken:
            yield from self._cannot_be_loaded_again()

    def _unseen(self) -> Iterator[Trouble]:
        """Why a run in which nothing went wrong is not known to be clean."""
        if self._seen.step("end") is None:
            yield Trouble(Verdict.UNSEEN, f"the run broke off in the step `{self._seen.last_step}`")
        if self._seen.doubt:
            yield Trouble(Verdict.UNSEEN, self._seen.doubt)

    def _refused(self) -> Iterator[Trouble]:
        """Why it was not loaded, where the kernel or insmod did not even call its init."""
        if self._seen.step("refused"):
            yield Trouble(Verdict.REFUSED, "a module that goes before it cannot be loaded", step="refused")
        load = self._seen.step("load")
        if load and self._seen.step("loaded") and self._returned is None and not self._records.first(RecordKind.INIT):
            words = " ".join(load.text.split()) or "insmod says nothing"
            yield Trouble(Verdict.REFUSED, f"it cannot be loaded: {words}", step="refused")

    def _wrong_return(self) -> WrongReturn | None:
        returned = self._returned
        return None if returned is None else check_return(returned, self._calls, self._code)

    def _broken(self) -> Iterator[Trouble]:
        """Crashes and hangs, in any step."""
        yield from self._atomic_sleeps()
        yield from self._bad_frees()
        yield from self._frees_of_active()
        crashes = list(self._crashes())
        told = {trouble.line for trouble in crashes}
        yield from (trouble for trouble in self._second_releases() if trouble.line not in told)
        yield from crashes
        yield from self._damage()
        yield from self._ends()

    def _crashes(self) -> Iterator[Trouble]:
        for crash in self._seen.crashes:
            report = crash.report
            verdict = Verdict.HANGS if report.kind in _HANGS else Verdict.CRASHES
            step = _GONE if self._is_gone_at(crash) else crash.step
            yield Trouble(verdict, self._words(report), self._crash_line(report), step, report)

    def _is_gone_at(self, crash: CrashInStep) -> bool:
        """Whether the module had done its exit, or its init had failed, when it crashed."""
        going, time_s = self._records.first(RecordKind.GOING), crash.report.time_s
        return crash.step not in _STEPS or (going is not None and time_s is not None and time_s > going.time_s)

    def _ends(self) -> Iterator[Trouble]:
        end, last = self._seen.end, self._seen.last_step
        step = last if last in _STEPS and self._records.first(RecordKind.GOING) is None else _GONE
        if end is not None and end.kind is EndKind.HANG:
            yield Trouble(Verdict.HANGS, f"the guest hangs: {_place_words(last)} never ends", self._hang_line(), step)
        elif end is not None and not self._seen.crashes:
            yield Trouble(Verdict.CRASHES, end.sentence.rstrip("."), self._unreturned_line(), step)
        elif self._seen.timed_out:
            yield Trouble(Verdict.HANGS, f"{_place_words(last)} never ends", self._waiting_line(), step)

    def _atomic_sleeps(self) -> Iterator[Trouble]:
        for call in self._calls:
            if call.slept_in_atomic:
                sentence = f"{call.name} may sleep, and is called where one must not"
                yield Trouble(Verdict.CRASHES, sentence, call.line, _step_of(call.record.phase))
                return

    def _bad_frees(self) -> Iterator[Trouble]:
        for record in self._records.of(RecordKind.TWICE, RecordKind.MISPLACED):
            first = site_line(self._code, record.arguments[1])
            got = site_line(self._code, record.arguments[2])
            if record.kind is RecordKind.TWICE:
                sentence = f"a double free of memory{_which(first, 'has freed already')}"
            else:
                sentence = f"what is freed is not the beginning of the memory{_which(got, 'got')}"
            yield Trouble(Verdict.CRASHES, sentence, site_line(self._code, record.site), _step_of(record.phase))

    def _second_releases(self) -> Iterator[Trouble]:
        for kind, call, before in given_back_twice(self._calls):
            sentence = f"{resource_kind(kind).words} is given back twice{_which(before.line, 'has given back already')}"
            yield Trouble(Verdict.CRASHES, sentence, call.line, _step_of(call.record.phase))

    def _damage(self) -> Iterator[Trouble]:
        """Writes that nobody noticed when they were made."""
        for record in self._records.of(RecordKind.OVERRUN, RecordKind.SCRIBBLED):
            line = site_line(self._code, record.site)
            if record.kind is RecordKind.OVERRUN:
                sentence = (
                    f"something is written beyond the end of the {record.arguments[1]} bytes{_which(line, 'got')}"
                )
            else:
                sentence = f"use after free: something is written to the memory{_which(line, 'freed')}"
            yield Trouble(Verdict.CRASHES, sentence, line, _step_of(record.phase))

    def _frees_of_active(self) -> Iterator[Trouble]:
        for record in self._records.of(RecordKind.FREED_ACTIVE):
            sentence = f"use after free: memory is freed while {words_of_pending(record)} in it is pending"
            yield Trouble(Verdict.CRASHES, sentence, site_line(self._code, record.site), _step_of(record.phase))

    def _cannot_be_loaded_again(self) -> Iterator[Trouble]:
        if self._reloads() is False:
            yield Trouble(Verdict.LEAKS, "the module cannot be loaded again afterwards", step="reload")

    # ---- whose line ----

    def _crash_line(self, report: Report) -> SourceLine | None:
        guilty = find_guilty_line(report, {self._code.name: self._code.source})
        if guilty and not guilty.doubt:
            return guilty.line
        lines = (self._freed_line, self._unreturned_line, self._tail_jump_line, self._last_call_line)
        found = next((found for line in lines if (found := line(report))), None)
        return found or (guilty.line if guilty else None)

    def _tail_jump_line(self, report: Report) -> SourceLine | None:
        """Where init or exit ends by jumping to a pointer, which leaves no trace of it on the stack."""
        places = (self._code.exit_place, self._code.init_place)
        running = places[0] if self._records.first(RecordKind.EXIT) else places[1]
        if report.place or running is None:
            return None
        return next((line for place in self._code.tail_jumps(*running) if (line := self._code.line(*place))), None)

    def _last_call_line(self, report: Report) -> SourceLine | None:
        """The last call that the crashing process had made: a call at a function's end leaves no trace on the stack."""
        time_s = report.time_s
        made = [call for call in self._calls if time_s is not None and call.record.time_s <= time_s]
        return next((call.line for call in reversed(made) if call.record.pid == report.pid), None)

    def _words(self, report: Report) -> str:
        address = report.address
        freed = self._freed_call(address) if address else None
        if freed and freed.line:
            return f"use after free: the memory was freed on line {freed.line.line} ({report.sentence})"
        short = self._call_before(address) if address else None
        if short and short.function.size is not None:
            size = short.record.arguments[short.function.size]
            return f"an access beyond the end of the {size} bytes{_which(short.line, 'got')} ({report.sentence})"
        return report.sentence

    def _freed_line(self, report: Report) -> SourceLine | None:
        address = report.address
        freed = self._freed_call(address) if address else None
        return freed.line if freed else None

    def _freed_call(self, address: int) -> Call | None:
        """The call that freed the memory around an address, where that is memory of the module's."""
        for call in reversed(self._calls):
            start = call.record.arguments[call.function.taken]
            if call.function.takes in _BY_ADDRESS and start <= address < start + (1 << 14):
                return call
        return None

    def _call_before(self, address: int) -> Call | None:
        """The call that got the memory which ends just before an address."""
        for call in reversed(self._calls):
            start, size = call.record.result, call.function.size
            if call.function.fence and size is not None and call.returned:
                end = start + call.record.arguments[size]
                if end <= address < -(-end // _PAGE) * _PAGE + _PAGE:
                    return call
        return None

    def _hang_line(self) -> SourceLine | None:
        for address in self._seen.counters:
            place = place_of(self._code, self._records, address)
            line = self._code.line(*place) if place else None
            if line:
                return line
        return self._unreturned_line()

    def _waiting_line(self) -> SourceLine | None:
        """Where init or exit waits; where it looks again and again, it may just have been between two waits."""
        own = [call for call in self._calls if call.record.flags & Flag.OWN_TASK and call.line]
        last = max(own, key=lambda call: call.record.time_s, default=None)
        return self._unreturned_line() or (last.line if last else None)

    def _unreturned_line(self, _report: Report | None = None) -> SourceLine | None:
        """The last call of the kernel that never came back."""
        pending = [call for call in self._calls if not call.returned and call.line]
        own = [call for call in pending if call.record.flags & Flag.OWN_TASK]  # init or exit itself waits
        return max(own or pending, key=lambda call: call.record.time_s).line if pending else None


def _which(line: SourceLine | None, did: str) -> str:
    return f", which line {line.line} {did}" if line else ""


def _step_of(phase: Phase) -> str:
    return {Phase.INIT: "load", Phase.EXIT: "unload", Phase.GONE: "unload"}.get(phase, "settle")


def _place_words(step: str) -> str:
    return {"load": "init", "unload": "exit"}.get(step, f"the step `{step}`")
