"""Adds hints to diagnostics of code for another kernel: one hint for each change, none for its consequences."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from kmodlab.kbuild.api_changes.change import Change, parse_release
from kmodlab.kbuild.api_changes.find import DiagnosticText, find_change
from kmodlab.kbuild.hints import plain_quotes
from kmodlab.kbuild.locate import code_of

if TYPE_CHECKING:
    from kmodlab.kbuild.diagnostics import Diagnostic

KEY = "api-change"
CONSEQUENCE = "consequence"

# More than learners' code has; hostile sources and transcripts have more.
_MOST_NOTES = 20
_LONGEST_LINE = 1000


def explain_changes(
    diagnostics: Sequence[Diagnostic], files: Mapping[str, bytes], release: str
) -> Sequence[Diagnostic]:
    """The diagnostics, with hints where the kernel's API has changed; `release` is that of the kernel."""
    kernel = parse_release(release)
    if not kernel:
        return diagnostics
    reports = _Texts(files)
    changes = [None if each.hint_key else find_change(reports.of(each), release) for each in diagnostics]
    if not any(changes):
        return diagnostics
    followers = _Followers(diagnostics, changes, reports)
    explained: list[Diagnostic] = []
    told: set[tuple[str, str, str]] = set()
    for diagnostic, change in zip(diagnostics, changes, strict=True):
        if change is None:
            key = CONSEQUENCE if not diagnostic.hint_key and followers.has(diagnostic) else diagnostic.hint_key
            explained.append(replace(diagnostic, hint_key=key))
        elif (advice := (diagnostic.file, change.instead, change.example)) in told:
            explained.append(replace(diagnostic, hint_key=CONSEQUENCE))
        else:
            told.add(advice)
            explained.append(replace(diagnostic, hint=change.sentence(kernel), hint_key=KEY))
    return explained


class _Texts:
    """Diagnostics together with the code that they are about."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        sources = {name: data for name, data in files.items() if name.endswith((".c", ".h"))}
        self._code = {name: code_of(data).split("\n") for name, data in sources.items()}
        self._lines = {name: data.decode("utf-8", "replace").split("\n") for name, data in sources.items()}
        self._all = "\n".join(line for lines in self._code.values() for line in lines)

    def of(self, diagnostic: Diagnostic) -> DiagnosticText:
        notes = "\n".join(plain_quotes(note.message) for note in diagnostic.notes[:_MOST_NOTES])
        line = _line(self._lines, diagnostic)
        return DiagnosticText(plain_quotes(diagnostic.message), notes, line, self.code(diagnostic), self._all)

    def code(self, diagnostic: Diagnostic) -> str:
        """The learner's line, with strings and comments blanked."""
        return _line(self._code, diagnostic)


def _line(lines: Mapping[str, Sequence[str]], diagnostic: Diagnostic) -> str:
    known = lines.get(diagnostic.file, ())
    return known[diagnostic.line - 1][:_LONGEST_LINE] if diagnostic.line and diagnostic.line <= len(known) else ""


_ABOUT_A_NAME = re.compile(
    r"'(\w+)' (?:undeclared|defined but not used|declared but not used|is defined but)|unused variable '(\w+)'"
    r"|implicit declaration of function '(\w+)'|unknown type name '(\w+)'|'(\w+)' used but never defined"
    r"|variable '(\w+)' set but not used|'(\w+)' (?:is|may be) used uninitialized"
)


_ABOUT_A_TYPE = re.compile(
    r"incompatible|not a structure|invalid type argument|without a cast|subscripted value|^invalid "
)
_WORD = re.compile(r"[A-Za-z_]\w*")
# A macro outside of functions that makes names of its argument: DEFINE_SHOW_ATTRIBUTE(level) uses level_show.
_NAMING_MACRO = re.compile(r"^\s*(?:static\s+)?[A-Z]\w+\((\w{3,})")
# What gcc takes for the parameters of a function in the style of old, after a macro that it does not know.
_OLD_STYLE = re.compile(
    r"storage class specified for parameter|^parameter '\w+' is initialized|^declaration for parameter"
    r"|attribute (?:ignored|not allowed)|^alignment may not be specified|^expected '\{' at end of input"
    r"|^expected '=', ',', ';', 'asm' or '__attribute__' before '\{'|^parameter names \(without types\)"
    r"|^control reaches end of non-void"
)


class _Followers:
    """Recognises diagnostics that only follow from a change that has its hint already."""

    def __init__(self, diagnostics: Sequence[Diagnostic], changes: Sequence[Change | None], reports: _Texts) -> None:
        self._reports = reports
        self._lines: set[tuple[str, int]] = set()
        self._names: set[tuple[str, str]] = set()
        self._variables: set[tuple[str, str]] = set()  # of a type that the compiler does not know
        self._roots: set[tuple[str, str]] = set()  # of names that a macro makes
        self._confused = {each.file for each in diagnostics if each.message.startswith("storage class specified")}
        for diagnostic, change in zip(diagnostics, changes, strict=True):
            if change is None or diagnostic.line is None:
                continue
            self._lines.add((diagnostic.file, diagnostic.line))
            code = reports.code(diagnostic)
            words = {*_WORD.findall(code), change.identifier}
            if match := _NAMING_MACRO.match(code):
                self._roots.add((diagnostic.file, match[1]))
            self._names.update((diagnostic.file, word) for word in words)
            if diagnostic.message.startswith("unknown type name"):
                self._variables.update((diagnostic.file, word) for word in words - {change.identifier})

    def has(self, diagnostic: Diagnostic) -> bool:
        """Whether the diagnostic is on the line of such a change, or about a name on that line."""
        if diagnostic.line is None:
            return False
        message = plain_quotes(diagnostic.message)
        if (diagnostic.file, diagnostic.line) in self._lines:
            return True
        if message.startswith("expected ") and (diagnostic.file, diagnostic.line - 1) in self._lines:
            return True
        if _ABOUT_A_TYPE.search(message):
            words = _WORD.findall(self._reports.code(diagnostic))
            return any((diagnostic.file, word) in self._variables for word in words)
        if diagnostic.file in self._confused and _OLD_STYLE.search(message):
            return True
        match = _ABOUT_A_NAME.search(message)
        name = next(filter(None, match.groups()), "") if match else ""
        return (diagnostic.file, name) in self._names or any(
            diagnostic.file == file and (name.startswith(f"{root}_") or name.endswith(f"_{root}"))
            for file, root in self._roots
        )
