"""The errno behind the module tools' words."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest

from kmodlab.crash.errnos import KERNEL_ERRNOS, ErrnoNote, Evidence, explain_error, find_refusal
from kmodlab.elf.modprobe import LoadedModule

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


def test_a_tool_that_only_reads_files_says_nothing_about_init() -> None:
    words = "modinfo: ERROR: could not get modinfo from 'hello': Invalid argument"
    assert explain_error("modinfo", words) is None
    assert explain_error("", words) is None
    not_found = explain_error("modinfo", "modinfo: ERROR: Module hello not found.")
    assert not_found is not None and not_found.name == "ENOENT"


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


# ---- with evidence -------------------------------------------------------------------------------------------------


def failed(words: str, *messages: str, **more: Any) -> ErrnoNote:
    """The note on a module cl.ko that was not loaded, with these words of insmod and these of the kernel."""
    evidence = Evidence(messages, **{"module": "cl", "loaded": {}, **more})
    note = explain_error("insmod", f"insmod: ERROR: could not insert module cl.ko: {words}", evidence)
    assert note is not None
    return note


def in_lsmod(name: str, *users: str) -> dict[str, LoadedModule]:
    return {name: LoadedModule(name, 16384, max(1, len(users)), users, "Live", "OE")}


@pytest.mark.parametrize("number", KERNEL_ERRNOS)
def test_errnos_of_the_kernel_alone_have_names_and_no_words_of_the_tool(number: int) -> None:
    note = failed(f"Unknown error {number}")
    assert note.name == KERNEL_ERRNOS[number] and note.number == number
    assert note.name in note.meaning and "Unknown error" not in note.sentence


def test_a_number_that_is_no_errno_is_called_so() -> None:
    assert failed("Unknown error 600").meaning == "init returned -600, which is no errno."


@pytest.mark.parametrize("number", errno.errorcode)
def test_the_tools_own_words_are_never_the_explanation(number: int) -> None:
    words = os.strerror(number)
    assert words not in failed(words).meaning


def test_a_module_that_was_not_loaded_before_is_not_said_to_be_loaded_already() -> None:
    assert "loaded already" not in failed("File exists").meaning
    assert "init returned -EEXIST" in failed("File exists", loaded=in_lsmod("other")).meaning
    note = failed("File exists", loaded=in_lsmod("cl"))
    assert note.meaning == "a module of the name `cl` is loaded already: `rmmod cl` first." and not note.in_init
    assert "or init returned" in failed("File exists", loaded=None).meaning
    of_the_kernel = {"cl": LoadedModule("cl", 16384, 0, (), "Live", "")}
    assert failed("File exists", loaded=of_the_kernel).meaning.endswith("and it is one of the kernel's own.")


def test_a_parameter_is_blamed_only_if_the_log_says_so() -> None:
    note = failed("Invalid parameters")
    assert "refuse" not in note.meaning and note.in_init
    note = failed("Invalid parameters", "cl: `many' invalid for parameter `times'")
    assert note.meaning == "the parameter `times` refuses the value `many`. init did not run." and not note.in_init


@pytest.mark.parametrize(
    ("words", "message", "meaning"),
    [
        (
            "File exists",
            "sysfs: cannot create duplicate filename '/class/input'",
            "init returned -EEXIST: the name is taken, since /sys/class/input exists already.",
        ),
        (
            "Device or resource busy",
            "Error: Driver 'cl' is already registered, aborting...",
            "init returned -EBUSY: a driver of the name `cl` is registered already.",
        ),
        (
            "Cannot allocate memory",
            "proc_dir_entry '/proc/stat' already registered",
            "init returned -ENOMEM: the name is taken, since the proc entry /proc/stat exists already.",
        ),
        (
            "Device or resource busy",
            "genirq: Flags mismatch irq 1. 00000000 (mine) vs. 00000080 (i8042)",
            "init returned -EBUSY: interrupt 1 belongs to `i8042`, and both must pass the same flags, with "
            "IRQF_SHARED, to share it.",
        ),
        (
            "Invalid module format",
            "cl: version magic '6.1.0-57-cloud-amd64 SMP ' should be '6.1.0-57-amd64 SMP '",
            "it was built for the kernel `6.1.0-57-cloud-amd64 SMP`, but this one is `6.1.0-57-amd64 SMP`.",
        ),
        (
            "Invalid module format",
            "cl: exports duplicate symbol greet (owned by hello)",
            "it exports `greet`, which hello exports already.",
        ),
    ],
)
def test_the_log_of_the_step_says_what_an_errno_means_here(words: str, message: str, meaning: str) -> None:
    assert failed(words, "cl: loading out-of-tree module taints kernel.", message).meaning == meaning


def test_a_message_about_another_errno_is_not_the_cause() -> None:
    note = failed("No such device", "sysfs: cannot create duplicate filename '/class/input'")
    assert "/class/input" not in note.meaning


def test_a_missing_symbol_is_traced_to_the_module_that_has_it() -> None:
    message = "cl: Unknown symbol mii_link_ok (err -2)"
    assert failed("Unknown symbol in module", message).meaning == "no loaded module exports `mii_link_ok`."
    note = failed("Unknown symbol in module", message, providers={"mii_link_ok": "mii"})
    assert note.meaning.startswith("no loaded module exports `mii_link_ok`. The module `mii` has it: `modprobe mii`")


def test_an_init_that_returns_enoent_is_not_said_to_miss_a_symbol() -> None:
    note = failed("Unknown symbol in module")
    assert note.meaning.startswith("init returned -ENOENT") and "dmesg" not in note.meaning


@pytest.mark.parametrize(
    ("users", "state", "words"),
    [
        (("[permanent]",), "Live", "no exit function"),
        ((), "Unloading", "its exit function has not returned"),
        ((), "Loading", "its init function has not returned"),
    ],
)
def test_a_busy_module_is_not_said_to_have_no_exit(users: tuple[str, ...], state: str, words: str) -> None:
    loaded = {"m": LoadedModule("m", 16384, 1, users, state, "OE")}
    printed = "rmmod: ERROR: could not remove module m: Device or resource busy"
    note = explain_error("rmmod", printed, Evidence((), "m", loaded))
    assert note is not None and note.name == "EBUSY" and words in note.meaning
    assert ("no exit function" in note.meaning) is (state == "Live")


def test_who_uses_a_module_that_cannot_be_unloaded() -> None:
    words = "rmmod: ERROR: Module cl is in use"
    note = explain_error("rmmod", words, Evidence(module="cl", loaded=in_lsmod("cl", "world")))
    assert note is not None and note.meaning == "the module `world` uses it, and must be unloaded first."
    note = explain_error("rmmod", words, Evidence(module="cl", loaded=in_lsmod("cl")))
    assert note is not None and "no other module uses it" in note.meaning and "try_module_get" in note.meaning
