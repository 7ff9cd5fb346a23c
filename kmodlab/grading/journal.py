"""The journal of known results, in one SQLite file: whatever ends the grader, even SIGKILL, no result is lost.

Each check's result is written at once, with its task's digest: it is also the result of any later submission of the
same answers to the same master and kernel, judged by the same code. Errored results are not written. Grades are kept by
learner and exercise.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from kmodlab.checks.check_result import CheckResult
from kmodlab.errors import SetupError, UsageError
from kmodlab.grading.models import Grade, GradeState, as_dict, check_as_dict, check_from_dict, from_dict
from kmodlab.i18n import _

FORMAT = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS checks (
    digest TEXT NOT NULL, id TEXT NOT NULL, result TEXT NOT NULL, PRIMARY KEY (digest, id)
) STRICT;
CREATE TABLE IF NOT EXISTS grades (
    learner TEXT NOT NULL, exercise TEXT NOT NULL, grade TEXT NOT NULL, PRIMARY KEY (learner, exercise)
) STRICT;
CREATE TABLE IF NOT EXISTS attempts (
    learner TEXT NOT NULL, exercise TEXT NOT NULL, attempt REAL NOT NULL, PRIMARY KEY (learner, exercise)
) STRICT;
CREATE TABLE IF NOT EXISTS faults (
    learner TEXT NOT NULL, exercise TEXT NOT NULL, source TEXT NOT NULL, traceback TEXT NOT NULL
) STRICT;
"""


@dataclass(frozen=True)
class Origin:
    """Where a grade comes from: its file, the platform's number of the attempt (0 if unknown), the answers.

    `is_empty` says whether nothing could be graded.
    """

    source: str
    attempt: float
    answers: Mapping[str, str]
    is_empty: bool = False


@dataclass(frozen=True)
class WrittenMark:
    """The points and the state of a grade, including a person's adjustments."""

    points: float | None
    state: str

    @classmethod
    def of(cls, grade: Grade) -> WrittenMark:
        """The mark of a grade."""
        return cls(grade.points, str(grade.state))


class Journal:
    """The journal of one folder of results; a context manager. It belongs to the thread that opened it.

    Raises: SetupError, from all methods, if the file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._readable():
            self._database = sqlite3.connect(path, isolation_level=None)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")
            self._database.executescript(_TABLES)
            if self._fact("format") not in (None, FORMAT):
                sentence = _("{path} was made by another version of kmodlab.").format(path=path)
                raise UsageError(sentence, hint=_("Choose another --out."))
            self._note("format", FORMAT)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *exc: object) -> None:
        self._database.close()

    # ---- the run ----

    @property
    def unfinished(self) -> Mapping[str, Any] | None:
        """The request of the last run, if it was interrupted; None if it was completed."""
        with self._readable():
            run = self._fact("run")
        return run if isinstance(run, dict) else None

    @property
    def last_run(self) -> Mapping[str, Any] | None:
        """The request of the last run, completed or not; None if there was no run."""
        with self._readable():
            run = self._fact("last run")
        return run if isinstance(run, dict) else None

    def begin(self, run: Mapping[str, Any]) -> None:
        """Record that a run begins; `run` is its request."""
        self._note("last run", dict(run))
        self._note("run", dict(run))

    def end(self) -> None:
        """Record that the run was completed."""
        self._note("run", None)

    # ---- results ----

    def add_check(self, digest: str, check: CheckResult) -> None:
        """Record a check's result, unless it errored or was skipped; then the next run repeats the check."""
        if check.status.is_verdict:
            row = (digest, check.id, json.dumps(check_as_dict(check)))
            with self._readable():
                self._database.execute("INSERT OR REPLACE INTO checks VALUES (?, ?, ?)", row)

    def checks(self, digest: str) -> dict[str, CheckResult]:
        """The known results of a task, by the checks' ids."""
        with self._readable():
            rows = self._database.execute("SELECT id, result FROM checks WHERE digest = ?", (digest,)).fetchall()
            return {name: check_from_dict(json.loads(result)) for name, result in rows}

    def add_grade(self, grade: Grade, *, attempt: float = 0.0, fault: str = "") -> None:
        """Record a grade; it replaces the learner's earlier grade for this exercise, and the one without an exercise.

        `attempt` is that of the submission. `fault` is the traceback after an internal error.
        """
        key = (grade.learner, grade.exercise)
        with self._readable(), self._transaction():
            run = self._database.execute
            if grade.exercise:
                run("DELETE FROM grades WHERE learner = ? AND exercise = ''", (grade.learner,))
            run("INSERT OR REPLACE INTO grades VALUES (?, ?, ?)", (*key, json.dumps(as_dict(grade))))
            run("INSERT OR REPLACE INTO attempts VALUES (?, ?, ?)", (*key, attempt))
        if fault:
            self.add_fault(grade, fault)

    def add_fault(self, grade: Grade, fault: str) -> None:
        """Record the traceback of an internal error with a submission."""
        row = (grade.learner, grade.exercise, grade.source, fault)
        with self._readable():
            self._database.execute("INSERT INTO faults VALUES (?, ?, ?, ?)", row)

    def origin(self, learner: str, exercise: str) -> Origin | None:
        """Where a learner's grade for an exercise comes from; None without a grade."""
        query = (
            "SELECT grade, coalesce(attempt, 0) FROM grades LEFT JOIN attempts USING (learner, exercise)"
            " WHERE learner = ? AND exercise = ?"
        )
        with self._readable():
            row = self._database.execute(query, (learner, exercise)).fetchone()
            grade = from_dict(json.loads(row[0])) if row else None
        if not grade:
            return None
        return Origin(grade.source, row[1], grade.answers or {}, grade.state is GradeState.REJECTED)

    def marks(self) -> dict[tuple[str, str], WrittenMark]:
        """The marks that the last run wrote, by learner and exercise."""
        with self._readable():
            return {(learner, exercise): WrittenMark(*mark) for learner, exercise, *mark in self._fact("marks") or ()}

    def note_marks(self, grades: Iterable[Grade]) -> None:
        """Record the marks that this run writes."""
        self._note("marks", [[grade.learner, grade.exercise, *astuple(WrittenMark.of(grade))] for grade in grades])

    def faults(self) -> list[tuple[str, str, str]]:
        """Learner, file and traceback of each submission with an internal error, the latest last."""
        with self._readable():
            rows = self._database.execute("SELECT learner, source, traceback FROM faults ORDER BY rowid").fetchall()
        return [(learner, source, trace) for learner, source, trace in rows]

    def grades(self) -> list[Grade]:
        """All grades, by learner and exercise."""
        with self._readable():
            rows = self._database.execute("SELECT grade FROM grades ORDER BY learner, exercise").fetchall()
            return [from_dict(json.loads(row[0])) for row in rows]

    def _fact(self, name: str) -> Any:
        row = self._database.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else None

    def _note(self, name: str, value: Any) -> None:
        with self._readable():
            self._database.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, json.dumps(value)))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            sentence = _("The journal {path} cannot be used: {error}.").format(path=self.path, error=error)
            raise SetupError(sentence) from error
        except (sqlite3.DatabaseError, ValueError) as error:
            sentence = _("The journal {path} is damaged: {error}.").format(path=self.path, error=error)
            hint = _("Move it away, or choose another --out; its results have to be made again.")
            raise SetupError(sentence, hint=hint) from error
