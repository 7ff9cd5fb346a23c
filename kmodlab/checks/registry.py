"""All words of checks, by name: the whole of what a check's cell may say.

In a notebook they are names among others; the grader evaluates a master's cells with nothing else at hand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kmodlab.checks.check import Check, check
from kmodlab.checks.expectations.commands import (
    creates,
    fails,
    few_modules,
    holds,
    installs,
    modprobes,
    prints,
    prints_nothing_like,
    removes,
    runs,
    runs_script,
)
from kmodlab.checks.expectations.devices import drives, drives_nothing, plugs, unplugs
from kmodlab.checks.expectations.evidence import leaves_nothing, survives_faults, survives_rounds
from kmodlab.checks.expectations.files import answers, builds, declares, depends_on, exports, has_parameter, uses
from kmodlab.checks.expectations.guest import is_loaded, is_not_loaded, loads, logs, logs_nothing_like, refuses, unloads
from kmodlab.checks.random_values import a_number, a_word
from kmodlab.errors import KmodlabError

_ALL: tuple[Callable[..., Any], ...] = (
    builds, declares, has_parameter, exports, uses, depends_on, answers,
    loads, refuses, unloads, is_loaded, is_not_loaded, few_modules, installs, modprobes,
    logs, logs_nothing_like, creates, removes, holds, runs, fails, runs_script, prints, prints_nothing_like,
    plugs, unplugs, drives, drives_nothing,
    leaves_nothing, survives_faults, survives_rounds,
    a_number, a_word,
)  # fmt: skip
WORDS: dict[str, Callable[..., Any]] = {word.__name__: word for word in _ALL}


class CheckTextError(ValueError):
    """A check's cell says something that is no check; the sentence says what."""


def read_check(source: str) -> Check:
    """The check in a cell's text; CheckTextError where it is none.

    Only an instructor's text may come here: it is evaluated, as it would be in a notebook.
    """
    try:
        found = eval(compile(source, "cell", "eval"), {"__builtins__": {}} | WORDS | {"check": check})  # noqa: S307
    except NameError as error:
        raise CheckTextError(f"it uses a word that there is not: {error.name}") from error
    except SyntaxError as error:
        raise CheckTextError(f"it is not one call of check(...): {error.msg}, line {error.lineno}") from error
    except (KmodlabError, TypeError, ValueError) as error:
        raise CheckTextError(str(error)) from error
    if not isinstance(found, Check):
        raise CheckTextError("it is not one call of check(...)")
    return found
