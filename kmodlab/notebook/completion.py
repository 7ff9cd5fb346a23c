"""Completion by the tab key: modules, files in the guest, parameters, options.

The words before the cursor decide what is completed; the candidates come from the running guest or from the kernel's
tree. Completion never starts a guest, and errors only mean that there are no candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from kmodlab.errors import KmodlabError
from kmodlab.guest.devices import DEVICES
from kmodlab.kbuild.sources import kmod_name
from kmodlab.kernel.own import VARIANTS
from kmodlab.notebook.anatomy import VIEWS
from kmodlab.notebook.beside import BESIDE_OPTIONS
from kmodlab.notebook.databases import VIEWS as DATABASE_VIEWS
from kmodlab.notebook.dkms_magic import DKMS_OPTIONS, drivers
from kmodlab.notebook.guest import GUEST_OPTIONS
from kmodlab.notebook.intree import BOOT_OPTIONS, INTREE_OPTIONS, PATCH_OPTIONS
from kmodlab.notebook.kernel_source import SOURCE_OPTIONS
from kmodlab.notebook.kmod import KMOD_OPTIONS
from kmodlab.notebook.magic import MagicOptions
from kmodlab.notebook.source_files import KFILE_OPTIONS, MAKEFILE_OPTIONS
from kmodlab.notebook.state import NotebookState

Hook = Callable[[Any, Any], list[str]]  # IPython's: of the shell, and of an event with what is before the cursor

_MAGICS = {"%%kmod": KMOD_OPTIONS, "%%guest": GUEST_OPTIONS, "%%intree": INTREE_OPTIONS, "%%patch": PATCH_OPTIONS}
_MAGICS |= {"%intree": INTREE_OPTIONS, "%boot": BOOT_OPTIONS, "%beside": BESIDE_OPTIONS, "%source": SOURCE_OPTIONS}
_MAGICS |= {"%dkms": DKMS_OPTIONS}
_MAGICS |= {f"{signs}makefile": MAKEFILE_OPTIONS for signs in ("%", "%%")}
_MAGICS |= {f"{signs}kfile": KFILE_OPTIONS for signs in ("%", "%%")}

# The words that can follow a magic that has no options.
_FIRST_WORDS: dict[str, Sequence[str]] = {
    "%plug": tuple(DEVICES), "%unplug": tuple(DEVICES), "%anatomy": VIEWS, "%databases": DATABASE_VIEWS,
    "%use_kernel": ("debian", *VARIANTS),
}  # fmt: skip

# The long options of kmod's tools (insmod(8), rmmod(8), …) and the options of busybox's dmesg.
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


def magic_hooks(state: NotebookState) -> dict[str, Hook]:
    """Magic with its percent signs -> its completer, for all magics that have a completer."""
    hooks = {magic: _of_options(options) for magic, options in _MAGICS.items()}
    hooks |= {magic: _of_words(words) for magic, words in _FIRST_WORDS.items()}
    hooks["%dkms"] = _of_options(DKMS_OPTIONS, drivers)
    return hooks | {f"%{tool}": _of_tool(state, tool) for tool in _TOOL_OPTIONS}


def install(ipython: Any, state: NotebookState) -> None:
    """Register the completers with IPython."""
    for magic, hook in magic_hooks(state).items():
        ipython.set_hook("complete_command", hook, str_key=magic)


def uninstall(ipython: Any) -> None:
    """Remove the completers from IPython."""
    hooks = ipython.strdispatchers["complete_command"].strs
    for key in (*_MAGICS, *_FIRST_WORDS, *(f"%{tool}" for tool in _TOOL_OPTIONS)):
        hooks.pop(key, None)


def _of_options(options: MagicOptions, names: Callable[[], Sequence[str]] = tuple) -> Hook:
    return lambda _ipython, event: long_options(options) if event.symbol.startswith("-") else list(names())


def _of_words(words: Sequence[str]) -> Hook:
    return lambda _ipython, event: list(words) if len(event.text_until_cursor.split(" ")) == 2 else []


def long_options(options: MagicOptions) -> list[str]:
    """The options of a magic in their long form."""
    return [word for action in options._actions for word in action.option_strings if word.startswith("--")]


def _of_tool(state: NotebookState, tool: str) -> Hook:
    def complete(_ipython: Any, event: Any) -> list[str]:
        # `before` does not include the word under the cursor.
        before = event.text_until_cursor.removesuffix(event.symbol).split()[1:]
        try:
            return candidates(state, tool, before, event.symbol)
        except KmodlabError:
            return []

    return complete


def candidates(state: NotebookState, tool: str, before: Sequence[str], symbol: str) -> list[str]:
    """The candidates for `symbol`, the word under the cursor, after the words `before`."""
    if symbol.startswith("-"):
        return _TOOL_OPTIONS[tool].split()
    names = [word for word in before if not word.startswith("-")]
    if tool in ("insmod", "modprobe") and names and "-r" not in before and "-a" not in before:
        return _parameters(state, names[0])
    if tool == "rmmod" or (tool == "modprobe" and {"-r", "--remove"} & set(before)):
        return state.loaded()
    if tool == "insmod":
        return _guest_files(state, symbol)
    if tool == "modinfo":
        return [*_guest_files(state, symbol), *_tree_modules(state)]
    return _tree_modules(state) if tool == "modprobe" else []


def _parameters(state: NotebookState, module: str) -> list[str]:
    lines = state.look(["modinfo", "-p", module]).splitlines()
    return [f"{line.partition(':')[0]}=" for line in lines]


def _guest_files(state: NotebookState, prefix: str) -> list[str]:
    """The folders and module files in the guest whose paths begin with `prefix`."""
    paths = state.look(["sh", "-c", 'ls -dp -- "$1"* 2>/dev/null', "sh", prefix]).splitlines()
    return [path for path in paths if path.endswith("/") or ".ko" in path]


def _tree_modules(state: NotebookState) -> list[str]:
    return _module_names(state.kernel_tree.modules)


@lru_cache(maxsize=1)
def _module_names(folder: Path) -> list[str]:
    stems = {path.name.partition(".ko")[0] for path in folder.rglob("*.ko*")}
    return sorted(stems | {kmod_name(stem) for stem in stems})  # modprobe takes usb-storage and usb_storage
