"""What a learner wrote, as data: C, Makefiles, scripts and answers, by the names in their cells' first lines.

`Work.of` takes cells; the later of two with the same magic and name counts, as in a notebook. `sources` puts together
what one build needs. Whether any of it is right is left to the checks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from kmodlab.errors import UsageError
from kmodlab.kbuild.sources import Sources
from kmodlab.submission.cells import CellKind, LearnerCell, read_cell

_SYMVERS = ".symvers"


def as_file(body: str) -> str:
    """A cell's text as a file. An empty line stands for the magic's own, so line numbers are those of the cell."""
    return f"\n{body}"


@dataclass(frozen=True)
class LearnerSources:
    """The cells of one notebook. `modules` are `%%kmod` cells by name, `files` those of `%%kfile`, and so on."""

    modules: Mapping[str, LearnerCell] = field(default_factory=dict)
    makefiles: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    scripts: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, cells: Iterable[str]) -> LearnerSources:
        """The work in the sources of cells, in their order; what is no cell of ours is passed over."""
        found: dict[CellKind, dict[str, LearnerCell]] = {kind: {} for kind in CellKind}
        for cell in filter(None, map(read_cell, cells)):
            found[cell.kind][cell.name] = cell
        return cls(
            modules=found[CellKind.KMOD],
            makefiles=_bodies(found[CellKind.MAKEFILE]),
            files=_bodies(found[CellKind.KFILE]),
            scripts=_bodies(found[CellKind.KSCRIPT]),
            answers={name: cell.body for name, cell in found[CellKind.ANSWER].items()},
        )

    @property
    def units(self) -> tuple[str, ...]:
        """What is built: one build for each `%%kmod` cell, and for each Makefile that has no such cell."""
        return tuple(dict.fromkeys((*self.modules, *self.makefiles)))

    def needs(self, unit: str) -> tuple[str, ...]:
        """Other builds whose Module.symvers this one names, as in `%%kmod user --file provider.symvers`."""
        named = self.modules[unit].files if unit in self.modules else ()
        stems = (name.removesuffix(_SYMVERS) for name in named if name.endswith(_SYMVERS) and name not in self.files)
        return tuple(stem for stem in stems if stem in self.units and stem != unit)

    def sources(self, unit: str, symvers: Mapping[str, bytes]) -> Sources:
        """All that one build needs; `symvers` are the Module.symvers of the builds in `needs`. UsageError where not."""
        files: dict[str, str | bytes] = dict(self._files(unit))
        files |= {f"{name}{_SYMVERS}": content for name, content in symvers.items()}
        if unit in self.makefiles:
            files["Makefile"] = self.makefiles[unit]
        return Sources.of(unit, files)

    def _files(self, unit: str) -> Iterator[tuple[str, str]]:
        if unit not in self.modules:  # a Makefile says by itself which of the files it wants
            yield from self.files.items()
            return
        cell = self.modules[unit]
        yield f"{unit}.c", as_file(cell.body)
        for name in cell.files:
            if name in self.files:
                yield name, self.files[name]
            elif name.removesuffix(_SYMVERS) not in self.needs(unit):
                raise UsageError(
                    f"There is no file {name[:60]!r} to build with.",
                    hint=f"Begin a cell with `%%kfile {name[:60]}` and write it there.",
                )


def _bodies(cells: Mapping[str, LearnerCell]) -> dict[str, str]:
    return {name: as_file(cell.body) for name, cell in cells.items()}
