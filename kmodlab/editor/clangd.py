"""clangd, in the sandbox: completion, hover and signatures for the C of one notebook's cells.

It reads the unpacked headers with kbuild's own flags (`clang_flags`). It is started when it is first needed, and again
after it has ended or hung; it dies with this process, as all children do.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import dataclass
from typing import Any

from kmodlab.editor.clang_flags import clang_flags
from kmodlab.editor.server import LanguageServer, ServerError
from kmodlab.guest.requirements import find_clangd
from kmodlab.i18n import _
from kmodlab.kbuild.build import USR_SRC
from kmodlab.kernel.tree import KernelTree
from kmodlab.sandbox.limits import EDITOR
from kmodlab.sandbox.sandbox import OUTSIDE, WORK, find_sandbox, open_box

_START_S = 20.0
_ANSWER_S = 5.0
_MOST = 100  # candidates
# No index in the background, nothing on disk, no formatting: only what the cell includes.
_OPTIONS = (
    *("--background-index=0", "--pch-storage=memory", "-j=2", "--compile_args_from=lsp", "--header-insertion=never"),
    *("--clang-tidy=0", f"--limit-results={_MOST}", "--log=error"),
)
_PLAIN = {"textDocument": {
    "completion": {"completionItem": {"snippetSupport": False}},
    "hover": {"contentFormat": ["plaintext"]},
    "signatureHelp": {"signatureInformation": {"documentationFormat": ["plaintext"]}},
}}  # fmt: skip


@dataclass(frozen=True)
class Candidate:
    """One way to complete a word. `kind` is a CompletionItemKind of the protocol; `shown` has parameters too."""

    text: str
    shown: str
    kind: int


@dataclass(frozen=True)
class Explained:
    """What a word stands for: its declaration and documentation, and the header that declares it ("linux/slab.h")."""

    text: str
    header: str = ""


@dataclass(frozen=True)
class Cursor:
    """A place in a C file that is being written: the file's name and text, and line and column, counted from 0.

    `kernel` is False for C of user space.
    """

    name: str
    text: str
    line: int
    column: int
    kernel: bool = True


class Clangd:
    """clangd for one notebook. `tree` is the kernel whose headers are read.

    All methods belong to the I/O thread; they raise KmodlabError if clangd is missing, or does not work.
    """

    def __init__(self, tree: KernelTree) -> None:
        self._tree = tree
        self._server: LanguageServer | None = None
        self._starting = asyncio.Lock()
        self._stack = contextlib.ExitStack()
        self._flags: tuple[str, ...] = ()
        self._texts: dict[str, tuple[int, str]] = {}  # by file name: version and text
        self._parsed: dict[str, asyncio.Event] = {}

    async def close(self) -> None:
        """End clangd, if it runs."""
        server, self._server = self._server, None
        self._texts, self._parsed = {}, {}
        if server:
            await server.close()
        self._stack.close()

    async def complete(self, cursor: Cursor) -> list[Candidate]:
        """Candidates at a cursor, the best first. The first answer takes a second or two."""
        await self._open(cursor)
        with contextlib.suppress(asyncio.TimeoutError):
            # Before it has read the headers, clangd only knows the words in the text.
            await asyncio.wait_for(self._parsed[cursor.name].wait(), _START_S)
        answer = await self._ask("textDocument/completion", cursor)
        items = answer.get("items", []) if isinstance(answer, dict) else []
        return [
            Candidate(str(item["insertText"]), str(item["label"]).strip(), int(item.get("kind", 0)))
            for item in sorted(items, key=lambda item: str(item.get("sortText")))
        ]

    async def explain(self, cursor: Cursor) -> Explained | None:
        """What the word at a cursor stands for; None if that is not known."""
        await self._open(cursor)
        hover = await self._ask("textDocument/hover", cursor)
        if not hover:
            return None
        where = await self._ask("textDocument/definition", cursor)
        uri = str(where[0].get("uri", "")) if where else ""
        return Explained(str(hover["contents"]["value"]).strip(), self._header(uri))

    async def signature(self, cursor: Cursor) -> str:
        """The signature of the function whose arguments are written there; empty if that is not known."""
        await self._open(cursor)
        answer = await self._ask("textDocument/signatureHelp", cursor)
        signatures = (answer or {}).get("signatures", [])
        return str(signatures[0]["label"]) if signatures else ""

    async def _open(self, cursor: Cursor) -> None:
        """Show clangd the file's present text."""
        name, text = cursor.name, cursor.text
        async with self._starting:
            if self._server is None or not self._server.is_running:
                await self.close()
                await self._start()
        assert self._server is not None
        version, known = self._texts.get(name, (0, ""))
        if version and text == known:
            return
        self._texts[name] = version + 1, text
        document = {"uri": _uri(name), "version": version + 1}
        if version:
            changes = [{"text": text}]
            self._server.tell("textDocument/didChange", {"textDocument": document, "contentChanges": changes})
            return
        self._parsed[name] = asyncio.Event()
        flags = self._flags if cursor.kernel else ()
        command = {"workingDirectory": WORK, "compilationCommand": ["clang", *flags, "-c", f"{WORK}/{name}"]}
        settings = {"compilationDatabaseChanges": {f"{WORK}/{name}": command}}
        self._server.tell("workspace/didChangeConfiguration", {"settings": settings})
        self._server.tell("textDocument/didOpen", {"textDocument": {**document, "languageId": "c", "text": text}})

    async def _start(self) -> None:
        command = find_clangd()
        if command is None:
            raise ServerError(_("clangd is not installed."))
        self._flags = self._flags or await clang_flags(self._tree)
        verdict = await find_sandbox()
        box = self._stack.enter_context(
            open_box(verdict, limits=EDITOR, binds={USR_SRC: self._tree.sources}, tmpfs={WORK: EDITOR.disk_mib})
        )
        if not box.real:
            self._flags = tuple(flag.replace(USR_SRC, str(self._tree.sources)) for flag in self._flags)
        server = LanguageServer(self._notice)
        argv = box.argv([command, *_OPTIONS], cwd=WORK, environment={"HOME": WORK, "LC_ALL": "C.UTF-8"})
        await server.start(argv, environment=OUTSIDE, pass_fds=box.pass_fds)
        self._server = server
        try:
            options = {"processId": None, "rootUri": None, "capabilities": _PLAIN}
            await server.ask("initialize", options, timeout_s=_START_S)
            server.tell("initialized", {})
        except BaseException:
            await self.close()
            raise

    def _notice(self, method: str, parameters: Any) -> None:
        # clangd sends diagnostics, even if there are none, when it has read a file with its headers.
        if method == "textDocument/publishDiagnostics":
            name = str(parameters.get("uri", "")).rpartition("/")[2]
            if name in self._parsed:
                self._parsed[name].set()

    async def _ask(self, method: str, cursor: Cursor) -> Any:
        assert self._server is not None
        position = {"line": cursor.line, "character": _utf16_column(cursor)}
        try:
            parameters = {"textDocument": {"uri": _uri(cursor.name)}, "position": position}
            return await self._server.ask(method, parameters, timeout_s=_ANSWER_S)
        except ServerError:
            await self.close()
            raise

    def _header(self, uri: str) -> str:
        """The header to include for what is defined in a file; empty if it is none of the kernel's.

        For asm/uaccess.h that is linux/uaccess.h, if both exist (Documentation/process/coding-style and checkpatch).
        """
        match = re.search(rf"({USR_SRC}|{self._tree.sources})/(.*)/include/(?:uapi/|generated/)*([\w./-]+\.h)$", uri)
        if match is None:
            return ""
        header = match[3]
        generic = header.replace("asm-generic/", "linux/").replace("asm/", "linux/")
        folders = (self._tree.sources / match[2].partition("/arch/")[0] / "include", self._tree.headers / "include")
        return generic if any((folder / generic).is_file() for folder in folders) else header


def _uri(name: str) -> str:
    return f"file://{WORK}/{name}"


def _utf16_column(cursor: Cursor) -> int:
    """The column as the protocol counts it, in units of UTF-16."""
    lines = cursor.text.split("\n")
    line = lines[cursor.line] if cursor.line < len(lines) else ""
    return len(line[: cursor.column].encode("utf-16-le", "replace")) // 2
