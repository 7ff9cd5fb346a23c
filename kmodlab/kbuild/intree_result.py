"""The result of building the kernel with a learner's change: passed or failed, why, and on which line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from kmodlab.errors import SandboxError
from kmodlab.files import MIB
from kmodlab.i18n import N_, _
from kmodlab.kbuild.diagnostics import Diagnostic, Severity, Tool, parse_diagnostics
from kmodlab.kbuild.outputs import read_archive
from kmodlab.kbuild.result import Reason, Run, explain_lack, explain_stop
from kmodlab.kbuild.tree_change import ChangedTree, TreeChange
from kmodlab.process import CompletedProcess
from kmodlab.sandbox.guard import Guard, Overrun
from kmodlab.sandbox.limits import INTREE
from kmodlab.text import escape_control_chars

NOT_STARTED = 99  # the script's status if the view could not be made


@dataclass(frozen=True)
class InTreeBuild:
    """The kernel with a change in it, or why it could not be built.

    `config` is the whole .config; `question` has the new questions of `make oldconfig`, with their answers. `image` is
    the bootable kernel, `vmlinux` its ELF file; both are empty unless the build passed. `objects` are the learner's
    object files, by path, and `modules` the modules, by name. `files` are the new texts of the changed files, for
    `diff`; `databases` are modules.builtin and similar files. The diagnostics have lines of the learner's texts.
    """

    change: TreeChange
    reason: Reason | None
    sentence: str
    transcript: str
    diagnostics: tuple[Diagnostic, ...]
    seconds: float
    question: str = ""
    config: str = ""
    image: bytes = b""
    vmlinux: bytes = b""
    objects: Mapping[str, bytes] = field(default_factory=dict)
    modules: Mapping[str, bytes] = field(default_factory=dict)
    databases: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether there is a kernel to boot."""
        return self.reason is None

    def value(self, option: str) -> str:
        """The value of an option in the configuration: y, m or n."""
        return _value(self.config, option)


_PARTS = re.compile(r"^== (\w+)\n", re.MULTILINE)  # the headings in the script's output


def assess(finished: CompletedProcess, guard: Guard, view: ChangedTree, seconds: float) -> InTreeBuild:
    """The result of a run of the build's script. Raises: SandboxError if it could not be started."""
    printed = finished.stdout[: INTREE.output_mib * MIB].decode("utf-8", "replace")
    _before, _mark, rest = printed.partition("== oldconfig\n")
    if finished.status == NOT_STARTED or (not rest and not guard.overrun and not finished.timed_out):
        last = (printed.strip().splitlines() or [_("status {status}").format(status=finished.status)])[-1]
        raise SandboxError(_("The build could not be started: {reason}.").format(reason=last), details=printed[-2000:])
    asked, _mark, made = rest.partition("== build\n")
    overrun = guard.overrun or (Overrun.OUTPUT if finished.output_truncated else None)
    files = read_archive(finished.stderr)
    transcript = escape_control_chars(_shown(asked + made, view))
    run = Run(finished.status, finished.timed_out, overrun, transcript, files)
    texts = {path: text.encode() for path, text in view.change.shown.items()}
    diagnostics = parse_diagnostics(_numbered(transcript, view), texts, release=view.kernel.release)
    diagnostics = _first_of_kconfig(diagnostics)
    config = files.get("config", b"").decode("utf-8", "replace")
    failure = _failure(run, diagnostics, view.change, config)
    reason = failure[0] if failure else None
    sentence = failure[1] if failure else ""
    objects = {path: files[f"object-{n}.o"] for n, path in enumerate(view.units) if f"object-{n}.o" in files}
    return InTreeBuild(
        change=view.change,
        reason=reason,
        sentence=sentence,
        transcript=transcript,
        diagnostics=diagnostics,
        seconds=seconds,
        question=escape_control_chars(_question(asked)),
        config=config,
        image=b"" if reason else files.get("image", b""),
        vmlinux=b"" if reason else files.get("vmlinux", b""),
        objects=MappingProxyType(objects),
        modules=MappingProxyType({name[:-3]: data for name, data in files.items() if name.endswith(".ko")}),
        databases=MappingProxyType({name: data for name, data in files.items() if name.startswith("modules.")}),
    )


def _shown(text: str, view: ChangedTree) -> str:
    """make's output, with paths as in a build in the tree itself."""
    return _PARTS.sub("", text).replace(f"{view.tree}/", "").replace(f"{view.objects}/", "")


def _numbered(transcript: str, view: ChangedTree) -> str:
    """make's output, with line numbers of the learner's texts."""
    for path in view.change.texts:
        shift = view.change.margin - view.offset(path)
        last = view.change.texts[path].count("\n") + 1 + view.change.margin

        def renumber(match: re.Match[str], shift: int = shift, last: int = last) -> str:
            return f"{match[1]}{min(max(1, int(match[2]) + shift), last)}"

        transcript = re.sub(rf"((?<![\w/.-]){re.escape(path)}:)(\d{{1,7}})(?=:)", renumber, transcript)
    return transcript


def _first_of_kconfig(diagnostics: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
    """The diagnostics with kconfig's first error, whose follow-ups are the other errors of kconfig."""
    errors = [error for error in diagnostics if error.tool is Tool.KCONFIG and error.severity is Severity.ERROR]
    if not errors:
        return diagnostics
    first = min(errors, key=lambda error: error.line or 0)
    others = tuple(error for error in errors if (error.line, error.message) != (first.line, first.message))
    return (replace(first, follow_ups=others), *(diagnostic for diagnostic in diagnostics if diagnostic not in errors))


def _question(asked: str) -> str:
    """The new questions, with their answers, in the output of `make oldconfig`, which repeats the old ones."""
    return "\n".join(line for line in asked.splitlines() if "(NEW)" in line)


_STAGES = {
    Tool.GCC: (Reason.COMPILE, N_("{file} does not compile")),
    Tool.AS: (Reason.COMPILE, N_("{file} does not compile")),
    Tool.OBJTOOL: (Reason.COMPILE, N_("{file} does not compile")),
    Tool.LD: (Reason.LINK, N_("The driver compiles, but the kernel cannot be linked with it")),
    Tool.MODPOST: (Reason.MODPOST, N_("{file} compiles, but modpost refuses it")),
    Tool.MAKE: (Reason.MAKE, N_("make cannot build this")),
    Tool.KCONFIG: (Reason.MAKE, N_("kconfig cannot read {file}")),
}


def _failure(
    run: Run, diagnostics: tuple[Diagnostic, ...], change: TreeChange, config: str
) -> tuple[Reason, str] | None:
    if stopped := explain_stop(run):
        return stopped
    if not any(error.tool is Tool.KCONFIG for error in diagnostics) and (unheard := _find_unheard(change, config)):
        return Reason.MAKE, unheard
    if run.status != 0:
        return explain_lack(run.transcript) or _first_error(run, diagnostics)
    if not run.files.get("image") or not run.files.get("vmlinux"):
        return Reason.MAKE, _("make succeeded, but it made no kernel.")
    return None


def _first_error(run: Run, diagnostics: tuple[Diagnostic, ...]) -> tuple[Reason, str]:
    error = next((diagnostic for diagnostic in diagnostics if diagnostic.severity is Severity.ERROR), None)
    if error is None:
        return Reason.MAKE, _("make failed (status {status}).").format(status=run.status)
    reason, stage = _STAGES.get(error.tool, (Reason.MAKE, N_("make cannot build this")))
    stage = _(stage).format(file=error.file or _("The source"))
    return reason, _("{stage}: {message}.").format(stage=stage, message=error.message.rstrip(".!"))


_ENTRY = re.compile(r"[ \t]*(?:menu)?config[ \t]+([A-Z0-9_]+)[ \t]*")
_DEPENDS = re.compile(r"[ \t]*depends[ \t]+on[ \t]+(.+)")


def _find_unheard(change: TreeChange, config: str) -> str:
    """A sentence about an answer that kconfig did not take; empty if it took all, or could not read its files."""
    for option, value in change.answers.items():
        found = _value(config, option)
        if not config or found == value:
            continue
        missing = [name for name in _depends_on(change, option) if _value(config, name) == "n"]
        if missing:
            sentence = _("{option} depends on {names}, which this kernel's configuration has not set.")
            return sentence.format(option=option, names=", ".join(missing))
        if option not in change.defined and found == "n":
            sentence = _(
                "kconfig does not ask for {option}: no Kconfig entry of yours has it, or what it needs is off."
            )
            return sentence.format(option=option)
        sentence = _(
            "{option}={wanted} is not possible here: kconfig made it {found}. Look at its type (bool, tristate)."
        )
        return sentence.format(option=option, wanted=value, found=found)
    return ""


def _depends_on(change: TreeChange, option: str) -> list[str]:
    """The options that the learner's entry for an option depends on."""
    names: list[str] = []
    for text in change.texts.values():
        is_asked = False
        for line in text.splitlines():
            if entry := _ENTRY.fullmatch(line):
                is_asked = entry[1] == option
            elif is_asked and (depends := _DEPENDS.fullmatch(line)):
                names += re.findall(r"(?<![!\w])[A-Z][A-Z0-9_]+", depends[1])
    return names


def _value(config: str, option: str) -> str:
    """The value of an option in a configuration: y, m or n."""
    match = re.search(rf"^CONFIG_{re.escape(option)}=(\w)$", config, re.MULTILINE)
    return match[1] if match else "n"
