"""The sandbox under attack: with it the attacks get nowhere, and without it the report says so."""

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
    status, report = attack()
    assert report["sandbox"]["works"]
    assert [canary["attack"] for canary in report["attacks"] if not canary["holds"]] == []
    assert status == 0


def test_without_one_the_same_attacks_succeed() -> None:
    status, report = attack(KMODLAB_SANDBOX="off")
    got_through = {canary["attack"] for canary in report["attacks"] if not canary["holds"]}
    assert got_through >= {"reads a file of this machine", "connects to a port of this machine"}
    assert status == 4
