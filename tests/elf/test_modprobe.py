"""What modprobe, depmod and the kernel's loader really do, beside what `elf` says that they will."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from kmodlab.elf.databases import Databases
from kmodlab.elf.modinfo import parse_vermagic
from kmodlab.elf.modprobe import plan_load, plan_remove
from kmodlab.elf.module import read_module
from kmodlab.guest.lab import Lab
from kmodlab.guest.session import Session
from kmodlab.kbuild.build import build
from kmodlab.kbuild.sources import Sources
from kmodlab.notebook.views.databases import fetch_databases, fetch_loaded

DATA = Path(__file__).parents[1] / "data/anatomy"


@pytest.fixture(scope="module")
def databases(shared_session: Session) -> Databases:
    return fetch_databases(shared_session)


def modprobe(session: Session, *arguments: str) -> list[str]:
    """The names that modprobe says it loaded or removed."""
    printed = session.run(["modprobe", *arguments], timeout_s=60).stdout.decode()
    words = (line.split()[1] for line in printed.splitlines() if line.startswith(("insmod", "rmmod")))
    return [word.rpartition("/")[2].partition(".")[0].replace("-", "_") for word in words]


# Deep chains, softdeps before, and a module that two others need.
@pytest.mark.parametrize("name", ["snd-hda-intel", "btrfs", "ext4", "usbhid"])
def test_modprobe_does_what_is_planned(session: Session, databases: Databases, name: str) -> None:
    planned = [load.name for load in plan_load(databases, name, fetch_loaded(session))]
    assert modprobe(session, "-v", name) == planned
    assert set(planned) <= set(fetch_loaded(session))

    plan = plan_remove(databases, name, fetch_loaded(session))
    assert modprobe(session, "-rv", name) == list(plan.removed)
    loaded = fetch_loaded(session)
    assert {other for other in planned if other in loaded and loaded[other].refcount == 0} >= set(plan.left)
    assert not set(plan.removed) & set(loaded)


def test_modprobe_r_leaves_what_stands_deeper_in_the_chain(session: Session, databases: Databases) -> None:
    modprobe(session, "snd-hda-intel")
    plan = plan_remove(databases, "snd-hda-intel", fetch_loaded(session))
    modprobe(session, "-r", "snd-hda-intel")
    loaded = fetch_loaded(session)
    assert "snd_hda_core" in plan.left
    assert loaded["snd_hda_core"].refcount == 0
    assert "soundcore" in loaded


def test_what_two_need_stays_for_the_other(session: Session, databases: Databases) -> None:
    modprobe(session, "-a", "btrfs", "xfs")
    plan = plan_remove(databases, "btrfs", fetch_loaded(session))
    assert "libcrc32c" not in plan.removed
    assert modprobe(session, "-rv", "btrfs") == list(plan.removed)


def test_modprobe_refuses_what_is_planned_to_be_refused(session: Session, databases: Databases) -> None:
    plan = plan_remove(databases, "squashfs", fetch_loaded(session))
    result = session.run(["modprobe", "-r", "squashfs"])
    assert plan.refused == "Module squashfs is in use."
    assert plan.refused in result.text


def test_a_new_module_is_found_only_after_depmod(session: Session, lab: Lab) -> None:
    folder = f"/root/base/lib/modules/{lab.tree.release}"
    session.run(["mkdir", "-p", f"{folder}/updates"])
    session.run(["depmod", "-b", "/root/base"])

    def now() -> Databases:
        names = session.run(["ls", folder]).stdout.decode().split()
        return Databases({name: session.get(f"{folder}/{name}") for name in names if name.startswith("modules.")})

    session.put(f"{folder}/updates/greet.ko", (DATA / "greet.ko").read_bytes())
    assert now().lookup("greet").modules == ()
    session.run(["depmod", "-b", "/root/base"])
    databases = now()
    assert databases.lookup("greet").modules == ("greet",)
    assert databases.find_path("greet") == "updates/greet.ko"
    assert databases.lookup("greetings-to-all").modules == ("greet",)


# ---- the loader ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hello(lab: Lab) -> bytes:
    built = build(lab.tree, Sources.of("hello", {"hello.c": (DATA / "hello.c").read_text()}))
    assert built.ko is not None, built.transcript
    return built.ko


def load(session: Session, ko: bytes) -> tuple[bool, str]:
    session.put("/root/hello.ko", ko)
    result = session.run(["insmod", "/root/hello.ko"])
    return result.ok, session.kmsg().decode("utf-8", "replace")


def with_vermagic(ko: bytes, old: str, new: str) -> bytes:
    assert len(old) == len(new)
    return re.sub(rb"(?<=\0)vermagic=[^\0]*", lambda match: match[0].replace(old.encode(), new.encode()), ko)


def test_another_release_is_loaded_while_the_checksums_are_the_same(session: Session, lab: Lab, hello: bytes) -> None:
    kernel = parse_vermagic(str(read_module(hello).modinfo.vermagic))
    other = with_vermagic(hello, lab.tree.release, lab.tree.release.replace("amd64", "other"))
    magic = read_module(other).modinfo.vermagic
    assert magic is not None
    assert magic.release != kernel.release
    assert load(session, other)[0]


def test_another_word_in_the_vermagic_is_refused(session: Session, hello: bytes) -> None:
    kernel = parse_vermagic(str(read_module(hello).modinfo.vermagic))
    other = with_vermagic(hello, " SMP ", " UMP ")
    magic = read_module(other).modinfo.vermagic
    assert magic is not None
    assert set(magic.words) ^ set(kernel.words) == {"SMP", "UMP"}
    is_loaded, log = load(session, other)
    assert not is_loaded
    assert "version magic" in log


def test_another_checksum_is_refused(session: Session, hello: bytes) -> None:
    crc = next(symbol.crc for symbol in read_module(hello).imports if symbol.name == "_printk")
    assert crc is not None
    old = struct.pack("<Q", crc) + b"_printk\0"
    assert hello.count(old) == 1
    is_loaded, log = load(session, hello.replace(old, struct.pack("<Q", crc ^ 1) + b"_printk\0"))
    assert not is_loaded
    assert "disagrees about version of symbol _printk" in log
