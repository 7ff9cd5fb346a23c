"""Renders a build: make's output, closed if the build passed, and each diagnostic on the cell's own line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kmodlab.i18n import N_, _, ngettext
from kmodlab.kbuild.diagnostics import Diagnostic, Severity, follow_up_sentence
from kmodlab.kbuild.result import Build, Reason
from kmodlab.kbuild.sources import Sources
from kmodlab.notebook.render.parts import (
    Details,
    Excerpt,
    Level,
    LineMark,
    Message,
    Output,
    Part,
    escape,
    join_texts,
    make_marks,
)
from kmodlab.notebook.state import BuiltModule
from kmodlab.text import escape_control_chars

_MOST = 8  # diagnostics that are shown; the first ones matter most

_FAILURES = {
    Reason.COMPILE: N_("`{name}` is not built: the code does not compile."),
    Reason.MODPOST: N_("`{name}` is not built: the code compiles, but modpost refuses the module."),
    Reason.LINK: N_("`{name}` is not built: the files compile, but cannot be linked into a module."),
    Reason.MAKE: N_("`{name}` is not built: make stops."),
}
_SEVERITIES = {Severity.ERROR: N_("error"), Severity.WARNING: N_("warning")}

NO_SANDBOX = N_("Builds run without a sandbox on this machine: `kmodlab doctor` says why, and what that means.")


def build_parts(module: BuiltModule, *, verbose: bool = False) -> list[Part]:
    """The parts that show a build; make's output is open if `verbose`, or if the build failed."""
    build = module.build
    diagnostics = diagnostic_parts(build.diagnostics, module.sources, module.cell)
    printed = Output(build.transcript, _("what make printed"))
    if build.passed:
        return [Details(Message(_success(build), Level.GOOD), [printed], verbose), *diagnostics]
    return [
        Message(_failure(build), Level.BAD),
        *diagnostics,
        Details(Message(_("what `make` printed")), [printed], is_open=True),
    ]


def _failure(build: Build) -> str:
    """A sentence with the stage that failed, if diagnostics give the reason; otherwise the build's own sentence."""
    if build.errors and build.reason in _FAILURES:
        return _(_FAILURES[build.reason]).format(name=build.name)
    return build.sentence


def _success(build: Build) -> str:
    names = ", ".join(f"`{name}.ko`" for name in build.modules)
    counts = count(build.diagnostics)
    if counts:
        template = ngettext("{names} is built, with {counts}", "{names} are built, with {counts}", len(build.modules))
    else:
        template = ngettext("{names} is built", "{names} are built", len(build.modules))
    return template.format(names=names, counts=counts)


def count(diagnostics: Sequence[Diagnostic]) -> str:
    """The numbers of errors and warnings in words; empty if there are none."""
    errors = sum(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)
    warnings = sum(diagnostic.severity is Severity.WARNING for diagnostic in diagnostics)
    words = [
        ngettext("{number} error", "{number} errors", errors).format(number=errors) if errors else "",
        ngettext("{number} warning", "{number} warnings", warnings).format(number=warnings) if warnings else "",
    ]
    return ", ".join(filter(None, words))


# ---- diagnostics ---------------------------------------------------------------------------------------------------


def diagnostic_parts(diagnostics: Sequence[Diagnostic], sources: Sources, cell: str) -> list[Part]:
    """The parts that show the first diagnostics, each on its line; `cell` is the file with the cell's text."""
    texts = {name: data.decode("utf-8", "replace") for name, data in sources.files.items()}
    parts: list[Part] = [DiagnosticPart(diagnostic, texts, cell) for diagnostic in diagnostics[:_MOST]]
    number = len(diagnostics) - _MOST
    if number > 0:
        more = ngettext("There is {number} more; fix these first.", "There are {number} more; fix these first.", number)
        parts.append(Message(more.format(number=number)))
    return parts


@dataclass(frozen=True)
class DiagnosticPart:
    """A message of the compiler, the linker or modpost, with the line that it is about and a hint.

    `sources` are the learner's files by name; `cell` is the name of the file with the cell's text.
    """

    diagnostic: Diagnostic
    sources: Mapping[str, str]
    cell: str

    @property
    def text(self) -> str:
        """The message, its place, the line with a caret, and the hint."""
        diagnostic = self.diagnostic
        headline = self._headline.format(
            severity=_(_SEVERITIES[diagnostic.severity]),
            file=diagnostic.file,
            line=diagnostic.line,
            message=escape_control_chars(diagnostic.message),
        )
        return "\n".join([headline, *filter(None, [join_texts(self._parts)])])

    @property
    def html(self) -> str:
        """The headline, and the parts below it."""
        diagnostic = self.diagnostic
        headline = escape(self._headline).format(
            severity=f"<strong>{escape(_(_SEVERITIES[diagnostic.severity]))}</strong>",
            file=escape(diagnostic.file),
            line=diagnostic.line,
            message=escape(diagnostic.message),
        )
        inner = "".join(part.html for part in self._parts)
        return f'<div class="km-complaint km-{diagnostic.severity}"><p>{headline}</p>{inner}</div>'

    @property
    def marks(self) -> tuple[LineMark, ...]:
        """The mark on the diagnostic's line in a cell."""
        diagnostic = self.diagnostic
        file = "" if diagnostic.file == self.cell else diagnostic.file
        source = self.sources.get(diagnostic.file)
        return make_marks(
            source, file, diagnostic.line, diagnostic.severity, diagnostic.message, diagnostic.hint, diagnostic.column
        )

    @property
    def _headline(self) -> str:
        file = self.diagnostic.file if self.diagnostic.file != self.cell else ""
        if file and self.diagnostic.line:
            return _("{severity} in {file}, line {line}: {message}")
        if file:
            return _("{severity} in {file}: {message}")
        return _("{severity} in line {line}: {message}") if self.diagnostic.line else _("{severity}: {message}")

    @property
    def _parts(self) -> list[Part]:
        diagnostic = self.diagnostic
        source = self.sources.get(diagnostic.file)
        parts: list[Part] = []
        if source is not None and diagnostic.line:
            parts.append(Excerpt(source, diagnostic.line, diagnostic.column))
        if diagnostic.hint:
            parts.append(Message(diagnostic.hint))
        if diagnostic.follow_ups:
            parts.append(FollowUpsPart(diagnostic.follow_ups))
        return parts


@dataclass(frozen=True)
class FollowUpsPart:
    """The number of messages that only follow from another one; as HTML, a `details` element with the messages."""

    follow_ups: Sequence[Diagnostic]

    @property
    def text(self) -> str:
        """A sentence with their number."""
        return Message(follow_up_sentence(len(self.follow_ups))).text

    @property
    def html(self) -> str:
        """A `details` element with the messages."""
        rows = [_place_and_message(diagnostic) for diagnostic in self.follow_ups]
        title = Message(follow_up_sentence(len(rows)))
        return Details(title, [Output("\n".join(rows), _("messages that follow"))], is_open=False).html


def _place_and_message(diagnostic: Diagnostic) -> str:
    parts = [diagnostic.file, str(diagnostic.line or ""), f" {_(_SEVERITIES[diagnostic.severity])}"]
    return ":".join(filter(None, parts)).strip() + f": {diagnostic.message}"
