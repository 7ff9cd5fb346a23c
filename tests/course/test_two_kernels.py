"""Nothing that is stored depends on one build of a kernel: Debian may update its own at any time."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from kmodlab.guest.lab import Lab

ROOT = Path(__file__).parents[2]
SANITIZERS = ROOT / "notebooks" / "nbval_sanitize.cfg"
STORED = sorted([*(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / "exercises").glob("*/*.ipynb")])
PAGES = [ROOT / "notebooks" / "then-and-now.md"]

# What belongs to one build of a kernel, and how another build would have it. Whoever stores more of one build adds a
# row here, and to nbval_sanitize.cfg.
OF_ONE_BUILD = {
    "the release": (r"\b6\.1\.0-\d+(?=-)", "6.1.0-99"),
    "the version": (r"\b6\.1\.\d+-\d+\b", "6.1.999-9"),
    "the small kernel's release": (r"\b6\.1\.\d+(?=-small)", "6.1.999"),
    "the number of init functions": (r"\b\d+(?= init functions\b)", "987"),
    "a place among the init functions": (r"(?<=\bno\. )\d+ of \d+", "543 of 987"),
    "where a change is": (r"(?<=\bindex )[0-9a-f]{7,}(?=\.\.)|(?<=@@ -)\d+", "1234567"),
    "a key or a signature": (r"\b(?:[0-9A-F]{2}:){10,}[0-9A-F]{0,2}", ":".join(["A7"] * 20)),
    "an address": (r"\b[0-9a-f]{16}\b", "ffffffffc0ffee00"),
    "a place in a function": (r"\+0x[0-9a-f]+/0x[0-9a-f]+", "+0x123/0x456"),
    "a line of the kernel's": (r"(?<=Makefile\.build:)\d+|(?<=Makefile\.modpost:)\d+|(?<=/Makefile:)\d+", "77777"),
    "a checksum of a symbol": (r"(?m)^0x[0-9a-f]{8}(?=\t)", "0x01234567"),
    "a name that the compiler makes": (r"(?<=__)\d+_\d+(?=_)", "987_65"),
    "a large size": (r"(?<=[ >])\d{1,3}(?:\u202f\d{3})+\b", "7\u202f654\u202f321"),
    "the length of a file": (r"\d+(?= more lines)", "54321"),
    "the size of a module": (r"(?m)(?<=^usbcore) +\d{4,7}", "              999424"),
    "the number of modules": (r"\b\d{4}(?= modules\b)", "5432"),
    "the number of aliases": (r"\b\d{5}(?= aliases)", "54321"),
    "an offset in a database": (r"\b0x[0-9a-f]{5}\b", "0x54321"),
}
"""A pattern, and what its match is in the other build."""


def rules() -> list[tuple[str, str]]:
    text = SANITIZERS.read_text(encoding="utf-8")
    return list(
        zip(
            re.findall(r"^regex: (.*)$", text, re.MULTILINE),
            re.findall(r"^replace: (.*)$", text, re.MULTILINE),
            strict=True,
        )
    )


def sanitized(text: str) -> str:
    for pattern, replacement in rules():
        text = re.sub(pattern, replacement, text)
    return text


def texts(path: Path) -> list[str]:
    """All that is stored as a kernel's or a tool's output."""
    if path.suffix == ".md":
        return [path.read_text(encoding="utf-8")]
    cells = nbformat.read(path, as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    found = (data for output in outputs for data in (output.get("text", ""), *output.get("data", {}).values()))
    return [text for text in found if text and isinstance(text, str)]  # buttons are data; they say what the HTML says


@pytest.mark.parametrize("path", [*STORED, *PAGES], ids=lambda path: path.stem)
def test_another_build_of_the_kernel_makes_no_difference(path: Path) -> None:
    for text in texts(path):
        other = text
        for pattern, replacement in OF_ONE_BUILD.values():
            other = re.sub(pattern, replacement, other)
        assert sanitized(other) == sanitized(text)


def test_the_stored_outputs_do_hold_such_things() -> None:
    """Otherwise the test above would show nothing."""
    everything = "\n".join(text for path in STORED for text in texts(path))
    held = {name for name, (pattern, _) in OF_ONE_BUILD.items() if re.search(pattern, everything)}
    assert {"the release", "an address", "a line of the kernel's"} <= held


OLD_SETTINGS = """\
Package: linux-image-amd64 linux-headers-amd64 linux-headers-cloud-amd64
Pin: version {version}
Pin-Priority: 1001
"""


def other_version(lab: Lab) -> str | None:
    """The oldest version of the kernel that apt offers beside the lab's."""
    listed = subprocess.run(["apt-cache", "madison", "linux-image-amd64"], capture_output=True, text=True, check=True)
    versions = [line.split("|")[1].strip() for line in listed.stdout.splitlines() if line.count("|") == 2]
    current = max(versions, key=lambda version: [int(number) for number in re.findall(r"\d+", version)])
    return next((version for version in reversed(versions) if version != current), None)


@pytest.mark.long
def test_the_notebooks_tell_the_truth_on_another_kernel_of_debians(lab: Lab, tmp_path: Path) -> None:
    version = other_version(lab)
    assert version, "apt knows one version of the kernel only: add Debian's security archive to its sources"
    (tmp_path / "preferences").write_text(OLD_SETTINGS.format(version=version))
    (tmp_path / "apt.conf").write_text(f'Dir::Etc::Preferences "{tmp_path / "preferences"}";\n')
    settings = [f"APT_CONFIG={tmp_path / 'apt.conf'}", f"KMODLAB_CACHE_DIR={tmp_path / 'lab'}"]
    kmodlab = ["env", *settings, sys.executable, "-m", "kmodlab"]
    subprocess.run([*kmodlab, "setup"], check=True, timeout=900)
    subprocess.run([*kmodlab, "kernel"], check=True, timeout=1800)
    nbval = ["env", *settings, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval"]
    options = ["--nbval-sanitize-with", SANITIZERS, "--nbval-cell-timeout", "300", "--rootdir", ROOT / "notebooks"]
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    done = subprocess.run([*nbval, *map(str, [*options, *notebooks])], capture_output=True, text=True, timeout=3000)
    assert done.returncode == 0, done.stdout + done.stderr
