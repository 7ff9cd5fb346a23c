"""`kmodlab oops` as a user calls it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from click.testing import CliRunner, Result

from kmodlab.cli.oops import oops

CASES = Path(__file__).parent.parent / "data" / "oops"
LINES = CASES / "lines"
CRASH = """[    2.000000] BUG: kernel NULL pointer dereference, address: 0000000000000000
[    2.000001] CPU: 0 PID: 84 Comm: insmod Tainted: G           OE      6.1.0-56-amd64 #1
[    2.000002] RIP: 0010:lines_init+0x20/0x1000 [lines]
[    2.000003] RSP: 0018:ff72577bc062fa10 EFLAGS: 00000246
[    2.000004] Call Trace:
[    2.000005]  <TASK>
[    2.000006]  lines_exit+0x10/0x1000 [lines]
[    2.000007]  do_one_initcall+0x59/0x220
[    2.000008]  entry_SYSCALL_64_after_hwframe+0x6e/0xd8
[    2.000009]  </TASK>
"""


def run(*argv: str, log: str = CRASH) -> Result:
    return CliRunner().invoke(oops, list(argv), input=log)


def test_json_has_one_object_for_each_report() -> None:
    result = run("-", "--json", log=(CASES / "bug_on.txt").read_text().partition("\n\n")[2])
    assert result.exit_code == 0
    (report,) = json.loads(result.output)
    fields = ("title", "kind", "function", "rip", "module", "file", "line", "trace", "corrupted", "reason")
    assert list(report)[: len(fields)] == list(fields)
    assert report["title"] == "kernel BUG in check_level"
    assert (report["file"], report["line"]) == (None, None)
    assert report["trace"][0]["function"] == "bugon_init"


def test_a_log_without_a_crash_gives_an_empty_list() -> None:
    result = run("-", "--json", log="[    1.0] hello init\n")
    assert (result.exit_code, json.loads(result.output)) == (0, [])
    assert "no crash" in run("-", log="").output


def test_a_module_turns_frames_into_lines() -> None:
    (report,) = json.loads(run("-", "--json", "--ko", str(LINES / "lines.ko")).output)
    assert (report["file"], report["line"]) == ("queue.h", 13)
    assert [line["function"] for line in report["trace"][0]["lines"]] == ["lines_exit"]


def test_text_marks_the_line_with_a_caret() -> None:
    lines = run("-", "--ko", str(LINES / "lines.ko")).output.split("\n")
    place = next(number for number, line in enumerate(lines) if "queue.h:13: in queue_sum" in line)
    assert "inlined into twice at line 18, inlined into lines_init at line 23" in lines[place]
    assert "sum += q->items[i];" in lines[place + 1]
    caret = lines[place + 2].index("^")
    assert lines[place + 1][caret:].startswith("+= q->items[i];")


def test_a_source_outside_the_modules_folder_is_not_read(tmp_path: Path) -> None:
    shutil.copy(LINES / "lines.ko", tmp_path)
    (tmp_path / "queue.h").symlink_to(LINES / "queue.h")
    output = run("-", "--ko", str(tmp_path / "lines.ko")).output
    assert "queue.h:13" in output
    assert "sum += " not in output


def test_frames_of_another_module_are_left_alone() -> None:
    (report,) = json.loads(
        run("-", "--json", "--ko", str(LINES / "lines.ko"), log=CRASH.replace("[lines]", "[x]")).output
    )
    assert report["file"] is None


def test_a_file_that_is_no_module_resolves_nothing() -> None:
    result = run("-", "--json", "--ko", str(LINES / "lines.c"))
    assert (result.exit_code, json.loads(result.output)[0]["file"]) == (0, None)


def test_a_missing_file_is_a_matter_of_usage(tmp_path: Path) -> None:
    assert run(str(tmp_path / "none.log")).exit_code == 2
    assert run(str(tmp_path)).exit_code == 2
    assert run("-", "--ko", str(tmp_path / "none.ko")).exit_code == 2


def test_bytes_that_are_no_text_are_no_obstacle(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(CRASH.encode() + bytes(range(256)))
    assert run(str(log)).exit_code == 0


def test_control_sequences_do_not_reach_the_terminal() -> None:
    assert "\x1b]" not in run("-", log="[    1.0] BUG: \x1b]0;owned\x07 in hello\n").output
