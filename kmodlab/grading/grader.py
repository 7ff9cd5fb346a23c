"""Grades submissions: a pool runs the tasks, and the journal has the results that are already known.

Each submission gets a grade, whatever happens: graded; rejected, if it has nothing that can be graded; or errored, if
kmodlab failed, to be run again. Equal answers are judged once. A grade is never replaced by the grade of a file that
may have been named by another learner.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from kmodlab.checks.check_result import CheckResult, Status
from kmodlab.course.exercise import Exercise, read_master
from kmodlab.errors import UsageError
from kmodlab.grading.answers import is_untouched, match
from kmodlab.grading.intake import choose_exercise, find_exercise, guarded, is_notebook
from kmodlab.grading.journal import Journal, Origin
from kmodlab.grading.late_policy import NEVER_LATE, LatePolicy
from kmodlab.grading.models import Ending, Grade, GradeState, GradingProgress, HandedIn, Setting, Task
from kmodlab.grading.pool import TRIES, Pool
from kmodlab.grading.task import digest_of, pack_exercise, result_without_run
from kmodlab.i18n import _, ngettext


@dataclass(frozen=True)
class Plan:
    """The notebooks to grade, one for each learner and exercise; and the files that are left out, with their problems.

    A learner without a gradable file has one submission with a problem, and no exercise if that is unknown. `withheld`
    are submissions that would replace grades.
    """

    exercises: Mapping[str, Exercise]
    setting: Setting
    submissions: tuple[HandedIn, ...]
    left_out: tuple[HandedIn, ...]
    withheld: tuple[HandedIn, ...] = ()
    late: LatePolicy = NEVER_LATE


def read_exercises(masters: Sequence[Path]) -> tuple[dict[str, Exercise], dict[str, str]]:
    """Exercises by name, and their masters' texts.

    Raises:
        ExerciseError: A master is broken.
        UsageError: Two exercises have the same name.
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
    """Find the exercise of each submission, and its answers; `only` is the exercise of all, unless it is empty."""
    chosen: list[HandedIn] = []
    left_out: list[HandedIn] = []
    for _learner, files in sorted(_by_learner(handed_in).items()):
        matched = [guarded(file, lambda file: _match(file, exercises, only)) for file in files if is_notebook(file)]
        others = [file for file in files if not is_notebook(file)]
        known = [file for file in matched if file.exercise]
        unknown = [file for file in matched if not file.exercise]
        if not known:
            chosen.append(_summarize(unknown or others, exercises, only))
            left_out += others if unknown else []
            continue
        by_exercise: dict[str, list[HandedIn]] = defaultdict(list)
        for file in known:
            by_exercise[file.exercise].append(file)
        chosen += [_choose(same, exercises[name]) for name, same in sorted(by_exercise.items())]
        left_out += [*unknown, *others]
    digested = [guarded(each, lambda each: _with_digest(each, exercises, masters, setting)) for each in chosen]
    return Plan(exercises, setting, submissions=tuple(digested), left_out=tuple(left_out))


def _by_learner(handed_in: Sequence[HandedIn]) -> dict[str, list[HandedIn]]:
    grouped: dict[str, list[HandedIn]] = defaultdict(list)
    for file in handed_in:
        grouped[file.learner].append(file)
    return grouped


def _match(file: HandedIn, exercises: Mapping[str, Exercise], only: str) -> HandedIn:
    """The file with its exercise and answers; with a problem if the exercise is unknown."""
    name = only or choose_exercise(file, exercises)
    if name:
        return match(file, exercises[name])
    return replace(file, problem=file.problem or _("Nothing in it says which exercise it is to."))


def _summarize(files: Sequence[HandedIn], exercises: Mapping[str, Exercise], only: str) -> HandedIn:
    """One submission for a learner without a gradable file, from all of the learner's files."""
    first, *others = files
    alone = next(iter(exercises)) if len(exercises) == 1 else ""
    problem = first.problem
    if others:
        number = ngettext("{number} more file was handed in.", "{number} more files were handed in.", len(others))
        problem = f"{problem} {number.format(number=len(others))}"
    fault = next((file.fault for file in files if file.fault), "")
    exercise = only or find_exercise(first.names, list(exercises)) or alone
    return replace(first, exercise=exercise, problem=problem, fault=fault)


def _choose(submissions: Sequence[HandedIn], exercise: Exercise) -> HandedIn:
    """The notebook that counts, of a learner's several notebooks to one exercise.

    An unchanged notebook never counts if another one is changed. Then the last attempt counts; within an attempt, the
    notebook in the fewest folders, and then the notebook with the exercise's file name.
    """
    if len(submissions) == 1:
        return submissions[0]
    stem = exercise.name.partition("-")[2]
    best = min(submissions, key=lambda submission: _rank(submission, exercise, stem))
    remark = _("{number} notebooks were handed in; {source} counts.")
    return replace(best, remarks=(*best.remarks, remark.format(number=len(submissions), source=best.source)))


def _rank(submission: HandedIn, exercise: Exercise, stem: str) -> tuple[bool, bool, int, int, bool, str]:
    source, is_broken = submission.source, bool(submission.problem)
    is_given = is_broken or is_untouched(submission, exercise)
    is_other = (submission.names or ("",))[0] != stem
    return (is_broken, is_given, -submission.copy, source.count("/"), is_other, source)


def _with_digest(
    submission: HandedIn, exercises: Mapping[str, Exercise], masters: Mapping[str, str], setting: Setting
) -> HandedIn:
    if submission.problem or not submission.exercise:
        return submission
    name = submission.exercise
    return replace(submission, digest=digest_of(exercises[name], masters[name], submission.answers, setting))


def keep_errored(plan: Plan, journal: Journal) -> Plan:
    """The plan with only the submissions whose grade in the journal is errored."""
    errored = {(grade.learner, grade.exercise) for grade in journal.grades() if grade.state is GradeState.ERRORED}
    again = tuple(each for each in plan.submissions if (each.learner, each.exercise) in errored)
    return replace(plan, submissions=again)


def withhold(plan: Plan, journal: Journal) -> Plan:
    """The plan without the submissions that would replace grades of the journal, which become its `withheld`.

    A grade may be replaced by a grade of the same file, of the same answers, or of a later attempt in the same
    platform's export, in which the platform has named the files. The export is recognised by its name. A rejected grade
    may always be replaced.
    """
    submissions, withheld = [], []
    for submission in plan.submissions:
        known = journal.origin(submission.learner, submission.exercise)
        if known and not _may_replace(submission, known):
            problem = _("It would replace the grade of {source}.").format(source=known.source)
            withheld.append(replace(submission, problem=problem))
        else:
            submissions.append(submission)
    return replace(plan, submissions=tuple(submissions), withheld=tuple(withheld))


def _may_replace(submission: HandedIn, known: Origin) -> bool:
    if (
        known.is_empty
        or submission.source == known.source
        or (submission.digest and submission.answers == known.answers)
    ):
        return True
    same_export = _export_name(submission.source) == _export_name(known.source)
    return same_export and 0 < known.attempt < submission.attempt


def _export_name(source: str) -> str:
    """The name of the given file or folder without numbers, which are all that differs between a platform's exports."""
    return re.sub(r"[\W\d_]+", "", source.partition("/")[0]).casefold()


# ---- doing it ------------------------------------------------------------------------------------------------------


def grade_all(plan: Plan, pool: Pool, journal: Journal, deadline_s: float) -> Generator[GradingProgress]:
    """Grade all submissions of the plan; yields each new check result, and each grade, after the journal has it."""
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
    """Make a submission's grade at the end of its task, and record it in the journal."""
    exercise = plan.exercises.get(submission.exercise)
    status, reason = _why_not_run(submission, results, event, deadline_s)
    checks = (
        tuple(results.get(name) or result_without_run(exercise, name, status, reason) for name in exercise.checks)
        if exercise
        else ()
    )
    errored = [check.reason for check in checks if check.status is Status.ERRORED]
    if submission.fault or errored:
        state = GradeState.ERRORED
    else:
        state = GradeState.GRADED if submission.digest else GradeState.REJECTED
    grade = Grade(
        learner=submission.learner,
        exercise=submission.exercise,
        title=exercise.title if exercise else _("Nothing that can be graded"),
        source=submission.source,
        digest=submission.digest,
        state=state,
        checks=checks,
        remarks=submission.remarks,
        reason=submission.problem or next(iter(errored), ""),
        sandboxed=plan.setting.sandboxed,
        kernel=plan.setting.kernel,
        answers=dict(submission.answers),
        late=plan.late.is_late(submission),
        late_percent=plan.late.percent_of(submission),
        untouched=exercise is not None and bool(submission.answers) and is_untouched(submission, exercise),
    )
    journal.add_grade(grade, attempt=submission.attempt, fault=submission.fault)
    return replace(event, grade=grade)


def _why_not_run(
    submission: HandedIn, results: Mapping[str, CheckResult], event: GradingProgress, deadline_s: float
) -> tuple[Status, str]:
    """The status of the checks that were not run, and the reason."""
    if submission.fault:
        return Status.ERRORED, submission.problem
    if not submission.digest:
        return Status.FAILED, submission.problem
    if event.ending is Ending.OVERDUE:
        failed_s = sum(check.seconds for check in results.values() if check.status is Status.FAILED)
        if failed_s > deadline_s / 2:  # failed checks (hangs, crashes) took most of the time: the learner's fault
            sentence = _("The time for one submission ({seconds:g} s) was used up by what failed before.")
            return Status.FAILED, sentence.format(seconds=deadline_s)
        return Status.ERRORED, _("The time for one submission ({seconds:g} s) was over.").format(seconds=deadline_s)
    if event.reason:
        sentence = _("This could not be checked: {number} workers were lost over it: {reason}.")
        return Status.ERRORED, sentence.format(number=TRIES, reason=event.reason)
    return Status.ERRORED, _("This could not be checked: {number} workers were lost over it.").format(number=TRIES)
