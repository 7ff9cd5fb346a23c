"""Licences, each in a module of its own: the check word says what the kernel says when it loads the module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kmodlab.checks.check_result import CheckResult, Status
from kmodlab.checks.evaluate import evaluate
from kmodlab.checks.learner_builds import LearnerBuilds
from kmodlab.checks.registry import read_check
from kmodlab.checks.runner import CheckRunner
from kmodlab.crash.records import LogRecord
from kmodlab.elf.licence import GPL_COMPATIBLE, is_gpl_compatible, licence_of
from kmodlab.elf.module import read_module
from kmodlab.guest.lab import Lab
from kmodlab.submission.learner_sources import LearnerSources
from kmodlab.tracer.remarks import find_remarks

# Each licence as in C, and words of the reason why it is not free; empty if it is.
STATED: dict[str, tuple[str, str]] = {
    "gplv2": ('"GPLv2"', 'does not take `"GPLv2"` for a free licence'),
    "before": ('"Proprietary"); MODULE_LICENSE("GPL"', '`"Proprietary"`'),
    "after": ('"GPL"); MODULE_LICENSE("Proprietary"', '`"Proprietary"`'),
    "dual": ('"Dual" " MIT/GPL"', ""),
    **{f"free{number}": (f'"{licence}"', "") for number, licence in enumerate(GPL_COMPATIBLE)},
    "gplv3": ('"GPLv3"', 'does not take `"GPLv3"`'),
    "spdx": ('"GPL-2.0-or-later"', 'does not take `"GPL-2.0-or-later"`'),
    "lower": ('"gpl"', 'does not take `"gpl"`'),
    "space": ('"GPL "', 'does not take `"GPL "`'),
    "proprietary": ('"Proprietary"', 'does not take `"Proprietary"`'),
    "twice": ('"GPL v2"); MODULE_LICENSE("Dual BSD/GPL"', ""),
}
HIDDEN = '"GPL\\0for files in the folder gpl only"'
MODULES = {name: licence for name, (licence, _why) in STATED.items()} | {"hidden": HIDDEN}
SHORT = ("gplv2", "before", "after", "dual", "hidden")
NAMES = [pytest.param(name, marks=() if name in SHORT else pytest.mark.long) for name in STATED]


def source(licence: str) -> str:
    return f"#include <linux/module.h>\nMODULE_LICENSE({licence});\n"


@pytest.fixture(scope="module")
def runner(lab: Lab) -> Iterator[CheckRunner]:
    with CheckRunner(lab) as runner:
        yield runner


def work_with(name: str) -> LearnerSources:
    """The module of that name, and others that are built with it."""
    names = [other for other in MODULES if (other in SHORT) is (name in SHORT)]
    cells = [f"%%kfile {other}.c\n{source(MODULES[other])}" for other in names]
    return LearnerSources.of(["%%makefile all\nobj-m += " + " ".join(f"{other}.o" for other in names), *cells])


def judged(runner: CheckRunner, words: str, work: LearnerSources) -> CheckResult:
    return evaluate(read_check(f'check("c", {words})'), work, runner)


@pytest.mark.parametrize("name", NAMES)
def test_a_licence_is_free_if_the_kernel_takes_it_for_free(runner: CheckRunner, name: str) -> None:
    work, why = work_with(name), STATED[name][1]
    result = judged(runner, f'has_free_licence("{name}")', work)
    assert result.status is (Status.FAILED if why else Status.PASSED), result.reason
    assert why in result.reason
    assert not why or '"GPL and additional rights"' in result.hints[0]
    module = LearnerBuilds(work, runner).module(name)
    assert isinstance(module, bytes)
    taints = not is_gpl_compatible(licence_of(read_module(module).modinfo) or "")
    taint = f'loads("{name}"), runs("cat /sys/module/{name}/taint"), prints("P")'
    assert judged(runner, taint, work).status is (Status.PASSED if taints else Status.FAILED)


def test_a_licence_that_the_kernel_does_not_know_is_a_remark(runner: CheckRunner) -> None:
    message = "gplv2: module license 'GPLv2' taints kernel."
    assert judged(runner, f'loads("gplv2"), logs("{message}")', work_with("gplv2")).reason == ""
    (remark,) = find_remarks(["insmod", "gplv2.ko"], [LogRecord(1, 1.0, 4, 0, message)], (), {})
    assert 'does not take "GPLv2" for a free licence' in remark
    assert not find_remarks([], [LogRecord(1, 1.0, 4, 0, message.replace("GPLv2", "Proprietary"))], (), {})


def test_what_a_licence_hides_behind_a_nul_byte_is_refused_though_the_kernel_takes_it(runner: CheckRunner) -> None:
    work = work_with("hidden")
    assert judged(runner, 'loads("hidden"), logs_nothing_like("license")', work).reason == ""
    for words in ('has_free_licence("hidden")', 'declares("hidden", "license")'):
        result = judged(runner, words, work)
        assert result.status is Status.FAILED
        assert "reads only `GPL`, and `for files in the folder gpl only` after it is hidden" in result.reason
