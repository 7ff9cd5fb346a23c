"""The real lab, and a session in it, for all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kmodlab.guest.lab import Lab, load_lab
from kmodlab.guest.session import Session
from kmodlab.kernel.tree import KernelTree
from kmodlab.settings import get_settings


@pytest.fixture(scope="session")
def lab() -> Lab:
    return load_lab(get_settings())


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
