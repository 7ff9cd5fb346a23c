"""Hints on macros of modules and on types, for the words that gcc says."""

from __future__ import annotations

import pytest

from kmodlab.kbuild.hints import find_hint
from kmodlab.kbuild.spot import Spot

CASES = {
    "a type of a parameter that there is not": (
        "module_param(name, string, 0644);",
        "expected ')' before '&' token",
        "There is no parameter type string. For a text, take charp",
    ),
    "another type that there is not": (
        "module_param(count, integer, 0644);",
        "'param_ops_integer' undeclared here (not in a function); did you mean 'param_ops_int'?",
        "There is no parameter type integer. Take one of bool, int",
    ),
    "a variable of another type": (
        "module_param(debug, bool, 0644);",
        "returning 'int *' from a function with incompatible return type 'bool *' {aka '_Bool *'}",
        "The parameter's type is bool, but the variable debug has another one",
    ),
    "a number of values without its address": (
        "module_param_array(values, int, count, 0);",
        "initialization of 'unsigned int *' from 'int' makes pointer from integer without a cast",
        "it takes its address: &count",
    ),
    "permissions": ("module_param(level, int, 0777);", "negative width in bit-field '<anonymous>'", ""),
    "a licence without quotes": (
        "MODULE_LICENSE(GPL);",
        "expected ',' or ';' before 'GPL'",
        'a text in quotes: MODULE_LICENSE("GPL");',
    ),
    "a licence in typographic quotes": (
        "MODULE_LICENSE(\u201cGPL\u201d);",
        "stray '\u201c' in program",
        "left double quotation mark",
    ),
    "init with parentheses": (
        "module_init(hello_init());",
        "returning 'int' from a function with return type 'initcall_t' makes pointer from integer",
        "without parentheses after it: module_init(hello_init);",
    ),
    "a table of another name": (
        "struct usb_device_id table[] = { }; MODULE_DEVICE_TABLE(usb, pens);",
        "'pens' undeclared here (not in a function)",
        "the name of the table, which is table here",
    ),
    "a name that a macro makes": (
        "static DEVICE_ATTR_RO(level);",
        "'level_show' undeclared here (not in a function); did you mean 'level_shown'?",
        "DEVICE_ATTR_RO() makes the name level_show of its argument",
    ),
    "a name of the learner's beside a macro": (
        "MODULE_INFO(x, y); int z = misspelt_one;",
        "'misspelt_one' undeclared here (not in a function)",
        "The name misspelt_one is not known here",
    ),
    "members of struct proc_ops": (
        "static struct proc_ops ops = { .read = f };",
        "'struct proc_ops' has no member named 'read'",
        "write .proc_read instead of .read",
    ),
    "a function that returns something else": (
        "static struct file_operations f = { .unlocked_ioctl = g };",
        "initialization of 'long int (*)(struct file *, unsigned int,  long unsigned int)' from incompatible pointer "
        "type 'int (*)(struct file *, unsigned int,  long unsigned int)'",
        "In this kernel such a function returns long int, and yours returns int. Write yours",
    ),
    "a function with other arguments": (
        "static struct file_operations f = { .read = g };",
        "initialization of 'ssize_t (*)(struct file *, char *, size_t,  loff_t *)' {aka 'long int (*)(struct file *, "
        "char *, long unsigned int,  long long int *)'} from incompatible pointer type 'ssize_t (*)(struct file *, "
        "char *)' {aka 'long int (*)(struct file *, char *)'}",
        "called with (struct file *, char *, size_t, loff_t *), and yours takes (struct file *, char *). Write yours",
    ),
    "a value of a function that has none": (
        "    if (del_it(cache)) return 1;",
        "void value not ignored as it ought to be",
        "del_it() returns nothing in this kernel",
    ),
    "a value of one's own function that has none": (
        "    if (g()) return 1; } void g(void) { }",
        "void value not ignored as it ought to be",
        "g() is a void function",
    ),
    "a parameter without permissions": (
        "module_param(size, int);",
        'macro "module_param" requires 3 arguments, but only 2 given',
        "module_param(size, int, 0444);",
    ),
    "do_div() of a number": (
        'pr_info("%u\\n", do_div(100ULL, 3));',
        "lvalue required as left operand of assignment",
        "do_div() divides its first argument",
    ),
    "an assignment to a number": ("    3 = x;", "lvalue required as left operand of assignment", "is a value"),
    "a function of userspace": (
        "int f(void) { strtok(a, b); }",
        "implicit declaration of function 'strtok'",
        "strsep()",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_stands_in_the_parentheses_decides(name: str) -> None:
    code, message, expected = CASES[name]
    hint = find_hint("gcc", message, spot=Spot({"a.c": code.encode()}, "a.c", 1))
    if expected:
        assert hint is not None and expected in hint.text
    else:
        assert hint is None or hint.key not in ("parameter-type", "parameter-count", "no-value", "no-variable")
