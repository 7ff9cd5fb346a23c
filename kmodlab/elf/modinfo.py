"""Reads the .modinfo section, in which a module describes itself, with its vermagic and its parameters.

MODULE_LICENSE() and similar macros put key=value strings there; modpost adds name, depends and vermagic when it makes
the .ko (linux/moduleparam.h, scripts/mod/modpost.c).
"""

from __future__ import annotations

from dataclasses import dataclass

from kmodlab.elf.contents import text_of
from kmodlab.i18n import N_, _

# What each key says; the macros are in linux/module.h, modpost writes the other keys.
_MEANINGS = {
    "license": N_("its licence, which decides which symbols it may use (MODULE_LICENSE)"),
    "author": N_("who wrote it (MODULE_AUTHOR)"),
    "description": N_("what it does (MODULE_DESCRIPTION)"),
    "version": N_("its own version (MODULE_VERSION)"),
    "alias": N_("another name for it, such as a device's (MODULE_ALIAS, MODULE_DEVICE_TABLE)"),
    "parm": N_("a parameter, and what it is for (MODULE_PARM_DESC)"),
    "parmtype": N_("a parameter's type (module_param)"),
    "firmware": N_("a file that the driver asks userspace for (MODULE_FIRMWARE)"),
    "softdep": N_("modules to load before or after it, if they exist (MODULE_SOFTDEP)"),
    "weakdep": N_("modules that it may need later (MODULE_WEAKDEP)"),
    "import_ns": N_("a group of symbols that it asks to use (MODULE_IMPORT_NS)"),
    "depends": N_("modules whose symbols it uses, found by modpost"),
    "name": N_("its name in lsmod"),
    "vermagic": N_("the kernel that it was built for, and options of that kernel that must be the same"),
    "intree": N_("built as part of the kernel's own source"),
    "staging": N_("from drivers/staging, where the kernel keeps unfinished drivers"),
    "retpoline": N_("built with a protection against Spectre, variant 2"),
    "srcversion": N_("a checksum of its sources"),
    "file": N_("its path in the kernel's source, for a driver that is built in"),
    "rhelversion": N_("the Red Hat release it was built for"),
    "livepatch": N_("replaces functions of a running kernel"),
    "test": N_("holds tests of the kernel (KUnit)"),
}


@dataclass(frozen=True)
class Parameter:
    """A parameter of a module; `kind` is its type in module_param(), such as "int".

    `kind` and `description` may be empty.
    """

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
    """The key=value strings of a module, in the file's order; a key may occur several times.

    The keys of a built-in driver begin with its name ("hello.license"). `owner` is that name, which is removed from the
    keys here; None for a module.
    """

    entries: tuple[tuple[str, str], ...]
    owner: str | None = None

    def get(self, key: str) -> str | None:
        """The first value of a key; None if the key is missing."""
        return next((value for name, value in self.entries if name == key), None)

    def all(self, key: str) -> tuple[str, ...]:
        """All values of a key."""
        return tuple(value for name, value in self.entries if name == key)

    @property
    def vermagic(self) -> Vermagic | None:
        """The kernel that the module was built for; None if modpost has not added vermagic yet."""
        text = self.get("vermagic")
        return None if text is None else parse_vermagic(text)

    @property
    def depends(self) -> tuple[str, ...]:
        """The modules whose symbols this one uses."""
        return tuple(name for name in (self.get("depends") or "").split(",") if name)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters, in the order of their types' strings; those without a type come last."""
        kinds = dict(_split(value) for value in self.all("parmtype"))
        descriptions = dict(_split(value) for value in self.all("parm"))
        names = dict.fromkeys((*kinds, *descriptions))
        return tuple(Parameter(name, kinds.get(name, ""), descriptions.get(name, "")) for name in names)


def _split(value: str) -> tuple[str, str]:
    name, _colon, text = value.partition(":")
    return name, text


def parse_modinfo(section: bytes) -> Modinfo:
    """Parse a .modinfo section: strings key=value that end with NUL. A string without "=" has an empty value."""
    texts = (text_of(entry) for entry in section.split(b"\0") if entry)
    entries = [(key, value) for key, _equals, value in (text.partition("=") for text in texts)]
    owners = {key.rpartition(".")[0] for key, _value in entries}
    # A module's keys have no dot; those of a built-in driver begin with KBUILD_MODNAME (MODULE_PARAM_PREFIX).
    owner = next(iter(owners), "") if len(owners) == 1 else ""
    if not owner:
        return Modinfo(tuple(entries))
    return Modinfo(tuple((key.rpartition(".")[2], value) for key, value in entries), owner)


def explain_key(key: str) -> str:
    """The meaning of a key of .modinfo, in the reader's language; empty for an unknown key."""
    return _(_MEANINGS.get(key, ""))


# linux/vermagic.h, and asm/vermagic.h of x86, arm and arm64.
_VERMAGIC_WORDS = {
    "SMP": N_("for machines with several processors"),
    "preempt": N_("the kernel may interrupt itself"),
    "preempt_rt": N_("a kernel for real-time work"),
    "mod_unload": N_("modules can be unloaded"),
    "modversions": N_("symbols carry checksums"),
}


def parse_vermagic(text: str) -> Vermagic:
    """Split a vermagic into its words; the release of an empty text is empty."""
    release, *words = text.split() or [""]
    return Vermagic(release, tuple(words))


def explain_vermagic_word(word: str) -> str:
    """The meaning of a word of a vermagic, in the reader's language; empty for an unknown word."""
    if word.startswith("RANDSTRUCT_"):
        return _("structures are shuffled; this number identifies their order")
    return _(_VERMAGIC_WORDS.get(word, ""))
