"""Finds names in C sources and Makefiles, so that a message without a line gets the learner's line that it is about.

Comments, strings and character constants are ignored: `code_of` blanks them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import PurePosixPath

# Messages of modpost and objtool about a symbol, tried in this order (scripts/mod/modpost.c).
_SYMBOLS = (
    re.compile(r'"(?P<symbol>\w+)" \[\S+\] undefined!'),
    re.compile(r"uses GPL-only symbol '(?P<symbol>\w+)'"),
    re.compile(r"uses symbol (?P<symbol>\w+) from namespace"),
    re.compile(r"section mismatch in reference: (?P<function>\w+).*-> (?P<symbol>\w+)"),
    re.compile(r"local symbol '?(?P<export>\w+)'? was exported"),
    re.compile(r"'(?P<export>\w+)' exported twice"),
    re.compile(r"^(?P<symbol>init_module|cleanup_module)\(\): "),  # tools/objtool/check.c
)
# scripts/mod/file2alias.c, device_id_check
_TABLE = re.compile(r"the size of section __mod_(?P<kind>[a-z]+)__")
_TABLE_MACRO = r"\bMODULE_DEVICE_TABLE\s*\(\s*{}\b"
_OBJECT = re.compile(r"(?:in |\[|module |^)(?:\S*/)?(?P<stem>[\w-]+)(?:\.k?o)?(?:\]|:| uses|$)")
# An unclosed string ends with its line, an unclosed comment with the file, so hostile text cannot make this slow.
_NOT_CODE = re.compile(
    r"""/\*(?:.*?\*/|.*)|//[^\n]*|"(?:\\.|[^"\\\n])*+"?|'(?:\\.|[^'\\\n])*+'?""",
    re.DOTALL,
)
_MOST_PLACES = 10  # uses of a name in one file


def find_use(message: str, files: Mapping[str, bytes]) -> tuple[str, int | None]:
    """File and line that a message of modpost is about; the line is None if it is about a whole file."""
    if (table := _TABLE.search(message)) and (place := find_code(_TABLE_MACRO.format(table["kind"]), files)):
        return place
    for pattern in _SYMBOLS:
        if match := pattern.search(message):
            names = match.groupdict()
            places = _uses(names["symbol"], files) if "symbol" in names else _places(_export(names["export"]), files)
            inside = [(file, line) for file, line, depth in places if depth > 0]
            outside = [(file, line) for file, line, depth in places if depth == 0]
            # A section mismatch may name another symbol near the address, so only a use in a function counts.
            if uses := inside or ([] if "function" in names else outside):
                return uses[0]
    return _file_of(message, files), None


def _export(symbol: str) -> str:
    return rf"\bEXPORT_SYMBOL\w*\s*\(\s*{symbol}\b"


def find_code(pattern: str, files: Mapping[str, bytes]) -> tuple[str, int] | None:
    """File and line of a pattern's first match in C code; None if nothing matches."""
    return next(((file, line) for file, line, _ in _places(pattern, files)), None)


def _uses(name: str, files: Mapping[str, bytes]) -> list[tuple[str, int, int]]:
    """File, line and depth in braces of each use of a name in C code."""
    code = [file for file in files if file.endswith((".c", ".h"))]
    return [(file, *place) for file in code for place in _words_of(files[file]).get(name, ())]


@lru_cache(maxsize=16)
def _words_of(source: bytes) -> Mapping[str, Sequence[tuple[int, int]]]:
    """Lines and depths of the uses of each word. One pass over a source serves all messages."""
    words: dict[str, list[tuple[int, int]]] = defaultdict(list)
    opened = closed = 0
    for number, line in enumerate(code_of(source).split("\n"), 1):
        opened += line.count("{")  # up to the end of the line, as in `_scan`
        for match in re.finditer(r"\w+", line):
            places = words[match[0]]
            if len(places) < _MOST_PLACES:
                places.append((number, opened - closed - line.count("}", 0, match.start())))
        closed += line.count("}")
    return words


def _places(pattern: str, files: Mapping[str, bytes]) -> list[tuple[str, int, int]]:
    """File, line and depth in braces of each match of a pattern in C code."""
    return [(file, *place) for file in files if file.endswith((".c", ".h")) for place in _scan(pattern, files[file])]


def _scan(pattern: str, source: bytes) -> Iterator[tuple[int, int]]:
    code = code_of(source)
    for match in islice(re.finditer(pattern, code), _MOST_PLACES):
        # Braces count up to the end of the line, so that a function's first line belongs to the function.
        end = code.find("\n", match.start())
        yield code.count("\n", 0, match.start()) + 1, code.count("{", 0, end) - code.count("}", 0, match.start())


@lru_cache(maxsize=16)
def code_of(source: bytes) -> str:
    """C source with comments, strings and character constants blanked; the rest keeps its line and column."""
    return _NOT_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), source.decode("utf-8", "replace"))


def _file_of(message: str, files: Mapping[str, bytes]) -> str:
    """The source of the object that a message names; if the module has several sources, the first."""
    match = _OBJECT.search(message)
    code = [name for name in files if name.endswith((".c", ".S"))]
    named = f"{match['stem']}.c" if match else ""
    return named if named in code else next(iter(code), "")


def find_in_makefile(message: str, files: Mapping[str, bytes]) -> tuple[str, int | None]:
    """The Makefile, and its line with the target that make has no rule for, or that depends on itself.

    The name is "" if the sources have no Makefile, the line None if no line fits.
    """
    name = next((name for name in files if PurePosixPath(name).name in ("Kbuild", "Makefile")), "")
    match = re.search(r"(?:target '|Circular )(?:\S*/)?(?P<stem>[\w+-]+)(?:\.[\w.]+)?\b", message)
    # A message without a name is modpost's, which got a file that is not an object file.
    wanted = rf"\b{re.escape(match['stem'])}\b" if match else r"^\s*obj-m\b.*\.[cSh]\b"
    if not name:
        return "", None
    lines = files[name].decode("utf-8", "replace").splitlines()
    return name, next((number for number, line in enumerate(lines, 1) if re.search(wanted, line)), None)
