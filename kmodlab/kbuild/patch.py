"""Prepares a change for sending: scripts/checkpatch.pl checks it, and git makes a mail of it.

Both are the kernel's own tools on the learner's texts, so both run in the sandbox.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from kmodlab.errors import SetupError, UsageError
from kmodlab.i18n import _
from kmodlab.kbuild.build import pack
from kmodlab.kbuild.diagnostics import Diagnostic, Place, Severity, Tool
from kmodlab.kbuild.kernel_build import USR_SRC
from kmodlab.kbuild.tree_change import ChangedTree, TreeChange
from kmodlab.kernel.own import OwnKernel
from kmodlab.process import CompletedProcess, Deadline, run_async, run_sync
from kmodlab.sandbox.limits import BUILD
from kmodlab.sandbox.sandbox import OUTSIDE, WORK, find_sandbox, open_box
from kmodlab.text import escape_control_chars

_COMPLAINT = re.compile(
    r"(?P<file>[^:\s]+):(?P<line>\d+): (?P<kind>ERROR|WARNING|CHECK):(?P<type>[A-Z_]+): (?P<message>.*)"
)
_CHECKED = (".c", ".h", ".S")
_AUTHOR = re.compile(r"[^<>\n]{1,100} <[^<>\s]{1,100}@[^<>\s]{1,100}>")

# checkpatch.pl is slow in a whole tree, so it runs in a folder that has only the learner's files.
_CHECK = r"""
tar --extract --file=- --no-same-owner || exit 99
for file; do
    perl "$TREE/scripts/checkpatch.pl" --root="$TREE" --no-summary --terse --show-types --color=never --file "$file"
done
exit 0
"""

_PATCH = r"""
exec 2>&1
tar --extract --file=- --no-same-owner || exit 99
mkdir -p before && cd before && git init --quiet --initial-branch=master &&
    git add --all && git commit --quiet --allow-empty -m before &&
    cp -r ../after/. . && git add --all && git commit --quiet --file=../message &&
    git format-patch -1 --stdout --signature=
"""


def check_patch(kernel: OwnKernel, change: TreeChange) -> tuple[Diagnostic, ...]:
    """The errors and warnings of checkpatch.pl for the learner's C files, with lines of the learner's texts.

    Raises: SetupError if checkpatch.pl cannot run.
    """
    files = {path: text.encode() for path, text in change.texts.items() if path.endswith(_CHECKED)}
    if not files:
        return ()
    finished = run_sync(_run(kernel, _CHECK, files, list(files)))
    matches = (_COMPLAINT.fullmatch(line) for line in finished.stdout.decode("utf-8", "replace").splitlines())
    diagnostics = tuple(_diagnostic(match, change.margin) for match in matches if match and match["file"] in files)
    if not diagnostics and finished.stderr:
        line = finished.stderr.decode("utf-8", "replace").strip().splitlines()[-1]
        raise SetupError(_("checkpatch.pl cannot run: {reason}.").format(reason=escape_control_chars(line)))
    return diagnostics


def _diagnostic(match: re.Match[str], margin: int) -> Diagnostic:
    severity = Severity.ERROR if match["kind"] == "ERROR" else Severity.WARNING
    place = Place(match["file"], int(match["line"]) + margin)
    message = escape_control_chars(match["message"])
    return Diagnostic(Tool.CHECKPATCH, severity, message, place.file, place.line, option=match["type"], origin=place)


def format_patch(kernel: OwnKernel, change: TreeChange, message: str, author: str) -> str:
    """The mail with which a change is sent, as `git format-patch` makes it.

    `message` is the commit message: one line, and after an empty line the reason. `author` is "NAME <ADDRESS>".

    Raises: UsageError if the author or the message cannot be used; SetupError if git cannot run.
    """
    if not _AUTHOR.fullmatch(author):
        raise UsageError(
            _("{author} is no author.").format(author=ascii(author)),
            hint=_("Give a name and an address: {example}").format(example="--author 'Your Name <you@example.org>'"),
        )
    if not message.strip():
        raise UsageError(_("A commit needs a message."), hint=_("Say in a line what the change does."))
    view = ChangedTree(kernel, change)
    before = {path: text for path in change.texts if (text := view.original(path)) is not None}
    files = {f"after/{path}": text.encode() for path, text in view.texts().items()}
    files |= {f"before/{path}": text.encode() for path, text in before.items()}
    signed = f"{message.strip()}\n\nSigned-off-by: {author}\n"
    files["message"] = signed.encode()
    name, _space, address = author.rpartition(" ")
    who = {"GIT_AUTHOR_NAME": name, "GIT_COMMITTER_NAME": name}
    who |= {"GIT_AUTHOR_EMAIL": address.strip("<>"), "GIT_COMMITTER_EMAIL": address.strip("<>")}
    finished = run_sync(_run(kernel, _PATCH, files, [], who))
    text = escape_control_chars(finished.stdout.decode("utf-8", "replace"))
    if not text.startswith("From "):
        last = (text.strip().splitlines() or [_("it printed nothing")])[-1]
        raise SetupError(_("git cannot make the patch: {reason}.").format(reason=last), hint="sudo apt-get install git")
    return text


async def _run(
    kernel: OwnKernel,
    script: str,
    files: Mapping[str, bytes],
    words: list[str],
    variables: Mapping[str, str] | None = None,
) -> CompletedProcess:
    verdict = await find_sandbox()
    tree = f"{USR_SRC}/{PurePosixPath(kernel.source.name)}"
    folders = {USR_SRC: 1, WORK: BUILD.disk_mib} if verdict.works else {WORK: BUILD.disk_mib}
    with open_box(verdict, limits=BUILD, binds={tree: kernel.source}, tmpfs=folders) as box:
        environment = {"HOME": box.path(WORK), "LC_ALL": "C.UTF-8", "TREE": box.path(tree), **(variables or {})}
        return await run_async(
            box.argv(["sh", "-c", script, "patch", *words], cwd=WORK, environment=environment),
            deadline=Deadline.after(BUILD.wall_s or 60),
            stdin=pack(files),
            environment=OUTSIDE,
            pass_fds=box.pass_fds,
            output_limit=BUILD.output_mib << 20,
            watch=box.guard().watch,
        )
