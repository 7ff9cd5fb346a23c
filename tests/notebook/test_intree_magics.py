"""`%%intree`, `%kconfig`, `%boot` and the others, in a notebook, on a kernel that boots."""

from __future__ import annotations

from cells import Run
from intree_cases import ENTRY, HELLO, KCONFIG, LINE, MAKEFILE, SOURCE

from kmodlab.guest.own_lab import OwnLab


def put(run: Run, source: str = HELLO) -> None:
    for path, text in ((SOURCE, source), (KCONFIG, ENTRY), (MAKEFILE, LINE)):
        assert f"`{path}`" in run(f"%%intree {path}\n{text}").text


def test_what_is_in_the_tree_is_listed_and_taken_out_again(run: Run) -> None:
    assert "Nothing of yours is in the tree" in run("%intree").text
    put(run)
    run("%kconfig HELLO=m")
    text = run("%intree").text
    assert SOURCE in text and "CONFIG_HELLO=m" in text
    run(f"%intree --drop {SOURCE}")
    assert SOURCE not in run("%intree").text
    assert "is no path in the kernel's tree" in run("%%intree /etc/passwd\nx").text


def test_a_driver_is_put_into_the_tree_built_in_and_booted(small_lab: OwnLab, run: Run) -> None:
    put(run)
    run("%kconfig HELLO=y")
    text = run("%boot hello.who=you").text
    assert "Say hello (HELLO) [N/m/y/?] (NEW) y" in text
    assert "hello_init" in text and "6 (device)" in text and "hello, you" in text
    assert "`hello` is built in: `lsmod` does not list it, `modules.builtin` has it" in text
    text = run("%%guest\ncat /sys/module/hello/parameters/who\nuname -r\nrmmod hello").text
    assert "you" in text and small_lab.file.release in text and "builtin" in text
    assert "calling" not in run("%dmesg").text.splitlines()[-1]
    # The same source beside it, as a module of this kernel.
    assert "`hello2` is loaded" in run(f"%%kmod hello2\n{HELLO}").text
    assert "hello2" in run("%lsmod").text
    run("%use_kernel debian")
    assert small_lab.file.release not in run("%guest uname -r").text


def test_a_crash_at_boot_is_put_on_the_cells_line(small_lab: OwnLab, run: Run) -> None:
    put(run, HELLO.replace("\treturn 0;", "\t*(volatile int *)8 = 1;\n\treturn 0;"))
    run("%kconfig HELLO=y")
    text = run("%boot").text
    assert "The kernel does not boot: The guest's kernel panicked." in text
    assert f"It happened in `hello_init()`, in {SOURCE}, line 11" in text
    assert "6.1" in run("%guest uname -r").text  # the notebook goes on, with Debian's kernel
