"""The magics as a learner meets them: in a real IPython, with the real kbuild, in real guests."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from cells import Run
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from process_helpers import descendants, qemus_below, wait_until_gone

from kmodlab.errors import KmodlabError
from kmodlab.guest.lab import Lab

HELLO = """\
%%kmod hello {options}
#include <linux/module.h>
static char *whom = "world";
module_param(whom, charp, 0444);
static int hello_init(void)
{{
    printk(KERN_DEBUG "hello %s\\n", whom);
    {init}
    return 0;
}}
static void hello_exit(void)
{{
    printk(KERN_DEBUG "goodbye %s\\n", whom);
    {exit}
}}
module_init(hello_init);
module_exit(hello_exit);
MODULE_LICENSE("GPL");
"""


def hello(options: str = "", init: str = "", exit_code: str = "") -> str:
    return HELLO.format(options=options, init=init, exit=exit_code)


# ---- %%kmod --------------------------------------------------------------------------------------------------------


def test_a_cell_becomes_a_loaded_module_and_its_log_is_shown(run: Run) -> None:
    text = run(hello()).text
    assert "✓ `hello.ko` is built" in text
    assert "# insmod hello.ko" in text
    assert re.search(r"\[ +\d+\.\d{6}\] debug\* +hello world", text)
    assert "✓ `hello` is loaded." in text
    assert re.search(r"^hello\b", run("%lsmod").text, re.MULTILINE)


def test_running_a_cell_again_replaces_the_module(run: Run) -> None:
    run(hello())
    text = run(hello("--param whom=you")).text
    assert text.index("# rmmod hello") < text.index("goodbye world") < text.index("# insmod hello.ko whom=you")
    assert text.index("# insmod") < text.index("hello you")


def test_options_set_parameters_and_unload_again(run: Run) -> None:
    text = run(hello("-p whom=you --unload")).text
    assert text.index("hello you") < text.index("# rmmod hello") < text.index("goodbye you")
    assert "loaded, and unloaded again" in text
    assert "✗ ENOENT (2): no module of this name is loaded." in run("%rmmod hello").text


def test_build_only_loads_nothing_but_leaves_the_file_for_insmod(run: Run) -> None:
    text = run(hello("--build-only")).text
    assert "insmod" not in text
    assert "hello" not in run("%lsmod").text
    assert "hello you" in run("%insmod hello.ko whom=you").text
    assert "whom" in run("%modinfo -F parm hello.ko").text


def test_a_syntax_error_is_shown_on_the_cells_own_line(run: Run) -> None:
    cell = run(hello(init="int x = nosuch;"))
    line = hello(init="int x = nosuch;").split("\n").index("    int x = nosuch;") + 1
    assert "✗ `hello` is not built: the code does not compile." in cell.text
    assert f"error in line {line}: " in cell.text
    assert f">  {line:>3} |     int x = nosuch;" in cell.text
    assert f"/tmp/hello.c:{line}:" in cell.text  # the terminal's view agrees
    assert cell.error is None
    assert "<details" in cell.pages[0] and "open>" in cell.pages[0]


def test_what_does_not_build_leaves_the_loaded_one_alone(run: Run) -> None:
    run(hello())
    assert "The `hello` that was built before is still loaded." in run(hello(init="nosuch")).text
    assert "hello" in run("%lsmod").text


def test_an_errno_of_init_is_named_and_explained(run: Run) -> None:
    source = hello(init="return -EBUSY;")
    cell, line = run(source), source.split("\n").index("    return -EBUSY;") + 1
    assert "insmod: ERROR: could not insert module hello.ko: Device or resource busy" in cell.text
    assert f"✗ EBUSY (16): init itself returned -EBUSY, in line {line} of hello.c." in cell.text
    assert "is loaded" not in cell.text and cell.error is None


def test_a_null_dereference_is_found_in_the_cell_and_the_next_guest_is_fresh(run: Run) -> None:
    source = hello(init="*(volatile int *)8 = 1;")
    text = run(source).text
    line = source.split("\n").index("    *(volatile int *)8 = 1;") + 1
    assert "✗ The kernel crashed: BUG: kernel NULL pointer dereference, address: 0000000000000008" in text
    assert "It happened in `hello_init()`" in text
    assert f"in line {line} of the cell:" in text
    assert f">  {line:>3} |     *(volatile int *)8 = 1;" in text
    assert "The next cell gets a fresh one." in text
    assert "hello" not in run("%lsmod").text
    assert "✓ `hello` is loaded." in run(hello()).text


def test_a_crash_in_exit_takes_the_old_module_along_and_the_new_one_is_loaded(run: Run) -> None:
    run(hello(exit_code="*(volatile int *)8 = 1;"))
    text = run(hello()).text
    assert text.index("# rmmod hello") < text.index("The kernel crashed") < text.index("# insmod hello.ko")
    assert "✓ `hello` is loaded." in text


def test_a_panic_ends_the_guest_and_is_told_with_the_consoles_last_lines(run: Run) -> None:
    cell = run(hello(init='pr_info("the last words\\n"); panic("enough");'))
    assert "The kernel crashed: Kernel panic - not syncing: enough" in cell.text
    assert "✗ The guest's kernel panicked." in cell.text
    assert "the last words" in cell.text
    assert "Kernel panic - not syncing: enough" in cell.pages[0]
    assert run("%guest uname -s").text.strip() == "Linux"


def test_a_loop_with_interrupts_off_ends_within_its_deadline(run: Run) -> None:
    began = time.monotonic()
    text = run(hello(init="local_irq_disable(); for (;;) cpu_relax();")).text
    assert "hang" in text and "The next cell gets a fresh one." in text
    assert time.monotonic() - began < 60
    assert "✓ `hello` is loaded." in run(hello()).text


def test_a_warning_of_the_kernels_is_shown_on_its_line_and_the_module_stays(run: Run) -> None:
    text = run(hello(init="WARN_ON(1);")).text
    assert re.search(r"The kernel warns, and goes on: WARNING: .* hello_init\+0x", text)
    assert "    WARN_ON(1);" in text
    assert "✓ `hello` is loaded." in text


def test_a_module_that_is_in_use_is_not_replaced(run: Run) -> None:
    run(hello(init="__module_get(THIS_MODULE);"))
    text = run(hello()).text
    assert "rmmod: ERROR: Module hello is in use" in text
    assert "%reset_guest" in text and "# insmod" not in text


def test_a_printk_between_two_cells_is_not_taken_for_the_second_ones(run: Run) -> None:
    run("%guest -")  # whatever a script does
    run("%guest (sleep 1; echo from outside >/dev/kmsg) >/dev/null 2>&1 &")
    time.sleep(2)
    text = run("%guest echo now; echo from inside >/dev/kmsg").cards[0]
    assert text.index("since the last command") < text.index("from outside") < text.index("from inside")


def test_a_guest_that_ended_between_two_cells_is_told(run: Run) -> None:
    run("%guest (sleep 1; echo c >/proc/sysrq-trigger) >/dev/null 2>&1 &")
    time.sleep(4)
    assert "The guest ended by itself since the last command." in run("%lsmod").text
    assert "ended by itself" not in run("%lsmod").text


def test_a_module_of_the_guests_own_is_not_replaced(run: Run) -> None:
    text = run(hello().replace("%%kmod hello", "%%kmod virtio_ring")).text
    assert "✗ EEXIST (17): a module of the name `virtio_ring` is loaded already, and it is one of the kernel's" in text
    assert "rmmod" not in text


def test_further_files_and_an_own_makefile_are_built_with_the_cell(run: Run) -> None:
    run('%%kfile greeting.h\n#define GREETING "good morning"\n')
    run("%%makefile parts\nobj-m += parts.o\nccflags-y += -DWHOM='\"you\"'\n")
    source = hello("--file greeting.h", init='pr_info(GREETING " " WHOM "\\n");').replace(
        "%%kmod hello", "%%kmod parts"
    )
    text = run(source.replace("static char", '#include "greeting.h"\nstatic char')).text
    assert "good morning you" in text
    assert "The Makefile is yours" in text
    assert "again" in run("%makefile --drop parts").text


def test_a_source_from_another_cell_is_built_with_the_cell(run: Run) -> None:
    run("%%kfile other.c\nint other(void);\nint other(void)\n{\n\treturn 42;\n}\n")
    source = hello("--file other.c", init='pr_info("the answer is %d\\n", other());')
    assert "the answer is 42" in run(source.replace("static char", "int other(void);\nstatic char")).text


def test_a_file_beside_the_notebook_is_not_handed_in_and_not_built(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "parts.h").write_text("#define PARTS 1\n")
    done = run(hello("--file parts.h"))
    assert isinstance(done.error, KmodlabError) and "%%kfile parts.h" in done.stdout


@pytest.mark.parametrize(
    "cell",
    [
        "%%kmod hello",
        "%%kmod hello\n\n",
        "%%kmod ../x\nint x;",
        "%%kmod a b\nint x;",
        "%%kmod -rf\nint x;",
        "%%kmod hello --file nosuch.h\nint x;",
        "%%kmod hello --file hello.c\nint x;",
        "%%kmod virtio_blk\nint x;",
        "%%kmod virtio_pci\nint x;",
        "%%kmod serial_core\nint x;",
        "%%kmod hello\nint x\0;",
        pytest.param("%%kmod hello\n" + "x" * 11_000_000, id="too much"),
        "%%makefile\nall:\n",
        "%%guest",
        "%kmod hello",
        "%insmod 'x",
        "%reset_guest now",
    ],
)
def test_bad_input_gets_one_sentence_and_changes_nothing(run: Run, cell: str) -> None:
    run(hello())
    done = run(cell)
    assert isinstance(done.error, KmodlabError)
    lines = done.stdout.strip().splitlines()
    assert len(lines) <= 2 and lines[0].startswith("UsageError: ") and len(done.stdout) < 500
    assert not done.stderr
    assert "hello" in run("%lsmod").text


def test_the_same_cells_show_the_same_but_for_time_and_place(run: Run) -> None:
    def once() -> list[str]:
        run("%reset_guest")
        cells = [run(source) for source in (hello(), "%lsmod", hello("-u"), hello(init="return -EINVAL;"))]
        return [re.sub(r"\[ *\d+\.\d{6}\]", "", page) for cell in cells for page in (*cell.cards, *cell.pages)]

    assert once() == once()


# ---- tools and scripts ---------------------------------------------------------------------------------------------


def test_tools_print_their_own_words_and_ours_come_after(run: Run, lab: Lab) -> None:
    text = run("%modprobe nosuch").text
    assert (
        f"modprobe: FATAL: Module nosuch not found in directory /lib/modules/{lab.file.release}\n✗ ENOENT (2)" in text
    )
    assert "✗ ENOENT (2): there is no such file." in run("%insmod nosuch.ko").text


def test_tools_take_their_real_options_and_a_shells_expansions(run: Run) -> None:
    assert "dummy" in run("%insmod /lib/modules/$(uname -r)/kernel/drivers/net/dummy.ko\n%lsmod").text
    assert "rmmod dummy" in run("%modprobe -r --show-depends dummy").text or "dummy" in run("%lsmod").text
    assert len(run("%lsmod | head -2").text.strip().splitlines()) == 2
    assert "insmod /lib/modules" in run("%modprobe --show-depends usb_storage").text


def test_a_script_streams_both_outputs_and_shows_its_status(run: Run) -> None:
    cell = run("%%guest\nuname -s\necho oops >&2\nexit 3\n")
    assert "Linux\n" in cell.stdout and "oops\n" in cell.stdout
    assert cell.cards == ["✗ The script ended with status 3."]
    assert not cell.stderr


def test_a_script_that_is_content_says_nothing_more(run: Run) -> None:
    assert run("%guest echo hello").cards == []


def test_a_scripts_mistakes_are_reported_on_the_cells_lines(run: Run) -> None:
    assert "/run/cell: line 3: nosuchcommand" in run("%%guest\necho fine\nnosuchcommand\n").stdout


def test_output_is_printed_while_the_script_runs(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[float] = []
    with monkeypatch.context() as patched:
        patched.setattr("kmodlab.notebook.guest._Printer._print", lambda _self, _text: times.append(time.monotonic()))
        run("%%guest\necho one\nsleep 2\necho two\n")
    assert times[1] - times[0] > 1


def test_an_endless_script_and_an_endless_output_are_ended(run: Run) -> None:
    assert "did not end in time" in run("%%guest --timeout 2\nsleep 1000\n").text
    assert "more than can be shown" in run("%guest yes").cards[0]
    assert run("%guest echo fine").text.strip() == "fine"


def test_control_characters_of_a_guest_reach_nobodys_terminal(run: Run) -> None:
    cell = run("%guest printf '\\033]0;gotcha\\007<b>\\n' | tee /dev/kmsg")
    assert cell.stdout == "\\x1b]0;gotcha\\x07<b>\n"
    assert "\x1b" not in cell.text and "<b>" not in cell.pages[0]


def test_names_and_options_are_completed(run: Run, shell: InteractiveShell) -> None:
    def complete(line: str) -> list[str]:
        with provisionalcompleter():  # IPython calls the function so that its own front ends use
            return [completion.text for completion in shell.Completer.completions(line, len(line))]

    run(hello("--build-only"))
    assert complete("%insmod he") == ["hello.ko"]
    # IPython adds the Python names that begin so.
    assert "/lib/modules/" in complete("%insmod /lib/mod")
    assert complete("%insmod hello.ko w") == ["whom="]
    assert "hello.ko" in complete("%modinfo hel")
    assert "usb_storage" in complete("%modprobe usb_st")
    assert "--unload" in complete("%%kmod hello --unl")
    run("%insmod hello.ko")
    assert complete("%rmmod hel") == ["hello"]
    assert complete("%modprobe -r hel") == ["hello"]


def test_lab_shows_kernel_taint_and_modules(run: Run) -> None:
    assert "No guest is running" in run("%lab").text
    run(hello())
    text = run("%lab").text
    assert re.search(r"Linux 6\.\d+\S*, running for \d+ min \d+ s\.", text)
    assert "O: a module from outside the kernel's tree is loaded" in text
    assert re.search(r"^ *hello +\d+ +0\b", text, re.MULTILINE)


def test_each_magic_explains_itself(shell: InteractiveShell) -> None:
    for magic in ("%%kmod", "%%guest", "%%makefile", "%%kfile", "%insmod", "%rmmod", "%modprobe", "%reset_guest"):
        assert f"    {magic}" in shell.object_inspect(magic)["docstring"]


# ---- real ipykernels -----------------------------------------------------------------------------------------------


@dataclass
class Notebook:
    """An ipykernel of its own, as each open notebook has one."""

    manager: KernelManager
    client: BlockingKernelClient
    messages: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def open(cls, folder: Path) -> Notebook:
        manager = KernelManager(kernel_name="python3", connection_file=str(folder / "connection.json"))
        manager.start_kernel(cwd=str(folder))
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=600)
        return cls(manager, client)

    @property
    def process(self) -> psutil.Process:
        provisioner: Any = self.manager.provisioner
        return psutil.Process(provisioner.pid)

    def execute(self, source: str) -> str:
        """Run a cell; all its output as text."""
        messages: list[dict[str, Any]] = []
        reply = self.client.execute_interactive(source, timeout=600, output_hook=messages.append)
        return text_of(messages, reply)

    def send(self, source: str) -> None:
        self.client.execute(source)

    def wait_for(self, text: str) -> None:
        """Wait until the running cell has printed this."""
        while text not in self.client.get_iopub_msg(timeout=600)["content"].get("text", ""):
            pass

    def finish(self) -> str:
        """The output of the cell that was sent."""
        messages = []
        while True:
            message = self.client.get_iopub_msg(timeout=600)
            messages.append(message)
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return text_of(messages, self.client.get_shell_msg(timeout=600))

    def close(self) -> None:
        self.client.stop_channels()
        if self.manager.is_alive():
            self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()


def text_of(messages: list[dict[str, Any]], reply: dict[str, Any]) -> str:
    parts = []
    for message in messages:
        content = message["content"]
        assert content.get("name") != "stderr", content
        if message["msg_type"] == "stream":
            parts.append(content["text"])
        elif message["msg_type"] == "display_data" and "text/plain" in content["data"]:
            parts.append(content["data"]["text/plain"])
        elif message["msg_type"] == "error":
            parts.append("\n".join(content["traceback"]))
    return "\n".join([*parts, reply["content"]["status"]])


@pytest.fixture
def open_notebook(tmp_path: Path) -> Iterator[Callable[[], Notebook]]:
    opened: list[Notebook] = []

    def open_one() -> Notebook:
        folder = tmp_path / str(len(opened))
        folder.mkdir()
        opened.append(Notebook.open(folder))
        assert opened[-1].execute("%load_ext kmodlab") == "ok"
        return opened[-1]

    yield open_one
    for notebook in opened:
        notebook.close()


Open = Callable[[], Notebook]


def poll(until: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 30
    while not until():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def test_a_killed_ipykernel_leaves_no_qemu(open_notebook: Open) -> None:
    notebook = open_notebook()
    assert "is loaded" in notebook.execute(hello())
    below = descendants(notebook.process)
    assert qemus_below(notebook.process)
    os.kill(notebook.process.pid, signal.SIGKILL)
    wait_until_gone(below)


def test_an_ipykernel_killed_while_it_builds_and_forks_leaves_nothing(open_notebook: Open) -> None:
    notebook = open_notebook()
    notebook.send(hello())
    poll(lambda: len(descendants(notebook.process)) > 3, "the build begins")
    below = descendants(notebook.process)
    os.kill(notebook.process.pid, signal.SIGKILL)
    wait_until_gone(below)


def test_two_notebooks_have_guests_of_their_own(open_notebook: Open) -> None:
    first, second = open_notebook(), open_notebook()
    assert "is loaded" in first.execute(hello())
    assert "no module of this name" in second.execute("%rmmod hello")
    assert "goodbye" in first.execute("%rmmod hello")
    assert len(qemus_below(first.process)) == len(qemus_below(second.process)) == 1


def test_an_interrupt_of_a_script_leaves_the_guest_as_it_is(open_notebook: Open) -> None:
    notebook = open_notebook()
    notebook.execute(hello())
    qemus = qemus_below(notebook.process)
    notebook.send("%%guest\necho begun\nsleep 1000\n")
    notebook.wait_for("begun")
    notebook.manager.interrupt_kernel()
    text = notebook.finish()
    assert (
        "the script was ended; the guest stays as it is" in text
        and text.endswith("error")
        and len(text.splitlines()) == 2
    )
    assert re.search(r"^hello\b", notebook.execute("%lsmod"), re.MULTILINE)
    assert qemus_below(notebook.process) == qemus
    assert "sleep" not in notebook.execute("%guest ps")


def test_a_guest_that_loops_on_after_an_interrupt_is_replaced(open_notebook: Open) -> None:
    notebook = open_notebook()
    notebook.execute(hello("--build-only", init="for (;;) cpu_relax();"))
    notebook.send("%%guest\necho begun\ninsmod hello.ko\n")
    notebook.wait_for("begun")
    time.sleep(1)
    notebook.manager.interrupt_kernel()
    assert "the script was ended; the next cell gets a fresh guest" in notebook.finish()
    began = time.monotonic()
    assert "hello" not in notebook.execute("%lsmod")
    assert time.monotonic() - began < 20


def test_an_interrupt_of_a_check_leaves_nothing_behind(open_notebook: Open) -> None:
    notebook = open_notebook()
    notebook.execute(hello("--build-only", init="for (;;) cpu_relax();"))
    notebook.send('print("begun")\ncheck("It loads", loads("hello"))')
    notebook.wait_for("begun")
    poll(lambda: qemus_below(notebook.process), "the check's guest boots")
    time.sleep(1)
    notebook.manager.interrupt_kernel()
    sentence = "Interrupted: the check “It loads” was ended, and nothing of it is left."
    assert notebook.finish().splitlines()[-2:] == [sentence, "error"]
    assert "✓ It builds" in notebook.execute('check("It builds", builds("hello"))')


def test_an_interrupt_of_a_build_leaves_nothing_behind(open_notebook: Open) -> None:
    notebook = open_notebook()
    notebook.execute("%guest true")
    before = set(descendants(notebook.process))
    notebook.execute("%%makefile hello\nobj-m += hello.o\n$(shell sleep 1000)\n")
    notebook.send(hello())
    poll(lambda: set(descendants(notebook.process)) - before, "the build begins")
    time.sleep(0.5)
    notebook.manager.interrupt_kernel()
    text = notebook.finish()
    assert "the build of hello was ended; the guest stays as it is" in text and text.endswith("error")
    poll(lambda: set(descendants(notebook.process)) == before, "the build is gone")
    notebook.execute("%makefile --drop hello")
    assert "is loaded" in notebook.execute(hello())


@pytest.mark.long
def test_an_interrupt_ends_a_sweep_and_says_which_tool_runs_on(open_notebook: Open) -> None:
    notebook = open_notebook()
    notebook.execute(hello("--build-only", init="for (;;) schedule_timeout_uninterruptible(HZ);"))
    before = set(descendants(notebook.process))
    notebook.send("%faults hello")
    poll(lambda: set(descendants(notebook.process)) - before, "the sweep begins")
    notebook.manager.interrupt_kernel()
    assert re.search(r"the sweep(, in the run “without a fault”,)? was ended;", notebook.finish())
    poll(lambda: set(descendants(notebook.process)) == before, "the guests of the sweep are gone")
    notebook.send("%%guest\necho begun\ninsmod hello.ko\n")
    notebook.wait_for("begun")
    time.sleep(1)
    notebook.manager.interrupt_kernel()
    assert "the script was ended, but no signal ends insmod in the kernel; %reset_guest brings" in notebook.finish()


def test_output_goes_to_the_cell_that_caused_it(open_notebook: Open) -> None:
    # It comes on a thread that was started by an earlier cell.
    notebook = open_notebook()
    notebook.execute("%guest echo first")
    assert notebook.execute("%guest echo second") == "second\n\nok"


def test_without_a_lab_two_lines_say_how_to_make_one(open_notebook: Open, tmp_path: Path) -> None:
    notebook = open_notebook()
    notebook.execute(f"import os; os.environ['KMODLAB_CACHE_DIR'] = {str(tmp_path / 'empty')!r}")
    lines = notebook.execute("%lsmod").splitlines()
    assert lines[:-1] == ["SetupError: There is no lab yet.", "hint: Run `kmodlab setup` (a minute or two, once)."]


def test_it_works_in_a_plain_ipython_terminal(tmp_path: Path) -> None:
    import pexpect

    environment = {**os.environ, "IPYTHONDIR": str(tmp_path), "TERM": "dumb", "COLUMNS": "120"}
    child = pexpect.spawn(
        sys.executable,
        ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=nocolor"],
        env=environment,
        encoding="utf-8",
        timeout=600,
    )
    try:
        child.expect(r"In \[1\]:")
        child.sendline("%load_ext kmodlab")
        child.expect(r"In \[2\]:")
        child.sendline("%rmmod hello")
        child.expect("Module hello is not currently loaded")
        child.expect("ENOENT")
        child.expect(r"In \[3\]:")
        below = qemus_below(psutil.Process(child.pid))
        assert below
        child.sendline("exit")
        child.expect(pexpect.EOF)
    finally:
        child.close(force=True)
    wait_until_gone(below)
