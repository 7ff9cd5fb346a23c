"""The small kernel of each Debian's series: its guest comes up, a driver is built into it and boots."""

from __future__ import annotations

import pytest
from intree_cases import HELLO, TEXTS

from kmodlab.crash.records import parse_kmsg
from kmodlab.crash.source_location import ModuleSource
from kmodlab.guest.boot_session import BootSession
from kmodlab.guest.own_lab import OwnLab
from kmodlab.guest.session import Session
from kmodlab.kbuild.build import build
from kmodlab.kbuild.intree import build_intree
from kmodlab.kbuild.sources import Sources
from kmodlab.kbuild.tree_change import TreeChange
from kmodlab.tracer.run import run_build

pytestmark = pytest.mark.either_debian


def test_a_module_is_loaded_into_the_small_kernel(small_lab: OwnLab) -> None:
    built = build(small_lab.tree, Sources.of("greeter", {"greeter.c": HELLO}))
    assert built.ko is not None and ModuleSource.read(built.ko).has_debug_info
    with Session(small_lab) as session:
        done = run_build(session, built)
    assert done.reason == "" and done.release == small_lab.file.release
    assert "hello, world" in [record.text for record in done.steps[0].records]


def test_a_driver_is_built_into_the_small_kernel_and_boots(small_lab: OwnLab) -> None:
    built = build_intree(small_lab.tree, TreeChange.of(TEXTS, {"HELLO": "y"}), small_lab.arch)
    assert built.passed, built.transcript
    session = BootSession(small_lab, built.image, ["hello.who=you"])
    with session:
        assert session.get("/proc/version").decode().split()[2] == small_lab.file.release
        assert "hello, you" in [record.text for record in parse_kmsg(session.boot_log)]
