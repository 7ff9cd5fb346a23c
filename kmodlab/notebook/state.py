"""What one notebook has: a session with its guest, and what its cells wrote down for later ones.

There is one `NotebookState` for each ipykernel, so two notebooks have guests of their own, and nothing is started
before it is needed. Each command is an `Action`: what it did, and what happened since the one before. Showing that is
left to `render`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from kmodlab.crash.reader import find_reports
from kmodlab.crash.records import LogRecord, format_log
from kmodlab.crash.report import Report
from kmodlab.errors import GuestError
from kmodlab.guest.agent.client import OUTPUT_LIMIT
from kmodlab.guest.lab import load_lab
from kmodlab.guest.machine import Machine
from kmodlab.guest.session import COMMAND_S, Session
from kmodlab.i18n import _
from kmodlab.kbuild.result import Build
from kmodlab.kbuild.sources import Sources, kmod_name
from kmodlab.process import Deadline
from kmodlab.settings import get_settings
from kmodlab.submission.cells import CellKind, LearnerCell
from kmodlab.submission.learner_sources import LearnerSources
from kmodlab.tracer.run import PLACE, Step, take_step

GREET_S = 3.0  # for a guest whose command was interrupted to show that it is still there
LOOK_S = 10.0  # for a glance at the guest, as when names are completed


@dataclass(frozen=True)
class Action:
    """A step in the notebook's guest, and what came before it.

    `lost_before`: the guest ended since the last command, and the step ran in a fresh one.
    """

    step: Step
    lost_before: bool = False

    @property
    def earlier(self) -> tuple[LogRecord, ...]:
        """What was logged since the last command, so not because of this one."""
        return self.step.earlier

    @property
    def reports(self) -> tuple[Report, ...]:
        """What the kernel reported, in this step or just before it: crashes, warnings and traces.

        A module that was refused is not among them: the tool's error and the log say all there is.
        """
        before = find_reports(format_log(self.earlier)) if self.earlier else ()
        return tuple(report for report in (*before, *self.step.reports) if not report.is_refusal)

    @property
    def is_last(self) -> bool:
        """Whether the guest is gone, or unsound, after it."""
        return self.step.end is not None or any(report.is_fatal for report in self.reports)

    def without_log(self) -> Action:
        """The same, as if the kernel had said nothing."""
        return replace(self, step=replace(self.step, earlier=(), records=()))

    @property
    def ok(self) -> bool:
        """Whether the command succeeded, in a kernel that is still sound."""
        return not self.is_last and self.step.result is not None and self.step.result.ok


@dataclass(frozen=True)
class BuiltModule:
    """A module that a cell built: from which sources, and the cell's own file among them."""

    build: Build
    sources: Sources
    cell: str

    def ko(self, kmod: str) -> bytes | None:
        """The module that lsmod calls so."""
        return next((ko for name, ko in self.build.modules.items() if kmod_name(name) == kmod), None)


async def _read_modules(machine: Machine) -> bytes:
    """Quicker than a program that reads it, and bounded as `look` is."""
    late = _("The guest did not list its modules in time.")
    return await machine.ask(machine.agent.get("/proc/modules", OUTPUT_LIMIT), Deadline.after(LOOK_S), late)


@dataclass
class NotebookState:
    """One notebook's things. `files` and `makefiles` come from `%%kfile` and `%%makefile`, `made` from `%%kmod`.

    `made` is keyed by the name that lsmod shows. `libraries` come from `%%library`, by name, without .so.
    """

    files: dict[str, str] = field(default_factory=dict)
    makefiles: dict[str, str] = field(default_factory=dict)
    made: dict[str, BuiltModule] = field(default_factory=dict)
    libraries: dict[str, bytes] = field(default_factory=dict)
    told_no_sandbox: bool = False
    _session: Session | None = None
    _had_guest: bool = False
    _lost_guest: bool = False

    @property
    def session(self) -> Session:
        """The session, opened when it is first asked for; SetupError where there is no lab."""
        if self._session is None:
            self._session = Session(load_lab(get_settings()), warm=True)
        return self._session

    @property
    def is_alive(self) -> bool:
        """Whether there is a guest that a look into would not have to start."""
        return self._session is not None and self._session.is_alive

    def close(self) -> None:
        """End the guest."""
        self._had_guest = self._lost_guest = False
        if self._session is not None:
            self._session.close()

    def reset(self) -> None:
        """Throw the guest away and begin to make a fresh one."""
        self._had_guest = self._lost_guest = False
        self.session.reset()
        self.session.prepare()

    def settle(self) -> bool:
        """After an interrupt: whether the guest goes on. One that still loops in its kernel is replaced."""
        if not self.is_alive:
            return False
        try:
            self.session.with_machine(lambda machine: machine.greet(Deadline.after(GREET_S)))
        except GuestError:
            self.reset()
            return False
        return True

    # ---- commands ----

    def act(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float = COMMAND_S,
        limit: int = OUTPUT_LIMIT,
        on_output: Callable[[bytes, bytes], None] | None = None,
        trigger: Callable[[], None] | None = None,
    ) -> Action:
        """Run a command in the guest (see `take_step`); a guest that it breaks is replaced."""
        self._note_loss()
        lost_before, self._lost_guest = self._lost_guest, False
        step = take_step(self.session, argv, timeout_s=timeout_s, limit=limit, on_output=on_output, trigger=trigger)
        action = Action(step, lost_before)
        if action.is_last:
            self.reset()
        self._had_guest = self.is_alive
        return action

    def put(self, name: str, data: bytes) -> None:
        """Write a file in the guest."""
        self._note_loss()
        self.session.put(name, data)
        self._had_guest = self.is_alive

    def _note_loss(self) -> None:
        """Remember that a guest has ended since it was used last; the session replaces it without a word."""
        self._lost_guest = self._lost_guest or (self._had_guest and not self.is_alive)
        self._had_guest = False

    def look(self, argv: Sequence[str]) -> str:
        """What a quick command prints in the guest that is there; empty when there is none, or it does not answer."""
        if not self.is_alive:
            return ""
        try:
            result = self.session.run(list(argv), timeout_s=LOOK_S, directory=PLACE)
        except GuestError:
            return ""
        return result.stdout.decode("utf-8", "replace") if result.ok else ""

    def loaded(self) -> list[str]:
        """The names of the loaded modules, the latest first; none when there is no guest."""
        if not self.is_alive:
            return []
        try:
            listed = self.session.with_machine(_read_modules).decode("utf-8", "replace")
        except GuestError:
            return []
        # proc(5): the name is the first word of each line.
        return [line.split()[0] for line in listed.splitlines() if line.strip()]

    # ---- files ----

    def sources(self, name: str, cell: str, files: Sequence[str], reserved: Collection[str]) -> Sources:
        """The sources of a cell's module, with what other cells have written down: its Makefile, and `files`.

        `reserved` are the names that the lab's kernel has taken. other.symvers is the Module.symvers of a module
        `other` that a cell has built, so that its symbols are known.

        Raises:
            UsageError: they cannot be built.
        """
        stems = [file.removesuffix(".symvers") for file in files if file.endswith(".symvers")]
        made = {stem: self.made[kmod_name(stem)].build for stem in stems if kmod_name(stem) in self.made}
        symvers = {stem: build.files.get("Module.symvers", b"") for stem, build in made.items()}
        cells = {name: LearnerCell(CellKind.KMOD, name, cell, tuple(files))}
        work = LearnerSources(cells, self.makefiles, self.files)
        return work.sources(name, symvers, reserved=reserved)

    def remember(self, made: BuiltModule) -> None:
        """Keep what was built: a crash is traced back to its sources."""
        for name in made.build.modules:
            self.made[kmod_name(name)] = made
