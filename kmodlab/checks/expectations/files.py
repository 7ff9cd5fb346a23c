"""Words about what was written and what was built of it: no guest is needed."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from kmodlab.checks.check import Expectation
from kmodlab.checks.context import CheckContext
from kmodlab.checks.result import Failure
from kmodlab.elf.contents import MalformedError
from kmodlab.elf.module import KernelModule, read_module
from kmodlab.kbuild.sources import kmod_name

_SEAL = "sealed:"
_SEAL_LETTERS = 16


def builds(name: str, *, warnings: bool = True) -> Expectation:
    """The module is built; with `warnings=False`, without any complaint of the compiler or of modpost."""

    def examine(context: CheckContext) -> Failure | None:
        made = context.build(name)
        if isinstance(made, Failure) or warnings or not made.warnings:
            return made if isinstance(made, Failure) else None
        found = made.warnings[0]
        place = f" (line {found.line})" if found.line else ""
        line = context.line(found.file, found.line) if found.line else None
        return Failure(f"It is built, but with a warning: {found.message.rstrip('.')}{place}.", line, found.hint)

    return Expectation(examine)


def declares(name: str, key: str, like: str | None = None) -> Expectation:
    """The module's modinfo has the key (`license`, `author`, `description`, `alias`, `softdep`, ...).

    `like` is a regular expression, in capitals or not, that the whole value is to match.
    """

    def examine(context: CheckContext) -> Failure | None:
        module = _read(context, name)
        if isinstance(module, Failure):
            return module
        values = [value for value in module.modinfo.all(key) if value.strip()]
        if not values:
            return Failure(f"`modinfo {name}.ko` shows no {key}.")
        if like is None or any(re.fullmatch(like, value.strip(), re.IGNORECASE) for value in values):
            return None
        return Failure(f"`modinfo {name}.ko` shows another {key} than what is asked for.")

    return Expectation(examine)


def has_parameter(
    name: str,
    parameter: str,
    *,
    kind: str | None = None,
    described: bool = False,
) -> Expectation:
    """The module has the parameter: of that kind (`int`, `charp`, `bool`, ...), with a description."""

    def examine(context: CheckContext) -> Failure | None:
        module = _read(context, name)
        if isinstance(module, Failure):
            return module
        found = next((one for one in module.modinfo.parameters if one.name == parameter), None)
        if found is None or (kind and not found.kind):
            return Failure(f"`{name}` has no parameter `{parameter}`.")
        if kind and found.kind != kind:
            return Failure(f"The parameter `{parameter}` is of the type {found.kind}, not {kind}.")
        return (
            Failure(f"The parameter `{parameter}` has no description.") if described and not found.description else None
        )

    return Expectation(examine)


def exports(name: str, symbol: str, *, gpl_only: bool | None = None) -> Expectation:
    """The module exports the symbol; `gpl_only` says whether to modules under the GPL only."""

    def examine(context: CheckContext) -> Failure | None:
        module = _read(context, name)
        if isinstance(module, Failure):
            return module
        found = next((one for one in module.exports if one.name == symbol), None)
        if found is None:
            return Failure(f"`{name}` does not export `{symbol}`.")
        if gpl_only is None or found.gpl_only == gpl_only:
            return None
        whom = "modules under any licence" if gpl_only else "modules under the GPL only"
        return Failure(f"`{symbol}` is exported to {whom}.")

    return Expectation(examine)


def uses(name: str, symbol: str) -> Expectation:
    """The module calls the symbol (a function of the kernel's or of another module's), or one of several: `"a|b"`."""
    wanted = symbol.split("|")

    def examine(context: CheckContext) -> Failure | None:
        module = _read(context, name)
        if isinstance(module, Failure):
            return module
        used = any(one.name in wanted for one in module.imports)
        return None if used else Failure(f"`{name}` does not use {' or '.join(f'`{one}`' for one in wanted)}.")

    return Expectation(examine)


def depends_on(name: str, other: str) -> Expectation:
    """The module needs symbols of the other one."""

    def examine(context: CheckContext) -> Failure | None:
        module = _read(context, name)
        if isinstance(module, Failure):
            return module
        met = kmod_name(other) in map(kmod_name, module.modinfo.depends)
        return (
            None if met else Failure(f"`{name}` does not depend on `{other}`: `modinfo -F depends` does not name it.")
        )

    return Expectation(examine)


def _read(context: CheckContext, name: str) -> KernelModule | Failure:
    ko = context.module(name)
    if isinstance(ko, Failure):
        return ko
    try:
        return read_module(ko)
    except MalformedError as error:
        return Failure(f"`{name}.ko` cannot be read: {error}")


# ---- answers in words ----------------------------------------------------------------------------------------------


def answers(name: str, *right: str, ordered: bool = True) -> Expectation:
    """The `%%answer` cell of that name says one of these; capitals, blanks, quotes and full stops do not matter.

    What is right is written as `seal("...")` gives it, or nobody would need to think. With `ordered=False` the words
    may come in any order, with commas or without.
    """

    def examine(context: CheckContext) -> Failure | None:
        said = context.work.answers.get(name, "")
        if not _plain(said, ordered=ordered):
            return Failure(
                "There is no answer yet.", hint=f"Write it below the line `%%answer {name}`, and run that cell."
            )
        sealed = {one for one in right if one.startswith(_SEAL)}
        open_ = {_plain(one, ordered=ordered) for one in set(right) - sealed}
        met = _hash(said, ordered=ordered) in sealed or _plain(said, ordered=ordered) in open_
        return None if met else Failure("The answer is not right.")

    return Expectation(examine)


def seal(answer: str, *, ordered: bool = True) -> str:
    """What to write into `answers(...)` instead of the answer itself, which then cannot be read by accident."""
    return _hash(answer, ordered=ordered)


def _hash(answer: str, *, ordered: bool) -> str:
    return _SEAL + hashlib.sha256(_plain(answer, ordered=ordered).encode()).hexdigest()[:_SEAL_LETTERS]


def _plain(answer: str, *, ordered: bool) -> str:
    """An answer without what does not matter: comment lines, capitals, quotes, blanks, a full stop."""
    lines = [line for line in answer[:10_000].splitlines() if not line.lstrip().startswith("#")]
    text = unicodedata.normalize("NFKC", " ".join(lines)).casefold()
    words = re.sub("[`'\",;\u2018\u2019\u201c\u201d]", " ", text).split()
    words = [word.strip(".") or word for word in words]
    return " ".join(words if ordered else sorted(set(words)))
