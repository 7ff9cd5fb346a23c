"""Two drivers of one source side by side, as a table and as a picture, from what was watched."""

from __future__ import annotations

from dataclasses import replace

from kmodlab.crash.boot_log import InitcallRun
from kmodlab.crash.records import LogRecord
from kmodlab.notebook.views.lives import Life, Lives, Presence, lives_picture, lives_table, place_words

HELLO, BYE = LogRecord(1, 0.15, 6, 0, "hello, you"), LogRecord(2, 4.5, 6, 0, "bye")
BUILTIN = Life(
    name="hello",
    run=InitcallRun("hello_init", 0.152345, 0, 12, (HELLO,)),
    parameters=("hello.who=you",),
    presence=Presence(False, True, ("parameters",)),
    removal="rmmod: ERROR: Module hello is builtin.",
    exit="hello_exit",
    place=place_words(511, 611, "6"),
    exit_is_dropped=True,
)
MODULE = Life(
    name="hello_module",
    run=InitcallRun("hello_init", 4.123456, 0, 12, (HELLO,), "hello_module", 143),
    parameters=("who=you",),
    presence=Presence(True, False, ("parameters", "refcnt")),
    removal="",
    exit="hello_exit",
    caller="insmod hello_module.ko who=you",
    exit_records=(BYE,),
)
LIVES = Lives("drivers/misc/hello.c", BUILTIN, MODULE)


def answers(lives: Lives, question: str) -> tuple[str, str]:
    (table,) = lives_table(lives).parts
    return next((left, right) for asked, left, right in getattr(table, "rows", ()) if asked == question)


def test_the_table_answers_for_both() -> None:
    calls = answers(LIVES, "Who calls init?")
    assert calls == (
        "the kernel, in process 1: no. 512 of 611, level 6 (device)",
        "`insmod hello_module.ko who=you`, in process 143",
    )
    exits = answers(LIVES, "When does exit run?")
    assert exits == ("never: the linker dropped the pointer to `hello_exit`", "when it is unloaded; it logs `bye`")
    assert answers(LIVES, "Is it in `lsmod`?") == ("no", "yes")


def test_a_driver_without_exit_or_init_is_told_as_such() -> None:
    without = replace(BUILTIN, exit="", exit_is_dropped=False)
    lives = Lives("drivers/misc/hello.c", without, replace(MODULE, exit="", removal="rmmod: ERROR: busy"))
    assert answers(lives, "When does exit run?") == ("never: it has none", "never: it has none")
    never = Lives("drivers/misc/hello.c", replace(BUILTIN, run=None), MODULE)
    assert answers(never, "Who calls init?")[0] == "nobody"
    assert "init is never called" in lives_picture(never).text


def test_the_picture_has_an_exit_that_is_never_called_and_one_that_is() -> None:
    picture = lives_picture(LIVES)
    assert picture.svg.count("hello_exit()</text>") == picture.svg.count("hello_init()</text>") == 2
    assert picture.svg.count("is never called</text>") == 1
    assert "hello_exit() is never called" in picture.text
    assert "called by insmod" in picture.text
