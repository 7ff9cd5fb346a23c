"""Builds the snippets of tests/data/api_changes as modules: code for other kernels, and its replacement."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from kmodlab.kbuild.api_changes.change import Change, parse_release
from kmodlab.kbuild.api_changes.find import CHANGES
from kmodlab.kbuild.build import build_async
from kmodlab.kbuild.result import Build
from kmodlab.kbuild.sources import Sources
from kmodlab.kernel.tree import KernelTree
from kmodlab.process import run_sync
from kmodlab.sandbox.limits import BUILD

DATA = Path(__file__).parents[1] / "data" / "api_changes"

# A batch is one run of make -k, so that kbuild starts once for all of them.
_BATCH = 25
_LIMITS = replace(BUILD, wall_s=600)
_MODULE = """\
#include <linux/module.h>
#include <linux/init.h>
{top}
static int __init my_init(void)
{{
{body}
    return 0;
}}
module_init(my_init);
MODULE_LICENSE("GPL");
"""


@dataclass(frozen=True)
class Snippet:
    """The code of one change: `old` uses the old name, `new` its replacement. The tables explain the other fields."""

    change: Change
    old: str
    new: str
    modpost: bool
    quiet_since: str
    only_words: bool


def read_snippets() -> dict[str, Snippet]:
    """All snippets by their change's key."""
    changes = {change.key: change for change in CHANGES}
    snippets = {}
    for path in sorted(DATA.glob("*.toml")):
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        tops = tables.pop("tops", {})
        for key, table in tables.items():
            assert key not in snippets and key in changes, key
            snippets[key] = _snippet(changes[key], table, tops)
    return snippets


def _snippet(change: Change, table: Mapping[str, str], tops: Mapping[str, str]) -> Snippet:
    top = table.get("top", "")
    top = tops.get(top, top)
    new_top = table.get("new_top", "")
    new = table.get("new", "" if "EXAMPLE" in new_top else "EXAMPLE")
    assert "EXAMPLE" in new_top + new, change.key
    return Snippet(
        change,
        _module(f"{top}\n{table.get('old_top', '')}", table.get("old", "")),
        _module(f"{top}\n{new_top}", new).replace("EXAMPLE", change.example),
        bool(table.get("modpost")),
        table.get("quiet_since", ""),
        bool(table.get("only_words")),
    )


def _module(top: str, body: str) -> str:
    return _MODULE.format(top=top.strip("\n"), body="\n".join(f"    {line}" for line in body.splitlines()))


def build_snippets(tree: KernelTree, sources: Mapping[str, str], *, together: bool = False) -> dict[str, Build]:
    """The build of each source. The sources of a batch are separate modules, or with `together` one module.

    One module is faster, but modpost looks at it only if all of its sources compile.
    """
    builds: dict[str, Build] = {}
    for names in _batches(sources):
        files: dict[str, str | bytes] = {file_of(sources, name): sources[name] for name in names}
        objects = " ".join(file.replace(".c", ".o") for file in files)
        if together:
            files = {file: _part(str(text), file.removesuffix(".c")) for file, text in files.items()}
            files["Makefile"] = f"obj-m += snippets.o\nsnippets-y := {objects}\n"
        else:
            files["Makefile"] = f"obj-m += {objects}\n"
        build = run_sync(
            build_async(tree, Sources.of("snippets", files), limits=_LIMITS, environment={"MAKEFLAGS": "k"})
        )
        builds |= dict.fromkeys(names, build)
    return builds


def _part(text: str, name: str) -> str:
    """The source of a module, changed into one of the several sources of a module."""
    text = text.replace("my_function", f"{name}_function").replace("static int __init my_init", "static int my_init")
    return text.replace("module_init(my_init);", f"int {name}(void);\nint {name}(void) {{ return my_init(); }}")


def file_of(sources: Mapping[str, str], name: str) -> str:
    """The name of the file that a source is built as."""
    return f"snippet{list(sources).index(name)}.c"


def _batches(names: Iterable[str]) -> list[list[str]]:
    every = list(names)
    return [every[start : start + _BATCH] for start in range(0, len(every), _BATCH)]


def applying(snippets: Mapping[str, Snippet], tree: KernelTree) -> dict[str, Snippet]:
    """The snippets whose changes apply to a kernel."""
    kernel = parse_release(tree.release)
    return {key: snippet for key, snippet in snippets.items() if _is_met(snippet, kernel)}


def _is_met(snippet: Snippet, kernel: tuple[int, ...]) -> bool:
    quiet = snippet.quiet_since and kernel >= parse_release(snippet.quiet_since)
    return snippet.change.applies_to(kernel) and not quiet and not snippet.only_words
