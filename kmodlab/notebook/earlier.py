"""Finds what earlier versions of a cell's module left behind in the guest, and what would be lost with the guest.

A module that does not undo in exit what it did in init leaves a class, a file or a timer in the kernel. The next
version then fails because of it, however right it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from kmodlab.elf.database_text import name_of, parse_dep
from kmodlab.guest.devices import DEVICES
from kmodlab.guest.image import BOOT_MODULES, find_with_dependencies
from kmodlab.guest.lab import Lab
from kmodlab.guest.session import Session
from kmodlab.i18n import _, ngettext
from kmodlab.kbuild.sources import kmod_name
from kmodlab.tracer.failed_call import Circumstances
from kmodlab.tracer.leftovers import LeftoverSearch, find_subjects, may_stay
from kmodlab.tracer.run import GUEST_FOLDER, Leftover

_Version = tuple[tuple[tuple[str, bytes], ...], tuple[str, ...], tuple[str, ...]]


@dataclass
class EarlierVersions:
    """The modules that were loaded into one guest, by the cell's name; `generation` is that of the session."""

    generation: int = 0
    _loaded: dict[str, dict[_Version, Circumstances]] = field(default_factory=dict)
    _searches: dict[_Version, LeftoverSearch] = field(default_factory=dict)

    def note(self, generation: int, name: str, circumstances: Circumstances) -> None:
        """Record that the modules of a cell were loaded into this guest."""
        if generation != self.generation:
            self.generation, self._loaded = generation, {}
        version = (tuple(circumstances.build.modules.items()), circumstances.parameters, circumstances.after)
        self._loaded.setdefault(name, {})[version] = circumstances

    def search(self, lab: Lab, generation: int, name: str) -> list[LeftoverSearch]:
        """Start searches in the background for what the versions that were loaded into this guest leave behind."""
        loaded = self._loaded.get(name, {}) if generation == self.generation else {}
        for version, circumstances in loaded.items():
            if version not in self._searches:
                subjects = find_subjects(circumstances.build, circumstances, may_stay)
                self._searches[version] = LeftoverSearch(lab, subjects)
        return [self._searches[version] for version in loaded]


def find_in_guest(session: Session, searches: Iterable[LeftoverSearch]) -> tuple[Leftover, ...]:
    """The leftovers that the searches have found and that are still in the session's guest."""
    leftovers = dict.fromkeys(leftover for search in searches for leftover in search.result())
    return tuple(leftover for leftover in leftovers if _is_there(session, leftover.entry))


def _is_there(session: Session, entry: str) -> bool:
    """Whether an entry's path exists in the guest. An entry that is not a path stays as long as the guest lives."""
    return not entry.startswith("/") or session.run(["stat", entry], in_agent=True).ok


def describe_leftovers(leftovers: Collection[Leftover]) -> str:
    """A sentence about what earlier versions of a module left behind."""
    paths = {leftover.entry for leftover in leftovers if leftover.entry.startswith("/")}
    things = list(dict.fromkeys(f"`{left.entry}`" if left.entry in paths else left.what for left in leftovers))
    message = ngettext(
        "An earlier version of this module left this behind: {things}.",
        "An earlier version of this module left these behind: {things}.",
        len(things),
    )
    return message.format(things=", ".join(things))


# ---- what a fresh guest would not have -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Losses:
    """What would be lost with a guest: loaded modules, plugged in devices, files in /root."""

    modules: tuple[str, ...]
    devices: tuple[str, ...]
    files: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.modules or self.devices or self.files)

    @property
    def sentence(self) -> str:
        """A sentence about what is lost with the guest."""
        return _("A fresh guest, by `%reset_guest`, has nothing of that; it would lose {things}.").format(
            things="; ".join(self._things())
        )

    def _things(self) -> Iterator[str]:
        if self.modules:
            message = ngettext("the module {names}", "the modules {names}", len(self.modules))
            yield message.format(names=_list(self.modules))
        if self.devices:
            message = ngettext("the device {names}", "the devices {names}", len(self.devices))
            yield message.format(names=_list(self.devices))
        if self.files:
            message = ngettext("the file {names}", "the files {names}", len(self.files))
            yield message.format(names=_list(f"{GUEST_FOLDER}/{name}" for name in self.files))


def _list(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def find_losses(session: Session, loaded: Iterable[str], own: Iterable[str], built: Iterable[str]) -> Losses:
    """What would be lost with the session's guest.

    `loaded` are the loaded modules, `own` those that are replaced anyway, `built` the files that cells have built.
    """
    kept = {*own, *_boot_modules(session.lab)}
    plugged = {item["name"] for item in session.monitor("qom-list", {"path": "/machine/peripheral"})}
    files = session.run(["ls", "-A", GUEST_FOLDER]).stdout.decode("utf-8", "replace").split("\n")
    return Losses(
        modules=tuple(name for name in loaded if name not in kept),
        devices=tuple(name for name in DEVICES if name in plugged),
        files=tuple(sorted(set(files) - {"", *built})),
    )


def _boot_modules(lab: Lab) -> set[str]:
    """The modules that are loaded in a fresh guest."""
    depends = parse_dep((lab.tree.modules / "modules.dep").read_bytes())
    return {kmod_name(name_of(path)) for path in find_with_dependencies(BOOT_MODULES, depends)}
