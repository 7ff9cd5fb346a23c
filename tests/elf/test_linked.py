"""What becomes of a driver's object in a kernel: here drivers of the small kernel itself, built in by its build."""

from __future__ import annotations

import pytest

from kmodlab.elf.linked import Fate, Linked, find_linked
from kmodlab.elf.object_file import read_object
from kmodlab.guest.own_lab import OwnLab
from kmodlab.notebook.views.linked import in_kernel

DRIVER, OTHER = "drivers/block/virtio_blk.o", "drivers/char/virtio_console.o"


@pytest.fixture(scope="module")
def linked(small_lab: OwnLab) -> Linked:
    objects = small_lab.tree.headers
    return find_linked(read_object(objects / DRIVER), read_object(objects / "vmlinux"))


def test_the_pointer_to_exit_is_dropped_and_init_and_exit_are_freed(linked: Linked) -> None:
    fates = {symbol.name: symbol.fate for symbol in linked.symbols}
    assert fates["virtio_blk_init"] is fates["virtio_blk_fini"] is Fate.FREED
    assert fates["__exitcall_virtio_blk_fini"] is Fate.DROPPED
    assert fates["virtblk_probe"] is fates["virtio_blk"] is Fate.STAYS
    assert all((symbol.address is None) == (symbol.fate is Fate.DROPPED) for symbol in linked.symbols)


def test_the_pointer_to_init_is_one_of_the_kernels_list(linked: Linked) -> None:
    (number,) = linked.own
    assert linked.initcalls[number].function == "virtio_blk_init"
    assert len(linked.initcalls) > 100


def test_symbols_of_one_name_are_told_apart_by_their_source_files(small_lab: OwnLab, linked: Linked) -> None:
    objects = small_lab.tree.headers
    other = find_linked(read_object(objects / OTHER), read_object(objects / "vmlinux"))
    of_both = {
        mine.name: (mine.address, their.address)
        for mine in linked.symbols
        for their in other.symbols
        if mine.name == their.name and mine.address and their.address
    }
    assert of_both
    assert all(mine != their for mine, their in of_both.values())


def test_the_view_says_what_is_dropped_and_where_init_is_in_the_list(small_lab: OwnLab) -> None:
    objects = small_lab.tree.headers
    view = in_kernel(objects / DRIVER, objects / "vmlinux")
    dropped = next(line for line in view.text.splitlines() if "__exitcall_virtio_blk_fini" in line)
    assert "the linker drops it" in dropped
    assert "km-only" in view.html
    assert "virtio_blk_init" in view.text.partition("init functions, around")[2]
