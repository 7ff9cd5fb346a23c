"""A learner's sources: C, Makefiles, scripts and answers, by the names in the first lines of their cells.

`LearnerSources.of` takes cells. If two have the same magic and name, the later one counts, as in a notebook. `sources`
collects what one build needs, in a notebook and in the grader alike. Files come from cells only, because a notebook is
handed in without other files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from kmodlab.errors import UsageError
from kmodlab.i18n import _
from kmodlab.kbuild.sources import Sources
from kmodlab.submission.cells import CellKind, LearnerCell, read_cell

_SYMVERS = ".symvers"


def as_file(body: str) -> str:
    """A cell's text as a file. An empty line stands for the magic, so that line numbers are those of the cell."""
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
        """The sources in cells, given by their texts in order; cells with other magics are ignored."""
        cells_of: dict[CellKind, dict[str, LearnerCell]] = {kind: {} for kind in CellKind}
        for cell in filter(None, map(read_cell, cells)):
            cells_of[cell.kind][cell.name] = cell
        return cls(
            modules=cells_of[CellKind.KMOD],
            makefiles=_bodies(cells_of[CellKind.MAKEFILE]),
            files=_bodies(cells_of[CellKind.KFILE]),
            scripts=_bodies(cells_of[CellKind.KSCRIPT]),
            answers={name: cell.body for name, cell in cells_of[CellKind.ANSWER].items()},
        )

    @property
    def units(self) -> tuple[str, ...]:
        """The names of the builds: one for each `%%kmod` cell, and for each Makefile without a `%%kmod` cell."""
        return tuple(dict.fromkeys((*self.modules, *self.makefiles)))

    def needs(self, unit: str) -> tuple[str, ...]:
        """Other builds whose Module.symvers this one names, as in `%%kmod user --file provider.symvers`."""
        named = self.modules[unit].files if unit in self.modules else ()
        stems = (name.removesuffix(_SYMVERS) for name in named if name.endswith(_SYMVERS) and name not in self.files)
        return tuple(stem for stem in stems if stem in self.units and stem != unit)

    def sources(self, unit: str, symvers: Mapping[str, bytes], *, reserved: Collection[str] = ()) -> Sources:
        """All files that one build needs.

        `symvers` are the Module.symvers of the builds that `needs` lists, by name; `reserved` are names that the
        module must not have.

        Raises:
            UsageError: A file is missing, or kbuild cannot build the sources.
        """
        files = dict(self._files(unit, symvers))
        if unit in self.makefiles:
            files["Makefile"] = self.makefiles[unit]
        return Sources.of(unit, files, reserved=reserved)

    def _files(self, unit: str, symvers: Mapping[str, bytes]) -> Iterator[tuple[str, str | bytes]]:
        if unit not in self.modules:  # the Makefile names the files that it uses
            yield from self.files.items()
            return
        cell = self.modules[unit]
        yield f"{unit}.c", as_file(cell.body)
        for number, name in enumerate(cell.files):
            stem = name.removesuffix(_SYMVERS)
            if name == f"{unit}.c":
                raise UsageError(_("The file {name!r} is the cell itself.").format(name=name))
            if name in cell.files[:number]:
                raise UsageError(_("The file {name!r} is named twice.").format(name=name[:60]))
            if name in self.files:
                yield name, self.files[name]
            elif stem != name and stem in symvers:
                yield name, symvers[stem]
            else:
                hint = _("Write the file in a cell that begins with `%%kfile {name}`: only cells are handed in.")
                raise UsageError(
                    _("There is no file {name!r} to build with.").format(name=name[:60]),
                    hint=hint.format(name=name[:60]),
                )


def _bodies(cells: Mapping[str, LearnerCell]) -> dict[str, str]:
    return {name: as_file(cell.body) for name, cell in cells.items()}
