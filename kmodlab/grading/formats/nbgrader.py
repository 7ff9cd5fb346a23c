"""Points in nbgrader's gradebook: `gradebook.db` in the folder, the course's own if the folder is a course.

A new gradebook appears when it is complete; an existing one is updated in one transaction, and keeps the scores that a
person gave. An errored check has no score there, and is marked for manual grading. Needs nbgrader (the extra
`nbgrader`).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kmodlab.checks.check_result import CheckResult
from kmodlab.errors import SetupError
from kmodlab.files import replaced
from kmodlab.grading.formats.redact import by_exercise, checks_of, points_of
from kmodlab.grading.models import Grade, GradeState
from kmodlab.i18n import _
from kmodlab.settings import find_own_programs
from kmodlab.text import escape_control_chars

GRADEBOOK = "gradebook.db"
_COURSE = "kmodlab"


def write(grades: Sequence[Grade], folder: Path) -> list[Path]:
    """Write all points into the gradebook. Raises: SetupError if nbgrader is missing, or cannot use the gradebook."""
    if find_spec("nbgrader") is None:
        hint = _("Install it: pip install 'kmodlab[nbgrader]'.")
        raise SetupError(_("nbgrader is not installed here."), hint=hint)
    with warnings.catch_warnings():
        # nbgrader adds rows in an order that newer versions of SQLAlchemy warn about.
        warnings.filterwarnings("ignore", "Object of type .* not in session")
        return [_write(grades, folder)]


def _write(grades: Sequence[Grade], folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / GRADEBOOK
    if path.exists():
        _fill(path, grades)
        return path
    with replaced(path) as partial:
        _fill(partial, grades)
    return path


def notebook_of(exercise: str) -> str:
    """nbgrader's name for an exercise's notebook."""
    return exercise.partition("-")[2]


def _fill(path: Path, grades: Sequence[Grade]) -> None:
    from nbgrader.api import Course, Gradebook
    from sqlalchemy import URL

    find_own_programs()  # nbgrader calls alembic by its name
    opened: Any = Gradebook(str(URL.create("sqlite", database=str(path))), course_id="")
    with opened as gradebook:
        commit, gradebook.db.commit = gradebook.db.commit, gradebook.db.flush  # nbgrader commits each row by itself
        if gradebook.db.query(Course).first() is None:
            gradebook.db.add(Course(id=_COURSE))
        gradebook.course_id = gradebook.db.query(Course).first().id
        for exercise, same in by_exercise(grades).items():
            _add_assignment(gradebook, exercise, same)
            for grade in same:
                _add_grade(gradebook, grade)
        commit()


def _add_assignment(gradebook: Any, exercise: str, grades: Sequence[Grade]) -> None:
    """Add the assignment, its notebook and its cells, unless they exist."""
    gradebook.update_or_create_assignment(exercise)
    name = notebook_of(exercise)
    notebook = gradebook.update_or_create_notebook(name, exercise)
    known = {cell.name for cell in notebook.grade_cells}
    for check, results in checks_of(grades).items():
        if check not in known:
            gradebook.add_grade_cell(check, name, exercise, max_score=results[0].max_points, cell_type="code")


def _add_grade(gradebook: Any, grade: Grade) -> None:
    from nbgrader.api import Grade as Row

    learner = escape_control_chars(grade.learner)
    gradebook.update_or_create_student(learner)
    gradebook.update_or_create_submission(grade.exercise, learner)
    notebook = gradebook.find_submission_notebook(notebook_of(grade.exercise), grade.exercise, learner)
    rows = {row.name: row for row in notebook.grades}
    checks = {check.id: check for check in grade.checks}
    for cell in notebook.notebook.grade_cells:
        row = rows.get(cell.name) or Row(cell_id=cell.id, notebook_id=notebook.id)
        gradebook.db.add(row)
        row.auto_score = _score(grade, checks.get(cell.name))
        row.needs_manual_grade = row.auto_score is None or row.manual_score is not None


def _score(grade: Grade, check: CheckResult | None) -> float | None:
    if grade.state is GradeState.REJECTED:
        return 0.0
    return points_of(check.points) if check and grade.state is GradeState.GRADED else None
