"""The sandbox under attack: where there is one the canaries get nowhere, and where there is none they say so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any


def attack(**settings: str) -> tuple[int, dict[str, Any]]:
    argv = [sys.executable, "-m", "kmodlab", "doctor", "--sandbox", "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False, env=os.environ | settings)
    assert not done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_in_the_sandbox_no_attack_gets_anywhere() -> None:
    status, found = attack()
    assert found["sandbox"]["works"]
    assert [one["attack"] for one in found["attacks"] if not one["holds"]] == []
    assert status == 0


def test_without_one_the_same_attacks_succeed() -> None:
    status, found = attack(KMODLAB_SANDBOX="off")
    got_through = {one["attack"] for one in found["attacks"] if not one["holds"]}
    assert got_through >= {"reads a file of this machine", "connects to a port of this machine"}
    assert status == 4
