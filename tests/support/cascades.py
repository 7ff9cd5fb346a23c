"""Modules with one mistake for which gcc prints several messages, and modules with two independent mistakes."""

from __future__ import annotations

from dataclasses import dataclass

MODULE = """\
#include <linux/module.h>
#include <linux/init.h>
#include <linux/fs.h>
#include <linux/slab.h>

static int value;
static char *name = "x";
module_param(value, int, 0644);

struct thing {
    int a;
    int b;
};

static int helper(int x)
{
    int i;

    for (i = 0; i < x; i++) {
        if (i == 3) {
            pr_info("three\\n");
        }
    }
    return i;
}

static ssize_t my_read(struct file *f, char __user *buf, size_t n, loff_t *pos)
{
    struct thing *t = kmalloc(sizeof(*t), GFP_KERNEL);

    if (!t)
        return -ENOMEM;
    kfree(t);
    return helper(3);
}

static const struct file_operations fops = {
    .owner = THIS_MODULE,
    .read = my_read,
};

static int __init hello_init(void)
{
    pr_info("hello %d %s\\n", value, name);
    return register_chrdev(240, "x", &fops);
}

static void __exit hello_exit(void)
{
    unregister_chrdev(240, "x");
}

module_init(hello_init);
module_exit(hello_exit);
MODULE_LICENSE("GPL");
"""


@dataclass(frozen=True)
class Cascade:
    """The module with `changes` (old and new texts), and the expected message: its hint's key, and words of it.

    If `also` is not empty, it has the hint keys of the messages about a second mistake.
    """

    name: str
    changes: tuple[tuple[str, str], ...]
    hint: str
    words: str = ""
    also: tuple[str, ...] = ()
    is_long: bool = False

    @property
    def source(self) -> str:
        """The text of hello.c."""
        text = MODULE
        for old, new in self.changes:
            assert old in text, old
            text = text.replace(old, new, 1)
        return text


def _one(name: str, old: str, new: str, hint: str, words: str = "", *, is_long: bool = True) -> Cascade:
    return Cascade(name, ((old, new),), hint, words, is_long=is_long)


SEMICOLON = ("value, name);\n", "value, name)\n")
SEMICOLON_IN_READ = ("kfree(t);\n", "kfree(t)\n")
INIT_NAME = ("module_init(hello_init)", "module_init(helo_init)")
HELPER_OPEN = ("    return i;\n}\n", "    return i;\n")
FUNCTION_NAME = ("return helper(3)", "return hepler(3)")
VARIABLE_NAME = ("i < x; i++", "j < x; i++")

CASCADES = (
    _one("semicolon before return", *SEMICOLON, "missing-semicolon", "line 44", is_long=False),
    _one("semicolon before the last return", *SEMICOLON_IN_READ, "missing-semicolon", "line 33"),
    _one("misspelt init function", *INIT_NAME, "misspelt", "Did you mean hello_init?", is_long=False),
    _one("misspelt exit function", "module_exit(hello_exit)", "module_exit(hello_exti)", "misspelt", "hello_exit?"),
    _one("brace of a function", *HELPER_OPEN, "end-of-input", "helper(), which begins in line 15", is_long=False),
    _one("brace of a block", "        }\n    }\n    return i;", "        }\n    return i;", "end-of-input", "line 19"),
    _one("brace of init", "&fops);\n}\n", "&fops);\n", "end-of-input", "hello_init(), which begins in line 42"),
    _one("brace of the last function", '"x");\n}\n', '"x");\n', "end-of-input", "hello_exit()"),
    _one("a brace too many", "    return i;\n}\n", "    }\n    return i;\n}\n", "outside-function", is_long=False),
    _one("licence without semicolon", '"GPL");\n', '"GPL")\n', "missing-semicolon", "line 55", is_long=False),
    _one("parameter without semicolon", "0644);", "0644)", "missing-semicolon", "line 8"),
    _one(
        "parameter without permissions",
        ", 0644);",
        ");",
        "parameter-permissions",
        "module_param(value, int, 0444);",
        is_long=False,
    ),
    _one(
        "a number of values that is no address",
        "module_param(value, int, 0644);",
        "static int given, many[4];\nmodule_param_array(many, int, given, 0644);",
        "parameter-count",
        "&given",
    ),
    _one(
        "a macro with three arguments that takes two",
        "    kfree(t);",
        "    kfree(t);\n    if (get_user(value, buf, 4))\n        return -EFAULT;",
        "argument-count",
        "get_user(x, ptr)",
    ),
    _one("struct without semicolon", "int b;\n};", "int b;\n}", "missing-semicolon", "line 13"),
    _one("member without semicolon", "int a;\n", "int a\n", "missing-semicolon", "line 11"),
    _one("parenthesis of if", "if (!t)", "if (!t", "missing-parenthesis"),
    _one("parenthesis of a call", "GFP_KERNEL);", "GFP_KERNEL;", "missing-parenthesis", is_long=False),
    _one("parenthesis of for", "i++) {", "i++ {", "missing-parenthesis"),
    _one("condition without parentheses", "if (!t)", "if !t", "condition-parentheses"),
    _one("commas in for", "i = 0; i < x; i++", "i = 0, i < x, i++", "missing-semicolon", "three parts of for"),
    _one("unclosed string", '"three\\n"', '"three\\n', "unclosed-string", is_long=False),
    _one("misspelt struct keyword", "struct thing *t", "sturct thing *t", "misspelt", "Did you mean struct?"),
    _one("misspelt struct", "struct thing *t", "struct thnig *t", "misspelt", "struct thing?"),
    _one("misspelt int", "    int i;\n", "    itn i;\n", "misspelt", "Did you mean int?"),
    _one("misspelt static", "static int __init", "sttaic int __init", "misspelt", "Did you mean static?"),
    _one("misspelt return", "return -ENOMEM", "retrun -ENOMEM", "misspelt", "Did you mean return?"),
    _one("misspelt last return", "return helper(3)", "Return helper(3)", "misspelt", "Did you mean return?"),
    _one("colon for semicolon", "kfree(t);", "kfree(t):", "missing-semicolon", "in place of this colon"),
    _one("misspelt function", *FUNCTION_NAME, "misspelt", "Did you mean helper?"),
    _one("misspelt operation", ".read = my_read", ".read = my_raed", "misspelt", "Did you mean my_read?"),
    _one("comma between members", "THIS_MODULE,", "THIS_MODULE", "missing-comma", "line 38"),
    _one("comma between arguments", '%s\\n", value', '%s\\n" value', "missing-comma", "Before value"),
    _one("no module.h", "#include <linux/module.h>\n", "", "missing-module-header", "linux/module.h", is_long=False),
    _one("no fs.h", "#include <linux/fs.h>\n", "", "missing-kernel-header", "linux/fs.h", is_long=False),
    _one("a mark of old", "__init hello_init", "__devinit hello_init", "api-change", "__devinit", is_long=False),
    _one(
        "misspelt init macro", "module_init(hello_init)", "module_initt(hello_init)", "not-a-declaration", is_long=False
    ),
    _one(
        "an assignment outside",
        "static int value;",
        "static int value;\ntotal = 3;",
        "not-a-declaration",
        is_long=False,
    ),
    _one("a macro of old", "module_param(value, int, 0644)", 'MODULE_PARM(value, "i")', "api-change", "MODULE_PARM"),
    _one(
        "else after two statements",
        "    kfree(t);\n",
        "    if (n)\n        kfree(t);\n        n = 1;\n    else\n        n = 2;\n",
        "else-without-if",
    ),
    _one(
        "struct of unknown size",
        "static int value;",
        "static int value;\nstatic struct cdev c;",
        "missing-kernel-header",
    ),
    _one(
        "unknown struct", "static int value;", "static int value;\nstatic struct nosuch c;", "incomplete-type", "nosuch"
    ),
    Cascade(
        "used above its definition",
        (
            ("    return helper(3);", "    return below(3);"),
            ("static int __init", "static int below(int x)\n{\n    return helper(x);\n}\n\nstatic int __init"),
        ),
        "defined-below",
        "below, in line 42",
    ),
)

PAIRS = (
    Cascade("semicolon, and a name", (SEMICOLON, FUNCTION_NAME), "misspelt", also=("missing-semicolon",)),
    Cascade("two semicolons", (SEMICOLON, SEMICOLON_IN_READ), "missing-semicolon", also=("missing-semicolon",)),
    Cascade("two names", (VARIABLE_NAME, FUNCTION_NAME), "undeclared", also=("misspelt",), is_long=False),
    Cascade(
        "two names in one statement", (("return helper(3)", "return hepler(y)"),), "misspelt", also=("undeclared",)
    ),
    Cascade("open function, and a name", (HELPER_OPEN, FUNCTION_NAME), "end-of-input", also=("misspelt",)),
    Cascade("init's name, and a semicolon", (INIT_NAME, SEMICOLON_IN_READ), "missing-semicolon", also=("misspelt",)),
    Cascade(
        "semicolon, and no return",
        (("    int i;\n", "    int i\n"), ("    return i;\n}\n", "}\n")),
        "missing-semicolon",
        also=("no-return-value",),
        is_long=False,
    ),
    Cascade(
        "a name, and a return only in one branch",
        (VARIABLE_NAME, ("    return i;\n}\n", "    if (x)\n        return i;\n}\n")),
        "undeclared",
        also=("no-return-value",),
    ),
    Cascade(
        "semicolon, and a return only in one branch",
        (("    return i;\n}\n", "    i++\n    if (x)\n        return i;\n}\n"),),
        "missing-semicolon",
        also=("no-return-value",),
    ),
    Cascade(
        "semicolon, and an open function",
        (SEMICOLON_IN_READ, ('"x");\n}\n', '"x");\n')),
        "missing-semicolon",
        also=("end-of-input",),
        is_long=False,
    ),
    Cascade(
        "a name, and a variable that nobody uses",
        (FUNCTION_NAME, ("    int i;\n", "    int i, unused;\n")),
        "unused-variable",
        also=("misspelt",),
        is_long=False,
    ),
    Cascade(
        "semicolon, and a function that nobody uses",
        (SEMICOLON, ("static int helper", "static void nobody(void)\n{\n}\n\nstatic int helper")),
        "missing-semicolon",
        also=("unused-function",),
    ),
    Cascade(
        "two headers",
        (("#include <linux/fs.h>\n", ""), ("kfree(t)", "msleep(3)")),
        "missing-kernel-header",
        also=("missing-kernel-header",),
    ),
    Cascade(
        "no return, and a statement outside",
        (("    return i;\n}\n", "}\n"), ("static const struct", "return 3;\n\nstatic const struct")),
        "no-return-value",
        also=("outside-function",),
    ),
)
