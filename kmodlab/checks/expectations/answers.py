"""Check words about answers that learners write as text.

A check contains the right answer sealed: as a salted digest of scrypt (RFC 7914), which is slow on purpose. That hides
answers that are hard to guess. If only few answers are possible, learners can find the right one by trying all; a
visible check even tells for each whether it is right. So ask for several short answers together, with `answers_all`, or
in hidden checks, which learners do not get.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Sequence

from kmodlab.checks.check import Expectation
from kmodlab.checks.check_result import Failure
from kmodlab.checks.context import CheckContext
from kmodlab.errors import UsageError
from kmodlab.i18n import _, ngettext

_SEAL = "sealed:"
_SEAL_PATTERN = re.compile(r"sealed:([0-9a-f]{16})((?:-[0-9a-f]{24})+)")
# About a tenth of a second and 32 MiB for each try.
_COST = {"n": 1 << 15, "r": 8, "p": 1, "maxmem": 1 << 26, "dklen": 12}
_SEPARATORS = re.compile("[`'\",;\u2018\u2019\u201c\u201d\u2192]|[-=]>")
_NUMBER = re.compile(r"\s*\d{1,2}[.)]\s+(?=\S)")  # of a line in a list
_AROUND = ".:!?()[]{}<>*"


def answers(name: str, *right: str, ordered: bool = True) -> Expectation:
    """The `%%answer` cell of that name contains one of the right answers.

    Case, blanks, quotes, brackets and full stops do not matter: `c)` is `c`. Write the right answers as `seal("...")`
    returns them, or learners can read them. With `ordered=False`, the words may come in any order.

    Raises: UsageError if a sealed answer is damaged.
    """
    _require_seals([text for text in right if text.startswith(_SEAL)])

    def examine(context: CheckContext) -> Failure | None:
        answer = _normalize(context.work.answers.get(name, ""), ordered=ordered)
        if not answer:
            return _describe_missing([name])
        plain = {_normalize(text, ordered=ordered) for text in right if not text.startswith(_SEAL)}
        is_right = answer in plain or any(_opens(text, answer) for text in right if text.startswith(_SEAL))
        return None if is_right else Failure(_("The answer is not right."))

    return Expectation(examine)


def answers_all(*names: str, right: str) -> Expectation:
    """The `%%answer` cells of these names contain the answers that were sealed together: `seal_all("a", "c", "b")`.

    The failure does not say which of them are wrong, so learners cannot find them one by one.

    Raises: UsageError if `right` is not a sealed answer.
    """
    _require_seals([right])

    def examine(context: CheckContext) -> Failure | None:
        given = [_normalize(context.work.answers.get(name, ""), ordered=True) for name in names]
        missing = [name for name, answer in zip(names, given, strict=True) if not answer]
        if missing:
            return _describe_missing(missing)
        if _opens(right, "\n".join(given)):
            return None
        message = _("At least one of the {number} answers is wrong. The check does not say which.")
        return Failure(message.format(number=len(names)))

    return Expectation(examine)


def seal(*right: str, ordered: bool = True) -> str:
    """Seal right answers for `answers(...)`, which accepts any of them."""
    return _seal([_normalize(answer, ordered=ordered) for answer in right])


def seal_all(*right: str) -> str:
    """Seal the right answers to several questions together, for `answers_all(...)`."""
    return _seal(["\n".join(_normalize(answer, ordered=True) for answer in right)])


def _seal(texts: Sequence[str]) -> str:
    salt = secrets.token_hex(8)
    return "-".join([_SEAL + salt, *(_digest(salt, text) for text in texts)])


def _opens(sealed: str, text: str) -> bool:
    match = _SEAL_PATTERN.fullmatch(sealed)
    return match is not None and _digest(match[1], text) in match[2].split("-")


def _digest(salt: str, text: str) -> str:
    return hashlib.scrypt(text.encode(), salt=bytes.fromhex(salt), **_COST).hex()


def _require_seals(texts: Sequence[str]) -> None:
    for text in texts:
        if not _SEAL_PATTERN.fullmatch(text):
            raise UsageError(_("{text} is not a sealed answer.").format(text=text))


def _describe_missing(names: Sequence[str]) -> Failure:
    hint = _("Write it below the line `%%answer {name}`, and run that cell.").format(name=names[0])
    if len(names) == 1:
        return Failure(_("There is no answer yet."), hint=hint)
    message = ngettext("{number} answer is missing: {names}.", "{number} answers are missing: {names}.", len(names))
    return Failure(message.format(number=len(names), names=", ".join(f"`{name}`" for name in names)), hint=hint)


def _normalize(answer: str, *, ordered: bool) -> str:
    """An answer without comment lines, case, quotes, blanks, brackets and full stops, which do not matter.

    Neither do numbers in front of the lines of a list, a first word "answer", and "and" if words may come in any order.
    """
    lines = [line for line in answer[:10_000].splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if len(lines) > 1 and all(map(_NUMBER.match, lines)):
        lines = [_NUMBER.sub("", line, 1) for line in lines]
    text = unicodedata.normalize("NFKC", " ".join(lines)).casefold()
    words = [word.strip(_AROUND) for word in _SEPARATORS.sub(" ", text).split()]
    words = [word for word in words if word.strip("-") and (ordered or word != "and")]
    words = words[1:] if words[1:] and words[0] == "answer" else words
    return " ".join(words if ordered else sorted(set(words)))
