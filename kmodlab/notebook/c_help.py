"""Help with the C in a notebook's cells while it is written: completion, explanations, and a check.

clangd provides it. While clangd starts, or if it is missing, completion uses the names in the headers.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import asdict, dataclass
from typing import Any

from kmodlab.editor.clangd import Candidate, ClangComplaint, Clangd, Cursor
from kmodlab.editor.facts import facts_of
from kmodlab.editor.names import find_names
from kmodlab.errors import KmodlabError
from kmodlab.files import MIB
from kmodlab.kernel.tree import KernelTree
from kmodlab.notebook.render.parts import LineMark
from kmodlab.notebook.state import NotebookState
from kmodlab.process import run_sync, submit
from kmodlab.text import escape_control_chars

# JupyterLab waits one second for candidates (its setting providerTimeout).
_PATIENCE_S = 0.5
_KERNEL_C = ("%%kmod", "%%faults", "%%timeline", "%%intree")
_BUILT = ("%%kmod", "%%faults", "%%timeline", "%%library")
_TYPES = "_jupyter_types_experimental"
# CompletionItemKind of the Language Server Protocol; clangd 14 calls a macro a text.
_KINDS = {1: "macro", 3: "function", 5: "field", 6: "variable", 7: "struct", 13: "enum", 14: "keyword", 17: "file"}
_KINDS |= {8: "struct", 15: "snippet", 20: "constant", 21: "constant", 22: "struct", 25: "type"}
_INCLUDED = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([\w.+-]+)"[ \t]*$')
_LONGEST = MIB // 4  # characters of a cell


@dataclass(frozen=True)
class Request:
    """A cell's text and the cursor in it, an offset from 0."""

    code: str
    offset: int

    @property
    def magic(self) -> str:
        """The first word of the cell."""
        return (self.code.partition("\n")[0].split() or [""])[0]

    @property
    def before(self) -> str:
        """The cursor's line up to the cursor."""
        return self.code[: self.offset].rpartition("\n")[2]

    @property
    def after(self) -> str:
        """The cursor's line from the cursor on."""
        return self.code[self.offset :].partition("\n")[0]

    @property
    def word(self) -> str:
        """The beginning of a name before the cursor."""
        match = re.search(r"\w*$", self.before)
        return match[0] if match else ""

    @property
    def name(self) -> str:
        """The name at the cursor; empty if no name is there, or if an argument begins there."""
        if not self.word and re.search(r"[(,]\s*$", self.before):
            return ""
        match = re.match(r"\w*", self.after)
        return self.word + (match[0] if match else "")

    @property
    def is_c(self) -> bool:
        """Whether the cursor is in C."""
        name = self.file_name
        is_c = self.magic in (*_KERNEL_C, "%%library") or (self.magic == "%%kfile" and name.endswith((".c", ".h")))
        return is_c and "\n" in self.code[: self.offset] and len(self.code) <= _LONGEST

    @property
    def file_name(self) -> str:
        """The file name of the cell's text."""
        words = self.code.partition("\n")[0].split()
        return words[1] if len(words) > 1 and not words[1].startswith("-") else "cell"

    def reply(self, texts: list[tuple[str, str]], start: int) -> dict[str, Any]:
        """A complete_reply whose texts, each with its type, replace the text between `start` and the cursor."""
        types = [{"start": start, "end": self.offset, "text": text, "type": kind} for text, kind in texts]
        matches = [text for text, _kind in texts]
        cursor = {"cursor_start": start, "cursor_end": self.offset}
        return {"matches": matches, **cursor, "metadata": {_TYPES: types}, "status": "ok"}


class CHelp:
    """Answers an editor's requests about the C in one notebook's cells; the cursor must be in C (`Request.is_c`)."""

    def __init__(self, state: NotebookState) -> None:
        self._state = state
        self._clangd: tuple[KernelTree, Clangd] | None = None

    def close(self) -> None:
        """End clangd."""
        if self._clangd:
            run_sync(self._clangd[1].close())

    async def complete(self, request: Request) -> dict[str, Any]:
        """The content of a complete_reply."""
        cursor = self._cursor(request)
        try:
            tree = self._state.kernel_tree
            answer = asyncio.wrap_future(submit(self._clangd_for(tree).complete(cursor)))
            done, _waiting = await asyncio.wait([answer], timeout=_PATIENCE_S)
            if done and not answer.exception():
                start = request.offset - len(_replaced(request))
                return request.reply([_text_and_type(candidate) for candidate in answer.result()], start)
            names = await asyncio.to_thread(find_names, tree, cursor.text, request.word)
        except KmodlabError:  # without a lab there are no candidates
            names = []
        return request.reply([(name, "") for name in names], request.offset - len(request.word))

    async def explain(self, request: Request) -> str:
        """An explanation of the name at the cursor, or of the function whose arguments are there; may be empty."""
        cursor = self._cursor(request)
        try:
            tree = self._state.kernel_tree
        except KmodlabError:
            return ""
        clangd, name = self._clangd_for(tree), request.name
        text = header = ""
        with contextlib.suppress(KmodlabError):
            if name and (explained := await _elsewhere(clangd.explain(cursor))):
                text, header = explained.text, explained.header
            elif not name:
                text = await _elsewhere(clangd.signature(cursor))
                name = text.partition("(")[0]
        facts = facts_of(name, tree, header, text) if cursor.kernel else ()
        return "\n\n".join(filter(None, [text, "\n".join(facts)]))

    async def check(self, request: Request) -> list[dict[str, Any]]:
        """Marks for clang's diagnostics of a cell, in the format of the marks for gcc in an output's metadata.

        Only cells are checked that gcc compiles alone and with the usual flags: a header may depend on earlier
        includes, and a learner's Makefile may set macros.
        """
        if request.magic not in _BUILT or request.file_name in self._state.makefiles:
            return []
        cursor = self._cursor(request)
        try:
            complaints = await _elsewhere(self._clangd_for(self._state.kernel_tree).check(cursor))
        except KmodlabError:
            return []
        lines, numbers = request.code.split("\n"), [number for number, text in self._with_files(request.code)]
        marks = [_mark(complaint, numbers[complaint.line : complaint.line + 1], lines) for complaint in complaints]
        return [asdict(mark) for mark in marks if mark]

    def _clangd_for(self, tree: KernelTree) -> Clangd:
        if self._clangd is None or self._clangd[0] != tree:
            if self._clangd:
                submit(self._clangd[1].close())
            self._clangd = tree, Clangd(tree)
        return self._clangd[1]

    def _cursor(self, request: Request) -> Cursor:
        """The cursor in the C that the compiler will see."""
        text = "\n".join(line for _number, line in self._with_files(request.code))
        above = self._with_files(request.code[: request.offset])
        name = re.sub(r"[^A-Za-z0-9_-]", "_", request.file_name)
        file = f"{request.magic.strip('%')}-{name}.c"
        is_kernel = request.magic != "%%library"
        return Cursor(file, text, len(above) - 1, len(request.before), kernel=is_kernel)

    def _with_files(self, code: str) -> list[tuple[int | None, str]]:
        """The lines of a cell's C, with the texts of `%%kfile` cells instead of the lines that include them.

        Each line has its number in the cell, from 0; lines of files have None.
        """
        lines: list[tuple[int | None, str]] = [(0, "")]  # the magic
        own = code.split("\n")
        for number, line in enumerate(own[1:], 1):
            match = _INCLUDED.match(line) if number < len(own) - 1 else None  # the cursor may be in the last line
            file = self._state.files.get(match[1]) if match else None
            lines += [(number, line)] if file is None else [(None, text) for text in file.split("\n")]
        return lines


def _mark(complaint: ClangComplaint, numbers: list[int | None], lines: list[str]) -> LineMark | None:
    """The mark of a complaint; None if it is not about a line of the cell."""
    number = numbers[0] if numbers else None
    if number is None:
        return None
    message = escape_control_chars(complaint.message)
    return LineMark("", number + 1, lines[number], complaint.severity, message, at=complaint.column)


def _replaced(request: Request) -> str:
    """The text before the cursor that a candidate of clangd replaces: a name, or the rest of a header's path."""
    if re.match(r"\s*#\s*include", request.before):
        return re.split(r'[<"/]', request.before)[-1]
    return request.word


def _text_and_type(candidate: Candidate) -> tuple[str, str]:
    return candidate.text, _KINDS.get(candidate.kind, "")


async def _elsewhere(work: Any) -> Any:
    """Run a coroutine on the I/O thread, and await its result on this thread's event loop."""
    return await asyncio.wrap_future(submit(work))
