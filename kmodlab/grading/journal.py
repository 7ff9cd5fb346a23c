"""What is finished, in one SQLite file, so that no end of the grader loses a result, not even SIGKILL.

Each check's result is written as it comes, by the digest of the text that was judged: it is an answer for any later
submission of the same text to the same master and kernel, judged by the same code. Grades are kept by learner and
exercise. Errored results are no answers. Times are left to the results themselves.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kmodlab.checks.result import Status
from kmodlab.errors import SetupError, UsageError
from kmodlab.grading.models import CheckGrade, Grade, as_dict, from_dict
from kmodlab.grading.task import pack_check, unpack_check

FORMAT = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS checks (
    digest TEXT NOT NULL, id TEXT NOT NULL, result TEXT NOT NULL, PRIMARY KEY (digest, id)
) STRICT;
CREATE TABLE IF NOT EXISTS grades (
    learner TEXT NOT NULL, exercise TEXT NOT NULL, grade TEXT NOT NULL, PRIMARY KEY (learner, exercise)
) STRICT;
"""


class Journal:
    """The journal of one folder of results; a context manager. It belongs to the thread that opened it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._readable():
            self._database = sqlite3.connect(path, isolation_level=None)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")
            self._database.executescript(_TABLES)
            if self._fact("format") not in (None, FORMAT):
                raise UsageError(f"{path} is of another version of kmodlab.", hint="Choose another --out.")
            self._note("format", FORMAT)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *exc: object) -> None:
        self._database.close()

    # ---- the run ----

    @property
    def unfinished(self) -> Mapping[str, Any] | None:
        """What the last run was asked for, if it did not come to its end."""
        with self._readable():
            run = self._fact("run")
        return run if isinstance(run, dict) else None

    def begin(self, run: Mapping[str, Any]) -> None:
        """A run begins; `run` is what it was asked for."""
        self._note("run", dict(run))

    def end(self) -> None:
        """The run came to its end."""
        self._note("run", None)

    # ---- results ----

    def add_check(self, digest: str, check: CheckGrade) -> None:
        """Keep a check's result, unless it errored."""
        if check.result.status is not Status.ERRORED:
            row = (digest, check.id, json.dumps(pack_check(check)))
            with self._readable():
                self._database.execute("INSERT OR REPLACE INTO checks VALUES (?, ?, ?)", row)

    def checks(self, digest: str) -> dict[str, CheckGrade]:
        """The results that are known for a text, by the checks' ids."""
        with self._readable():
            rows = self._database.execute("SELECT id, result FROM checks WHERE digest = ?", (digest,)).fetchall()
            return {name: unpack_check(json.loads(result)) for name, result in rows}

    def add_grade(self, grade: Grade) -> None:
        """Keep a grade; it replaces an earlier one of this learner's to this exercise."""
        row = (grade.learner, grade.exercise, json.dumps(as_dict(grade)))
        with self._readable():
            self._database.execute("INSERT OR REPLACE INTO grades VALUES (?, ?, ?)", row)

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
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise SetupError(f"The journal {self.path} cannot be used: {error}.") from error
        except (sqlite3.DatabaseError, ValueError) as error:
            hint = "Move it away, or choose another --out; its results have to be made again."
            raise SetupError(f"The journal {self.path} is damaged: {error}.", hint=hint) from error
