"""Completion by the tab key: modules, files in the guest, parameters, options.

What is to be completed is found from the words before the cursor, by pure functions; only the candidates come from
the guest or from the kernel's tree. Nothing here starts a guest, and nothing fails: no candidates is an answer too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from kmodlab.errors import KmodlabError
from kmodlab.guest.devices import DEVICES
from kmodlab.kbuild.sources import kmod_name
from kmodlab.notebook.anatomy import VIEWS
from kmodlab.notebook.arguments import MagicOptions
from kmodlab.notebook.databases import VIEWS as DATABASE_VIEWS
from kmodlab.notebook.files import KFILE_OPTIONS, MAKEFILE_OPTIONS
from kmodlab.notebook.guest import GUEST_OPTIONS
from kmodlab.notebook.kmod import KMOD_OPTIONS
from kmodlab.notebook.state import NotebookState

_MAGICS = {"%%kmod": KMOD_OPTIONS, "%%guest": GUEST_OPTIONS}
_MAGICS |= {f"{signs}makefile": MAKEFILE_OPTIONS for signs in ("%", "%%")}
_MAGICS |= {f"{signs}kfile": KFILE_OPTIONS for signs in ("%", "%%")}

# The first words of magics that have no options.
_FIRST_WORDS: dict[str, Sequence[str]] = {
    "%plug": tuple(DEVICES), "%unplug": tuple(DEVICES), "%anatomy": VIEWS, "%databases": DATABASE_VIEWS,
}  # fmt: skip

# The long options of kmod's tools (insmod(8) and its kin) and of busybox's dmesg.
_TOOL_OPTIONS = {
    "insmod": "--force --syslog --verbose --version --help",
    "rmmod": "--force --syslog --verbose --version --help",
    "modprobe": "--all --remove --remove-dependencies --resolve-alias --first-time --ignore-install --ignore-remove "
    "--use-blacklist --force --force-modversion --force-vermagic --show-depends --showconfig --show-modversions "
    "--dry-run --show --config --dirname --set-version --syslog --quiet --verbose --version --help",
    "lsmod": "--syslog --verbose --version --help",
    "modinfo": "--author --description --license --parameters --filename --null --field --set-version --basedir "
    "--version --help",
    "depmod": "--all --quick --basedir --config --errsyms --dry-run --symbol-prefix --verbose --warn --version --help "
    "--filesyms --symvers",
    "dmesg": "-c -n -r -s",
}  # fmt: skip


def install(ipython: Any, place: NotebookState) -> None:
    """Tell IPython who completes what."""
    for magic, options in _MAGICS.items():
        ipython.set_hook("complete_command", _of_options(options), str_key=magic)
    for magic, words in _FIRST_WORDS.items():
        ipython.set_hook("complete_command", _of_words(words), str_key=magic)
    for tool in _TOOL_OPTIONS:
        ipython.set_hook("complete_command", _of_tool(place, tool), str_key=f"%{tool}")


def uninstall(ipython: Any) -> None:
    """Take that back."""
    known = ipython.strdispatchers["complete_command"].strs
    for key in (*_MAGICS, *_FIRST_WORDS, *(f"%{tool}" for tool in _TOOL_OPTIONS)):
        known.pop(key, None)


Hook = Callable[[Any, Any], list[str]]


def _of_options(options: MagicOptions) -> Hook:
    return lambda _ipython, event: long_options(options) if event.symbol.startswith("-") else []


def _of_words(words: Sequence[str]) -> Hook:
    return lambda _ipython, event: list(words) if len(event.text_until_cursor.split(" ")) == 2 else []


def long_options(options: MagicOptions) -> list[str]:
    """The options of a magic in their long form."""
    return [word for action in options._actions for word in action.option_strings if word.startswith("--")]


def _of_tool(place: NotebookState, tool: str) -> Hook:
    def complete(_ipython: Any, event: Any) -> list[str]:
        # The word under the cursor is not among those before it.
        before = event.text_until_cursor.removesuffix(event.symbol).split()[1:]
        try:
            return candidates(place, tool, before, event.symbol)
        except KmodlabError:
            return []

    return complete


def candidates(place: NotebookState, tool: str, before: Sequence[str], symbol: str) -> list[str]:
    """What may stand where `symbol` stands, after the words `before`."""
    if symbol.startswith("-"):
        return _TOOL_OPTIONS[tool].split()
    named = [word for word in before if not word.startswith("-")]
    if tool in ("insmod", "modprobe") and named and "-r" not in before and "-a" not in before:
        return _parameters(place, named[0])
    if tool == "rmmod" or (tool == "modprobe" and {"-r", "--remove"} & set(before)):
        return place.loaded()
    if tool == "insmod":
        return _guest_files(place, symbol)
    if tool == "modinfo":
        return [*_guest_files(place, symbol), *_tree_modules(place)]
    return _tree_modules(place) if tool == "modprobe" else []


def _parameters(place: NotebookState, module: str) -> list[str]:
    lines = place.look(["modinfo", "-p", module]).splitlines()
    return [f"{line.partition(':')[0]}=" for line in lines]


def _guest_files(place: NotebookState, prefix: str) -> list[str]:
    """Modules' files and folders in the guest that begin so."""
    found = place.look(["sh", "-c", 'ls -dp -- "$1"* 2>/dev/null', "sh", prefix]).splitlines()
    return [name for name in found if name.endswith("/") or ".ko" in name]


def _tree_modules(place: NotebookState) -> list[str]:
    return _module_names(place.session.lab.tree.modules)


@lru_cache(maxsize=1)
def _module_names(folder: Path) -> list[str]:
    stems = {path.name.partition(".ko")[0] for path in folder.rglob("*.ko*")}
    return sorted(stems | {kmod_name(stem) for stem in stems})  # modprobe takes usb-storage and usb_storage
