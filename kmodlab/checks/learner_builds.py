"""The builds of a learner's work, by the names of modules, and the lines of its sources."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from kmodlab.checks.check_result import Failure, Line
from kmodlab.checks.runner import CheckRunner
from kmodlab.crash.source_location import SourceLine
from kmodlab.errors import UsageError
from kmodlab.i18n import _
from kmodlab.kbuild.diagnostics import Diagnostic
from kmodlab.kbuild.result import Build
from kmodlab.kbuild.sources import Sources
from kmodlab.submission.learner_sources import LearnerSources

_LINE_LENGTH = 200  # characters that are kept of a line


class LearnerBuilds:
    """The modules that a learner's work builds. `runner` keeps the builds, so each is made once."""

    def __init__(self, work: LearnerSources, runner: CheckRunner) -> None:
        self._work, self._runner = work, runner

    def get(self, name: str) -> Build | Failure:
        """The build that makes the module `name`; a Failure if the work does not build it."""
        unit = self._find_unit(name)
        if unit is None:
            message = _("There is no module `{name}` yet.").format(name=name)
            return Failure(message, hint=_("Run the cell that begins with `%%kmod {name}`.").format(name=name))
        try:
            build = self._runner.build(self._work, unit)
        except UsageError as error:
            return Failure(str(error), hint=error.hint)
        if not build.passed:
            first = next(iter(build.errors), None)
            return Failure(build.sentence, self.line_of(first, [unit]) if first else None, first.hint if first else "")
        if name not in build.modules:
            files = ", ".join(f"`{module}.ko`" for module in build.modules)
            message = _("The build makes {files}, but no `{name}.ko`.").format(files=files, name=name)
            return Failure(message, hint=_("Look at `obj-m` in the Makefile."))
        return build

    def _find_unit(self, name: str) -> str | None:
        """The build that makes a module; if none does, the only one with a Makefile."""
        if name in self._work.units:
            return name
        for unit in self._work.units:
            try:
                if name in self._runner.build(self._work, unit).modules:
                    return unit
            except UsageError:
                continue
        return next(iter(self._work.makefiles), None) if len(self._work.makefiles) == 1 else None

    def module(self, name: str) -> bytes | Failure:
        """The contents of a module's .ko file; a Failure if the work does not build it."""
        build = self.get(name)
        return build if isinstance(build, Failure) else build.modules[name]

    def get_with_needed(self, name: str) -> Build | Failure:
        """The build of a module, named after it, with the modules before it whose symbols it uses; or a Failure."""
        build = self.get(name)
        if isinstance(build, Failure):
            return build
        modules: dict[str, bytes] = {}
        for unit in self._work.needs(build.name):
            modules |= self._runner.build(self._work, unit).modules
        return replace(build, name=name, modules={**modules, **build.modules})

    def sources(self, name: str) -> Sources:
        """The sources of a module that was built."""
        unit = self._find_unit(name)
        assert unit is not None
        return self._work.sources(unit, dict.fromkeys(self._work.needs(unit), b""))

    # ---- lines -----------------------------------------------------------------------------------------------------

    def line(self, file: str, number: int, units: Iterable[str] | None = None) -> Line | None:
        """A line of the learner's sources with its text; None if there is no such line."""
        for unit in self._work.units if units is None else units:
            try:
                content = self.sources(unit).files.get(file)
            except UsageError:
                continue
            lines = content.decode("utf-8", "replace").split("\n") if content else []
            if 0 < number <= len(lines):
                return Line(file, number, lines[number - 1].strip()[:_LINE_LENGTH])
        return None

    def line_of(self, diagnostic: Diagnostic, units: Iterable[str] | None = None) -> Line | None:
        """The line that a compiler's message is about; None if unknown."""
        return self.line(diagnostic.file, diagnostic.line, units) if diagnostic.line else None

    def line_at(self, location: SourceLine | None) -> Line | None:
        """The learner's line for a location from debugging information; None if unknown."""
        return self.line(location.file, location.line) if location else None
