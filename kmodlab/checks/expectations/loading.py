"""Check words about loading and unloading: insmod, rmmod, lsmod, and the modules that modprobe finds."""

from __future__ import annotations

import shlex

from kmodlab.checks.check import Expectation
from kmodlab.checks.check_result import Failure
from kmodlab.checks.context import CheckContext
from kmodlab.checks.expectations.reasons import (
    add_remarks,
    after_command,
    describe_failure,
    describe_other_failure,
    errno_number,
    with_error,
)
from kmodlab.checks.random_values import Value
from kmodlab.errors import GuestError, UsageError
from kmodlab.guest.image import FEW_MODULES_FOLDER
from kmodlab.i18n import _
from kmodlab.kbuild.sources import kmod_name
from kmodlab.submission.learner_sources import LearnerSources
from kmodlab.tracer.observe import Subject
from kmodlab.tracer.remarks import describe_positives
from kmodlab.tracer.run import load_argv

_DEPMOD_S = 40.0


def loads(name: str, **parameters: Value) -> Expectation:
    """The module is built, and insmod loads it with these parameters; init does not return a positive number."""

    def examine(context: CheckContext) -> Failure | None:
        failure = _insert(context, name, parameters)
        if failure:
            return failure
        if not context.result.ok:
            return describe_failure(context, _subject(context, name))
        if not context.is_loaded(name):
            message = _("`{command}` succeeded, but `{name}` is not loaded.")
            return Failure(message.format(command=context.label, name=name))
        positive = next(describe_positives(record.text for record in context.logged()), None)
        if positive:
            return Failure(positive[:1].upper() + positive[1:], hint=_("Init returns 0 if it succeeds."))
        return None

    return Expectation(examine)


def refuses(name: str, error: str, **parameters: Value) -> Expectation:
    """The module is built, but cannot be loaded: insmod fails with the errno `error`, such as "EINVAL"."""
    number = errno_number(error)

    def examine(context: CheckContext) -> Failure | None:
        failure = _insert(context, name, parameters)
        if failure:
            return failure
        if context.result.ok or context.is_loaded(name):
            message = _("`{command}` loaded `{name}`; init should have failed with -{error}.")
            return Failure(add_remarks(context, message.format(command=context.label, name=name, error=error)))
        note = context.step.errno if context.step else None
        if note is None or note.number != number:
            return describe_other_failure(context, error, _subject(context, name))
        if any("Unknown symbol" in record.text for record in context.logged()):
            message = _("`{command}` failed before init was called: {meaning}")
            return Failure(message.format(command=context.label, meaning=note.meaning))
        return None

    return Expectation(examine)


def unloads(name: str) -> Expectation:
    """The module can be unloaded with rmmod."""

    def examine(context: CheckContext) -> Failure | None:
        failure = context.act(["rmmod", kmod_name(name)], f"rmmod {kmod_name(name)}", in_agent=True)
        if failure:
            return failure
        if not context.result.ok:
            subject = context.subject(name, ())
            return describe_failure(context, None if isinstance(subject, Failure) else subject)
        if context.is_loaded(name):
            message = _("`{command}` succeeded, but `{name}` is still loaded.")
            return Failure(message.format(command=context.label, name=name))
        return None

    return Expectation(examine)


# The shell keeps the path open between the two outputs of the count that lsmod shows in its third column.
_COUNT_USERS = 'cat "$2" && exec 3<"$1" && cat "$2"'


def is_used_while_open(name: str, path: str) -> Expectation:
    """While a program has the path open, the module counts as used, so that rmmod fails with EAGAIN."""

    def examine(context: CheckContext) -> Failure | None:
        opened = context.random_values.fill(path)
        count = f"/sys/module/{kmod_name(name)}/refcnt"
        failure = context.act(["sh", "-c", _COUNT_USERS, "sh", opened, count], f": <{opened}")
        if failure:
            return failure
        counts = context.result.stdout.split()
        if not counts:
            return Failure(_("`{name}` is not loaded.").format(name=name))
        if len(counts) < 2 or not context.result.ok:
            with_words, with_status = (
                _("`{path}` cannot be opened: {reason}."),
                _("`{path}` cannot be opened (status {status})."),
            )
            return Failure(with_error(context, with_words, with_status, path=opened))
        if counts[0] != counts[1]:
            return None
        message = _(
            "While a program has `{path}` open, `{name}` does not count as used: rmmod would remove it, and the kernel "
            "would crash when the program closes the file."
        )
        hint = _("Does the struct file_operations of the device say whose it is?")
        return Failure(message.format(path=opened, name=name), hint=hint)

    return Expectation(examine)


def is_loaded(*names: str) -> Expectation:
    """These modules are loaded."""

    def examine(context: CheckContext) -> Failure | None:
        loaded = context.loaded()
        missing = next((name for name in names if kmod_name(name) not in loaded), None)
        if missing is None:
            return None
        reason = after_command(
            context, _("`{name}` is not loaded."), _("`{name}` is not loaded after `{command}`."), name=missing
        )
        return Failure(reason)

    return Expectation(examine)


def is_not_loaded(*names: str) -> Expectation:
    """None of these modules is loaded."""

    def examine(context: CheckContext) -> Failure | None:
        loaded = context.loaded()
        unwanted = next((name for name in names if kmod_name(name) in loaded), None)
        if unwanted is None:
            return None
        reason = after_command(
            context, _("`{name}` is loaded."), _("`{name}` is loaded after `{command}`."), name=unwanted
        )
        return Failure(reason)

    return Expectation(examine)


def _insert(context: CheckContext, name: str, parameters: dict[str, Value]) -> Failure | None:
    ko = context.builds.module(name)
    if isinstance(ko, Failure):
        return ko
    context.put(name, ko)
    words = [f"{key}={value}" for key, value in context.random_values.draw(**parameters).items()]
    argv = load_argv(name, words)
    return context.act(argv, shlex.join(argv), in_agent=True)


def _subject(context: CheckContext, name: str) -> Subject | None:
    """The module as the last insmod loaded it, for the tracer; None if it is not built."""
    assert context.step is not None
    subject = context.subject(name, context.step.argv[2:])
    return None if isinstance(subject, Failure) else subject


def stands_in(name: str, source: str) -> Expectation:
    """Always met. Loads a module of the check's own, given as C, instead of the learner's module of that name."""

    def examine(context: CheckContext) -> None:
        build = context.runner.build(LearnerSources.of([f"%%kmod {name}\n{source}"]), name)
        if build.ko is None:
            message = _("The check's own module {name} could not be built: {reason}")
            raise UsageError(message.format(name=repr(name), reason=build.sentence))
        path = f"/run/{name}.ko"
        context.session.put(path, build.ko)
        result = context.session.run(["insmod", path], in_agent=True)
        if not result.ok:
            message = _("The check's own module {name} could not be loaded: {reason}")
            raise UsageError(message.format(name=repr(name), reason=result.text.strip()))

    return Expectation(examine)


# ---- modprobe ------------------------------------------------------------------------------------------------------


def few_modules() -> Expectation:
    """Always met. Hides all but a few of the kernel's modules, so that depmod is quick."""
    return Expectation(_hide_modules)


def _hide_modules(context: CheckContext) -> None:
    tree = f"/lib/modules/{context.runner.lab.tree.release}/kernel"
    result = context.session.run(["mount", "--bind", f"{FEW_MODULES_FOLDER}/kernel", tree])
    if not result.ok:
        raise GuestError(_("The guest's module tree could not be made small."), details=result.text)


def installs(*names: str) -> Expectation:
    """The modules are built, and the checker installs them below /lib/modules and calls depmod: modprobe finds them."""

    def examine(context: CheckContext) -> Failure | None:
        modules = {name: context.builds.module(name) for name in names}
        for name, ko in modules.items():
            if isinstance(ko, Failure):
                return ko
            context.put(name, ko)
        _hide_modules(context)
        folder = f"/lib/modules/{context.runner.lab.tree.release}/extra"
        context.look(["mkdir", "-p", folder])
        for name in names:
            # Not copied inside the guest, where learners' scripts may have changed the files.
            context.session.put(f"{folder}/{name}.ko", context.modules[name])
        failure = context.act(["depmod", "-a"], "depmod -a", timeout_s=_DEPMOD_S)
        if failure or context.result.ok:
            return failure
        with_words, with_status = (
            _("`{name}.ko` cannot be installed: {reason}."),
            _("`{name}.ko` cannot be installed (status {status})."),
        )
        return Failure(with_error(context, with_words, with_status, name=names[0]))

    return Expectation(examine)


def modprobes(name: str, **parameters: Value) -> Expectation:
    """The module of this name or alias can be loaded with modprobe, together with all modules that it needs."""

    def examine(context: CheckContext) -> Failure | None:
        words = [f"{key}={value}" for key, value in context.random_values.draw(**parameters).items()]
        argv = ["modprobe", name, *words]
        failure = context.act(argv, shlex.join(argv), timeout_s=_DEPMOD_S)
        if failure or context.result.ok:
            return failure
        return describe_failure(context)

    return Expectation(examine)
