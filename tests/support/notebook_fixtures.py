"""Fixtures that run cells in a real IPython."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cells import Run, run_cell
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from kmodlab.guest.lab import Lab
from kmodlab.notebook.extension import load, unload


@pytest.fixture(scope="module")
def shell(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InteractiveShell]:
    folder = tmp_path_factory.mktemp("ipython")
    config = Config({"HistoryManager": {"enabled": False}, "InteractiveShell": {"colors": "nocolor"}})
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=config, ipython_dir=str(folder))
    load(shell)
    yield shell
    unload(shell)
    InteractiveShell.clear_instance()


@pytest.fixture
def run(shell: InteractiveShell) -> Run:
    """A function that runs cells, in a guest that is fresh at first."""
    run_cell(shell, "%reset_guest")
    return lambda source: run_cell(shell, source)
