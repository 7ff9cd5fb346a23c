"""Views of modules and databases: text and HTML say the same, without scripts and without anything from outside."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from kmodlab.elf.databases import load_databases
from kmodlab.elf.modprobe import parse_proc_modules
from kmodlab.notebook.views import databases as database_views
from kmodlab.notebook.views.comparison import builtin_beside_module, so_beside_ko
from kmodlab.notebook.views.dependencies import dependency_picture
from kmodlab.notebook.views.elf import explore, exports, imports, modinfo, relocations, sections, symbols
from kmodlab.notebook.views.module_tree import tree_picture
from kmodlab.notebook.views.sizes import size_picture
from kmodlab.notebook.views.table import Column, ColumnKind, Table, sized
from kmodlab.notebook.views.view import Picture, View

DATA = Path(__file__).parents[1] / "data/anatomy"
HELLO, GREET, USER = DATA / "hello.ko", DATA / "greet.ko", DATA / "greet_user.ko"
DATABASES = load_databases(DATA / "modules")
LOADED = parse_proc_modules(b"greet_user 1 0 - Live 0x0\ngreet 2 1 greet_user, Live 0x0\n")


def index_walk() -> View:
    index = DATABASES.index("modules.dep.bin")
    assert index is not None
    return database_views.walk(index, "greet_user")


VIEWS: dict[str, Callable[[], View]] = {
    "sections": lambda: sections(HELLO),
    "all sections": lambda: sections(str(HELLO), everything=True),
    "symbols": lambda: symbols(HELLO.read_bytes()),
    "imports": lambda: imports(USER),
    "exports": lambda: exports(GREET),
    "relocations": lambda: relocations(HELLO),
    "relocations of one section": lambda: relocations(HELLO, section=".init.text"),
    "modinfo": lambda: modinfo(HELLO),
    "explorer": lambda: explore(DATA / "hello_signed.ko"),
    "explorer of a library": lambda: explore(DATA / "libgreet.so"),
    "explorer of what is built in": lambda: explore(DATA / "hello.builtin.o"),
    "built in beside module": lambda: builtin_beside_module(DATA / "hello.builtin.o", HELLO),
    "library beside module": lambda: so_beside_ko(DATA / "libgreet.so", USER),
    "list of databases": lambda: database_views.database_list(DATABASES),
    "find a name": lambda: database_views.find(DATABASES, "greet-user"),
    "find an alias": lambda: database_views.find(DATABASES, "greetings-<b>"),
    "find a device": lambda: database_views.find(DATABASES, "pci:v00001234d000011E8"),
    "find what is built in": lambda: database_views.find(DATABASES, "zswap"),
    "walk": index_walk,
    "would load": lambda: database_views.would_load(DATABASES, "greet-user"),
    "would load nothing": lambda: database_views.would_load(DATABASES, "nonsense"),
    "would remove": lambda: database_views.would_remove(DATABASES, "greet-user", LOADED),
    "would refuse to remove": lambda: database_views.would_remove(DATABASES, "greet", LOADED),
}
PICTURES: dict[str, Callable[[], Picture]] = {
    "sizes": lambda: size_picture(HELLO, name="hello.ko"),
    "the largest sizes": lambda: size_picture(HELLO, most=4),
    "dependencies": lambda: dependency_picture(DATABASES, "greet-user"),
    "no dependencies": lambda: dependency_picture(DATABASES, "hello"),
    "dependencies of nothing": lambda: dependency_picture(DATABASES, "<nonsense>"),
    "tree": lambda: tree_picture(DATABASES),
}


class Page(HTMLParser):
    """What a page shows, and what it consists of."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not any(name.startswith("on") or name in ("src", "href") for name, _ in attrs)
        self.tags.add(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words += re.findall(r"\w+", data)


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_says_the_same_as_text_and_as_html(name: str) -> None:
    view = VIEWS[name]()
    page = Page(view.html)
    assert not page.open
    assert set(re.findall(r"\w+", view.text)) <= set(page.words) | {"more"}


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_needs_nothing_from_outside_and_no_scripts(name: str) -> None:
    view = VIEWS[name]()
    assert not Page(view.html).tags & {"script", "link", "iframe", "object", "img"}
    assert "http" not in view.html
    assert "@import" not in view.html


@pytest.mark.parametrize("name", [*VIEWS, *PICTURES])
def test_the_same_input_gives_the_same_output(name: str) -> None:
    make = (VIEWS | PICTURES)[name]
    first, second = make()._repr_mimebundle_(), make()._repr_mimebundle_()
    live = "application/vnd.jupyter.widget-view+json"
    assert {key: value for key, value in first.items() if key != live} == {
        key: value for key, value in second.items() if key != live
    }
    assert "\x1b" not in first["text/plain"]


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_a_whole_svg_file_with_words_for_those_who_cannot_see_it(name: str) -> None:
    picture = PICTURES[name]()
    root = ElementTree.fromstring(picture.svg)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "style", "rect", "text", "path"}
    assert root.get("role") == "img"
    assert root.get("aria-label")
    assert "prefers-color-scheme: dark" in picture.svg
    assert "http" not in picture.svg.replace("http://www.w3.org/2000/svg", "")
    assert picture.text


@pytest.mark.parametrize("name", PICTURES)
def test_nothing_is_drawn_outside_of_the_paper(name: str) -> None:
    root = ElementTree.fromstring(PICTURES[name]().svg)
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    for element in root.iter():
        if element.tag.endswith("rect"):
            left, top, wide, high = (float(element.get(key, 0)) for key in ("x", "y", "width", "height"))
            assert 0 <= left <= left + wide <= width
            assert 0 <= top <= top + high <= height
        elif element.tag.endswith("text"):
            assert 0 <= float(element.get("x", 0)) <= width
            assert 0 <= float(element.get("y", 0)) <= height


def test_boxes_of_a_layer_do_not_touch_each_other() -> None:
    names = [f"a_rather_long_name_{number}" for number in range(9)]
    lines = [f"top.ko: {' '.join(f'{name}.ko' for name in names)} low.ko"]
    lines += [f"{name}.ko: low.ko" for name in names] + ["low.ko:"]
    wide = type(DATABASES)({"modules.dep": "\n".join(lines).encode()})
    root = ElementTree.fromstring(dependency_picture(wide, "top").svg)
    boxes = [found for found in root.iter() if found.get("class") in ("box", "chosen")]
    assert len(boxes) == 11
    by_row: dict[str, list[tuple[float, float]]] = {}
    for box in boxes:
        left = float(box.get("x", 0))
        by_row.setdefault(box.get("y", ""), []).append((left, left + float(box.get("width", 0))))
    for row in by_row.values():
        row.sort()
        assert all(one[1] < other[0] for one, other in pairwise(row))


def test_names_from_files_are_escaped() -> None:
    table = Table("<i>", (Column("<b>", ColumnKind.CODE),), [("<script>alert(1)</script>\x1b[31m",)])
    assert "<script>" not in table.html
    assert "<b>" not in table.html
    assert "\x1b" not in table.text
    assert "<script>" in table.text


def test_long_tables_say_how_much_they_leave_out() -> None:
    table = Table("numbers", (Column("n", ColumnKind.NUMBER),), [(str(number),) for number in range(1000)], most=3)
    assert table.text.split("\n")[-1] == "  … 997 more"
    assert "997 more, of which the first 300" in table.html
    assert table.html.count("<tr") == 2 + 303


def test_numbers_have_thin_spaces() -> None:
    assert sized(1234567) == "1\u202f234\u202f567"


def test_the_explorer_tells_a_module_from_what_is_none() -> None:
    assert "hello_init" in explore(HELLO).text
    assert "by A key for tests, sha256" in explore(DATA / "hello_signed.ko").text
    assert "not finished" in explore(DATA / "hello.builtin.o").text
    assert "module" not in explore(DATA / "libgreet.so").text.partition("→")[0]


def test_what_only_one_side_has_is_set_off() -> None:
    html = builtin_beside_module(DATA / "hello.builtin.o", HELLO).html
    rows = re.findall(r"<tr( class=km-only)?><th[^>]*><code>([^<]*)</code>", html)
    alone = {name for marked, name in rows if marked}
    assert {".initcall6.init", ".gnu.linkonce.this_module", "init_module"} <= alone
    assert ".init.text" not in alone
