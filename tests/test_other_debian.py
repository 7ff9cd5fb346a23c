"""The root of the other Debian, where it cannot be made: a sentence says why, and nothing is left behind."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "other-debian"
AS_ROOT = ("bwrap", "--dev-bind", "/", "/", "--unshare-user", "--uid", "0", "--gid", "0")


def run(*argv: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **variables}
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=600, check=False)


def test_without_a_command_it_says_how_it_is_called() -> None:
    done = run(str(SCRIPT))
    assert (done.returncode, done.stderr) == (2, "usage: .ci/other-debian COMMAND...\n")


def test_without_mmdebstrap_it_says_what_installs_it(tmp_path: Path) -> None:
    for name in ("bash", "dirname", "env", "grep", "id"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    done = run("/usr/bin/bwrap", *AS_ROOT[1:], "--", str(SCRIPT), "true", PATH=str(tmp_path), HOME=str(tmp_path))
    assert done.returncode == 4
    assert "mmdebstrap is missing" in done.stderr and "binder/setup.sh test-long" in done.stderr


@pytest.mark.long
def test_without_a_network_it_says_so_and_leaves_no_half_of_a_root(tmp_path: Path) -> None:
    done = run(*AS_ROOT, "--unshare-net", "--", str(SCRIPT), "true", XDG_CACHE_HOME=str(tmp_path))
    assert done.returncode == 4
    assert "could not be had" in done.stderr and "Is the network there?" in done.stderr
    assert not list(tmp_path.glob("*/root*"))
