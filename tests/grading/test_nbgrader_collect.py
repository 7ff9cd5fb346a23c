"""What nbgrader collects from an exchange in which every learner can write what he likes."""

from __future__ import annotations

import os
import pwd
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from nbgrader.apps import CollectApp

from kmodlab.grading.integrations.nbgrader.course import CONFIG, write_course
from kmodlab.settings import find_own_programs

NAME = "01-hello"
ME = pwd.getpwuid(os.getuid()).pw_name
EARLY, LATE = "2024-11-04 10:00:00.000000 UTC", "2024-11-05 10:00:00.000000 UTC"


@pytest.fixture(scope="module")
def gradebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty gradebook, which nbgrader takes seconds to make."""
    find_own_programs()  # nbgrader calls alembic by its name
    path = tmp_path_factory.mktemp("empty") / "gradebook.db"
    Gradebook(f"sqlite:///{path}", "kmodlab").close()
    return path


@pytest.fixture
def course(gradebook: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "course"
    write_course([], folder)
    shutil.copy(gradebook, folder)
    with (folder / CONFIG).open("a") as config:
        config.write(f"c.Exchange.root = {str(tmp_path / 'exchange')!r}\n")
    inbound(folder).mkdir(parents=True)
    inbound(folder).chmod(0o733)
    hand_in(folder, ME, EARLY, "mine")
    return folder


def inbound(course: Path) -> Path:
    return course.parent / "exchange" / "kmodlab" / "inbound"


def hand_in(course: Path, learner: str, time: str, text: str) -> Path:
    folder = inbound(course) / f"{learner}+{NAME}+{time}+x"
    folder.mkdir()
    (folder / "hello.ipynb").write_text(text)
    (folder / "timestamp.txt").write_text(time)
    return folder


def collect(course: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> dict[str, str]:
    """Collect; returns what is in each learner's notebook."""
    monkeypatch.chdir(course)
    try:
        command = CollectApp.instance()
        command.initialize([NAME, *options])
        command.start()
    finally:
        CollectApp.clear_instance()
    return {path.parts[-3]: path.read_text() for path in course.glob("submitted/*/*/hello.ipynb")}


def test_what_learners_handed_in_is_collected_and_later_work_replaces_it(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert collect(course, monkeypatch) == {ME: "mine"}
    hand_in(course, ME, LATE, "mine, later")
    assert collect(course, monkeypatch, "--update") == {ME: "mine, later"}


def in_the_name_of_another(course: Path) -> None:
    hand_in(course, "ada", LATE, "forged")


def with_a_link(course: Path) -> None:
    folder = hand_in(course, ME, LATE, "")
    (course / "source.ipynb").write_text("solution")
    (folder / "hello.ipynb").unlink()
    (folder / "hello.ipynb").symlink_to(course / "source.ipynb")


def with_a_pipe(course: Path) -> None:
    folder = hand_in(course, ME, LATE, "")
    (folder / "hello.ipynb").unlink()
    os.mkfifo(folder / "hello.ipynb")


def as_a_link_to_a_folder(course: Path) -> None:
    (course / "elsewhere").mkdir()
    (course / "elsewhere" / "hello.ipynb").write_text("solution")
    (inbound(course) / f"{ME}+{NAME}+{LATE}+x").symlink_to(course / "elsewhere")


def by_a_strange_name(course: Path) -> None:
    for name in (f"..+{NAME}+{LATE}+x", f"+{NAME}+{LATE}+x", f"{ME}+{NAME}+never+x", f"a+{NAME}+"):
        (inbound(course) / name).mkdir()
        (inbound(course) / name / "hello.ipynb").write_text("forged")


@pytest.mark.parametrize(
    ("attack", "expected"),
    [
        (in_the_name_of_another, {ME: "mine"}),
        (with_a_link, {}),
        (with_a_pipe, {}),
        (as_a_link_to_a_folder, {ME: "mine"}),
        (by_a_strange_name, {ME: "mine"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_nobody_is_collected_for_another_and_no_link_is_followed(
    course: Path, monkeypatch: pytest.MonkeyPatch, attack: Callable[[Path], None], expected: dict[str, str]
) -> None:
    attack(course)
    assert collect(course, monkeypatch) == expected


def test_where_all_learners_are_one_user_the_owner_can_be_left_unchecked(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in(course, "ada", LATE, "hers")
    assert collect(course, monkeypatch, "--CollectApp.check_owner=False", "--ExchangeCollect.check_owner=False") == {
        ME: "mine",
        "ada": "hers",
    }
    by_a_strange_name(course)
    assert collect(course, monkeypatch, "--ExchangeCollect.check_owner=False") == {ME: "mine", "ada": "hers"}


def test_who_says_to_have_been_in_time_is_named(
    course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f UTC")
    hand_in(course, ME, now, "now")
    collect(course, monkeypatch)
    told = [line for line in capsys.readouterr().err.splitlines() if "but was written at" in line]
    (line,) = told
    assert EARLY[:19] in line


@pytest.mark.parametrize("secret", [None, b"", b"\xff", b"x" * 5000])
def test_what_nbgrader_needs_to_release_feedback_is_there(
    course: Path, monkeypatch: pytest.MonkeyPatch, secret: bytes | None
) -> None:
    (folder,) = inbound(course).iterdir()
    (folder / "timestamp.txt").unlink()
    if secret is not None:
        (folder / "submission_secret.txt").write_bytes(secret)
    collect(course, monkeypatch)
    collected = course / "submitted" / ME / NAME
    assert (collected / "timestamp.txt").read_text() == "2024-11-04 10:00:00 UTC"
    assert re.fullmatch(r"[0-9a-f]{64}", (collected / "submission_secret.txt").read_text())


def test_one_that_cannot_be_copied_does_not_keep_the_others_from_being_collected(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    big = hand_in(course, "aaron", LATE, "")
    os.truncate(big / "hello.ipynb", 1 << 40)
    assert collect(course, monkeypatch, "--ExchangeCollect.check_owner=False") == {ME: "mine"}
    assert not (course / "submitted" / "aaron" / NAME).exists()
