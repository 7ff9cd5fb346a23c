"""A worker process: `python -m kmodlab.grading.worker`, with messages on its standard streams.

    worker: {"kind": "ready", "kernel", "code", "sandboxed"}, or {"kind": "unable", "reason", "hint"}
    grader: a task (`Task.as_message`)
    worker: {"kind": "check", "result"} for each check, then {"kind": "done"}

Sets up its lab once, and ends with its grader (its input ends, or its death signal comes) or when it is idle. The
learner's text is data here too; only the build box and the guest ever run it.
"""

from __future__ import annotations

import os
import select
from functools import lru_cache
from typing import IO, Any

from kmodlab.checks.runner import CheckRunner
from kmodlab.errors import KmodlabError
from kmodlab.grading.ipc import frame, read_frame
from kmodlab.grading.judging_code import judging_digest
from kmodlab.grading.models import CheckGrade
from kmodlab.grading.task import Setting, pack_check, read_message, run_task, unpack_exercise
from kmodlab.guest.lab import Lab, load_lab
from kmodlab.sandbox.sandbox import check_sandbox
from kmodlab.settings import get_settings

IDLE_S = 60.0  # without a task for so long, it ends


def find_setting(lab: Lab) -> Setting:
    """What results from this process depend on."""
    return Setting(lab.file.release, judging_digest(), check_sandbox().works)


def serve(requests: _Exact, answers: IO[bytes]) -> None:
    """Do one task after the other until there is nobody to do them for."""

    def say(message: dict[str, Any]) -> None:
        answers.write(frame(message))
        answers.flush()

    try:
        lab = load_lab(get_settings())
        setting = find_setting(lab)
    except KmodlabError as error:
        say({"kind": "unable", "reason": str(error), "hint": error.hint})
        return
    read_exercise = lru_cache(unpack_exercise)
    with CheckRunner(lab, guests=1) as runner:
        runner.prepare()
        say({"kind": "ready", "kernel": setting.kernel, "code": setting.code, "sandboxed": setting.sandboxed})
        while message := _next(requests):
            task, done = read_message(message)

            def report(check: CheckGrade) -> None:
                say({"kind": "check", "result": pack_check(check)})

            run_task(task, read_exercise(task.exercise), runner, done, report)
            say({"kind": "done"})


def _next(requests: _Exact) -> dict[str, Any] | None:
    """The next task; None when there is none for long, or nobody to ask for it."""
    return read_frame(requests) if select.select([requests], [], [], IDLE_S)[0] else None


def main() -> None:
    """Serve on the standard streams; whatever else is printed goes where errors go."""
    answers = os.dup(1)
    os.dup2(2, 1)
    with os.fdopen(answers, "wb") as out, os.fdopen(0, "rb", buffering=0, closefd=False) as requests:
        serve(_Exact(requests), out)


class _Exact:
    """A raw stream whose `read` gives all that was asked for; nothing is read ahead, so `select` tells the truth."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw

    def fileno(self) -> int:
        """For select."""
        return self._raw.fileno()

    def read(self, size: int) -> bytes:
        """So many bytes, or fewer where the stream ends."""
        data = bytearray()
        while len(data) < size and (chunk := self._raw.read(size - len(data))):
            data += chunk
        return bytes(data)


if __name__ == "__main__":
    main()
