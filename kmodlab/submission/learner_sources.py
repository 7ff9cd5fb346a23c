"""What a learner wrote, as data: C, Makefiles, scripts and answers, by the names in their cells' first lines.

`LearnerSources.of` takes cells; the later of two with the same magic and name counts, as in a notebook. `sources`
puts together what one build needs, for a notebook as for the grader. Files come from cells alone, since a notebook is
handed in by itself. Whether any of it is right is left to the checks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
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

    def sources(self, unit: str, symvers: Mapping[str, bytes], *, reserved: Collection[str] = ()) -> Sources:
        """All that one build needs.

        `symvers` are the Module.symvers of other builds, by their names, as `needs` lists them; `reserved` are the
        names of modules that are taken.

        Raises:
            UsageError: a file is missing, or the sources cannot be built as they are.
        """
        files = dict(self._files(unit, symvers))
        if unit in self.makefiles:
            files["Makefile"] = self.makefiles[unit]
        return Sources.of(unit, files, reserved=reserved)

    def _files(self, unit: str, symvers: Mapping[str, bytes]) -> Iterator[tuple[str, str | bytes]]:
        if unit not in self.modules:  # a Makefile says by itself which of the files it wants
            yield from self.files.items()
            return
        cell = self.modules[unit]
        yield f"{unit}.c", as_file(cell.body)
        for number, name in enumerate(cell.files):
            stem = name.removesuffix(_SYMVERS)
            if name in (f"{unit}.c", *cell.files[:number]):
                own = "is the cell itself" if name == f"{unit}.c" else "is named twice"
                raise UsageError(f"The file {name[:60]!r} {own}.")
            if name in self.files:
                yield name, self.files[name]
            elif stem != name and stem in symvers:
                yield name, symvers[stem]
            else:
                raise UsageError(
                    f"There is no file {name[:60]!r} to build with.",
                    hint=f"Begin a cell with `%%kfile {name[:60]}` and write it there: what is handed in are cells.",
                )


def _bodies(cells: Mapping[str, LearnerCell]) -> dict[str, str]:
    return {name: as_file(cell.body) for name, cell in cells.items()}
