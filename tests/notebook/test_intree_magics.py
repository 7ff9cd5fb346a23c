"""`%%intree`, `%kconfig`, `%boot` and the others, in a notebook, on a kernel that boots."""

from __future__ import annotations

from cells import Run
from intree_cases import ENTRY, HELLO, KCONFIG, LINE, MAKEFILE, SOURCE

from kmodlab.guest.own_lab import OwnLab


def put(run: Run, source: str = HELLO) -> None:
    for path, text in ((SOURCE, source), (KCONFIG, ENTRY), (MAKEFILE, LINE)):
        assert f"`{path}`" in run(f"%%intree {path}\n{text}").text


def test_what_is_in_the_tree_is_listed_and_taken_out_again(run: Run) -> None:
    assert "You have put nothing into the tree" in run("%intree").text
    put(run)
    run("%kconfig HELLO=m")
    text = run("%intree").text
    assert SOURCE in text and "CONFIG_HELLO=m" in text
    run(f"%intree --drop {SOURCE}")
    assert SOURCE not in run("%intree").text
    assert "is no path in the kernel's tree" in run("%%intree /etc/passwd\nx").text


# What runs at shutdown.
NOTIFIED = HELLO.replace("#include", "#include <linux/reboot.h>\n#include", 1).replace(
    "static int __init",
    """\
static int hello_down(struct notifier_block *block, unsigned long event, void *data)
{
	pr_notice("hello: down\\n");
	return NOTIFY_DONE;
}
static struct notifier_block hello_block = { .notifier_call = hello_down };

static int __init""",
)
NOTIFIED = NOTIFIED.replace("\treturn 0;", "\treturn register_reboot_notifier(&hello_block);")
NOTIFIED = NOTIFIED.replace('("bye\\n");', '("bye\\n");\n\tunregister_reboot_notifier(&hello_block);')


def test_a_driver_is_put_into_the_tree_built_in_and_booted(small_lab: OwnLab, run: Run) -> None:
    put(run, NOTIFIED)
    run("%kconfig HELLO=y")
    text = run("%boot hello.who=you").text
    assert "Say hello (HELLO) [N/m/y/?] (NEW) y" in text
    assert "hello_init" in text and "6 (device)" in text and "hello, you" in text
    assert "`hello` is built in: `lsmod` does not list it, `modules.builtin` has it" in text
    text = run("%%guest\ncat /sys/module/hello/parameters/who\nuname -r\nrmmod hello").text
    assert "you" in text and small_lab.file.release in text and "builtin" in text
    assert "calling" not in run("%dmesg").text.splitlines()[-1]
    check_what_the_linker_made_of_it(run)
    check_the_same_source_as_a_module(run)
    assert "`hello2` is loaded" in run(f"%%kmod hello2\n{HELLO}").text
    assert "hello2" in run("%lsmod").text
    assert "hello: down" in run("%guest poweroff -f").text
    run("%use_kernel debian")
    assert small_lab.file.release not in run("%guest uname -r").text


def check_what_the_linker_made_of_it(run: Run) -> None:
    lines = run("%anatomy kernel hello").text.splitlines()
    fates = {line.split()[0]: line for line in lines if line.startswith("  ")}
    assert "the linker drops it" in fates["__exitcall_hello_exit"]
    assert all("freed" in fates[name] for name in ("hello_init", "hello_exit"))
    assert "stays" in fates["who"]
    text = run("%anatomy builtin hello questions").text
    assert ".exitcall.exit points to hello_exit" in text and "cleanup_module" in text


def check_the_same_source_as_a_module(run: Run) -> None:
    lines = run("%beside hello").text.splitlines()
    answers = {line.partition("?")[0].strip(): line.partition("?")[2] for line in lines}
    assert "the kernel, in process 1: no. " in answers["Who calls init"]
    assert "insmod hello_module.ko who=you, in process" in answers["Who calls init"]
    assert answers["What does it log"].count("hello, you") == 2
    assert "hello.who=you, on the kernel's command line" in answers["How is a parameter set"]
    assert answers["Is it in lsmod"].split() == ["no", "yes"]
    assert answers["Is it in modules.builtin"].split() == ["yes", "no"]
    assert "refcnt" in answers["What is in /sys/module"]
    assert "never: the linker dropped the pointer to hello_exit" in answers["When does exit run"]
    assert answers["When does exit run"].endswith("it logs bye")
    picture = run("%beside hello --picture")
    assert "hello_exit() is never called" in picture.text
    assert picture.pages[0].count("hello_exit()</text>") == 2
    assert "hello_module" not in run("%lsmod").text
    assert "is built into the kernel" in str(run("%beside other").error)


def test_a_crash_at_boot_is_put_on_the_cells_line(small_lab: OwnLab, run: Run) -> None:
    put(run, HELLO.replace("\treturn 0;", "\t*(volatile int *)8 = 1;\n\treturn 0;"))
    run("%kconfig HELLO=y")
    text = run("%boot").text
    assert "The kernel does not boot: The guest's kernel panicked." in text
    assert f"It happened in `hello_init()`, in {SOURCE}, line 11" in text
    assert "6.1" in run("%guest uname -r").text  # the notebook goes on, with Debian's kernel
