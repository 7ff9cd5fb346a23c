"""Finds the line that a complaint without one is about: where the learner's own text uses the name in question."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice

# In the order of trying: what modpost and kbuild's scripts say of a symbol (scripts/mod/modpost.c).
_SYMBOLS = (
    re.compile(r'"(?P<symbol>\w+)" \[\S+\] undefined!'),
    re.compile(r"uses GPL-only symbol '(?P<symbol>\w+)'"),
    re.compile(r"uses symbol (?P<symbol>\w+) from namespace"),
    re.compile(r"section mismatch in reference: (?P<function>\w+).*-> (?P<symbol>\w+)"),
    re.compile(r"local symbol (?P<export>\w+) was exported"),
    re.compile(r"'(?P<export>\w+)' exported twice"),
)
_OBJECT = re.compile(r"(?:in |\[|module |^)(?:\S*/)?(?P<stem>[\w-]+)(?:\.k?o)?(?:\]|:| uses|$)")
# Whatever begins also ends, at the end of the line or file at the latest: hostile text cannot make this slow.
_NOT_CODE = re.compile(
    r"""/\*(?:.*?\*/|.*)|//[^\n]*|"(?:\\.|[^"\\\n])*+"?|'(?:\\.|[^'\\\n])*+'?""",
    re.DOTALL,
)
_MOST_PLACES = 10  # of a name in one file


def find_use(message: str, files: Mapping[str, bytes]) -> tuple[str, int | None]:
    """File and line that a message of modpost is about; the line is None where the message is about a whole file."""
    for pattern in _SYMBOLS:
        if found := pattern.search(message):
            names = found.groupdict()
            places = _places(rf"\b{names['symbol']}\b" if "symbol" in names else _export(names["export"]), files)
            inside = [(file, line) for file, line, depth in places if depth > 0]
            outside = [(file, line) for file, line, depth in places if depth == 0]
            # A section mismatch names neighbours of the same address; what is not used is not the one.
            chosen = inside or ([] if "function" in names else outside)
            if chosen:
                return chosen[0]
    return _file_of(message, files), None


def _export(symbol: str) -> str:
    return rf"\bEXPORT_SYMBOL\w*\s*\(\s*{symbol}\b"


def find_code(pattern: str, files: Mapping[str, bytes]) -> tuple[str, int] | None:
    """File and line of the first match in C code, comments and strings aside; None where there is none."""
    return next(((file, line) for file, line, _ in _places(pattern, files)), None)


def _places(pattern: str, files: Mapping[str, bytes]) -> list[tuple[str, int, int]]:
    """File, line and depth in braces where a pattern matches C code; comments and strings do not count."""
    return [(file, *place) for file in files if file.endswith((".c", ".h")) for place in _scan(pattern, files[file])]


def _scan(pattern: str, source: bytes) -> Iterator[tuple[int, int]]:
    code = _code_of(source)
    for found in islice(re.finditer(pattern, code), _MOST_PLACES):
        # Up to the end of the line, so that a function's first line belongs to it.
        end = code.find("\n", found.start())
        yield code.count("\n", 0, found.start()) + 1, code.count("{", 0, end) - code.count("}", 0, found.start())


@lru_cache(maxsize=16)
def _code_of(source: bytes) -> str:
    """The text with its comments and strings blanked."""
    return _NOT_CODE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), source.decode("utf-8", "replace"))


def _file_of(message: str, files: Mapping[str, bytes]) -> str:
    """The source of the object that a message names; of a module of several sources, the first."""
    found = _OBJECT.search(message)
    code = [name for name in files if name.endswith((".c", ".S"))]
    named = f"{found['stem']}.c" if found else ""
    return named if named in code else next(iter(code), "")


def find_in_makefile(message: str, files: Mapping[str, bytes]) -> tuple[str, int | None]:
    """Where the learner's Makefile names the file that make knows no rule for, or that depends on itself."""
    name = next((name for name in ("Kbuild", "Makefile") if name in files), "")
    found = re.search(r"(?:target '|Circular )(?:\S*/)?(?P<stem>[\w.+-]+)\.\w+", message)
    # Without a name it is modpost that was given something else than an object file.
    wanted = rf"\b{re.escape(found['stem'])}\b" if found else r"^\s*obj-m\b.*\.[cSh]\b"
    if not name:
        return "", None
    lines = files[name].decode("utf-8", "replace").splitlines()
    return name, next((number for number, line in enumerate(lines, 1) if re.search(wanted, line)), None)
