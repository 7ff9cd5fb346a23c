"""A module's sources as a folder in which `make` builds it by hand, without kmodlab."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from kmodlab.errors import UsageError
from kmodlab.files import read_file, replace_bytes
from kmodlab.i18n import _, ngettext
from kmodlab.kbuild.sources import FILE_LIMIT, MAKEFILES, MAKES_OWN, Sources, kmod_name

_VERSION = re.compile(rb'^MODULE_VERSION\("([\w.-]+)"\)', re.MULTILINE)
# Files that kbuild leaves beside the sources, as in Documentation/kbuild/modules.rst and seen in a real build.
_LEFT_BEHIND = ("*.o", "*.ko", "*.mod", "*.mod.c", "*.cmd", ".tmp_versions/", "Module.symvers", "modules.order")

_MAKEFILE = """\
# kbuild reads the file Kbuild; this one is for `make` by hand.
# KDIR is the folder of the headers; they must be those of the kernel that will load the module.

KDIR ?= /lib/modules/$(shell uname -r)/build

all: modules

modules modules_install clean help:
	$(MAKE) -C $(KDIR) M=$(CURDIR) $@

.PHONY: all modules modules_install clean help
"""

_README = """\
# {name}

A module for the Linux kernel.

It is built with the headers of the kernel that will load it:

| | |
| --- | --- |
| Debian, Ubuntu | `sudo apt install build-essential linux-headers-$(uname -r)` |
| Fedora | `sudo dnf install gcc make kernel-devel-$(uname -r)` |
| Arch | `sudo pacman -S base-devel linux-headers` |

A mistake in a module can stop the machine or damage its files. Try it in a virtual machine first; on your own one, save
your work and run `sync` before.

    make                          # builds {files}
{load}
    sudo dmesg | tail             # what it logged
{unload}
    make clean

`make KDIR=/path/to/headers` builds for another kernel, and with `ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu-` for
another processor. `sudo make modules_install && sudo depmod` puts the module where modprobe finds it.
"""

_DKMS = """\
# See dkms(8).
PACKAGE_NAME="{name}"
PACKAGE_VERSION="{version}"
{modules}
AUTOINSTALL="yes"
"""


def files_for_make(sources: Sources, modules: Iterable[str], *, dkms: bool = False) -> dict[str, bytes]:
    """The files of the folder by name: the sources, Kbuild, Makefile, README.md, .gitignore, and dkms.conf if asked.

    `modules` are the names of the modules that the build makes, without .ko. The learner's Makefile becomes Kbuild.

    Raises: UsageError if the sources have files of these names, or a Makefile that kbuild does not read.
    """
    files = {name: data for name, data in sources.files.items() if name not in MAKEFILES}
    names = list(modules)
    ours: dict[str, str] = {
        "Makefile": _MAKEFILE,
        "README.md": _readme(sources.name, names),
        ".gitignore": "\n".join(_LEFT_BEHIND) + "\n",
    }
    if dkms:
        ours["dkms.conf"] = _dkms(sources, names)
    for name in (*MAKES_OWN, *ours):
        if name in files:
            raise UsageError(_("{name} would be in the way of the Makefile for `make` by hand.").format(name=name))
    return {
        **files,
        "Kbuild": sources.makefile.encode(),
        **{name: text.encode() for name, text in ours.items()},
    }


def _readme(name: str, modules: list[str]) -> str:
    files = [f"{module}.ko" for module in modules]
    load = [f"    sudo insmod {file}" for file in files]
    unload = [f"    sudo rmmod {kmod_name(module)}" for module in reversed(modules)]
    return _README.format(name=name, files=", ".join(files), load="\n".join(load), unload="\n".join(unload))


def _dkms(sources: Sources, modules: list[str]) -> str:
    versions = (match[1].decode() for data in sources.files.values() for match in _VERSION.finditer(data))
    lines = [
        f'BUILT_MODULE_NAME[{number}]="{module}"\nDEST_MODULE_LOCATION[{number}]="/updates/dkms"'
        for number, module in enumerate(modules)
    ]
    return _DKMS.format(name=sources.name, version=next(versions, "0.1"), modules="\n".join(lines))


def write_folder(folder: Path, files: Mapping[str, bytes], *, replace: bool = False) -> None:
    """Write the files into a folder, which is made if it is missing.

    Raises: UsageError if a file exists there with another content, unless `replace`; then nothing is written.
    """
    others = [name for name, data in files.items() if _is_other(folder / name, data)]
    if others and not replace:
        sentence = ngettext(
            "{folder} has another {names} already.", "{folder} has others already of: {names}.", len(others)
        ).format(folder=folder, names=", ".join(others))
        raise UsageError(sentence, hint=_("Choose another folder, or replace them with --force."))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            replace_bytes(folder / name, data)
    except OSError as exc:
        message = _("{folder} cannot be written: {error}.").format(folder=folder, error=exc.strerror)
        raise UsageError(message, hint=_("Choose another folder.")) from exc


def _is_other(path: Path, data: bytes) -> bool:
    try:
        return read_file(path, FILE_LIMIT + 1, follow=False) != data
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # not a file of ours: a folder, a pipe, or unreadable
