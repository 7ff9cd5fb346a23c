"""Questions about a position in C source: the token before it, open braces, the uses of a name.

Lines and columns count from 1, columns as gcc counts them, with tab stops (gcc's -fdiagnostics-column-unit=display).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass
from functools import cached_property, lru_cache

from kmodlab.kbuild.locate import code_of

_TAB = 8
_LONGEST = 1 << 16  # bytes: learners' sources are shorter; hostile ones are read up to here
_FAR = 20_000  # characters searched for the other brace
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", re.MULTILINE)
_INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*<([^>\n]+)>", re.MULTILINE)
_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class Token:
    """A word or a character of C code, with its line and its offset."""

    text: str
    line: int
    start: int


class CodeText:
    """The beginning of a source file. Comments, strings and directives of the preprocessor are blanked in `code`."""

    def __init__(self, source: bytes) -> None:
        source = source[:_LONGEST]
        self._definitions: dict[str, int | None] = {}
        self._with_directives = code_of(source)
        self.code = _DIRECTIVE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), self._with_directives)
        self.raw = source.decode("utf-8", "replace")

    @cached_property
    def raw_lines(self) -> list[str]:
        """The lines, with their comments and strings."""
        return self.raw.split("\n")

    @cached_property
    def _lines(self) -> list[str]:
        return self._with_directives.split("\n")

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer("\n", self.code))]

    def line_of(self, offset: int) -> int:
        """The line of a character."""
        return bisect_right(self._starts, offset)

    def line(self, number: int) -> str:
        """The code of a line; empty if there is no such line."""
        return self._lines[number - 1] if 0 < number <= len(self._lines) else ""

    def offset(self, line: int, column: int = 1) -> int:
        """The offset in `code` of a line's column; the end of the code if there is no such line."""
        if line > len(self._starts):
            return len(self.code)
        start = self._starts[line - 1]
        end = self.code.find("\n", start)
        end, shown, position = len(self.code) if end < 0 else end, 0, start
        while position < end and shown < column - 1:
            shown += _TAB - shown % _TAB if self.raw_at(position) == "\t" else 1
            position += 1
        return position

    def raw_at(self, offset: int) -> str:
        """The character at an offset before blanking, which keeps offsets."""
        return self.raw[offset : offset + 1]

    def token_before(self, offset: int) -> Token | None:
        """The last token that ends at or before an offset."""
        token = deque(_TOKEN.finditer(self.code, max(0, offset - 2000), offset), maxlen=1)
        return self._token(token[0]) if token else None

    def token_at(self, offset: int) -> Token | None:
        """The first token that begins at or after an offset."""
        token = _TOKEN.search(self.code, offset)
        return self._token(token) if token else None

    def _token(self, match: re.Match[str]) -> Token:
        return Token(match[0], self.line_of(match.start()), match.start())

    def offsets_of(self, name: str) -> list[int]:
        """The offsets of a name in the code, directives included."""
        return [match.start() for match in re.finditer(rf"\b{re.escape(name)}\b", self._with_directives)]

    def uses(self, name: str) -> list[int]:
        """The lines of code that contain a name, directives included."""
        return [self.line_of(offset) for offset in self.offsets_of(name)]

    def mentions(self, name: str) -> int:
        """How often a name occurs in the whole text, comments included."""
        return len(re.findall(rf"\b{re.escape(name)}\b", self.raw))

    def includes(self) -> dict[str, int]:
        """The kernel's headers that the file includes, by name, each with its line."""
        return {match[1]: self.line_of(match.start()) for match in _INCLUDE.finditer(self._with_directives)}

    # ---- braces ----

    def open_braces(self, start: int, end: int) -> list[int]:
        """The offsets of the braces that are opened and not closed between two offsets."""
        stack: list[int] = []
        for match in re.compile("[{}]").finditer(self.code, start, end):
            if match[0] == "{":
                stack.append(match.start())
            elif stack:
                stack.pop()
        return stack

    def closes_a_type_or_value(self, brace: int) -> bool:
        """Whether a } at an offset ends a struct, a union, an enum or an initialiser, after which a ; must stand."""
        depth = 0
        for position in range(brace, max(-1, brace - _FAR), -1):
            depth += {"}": 1, "{": -1}.get(self.code[position], 0)
            if depth == 0:
                head = self.code[max(0, position - 200) : position]
                head = head[max(head.rfind(mark) for mark in ";{}") + 1 :]
                return re.search(r"=\s*$|\b(?:struct|union|enum)\s*\w*\s*$", head) is not None
        return False

    def opens_a_type(self, brace: int) -> bool:
        """Whether a { at an offset begins the members of a struct, a union or an enum."""
        head = self.code[max(0, brace - 200) : brace]
        return re.search(r"\b(?:struct|union|enum)\s*\w*\s*$", head) is not None

    def suspicious_brace(self, start: int, end: int) -> int | None:
        """The line of the first { whose } is indented less than the line of the {, as if it closed an outer {."""
        stack: list[int] = []
        for match in re.compile("[{}]").finditer(self.code, start, end):
            if match[0] == "{":
                stack.append(self.line_of(match.start()))
            elif stack:
                opened, line = stack.pop(), self.line_of(match.start())
                if not self.line(line)[: self._column(match.start())].strip() and self._indent(line) < self._indent(
                    opened
                ):
                    return opened
        return None

    def _column(self, offset: int) -> int:
        return offset - self._starts[self.line_of(offset) - 1]

    def _indent(self, line: int) -> int:
        text = self.line(line).expandtabs(_TAB)
        return len(text) - len(text.lstrip())

    def definition_of(self, function: str) -> int | None:
        """The offset of a function's name in its definition; None if this file does not define it."""
        if function not in self._definitions:
            pattern = rf"\b{re.escape(function)}\s*\([^;{{}}]{{0,600}}\)[^;{{}}()]{{0,200}}\{{"
            match = re.search(pattern, self.code)
            self._definitions[function] = match.start() if match else None
        return self._definitions[function]

    def declaration_of(self, variable: str) -> int | None:
        """The offset of the first line that declares a variable, wherever; None if none does."""
        name = re.escape(variable)
        pattern = rf"^[ \t]*(?!return\b|goto\b|else\b|case\b)(?:\w+[ \t*]+){{1,6}}\**{name}[ \t]*(?:[;=,\[])"
        match = re.search(pattern, self.code, re.MULTILINE)
        return match.end() - 1 if match else None

    def end_of_declaration(self, offset: int) -> int:
        """The line where the declaration or statement at an offset ends, with ; or its last closing brace."""
        depth = 0
        for match in re.compile(r"[{};]").finditer(self.code, offset):
            depth += {"{": 1, "}": -1, ";": 0}[match[0]]
            if depth < 0 or (depth == 0 and match[0] != "{"):
                return self.line_of(match.start())
        return self.line_of(len(self.code))


@lru_cache(maxsize=64)
def code_text(source: bytes) -> CodeText:
    """The `CodeText` of a source; the latest ones are cached."""
    return CodeText(source)
