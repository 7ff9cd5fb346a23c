"""`kmodlab oops` as a user calls it; modules are read in the sandbox."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from crashes import DATA

from kmodlab.cli.main import cli
from kmodlab.cli.oops import oops

LINES = DATA / "lines"
HELLO = Path(__file__).parent.parent / "data" / "anatomy" / "hello.ko"
HELLO_BUILD = "53bf62ffd1469c573c199fdacb73f39d716a20fd"  # readelf -n hello.ko


def call(*argv: str | Path, log: str | bytes | None = None) -> Result:
    return CliRunner().invoke(oops, [str(word) for word in argv], input=log, standalone_mode=False)


def data(*argv: str | Path, log: str) -> dict[str, object]:
    result = call("-", "--json", *argv, log=log)
    assert result.exception is None
    (report,) = json.loads(result.output)
    return dict(report)


def crash(place: str, *calls: str, kernel: str = "", registers: str = "RAX: 0000000000000000") -> str:
    process = f"CPU: 0 PID: 1 Comm: insmod Tainted: G           O      {kernel} #1\n" if kernel else ""
    trace = "".join(f" {call}\n" for call in calls)
    return f"BUG: kernel NULL pointer dereference, address: 0\n{process}{place}\n{registers}\nCall Trace:\n{trace}"


def marked(text: str, file: str) -> int:
    return next(number for number, line in enumerate((LINES / file).read_text().split("\n"), 1) if text in line)


def test_inlined_code_is_put_on_its_line_with_its_callers(tmp_path: Path) -> None:
    for path in LINES.iterdir():
        shutil.copy(path, tmp_path)
    result = call("-", "--ko", tmp_path / "lines.ko", log=crash("RIP: 0010:lines_init+0x20/0x40 [lines]"))
    place = f"queue.h:{marked('sum += q->items[i]', 'queue.h')}: in queue_sum"
    twice, init = marked("return 2 * queue_sum(q)", "lines.c"), marked("int sum = twice(queue)", "lines.c")
    assert f"{place}, inlined into twice at line {twice}, inlined into lines_init at line {init}" in result.output
    assert " | " + "\t\tsum += q->items[i];".expandtabs(8) in result.output


def test_json_has_all_that_is_known() -> None:
    log = crash("RIP: 0010:queue_check+0x0/0x43 [lines]", "lines_timer+0xc/0x20 [lines]", "call_timer_fn+0x27/0x130")
    report = data("--ko", LINES / "lines.ko", log=log)
    assert report["title"] == "BUG: kernel NULL pointer dereference, address: 0"
    assert (report["kind"], report["severity"]) == ("null-dereference", "fatal")
    assert (report["function"], report["module"], report["rip"]) == (
        "queue_check",
        "lines",
        "queue_check+0x0/0x43 [lines]",
    )
    assert (report["file"], report["line"]) == ("queue.c", marked("if (!q)", "queue.c"))
    trace = report["trace"]
    assert isinstance(trace, list)
    assert trace[0]["lines"] == [
        {"function": "lines_timer", "file": "lines.c", "line": marked("return queue_check(q) + 1", "lines.c")}
    ]
    assert (report["corrupted"], report["complaint"]) == (False, "")


NOT_ITS_LOG = {
    "another module": ("RIP: 0010:g+0x1/0x9 [other]", "", "is not about the module lines: it names other."),
    "no module": ("RIP: 0010:g+0x1/0x9", "", "is not about the module lines: it names no module's function."),
    "another machine": ("pc : g+0x0/0x43 [lines]", "x29: ffff80000b3fbad0", "x86-64; the log is of a kernel for arm64"),
    "a place that it does not have": ("RIP: 0010:nothing+0x1/0x9 [lines]", "", "than the one that crashed: it has no"),
}


@pytest.mark.parametrize("case", NOT_ITS_LOG)
def test_a_module_that_is_not_the_crashed_one_is_told(case: str) -> None:
    place, registers, sentence = NOT_ITS_LOG[case]
    log = crash(place, registers=registers or "RAX: 0000000000000000")
    complaint = str(data("--ko", LINES / "lines.ko", log=log)["complaint"])
    assert sentence in complaint
    assert complaint in call("-", "--ko", LINES / "lines.ko", log=log).output


def test_another_build_of_the_module_is_told_by_its_build_id_or_its_kernel() -> None:
    place = "RIP: 0010:hello_init+0x5/0x30 [hello {}]"
    assert "another build" in str(data("--ko", HELLO, log=crash(place.format("0" * 40)))["complaint"])
    same = crash(place.format(HELLO_BUILD), kernel="6.1.0-56-amd64")
    assert "another build" not in str(data("--ko", HELLO, log=same)["complaint"])
    other = crash("RIP: 0010:hello_init+0x5/0x30 [hello]", kernel="6.12.1")
    assert "built for Linux 6.1.0-56-amd64; the log is of 6.12.1" in str(data("--ko", HELLO, log=other)["complaint"])


def test_a_module_without_debugging_information_is_told(tmp_path: Path) -> None:
    stripped = tmp_path / "lines.ko"
    subprocess.run(["strip", "-g", "-o", stripped, LINES / "lines.ko"], check=True)
    report = data("--ko", stripped, log=crash("RIP: 0010:queue_check+0x0/0x43 [lines]"))
    assert "no debugging information" in str(report["complaint"])


@pytest.mark.parametrize(
    ("log", "sentence"),
    [
        (b"", "The log is empty."),
        (b"\0\1\2\3" * 5000, "not a text"),
        (bytes(range(128, 256)) * 200, "not a text"),
    ],
    ids=["empty", "zeros", "noise"],
)
def test_a_log_that_is_none_gets_one_sentence(log: bytes, sentence: str) -> None:
    assert sentence in str(call("-", log=log).exception)


def test_a_file_that_is_no_module_gets_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.ko").write_bytes(b"\x7fELF and no more")
    result = call("-", "--ko", tmp_path / "x.ko", log="BUG: soft lockup - CPU#0 stuck for 22s! [a:1]\n")
    assert "is not a kernel module" in str(result.exception)


def test_a_log_without_a_crash_is_told_and_is_no_failure() -> None:
    assert call("-", log="[    1.0] all is well\n").output == "There is no crash in this log.\n"
    assert json.loads(call("-", "--json", log="[    1.0] all is well\n").output) == []


def test_the_verb_is_there() -> None:
    assert "oops" in CliRunner().invoke(cli, ["--help"]).output
