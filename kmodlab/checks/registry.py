"""The check words by name: everything that a check cell may call.

In a notebook they are ordinary functions; when the grader evaluates a master's check cells, only these names exist.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from kmodlab.checks.check import Check, check
from kmodlab.checks.expectations.answers import answers, answers_all
from kmodlab.checks.expectations.builds import (
    builds,
    declares,
    depends_on,
    exports,
    has_free_licence,
    has_parameter,
    uses,
)
from kmodlab.checks.expectations.commands import (
    creates,
    fails,
    holds,
    prints,
    prints_nothing_like,
    removes,
    runs,
    runs_script,
)
from kmodlab.checks.expectations.devices import drives, drives_nothing, plugs, unplugs
from kmodlab.checks.expectations.loading import (
    few_modules,
    installs,
    is_loaded,
    is_not_loaded,
    is_used_while_open,
    loads,
    modprobes,
    refuses,
    stands_in,
    unloads,
)
from kmodlab.checks.expectations.log import logs, logs_nothing_like
from kmodlab.checks.expectations.sharing import serves_two
from kmodlab.checks.expectations.tracer import (
    acquires,
    exits_in_order,
    leaves_nothing,
    survives_faults,
    survives_rounds,
)
from kmodlab.checks.random_values import a_number, a_word
from kmodlab.errors import KmodlabError
from kmodlab.i18n import _

_ALL: tuple[Callable[..., Any], ...] = (
    builds, declares, has_free_licence, has_parameter, exports, uses, depends_on, answers, answers_all,
    loads, refuses, unloads, is_loaded, is_not_loaded, is_used_while_open, few_modules, installs, modprobes,
    stands_in, serves_two,
    logs, logs_nothing_like, creates, removes, holds, runs, fails, runs_script, prints, prints_nothing_like,
    plugs, unplugs, drives, drives_nothing,
    acquires, exits_in_order, leaves_nothing, survives_faults, survives_rounds,
    a_number, a_word,
)  # fmt: skip
WORDS: dict[str, Callable[..., Any]] = {word.__name__: word for word in _ALL}


class CheckTextError(ValueError):
    """The text of a check cell is not a check; the message is a sentence for the author of the exercise."""


def read_check(source: str) -> Check:
    """The check in the text of a cell: a call of check(...), in which only literals and calls of check words occur.

    The text is parsed and never executed, so it need not be trusted.

    Raises:
        CheckTextError: The text is not one valid call of check(...).
    """
    try:
        value = _value(ast.parse(source.strip(), "cell", "eval").body)
    except SyntaxError as error:
        message = _("The cell is not one call of check(...): {error}, line {line}.")
        raise CheckTextError(message.format(error=error.msg, line=error.lineno)) from error
    except CheckTextError:
        raise
    except (KmodlabError, TypeError, ValueError, RecursionError, MemoryError) as error:
        raise CheckTextError(str(error)) from error
    if not isinstance(value, Check):
        raise CheckTextError(_("The cell is not one call of check(...)."))
    return value


def _value(node: ast.expr) -> Any:
    """The value of a literal, or of a call of a check word."""
    if not isinstance(node, ast.Call):
        if isinstance(node, ast.Name):
            raise CheckTextError(_("The check uses an unknown word: {word}.").format(word=node.id))
        try:
            return ast.literal_eval(node)
        except ValueError as error:
            message = _("The check has {text!r}, line {line}: only words of checks and their values can stand there.")
            raise CheckTextError(message.format(text=ast.unparse(node)[:60], line=node.lineno)) from error
    name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)[:60]
    words = WORDS | {"check": check}
    if name not in words:
        raise CheckTextError(_("The check uses an unknown word: {word}.").format(word=name))
    options = {keyword.arg: _value(keyword.value) for keyword in node.keywords if keyword.arg}
    if len(options) != len(node.keywords):
        raise CheckTextError(_("The check has `**`, line {line}.").format(line=node.lineno))
    return words[name](*map(_value, node.args), **options)
