"""Modules that crash, each in its own way: built together, then each loaded and unloaded in a fresh guest.

What must have happened follows from a module's source: the line that its comment marks, `/* here */`.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

from kmodlab.build.kbuild import build
from kmodlab.build.result import Build
from kmodlab.build.sources import Sources
from kmodlab.crash.records import format_log
from kmodlab.evidence.trial import load, take_step, unload
from kmodlab.guest.lab import Lab
from kmodlab.guest.session import Session

MODULES = Path(__file__).parent / "data" / "crash" / "modules"
MARK = "/* here */"
# What makes the crash, where loading and unloading do not.
SCRIPTS = {"nullread": "cat /dev/nullread", "exposes": "cat /dev/exposes"}
TWO_FILES = {"twofiles": ("twofiles_main.o", "twofiles_work.o")}
# These hang the guest, are refused, or need a kernel that looks after its memory; their logs are stored.
NOT_RUN = {"badpage", "hungtask", "nosymbol", "overrun", "rcustall", "softlock", "usefree"}
# They crash some time after they were loaded.
LATE = {"nulltimer"}
_WAIT_S = 10.0


def module_names() -> list[str]:
    """The modules that are run."""
    files = {path.stem for path in MODULES.glob("*.c")}
    parts = {part.removesuffix(".o") for objects in TWO_FILES.values() for part in objects}
    return sorted((files - parts - NOT_RUN) | set(TWO_FILES))


def marked_line(name: str) -> tuple[str, int]:
    """File and line that the module's mark stands on."""
    for path in sorted(MODULES.glob(f"{name}*.c")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if MARK in line:
                return path.name, number
    raise LookupError(name)


def build_modules(lab: Lab) -> Build:
    """All of them, in one run of kbuild."""
    names = module_names()
    makefile = "".join(f"obj-m += {name}.o\n" for name in names)
    makefile += "".join(f"{name}-y := {' '.join(objects)}\n" for name, objects in TWO_FILES.items())
    makefile += "ccflags-y += -Wno-error -Wno-unused-result\n"
    files = {path.name: path.read_bytes() for path in MODULES.glob("*.c")}
    return build(lab.tree, Sources.of(names[0], {**files, "Makefile": makefile}))


def run_module(session: Session, name: str, ko: bytes) -> str:
    """Load, use and unload a module in a fresh guest, and return the log of it all, or the guest's last words."""
    session.reset()
    session.kmsg()
    steps = [load(session, name, ko)]
    if steps[-1].end is None and name in SCRIPTS:
        steps.append(take_step(session, ["sh", "-c", SCRIPTS[name]]))
    ends = time.monotonic() + _WAIT_S
    while name in LATE and not steps[-1].crashes and steps[-1].end is None and time.monotonic() < ends:
        steps.append(take_step(session, ["cat", "/proc/uptime"], own=True))
    if steps[-1].end is None and steps[0].result and steps[0].result.ok and not any(step.crashes for step in steps):
        steps.append(unload(session, name))
    logs = (text for step in steps for text in (format_log(step.earlier), step.log))
    return "\n".join(log for log in logs if log)


def without_build(text: str) -> str:
    """A log without what belongs to one build of a kernel."""
    return re.sub(r"\d+\.\d+\.\d+-\d+-amd64", "RELEASE", text)
