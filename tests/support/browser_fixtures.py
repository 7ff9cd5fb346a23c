"""Fixtures of the browser tests: a real Chromium, a JupyterLab, and the course's decks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from overflow import NOTEBOOKS, chromium
from pages import Server
from playwright.sync_api import Browser

from kmodlab.guest.lab import Lab

START_S = 300
REPOSITORY = Path(__file__).parents[2]
# The Python of another JupyterLab that has our extension; its ipykernels must run in this Python.
PYTHON = os.environ.get("KMODLAB_TEST_JUPYTERLAB", sys.executable)


# Not for the whole session: Playwright runs an event loop in this thread, which prevents any other.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def server(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("jupyter")
    notebooks = home / "notebooks"
    shutil.copytree(NOTEBOOKS, notebooks, ignore=shutil.ignore_patterns(".*"))
    with jupyterlab(home, notebooks) as server:
        yield server


@contextmanager
def jupyterlab(home: Path, root: Path) -> Iterator[Server]:
    """A JupyterLab for a folder, which has its settings in `home`."""
    # The same setting as in the set-up: JupyterLab must not ask its server for news.
    settings = home / "config" / "labconfig" / "page_config.json"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}')
    folders = {f"JUPYTER_{kind.upper()}_DIR": str(home / kind) for kind in ("config", "data", "runtime")}
    options = [
        "--ip=127.0.0.1",
        "--port=0",
        "--no-browser",
        "--allow-root",
        "--IdentityProvider.token=secret",
        "--LabApp.expose_app_in_browser=True",
        f"--ServerApp.root_dir={root}",
    ]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), **folders, "IPYTHONDIR": str(home / "ipython")}
    with (home / "log").open("w") as log:
        child = subprocess.Popen(
            [PYTHON, "-m", "jupyterlab", *options],
            cwd=root,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield Server(wait_for_url(home / "runtime", child, home / "log"), root)
        finally:
            child.terminate()
            child.wait(30)


def wait_for_url(runtime: Path, child: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and child.poll() is None:
        for file in runtime.glob("jpserver-*.json") if runtime.is_dir() else []:
            if file.stat().st_size:
                url: str = json.loads(file.read_text())["url"]
                return url
        time.sleep(0.1)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="session")
def decks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the decks from `kmodlab slides`."""
    out = tmp_path_factory.mktemp("decks")
    subprocess.run([sys.executable, "-m", "kmodlab", "slides", str(out)], check=True, capture_output=True, timeout=600)
    return out
