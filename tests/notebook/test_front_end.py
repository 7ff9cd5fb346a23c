"""Completion and inspection, as front ends ask a real ipykernel for them, with the real clangd."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from process_helpers import descendants, wait_until_gone

from kmodlab.guest.lab import Lab

CURSOR = "‸"
CELL = """\
%%kmod hello
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/miscdevice.h>
#include <linux/fs.h>
#include "mine.h"
static struct miscdevice device;
static int __init hello_init(void)
{
\tvoid *memory = kzalloc(5, GFP_KERNEL);
\tmisc_register(&device);
\treturn 0;
}
module_init(hello_init);
"""


class Kernel:
    """An ipykernel with our extension, asked as a front end asks it. The cursor is a mark in the text."""

    def __init__(self, folder: Path) -> None:
        self.manager = KernelManager(kernel_name="python3", connection_file=str(folder / "connection.json"))
        self.manager.start_kernel(cwd=str(folder))
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=600)
        self.run("%load_ext kmodlab")

    @property
    def process(self) -> psutil.Process:
        provisioner: Any = self.manager.provisioner
        return psutil.Process(provisioner.pid)

    def run(self, source: str) -> None:
        reply = self.client.execute_interactive(source, timeout=600, output_hook=lambda _message: None)
        assert reply["content"]["status"] == "ok"

    def complete(self, marked: str) -> dict[str, Any]:
        code, at = marked.replace(CURSOR, ""), marked.index(CURSOR)
        content: dict[str, Any] = self.client.complete(code, at, reply=True, timeout=600)["content"]
        return content

    def matches(self, marked: str) -> list[str]:
        matches: list[str] = self.complete(marked)["matches"]
        return matches

    def inspect(self, marked: str) -> str:
        code, at = marked.replace(CURSOR, ""), marked.index(CURSOR)
        content = self.client.inspect(code, at, reply=True, timeout=600)["content"]
        return str(content["data"].get("text/plain", ""))

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()


@pytest.fixture(scope="module")
def kernel(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    kernel = Kernel(tmp_path_factory.mktemp("kernel"))
    kernel.run("%%kfile mine.h\n/* what it counts */\nstruct counter {\n\tint value;\n\tint highest;\n};\n")
    kernel.inspect(CELL.replace("kzalloc", f"kzal{CURSOR}loc"))  # waits until clangd has read the headers
    yield kernel
    kernel.close()


def after(line: str) -> str:
    """The cell with a line more in its function."""
    return CELL.replace("\treturn 0;", f"\t{line}\n\treturn 0;")


@pytest.mark.parametrize(
    ("line", "match"),
    [
        (f"pr_inf{CURSOR}", "pr_info"),
        (f"misc_reg{CURSOR}", "misc_register"),
        (f"struct file_operations f = {{ .ope{CURSOR} }};", "open"),
        (f"struct counter c = {{ .hi{CURSOR} }};", "highest"),
        (f"device.mi{CURSOR}", "minor"),
    ],
    ids=["macro", "function", "member", "member of a struct in a %%kfile", "after a point"],
)
def test_c_is_completed(kernel: Kernel, line: str, match: str) -> None:
    marked = after(line)
    reply = kernel.complete(marked)
    assert match in reply["matches"]
    code = marked.replace(CURSOR, "")
    assert match.startswith(code[reply["cursor_start"] : reply["cursor_end"]])


def test_headers_are_completed(kernel: Kernel) -> None:
    marked = CELL.replace("linux/fs.h>", f"linux/miscdev{CURSOR}")
    reply = kernel.complete(marked)
    assert "miscdevice.h" in reply["matches"][0]
    assert marked[reply["cursor_start"] : reply["cursor_end"]] == "miscdev"


def test_a_name_is_explained_with_its_header_and_whether_it_may_sleep(kernel: Kernel) -> None:
    text = kernel.inspect(CELL.replace("kzalloc", f"kzal{CURSOR}loc"))
    assert "kzalloc - allocate memory. The memory is set to zero." in text
    assert "#include <linux/slab.h>" in text and "with GFP_KERNEL it may" in text


def test_a_struct_is_explained_with_its_members(kernel: Kernel) -> None:
    text = kernel.inspect(CELL.replace("struct miscdevice", f"struct misc{CURSOR}device"))
    assert "struct miscdevice  {\n\tint minor;\n" in text and "#include <linux/miscdevice.h>" in text
    assert "\tint highest;\n};" in kernel.inspect(after(f"struct coun{CURSOR}ter c;"))


def test_a_macro_is_explained_with_its_definition(kernel: Kernel) -> None:
    assert "#define pr_info(fmt, ...)" in kernel.inspect(after(f'pr_inf{CURSOR}o("x");'))


def test_a_signature_is_shown_with_how_the_symbol_is_exported(kernel: Kernel) -> None:
    text = kernel.inspect(CELL.replace("misc_register(", f"misc_register({CURSOR}"))
    assert text.startswith("misc_register(struct miscdevice *misc) -> int")
    assert "Exported with EXPORT_SYMBOL by the kernel itself." in text
    assert "It may sleep" in text and "#include <linux/miscdevice.h>" in text


def test_a_modules_export_is_explained(kernel: Kernel) -> None:
    text = kernel.inspect(f"%%kmod usb\n#include <linux/usb.h>\nint x(void) {{ return usb_subm{CURSOR}it_urb(0, 0); }}")
    assert "Exported with EXPORT_SYMBOL_GPL by the module usbcore." in text
    assert "Only a module with a GPL-compatible licence can use it." in text


def test_the_line_of_a_magic_is_completed_without_pythons_names(kernel: Kernel) -> None:
    assert kernel.matches(f"%rmmod {CURSOR}") == []
    assert "--unload" in kernel.matches(f"%%kmod hello --unl{CURSOR}\nint x;")
    assert "usb_storage" in kernel.matches(f"%modprobe usb_st{CURSOR}")


def test_python_is_inspected_as_before_and_not_offered_in_a_shell_cell(kernel: Kernel) -> None:
    assert "Return the number of items" in kernel.inspect(f"len{CURSOR}")
    assert kernel.matches(f"%%guest\nfo{CURSOR}") == []


@pytest.mark.long
def test_python_is_completed_as_before(kernel: Kernel) -> None:
    assert "import" in kernel.matches(f"impor{CURSOR}")


@pytest.mark.long
def test_clangd_ends_with_its_ipykernel(lab: Lab, tmp_path: Path) -> None:
    kernel = Kernel(tmp_path)
    kernel.inspect(CELL.replace("kzalloc", f"kzal{CURSOR}loc"))
    servers = [process for process in descendants(kernel.process) if "clangd" in process.name()]
    assert servers
    kernel.process.kill()
    wait_until_gone(servers)
    kernel.close()


def test_an_unloaded_extension_leaves_no_clangd(lab: Lab, tmp_path: Path) -> None:
    kernel = Kernel(tmp_path)
    kernel.inspect(CELL.replace("kzalloc", f"kzal{CURSOR}loc"))
    servers = [process for process in descendants(kernel.process) if "clangd" in process.name()]
    kernel.run("%unload_ext kmodlab")
    wait_until_gone(servers)
    assert servers and "Return the number of items" in kernel.inspect(f"len{CURSOR}")
    kernel.close()
