"""Check words about files, commands and scripts in the guest. `prints` is about the last command."""

from __future__ import annotations

import hashlib
import os
import re

from kmodlab.checks.check import Expectation
from kmodlab.checks.check_result import Failure
from kmodlab.checks.context import CheckContext
from kmodlab.checks.expectations.reasons import after_command, errno_number, quote_short, with_error
from kmodlab.checks.random_values import Value
from kmodlab.errors import GuestError, GuestLostError
from kmodlab.i18n import _

_SCRIPT = "/run/script"
_SCRIPT_S = 40.0


# ---- files ---------------------------------------------------------------------------------------------------------


def creates(path: str, *, mode: str | None = None, kind: str | None = None) -> Expectation:
    """The path exists. `mode` is as in "0644"; `kind` as stat(1) prints it: "character special file", "directory"."""

    def examine(context: CheckContext) -> Failure | None:
        status = context.look(["stat", context.random_values.fill(path)], in_agent=True).strip()
        if not status:
            without, message = _("`{path}` is not there."), _("`{path}` is not there after `{command}`.")
            return Failure(after_command(context, without, message, path=path))
        actual_mode, _space, actual_kind = status.splitlines()[0].partition(" ")
        if mode is not None and int(actual_mode, 8) != int(mode, 8):
            message = _("`{path}` has the permissions {actual}, not {mode}.")
            return Failure(message.format(path=path, actual=f"{actual_mode:>04}", mode=mode))
        if kind and actual_kind != kind:
            message = _("`{path}` is a {actual}, not a {kind}.")
            return Failure(message.format(path=path, actual=actual_kind, kind=kind))
        return None

    return Expectation(examine)


def removes(path: str) -> Expectation:
    """The path does not exist (any more)."""

    def examine(context: CheckContext) -> Failure | None:
        if not context.look(["stat", context.random_values.fill(path)], in_agent=True):
            return None
        without, message = _("`{path}` is still there."), _("`{path}` is still there after `{command}`.")
        return Failure(after_command(context, without, message, path=path))

    return Expectation(examine)


def holds(path: str, text: str | int) -> Expectation:
    """Reading the path gives this text; white space at both ends does not count."""

    def examine(context: CheckContext) -> Failure | None:
        failure = context.act(["cat", context.random_values.fill(path)], f"cat {path}", in_agent=True)
        if failure:
            return failure
        if not context.result.ok:
            with_words, with_status = (
                _("`{path}` cannot be read: {reason}."),
                _("`{path}` cannot be read (status {status})."),
            )
            return Failure(with_error(context, with_words, with_status, path=path))
        content = context.result.stdout.decode("utf-8", "replace")
        if content.strip() == context.random_values.fill(text).strip():
            return None
        message = _("Reading `{path}` does not give `{text}`, but `{content}`.")
        return Failure(message.format(path=path, text=context.random_values.fill(text), content=quote_short(content)))

    return Expectation(examine)


# ---- commands ------------------------------------------------------------------------------------------------------


def runs(command: str, *, as_nobody: bool = False, **values: Value) -> Expectation:
    """The command, a line for the guest's shell, succeeds. `{name}` in it stands for a value.

    With `as_nobody`, an ordinary user runs it, and not root.
    """

    def examine(context: CheckContext) -> Failure | None:
        failure = _run_in_shell(context, command, values, as_nobody=as_nobody)
        if failure or context.result.ok:
            return failure
        with_words, with_status = _("`{command}` failed: {reason}."), _("`{command}` failed with status {status}.")
        return Failure(with_error(context, with_words, with_status, command=context.label))

    return Expectation(examine)


def fails(command: str, error: str | None = None, **values: Value) -> Expectation:
    """The command fails; if the errno `error` is given, with that."""
    words = os.strerror(errno_number(error)) if error else ""

    def examine(context: CheckContext) -> Failure | None:
        failure = _run_in_shell(context, command, values)
        if failure:
            return failure
        if context.result.status == 0:
            message = (
                _("`{command}` succeeded, but should fail with {error}.")
                if error
                else _("`{command}` succeeded, but should fail.")
            )
            return Failure(message.format(command=context.label, error=error))
        if not error or words.casefold() in context.result.text.casefold():
            return None
        with_words, with_status = (
            _("`{command}` failed, but not with {error}: {reason}."),
            _("`{command}` failed, but not with {error} (status {status})."),
        )
        return Failure(with_error(context, with_words, with_status, command=context.label, error=error))

    return Expectation(examine)


# Debian's busybox has no su. With a pid file, start-stop-daemon does not search for a running shell.
_AS_NOBODY = ("start-stop-daemon", "-S", "-c", "nobody", "-p", "/run/none", "-x", "/bin/sh", "--")
_USERS = b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"


def _run_in_shell(
    context: CheckContext, command: str, values: dict[str, Value], *, as_nobody: bool = False
) -> Failure | None:
    context.random_values.draw(**values)
    filled = context.random_values.fill(command)
    if not as_nobody:
        return context.act(["sh", "-c", filled], filled)
    context.session.put("/etc/passwd", _USERS)
    label = _("{command} (not as root)").format(command=filled)
    return context.act([*_AS_NOBODY, "-c", filled], label)


def prints(*texts: str, exactly: bool = False) -> Expectation:
    """The last command printed these texts, in this order; with `exactly`, the one text and nothing else."""

    def examine(context: CheckContext) -> Failure | None:
        output = context.result.text
        wanted = [context.random_values.fill(text) for text in texts]
        if exactly:
            if output.strip() == wanted[0].strip():
                return None
            message = _("`{command}` did not print exactly `{text}`.")
            return Failure(_with_output(context, message.format(command=context.label, text=wanted[0])))
        for index, text in enumerate(wanted):
            _before, match, output = output.partition(text)
            if match:
                continue
            if text in context.result.text:
                message = _("`{command}` printed `{text}`, but not after `{previous}`.")
                values = {"text": text, "previous": wanted[index - 1]}
                return Failure(message.format(command=context.label, **values))
            message = _("`{command}` did not print `{text}`.")
            return Failure(_with_output(context, message.format(command=context.label, text=text)))
        return None

    return Expectation(examine)


def _with_output(context: CheckContext, reason: str) -> str:
    output = quote_short(context.result.text)
    printed = _("It printed `{output}`.").format(output=output) if output else _("It printed nothing.")
    return f"{reason} {printed}"


def prints_nothing_like(pattern: str) -> Expectation:
    """The regular expression matches nowhere in the output of the last command."""

    def examine(context: CheckContext) -> Failure | None:
        match = re.search(context.random_values.fill(pattern), context.result.text)
        if match is None:
            return None
        message = _("`{command}` printed something like `{pattern}`, but should not: `{text}`.")
        return Failure(message.format(command=context.label, pattern=pattern, text=quote_short(match[0])))

    return Expectation(examine)


# ---- scripts -------------------------------------------------------------------------------------------------------

# The tools that checks call in a guest are links to two programs, in a folder that has several names.
_LINKS = (
    *(f"/usr/bin/{tool}" for tool in ("cp", "depmod", "insmod", "mkdir", "modprobe", "mount", "rmmod", "sh")),
    *("/bin", "/sbin", "/usr/sbin"),
)
# The contents of these programs are compared, and of the files that decide which libraries they load.
_CONTENTS = ("/usr/bin/busybox", "/usr/bin/kmod", "/etc/ld.so.preload", "/etc/ld.so.cache")


def runs_script(name: str) -> Expectation:
    """The learner's `%%kscript` of that name runs, with all built modules in /root; its status does not matter."""

    def examine(context: CheckContext) -> Failure | None:
        if name not in context.work.scripts:
            message = _("There is no script `{name}` yet.").format(name=name)
            return Failure(message, hint=_("Run the cell that begins with `%%kscript {name}`.").format(name=name))
        failure = _put_all_modules(context)
        if failure:
            return failure
        mounts, tools = _read_mounts(context), _read_tools(context)
        context.session.put(_SCRIPT, context.work.scripts[name].encode())
        failure = context.act(["sh", _SCRIPT], f"%%kscript {name}", timeout_s=_SCRIPT_S)
        if failure:
            return failure
        # A changed tool, or a mount over a tool or over the kernel's files, could deceive later expectations.
        if _read_mounts(context) != mounts:
            return Failure(_("The script mounts something, but must not."))
        changed = next((tool for tool, content in _read_tools(context).items() if content != tools[tool]), None)
        return Failure(_("The script changes `{file}`, but must not.").format(file=changed)) if changed else None

    return Expectation(examine)


def _put_all_modules(context: CheckContext) -> Failure | None:
    for unit in context.work.units:
        build = context.builds.get(unit)
        if isinstance(build, Failure):
            return build
        for module, ko in build.modules.items():
            context.put(module, ko)
    return None


def _read_mounts(context: CheckContext) -> bytes:
    return context.session.get("/proc/self/mountinfo")


def _read_tools(context: CheckContext) -> dict[str, str]:
    """The state of each tool, read by our agent, because a learner's script may have replaced programs."""
    links = {path: context.look(["stat", path], in_agent=True) for path in _LINKS}
    return {**links, **{path: hashlib.sha256(_read_content(context, path)).hexdigest() for path in _CONTENTS}}


def _read_content(context: CheckContext, path: str) -> bytes:
    try:
        return context.session.get(path)
    except GuestLostError:
        raise
    except GuestError:
        return b""  # the file does not exist
