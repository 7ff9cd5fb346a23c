"""Hints about which source belongs to which module: a symbol that modpost misses is often in a source left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import PurePosixPath

from kmodlab.elf.licence import is_gpl_compatible, quote_licences
from kmodlab.i18n import _
from kmodlab.kbuild.code_text import code_text
from kmodlab.kbuild.locate import code_of
from kmodlab.kbuild.near_name import nearest_name
from kmodlab.kbuild.spot import Hint

Parts = Mapping[str, Sequence[str]]

_SOURCE = re.compile(r"^source_\S+ := (\S+)", re.MULTILINE)
_LONGEST = 1 << 16
_MOST_NAMES = 100  # names of one file that are compared with a misspelt one
_LICENCE = re.compile(r"missing MODULE_LICENSE\(\) in (?:\S*/)?(?P<module>[\w-]+)\.o")
_STATED = re.compile(r'MODULE_LICENSE\s*\(\s*"(?P<licence>[^"\\\n]{0,80})"\s*\)')
_GPL_ONLY = re.compile(r"module (?:\S*/)?(?P<module>[\w-]+)\.ko uses GPL-only symbol '(?P<symbol>\w+)'")
_MOST_PLACES = 10  # uses of a name that are examined; a source may be hostile
_UNDEFINED = re.compile(r'"(?P<symbol>\w+)" \[(?:\S*/)?(?P<module>[\w-]+)\.ko\] undefined!')
_MODULE = r"\b(?:module_init|MODULE_LICENSE|module_\w+_driver)\s*\("


def read_parts(outputs: Mapping[str, bytes]) -> dict[str, tuple[str, ...]]:
    """The sources of each module, from the lists of objects (hello.mod) and commands (.hello.o.cmd) that kbuild left.

    scripts/Makefile.build writes the first, scripts/Kbuild.include the second.
    """
    parts = {}
    for name, content in outputs.items():
        if name.endswith(".mod"):
            words = content[:_LONGEST].decode("utf-8", "replace").split()
            stems = [PurePosixPath(word).stem for word in words if word.endswith(".o")]
            parts[name.removesuffix(".mod")] = tuple(_source_of(stem, outputs) for stem in stems)
    return parts


def _source_of(stem: str, outputs: Mapping[str, bytes]) -> str:
    command = outputs.get(f".{stem}.o.cmd", b"")[:_LONGEST].decode("utf-8", "replace")
    match = _SOURCE.search(command)
    return PurePosixPath(match[1]).name if match else f"{stem}.c"


def find_module_hint(message: str, files: Mapping[str, bytes], parts: Parts) -> Hint | None:
    """The hint for a message of modpost, from the learner's `files` and the sources of each module; None if unknown."""
    if match := _LICENCE.search(message):
        left_out = [file for file in _left_out(files, parts) if _has(r"\bMODULE_LICENSE\s*\(", files[file])]
        return _add_source(left_out[0], match["module"], parts) if left_out and match["module"] in parts else None
    if match := _GPL_ONLY.search(message):
        return _gpl_only(match["symbol"], match["module"], files, parts)
    if match := _UNDEFINED.search(message):
        return _undefined(match["symbol"], match["module"], files, parts)
    return None


def ignored_sources(files: Mapping[str, bytes], parts: Parts) -> list[tuple[str, Hint]]:
    """The sources that kbuild ignores because they have the name of a module of several files; each with its hint."""
    left_out = _left_out(files, parts)
    return [(f"{name}.c", _add_source(f"{name}.c", name, parts)) for name in parts if f"{name}.c" in left_out]


def _left_out(files: Mapping[str, bytes], parts: Parts) -> list[str]:
    compiled = {source for sources in parts.values() for source in sources}
    left_out = [file for file in files if file.endswith(".c") and file not in compiled] if parts else []
    return [file for file in left_out if not any(_includes(file, content) for content in files.values())]


def _includes(file: str, source: bytes) -> bool:
    """Whether the source includes `file`, which is then compiled as a part of it."""
    return (
        re.search(rb'^[ \t]*#[ \t]*include[ \t]+"' + re.escape(file.encode()) + b'"', source, re.MULTILINE) is not None
    )


def _has(pattern: str, source: bytes) -> bool:
    return re.search(pattern, code_of(source)) is not None


def _add_source(file: str, module: str, parts: Parts) -> Hint:
    """A hint to add a source to a module; how depends on the Makefile."""
    stem = PurePosixPath(file).stem
    sources = parts.get(module, ())
    if stem == module:
        text = _(
            "{file} is not part of the module: {module}-objs does not list it, and cannot, because {module}.o is the "
            "whole module. Rename the file, for instance to {module}_main.c, and add {module}_main.o to {module}-objs."
        )
    elif list(sources) == [f"{module}.c"]:
        text = _(
            "{file} is not part of the module. A module of several files needs a name that none of them has: "
            "obj-m += my_{module}.o and my_{module}-objs := {module}.o {stem}.o in the Makefile."
        )
    else:
        text = _("{file} is not part of the module: add {stem}.o to {module}-objs (or {module}-y) in the Makefile.")
    return Hint("source-left-out", text.format(file=file, module=module, stem=stem))


# ---- licences ------------------------------------------------------------------------------------------------------


def _gpl_only(symbol: str, module: str, files: Mapping[str, bytes], parts: Parts) -> Hint | None:
    sources = parts.get(module) or (f"{module}.c",)
    stated = [licence for file in sources for licence in _licences(files.get(file, b""))]
    wrong = next((licence for licence in stated if not is_gpl_compatible(licence)), None)
    if wrong is None:
        return None
    text = _(
        "{symbol} is exported with EXPORT_SYMBOL_GPL, for modules whose licence is compatible with the GPL: the kernel "
        'accepts {licences}. "{wrong}" is none of these. Change the licence, or do without {symbol}.'
    )
    return Hint("gpl-only-symbol", text.format(symbol=symbol, licences=quote_licences(), wrong=wrong))


def _licences(source: bytes) -> Iterator[str]:
    """The licences in a source, from each MODULE_LICENSE() with one string literal."""
    text = code_text(source)
    for offset in text.offsets_of("MODULE_LICENSE")[:_MOST_PLACES]:
        if match := _STATED.match(text.raw, offset):
            yield match["licence"]


# ---- undefined symbols ---------------------------------------------------------------------------------------------


def _undefined(symbol: str, module: str, files: Mapping[str, bytes], parts: Parts) -> Hint | None:
    code = {file: content for file, content in files.items() if file.endswith((".c", ".h"))}
    if not any(code_text(content).uses(symbol) for content in code.values()):
        return None  # a function that the compiler or a macro of the kernel calls
    definer = next((file for file in code if file.endswith(".c") and _defines(symbol, code[file])), None)
    if definer:
        return _defined_in(definer, symbol, module, files, parts)
    if any(_declares(symbol, content) for content in code.values()):
        return _declared_only(symbol, code)
    text = _(
        "A header of the kernel declares {symbol}, but this kernel does not export it, so modules cannot use it. Look "
        "for an exported function that does the same."
    )
    return Hint("not-exported-by-kernel", text.format(symbol=symbol))


def _defines(symbol: str, source: bytes) -> bool:
    text = code_text(source)
    if (function := text.definition_of(symbol)) is not None:
        return not text.open_braces(0, function)
    return any(
        not text.open_braces(0, match.start()) and "extern" not in match[0].split()
        for match in islice(
            re.finditer(rf"^[\w \t*]{{1,100}}\b{symbol}\b[ \t]*(?:=|;|\[)", text.code, re.MULTILINE), _MOST_PLACES
        )
    )


def _declares(symbol: str, source: bytes) -> bool:
    text = code_text(source)
    return any(not text.open_braces(0, offset) for offset in text.offsets_of(symbol)[:_MOST_PLACES])


def _defined_in(file: str, symbol: str, module: str, files: Mapping[str, bytes], parts: Parts) -> Hint:
    is_static = _has(rf"\bstatic\b[\w \t*]{{0,100}}\b{symbol}\b", files[file])
    owner = next((name for name, sources in parts.items() if file in sources), None)
    values = {"file": file, "symbol": symbol, "module": module, "owner": owner or PurePosixPath(file).stem}
    if owner == module or not parts:
        if not is_static:
            return Hint("undefined-symbol", _("{symbol} is defined in {file}, but not seen here.").format(**values))
        text = _("{symbol} is static in {file}, so no other file can use it: remove static there.")
        return Hint("static-elsewhere", text.format(**values))
    if owner is None and not _has(_MODULE, files[file]):
        return _add_source(file, module, parts)
    if owner is None and not any(_has(_MODULE, files[each]) for each in parts.get(module, ()) if each in files):
        return _add_source(file, module, parts)
    if owner is None and _has(rf"\bEXPORT_SYMBOL\w*\s*\(\s*{symbol}\b", files[file]):
        text = _("{file} exports {symbol}, but is not built: add obj-m += {owner}.o to the Makefile.")
    elif is_static:
        text = _(
            "{symbol} belongs to another module, {owner}: in {file}, remove static and add EXPORT_SYMBOL({symbol}); "
            "below it."
        )
    else:
        text = _(
            "{symbol} belongs to another module, {owner}, which does not export it: add EXPORT_SYMBOL({symbol}); below "
            "it in {file}."
        )
    return Hint("not-exported", text.format(**values))


def _declared_only(symbol: str, code: Mapping[str, bytes]) -> Hint:
    heads = re.compile(r"^\w[\w \t*]{0,100}\b(\w+)\(", re.MULTILINE)
    texts = [code_text(content).code for content in code.values()]
    defined = [match[1] for text in texts for match in islice(heads.finditer(text), _MOST_NAMES)]
    if near := nearest_name(symbol, [name for name in defined if name != symbol]):
        return Hint("misspelt", _("Nothing defines {name}. Did you mean {near}?").format(name=symbol, near=near))
    text = _(
        "Neither the kernel nor your files define {symbol}. If it belongs to another module, this build needs that "
        "module's sources or its Module.symvers; otherwise check the spelling."
    )
    return Hint("undefined-symbol", text.format(symbol=symbol))
