"""The exceptions of the project, for jobs that could not be done.

A learner's failure is data (`Build`, `Step`, `Report`), never an exception. The tree, with the exit status of the
command line:

    KmodlabError                4  a failure of kmodlab or the machine
    ├── UsageError              2  a wrong request: a bad name, an empty source, a missing file
    │   └── MalformedError      2  a file is damaged, or of another kind (`elf.contents`)
    ├── ExerciseError           3  an exercise is broken; the message names file and cell (`course.exercise`)
    ├── SetupError              4  the lab is missing, or cannot be made
    │   ├── DamagedLabError     4  a file of the lab is missing or altered; `kmodlab setup` mends it
    │   └── NotBuiltError       4  what not every lab has is missing: a kernel of our own, or dkms
    ├── SandboxError            4  the sandbox is unavailable
    └── GuestError              4  a guest could not be started, or does not answer as it should
        └── GuestLostError      4  the guest ended during a command; `end` says how (often the module is the cause)

`str(exc)` says in one sentence what happened, `hint` what to do next; `details` holds longer output.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kmodlab.i18n import _


class KmodlabError(Exception):
    """A job could not be done: the message says why, `hint` what to do next."""

    exit_status = 4

    def __init__(self, message: str, *, hint: str = "", details: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        self.details = details

    def _render_traceback_(self) -> list[str]:
        """Two lines that IPython shows instead of a traceback (IPython calls this method if an exception has it)."""
        lines = [f"{type(self).__name__}: {self}"]
        return [*lines, _("hint: {hint}").format(hint=self.hint)] if self.hint else lines


class UsageError(KmodlabError):
    """A wrong request; nothing was changed."""

    exit_status = 2


class SetupError(KmodlabError):
    """The lab is missing or damaged, or cannot be made."""


class DamagedLabError(SetupError):
    """A file of the lab is missing or altered, so nothing that fails in it is the learner's fault."""

    def __init__(self, path: object, sentence: str = "") -> None:
        sentence = sentence or _("The lab is damaged: {path} is missing or altered.").format(path=path)
        remedy = _("Run `kmodlab setup`, which mends it. If the lab is shared, ask its owner to.")
        super().__init__(sentence, hint=remedy)


class NotBuiltError(SetupError):
    """What not every lab has is missing: a kernel of our own, or the packages for `%dkms`."""


class SandboxError(KmodlabError):
    """The sandbox is unavailable."""


class GuestError(KmodlabError):
    """A guest could not be started, or does not answer as it should."""


class EndKind(StrEnum):
    """How a guest ended, as the host sees it."""

    PANIC = "panic"
    POWER_OFF = "power-off"
    REBOOT = "reboot"
    HANG = "hang"
    AGENT_KILLED = "agent-killed"
    STOPPED = "stopped"
    QEMU_DIED = "qemu-died"
    QEMU_SILENT = "qemu-silent"


@dataclass(frozen=True)
class GuestEnd:
    """How a guest ended: the kind, a sentence, and the last output of its console."""

    kind: EndKind
    sentence: str
    console: str = ""


class GuestLostError(GuestError):
    """The guest ended, or did not answer in time; `end` says how."""

    def __init__(self, end: GuestEnd) -> None:
        super().__init__(end.sentence, hint=_("The next command gets a fresh guest."), details=end.console)
        self.end = end
