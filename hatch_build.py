"""Puts the course into the wheel as learners get it: without speaker's notes, masters and outputs that give answers."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CourseBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Makes the learner's files in a temporary folder, from where hatchling takes them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before a wheel is built; an editable one uses the checkout itself."""
        if version == "editable":
            return
        sys.path.insert(0, self.root)
        from kmodlab.course.course_files import write_course_files  # the checkout's; it needs no other package

        self._scratch = tempfile.TemporaryDirectory()
        write_course_files(Path(self.root), Path(self._scratch.name))
        build_data["force_include"][self._scratch.name] = "kmodlab/data/course"

    def finalize(self, version: str, _build_data: dict[str, Any], _artifact_path: str) -> None:
        """Called when the wheel is built."""
        if version != "editable":
            self._scratch.cleanup()
