"""Cells run in a real IPython, and tables that tests leave for the end of the run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cells import Run, run_cell
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from kmodlab.guest.lab import Lab
from kmodlab.notebook.extension import load, unload

TABLES = pytest.StashKey[dict[str, str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TABLES] = {}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for title, table in config.stash[TABLES].items():
        terminalreporter.section(title)
        terminalreporter.write_line(table)


@pytest.fixture(scope="session")
def tables(request: pytest.FixtureRequest) -> dict[str, str]:
    """Title and text of the tables to print."""
    return request.config.stash[TABLES]


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
    """Runs cells in a guest that is pristine at first."""
    run_cell(shell, "%reset_guest")
    return lambda source: run_cell(shell, source)
