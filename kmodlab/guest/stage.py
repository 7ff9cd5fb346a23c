"""Stages of the lab: folders that are made once, sealed, and found again by their inputs.

A stage is named by a digest of its contents. A new stage is made beside those in use, and nothing refers to it before
`lab.json` does. A stage with the contents of a damaged stage replaces that one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kmodlab.files import PARTIAL, put_folder, remove, scratch_folder
from kmodlab.manifest import find_damage, made_from, seal


def find_stage(parent: Path, inputs: str) -> Path | None:
    """The stage in the folder `parent` that was made from `inputs`; None if missing or damaged. Reads all its files."""
    for stage in sorted(parent.iterdir()) if parent.is_dir() else ():
        if not stage.name.startswith(PARTIAL) and made_from(stage) == inputs and is_whole(stage):
            return stage
    return None


def is_whole(stage: Path) -> bool:
    """Whether all files of a stage are unaltered; reads them all."""
    return find_damage(stage, thorough=True) is None


def make_stage(
    parent: Path,
    inputs: str,
    make: Callable[[Path], None],
    *,
    is_essential: Callable[[str], bool] = lambda _path: True,
    anew: bool = False,
) -> Path:
    """The stage in the folder `parent` that was made from `inputs`; `make` fills it if missing, damaged, or `anew`.

    `is_essential` is passed to `manifest.seal`.

    Raises: OSError, and the exceptions of `make`.
    """
    stage = None if anew else find_stage(parent, inputs)
    if stage:
        return stage
    if not parent.is_dir():
        parent.mkdir(parents=True)
        parent.chmod(0o755)  # for the sandbox and people who share the lab, who are other users
    with scratch_folder(parent) as partial:
        make(partial)
        stage = parent / seal(partial, inputs, is_essential)
        if made_from(stage) == inputs and is_whole(stage):
            remove(partial)  # guests may be using the same contents
        else:
            put_folder(partial, stage)
    return stage
