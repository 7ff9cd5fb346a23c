"""Answers requests of front ends while a cell is written: completion (Tab) and inspection (Shift+Tab).

All front ends send these requests with the cell's text and the cursor (jupyter_client, "Messaging in Jupyter"). In
cells of C, `c_help` answers them. In the line of a magic, only its arguments are offered. IPython answers all others.
JupyterLab's extension sends further requests through comms: an explanation for the mouse, a check of the C, buttons
below outputs, and the lab panel.
"""

from __future__ import annotations

import inspect
import re
from types import SimpleNamespace
from typing import Any

from kmodlab.notebook.c_help import CHelp, Request
from kmodlab.notebook.completion import magic_hooks
from kmodlab.notebook.panel import PANEL_COMM, Panels
from kmodlab.notebook.state import NotebookState
from kmodlab.notebook.views.buttons import BUTTONS_COMM, answer_comm, forget_buttons
from kmodlab.process import submit

EDITOR_COMM = "kmodlab.editor"
_OTHER = ("%%makefile", "%%guest", "%%kscript")  # no completion with Python's names in these cells


class FrontEnd:
    """Answers the front end's requests for one notebook; the rest goes to IPython."""

    def __init__(self, ipython: Any, state: NotebookState) -> None:
        self._ipython = ipython
        self._kernel: Any = getattr(ipython, "kernel", None)  # None in a terminal
        self._hooks = magic_hooks(state)
        self._panels = Panels(state)
        self._c_help = CHelp(state)
        self._comms = {
            BUTTONS_COMM: answer_comm,
            PANEL_COMM: self._panels.answer_comm,
            EDITOR_COMM: self.answer_editor,
        }

    def install(self) -> None:
        """Answer requests from now on."""
        if self._kernel is not None:
            self._kernel.do_complete, self._kernel.do_inspect = self.complete, self.inspect
            for name, answer in self._comms.items():
                self._kernel.comm_manager.register_target(name, answer)
        self._ipython.events.register("pre_run_cell", self._panels.begin_cell)
        self._ipython.events.register("post_run_cell", self._panels.end_cell)

    def uninstall(self) -> None:
        """Let IPython answer all requests again, and end clangd."""
        if self._kernel is not None:
            del self._kernel.do_complete, self._kernel.do_inspect
            for name, answer in self._comms.items():
                self._kernel.comm_manager.unregister_target(name, answer)
        self._ipython.events.unregister("pre_run_cell", self._panels.begin_cell)
        self._ipython.events.unregister("post_run_cell", self._panels.end_cell)
        self._panels.close()
        forget_buttons()
        self._c_help.close()

    async def complete(self, code: str, cursor_pos: int | None) -> Any:
        """The content of a complete_reply."""
        request = Request(code, len(code) if cursor_pos is None else cursor_pos)
        hook = self._hooks.get(request.before.split(" ")[0])
        if hook and " " in request.before:
            return self._complete_magic(request, hook)
        if request.is_c:
            return await self._c_help.complete(request)
        if request.magic in _OTHER and "\n" in code[: request.offset]:
            return request.reply([], request.offset)
        return await _value(type(self._kernel).do_complete(self._kernel, code, cursor_pos))

    async def inspect(
        self, code: str, cursor_pos: int, detail_level: int = 0, omit_sections: Any = ()
    ) -> dict[str, Any]:
        """The content of an inspect_reply."""
        request = Request(code, cursor_pos)
        if request.is_c:
            text = await self._c_help.explain(request)
            return {"status": "ok", "found": bool(text), "data": {"text/plain": text} if text else {}, "metadata": {}}
        reply = type(self._kernel).do_inspect(self._kernel, code, cursor_pos, detail_level, omit_sections)
        answer: dict[str, Any] = await _value(reply)
        return answer

    def answer_editor(self, comm: Any, message: Any) -> None:
        """Answer a comm on which JupyterLab's extension asks about C: {"ask": "explain" or "check", "code", "offset"}.

        The answer is sent later, so that cells need not wait until clangd has started.
        """
        submit(self._answer_editor(comm, message["content"].get("data") or {}))

    async def _answer_editor(self, comm: Any, data: dict[str, Any]) -> None:
        try:
            request = Request(str(data.get("code")), int(data.get("offset") or 0))
            if request.is_c and data.get("ask") == "explain":
                comm.send({"text": await self._c_help.explain(request)})
            elif request.is_c:
                comm.send({"marks": await self._c_help.check(request)})
        finally:
            comm.close()

    def _complete_magic(self, request: Request, hook: Any) -> dict[str, Any]:
        symbol = re.split(r"\s", request.before)[-1]
        event = SimpleNamespace(text_until_cursor=request.before, symbol=symbol)
        words = [word for word in hook(self._ipython, event) if word.startswith(symbol)]
        return request.reply([(word, "") for word in sorted(words)], request.offset - len(symbol))


async def _value(reply: Any) -> Any:
    return await reply if inspect.isawaitable(reply) else reply
