"""Words about modules in a guest: loading, unloading, the kernel's log.

They are met one after the other, in the same guest. `logs` is about the last thing that was done.
"""

from __future__ import annotations

import errno
import re

from kmodlab.checks.check import Expectation
from kmodlab.checks.context import CheckContext
from kmodlab.checks.random_values import Value
from kmodlab.checks.result import Failure
from kmodlab.crash.errnos import ErrnoNote, find_refusal
from kmodlab.crash.records import LogRecord
from kmodlab.errors import UsageError
from kmodlab.kbuild.sources import kmod_name
from kmodlab.tracer.run import load_argv

# Where the kernel only repeats a parameter that somebody gave (kernel/module/main.c, kernel/params.c).
_QUOTES = re.compile(r"unknown parameter '|(invalid|too large) for parameter `", re.IGNORECASE)


# ---- loading and unloading -----------------------------------------------------------------------------------------


def loads(name: str, **parameters: Value) -> Expectation:
    """The module is built, and insmod loads it, with these parameters."""

    def examine(context: CheckContext) -> Failure | None:
        miss = _insert(context, name, parameters)
        if miss:
            return miss
        if not context.result.ok:
            return Failure(f"`{context.label}` failed{why_failed(context)}")
        return (
            None if context.is_loaded(name) else Failure(f"`{context.label}` said nothing, but `{name}` is not loaded.")
        )

    return Expectation(examine)


def refuses(name: str, error: str, **parameters: Value) -> Expectation:
    """The module is built, but cannot be loaded: insmod fails with the errno `error`, such as "EINVAL"."""
    number = errno_number(error)

    def examine(context: CheckContext) -> Failure | None:
        miss = _insert(context, name, parameters)
        if miss:
            return miss
        if context.result.ok or context.is_loaded(name):
            return Failure(f"`{context.label}` loaded `{name}`; init should have failed with -{error}.")
        note = _note(context)
        if note is None or note.number != number:
            return Failure(f"`{context.label}` failed, but not with {error}{why_failed(context)}")
        symbol = any("Unknown symbol" in record.text for record in context.logged())
        return Failure(f"`{context.label}` failed before init was called{why_failed(context)}") if symbol else None

    return Expectation(examine)


def unloads(name: str) -> Expectation:
    """Rmmod removes the module."""

    def examine(context: CheckContext) -> Failure | None:
        miss = context.act(["rmmod", kmod_name(name)], f"rmmod {kmod_name(name)}", in_agent=True)
        if miss:
            return miss
        if not context.result.ok:
            return Failure(f"`{context.label}` failed{why_failed(context)}")
        return (
            Failure(f"`{context.label}` said nothing, but `{name}` is still loaded.")
            if context.is_loaded(name)
            else None
        )

    return Expectation(examine)


def is_loaded(*names: str) -> Expectation:
    """These modules are loaded now."""

    def examine(context: CheckContext) -> Failure | None:
        loaded = context.loaded()
        missing = next((name for name in names if kmod_name(name) not in loaded), None)
        return Failure(f"`{missing}` is not loaded{after_what(context)}.") if missing else None

    return Expectation(examine)


def is_not_loaded(*names: str) -> Expectation:
    """None of these modules is loaded now."""

    def examine(context: CheckContext) -> Failure | None:
        loaded = context.loaded()
        there = next((name for name in names if kmod_name(name) in loaded), None)
        return Failure(f"`{there}` is loaded{after_what(context)}.") if there else None

    return Expectation(examine)


def after_what(context: CheckContext) -> str:
    """What was done last, as the end of a sentence; empty where nothing was."""
    return f" after `{context.label}`" if context.label else ""


def _insert(context: CheckContext, name: str, parameters: dict[str, Value]) -> Failure | None:
    ko = context.module(name)
    if isinstance(ko, Failure):
        return ko
    context.put(name, ko)
    words = [f"{key}={value}" for key, value in context.drawn.draw(**parameters).items()]
    shown = "".join(f" {key}=…" for key in parameters)
    return context.act(load_argv(name, words), f"insmod {name}.ko{shown}", in_agent=True)


def errno_number(error: str) -> int:
    """The number of an errno by its name in C; UsageError where there is none."""
    found = getattr(errno, error, None)
    if not isinstance(found, int):
        raise UsageError(f"There is no errno {error!r}.", hint='Write it as in C, for instance "EINVAL".')
    return found


def _note(context: CheckContext) -> ErrnoNote | None:
    return context.step.errno if context.step else None


def why_failed(context: CheckContext) -> str:
    """Why a command failed, as the end of a sentence: the errno, and the kernel's own words where it has some."""
    note = _note(context)
    refusal = find_refusal(record.text for record in context.logged())
    if refusal and not _drawn_in(context, refusal):
        return f". The kernel says: {refusal}"
    return f" with {note.sentence}" if note else f" (status {context.result.status})."


def _drawn_in(context: CheckContext, text: str) -> bool:
    """Whether a value that was drawn may stand in a text; it would be another one in the next run."""
    return "invalid for parameter" in text and "…" in context.label


# ---- the log -------------------------------------------------------------------------------------------------------


def logs(*texts: str, times: int | str | None = None, level: str | None = None, within: float = 0) -> Expectation:
    """What was done last made the kernel log these texts, in this order; capitals do not matter.

    `times`: so many lines have the (only) text in them. `level`: at that level, such as "INFO". `within`: they may
    come so many seconds later.
    """

    def examine(context: CheckContext) -> Failure | None:
        wanted = [context.drawn.fill(text).casefold() for text in texts]
        number = None if times is None else int(context.drawn.fill(times))

        def records() -> list[LogRecord]:
            return [record for record in context.logged() if not _QUOTES.search(record.text)]

        def found() -> list[int]:
            return _find_in_order([record.text.casefold() for record in records()], wanted)

        context.wait_for_log(lambda: len(found()) == len(wanted), within)
        places = found()
        if len(places) < len(wanted):
            there = any(wanted[len(places)] in record.text.casefold() for record in records())
            return _not_logged(context, texts[len(places)], there)
        hits = [record for record in records() if wanted[0] in record.text.casefold()]
        if number is not None and len(hits) != number:
            return Failure(f"`{texts[0]}` was not logged as often as it should be{_by(context)}.")
        if level and any(records()[place].level_name != level for place in places):
            return Failure(f"`{texts[0]}` was logged, but not at the level {level}.")
        return None

    return Expectation(examine)


def logs_nothing_like(pattern: str) -> Expectation:
    """What was done last logged no line in which the regular expression is found; capitals do not matter."""

    def examine(context: CheckContext) -> Failure | None:
        wanted = re.compile(context.drawn.fill(pattern), re.IGNORECASE)
        hit = any(wanted.search(record.text) for record in context.logged())
        return Failure(f"Something like `{pattern}` was logged{_by(context)}, and should not be.") if hit else None

    return Expectation(examine)


def _find_in_order(lines: list[str], wanted: list[str]) -> list[int]:
    """The places of the wanted texts, each behind the one before; as many as are found."""
    places: list[int] = []
    for text in wanted:
        start = places[-1] + 1 if places else 0
        place = next((number for number in range(start, len(lines)) if text in lines[number]), None)
        if place is None:
            break
        places.append(place)
    return places


def _not_logged(context: CheckContext, text: str, there: bool) -> Failure:
    if there:
        return Failure(f"`{text}` was logged{_by(context)}, but in another order.")
    return Failure(f"`{text}` was not logged{_by(context)}.")


def _by(context: CheckContext) -> str:
    return f" by `{context.label}`" if context.label else ""
