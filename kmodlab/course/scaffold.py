"""The files of a new exercise, a complete example: one module, a check, a hidden check, and a wrong solution."""

from __future__ import annotations

from typing import Any

from nbformat.v4 import new_code_cell, new_markdown_cell

from kmodlab.course.exercise import MASTER
from kmodlab.course.release import notebook_of, notebook_text

_STORY = """\
# {title}

What this is about, in a few sentences, and why it matters. Then what to do, and nothing that is not checked.
"""
_TEACHES = "What it teaches, in one sentence, for authors."
_BEGIN = '%load_ext kmodlab\nexercise("{name}")'
_ANSWER = """\
%%kmod {module}
#include <linux/module.h>

static int {module}_init(void)
{{
    /* BEGIN SOLUTION */
    pr_info("{module} is here\\n");
    /* END SOLUTION */
    return 0;
}}

static void {module}_exit(void)
{{
}}

module_init({module}_init);
module_exit({module}_exit);
MODULE_LICENSE("GPL");
"""
_CHECK = """\
check(
    "It is loaded and says so",
    loads("{module}"), logs("{module} is here"), unloads("{module}"),
    points=2,
    hints=["Which function runs when a module is loaded?", "Print with pr_info(), and end the line with \\\\n."],
)"""
_HIDDEN = """\
### BEGIN HIDDEN TESTS
check("It works, and leaves nothing behind", loads("{module}"), logs("{module} is here"), leaves_nothing("{module}"))
### END HIDDEN TESTS"""
_STARTER = """\
# What the starter earns: check, points, words of the reason.
works: 0: was not logged
tidy: 0: was not logged
"""
_WRONG = """\
/* caught by: works */
#include <linux/module.h>

static int {module}_init(void)
{{
    return 0;
}}

module_init({module}_init);
MODULE_LICENSE("GPL");
"""


def scaffold(name: str) -> dict[str, str]:
    """The files of a new exercise, by their paths in the checkout."""
    module = name.partition("-")[2].replace("-", "_")
    title = module.replace("_", " ").capitalize()
    cases = f"tests/course/exercises/{name}"
    return {
        f"exercises/{name}/{MASTER}": _master(name, title, module),
        f"{cases}/starter.txt": _STARTER,
        f"{cases}/wrong_says_nothing.c": _WRONG.format(module=module),
    }


def _master(name: str, title: str, module: str) -> str:
    words = {"name": name, "title": title, "module": module}
    cells = [
        _cell(new_markdown_cell, "story", _STORY, words),
        _cell(new_code_cell, "begin", _BEGIN, words),
        _cell(new_code_cell, "module", _ANSWER, words),
        _cell(new_code_cell, "works", _CHECK, words),
        _cell(new_code_cell, "tidy", _HIDDEN, words),
    ]
    return notebook_text(notebook_of(cells, {"exercise": name, "title": title, "teaches": _TEACHES}))


def _cell(make: Any, name: str, text: str, words: dict[str, str]) -> Any:
    return make(source=text.format(**words).rstrip("\n"), id=name)
