"""The change that the cells of one notebook make in the kernel's tree."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath

from kmodlab.kbuild.intree_result import InTreeBuild
from kmodlab.kbuild.sources import kmod_name
from kmodlab.kbuild.tree_change import TreeChange

CELL_MARGIN = 1  # lines of a cell above its text: the magic


@dataclass
class LearnerTree:
    """`texts` by path in the tree, the `answers` to Kconfig's questions, and the last build of both."""

    texts: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    build: InTreeBuild | None = None

    @property
    def change(self) -> TreeChange:
        """The whole change, checked.

        Raises: UsageError if a path, a size, an option or a value is not allowed.
        """
        return TreeChange.of(self.texts, self.answers, CELL_MARGIN)

    def find_builtin(self, name: str) -> tuple[InTreeBuild, str] | None:
        """The last build, and the path of the source of its built-in driver `name`; None if it has no such driver."""
        if self.build and self.build.passed:
            for path in self.build.objects:
                kmod = kmod_name(PurePosixPath(path).stem)
                if kmod == kmod_name(name) and kmod not in map(kmod_name, self.build.modules):
                    return self.build, path
        return None
