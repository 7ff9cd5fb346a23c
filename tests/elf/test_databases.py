"""The modules.* databases: as text, as binary indexes, and what modprobe would do with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from kmodlab.elf.contents import MalformedError
from kmodlab.elf.database_index import open_index
from kmodlab.elf.database_text import (
    Alias,
    Softdep,
    matches,
    name_of,
    normalize_alias,
    parse_alias,
    parse_softdep,
)
from kmodlab.elf.databases import FILES, Databases, LookupResult, load_databases
from kmodlab.elf.graph import Graph, module_graph, summarize_tree
from kmodlab.elf.modalias import Field, parse_modalias
from kmodlab.elf.modprobe import Load, LoadedModule, RemovePlan, Why, parse_proc_modules, plan_load, plan_remove

MODULES = Path(__file__).parents[1] / "data/anatomy/modules"
MISC = "kernel/misc"


@pytest.fixture(scope="module")
def databases() -> Databases:
    return load_databases(MODULES)


# ---- text ----------------------------------------------------------------------------------------------------------


def test_what_depmod_wrote_as_text(databases: Databases) -> None:
    assert databases.dep == {
        f"{MISC}/hello.ko": (),
        f"{MISC}/greet.ko": (),
        f"{MISC}/greet-user.ko": (f"{MISC}/greet.ko",),
    }
    assert databases.paths["greet_user"] == f"{MISC}/greet-user.ko"
    assert databases.aliases == (Alias("greetings-*", "greet"),)
    assert {alias.pattern for alias in databases.symbols} == {
        "symbol:greet",
        "symbol:greet_count",
        "symbol:greet_quietly",
    }
    assert databases.softdeps == (Softdep("greet_user", ("hello",), ()),)
    assert databases.builtin["zswap"] == "kernel/mm/zswap.ko"
    assert databases.order[0] == f"{MISC}/hello.ko"


def test_every_file_answers_a_question() -> None:
    assert {path.name for path in MODULES.iterdir()} <= set(FILES)


def test_a_modules_name_comes_from_its_path() -> None:
    assert name_of("kernel/sound/core/snd-pcm.ko.xz") == "snd_pcm"
    assert name_of("snd-pcm") == "snd_pcm"


def test_softdeps_before_and_after() -> None:
    text = b"# a comment\nsoftdep a pre: b c post: d\nsoftdep e f\nsoftdep\nnonsense\n"
    assert parse_softdep(text) == (Softdep("a", ("b", "c"), ("d",)), Softdep("e", (), ()))


def test_an_alias_may_have_spaces() -> None:
    assert parse_alias(b"alias dmi:bvn two  words* some_module\nalias broken\n") == (
        Alias("dmi:bvn two  words*", "some_module"),
    )


# ---- binary --------------------------------------------------------------------------------------------------------


def test_the_binary_files_say_the_same_as_the_texts(databases: Databases) -> None:
    dep, alias = databases.index("modules.dep.bin"), databases.index("modules.alias.bin")
    assert dep is not None
    assert alias is not None
    assert {key: value.text for key, value in dep} == {
        "hello": f"{MISC}/hello.ko:",
        "greet": f"{MISC}/greet.ko:",
        "greet_user": f"{MISC}/greet-user.ko: {MISC}/greet.ko",
    }
    assert [(key, value.text) for key, value in alias] == [("greetings_*", "greet")]


def test_a_search_spells_its_way_down(databases: Databases) -> None:
    index = databases.index("modules.dep.bin")
    assert index is not None
    assert index.version == (2, 1)
    assert [step.spelled for step in index.walk("greet_user")] == ["", "greet", "greet_user"]
    assert [step.spelled for step in index.walk("greedy")] == ["", "greet"]
    assert index.search("greedy") == ()
    assert index.search("gre") == ()


def test_a_wildcard_search_finds_patterns(databases: Databases) -> None:
    index = databases.index("modules.alias.bin")
    assert index is not None
    ((pattern, value),) = index.search_wild("greetings_from_afar")
    assert (pattern, value.text) == ("greetings_*", "greet")
    assert index.search_wild("greeting") == ()


def test_an_index_without_keys_is_one_too() -> None:
    index = open_index(b"\xb0\x07\xf4\x57\x00\x02\x00\x01\x00\x00\x00\x0c")
    assert list(index) == []
    assert index.search("greet") == ()
    assert index.search_wild("greet") == ()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no header"),
        (b"hello, world", "begins with 68656c6c"),
        (b"\xb0\x07\xf4\x57\x00\x03\x00\x00" + bytes(4), "version 3"),
    ],
)
def test_what_is_no_index_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(MalformedError, match=words):
        open_index(data)


# ---- wildcards, modalias -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("pci:v00008086d*sv*", "pci:v00008086d00001234sv0000", True),
        ("pci:v00008086d*sv*", "pci:v00008087d00001234sv0000", False),
        ("usb:v046DpC52Bd12[0-9]*", "usb:v046DpC52Bd1201dc00", True),
        ("[^a]b", "ab", False),
        ("[^a]b", "cb", True),
        ("[!a]b", "cb", True),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        (r"a\*c", "a*c", True),
        (r"a\*c", "abc", False),
        ("[", "[", True),
        ("abc", "abcd", False),
        ("of:NfooT*", "of:Nfoo\nT", False),
    ],
)
def test_patterns_match_as_in_the_c_library(pattern: str, name: str, fits: bool) -> None:
    assert matches(pattern, name) is fits


def test_dashes_become_underscores_but_not_in_brackets() -> None:
    assert normalize_alias("net-pf-[0-9]-x") == "net_pf_[0-9]_x"


def test_a_modalias_piece_by_piece() -> None:
    modalias = parse_modalias("pci:v00001234d000011E8sv*sd*bc00sc*i*")
    assert modalias.bus == "pci"
    assert modalias.fields[0] == Field("v", "vendor", "00001234")
    assert modalias.fields[1] == Field("d", "device", "000011E8")
    assert [field.letters for field in modalias.fields] == ["v", "d", "sv", "sd", "bc", "sc", "i"]
    assert len(parse_modalias("usb:v046DpC52Bd1201dc00dsc00dp00ic03isc01ip01in00").fields) == 10
    assert parse_modalias("acpi:PNP0303:").bus == "acpi"
    assert parse_modalias("hello").bus == ""


# ---- lookups -------------------------------------------------------------------------------------------------------


def test_a_name_is_found_in_modules_dep(databases: Databases) -> None:
    assert databases.lookup("greet-user") == LookupResult(("greet_user",), "modules.dep.bin")
    assert databases.find_path("greet_user") == f"{MISC}/greet-user.ko"
    assert databases.dependencies("greet_user") == ("greet",)
    assert databases.dependencies("nonsense") is None


def test_an_alias_is_found_by_its_pattern(databases: Databases) -> None:
    assert databases.lookup("greetings-to-all") == LookupResult(("greet",), "modules.alias.bin", ("greetings_*",))


def test_a_symbol_is_found(databases: Databases) -> None:
    assert databases.lookup("symbol:greet").modules == ("greet",)
    assert databases.lookup("symbol:printk").modules == ()


def test_what_is_built_in_is_found_last(databases: Databases) -> None:
    assert databases.lookup("zswap") == LookupResult(("zswap",), "modules.builtin.bin", builtin=True)
    assert databases.lookup("crc32c").modules == ("crc32c_generic",)
    assert databases.is_builtin("zswap")
    assert not databases.is_builtin("greet")


def test_what_depmod_has_not_seen_is_not_found(databases: Databases) -> None:
    assert databases.lookup("brand-new") == LookupResult(())
    without_index = Databases({name: data for name, data in databases.files.items() if not name.endswith(".bin")})
    assert without_index.lookup("greet") == LookupResult(())
    emptied = Databases(dict.fromkeys(databases.files, b""))
    assert emptied.lookup("greet") == LookupResult(())


# ---- plans ---------------------------------------------------------------------------------------------------------


def test_modprobe_loads_what_is_needed_and_wished_for_first(databases: Databases) -> None:
    plan = plan_load(databases, "greet-user")
    assert plan == (
        Load("greet", f"{MISC}/greet.ko", Why.NEEDED, "greet_user"),
        Load("hello", f"{MISC}/hello.ko", Why.BEFORE, "greet_user"),
        Load("greet_user", f"{MISC}/greet-user.ko", Why.ASKED, "greet_user"),
    )
    assert [load.reason for load in plan] == ["needed by greet_user", "wished before greet_user", "asked for"]


def test_modprobe_passes_over_what_is_loaded(databases: Databases) -> None:
    assert [load.name for load in plan_load(databases, "greet_user", {"greet", "hello"})] == ["greet_user"]
    assert plan_load(databases, "greet_user", {"greet_user"}) == ()


def test_modprobe_mentions_what_is_built_in(databases: Databases) -> None:
    assert plan_load(databases, "zswap") == (Load("zswap", None, Why.ASKED, "zswap"),)


def test_modprobe_finds_nothing_for_an_unknown_name(databases: Databases) -> None:
    assert plan_load(databases, "nonsense") == ()


def test_softdeps_that_wish_for_each_other_end(databases: Databases) -> None:
    circle = b"softdep hello pre: greet\nsoftdep greet pre: hello\n"
    files = Databases(MappingProxyType({**databases.files, "modules.softdep": circle}))
    assert [load.name for load in plan_load(files, "hello")] == ["greet", "hello"]


LOADED = b"""\
greet_user 16384 0 - Live 0xffffffffc0a0b000 (OE)
greet 16384 1 greet_user, Live 0xffffffffc0a06000
hello 16384 0 - Live 0xffffffffc0a01000
overlay 163840 1 - Live 0xffffffffc063e000
"""


def test_proc_modules_is_read() -> None:
    loaded = parse_proc_modules(LOADED + b"damaged line\n")
    assert list(loaded) == ["greet_user", "greet", "hello", "overlay"]
    assert loaded["greet_user"] == LoadedModule("greet_user", 16384, 0, (), "Live", "OE")
    assert loaded["greet"].users == ("greet_user",)


def test_removing_takes_along_what_nobody_needs_any_more(databases: Databases) -> None:
    assert plan_remove(databases, "greet_user", parse_proc_modules(LOADED)) == RemovePlan(
        ("greet_user", "greet", "hello")
    )


def test_removing_what_is_in_use_is_refused(databases: Databases) -> None:
    plan = plan_remove(databases, "greet", parse_proc_modules(LOADED))
    assert plan == RemovePlan((), refused="Module greet is in use.")


def test_removing_leaves_what_somebody_else_holds(databases: Databases) -> None:
    loaded = dict(parse_proc_modules(LOADED))
    loaded["greet"] = replace(loaded["greet"], refcount=2)
    assert plan_remove(databases, "greet_user", loaded).removed == ("greet_user", "hello")


def test_removing_what_is_not_there(databases: Databases) -> None:
    assert plan_remove(databases, "greet", {}) == RemovePlan(())
    assert plan_remove(databases, "zswap", {}).refused == "Module zswap is builtin."
    assert plan_remove(databases, "nonsense", {}).refused == "Module nonsense not found."


# A chain of four, of which the lower two stay: when their turn comes, the one above them is still there.
CHAIN = {
    "modules.dep": b"a.ko: b.ko c.ko d.ko\nb.ko: c.ko d.ko\nc.ko: d.ko\nd.ko:\n",
}


def test_the_graph_has_each_need_once(databases: Databases) -> None:
    chain = Databases(CHAIN)
    graph = module_graph(chain, "a")
    assert graph == Graph(("a", "b", "c", "d"), (("a", "b"), ("b", "c"), ("c", "d")))
    assert graph.depths == {"a": 3, "b": 2, "c": 1, "d": 0}
    assert graph.chain() == ("a", "b", "c", "d")
    assert module_graph(chain, "c") == Graph(("c", "d"), (("c", "d"),))
    assert module_graph(chain, "nonsense") == Graph((), ())
    assert module_graph(databases, "greet-user").edges == (("greet_user", "greet"),)


def test_the_tree_in_numbers() -> None:
    summary = summarize_tree(Databases(CHAIN), most=2)
    assert (summary.modules, summary.edges, summary.depths) == (4, 3, (1, 1, 1, 1))
    assert summary.most_needed == (("d", 3), ("c", 2))
    assert summary.chain == ("a", "b", "c", "d")


def test_an_empty_tree_has_numbers_too() -> None:
    summary = summarize_tree(Databases({}))
    assert (summary.modules, summary.depths, summary.chain) == (0, (), ())


def test_modules_that_need_each_other_do_not_hold_us_up() -> None:
    circle = Databases({"modules.dep": b"a.ko: b.ko\nb.ko: a.ko\n"})
    assert set(module_graph(circle, "a").depths) == {"a", "b"}
    assert summarize_tree(circle).modules == 2
