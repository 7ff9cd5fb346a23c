"""`%%guest` and `%guest`, which run a shell in the guest, and `%reset_guest`, which gives a pristine one."""

from __future__ import annotations

import contextvars
import sys

from kmodlab.errors import UsageError
from kmodlab.files import MIB
from kmodlab.notebook.arguments import MagicOptions
from kmodlab.notebook.render.action import action_parts
from kmodlab.notebook.render.harmless import Stream
from kmodlab.notebook.render.parts import Level, Message
from kmodlab.notebook.show import show
from kmodlab.notebook.state import NotebookState
from kmodlab.submission.learner_sources import as_file

_SCRIPT = "/run/cell"  # where the script lies in the guest; the shell's messages name it, with the line
_LIMIT = MIB  # bytes of output; a browser that is given much more becomes slow

GUEST_OPTIONS = MagicOptions("%%guest")
GUEST_OPTIONS.add_argument(
    "-t", "--timeout", metavar="SECONDS", type=float, default=60.0, help="How long (default: 60)."
)
GUEST_OPTIONS.add_argument("-n", "--no-log", action="store_true", help="Do not show what the kernel logged meanwhile.")

GUEST_HELP = GUEST_OPTIONS.explain("""\
Run the cell as a shell script in the guest, as its superuser, in /root.

    %%guest
    uname -r
    cat /proc/modules | head -3

    %guest ls /sys/module

What it prints appears as it comes. The status is shown when it is not 0, and then what the kernel logged meanwhile.
A line that begins with ! is something else: it runs on your own machine, not in the guest.
""")

RESET_HELP = """\
Throw the guest away, with its modules, files and log; the next command gets a pristine one.

    %reset_guest

It takes a moment only: a fresh guest is not booted, but copied from one that was.
"""


def guest(place: NotebookState, line: str, cell: str | None) -> None:
    """Run the magic, as a cell or as a line."""
    options = GUEST_OPTIONS.parse(line if cell is not None else "")
    script = as_file(cell) if cell is not None else line
    if not script.strip():
        raise UsageError("There is nothing to run in the guest.", hint="Write a command: %guest uname -r")
    printer = _Printer()
    place.put(_SCRIPT, script.encode())
    # One pipe for both outputs: they keep their order, as on a terminal.
    argv = ["sh", "-c", f"exec sh {_SCRIPT} 2>&1"]
    action = place.act(argv, timeout_s=options.timeout, limit=_LIMIT, on_output=printer.take)
    printer.finish()
    if options.no_log and not action.is_last:
        action = action.without_log()
    show(*action_parts(action, "", place.made, with_output=False))


def reset_guest(place: NotebookState, line: str) -> None:
    """Run the magic."""
    if line.strip():
        raise UsageError("%reset_guest takes no arguments.")
    place.reset()
    show(Message("The guest is thrown away. The next cell gets a fresh one, with nothing of yours in it.", Level.GOOD))


class _Printer:
    """Prints a script's output as it comes, on stdout: what is an error for a script is none for the cell."""

    def __init__(self) -> None:
        self._stream = Stream()
        self._ends_line = True
        # Output comes on another thread; in the cell's own context the notebook knows where it belongs.
        self._context = contextvars.copy_context()

    def take(self, _kind: bytes, data: bytes) -> None:
        """Print a piece of output."""
        self._context.run(self._print, self._stream.feed(data))

    def finish(self) -> None:
        """Print what was held back as the beginning of something, and end the last line."""
        self._print(self._stream.feed(b"", final=True))
        if not self._ends_line:
            self._print("\n")

    def _print(self, text: str) -> None:
        if text:
            self._ends_line = text.endswith("\n")
            sys.stdout.write(text)
            sys.stdout.flush()
