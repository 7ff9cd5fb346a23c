"""The mistakes that learners make most, each with the words that show it and the hint that mends it: one table.

A hint says in the kernel's terms what is wrong and what to do. The first rule that fits is taken.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """A mistake: `pattern` is in the message, `macro` among the macros used there, `excerpt` in the lines shown.

    In `text`, {0}, {1} are what the pattern's groups matched.
    """

    key: str
    pattern: str
    text: str
    tool: str = ""
    macro: str = ""
    excerpt: str = ""


_LICENCE = 'MODULE_LICENSE("GPL");'

RULES = (
    # ---- the module as a whole ----
    Rule(
        "missing-licence",
        r"missing MODULE_LICENSE\(\)",
        f"Every module must name its licence, or no .ko is made: add {_LICENCE} at the end of the file.",
    ),
    Rule(
        "floating-point",
        # The names of libgcc's routines, "Soft float library routines" in GCC's internals manual.
        r'"__(?:add|sub|mul|div|neg|fix|float|extend|trunc|eq|ne|lt|le|gt|ge)\w*[sdt][if]f?[23]?" .*undefined',
        "The kernel does no floating point: its registers belong to userspace. Calculate with integers, "
        "for instance in thousandths.",
    ),
    Rule(
        "undefined-symbol",
        r'"(\w+)" \[\S+\] undefined!',
        "Neither the kernel nor a module it knows exports {0}. Check the spelling; if it is your own function, "
        "its file must be part of the module (name-y := a.o b.o).",
    ),
    Rule(
        "gpl-only-symbol",
        r"uses GPL-only symbol '(\w+)'",
        f"{{0}} is exported with EXPORT_SYMBOL_GPL, for modules under the GPL only. Use {_LICENCE} or do without it.",
    ),
    Rule(
        "namespace",
        r"uses symbol (\w+) from namespace (\w+), but does not import it",
        "{0} is exported into the namespace {1}. Add MODULE_IMPORT_NS({1}); beside the licence "
        '(since Linux 6.13: MODULE_IMPORT_NS("{1}");).',
    ),
    Rule(
        "section-mismatch",
        r"section mismatch in reference: .*-> .*\.(init|exit)\.",
        "What is marked __{0} or __{0}data is not there all the time: init code and data are freed after init, exit "
        "code may be left out. Take the mark away, or use it only from a function with the same mark.",
    ),
    Rule(
        "static-export",
        r"local symbol (\w+) was exported",
        "{0} is static, so nobody else could use it. Take static away, or do not export it.",
    ),
    Rule(
        "multiple-definition",
        "multiple definition of '(.*?)'",
        "All files of a module share one set of names. Define {0} in one file, say extern in a header, "
        "or make it static where it is private.",
    ),
    Rule(
        "object-names",
        "not ELF|input truncated",
        "A Makefile names what is to be made, not the source: obj-m += hello.o, and kbuild finds hello.c.",
    ),
    # ---- init and exit ----
    Rule(
        "two-inits",
        "redefinition of '(?:__inittest|init_module)'",
        "A module has exactly one init function, so module_init() may appear once.",
    ),
    Rule(
        "two-inits",
        "redefinition of '(?:__exittest|cleanup_module)'",
        "A module has at most one exit function, so module_exit() may appear once.",
    ),
    Rule(
        "wrong-init",
        "incompatible return type 'initcall_t'|'init_module' alias between functions of incompatible types",
        "An init function takes nothing and returns int: static int __init hello_init(void). Return 0 on success, "
        "a negative error such as -ENOMEM otherwise.",
    ),
    Rule(
        "wrong-exit",
        "incompatible return type 'exitcall_t'|'cleanup_module' alias between functions of incompatible types",
        "An exit function takes nothing and returns nothing: static void __exit hello_exit(void). "
        "Unloading cannot fail.",
    ),
    # ---- macros of modules ----
    Rule(
        "parameter-type",
        "'param_ops_(.*?)' undeclared",
        "There is no parameter type {0}. Take one of bool, int, uint, long, ulong, short, ushort, byte, charp.",
    ),
    Rule(
        "parameter-permissions",
        "negative width in bit-field",
        "The last argument of module_param() is the file's permissions in /sys, in octal: 0444 for everybody to read, "
        "0644 for root to change. Others may not write there, and nobody may write what they cannot read.",
        macro="VERIFY_OCTAL_PERMISSIONS",
    ),
    Rule(
        "missing-module-header",
        r"expected declaration specifiers or .* before (?:string|numeric) constant",
        "The compiler does not know this macro. Add #include <linux/module.h> as the first line.",
        excerpt=r"\b(?:MODULE_(?:LICENSE|AUTHOR|DESCRIPTION|VERSION|ALIAS|PARM_DESC|INFO))\b",
    ),
    Rule(
        "module-macro",
        r"expected declaration specifiers or .* before string constant",
        "There is no such macro. The usual ones are MODULE_LICENSE, MODULE_AUTHOR, MODULE_DESCRIPTION, MODULE_VERSION, "
        "MODULE_ALIAS, MODULE_PARM_DESC (American spelling: LICENSE).",
        excerpt=r"\bMODULE_\w+",
    ),
    Rule(
        "missing-module-header",
        "in declaration of '(module_init|module_exit|module_param|EXPORT_SYMBOL(?:_GPL)?)'",
        "{0} is a macro that the compiler does not know here. Add #include <linux/module.h> as the first line.",
    ),
    Rule(
        "outside-function",
        r"expected declaration specifiers or .* before|expected identifier or '\(' before"
        r"|expected '=', ',', .* before '(?:->|\.|\[|\+\+|--|\+=|-=)' token",
        "A statement stands outside of all functions: one } above may be too many, or the function's head is missing.",
    ),
    # ---- punctuation ----
    Rule(
        "unclosed-string",
        r'missing terminating " character',
        'A string is not closed: put the second " before the end of the line.',
    ),
    Rule("unclosed-comment", "unterminated comment", "A comment begins here and never ends: close it with */."),
    Rule(
        "unclosed-condition",
        r"unterminated (#\w+)",
        "The condition {0} that begins here has no #endif.",
    ),
    Rule(
        "missing-parenthesis",
        r"unterminated argument list invoking macro|expected '\)' before",
        "A parenthesis is open: count ( and ) on this line and the one before.",
    ),
    Rule(
        "end-of-input",
        "expected .* at end of input|invalid storage class for function",
        "A function above is still open where the next thing begins: look for a missing }.",
    ),
    Rule(
        "missing-semicolon",
        "expected .*';'.* (?:before|at end)",
        "A statement ends with a semicolon: it is missing here, or at the end of the line above.",
    ),
    Rule(
        "missing-semicolon",
        "called object .*is not a function",
        "A semicolon is missing at the end of this line, so the parenthesis on the next one makes a call of it.",
    ),
    Rule(
        "stray-character",
        "stray .* in program",
        "There is a character that C does not know, often a typographic quote or space from a text that was copied. "
        'Type it anew, with plain " and plain spaces.',
    ),
    # ---- headers ----
    Rule(
        "userspace-header",
        r"^((?:stdio|stdlib|string|unistd|errno|assert|math|time|signal|pthread|stdint|stdbool|stdarg|stddef|ctype|limits|fcntl)\.h"
        r"|sys/\w+\.h): No such file",
        "<{0}> belongs to userspace, and no C library is linked into the kernel. The kernel's own headers are below "
        "linux/: printk.h, slab.h, string.h, errno.h, types.h, delay.h.",
    ),
    Rule(
        "missing-header",
        r"^((?:linux|asm|uapi|net|scsi|drm)/\S+): No such file",
        "This kernel has no header {0}. Check the spelling; headers also move from one kernel version to another.",
    ),
    Rule(
        "missing-own-header",
        r"^(\S+\.h): No such file",
        "{0} is neither among your files nor in the kernel. Give it along with the source; the kernel's own headers "
        "are written with their folder, as in <linux/{0}>.",
    ),
    # ---- names ----
    Rule(
        "undeclared",
        r"'(TRUE|FALSE)' undeclared",
        "The kernel writes true and false in small letters (linux/types.h).",
    ),
    Rule(
        "undeclared",
        r"'errno' undeclared",
        "The kernel has no errno variable: functions return the negative error itself, for instance -ENOMEM.",
    ),
    Rule(
        "undeclared",
        r"'(\w+)' undeclared",
        "The name {0} is not known here: declare it, check the spelling, or include the header that has it.",
    ),
    Rule(
        "implicit-function",
        "implicit declaration of function '(.*?)'",
        "No header included here declares {0}, and no function above has that name. Check the spelling, include its "
        "header, or put its definition before the first use.",
    ),
    Rule(
        "unknown-type",
        "unknown type name '(.*?)'",
        "There is no type {0} here. Check the spelling, write struct before the name of a structure, or include the "
        "header that defines it (u8, u32, size_t, bool are in linux/types.h).",
    ),
    Rule(
        "incomplete-type",
        "(?:undefined|incomplete) type '(.*?)'|'(?:.*?)' has an incomplete type",
        "{0} is announced but not defined here, so nothing is known of its inside. Include the header that defines it.",
    ),
    Rule(
        "no-member",
        "'(.*?)' has no member named '(.*?)'",
        "{0} has nothing called {1} in this kernel. Members come and go between versions: look it up in the header.",
    ),
    Rule(
        "two-inits",
        "redefinition of '(?:init_module|cleanup_module)'",
        "module_init() defines init_module itself: use one or the other.",
    ),
    Rule(
        "redefinition",
        "redefinition of '(.*?)'",
        "{0} is defined twice. Remove one, or give it another name; the note shows the first.",
    ),
    Rule(
        "static-mismatch",
        "(?:non-)?static declaration of '(.*?)' follows",
        "{0} is first announced one way and then defined another: write static in both places or in neither.",
    ),
    Rule(
        "conflicting-types",
        "conflicting types for '(.*?)'",
        "{0} is declared twice with different types. If the other declaration is the kernel's, choose another name.",
    ),
    # ---- types and values ----
    Rule(
        "incompatible-pointer",
        r"(?:initialization of|assignment to) '[^']*\(\*\).*incompatible pointer type",
        "The kernel will call this with other arguments than the function takes. Give your function exactly the type "
        "that the message names first.",
    ),
    Rule(
        "pointer-types",
        "incompatible pointer type",
        "A pointer to one type is given where a pointer to another is expected. The note shows which: for a function "
        "of yours, take over its exact type; for data, an & may be missing or too many.",
    ),
    Rule(
        "int-conversion",
        "makes (?:pointer from integer|integer from pointer) without a cast",
        "A number is used as a pointer or the other way round: an & or a * may be missing, or a declaration.",
    ),
    Rule(
        "return-without-value",
        "'return' with no value",
        "This function promises a value: an init function, for instance, returns 0 or a negative error.",
    ),
    Rule(
        "return-with-value",
        "'return' with a value, in function returning void",
        "This function returns nothing, as every exit function: write return; or nothing at all.",
    ),
    Rule(
        "no-return-value",
        "no return statement in function returning non-void|control reaches end of non-void function",
        "This function promises a value but can end without one: add a return, for instance return 0;",
    ),
    Rule(
        "argument-count",
        "too (few|many) arguments to function '(.*?)'",
        "{1} is called with too {0} arguments. The note shows its declaration; the kernel's change between versions.",
    ),
    Rule(
        "level-comma",
        "too many arguments for format",
        'No comma belongs between the level and the text, printk(KERN_INFO "hello\\n"): the compiler joins the two.',
        excerpt=r"\bKERN_\w+\s*,",
    ),
    Rule(
        "format",
        "^format |too many arguments for format|conversion (?:type|lacks)|unknown conversion",
        "What stands in the text (%d, %s, …) and the arguments after it must agree in number and type: "
        "%d for int, %lu for unsigned long, %zu for size_t, %s for a string, %p for a pointer.",
    ),
    Rule(
        "not-constant",
        "initializer element is not constant",
        "What is defined outside of functions can only begin with a constant. Set it in the init function.",
    ),
    Rule(
        "uninitialised",
        "'(.*?)' (?:is|may be) used uninitialized",
        "{0} has no value yet when it is read here: give it one where it is declared.",
    ),
    Rule(
        "assignment-condition",
        "assignment used as truth value",
        "= sets a value, == compares. If setting is meant, put a second pair of parentheses around it.",
    ),
    Rule(
        "overflow",
        "detected (?:write|read) beyond size|writing .* into a region of size|array subscript .* (?:above|outside)",
        "This goes beyond the end of the array, which in the kernel destroys someone else's memory. "
        "Use a larger array, or strscpy(), which knows the size.",
    ),
    Rule(
        "strict-prototype",
        "function declaration isn't a prototype",
        "Empty parentheses say nothing about arguments; the kernel wants it said: write (void).",
    ),
    # ---- unused ----
    Rule(
        "unused-variable",
        "unused variable '(.*?)'|variable '(?:.*?)' set but not used",
        "The variable is never read. Remove it, or use it.",
    ),
    Rule(
        "unused-function",
        "'(.*?)' defined but not used",
        "Nobody calls {0}. An init or exit function must be registered: module_init({0}); or module_exit({0});",
        excerpt=r"\b(?:__init|__exit|\w*init\w*|\w*exit\w*|\w*cleanup\w*)\b",
    ),
    Rule("unused-function", "'(.*?)' defined but not used", "Nobody calls {0}. Remove it, or use it."),
    # ---- the kernel's own rules ----
    Rule(
        "floating-point",
        "SSE register (?:return|argument)|SSE disabled|x87|unknown_?float",
        "The kernel does no floating point: its registers belong to userspace. Calculate with integers, "
        "for instance in thousandths.",
    ),
    Rule(
        "frame-size",
        "the frame size of (\\d+) bytes is larger",
        "The kernel's stack is small (16 KiB for everything), and this function takes {0} bytes of it. "
        "Get large buffers with kmalloc(), or make them static.",
    ),
    Rule(
        "variable-length-array",
        "variable length array",
        "The kernel's stack is too small for arrays whose size shows only at run time. Use a constant, or kmalloc().",
    ),
    Rule(
        "mixed-declarations",
        "mixed declarations and code",
        "The kernel declares variables at the beginning of a block: move this line up, before the first statement.",
    ),
    Rule(
        "fallthrough",
        "may fall through",
        "Without break; the next case is carried out as well. If that is meant, write fallthrough; in its place.",
    ),
    Rule(
        "date-time",
        "might prevent reproducible builds",
        "The kernel forbids __DATE__ and __TIME__, so that equal sources give equal modules. Use MODULE_VERSION().",
    ),
    Rule(
        "no-prototype",
        "no previous prototype for '(.*?)'",
        "{0} can be seen from other files, but no header announces it. Make it static.",
    ),
    # ---- other tools ----
    Rule(
        "no-rule",
        r"No rule to make target '(?:\S*/)?([^/']+)\.o'",
        "The Makefile asks for {0}.o, and there is no {0}.c. The name after obj-m += must be that of the source.",
    ),
    Rule(
        "missing-separator",
        "missing separator",
        "A recipe's lines in a Makefile begin with a tab character, not with spaces.",
    ),
    Rule(
        "circular",
        "Circular .* dependency dropped|same as output file",
        "A module cannot be a part of itself: in hello-y := …, hello.o may not appear. Give the source another name.",
    ),
    Rule(
        "assembler",
        "no such instruction|operand (?:type|size) mismatch|bad register name",
        "The assembler does not know this instruction on this processor; the C compiler passes asm() on unread.",
        tool="as",
    ),
    Rule(
        "falls-through-function",
        "falls through to next function|unexpected end of section",
        "A function's code runs past its end into whatever follows: a return is missing, or the compiler found that "
        "this way through it always goes wrong.",
    ),
)
