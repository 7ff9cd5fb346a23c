"""What came of a build: passed or failed, why, the modules, and what the terminal would have shown.

`assess_build` decides from what was observed: `make` saying that all is well proves nothing, a module of the right
kind does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from kmodlab.kbuild.diagnostics import Diagnostic, Severity, Tool, parse_diagnostics
from kmodlab.kbuild.outputs import load_order, what_is_wrong
from kmodlab.kbuild.remarks import on_missing_module, on_sources
from kmodlab.kbuild.sources import Sources
from kmodlab.sandbox.guard import Overrun


class Outcome(StrEnum):
    """Whether the learner's code did it."""

    PASSED = "passed"
    FAILED = "failed"


class Reason(StrEnum):
    """Why a build failed."""

    COMPILE = "compile"
    MODPOST = "modpost"
    LINK = "link"
    MAKE = "make"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT = "output"
    DISK = "disk"
    NO_MODULE = "no-module"


@dataclass(frozen=True)
class Run:
    """What was seen of one run of make. `links` are outputs that are no plain files."""

    status: int
    timed_out: bool
    overrun: Overrun | None
    transcript: str
    files: Mapping[str, bytes]
    links: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Build:
    """A build: its outcome, and `reason` and `sentence` where it failed.

    `modules` maps names (as in `obj-m += hello-1.o`, without .ko) to the modules' bytes, in an order in which they
    can be loaded; it is empty unless the build passed. `files` holds everything else that lies at the top of the
    folder afterwards. `transcript` is the terminal's text, free of control characters. `sandboxed` is False where
    there was no bubblewrap.
    """

    name: str
    outcome: Outcome
    reason: Reason | None
    sentence: str
    modules: Mapping[str, bytes]
    files: Mapping[str, bytes]
    transcript: str
    diagnostics: tuple[Diagnostic, ...]
    seconds: float
    sandboxed: bool

    @property
    def passed(self) -> bool:
        """Whether there is a module to load."""
        return self.outcome is Outcome.PASSED

    @property
    def ko(self) -> bytes | None:
        """The module that was asked for; where a Makefile chose another name, the first; None unless passed."""
        return self.modules.get(self.name) or next(iter(self.modules.values()), None)

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The complaints that ended the build."""
        return tuple(found for found in self.diagnostics if found.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """The complaints that did not."""
        return tuple(found for found in self.diagnostics if found.severity is Severity.WARNING)


def assess_build(run: Run, sources: Sources, release: str, *, seconds: float, sandboxed: bool) -> Build:
    """The verdict on a run of make."""
    diagnostics = parse_diagnostics(run.transcript, sources.files)
    reason, sentence = _stopped(run) or _complaint(run, diagnostics) or _bad_module(run, sources, release) or (None, "")
    if reason is Reason.NO_MODULE:
        diagnostics += on_missing_module(sources)
    if reason is None:
        diagnostics += on_sources(sources)
    return Build(
        name=sources.name,
        outcome=Outcome.FAILED if reason else Outcome.PASSED,
        reason=reason,
        sentence=sentence,
        modules=MappingProxyType({} if reason else _modules(run.files)),
        files=MappingProxyType({name: data for name, data in run.files.items() if _is_result(name, sources)}),
        transcript=run.transcript,
        diagnostics=diagnostics,
        seconds=seconds,
        sandboxed=sandboxed,
    )


_LONGEST_LIST = 1 << 16


def _modules(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The modules by name: those first that others need, otherwise in the Makefile's order."""
    found = {name.removesuffix(".ko"): data for name, data in files.items() if name.endswith(".ko")}
    # kbuild lists them as hello.ko or, since Linux 6.2, hello.o, with or without a folder.
    lines = files.get("modules.order", b"")[:_LONGEST_LIST].decode("utf-8", "replace").splitlines()
    listed = [line.rpartition("/")[2].rpartition(".")[0] for line in lines]
    by_makefile = {name: found[name] for name in (*listed, *sorted(found)) if name in found}
    return {name: found[name] for name in load_order(by_makefile)}


def _is_result(name: str, sources: Sources) -> bool:
    return not name.endswith(".ko") and (name not in sources.files or name in ("Makefile", "Kbuild"))


_Why = tuple[Reason, str]

_OVERRUNS = {
    Overrun.MEMORY: (Reason.MEMORY, "The build was stopped: it took too much memory."),
    Overrun.PROCESSES: (Reason.MEMORY, "The build was stopped: it started too many processes."),
    Overrun.DISK: (Reason.DISK, "The build was stopped: it made too many files."),
    Overrun.OUTPUT: (Reason.OUTPUT, "The build was stopped: it printed too much."),
}


def _stopped(run: Run) -> _Why | None:
    """Where we ended it."""
    if run.overrun:
        return _OVERRUNS[run.overrun]
    if run.timed_out:
        return Reason.TIMEOUT, "The build was stopped: it took too long."
    return None


# The words of gcc, as, make, the shell and the C library when a limit of the box is met.
_STARVED = (
    (Reason.DISK, r"No space left on device|File size limit exceeded|File too large", "it filled its disk"),
    (
        Reason.MEMORY,
        r"out of memory|[Vv]irtual memory exhausted|memory exhausted|Cannot allocate memory|Cannot fork|"
        r"[Rr]esource temporarily unavailable|Killed signal terminated program",
        "it took too much memory",
    ),
    (Reason.TIMEOUT, r"CPU time limit exceeded", "it took too long"),
)
_REASONS = {
    Tool.GCC: Reason.COMPILE,
    Tool.AS: Reason.COMPILE,
    Tool.OBJTOOL: Reason.COMPILE,
    Tool.MODPOST: Reason.MODPOST,
    Tool.LD: Reason.LINK,
    Tool.MAKE: Reason.MAKE,
}
_STAGES = {
    Reason.COMPILE: "{file} does not compile",
    Reason.MODPOST: "{file} compiles, but modpost refuses the module",
    Reason.LINK: "The files compile, but they cannot be linked into a module",
    Reason.MAKE: "make cannot build this",
}


def _complaint(run: Run, diagnostics: Sequence[Diagnostic]) -> _Why | None:
    """Where make itself failed."""
    if run.status == 0:
        return None
    for reason, words, what in _STARVED:
        if re.search(words, run.transcript):
            return reason, f"The build failed: {what}."
    error = next((found for found in diagnostics if found.severity is Severity.ERROR), None)
    if error is None:
        return Reason.MAKE, f"make failed (status {run.status})."
    reason = _REASONS[error.tool]
    place = f" (line {error.line})" if error.line else ""
    stage = _STAGES[reason].format(file=error.file or "The source")
    return reason, f"{stage}: {error.message.rstrip('.!')}{place}."


def _bad_module(run: Run, sources: Sources, release: str) -> _Why | None:
    """Where make was content, but what it leaves is no module, or not the one that was asked for."""
    for name in sorted(run.links):
        if name.endswith(".ko"):
            return Reason.NO_MODULE, f"The build left {name}, which is no plain file."
    modules = {name: data for name, data in run.files.items() if name.endswith(".ko")}
    for name, data in modules.items():
        if wrong := what_is_wrong(data, release):
            return Reason.NO_MODULE, f"The build left {name}, which is no module. {wrong}"
    wanted = f"{sources.name}.ko"
    if not modules or (sources.generated and wanted not in modules):
        return Reason.NO_MODULE, f"make succeeded, but it made no {wanted}."
    return None
