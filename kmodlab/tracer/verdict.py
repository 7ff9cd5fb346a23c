"""The verdict on one run of a module: what init returned, what it left behind, whether it crashed or hung, and where.

It only evaluates an `Observation`. In a run with a fault, only what happened before the module's second load counts,
because the second load is without a fault.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from kmodlab.crash.errnos import Evidence, explain_error, missing_symbols
from kmodlab.crash.source_location import SourceLine
from kmodlab.elf.contents import MalformedError
from kmodlab.elf.module import parse_module
from kmodlab.i18n import _
from kmodlab.kbuild.sources import kmod_name
from kmodlab.tracer.call_log import calls_made
from kmodlab.tracer.kernel_api import Functions, return_text
from kmodlab.tracer.leaks import Leak, find_leaks, find_pending
from kmodlab.tracer.observe import Observation, Subject
from kmodlab.tracer.resources import ResourceList, parse_resources
from kmodlab.tracer.return_check import WrongReturn, check_return
from kmodlab.tracer.troubles import GONE, Trouble, Verdict, find_broken
from kmodlab.tracer.unseen import describe_unseen, unseen_calls
from kmodlab.tracer.wire_format import RecordKind

_LOAD = {"load"}


@dataclass(frozen=True)
class Finding:
    """The result of one run. `init_returned` is None if init did not return.

    `reloads` says whether the module can be loaded again afterwards without a fault; None if that was not tried.
    `exit_ran` says whether exit ran although init failed. `troubles` are all problems; the first one decides the
    verdict. `later` are problems in the second load of a run with a fault, which do not count.
    """

    verdict: Verdict
    init_returned: int | None
    leaks: tuple[Leak, ...]
    troubles: tuple[Trouble, ...]
    exit_ran: bool
    reloads: bool | None
    observation: Observation
    later: tuple[Trouble, ...] = ()

    @property
    def init_text(self) -> str:
        """init's return value as text, in the reader's language."""
        if self.init_returned is None:
            return _("init never returned")
        return _("init returned {value}").format(value=return_text(self.init_returned))

    @property
    def doubt(self) -> str:
        """Why some of the module's actions could not be observed; empty if all were."""
        return self.observation.doubt

    @property
    def is_whole(self) -> bool:
        """Whether all steps ended normally."""
        return self.observation.step("end") is not None

    @property
    def sentence(self) -> str:
        """The first problem, in a sentence; empty if there is none."""
        return self.troubles[0].sentence if self.troubles else ""

    @property
    def line(self) -> SourceLine | None:
        """The line of the first problem that has one."""
        return next((trouble.line for trouble in self.troubles if trouble.line), None)

    def apart_from(self, plain: Finding) -> Finding:
        """This finding on a run with a fault, without the problems that the run without a fault (`plain`) has too.

        Leaks stay if init fails, because then init itself must release everything; if init never returns, all stay.
        """
        if self.init_returned is None:
            return self
        known = {
            trouble.key for trouble in plain.troubles if trouble.verdict is not Verdict.LEAKS or self.init_returned >= 0
        }
        # A crash after exit follows from a mistake in exit if the run without a fault has problems too.
        follows = {GONE} if self.init_returned >= 0 and plain.troubles else set()
        troubles = tuple(
            trouble for trouble in self.troubles if trouble.key not in known and trouble.step not in follows
        )
        leaks = tuple(leak for leak in self.leaks if self.init_returned < 0 or leak not in plain.leaks)
        return replace(self, verdict=verdict_of(troubles), troubles=troubles, leaks=leaks)


def verdict_of(troubles: Sequence[Trouble]) -> Verdict:
    """The verdict of a list of problems: that of the first."""
    return troubles[0].verdict if troubles else Verdict.CLEAN


def find_verdict(
    subject: Subject, functions: Functions, observation: Observation, plain: Finding | None = None
) -> Finding:
    """The verdict on a run; `plain` is the finding on the run without a fault, None if this is that run."""
    finding = _Judge(subject, functions, observation, plain).finding()
    return finding.apart_from(plain) if plain else finding


class _Judge:
    def __init__(self, subject: Subject, functions: Functions, observation: Observation, plain: Finding | None) -> None:
        self._code = subject.code
        self._after = tuple(map(kmod_name, subject.depends))
        self._functions = functions
        self._observation = observation
        self._records = observation.records.first_load
        self._returned = observation.records.init_returned
        self._calls = calls_made(self._code, functions, self._records)
        self._usual = plain.init_returned if plain else self._returned
        self._has_fault = plain is not None
        self._unseen_calls = unseen_calls(self._code, functions, self._records)

    def finding(self) -> Finding:
        broken = find_broken(self._code, self._observation, self._calls, is_sure=not self._unseen_calls)
        leaks = self._leaks()
        later = tuple(trouble for trouble in broken if trouble.is_later and self._has_fault)
        broken = tuple(trouble for trouble in broken if trouble not in later)
        troubles = tuple(self._troubles(leaks, broken)) or tuple(self._unseen())
        return Finding(
            verdict=verdict_of(troubles),
            init_returned=self._returned,
            leaks=leaks,
            troubles=troubles,
            exit_ran=self._exit_ran(),
            reloads=self._reloads(),
            observation=self._observation,
            later=later,
        )

    # ---- what is known ----

    def _leaks(self) -> tuple[Leak, ...]:
        before, after = self._resources("before"), self._resources("after")
        if before is None or (after is None and self._records.first(RecordKind.GOING) is None):
            return ()
        leaks = find_leaks(self._code, self._functions, self._records, before, after)
        if self._has_fault:
            return leaks
        # Before the first unload, callbacks had time to run; before the second unload they had no time.
        later = find_pending(self._code, self._functions, self._observation.records.later_loads, self._calls)
        return (*leaks, *dict.fromkeys(leak for leak in later if leak not in leaks))

    def _resources(self, when: str) -> ResourceList | None:
        step = self._observation.step("resources", when)
        return parse_resources(step.text) if step else None

    def _exit_ran(self) -> bool:
        returned = self._returned
        return returned is not None and returned < 0 and self._records.first(RecordKind.EXIT) is not None

    def _reloads(self) -> bool | None:
        """Whether init returned as usual in the next load, which is without a fault; None if there was none."""
        return None if self._observation.step("reload") is None else self._second_return() == self._usual

    def _second_return(self) -> int | None:
        """The return value of init in the second load; None if it did not return."""
        returns = self._observation.records.of(RecordKind.RETURN)
        if len(returns) > 1:
            return returns[1].init_returned
        reloaded = self._observation.step("reloaded")
        return 0 if not returns and reloaded and reloaded.status == 0 else None

    # ---- problems, the worst first, then in order ----

    def _troubles(self, leaks: tuple[Leak, ...], broken: tuple[Trouble, ...]) -> Iterator[Trouble]:
        yield from self._refused()
        yield from (trouble for trouble in broken if trouble.step in _LOAD)
        wrong = self._wrong_return()
        if wrong and wrong.is_success:
            yield Trouble(Verdict.WRONG_RETURN, wrong.sentence, wrong.line)
        yield from (trouble for trouble in broken if trouble.step not in _LOAD and trouble.step != GONE)
        for leak in leaks:
            yield Trouble(Verdict.LEAKS, _("left behind: {leak}").format(leak=leak.sentence), leak.line)
        if wrong and not wrong.is_success:
            yield Trouble(Verdict.WRONG_RETURN, wrong.sentence, wrong.line)
        yield from (trouble for trouble in broken if trouble.step == GONE)
        if not leaks and not broken and self._reloads() is False:
            yield Trouble(Verdict.LEAKS, _("the module cannot be loaded again afterwards"), step="reload")

    def _unseen(self) -> Iterator[Trouble]:
        """Reasons why a run without problems is not known to be clean."""
        is_over = self._has_fault and self._observation.step("reload") is not None
        if self._observation.step("end") is None and not is_over:
            sentence = _("the run broke off in the step `{step}`").format(step=self._observation.last_step)
            yield Trouble(Verdict.UNSEEN, sentence)
        if self._observation.doubt:
            yield Trouble(Verdict.UNSEEN, self._observation.doubt)
        for site in self._unseen_calls:
            line = self._code.line(site.section, site.offset)
            yield Trouble(Verdict.UNSEEN, describe_unseen(self._code, site), line)

    def _refused(self) -> Iterator[Trouble]:
        """The reason why the module was not loaded, if its init was not called."""
        if self._observation.step("refused"):
            yield Trouble(Verdict.REFUSED, _("a module that it needs cannot be loaded"), step="refused")
        load, loaded = self._observation.step("load"), self._observation.step("loaded")
        if load and loaded and self._returned is None and not self._records.first(RecordKind.INIT):
            words = self._why_refused(load.text)
            yield Trouble(Verdict.REFUSED, _("it cannot be loaded: {words}").format(words=words), step="refused")

    def _why_refused(self, text: str) -> str:
        """The meaning of insmod's error message in this run, without a full stop."""
        messages = self._observation.messages_in("load")
        missing = [module for module in _needed(self._code.ko) if kmod_name(module) not in self._after]
        # If several modules are missing, it is unknown which of them exports a symbol.
        providers = dict.fromkeys(missing_symbols(messages), missing[0]) if len(missing) == 1 else {}
        note = explain_error("insmod", text, Evidence(messages, providers=providers))
        return note.meaning.rstrip(".") if note else " ".join(text.split()) or _("insmod says nothing")

    def _wrong_return(self) -> WrongReturn | None:
        if self._returned is None or self._unseen_calls:  # an unseen call may have failed
            return None
        return check_return(self._returned, self._calls, self._code)


def _needed(ko: bytes) -> tuple[str, ...]:
    try:
        return parse_module(ko).modinfo.depends
    except MalformedError:
        return ()
