"""Stages of the lab: folders that are made once, sealed, and found again by what they were made from.

A stage is named by a digest of its contents. A new one is made beside those in use, which stay until it is complete:
nothing refers to it before `lab.json` does. One that replaces a damaged stage and has its contents takes its name.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kmodlab.files import PARTIAL, put_folder, remove, scratch_folder
from kmodlab.manifest import find_damage, made_from, seal


def find_stage(parent: Path, inputs: str) -> Path | None:
    """The stage in a folder that was made from `inputs`, if all its files are whole; they are all read."""
    for stage in sorted(parent.iterdir()) if parent.is_dir() else ():
        if not stage.name.startswith(PARTIAL) and made_from(stage) == inputs and is_whole(stage):
            return stage
    return None


def is_whole(stage: Path) -> bool:
    """Whether all files of a stage are as they were made; they are all read."""
    return find_damage(stage, thorough=True) is None


def make_stage(
    parent: Path,
    inputs: str,
    make: Callable[[Path], None],
    *,
    is_essential: Callable[[str], bool] = lambda _path: True,
    anew: bool = False,
) -> Path:
    """The stage in a folder that was made from `inputs`; if none is whole, or it is to be made anew, `make` fills one.

    `is_essential` is that of `manifest.seal`. Raises: OSError, and what `make` raises.
    """
    stage = None if anew else find_stage(parent, inputs)
    if stage:
        return stage
    if not parent.is_dir():
        parent.mkdir(parents=True)
        parent.chmod(0o755)  # those who share the lab, and the sandbox, are other users
    with scratch_folder(parent) as partial:
        make(partial)
        stage = parent / seal(partial, inputs, is_essential)
        if made_from(stage) == inputs and is_whole(stage):
            remove(partial)  # guests may be using the same contents
        else:
            put_folder(partial, stage)
    return stage
