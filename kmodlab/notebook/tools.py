"""`%insmod` and its kin: kmod's own tools and dmesg, in the guest, with their real arguments, output and errors."""

from __future__ import annotations

import re

from kmodlab.notebook.arguments import split
from kmodlab.notebook.render.action import action_parts
from kmodlab.notebook.render.parts import Level, Message
from kmodlab.notebook.show import show
from kmodlab.notebook.state import NotebookState

# depmod reads every module of the tree, which takes an emulated guest a while.
_TIMEOUT_S = {"depmod": 300.0, "modprobe": 60.0}
_USUAL_S = 20.0

_COMMON = """
It runs in the guest, in /root, where %%kmod puts what it builds. What it prints is the tool's own; below that, marked
with an arrow, stands what the errno means and what the kernel logged meanwhile. A line with a pipe, a redirection or
a $(...) goes through the guest's shell."""

HELP = {
    "insmod": "Load a module from a file: no search, no dependencies.\n\n    %insmod hello.ko\n"
    "    %insmod hello.ko whom=you\n    %insmod /lib/modules/$(uname -r)/kernel/drivers/net/dummy.ko\n",
    "rmmod": "Unload a module by its name; what it needed stays loaded.\n\n    %rmmod hello\n    %rmmod -v hello\n",
    "modprobe": "Load a module by its name, with all that it needs, from /lib/modules/$(uname -r).\n\n"
    "    %modprobe dummy\n    %modprobe --show-depends usb_storage\n    %modprobe -r dummy\n",
    "lsmod": "List the loaded modules, the latest first: name, size, how many users, and which.\n\n"
    "    %lsmod\n    %lsmod | head -3\n",
    "modinfo": "Show what a module's file says about it: licence, parameters, dependencies, vermagic.\n\n"
    "    %modinfo hello.ko\n    %modinfo -F depends usb_storage\n",
    "depmod": "Rebuild the databases that modprobe searches (modules.dep and the others).\n\n    %depmod -a\n",
    "dmesg": "Show the kernel's log, all of it since the guest's boot.\n\n    %dmesg | tail -5\n    %dmesg -c\n",
}
TOOLS = tuple(HELP)


def help_text(tool: str) -> str:
    """What `?` shows."""
    return f"{HELP[tool]}{_COMMON}"


def run_tool(place: NotebookState, tool: str, line: str) -> None:
    """Run one of the tools with the arguments in the line."""
    action = place.act(tool_argv(tool, line), timeout_s=_TIMEOUT_S.get(tool, _USUAL_S))
    parts = action_parts(action, tool, place.made)
    if not any(part.text for part in parts):
        parts.append(Message(f"`{tool}` succeeded, and printed nothing.", Level.GOOD))
    show(*parts)


def tool_argv(tool: str, line: str) -> list[str]:
    """The command for a magic's line: the tool itself, or the guest's shell where the line needs one."""
    words = split(line)
    return ["sh", "-c", f"{tool} {line.strip()}"] if _needs_shell(line) else [tool, *words]


def _needs_shell(line: str) -> bool:
    """Whether a character that means something to a shell stands outside of single quotes."""
    return re.search(r"[|&;<>()$`*?#]", re.sub(r"'[^']*'", "", line)) is not None
