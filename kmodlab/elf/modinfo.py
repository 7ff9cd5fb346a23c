"""What a module says about itself: the .modinfo section, its vermagic, its parameters.

MODULE_LICENSE() and its kin put key=value strings there; modpost adds name, depends and vermagic when it makes the
.ko (linux/moduleparam.h, scripts/mod/modpost.c). Whether a kernel likes what it reads is left to the kernel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from kmodlab.elf.malformed_error import text_of

# What each key tells; the macros are in linux/module.h, the rest is modpost's.
MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "license": "under which licence: decides which symbols it may use (MODULE_LICENSE)",
        "author": "who wrote it (MODULE_AUTHOR)",
        "description": "what it does (MODULE_DESCRIPTION)",
        "version": "its own version (MODULE_VERSION)",
        "alias": "another name it is found by, such as a device's (MODULE_ALIAS, MODULE_DEVICE_TABLE)",
        "parm": "a parameter, and what it is for (MODULE_PARM_DESC)",
        "parmtype": "a parameter's type (module_param)",
        "firmware": "a file that the driver asks userspace for (MODULE_FIRMWARE)",
        "softdep": "modules to load before or after it, where they exist (MODULE_SOFTDEP)",
        "weakdep": "modules that it may want later (MODULE_WEAKDEP)",
        "import_ns": "a group of symbols that it asks to use (MODULE_IMPORT_NS)",
        "depends": "modules whose symbols it uses, found by modpost",
        "name": "its name in lsmod",
        "vermagic": "the kernel that it was built for, and options of it that must be the same",
        "intree": "built as part of the kernel's own source",
        "staging": "from the kernel's nursery for unfinished drivers",
        "retpoline": "built with the defence against Spectre's second variant",
        "srcversion": "a checksum of its sources",
        "file": "its path in the kernel's source, for one that is built in",
        "rhelversion": "the Red Hat release it was built for",
        "livepatch": "replaces functions of a running kernel",
        "test": "holds tests of the kernel (KUnit)",
    }
)


@dataclass(frozen=True)
class Parameter:
    """A parameter of a module. `kind` is module_param()'s word, such as "int"; it and `description` may be empty."""

    name: str
    kind: str
    description: str


@dataclass(frozen=True)
class Vermagic:
    """The kernel that a module was built for: its `release`, and `words` for options that change the kernel's ABI."""

    release: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join((self.release, *self.words))


@dataclass(frozen=True)
class Modinfo:
    """The key=value strings of a module, in the file's order; a key may be there several times.

    Those of a driver that is built in begin with its name ("hello.license"): `owner` is that name, and the keys are
    without it; None for a module's own.
    """

    entries: tuple[tuple[str, str], ...]
    owner: str | None = None

    def get(self, key: str) -> str | None:
        """The first value of a key; None where there is none."""
        return next((value for name, value in self.entries if name == key), None)

    def all(self, key: str) -> tuple[str, ...]:
        """All values of a key."""
        return tuple(value for name, value in self.entries if name == key)

    @property
    def vermagic(self) -> Vermagic | None:
        """The kernel that it was built for; None for what modpost has not seen."""
        text = self.get("vermagic")
        return None if text is None else parse_vermagic(text)

    @property
    def depends(self) -> tuple[str, ...]:
        """The modules whose symbols it uses."""
        return tuple(name for name in (self.get("depends") or "").split(",") if name)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters, in the order of their types' strings; those without a type come last."""
        kinds = dict(_split(value) for value in self.all("parmtype"))
        descriptions = dict(_split(value) for value in self.all("parm"))
        names = dict.fromkeys((*kinds, *descriptions))
        return tuple(Parameter(name, kinds.get(name, ""), descriptions.get(name, "")) for name in names)


def _split(value: str) -> tuple[str, str]:
    name, _, rest = value.partition(":")
    return name, rest


def parse_modinfo(section: bytes) -> Modinfo:
    """The strings of a .modinfo section: key=value, each ended by NUL. Those without "=" have an empty value."""
    texts = (text_of(entry) for entry in section.split(b"\0") if entry)
    entries = [(key, value) for key, _, value in (text.partition("=") for text in texts)]
    owners = {key.rpartition(".")[0] for key, _ in entries}
    # A module's own keys have no dot in them; a built-in's all begin with KBUILD_MODNAME (MODULE_PARAM_PREFIX).
    owner = next(iter(owners), "") if len(owners) == 1 else ""
    if not owner:
        return Modinfo(tuple(entries))
    return Modinfo(tuple((key.rpartition(".")[2], value) for key, value in entries), owner)


# linux/vermagic.h, and asm/vermagic.h of x86, arm and arm64.
_VERMAGIC_WORDS = {
    "SMP": "for machines with several processors",
    "preempt": "the kernel may interrupt itself",
    "preempt_rt": "a kernel for real-time work",
    "mod_unload": "modules can be unloaded",
    "modversions": "symbols carry checksums",
}


def parse_vermagic(text: str) -> Vermagic:
    """A vermagic's words; an empty one has an empty release."""
    release, *words = text.split() or [""]
    return Vermagic(release, tuple(words))


def explain_vermagic_word(word: str) -> str:
    """What a word of a vermagic means; empty for one that is not known."""
    if word.startswith("RANDSTRUCT_"):
        return "structures are shuffled, in the order of this seed"
    return _VERMAGIC_WORDS.get(word, "")


def vermagic_differences(module: Vermagic, kernel: Vermagic, *, versions: bool = True) -> tuple[str, ...]:
    """Why a kernel refuses a module, one sentence a difference; nothing when it does not.

    Where both have checksums of symbols (`versions`: the module has a __versions section), the kernel leaves the
    releases out of the comparison (same_magic() in kernel/module/version.c).
    """
    found = []
    if module.release != kernel.release and not (versions and "modversions" in kernel.words):
        found.append(f"The module is for {module.release}, the kernel is {kernel.release}.")
    found += [f"The module has {word!r}, the kernel has not." for word in module.words if word not in kernel.words]
    found += [f"The kernel has {word!r}, the module has not." for word in kernel.words if word not in module.words]
    return tuple(found)
