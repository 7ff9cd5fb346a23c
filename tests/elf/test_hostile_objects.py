"""Damaged and hostile files: whatever they hold, a reader gives data or says in one sentence what is wrong."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kmodlab.elf.builtin import compare_builtin
from kmodlab.elf.contents import MalformedError, read_contents
from kmodlab.elf.database_index import open_index
from kmodlab.elf.database_text import matches, normalize_alias
from kmodlab.elf.databases import FILES, Databases
from kmodlab.elf.exports import parse_symvers
from kmodlab.elf.graph import module_graph, summarize_tree
from kmodlab.elf.modalias import parse_modalias
from kmodlab.elf.modinfo import parse_modinfo
from kmodlab.elf.modprobe import parse_proc_modules, plan_load, plan_remove
from kmodlab.elf.module import read_module
from kmodlab.elf.object_file import read_object
from kmodlab.elf.shared import compare_shared, read_shared
from kmodlab.elf.signature import MARK, find_signature

DATA = Path(__file__).parents[1] / "data/anatomy"
ELF = [path.read_bytes() for path in sorted(DATA.glob("*.*o"))]
HELLO, LIBRARY = (DATA / "hello.ko").read_bytes(), (DATA / "libgreet.so").read_bytes()
DATABASES = {path.name: path.read_bytes() for path in (DATA / "modules").iterdir()}

Damage = list[tuple[int, bytes]]
damage = st.lists(st.tuples(st.integers(0, 1 << 16), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6)
ends = st.one_of(st.none(), st.integers(0, 1 << 16))
usual = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def damaged(data: bytes, wounds: Damage, end: int | None = None) -> bytes:
    """Some bytes overwritten, and the file perhaps cut short."""
    changed = bytearray(data)
    for place, piece in wounds:
        start = place % max(1, len(changed))
        changed[start : start + len(piece)] = piece
    return bytes(changed if end is None else changed[: end % (len(changed) + 1)])


def try_all(*works: Callable[[], object]) -> None:
    for work in works:
        with contextlib.suppress(MalformedError):
            work()


def look_everywhere(data: bytes) -> None:
    def elf() -> None:
        opened = read_object(data)
        for symbol in (*opened.symbols, *opened.dynamic_symbols):
            assert isinstance(symbol.name, str)
        for relocation in opened.relocations:
            assert opened.describe_place(relocation.section, relocation.offset) + relocation.target

    def module() -> None:
        opened = read_module(data)
        try_all(
            lambda: opened.name,
            lambda: opened.exports,
            lambda: opened.imports,
            lambda: opened.versions,
            lambda: opened.signature,
            lambda: opened.modinfo.parameters,
            lambda: opened.modinfo.vermagic,
        )

    def library() -> None:
        opened = read_shared(data)
        try_all(lambda: opened.needed, lambda: opened.imports, lambda: opened.exports, lambda: opened.binds_at_once)

    try_all(
        elf,
        module,
        library,
        lambda: compare_builtin(data, HELLO),
        lambda: compare_builtin(HELLO, data),
        lambda: compare_shared(LIBRARY, data),
        lambda: compare_shared(data, HELLO),
    )


@usual
@given(st.sampled_from(ELF), damage, ends)
def test_a_damaged_elf_file_costs_a_sentence(data: bytes, wounds: Damage, end: int | None) -> None:
    look_everywhere(damaged(data, wounds, end))


# The headers are where damage matters most, and random places seldom hit them.
@usual
@given(st.sampled_from(ELF), st.integers(0, 63), st.binary(min_size=1, max_size=8))
def test_a_damaged_elf_header_costs_a_sentence(data: bytes, place: int, piece: bytes) -> None:
    look_everywhere(damaged(data, [(place, piece)]))


@usual
@given(st.sampled_from(ELF), st.integers(0, 1 << 12), st.binary(min_size=1, max_size=8))
def test_a_damaged_section_header_costs_a_sentence(data: bytes, place: int, piece: bytes) -> None:
    start = int.from_bytes(data[40:48], "little")
    look_everywhere(damaged(data, [(start + place % (len(data) - start), piece)]))


@usual
@given(st.sampled_from(sorted(name for name in DATABASES if name.endswith(".bin"))), damage, ends)
def test_a_damaged_index_costs_a_sentence(name: str, wounds: Damage, end: int | None) -> None:
    data = damaged(DATABASES[name], wounds, end)

    def search() -> None:
        index = open_index(data)
        try_all(
            lambda: list(index),
            lambda: index.walk("greet_user"),
            lambda: index.search("greet"),
            lambda: index.search_wild("greetings_to_all"),
        )

    try_all(search)


@usual
@given(st.dictionaries(st.sampled_from(sorted(FILES)), st.binary(max_size=200)), damage, ends)
def test_damaged_databases_cost_a_sentence(extra: dict[str, bytes], wounds: Damage, end: int | None) -> None:
    files = {name: damaged(data, wounds, end) for name, data in DATABASES.items()} | extra
    databases = Databases(files)
    loaded = parse_proc_modules(b"greet_user 1 0 - Live 0x0\ngreet 2 1 greet_user, Live 0x0\n")
    try_all(
        lambda: databases.lookup("greet-user"),
        lambda: databases.lookup("greetings-x"),
        lambda: databases.lookup("symbol:greet"),
        lambda: plan_load(databases, "greet_user"),
        lambda: plan_remove(databases, "greet_user", loaded),
        lambda: module_graph(databases, "greet_user"),
        lambda: summarize_tree(databases),
        lambda: [databases.aliases, databases.symbols, databases.softdeps, databases.order],
        lambda: [databases.builtin, databases.paths],
    )


@usual
@given(st.binary(max_size=300))
@example(b"\x00" * 12)
@example(b"\x02\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff")
def test_any_bytes_may_stand_before_the_mark_of_a_signature(data: bytes) -> None:
    signature = find_signature(data + MARK)
    assert signature is not None
    assert signature.doubt


@usual
@given(damage)
def test_a_damaged_signature_is_doubted_or_read(wounds: Damage) -> None:
    data = (DATA / "hello_signed.ko").read_bytes()
    start = len(data) - 433
    assert find_signature(data[:start] + damaged(data[start : -len(MARK)], wounds) + MARK) is not None


@usual
@given(st.text(max_size=80), st.text(max_size=80))
@example("[", "[")
@example("[!]", "]")
@example("\\", "\\")
@example("a[b-", "a[b-")
@example("*" * 40 + "b", "a" * 40)
@pytest.mark.filterwarnings("error")
def test_any_text_is_a_pattern(pattern: str, name: str) -> None:
    matches(pattern, name)
    matches(normalize_alias(pattern), name)
    parse_modalias(pattern)


@usual
@given(st.binary(max_size=400))
def test_texts_of_any_bytes_are_read_or_refused(data: bytes) -> None:
    parse_modinfo(data)
    parse_proc_modules(data)
    try_all(lambda: parse_symvers(data), lambda: read_contents(data), lambda: read_object(data))


def test_a_compressed_file_that_is_cut_short_costs_a_sentence() -> None:
    for start in (b"\xfd7zXZ\0", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"):
        with pytest.raises(MalformedError):
            read_contents(start + b"damage")


def test_nodes_that_lead_back_to_each_other_are_found_out() -> None:
    # Root at 12 with children 'a' to 'b', both of which are the root again.
    node = bytes([0x61, 0x62]) + 2 * (0x2000000C).to_bytes(4, "big")
    index = open_index(b"\xb0\x07\xf4\x57\x00\x02\x00\x01" + (0x2000000C).to_bytes(4, "big") + node)
    for work in (lambda: list(index), lambda: index.walk("a" * 99), lambda: index.search_wild("a" * 99)):
        with pytest.raises(MalformedError, match="lead back"):
            work()


def test_a_file_with_a_million_sections_is_refused_at_once() -> None:
    data = bytearray(HELLO)
    data[60:62] = b"\0\0"  # e_shnum 0: the number stands in section 0's size
    start = int.from_bytes(data[40:48], "little")
    data[start + 32 : start + 40] = (1 << 40).to_bytes(8, "little")
    with pytest.raises(MalformedError, match="cut short"):
        read_object(bytes(data))
