"""`%source`: files of the kernel's source; and what needs a kernel of our own, where there is none."""

from __future__ import annotations

import re

import pytest
from cells import Run

from kmodlab.guest import own_lab
from kmodlab.guest.own_lab import OwnLab
from kmodlab.notebook.kernel_source import find_section

PAGE = """\
=====
Title
=====

Outer
=====
text

Inner
-----
more

Other
=====
end
""".splitlines()


def test_a_section_ends_where_one_of_its_own_level_begins() -> None:
    assert find_section(PAGE, "outer") == ["Outer", "=====", "text", "", "Inner", "-----", "more"]
    assert find_section(PAGE, "Inner") == ["Inner", "-----", "more"]
    assert find_section(PAGE, "Title") == PAGE
    assert find_section(PAGE, "nowhere") == []


def test_a_page_of_the_documentation_is_shown_or_a_section_of_it(small_lab: OwnLab, run: Run) -> None:
    text = run("%source Documentation/kbuild/modules.rst Command Syntax").text
    assert "$ make -C <path_to_kernel_src> M=$PWD" in text and "2.2" not in text
    assert "2.2 Options" in run("%source Documentation/kbuild/modules.rst").text
    text = run("%source -n 2 MAINTAINERS").text
    assert re.search(r"… \d+ more lines", text)


def test_a_file_or_heading_that_is_not_there_gets_a_sentence(small_lab: OwnLab, run: Run) -> None:
    for path in ("Documentation/no.rst", "../../../lab.json", "/etc/passwd", "Documentation"):
        assert "The kernel's source has no file" in str(run(f"%source {path}").error), path
    error = run("%source Documentation/kbuild/modules.rst Cooking").error
    assert "has no heading 'Cooking'" in str(error) and "2.1 Command Syntax" in getattr(error, "hint", "")


@pytest.mark.parametrize("magic", ["%boot", "%checkpatch", "%source MAINTAINERS", "%beside hello", "%use_kernel small"])
def test_without_the_kernel_a_cell_says_how_long_it_takes_to_build(
    magic: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_lab, "find_own_lab", lambda *_arguments: None)
    cell = run(magic)
    assert cell.error is None  # Run All goes on
    assert "✗ The small kernel is not built." in cell.text and "→ Build it once: `kmodlab kernel` (about" in cell.text
