"""From submissions to grades: what is to be judged is handed to a pool, what is known comes from the journal.

Each submission becomes a grade, whatever happens: graded; rejected, where there is nothing in it that can be graded; or
errored, where we failed, to be run again. Texts that are equal to the byte are judged once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from kmodlab.checks.result import Status
from kmodlab.course.exercise import Exercise, read_master
from kmodlab.errors import UsageError
from kmodlab.grading.intake import Intake, Refusal, Submission
from kmodlab.grading.journal import Journal
from kmodlab.grading.matching import choose_exercise, match
from kmodlab.grading.models import CheckGrade, Grade, GradeState
from kmodlab.grading.pool import TRIES, Ending, Event, Order, Pool
from kmodlab.grading.task import Setting, Task, digest_of, pack_exercise, unmade


@dataclass(frozen=True)
class Entry:
    """One submission to one exercise, before it is judged. `digest` is empty where it is rejected."""

    learner: str
    source: str
    exercise: str
    answers: Mapping[str, str]
    remarks: tuple[str, ...]
    digest: str
    reason: str = ""


@dataclass(frozen=True)
class Plan:
    """All that is to be graded; what was given and belongs to no exercise."""

    exercises: Mapping[str, Exercise]
    setting: Setting
    entries: tuple[Entry, ...]
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True)
class GradingProgress:
    """A check was made, or (`grade`) a submission has its grade; `known` says that the journal had all of it."""

    check: CheckGrade | None = None
    grade: Grade | None = None
    known: bool = False


def read_exercises(masters: Sequence[Path]) -> tuple[dict[str, Exercise], dict[str, str]]:
    """Exercises by name, and their masters' texts; ExerciseError where one is broken."""
    exercises: dict[str, Exercise] = {}
    texts = {}
    for path in masters:
        exercise = read_master(path)
        if exercise.name in exercises:
            raise UsageError(f"Two exercises are called {exercise.name}.")
        exercises[exercise.name], texts[exercise.name] = exercise, path.read_text(encoding="utf-8")
    return exercises, texts


# ---- what is to be done --------------------------------------------------------------------------------------------


def make_plan(
    intake: Intake, exercises: Mapping[str, Exercise], masters: Mapping[str, str], setting: Setting, only: str = ""
) -> Plan:
    """Find out what each submission is to; `only` names the exercise that all are to."""
    refusals = list(intake.refusals)
    handed: dict[tuple[str, str], list[Submission]] = defaultdict(list)
    for one in intake.submissions:
        name = only or choose_exercise(one, exercises)
        if name:
            handed[one.learner, name].append(one)
        else:
            refusals.append(Refusal(one.source, one.problem or "It is not told which exercise this is to."))
    chosen = [(name, _choose(ones, name)) for (_, name), ones in sorted(handed.items())]
    entries = tuple(_entry(one, exercises[name], masters[name], setting) for name, one in chosen)
    return Plan(exercises, setting, entries, tuple(refusals))


def _choose(ones: Sequence[Submission], exercise: str) -> Submission:
    """Of several notebooks to one exercise the one that lies least deep; then that with the exercise's own file name.

    In his own folder or archive somebody may have others that bear another's name, but only deeper down.
    """
    if len(ones) == 1:
        return ones[0]
    stem = exercise.partition("-")[2]
    best = min(ones, key=lambda one: _rank(one, stem))
    return replace(best, remarks=(*best.remarks, f"{len(ones)} notebooks were handed in; {best.source} counts."))


def _rank(one: Submission, stem: str) -> tuple[bool, int, bool, str]:
    return (one.notebook is None, one.source.count("/"), (one.names or ("",))[0] != stem, one.source)


def _entry(one: Submission, exercise: Exercise, master: str, setting: Setting) -> Entry:
    if one.notebook is None:
        return Entry(one.learner, one.source, exercise.name, {}, one.remarks, "", one.problem)
    matched = match(one.notebook, exercise)
    remarks = (*one.remarks, *matched.remarks)
    digest = "" if matched.problem else digest_of(exercise, master, matched.answers, setting)
    return Entry(one.learner, one.source, exercise.name, matched.answers, remarks, digest, matched.problem)


# ---- doing it ------------------------------------------------------------------------------------------------------


def grade_all(plan: Plan, pool: Pool, journal: Journal, deadline_s: float) -> Generator[GradingProgress]:
    """Grade everything, and tell how it goes on. Each result is in the journal before it is told."""
    waiting: dict[str, list[Entry]] = defaultdict(list)
    results: dict[str, dict[str, CheckGrade]] = {}
    for entry in plan.entries:
        exercise = plan.exercises[entry.exercise]
        known = results[entry.digest] = journal.checks(entry.digest) if entry.digest else {}
        if not entry.digest or known.keys() >= exercise.checks.keys():
            grade = _grade(plan, entry, known)
            journal.add_grade(grade)
            yield GradingProgress(grade=grade, known=bool(entry.digest))
        else:
            waiting[entry.digest].append(entry)
    orders = [Order(_task(plan, same[0]), frozenset(results[digest])) for digest, same in waiting.items()]
    if not orders:
        return
    with closing(pool.run(orders)) as events:
        for event in events:
            yield from _take(plan, journal, event, waiting[event.digest], results[event.digest], deadline_s)


def _take(
    plan: Plan,
    journal: Journal,
    event: Event,
    entries: Sequence[Entry],
    results: dict[str, CheckGrade],
    deadline_s: float,
) -> Iterator[GradingProgress]:
    """What one event means for the submissions with that text."""
    if event.check:
        journal.add_check(event.digest, event.check)
        results[event.check.id] = event.check
        yield GradingProgress(check=event.check)
        return
    for entry in entries:
        grade = _grade(plan, entry, results, event, deadline_s)
        journal.add_grade(grade)
        yield GradingProgress(grade=grade)


def _task(plan: Plan, entry: Entry) -> Task:
    return Task(entry.digest, pack_exercise(plan.exercises[entry.exercise]), entry.answers, plan.setting)


def _grade(
    plan: Plan, entry: Entry, results: Mapping[str, CheckGrade], event: Event | None = None, deadline_s: float = 0
) -> Grade:
    exercise = plan.exercises[entry.exercise]
    missing = _missing(entry, results, event, deadline_s)
    checks = tuple(results.get(name) or unmade(exercise, name, *missing) for name in exercise.checks)
    errored = [check for check in checks if check.result.status is Status.ERRORED]
    state = GradeState.REJECTED if not entry.digest else GradeState.ERRORED if errored else GradeState.GRADED
    return Grade(
        learner=entry.learner,
        exercise=exercise.name,
        title=exercise.title,
        source=entry.source,
        digest=entry.digest,
        state=state,
        checks=checks,
        remarks=entry.remarks,
        reason=entry.reason or (errored[0].result.reason if errored else ""),
        sandboxed=plan.setting.sandboxed,
        kernel=plan.setting.kernel,
        answers=dict(entry.answers),
    )


def _missing(
    entry: Entry, results: Mapping[str, CheckGrade], event: Event | None, deadline_s: float
) -> tuple[Status, str]:
    """What the checks are that were not made, and why."""
    if not entry.digest:
        return Status.FAILED, entry.reason
    if event and event.ending is Ending.OVERDUE:
        failed_s = sum(check.seconds for check in results.values() if check.result.status is Status.FAILED)
        if failed_s > deadline_s / 2:  # most of it went where the work hangs or crashes: the learner's doing
            return Status.FAILED, f"The time for one submission ({deadline_s:g} s) was used up by what failed before."
        return Status.ERRORED, f"The time for one submission ({deadline_s:g} s) was over."
    why = f": {event.reason}" if event and event.reason else ""
    return Status.ERRORED, f"This could not be checked: {TRIES} workers were lost over it{why}."
