"""The bytes of a module, wherever they are: at hand already, in a file, or in a compressed file.

Distributions may compress their modules (hello.ko.xz); kmod unpacks such files before the kernel gets them. Both
formats that Python's own library knows are unpacked here, up to a limit, since a small file can hold gigabytes.
"""

from __future__ import annotations

import gzip
import io
import lzma
import zlib
from pathlib import Path

from kmodlab.elf.malformed_error import MalformedError
from kmodlab.files import MIB

MAX_BYTES = 256 * MIB  # several times the largest module of any distribution

# The first bytes of each format: xz's file format 1.2.0, RFC 1952 and RFC 8878.
_XZ, _GZIP, _ZSTD = b"\xfd7zXZ\0", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def read_contents(source: Path | bytes) -> bytes:
    """The unpacked bytes of a module, given as a path or as bytes; MalformedError where they cannot be had."""
    data = source if isinstance(source, bytes) else _read(source)
    if data.startswith(_XZ):
        return _unpack(lzma.open(io.BytesIO(data)), "xz")
    if data.startswith(_GZIP):
        return _unpack(gzip.open(io.BytesIO(data)), "gzip")
    if data.startswith(_ZSTD):
        raise MalformedError("The file is compressed with zstd.", hint="Unpack it first: `unzstd FILE.ko.zst`.")
    return data


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return _limited(file)
    except OSError as error:
        raise MalformedError(f"{path} cannot be read: {error.strerror}.") from error


def _unpack(file: io.BufferedIOBase, what: str) -> bytes:
    try:
        return _limited(file)
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise MalformedError(f"The file begins like one of {what}, but cannot be unpacked.") from error


def _limited(file: io.BufferedIOBase) -> bytes:
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise MalformedError(f"The file is larger than {MAX_BYTES >> 20} MiB, so it is no module.")
    return data
