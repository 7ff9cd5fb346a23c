"""The result of a build: passed or failed, why, the modules, and what the terminal would have shown.

`assess_build` also looks at the outputs, because make can succeed without a module for the right kernel.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from types import MappingProxyType

from kmodlab.elf.database_text import parse_paths
from kmodlab.i18n import N_, _
from kmodlab.kbuild.diagnostics import Diagnostic, Severity, Tool, parse_diagnostics
from kmodlab.kbuild.kernel_headers import KernelHeaders
from kmodlab.kbuild.locate import find_code
from kmodlab.kbuild.makefile_hints import nearly_obj_m
from kmodlab.kbuild.module_hints import Parts, ignored_sources, read_parts
from kmodlab.kbuild.outputs import load_order, what_is_wrong
from kmodlab.kbuild.sources import MAKEFILES, Sources
from kmodlab.sandbox.guard import Overrun
from kmodlab.sandbox.sandbox import WORK


class Outcome(StrEnum):
    """Whether the build made a module."""

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
    """One run of make, as observed. `links` are the names of outputs that are not regular files."""

    status: int
    timed_out: bool
    overrun: Overrun | None
    transcript: str
    files: Mapping[str, bytes]
    links: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Build:
    """A build: its outcome, and if it failed, its reason and a sentence about it.

    `modules` maps names (as in `obj-m += hello-1.o`, without .ko) to the modules' bytes, in an order in which they
    can be loaded; it is empty unless the build passed. `files` holds everything else at the top of the build's folder.
    `changed` are the names of sources that a build that passed has changed or removed. `transcript` is what the
    terminal would show, without control characters. `sandboxed` is False if the build ran without bubblewrap.
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
    changed: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether there is a module to load."""
        return self.outcome is Outcome.PASSED

    @property
    def ko(self) -> bytes | None:
        """The module named `name`, or the first one if a Makefile chose other names; None unless the build passed."""
        return self.modules.get(self.name) or next(iter(self.modules.values()), None)

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that ended the build."""
        return tuple(diagnostic for diagnostic in self.diagnostics if diagnostic.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that did not end the build."""
        return tuple(diagnostic for diagnostic in self.diagnostics if diagnostic.severity is Severity.WARNING)


def assess_build(
    run: Run,
    sources: Sources,
    release: str,
    *,
    seconds: float,
    sandboxed: bool,
    headers: KernelHeaders | None = None,
) -> Build:
    """The result of a run of make, for the kernel `release`; `seconds` is how long it took.

    With the kernel's `headers`, hints name them.
    """
    parts = {} if sources.generated else read_parts(run.files)
    diagnostics = parse_diagnostics(run.transcript, sources.files, parts=parts, release=release, headers=headers)
    failure = explain_stop(run) or _make_failed(run, diagnostics) or _bad_module(run, sources, release)
    reason, sentence = failure or (None, "")
    if reason is Reason.NO_MODULE:
        diagnostics += (_remark_on_makefile(sources),)
    if reason is None:
        diagnostics += (*_remarks_on_code(sources), *_remarks_on_parts(sources, parts))
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
        changed=() if reason else tuple(name for name, data in sources.files.items() if run.files.get(name) != data),
    )


_LONGEST_LIST = 1 << 16


def _modules(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The modules by name: first those that others need, otherwise in the Makefile's order."""
    modules = {name.removesuffix(".ko"): data for name, data in files.items() if name.endswith(".ko")}
    # kbuild lists them as hello.ko or, since Linux 6.2, hello.o, with or without a folder.
    paths = parse_paths(files.get("modules.order", b"")[:_LONGEST_LIST])
    listed = [PurePosixPath(path).stem for path in paths]
    by_makefile = {name: modules[name] for name in (*listed, *sorted(modules)) if name in modules}
    return {name: modules[name] for name in load_order(by_makefile)}


def _is_result(name: str, sources: Sources) -> bool:
    return not name.endswith(".ko") and (name not in sources.files or name in ("Makefile", "Kbuild"))


# ---- why it failed -------------------------------------------------------------------------------------------------

_Failure = tuple[Reason, str]  # and a sentence about it

_OVERRUNS = {
    Overrun.MEMORY: (Reason.MEMORY, N_("The build was stopped: it took too much memory.")),
    Overrun.PROCESSES: (Reason.MEMORY, N_("The build was stopped: it started too many processes.")),
    Overrun.DISK: (Reason.DISK, N_("The build was stopped: it made too many files.")),
    Overrun.OUTPUT: (Reason.OUTPUT, N_("The build was stopped: it printed too much.")),
}


def explain_stop(run: Run) -> tuple[Reason, str] | None:
    """The reason why a build was stopped, and a sentence about it; None if make ended by itself."""
    if run.overrun:
        reason, sentence = _OVERRUNS[run.overrun]
        return reason, _(sentence)
    if run.timed_out:
        return Reason.TIMEOUT, _("The build was stopped: it took too long.")
    return None


# Messages of gcc, as, make, the shell and the C library when a limit of the sandbox is reached.
_STARVED = (
    (
        Reason.DISK,
        r"No space left on device|File size limit exceeded|File too large",
        N_("The build failed: it filled its disk."),
    ),
    (
        Reason.MEMORY,
        r"out of memory|[Vv]irtual memory exhausted|memory exhausted|Cannot allocate memory|Cannot fork|"
        r"[Rr]esource temporarily unavailable|Killed signal terminated program",
        N_("The build failed: it took too much memory."),
    ),
    (Reason.TIMEOUT, r"CPU time limit exceeded", N_("The build failed: it took too long.")),
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
    Reason.COMPILE: N_("{file} does not compile"),
    Reason.MODPOST: N_("{file} compiles, but modpost refuses the module"),
    Reason.LINK: N_("The files compile, but they cannot be linked into a module"),
    Reason.MAKE: N_("make cannot build this"),
}


def explain_lack(transcript: str) -> tuple[Reason, str] | None:
    """The reason and a sentence if a failed build reached a limit of the sandbox; None otherwise."""
    limits_hit = (row for row in _STARVED if re.search(row[1], transcript))
    return next(((reason, _(sentence)) for reason, _words, sentence in limits_hit), None)


def _make_failed(run: Run, diagnostics: Sequence[Diagnostic]) -> _Failure | None:
    if run.status == 0:
        return None
    if starved := explain_lack(run.transcript):
        return starved
    error = next((diagnostic for diagnostic in diagnostics if diagnostic.severity is Severity.ERROR), None)
    if error is None:
        return Reason.MAKE, _("make failed (status {status}).").format(status=run.status)
    reason = _REASONS[error.tool]
    stage = _(_STAGES[reason]).format(file=error.file or _("The source"))
    sentence = _("{stage}: {message} (line {line}).") if error.line else _("{stage}: {message}.")
    message = error.message.rstrip(".!").replace(f"{WORK}/", "")  # the folder in the box means nothing to learners
    return reason, sentence.format(stage=stage, message=message, line=error.line)


def _bad_module(run: Run, sources: Sources, release: str) -> _Failure | None:
    """Why a successful make has not left the module that was to be built; None if it has."""
    for name in sorted(run.links):
        if name.endswith(".ko"):
            return Reason.NO_MODULE, _("The build left {name}, which is not a regular file.").format(name=name)
    modules = {name: data for name, data in run.files.items() if name.endswith(".ko")}
    for name, data in modules.items():
        if wrong := what_is_wrong(data, release):
            sentence = _("The build left {name}, which is not a module. {reason}")
            return Reason.NO_MODULE, sentence.format(name=name, reason=wrong)
    wanted = f"{sources.name}.ko"
    if not modules or (sources.generated and wanted not in modules):
        return Reason.NO_MODULE, _("make succeeded, but it made no {name}.").format(name=wanted)
    return None


# ---- what no tool reports ------------------------------------------------------------------------------------------


def _remark_on_makefile(sources: Sources) -> Diagnostic:
    """A remark on a Makefile with which make succeeds and builds no module."""
    file = next((name for name in MAKEFILES if name in sources.files), "")
    hint = _("A Makefile for kbuild needs the line obj-m += {name}.o; m stands for module.").format(name=sources.name)
    message = _("{file} names no module that could be built").format(file=file)
    line = nearly_obj_m(sources.makefile)
    return Diagnostic(Tool.KMODLAB, Severity.ERROR, message, file, line, hint=hint, hint_key="no-module")


def _remarks_on_code(sources: Sources) -> tuple[Diagnostic, ...]:
    """Remarks on code that builds, but is probably not what the learner wants."""
    place = find_code(r"\bint\s+main\s*\(", sources.files)
    if place is None:
        return ()
    hint = _("A module begins with the function that module_init() names, and ends with that of module_exit().")
    message = _("nobody calls main() in a kernel module")
    return (Diagnostic(Tool.KMODLAB, Severity.WARNING, message, *place, hint=hint, hint_key="main-function"),)


def _remarks_on_parts(sources: Sources, parts: Parts) -> Iterator[Diagnostic]:
    """Remarks on the sources that kbuild silently ignores."""
    for file, hint in ignored_sources(sources.files, parts):
        message = _("{file} is not compiled").format(file=file)
        yield Diagnostic(Tool.KMODLAB, Severity.WARNING, message, file, hint=hint.text, hint_key=hint.key)
