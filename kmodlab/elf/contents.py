"""The bytes of a module or of a database: read from a file, unpacked if compressed, and never trusted.

Distributions may compress their modules (hello.ko.xz); kmod unpacks such files before the kernel gets them. The two
formats that Python's standard library reads are unpacked here, up to a limit, since a small file can hold gigabytes.

Whatever a file contains, the readers of this folder return data or raise `MalformedError`, in a time that is linear in
the file's size. They never raise another exception for a damaged, truncated or hostile file.
"""

from __future__ import annotations

import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kmodlab.errors import UsageError
from kmodlab.files import MIB
from kmodlab.i18n import _

MAX_BYTES = 256 * MIB  # several times the largest module of any distribution

# The first bytes of each format: xz's file format 1.2.0, RFC 1952 and RFC 8878.
_XZ, _GZIP, _ZSTD = b"\xfd7zXZ\0", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


class MalformedError(UsageError):
    """A file is not what it should be; the message says what is wrong with it."""


@contextmanager
def reading(damage: str) -> Iterator[None]:
    """A context that turns any exception in it into a MalformedError with the message `damage`."""
    try:
        yield
    except MalformedError:
        raise
    except Exception as error:  # a parser's library raises anything when it reads garbage
        raise MalformedError(damage, details=repr(error)) from error


def text_of(data: bytes) -> str:
    """Bytes as text. Bytes that are not UTF-8 become visible escapes, so that different names stay different."""
    return data.decode("utf-8", "backslashreplace")


def read_contents(source: Path | bytes) -> bytes:
    """The unpacked bytes of a module or database, given as a path or as bytes.

    Raises:
        MalformedError: It cannot be read or unpacked, or is too large.
    """
    data = source if isinstance(source, bytes) else _read(source)
    if data.startswith(_XZ):
        return _unpack(lzma.open(io.BytesIO(data)), "xz")
    if data.startswith(_GZIP):
        return _unpack(gzip.open(io.BytesIO(data)), "gzip")
    if data.startswith(_ZSTD):
        raise MalformedError(_("The file is compressed with zstd."), hint=_("Unpack it first: `unzstd FILE.ko.zst`."))
    return data


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return _read_limited(file)
    except OSError as error:
        message = _("{path} cannot be read: {reason}.").format(path=path, reason=error.strerror)
        raise MalformedError(message) from error


def _unpack(file: io.BufferedIOBase, file_format: str) -> bytes:
    try:
        return _read_limited(file)
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        message = _("The file looks like an {format} file, but cannot be unpacked.").format(format=file_format)
        raise MalformedError(message) from error


def _read_limited(file: io.BufferedIOBase) -> bytes:
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise MalformedError(
            _("The file is larger than {size} MiB, so it is not a module.").format(size=MAX_BYTES // MIB)
        )
    return data
