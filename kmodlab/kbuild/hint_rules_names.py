"""Mistakes about names, macros and headers, recognised by gcc's message alone.

`name_hints` and `macro_hints`, which read the source, come first.
"""

from __future__ import annotations

from kmodlab.i18n import N_
from kmodlab.kbuild.hint_rules import Rule

NAME_RULES = (
    # ---- init and exit ----
    Rule(
        "two-inits",
        "redefinition of '(?:__inittest|init_module)'",
        N_("A module has exactly one init function, so module_init() may appear once."),
    ),
    Rule(
        "two-inits",
        "redefinition of '(?:__exittest|cleanup_module)'",
        N_("A module has at most one exit function, so module_exit() may appear once."),
    ),
    Rule(
        "wrong-init",
        "incompatible return type 'initcall_t'|'init_module' alias between functions of incompatible types",
        N_(
            "An init function takes nothing and returns int: static int __init hello_init(void). Return 0 on success, "
            "a negative error such as -ENOMEM otherwise."
        ),
    ),
    Rule(
        "wrong-exit",
        "incompatible return type 'exitcall_t'|'cleanup_module' alias between functions of incompatible types",
        N_(
            "An exit function takes nothing and returns nothing: static void __exit hello_exit(void). "
            "Unloading cannot fail."
        ),
    ),
    # ---- macros of modules ----
    Rule(
        "parameter-type",
        "'param_ops_(?P<type>.*?)' undeclared",
        N_("There is no parameter type {type}. Take one of bool, int, uint, long, ulong, short, ushort, byte, charp."),
    ),
    Rule(
        "parameter-permissions",
        "negative width in bit-field",
        N_(
            "The last argument of module_param(), and the second one of __ATTR(), are a file's permissions in /sys, in "
            "octal: 0444 for everybody to read, 0644 for root to change. Others may not write there, and nobody may "
            "write what they cannot read."
        ),
        macro="VERIFY_OCTAL_PERMISSIONS",
    ),
    Rule(
        "missing-module-header",
        r"expected declaration specifiers or .* before (?:string|numeric) constant",
        N_("The compiler does not know this macro. Add #include <linux/module.h> as the first line."),
        excerpt=r"\b(?:MODULE_(?:LICENSE|AUTHOR|DESCRIPTION|VERSION|ALIAS|PARM_DESC|INFO))\b",
    ),
    Rule(
        "module-macro",
        r"expected declaration specifiers or .* before string constant",
        N_(
            "There is no such macro. The usual ones are MODULE_LICENSE, MODULE_AUTHOR, MODULE_DESCRIPTION, "
            "MODULE_VERSION, MODULE_ALIAS, MODULE_PARM_DESC (American spelling: LICENSE)."
        ),
        excerpt=r"\bMODULE_\w+",
    ),
    Rule(
        "missing-module-header",
        "in declaration of '(?P<macro>module_init|module_exit|module_param|EXPORT_SYMBOL(?:_GPL)?)'",
        N_("{macro} is a macro that the compiler does not know here. Add #include <linux/module.h> as the first line."),
    ),
    Rule(
        "outside-function",
        r"expected declaration specifiers or .* before|expected identifier or '\(' before"
        r"|expected '=', ',', .* before '(?:->|\.|\[|\+\+|--|\+=|-=)' token",
        N_(
            "A statement is outside of all functions: there may be one }} too many above, or the function's head is "
            "missing."
        ),
    ),
    Rule(
        "not-a-declaration",
        r"type defaults to 'int' in declaration of '(?P<name>\w+)'",
        N_(
            "{name} stands outside of all functions, where only declarations may stand. Move a statement into a "
            "function; check the spelling if it is a macro such as module_init()."
        ),
    ),
    # ---- headers ----
    Rule(
        "userspace-header",
        r"^(?P<header>(?:stdio|stdlib|string|unistd|errno|assert|math|time|signal|pthread|stdint|stdbool|stdarg|stddef|ctype"
        r"|limits|fcntl)\.h|sys/\w+\.h): No such file",
        N_(
            "<{header}> belongs to userspace, and no C library is linked into the kernel. The kernel's own headers are "
            "below linux/: printk.h, slab.h, string.h, errno.h, types.h, delay.h."
        ),
    ),
    Rule(
        "missing-header",
        r"^(?P<header>(?:linux|asm|uapi|net|scsi|drm)/\S+): No such file",
        N_(
            "This kernel has no header {header}. Check the spelling; headers also move from one kernel version to "
            "another."
        ),
    ),
    Rule(
        "missing-own-header",
        r"^(?P<header>\S+\.h): No such file",
        N_(
            "{header} is neither among your files nor in the kernel. Add it to your files; the kernel's own headers "
            "are written with their folder, as in <linux/{header}>."
        ),
    ),
    # ---- names ----
    Rule(
        "undeclared",
        r"'(?:TRUE|FALSE)' undeclared",
        N_("The kernel writes true and false in small letters (linux/types.h)."),
    ),
    Rule(
        "undeclared",
        r"'errno' undeclared",
        N_("The kernel has no errno variable: functions return the negative error itself, for instance -ENOMEM."),
    ),
    Rule(
        "undeclared",
        r"'(?P<name>\w+)' undeclared",
        N_("The name {name} is not known here: declare it, check the spelling, or include the header that has it."),
    ),
    Rule(
        "implicit-function",
        "implicit declaration of function '(?P<function>.*?)'",
        N_(
            "No header included here declares {function}, and no function above has that name. Check the spelling, "
            "include its header, or put its definition before the first use."
        ),
    ),
    Rule(
        "unknown-type",
        "unknown type name '(?P<type>.*?)'",
        N_(
            "There is no type {type} here. Check the spelling, write struct before the name of a structure, or include "
            "the header that defines it (u8, u32, size_t, bool are in linux/types.h)."
        ),
    ),
    Rule(
        "incomplete-type",
        "(?:undefined|incomplete) type '(?P<type>.*?)'",
        N_(
            "{type} is declared but not defined here, so the compiler does not know its members. Include the header "
            "that defines it."
        ),
    ),
    Rule(
        "no-member",
        "'(?P<type>.*?)' has no member named '(?P<member>.*?)'",
        N_(
            "{type} has no member {member} in this kernel. Members come and go between versions: look it up in the "
            "header."
        ),
    ),
    Rule(
        "incomplete-type",
        "storage size of '(?P<name>.*?)' isn't known|'(?P<variable>.*?)' has initializer but incomplete type",
        N_("The type of this variable is named here, but not defined: include the header that defines it."),
    ),
    Rule(
        "incomplete-type",
        "'(?P<type>struct .*?)' declared inside parameter list",
        N_("{type} is unknown here, and so not the kernel's type: include the header that defines it."),
    ),
    Rule(
        "redefinition",
        "redefinition of '(?P<name>.*?)'",
        N_("{name} is defined twice. Remove one, or give it another name; the note shows the first."),
    ),
    Rule(
        "static-mismatch",
        "(?:non-)?static declaration of '(?P<name>.*?)' follows",
        N_(
            "{name} is declared one way and then defined another: write static in both places or in neither.",
        ),
    ),
    Rule(
        "conflicting-types",
        "conflicting types for '(?P<name>.*?)'",
        N_(
            "{name} is declared twice with different types. If the other declaration is the kernel's, choose another "
            "name."
        ),
    ),
)
