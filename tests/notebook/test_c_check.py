"""The check of C while it is written: clangd finds what is wrong, and does not complain of what gcc accepts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from overflow import NOTEBOOKS
from process_helpers import descendants

from kmodlab.files import MIB
from kmodlab.guest.lab import Lab
from kmodlab.notebook.c_help import CHelp, Request
from kmodlab.notebook.state import NotebookState
from kmodlab.process import run_sync
from kmodlab.sandbox.limits import EDITOR

REPOSITORY = Path(__file__).parents[2]
COURSE = [*sorted(NOTEBOOKS.glob("*.ipynb")), *sorted(REPOSITORY.glob("exercises/*/master.ipynb"))]
# Cells whose point is an error of the compiler: the notebook, and the beginning of what is wrong.
WRONG = {("00-welcome", 'pr_info("hello init\\n")'), ("03-builds", "setup_timer(&egg, ring, 3);")}
CELL = """\
%%kmod hello
#include <linux/module.h>
#include "mine.h"
static int __init hello_init(void)
{
\tstruct counter counter = { .value = 1 };

\tpr_info("%d %hhx %pOF\\n", counter.value, counter.value, &counter);
\treturn 0;
}
module_init(hello_init);
MODULE_LICENSE("GPL");
"""


class Checked:
    """The check, with its notebook's state."""

    def __init__(self) -> None:
        self.state = NotebookState()
        self.help = CHelp(self.state)

    def marks(self, code: str) -> list[dict[str, Any]]:
        return run_sync(self.help.check(Request(code, len(code))))


@pytest.fixture(scope="module")
def checked(lab: Lab) -> Iterator[Checked]:
    checked = Checked()
    checked.state.files["mine.h"] = "struct counter {\n\tint value;\n};\nint only_here = unknown;\n"
    yield checked
    checked.help.close()


@pytest.mark.parametrize(
    ("right", "wrong", "line", "message"),
    [
        ("return 0", "return none", 9, "Use of undeclared identifier 'none'"),
        ("return 0;", "return 0", 10, "Expected ';' after return statement"),
        ("return 0", "return no_such()", 9, "no_such"),
        ("%d", "%s", 8, "Format specifies type 'char *' but the argument has type 'int'"),
    ],
    ids=["name", "semicolon", "function", "format"],
)
def test_a_mistake_is_marked_on_its_line(checked: Checked, right: str, wrong: str, line: int, message: str) -> None:
    (mark,) = checked.marks(CELL.replace(right, wrong))
    code = CELL.replace(right, wrong).split("\n")
    assert (mark["line"], mark["text"], mark["file"]) == (line, code[line - 1], "")
    assert message in mark["message"]


def test_what_gcc_accepts_and_what_is_in_another_cell_is_not_marked(checked: Checked) -> None:
    assert checked.marks(CELL) == []


@pytest.mark.parametrize(
    "code",
    [
        "%%kfile mine.h\nunknown x;",
        "%%intree drivers/misc/hello.c\nunknown x;",
        "%%kmod drums\nunknown x;",
        '%%kmod hello\n#include "no_such.h"\nunknown x;',
        "%%guest\nunknown x;",
    ],
    ids=["header", "in the tree", "own Makefile", "missing file", "no C"],
)
def test_nothing_is_said_where_gcc_may_see_something_else(checked: Checked, code: str) -> None:
    checked.state.makefiles["drums"] = "obj-m += drums.o\nccflags-y += -Dunknown=int\n"
    assert checked.marks(code) == []


def cells(path: Path) -> Iterator[str]:
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            yield cell.source


@pytest.mark.long
def test_no_correct_cell_of_the_course_is_marked(lab: Lab) -> None:
    checked, count, others = Checked(), 0, descendants(psutil.Process())
    for path in COURSE:
        checked.state.files.clear()
        for source in cells(path):
            magic, name, *_rest = [*source.partition("\n")[0].split(), "", ""]
            if magic == "%%kfile":
                checked.state.files[name] = source.partition("\n")[2]
            if Request(source, len(source)).is_c:
                count += 1
                is_wrong = any(path.stem == stem and text in source for stem, text in WRONG)
                marks = checked.marks(source)
                assert bool(marks) == is_wrong, (path, marks)
    servers = [process for process in descendants(psutil.Process()) if "clangd" in process.name()]
    servers = [process for process in servers if process not in others]
    assert count > 70 and len(servers) == 1
    # The first one still runs, far from the limit at which it ends.
    assert servers[0].memory_info().vms < EDITOR.memory_mib * MIB * 3 / 4
    checked.help.close()
