"""The one exception of this folder: bytes that are not what they are said to be.

Whatever a file contains, its readers either return data or raise `MalformedError`, within a time that grows with the
file's size only. So a damaged, truncated or hostile file costs a sentence, never a traceback.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kmodlab.errors import UsageError


class MalformedError(UsageError):
    """A file is not what it is said to be; the sentence says what is wrong with it."""


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Within this block any failure means that `what` ("the ELF file") is damaged."""
    try:
        yield
    except MalformedError:
        raise
    except Exception as error:  # a parser's library raises whatever the garbage makes of it
        raise MalformedError(f"{what[0].upper()}{what[1:]} is damaged.", details=repr(error)) from error


def text_of(data: bytes) -> str:
    """Bytes as text; what is not UTF-8 becomes visible escapes, so that different names stay different."""
    return data.decode("utf-8", "backslashreplace")
