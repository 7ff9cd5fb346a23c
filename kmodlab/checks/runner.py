"""The resources that checks share: a fresh guest for each check, and builds, each made once.

While a check runs, the guest for the next one may boot. A `CheckRunner` is a context manager and belongs to one thread.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from kmodlab.guest.lab import Lab
from kmodlab.guest.own_lab import find_own_lab
from kmodlab.guest.session import Session
from kmodlab.kbuild.build import build
from kmodlab.kbuild.result import Build
from kmodlab.kbuild.sources import Sources
from kmodlab.kernel.own import get_variant
from kmodlab.settings import get_settings
from kmodlab.submission.learner_sources import LearnerSources
from kmodlab.tracer.fault_injection import RunPool, kernel_modules_of, make_subject
from kmodlab.tracer.leaks import Leak
from kmodlab.tracer.leftovers import running_after
from kmodlab.tracer.observe import RunTask, Subject
from kmodlab.tracer.troubles import Trouble, Verdict
from kmodlab.tracer.verdict import find_verdict

_MAX_BUILDS = 32
_MAX_SUBJECTS = 8
_MAX_LATER = 64
_LATER_S = 15.0
_SYMVERS = "Module.symvers"

_BuildKey = tuple[str, tuple[tuple[str, bytes], ...]]
_SubjectKey = tuple[str, tuple[tuple[str, bytes], ...], tuple[str, ...]]


@dataclass(frozen=True)
class LaterResult:
    """The result of further loads and unloads of a module: a crash, a callback that still ran, and the kernel's log."""

    crash: Trouble | None
    running: Leak | None
    log: str


class CheckRunner:
    """Guests and builds for one check after another.

    With two `guests`, the next check's guest boots while the other one is used, which suits a person who waits for one
    check at a time. With one guest, a runner keeps one processor busy, so there can be as many runners as processors.
    `warm` is passed to `Session`.
    """

    def __init__(self, lab: Lab, *, guests: int = 2, warm: bool = False) -> None:
        self.lab = lab
        self._stack = ExitStack()
        self._sessions = [self._stack.enter_context(Session(lab, warm=warm)) for _ in range(guests)]
        self._builds: OrderedDict[_BuildKey, Build] = OrderedDict()
        self._subjects: OrderedDict[_SubjectKey, Subject] = OrderedDict()
        self._later: OrderedDict[tuple[bytes, tuple[str, ...]], LaterResult] = OrderedDict()
        self._guests, self._warm = guests, warm
        self._others: dict[str, CheckRunner] = {}

    def __enter__(self) -> CheckRunner:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the guests. The runner can still be used; it boots new ones."""
        for session in self._sessions:
            session.close()
        for other in self._others.values():
            other.close()

    def on(self, kernel: str) -> CheckRunner | None:
        """The runner for a kernel of our own, or this runner if `kernel` is empty; None if that kernel is not built.

        Raises: SetupError if it is damaged.
        """
        if not kernel:
            return self
        if kernel not in self._others:
            lab = find_own_lab(self.lab, get_settings(), get_variant(kernel))
            if lab is None:
                return None
            self._others[kernel] = CheckRunner(lab, guests=self._guests, warm=self._warm)
        return self._others[kernel]

    def prepare(self) -> None:
        """Begin to boot a guest, because one will be needed soon."""
        self._sessions[0].prepare()

    # ---- builds ----

    def build(self, work: LearnerSources, unit: str) -> Build:
        """The build of one unit of a learner's work, made now or before.

        Raises:
            UsageError: kbuild cannot build the sources.
        """
        symvers = {other: self.build(work, other).files.get(_SYMVERS, b"") for other in work.needs(unit)}
        sources = work.sources(unit, symvers, reserved=self.lab.reserved)
        key = _key(sources)
        if key not in self._builds:
            self.remember(sources, build(self.lab.tree, sources))
        self._builds.move_to_end(key)
        return self._builds[key]

    def remember(self, sources: Sources, result: Build) -> None:
        """Keep a build, so that it need not be made again."""
        self._builds[_key(sources)] = result
        while len(self._builds) > _MAX_BUILDS:
            self._builds.popitem(last=False)

    def subject(self, result: Build, sources: Mapping[str, bytes], parameters: tuple[str, ...]) -> Subject:
        """The module of a build, for the tracer; cached, because reading its debugging information takes a while."""
        key = (result.name, tuple(result.modules.items()), parameters)
        if key not in self._subjects:
            self._subjects[key] = make_subject(result, sources, parameters, kernel_modules_of(result))
            while len(self._subjects) > _MAX_SUBJECTS:
                self._subjects.popitem(last=False)
        return self._subjects[key]

    def run_once_more(self, subject: Subject, patience: float) -> LaterResult:
        """Load and unload a module twice more: the second time, callbacks get time to run before the unload.

        The result is cached, because checks often load the same module. No guest of this runner may be taken.
        """
        key = (subject.code.ko, subject.parameters)
        if key not in self._later:
            task = RunTask(settle_again=True, timeout_s=_LATER_S * patience)
            with self.run_pool(is_taken=False) as pool:
                observation = pool.observe(subject, task, another=True)
                finding = find_verdict(subject, pool.functions, observation)
                crash = next(filter(_is_crash, (*finding.troubles, *finding.later)), None)
                running = next(iter(running_after(pool, subject, observation)), None)
            self._later[key] = LaterResult(crash, running, observation.kernel_log)
            while len(self._later) > _MAX_LATER:
                self._later.popitem(last=False)
        return self._later[key]

    # ---- guests ----

    def take(self) -> Session:
        """A session with a pristine guest; `give_back` must follow."""
        session = self._sessions[0]
        session.start()
        self._sessions[-1].prepare()
        return session

    def give_back(self) -> None:
        """End the guest that was taken last."""
        self._sessions[0].reset()
        self._sessions.reverse()

    def run_pool(self, *, is_taken: bool) -> RunPool:
        """Guests for runs under the tracer: this runner's, or new ones if `is_taken` (a check uses this runner's)."""
        return RunPool(self.lab, None if is_taken else self._sessions, guests=len(self._sessions))


def _is_crash(trouble: Trouble) -> bool:
    return trouble.verdict is Verdict.CRASHES and trouble.report is not None and trouble.report.is_fatal


def _key(sources: Sources) -> _BuildKey:
    return sources.name, tuple(sorted(sources.files.items()))
