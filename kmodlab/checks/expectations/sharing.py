"""Check words about programs that use a module at the same time."""

from __future__ import annotations

import os

from kmodlab.checks.check import Expectation
from kmodlab.checks.check_result import Failure
from kmodlab.checks.context import CheckContext
from kmodlab.checks.expectations.reasons import quote_short
from kmodlab.checks.programs import get_program
from kmodlab.errors import GuestError
from kmodlab.i18n import N_, _

_PROGRAM = "two_programs"
_IN_GUEST = "/run/two-programs"
_WHOLE = "whole"

# The output of two_programs.c: a word, then values.
_REASONS = {
    "mixture": N_("A program read `{value}`, a mixture of two texts: another program used `{path}` at the same time."),
    "board": N_("After two programs used `{path}` at the same time, a read gave `{value}`, which neither wrote."),
    "write-alone": N_("A write to `{path}` returned {value}, but the program wrote {other} bytes."),
    "open-failed": N_("Two programs could not open `{path}` at the same time: {error}."),
    "write-failed": N_("A write to `{path}` failed while its text was copied from the program: {error}."),
    "read-failed": N_("A read from `{path}` failed while its text was copied to the program: {error}."),
    "bad-read": N_("A program read from `{path}` into memory that it does not have, and the read did not fail."),
    "bad-write": N_("A program wrote to `{path}` from memory that it does not have, and the write did not fail."),
}


def serves_two(path: str) -> Expectation:
    """Two programs use the device file at the same time, and each read returns one of the written texts unmixed.

    The file has room for 64 bytes; a write replaces its text. In the middle of a write or a read, one program waits for
    a page fault of its buffer, and the other program writes or reads in this time.
    """

    def examine(context: CheckContext) -> Failure | None:
        context.session.put(_IN_GUEST, get_program(context.runner.lab, _PROGRAM), 0o755)
        failure = context.act([_IN_GUEST, path], _("two programs at the same time"))
        if failure:
            return failure
        if not context.result.ok:
            raise GuestError(_("The check's own program failed in the guest."), details=context.result.text)
        word, *values = context.result.stdout.decode("utf-8", "replace").strip("\n").split("\t")
        return None if word == _WHOLE else _describe(path, word, values)

    return Expectation(examine)


def _describe(path: str, word: str, values: list[str]) -> Failure:
    value, other = [*values, "", ""][:2]
    error = os.strerror(int(value)) if word.endswith("-failed") else ""
    return Failure(_(_REASONS[word]).format(path=path, value=quote_short(value), other=other, error=error))
