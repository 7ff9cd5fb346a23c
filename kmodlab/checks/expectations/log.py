"""Check words about the kernel's log since the last command began."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kmodlab.checks.check import Expectation
from kmodlab.checks.check_result import Failure
from kmodlab.checks.context import CheckContext
from kmodlab.checks.expectations.reasons import add_remarks, after_command, quote_short
from kmodlab.crash.records import LogRecord
from kmodlab.i18n import _, ngettext

# In these messages, the kernel repeats the parameter of the command (kernel/module/main.c, kernel/params.c).
_QUOTES = re.compile(r"unknown parameter '|(invalid|too large) for parameter `", re.IGNORECASE)


def logs(*texts: str, times: int | str | None = None, level: str | None = None, within: float = 0) -> Expectation:
    """The last command made the kernel log these texts, in this order, in any case of letters.

    `times` is the number of lines that contain the (only) text, `level` their level, such as "INFO". With `within`, the
    texts may come up to so many seconds later.
    """

    def examine(context: CheckContext) -> Failure | None:
        wanted = [context.random_values.fill(text).casefold() for text in texts]
        number = None if times is None else int(context.random_values.fill(times))

        def records() -> list[LogRecord]:
            return [record for record in context.logged() if not _QUOTES.search(record.text)]

        def positions() -> list[int]:
            return _find_in_order([record.text.casefold() for record in records()], wanted)

        context.wait_for_log(lambda: len(positions()) == len(wanted), within)
        matches = positions()
        shown = [str(context.random_values.fill(text)) for text in texts]
        if len(matches) < len(wanted):
            is_logged = any(wanted[len(matches)] in record.text.casefold() for record in records())
            return _not_logged(context, shown, len(matches), is_logged)
        hits = [record for record in records() if wanted[0] in record.text.casefold()]
        if number is not None and len(hits) != number:
            return Failure(_not_as_often(context, shown[0], len(hits), number))
        actual = next((name for index in matches if (name := records()[index].level_name) != level), level)
        if level and actual != level:
            message = _("`{text}` was logged at the level {actual}, not at the level {level}.")
            return Failure(message.format(text=shown[0], actual=actual, level=level))
        return None

    return Expectation(examine)


def _find_in_order(lines: list[str], wanted: list[str]) -> list[int]:
    """The indices of the lines with the wanted texts, in order, up to the first text that is missing."""
    indices: list[int] = []
    for text in wanted:
        start = indices[-1] + 1 if indices else 0
        index = next((index for index in range(start, len(lines)) if text in lines[index]), None)
        if index is None:
            break
        indices.append(index)
    return indices


def _not_logged(context: CheckContext, texts: Sequence[str], index: int, is_logged: bool) -> Failure:
    if is_logged:
        without = _("`{text}` was logged, but not after `{previous}`.")
        message = _("`{text}` was logged by `{command}`, but not after `{previous}`.")
        return Failure(after_command(context, without, message, text=texts[index], previous=texts[index - 1]))
    without, message = _("`{text}` was not logged."), _("`{text}` was not logged by `{command}`.")
    return Failure(add_remarks(context, after_command(context, without, message, text=texts[index])))


def _not_as_often(context: CheckContext, text: str, actual: int, number: int) -> str:
    without = ngettext(
        "`{text}` was logged {actual} time, not {number}.", "`{text}` was logged {actual} times, not {number}.", actual
    )
    message = ngettext(
        "`{text}` was logged {actual} time by `{command}`, not {number}.",
        "`{text}` was logged {actual} times by `{command}`, not {number}.",
        actual,
    )
    return after_command(context, without, message, text=text, actual=str(actual), number=str(number))


def logs_nothing_like(pattern: str) -> Expectation:
    """The regular expression matches nowhere in the lines logged since the last command, in any case of letters."""

    def examine(context: CheckContext) -> Failure | None:
        unwanted = re.compile(context.random_values.fill(pattern), re.IGNORECASE)
        line = next((record.text for record in context.logged() if unwanted.search(record.text)), None)
        if line is None:
            return None
        without = _("`{line}` was logged, but nothing like `{pattern}` should be.")
        message = _("`{line}` was logged by `{command}`, but nothing like `{pattern}` should be.")
        return Failure(after_command(context, without, message, line=quote_short(line), pattern=unwanted.pattern))

    return Expectation(examine)
