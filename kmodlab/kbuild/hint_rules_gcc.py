"""The mistakes that gcc reports: patterns of its messages, and the hints. The first rule that fits is used.

Mistakes about names are in `hint_rules_names`, those of punctuation in `hint_rules_syntax`.
"""

from __future__ import annotations

from kmodlab.i18n import N_
from kmodlab.kbuild.hint_rules import FLOATING_POINT, Rule

GCC_RULES = (
    # ---- types and values ----
    Rule(
        "incompatible-pointer",
        r"(?:initialization of|assignment to) '[^']*\(\*\).*incompatible pointer type",
        N_(
            "The kernel will call this with other arguments than the function takes. Give your function exactly the "
            "type that the message names first."
        ),
    ),
    Rule(
        "pointer-types",
        "incompatible pointer type",
        N_(
            "A pointer to one type is given where a pointer to another is expected. The note shows which: give a "
            "function of yours exactly that type; with data, an & may be missing or one too many."
        ),
    ),
    Rule(
        "int-conversion",
        r"returning 'char \*' from a function with return type 'int'",
        N_("This function returns an int, and says with a number what went wrong: return -EINVAL;"),
    ),
    Rule(
        "int-conversion",
        "makes (?:pointer from integer|integer from pointer) without a cast",
        N_("A number is used as a pointer, or a pointer as a number: an &, a * or a declaration may be missing."),
    ),
    Rule(
        "return-without-value",
        "'return' with no value",
        N_("This function promises a value: an init function, for instance, returns 0 or a negative error."),
    ),
    Rule(
        "return-with-value",
        "'return' with a value, in function returning void",
        N_("This function returns nothing, like every exit function: write return; without a value, or leave it out."),
    ),
    Rule(
        "no-return-value",
        "no return statement in function returning non-void|control reaches end of non-void function",
        N_("This function promises a value but can end without one: add a return, for instance return 0;"),
    ),
    Rule(
        "argument-count",
        "too few arguments to function '(?P<function>.*?)'",
        N_(
            "{function} is called with too few arguments. The note shows its declaration; the kernel's change between "
            "versions."
        ),
    ),
    Rule(
        "argument-count",
        "too many arguments to function '(?P<function>.*?)'",
        N_(
            "{function} is called with too many arguments. The note shows its declaration; the kernel's change between "
            "versions."
        ),
    ),
    Rule(
        "level-comma",
        "too many arguments for format",
        N_(
            'Write no comma between the level and the text, printk(KERN_INFO "hello\\n"): the compiler joins the two.',
        ),
        excerpt=r"\bKERN_\w+\s*,",
    ),
    Rule(
        "format",
        r"unknown conversion type character '(?:\W|\\x[0-9a-f]+)' in format|spurious trailing '%'",
        N_("A % that is to be logged as such is written twice: %%."),
    ),
    Rule(
        "format",
        "^format .* expects a matching '",
        N_("There is no argument for this conversion: add it. A % that is to be logged as such is written twice: %%."),
    ),
    Rule(
        "format",
        "^format |too many arguments for format|conversion (?:type|lacks)|unknown conversion",
        N_(
            "The conversions in the text (%d, %s, …) and the arguments after it must agree in number and type: "
            "%d for int, %lu for unsigned long, %zu for size_t, %s for a string, %p for a pointer."
        ),
    ),
    Rule(
        "text-comparison",
        "comparison with string literal",
        N_('== compares the addresses of strings, not what is in them: write strcmp(a, "b") == 0.'),
    ),
    Rule(
        "text-sum",
        r"invalid operands to binary \+ \(have 'char \*' and 'char \*'\)",
        N_(
            "C does not add strings. Strings in quotes, and levels such as KERN_INFO, stand side by side: "
            'KERN_INFO "hello\\n".'
        ),
    ),
    Rule(
        "no-variable",
        "lvalue required as left operand",
        N_("What stands left of = is a value, not a variable. == compares."),
    ),
    Rule("no-variable", "lvalue required as unary '&'", N_("& takes the address of a variable, and this is a value.")),
    Rule(
        "const-text",
        "discards 'const' qualifier",
        N_("What is pointed to is const, so the pointer must say so, too: const char *text. Nothing may write there."),
    ),
    Rule(
        "void-pointer",
        "dereferencing 'void \\*' pointer",
        N_("A void * has no type that could be read: give the pointer another one, such as int *, or a cast."),
    ),
    Rule(
        "local-address",
        "function returns address of local variable",
        N_("The variable ends with its function. What is to stay is static, or comes from kmalloc()."),
    ),
    Rule(
        "array-size",
        "variably modified '(?P<name>\\w+)' at file scope",
        N_("Outside of functions, the size of an array is a constant: a number, or a #define."),
    ),
    Rule(
        "macro-name",
        '^"(?P<name>\\w+)" redefined',
        N_("The kernel's headers define {name}, too, or you do so twice: choose another name."),
    ),
    Rule(
        "read-only",
        r"assignment of read-only (?:variable|parameter) '(?P<name>\w+)'",
        N_("{name} is declared const: nothing may assign to it."),
    ),
    Rule(
        "not-constant",
        "initializer element is not constant",
        N_("A variable outside of functions can only start with a constant value. Set it in the init function."),
    ),
    Rule(
        "uninitialised",
        "'(?P<name>.*?)' (?:is|may be) used uninitialized",
        N_("{name} has no value yet when it is read here: give it one where it is declared."),
    ),
    Rule(
        "assignment-condition",
        "assignment used as truth value",
        N_("= sets a value, == compares. If you mean to set it, put a second pair of parentheses around it."),
    ),
    Rule(
        "overflow",
        "detected (?:write|read) beyond size|writing .* into a region of size|array subscript .* (?:above|outside)",
        N_(
            "This goes beyond the end of the array, which in the kernel destroys someone else's memory. "
            "Use a larger array, or strscpy(), which knows the size."
        ),
    ),
    Rule(
        "untyped-parameter",
        "function declaration isn't a prototype",
        N_("Each parameter has its own type: int a, int b."),
        excerpt=r"\(\s*\w+\s*(?:,\s*\w+\s*)*\)",
    ),
    Rule(
        "strict-prototype",
        "function declaration isn't a prototype",
        N_("Empty parentheses say nothing about arguments: write (void) for a function that takes none."),
    ),
    Rule(
        "no-return-type",
        "return type defaults to 'int'",
        N_("The function's type is missing: write void before its name."),
        excerpt=r"__exit\b",
    ),
    Rule(
        "no-return-type",
        "return type defaults to 'int'",
        N_("The function's type is missing: write int before its name, or void if it returns nothing."),
    ),
    # ---- labels ----
    Rule(
        "no-label",
        r"label '(?P<label>\w+)' used but not defined",
        N_("No statement has the label {label}: write {label}: above the one to go on with."),
    ),
    # ---- unused ----
    Rule(
        "unused-label",
        r"label '(?P<label>\w+)' defined but not used",
        N_("No goto leads to {label}: remove it, or use it."),
    ),
    Rule(
        "unused-variable",
        "unused variable '|variable '.*?' set but not used",
        N_("The variable is never read. Remove it, or use it."),
    ),
    Rule(
        "unused-function",
        "'(?P<function>.*?)' defined but not used",
        N_(
            "Nobody calls {function}. An init or exit function must be registered: module_init({function}); or "
            "module_exit({function});"
        ),
        excerpt=r"\b(?:__init|__exit|\w*init\w*|\w*exit\w*|\w*cleanup\w*)\b",
    ),
    Rule(
        "unused-function",
        "'(?P<function>.*?)' defined but not used",
        N_("Nobody calls {function}. Remove it, or use it."),
    ),
    Rule(
        "unused-result",
        "ignoring return value of '(?P<function>copy_(?:to|from)_user)'",
        N_(
            "{function}() returns how many bytes it could not copy: if (copy_to_user(buffer, text, size)) return "
            "-EFAULT;"
        ),
    ),
    Rule(
        "unused-result",
        "ignoring return value of '(?P<function>.*?)'",
        N_("{function}() can fail, and nobody looks: check what it returns."),
    ),
    # ---- the kernel's own rules ----
    Rule("floating-point", "SSE register (?:return|argument)|SSE disabled|x87|unknown_?float", FLOATING_POINT),
    Rule(
        "frame-size",
        r"the frame size of (?P<size>\d+) bytes is larger",
        N_(
            "The kernel's stack is small (16 KiB for everything), and this function takes {size} bytes of it. "
            "Get large buffers with kmalloc(), or make them static."
        ),
    ),
    Rule(
        "variable-length-array",
        "variable length array",
        N_(
            "The kernel's stack is too small for arrays whose size is known only at run time. Use a constant, or "
            "kmalloc()."
        ),
    ),
    Rule(
        "mixed-declarations",
        "mixed declarations and code",
        N_(
            "The kernel declares variables at the beginning of a block: move this line up, before the first statement.",
        ),
    ),
    Rule(
        "fallthrough",
        "may fall through",
        N_("Without break; the next case runs as well. If you mean that, write fallthrough; in its place."),
    ),
    Rule(
        "date-time",
        "might prevent reproducible builds",
        N_(
            "The kernel forbids __DATE__ and __TIME__, so that equal sources give equal modules. Use MODULE_VERSION().",
        ),
    ),
    Rule(
        "no-prototype",
        "no previous prototype for '(?P<function>.*?)'",
        N_(
            "{function} can be seen from other files, but no header declares it. Make it static; if other files or "
            "modules are to call it, declare it in a header."
        ),
    ),
)
