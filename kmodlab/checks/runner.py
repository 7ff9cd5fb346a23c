"""Where checks are made: guests, one fresh one for each check, and builds, each made once.

While one check runs, the guest for the next may come up. A `CheckRunner` belongs to one thread; a context manager.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from contextlib import ExitStack

from kmodlab.guest.lab import Lab
from kmodlab.guest.session import Session
from kmodlab.kbuild.build import build
from kmodlab.kbuild.result import Build
from kmodlab.kbuild.sources import Sources
from kmodlab.submission.learner_sources import LearnerSources
from kmodlab.tracer.fault_injection import RunPool as Runs
from kmodlab.tracer.fault_injection import make_subject
from kmodlab.tracer.observe import Subject

_KEPT = 32  # builds
_SYMVERS = "Module.symvers"

_KEPT_SUBJECTS = 8
_Key = tuple[str, tuple[tuple[str, bytes], ...]]
_SubjectKey = tuple[str, tuple[tuple[str, bytes], ...], tuple[str, ...]]


class CheckRunner:
    """Guests and builds for one check after the other.

    With two `guests` the next check's comes up while one is used: for a person, who waits for one check at a time.
    With one a runner keeps to one processor, so that as many runners can work side by side as there are processors.
    `warm` is as for `Session`.
    """

    def __init__(self, lab: Lab, *, guests: int = 2, warm: bool = False) -> None:
        self.lab = lab
        self._stack = ExitStack()
        self._sessions = [self._stack.enter_context(Session(lab, warm=warm)) for _ in range(guests)]
        self._builds: OrderedDict[_Key, Build] = OrderedDict()
        self._subjects: OrderedDict[_SubjectKey, Subject] = OrderedDict()

    def __enter__(self) -> CheckRunner:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the guests; the runner may be used again all the same."""
        for session in self._sessions:
            session.close()

    def prepare(self) -> None:
        """Begin to make a guest, since one will be needed soon."""
        self._sessions[0].prepare()

    # ---- builds ----

    def build(self, work: LearnerSources, unit: str) -> Build:
        """The build of one unit of a learner's work, made now or before; UsageError where nothing can be built."""
        symvers = {other: self.build(work, other).files.get(_SYMVERS, b"") for other in work.needs(unit)}
        sources = work.sources(unit, symvers, reserved=self.lab.reserved)
        key = _key(sources)
        if key not in self._builds:
            self.remember(sources, build(self.lab.tree, sources))
        self._builds.move_to_end(key)
        return self._builds[key]

    def remember(self, sources: Sources, made: Build) -> None:
        """Keep a build, so that it need not be made again."""
        self._builds[_key(sources)] = made
        while len(self._builds) > _KEPT:
            self._builds.popitem(last=False)

    def subject(self, made: Build, sources: Mapping[str, bytes], parameters: tuple[str, ...]) -> Subject:
        """What the tracer looks at; kept, since to read a module's debugging information takes a while."""
        key = (made.name, tuple(made.modules.items()), parameters)
        if key not in self._subjects:
            self._subjects[key] = make_subject(made, sources, parameters)
            while len(self._subjects) > _KEPT_SUBJECTS:
                self._subjects.popitem(last=False)
        return self._subjects[key]

    # ---- guests ----

    def take(self) -> Session:
        """A session with a pristine guest; `give_back` must follow."""
        session = self._sessions[0]
        session.start()
        self._sessions[-1].prepare()
        return session

    def give_back(self) -> None:
        """Throw the guest away that was taken last."""
        self._sessions[0].reset()
        self._sessions.reverse()

    def runs(self, *, is_taken: bool) -> Runs:
        """Where the tracer watches whole runs: in this runner's guests, or in others while one of these is taken."""
        return Runs(self.lab, None if is_taken else self._sessions, guests=len(self._sessions))


def _key(sources: Sources) -> _Key:
    return sources.name, tuple(sorted(sources.files.items()))
