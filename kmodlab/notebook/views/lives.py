"""Compares a built-in driver and a module of the same source, as data, table and picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kmodlab.crash.boot_log import InitcallRun
from kmodlab.crash.records import LogRecord
from kmodlab.elf.purposes import init_level_purpose
from kmodlab.i18n import _
from kmodlab.notebook.render.svg import Sheet
from kmodlab.notebook.views.table import Column, Table
from kmodlab.notebook.views.view import Picture, View

_WIDTH, _LANE, _TOP = 900, 112, 62  # pixels: the picture's width, a lane's height, the space above the lanes
_BOOT_X, _RUN_X, _DOWN_X, _END_X = 140, 330, 710, 884  # where the kernel boots, runs and shuts down
_BOX_W, _BOX_H = 150, 44
_EXIT_X = _DOWN_X - _BOX_W - 14
_LONGEST = 16  # characters of a function's name


@dataclass(frozen=True)
class Presence:
    """The presence of a driver in a guest.

    `is_loaded` is according to lsmod, `is_builtin` according to modules.builtin; `folder` lists its folder in
    /sys/module, empty if it has none.
    """

    is_loaded: bool
    is_builtin: bool
    folder: tuple[str, ...] = ()


@dataclass(frozen=True)
class Life:
    """The observed life of one driver.

    `run` is the call of its init function, None if it was not called. `place` is its place in the order of the boot,
    and `caller` the command that loaded a module; one of the two is empty. `parameters` are those that were set.
    `removal` is rmmod's error message, empty if rmmod succeeded, and `exit_records` are the kernel's messages during
    it. `exit` is the name of its exit function, empty if it has none; `exit_is_dropped` says whether the linker dropped
    the pointer to it.
    """

    name: str
    run: InitcallRun | None
    parameters: tuple[str, ...]
    presence: Presence
    removal: str
    exit: str
    place: str = ""
    caller: str = ""
    exit_records: tuple[LogRecord, ...] = ()
    exit_is_dropped: bool = False

    @property
    def exit_runs(self) -> bool:
        """Whether its exit function was called."""
        return bool(self.exit and not self.exit_is_dropped and not self.removal)

    @property
    def called_by(self) -> str:
        """The caller of init, in a word or two."""
        return self.caller.partition(" ")[0] or _("the kernel")


@dataclass(frozen=True)
class Lives:
    """The path of a driver's source in the tree, and its two lives."""

    path: str
    builtin: Life
    module: Life


def place_words(number: int, total: int, level: str) -> str:
    """The place of an init function in the order of the boot, in words; `number` counts from 0."""
    purpose = init_level_purpose(level).partition(":")[0]
    where = _("no. {number} of {total}, level {level}").format(number=number + 1, total=total, level=level)
    return f"{where} ({purpose})" if purpose else where


# ---- table ---------------------------------------------------------------------------------------------------------


def lives_table(lives: Lives) -> View:
    """A table with a question in each row, and the answers for both drivers."""
    sides = [list(_answers(life)) for life in (lives.builtin, lives.module)]
    questions = (
        _("Who calls init?"),
        _("When?"),
        _("What does it log?"),
        _("How is a parameter set?"),
        _("Is it in `lsmod`?"),
        _("Is it in `modules.builtin`?"),
        _("What is in `/sys/module`?"),
        _("What does `rmmod` do?"),
        _("When does exit run?"),
    )
    rows = list(zip(questions, *sides, strict=True))
    names = [f"{title}: {life.name}" for title, life in zip(_titles(), (lives.builtin, lives.module), strict=True)]
    return View([Table("", (Column(_("question")), *(Column(name) for name in names)), rows)])


def _titles() -> tuple[str, str]:
    return _("built in"), _("module")


def _answers(life: Life) -> Iterator[str]:
    run, presence = life.run, life.presence
    yield _caller(life)
    if run is None:
        yield from (_("never"), _("nothing"))
    else:
        when = _("at {time:.6f} s, when it is loaded") if life.caller else _("at {time:.6f} s, while the kernel boots")
        yield when.format(time=run.time_s)
        yield _messages(run.messages)
    yield _parameters(life)
    yield _("yes") if presence.is_loaded else _("no")
    yield _("yes") if presence.is_builtin else _("no")
    yield f"`{life.name}/`: {', '.join(presence.folder)}" if presence.folder else _("nothing")
    yield f"`{life.removal}`" if life.removal else _("it unloads it")
    yield _exit(life)


def _caller(life: Life) -> str:
    if life.run is None:
        return _("nobody")
    if life.caller:
        return _("`{command}`, in process {pid}").format(command=life.caller, pid=life.run.pid)
    return _("the kernel, in process {pid}: {place}").format(pid=life.run.pid, place=life.place)


def _messages(records: tuple[LogRecord, ...]) -> str:
    return ", ".join(f"`{record.text}`" for record in records) or _("nothing")


def _parameters(life: Life) -> str:
    if not life.parameters:
        return _("none is set")
    words = " ".join(life.parameters)
    where = _("`{words}`, for insmod") if life.caller else _("`{words}`, on the kernel's command line")
    return where.format(words=words)


def _exit(life: Life) -> str:
    if not life.exit:
        return _("never: it has none")
    if life.exit_is_dropped:
        return _("never: the linker dropped the pointer to `{function}`").format(function=life.exit)
    if not life.exit_runs:
        return _("not yet: it is still there")
    return _("when it is unloaded; it logs {messages}").format(messages=_messages(life.exit_records))


# ---- picture -------------------------------------------------------------------------------------------------------


def lives_picture(lives: Lives) -> Picture:
    """A picture of both over time, while the kernel boots, runs, and shuts down; not to scale."""
    words = "\n".join(_words(life, title) for life, title in zip((lives.builtin, lives.module), _titles(), strict=True))
    title = _("{path}, built in and as a module").format(path=lives.path)
    sheet = Sheet(_WIDTH, _TOP + 2 * _LANE + 10, title, words)
    sheet.text(16, 24, title, "bold")
    for x, name in (
        (_BOOT_X, _("the kernel boots")),
        (_RUN_X, _("it runs")),
        (_DOWN_X, _("it shuts down")),
    ):
        sheet.text(x + 8, 50, name, "soft")
        sheet.path(f"M{x} 38V{sheet.height - 10:g}", "rule")
    for number, (life, kind) in enumerate(zip((lives.builtin, lives.module), _titles(), strict=True)):
        _lane(sheet, _TOP + number * _LANE, life, kind)
    return Picture(sheet.render_file(), f"{title}\n{words}")


def _words(life: Life, title: str) -> str:
    if life.run is None:
        return _("{kind}, {name}: init is never called").format(kind=title, name=life.name)
    sentence = _("{kind}, {name}: {init}() at {time:.6f} s, called by {caller}; {exit}() {end}")
    end = _("when it is unloaded") if life.exit_runs else _("is never called")
    return sentence.format(
        kind=title,
        name=life.name,
        init=life.run.function,
        time=life.run.time_s,
        caller=life.called_by,
        exit=life.exit or "exit",
        end=end,
    )


def _lane(sheet: Sheet, top: float, life: Life, kind: str) -> None:
    middle = top + 28 + _BOX_H / 2
    sheet.text(16, middle - 4, kind, "bold")
    sheet.text(16, middle + 14, life.name, "mono small")
    if life.run is None:
        sheet.text(_BOOT_X + 8, middle, _("init is never called"), "soft")
        return
    y, start = top + 28, (_RUN_X if life.caller else _BOOT_X) + 14
    end, line_end = (_EXIT_X, _EXIT_X) if life.exit_runs else (_DOWN_X + 12, _END_X)
    sheet.path(f"M{start + _BOX_W} {middle:g}H{line_end}", "dots")
    state = _("a part of the kernel") if life.presence.is_builtin else _("loaded")
    sheet.text((start + _BOX_W + end) / 2, middle - 7, state, "small middle")
    called = _("called by {caller}, process {pid}").format(caller=life.called_by, pid=life.run.pid)
    _box(sheet, start, y, life.run.function, f"{life.run.time_s:.6f} s", called)
    if life.exit_runs:
        time = f"{life.exit_records[0].time_s:.6f} s" if life.exit_records else ""
        _box(sheet, end, y, life.exit, time, _("called by {caller}").format(caller="rmmod"))
    elif life.exit:
        _never(sheet, end, y, life.exit)


def _box(sheet: Sheet, x: float, y: float, function: str, below: str, above: str) -> None:
    sheet.box(x, y, _BOX_W, _BOX_H, "chosen", round_by=5)
    sheet.text(x + 8, y + 19, f"{function[:_LONGEST]}()", "mono")
    sheet.text(x + 8, y + 36, below, "small")
    sheet.text(x, y + _BOX_H + 16, above, "small soft")


def _never(sheet: Sheet, x: float, y: float, function: str) -> None:
    """Draw a dashed box for a function that is never called."""
    sheet.box(x, y, _BOX_W, _BOX_H, "paper", round_by=5)
    dashes = [f"M{at} {edge}h6" for at in range(int(x) + 4, int(x) + _BOX_W - 8, 11) for edge in (y, y + _BOX_H)]
    dashes += [f"M{edge} {at}v6" for at in range(int(y) + 4, int(y) + _BOX_H - 8, 11) for edge in (x, x + _BOX_W)]
    sheet.path(" ".join(dashes), "line")
    sheet.text(x + 8, y + 19, f"{function[:_LONGEST]}()", "mono")
    sheet.text(x + 8, y + 36, _("is never called"), "small")
