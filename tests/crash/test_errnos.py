"""The errno behind the module tools' words."""

from __future__ import annotations

import pytest

from kmodlab.crash.errnos import explain_error, find_refusal

CASES = [
    ("insmod", "insmod: ERROR: could not insert module hello.ko: Device or resource busy", "EBUSY"),
    ("insmod", "insmod: ERROR: could not insert module hello.ko: Invalid parameters", "EINVAL"),
    ("insmod", "insmod: ERROR: could not insert module hello.ko: Unknown symbol in module", "ENOENT"),
    ("insmod", "insmod: ERROR: could not insert module hello.ko: Invalid module format", "ENOEXEC"),
    ("insmod", "insmod: ERROR: could not insert module hello.ko: File exists", "EEXIST"),
    ("insmod", "insmod: ERROR: could not insert module hello.ko: Operation not permitted", "EPERM"),
    ("insmod", "insmod: ERROR: could not insert module hello.ko: Cannot allocate memory", "ENOMEM"),
    ("insmod", "insmod: ERROR: could not load module none.ko: No such file or directory", "ENOENT"),
    ("rmmod", "rmmod: ERROR: Module hello is not currently loaded", "ENOENT"),
    ("rmmod", "rmmod: ERROR: Module hello is in use by: world", "EAGAIN"),
    ("modprobe", "modprobe: FATAL: Module nosuch not found in directory /lib/modules/6.1.0-50-amd64", "ENOENT"),
    ("modprobe", "modprobe: FATAL: Module usbcore is in use.", "EAGAIN"),
]


@pytest.mark.parametrize(("tool", "output", "name"), CASES)
def test_the_errno_behind_the_words(tool: str, output: str, name: str) -> None:
    note = explain_error(tool, output)
    assert note is not None
    assert note.name == name
    assert note.name in note.sentence and note.meaning


def test_a_missing_file_is_not_taken_for_a_missing_symbol() -> None:
    note = explain_error("insmod", CASES[7][1])
    assert note is not None and "file" in note.meaning and "symbol" not in note.meaning


def test_output_without_an_error_has_no_errno() -> None:
    assert explain_error("insmod", "") is None
    assert explain_error("lsmod", "Module                  Size  Used by\n") is None


@pytest.mark.parametrize(
    "message",
    [
        "hello: Unknown symbol greet (err -2)",
        "hello: version magic '6.1.0-57-cloud-amd64 SMP ' should be '6.1.0-57-amd64 SMP '",
        "hello: disagrees about version of symbol module_layout",
        "hello: `many' invalid for parameter `times'",
        "hello: unknown parameter 'tims' ignored",
        "hello: Unknown relocation: 42",
    ],
)
def test_the_kernels_reason_to_refuse_a_module_is_found_among_its_messages(message: str) -> None:
    others = ["hello: loading out-of-tree module taints kernel.", "hello: init"]
    assert find_refusal([others[0], message, others[1]]) == message
    assert find_refusal(others) == ""
