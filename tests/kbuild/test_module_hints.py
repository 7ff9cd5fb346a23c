"""Builds of several files and of Makefiles that leave something out: whose file, whose symbol it is."""

from __future__ import annotations

import pytest
from building import build_all
from mistakes import module

from kmodlab.kbuild.result import Build
from kmodlab.kbuild.sources import Sources
from kmodlab.kernel.tree import KernelTree

pytestmark = pytest.mark.xdist_group("module hints")  # they are built together

HELPER = "int helper(void);\nint helper(void)\n{\n    return 4;\n}\n"
USER = module('pr_info("%d\\n", helper());', before="int helper(void);\n")
OWN_MODULE = '#include <linux/module.h>\nMODULE_LICENSE("GPL");\n'

# The name of the module is hello; each with the files, and words of the one hint.
CASES = {
    "the file named like the module": (
        {"hello.c": USER, "helper.c": HELPER, "Makefile": "obj-m += hello.o\nhello-objs := helper.o\n"},
        "hello.c is not part of the module: hello-objs does not list it",
    ),
    "the main file": (
        {"main.c": USER, "helper.c": HELPER, "Makefile": "obj-m += hello.o\nhello-objs := helper.o\n"},
        "main.c is not part of the module: add main.o to hello-objs",
    ),
    "the helper": (
        {"main.c": USER, "helper.c": HELPER, "Makefile": "obj-m += hello.o\nhello-y := main.o\n"},
        "helper.c is not part of the module: add helper.o to hello-objs",
    ),
    "the helper of a module of one file": (
        {"hello.c": USER, "helper.c": HELPER, "Makefile": "obj-m += hello.o\n"},
        "my_hello-objs := hello.o helper.o",
    ),
    "a variable in the file left out": (
        {
            "main.c": module('pr_info("%d\\n", level);', before="extern int level;\n"),
            "helper.c": "int level = 3;\n",
            "Makefile": "obj-m += hello.o\nhello-y := main.o\n",
        },
        "helper.c is not part of the module",
    ),
    "another module that does not export": (
        {"hello.c": USER, "lib.c": OWN_MODULE + HELPER, "Makefile": "obj-m += hello.o lib.o\n"},
        "helper belongs to another module, lib, which does not export it: add EXPORT_SYMBOL(helper);",
    ),
    "another module that is not built": (
        {
            "hello.c": USER,
            "lib.c": OWN_MODULE + HELPER + "EXPORT_SYMBOL(helper);\n",
            "Makefile": "obj-m += hello.o\n",
        },
        "lib.c exports helper, but is not built: add obj-m += lib.o",
    ),
    "a symbol of nobody": (
        {"hello.c": USER},
        "If it belongs to another module, this build needs that module's sources or its Module.symvers",
    ),
    "a symbol that the kernel keeps": (
        {"hello.c": module("release_task(current);", before="#include <linux/sched/task.h>\n")},
        "this kernel does not export it",
    ),
    "a misspelt function of ones own": (
        {"main.c": USER.replace("helper", "hepler"), "helper.c": HELPER},
        "Nothing defines hepler. Did you mean helper?",
    ),
    "makefile in small letters": (
        {"hello.c": module(), "makefile": "obj-m += hello.o\n"},
        "kbuild reads only a file that is called Makefile, with a capital M, or Kbuild: rename yours.",
    ),
    "GNUmakefile": (
        {"hello.c": module(), "GNUmakefile": "obj-m += hello.o\n"},
        "rename yours",
    ),
    "a source in obj-m": ({"hello.c": module(), "Makefile": "obj-m += hello.c\n"}, "names the object file"),
    "obj-y": ({"hello.c": module(), "Makefile": "obj-y += hello.o\n"}, "needs the line obj-m += hello.o"),
    "an empty Makefile": ({"hello.c": module(), "Makefile": "# nothing yet\n"}, "needs the line obj-m += hello.o"),
    "a misspelt licence": (
        {"hello.c": module().replace("LICENSE", "LICENCE")},
        "Did you mean MODULE_LICENSE?",
    ),
    "a GPL-only function": (
        {
            "hello.c": module(
                "bus_unregister(NULL);",
                before="#include <linux/device.h>\n",
                head=OWN_MODULE.replace("GPL", "Proprietary"),
            )
        },
        '"Dual MPL/GPL". "Proprietary" is none of these. Change the licence, or do without bus_unregister.',
    ),
    "a GPL-only function in a module with a licence too many": (
        {
            "hello.c": module(
                "bus_unregister(NULL);",
                before="#include <linux/device.h>\n",
                head=OWN_MODULE + 'MODULE_LICENSE("GPL-2.0");\n',
            )
        },
        '"GPL-2.0" is none of these',
    ),
}
GOOD = {
    "spaces before make's commands in a condition": (
        "ifeq ($(KERNELRELEASE),)\n    PWD := $(shell pwd)\nmodules:\n\t$(MAKE) -C /lib M=$(PWD) modules\nelse\n"
        "    obj-m := hello.o\nendif\n"
    ),
    "two modules, one of which uses the other": "obj-m += hello.o lib.o\n",
}


@pytest.fixture(scope="module")
def builds(tree: KernelTree) -> dict[str, Build]:
    exported = {"lib.c": OWN_MODULE + HELPER + "EXPORT_SYMBOL(helper);\n"}
    good = {name: {"hello.c": USER if "lib.o" in text else module(), "Makefile": text} for name, text in GOOD.items()}
    files = {name: case[0] for name, case in CASES.items()} | {
        name: given | (exported if "lib.o" in GOOD[name] else {}) for name, given in good.items()
    }
    return build_all(tree, {name: Sources.of("hello", given) for name, given in files.items()})


@pytest.mark.parametrize("name", CASES)
def test_what_was_left_out_is_named(name: str, builds: dict[str, Build]) -> None:
    build = builds[name]
    assert not build.passed
    assert [CASES[name][1] in each.hint for each in build.diagnostics] == [True], build.diagnostics


@pytest.mark.parametrize("name", GOOD)
def test_a_right_makefile_is_right(name: str, builds: dict[str, Build]) -> None:
    assert builds[name].passed and builds[name].diagnostics == ()


def test_a_static_function_of_another_file_is_named_with_its_file(tree: KernelTree) -> None:
    files = {"main.c": USER, "helper.c": "static int helper(void)\n{\n    return 4;\n}\n"}
    (build,) = build_all(tree, {"": Sources.of("hello", files)}).values()
    assert "helper is static in helper.c" in build.errors[0].hint


def test_a_source_that_is_silently_ignored_is_remarked_on(tree: KernelTree) -> None:
    makefile = "obj-m += hello.o\nhello-objs := helper.o\n"
    files = {"hello.c": USER, "helper.c": OWN_MODULE + HELPER, "Makefile": makefile}
    (build,) = build_all(tree, {"": Sources.of("hello", files)}).values()
    assert build.passed
    assert [(each.message, each.hint_key) for each in build.warnings] == [
        ("hello.c is not compiled", "source-left-out")
    ]
