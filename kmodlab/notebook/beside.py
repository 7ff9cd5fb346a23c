"""`%beside`: compares a driver that is built into the running kernel with the same source as a module.

Both are observed: the calls of init are in the kernel's log (initcall_debug), and the presence of each driver is read
from the guest.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from kmodlab.crash.boot_log import OPTION, find_initcall_runs
from kmodlab.crash.records import parse_kmsg
from kmodlab.elf.linked import Fate, find_linked
from kmodlab.elf.object_file import read_object
from kmodlab.errors import UsageError
from kmodlab.guest.agent.client import Result
from kmodlab.guest.boot_session import BootSession
from kmodlab.i18n import _
from kmodlab.kbuild.intree import build_as_module
from kmodlab.kbuild.intree_result import InTreeBuild
from kmodlab.kbuild.sources import kmod_name
from kmodlab.notebook.intree import find_builtin
from kmodlab.notebook.magic import MagicOptions, show, show_view
from kmodlab.notebook.render.action import action_parts
from kmodlab.notebook.state import NotebookState
from kmodlab.notebook.views.lives import Life, Lives, Presence, lives_picture, lives_table, place_words
from kmodlab.tracer.run import GUEST_FOLDER, load_argv

_SUFFIX = "_module"  # /sys/module cannot have two drivers of one name
_EXITCALL = "__exitcall_"  # prefix of the pointer to an exit function (linux/init.h, __exitcall())
_DEBUG = f"/sys/module/kernel/parameters/{OPTION}"

BESIDE_OPTIONS = MagicOptions("%beside")
BESIDE_OPTIONS.add_argument("name", help=_("The driver, which %%boot has built in."))
BESIDE_OPTIONS.add_argument("-p", "--picture", action="store_true", help=_("Draw it, instead of a table."))

BESIDE_HELP = BESIDE_OPTIONS.explain(
    _("""\
Show a driver that is built into the kernel that %boot has booted, beside the same source as a module.

    %beside hello                a table: who calls init, when, what there is of it then, what becomes of exit
    %beside hello --picture      the same over time

The module is built of the same text for the same kernel, by another name. It is loaded into the guest with the same
parameters, and unloaded again.
""")
)

# Prints what the guest has of a driver, a line for each fact.
_FACTS = r"""
name=$1
grep -q "^$name " /proc/modules && echo loaded
tr - _ <"/lib/modules/$(uname -r)/modules.builtin" | grep -q "/$name\.ko$" && echo builtin
cd "/sys/module/$name" 2>/dev/null || exit 0
for one in *; do echo "has $one"; done
"""


@dataclass
class _Seen:
    """The last comparison, kept so that a picture after its table needs no second run."""

    session: BootSession | None = None
    lives: Lives | None = None


_seen = _Seen()


def beside(state: NotebookState, line: str, _cell: str | None) -> None:
    """Run `%beside`. Raises: UsageError."""
    options = BESIDE_OPTIONS.parse(line)
    result, path = find_builtin(state, options.name)
    session = state.session
    if not isinstance(session, BootSession) or session.image is not result.image:
        raise UsageError(
            _("The kernel with {name} in it does not run.").format(name=options.name), hint=_("Boot it: `%boot`.")
        )
    if _seen.session is not session or _seen.lives is None or _seen.lives.path != path:
        _seen.session, _seen.lives = session, _Watch(state, session, result, path).run()
    if _seen.lives:
        show_view(lives_picture(_seen.lives) if options.picture else lives_table(_seen.lives))


@dataclass
class _Watch:
    """One comparison: the running guest, the build of its kernel, and the path of the driver's source in the tree."""

    state: NotebookState
    session: BootSession
    result: InTreeBuild
    path: str

    def run(self) -> Lives | None:
        """Observe both, one after the other; None if the module cannot be loaded, which is shown.

        Raises: UsageError if the module cannot be built.
        """
        builtin = self._builtin()
        module = self._module(builtin)
        return Lives(self.path, builtin, module) if module else None

    @property
    def _name(self) -> str:
        return PurePosixPath(self.path).stem

    def _builtin(self) -> Life:
        name = kmod_name(self._name)
        linked = find_linked(read_object(self.result.objects[self.path]), read_object(self.result.vmlinux))
        levels = {linked.initcalls[number].function: linked.initcalls[number].level for number in linked.own}
        runs = find_initcall_runs(parse_kmsg(self.session.boot_log))
        run = next((run for run in runs if run.function in levels), None)
        exits = [symbol for symbol in linked.symbols if symbol.name.startswith(_EXITCALL)]
        removal = self.session.run(["rmmod", name])
        return Life(
            name=name,
            run=run,
            place=place_words(runs.index(run), len(runs), levels[run.function]) if run else "",
            parameters=tuple(word for word in self.session.options if kmod_name(word).startswith(f"{name}.")),
            presence=self._presence(name),
            removal=_first_line(removal),
            exit=exits[0].name.removeprefix(_EXITCALL) if exits else "",
            exit_is_dropped=any(symbol.fate is Fate.DROPPED for symbol in exits),
        )

    def _module(self, builtin: Life) -> Life | None:
        name = kmod_name(f"{self._name}{_SUFFIX}")
        made = build_as_module(self.session.lab.tree, self.result.change, self.path, name)
        if made.ko is None:
            sentence = _("{path} is not built as a module: {reason}")
            raise UsageError(sentence.format(path=self.path, reason=made.sentence))
        parameters = tuple(word.partition(".")[2] for word in builtin.parameters)
        self.state.put(f"{GUEST_FOLDER}/{name}.ko", made.ko)
        self.session.run(["sh", "-c", f"echo 1 >{_DEBUG}"])
        loaded = self.state.act(load_argv(name, parameters))
        if not loaded.ok:
            show(*action_parts(loaded, loaded.step.command, self.state.modules))
            return None
        self.session.run(["sh", "-c", f"echo 0 >{_DEBUG}"])
        presence = self._presence(name)
        removed = self.state.act(["rmmod", name])
        return Life(
            name=name,
            run=next(iter(find_initcall_runs(loaded.step.records, name)), None),
            caller=loaded.step.command,
            parameters=parameters,
            presence=presence,
            removal=_first_line(removed.step.result),
            exit=builtin.exit,
            exit_records=removed.step.records,
        )

    def _presence(self, name: str) -> Presence:
        printed = self.session.run(["sh", "-c", _FACTS, "facts", name]).stdout.decode("utf-8", "replace")
        lines = printed.splitlines()
        folder = tuple(line[4:] for line in lines if line.startswith("has "))
        return Presence("loaded" in lines, "builtin" in lines, folder)


def _first_line(result: Result | None) -> str:
    """The first line of a command's output; empty if it printed nothing."""
    return next(iter(result.text.splitlines()), "") if result else ""
