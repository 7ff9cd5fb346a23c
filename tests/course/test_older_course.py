"""A half-solved notebook of an older release, whose checks stand in it as a whole, survives a newer course."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cells import Run
from IPython.core.shellapp import InteractiveShellApp
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from kmodlab.course.autoload_config import CONFIG, configure_autoload
from kmodlab.course.course_files import read_checkout
from kmodlab.course.exercise import read_master
from kmodlab.course.learner_folder import FileFate, LearnerFolder
from kmodlab.grading.answers import match
from kmodlab.grading.models import HandedIn
from kmodlab.grading.notebooks import read_notebook

ROOT = Path(__file__).parents[2]
OLDER = (ROOT / "tests/data/older_course/hello.ipynb").read_bytes()
HELLO = "exercises/01-hello/hello.ipynb"


def texts(content: bytes) -> dict[str, str]:
    return {cell["id"]: "".join(cell["source"]) for cell in json.loads(content)["cells"]}


def taken(content: bytes) -> HandedIn:
    return match(HandedIn(("hello.ipynb",), notebook=read_notebook(content)), read_master(ROOT / MASTER))


MASTER = "exercises/01-hello/master.ipynb"


@pytest.fixture(params=["with a record", "without a record"])
def merged(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The learner's folder after the newer course was laid out into it."""
    course = read_checkout(ROOT)
    if request.param == "with a record":
        starter = json.loads(OLDER)
        for cell in starter["cells"]:
            cell["source"] = texts(course[HELLO])["hello"] if cell["id"] == "hello" else cell["source"]
        LearnerFolder.at(tmp_path).lay_out({HELLO: json.dumps(starter).encode()})
    (tmp_path / HELLO).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / HELLO).write_bytes(OLDER)
    (report,) = (report for report in LearnerFolder.at(tmp_path).lay_out(course) if report.path == HELLO)
    assert report.fate is FileFate.MERGED
    return tmp_path / HELLO


def test_the_work_survives_and_a_grader_takes_the_same(merged: Path) -> None:
    before, after = taken(OLDER), taken(merged.read_bytes())
    assert "hello init" in after.answers["hello"] and "YOUR CODE HERE" in after.answers["hello"]
    assert (after.answers, after.remarks, after.problem) == (before.answers, before.remarks, before.problem)
    assert before.remarks == ()


def test_its_checks_say_what_the_newer_ones_say(run: Run, merged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(merged.parent / "data"))
    monkeypatch.chdir(merged.parent)
    older, newer = texts(OLDER), texts((ROOT / HELLO).read_bytes())
    run(older["begin"])
    run(older["hello"])
    for name, passes in (("greets", True), ("parts", False)):
        cards = [run(text[name]).cards[0] for text in (older, newer, texts(merged.read_bytes()))]
        assert older[name] != newer[name] and len(set(cards)) == 1
        assert cards[0].startswith("✓") is passes


# ---- loading by itself -----------------------------------------------------------------------------------------------


def test_only_an_environment_of_its_own_gets_a_configuration_and_none_is_overwritten(tmp_path: Path) -> None:
    config = tmp_path / "etc" / "ipython" / CONFIG
    assert not configure_autoload(tmp_path, is_own=False)
    assert not config.exists()
    assert configure_autoload(tmp_path, is_own=True)
    assert "kmodlab.notebook.autoload" in config.read_text()
    config.write_text("c = get_config()  # somebody's own\n")
    assert not configure_autoload(tmp_path, is_own=True)
    assert config.read_text() == "c = get_config()  # somebody's own\n"


def test_a_users_own_list_of_extensions_stays_and_kmodlab_is_loaded_as_well() -> None:
    folder = ROOT / "kmodlab/notebook/ipython"
    config = PyFileConfigLoader(CONFIG, path=str(folder)).load_config()
    config.merge(Config({"InteractiveShellApp": {"extensions": ["storemagic"]}}))
    app = InteractiveShellApp(config=config)
    assert (app.extensions, app.extra_extensions) == (["storemagic"], ["kmodlab.notebook.autoload"])
