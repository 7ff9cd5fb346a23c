"""Every exception of the project: what *we* could not do.

A learner's failure is never an exception but data (`Build`, `Loaded`, `Oops`); an exception means that the job
itself could not be done. The tree, with the exit status of the command line:

    KmodlabError                4  errored: ours, or the machine's
    ├── UsageError              2  what was asked for makes no sense: a bad name, an empty source, no such file
    │   └── MalformedError      2  a file is not what it should be (`elf.contents`)
    ├── ExerciseError           3  an exercise is broken; file and cell are named (`course.exercise`)
    ├── SetupError              4  the lab is missing, damaged, or could not be made
    ├── SandboxError            4  the box for untrusted work cannot be had
    └── GuestError              4  a guest could not be started or driven
        └── GuestLostError      4  the guest ended while we waited; `end` says how (often the module's doing)

`str(exc)` is one sentence that says what happened, `hint` what to try next, `details` holds bulk output.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kmodlab.i18n import _


class KmodlabError(Exception):
    """The job could not be done; the sentence says why, `hint` what to try."""

    exit_status = 4

    def __init__(self, message: str, *, hint: str = "", details: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        self.details = details

    def _render_traceback_(self) -> list[str]:
        """Two lines instead of forty where IPython shows an uncaught exception (IPython's own hook for that)."""
        lines = [f"{type(self).__name__}: {self}"]
        return [*lines, f"hint: {self.hint}"] if self.hint else lines


class UsageError(KmodlabError):
    """What was asked for makes no sense; nothing was changed."""

    exit_status = 2


class SetupError(KmodlabError):
    """The lab is missing, damaged, or could not be made."""


class SandboxError(KmodlabError):
    """The sandbox for untrusted work cannot be had."""


class GuestError(KmodlabError):
    """A guest could not be started or driven."""


class EndKind(StrEnum):
    """How a guest ended, as the host sees it."""

    PANIC = "panic"
    POWER_OFF = "power-off"
    REBOOT = "reboot"
    HANG = "hang"
    AGENT_KILLED = "agent-killed"
    STOPPED = "stopped"
    QEMU_DIED = "qemu-died"


@dataclass(frozen=True)
class GuestEnd:
    """How a guest ended: its kind, one sentence, and the console's last bytes, decoded."""

    kind: EndKind
    sentence: str
    console: str = ""


class GuestLostError(GuestError):
    """The guest ended, or did not answer in time; `end` says how."""

    def __init__(self, end: GuestEnd) -> None:
        super().__init__(end.sentence, hint=_("The next command gets a fresh guest."), details=end.console)
        self.end = end
