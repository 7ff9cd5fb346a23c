"""What an error of the module tools means: the errno behind its message, and one line about it.

The tools hide the number. They print the text of strerror(3), but kmod has its own text for a few errnos
(`mod_strerror` in kmod's tools/insmod.c and tools/modprobe.c), which is misleading if the module's own init returned
the number.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

from kmodlab.crash.headlines import find_headline
from kmodlab.crash.report import ReportSeverity
from kmodlab.i18n import N_, _

# kmod's own texts.
_KMOD_TEXTS = {
    "Unknown symbol in module, or unknown parameter (see dmesg)": errno.ENOENT,
    "Unknown symbol in module": errno.ENOENT,
    "Invalid module format": errno.ENOEXEC,
    "Module has wrong symbol version": errno.ESRCH,
    "Invalid parameters": errno.EINVAL,
}

_LOADING = {
    "EBUSY": N_("init returned -EBUSY: what it wants (a number, a name, a device) is taken already."),
    "EDOM": N_("init returned -EDOM: a value is outside of what the code can handle."),
    "EEXIST": N_("a module of this name is loaded already (`rmmod` it first), or init returned -EEXIST itself."),
    "EFAULT": N_("init returned -EFAULT: an address that it was given cannot be used."),
    "EINVAL": N_(
        "init returned -EINVAL (kmod words it as if a parameter were wrong), or a parameter's value was refused: "
        "dmesg tells which."
    ),
    "EIO": N_("init returned -EIO: a device did not answer as expected."),
    "EKEYREJECTED": N_("the module's signature is not one that this kernel accepts."),
    "ENODEV": N_("init returned -ENODEV: the device that it is for is not there."),
    "ENOENT": N_(
        "the module needs a symbol that no loaded module exports, or init returned -ENOENT: dmesg tells which."
    ),
    "ENOEXEC": N_(
        "this is no module for this kernel (another version, another architecture, a damaged file): dmesg tells why."
    ),
    "ENOMEM": N_("init returned -ENOMEM: an allocation failed."),
    "ENOSPC": N_("init returned -ENOSPC: no number or room is left of what it asked for."),
    "ENXIO": N_("init returned -ENXIO: no such device or address."),
    "EPERM": N_("loading was not permitted. A bare `return -1` in init is -EPERM too: 1 is EPERM's number."),
    "ESRCH": N_("the module was built against other symbol versions, or init returned -ESRCH."),
    "ETIMEDOUT": N_("init returned -ETIMEDOUT: something did not answer in time."),
}
_REMOVING = {
    "EAGAIN": N_("something still uses the module: see the third column of lsmod."),
    "EBUSY": N_("the module has an init but no exit function, so it cannot be unloaded."),
    "ENOENT": N_("no module of this name is loaded."),
}
_FINDING = {
    "ENOENT": N_("there is no such file. insmod takes a path, and searches nowhere."),
}
_SEARCHING = {
    "ENOENT": N_(
        "the databases below /lib/modules/$(uname -r) have no module of this name. "
        "One that was just put there is found after `depmod -a`."
    ),
}
_UNKNOWN = {"ENOENT": N_("the databases below /lib/modules/$(uname -r) have no module of this name.")}
# What the kernel says besides the headlines of refusals: kernel/params.c, parse_args; kernel/module/main.c.
_OTHER_REFUSALS = re.compile(r"unknown parameter|invalid for parameter|GPL-inc")
_BY_A_TOOL = re.compile(r"(insmod|rmmod|modprobe|depmod|lsmod|modinfo): ")


@dataclass(frozen=True)
class ErrnoNote:
    """An errno and what it means here, in one line."""

    name: str
    number: int
    meaning: str

    @property
    def sentence(self) -> str:
        """The line to show."""
        return f"{self.name} ({self.number}): {self.meaning}"


def explain_error(tool: str, output: str) -> ErrnoNote | None:
    """The errno behind the last error line that a module tool printed; None if it printed no such line.

    `tool` is the tool's name, or empty for a script: then only lines that begin with a tool's name count.
    """
    for line in reversed(output.strip().splitlines()):
        number = _find_number(line) if tool or _BY_A_TOOL.match(line) else None
        if number is not None:
            return _note(number, _meanings(tool, line))
    return None


def _meanings(tool: str, line: str) -> dict[str, str]:
    """What errnos mean in the step that failed: opening a file, searching a name, removing, loading."""
    if "could not load module" in line:
        return _FINDING
    if " not found in directory" in line:
        return _SEARCHING
    if re.search(r"FATAL: Module \S+ not found", line):
        return _UNKNOWN
    removing = tool == "rmmod" or re.search("could not remove|is in use|is not currently loaded", line)
    return _REMOVING if removing else _LOADING


def _note(number: int, meanings: dict[str, str]) -> ErrnoNote:
    name = errno.errorcode.get(number, str(number))
    return ErrnoNote(name, number, _(meanings.get(name, "")) or f"{os.strerror(number)}.")


def _find_number(line: str) -> int | None:
    if re.search(r"\bModule \S+ is in use", line):
        return errno.EAGAIN
    if re.search(r"\bModule \S+ (is not currently loaded|not found)", line):
        return errno.ENOENT
    text = line.rpartition(": ")[2].strip()
    return _KMOD_TEXTS.get(text, _numbers().get(text))


def _numbers() -> dict[str, int]:
    return {os.strerror(number): number for number in errno.errorcode}


def find_refusal(messages: Iterable[str]) -> str:
    """The first of the kernel's messages that says why it refuses a module; empty if no message does."""
    return next((message for message in messages if _is_refusal(message)), "")


def _is_refusal(message: str) -> bool:
    headline = find_headline(message)
    is_headline = headline is not None and headline.kind.severity is ReportSeverity.REFUSED
    return is_headline or _OTHER_REFUSALS.search(message) is not None
