"""`kmodlab new-exercise` and `kmodlab release` name the checks that somebody passes who does nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from kmodlab.guest.lab import Lab

KMODLAB = [sys.executable, "-m", "kmodlab"]
FREE = 'check("It leaves nothing behind", leaves_nothing("timer"))'


def kmodlab(*words: str | Path) -> str:
    argv = [*KMODLAB, *map(str, words)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_check_that_the_starter_passes_is_named_unless_it_is_given(lab: Lab, tmp_path: Path) -> None:
    assert "passes" not in kmodlab("new-exercise", "19-timer", "--root", tmp_path)
    master = tmp_path / "exercises" / "19-timer" / "master.ipynb"
    data = json.loads(master.read_text())
    hidden = next(cell for cell in data["cells"] if cell["id"] == "tidy")
    hidden["source"] = f"### BEGIN HIDDEN TESTS\n{FREE}\n### END HIDDEN TESTS"
    master.write_text(json.dumps(data))
    assert "The starter of 19-timer passes the check `tidy`: 1 of 3 points." in kmodlab("release", master)
    data["metadata"]["kmodlab"]["given"] = ["tidy"]
    data["cells"][0]["source"] += "\nMore."
    master.write_text(json.dumps(data))
    shown = kmodlab("release", master)
    assert "is written" in shown
    assert "passes" not in shown
