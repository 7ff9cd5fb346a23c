"""Beginners' accidents in an exercise's notebook: each is answered in a sentence, with the way back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from cells import Run, run_cell
from IPython.core.interactiveshell import InteractiveShell

from kmodlab.checks.registry import read_check
from kmodlab.course.exercise import read_master
from kmodlab.course.exercise_data import FILE, call_by_title, read_data
from kmodlab.notebook import autoload
from kmodlab.notebook.accidents import Surroundings, look_at_cell
from kmodlab.notebook.checks import CheckState
from kmodlab.notebook.extension import is_loaded, load, unload
from kmodlab.notebook.state import NotebookState
from kmodlab.notebook.views.buttons import press
from kmodlab.notebook.way_back import DamagedCellError

ROOT = Path(__file__).parents[2]
HELLO = ROOT / "exercises" / "01-hello"
LOADED = "It says hello when it is loaded"
CHECK = f'check("{LOADED}")'
GIVEN = read_data(HELLO / FILE).cells["hello"]
CODE = GIVEN.partition("\n")[2]


class Accident(NamedTuple):
    """What a beginner's cell looks like, what he is told, and the cells after the button is pressed."""

    cell: str
    sentence: str
    advice: str
    mended: tuple[str, ...]


MEND, BACK = "Mend this cell", "Put the given cell back"
BY_HAND = "`%given hello` puts the given cell back"
ACCIDENTS = {
    "the first line deleted": Accident(CODE, "its first line is missing", "Begin it with `%%kmod hello`.", (GIVEN,)),
    "the first line deleted, and the rest is Python by chance": Accident(
        '#include <linux/module.h>\nMODULE_LICENSE("GPL");',
        "its first line is missing",
        BY_HAND,
        ('%%kmod hello\n#include <linux/module.h>\nMODULE_LICENSE("GPL");',),
    ),
    "one percent sign": Accident(f"%kmod hello\n{CODE}", "first line is `%kmod hello`", "two percent signs", (GIVEN,)),
    "no percent sign": Accident(f"kmod hello\n{CODE}", "first line is `kmod hello`", BY_HAND, (GIVEN,)),
    "the first line a comment": Accident(f"#{GIVEN}", "first line is `#%%kmod hello`", BY_HAND, (GIVEN,)),
    "a comment above the first line": Accident(
        f"# mine\n{GIVEN}", "must be the first line", "Move what is above it", (f"%%kmod hello\n// mine\n{CODE}",)
    ),
    "the first line in the middle": Accident(
        f"{CODE}\n%%kmod hello\n", "must be the first line", BY_HAND, (f"%%kmod hello\n{CODE}\n",)
    ),
    "a misspelt magic": Accident(f"%%kmodd hello\n{CODE}", "no `%%kmodd`", "Did you mean `%%kmod`?", (GIVEN,)),
    "the first line twice": Accident(f"%%kmod hello\n{GIVEN}", "stands twice", "the first line only", (GIVEN,)),
    "two cells of C merged": Accident(
        f"{GIVEN}\n%%kmod other\nint x;", "two cells were merged", "a cell of its own", (GIVEN, "%%kmod other\nint x;")
    ),
    "a check merged into a cell of C": Accident(
        f"{GIVEN}\n{CHECK}", "two cells were merged", "a cell of its own", (GIVEN, CHECK)
    ),
    "the cell above merged into a cell of C": Accident(
        f'exercise("01-hello")\n{GIVEN}', "two cells were merged", "a cell of its own", ('exercise("01-hello")', GIVEN)
    ),
    "a check without its end": Accident(CHECK[:25], "not a complete call", "`%given greets` puts", (CHECK,)),
    "a check without parentheses": Accident(f'check "{LOADED}"', "not a complete call", f"mean `{CHECK}`?", (CHECK,)),
    "a check without quotes": Accident(f"check({LOADED})", "not a complete call", f"mean `{CHECK}`?", (CHECK,)),
    "a check of one name": Accident(
        "check(says_hello_when_loaded)", "not a complete call", f"mean `{CHECK}`?", (CHECK,)
    ),
    "a check of a title that there is not": Accident(
        'check("It says hello when it is")', "has no check 'It says hello when it is'", f"mean `{CHECK}`?", (CHECK,)
    ),
    "a check misspelt": Accident(f'chek("{LOADED}")', "no function `chek`", "`%given greets` puts", (CHECK,)),
    "a check misspelt among other lines": Accident(
        f'x = 1\nCheck("{LOADED}")', "no function `Check`", f"mean `{CHECK}`?", (f"x = 1\n{CHECK}",)
    ),
    "a hint without parentheses": Accident("hint", "not a complete call", "Did you mean `hint()`?", ("hint()",)),
    "a hint without its end": Accident("hint(", "not a complete call", "Did you mean `hint()`?", ("hint()",)),
    "a hint misspelt": Accident("hnit()", "no function `hnit`", "Did you mean `hint()`?", ("hint()",)),
}
RIGHT = {
    "a name of the learner's own": "hints = 3\nhints",
    "a function of the learner's own": "def chek(x): return x\nchek(3)",
    "a magic of IPython above ours": "%%capture out\n%%answer q\nForty-two",
    "a comment that includes": "#include <linux/module.h>\nx = 1",
    "an answer with our words in it": "%%answer q\ncheck(it)\n",
    "an empty line above a magic": "\n\n%%answer q\nForty-two",
}


@pytest.fixture
def exercise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a learner's exercise, in which a notebook runs; nothing is kept of its results."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = tmp_path / "01-hello"
    folder.mkdir()
    shutil.copy(HELLO / FILE, folder)
    monkeypatch.chdir(folder)
    return folder


def test_the_data_say_of_each_visible_check_what_its_master_says() -> None:
    for master in sorted((ROOT / "exercises").glob("*/master.ipynb")):
        data = read_data(master.with_name(FILE))
        cells = [cell for cell in read_master(master).cells if cell.check]
        visible = {cell.check.title: read_check(cell.source) for cell in cells if cell.check and not cell.hidden}
        assert list(data.checks) == list(visible)
        for title, check in visible.items():
            other = data.checks[title]
            assert (other.points, other.hints, other.partial) == (check.points, check.hints, check.partial)
            assert len(other.expectations) == len(check.expectations)
        assert list(data.hidden) == [cell.check.title for cell in cells if cell.check and cell.hidden]


@pytest.mark.usefixtures("exercise")
def test_a_check_before_any_other_cell_says_what_to_run(run: Run) -> None:
    cell = run(f'check("{LOADED}")')
    assert "There is no module `hello` yet." in cell.cards[0]
    assert "No cell of yours was run since this notebook was started." in cell.cards[0]
    assert "Run the cell that begins with `%%kmod hello`." in run("hint()").text


@pytest.mark.usefixtures("exercise")
@pytest.mark.parametrize("name", ACCIDENTS)
def test_an_accident_is_answered_in_a_sentence_with_the_way_back(shell: InteractiveShell, name: str) -> None:
    accident = ACCIDENTS[name]
    cell = run_cell(shell, accident.cell)
    assert cell.error and "Traceback" not in cell.text and "SyntaxError" not in cell.text
    assert accident.sentence in cell.stdout
    assert accident.advice in cell.cards[0]
    (buttons,) = cell.buttons
    assert buttons["labels"][0] == MEND
    pressed = press({"key": buttons["key"], "number": 0})
    assert (pressed["here"], *pressed["below"]) == accident.mended
    if "%given" in cell.cards[0]:
        assert buttons["labels"][1] == BACK
        (given,) = press({"key": buttons["key"], "number": 1})["below"]
        assert given in read_data(HELLO / FILE).cells.values()


@pytest.mark.usefixtures("exercise")
@pytest.mark.parametrize("name", RIGHT)
def test_a_right_cell_is_left_alone(shell: InteractiveShell, name: str) -> None:
    assert run_cell(shell, RIGHT[name]).error is None


def damage(text: str) -> dict[str, str]:
    """A cell with a magic after each accident that can happen to its first line."""
    first, _newline, body = text.partition("\n")
    return {
        "lost": body,
        "one percent sign": f"{first[1:]}\n{body}",
        "no percent sign": f"{first[2:]}\n{body}",
        "a comment": f"#{text}",
        "twice": f"{first}\n{text}",
        "a letter twice": f"%%{first[2]}{first[2:]}\n{body}",
    }


@pytest.mark.parametrize("folder", sorted((ROOT / "exercises").glob("*-*/")), ids=lambda folder: folder.name)
def test_no_cell_of_an_exercise_loses_its_first_line_unnoticed(folder: Path) -> None:
    data = read_data(folder / FILE)
    for text in data.cells.values():
        look_at_cell(text, Surroundings(lambda: data, names=dict.fromkeys(["check", "exercise"])))
        for name, damaged in damage(text).items() if text.startswith("%%") else ():
            with pytest.raises(DamagedCellError) as caught:
                look_at_cell(damaged, Surroundings(lambda: data))
            # Answers that are as they were given look alike.
            assert text in (*caught.value.texts[:1], *caught.value.choices.values()), name


def test_no_cell_of_the_course_is_taken_for_a_damaged_one() -> None:
    for path in (*(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / "exercises").glob("*/master.ipynb")):
        for cell in json.loads(path.read_text())["cells"]:
            if cell["cell_type"] == "code":
                names = dict.fromkeys(["check", "exercise", "predict", "guess"])
                look_at_cell("".join(cell["source"]), Surroundings(names=names, is_magic=lambda _name: True))


def test_functions_of_c_with_our_names_are_no_merged_cells() -> None:
    for code in ("static int\ncheck(struct device *dev)\n{\n}", "static void\nhint()\n{\n}\n"):
        look_at_cell(f"%%kmod hello\n{code}", Surroundings())
    with pytest.raises(DamagedCellError, match="two cells were merged"):
        look_at_cell("%%kmod hello\nint x;\nhint()\n", Surroundings())


@pytest.mark.usefixtures("exercise")
def test_python_mistakes_stay_pythons(shell: InteractiveShell) -> None:
    for source in ("checker = foo(", "def f(:\n    return 1;", "chart(3)"):
        assert isinstance(run_cell(shell, source).error, SyntaxError | NameError)


@pytest.mark.usefixtures("exercise")
def test_a_check_without_a_title_offers_all_checks(shell: InteractiveShell) -> None:
    cell = run_cell(shell, "check()")
    assert "A check needs its title." in cell.stdout and "`%given` lists the cells" in cell.cards[0]
    assert cell.buttons[0]["labels"] == [call_by_title(title) for title in read_data(HELLO / FILE).checks]
    assert press({"key": cell.buttons[0]["key"], "number": 1})["here"] == CHECK
    assert 'Write `exercise("01-hello")`.' in run_cell(shell, "exercise()").stdout


@pytest.mark.usefixtures("exercise")
def test_a_misspelt_module_is_not_checked_as_it_was_and_is_said_to_be_loaded(run: Run) -> None:
    code = f'{GIVEN}\nMODULE_LICENSE("GPL");'
    run(code)
    run(code.replace("hello", "helo", 1))
    card = run(CHECK).cards[0]
    assert "There is no module `hello` yet." in card
    assert "The cell that began with `%%kmod hello` begins with `%%kmod helo` now." in card
    assert "`%given hello` puts the given cell back" in card
    assert "The `hello` of before is still loaded in your guest: `%rmmod hello` removes it." in card


@pytest.mark.usefixtures("exercise")
def test_a_check_that_was_merged_into_a_cell_is_no_accident_afterwards(run: Run) -> None:
    assert "two cells were merged" in run(f"{GIVEN}\n{CHECK}").stdout
    assert not run(CHECK).error


@pytest.mark.usefixtures("exercise")
def test_the_button_and_hint_show_one_order(run: Run) -> None:
    (buttons,) = run(CHECK).buttons
    assert "Hint 1" in press({"key": buttons["key"], "number": 0})["html"]
    assert "Hint 2" in run("hint()").text


@pytest.mark.usefixtures("exercise")
def test_a_hidden_check_is_made_later(run: Run) -> None:
    assert "is made when this is graded" in run('check("It says each thing once, and in time")').text


@pytest.mark.parametrize("text", ["", "{}", '{"exercise": "01-hello", "checks": [{}]}', "no JSON"])
def test_damaged_data_are_put_back(run: Run, exercise: Path, text: str) -> None:
    (exercise / FILE).write_text(text)
    said = run(f'check("{LOADED}")').text
    assert "Traceback" not in said
    assert "kmodlab course" in said


def test_without_data_it_is_not_known_which_exercise_it_is(run: Run, exercise: Path, shell: InteractiveShell) -> None:
    unload(shell)  # an earlier cell may have said it
    load(shell)
    (exercise / FILE).unlink()
    said = run(f'check("{LOADED}")').text
    assert "Traceback" not in said
    assert "The exercise of this check is unknown" in said


@pytest.mark.usefixtures("exercise")
def test_a_check_says_which_exercise_it_is(run: Run, shell: InteractiveShell) -> None:
    unload(shell)
    load(shell)
    run(f'check("{LOADED}")')
    row = next(line for line in run("progress()").text.splitlines() if "01-hello" in line)
    assert "begun" in row


@pytest.mark.usefixtures("exercise")
def test_progress_counts_what_can_be_reached_here_and_hidden_checks_apart(run: Run) -> None:
    run('exercise("01-hello")')
    row = next(line for line in run("progress()").text.splitlines() if "01-hello" in line)
    assert "0 of 7" in row and row.split()[-1] == "1"


@pytest.mark.usefixtures("exercise")
def test_a_lost_cell_is_given_again(run: Run) -> None:
    assert "%given greets" in run("%given").text
    assert "as it was given" in run("%given greets").text
    assert "has no cell 'nosuch'" in run("%given nosuch").text


def test_hostile_data_are_read_and_never_run(run: Run, exercise: Path) -> None:
    data = json.loads((exercise / FILE).read_text())
    trap = exercise / "trap"
    data["checks"][1]["expects"] = [f"loads(open({str(trap)!r}, 'w').name)"]
    data["checks"][1]["hints"] = [f"{{open({str(trap)!r}, 'w')}}"]
    (exercise / FILE).write_text(json.dumps(data))
    said = run(CHECK).text
    assert "which says what the checks expect, cannot be read" in said and "Traceback" not in said
    assert not trap.exists()


def ran(checks: CheckState, cell_id: str, source: str) -> None:
    checks.note(SimpleNamespace(raw_cell=source, cell_id=cell_id))


@pytest.mark.parametrize("first_line", ["%%kmod helo", "#include <linux/module.h>"])
def test_a_cell_that_is_something_else_now_is_not_checked_as_it_was(first_line: str) -> None:
    checks = CheckState(NotebookState())
    ran(checks, "a", "%%kmod hello\nold text")
    ran(checks, "a", f"{first_line}\nnew text")
    assert [name for _kind, name in checks.cells] == (["helo"] if "helo" in first_line else [])
    assert checks.replaced == {"%%kmod hello": first_line}
    ran(checks, "b", "%%kmod hello\nanother cell")
    assert checks.replaced == {}


@pytest.mark.usefixtures("exercise")
def test_without_cell_ids_a_misspelt_name_replaces_what_it_was() -> None:
    checks = CheckState(NotebookState())
    for name in ("hello", "helo"):
        checks.note(SimpleNamespace(raw_cell=GIVEN.replace("hello", name, 1), cell_id=None))
    assert [name for _kind, name in checks.cells] == ["helo"]
    assert checks.replaced == {"%%kmod hello": "%%kmod helo"}
    checks.note(SimpleNamespace(raw_cell=GIVEN, cell_id=None))
    assert checks.replaced == {}


def test_an_accident_after_a_restart_loads_kmodlab_too() -> None:
    for source in (CODE, f"%kmod hello\n{CODE}", f"%%kmodd hello\n{CODE}", "chek()", "hnit()", "hint"):
        shell = InteractiveShell()
        autoload.load_ipython_extension(shell)
        assert isinstance(run_cell(shell, source).error, DamagedCellError)
        unload(shell)


def test_every_magic_loads_kmodlab_and_those_of_ipython_do_not(shell: InteractiveShell) -> None:
    magics = shell.magics_manager.magics
    ours = {name for kind in ("line", "cell") for name, made in magics[kind].items() if "kmodlab" in made.__module__}
    assert ours == set(autoload._MAGICS)
    fresh = InteractiveShell()
    autoload.load_ipython_extension(fresh)
    for source in ("%%script cat\nx", "%time 1 + 1", "%%capture\n1", "%pwd", "%man ls"):
        fresh.run_cell(source)
        assert is_loaded(fresh) == source.startswith("%man"), source
    unload(fresh)


def test_functions_of_the_learners_own_do_not_load_kmodlab() -> None:
    shell = InteractiveShell()
    autoload.load_ipython_extension(shell)
    shell.run_cell("def check(number): return number")
    shell.run_cell("check(3)")
    assert not is_loaded(shell) and shell.user_ns["check"](4) == 4


def test_after_a_restart_a_check_loads_kmodlab_by_itself() -> None:
    shell = InteractiveShell()
    autoload.load_ipython_extension(shell)
    shell.run_cell("1 + 1")
    assert not is_loaded(shell)
    assert shell.run_cell("hint()").success
    assert is_loaded(shell)
    unload(shell)


@pytest.mark.parametrize("before", ["1 + 1", "hint()"])
def test_the_first_cell_says_nothing_of_kmodlab_being_loaded_already(
    before: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = InteractiveShell()
    autoload.load_ipython_extension(shell)
    shell.run_cell(before)
    capsys.readouterr()
    assert shell.run_cell("%load_ext kmodlab\nhint()").success
    assert "already" not in capsys.readouterr().out
    shell.run_line_magic("unload_ext", "kmodlab")
    assert not is_loaded(shell)


def test_the_file_is_json_that_can_be_read() -> None:
    assert json.loads((HELLO / FILE).read_text())["checks"][1]["expects"] == ['loads("hello")', 'logs("hello init")']
