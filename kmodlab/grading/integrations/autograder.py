"""An autograder for Gradescope: the zip file that it wants, and what runs for each submission.

    setup.sh, run_autograder       the two scripts, at the root
    kmodlab/                       this checkout's package and its set-up
    exercises/NAME/master.ipynb    the masters, hidden checks and all: such a file is not for learners

Layout and results: https://gradescope-autograders.readthedocs.io/en/latest/specs/. Judging is `grading`'s business.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from kmodlab.checks.result import Status
from kmodlab.course.exercise import MASTER, Exercise, find_masters
from kmodlab.errors import UsageError
from kmodlab.files import replace_text, replaced
from kmodlab.grading.formats.files import as_json
from kmodlab.grading.formats.gradescope import NOT_GRADED, RESULTS, as_results
from kmodlab.grading.formats.redact import is_errored
from kmodlab.grading.grader import grade_all, make_plan, read_exercises
from kmodlab.grading.intake import read_submissions
from kmodlab.grading.journal import Journal
from kmodlab.grading.models import Grade, GradeState
from kmodlab.grading.pool import Pool
from kmodlab.grading.task import unmade

_CHECKOUT = Path(__file__).parents[3]
_PARTS = ("kmodlab", "binder", "pyproject.toml", "README.md", "LICENSE")
_LEFT_OUT = {"__pycache__", ".ipynb_checkpoints", ".mypy_cache"}
_SCRIPTS = Path(__file__).with_name("gradescope")
_OPTIONS = "@OPTIONS@"
_TIME = (1980, 1, 1, 0, 0, 0)  # the same contents are the same file

LEARNER = "submission"


# ---- the zip file --------------------------------------------------------------------------------------------------


def pack(exercises: Sequence[Exercise], target: Path, *, without_sandbox: bool = False) -> int:
    """Write the autograder for some exercises; returns how many files are in it. UsageError outside of a checkout."""
    if not (_CHECKOUT / "binder" / "setup.sh").is_file():
        hint = "Get the sources, and run it from there: the autograder takes them along."
        raise UsageError("This kmodlab is not run from its checkout.", hint=hint)
    options = "--without-sandbox" if without_sandbox else ""
    count = 0
    with replaced(target) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, is_program in _members(exercises, options):
            member = zipfile.ZipInfo(name, _TIME)
            member.external_attr = (0o100755 if is_program else 0o100644) << 16
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
            count += 1
    return count


def _members(exercises: Sequence[Exercise], options: str) -> Iterator[tuple[str, bytes, bool]]:
    """Name and content of each file, and whether it is a program."""
    for name in ("setup.sh", "run_autograder"):
        script = (_SCRIPTS / name).read_text(encoding="utf-8").replace(_OPTIONS, options)
        yield name, script.encode(), True
    for exercise in exercises:
        yield f"exercises/{exercise.name}/{MASTER}", exercise.path.read_bytes(), False
    for part in _PARTS:
        for path in _files(_CHECKOUT / part):
            yield f"kmodlab/{path.relative_to(_CHECKOUT)}", path.read_bytes(), path.suffix == ".sh"


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = (one for one in path.rglob("*") if one.is_file() and one.suffix != ".pyc")
    return sorted(one for one in found if _LEFT_OUT.isdisjoint(one.relative_to(path).parts))


# ---- one submission ------------------------------------------------------------------------------------------------


def grade_one(root: Path, pool: Pool, deadline_s: float) -> list[Grade]:
    """Grade what lies in ROOT/submission by the masters in ROOT/source/exercises: a grade for each exercise."""
    exercises, texts = read_exercises(find_masters(root / "source" / "exercises"))
    intake = read_submissions([root / "submission"], list(exercises))
    # Whoever the names of files and folders name: all that is there is one learner's.
    submissions = tuple(replace(one, learner=LEARNER) for one in intake.submissions)
    plan = make_plan(replace(intake, submissions=submissions), exercises, texts, pool.find_setting())
    with TemporaryDirectory(prefix="kmodlab-autograder-") as folder, Journal(Path(folder, "journal")) as journal:
        steps = list(grade_all(plan, pool, journal, deadline_s))
    found = {step.grade.exercise: step.grade for step in steps if step.grade}
    refused = " ".join(f"{one.source}: {one.reason}" for one in plan.refusals)
    return [found.get(name) or _nothing(exercise, refused) for name, exercise in sorted(exercises.items())]


def _nothing(exercise: Exercise, refused: str) -> Grade:
    reason = f"There is no notebook to this exercise in what was handed in. {refused}".strip()
    checks = tuple(unmade(exercise, name, Status.FAILED, reason) for name in exercise.checks)
    about = {"learner": LEARNER, "exercise": exercise.name, "title": exercise.title, "source": "", "digest": ""}
    return Grade(**about, state=GradeState.REJECTED, checks=checks, reason=reason)  # type: ignore[arg-type]


def forget_results(root: Path) -> None:
    """Remove what an earlier run left, so that nobody takes it for this one's."""
    for name in (RESULTS, NOT_GRADED):
        (root / "results" / name).unlink(missing_ok=True)


def write_results(grades: Sequence[Grade], root: Path) -> Mapping[str, str]:
    """Write ROOT/results/results.json; where something errored another file, and the reasons by exercise."""
    folder = root / "results"
    errored = {grade.exercise: grade.reason for grade in grades if is_errored(grade)}
    replace_text(folder / (NOT_GRADED if errored else RESULTS), as_json(as_results(grades)))
    return errored
