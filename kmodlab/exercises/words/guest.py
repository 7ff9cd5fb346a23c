"""Words about what happens in a guest: loading, unloading, the log, files, commands.

They are met one after the other, in the same guest. `logs` and `prints` are about the last thing that was done.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Sequence

from kmodlab.build.sources import kmod_name
from kmodlab.errors import GuestError, UsageError
from kmodlab.evidence.errnos import ErrnoNote
from kmodlab.evidence.trial import PLACE, load_argv
from kmodlab.exercises.check import Expectation, Miss
from kmodlab.exercises.draws import Value
from kmodlab.exercises.scene import Scene

_SCRIPT = "/run/script"
_SCRIPT_S = 25.0
# What the kernel itself says of a module that it refuses (kernel/module/main.c, kernel/params.c).
_REFUSAL = re.compile(r"Unknown symbol|unknown parameter|invalid for parameter|version magic|disagrees about|GPL-inc")


# ---- loading and unloading -----------------------------------------------------------------------------------------


def loads(name: str, **parameters: Value) -> Expectation:
    """The module is built, and insmod loads it, with these parameters."""

    def examine(scene: Scene) -> Miss | None:
        miss = _insert(scene, name, parameters)
        if miss:
            return miss
        if not scene.result.ok:
            return Miss(f"`{scene.label}` failed{_why(scene)}")
        return None if scene.is_loaded(name) else Miss(f"`{scene.label}` said nothing, but `{name}` is not loaded.")

    return Expectation(f"`{name}` can be loaded.", examine)


def refuses(name: str, error: str, **parameters: Value) -> Expectation:
    """The module is built, but cannot be loaded: insmod fails with the errno `error`, such as "EINVAL"."""
    number = _number(error)

    def examine(scene: Scene) -> Miss | None:
        miss = _insert(scene, name, parameters)
        if miss:
            return miss
        if scene.result.ok or scene.is_loaded(name):
            return Miss(f"`{scene.label}` loaded `{name}`; init should have failed with -{error}.")
        note = _note(scene)
        if note is None or note.number != number:
            return Miss(f"`{scene.label}` failed, but not with {error}{_why(scene)}")
        symbol = any("Unknown symbol" in record.text for record in scene.logged())
        return Miss(f"`{scene.label}` failed before init was called{_why(scene)}") if symbol else None

    return Expectation(f"`{name}` cannot be loaded: {error}.", examine)


def unloads(name: str) -> Expectation:
    """Rmmod removes the module."""

    def examine(scene: Scene) -> Miss | None:
        miss = scene.act(["rmmod", kmod_name(name)], f"rmmod {kmod_name(name)}")
        if miss:
            return miss
        if not scene.result.ok:
            return Miss(f"`{scene.label}` failed{_why(scene)}")
        return Miss(f"`{scene.label}` said nothing, but `{name}` is still loaded.") if scene.is_loaded(name) else None

    return Expectation(f"`{name}` can be unloaded.", examine)


def is_loaded(*names: str) -> Expectation:
    """These modules are loaded now."""

    def examine(scene: Scene) -> Miss | None:
        loaded = scene.loaded()
        missing = next((name for name in names if kmod_name(name) not in loaded), None)
        return Miss(f"`{missing}` is not loaded{_after(scene)}.") if missing else None

    return Expectation(f"{_list(names)} loaded.", examine)


def is_not_loaded(*names: str) -> Expectation:
    """None of these modules is loaded now."""

    def examine(scene: Scene) -> Miss | None:
        loaded = scene.loaded()
        there = next((name for name in names if kmod_name(name) in loaded), None)
        return Miss(f"`{there}` is loaded{_after(scene)}.") if there else None

    return Expectation(f"{_list(names)} not loaded.", examine)


def _list(names: Sequence[str]) -> str:
    return f"{', '.join(f'`{name}`' for name in names)} {'is' if len(names) == 1 else 'are'}"


def _after(scene: Scene) -> str:
    return f" after `{scene.label}`" if scene.label else ""


def _insert(scene: Scene, name: str, parameters: dict[str, Value]) -> Miss | None:
    ko = scene.module(name)
    if isinstance(ko, Miss):
        return ko
    scene.put(name, ko)
    words = [f"{key}={value}" for key, value in scene.drawn.draw(**parameters).items()]
    shown = "".join(f" {key}=…" for key in parameters)
    return scene.act(load_argv(name, words), f"insmod {name}.ko{shown}")


def _number(error: str) -> int:
    found = getattr(errno, error, None)
    if not isinstance(found, int):
        raise UsageError(f"There is no errno {error!r}.", hint='Write it as in C, for instance "EINVAL".')
    return found


def _note(scene: Scene) -> ErrnoNote | None:
    return scene.step.errno if scene.step else None


def _why(scene: Scene) -> str:
    """Why a command failed, as the end of a sentence: the errno, and the kernel's own words where it has some."""
    note = _note(scene)
    said = next((record.text for record in scene.logged() if _REFUSAL.search(record.text)), "")
    if said and not _drawn_in(scene, said):
        return f". The kernel says: {said}"
    return f" with {note.sentence}" if note else f" (status {scene.result.status})."


def _drawn_in(scene: Scene, text: str) -> bool:
    """Whether a value that was drawn may stand in a text; it would be another one in the next run."""
    return "invalid for parameter" in text and "…" in scene.label


# ---- the log -------------------------------------------------------------------------------------------------------


def logs(*texts: str, times: int | str | None = None, level: str | None = None, within: float = 0) -> Expectation:
    """What was done last made the kernel log these texts, in this order; capitals do not matter.

    `times`: so many lines have the (only) text in them. `level`: at that level, such as "INFO". `within`: they may
    come so many seconds later.
    """

    def examine(scene: Scene) -> Miss | None:
        wanted = [scene.drawn.fill(text).casefold() for text in texts]
        number = None if times is None else int(scene.drawn.fill(times))

        def found() -> list[int]:
            return _find_in_order([record.text.casefold() for record in scene.logged()], wanted)

        scene.wait_for_log(lambda: len(found()) == len(wanted), within)
        places = found()
        if len(places) < len(wanted):
            return _not_logged(scene, texts[len(places)], wanted[len(places)])
        hits = [record for record in scene.logged() if wanted[0] in record.text.casefold()]
        if number is not None and len(hits) != number:
            return Miss(f"`{texts[0]}` was not logged as often as it should be{_by(scene)}.")
        if level and any(scene.logged()[place].level_name != level for place in places):
            return Miss(f"`{texts[0]}` was logged, but not at the level {level}.")
        return None

    return Expectation(f"The kernel logs {', then '.join(f'`{text}`' for text in texts)}.", examine)


def logs_nothing_like(pattern: str) -> Expectation:
    """What was done last logged no line in which the regular expression is found; capitals do not matter."""

    def examine(scene: Scene) -> Miss | None:
        wanted = re.compile(scene.drawn.fill(pattern), re.IGNORECASE)
        hit = any(wanted.search(record.text) for record in scene.logged())
        return Miss(f"Something like `{pattern}` was logged{_by(scene)}, and should not be.") if hit else None

    return Expectation(f"The kernel logs nothing like `{pattern}`.", examine)


def _find_in_order(lines: list[str], wanted: list[str]) -> list[int]:
    """The places of the wanted texts, each behind the one before; as many as are found."""
    places: list[int] = []
    for text in wanted:
        start = places[-1] + 1 if places else 0
        place = next((number for number in range(start, len(lines)) if text in lines[number]), None)
        if place is None:
            break
        places.append(place)
    return places


def _not_logged(scene: Scene, text: str, wanted: str) -> Miss:
    if any(wanted in record.text.casefold() for record in scene.logged()):
        return Miss(f"`{text}` was logged{_by(scene)}, but in another order.")
    return Miss(f"`{text}` was not logged{_by(scene)}.")


def _by(scene: Scene) -> str:
    return f" by `{scene.label}`" if scene.label else ""


# ---- files and commands --------------------------------------------------------------------------------------------


def creates(path: str, *, mode: str | None = None, kind: str | None = None) -> Expectation:
    """The path is there now. `mode` as in "0644"; `kind` as stat says it: "character special file", "directory"."""

    def examine(scene: Scene) -> Miss | None:
        found = scene.look(["stat", "-c", "%a %F", scene.drawn.fill(path)]).strip()
        if not found:
            return Miss(f"`{path}` is not there{_after(scene)}.")
        own_mode, _, own_kind = found.partition(" ")
        if mode is not None and int(own_mode, 8) != int(mode, 8):
            return Miss(f"`{path}` has the permissions {own_mode:>04}, not {mode}.")
        return Miss(f"`{path}` is no {kind}, but a {own_kind}.") if kind and own_kind != kind else None

    return Expectation(f"`{path}` is there.", examine)


def removes(path: str) -> Expectation:
    """The path is not there (any more)."""

    def examine(scene: Scene) -> Miss | None:
        there = scene.look(["stat", "-c", "%F", scene.drawn.fill(path)])
        return Miss(f"`{path}` is still there{_after(scene)}.") if there else None

    return Expectation(f"`{path}` is gone.", examine)


def holds(path: str, text: str | int) -> Expectation:
    """What can be read from the path is this text, blanks at its ends left aside."""

    def examine(scene: Scene) -> Miss | None:
        miss = scene.act(["cat", scene.drawn.fill(path)], f"cat {path}")
        if miss:
            return miss
        if not scene.result.ok:
            return Miss(f"`{path}` cannot be read{_command_error(scene)}.")
        met = scene.result.stdout.decode("utf-8", "replace").strip() == scene.drawn.fill(text).strip()
        return None if met else Miss(f"`{path}` does not hold what it should ({_shown(text)}).")

    return Expectation(f"`{path}` holds {_shown(text)}.", examine)


def _shown(text: str | int) -> str:
    return f"`{text}`"


def runs(command: str, **values: Value) -> Expectation:
    """The command, a line for the guest's shell, succeeds. `{name}` in it stands for a value."""

    def examine(scene: Scene) -> Miss | None:
        miss = _shell(scene, command, values)
        if miss or scene.result.ok:
            return miss
        return Miss(f"`{command}` failed{_command_error(scene)}.")

    return Expectation(f"`{command}` succeeds.", examine)


def fails(command: str, error: str | None = None, **values: Value) -> Expectation:
    """The command fails; with the errno `error`, if that is given."""
    words = os.strerror(_number(error)) if error else ""

    def examine(scene: Scene) -> Miss | None:
        miss = _shell(scene, command, values)
        if miss:
            return miss
        if scene.result.status == 0:
            return Miss(f"`{command}` succeeded, and should fail{f' with {error}' if error else ''}.")
        met = words.casefold() in scene.result.text.casefold()
        return None if met else Miss(f"`{command}` failed, but not with {error}{_command_error(scene)}.")

    return Expectation(f"`{command}` fails{f' with {error}' if error else ''}.", examine)


def prints(*texts: str, exactly: bool = False) -> Expectation:
    """What was run last printed these texts, in this order; with `exactly`, nothing else than the one text."""

    def examine(scene: Scene) -> Miss | None:
        printed = scene.result.text
        wanted = [scene.drawn.fill(text) for text in texts]
        if exactly:
            met = printed.strip() == wanted[0].strip()
            return None if met else Miss(f"`{scene.label}` did not print exactly `{texts[0]}`.")
        for number, text in enumerate(wanted):
            _, found, printed = printed.partition(text)
            if not found:
                return Miss(f"`{scene.label}` did not print `{texts[number]}`.")
        return None

    return Expectation(f"It prints {', then '.join(f'`{text}`' for text in texts)}.", examine)


def prints_nothing_like(pattern: str) -> Expectation:
    """What was run last printed nothing in which the regular expression is found."""

    def examine(scene: Scene) -> Miss | None:
        hit = re.search(scene.drawn.fill(pattern), scene.result.text)
        return Miss(f"`{scene.label}` printed something like `{pattern}`.") if hit else None

    return Expectation(f"It prints nothing like `{pattern}`.", examine)


def runs_script(name: str) -> Expectation:
    """The learner's `%%kscript` of that name runs, with all that was built in /root; its status does not matter."""

    def examine(scene: Scene) -> Miss | None:
        if name not in scene.work.scripts:
            return Miss(f"There is no script `{name}` yet.", hint=f"Run the cell that begins with `%%kscript {name}`.")
        for unit in scene.work.units:
            made = scene.build(unit)
            if isinstance(made, Miss):
                return made
            for module, ko in made.modules.items():
                scene.put(module, ko)
        mounts = scene.look(["cat", "/proc/self/mounts"])
        scene.session.put(_SCRIPT, scene.work.scripts[name].encode())
        miss = scene.act(["sh", _SCRIPT], f"script {name}", timeout_s=_SCRIPT_S)
        if miss:
            return miss
        # What is mounted over a tool or a file of the kernel's would answer in its stead.
        changed = scene.look(["cat", "/proc/self/mounts"]) != mounts
        return Miss("The script mounts something, and it need not.") if changed else None

    return Expectation(f"The script `{name}` runs.", examine)


def _shell(scene: Scene, command: str, values: dict[str, Value]) -> Miss | None:
    scene.drawn.draw(**values)
    return scene.act(["sh", "-c", scene.drawn.fill(command)], command)


def _command_error(scene: Scene) -> str:
    """The end of the last error line: what the errno is called."""
    lines = scene.result.stderr.decode("utf-8", "replace").strip().splitlines()
    words = lines[-1].rpartition(": ")[2] if lines else ""
    known = words in {os.strerror(number) for number in errno.errorcode}
    return f": {words}" if known else f" (status {scene.result.status})"


# ---- kmod's tree ---------------------------------------------------------------------------------------------------


# depmod reads every module there is, thousands, which takes an emulated guest half a minute. So only a few are left in
# sight: those that checks and devices need, each with what it needs itself.
_FEW = ("dummy", "xhci_pci", "usbhid", "crc16", "libcrc32c")
_HIDE_OTHERS = """
kernel=/lib/modules/$(uname -r)/kernel
mkdir -p /run/few
for file in $(for name in "$@"; do modprobe --show-depends "$name"; done | sed -n 's/^insmod //p' | sort -u); do
    mkdir -p "/run/few/$(dirname "${file#$kernel/}")"
    cp "$file" "/run/few/${file#$kernel/}"
done
mount --bind /run/few "$kernel"
"""


def few_modules() -> Expectation:
    """Nothing is expected: only a few of the kernel's modules are left in sight, so that depmod is quick."""

    def examine(scene: Scene) -> Miss | None:
        done = scene.session.run(["sh", "-c", _HIDE_OTHERS, "sh", *_FEW])
        if not done.ok:
            raise GuestError("The guest's module tree could not be made small.", details=done.text)
        return None

    return Expectation("Only a few modules are in sight.", examine)


def installs(name: str) -> Expectation:
    """The module is built, and the checker installs it below /lib/modules and calls depmod: `modprobe` finds it."""

    def examine(scene: Scene) -> Miss | None:
        ko = scene.module(name)
        if isinstance(ko, Miss):
            return ko
        scene.put(name, ko)
        few_modules().examine(scene)
        place = "/lib/modules/$(uname -r)/extra"
        command = f'mkdir -p {place} && cp {PLACE}/"$1".ko {place} && depmod -a'
        miss = scene.act(
            ["sh", "-c", command, "sh", name], f"depmod -a (with {name}.ko installed)", timeout_s=_SCRIPT_S
        )
        if miss or scene.result.ok:
            return miss
        return Miss(f"`{name}.ko` cannot be installed{_command_error(scene)}.")

    return Expectation(f"`{name}` can be installed.", examine)


def modprobes(name: str, **parameters: Value) -> Expectation:
    """Modprobe finds the module, or what has this alias, and loads it with all that it needs."""

    def examine(scene: Scene) -> Miss | None:
        words = [f"{key}={value}" for key, value in scene.drawn.draw(**parameters).items()]
        miss = scene.act(["modprobe", name, *words], f"modprobe {name}", timeout_s=_SCRIPT_S)
        if miss or scene.result.ok:
            return miss
        return Miss(f"`modprobe {name}` failed{_why(scene)}")

    return Expectation(f"`modprobe {name}` succeeds.", examine)
