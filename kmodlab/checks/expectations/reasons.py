"""Writes the reasons of failures: they name the last command and say why it failed."""

from __future__ import annotations

import errno
import os
from dataclasses import replace

from kmodlab.checks.check_result import Failure, Line
from kmodlab.checks.context import CheckContext
from kmodlab.crash.errnos import ErrnoNote, find_refusal
from kmodlab.errors import KmodlabError, UsageError
from kmodlab.i18n import _
from kmodlab.text import escape_control_chars
from kmodlab.tracer.failed_call import find_failed_call, find_own_reference, may_explain
from kmodlab.tracer.observe import Subject
from kmodlab.tracer.remarks import find_remarks

_EXPLAIN_S = 15.0  # a module is only loaded once more if this much of the check's time is left
_QUOTE_LENGTH = 80


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


def describe_failure(context: CheckContext, subject: Subject | None = None) -> Failure:
    """Why the last command, a tool of kmod's, failed: the errno and its meaning, and the kernel's own message.

    `subject` is the command's module. If its init returned the errno, it is loaded once more, under the tracer, to find
    the call that was the cause.
    """
    note, line = _explain(context, subject)
    if note:
        reason = _("`{command}` failed with {error}").format(command=context.label, error=note.sentence)
    else:
        message = _("`{command}` failed with status {status}.")
        reason = message.format(command=context.label, status=context.result.status)
    return Failure(" ".join([reason, *_kernels_words(context)]), line)


def describe_other_failure(context: CheckContext, error: str, subject: Subject | None = None) -> Failure:
    """Why the last command, a tool of kmod's, failed with another errno than `error`, which the check expects."""
    note, line = _explain(context, subject)
    if note:
        message = _("`{command}` failed with {actual} ({number}), not with {error}: {meaning}")
        reason = message.format(
            command=context.label, actual=note.name, number=note.number, error=error, meaning=note.meaning
        )
    else:
        message = _("`{command}` failed, but not with {error}: its status was {status}.")
        reason = message.format(command=context.label, error=error, status=context.result.status)
    return Failure(" ".join([reason, *_kernels_words(context)]), line)


def _explain(context: CheckContext, subject: Subject | None) -> tuple[ErrnoNote | None, Line | None]:
    """The errno of the last command, and the learner's line that is the cause; None for what is unknown."""
    step = context.step
    note = step.errno if step else None
    if step is None or note is None or subject is None:
        return note, None
    holder = find_own_reference(step, subject.code)
    if holder:
        return replace(note, meaning=holder.sentence), context.builds.line_at(holder.line)
    if not may_explain(step) or context.left_s < _EXPLAIN_S:
        return note, None
    messages = step.evidence.messages if step.evidence else ()
    try:
        with context.run_pool() as pool:
            call = find_failed_call(pool, subject, note.number, messages)
    except KmodlabError:
        return note, None
    if call is None:
        return note, None
    return replace(note, meaning=call.sentence), context.builds.line_at(call.line)


def _kernels_words(context: CheckContext) -> list[str]:
    line = find_refusal(record.text for record in context.logged())
    return [_("The kernel says: {line}").format(line=line)] if line else []


def add_remarks(context: CheckContext, reason: str) -> str:
    """A reason, followed by remarks on the log of the last command, such as a misspelt parameter."""
    argv = context.step.argv if context.step else ()
    remarks = find_remarks(argv, context.logged(), (), context.modules)
    return " ".join([reason, *(f"{remark[:1].upper()}{remark[1:]}" for remark in remarks)])


def quote_short(text: str) -> str:
    """The beginning of a text in one line, to be quoted in a reason."""
    line = " ".join(escape_control_chars(text).replace("`", "'").split())
    return line if len(line) <= _QUOTE_LENGTH else f"{line[:_QUOTE_LENGTH]} …"


def errno_number(name: str) -> int:
    """The number of an errno by its name in C.

    Raises:
        UsageError: The name is not an errno's.
    """
    number = getattr(errno, name, None)
    if not isinstance(number, int):
        message = _("There is no errno {name!r}.").format(name=name)
        raise UsageError(message, hint=_('Write it as in C, for instance "EINVAL".'))
    return number
