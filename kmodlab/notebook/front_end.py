"""What front ends ask of the kernel while a cell is written: completion (Tab) and inspection (Shift+Tab).

All front ends send these requests with the cell's text and the cursor (jupyter_client, "Messaging in Jupyter"). In
cells of C they are answered by clangd; while it is not there yet, and without it, by the names in the headers. In the
line of a magic, only what the magic takes is offered. All others are IPython's. Buttons below outputs and the
lab panel have comms.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import re
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from kmodlab.editor.clangd import Candidate, Clangd, Cursor
from kmodlab.editor.facts import facts_of
from kmodlab.editor.names import find_names
from kmodlab.errors import KmodlabError
from kmodlab.kernel.tree import KernelTree
from kmodlab.notebook.completion import magic_hooks
from kmodlab.notebook.panel import PANEL_COMM, Panels
from kmodlab.notebook.state import NotebookState
from kmodlab.notebook.views.buttons import BUTTONS_COMM, answer_comm, forget_buttons
from kmodlab.process import run_sync, submit

# JupyterLab waits one second for candidates (its setting providerTimeout).
_PATIENCE_S = 0.5
_KERNEL_C = ("%%kmod", "%%faults", "%%timeline", "%%intree")
_OTHER = ("%%makefile", "%%guest", "%%kscript")  # Python's names are of no use there
_TYPES = "_jupyter_types_experimental"
# CompletionItemKind of the Language Server Protocol; clangd 14 calls a macro a text.
_KINDS = {1: "macro", 3: "function", 5: "field", 6: "variable", 7: "struct", 13: "enum", 14: "keyword", 17: "file"}
_KINDS |= {8: "struct", 15: "snippet", 20: "constant", 21: "constant", 22: "struct", 25: "type"}
_INCLUDED = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([\w.+-]+)"[ \t]*$')


@dataclass(frozen=True)
class Request:
    """A cell's text and the cursor in it, an offset from 0."""

    code: str
    offset: int

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
        """The name at the cursor; empty if there is none, or if an argument begins there."""
        if not self.word and re.search(r"[(,]\s*$", self.before):
            return ""
        match = re.match(r"\w*", self.after)
        return self.word + (match[0] if match else "")

    def reply(self, texts: list[tuple[str, str]], start: int) -> dict[str, Any]:
        """A complete_reply with these texts and their types, in the place of what is between `start` and the cursor."""
        types = [{"start": start, "end": self.offset, "text": text, "type": kind} for text, kind in texts]
        matches = [text for text, _kind in texts]
        cursor = {"cursor_start": start, "cursor_end": self.offset}
        return {"matches": matches, **cursor, "metadata": {_TYPES: types}, "status": "ok"}


class FrontEnd:
    """Answers the front end's requests for one notebook; the rest goes to IPython."""

    def __init__(self, ipython: Any, state: NotebookState) -> None:
        self._ipython, self._state = ipython, state
        self._kernel: Any = getattr(ipython, "kernel", None)  # none in a terminal
        self._hooks = magic_hooks(state)
        self._panels = Panels(state)
        self._clangd: tuple[KernelTree, Clangd] | None = None

    def install(self) -> None:
        """Answer requests from now on."""
        if self._kernel is not None:
            self._kernel.do_complete, self._kernel.do_inspect = self.complete, self.inspect
            self._kernel.comm_manager.register_target(BUTTONS_COMM, answer_comm)
            self._kernel.comm_manager.register_target(PANEL_COMM, self._panels.answer_comm)
        self._ipython.events.register("pre_run_cell", self._panels.begin_cell)
        self._ipython.events.register("post_run_cell", self._panels.end_cell)

    def uninstall(self) -> None:
        """Leave all requests to IPython again, and end clangd."""
        if self._kernel is not None:
            del self._kernel.do_complete, self._kernel.do_inspect
            self._kernel.comm_manager.unregister_target(BUTTONS_COMM, answer_comm)
            self._kernel.comm_manager.unregister_target(PANEL_COMM, self._panels.answer_comm)
        self._ipython.events.unregister("pre_run_cell", self._panels.begin_cell)
        self._ipython.events.unregister("post_run_cell", self._panels.end_cell)
        self._panels.close()
        forget_buttons()
        if self._clangd:
            run_sync(self._clangd[1].close())

    async def complete(self, code: str, cursor_pos: int | None) -> Any:
        """The content of a complete_reply."""
        request = Request(code, len(code) if cursor_pos is None else cursor_pos)
        hook = self._hooks.get(request.before.split(" ")[0])
        if hook and " " in request.before:
            return self._complete_magic(request, hook)
        if cursor := self._cursor(request):
            return await self._complete_c(request, cursor)
        if _magic(code) in _OTHER and "\n" in code[: request.offset]:
            return request.reply([], request.offset)
        return await _value(type(self._kernel).do_complete(self._kernel, code, cursor_pos))

    async def inspect(
        self, code: str, cursor_pos: int, detail_level: int = 0, omit_sections: Any = ()
    ) -> dict[str, Any]:
        """The content of an inspect_reply."""
        request = Request(code, cursor_pos)
        if cursor := self._cursor(request):
            text = await self._explain(request, cursor)
            return {"status": "ok", "found": bool(text), "data": {"text/plain": text} if text else {}, "metadata": {}}
        reply = type(self._kernel).do_inspect(self._kernel, code, cursor_pos, detail_level, omit_sections)
        answer: dict[str, Any] = await _value(reply)
        return answer

    def _complete_magic(self, request: Request, hook: Any) -> dict[str, Any]:
        symbol = re.split(r"\s", request.before)[-1]
        event = SimpleNamespace(text_until_cursor=request.before, symbol=symbol)
        words = [word for word in hook(self._ipython, event) if word.startswith(symbol)]
        return request.reply([(word, "") for word in sorted(words)], request.offset - len(symbol))

    async def _complete_c(self, request: Request, cursor: Cursor) -> dict[str, Any]:
        try:
            tree = self._state.kernel_tree
            answer = asyncio.wrap_future(submit(self._clangd_for(tree).complete(cursor)))
            done, _waiting = await asyncio.wait([answer], timeout=_PATIENCE_S)
            if done and not answer.exception():
                start = request.offset - len(_replaced(request))
                return request.reply([_text_and_type(candidate) for candidate in answer.result()], start)
            names = await asyncio.to_thread(find_names, tree, cursor.text, request.word)
        except KmodlabError:  # without a lab there is nothing to offer
            names = []
        return request.reply([(name, "") for name in names], request.offset - len(request.word))

    async def _explain(self, request: Request, cursor: Cursor) -> str:
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

    def _clangd_for(self, tree: KernelTree) -> Clangd:
        if self._clangd is None or self._clangd[0] != tree:
            if self._clangd:
                submit(self._clangd[1].close())
            self._clangd = tree, Clangd(tree)
        return self._clangd[1]

    def _cursor(self, request: Request) -> Cursor | None:
        """The cursor in the C that the compiler will see; None if it is not in C."""
        magic, words = _magic(request.code), request.code.partition("\n")[0].split()
        name = words[1] if len(words) > 1 and not words[1].startswith("-") else "cell"
        is_c = magic in (*_KERNEL_C, "%%library") or (magic == "%%kfile" and name.endswith((".c", ".h")))
        if not is_c or "\n" not in request.code[: request.offset]:
            return None
        above, at = self._with_files(request.code[: request.offset]), self._with_files(request.code)
        line, column = above.count("\n"), len(request.before)
        file = f"{magic.strip('%')}-{re.sub(r'[^A-Za-z0-9_-]', '_', name)}.c"
        return Cursor(file, at, line, column, kernel=magic != "%%library")

    def _with_files(self, code: str) -> str:
        """A cell's C, with the files of `%%kfile` cells in the place of the lines that include them."""
        lines = code.split("\n")[1:]
        matches = map(_INCLUDED.match, lines[:-1])  # the last may be the cursor's
        files = [self._state.files.get(match[1]) if match else None for match in matches]
        shown = [file if file is not None else line for file, line in zip(files, lines[:-1], strict=True)]
        return "\n".join(["", *shown, lines[-1]])


def _magic(code: str) -> str:
    return (code.partition("\n")[0].split() or [""])[0]


def _replaced(request: Request) -> str:
    """What a candidate of clangd stands for: a name, or the rest of a header's path."""
    if re.match(r"\s*#\s*include", request.before):
        return re.split(r'[<"/]', request.before)[-1]
    return request.word


def _text_and_type(candidate: Candidate) -> tuple[str, str]:
    return candidate.text, _KINDS.get(candidate.kind, "")


async def _elsewhere(work: Any) -> Any:
    """The result of a coroutine that belongs to the I/O thread."""
    return await asyncio.wrap_future(submit(work))


async def _value(reply: Any) -> Any:
    return await reply if inspect.isawaitable(reply) else reply
