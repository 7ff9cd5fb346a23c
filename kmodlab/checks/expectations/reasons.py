"""What the reasons of failures have in common: the last command, and why it failed."""

from __future__ import annotations

import errno
import os

from kmodlab.checks.context import CheckContext
from kmodlab.crash.errnos import find_refusal
from kmodlab.errors import UsageError
from kmodlab.i18n import _


def after_command(context: CheckContext, without: str, message: str, **values: str) -> str:
    """Fill in `message`, which names the last `{command}`; or `without` if no command has run yet."""
    return (message if context.label else without).format(command=context.label, **values)


def with_error(context: CheckContext, with_words: str, with_status: str, **values: str) -> str:
    """Fill in `with_words` with the `{reason}` that the last command printed; or `with_status` with its `{status}`."""
    lines = context.result.stderr.decode("utf-8", "replace").strip().splitlines()
    words = lines[-1].rpartition(": ")[2] if lines else ""
    if words in {os.strerror(number) for number in errno.errorcode}:
        return with_words.format(reason=words, **values)
    return with_status.format(status=context.result.status, **values)


def describe_failure(context: CheckContext) -> str:
    """Why the last command, one of kmod's tools, failed: the kernel's own words, the errno or the status."""
    refusal = _find_refusal(context)
    if refusal:
        return _("`{command}` failed. The kernel says: {line}").format(command=context.label, line=refusal)
    note = context.step.errno if context.step else None
    if note:
        return _("`{command}` failed with {error}").format(command=context.label, error=note.sentence)
    return _("`{command}` failed with status {status}.").format(command=context.label, status=context.result.status)


def add_cause(context: CheckContext, reason: str) -> str:
    """A reason, followed by a sentence that says how the last command, one of kmod's tools, failed."""
    refusal = _find_refusal(context)
    note = context.step.errno if context.step else None
    if refusal:
        cause = _("The kernel says: {line}").format(line=refusal)
    elif note:
        cause = _("It failed with {error}").format(error=note.sentence)
    else:
        cause = _("Its status was {status}.").format(status=context.result.status)
    return f"{reason} {cause}"


def _find_refusal(context: CheckContext) -> str:
    line = find_refusal(record.text for record in context.logged())
    # The line may contain a random value, and a reason must be the same in each run.
    return "" if "invalid for parameter" in line and "…" in context.label else line


def errno_number(name: str) -> int:
    """The number of an errno by its name in C.

    Raises:
        UsageError: there is no such errno.
    """
    number = getattr(errno, name, None)
    if not isinstance(number, int):
        message = _("There is no errno {name!r}.").format(name=name)
        raise UsageError(message, hint=_('Write it as in C, for instance "EINVAL".'))
    return number
