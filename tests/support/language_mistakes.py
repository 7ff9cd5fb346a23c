"""Mistakes of C itself and of Makefiles: code that is not C or was copied with its surroundings; types and names."""

from __future__ import annotations

from mistakes import Case, module

_POINTER = "struct dev {\n    int x;\n};\nstatic struct dev *d;\n"
_OBJECT = _POINTER.replace("*d", "d")
_FOPS = "#include <linux/fs.h>\nstatic file_operations fops = { /* HERE */\n    .owner = THIS_MODULE,\n};\n"
_OPEN = "#include <linux/fs.h>\nstatic int o(struct inode *i, struct file *f)\n{\n    return 0;\n}\n"
_X = "static int x;\n"
_SLAB = "#include <linux/slab.h>\n"


def _case(name: str, hint: str, source: str, *, passes: bool = False) -> Case:
    return Case(name, hint, {"hello.c": source}, passes=passes)


def _word(name: str, body: str, *, before: str = "") -> Case:
    return _case(name, "other-language", module(body, before=before))


def _first_line(name: str, hint: str, line: str) -> Case:
    """A module whose first line, #include <linux/module.h>, is another one."""
    return _case(name, hint, module().replace("#include <linux/module.h>", line))


COPIED = (
    _case(
        "numbers of lines",
        "copied",
        "".join(f"{number:3} {line}\n" for number, line in enumerate(("// HERE", *module().splitlines()), 1)),
    ),
    _case("a patch", "copied", "".join(f"+{line}\n" for line in ("int first; /* HERE */", *module().splitlines()))),
    _case("a command", "copied", "$ cat hello.c # HERE\n" + module()),
    _case("a fence of Markdown", "copied", "```c HERE\n" + module() + "```\n"),
    _first_line("a web page's source", "copied", "#include &lt;linux/module.h&gt; /* HERE */"),
    _case("Python", "copied", 'def HERE():\n    print("hello")\n'),
    _case("a space that is none", "stray-character", module('\N{NO-BREAK SPACE}pr_info("x\\n"); /* HERE */')),
    _case("a dash", "stray-character", module('int x = 3 \N{EN DASH} 1; /* HERE */\npr_info("%d\\n", x);')),
)

WORDS = (
    _word("nullptr", 'void *p = nullptr; /* HERE */\npr_info("%p\\n", p);'),
    _word("new", 'int *p = new int; /* HERE */\npr_info("%p\\n", p);'),
    _word("a name of the C++ library", 'std::string s = "x"; /* HERE */'),
    _word("and", "int x = 1;\nif (x == 1 and x < 2) /* HERE */\n    x = 2;"),
    _word("not", "int x = 1;\nif (not x) /* HERE */\n    x = 2;"),
    _word("elseif", "int x = 1;\nif (x == 1)\n    x = 2;\nelseif (x == 2) /* HERE */\n    x = 3;"),
    _word("a type string", 'string s = "x"; /* HERE */\npr_info("%s\\n", s);'),
    _word("a class", "", before="class Dev { /* HERE */\n    int x;\n};\n"),
    _case(
        "a type of userspace", "userspace-type", module('FILE *f = fopen("/x", "r"); /* HERE */\npr_info("%p\\n", f);')
    ),
)

DIRECTIVES = (
    _first_line("a misspelt directive", "directive", "#inlcude <linux/module.h> /* HERE */"),
    _first_line("a header without < and >", "directive", "#include linux/module.h /* HERE */"),
    _case(
        "a semicolon after a header",
        "directive",
        module().replace("#include <linux/module.h>", "#include <linux/module.h> /* HERE */;"),
        passes=True,
    ),
    _case("a macro with =", "macro-body", module("int a[N];\na[0] = 1;", before="#define N = 10 /* HERE */\n")),
    _case(
        "a macro with a semicolon", "macro-body", module("int a[N];\na[0] = 1;", before="#define N /* HERE */ 10;\n")
    ),
    _case(
        "a space after a backslash",
        "space-after-backslash",
        module("HI();", before='#define HI() do { pr_info("x\\n"); /* HERE */ \\ \n} while (0)\n'),
        passes=True,
    ),
)

MACROS = (
    _case(
        "a parameter in quotes",
        "parameter-name",
        module(before='static int n;\nmodule_param("n", int, 0644); /* HERE */\n'),
    ),
    _case(
        "a parameter without a variable", "parameter-name", module(before="module_param(n, int, 0644); /* HERE */\n")
    ),
    _case(
        "a description without a comma",
        "missing-comma",
        module(before='static int n;\nmodule_param(n, int, 0644);\nMODULE_PARM_DESC(n "how many"); /* HERE */\n'),
    ),
    _case("a level in small letters", "misspelt", module('printk(kern_info "hello\\n"); /* HERE */')),
    _case("a level that is added", "text-sum", module('printk(KERN_INFO + "hello\\n"); /* HERE */')),
    _case(
        "a misspelt annotation",
        "misspelt",
        module().replace("int __init", "int __initt").replace("(void)", "(void) /* HERE */", 1),
    ),
)

TYPES = (
    _case("a long for an int", "format", module('pr_info("%d\\n", jiffies); /* HERE */'), passes=True),
    _case("a percent sign", "format", module('pr_info("100%\\n"); /* HERE */'), passes=True),
    _case("a text in single quotes", "single-quotes", module("pr_info('hello\\n'); /* HERE */")),
    _case(
        "a text in a char",
        "single-character",
        module('char s = "hello"; /* HERE */\npr_info("%s\\n", s);'),
        passes=True,
    ),
    _case("a dot after a pointer", "member-access", module('pr_info("%d\\n", d.x); /* HERE */', before=_POINTER)),
    _case("an arrow after an object", "member-access", module('pr_info("%d\\n", d->x); /* HERE */', before=_OBJECT)),
    _case(
        "a text for an array",
        "array-assignment",
        module('b = "hello"; /* HERE */\npr_info("%s\\n", b);', before="static char b[10];\n"),
    ),
    _case(
        "texts that are compared",
        "text-comparison",
        module('char *s = "x";\nif (s == "x") /* HERE */\n    pr_info("same\\n");'),
        passes=True,
    ),
    _case("a constant that is changed", "read-only", module("n = 3; /* HERE */", before="static const int n = 2;\n")),
    _case("a text that is returned", "int-conversion", module('return "error"; /* HERE */'), passes=True),
    _case(
        "a value of a void function",
        "no-value",
        module('int x = f(); /* HERE */\npr_info("%d\\n", x);', before="static void f(void)\n{\n}\n"),
    ),
    _case(
        "no type before a function",
        "no-return-type",
        module().replace("static int __init hello_init", "static __init /* HERE */ hello_init"),
    ),
    _case(
        "a lock of another kind",
        "pointer-types",
        module(
            "spin_lock(&m); /* HERE */\nspin_unlock(&m);", before="#include <linux/mutex.h>\nstatic DEFINE_MUTEX(m);\n"
        ),
    ),
)

NAMES = (
    _case("a structure without struct", "struct-word", module("(void)fops;", before=_FOPS)),
    _case(
        "a structure of one's own without struct",
        "struct-word",
        module("(void)d;", before=_OBJECT.replace("static struct dev d;", "static dev d; /* HERE */")),
    ),
    _case(
        "a variable that is declared below",
        "defined-below",
        module('pr_info("%d\\n", n); /* HERE */', exit_part="static int n = 3;\nmodule_param(n, int, 0644);\n"),
    ),
    _case(
        "a variable of another function",
        "defined-below",
        module(
            "n++; /* HERE */",
            exit_part="static void __exit hello_exit(void)\n{\n    int n = 1;\n    n++;\n}\nmodule_exit(hello_exit);\n",
        ),
    ),
    _case(
        "a name that is like any",
        "undeclared",
        module("mutex_lock(&lock); /* HERE */", before="#include <linux/mutex.h>\n"),
    ),
    _case("a label that is not there", "no-label", module("if (jiffies)\n    goto fail; /* HERE */")),
    _case("a label that nobody needs", "unused-label", module('fail: /* HERE */\npr_info("x\\n");'), passes=True),
    _case(
        "too few arguments of the kernel's",
        "argument-count",
        module("void *p = kmalloc(10); /* HERE */\nkfree(p);", before=_SLAB),
    ),
)

PUNCTUATION = (
    _case("a message without quotes", "missing-quotes", module("pr_info(hello); /* HERE */")),
    _case(
        "a semicolon after a function's head",
        "semicolon-after-head",
        module().replace("hello_init(void)\n{", "hello_init(void);\n{ /* HERE */", 1),
    ),
    _case(
        "a function without its first brace",
        "missing-open-brace",
        module("return 1; /* HERE */").replace("hello_init(void)\n{", "hello_init(void)", 1),
    ),
    _case(
        "a semicolon after a condition",
        "empty-statement",
        module('int x = 1;\nif (x == 2); /* HERE */\n    pr_info("x\\n");'),
        passes=True,
    ),
    _case(
        "two statements after an if",
        "empty-statement",
        module('int x = 1;\nif (x == 2) /* HERE */\n    x = 3;\n    pr_info("%d\\n", x);'),
        passes=True,
    ),
    _case(
        "a semicolon before an else",
        "else-without-if",
        module("int x = 1;\nif (x) {\n    x = 2;\n};\nelse { /* HERE */\n    x = 3;\n}"),
    ),
    _case("a comma at the end", "last-comma", module('pr_info("x\\n"),\nreturn 1; /* HERE */')),
    _case("a comma and no argument", "last-comma", module('pr_info("x\\n", ); /* HERE */')),
    _case("a case without a colon", "case-colon", module('switch (1) {\ncase 1 /* HERE */\n    pr_info("x\\n");\n}')),
    _case(
        "a function that is not called",
        "not-called",
        module("f; /* HERE */", before="static void f(void)\n{\n}\n"),
        passes=True,
    ),
    _case(
        "a function in the place of its value",
        "not-called",
        module('int x = f; /* HERE */\npr_info("%d\\n", x);', before="static int f(void)\n{\n    return 1;\n}\n"),
        passes=True,
    ),
    _case(
        "a number for its address",
        "int-conversion",
        module("f(n); /* HERE */", before="static int n;\nstatic void f(int *p)\n{\n    *p = 1;\n}\n"),
        passes=True,
    ),
)

CALLS = (
    _case(
        "a macro without parentheses",
        "no-parentheses",
        module().replace("module_init(hello_init);", "module_init hello_init; /* HERE */"),
    ),
    _case("printk without parentheses", "no-parentheses", module('printk KERN_INFO "hello\\n"; /* HERE */')),
    _case("a macro in two words", "module-macro", module().replace("MODULE_LICENSE", "/* HERE */ MODULE LICENSE")),
    _case(
        "a parameter's type after its permissions",
        "parameter-type",
        module(before="static int n;\nmodule_param(n, 0644, int); /* HERE */\n"),
    ),
    _case(
        "a number of values that is no variable",
        "parameter-count",
        module(before="static int a[3];\nmodule_param_array(a, int, 3, 0644); /* HERE */\n"),
        passes=True,
    ),
    _case(
        "a function that is called in a table",
        "called-in-macro",
        module(
            "(void)fops;", before=_OPEN + "static struct file_operations fops = {\n    .open = o(), /* HERE */\n};\n"
        ),
    ),
    _case(
        "a semicolon in a table",
        "list-semicolon",
        module("(void)fops;", before=_OPEN + "static struct file_operations fops = {\n    .open = o; /* HERE */\n};\n"),
    ),
    _case(
        "an assignment outside of functions",
        "outside-function",
        module("(void)fops;", before=_OPEN + "static struct file_operations fops;\nfops.open = o; /* HERE */\n"),
    ),
    _case(
        "a list for its address",
        "int-conversion",
        module("INIT_LIST_HEAD(l); /* HERE */", before="#include <linux/list.h>\nstatic struct list_head l;\n"),
    ),
    _case(
        "a thread of the wrong type",
        "incompatible-pointer",
        module(
            'kthread_run(f, NULL, "x"); /* HERE */', before="#include <linux/kthread.h>\nstatic void f(void)\n{\n}\n"
        ),
    ),
    _case("types in a call", "typed-argument", module("f(int 3); /* HERE */", before="static void f(int a)\n{\n}\n")),
    _case(
        "parameters without types",
        "untyped-parameter",
        module("f(1, 2);", before="static void f(a, b) /* HERE */\n{\n}\n"),
    ),
    _case(
        "a macro with too few arguments",
        "argument-count",
        module(
            'struct e *p;\nlist_for_each_entry(p, &l) /* HERE */\n    pr_info("x\\n");',
            before="#include <linux/list.h>\nstruct e { struct list_head n; };\nstatic LIST_HEAD(l);\n",
        ),
    ),
)

VALUES = (
    _case("a value that is assigned to", "no-variable", module("5 = x; /* HERE */", before=_X)),
    _case("the address of a value", "no-variable", module("p = &5; /* HERE */", before="static int *p;\n")),
    _case("an operator that is turned round", "operator", module("if (x => 2) /* HERE */\n    x = 1;", before=_X)),
    _case("a comment of the shell", "comment", module("x = 1; # comment HERE", before=_X)),
    _case("a comment in a comment", "nested-comment", module("x = 1;", before=_X + "/* a /* b */ c HERE */\n")),
    _case("a parenthesis too many", "missing-parenthesis", module("x = (1 + 2)); /* HERE */", before=_X)),
    _case("a condition without its second value", "ternary", module("x = x ? 1; /* HERE */", before=_X)),
    _case(
        "a pointer to const",
        "const-text",
        module("p = q; /* HERE */", before="static char *p;\nstatic const char *q;\n"),
        passes=True,
    ),
    _case(
        "a pointer to nothing in particular",
        "void-pointer",
        module("x = *p; /* HERE */", before=_X + "static void *p = &x;\n"),
    ),
    _case(
        "the address of what is gone",
        "local-address",
        module(
            "p = f();", before="static int *p;\nstatic int *f(void)\n{\n    int y = 1;\n    return &y; /* HERE */\n}\n"
        ),
        passes=True,
    ),
    _case("an array of an unknown size", "array-size", module("(void)a;", before=_X + "static int a[x]; /* HERE */\n")),
    _case(
        "a name of the kernel's for a macro",
        "macro-name",
        module(before="#define PAGE_SIZE 10 /* HERE */\n"),
        passes=True,
    ),
    _case("a backslash in a text", "escape", module('pr_info("C:\\dir\\n"); /* HERE */'), passes=True),
    _case(
        "a text for a character", "single-quotes", module('char c = "a"; /* HERE */\npr_info("%c\\n", c);'), passes=True
    ),
    _case(
        "a member that one's own structure lacks",
        "no-member",
        module('pr_info("%d\\n", d.y); /* HERE */', before=_OBJECT),
    ),
)

_MAIN = {"main.c": module("f();", before="void f(void);\n"), "b.c": "void f(void);\nvoid f(void)\n{\n}\n"}


def _makefile(name: str, hint: str, makefile: str, files: dict[str, str] | None = None) -> Case:
    return Case(name, hint, {**(files or {"hello.c": module()}), "Makefile": makefile}, file="Makefile")


MAKEFILES = (
    _makefile("a name without .o", "object-names", "obj-m = hello # HERE\n"),
    _makefile("a module for an object", "object-names", "obj-m := hello.ko # HERE\n"),
    _makefile("commas between objects", "object-names", "obj-m := m.o\nm-objs := main.o, b.o # HERE\n", _MAIN),
    _makefile("a list of another module", "no-rule", "obj-m := m.o # HERE\nmod-objs := main.o b.o\n", _MAIN),
    _makefile("obj_m", "no-module", "obj_m := hello.o # HERE\n"),
    _makefile("a name with a space", "obj-m", "obj -m := hello.o # HERE\n"),
    _makefile("a rule without a colon", "missing-separator", "obj-m += hello.o\nall # HERE\n\tmake modules\n"),
    _makefile("a comment of C in a Makefile", "missing-separator", "// HERE\nobj-m += hello.o\n"),
    Case(
        "an option that the compiler lacks",
        "compiler-option",
        {"hello.c": module(), "Makefile": "obj-m += hello.o\nccflags-y := -Wal\n"},
        file="",
    ),
    Case(
        "a header without its last semicolon",
        "header-end",
        {
            "hello.c": module(before='#include "mine.h"\n').replace("\n{", "\n{ /* HERE */", 1),
            "mine.h": "#pragma once\nint f(void)\n",
        },
    ),
)

LANGUAGE_CASES = (*MAKEFILES, *CALLS, *VALUES, *PUNCTUATION, *COPIED, *WORDS, *DIRECTIVES, *MACROS, *TYPES, *NAMES)
