"""The real lab, and a session in it, for all tests; tables that tests leave for the end of the run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kmodlab.guest.lab import Lab, load_lab
from kmodlab.guest.own_lab import OwnLab, load_own_lab
from kmodlab.guest.session import Session
from kmodlab.kernel.own import get_variant
from kmodlab.kernel.tree import KernelTree
from kmodlab.settings import get_settings

pytest_plugins = ["browser_fixtures", "notebook_fixtures"]


@pytest.fixture(scope="session")
def lab() -> Lab:
    return load_lab(get_settings())


@pytest.fixture(scope="session")
def small_lab(lab: Lab) -> OwnLab:
    """The lab with the small kernel of our own, which `kmodlab kernel` has built."""
    return load_own_lab(get_settings(), get_variant("small"))


@pytest.fixture(scope="session")
def debug_lab(lab: Lab) -> OwnLab:
    """The lab with the debug kernel, which `kmodlab kernel --debug` has built."""
    return load_own_lab(get_settings(), get_variant("debug"))


@pytest.fixture(scope="session")
def tree(lab: Lab) -> KernelTree:
    return lab.tree


@pytest.fixture(scope="module")
def shared_session(lab: Lab) -> Iterator[Session]:
    """One session for a module's tests: its memory is loaded once."""
    with Session(lab) as session:
        yield session


@pytest.fixture
def session(shared_session: Session) -> Session:
    """A session whose guest is pristine."""
    shared_session.reset()
    return shared_session


# ---- tables --------------------------------------------------------------------------------------------------------

TABLES = pytest.StashKey[dict[str, str]]()


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks at the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need the lab: `-m 'not lab'` runs the others, in seconds and without a set-up."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "lab" in fixtures:
            item.add_marker(pytest.mark.lab)
        if "small_lab" in fixtures:
            item.add_marker(pytest.mark.xdist_group("small kernel"))  # each build of it takes both processors


@pytest.hookimpl(trylast=True)  # after pytest-xdist has made its session
def pytest_configure(config: pytest.Config) -> None:
    config.stash[TABLES] = {}
    # Where several processes run the tests, each hands its tables over to the one that prints.
    if config.pluginmanager.hasplugin("dsession"):
        config.pluginmanager.register(_TakesTables(config))


class _TakesTables:
    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_testnodedown(self, node: Any) -> None:
        self._config.stash[TABLES].update(getattr(node, "workeroutput", {}).get("tables", {}))


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["tables"] = session.config.stash[TABLES]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for title, table in config.stash[TABLES].items():
        terminalreporter.section(title)
        terminalreporter.write_line(table)


@pytest.fixture(scope="session")
def tables(request: pytest.FixtureRequest) -> dict[str, str]:
    """Title and text of the tables to print."""
    return request.config.stash[TABLES]
