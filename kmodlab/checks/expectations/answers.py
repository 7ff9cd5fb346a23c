"""Words about answers that learners write in their own words."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from kmodlab.checks.check import Expectation
from kmodlab.checks.check_result import Failure
from kmodlab.checks.context import CheckContext
from kmodlab.i18n import _

_SEAL = "sealed:"
_SEAL_LETTERS = 16


def answers(name: str, *right: str, ordered: bool = True) -> Expectation:
    """The `%%answer` cell of that name contains one of these; case, blanks, quotes and full stops do not matter.

    Write the right answers as `seal("...")` returns them, or learners can read them. With `ordered=False`, the words
    may come in any order, with commas or without.
    """

    def examine(context: CheckContext) -> Failure | None:
        answer = context.work.answers.get(name, "")
        if not _normalize(answer, ordered=ordered):
            hint = _("Write it below the line `%%answer {name}`, and run that cell.").format(name=name)
            return Failure(_("There is no answer yet."), hint=hint)
        sealed = {text for text in right if text.startswith(_SEAL)}
        plain = {_normalize(text, ordered=ordered) for text in set(right) - sealed}
        is_right = seal(answer, ordered=ordered) in sealed or _normalize(answer, ordered=ordered) in plain
        return None if is_right else Failure(_("The answer is not right."))

    return Expectation(examine)


def seal(answer: str, *, ordered: bool = True) -> str:
    """A digest of an answer, for `answers(...)`, from which the answer cannot be read."""
    return _SEAL + hashlib.sha256(_normalize(answer, ordered=ordered).encode()).hexdigest()[:_SEAL_LETTERS]


def _normalize(answer: str, *, ordered: bool) -> str:
    """An answer without what does not matter: comment lines, upper case, quotes, blanks, full stops."""
    lines = [line for line in answer[:10_000].splitlines() if not line.lstrip().startswith("#")]
    text = unicodedata.normalize("NFKC", " ".join(lines)).casefold()
    words = re.sub("[`'\",;\u2018\u2019\u201c\u201d]", " ", text).split()
    words = [word.strip(".") or word for word in words]
    return " ".join(words if ordered else sorted(set(words)))
