"""Magics that run something in the guest: `%%guest`, kmod's tools, `%plug` and `%unplug`; `%reset_guest`."""

from __future__ import annotations

import codecs
import contextvars
import re
import sys
from collections.abc import Callable

from kmodlab.errors import UsageError
from kmodlab.guest.devices import DEVICES, SETTLE_S, plug, unplug
from kmodlab.i18n import _
from kmodlab.notebook.magic import MagicOptions, show, split
from kmodlab.notebook.render.action import action_parts
from kmodlab.notebook.render.parts import Level, Message, Part
from kmodlab.notebook.state import Action, NotebookState
from kmodlab.submission.learner_sources import as_file
from kmodlab.text import escape_control_chars, parse_seconds

_SCRIPT = "/run/cell"  # the script's file in the guest; the shell's messages name it, with the line
_LIMIT = 1 << 20  # bytes of output; a browser that gets much more becomes slow

GUEST_OPTIONS = MagicOptions("%%guest")
GUEST_OPTIONS.add_argument(
    "-t", "--timeout", metavar="SECONDS", type=parse_seconds, default=60.0, help=_("How long (default: 60).")
)
GUEST_OPTIONS.add_argument(
    "-n", "--no-log", action="store_true", help=_("Do not show what the kernel logged meanwhile.")
)

GUEST_HELP = GUEST_OPTIONS.explain(
    _("""\
Run the cell as a shell script in the guest, as root, in /root.

    %%guest
    uname -r
    cat /proc/modules | head -3

    %guest ls /sys/module

Its output appears while it runs. Below that are its status, if it is not 0, and what the kernel logged meanwhile.
A line that begins with ! is something else: it runs on your own machine, not in the guest.
""")
)

RESET_HELP = _("""\
Throw the guest away, with its modules, files and log; the next command gets a fresh one.

    %reset_guest

This takes only a moment: a fresh guest is not booted, but copied from one that was.
""")


def guest(state: NotebookState, line: str, cell: str | None) -> None:
    """Run `%%guest`, as a cell or as a line. Raises: UsageError."""
    options = GUEST_OPTIONS.parse(line if cell is not None else "")
    script = as_file(cell) if cell is not None else line
    if not script.strip():
        raise UsageError(
            _("There is nothing to run in the guest."),
            hint=_("Write a command: {example}").format(example="%guest uname -r"),
        )
    printer = _Printer()
    state.put(_SCRIPT, script.encode())
    # stdout and stderr share a pipe, so that their order is kept, as on a terminal.
    argv = ["sh", "-c", f"exec sh {_SCRIPT} 2>&1"]
    with state.doing(_("the script")):
        action = state.act(argv, timeout_s=options.timeout, limit=_LIMIT, on_output=printer.take)
    printer.finish()
    if options.no_log and not action.is_last:
        action = action.without_log()
    show(*action_parts(action, "", state.modules, with_output=False))


def reset_guest(state: NotebookState, line: str, _cell: str | None) -> None:
    """Run `%reset_guest`. Raises: UsageError."""
    if line.strip():
        raise UsageError(_("%reset_guest takes no arguments."))
    state.reset()
    sentence = _("The guest is thrown away. The next cell gets a fresh one, with nothing of yours in it.")
    show(Message(sentence, Level.GOOD))


class Stream:
    """Turns bytes that come in pieces into text without control characters.

    A character that is split between two pieces is held back until the next one.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""

    def feed(self, data: bytes, *, final: bool = False) -> str:
        """Take a piece of bytes; returns the text that can be shown now."""
        text = self._held + self._decoder.decode(data, final)
        # Whether a carriage return ends a line is known only after the next character.
        self._held = "\r" if text.endswith("\r") and not final else ""
        return escape_control_chars(text[: len(text) - len(self._held)])


class _Printer:
    """Prints a script's output while it runs, all on stdout, because a script's error is not an error of the cell."""

    def __init__(self) -> None:
        self._stream = Stream()
        self._ends_line = True
        # Output arrives on another thread; the cell's context tells the ipykernel which cell it belongs to.
        self._context = contextvars.copy_context()

    def take(self, _kind: bytes, data: bytes) -> None:
        """Print a piece of output."""
        self._context.run(self._print, self._stream.feed(data))

    def finish(self) -> None:
        """Print the held back text, and end the last line."""
        self._print(self._stream.feed(b"", final=True))
        if not self._ends_line:
            self._print("\n")

    def _print(self, text: str) -> None:
        if text:
            self._ends_line = text.endswith("\n")
            sys.stdout.write(text)
            sys.stdout.flush()


# ---- kmod's tools and dmesg ----------------------------------------------------------------------------------------

# depmod reads every module of the tree, which takes an emulated guest a while.
_TIMEOUT_S = {"depmod": 300.0, "modprobe": 60.0}
_USUAL_S = 20.0

_COMMON_HELP = _("""\
It runs in the guest, in /root, where %%kmod puts what it builds. Its output is the tool's own; the lines with an arrow
below it say what the errno means and what the kernel logged meanwhile. A line with a pipe, a redirection or a $(...)
is run by the guest's shell.""")

_TOOL_HELP = {
    "insmod": _("""\
Load a module from a file: no search, no dependencies.

    %insmod hello.ko
    %insmod hello.ko whom=you
    %insmod /lib/modules/$(uname -r)/kernel/drivers/net/dummy.ko
"""),
    "rmmod": _("""\
Unload a module by its name; what it needed stays loaded.

    %rmmod hello
    %rmmod -v hello
"""),
    "modprobe": _("""\
Load a module by its name, with all that it needs, from /lib/modules/$(uname -r).

    %modprobe dummy
    %modprobe --show-depends usb_storage
    %modprobe -r dummy
"""),
    "lsmod": _("""\
List the loaded modules, the latest first: name, size, how many users, and which.

    %lsmod
    %lsmod | head -3
"""),
    "modinfo": _("""\
Show what a module's file says about it: licence, parameters, dependencies, vermagic.

    %modinfo hello.ko
    %modinfo -F depends usb_storage
"""),
    "depmod": _("""\
Rebuild the databases that modprobe searches (modules.dep and the others).

    %depmod -a
"""),
    "dmesg": _("""\
Show the kernel's log, all of it since the guest's boot.

    %dmesg | tail -5
    %dmesg -c
"""),
}
TOOL_HELP = {tool: f"{text}\n{_COMMON_HELP}" for tool, text in _TOOL_HELP.items()}


def run_tool(state: NotebookState, tool: str, line: str) -> None:
    """Run one of the tools with the arguments in the line."""
    with state.doing(f"`{tool} {line.strip()}`"):
        action = state.act(tool_argv(tool, line), timeout_s=_TIMEOUT_S.get(tool, _USUAL_S))
    parts = action_parts(action, tool, state.modules)
    if not any(part.text for part in parts):
        parts.append(Message(_("`{tool}` succeeded, and printed nothing.").format(tool=tool), Level.GOOD))
    show(*parts)


def tool_argv(tool: str, line: str) -> list[str]:
    """The command for a magic's line: the tool itself, or the guest's shell if the line needs a shell."""
    words = split(line)
    return ["sh", "-c", f"{tool} {line.strip()}"] if _needs_shell(line) else [tool, *words]


def _needs_shell(line: str) -> bool:
    """Whether a line has a special character of the shell outside single quotes."""
    return re.search(r"[|&;<>()$`*?#]", re.sub(r"'[^']*'", "", line)) is not None


# ---- devices -------------------------------------------------------------------------------------------------------

PLUG_HELP = _("""\
Plug a device into the running guest, wait until its drivers are done with it, and show what the kernel logged.

    %plug edu

{devices}

USB devices need a driver of the USB controller first: %modprobe xhci_pci
""").format(devices="\n".join(f"    {device.name:16} {_(device.purpose)}" for device in DEVICES.values()))

UNPLUG_HELP = _("""\
Pull a device out of the running guest, and show what the kernel logged.

    %unplug edu
""")


def plug_in(state: NotebookState, line: str, _cell: str | None) -> None:
    """Run `%plug`. Raises: UsageError."""
    show(*change_device(state, _device_name(line, "plug"), "plug"))


def pull_out(state: NotebookState, line: str, _cell: str | None) -> None:
    """Run `%unplug`. Raises: UsageError."""
    show(*change_device(state, _device_name(line, "unplug"), "unplug"))


def change_device(state: NotebookState, name: str, change: str) -> list[Part]:
    """Plug a device in, or pull it out if `change` is "unplug"; returns the parts that show it. Raises: UsageError."""
    with state.doing(f"`%{change} {name}`"):
        action = (unplug if change == "unplug" else plug)(state.session, name, _run_in(state))
    if change == "unplug":
        return _device_parts(action, state, _("`{name}` is unplugged.").format(name=name))
    devices = _new_devices(action)
    sentence = _("`{name}` is plugged in: {devices}.") if devices else _("`{name}` is plugged in.")
    return _device_parts(action, state, sentence.format(name=name, devices=devices))


def _device_name(line: str, magic: str) -> str:
    words = split(line)
    if len(words) != 1:
        raise UsageError(
            _("%{magic} takes the name of one device.").format(magic=magic),
            hint=_("There are: {names}.").format(names=", ".join(DEVICES)),
        )
    return words[0]


def _run_in(state: NotebookState) -> Callable[[list[str], Callable[[], None]], Action]:
    return lambda argv, trigger: state.act(argv, timeout_s=SETTLE_S, trigger=trigger)


def _new_devices(action: Action) -> str:
    """The names of the new devices, which are the output of the command that waits for them."""
    result = action.step.result
    return ", ".join(f"`{name}`" for name in result.text.split()) if result else ""


def _device_parts(action: Action, state: NotebookState, sentence: str) -> list[Part]:
    parts: list[Part] = [Message(sentence, Level.GOOD)] if action.ok else []
    return [*parts, *action_parts(action, "", state.modules, with_output=False)]
