"""Explains an error of the module tools: the errno behind its message, and one line about it.

The tools do not print the number. They print the text of strerror(3), but kmod has its own text for a few errnos
(`mod_strerror` in kmod's tools/insmod.c and tools/modprobe.c), which is misleading if the module's own init returned
the errno. The kernel's log and the list of loaded modules narrow down what the errno means.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from kmodlab.crash.headlines import find_headline
from kmodlab.crash.load_log import find_cause
from kmodlab.crash.report import ReportSeverity
from kmodlab.elf.modprobe import LoadedModule
from kmodlab.i18n import N_, _, ngettext

# kmod's own texts.
_KMOD_TEXTS = {
    "Unknown symbol in module, or unknown parameter (see dmesg)": errno.ENOENT,
    "Unknown symbol in module": errno.ENOENT,
    "Invalid module format": errno.ENOEXEC,
    "Module has wrong symbol version": errno.ESRCH,
    "Invalid parameters": errno.EINVAL,
}
# Errnos inside the kernel (include/linux/errno.h): programs should never see them, and strerror(3) has no text.
KERNEL_ERRNOS = {
    512: "ERESTARTSYS",
    513: "ERESTARTNOINTR",
    514: "ERESTARTNOHAND",
    515: "ENOIOCTLCMD",
    516: "ERESTART_RESTARTBLOCK",
    517: "EPROBE_DEFER",
    518: "EOPENSTALE",
    519: "ENOPARAM",
    521: "EBADHANDLE",
    522: "ENOTSYNC",
    523: "EBADCOOKIE",
    524: "ENOTSUPP",
    525: "ETOOSMALL",
    526: "ESERVERFAULT",
    527: "EBADTYPE",
    528: "EJUKEBOX",
    529: "EIOCBQUEUED",
    530: "ERECALLCONFLICT",
    531: "ENOGRACE",
}
MAX_ERRNO = 4095  # include/linux/err.h

# The meaning of an errno that init returned.
_RETURNED = {
    "EADDRINUSE": N_("init returned -EADDRINUSE: the address or port is taken already."),
    "EAGAIN": N_("init returned -EAGAIN: what it asked for is not to be had now, but may be later."),
    "EBUSY": N_("init returned -EBUSY: what it wants (a number, a name, a device) is taken already."),
    "EDOM": N_("init returned -EDOM: a value is outside of what the code can handle."),
    "EEXIST": N_("init returned -EEXIST: what it wants to make (a name, a number) exists already."),
    "EFAULT": N_("init returned -EFAULT: an address that it was given cannot be used."),
    "EINTR": N_("init returned -EINTR: a signal interrupted its wait."),
    "EINVAL": N_(
        "init returned -EINVAL: a value is not valid, in its own judgement or that of a function that it called. "
        "(kmod words every EINVAL as if a parameter were wrong.)"
    ),
    "EIO": N_("init returned -EIO: a device did not answer as expected."),
    "ENODATA": N_("init returned -ENODATA: what it asked for has no data."),
    "ENODEV": N_("init returned -ENODEV: the device that it is for is not there."),
    "ENOENT": N_(
        "init returned -ENOENT: something that it looked for does not exist. "
        "(kmod words every ENOENT as if a symbol were missing.)"
    ),
    "ENOMEM": N_("init returned -ENOMEM: an allocation failed."),
    "ENOSPC": N_("init returned -ENOSPC: no number or room is left of what it asked for."),
    "ENOSYS": N_("init returned -ENOSYS: this kernel was built without what it asked for."),
    "ENOTSUPP": N_(
        "init returned -ENOTSUPP: something is not supported. The number is the kernel's own; -EOPNOTSUPP is the one "
        "that programs know."
    ),
    "ENXIO": N_("init returned -ENXIO: no such device or address."),
    "EOPNOTSUPP": N_("init returned -EOPNOTSUPP: what it asked for is not supported here."),
    "EPERM": N_("loading was not permitted. A bare `return -1` in init is -EPERM too: 1 is EPERM's number."),
    "EPROBE_DEFER": N_(
        "init returned -EPROBE_DEFER, which asks the driver core to try a device's probe() again later. Nothing tries "
        "init again, so only probe() should return it."
    ),
    "ERANGE": N_("init returned -ERANGE: a number is too large or too small for its place."),
    "ERESTARTSYS": N_(
        "init returned -ERESTARTSYS: a signal interrupted its wait. The number is the kernel's own; "
        "programs get -EINTR."
    ),
    "ETIMEDOUT": N_("init returned -ETIMEDOUT: something did not answer in time."),
}
# The meaning of an errno if the log is not known: the kernel may also have refused the module before init.
_LOADING = {
    "EEXIST": N_("a module of this name is loaded already (`rmmod` it first), or init returned -EEXIST itself."),
    "EINVAL": N_(
        "init returned -EINVAL (kmod words it as if a parameter were wrong), or a parameter's value was refused: "
        "dmesg tells which."
    ),
    "EKEYREJECTED": N_("the module's signature is not one that this kernel accepts."),
    "ENOENT": N_(
        "the module needs a symbol that no loaded module exports, or init returned -ENOENT: dmesg tells which."
    ),
    "ENOEXEC": N_(
        "this is no module for this kernel (another version, another architecture, a damaged file): dmesg tells why."
    ),
    "ESRCH": N_("the module was built against other symbol versions, or init returned -ESRCH."),
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
# Messages of refusals that are not headlines: kernel/params.c, parse_args; kernel/module/main.c.
_OTHER_REFUSALS = re.compile(r"unknown parameter|invalid for parameter|GPL-inc")
_BY_A_TOOL = re.compile(r"(insmod|rmmod|modprobe|depmod|lsmod|modinfo): ")
_READERS = ("depmod", "lsmod", "modinfo")  # tools that load nothing: their errors are not the kernel's


@dataclass(frozen=True)
class Evidence:
    """The evidence about a command that failed, besides its output.

    `messages` are the kernel's messages during the command. `module` is the name of the command's module, as lsmod
    shows it; empty if unknown. `loaded` are the modules that were loaded afterwards; None if unknown. `providers` maps
    missing symbols to the kernel's own modules that export them.
    """

    messages: tuple[str, ...] = ()
    module: str = ""
    loaded: Mapping[str, LoadedModule] | None = None
    providers: Mapping[str, str] = field(default_factory=dict)

    @property
    def was_loaded(self) -> bool | None:
        """Whether a module of this name was loaded before; None if unknown."""
        return None if self.loaded is None or not self.module else self.module in self.loaded


@dataclass(frozen=True)
class ErrnoNote:
    """An errno and its meaning in this case, in one line. `in_init` says whether init may have returned it."""

    name: str
    number: int
    meaning: str
    in_init: bool = False

    @property
    def sentence(self) -> str:
        """The line to show."""
        return f"{self.name} ({self.number}): {self.meaning}"


def errno_name(number: int) -> str:
    """The name of a positive errno; the number as text if it has none."""
    return errno.errorcode.get(number) or KERNEL_ERRNOS.get(number) or str(number)


def explain_error(tool: str, output: str, evidence: Evidence | None = None) -> ErrnoNote | None:
    """The errno behind the last error line that a module tool printed; None if it printed no such line.

    `tool` is the tool's name, or empty for a script: then only lines that begin with a tool's name count. With
    `evidence`, the note says what the errno means in this case; without it, what it can mean.
    """
    for line in reversed(output.strip().splitlines()):
        number = _find_number(line) if tool or _BY_A_TOOL.match(line) else None
        if number is not None:
            return _note(number, tool, line, evidence)
    return None


def _note(number: int, tool: str, line: str, evidence: Evidence | None) -> ErrnoNote | None:
    name = errno_name(number)
    for is_case, meanings in (
        ("could not load module" in line, _FINDING),
        (" not found in directory" in line, _SEARCHING),
        (re.search(r"(?:FATAL|ERROR): Module \S+ not found", line), _UNKNOWN),
    ):
        if is_case:
            return ErrnoNote(name, number, _(meanings.get(name, "")) or _returned_text(name))
    if tool == "rmmod" or re.search("could not remove|is in use|is not currently loaded", line):
        return ErrnoNote(name, number, _removing_text(name, evidence))
    if tool in _READERS or line.startswith(tuple(f"{reader}: " for reader in _READERS)):
        return None
    if evidence is None:
        meaning = _(_LOADING.get(name, "")) or _returned_text(name)
        return ErrnoNote(name, number, meaning, in_init=name not in _LOADING)
    return _loading_note(name, number, evidence)


def _returned_text(name: str) -> str:
    if name.isdigit():
        return _("init returned -{number}, which is no errno.").format(number=name)
    return _(_RETURNED.get(name, "")) or _("init returned -{name}.").format(name=name)


def _removing_text(name: str, evidence: Evidence | None) -> str:
    module = (evidence.loaded or {}).get(evidence.module) if evidence else None
    others = [user for user in module.users if not user.startswith("[")] if module else []  # such as "[permanent]"
    if name == "EAGAIN" and others:
        users = ", ".join(f"`{user}`" for user in others)
        return ngettext(
            "the module {users} uses it, and must be unloaded first.",
            "the modules {users} use it, and must be unloaded first.",
            len(others),
        ).format(users=users)
    if name == "EAGAIN" and module:
        return _(
            "no other module uses it. A program has one of its files open, or the module holds a reference to itself "
            "(try_module_get)."
        )
    if name == "EBUSY" and module and not module.is_permanent:
        # kernel/module/main.c, delete_module: the other reason for EBUSY is a module that is not live.
        return (
            _("its exit function has not returned: it still runs, or the kernel ended it after a crash.")
            if module.state == "Unloading"
            else _("its init function has not returned: it still runs, or the kernel ended it after a crash.")
        )
    return _(_REMOVING.get(name, "")) or _("the kernel does not unload it: {name}.").format(name=name)


def _loading_note(name: str, number: int, evidence: Evidence) -> ErrnoNote:
    cause = find_cause(evidence.messages, number)
    if cause and cause.in_init:
        meaning = _("init returned -{name}: {cause}").format(name=name, cause=cause.sentence)
        return ErrnoNote(name, number, meaning, in_init=True)
    if cause:
        return ErrnoNote(name, number, " ".join([cause.sentence, *_provider_text(cause.symbol, evidence)]))
    if name == "EEXIST" and evidence.was_loaded:
        assert evidence.loaded is not None
        sentence = (
            _("a module of the name `{module}` is loaded already: `rmmod {module}` first.")
            if "O" in evidence.loaded[evidence.module].taints  # an out-of-tree module, not the kernel's own
            else _("a module of the name `{module}` is loaded already, and it is one of the kernel's own.")
        )
        return ErrnoNote(name, number, sentence.format(module=evidence.module))
    # The kernel logs why it refuses a module with one of these errnos; if it logged nothing, init returned the errno.
    refused = name in ("ENOEXEC", "EKEYREJECTED", "ESRCH") or (name == "EEXIST" and evidence.was_loaded is None)
    if refused:
        return ErrnoNote(name, number, _(_LOADING[name]))
    return ErrnoNote(name, number, _returned_text(name), in_init=True)


def _provider_text(symbol: str, evidence: Evidence) -> Iterator[str]:
    provider = evidence.providers.get(symbol)
    if provider:
        sentence = _("The module `{module}` has it: `modprobe {module}` first, since insmod loads nothing else.")
        yield sentence.format(module=provider)


def missing_symbols(messages: Iterable[str]) -> tuple[str, ...]:
    """The symbols that no loaded module exports, from the kernel's messages."""
    return tuple(dict.fromkeys(re.findall(r"Unknown symbol (\S+) \(err -2\)", "\n".join(messages))))


def _find_number(line: str) -> int | None:
    if re.search(r"\bModule \S+ is in use", line):
        return errno.EAGAIN
    if re.search(r"\bModule \S+ (is not currently loaded|not found)", line):
        return errno.ENOENT
    unknown = re.search(r": Unknown error (\d{1,4})$", line.rstrip())  # strerror(3) for a number that it does not know
    if unknown:
        return int(unknown[1])
    # The text of an errno may contain a colon.
    texts = (line.strip().split(": ", count)[-1] for count in range(1, line.count(": ") + 1))
    return next((number for text in texts if (number := _numbers().get(text)) is not None), None)


def _numbers() -> dict[str, int]:
    return {os.strerror(number): number for number in errno.errorcode} | _KMOD_TEXTS


def find_refusal(messages: Iterable[str]) -> str:
    """The first message in which the kernel says why it refuses a module; empty if no message does."""
    return next((message for message in messages if _is_refusal(message)), "")


def _is_refusal(message: str) -> bool:
    headline = find_headline(message)
    is_headline = headline is not None and headline.kind.severity is ReportSeverity.REFUSED
    return is_headline or _OTHER_REFUSALS.search(message) is not None
