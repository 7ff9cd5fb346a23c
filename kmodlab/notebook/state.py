"""The state of one notebook: a session with its guest, and what its cells built and stored for later cells.

There is one `NotebookState` for each ipykernel, so each notebook has a guest of its own; the guest starts when it is
first needed. Each command in the guest is an `Action`; `render` shows it.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from kmodlab.crash.reader import find_reports
from kmodlab.crash.records import LogRecord, format_log
from kmodlab.crash.report import Report
from kmodlab.elf.modprobe import parse_proc_modules
from kmodlab.errors import GuestError
from kmodlab.guest.agent.client import OUTPUT_LIMIT
from kmodlab.guest.image import KMOD_TOOLS
from kmodlab.guest.lab import load_lab
from kmodlab.guest.machine import Machine
from kmodlab.guest.session import COMMAND_S, Session
from kmodlab.i18n import _
from kmodlab.kbuild.result import Build, Outcome
from kmodlab.kbuild.sources import Sources, kmod_name
from kmodlab.kernel.tree import KernelTree
from kmodlab.notebook.earlier import EarlierVersions
from kmodlab.notebook.learner_tree import LearnerTree
from kmodlab.process import Deadline
from kmodlab.settings import get_settings
from kmodlab.submission.cells import CellKind, LearnerCell
from kmodlab.submission.learner_sources import LearnerSources
from kmodlab.tracer.call_sites import Code
from kmodlab.tracer.failed_call import explain_wait
from kmodlab.tracer.messages import open_formats
from kmodlab.tracer.run import GUEST_FOLDER, Step, take_step, with_leaks
from kmodlab.tracer.unreferenced import LoadedCode

GREET_S = 3.0  # for a guest to answer after its command was interrupted
_IN_KERNEL = "insmod rmmod modprobe"  # tools that call a module's functions, which no signal ends
LOOK_S = 10.0  # for a quick question to the guest, such as completion asks


@dataclass(frozen=True)
class Action:
    """A step in the notebook's guest.

    `lost_before` says whether the guest ended after the last command, so that the step ran in a fresh guest.
    """

    step: Step
    lost_before: bool = False

    @property
    def earlier(self) -> tuple[LogRecord, ...]:
        """The records that were logged between the previous command and this one."""
        return self.step.earlier

    @property
    def reports(self) -> tuple[Report, ...]:
        """The kernel's reports of crashes, warnings and traces, in this step or since the previous one.

        Refused modules are left out: the tool's error and the log already say why.
        """
        before = find_reports(format_log(self.earlier)) if self.earlier else ()
        return tuple(report for report in (*before, *self.step.reports) if not report.is_refusal)

    @property
    def is_last(self) -> bool:
        """Whether the guest has ended, or its kernel has crashed, so that no command can follow."""
        return self.step.end is not None or any(report.is_fatal for report in self.reports)

    def without_log(self) -> Action:
        """This action without the kernel's log."""
        return replace(self, step=replace(self.step, earlier=(), records=(), open_lines=()))

    @property
    def ok(self) -> bool:
        """Whether the command succeeded and the kernel did not crash."""
        return not self.is_last and self.step.result is not None and self.step.result.ok


@dataclass(frozen=True)
class BuiltModule:
    """A module that a cell built, with its sources; `cell` is the name of the file that holds the cell's text."""

    build: Build
    sources: Sources
    cell: str

    def ko(self, kmod: str) -> bytes | None:
        """The file of the module that lsmod shows as `kmod`; None if the build has no such module."""
        return next((ko for name, ko in self.build.modules.items() if kmod_name(name) == kmod), None)


async def _read_modules(machine: Machine) -> bytes:
    # The agent reads the file itself, which is quicker than starting a program.
    late = _("The guest did not list its modules in time.")
    return await machine.ask(machine.agent.get("/proc/modules", OUTPUT_LIMIT), Deadline.after(LOOK_S), late)


@dataclass
class NotebookState:
    """The state of one notebook: its session, and what its cells stored.

    `files` come from `%%kfile`, by file name; `makefiles` from `%%makefile`, by module; `modules` from `%%kmod`, by the
    name that lsmod shows; `libraries` from `%%library`, by name without .so; `tree` from `%%intree` and `%kconfig`.
    `earlier` are the modules that were loaded.
    """

    files: dict[str, str] = field(default_factory=dict)
    makefiles: dict[str, str] = field(default_factory=dict)
    modules: dict[str, BuiltModule] = field(default_factory=dict)
    libraries: dict[str, bytes] = field(default_factory=dict)
    tree: LearnerTree = field(default_factory=LearnerTree)
    earlier: EarlierVersions = field(default_factory=EarlierVersions)
    no_sandbox_shown: bool = False
    running: str = ""  # the name of the running work, for the message about an interrupt; see `doing`
    _session: Session | None = None
    _code: LoadedCode = field(default_factory=LoadedCode)  # addresses of modules, if the kernel has kmemleak
    _had_guest: bool = False
    _lost_guest: bool = False

    @property
    def session(self) -> Session:
        """The session, opened at its first use.

        Raises:
            SetupError: The lab is not set up.
        """
        if self._session is None:
            self._session = Session(load_lab(get_settings()), warm=True)
        return self._session

    @property
    def kernel_tree(self) -> KernelTree:
        """The kernel for which modules are written; starts no guest. Raises: SetupError if the lab is not set up."""
        return self._session.lab.tree if self._session else load_lab(get_settings()).tree

    @property
    def is_alive(self) -> bool:
        """Whether a guest is running."""
        return self._session is not None and self._session.is_alive

    @property
    def machine(self) -> Machine | None:
        """The running guest, for questions on the I/O thread; None if no guest is running."""
        return self._session.machine if self._session else None

    def close(self) -> None:
        """End the guest, and forget what cells stored."""
        for stored in (self.files, self.makefiles, self.modules, self.libraries):
            stored.clear()
        self.tree = LearnerTree()
        self.earlier = EarlierVersions()
        self._had_guest = self._lost_guest = False
        if self._session is not None:
            self._session.close()

    def forget_lab(self) -> None:
        """End the guest, and read the lab again when it is needed: a set-up may have made another one."""
        self._had_guest = self._lost_guest = False
        if self._session is not None:
            self._session.close()
            self._session = None

    def use(self, session: Session) -> None:
        """Use a session with another kernel from now on. Modules built before are forgotten, as they do not fit it."""
        self.forget_lab()
        self.modules.clear()
        self.earlier = EarlierVersions()
        self._session = session

    def reset(self) -> None:
        """End the guest, and prepare a fresh one in the background."""
        self._had_guest = self._lost_guest = False
        self.session.reset()
        self.session.prepare()

    def start(self) -> None:
        """Start a guest unless one runs. If a guest was lost, the next command still reports it."""
        self._note_loss()
        self.session.start()
        self._had_guest = self.is_alive

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """A context that sets `running` to the name `what`, which stays set after an exception."""
        before, self.running = self.running, what
        yield
        self.running = before

    def settle(self) -> bool:
        """Check the guest after an interrupt; returns whether it still answers. If not, it is replaced."""
        if not self.is_alive:
            return False
        try:
            self.session.with_machine(lambda machine: machine.greet(Deadline.after(GREET_S)))
        except GuestError:
            self.reset()
            return False
        return True

    def unkillable(self) -> str:
        """The kmod tool that still runs a module's function although it was killed; empty if there is none."""
        return self.look(
            ["sh", "-c", f"sleep 0.1; for i in {_IN_KERNEL}; do pidof $i >/dev/null && echo $i; done; :"]
        ).partition("\n")[0]

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
        """Run a command in the guest (see `take_step`). If it ends or crashes the guest, a fresh one is prepared."""
        self._note_loss()
        lost_before, self._lost_guest = self._lost_guest, False
        with self.doing(self.running or f"`{shlex.join(argv)}`"):
            step = take_step(
                self.session,
                argv,
                timeout_s=timeout_s,
                limit=limit,
                on_output=on_output,
                trigger=trigger,
                end_lines=self._may_leave_lines_open(),
            )
        if self.session.lab.finds_leaks and step.outcome is Outcome.PASSED:
            step = self._follow_memory(step)
        if step.result and step.result.timed_out:
            step = explain_wait(step, self._codes())
        action = Action(step, lost_before)
        if action.is_last or (not action.ok and argv[0] in KMOD_TOOLS):
            self.session.lab.verify()  # before the notebook blames the module
        if action.is_last:
            self.reset()
        self._had_guest = self.is_alive
        return action

    def _follow_memory(self, step: Step) -> Step:
        """Record the addresses of modules that a step loaded; add reports of leaks of modules that it unloaded."""
        if self._code.generation != self.session.generation:
            self._code = LoadedCode(self.session.generation)
        name = kmod_name(PurePosixPath(step.argv[1]).name.removesuffix(".ko")) if len(step.argv) > 1 else ""
        ko = self.modules[name].ko(name) if name in self.modules else None
        if step.argv[0] == "insmod" and ko:
            self._code.note(self.session, ko)
        if step.argv[0] == "rmmod" and self._code.modules:
            return with_leaks(self.session, step, self._code)
        return step

    def _codes(self) -> list[Code]:
        return [Code(ko, module.sources.files) for kmod, module in self.modules.items() if (ko := module.ko(kmod))]

    def _may_leave_lines_open(self) -> bool:
        """Whether a module of this notebook has a message without a final newline."""
        return any(open_formats(ko) for module in self.modules.values() for ko in module.build.modules.values())

    def put(self, name: str, data: bytes) -> None:
        """Write a file in the guest."""
        self._note_loss()
        self.session.put(name, data)
        self._had_guest = self.is_alive

    def _note_loss(self) -> None:
        """Record that the guest has ended since its last use, because the session replaces it silently."""
        self._lost_guest = self._lost_guest or (self._had_guest and not self.is_alive)
        self._had_guest = False

    def look(self, argv: Sequence[str]) -> str:
        """The output of a quick command in the running guest; empty if no guest is running or it does not answer."""
        if not self.is_alive:
            return ""
        try:
            result = self.session.run(list(argv), timeout_s=LOOK_S, directory=GUEST_FOLDER)
        except GuestError:
            return ""
        return result.stdout.decode("utf-8", "replace") if result.ok else ""

    def loaded(self) -> list[str]:
        """The names of the loaded modules, the latest first; empty if no guest is running."""
        if not self.is_alive:
            return []
        try:
            return list(parse_proc_modules(self.session.with_machine(_read_modules)))
        except GuestError:
            return []

    # ---- files ----

    def sources(self, name: str, cell: str, files: Sequence[str], reserved: Collection[str]) -> Sources:
        """The sources of a cell's module: the cell, the Makefile and the `files` that other cells stored.

        `reserved` are the names of the kernel's own modules. The file other.symvers stands for the Module.symvers of
        the module `other`, which a cell has built; with it the module can use symbols of `other`.

        Raises:
            UsageError: The name is not allowed, or a file is missing.
        """
        stems = [file.removesuffix(".symvers") for file in files if file.endswith(".symvers")]
        builds = {stem: self.modules[kmod_name(stem)].build for stem in stems if kmod_name(stem) in self.modules}
        symvers = {stem: build.files.get("Module.symvers", b"") for stem, build in builds.items()}
        cells = {name: LearnerCell(CellKind.KMOD, name, cell, tuple(files))}
        return LearnerSources(cells, self.makefiles, self.files).sources(name, symvers, reserved=reserved)

    def remember(self, module: BuiltModule) -> None:
        """Keep a built module, so that crashes can be traced back to its sources."""
        for name in module.build.modules:
            self.modules[kmod_name(name)] = module
