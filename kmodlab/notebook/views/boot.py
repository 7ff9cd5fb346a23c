"""Shows a boot with a learner's driver in the kernel: its place in the order of init calls, and what remains of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import PurePosixPath

from kmodlab.crash.boot_log import InitcallRun, find_initcall_runs
from kmodlab.crash.records import LogRecord
from kmodlab.elf.contents import MalformedError
from kmodlab.elf.database_text import name_of, parse_paths
from kmodlab.elf.initcalls import Initcall, find_initcalls
from kmodlab.elf.object_file import read_object
from kmodlab.elf.purposes import init_level_purpose
from kmodlab.i18n import _, ngettext
from kmodlab.kbuild.intree_result import InTreeBuild
from kmodlab.kbuild.sources import kmod_name
from kmodlab.notebook.render.parts import Level, Message, Part
from kmodlab.notebook.views.table import Column, ColumnKind, Table

_AROUND = 2  # calls that are shown before and after the learner's call, if he has one
_FEW = 3  # up to so many calls of the learner's, each is shown with the calls around it


def boot_parts(build: InTreeBuild, records: Sequence[LogRecord], seconds: float, loaded: Collection[str]) -> list[Part]:
    """The parts that show a boot: its time, the learner's calls among the others, and facts about the drivers."""
    booted = _("The kernel booted, and its guest answered after {seconds:.1f} s.").format(seconds=seconds)
    runs = find_initcall_runs(records)
    levels = _levels(build)
    own = _own_functions(build)
    parts: list[Part] = [Message(booted, Level.GOOD)]
    parts += [_calls(runs, levels, own)] if runs else []
    parts += [Message(sentence) for sentence in _facts(build, loaded, own)]
    return parts


def say_what_is_built(build: InTreeBuild) -> list[str]:
    """A sentence for each of the learner's sources: built in, a module, or left out; empty if the build failed."""
    if not build.passed:
        return []
    sentences = []
    for path in (path for path in build.change.texts if path.endswith(".c")):
        name = kmod_name(PurePosixPath(path).stem)
        if name in map(kmod_name, build.modules):
            sentence = _("`{path}` is a module in the tree: `{name}.ko`.")
        elif path in build.objects:
            sentence = _("`{path}` is built in: a part of the kernel's image.")
        else:
            sentence = _("`{path}` is left out: nothing was compiled from it.")
        sentences.append(sentence.format(path=path, name=PurePosixPath(path).stem))
    return sentences


def _levels(build: InTreeBuild) -> dict[str, Initcall]:
    try:
        return {call.function: call for call in find_initcalls(read_object(build.vmlinux))}
    except MalformedError:
        return {}


def _own_functions(build: InTreeBuild) -> dict[str, str]:
    """The learner's built-in init functions -> the names of their drivers."""
    found: dict[str, str] = {}
    for path, data in build.objects.items():
        name = kmod_name(PurePosixPath(path).stem)
        try:
            calls = find_initcalls(read_object(data))
        except MalformedError:
            continue
        found |= {call.function: name for call in calls}
    return found


def _calls(runs: Sequence[InitcallRun], levels: dict[str, Initcall], own: dict[str, str]) -> Part:
    mine = [number for number, run in enumerate(runs) if run.function in own]
    if not mine:
        none = ngettext(
            "{number} init function was called while it booted; none is yours.",
            "{number} init functions were called while it booted; none is yours.",
            len(runs),
        )
        return Message(none.format(number=len(runs)))
    around = _AROUND if len(mine) < 2 else int(len(mine) <= _FEW)
    shown = {number + step for number in mine for step in range(-around, around + 1)}
    numbers = sorted(shown.intersection(range(len(runs))))
    rows = [_row(number, runs[number], levels, own) for number in numbers]
    bold = frozenset(row for row, number in enumerate(numbers) if runs[number].function in own)
    caption = ngettext(
        "{number} init function was called while it booted; around yours:",
        "{number} init functions were called while it booted; around yours:",
        len(runs),
    )
    columns = (
        Column(_("no."), ColumnKind.NUMBER),
        Column(_("time"), ColumnKind.NUMBER),
        Column(_("function"), ColumnKind.CODE),
        Column(_("level")),
        Column(_("returned"), ColumnKind.NUMBER),
        Column(_("what yours logged")),
    )
    return Table(caption.format(number=len(runs)), columns, rows, bold=bold)


def _row(number: int, run: InitcallRun, levels: dict[str, Initcall], own: Collection[str]) -> tuple[str, ...]:
    call = levels.get(run.function)
    purpose = init_level_purpose(call.level).partition(":")[0] if call else ""
    level = f"{call.level} ({purpose})" if call and purpose else (call.level if call else "")
    returned = "–" if run.returned is None else str(run.returned)
    logged = ", ".join(f"`{record.text}`" for record in run.messages) if run.function in own else ""
    return str(number + 1), f"{run.time_s:.6f}", run.function, level, returned, logged


def _facts(build: InTreeBuild, loaded: Collection[str], own: dict[str, str]) -> list[str]:
    """Sentences about each of the learner's drivers."""
    builtin = {name_of(path) for path in parse_paths(build.databases.get("modules.builtin", b"")[: 1 << 20])}
    sentences = []
    for name in dict.fromkeys(own.values()):
        state = _("lists it") if name in loaded else _("does not list it")
        there = _("has it") if name in builtin else _("does not have it")
        sentence = _("`{name}` is built in: `lsmod` {state}, `modules.builtin` {there}, and nothing can unload it.")
        sentences.append(sentence.format(name=name, state=state, there=there))
    for name in build.modules:
        sentences.append(_("`{name}.ko` is in the guest's /root: `%insmod {name}.ko` loads it.").format(name=name))
    return sentences
