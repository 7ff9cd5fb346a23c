"""`kmodlab run` as a user calls it: what it prints, and what its status says about whose fault it was."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import psutil
import pytest
from process_helpers import descendants, qemus_below, wait_until_gone

from kmodlab.guest.lab import Lab

KMODLAB = [sys.executable, "-m", "kmodlab"]
BOILERPLATE = """
#include <linux/module.h>
#include <linux/delay.h>
#include <linux/reboot.h>
{extra}
static int __init probe_init(void)
{{
	{init}
	return 0;
}}
static void __exit probe_exit(void)
{{
	{exit}
}}
module_init(probe_init);
module_exit(probe_exit);
MODULE_LICENSE("GPL");
"""


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    argv = [*KMODLAB, "run", *map(str, arguments)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)


def write(folder: Path, init: str = "", exit_code: str = "", extra: str = "") -> Path:
    source = folder / "probe.c"
    source.write_text(BOILERPLATE.format(init=init, exit=exit_code, extra=extra))
    return source


def run_json(source: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = run(source, "--json", *arguments)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_the_demo_shows_hello_from_the_guests_log(lab: Lab) -> None:
    done = subprocess.run([*KMODLAB, "demo"], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert "] hello init" in done.stdout
    assert "] hello exit" in done.stdout
    assert lab.file.release in done.stdout.splitlines()[-1]


def test_hello_without_a_licence_fails_with_modposts_error_and_a_hint(tmp_path: Path) -> None:
    with as_file(files("kmodlab.data") / "hello.c") as hello:
        text = hello.read_text()
    source = tmp_path / "hello.c"
    source.write_text(text.replace('MODULE_LICENSE("GPL");\n', ""))
    done = run(source)
    assert done.returncode == 1
    assert "ERROR: modpost: missing MODULE_LICENSE() in /tmp/hello.o" in done.stdout
    assert 'add MODULE_LICENSE("GPL")' in done.stdout
    source.write_text(text)
    assert run(source).returncode == 0


def test_an_init_that_returns_ebusy_is_named(tmp_path: Path) -> None:
    status, trial = run_json(write(tmp_path, init="return -EBUSY;"))
    assert status == 1
    assert "EBUSY" in trial["reason"]
    assert trial["steps"][0]["errno"] == {"name": "EBUSY", "number": 16}


def test_a_null_dereference_is_put_on_its_line_and_the_next_run_works(tmp_path: Path) -> None:
    source = write(tmp_path, init="*(volatile int *)kaddr = 1;", extra="static int *kaddr;")
    status, trial = run_json(source)
    (crash,) = trial["steps"][0]["crashes"]
    assert status == 1
    assert crash["kind"] == "null-dereference"
    assert crash["file"] == "probe.c"
    assert "kaddr = 1" in source.read_text().splitlines()[crash["line"] - 1]
    assert run_json(write(tmp_path))[0] == 0


@pytest.mark.parametrize(
    ("init", "kind"),
    [
        ("local_irq_disable(); for (;;) ;", "hang"),
        ('panic("on purpose");', "panic"),
        ("kernel_restart(NULL);", "reboot"),
        ("kernel_power_off();", "power-off"),
    ],
)
def test_a_module_that_takes_its_guest_down_has_failed(tmp_path: Path, init: str, kind: str) -> None:
    status, trial = run_json(write(tmp_path, init=init))
    assert status == 1
    assert trial["outcome"] == "failed"
    assert trial["steps"][0]["guest_end"]["kind"] == kind


def test_a_crash_that_comes_after_the_command_fails_it_too(tmp_path: Path) -> None:
    late = "static void late(struct timer_list *unused) { WARN_ON(1); }\nstatic DEFINE_TIMER(timer, late);"
    source = write(tmp_path, "mod_timer(&timer, jiffies + 2);", "msleep(500); del_timer_sync(&timer);", late)
    status, trial = run_json(source)
    assert status == 1
    assert "WARNING" in trial["reason"] and "late+0x" in trial["reason"]


def test_an_init_that_never_returns_fails_within_its_deadline(tmp_path: Path) -> None:
    status, trial = run_json(write(tmp_path, init="ssleep(1000);"), "--timeout", "3")
    assert status == 1
    assert "did not end in time" in trial["reason"]


def test_a_crash_in_exit_is_the_modules_fault_too(tmp_path: Path) -> None:
    status, trial = run_json(write(tmp_path, exit_code="BUG();"))
    assert status == 1
    assert [step["outcome"] for step in trial["steps"]] == ["passed", "failed"]
    assert trial["steps"][1]["crashes"][0]["kind"] == "bug"


def test_parameters_reach_the_module(tmp_path: Path) -> None:
    extra = "static int count; module_param(count, int, 0444);\nstatic char *whom; module_param(whom, charp, 0444);"
    source = write(tmp_path, init='pr_info("%d times %s\\n", count, whom);', extra=extra)
    status, trial = run_json(source, "--param", "count=3", "--param", "whom=you")
    assert status == 0
    assert "3 times you" in [record["text"] for record in trial["steps"][0]["log"]][-1]


def test_debug_records_are_marked_as_not_on_the_console(tmp_path: Path) -> None:
    _, trial = run_json(write(tmp_path, init='printk(KERN_DEBUG "quiet\\n"); printk(KERN_ERR "loud\\n");'))
    said = {record["text"]: record["on_console"] for record in trial["steps"][0]["log"]}
    assert (said["quiet"], said["loud"]) == (False, True)


def test_what_a_module_prints_cannot_steer_the_terminal(tmp_path: Path) -> None:
    done = run(write(tmp_path, init='pr_info("\\x1b[2Jforged\\a\\n");'))
    assert "\x1b[2J" not in done.stdout and "\a" not in done.stdout
    assert "forged" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nosuch.c"], "does not exist"),
        ([], "Missing argument"),
        (["empty.c"], "empty"),
        (["nul.c"], "NUL"),
        (["latin1.c"], "UTF-8"),
        (["big.c"], "larger than"),
        (["good.c", "--name", "../x"], "cannot be the name"),
        (["good.c", "--name", "a b"], "cannot be the name"),
        (["good.c", "--name=-rf"], "cannot be the name"),
        (["good.c", "--param", "nonsense"], "K=V"),
    ],
)
def test_a_wrong_call_gets_one_sentence_and_status_2(tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "good.c").write_text(BOILERPLATE.format(init="", exit="", extra=""))
    (tmp_path / "empty.c").write_text("\n  \n")
    (tmp_path / "nul.c").write_bytes(b"int a;\0")
    (tmp_path / "latin1.c").write_bytes("// ü\n".encode("latin-1"))
    (tmp_path / "big.c").write_bytes(b"// many\n" * (10 << 17))
    argv = [*KMODLAB, "run", *arguments]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr and done.stdout == ""


def test_a_name_with_a_dash_works(tmp_path: Path) -> None:
    source = write(tmp_path)
    status, trial = run_json(source, "--name", "hello-1")
    assert status == 0, trial["reason"]
    assert [step["command"] for step in trial["steps"]] == [["insmod", "hello-1.ko"], ["rmmod", "hello_1"]]


def test_a_broken_makefile_is_the_learners_fault(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("obj-m += probe.o\nnonsense\n")
    status, trial = run_json(write(tmp_path), str(tmp_path / "Makefile"))
    assert status == 1
    assert "missing separator" in trial["build"]["transcript"]


def test_a_missing_lab_is_ours_and_says_what_to_do(tmp_path: Path) -> None:
    environment = {**os.environ, "KMODLAB_CACHE_DIR": str(tmp_path / "none")}
    argv = [*KMODLAB, "run", str(write(tmp_path))]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 4
    assert "kmodlab setup" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_survives_its_owner(tmp_path: Path, number: signal.Signals) -> None:
    argv = [*KMODLAB, "run", str(write(tmp_path, init="ssleep(1000);")), "--timeout", "100"]
    child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    owner = psutil.Process(child.pid)
    while not qemus_below(owner):
        assert child.poll() is None
        time.sleep(0.01)
    time.sleep(1)
    below = descendants(owner)
    child.send_signal(number)
    said = child.communicate(timeout=600)[1]
    wait_until_gone(below)
    if number is signal.SIGINT:
        assert child.returncode == 130
        assert "Interrupted" in said and "Traceback" not in said


def test_the_shell_runs_a_script_and_passes_its_status_on(tmp_path: Path) -> None:
    argv = [*KMODLAB, "shell", str(write(tmp_path))]
    script = "ls /root; uname -n; exit 5\n"
    done = subprocess.run(argv, input=script, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 5
    assert done.stdout == "probe.c\nkmodlab\n"


def test_the_shell_is_a_terminal_where_there_is_one() -> None:
    ours, theirs = pty.openpty()
    child = subprocess.Popen([*KMODLAB, "shell"], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    try:
        read_until(ours, b"guest # ")
        # Ctrl-C is the guest's: it ends the sleep there, not the shell here.
        os.write(ours, b"sleep 1000\n")
        read_until(ours, b"sleep 1000")
        time.sleep(0.5)
        os.write(ours, b"\x03")
        read_until(ours, b"guest # ")
        os.write(ours, b"tty; exit 6\n")
        assert b"/dev/pts/" in read_until(ours, b"/dev/pts/")
        assert child.wait(30) == 6
    finally:
        child.kill()
        child.wait()
        os.close(ours)


def read_until(terminal: int, wanted: bytes) -> bytes:
    seen = b""
    while wanted not in seen:
        assert select.select([terminal], [], [], 60)[0], seen
        seen += os.read(terminal, 4096)
    return seen


def test_the_doctor_finds_everything_in_order() -> None:
    done = subprocess.run([*KMODLAB, "doctor", "--json"], capture_output=True, text=True, timeout=600, check=False)
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert done.returncode == 0, done.stdout
    names = {"qemu", "sandbox", "clangd", "kernel", "compiler", "accelerator", "snapshot", "guest", "dkms"}
    assert names <= set(findings)
    assert all(finding["state"] != "missing" for finding in findings.values())


def test_the_doctor_says_how_to_mend_what_is_missing(tmp_path: Path) -> None:
    environment = {**os.environ, "KMODLAB_CACHE_DIR": str(tmp_path / "cache"), "KMODLAB_QEMU": "no-such-qemu"}
    argv = [*KMODLAB, "doctor", "--json"]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=600, check=False)
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert done.returncode == 4
    assert "apt-get install qemu-system-x86" in findings["qemu"]["remedy"]
    assert "kmodlab setup" in findings["kernel"]["remedy"]


@pytest.mark.long
def test_the_bench_prints_its_figures_and_ratios() -> None:
    argv = [*KMODLAB, "bench", "--json", "--runs", "1"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    figures = json.loads(done.stdout)
    assert {"cold_boot_s", "fork_s", "make_s", "cell_s"} <= set(figures)
    assert all(len(runs) == 1 for runs in figures["runs"].values())


def test_a_name_that_the_kernel_has_built_in_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "i8042.c"
    source.write_text(BOILERPLATE.format(init="", exit="", extra=""))
    done = run(source)
    assert done.returncode == 2, done.stdout
    assert "is taken" in done.stderr
