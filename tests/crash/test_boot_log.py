"""The init functions that a boot's log tells of, and crashes in drivers that are built in."""

from __future__ import annotations

from intree_cases import HELLO

from kmodlab.crash.boot_log import find_initcall_runs
from kmodlab.crash.builtin_frames import with_drivers
from kmodlab.crash.guilty import find_guilty_line
from kmodlab.crash.reader import find_reports
from kmodlab.crash.records import LogRecord, parse_kmsg
from kmodlab.crash.source_location import ModuleSource
from kmodlab.elf.builtin import builtin_file, builtin_makefile
from kmodlab.elf.initcalls import find_initcalls
from kmodlab.elf.object_file import read_object
from kmodlab.kbuild.build import build
from kmodlab.kbuild.sources import Sources
from kmodlab.kernel.tree import KernelTree

# From a boot with initcall_debug: Linux 6.1, with a driver in drivers/misc.
KMSG = b"""\
7,800,1114000,-;calling  virtio_blk_init+0x0/0x8b @ 1
7,801,1150000,-;initcall virtio_blk_init+0x0/0x8b returned 0 after 37942 usecs
7,802,1208246,-;calling  hello_init+0x0/0x1b @ 1
6,803,1208267,-;hello, you
7,804,1208290,-;initcall hello_init+0x0/0x1b returned -19 after 43 usecs
7,805,1208339,-;calling  xhci_hcd_init+0x0/0x1f @ 1
"""
LATER = b"7,900,3569096,-;calling  hello_init+0x0/0x1000 [hello] @ 47\n"


def test_each_call_has_what_it_returned_and_what_was_logged_in_it() -> None:
    block, hello, last = find_initcall_runs(parse_kmsg(KMSG))
    assert (block.function, block.returned, block.messages) == ("virtio_blk_init", 0, ())
    assert (hello.returned, hello.duration_us, [record.text for record in hello.messages]) == (-19, 43, ["hello, you"])
    assert (last.function, last.returned) == ("xhci_hcd_init", None)


def test_a_module_that_is_loaded_later_is_none_of_them() -> None:
    assert len(find_initcall_runs(parse_kmsg(KMSG + LATER))) == 3
    assert find_initcall_runs([LogRecord(1, 1.0, 6, 0, "calling  for help")]) == ()


def test_the_call_of_a_modules_init_is_found_by_its_name_with_the_process_that_loads_it() -> None:
    end = b"7,901,3569110,-;initcall hello_init+0x0/0x1000 [hello] returned 0 after 12 usecs\n"
    (run,) = find_initcall_runs(parse_kmsg(KMSG + LATER + end), "hello")
    assert (run.function, run.kmod, run.pid, run.returned) == ("hello_init", "hello", 47, 0)
    assert find_initcall_runs(parse_kmsg(KMSG + LATER), "other") == ()


CRASHES = HELLO.replace("\treturn 0;", "\t*(volatile int *)8 = 1;\n\treturn 0;")


def test_a_crash_in_a_driver_that_is_built_in_is_put_on_its_line(tree: KernelTree) -> None:
    sources = Sources.of("hello", {"hello.c": CRASHES, "Makefile": builtin_makefile("hello")})
    driver = build(tree, sources).files[builtin_file("hello")]
    (call,) = find_initcalls(read_object(driver))
    assert (call.level, call.function, call.kmod) == ("6", "hello_init", "hello")
    assert CRASHES.splitlines()[call.line - 1] == "module_init(hello_init);"
    size = next(symbol.size for symbol in read_object(driver).symbols if symbol.name == "hello_init")
    log = f"""\
[    1.2] BUG: kernel NULL pointer dereference, address: 0000000000000008
[    1.2] #PF: supervisor write access in kernel mode
[    1.2] Oops: 0002 [#1] PREEMPT SMP
[    1.2] CPU: 0 PID: 1 Comm: swapper/0 Not tainted 6.1.192-small #1
[    1.2] RIP: 0010:hello_init+0x10/{size:#x}
[    1.2] Call Trace:
[    1.2]  <TASK>
[    1.2]  do_one_initcall+0x5a/0x210
[    1.2]  kernel_init_freeable+0x1d8/0x23a
[    1.2]  </TASK>
[    1.2] ---[ end trace 0000000000000000 ]---
"""
    (report,) = find_reports(log)
    assert report.place and report.place.module is None
    named = with_drivers(report, {"hello": ModuleSource.read(driver)})
    assert named.place and named.place.module == "hello" and all(frame.module is None for frame in named.trace)
    guilty = find_guilty_line(named, {"hello": driver})
    assert guilty and guilty.line.function == "hello_init" and guilty.line.line in (9, 10)
