"""Messages in the reader's language: one gettext catalogue, whose source is English.

All texts that learners and instructors read at run time go through `_`, or through `ngettext` if a number decides the
form. A table that is made when a module is imported marks its texts with `N_`, and the code that shows them calls `_`.
Placeholders have names, and values are inserted afterwards, so that a translation may order them differently:

    _("{name} does not compile.").format(name=name)

Not messages: texts for programs, files, guests and the kernel, and for exceptions that only developers see.

gettext chooses the language from LANGUAGE, LC_ALL, LC_MESSAGES and LANG (GNU gettext manual, 2.3), and takes English if
there is no catalogue. `make messages` collects all messages in `locale/kmodlab.pot`, from which translations are made.
"""

from __future__ import annotations

import gettext
from functools import cache
from pathlib import Path

DOMAIN = "kmodlab"
LOCALE_DIR = Path(__file__).parent / "locale"


@cache
def load_catalogue() -> gettext.NullTranslations:
    """The catalogue of the environment's language, read once; English if there is none."""
    return gettext.translation(DOMAIN, str(LOCALE_DIR), fallback=True)


def _(message: str) -> str:
    """A message in the reader's language."""
    # gettext keeps the catalogue's own header under the empty message.
    return load_catalogue().gettext(message) if message else ""


def ngettext(singular: str, plural: str, number: int) -> str:
    """The form of a message that fits a number, in the reader's language."""
    return load_catalogue().ngettext(singular, plural, number)


def plural_number(points: float) -> int:
    """The whole number that decides the plural form of so many points; half a point is "0.5 points"."""
    return int(points) if points == int(points) else 2


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for it
    """Mark a message for the catalogue; it is translated when it is shown."""
    return message
