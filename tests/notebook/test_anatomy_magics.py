"""Magics that look inside: at modules, at what a build leaves, at databases, at manual pages; and those that plug."""

from __future__ import annotations

import pytest
from cells import Run

HELLO = """%%kmod hello --build-only
#include <linux/module.h>
static int hello_init(void) { pr_info("hello\\n"); return 0; }
static void hello_exit(void) { pr_info("bye\\n"); }
module_init(hello_init);
module_exit(hello_exit);
MODULE_LICENSE("GPL");
"""
GREET = """%%library greet
int puts(const char *);
int greet(void) { return puts("hello"); }
"""


def test_every_view_of_a_module_shows_something_of_its_own(run: Run) -> None:
    run(HELLO)
    shown = {
        "": "init          `hello_init`".replace("`", ""),
        "sections": ".gnu.linkonce.this_module",
        "symbols": "hello_init",
        "imports": "_printk",
        "relocations": "_printk",
        "modinfo": "vermagic",
        "sizes": "To be loaded",
    }
    for view, words in shown.items():
        text = run(f"%anatomy {view} hello").text
        assert " ".join(words.split()) in " ".join(text.split()), (view, text)


def test_an_object_on_the_way_to_the_module_can_be_looked_into(run: Run) -> None:
    run(HELLO)
    assert ".gnu.linkonce.this_module" not in run("%anatomy sections hello.o").text
    assert ".gnu.linkonce.this_module" in run("%anatomy sections hello.mod.o").text


def test_the_kernels_own_modules_can_be_looked_into_under_either_name(run: Run) -> None:
    assert "USB Mass Storage" in run("%anatomy modinfo usb-storage").text
    assert "USB Mass Storage" in run("%anatomy modinfo usb_storage").text


def test_the_same_source_built_in_is_shown_beside_the_module(run: Run) -> None:
    run(HELLO)
    text = run("%anatomy builtin hello").text
    assert ".initcall6.init" in text and ".exitcall.exit" in text
    assert "What is THIS_MODULE?" not in run("%anatomy builtin hello sections").text


def test_a_library_is_shown_beside_the_module(run: Run) -> None:
    run(HELLO)
    assert "✓ `greet.so` is built" in run(GREET).text
    text = run("%anatomy library greet hello questions").text
    assert "libc.so.6" in text and "dlclose" in text


def test_a_library_that_does_not_compile_is_told_on_the_cells_line(run: Run) -> None:
    text = run(GREET.replace('"hello");', '"hello")')).text
    assert "✗ `greet.so` is not built." in text
    assert "error in line 3" in text


def test_a_build_lists_what_it_left_and_shows_its_texts(run: Run) -> None:
    run(HELLO)
    listed = run("%built hello").text
    assert "MODPOST wrote it" in listed and "hello.ko" in listed
    assert "MODULE_INFO(vermagic" in run("%built hello hello.mod.c").text
    assert "… " in run("%built hello hello.mod.c --lines 3").text


def test_databases_are_shown_as_the_guest_has_them_now(run: Run) -> None:
    assert "modules.dep.bin" in run("%databases").text
    assert "usbhid" in run("%databases find usb:v0627p0001d0000dc00dsc00dp00ic03isc01ip01in00").text
    assert "dummy.ko" in run("%databases walk dummy").text
    assert "usb_common" in run("%databases load usb-storage").text
    assert "in use" in run("%databases remove squashfs").text
    assert "raid6_pq" in run("%databases graph btrfs").text
    run("%guest echo 'alias my_own dummy' >/tmp/alias; rm /lib/modules/$(uname -r)/modules.alias.bin")
    assert "modules.alias.bin" not in run("%databases").text


def test_manual_pages_are_at_hand(run: Run) -> None:
    titles = run("%man").text
    assert "modules.dep(5)" in titles and "dkms(8)" in titles
    page = run("%man rmmod")
    assert "RMMOD(8)" in page.text and "\b" not in page.text
    assert "<h5" in page.pages[0] and "<section" not in page.pages[0]
    assert "MODULES.DEP(5)" in run("%man modules.dep(5)").text
    assert "BUILD_EXCLUSIVE_KERNEL" in run("%man dkms").text  # of a package that the guest does not have


def test_a_device_comes_and_goes_and_the_log_says_so(run: Run) -> None:
    text = run("%plug edu").text
    assert "✓ `edu` is plugged in: `0000:01:00.0`." in text
    assert "1234:11e8" in text
    assert "✓ `edu` is unplugged." in run("%unplug edu").text


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("%anatomy", "needs the name of a module"),
        ("%anatomy nonesuch", "There is no nonesuch"),
        ("%anatomy sections a b", "does not take 2 names"),
        ("%anatomy builtin usb-storage", "No cell has built usb-storage"),
        ("%built nonesuch", "No cell has built nonesuch"),
        ("%databases look", "no view"),
        ("%databases walk dummy modules.dep", "no binary index"),
        ("%man nonesuch", "no manual page"),
        ("%man ../../etc/passwd", "no manual page"),
        ("%plug", "takes the name of one device"),
        ("%plug toaster", "no device"),
        ("%unplug edu", "not plugged in"),
        ("%plug usb-kbd", "no driver for its USB controller"),
        ("%%library", "needs a name"),
        ("%%kmod x --flavour nonesuch\n;", "no headers of the kernel"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(run: Run, cell: str, words: str) -> None:
    refused = run(cell)
    assert words in str(refused.error)
    assert not refused.stderr


def test_a_module_for_another_flavour_is_refused_by_its_checksums(run: Run) -> None:
    text = run(HELLO.replace("--build-only", "--flavour cloud")).text
    assert "Invalid module format" in text
    assert "disagrees about version of symbol module_layout" in text


PROVIDER = """%%kmod provider
#include <linux/module.h>
int provided(void);
int provided(void) { return 42; }
EXPORT_SYMBOL(provided);
MODULE_LICENSE("GPL");
"""
USER = """%%kmod user --file provider.symvers
#include <linux/module.h>
int provided(void);
static int user_init(void) { pr_info("got %d\\n", provided()); return 0; }
module_init(user_init);
MODULE_LICENSE("GPL");
"""


def test_a_module_uses_the_symbols_of_another_cells_module(run: Run) -> None:
    assert "`provider` is loaded" in run(PROVIDER).text
    assert "got 42" in run(USER).text
    assert "depends" in run("%anatomy modinfo user").text
