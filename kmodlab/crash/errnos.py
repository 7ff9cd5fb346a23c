"""What an error of the module tools means: the errno behind its words, and one line about it.

The tools hide the number. They print what strerror(3) says, but for a few errnos kmod has words of its own
(`mod_strerror` in kmod's tools/insmod.c and tools/modprobe.c), and those mislead when it was the module's own init
that returned the number.
"""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass

# kmod's own words.
_KMOD_WORDS = {
    "Unknown symbol in module, or unknown parameter (see dmesg)": errno.ENOENT,
    "Unknown symbol in module": errno.ENOENT,
    "Invalid module format": errno.ENOEXEC,
    "Module has wrong symbol version": errno.ESRCH,
    "Invalid parameters": errno.EINVAL,
}

_LOADING = {
    "EBUSY": "init returned -EBUSY: what it wants (a number, a name, a device) is taken already.",
    "EDOM": "init returned -EDOM: a value is outside of what the code can handle.",
    "EEXIST": "a module of this name is loaded already (`rmmod` it first), or init returned -EEXIST itself.",
    "EFAULT": "init returned -EFAULT: an address that it was given cannot be used.",
    "EINVAL": "init returned -EINVAL (kmod words it as if a parameter were wrong), or a parameter's value was refused: "
    "dmesg tells which.",
    "EIO": "init returned -EIO: a device did not answer as expected.",
    "EKEYREJECTED": "the module's signature is not one that this kernel accepts.",
    "ENODEV": "init returned -ENODEV: the device that it is for is not there.",
    "ENOENT": "the module needs a symbol that no loaded module exports, or init returned -ENOENT: dmesg tells which.",
    "ENOEXEC": "this is no module for this kernel (another version, another architecture, a damaged file): "
    "dmesg tells why.",
    "ENOMEM": "init returned -ENOMEM: an allocation failed.",
    "ENOSPC": "init returned -ENOSPC: no number or room is left of what it asked for.",
    "ENXIO": "init returned -ENXIO: no such device or address.",
    "EPERM": "loading was not permitted. A bare `return -1` in init is -EPERM too: 1 is EPERM's number.",
    "ESRCH": "the module was built against other symbol versions, or init returned -ESRCH.",
    "ETIMEDOUT": "init returned -ETIMEDOUT: something did not answer in time.",
}
_REMOVING = {
    "EAGAIN": "something still uses the module: see the third column of lsmod.",
    "EBUSY": "the module has an init but no exit function, so it cannot be unloaded.",
    "ENOENT": "no module of this name is loaded.",
}
_FINDING = {
    "ENOENT": "there is no such file. insmod takes a path, and searches nowhere.",
}
_SEARCHING = {
    "ENOENT": "the databases below /lib/modules/$(uname -r) have no module of this name. "
    "One that was just put there is found after `depmod -a`.",
}
_UNKNOWN = {"ENOENT": "the databases below /lib/modules/$(uname -r) have no module of this name."}
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
    """The errno behind the last error line that a module tool printed; None where there is none.

    `tool` is the tool's name, or empty for a script: of its output only what begins with a tool's name counts.
    """
    for line in reversed(output.strip().splitlines()):
        number = _find_number(line) if tool or _BY_A_TOOL.match(line) else None
        if number is not None:
            return _note(number, _meanings(tool, line))
    return None


def _meanings(tool: str, line: str) -> dict[str, str]:
    """What errnos mean at the step that failed: finding a file, searching a name, removing, loading."""
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
    return ErrnoNote(name, number, meanings.get(name) or f"{os.strerror(number)}.")


def _find_number(line: str) -> int | None:
    if re.search(r"\bModule \S+ is in use", line):
        return errno.EAGAIN
    if re.search(r"\bModule \S+ (is not currently loaded|not found)", line):
        return errno.ENOENT
    words = line.rpartition(": ")[2].strip()
    return _KMOD_WORDS.get(words, _numbers().get(words))


def _numbers() -> dict[str, int]:
    return {os.strerror(number): number for number in errno.errorcode}
