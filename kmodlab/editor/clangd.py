"""clangd, in the sandbox: completion, hover, signatures and diagnostics for the C in the cells of one notebook.

It parses the kernel's headers with kbuild's flags (`clang_flags`). It is started when first needed, and again after it
has ended or hung; it dies with this process, like all children. It keeps the headers of each open file in memory, so
only the most recently used files are open.
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
_MOST = 100  # candidates of a completion
_MOST_OPEN = 4  # files that are open at the same time
# No background index, no files on disk, no formatting: clangd knows only what the cell includes.
_OPTIONS = (
    *("--background-index=0", "--pch-storage=memory", "-j=2", "--compile_args_from=lsp", "--header-insertion=never"),
    *("--clang-tidy=0", f"--limit-results={_MOST}", "--log=error"),
)
# With an arena for each thread, glibc would reserve most of the address space that the sandbox allows.
_ENVIRONMENT = {"HOME": WORK, "LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "1"}
_CLIENT = {"textDocument": {
    "completion": {"completionItem": {"snippetSupport": False}},
    "hover": {"contentFormat": ["plaintext"]},
    "signatureHelp": {"signatureInformation": {"documentationFormat": ["plaintext"]}},
    "publishDiagnostics": {"relatedInformation": True},
}}  # fmt: skip

_SEVERITIES = {1: "error", 2: "warning"}  # DiagnosticSeverity
_FIXES = re.compile(r" \(fix(?:es)? available\)$")
# gcc accepts these, because an argument that is shorter than int is promoted to int.
_PROMOTED = re.compile(r"Format specifies type '(?:un)?(?:signed )?(?:char|short)' but the argument has type '.*int'")
_NO_MEMBERS = " {}"  # how clangd abridges the members of a struct
_MOST_MEMBERS = 60  # lines of a struct that are shown
_NO_FILE = re.compile(r"^'[^'/]*' file not found$")  # a learner's file: the kernel's headers are in folders


@dataclass(frozen=True)
class Candidate:
    """One way to complete a word. `kind` is a CompletionItemKind of the protocol; `shown` has the parameters too."""

    text: str
    shown: str
    kind: int


@dataclass(frozen=True)
class Explained:
    """The meaning of a word: its declaration, its documentation, and the header that declares it ("linux/slab.h")."""

    text: str
    header: str = ""


@dataclass(frozen=True)
class ClangComplaint:
    """An error or a warning of clang. `line` and `column`, in UTF-16 units, are counted from 0."""

    line: int
    column: int
    severity: str  # "error" or "warning"
    message: str


@dataclass(frozen=True)
class Cursor:
    """A position in a C file that is being written: the file's name and text, and line and column, counted from 0.

    `kernel` is False for C of userspace.
    """

    name: str
    text: str
    line: int
    column: int
    kernel: bool = True


class Clangd:
    """clangd for one notebook. `tree` is the kernel whose headers are read.

    All methods belong to the I/O thread.

    Raises: KmodlabError, from all methods, if clangd is missing or does not work.
    """

    def __init__(self, tree: KernelTree) -> None:
        self._tree = tree
        self._server: LanguageServer | None = None
        self._starting = asyncio.Lock()
        self._stack = contextlib.ExitStack()
        self._flags: tuple[str, ...] = ()
        self._texts: dict[str, tuple[int, str]] = {}  # file name -> version and text, most recently used last
        self._published: dict[str, tuple[int, Any]] = {}  # file name -> version that clangd has read, its diagnostics
        self._news = asyncio.Event()  # set, and replaced, when diagnostics arrive or clangd has ended

    async def close(self) -> None:
        """End clangd if it runs."""
        server, self._server = self._server, None
        self._texts, self._published = {}, {}
        if server:
            await server.close()
        self._stack.close()

    async def complete(self, cursor: Cursor) -> list[Candidate]:
        """Candidates at a cursor, the best first. The first answer takes a second or two."""
        await self._open(cursor)
        with contextlib.suppress(ServerError):
            # Before it has read the headers, clangd only knows the words in the text.
            await self._read(cursor.name, 1)
        answer = await self._ask("textDocument/completion", cursor)
        items = answer.get("items", []) if isinstance(answer, dict) else []
        return [
            Candidate(str(item["insertText"]), str(item["label"]).strip(), int(item.get("kind", 0)))
            for item in sorted(items, key=lambda item: str(item.get("sortText")))
        ]

    async def explain(self, cursor: Cursor) -> Explained | None:
        """The meaning of the word at a cursor; None if unknown."""
        await self._open(cursor)
        hover = await self._ask("textDocument/hover", cursor)
        if not hover:
            return None
        where = await self._ask("textDocument/definition", cursor)
        uri = str(where[0].get("uri", "")) if where else ""
        text = str(hover["contents"]["value"]).strip()
        if text.endswith(_NO_MEMBERS):
            above, _gap, declaration = text.removesuffix(_NO_MEMBERS).rpartition("\n\n")
            members = _definition(self._text(uri), where[0]["range"]["start"]["line"]) if where else ""
            text = f"{above}\n\n{members or declaration}"
        return Explained(text, self._header(uri))

    async def signature(self, cursor: Cursor) -> str:
        """The signature of the function whose arguments are at the cursor; empty if unknown."""
        await self._open(cursor)
        answer = await self._ask("textDocument/signatureHelp", cursor)
        signatures = (answer or {}).get("signatures", [])
        return str(signatures[0]["label"]) if signatures else ""

    async def check(self, cursor: Cursor) -> list[ClangComplaint]:
        """clang's errors and warnings on a file, wherever the cursor is in it.

        Empty if the text includes a file of the learner's that is missing, because that causes most other messages.
        """
        await self._open(cursor)
        diagnostics = await self._read(cursor.name, self._texts[cursor.name][0])
        complaints = list(map(_complaint, filter(_is_told, diagnostics)))
        return [] if any(_NO_FILE.search(complaint.message) for complaint in complaints) else complaints

    async def _read(self, name: str, version: int) -> list[dict[str, Any]]:
        """Wait until clangd has read this version of a file or a later one, and return the file's diagnostics.

        Raises: ServerError if that takes too long, or clangd has ended.
        """
        server = self._server
        assert server is not None

        async def wait() -> Any:
            while self._published.get(name, (0, []))[0] < version:
                if not server.is_running:
                    raise ServerError(_("The language server has ended."))
                await self._news.wait()
            return self._published[name][1]

        try:
            diagnostics: list[dict[str, Any]] = await asyncio.wait_for(wait(), _START_S)
        except TimeoutError:
            raise ServerError(_("The language server did not answer in time.")) from None
        return diagnostics

    async def _open(self, cursor: Cursor) -> None:
        """Send clangd the file's present text."""
        name, text = cursor.name, cursor.text
        async with self._starting:
            if self._server is None or not self._server.is_running:
                await self.close()
                await self._start()
        assert self._server is not None
        version, known = self._texts.pop(name, (0, ""))
        if version and text == known:
            self._texts[name] = version, text
            return
        self._texts[name] = version + 1, text
        document = {"uri": _uri(name), "version": version + 1}
        if version:
            changes = [{"text": text}]
            self._server.tell("textDocument/didChange", {"textDocument": document, "contentChanges": changes})
            return
        if len(self._texts) > _MOST_OPEN:
            self._close_file(next(iter(self._texts)))
        flags = self._flags if cursor.kernel else ()
        command = {"workingDirectory": WORK, "compilationCommand": ["clang", *flags, "-c", f"{WORK}/{name}"]}
        settings = {"compilationDatabaseChanges": {f"{WORK}/{name}": command}}
        self._server.tell("workspace/didChangeConfiguration", {"settings": settings})
        self._server.tell("textDocument/didOpen", {"textDocument": {**document, "languageId": "c", "text": text}})

    def _close_file(self, name: str) -> None:
        assert self._server is not None
        del self._texts[name]
        self._published.pop(name, None)
        self._server.tell("textDocument/didClose", {"textDocument": {"uri": _uri(name)}})

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
        server = LanguageServer(self._notice, self._wake)
        argv = box.argv([command, *_OPTIONS], cwd=WORK, environment=_ENVIRONMENT)
        await server.start(argv, environment=OUTSIDE, pass_fds=box.pass_fds)
        self._server = server
        try:
            options = {"processId": None, "rootUri": None, "capabilities": _CLIENT}
            await server.ask("initialize", options, timeout_s=_START_S)
            server.tell("initialized", {})
        except BaseException:
            await self.close()
            raise

    def _notice(self, method: str, parameters: Any) -> None:
        # When clangd has read a file and its headers, it sends diagnostics, possibly an empty list.
        if method == "textDocument/publishDiagnostics":
            name = str(parameters.get("uri", "")).rpartition("/")[2]
            if name in self._texts:  # clangd also sends an empty list for a closed file
                self._published[name] = int(parameters.get("version") or 0), parameters.get("diagnostics") or []
            self._wake()

    def _wake(self) -> None:
        """Wake the coroutines that wait for diagnostics."""
        self._news.set()
        self._news = asyncio.Event()

    async def _ask(self, method: str, cursor: Cursor) -> Any:
        assert self._server is not None
        position = {"line": cursor.line, "character": _utf16_column(cursor)}
        try:
            parameters = {"textDocument": {"uri": _uri(cursor.name)}, "position": position}
            return await self._server.ask(method, parameters, timeout_s=_ANSWER_S)
        except ServerError:
            await self.close()
            raise

    def _text(self, uri: str) -> str:
        """The text of a kernel's header or of a cell; empty for another file."""
        for folder in (USR_SRC, self._tree.sources):
            path = self._tree.sources / uri.removeprefix(f"file://{folder}/")
            if path.resolve().is_relative_to(self._tree.sources.resolve()):
                with contextlib.suppress(OSError):
                    return path.read_text(encoding="utf-8", errors="replace")
        return self._texts.get(uri.rpartition("/")[2], (0, ""))[1]

    def _header(self, uri: str) -> str:
        """The header to include for a definition in a file; empty if the file is not a header of the kernel's.

        For asm/uaccess.h it is linux/uaccess.h, if both exist (scripts/checkpatch.pl recommends that one).
        """
        match = re.search(rf"({USR_SRC}|{self._tree.sources})/(.*)/include/(?:uapi/|generated/)*([\w./-]+\.h)$", uri)
        if match is None:
            return ""
        header = match[3]
        generic = header.replace("asm-generic/", "linux/").replace("asm/", "linux/")
        folders = (self._tree.sources / match[2].partition("/arch/")[0] / "include", self._tree.headers / "include")
        return generic if any((folder / generic).is_file() for folder in folders) else header


def _definition(text: str, line: int) -> str:
    """The definition of a struct from a line on, up to the closing brace in the first column; empty if too long."""
    lines = text.split("\n")[line : line + _MOST_MEMBERS]
    end = next((number for number, own in enumerate(lines, 1) if own.startswith("}")), 0)
    return "\n".join(lines[:end])


def _is_told(diagnostic: dict[str, Any]) -> bool:
    return diagnostic.get("severity") in _SEVERITIES and not _PROMOTED.match(str(diagnostic.get("message")))


def _complaint(diagnostic: dict[str, Any]) -> ClangComplaint:
    start = diagnostic["range"]["start"]
    message = _FIXES.sub("", str(diagnostic.get("message", "")))
    return ClangComplaint(int(start["line"]), int(start["character"]), _SEVERITIES[diagnostic["severity"]], message)


def _uri(name: str) -> str:
    return f"file://{WORK}/{name}"


def _utf16_column(cursor: Cursor) -> int:
    """The cursor's column in UTF-16 units, as the protocol counts."""
    lines = cursor.text.split("\n")
    line = lines[cursor.line] if cursor.line < len(lines) else ""
    return len(line[: cursor.column].encode("utf-16-le", "replace")) // 2
