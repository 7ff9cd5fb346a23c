"""Odd calls of the command line: each gets a sentence and a status that is not the learner's, and none takes long."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

KMODLAB = [sys.executable, "-m", "kmodlab"]
LONGEST_S = 300
WORST = 60_000  # characters of output


@dataclass(frozen=True)
class OddCall:
    """A call: its words, in which {odd} is a folder with odd files; the environment; a shell's redirections."""

    kind: str
    words: tuple[str, ...]
    environment: Mapping[str, str | None] = field(default_factory=dict)
    redirect: str = ""


FILES = (
    *("missing.c", "folder", "folder.c", "pipe", "pipe.c", "loop.c", "dangling.c", "empty.c", "binary.c", "deep.ipynb"),
    *("new\nline.c", "x" * 300 + ".c", "blank .c", "-.c", "deep.json", "unreadable.c"),
)
DEVICES = ("/dev/zero", "/dev/null", "/proc/self/mem", "/proc/kmsg", "/dev/full", "/", "~nosuchuser/x.c", "")
READERS = (("run",), ("faults",), ("oops",), ("shell",), ("grade", "--out", "{odd}/out"), ("release",))
NUMBERS = ("nan", "inf", "-1", "0", "1e309", "1" + "0" * 400, "")
VERBS = ("setup", "doctor", "run", "shell", "faults", "oops", "slides", "release", "grade", "autograder", "clean")
ENVIRONMENTS: tuple[dict[str, str | None], ...] = (
    {"HOME": None},
    {"HOME": ""},
    {"HOME": "/nonexistent"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"PYTHONIOENCODING": "ascii"},
    {"LANGUAGE": "xx", "LC_ALL": "xx_XX.UTF-8"},
    {"KMODLAB_CACHE_DIR": "/proc"},
    {"KMODLAB_CACHE_DIR": "/dev/null"},
    {"KMODLAB_CACHE_DIR": "/nonexistent/cache"},
    {"KMODLAB_CACHE_DIR": "~nosuchuser/cache"},
    {"KMODLAB_CACHE_DIR": "{odd}/folder"},
    {"KMODLAB_CACHE_DIR": "{odd}/damaged"},
    {"KMODLAB_CACHE_DIR": "\udcff"},
    {"KMODLAB_ACCEL": "warp"},
    {"KMODLAB_QEMU": "/bin/false"},
    {"KMODLAB_SANDBOX": "maybe"},
    {"PATH": "/nonexistent"},
    {"PATH": None},
    {"TERM": None, "COLUMNS": "0"},
    {"COLUMNS": "-7"},
)
REDIRECTS = ("<&-", ">&-", "2>&-", ">/dev/full", "2>/dev/full", "<&- >&- 2>&-", "| head -c 1")


def odd_calls() -> Iterator[OddCall]:
    for name, words in product(FILES, READERS):
        yield OddCall(f"file for {words[0]}", (*words, f"{{odd}}/{name}"))
    for name, words in product(DEVICES, READERS):
        yield OddCall("device", (*words, name))
    for words in READERS:
        yield OddCall("undecodable", (*words, "\udcff\udcfe.c"))
    for number, (verb, option) in product(
        NUMBERS, (("run", "--timeout"), ("faults", "--timeout"), ("faults", "--cycles"))
    ):
        yield OddCall("number", (verb, option, number, "{odd}/empty.c"))
    yield OddCall("parameter", ("run", "-p", "x=" + "y" * 100_000, "{odd}/hello.c"))
    yield OddCall("ko", ("oops", "--ko", "{odd}/pipe", "{odd}/empty.c"))
    yield OddCall("ko", ("oops", "--ko", "/dev/zero", "{odd}/empty.c"))
    for environment, words in product(ENVIRONMENTS, (("--help",), ("run", "{odd}/empty.c"), ("doctor",))):
        yield OddCall(f"environment {min(environment)}", words, environment)
    for redirect, words in product(REDIRECTS, (("--help",), ("oops", "-"), ("run", "{odd}/missing.c"))):
        yield OddCall(f"redirect {redirect}", words, redirect=redirect)
    for verb in VERBS:
        yield OddCall("option", (verb, "--no-such-option"))
        yield OddCall("verb", (f"{verb}x",))


def mark_calls() -> list[ParameterSet]:
    """All calls; the first of each kind is not `long`."""
    met: set[str] = set()
    calls = []
    for number, call in enumerate(odd_calls()):
        name = f"{number}-{' '.join(call.words)[:40]}".encode("ascii", "backslashreplace").decode()
        calls.append(pytest.param(call, id=name, marks=[pytest.mark.long] if call.kind in met else []))
        met.add(call.kind)
    return calls


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("odd")
    for name in ("folder", "folder.c", "damaged"):
        (folder / name).mkdir()
    (folder / "damaged" / "CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55\n")
    (folder / "damaged" / "lab.json").write_text('{"format": 3, "release": ')
    for name in ("pipe", "pipe.c"):
        os.mkfifo(folder / name)
    (folder / "loop.c").symlink_to("loop.c")
    (folder / "dangling.c").symlink_to("nowhere")
    (folder / "empty.c").write_text("")
    (folder / "binary.c").write_bytes(bytes(range(256)) * 8)
    (folder / "deep.ipynb").write_text("[" * 100_000)
    (folder / "deep.json").write_text('{"a":' * 100_000)
    (folder / "new\nline.c").write_text("int x")
    (folder / "blank .c").write_text("int x")
    (folder / "-.c").write_text("int x")
    (folder / "unreadable.c").write_text("int x")
    (folder / "unreadable.c").chmod(0)
    (folder / "hello.c").write_text('#include <linux/module.h>\nMODULE_LICENSE("GPL");\n')
    return folder


def environment_of(call: OddCall, odd: Path) -> dict[str, str]:
    own = {**os.environ, **{name: (value or "").format(odd=odd) for name, value in call.environment.items()}}
    return {name: value for name, value in own.items() if call.environment.get(name, "") is not None}


def run(call: OddCall, odd: Path) -> tuple[int, str]:
    argv: Sequence[str] = [*KMODLAB, *(word.replace("{odd}", str(odd)) for word in call.words)]
    if call.redirect:
        argv = ["bash", "-o", "pipefail", "-c", f'"$@" {call.redirect}', "bash", *argv]
    done = subprocess.run(
        argv, env=environment_of(call, odd), cwd=odd, stdin=subprocess.DEVNULL,
        capture_output=True, timeout=LONGEST_S, check=False,
    )  # fmt: skip
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")


@pytest.mark.parametrize("call", mark_calls())
def test_an_odd_call_gets_a_sentence_and_is_not_the_learners_fault(call: OddCall, odd: Path) -> None:
    status, output = run(call, odd)
    assert "Traceback" not in output, output
    assert "Exception ignored" not in output, output
    is_learners = "compile" in output or "passed" in output or "modpost" in output or "failed: " in output
    assert status in (0, 2, 3, 4) or (status == 1 and is_learners) or status == 141, f"{status}: {output}"
    assert len(output) < WORST
    assert output.strip() or call.redirect or status == 0, "no word"


def test_there_are_two_hundred() -> None:
    assert len(list(odd_calls())) >= 200
