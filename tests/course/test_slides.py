"""Decks: one file each with everything in it, and one sentence for what cannot be one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner, Result
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from kmodlab.cli.slides import slides
from kmodlab.course.slides import export
from kmodlab.course.slides.export import export_notebook, shown_lines
from kmodlab.errors import SetupError, UsageError

SLIDE = {"slideshow": {"slide_type": "slide"}}


def notebook(*cells: NotebookNode, title: str = "A title") -> NotebookNode:
    made: NotebookNode = new_notebook(cells=[new_markdown_cell(f"# {title}", metadata=SLIDE), *cells])
    return made


def card(html: str, text: str = "text") -> NotebookNode:
    made: NotebookNode = new_output("display_data", {"text/html": html, "text/plain": text})
    return made


def write(path: Path, content: NotebookNode) -> Path:
    nbformat.write(content, path)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(slides, [str(argument) for argument in arguments])


def test_a_deck_names_nothing_that_is_to_be_fetched() -> None:
    page = export_notebook(notebook(new_code_cell("1", outputs=[card("<p>one</p>")])), "deck").page
    outside = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.findall(r'(?:src|href)="(?!#|data:)', outside)
    assert not re.findall(r"@import|url\((?!data:)", outside)
    assert page.count("</script>") == 3


def test_the_browser_is_told_to_fetch_nothing() -> None:
    page = export_notebook(notebook(), "deck").page
    assert "default-src 'none'" in page.split("</head>")[0]


def test_the_speakers_notes_are_in_the_deck_and_what_is_skipped_is_not() -> None:
    notes = new_markdown_cell("Two minutes.", metadata={"slideshow": {"slide_type": "notes"}})
    skipped = new_markdown_cell("Not for the room.", metadata={"slideshow": {"slide_type": "skip"}})
    page = export_notebook(notebook(notes, skipped), "deck").page
    assert re.search(r'<aside class="notes">.*Two minutes\..*</aside>', page, re.DOTALL)
    assert "Not for the room." not in page


def test_a_question_is_shown_without_the_code_that_has_its_answer() -> None:
    asked = new_code_cell('predict("Which?", ["a", "b"], right=1, because="It is a.")', outputs=[card("<p>Which?</p>")])
    page = export_notebook(notebook(asked), "deck").page
    assert "<p>Which?</p>" in page
    assert "because" not in re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)


@pytest.mark.parametrize(
    ("spans", "shown"),
    [
        ("2-3", ["%%kmod a", "two", "three", "/* … */"]),
        ("3-3, 5-9", ["%%kmod a", "/* … */", "three", "/* … */", "five"]),
        ("nonsense", ["%%kmod a", "/* … */"]),
        ("1-5", ["%%kmod a", "two", "three", "four", "five"]),
    ],
)
def test_a_slide_may_leave_out_lines_of_a_long_cell(spans: str, shown: list[str]) -> None:
    assert shown_lines("%%kmod a\ntwo\nthree\nfour\nfive", spans).split("\n") == shown
    cell = new_code_cell("%%bash\nleft_out\nshown", metadata={"slideshow": {"slide_type": "-", "lines": "3-3"}})
    page = export_notebook(notebook(cell), "deck").page
    assert "left_out" not in page and "shown" in page


def test_slides_of_the_course_show_whole_functions_and_its_headers_have_none() -> None:
    spans = 0
    for path in sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if re.match(r"%%(?:kfile|intree) \S+\.h\n", cell.source):
                assert not re.search(r"\)\s*\n\{", cell.source), f"{path.name}: {cell.id}"
            lines = cell.source.split("\n")
            for first, last in re.findall(r"(\d+)-(\d+)", cell.metadata.get("slideshow", {}).get("lines", "")):
                spans += 1
                assert lines[int(first) - 2] == "" and ([*lines, ""][int(last)] == ""), f"{path.name}: {cell.id}"
    assert spans


def test_a_live_output_is_shown_in_the_form_that_lives_without_a_kernel() -> None:
    output = card("<p>as HTML</p>", "as text")
    output.data["application/vnd.jupyter.widget-view+json"] = {"model_id": "1"}
    page = export_notebook(notebook(new_code_cell("1", outputs=[output])), "deck").page
    assert "<p>as HTML</p>" in page
    assert "model_id" not in page


def test_sections_of_an_output_are_no_slides() -> None:
    output = card('<section class="Sh"><h1>NAME</h1></section>')
    page = export_notebook(notebook(new_code_cell("%man lsmod", outputs=[output])), "deck").page
    assert '<div class="Sh"><h1>NAME</h1></div>' in page


def test_c_in_a_cell_is_coloured_as_c() -> None:
    plain = notebook(new_code_cell("%%kmod hello\nreturn 0; /* done */"))
    plain.metadata.language_info = {"name": "python"}
    page = export_notebook(plain, "deck").page
    assert '<span class="cm">/* done */</span>' in page


def test_links_between_notebooks_that_are_exported_together_lead_to_decks(tmp_path: Path) -> None:
    links = "[two](two.ipynb) [a cell](two.ipynb#cell-id=x) [three](three.ipynb)"
    one = write(tmp_path / "one.ipynb", notebook(new_markdown_cell(links)))
    two = write(tmp_path / "two.ipynb", notebook())
    assert run(tmp_path / "out", one, two).exit_code == 0
    page = (tmp_path / "out" / "one.html").read_text()
    assert 'href="two.html"' in page and 'href="two.html#cell-id=x"' in page and 'href="three.ipynb"' in page


def test_a_picture_beside_the_notebook_is_put_into_the_deck(tmp_path: Path) -> None:
    (tmp_path / "dot.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    one = write(tmp_path / "one.ipynb", notebook(new_markdown_cell("![a dot](dot.png)")))
    assert run(tmp_path / "out", one).exit_code == 0
    assert 'src="data:image/png;base64,' in (tmp_path / "out" / "one.html").read_text()


def test_the_list_has_titles_as_they_are(tmp_path: Path) -> None:
    one = write(tmp_path / "one.ipynb", notebook(title="`insmod` & <its> kin"))
    assert run(tmp_path / "out", one, "--theme", "dark").exit_code == 0
    page = (tmp_path / "out" / "index.html").read_text()
    assert '<a href="one.html">insmod &amp; &lt;its&gt; kin</a>' in page
    assert 'data-theme="dark"' in page


def test_the_whole_course_is_exported_where_no_notebook_is_named(tmp_path: Path) -> None:
    assert run(tmp_path).exit_code == 0
    course = Path(__file__).parents[2] / "notebooks"
    assert {path.stem for path in tmp_path.glob("*.html")} == {path.stem for path in course.glob("*.ipynb")} | {"index"}


@pytest.mark.parametrize("content", [b"", b"no JSON", b"[]", b'{"cells": 1}', b"\xff\xfe", json.dumps({}).encode()])
def test_a_file_that_is_no_notebook_is_named_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.ipynb"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"x\.ipynb is not a Jupyter notebook\.$"):
        raise run(tmp_path / "out", path).exception or AssertionError


def test_what_else_cannot_be_done_is_said_in_one_sentence(tmp_path: Path) -> None:
    good = write(tmp_path / "good.ipynb", notebook())
    plain = write(tmp_path / "plain.ipynb", new_notebook(cells=[new_markdown_cell("no slides")]))
    namesake = write(tmp_path / "index.ipynb", notebook())
    cases = {
        "No such file": (tmp_path / "out", tmp_path / "missing.ipynb"),
        "has no slides": (tmp_path / "out", plain),
        "would be written twice": (tmp_path / "out", good, good),
        "would be written twice ": (tmp_path / "out", namesake),
        "cannot be made": (good, good),
    }
    for words, arguments in cases.items():
        with pytest.raises(UsageError, match=words.strip()):
            raise run(*arguments).exception or AssertionError


def test_a_deck_has_the_licence_of_what_is_in_it() -> None:
    page = export_notebook(notebook(), "deck").page
    comment = re.search(r"<!-- The scripts and styles of reveal\.js(.*?)-->", page, re.DOTALL)
    assert comment and "Permission is hereby granted, free of charge" in comment[1]
    assert "Hakim El Hattab" in comment[1]


def test_without_reveal_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "_REVEAL", ("no_such_package", "anywhere"))
    export._parts.cache_clear()
    with pytest.raises(SetupError, match=r"reveal\.js is not installed"):
        export_notebook(notebook(), "deck")
