"""What `%%kmod` says about loading: the call that failed, a missing module, a misspelt parameter, a missing newline."""

from __future__ import annotations

from cells import Run

CELL = """\
%%kmod hello {options}
#include <linux/module.h>
#include <linux/interrupt.h>
#include <linux/mii.h>
static struct mii_if_info info;
static char *whom = "world";
module_param(whom, charp, 0444);
static irqreturn_t handler(int irq, void *data) {{ return IRQ_NONE; }}
static int hello_init(void)
{{
    pr_info("hello %s\\n", whom);
    {init}
    return 0;
}}
static void hello_exit(void)
{{
}}
module_init(hello_init);
module_exit(hello_exit);
MODULE_LICENSE("GPL");
"""


def hello(options: str = "", init: str = "") -> str:
    return CELL.format(options=options, init=init)


def test_the_call_that_made_init_fail_is_named_with_the_cells_line(run: Run) -> None:
    cell = hello(init='return request_irq(11, handler, IRQF_SHARED, "mine", NULL);')
    line = next(number for number, text in enumerate(cell.splitlines(), 1) if "request_irq" in text)
    text = run(cell).text
    assert f"✗ EINVAL (22): `request_irq()` in line {line} of hello.c returned -EINVAL: a shared interrupt" in text
    assert "parameter's value" not in text


def test_a_module_that_was_loaded_otherwise_is_not_mistaken_for_a_failing_init(run: Run) -> None:
    run(hello())
    assert "✗ EEXIST (17): a module of the name `hello` is loaded already" in run("%insmod hello.ko").text


def test_a_module_of_the_kernel_is_loaded_first_only_if_asked(run: Run) -> None:
    needs = hello(init="if (info.phy_id == 99) return mii_link_ok(&info);")
    text = run(needs).text
    assert "no loaded module exports `mii_link_ok`. The module `mii` has it" in text
    assert "→ `--after mii` loads it first." in text
    text = run(needs.replace("%%kmod hello", "%%kmod hello --after mii")).text
    assert text.index("# modprobe mii") < text.index("# insmod hello.ko") < text.index("✓ `hello` is loaded.")


def test_a_value_with_spaces_is_one_value_and_a_misspelt_name_is_noticed(run: Run) -> None:
    text = run(hello('-p "whom=Jane Doe"')).text
    assert "hello Jane Doe" in text and "has no parameter" not in text
    text = run(hello("-p whmo=you")).text
    assert "→ `hello` has no parameter `whmo`, so the kernel ignores it. Did you mean `whom`?" in text


def test_a_message_without_a_newline_is_shown_at_once(run: Run) -> None:
    text = run(hello(init='pr_info("and no end");')).text
    assert "info     and no end" in text
    assert "The message `and no end` has no \\n at its end." in text


def test_a_log_without_open_lines_has_no_line_of_ours(run: Run) -> None:
    run(hello())
    assert "] -\n" not in run("%dmesg").text


def test_a_module_that_is_loaded_for_good_is_not_said_to_be_the_new_code(run: Run) -> None:
    without = hello().replace("module_exit(hello_exit);\n", "").replace("hello_exit(void)", "__maybe_unused x(void)")
    run(without)
    text = run(hello()).text
    assert "✗ EBUSY (16): the module has an init but no exit function" in text
    assert "Your new code has an exit function, the loaded `hello` has none: nothing can unload it." in text
    assert "# insmod" not in text and "`%reset_guest` makes a fresh guest" in text
    text = run(without).text
    assert "A module without an exit function stays until its guest ends" in text and "Your new code" not in text
