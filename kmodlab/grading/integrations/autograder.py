"""An autograder for Gradescope: the zip file to upload, and the grading of each submission.

    setup.sh, run_autograder       the two scripts, at the root
    kmodlab/                       this checkout's package and its set-up
    exercises/NAME/master.ipynb    the masters with their hidden checks: the zip file is not for learners

Layout and results: https://gradescope-autograders.readthedocs.io/en/latest/specs/.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from kmodlab.checks.check_result import Status
from kmodlab.course.exercise import MASTER, Exercise, find_masters
from kmodlab.errors import UsageError
from kmodlab.files import replace_text, replaced
from kmodlab.grading.formats.file_names import as_json
from kmodlab.grading.formats.gradescope import NOT_GRADED, RESULTS, as_results
from kmodlab.grading.formats.redact import is_errored
from kmodlab.grading.grader import grade_all, make_plan, read_exercises
from kmodlab.grading.intake import read_submissions
from kmodlab.grading.journal import Journal
from kmodlab.grading.models import Grade, GradeState
from kmodlab.grading.pool import Pool
from kmodlab.grading.task import result_without_run
from kmodlab.i18n import _

_CHECKOUT = Path(__file__).parents[3]
_PARTS = ("kmodlab", "binder", "hatch_build.py", "pyproject.toml", "README.md", "LICENSE")
_LEFT_OUT = {"__pycache__", ".ipynb_checkpoints", ".mypy_cache"}
_SCRIPTS = Path(__file__).with_name("gradescope")
_OPTIONS = "@OPTIONS@"
_TIME = (1980, 1, 1, 0, 0, 0)  # so that equal contents make equal zip files

LEARNER = "submission"


# ---- the zip file --------------------------------------------------------------------------------------------------


def pack(exercises: Sequence[Exercise], target: Path, *, without_sandbox: bool = False) -> int:
    """Write the autograder for some exercises; returns the number of files in it.

    Raises:
        UsageError: The package is not in a checkout.
    """
    if not (_CHECKOUT / "binder" / "setup.sh").is_file():
        hint = _("Get the sources, and run it from there: the autograder contains them.")
        raise UsageError(_("This kmodlab is not run from its checkout."), hint=hint)
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
    files = (file for file in path.rglob("*") if file.is_file() and file.suffix != ".pyc")
    return sorted(file for file in files if _LEFT_OUT.isdisjoint(file.relative_to(path).parts))


# ---- one submission ------------------------------------------------------------------------------------------------


def grade_one(root: Path, pool: Pool, deadline_s: float) -> list[Grade]:
    """Grade the files in ROOT/submission with the masters in ROOT/source/exercises; a grade for each exercise."""
    exercises, texts = read_exercises(find_masters(root / "source" / "exercises"))
    # All files belong to one learner, whatever the names of files and folders.
    handed_in = [
        replace(file, learner=LEARNER) if file.learner else file
        for file in read_submissions([root / "submission"], list(exercises))
    ]
    plan = make_plan(handed_in, exercises, texts, pool.find_setting())
    with TemporaryDirectory(prefix="kmodlab-autograder-") as folder, Journal(Path(folder, "journal")) as journal:
        events = list(grade_all(plan, pool, journal, deadline_s))
    grades = {event.grade.exercise: event.grade for event in events if event.grade}
    left_out = " ".join(f"{file.source}: {file.problem}" for file in plan.left_out)
    return [grades.get(name) or _missing(exercise, left_out) for name, exercise in sorted(exercises.items())]


def _missing(exercise: Exercise, left_out: str) -> Grade:
    """The grade for an exercise without a submitted notebook."""
    reason = f"{_('No notebook to this exercise was handed in.')} {left_out}".strip()
    checks = tuple(result_without_run(exercise, name, Status.FAILED, reason) for name in exercise.checks)
    about = {"learner": LEARNER, "exercise": exercise.name, "title": exercise.title, "source": "", "digest": ""}
    return Grade(**about, state=GradeState.REJECTED, checks=checks, reason=reason)  # type: ignore[arg-type]


def forget_results(root: Path) -> None:
    """Remove the results of an earlier run, which Gradescope could take for those of this run."""
    for name in (RESULTS, NOT_GRADED):
        (root / "results" / name).unlink(missing_ok=True)


def write_results(grades: Sequence[Grade], root: Path) -> Mapping[str, str]:
    """Write ROOT/results/results.json, or another file if something errored; returns the reasons by exercise."""
    folder = root / "results"
    errored = {grade.exercise: grade.reason for grade in grades if is_errored(grade)}
    replace_text(folder / (NOT_GRADED if errored else RESULTS), as_json(as_results(grades)))
    return errored
