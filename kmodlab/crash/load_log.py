"""Finds the message in the kernel's log that says why a module was not loaded.

Each pattern has the errnos that the kernel returns after this message, so that a message about something else is not
taken for the cause.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from kmodlab.i18n import N_, _

_ENOENT, _ENOEXEC, _EBUSY, _EEXIST, _EINVAL, _ENOSPC, _EKEYREJECTED = 2, 8, 16, 17, 22, 28, 129


@dataclass(frozen=True)
class LogCause:
    """The cause of a failed load, from the log; `sentence` follows a colon.

    `in_init` says whether init ran and got the error from a function that it called; if not, the kernel refused the
    module before. `symbol` is the symbol that no loaded module exports, or empty. `functions` is a regular expression
    for the names of the functions that fail for this cause; empty for any function.
    """

    sentence: str
    in_init: bool
    symbol: str = ""
    functions: str = ""


@dataclass(frozen=True)
class _Pattern:
    numbers: tuple[int, ...]  # the errnos that the kernel returns after the message; empty for any
    regex: str
    sentence: str
    in_init: bool = False
    functions: str = ""  # a regular expression for the functions that return the errno; empty for any


# Each comment has the file and the function that log the message, in Linux 6.1.
_PATTERNS = (
    # kernel/module/main.c, verify_namespace_is_imported
    _Pattern(
        (_EINVAL,),
        r"module uses symbol \((?P<symbol>\S+)\) from namespace (?P<namespace>\S+), but does not import it",
        N_("`{symbol}` is in the namespace {namespace}, which the module does not import (MODULE_IMPORT_NS)."),
    ),
    # kernel/module/version.c, check_version
    _Pattern(
        (_ENOEXEC, _EINVAL),
        r"disagrees about version of symbol (?P<symbol>\S+)",
        N_("it was built against another version of `{symbol}`: the kernel's checksum of it is different."),
    ),
    # kernel/module/main.c: simplify_symbols, check_modinfo, verify_exported_symbols
    _Pattern((_ENOENT,), r"Unknown symbol (?P<symbol>\S+) \(err -2\)", N_("no loaded module exports `{symbol}`.")),
    _Pattern(
        (_ENOEXEC,),
        r"version magic '(?P<its>[^']*?) ?' should be '(?P<kernels>[^']*?) ?'",
        N_("it was built for the kernel `{its}`, but this one is `{kernels}`."),
    ),
    _Pattern(
        (_ENOEXEC,),
        r"exports duplicate symbol (?P<symbol>\S+) \(owned by (?P<owner>[^)]+)\)",
        N_("it exports `{symbol}`, which {owner} exports already."),
    ),
    # kernel/params.c, param_array
    _Pattern(
        (_EINVAL,),
        r"(?P<parameter>\S+): can only take (?P<most>\d+) arguments",
        N_("the parameter `{parameter}` takes at most {most} values, separated by commas. init did not run."),
    ),
    # kernel/params.c, parse_args
    _Pattern(
        (),
        r": `(?P<value>.*)' invalid for parameter `(?P<parameter>.*)'",
        N_("the parameter `{parameter}` refuses the value `{value}`. init did not run."),
    ),
    _Pattern(
        (_ENOSPC,),
        r": `(?P<value>.*)' too large for parameter `(?P<parameter>.*)'",
        N_("the value `{value}` is too large for the parameter `{parameter}`. init did not run."),
    ),
    # kernel/module/signing.c, module_sig_check
    _Pattern((_EKEYREJECTED,), r"Loading of (?P<what>.+) is rejected", N_("this kernel refuses: {what}.")),
    # fs/sysfs/dir.c, sysfs_warn_dup
    _Pattern(
        (_EEXIST,),
        r"cannot create duplicate filename '(?P<path>.*)'",
        N_("the name is taken, since /sys{path} exists already."),
        in_init=True,
    ),
    # lib/kobject.c, kobject_add_internal
    _Pattern(
        (_EEXIST,), r"failed for (?P<name>.+) with -EEXIST", N_("the name `{name}` is taken already."), in_init=True
    ),
    # drivers/base/driver.c, driver_register
    _Pattern(
        (_EBUSY,),
        r"Driver '(?P<name>.*)' is already registered",
        N_("a driver of the name `{name}` is registered already."),
        in_init=True,
    ),
    # fs/proc/generic.c, proc_register; proc_create() then returns NULL
    _Pattern(
        (),
        r"proc_dir_entry '(?P<path>.*)' already registered",
        N_("the name is taken, since the proc entry {path} exists already."),
        in_init=True,
        functions="proc_",
    ),
    # kernel/irq/manage.c, __setup_irq
    _Pattern(
        (_EBUSY,),
        r"Flags mismatch irq (?P<irq>\d+)\. \w+ \(.*\) vs\. \w+ \((?P<other>.*)\)",
        N_("interrupt {irq} belongs to `{other}`, and both must pass the same flags, with IRQF_SHARED, to share it."),
        in_init=True,
    ),
    # drivers/base/firmware_loader/main.c, _request_firmware
    _Pattern(
        (_ENOENT,),
        r"firmware load for (?P<file>.+) failed with error -2",
        N_("there is no file {file} in /lib/firmware."),
        in_init=True,
        functions="request_firmware|firmware_request",
    ),
)


def find_cause(messages: Iterable[str], number: int) -> LogCause | None:
    """The cause of a load that failed with the errno `number`; None if no message fits.

    `messages` are the kernel's messages, the last one first.
    """
    lines = list(messages)
    for pattern in _PATTERNS:  # the more precise patterns come first
        for message in reversed(lines):
            match = re.search(pattern.regex, message) if number in (pattern.numbers or (number,)) else None
            if match:
                values = match.groupdict()
                is_unknown = pattern.regex.startswith("Unknown symbol")
                symbol = values["symbol"] if is_unknown else ""
                sentence = _(pattern.sentence).format(**values)
                return LogCause(sentence, pattern.in_init, symbol, pattern.functions)
    return None
