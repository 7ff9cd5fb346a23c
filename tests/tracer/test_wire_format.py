"""The tracer's layouts and numbers: the host's tables against what the C compiler makes of tracer.h."""

from __future__ import annotations

import re
import struct
from enum import IntEnum
from importlib.resources import files

import pytest

from kmodlab.kbuild.build import build
from kmodlab.kbuild.sources import Sources
from kmodlab.kernel.tree import KernelTree
from kmodlab.tracer import wire_format
from kmodlab.tracer.wire_format import (
    Allocates,
    BreakpointFlag,
    Callback,
    Flag,
    Frees,
    Naming,
    Phase,
    RecordKind,
    SiteFlag,
)

HEADER = (files("kmodlab.tracer.module") / "tracer.h").read_text()
LAYOUTS = {
    "plan": wire_format.PLAN,
    "plan_section": wire_format.PLAN_SECTION,
    "plan_site": wire_format.PLAN_SITE,
    "plan_function": wire_format.PLAN_FUNCTION,
    "plan_breakpoint": wire_format.PLAN_BREAKPOINT,
    "records": wire_format.RECORDS_HEAD,
    "record": wire_format.RECORD,
}
PHASES = {"INIT": "IN_INIT", "EXIT": "IN_EXIT"}
PREFIXES: dict[str, type[IntEnum]] = {"ALLOCATES": Allocates, "FREES": Frees, "CALLBACK": Callback, "NAME": Naming}
# As they are named in C.
NUMBERS: dict[str, int] = {
    **{kind.name: kind for kind in RecordKind},
    **{PHASES.get(phase.name, phase.name): phase for phase in Phase},
    **{str(flag.name): flag for flag in Flag},
    **{f"SITE_{flag.name}": flag for flag in SiteFlag},
    **{f"BREAKPOINT_{flag.name}": flag for flag in BreakpointFlag},
    **{f"{prefix}_{number.name}": number for prefix, numbers in PREFIXES.items() for number in numbers},
}
CONSTANTS = (
    "PLAN_MAGIC",
    "RECORDS_MAGIC",
    "NO_SITE",
    "NO_FUNCTION",
    "NO_ARGUMENT",
    "BASE_NEXT",
    "MAX_BREAKPOINTS",
    "MAX_FUNCTIONS",
)


def claims() -> list[str]:
    """What the host believes, in C."""
    claims_in_c = [f"sizeof(struct {name}) == {layout.size}" for name, layout in LAYOUTS.items()]
    for name, layout in LAYOUTS.items():
        offset = 0
        for member, form in layout.formats.items():
            size = struct.calcsize("<" + form)
            claims_in_c.append(f"offsetof(struct {name}, {member}) == {offset}")
            claims_in_c.append(f"sizeof(((struct {name} *)0)->{member}) == {size}")
            offset += size
    claims_in_c += [f"{name} == {int(value)}" for name, value in NUMBERS.items()]
    return claims_in_c + [f"{name} == {getattr(wire_format, name)}" for name in CONSTANTS]


def check(tree: KernelTree, claims_in_c: list[str]) -> str:
    """The first claim that the compiler denies; empty where there is none."""
    asserts = "\n".join(f'static_assert({claim}, "wire: {claim}");' for claim in claims_in_c)
    source = f'#include <linux/module.h>\n#include "tracer.h"\n{asserts}\nMODULE_LICENSE("GPL");\n'
    built = build(tree, Sources.of("wire", {"wire.c": source, "tracer.h": HEADER}))
    denied = re.search(r"wire: ([^\"]*)", "\n".join(message.message for message in built.diagnostics))
    assert built.ko is not None or denied, built.transcript
    return denied[1] if denied else ""


def test_the_compiler_lays_them_out_as_the_host_believes(tree: KernelTree) -> None:
    assert check(tree, claims()) == ""


@pytest.mark.parametrize("wrong", ["offsetof(struct record, text) == 72", "CALL == 8", "PLAN_MAGIC == 1"])
def test_what_differs_is_named(tree: KernelTree, wrong: str) -> None:
    assert check(tree, [*claims(), wrong]) == wrong


def test_the_header_has_no_number_that_the_host_does_not_know() -> None:
    bodies = re.findall(r"^enum (?:\w+ )?\{(.*?)\};", HEADER, re.MULTILINE | re.DOTALL)
    named = {name for body in bodies for name in re.findall(r"\b[A-Z][A-Z_]+\b", body)}
    assert named == set(NUMBERS)
