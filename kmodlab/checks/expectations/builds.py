"""Check words about a build and the .ko file that it makes. They need no guest."""

from __future__ import annotations

import re

from kmodlab.checks.check import Expectation
from kmodlab.checks.check_result import Failure
from kmodlab.checks.context import CheckContext
from kmodlab.checks.expectations.reasons import quote_short
from kmodlab.elf.contents import MalformedError
from kmodlab.elf.licence import is_gpl_compatible, quote_licences
from kmodlab.elf.module import KernelModule, read_module
from kmodlab.i18n import _, ngettext
from kmodlab.kbuild.sources import kmod_name
from kmodlab.text import escape_control_chars

_LONGEST_LICENCE = 80  # characters of one that are shown


def builds(name: str, *, warnings: bool = True) -> Expectation:
    """The module is built from the learner's sources; with `warnings=False`, without any warning of a tool."""

    def examine(context: CheckContext) -> Failure | None:
        build = context.builds.get(name)
        if isinstance(build, Failure):
            return build
        if build.changed:
            return Failure(_("The build changes the source `{file}`, but must not.").format(file=build.changed[0]))
        # That kbuild ignores a source is our own remark, not a warning of a tool.
        counted = [warning for warning in build.warnings if warning.hint_key != "source-left-out"]
        if warnings or not counted:
            return None
        warning = counted[0]
        message = (
            _("It is built, but with a warning in line {line}: {warning}.")
            if warning.line
            else _("It is built, but with a warning: {warning}.")
        )
        reason = message.format(line=warning.line, warning=warning.message.rstrip("."))
        return Failure(reason, context.builds.line_of(warning), warning.hint)

    return Expectation(examine)


def declares(name: str, key: str, like: str | None = None, *, only: bool = False) -> Expectation:
    """The module's modinfo has the key (`license`, `author`, `description`, `alias`, `softdep`, ...).

    `like` is a regular expression that a whole value must match, in any case of letters. With `only`, each value must
    match it.
    """

    def examine(context: CheckContext) -> Failure | None:
        module = _read(context, name)
        if isinstance(module, Failure):
            return module
        values = [value for value in module.modinfo.all(key) if value.strip()]
        if not values:
            return _shows_no(name, key)
        if failure := _ends_early(module, key):
            return failure
        unlike = [value for value in values if like and not re.fullmatch(like, value.strip(), re.IGNORECASE)]
        if not unlike or (not only and len(unlike) < len(values)):
            return None
        found = ", ".join(f"`{quote_short(value)}`" for value in unlike)
        message = _("`modinfo {name}.ko` shows the {key} {found}, which is not what the exercise asks for.")
        return Failure(message.format(name=name, key=key, found=found))

    return Expectation(examine)


def has_free_licence(name: str) -> Expectation:
    """The module's licence is compatible with the GPL, as the kernel judges it; if it states several, all are."""

    def examine(context: CheckContext) -> Failure | None:
        module = _read(context, name)
        if isinstance(module, Failure):
            return module
        licences = module.modinfo.all("license")
        if not licences:
            return _shows_no(name, "license")
        wrong = next((licence for licence in licences if not is_gpl_compatible(licence)), None)
        return _ends_early(module, "license") if wrong is None else _not_free(licences[0], wrong)

    return Expectation(examine)


def has_parameter(
    name: str,
    parameter: str,
    *,
    kind: str | None = None,
    described: bool = False,
) -> Expectation:
    """The module has the parameter; `kind` is its type (`int`, `charp`, `bool`, ...), `described` asks for a text."""

    def examine(context: CheckContext) -> Failure | None:
        module = _read(context, name)
        if isinstance(module, Failure):
            return module
        actual = next((candidate for candidate in module.modinfo.parameters if candidate.name == parameter), None)
        if actual is None or (kind and not actual.kind):
            message = _("`{name}` has no parameter `{parameter}`.")
            return Failure(message.format(name=name, parameter=parameter))
        if kind and actual.kind != kind:
            message = _("The parameter `{parameter}` is of the type {actual}, not {kind}.")
            return Failure(message.format(parameter=parameter, actual=actual.kind, kind=kind))
        if described and not any(letter.isalpha() for letter in actual.description or ""):
            return Failure(_("The parameter `{parameter}` has no description.").format(parameter=parameter))
        return None

    return Expectation(examine)


def exports(name: str, symbol: str, *, gpl_only: bool | None = None) -> Expectation:
    """The module exports the symbol; `gpl_only` says whether only modules under the GPL may use it."""

    def examine(context: CheckContext) -> Failure | None:
        module = _read(context, name)
        if isinstance(module, Failure):
            return module
        export = next((candidate for candidate in module.exports if candidate.name == symbol), None)
        if export is None:
            return Failure(_("`{name}` does not export `{symbol}`.").format(name=name, symbol=symbol))
        if gpl_only is None or export.gpl_only == gpl_only:
            return None
        message = (
            _("`{symbol}` is exported to modules under any licence.")
            if gpl_only
            else _("`{symbol}` is exported to modules under the GPL only.")
        )
        return Failure(message.format(symbol=symbol))

    return Expectation(examine)


def uses(name: str, symbol: str, *, if_uses: str = "") -> Expectation:
    """The module uses the symbol, which the kernel or another module exports, or one of several: `"a|b"`.

    With `if_uses`, this is only expected of a module that uses that symbol (or one of several).
    """
    wanted, conditions = symbol.split("|"), if_uses.split("|") if if_uses else []

    def examine(context: CheckContext) -> Failure | None:
        module = _read(context, name)
        if isinstance(module, Failure):
            return module
        imports = {symbol.name for symbol in module.imports}
        condition = next((word for word in conditions if word in imports), "")
        if not imports.isdisjoint(wanted) or (conditions and not condition):
            return None
        symbols = ", ".join(f"`{word}`" for word in wanted)
        if condition:
            message = _("`{name}` uses `{condition}`, but none of {symbols}.")
            return Failure(message.format(name=name, condition=condition, symbols=symbols))
        message = ngettext("`{name}` does not use {symbols}.", "`{name}` does not use any of {symbols}.", len(wanted))
        return Failure(message.format(name=name, symbols=symbols))

    return Expectation(examine)


def depends_on(name: str, other: str) -> Expectation:
    """The module uses symbols of the other module."""

    def examine(context: CheckContext) -> Failure | None:
        module = _read(context, name)
        if isinstance(module, Failure):
            return module
        if kmod_name(other) in map(kmod_name, module.modinfo.depends):
            return None
        message = _("`{name}` does not depend on `{other}`: `modinfo -F depends` does not name it.")
        return Failure(message.format(name=name, other=other))

    return Expectation(examine)


def _shows_no(name: str, key: str) -> Failure:
    return Failure(_("`modinfo {name}.ko` shows no {key}.").format(name=name, key=key))


def _not_free(used: str, wrong: str) -> Failure:
    message = (
        _('The kernel does not take `"{wrong}"` for a free licence.')
        if used == wrong
        else _('The module states `"{used}"`, but also `"{wrong}"`, which is not a free licence for the kernel.')
    )
    values = {"used": used[:_LONGEST_LICENCE], "wrong": wrong[:_LONGEST_LICENCE]}
    hint = _("The kernel compares the whole text with these licences: {licences}.")
    return Failure(escape_control_chars(message.format(**values)), hint=hint.format(licences=quote_licences()))


def _ends_early(module: KernelModule, key: str) -> Failure | None:
    """A failure if the kernel reads only the beginning of a value, because it contains a NUL byte."""
    rest = module.text_after_nul(key)
    if not rest:
        return None
    message = _("The {key} has a NUL byte (`\\0`): the kernel reads only `{read}`, and `{rest}` after it is hidden.")
    values = {"read": quote_short(module.modinfo.get(key) or ""), "rest": quote_short(rest)}
    return Failure(message.format(key=key, **values), hint=_("Write all of it as one text without `\\0`."))


def _read(context: CheckContext, name: str) -> KernelModule | Failure:
    ko = context.builds.module(name)
    if isinstance(ko, Failure):
        return ko
    try:
        return read_module(ko)
    except MalformedError as error:
        return Failure(_("`{name}.ko` cannot be read: {error}").format(name=name, error=error))
