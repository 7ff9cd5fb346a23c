"""Learners' mistakes, a case for each: the sources, and the expected hint.

The line of the expected diagnostic has the mark HERE in a comment; a case without a mark is about a whole file.
"""

from __future__ import annotations

from dataclasses import dataclass

MARK = "HERE"

_HEAD = '#include <linux/module.h>\n#include <linux/printk.h>\nMODULE_LICENSE("GPL");\n'
_INIT = "static int __init hello_init(void)\n{\n%s    return 0;\n}\nmodule_init(hello_init);\n"
_EXIT = "static void __exit hello_exit(void)\n{\n}\nmodule_exit(hello_exit);\n"


def module(body: str = "", *, before: str = "", head: str = _HEAD, exit_part: str = _EXIT) -> str:
    """A module whose init function consists of `body`, with `before` above it."""
    return head + before + _INIT % "".join(f"    {line}\n" for line in body.splitlines()) + exit_part


@dataclass(frozen=True)
class Case:
    """Sources with one mistake; `hint` is the expected hint's key, `file` the file of the diagnostic."""

    name: str
    hint: str
    files: dict[str, str]
    file: str = "hello.c"
    passes: bool = False

    @property
    def line(self) -> int | None:
        """The line of the mark; None without a mark."""
        lines = self.files.get(self.file, "").splitlines()
        return next((number for number, line in enumerate(lines, 1) if MARK in line), None)


def _case(name: str, hint: str, source: str, *, passes: bool = False, **more: str) -> Case:
    return Case(name, hint, {"hello.c": source, **more}, passes=passes)


def _makefile_case(name: str, hint: str, makefile: str) -> Case:
    return Case(name, hint, {"hello.c": module(), "Makefile": makefile}, file="Makefile")


# The source deck's own module, which has no licence.
DECK = """\
#include <linux/printk.h>
#include <linux/module.h>


static int hello_init(void)
{
    printk(KERN_DEBUG "hello init\\n");
    return 0;
}
static void hello_exit(void)
{
    printk(KERN_DEBUG "hello exit\\n");
}

module_init(hello_init);
module_exit(hello_exit);
"""

CASES = (
    _case("no licence", "missing-licence", DECK),
    _case("an unknown function", "implicit-function", module("do_magic(); /* HERE */")),
    _case("printf for printk", "userspace-function", module('printf("hello\\n"); /* HERE */')),
    _case(
        "malloc for kmalloc",
        "userspace-function",
        module("kfree(malloc(10)); /* HERE */", before="#include <linux/slab.h>\n"),
    ),
    _case(
        "kmalloc without its header",
        "missing-kernel-header",
        module("void *p = kmalloc(10, GFP_KERNEL); /* HERE */\nkfree(p);"),
    ),
    _case(
        "a function that exists nowhere",
        "undefined-symbol",
        module("nosuch(); /* HERE */", before="extern void nosuch(void);\n"),
    ),
    _case(
        "a table of devices of another bus",
        "device-table-type",
        module(
            "",
            head="#include <linux/module.h>\n#include <linux/usb.h>\n#include <linux/mod_devicetable.h>\n"
            "static const struct pci_device_id ids[] = { { 1, 2 }, { } };\n"
            "MODULE_DEVICE_TABLE(usb, ids); /* HERE */\n"
            'MODULE_LICENSE("GPL");\n',
        ),
    ),
    _case(
        "a GPL-only function in a proprietary module",
        "gpl-only-symbol",
        module(
            'kobj = kobject_create_and_add("hello", kernel_kobj); /* HERE */',
            head='#include <linux/module.h>\n#include <linux/kobject.h>\nMODULE_LICENSE("Proprietary");\n',
            before="static struct kobject *kobj;\n",
        ),
    ),
    _case(
        "init data used after init",
        "section-mismatch",
        module(
            "greet();",
            before='static char text[] __initdata = "hi";\nnoinline void greet(void);\n'
            'noinline void greet(void)\n{\n    pr_info("%s\\n", text); /* HERE */\n}\n',
        ),
        passes=True,
    ),
    _case(
        "init calls an __exit function",
        "section-mismatch",
        module(
            "if (THIS_MODULE->name[0] == 'x')\n    undo();",
            before='static noinline void __exit undo(void)\n{\n    pr_info("undo\\n");\n}\n',
        ),
        passes=True,
    ),
    _case("a missing semicolon", "missing-semicolon", module('pr_info("hello\\n")\nreturn -EIO; /* HERE */')),
    _case("no semicolon before a call", "missing-semicolon", module('int x = 3 /* HERE */\npr_info("%d\\n", x);')),
    _case(
        "no parentheses around a condition",
        "condition-parentheses",
        module("int x = 3;\nif x > 2 /* HERE */\n    x = 4;"),
    ),
    _case(
        "an else after two statements",
        "else-without-if",
        module('int x = 3;\nif (x)\n    pr_info("a\\n");\n    pr_info("b\\n");\nelse /* HERE */\n    pr_info("c\\n");'),
    ),
    _case("a missing parenthesis", "missing-parenthesis", module('pr_info("hello\\n"; /* HERE */')),
    _case("an unclosed string", "unclosed-string", module('pr_info("hello\\n); /* HERE */')),
    _case(
        "a missing brace",
        "end-of-input",
        _HEAD
        + "static int __init hello_init(void)\n{\n    if (1) {\n        return 0;\n}\n"
        + "module_init(hello_init); /* HERE */\n",
    ),
    _case("an unclosed comment", "unclosed-comment", module(before="/* no end HERE\n")),
    _case("an unclosed condition", "unclosed-condition", module(before="#ifdef CONFIG_SMP /* HERE */\n")),
    _case(
        "an init function that returns nothing",
        "wrong-init",
        _HEAD + "static void hello_init(void)\n{\n}\nmodule_init(hello_init); /* HERE */\n" + _EXIT,
    ),
    _case(
        "an init function with an argument",
        "wrong-init",
        _HEAD + "static int hello_init(int x)\n{\n    return x;\n}\nmodule_init(hello_init); /* HERE */\n" + _EXIT,
    ),
    _case(
        "an exit function that returns something",
        "wrong-exit",
        module(exit_part="static int hello_exit(void)\n{\n    return 0;\n}\nmodule_exit(hello_exit); /* HERE */\n"),
    ),
    _case("a header of userspace", "userspace-header", module(before="#include <stdio.h> /* HERE */\n")),
    _case("a header that does not exist", "missing-header", module(before="#include <linux/nosuch.h> /* HERE */\n")),
    _case("an own header that is not there", "missing-own-header", module(before='#include "mine.h" /* HERE */\n')),
    _case("an unused variable", "unused-variable", module("int unused; /* HERE */"), passes=True),
    _case(
        "an exit function that is not registered",
        "unused-function",
        module(exit_part="static void __init hello_exit(void) /* HERE */\n{\n}\n"),
        passes=True,
    ),
    _case(
        "a read function of the wrong type",
        "incompatible-pointer",
        module(
            "(void)fops.read;",
            before="#include <linux/fs.h>\n"
            "static int hello_read(struct file *f)\n{\n    return 0;\n}\n"
            "static struct file_operations fops = {\n    .read = hello_read, /* HERE */\n};\n",
        ),
    ),
    _case(
        "a pointer to something else",
        "pointer-types",
        module("f(&n); /* HERE */", before="static long n;\nstatic void f(int *p)\n{\n    *p = 1;\n}\n"),
    ),
    _case("a statement after the function's end", "outside-function", module(exit_part='pr_info("x"); /* HERE */\n')),
    _case("an assignment after the function's end", "not-a-declaration", module(exit_part="total = 1; /* HERE */\n")),
    _case("a return after the function's end", "outside-function", module(exit_part="return 0; /* HERE */\n")),
    _case(
        "an integer for a pointer",
        "int-conversion",
        module('char *p = 42; /* HERE */\npr_info("%p\\n", p);'),
        passes=True,
    ),
    _case(
        "a function that forgets to return",
        "no-return-value",
        module('pr_info("%d\\n", f(1));', before="static int f(int x)\n{\n    x++;\n} /* HERE */\n"),
    ),
    _case(
        "return without a value",
        "return-without-value",
        module('pr_info("%d\\n", f());', before="static int f(void)\n{\n    return; /* HERE */\n}\n"),
    ),
    _case(
        "return with a value from a void function",
        "return-with-value",
        module(
            exit_part="static void __exit hello_exit(void)\n{\n    return 1; /* HERE */\n}\nmodule_exit(hello_exit);\n"
        ),
    ),
    _case(
        "the same function twice",
        "redefinition",
        module(before="static int f(void) { return 1; }\nstatic int f(void) { return 2; } /* HERE */\n"),
    ),
    _case("module_init twice", "two-inits", module(exit_part="module_init(hello_init); /* HERE */\n" + _EXIT)),
    _case(
        "different declarations",
        "conflicting-types",
        module("f();", before="void f(void);\nint f(int x) /* HERE */\n{\n    return x;\n}\n"),
    ),
    _case("a misspelt type", "misspelt", module('uint9_t x = 0; /* HERE */\npr_info("%d\\n", x);')),
    _case("an unknown type", "unknown-type", module('farbe_t x = 0; /* HERE */\npr_info("%d\\n", x);')),
    _case("an undeclared name", "undeclared", module("count++; /* HERE */")),
    _case("a misspelt constant", "misspelt", module("return -EINVALID; /* HERE */")),
    _case("bool as in C++", "undeclared", module('int x = TRUE; /* HERE */\npr_info("%d\\n", x);')),
    _case("a wrong format", "format", module('pr_info("%d\\n", "text"); /* HERE */'), passes=True),
    _case(
        "a copy that nobody looks at",
        "unused-result",
        module("copy_to_user(NULL, THIS_MODULE, 0); /* HERE */", before="#include <linux/uaccess.h>\n"),
        passes=True,
    ),
    _case("a missing argument", "format", module('pr_info("%d\\n"); /* HERE */'), passes=True),
    _case(
        "a comma after the log level", "level-comma", module('printk(KERN_INFO, "hello\\n"); /* HERE */'), passes=True
    ),
    _case(
        "a huge local array",
        "frame-size",
        module(
            "f();",
            before="void f(void);\nvoid f(void)\n{\n    char buffer[8192];\n    memset(buffer, 1, sizeof(buffer));\n"
            '    pr_info("%s\\n", buffer);\n} /* HERE */\n',
        ),
        passes=True,
    ),
    _case(
        "a function with a double",
        "floating-point",
        module(
            'pr_info("%d\\n", (int)half(3));',
            before="""\
noinline double half(double x);
noinline double half(double x) /* HERE */
{
    return x / 2;
}
""",
        ),
    ),
    _case(
        "a calculation with floats",
        "floating-point",
        module('x *= 1.5; /* HERE */\npr_info("%d\\n", (int)x);', before="static volatile double x = 2;\n"),
    ),
    _case(
        "a declaration after a statement",
        "mixed-declarations",
        module('pr_info("x\\n");\nint y = 1; /* HERE */\npr_info("%d\\n", y);'),
        passes=True,
        Makefile="obj-m += hello.o\nccflags-y += -Wdeclaration-after-statement\n",
    ),
    _case(
        "a function that nobody announced",
        "no-prototype",
        module("f();", before="void f(void) /* HERE */\n{\n}\n"),
        passes=True,
        Makefile="obj-m += hello.o\nccflags-y += -Wmissing-prototypes\n",
    ),
    _case("empty parentheses", "strict-prototype", module("f();", before="static void f() /* HERE */\n{\n}\n")),
    _case(
        "a function that runs into the next",
        "falls-through-function",
        module(
            "f();",
            before="""\
noinline void f(void);
noinline void f(void)
{
    pr_info("f\\n");
    __builtin_unreachable();
}
""",
        ),
        passes=True,
    ),
    _case(
        "an array of variable length",
        "variable-length-array",
        module(
            "f(3);",
            before="""\
void f(int n);
void f(int n)
{
    char a[n]; /* HERE */
    memset(a, 0, n);
    pr_info("%s\\n", a);
}
""",
        ),
        passes=True,
    ),
    _case(
        "a case that falls through",
        "fallthrough",
        module(
            "f(3);",
            before="""\
void f(int n);
void f(int n)
{
    switch (n) {
    case 1:
        pr_info("1\\n"); /* HERE */
    case 2:
        pr_info("2\\n");
    }
}
""",
        ),
        passes=True,
    ),
    _case("a main function", "main-function", _HEAD + "int main(void) /* HERE */\n{\n    return 0;\n}\n", passes=True),
    _case(
        "a misspelt MODULE macro",
        "module-macro",
        module(head='#include <linux/module.h>\n#include <linux/printk.h>\nMODULE_LICENCE("GPL"); /* HERE */\n'),
    ),
    _case(
        "no module.h",
        "missing-module-header",
        module(head='#include <linux/printk.h>\nMODULE_LICENSE("GPL"); /* HERE */\n'),
    ),
    _case(
        "a parameter of an unknown type",
        "parameter-type",
        module(before="static int n;\nmodule_param(n, integer, 0644); /* HERE */\n"),
    ),
    _case(
        "a parameter that anybody may write",
        "parameter-permissions",
        module(before="static int n;\nmodule_param(n, int, 0666); /* HERE */\n"),
    ),
    _case(
        "too few arguments", "argument-count", module("f(1); /* HERE */", before="static void f(int a, int b)\n{\n}\n")
    ),
    _case(
        "too many arguments",
        "argument-count",
        module("f(1, 2, 3); /* HERE */", before="static void f(int a, int b)\n{\n}\n"),
    ),
    _case("a member that does not exist", "no-member", module('pr_info("%s\\n", THIS_MODULE->nickname); /* HERE */')),
    _case(
        "a struct that is only declared",
        "incomplete-type",
        module('pr_info("%d\\n", d->irq); /* HERE */', before="struct hello_dev;\nstatic struct hello_dev *d;\n"),
    ),
    _case(
        "an initialiser that is not constant",
        "not-constant",
        module(
            "(void)y;", before="static int x = 1;\nstatic int y = x + f(); /* HERE */\n".replace(" + f()", " + jiffies")
        ),
    ),
    _case("the time of the build", "date-time", module('pr_info("%s\\n", __DATE__); /* HERE */')),
    _case(
        "static after not static",
        "static-mismatch",
        module("f();", before="void f(void);\nstatic void f(void) /* HERE */\n{\n}\n"),
    ),
    _case("typographic quotes", "stray-character", module("pr_info(“hello”); /* HERE */")),
    _case(
        "an exported static function",
        "static-export",
        module(before="static int f(void)\n{\n    return 1;\n}\nEXPORT_SYMBOL(f); /* HERE */\n"),
    ),
    _case("a value that is never set", "uninitialised", module('int x; /* HERE */\npr_info("%d\\n", x);'), passes=True),
    _case(
        "an assignment in a condition",
        "assignment-condition",
        module('int x = 1;\nif (x = 2) /* HERE */\n    pr_info("two\\n");'),
        passes=True,
    ),
    _case("an unknown instruction", "assembler", module('asm volatile("frobnicate"); /* HERE */')),
    _case(
        "a copy that is too long",
        "overflow",
        module(
            'strcpy(text, "much too long for this"); /* HERE */',
            before="#include <linux/string.h>\nstatic char text[4];\n",
        ),
    ),
    _case(
        "an export namespace",
        "namespace",
        module(
            "ns();",
            head='#include <linux/module.h>\nMODULE_LICENSE("GPL");\n',
            before="""\
#include <linux/dma-buf.h>
static noinline void ns(void)
{
    dma_buf_put(NULL); /* HERE */
}
""",
        ),
    ),
    Case(
        "the same name in two files",
        "multiple-definition",
        {"a.c": "int counter;\n", "hello.c": module(before="int counter; /* HERE */\n")},
    ),
    _makefile_case("a Makefile for another name", "no-rule", "obj-m += hallo.o # HERE\n"),
    _makefile_case("a recipe without a tab", "missing-separator", "obj-m += hello.o\nall:\n    make modules # HERE\n"),
    _makefile_case("a Makefile without obj-m", "no-module", "obj-y += hello.o\n"),
    _makefile_case("a Makefile with a .c in it", "object-names", "obj-m += hello.c # HERE\n"),
    Case(
        "a Makefile in small letters", "makefile-name", {"hello.c": module(), "makefile": "obj-m += hello.o\n"}, file=""
    ),
    _makefile_case("a circular Makefile", "circular", "obj-m += hello.o # HERE\nhello-y := hello.o\n"),
)
