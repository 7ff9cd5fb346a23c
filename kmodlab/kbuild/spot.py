"""A spot in the learner's sources that a message of gcc is about, with the code around it; and `Hint`, its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from kmodlab.kbuild.code_text import CodeText, code_text
from kmodlab.kbuild.kernel_headers import KernelHeaders


@dataclass(frozen=True)
class Hint:
    """A hint: the key of the mistake, and the text in the reader's language."""

    key: str
    text: str


@dataclass(frozen=True)
class Spot:
    """The place in the learner's `files` that a message is about.

    `function` is the function that gcc was compiling, `option` the warning's option, such as "-Wunused-variable".
    `headers` are the kernel's, if they are at hand; `notes` are the notes that gcc adds to its message.
    """

    files: Mapping[str, bytes]
    file: str
    line: int
    column: int = 1
    function: str = ""
    option: str = ""
    headers: KernelHeaders | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def source(self) -> CodeText:
        """The file's text."""
        return code_text(self.files.get(self.file, b""))

    @cached_property
    def offset(self) -> int:
        """The offset of the spot in the file's code."""
        return self.source.offset(self.line, self.column)

    def include_line(self, header: str) -> int | None:
        """The line of this file that includes a header; 0 if a header of the learner's does; None if neither does."""
        for file, content in self.files.items():
            if file == self.file or file.endswith(".h"):
                line = code_text(content).includes().get(header)
                if line is not None:
                    return line if file == self.file else 0
        return None

    @property
    def raw_line(self) -> str:
        """The line, with its comments and strings."""
        return self.raw_line_at(self.line)

    def raw_line_at(self, number: int) -> str:
        """A line of the file, with its comments and strings; empty if there is none."""
        lines = self.source.raw_lines
        return lines[number - 1] if 0 < number <= len(lines) else ""

    @cached_property
    def before(self) -> str:
        """The token before the spot if it is on the same line; otherwise empty."""
        token = self.source.token_before(self.offset)
        return token.text if token and token.line == self.line else ""

    @cached_property
    def statement(self) -> str:
        """The code of the statement around the spot."""
        code = self.source.code
        start = max(code.rfind(mark, 0, self.offset) for mark in ";{}") + 1
        end = min((end for mark in ";{}" if (end := code.find(mark, self.offset)) >= 0), default=len(code))
        return code[start:end]
