"""The verdict on a run of make, from what was observed of it."""

from __future__ import annotations

import pytest

from kmodlab.kbuild.hints import find_hint
from kmodlab.kbuild.locate import find_code, find_use
from kmodlab.kbuild.result import Build, Outcome, Reason, Run, assess_build
from kmodlab.kbuild.sources import Sources
from kmodlab.sandbox.guard import Overrun
from tests.kbuild.test_outputs import ko

SOURCES = Sources.of("hello", {"hello.c": "int x;\n"})
GOOD = {"hello.ko": ko(vermagic="6.1.0 SMP"), "hello.o": b"x", "hello.c": b"int x;\n"}


def verdict(
    *,
    status: int = 0,
    timed_out: bool = False,
    overrun: Overrun | None = None,
    transcript: str = "",
    files: dict[str, bytes] = GOOD,
    links: frozenset[str] = frozenset(),
    sources: Sources = SOURCES,
) -> Build:
    return assess_build(
        Run(status, timed_out, overrun, transcript, files, links), sources, "6.1.0", seconds=1, sandboxed=True
    )


def test_a_module_of_the_right_kind_passes() -> None:
    result = verdict()
    assert (result.outcome, result.reason, result.sentence) == (Outcome.PASSED, None, "")
    assert result.ko == GOOD["hello.ko"] and set(result.files) == {"hello.o"}


@pytest.mark.parametrize(
    ("observed", "reason"),
    [
        ({"timed_out": True}, Reason.TIMEOUT),
        ({"overrun": Overrun.MEMORY}, Reason.MEMORY),
        ({"overrun": Overrun.PROCESSES}, Reason.MEMORY),
        ({"overrun": Overrun.OUTPUT}, Reason.OUTPUT),
        ({"overrun": Overrun.DISK}, Reason.DISK),
        ({"status": 2, "transcript": "/tmp/hello.c:1:1: error: odd\n"}, Reason.COMPILE),
        ({"status": 2, "transcript": "/tmp/hello.c:1: Error: odd\n"}, Reason.COMPILE),
        ({"status": 2, "transcript": "ERROR: modpost: odd\n"}, Reason.MODPOST),
        ({"status": 2, "transcript": "ld: odd\n"}, Reason.LINK),
        ({"status": 2, "transcript": "/tmp/Makefile:3: *** missing separator.  Stop.\n"}, Reason.MAKE),
        ({"status": -9}, Reason.MAKE),
        ({"status": 2, "transcript": "cc1: out of memory allocating 65536 bytes\n"}, Reason.MEMORY),
        ({"status": 2, "transcript": "/bin/sh: 1: Cannot fork\n"}, Reason.MEMORY),
        ({"status": 2, "transcript": "fatal error: error writing to x: No space left on device\n"}, Reason.DISK),
        ({"status": 2, "transcript": "CPU time limit exceeded\n"}, Reason.TIMEOUT),
        ({"files": {}}, Reason.NO_MODULE),
        ({"files": {"other.ko": GOOD["hello.ko"]}}, Reason.NO_MODULE),
        ({"files": {"hello.ko": b"hello\n"}}, Reason.NO_MODULE),
        ({"files": GOOD | {"extra.ko": b"hello\n"}}, Reason.NO_MODULE),
        ({"files": {"hello.ko": ko(vermagic="5.9.16 SMP")}}, Reason.NO_MODULE),
        ({"links": frozenset({"hello.ko"})}, Reason.NO_MODULE),
    ],
)
def test_everything_else_fails_with_its_reason(observed: dict[str, object], reason: Reason) -> None:
    result = verdict(**observed)  # type: ignore[arg-type]
    assert (result.outcome, result.reason) == (Outcome.FAILED, reason)
    assert result.sentence.endswith(".") and "\n" not in result.sentence
    assert result.modules == {} and result.ko is None


def test_what_was_stopped_did_not_pass_even_if_a_module_is_there() -> None:
    assert not verdict(status=0, timed_out=True).passed


def test_a_makefile_of_ones_own_may_choose_other_names() -> None:
    own = Sources.of("hello", {"hello.c": "int x;\n", "Makefile": "obj-m += a.o b.o\n"})
    files = {"b.ko": GOOD["hello.ko"], "a.ko": GOOD["hello.ko"], "modules.order": b"/tmp/b.ko\n/tmp/a.ko\n"}
    result = verdict(files=files, sources=own)
    assert list(result.modules) == ["b", "a"] and result.ko == GOOD["hello.ko"]


def test_a_main_function_is_remarked_on() -> None:
    sources = Sources.of("hello", {"hello.c": "// int main()\nint main(void) { return 0; }\n"})
    (remark,) = verdict(sources=sources).warnings
    assert (remark.hint_key, remark.file, remark.line) == ("main-function", "hello.c", 2)


def test_the_first_error_makes_the_sentence() -> None:
    result = verdict(status=2, transcript="/tmp/hello.c:7:1: warning: w\n/tmp/hello.c:1:1: error: odd\n")
    assert result.sentence == "hello.c does not compile: odd (line 1)."
    assert len(result.errors) == len(result.warnings) == 1


# ---- text ----


# ---- places ----


def test_a_symbol_is_found_where_code_uses_it() -> None:
    code = b'/* nosuch */\nextern int nosuch(void);\nint f(void)\n{\n    pr_info("nosuch");\n    return nosuch();\n}\n'
    assert find_use('"nosuch" [/tmp/hello.ko] undefined!', {"a.c": b"int a;", "hello.c": code}) == ("hello.c", 6)


def test_a_symbol_that_is_only_declared_is_found_there() -> None:
    assert find_use('"nosuch" [/tmp/hello.ko] undefined!', {"hello.c": b"\nint nosuch(void);\n"}) == ("hello.c", 2)


def test_a_message_on_a_whole_object_names_its_source() -> None:
    files = {"a.c": b"", "hello.c": b"", "a.h": b""}
    assert find_use("missing MODULE_LICENSE() in /tmp/hello.o", files) == ("hello.c", None)
    assert find_use("missing MODULE_LICENSE() in /tmp/composed.o", files) == ("a.c", None)
    assert find_use("something else", {}) == ("", None)


@pytest.mark.parametrize("noise", [b"/*", b'\\"', b"'", b"//", b"{"])
def test_hostile_text_cannot_make_the_search_slow(noise: bytes) -> None:
    assert find_code(r"\bnosuch\b", {"hello.c": b'"' + noise * 300_000}) is None


# ---- hints ----


def test_what_a_message_names_is_named_in_the_hint() -> None:
    hint = find_hint("gcc", "implicit declaration of function ‘kmalloc’; did you mean ‘x’?")  # noqa: RUF001
    assert hint and hint.text == "kmalloc needs its header: add #include <linux/slab.h>."
    hint = find_hint("gcc", "'x' has an incomplete type 'struct foo'")
    assert hint and hint.text.startswith("struct foo is declared but not defined")
    hint = find_hint("gcc", "‘struct module’ has no member named ‘{0}’")  # noqa: RUF001
    assert hint and hint.text.startswith("struct module has no member {0} in")


def test_what_nobody_foresaw_has_no_hint() -> None:
    assert find_hint("gcc", "something quite new") is None
