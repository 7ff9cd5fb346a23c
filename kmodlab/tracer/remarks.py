"""Remarks on a step's log: no errors, but things that the module's author should know.

They are about misspelt parameters (kernel/module/main.c, unknown_module_param_cb), a positive return value of init
(do_init_module), a licence that the kernel does not know (set_license), and a message without a newline.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import islice

from kmodlab.crash.records import LogRecord
from kmodlab.elf.contents import MalformedError
from kmodlab.elf.licence import PROPRIETARY, quote_licences
from kmodlab.elf.module import read_module
from kmodlab.i18n import _, ngettext
from kmodlab.kbuild.sources import kmod_name
from kmodlab.tracer.messages import format_matches, open_formats

_UNKNOWN = re.compile(r"(\S+): unknown parameter '(.*)' ignored")
_MOST_REMARKS, _MOST_NAMES, _MOST_LISTED, _LONGEST_NAME = 3, 100, 20, 60
_TAINTING = re.compile(r"(\S+): module license '(.*)' taints kernel\.")
_POSITIVE = re.compile(r"'(\S+)'->init suspiciously returned (\d+)")


def find_remarks(
    argv: Sequence[str],
    records: Iterable[LogRecord],
    open_lines: Iterable[LogRecord],
    modules: Mapping[str, bytes],
) -> tuple[str, ...]:
    """The remarks on a step, in sentences.

    `open_lines` are the records whose message does not end with a newline. `modules` are the known .ko files, by file
    name without .ko or by the name in lsmod.
    """
    known = {kmod_name(name): ko for name, ko in modules.items()}
    messages = [record.text for record in records if record.is_kernels]
    remarks = [*_unknown_parameters(argv, messages, known), *describe_positives(messages), *_licences(messages)]
    for record in open_lines:
        remarks += _missing_newline(record.text, known)
    return tuple(dict.fromkeys(remarks))


def _unknown_parameters(argv: Sequence[str], messages: Iterable[str], modules: Mapping[str, bytes]) -> Iterator[str]:
    matches = (_UNKNOWN.fullmatch(message) for message in dict.fromkeys(messages))
    # A hostile module may log many such messages itself, with long names.
    for match in islice((match for match in matches if match and len(match[2]) <= _LONGEST_NAME), _MOST_REMARKS):
        module, name = match[1], match[2]
        broken = next((word for word in argv if re.search(rf"\s{re.escape(name)}(?:\s|=|$)", word)), "")
        yield (
            _("`{module}` has no parameter `{name}`, so the kernel ignores it. {more}")
            .format(
                module=module,
                name=name,
                more=_value_hint(broken) or _names_hint(name, _parameters(modules.get(module))),
            )
            .rstrip()
        )


def _value_hint(word: str) -> str:
    """A hint how to write a value that the kernel splits at a space; empty if that is not the problem."""
    if not word:
        return ""
    name, _equals, value = word.partition("=")
    return _('A value ends at a space, unless it is in double quotes: `{name}="{value}"`.').format(
        name=name, value=value
    )


def _names_hint(name: str, names: Sequence[str] | None) -> str:
    if names is None:
        return ""
    comparable = [other for other in names if len(other) <= _LONGEST_NAME][:_MOST_NAMES]
    near = get_close_matches(name, comparable, n=1, cutoff=0.6)
    if near:
        return _("Did you mean `{name}`?").format(name=near[0])
    if not names:
        return _("It has no parameters.")
    listed = ", ".join(f"`{name}`" for name in comparable[:_MOST_LISTED])
    return ngettext("It has {names}.", "It has {names}.", len(names)).format(names=listed)


def _parameters(ko: bytes | None) -> tuple[str, ...] | None:
    """The names of a module's parameters; None if its file is unknown or damaged."""
    try:
        return None if ko is None else tuple(parameter.name for parameter in read_module(ko).modinfo.parameters)
    except MalformedError:
        return None


def describe_positives(messages: Iterable[str]) -> Iterator[str]:
    """Sentences about the positive numbers that init functions returned, according to the kernel's messages."""
    matches = (_POSITIVE.search(message) for message in messages)
    for match in islice(filter(None, matches), _MOST_REMARKS):
        yield describe_positive(int(match[2])) + "."


def describe_positive(number: int) -> str:
    """A clause that init returned a positive number, and what is probably missing, without a full stop."""
    name = errno.errorcode.get(number)
    if name:
        message = _("init returned +{number}: the sign is missing (-{name} is {value}), so the module stays loaded")
        return message.format(number=number, name=name, value=-number)
    message = _("init returned +{number}: a positive number is not an error, so the module stays loaded")
    return message.format(number=number)


def _licences(messages: Iterable[str]) -> Iterator[str]:
    matches = (_TAINTING.fullmatch(message) for message in messages)
    unknown = (match for match in matches if match and match[2] != PROPRIETARY and len(match[2]) <= _LONGEST_NAME)
    for match in islice(unknown, _MOST_REMARKS):
        message = _(
            'The kernel does not take "{licence}" for a free licence, so `{module}` taints it. It compares the whole '
            "text with these: {licences}."
        )
        yield message.format(licence=match[2], module=match[1], licences=quote_licences())


def _missing_newline(text: str, modules: Mapping[str, bytes]) -> Iterator[str]:
    if any(format_matches(form, text) for ko in modules.values() for form in open_formats(ko)):
        message = _(
            "The message `{text}` has no \\n at its end. Without it, the kernel shows a message only when the next one "
            "is logged."
        )
        yield message.format(text=text)
