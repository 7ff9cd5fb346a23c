"""What hostile sources and Makefiles try: never passed, nothing of the host read or changed, nothing left running."""

from __future__ import annotations

import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from building import build_all
from mistakes import DECK, module

from kmodlab.kbuild.build import build
from kmodlab.kbuild.result import Build, Reason
from kmodlab.kbuild.sources import Sources
from kmodlab.kernel.tree import KernelTree
from kmodlab.sandbox.limits import BUILD

GOOD = DECK + 'MODULE_LICENSE("GPL");\n'
OBJ = "obj-m += hello.o\n"


@pytest.fixture(scope="module")
def canary() -> Iterator[Path]:
    """A readable file with a secret in the user's home."""
    folder = Path.home() / f"canary-{secrets.token_hex(4)}"
    folder.mkdir()
    path = folder / "secret.h"
    path.write_text(f"token{secrets.token_hex(12)}\n")
    before = path.stat()
    yield path
    after = path.stat()
    shutil.rmtree(folder)
    assert (after.st_mtime_ns, after.st_ctime_ns, after.st_size) == (
        before.st_mtime_ns,
        before.st_ctime_ns,
        before.st_size,
    )


def attack(tree: KernelTree, makefile: str = OBJ, code: str = GOOD, **limits: float) -> Build:
    """Build hostile sources under the usual limits, but for those that are given."""
    sources = Sources.of("hello", {"hello.c": code, "Makefile": makefile})
    result = build(tree, sources, limits=replace(BUILD, **limits))  # type: ignore[arg-type]
    assert result.sandboxed
    assert result.passed or result.modules == {}
    return result


def shell(command: str) -> str:
    """A Makefile that builds hello.ko and runs a command in its folder as soon as it is read."""
    return f"{OBJ}ran := $(shell cd /tmp; {command.replace('$', '$$')})\n$(info ran: $(ran))\n"


def everything(result: Build) -> bytes:
    """All that a build gives out."""
    texts = [result.transcript, result.sentence, repr(result.diagnostics)]
    return b"".join([*(text.encode() for text in texts), *result.modules.values(), *result.files.values()])


# ---- reading and changing the host ----

READERS = {
    "$(shell cd /tmp; cat)": (shell("cat {0} 2>&1"), GOOD),
    "$(file)": (OBJ + "$(info $(file <{0}))\n", GOOD),
    "include": (OBJ + "include {0}\n", GOOD),
    "a copy as header": (shell("cp {0} /tmp/hello.h 2>&1"), GOOD),
    "arguments from a file": (OBJ + "ccflags-y += @{0}\n", GOOD),
    "-include": (OBJ + "ccflags-y += -include {0}\n", GOOD),
    "-imacros": (OBJ + "ccflags-y += -imacros {0} -dD\n", GOOD),
    "a specs file": (OBJ + "ccflags-y += -specs={0}\n", GOOD),
    "a plugin": (OBJ + "ccflags-y += -fplugin={0}\n", GOOD),
    "#include": (OBJ, '#include "{0}"\n' + GOOD),
    "#include of passwords": (OBJ, '#include "/etc/shadow"\n' + GOOD),
    "#line and a quoted line": (OBJ, '#line 1 "{0}"\nint x = error_here;\n' + GOOD),
    ".incbin": (OBJ, 'asm(".incbin \\"{0}\\"");\n' + GOOD),
    "__has_include": (OBJ, '#if __has_include("{0}")\nint leaked;\n#error there it is\n#endif\n' + GOOD),
    "a planted link": (shell("ln -s {0} hello.h; ln -s {0} /tmp/found.txt"), GOOD),
    "a way out through /proc": (shell("cat /proc/1/root{0} /proc/*/cwd{0} /proc/self/fd/*{0} 2>&1"), GOOD),
    "a C program of one's own": (shell("printf 'main(){}' | gcc -w -x c -o /tmp/p - && /tmp/p; cat {0}"), GOOD),
}


@pytest.fixture(scope="module")
def readings(tree: KernelTree, canary: Path) -> dict[str, Build]:
    """What came of each attempt to read the canary."""

    def aimed(text: str) -> str:
        return text.replace("{0}", str(canary))

    attempts = {
        name: Sources.of("hello", {"hello.c": aimed(code), "Makefile": aimed(makefile)})
        for name, (makefile, code) in READERS.items()
    }
    return build_all(tree, attempts)


@pytest.mark.xdist_group("readers")  # All are built at once.
@pytest.mark.parametrize("name", READERS)
def test_no_file_of_the_users_can_be_read(readings: dict[str, Build], canary: Path, name: str) -> None:
    given = everything(readings[name])
    assert canary.read_bytes().strip() not in given
    assert b"there it is" not in given
    assert b"root:" not in given


@pytest.mark.parametrize(
    "command",
    [
        "echo changed > {0}",
        "rm -rf {1}",
        "gcc-12 -fdump-tree-all -dumpdir {1}/ -x c -c -o {0} /dev/null",
        "touch /usr/changed /usr/src/changed /etc/changed /dev/shm/changed /changed /var/changed",
    ],
)
def test_no_file_of_the_hosts_can_be_changed(tree: KernelTree, canary: Path, command: str) -> None:
    attack(tree, shell(command.format(canary, canary.parent) + " 2>&1"))
    assert canary.exists() and list(canary.parent.iterdir()) == [canary]
    for place in ("/usr", tree.sources, "/etc", "/dev/shm", "/", "/var"):
        assert not Path(place, "changed").exists()


def test_our_environment_stays_outside(tree: KernelTree, monkeypatch: pytest.MonkeyPatch) -> None:
    token = f"token{secrets.token_hex(12)}"
    monkeypatch.setenv("COURSE_TOKEN", token)
    monkeypatch.setenv("MAKEFLAGS", "-n")
    monkeypatch.setenv("LD_PRELOAD", "/nonexistent.so")
    monkeypatch.setenv("KCFLAGS", "-DLEAK")
    result = attack(tree, shell("env; cat /proc/*/environ /proc/*/cmdline | tr '\\0' ' '"))
    assert result.passed, result.transcript
    assert token not in result.transcript
    assert "nonexistent.so" not in result.transcript


def test_there_is_no_network(tree: KernelTree) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = attack(tree, shell(f"bash -c 'echo hi > /dev/tcp/127.0.0.1/{port}' 2>&1; cat /proc/net/route"))
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert "eth" not in result.transcript


def test_nobody_becomes_root(tree: KernelTree) -> None:
    result = attack(
        tree, shell("unshare -Ur id -u 2>&1; mount -t tmpfs x /tmp 2>&1; grep -i ^capeff /proc/self/status")
    )
    assert "CapEff:\t0000000000000000" in result.transcript
    assert "Operation not permitted" in result.transcript


# ---- pretending ----

PRETENDERS = {
    "a link": "$(shell cd /tmp; ln -s /usr/bin/env hello.ko)\n",
    "a text": "$(shell cd /tmp; echo hello > hello.ko)\n",
    "an object file": "$(shell cd /tmp; echo 'int x;' | gcc-12 -x c -c -o hello.ko -)\n",
    "a program": "$(shell cd /tmp; cp /usr/bin/env hello.ko)\n",
    "a folder": "$(shell cd /tmp; mkdir hello.ko)\n",
    "a FIFO": "$(shell cd /tmp; mkfifo hello.ko)\n",
    "nothing": "",
}


@pytest.fixture(scope="module")
def pretences(tree: KernelTree) -> dict[str, Build]:
    """What came of each."""
    return build_all(
        tree,
        {name: Sources.of("hello", {"hello.c": GOOD, "Makefile": makefile}) for name, makefile in PRETENDERS.items()},
    )


@pytest.mark.xdist_group("pretenders")  # All are built at once.
@pytest.mark.parametrize("name", PRETENDERS)
def test_what_is_no_module_never_passes(pretences: dict[str, Build], name: str) -> None:
    result = pretences[name]
    assert result.reason is Reason.NO_MODULE, result.transcript
    assert result.sentence and not result.modules


def test_killing_the_builds_own_shell_does_not_pass(tree: KernelTree) -> None:
    result = attack(tree, shell("kill -9 -1"))
    assert result.reason is Reason.MAKE


def test_words_of_success_do_not_pass(tree: KernelTree) -> None:
    result = attack(tree, "$(info   LD [M]  /tmp/hello.ko)\n$(error stop)\n")
    assert result.reason is Reason.MAKE


def test_no_control_character_reaches_the_terminal(tree: KernelTree) -> None:
    result = attack(tree, shell(r"printf '\033]0;owned\007\033[2J\r\302\233\342\200\256evil'"))
    assert not set(result.transcript) & {chr(27), chr(7), chr(13), chr(0x9B), chr(0x202E)}


# ---- using everything up ----


def test_a_hanging_build_is_stopped(tree: KernelTree) -> None:
    begun = time.monotonic()
    result = attack(tree, shell("sleep 1000"), wall_s=2)
    assert result.reason is Reason.TIMEOUT
    assert time.monotonic() - begun < 10


def test_a_busy_build_is_stopped(tree: KernelTree) -> None:
    result = attack(tree, "obj-m += hello.o\nbusy := $(shell while :; do :; done)\n", wall_s=3)
    assert result.reason is Reason.TIMEOUT


def test_a_header_that_never_ends_is_stopped(tree: KernelTree) -> None:
    assert attack(tree, code='#include "/dev/zero"\n' + GOOD, wall_s=10).reason
    assert attack(tree, shell("mkfifo pipe.h"), '#include "pipe.h"\n' + GOOD, wall_s=2).reason is Reason.TIMEOUT


def test_a_fork_bomb_stays_in_its_box(tree: KernelTree) -> None:
    before = len(psutil.pids())
    result = attack(tree, shell("b() { b | b & }; b; sleep 3"), wall_s=6)
    assert result.reason in (Reason.TIMEOUT, Reason.MEMORY)
    until = time.monotonic() + 10
    while len(psutil.pids()) > before + 40 and time.monotonic() < until:
        time.sleep(0.1)
    assert len(psutil.pids()) <= before + 40


def test_a_process_that_leaves_the_session_does_not_outlive_the_build(tree: KernelTree) -> None:
    naps = str(100_000 + secrets.randbelow(900_000))
    away = f"setsid setsid sleep {naps} >/dev/null 2>&1 </dev/null &"
    assert attack(tree, shell(f"{away} {away}")).passed
    until = time.monotonic() + 10
    while (left := [p for p in psutil.process_iter(["cmdline"]) if naps in (p.info["cmdline"] or [])]) and (
        time.monotonic() < until
    ):
        time.sleep(0.05)
    assert left == []


def test_megabytes_of_output_are_cut(tree: KernelTree) -> None:
    result = attack(tree, shell("head -c 50000000 /dev/zero | tr '\\0' w >&2"))
    assert result.reason is Reason.OUTPUT
    assert len(result.transcript) < 3 << 20


def test_megabytes_of_warnings_are_cut(tree: KernelTree) -> None:
    warnings = "".join(f"#warning {'w' * 200} {number}\n" for number in range(4000))
    result = attack(tree, code=warnings + GOOD)
    assert result.reason is Reason.OUTPUT or result.passed
    assert len(result.transcript) < 3 << 20 and len(result.diagnostics) < 500


def test_a_full_disk_is_the_learners_and_not_ours(tree: KernelTree) -> None:
    fill = "for i in 1 2 3 4 5 6; do head -c 30000000 /dev/zero > big$i; done; ls /tmp | wc -l"
    result = attack(tree, shell(fill))
    assert result.reason is Reason.DISK, result.transcript


def test_a_huge_file_is_not_made(tree: KernelTree) -> None:
    assert attack(tree, code="static char big[1 << 28] = {1};\nchar *p = big;\n" + GOOD).reason


def test_files_that_only_seem_large_do_not_come_out(tree: KernelTree) -> None:
    begun = time.monotonic()
    assert attack(tree, shell("for i in $(seq 1000); do truncate -s 30M big$i.o; done")).reason is Reason.OUTPUT
    assert time.monotonic() - begun < 30


def test_many_small_files_are_stopped(tree: KernelTree) -> None:
    result = attack(tree, shell("i=0; while :; do : > f$i; i=$((i+1)); done"), wall_s=20)
    assert result.reason is Reason.DISK


def test_memory_in_sum_is_bounded(tree: KernelTree) -> None:
    # Each is within its own limit; together they are not.
    result = attack(
        tree,
        shell("for i in 1 2 3; do head -c 90M /dev/zero | tail >/dev/null & done; sleep 5"),
        memory_mib=150,
        wall_s=20,
    )
    assert result.reason is Reason.MEMORY


def test_memory_of_each_process_is_bounded(tree: KernelTree) -> None:
    result = attack(tree, shell("head -c 2G /dev/zero | tail | wc -c 2>&1"), wall_s=30)
    assert "ran: 2147483648" not in result.transcript


BOMBS = {
    "macros": "".join(f"#define A{n + 1} A{n} A{n}\n" for n in range(40)) + "#define A0 int x;\nA40\n",
    "self-inclusion": '#include "hello.c"\n#include "hello.c"\n',
    "a repetition in assembler": 'asm(".rept 1000000000\\n.quad 1\\n.endr");\n',
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_in_the_source_is_contained(tree: KernelTree, name: str) -> None:
    result = attack(tree, code=BOMBS[name] + GOOD, wall_s=15, address_space_mib=300, memory_mib=400)
    assert result.reason
    assert "hello" not in result.modules


def test_the_next_build_is_as_good_as_ever(tree: KernelTree) -> None:
    result = build(tree, Sources.of("hello", {"hello.c": module()}))
    assert result.passed and result.diagnostics == ()
