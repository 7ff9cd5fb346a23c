"""The diagnostics of gcc, as, ld, modpost and make as data, on the learner's own files and lines.

They are parsed from the text that a terminal shows. A diagnostic inside a kernel macro gets the line where the learner
used the macro; one without a line (from modpost) gets the line where the symbol is used. `hints` explains them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from kmodlab.i18n import _, ngettext
from kmodlab.kbuild.api_changes.explain import explain_changes
from kmodlab.kbuild.follow_ups import fold_follow_ups
from kmodlab.kbuild.hints import find_hint, plain_quotes
from kmodlab.kbuild.kernel_headers import KernelHeaders
from kmodlab.kbuild.locate import find_in_makefile, find_use
from kmodlab.kbuild.module_hints import find_module_hint
from kmodlab.kbuild.spot import Spot

# More than a learner can use; a transcript can hold a hundred thousand.
MOST = 200
_MOST_EXPLAINED = 60  # the later ones mostly follow from the first ones
_LONGEST_LINE = 1000


class Tool(StrEnum):
    """The tool that reports."""

    GCC = "gcc"
    AS = "as"
    LD = "ld"
    OBJTOOL = "objtool"
    MODPOST = "modpost"
    MAKE = "make"
    KCONFIG = "kconfig"
    CHECKPATCH = "checkpatch"
    KMODLAB = "kmodlab"


class Severity(StrEnum):
    """How serious it is; an error ends the build."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Place:
    """A place in a file: the name of a learner's file, or the path of another; line and column count from 1."""

    file: str = ""
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True)
class Note:
    """A note that belongs to a diagnostic, with its place."""

    place: Place
    message: str


@dataclass(frozen=True)
class Diagnostic:
    """One error or warning. `file`, `line` and `column` are in the learner's own files; "" or None if unknown.

    `origin` is the place that the tool names, `function` the function that it was compiling. `included_from` and
    `notes` are the chains that lead there, `excerpt` are the lines with the caret. `hint` says what to do; it may be
    empty. `unit` is the object file that was being made. `follow_ups` are diagnostics that only follow from this one.
    """

    tool: Tool
    severity: Severity
    message: str
    file: str = ""
    line: int | None = None
    column: int | None = None
    option: str = ""
    function: str = ""
    origin: Place = Place()
    included_from: tuple[Place, ...] = ()
    notes: tuple[Note, ...] = ()
    excerpt: str = ""
    hint: str = ""
    hint_key: str = ""
    unit: str = ""
    follow_ups: tuple[Diagnostic, ...] = ()

    @property
    def place(self) -> Place:
        """File, line and column together."""
        return Place(self.file, self.line, self.column)


def follow_up_sentence(number: int) -> str:
    """A sentence with the number of messages that only follow from another one, in the reader's language."""
    return ngettext(
        "{number} more message follows from this one.", "{number} more messages follow from this one.", number
    ).format(number=number)


def parse_diagnostics(
    text: str,
    files: Mapping[str, bytes],
    folder: str = "/tmp",  # noqa: S108
    parts: Mapping[str, Sequence[str]] | None = None,
    release: str = "",
    headers: KernelHeaders | None = None,
) -> tuple[Diagnostic, ...]:
    """The diagnostics in a build's transcript, each with its follow-ups; `files` are the learner's own, in `folder`.

    `parts` are the objects of each module, by its name, if known. If the kernel's `release` is given, names that this
    kernel does not have, or has in another form, are explained; with its
    `headers`, hints say which of them has a name.
    """
    parser = _Parser(files, folder)
    for line in text.splitlines():
        if len(parser.drafts) > MOST:
            break
        parser.feed(line[:_LONGEST_LINE])
    diagnostics = _place_unclosed_calls([draft.finish(files) for draft in parser.drafts])
    diagnostics = list(explain_changes(diagnostics, files, release))
    explained = [_explain(diagnostic, files, parts or {}, headers) for diagnostic in diagnostics[:_MOST_EXPLAINED]]
    explained += diagnostics[_MOST_EXPLAINED:] or (parser.consequences[:1] if not diagnostics else [])
    return fold_follow_ups(explained, files)


def _explain(
    diagnostic: Diagnostic,
    files: Mapping[str, bytes],
    parts: Mapping[str, Sequence[str]],
    headers: KernelHeaders | None,
) -> Diagnostic:
    if diagnostic.hint_key:
        return diagnostic
    macros = [match[1] for note in diagnostic.notes if (match := _expansion(note))]
    file, line, column = diagnostic.file, diagnostic.line or 0, diagnostic.column or 1
    spot = None
    if file in files:
        notes = tuple(plain_quotes(note.message) for note in diagnostic.notes)
        spot = Spot(files, file, line, column, diagnostic.function, diagnostic.option, headers, notes)
    hint = find_module_hint(diagnostic.message, files, parts) if diagnostic.tool is Tool.MODPOST else None
    hint = hint or find_hint(diagnostic.tool, diagnostic.message, macros=macros, excerpt=diagnostic.excerpt, spot=spot)
    return replace(diagnostic, hint=hint.text, hint_key=hint.key) if hint else diagnostic


def _expansion(note: Note) -> re.Match[str] | None:
    return _EXPANSION.match(plain_quotes(note.message))


# ---- lines ---------------------------------------------------------------------------------------------------------

_AT = r"(?P<file>[^\s:][^:]*):(?P<line>\d+):(?:(?P<column>\d+):)?"
_INCLUDED = re.compile(r"(?:In file included|\s+) from (?P<file>[^:]+):(?P<line>\d+)(?::(?P<column>\d+))?[,:]")
_FUNCTION = re.compile(r"(?:[^:]+: )?(?:In function '(?P<name>[^']+)'|At top level)[,:]")
_INLINED = re.compile(r"\s+inlined from '(?P<name>[^']+)' at (?P<file>[^:]+):(?P<line>\d+):(?P<column>\d+)[,:]")
_GCC = re.compile(
    _AT + r" (?P<kind>fatal error|error|warning|note|sorry, unimplemented|internal compiler error): "
    r"(?P<message>.*?)(?: \[(?P<option>-W[^\]]*)\])?"
)
_TEMPORARY = re.compile(r"/var/tmp/cc\w+\.s")  # noqa: S108 (in the sandbox: what gcc passes to as)
_AS = re.compile(_AT + r" (?P<kind>Error|Warning|Fatal error): (?P<message>.*)")
_DRIVER = re.compile(
    r"(?P<program>cc1|as|gcc(?:-\d+)?|\S+-gcc(?:-\d+)?|<command-line>): (?P<kind>fatal error|error|warning): "
    r"(?P<message>.*)"
)
_LD = re.compile(r"(?:(?:\S*[/-])?ld: )?(?:[^\s:]+\.o:)?" + _AT + r" (?P<message>multiple definition of .*)")
_LD_UNDEFINED = re.compile(_AT + r" (?P<message>undefined reference to .*)")
_LD_OTHER = re.compile(r"(?:\S*[/-])?ld: (?P<kind>warning: |error: )?(?P<message>.*)")
_LD_FIRST = re.compile(r"; (?:[^\s:]+\.o:)?(?P<file>[^\s:]+):(?P<line>\d+): (?P<message>first defined here)")
_OBJECT = re.compile(r"(?P<file>\S+\.o): (?P<kind>warning|error): (?P<objtool>objtool: )?(?P<message>.*)")
_STEP = re.compile(r"  [A-Z]+ +(?:\[M\] +)?(?P<file>\S+)")
_MODPOST = re.compile(r"(?P<kind>ERROR|WARNING|FATAL): modpost: (?P<message>.*)")
_WRAPPER = re.compile(r"Error: (?P<message>not ELF|input truncated)")
_KCONFIG = re.compile(r"(?P<file>[\w./+-]*Kconfig[\w.+-]*):(?P<line>\d+): ?(?P<kind>warning: |error: )?(?P<message>.+)")
_MAKE_AT = re.compile(_AT + r" (?P<kind>\*\*\*|warning:) (?P<message>.*?)(?:\.  Stop\.)?")
_MAKE = re.compile(
    r"make(?:\[\d+\])?: (?P<kind>\*\*\* )?(?P<message>(?:No rule|Circular|missing|multiple).*?)(?:\.  Stop\.)?"
)
_CONSEQUENCE = re.compile(r"make(?:\[\d+\])?: \*\*\* \[(?P<message>.*\] .*)")
_EXCERPT = re.compile(r"\s*(?:\d+|\+\+\+)? \|.*")
_EXPANSION = re.compile(r"in expansion of macro '(\w+)'")
_UNCLOSED_CALL = re.compile(r'unterminated argument list invoking macro "(\w+)"')

_REPEATED = ("some warnings being treated as errors", "all warnings being treated as errors")


@dataclass
class _Draft:
    """A diagnostic whose notes and excerpt are still to come."""

    diagnostic: Diagnostic
    inlined: Place | None = None
    notes: list[Note] = field(default_factory=list)
    excerpt: list[str] = field(default_factory=list)

    def finish(self, own: Mapping[str, bytes]) -> Diagnostic:
        diagnostic = replace(self.diagnostic, notes=tuple(self.notes), excerpt="\n".join(self.excerpt))
        place = self._own_place(diagnostic, own) or diagnostic.place
        return replace(diagnostic, file=place.file, line=place.line, column=place.column)

    def _own_place(self, diagnostic: Diagnostic, own: Mapping[str, bytes]) -> Place | None:
        """The place in the learner's files; None if all places are in other files.

        The places in this order: the diagnostic's own, an inlined call, a used macro, a note, an #include.
        """
        expansions = [note.place for note in self.notes if _expansion(note)]
        inlined = [self.inlined] if self.inlined else []
        others = [note.place for note in self.notes]
        candidates = [diagnostic.place, *inlined, *expansions, *others, *diagnostic.included_from]
        return next((place for place in candidates if place.file in own), None)


class _Parser:
    """Reads a transcript line by line. Unknown lines are skipped."""

    def __init__(self, own: Mapping[str, bytes], folder: str) -> None:
        self.drafts: list[_Draft] = []
        self.consequences: list[Diagnostic] = []
        self._own, self._folder, self._unit = own, folder, ""
        self._forget()

    def _forget(self) -> None:
        self._includes: list[Place] = []
        self._inlined: Place | None = None
        self._function = ""

    def feed(self, line: str) -> None:
        self._raw, line = line, plain_quotes(line)
        readers = (
            self._chain,
            self._kconfig,
            self._gcc,
            self._excerpt,
            self._assembler,
            self._modpost,
            self._linker,
            self._make,
        )
        any(reader(line) for reader in readers)

    def _message(self, match: re.Match[str]) -> str:
        """The message of a match, with its original quotes."""
        return self._raw[match.start("message") : match.end("message")]

    def _place(self, match: re.Match[str]) -> Place:
        """The place in a match; a learner's file is named without its folder."""
        groups = match.groupdict()
        line, column = groups.get("line"), groups.get("column")
        return Place(self._shorten(groups["file"]), int(line) if line else None, int(column) if column else None)

    def _shorten(self, path: str) -> str:
        name = path.removeprefix(f"{self._folder}/")
        if _TEMPORARY.fullmatch(path):
            return _("The assembler's input")  # its name differs from build to build
        return name if name in self._own else path

    def _add(self, tool: Tool, severity: Severity, message: str, place: Place, option: str = "") -> bool:
        diagnostic = Diagnostic(
            tool,
            severity,
            message,
            place.file,
            place.line,
            place.column,
            option,
            self._function,
            place,
            tuple(self._includes),
            unit=self._unit,
        )
        self.drafts.append(_Draft(diagnostic, self._inlined))
        self._includes, self._inlined = [], None
        return True

    # ---- gcc ----

    def _chain(self, line: str) -> bool:
        if match := _INCLUDED.fullmatch(line):
            if line.startswith("In"):
                self._includes = []
            self._includes.append(self._place(match))
        elif match := _FUNCTION.fullmatch(line):
            self._function = match["name"] or ""
        elif match := _INLINED.fullmatch(line):
            self._function = match["name"]
            if self._inlined is None or self._shorten(match["file"]) in self._own:
                self._inlined = self._place(match)
        return match is not None

    def _gcc(self, line: str) -> bool:
        if not (match := _GCC.fullmatch(line)):
            return self._driver(line)
        place = self._place(match)
        if match["kind"] != "note":
            severity = Severity.WARNING if match["kind"] == "warning" else Severity.ERROR
            option = (match["option"] or "").replace("-Werror=", "-W")
            return self._add(Tool.GCC, severity, self._message(match), place, option)
        if self.drafts:
            self.drafts[-1].notes.append(Note(place, self._message(match)))
        return True

    def _driver(self, line: str) -> bool:
        match = _DRIVER.fullmatch(line)
        if not match or match["message"] in _REPEATED:
            return False
        severity = Severity.WARNING if match["kind"] == "warning" else Severity.ERROR
        return self._add(Tool.AS if match["program"] == "as" else Tool.GCC, severity, self._message(match), Place())

    def _excerpt(self, line: str) -> bool:
        if not self.drafts or not _EXCERPT.fullmatch(line):
            return False
        self.drafts[-1].excerpt.append(line)
        return True

    def _assembler(self, line: str) -> bool:
        if not (match := _AS.fullmatch(line)):
            return False
        severity = Severity.WARNING if match["kind"] == "Warning" else Severity.ERROR
        return self._add(Tool.AS, severity, self._message(match), self._place(match))

    def _kconfig(self, line: str) -> bool:
        if not (match := _KCONFIG.fullmatch(line)):
            return False
        severity = Severity.WARNING if match["kind"] == "warning: " else Severity.ERROR
        return self._add(Tool.KCONFIG, severity, self._message(match), self._place(match))

    # ---- after the compiler ----

    def _modpost(self, line: str) -> bool:
        if line.startswith("  "):  # "  CC [M]  /tmp/other.o": the next file's messages follow
            self._forget()
            if step := _STEP.fullmatch(line):
                self._unit = self._shorten(step["file"])
        if match := _MODPOST.fullmatch(line):
            severity = Severity.WARNING if match["kind"] == "WARNING" else Severity.ERROR
            return self._add(Tool.MODPOST, severity, self._message(match), self._locate(match["message"]))
        if match := _WRAPPER.fullmatch(line):
            return self._add(
                Tool.MODPOST, Severity.ERROR, self._message(match), Place(*find_in_makefile(line, self._own))
            )
        return False

    def _locate(self, message: str) -> Place:
        return Place(*find_use(message, self._own))

    def _linker(self, line: str) -> bool:
        if match := _LD.fullmatch(line):
            message = self._message(match).partition("; ")[0]
            self._add(Tool.LD, Severity.ERROR, message, self._place(match))
            if first := _LD_FIRST.search(line):
                self.drafts[-1].notes.append(Note(self._place(first), first["message"]))
            return True
        if match := _LD_UNDEFINED.fullmatch(line):
            return self._add(Tool.LD, Severity.ERROR, self._message(match), self._place(match))
        if match := _LD_OTHER.fullmatch(line):
            if match["message"].endswith(":"):  # "in function `f':" belongs to the message in the next line
                return True
            severity = Severity.WARNING if match["kind"] == "warning: " else Severity.ERROR
            return self._add(Tool.LD, severity, self._message(match), Place())
        if match := _OBJECT.fullmatch(line):
            severity = Severity.WARNING if match["kind"] == "warning" else Severity.ERROR
            tool = Tool.OBJTOOL if match["objtool"] else Tool.MAKE
            return self._add(
                tool, severity, self._message(match), self._locate(f"{match['message']} in {match['file']}")
            )
        return False

    def _make(self, line: str) -> bool:
        if match := _MAKE_AT.fullmatch(line):
            severity = Severity.ERROR if match["kind"] == "***" else Severity.WARNING
            return self._add(Tool.MAKE, severity, self._message(match), self._place(match))
        if match := _MAKE.fullmatch(line):
            severity = Severity.ERROR if match["kind"] else Severity.WARNING
            return self._add(Tool.MAKE, severity, self._message(match), Place(*find_in_makefile(line, self._own)))
        if match := _CONSEQUENCE.fullmatch(line):
            self.consequences.append(Diagnostic(Tool.MAKE, Severity.ERROR, f"[{match['message']}"))
        return match is not None


def _place_unclosed_calls(diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Move the diagnostic of an unclosed macro call from the end of the file to the beginning of the call."""
    placed = list(diagnostics)
    for number, diagnostic in enumerate(diagnostics):
        if unclosed := _UNCLOSED_CALL.match(diagnostic.message):
            begin = f"'{unclosed[1]}' undeclared"
            for other, follower in enumerate(diagnostics[number:], number):
                if plain_quotes(follower.message).startswith(begin):
                    place = follower.place
                    placed[number] = replace(diagnostic, file=place.file, line=place.line, column=place.column)
                    # This message says that the macro is unknown, which is not the mistake: no hint.
                    placed[other] = replace(follower, hint_key="consequence")
    return placed
