"""From what was handed in to grades: a pool runs the tasks, and the journal has the results that are known already.

Each submission becomes a grade, whatever happens: graded; rejected, if there is nothing in it that can be graded; or
errored, if we failed, to be run again. Texts that are equal to the byte are judged once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from kmodlab.checks.check_result import CheckResult, Status
from kmodlab.course.exercise import Exercise, read_master
from kmodlab.errors import UsageError
from kmodlab.grading.answers import match
from kmodlab.grading.intake import choose_exercise
from kmodlab.grading.journal import Journal
from kmodlab.grading.models import Ending, Grade, GradeState, GradingProgress, HandedIn, Setting, Task
from kmodlab.grading.pool import TRIES, Pool
from kmodlab.grading.task import digest_of, pack_exercise, result_without_run
from kmodlab.i18n import _


@dataclass(frozen=True)
class Plan:
    """What is to be graded, one notebook for each learner and exercise; and what was left out, with its problem."""

    exercises: Mapping[str, Exercise]
    setting: Setting
    submissions: tuple[HandedIn, ...]
    left_out: tuple[HandedIn, ...]


def read_exercises(masters: Sequence[Path]) -> tuple[dict[str, Exercise], dict[str, str]]:
    """Exercises by name, and their masters' texts.

    Raises:
        ExerciseError: a master is broken.
        UsageError: two exercises have the same name.
    """
    exercises: dict[str, Exercise] = {}
    texts = {}
    for path in masters:
        exercise = read_master(path)
        if exercise.name in exercises:
            raise UsageError(_("Two exercises are called {name}.").format(name=exercise.name))
        exercises[exercise.name], texts[exercise.name] = exercise, path.read_text(encoding="utf-8")
    return exercises, texts


# ---- what is to be done --------------------------------------------------------------------------------------------


def make_plan(
    handed_in: Sequence[HandedIn],
    exercises: Mapping[str, Exercise],
    masters: Mapping[str, str],
    setting: Setting,
    only: str = "",
) -> Plan:
    """Find the exercise of each submission, and its answers; `only` names the exercise that all of them are to."""
    left_out = [file for file in handed_in if not file.learner]
    submissions: dict[tuple[str, str], list[HandedIn]] = defaultdict(list)
    for submission in handed_in:
        if not submission.learner:
            continue
        name = only or choose_exercise(submission, exercises)
        if name:
            submissions[submission.learner, name].append(submission)
        else:
            problem = submission.problem or _("Nothing in it says which exercise it is to.")
            left_out.append(replace(submission, problem=problem))
    matched = [match(_choose(same, name), exercises[name]) for (_learner, name), same in sorted(submissions.items())]
    return Plan(
        exercises,
        setting,
        submissions=tuple(_with_digest(submission, exercises, masters, setting) for submission in matched),
        left_out=tuple(left_out),
    )


def _choose(submissions: Sequence[HandedIn], exercise: str) -> HandedIn:
    """Of several notebooks to one exercise the one in the fewest folders; then the one with the exercise's file name.

    A learner's own folder or archive may hold others that bear another learner's name, but only deeper down.
    """
    if len(submissions) == 1:
        return submissions[0]
    stem = exercise.partition("-")[2]
    best = min(submissions, key=lambda submission: _rank(submission, stem))
    remark = _("{number} notebooks were handed in; {source} counts.")
    return replace(best, remarks=(*best.remarks, remark.format(number=len(submissions), source=best.source)))


def _rank(submission: HandedIn, stem: str) -> tuple[bool, int, bool, str]:
    source = submission.source
    return (submission.notebook is None, source.count("/"), (submission.names or ("",))[0] != stem, source)


def _with_digest(
    submission: HandedIn, exercises: Mapping[str, Exercise], masters: Mapping[str, str], setting: Setting
) -> HandedIn:
    if submission.problem:
        return submission
    name = submission.exercise
    return replace(submission, digest=digest_of(exercises[name], masters[name], submission.answers, setting))


# ---- doing it ------------------------------------------------------------------------------------------------------


def grade_all(plan: Plan, pool: Pool, journal: Journal, deadline_s: float) -> Generator[GradingProgress]:
    """Grade everything: yields each new result of a check, and each grade, when it is in the journal."""
    waiting: dict[str, list[HandedIn]] = defaultdict(list)
    results: dict[str, dict[str, CheckResult]] = {}
    for submission in plan.submissions:
        digest = submission.digest
        results[digest] = journal.checks(digest) if digest else {}
        if digest and plan.exercises[submission.exercise].checks.keys() - results[digest].keys():
            waiting[digest].append(submission)
        else:
            event = GradingProgress(digest, ending=Ending.KNOWN if digest else None)
            yield _grade(plan, journal, submission, results[digest], event, deadline_s)
    tasks = [_task(plan, same[0], frozenset(results[digest])) for digest, same in waiting.items()]
    if not tasks:
        return
    with closing(pool.run(tasks)) as events:
        for event in events:
            if event.check:
                journal.add_check(event.digest, event.check)
                results[event.digest][event.check.id] = event.check
                yield event
                continue
            for submission in waiting[event.digest]:
                yield _grade(plan, journal, submission, results[event.digest], event, deadline_s)


def _task(plan: Plan, submission: HandedIn, done: frozenset[str]) -> Task:
    exercise = pack_exercise(plan.exercises[submission.exercise])
    return Task(submission.digest, exercise, submission.answers, plan.setting, done)


def _grade(
    plan: Plan,
    journal: Journal,
    submission: HandedIn,
    results: Mapping[str, CheckResult],
    event: GradingProgress,
    deadline_s: float,
) -> GradingProgress:
    """The end of a submission's task, with its grade, which is in the journal then."""
    exercise = plan.exercises[submission.exercise]
    status, reason = _why_not_run(submission, results, event, deadline_s)
    checks = tuple(results.get(name) or result_without_run(exercise, name, status, reason) for name in exercise.checks)
    errored = [check for check in checks if check.status is Status.ERRORED]
    state = GradeState.ERRORED if errored else GradeState.GRADED
    grade = Grade(
        learner=submission.learner,
        exercise=exercise.name,
        title=exercise.title,
        source=submission.source,
        digest=submission.digest,
        state=state if submission.digest else GradeState.REJECTED,
        checks=checks,
        remarks=submission.remarks,
        reason=submission.problem or (errored[0].reason if errored else ""),
        sandboxed=plan.setting.sandboxed,
        kernel=plan.setting.kernel,
        answers=dict(submission.answers),
    )
    journal.add_grade(grade)
    return replace(event, grade=grade)


def _why_not_run(
    submission: HandedIn, results: Mapping[str, CheckResult], event: GradingProgress, deadline_s: float
) -> tuple[Status, str]:
    """The status of the checks that were not run, and why they were not."""
    if not submission.digest:
        return Status.FAILED, submission.problem
    if event.ending is Ending.OVERDUE:
        failed_s = sum(check.seconds for check in results.values() if check.status is Status.FAILED)
        if failed_s > deadline_s / 2:  # most of it went where the work hangs or crashes: the learner's doing
            sentence = _("The time for one submission ({seconds:g} s) was used up by what failed before.")
            return Status.FAILED, sentence.format(seconds=deadline_s)
        return Status.ERRORED, _("The time for one submission ({seconds:g} s) was over.").format(seconds=deadline_s)
    if event.reason:
        sentence = _("This could not be checked: {number} workers were lost over it: {reason}.")
        return Status.ERRORED, sentence.format(number=TRIES, reason=event.reason)
    return Status.ERRORED, _("This could not be checked: {number} workers were lost over it.").format(number=TRIES)
