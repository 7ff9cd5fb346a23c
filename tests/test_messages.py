"""What users read goes through the catalogue: the sources mark it, the template holds it, a translation shows."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages import Catalog, extract, mofile, pofile
from click.testing import CliRunner

import kmodlab
from kmodlab import errors, i18n
from kmodlab.cli.main import VERBS, cli
from kmodlab.kbuild.build import build
from kmodlab.kbuild.sources import Sources
from kmodlab.kernel.tree import KernelTree
from kmodlab.settings import read_settings

ROOT = Path(kmodlab.__file__).parent
MARKS = {"_", "N_", "ngettext"}
PROSE = re.compile(r"[A-Za-z]{2,}[,:;]? [a-z'{]+")
COMMAND = re.compile(r"(  -> cd|pip install|sudo apt-get) ")
ERRORS = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
READ = {"hint", "help", "sentence", "title", "reason", "problem", "remark", "label", "caption"}


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(ROOT.rglob("*.py")):
        yield path.relative_to(ROOT), ast.parse(path.read_text())


def text_of(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def messages_in(call: ast.Call) -> Iterator[ast.expr]:
    """Arguments that somebody reads, wherever they stand."""
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    if name in ERRORS or name in ("say", "print"):
        yield from call.args[:1]
    yield from (keyword.value for keyword in call.keywords if keyword.arg in READ)


def test_every_sentence_goes_through_the_catalogue() -> None:
    bare = [
        f"{path}:{text.lineno}: {text_of(text)[:60]}"
        for path, tree in trees()
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        for text in messages_in(call)
        if PROSE.search(text_of(text)) and not COMMAND.match(text_of(text))
    ]
    assert not bare


def test_a_file_that_marks_messages_uses_the_mark_for_nothing_else() -> None:
    wrong = [
        f"{path}:{node.lineno}"
        for path, tree in trees()
        if any(isinstance(node, ast.ImportFrom) and node.module == "kmodlab.i18n" for node in ast.walk(tree))
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id in MARKS and isinstance(node.ctx, ast.Store)
    ]
    assert not wrong


def test_a_marked_message_is_a_literal() -> None:
    """A text that holds values is in no catalogue; values are put in by `format` afterwards."""
    wrong = [
        f"{path}:{call.lineno}"
        for path, tree in trees()
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in MARKS
        for text in call.args[: 2 if call.func.id == "ngettext" else 1]
        if isinstance(text, ast.JoinedStr | ast.BinOp)
    ]
    assert not wrong


def extracted() -> set[str]:
    keywords: dict[str, tuple[int, ...] | None] = {"_": None, "N_": None, "ngettext": (1, 2)}
    with (ROOT.parent / "pyproject.toml").open("rb") as file:
        mappings = [(where["pattern"], where["method"]) for where in tomllib.load(file)["tool"]["babel"]["mappings"]]
    messages = extract.extract_from_dir(str(ROOT), mappings, keywords=keywords)
    return {message if isinstance(message, str) else message[0] for _file, _line, message, _notes, _context in messages}


def test_the_template_holds_all_messages() -> None:
    with (i18n.LOCALE_DIR / "kmodlab.pot").open("rb") as file:
        stored = {message.id if isinstance(message.id, str) else message.id[0] for message in pofile.read_po(file)}
    assert stored - {""} == extracted(), "`make messages` collects them anew"


def test_placeholders_have_names() -> None:
    assert not [message for message in extracted() if re.search(r"(?<!\{)\{\}(?!\})", message)]


@pytest.fixture
def translated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A translation that puts every message in brackets."""
    catalogue = Catalog(locale="de", domain=i18n.DOMAIN)
    with (i18n.LOCALE_DIR / "kmodlab.pot").open("rb") as file:
        for message in pofile.read_po(file):
            if isinstance(message.id, str):
                catalogue.add(message.id, f"«{message.id}»")
            else:
                catalogue.add(message.id, [f"«{form}»" for form in message.id])
    target = tmp_path / "de" / "LC_MESSAGES"
    target.mkdir(parents=True)
    with (target / f"{i18n.DOMAIN}.mo").open("wb") as file:
        mofile.write_mo(file, catalogue)
    monkeypatch.setattr(i18n, "LOCALE_DIR", tmp_path)
    monkeypatch.setenv("LANGUAGE", "de")
    i18n.load_catalogue.cache_clear()
    yield
    i18n.load_catalogue.cache_clear()


def untranslated(text: str) -> str:
    """What stands outside of the brackets."""
    depth, outside = 0, []
    for letter in text:
        depth += (letter == "«") - (letter == "»")
        outside.append(letter if depth == 0 and letter != "»" else "")
    return "".join(outside)


@pytest.mark.usefixtures("translated")
def test_the_list_of_verbs_is_translated() -> None:
    words = " ".join(CliRunner().invoke(cli, ["--help"]).output.split())
    assert all(f"«{text}»" in words for text in VERBS.values())


@pytest.mark.usefixtures("translated")
def test_what_is_said_of_a_module_is_translated(tree: KernelTree) -> None:
    text = '#include <linux/module.h>\nMODULE_LICENSE("GPL");\nstatic int f(void)\n{\n\tprintf("a");\n\treturn 0\n}\n'
    result = build(tree, Sources.of("hello", {"hello.c": text}))
    assert not result.passed
    assert result.sentence.startswith("«")
    assert all(note.hint is None or not untranslated(note.hint) for note in result.diagnostics)


@pytest.mark.usefixtures("translated")
def test_an_error_is_translated() -> None:
    with pytest.raises(errors.UsageError) as error:
        read_settings({"KMODLAB_ACCEL": "warp"})
    assert not untranslated(str(error.value))
