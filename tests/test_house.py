"""The rules of the house: who may import whom, who may print, who may start processes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import kmodlab

ROOT = Path(kmodlab.__file__).parent
TESTS = Path(__file__).parent
FOLDERS = (
    *("kernel", "sandbox", "elf", "kbuild", "guest", "crash", "tracer", "submission", "editor", "checks", "course"),
    *("grading", "notebook", "cli"),
)
FILES = [path for path in sorted(ROOT.rglob("*.py")) if path.parent != ROOT]


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def calls(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id


def folder_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


def test_a_folder_imports_only_from_those_above_it() -> None:
    wrong = []
    for path in FILES:
        for name in imports(path):
            parts = name.split(".")
            if parts[0] != "kmodlab" or len(parts) < 2 or parts[1] not in FOLDERS:
                continue
            allowed = FOLDERS[: FOLDERS.index(folder_of(path)) + 1] if folder_of(path) in FOLDERS else ()
            # The two faces are beside each other, not above each other.
            if parts[1] not in allowed or {parts[1], folder_of(path)} == {"notebook", "cli"}:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong


def test_submodules_do_not_import_the_root_of_their_package() -> None:
    # The version is the one thing that lives there.
    wrong = [path for path in FILES for name in imports(path) if name == "kmodlab" and path.name != "main.py"]
    wrong += [path for path in FILES for name in imports(path) if name == f"kmodlab.{folder_of(path)}"]
    assert not wrong


def test_only_notebook_knows_ipython() -> None:
    wrong = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in FILES
        for name in imports(path)
        if name.split(".")[0] in ("IPython", "ipywidgets", "ipykernel") and folder_of(path) != "notebook"
    }
    assert not wrong


def test_only_the_faces_print() -> None:
    assert not [path for path in FILES if "print" in calls(path) and folder_of(path) not in ("notebook", "cli")]


def test_only_process_uses_subprocess_and_only_settings_reads_the_environment() -> None:
    for path in sorted(ROOT.rglob("*.py")):
        text = path.read_text()
        if path.name != "process.py":
            assert "import subprocess" not in text, path
            assert "create_subprocess" not in text, path
        if path.name != "settings.py":
            assert "os.environ" not in text and "getenv" not in text, path


def test_every_module_says_what_it_is_for() -> None:
    assert not [path for path in sorted(ROOT.rglob("*.py")) if not ast.get_docstring(ast.parse(path.read_text()))]


def test_no_class_has_two_meanings() -> None:
    """One name, one meaning: classes that others see have names of their own."""
    places: dict[str, list[str]] = {}
    for path in FILES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert not {name: found for name, found in places.items() if len(found) > 1}


def test_no_module_has_two_meanings() -> None:
    """Files of one name are about one thing: one does it, the others show it in a notebook, a shell or a check."""
    faces = {"cli", "notebook", "render", "views", "expectations"}
    names = [path.name for path in ROOT.rglob("*.py") if path.name != "__init__.py" and path.parent.name not in faces]
    assert {name for name in names if names.count(name) > 1} == set()


def test_the_tests_lie_in_folders_named_as_those_of_the_package() -> None:
    assert {path.parent.name for path in TESTS.glob("*/test_*.py")} <= set(FOLDERS)
    names = [path.name for path in TESTS.rglob("test_*.py")]
    assert len(names) == len(set(names))


def test_contributing_draws_every_file_and_none_that_is_gone() -> None:
    picture = (ROOT.parent / "CONTRIBUTING.md").read_text().split("```text\n")[1].split("```")[0]
    drawn = set(re.findall(r"(\w+)\.py\b", picture))
    files = {path.stem for path in ROOT.rglob("*.py")}
    rooms = {path.stem for path in FILES if path.parent.parent == ROOT and path.parent.name != "cli"}
    assert not drawn - files
    assert not rooms - drawn - {"__init__"}


def test_no_file_has_more_than_400_lines_and_no_function_more_than_50() -> None:
    sources = [path for ending in ("*.py", "*.c", "*.h") for path in ROOT.rglob(ending)]
    assert not [path for path in sources if len(path.read_text().splitlines()) > 400]
    long = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= 50
    ]
    assert not long
