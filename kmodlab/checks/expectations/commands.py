"""Words about files, commands and scripts in a guest, and about modules that modprobe finds.

They are met one after the other, in the same guest. `prints` is about the last thing that was run.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re

from kmodlab.checks.check import Expectation
from kmodlab.checks.context import CheckContext
from kmodlab.checks.expectations.guest import after_what, errno_number, why_failed
from kmodlab.checks.random_values import Value
from kmodlab.checks.result import Failure
from kmodlab.errors import GuestError, GuestLostError
from kmodlab.guest.image import FEW_MODULES_FOLDER
from kmodlab.tracer.run import GUEST_FOLDER

_SCRIPT = "/run/script"
_SCRIPT_S = 40.0


def creates(path: str, *, mode: str | None = None, kind: str | None = None) -> Expectation:
    """The path is there now. `mode` as in "0644"; `kind` as stat says it: "character special file", "directory"."""

    def examine(context: CheckContext) -> Failure | None:
        found = context.look(["stat", context.drawn.fill(path)], in_agent=True).strip()
        if not found:
            return Failure(f"`{path}` is not there{after_what(context)}.")
        own_mode, _, own_kind = found.splitlines()[0].partition(" ")
        if mode is not None and int(own_mode, 8) != int(mode, 8):
            return Failure(f"`{path}` has the permissions {own_mode:>04}, not {mode}.")
        return Failure(f"`{path}` is no {kind}, but a {own_kind}.") if kind and own_kind != kind else None

    return Expectation(examine)


def removes(path: str) -> Expectation:
    """The path is not there (any more)."""

    def examine(context: CheckContext) -> Failure | None:
        there = context.look(["stat", context.drawn.fill(path)], in_agent=True)
        return Failure(f"`{path}` is still there{after_what(context)}.") if there else None

    return Expectation(examine)


def holds(path: str, text: str | int) -> Expectation:
    """What can be read from the path is this text, blanks at its ends left aside."""

    def examine(context: CheckContext) -> Failure | None:
        miss = context.act(["cat", context.drawn.fill(path)], f"cat {path}", in_agent=True)
        if miss:
            return miss
        if not context.result.ok:
            return Failure(f"`{path}` cannot be read{_command_error(context)}.")
        met = context.result.stdout.decode("utf-8", "replace").strip() == context.drawn.fill(text).strip()
        return None if met else Failure(f"`{path}` does not hold what it should ({_shown(text)}).")

    return Expectation(examine)


def _shown(text: str | int) -> str:
    return f"`{text}`"


def runs(command: str, **values: Value) -> Expectation:
    """The command, a line for the guest's shell, succeeds. `{name}` in it stands for a value."""

    def examine(context: CheckContext) -> Failure | None:
        miss = _shell(context, command, values)
        if miss or context.result.ok:
            return miss
        return Failure(f"`{command}` failed{_command_error(context)}.")

    return Expectation(examine)


def fails(command: str, error: str | None = None, **values: Value) -> Expectation:
    """The command fails; with the errno `error`, if that is given."""
    words = os.strerror(errno_number(error)) if error else ""

    def examine(context: CheckContext) -> Failure | None:
        miss = _shell(context, command, values)
        if miss:
            return miss
        if context.result.status == 0:
            return Failure(f"`{command}` succeeded, and should fail{f' with {error}' if error else ''}.")
        met = words.casefold() in context.result.text.casefold()
        return None if met else Failure(f"`{command}` failed, but not with {error}{_command_error(context)}.")

    return Expectation(examine)


def prints(*texts: str, exactly: bool = False) -> Expectation:
    """What was run last printed these texts, in this order; with `exactly`, nothing else than the one text."""

    def examine(context: CheckContext) -> Failure | None:
        printed = context.result.text
        wanted = [context.drawn.fill(text) for text in texts]
        if exactly:
            met = printed.strip() == wanted[0].strip()
            return None if met else Failure(f"`{context.label}` did not print exactly `{texts[0]}`.")
        for number, text in enumerate(wanted):
            _, found, printed = printed.partition(text)
            if not found:
                return Failure(f"`{context.label}` did not print `{texts[number]}`.")
        return None

    return Expectation(examine)


def prints_nothing_like(pattern: str) -> Expectation:
    """What was run last printed nothing in which the regular expression is found."""

    def examine(context: CheckContext) -> Failure | None:
        hit = re.search(context.drawn.fill(pattern), context.result.text)
        return Failure(f"`{context.label}` printed something like `{pattern}`.") if hit else None

    return Expectation(examine)


def runs_script(name: str) -> Expectation:
    """The learner's `%%kscript` of that name runs, with all that was built in /root; its status does not matter."""

    def examine(context: CheckContext) -> Failure | None:
        if name not in context.work.scripts:
            return Failure(
                f"There is no script `{name}` yet.", hint=f"Run the cell that begins with `%%kscript {name}`."
            )
        for unit in context.work.units:
            made = context.build(unit)
            if isinstance(made, Failure):
                return made
            for module, ko in made.modules.items():
                context.put(module, ko)
        mounts, tools = _mounts(context), _tools(context)
        context.session.put(_SCRIPT, context.work.scripts[name].encode())
        miss = context.act(["sh", _SCRIPT], f"script {name}", timeout_s=_SCRIPT_S)
        if miss:
            return miss
        # What is mounted over a tool or a file of the kernel's would answer in its stead, and so would another tool.
        if _mounts(context) != mounts:
            return Failure("The script mounts something, and it need not.")
        changed = next((tool for tool, content in _tools(context).items() if content != tools[tool]), None)
        return Failure(f"The script changes `{changed}`, and it need not.") if changed else None

    return Expectation(examine)


# What checks call in a guest: links to two programs, in a folder with several names; and what decides how these run.
_LINKS = (
    *(f"/usr/bin/{tool}" for tool in ("cp", "depmod", "insmod", "mkdir", "modprobe", "mount", "rmmod", "sh")),
    *("/bin", "/sbin", "/usr/sbin"),
)
_CONTENTS = ("/usr/bin/busybox", "/usr/bin/kmod", "/etc/ld.so.preload", "/etc/ld.so.cache")


def _mounts(context: CheckContext) -> bytes:
    return context.session.get("/proc/self/mountinfo")


def _tools(context: CheckContext) -> dict[str, str]:
    """The tools that checks call, as our agent sees them: after a learner's script, a `cp` may do what it likes."""
    links = {path: context.look(["stat", path], in_agent=True) for path in _LINKS}
    return {**links, **{path: hashlib.sha256(_content(context, path)).hexdigest() for path in _CONTENTS}}


def _content(context: CheckContext, path: str) -> bytes:
    try:
        return context.session.get(path)
    except GuestLostError:
        raise
    except GuestError:
        return b""  # there is none


def _shell(context: CheckContext, command: str, values: dict[str, Value]) -> Failure | None:
    context.drawn.draw(**values)
    return context.act(["sh", "-c", context.drawn.fill(command)], command)


def _command_error(context: CheckContext) -> str:
    """The end of the last error line: what the errno is called."""
    lines = context.result.stderr.decode("utf-8", "replace").strip().splitlines()
    words = lines[-1].rpartition(": ")[2] if lines else ""
    known = words in {os.strerror(number) for number in errno.errorcode}
    return f": {words}" if known else f" (status {context.result.status})"


# ---- kmod's tree ---------------------------------------------------------------------------------------------------


def few_modules() -> Expectation:
    """Nothing is expected: only a few of the kernel's modules are left in sight, so that depmod is quick."""

    def examine(context: CheckContext) -> Failure | None:
        tree = f"/lib/modules/{context.runner.lab.tree.release}/kernel"
        done = context.session.run(["mount", "--bind", f"{FEW_MODULES_FOLDER}/kernel", tree])
        if not done.ok:
            raise GuestError("The guest's module tree could not be made small.", details=done.text)
        return None

    return Expectation(examine)


def installs(name: str) -> Expectation:
    """The module is built, and the checker installs it below /lib/modules and calls depmod: `modprobe` finds it."""

    def examine(context: CheckContext) -> Failure | None:
        ko = context.module(name)
        if isinstance(ko, Failure):
            return ko
        context.put(name, ko)
        few_modules().examine(context)
        place = "/lib/modules/$(uname -r)/extra"
        command = f'mkdir -p {place} && cp {GUEST_FOLDER}/"$1".ko {place} && depmod -a'
        miss = context.act(
            ["sh", "-c", command, "sh", name], f"depmod -a (with {name}.ko installed)", timeout_s=_SCRIPT_S
        )
        if miss or context.result.ok:
            return miss
        return Failure(f"`{name}.ko` cannot be installed{_command_error(context)}.")

    return Expectation(examine)


def modprobes(name: str, **parameters: Value) -> Expectation:
    """Modprobe finds the module, or what has this alias, and loads it with all that it needs."""

    def examine(context: CheckContext) -> Failure | None:
        words = [f"{key}={value}" for key, value in context.drawn.draw(**parameters).items()]
        miss = context.act(["modprobe", name, *words], f"modprobe {name}", timeout_s=_SCRIPT_S)
        if miss or context.result.ok:
            return miss
        return Failure(f"`modprobe {name}` failed{why_failed(context)}")

    return Expectation(examine)
