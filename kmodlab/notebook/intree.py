"""A driver in the kernel's own tree: `%%intree`, `%kconfig`, `%boot`, `%checkpatch`, `%%patch`, and `%use_kernel`."""

from __future__ import annotations

import re
from argparse import REMAINDER
from collections.abc import Sequence
from pathlib import PurePosixPath

from kmodlab.crash.boot_log import OPTION
from kmodlab.crash.builtin_frames import with_drivers
from kmodlab.crash.guilty import find_guilty_line
from kmodlab.crash.reader import find_reports
from kmodlab.crash.records import format_log, parse_kmsg
from kmodlab.crash.report import Report
from kmodlab.crash.source_location import ModuleSource
from kmodlab.errors import GuestError, UsageError
from kmodlab.guest.boot_session import BootSession
from kmodlab.guest.lab import load_lab
from kmodlab.guest.own_lab import OwnLab, choose_lab, load_own_lab
from kmodlab.guest.session import Session
from kmodlab.i18n import _
from kmodlab.kbuild.diagnostics import Diagnostic, Severity
from kmodlab.kbuild.intree import build_intree
from kmodlab.kbuild.intree_result import InTreeBuild
from kmodlab.kbuild.patch import check_patch, format_patch
from kmodlab.kbuild.sources import kmod_name
from kmodlab.kbuild.tree_change import TreeChange, check_answers, check_path
from kmodlab.kernel.own import DEBIAN, get_variant
from kmodlab.notebook.learner_tree import CELL_MARGIN, LearnerTree
from kmodlab.notebook.magic import MagicOptions, show, show_view, split
from kmodlab.notebook.progress_bar import ProgressBar
from kmodlab.notebook.render.build import DiagnosticPart, count
from kmodlab.notebook.render.crash import CellLine, CrashCard
from kmodlab.notebook.render.parts import Details, Level, Message, Output, Part
from kmodlab.notebook.state import NotebookState
from kmodlab.notebook.views.boot import boot_parts, say_what_is_built
from kmodlab.notebook.views.view import View
from kmodlab.settings import get_settings

_MOST = 8  # diagnostics that are shown
_CONSOLE_LINES = 30

INTREE_OPTIONS = MagicOptions("%%intree")
INTREE_OPTIONS.add_argument("path", nargs="?", help=_("The file's path in the kernel's tree."))
INTREE_OPTIONS.add_argument("-d", "--drop", action="store_true", help=_("Take the file out of the tree again."))

INTREE_HELP = INTREE_OPTIONS.explain(
    _("""\
Put the cell into the kernel's own tree, at a path.

    %%intree drivers/misc/hello.c
    #include <linux/module.h>
    ...

    %%intree drivers/misc/Kconfig
    config HELLO
            tristate "Say hello"

    %%intree drivers/misc/Makefile
    obj-$(CONFIG_HELLO) += hello.o

What you write for a Kconfig or a Makefile that the kernel has is added to it; any other file is new, or replaces the
kernel's. %kconfig answers the questions of your Kconfig entries, %boot builds the kernel and boots it.

    %intree                          lists what is in the tree
    %intree --drop drivers/misc/hello.c
""")
)

KCONFIG_HELP = _("""\
Answer the questions of your Kconfig entries: y builds the driver into the kernel, m makes a module of it, n leaves it
out.

    %kconfig HELLO=y
    %kconfig HELLO=m HELLO_DEBUG=n

The next %boot runs `make oldconfig`, shows its questions, and gives these answers. %kconfig alone shows them.
""")

BOOT_OPTIONS = MagicOptions("%boot")
BOOT_OPTIONS.add_argument("-b", "--build-only", action="store_true", help=_("Build the kernel, but do not boot it."))
BOOT_OPTIONS.add_argument("-v", "--verbose", action="store_true", help=_("Unfold what make printed."))
BOOT_OPTIONS.add_argument("parameters", nargs=REMAINDER, help=_("Words for the kernel's command line."))

BOOT_HELP = BOOT_OPTIONS.explain(
    _("""\
Build the kernel with what %%intree has put into its tree, and boot it.

    %boot
    %boot hello.who=you              a parameter of a driver that is built in is set on the kernel's command line

It shows at which level and between which others the kernel calls your init function, and what it logs there. The
guest stays: %%guest, %lsmod and the others run in it. %use_kernel debian goes back to Debian's kernel.
""")
)

CHECKPATCH_HELP = _("""\
Let the kernel's scripts/checkpatch.pl read what %%intree has put into the tree.

    %checkpatch
""")

PATCH_OPTIONS = MagicOptions("%%patch")
PATCH_OPTIONS.add_argument(
    "-a", "--author", default="Your Name <you@example.org>", help=_("Who sends it: 'Your Name <you@example.org>'.")
)

PATCH_HELP = PATCH_OPTIONS.explain(
    _("""\
Make a mail of what %%intree has put into the tree, as it is sent to the kernel's maintainers. The cell is the
message: what it does, in a line, and below an empty line why.

    %%patch --author 'Your Name <you@example.org>'
    misc: hello: say hello

    Nobody has greeted the users of this kernel so far.
""")
)

USE_KERNEL_HELP = _("""\
Choose the kernel of this notebook's guest: debian, small or debug.

    %use_kernel debug

The debug kernel finds mistakes by itself. It is built once, by `kmodlab kernel --debug` in a terminal.
""")


def intree(state: NotebookState, line: str, cell: str | None) -> None:
    """Run `%%intree`. Raises: UsageError."""
    options = INTREE_OPTIONS.parse(line)
    if options.path is None:
        if cell is not None:
            raise UsageError(_("The file needs a path."), hint=_("Begin with `%%intree drivers/misc/hello.c`."))
        show(*_listed(state.tree))
        return
    path = check_path(options.path)
    if options.drop:
        if state.tree.texts.pop(path, None) is None:
            raise UsageError(_("No cell has put {path} into the tree.").format(path=path))
        show(Message(_("`{path}` is out of the tree.").format(path=path), Level.GOOD))
        return
    if cell is None:
        raise UsageError(_("`%intree` needs a text below it."), hint=_("Begin the cell with two percent signs."))
    text = cell
    TreeChange.of({**state.tree.texts, path: text}, {})
    state.tree.texts[path] = text
    show(Message(_told(path), Level.GOOD))


def _told(path: str) -> str:
    if PurePosixPath(path).name in ("Kconfig", "Makefile", "Kbuild"):
        return _("`{path}` gets these lines at the next `%boot`.").format(path=path)
    return _("`{path}` is in the tree at the next `%boot`.").format(path=path)


def _listed(tree: LearnerTree) -> list[Part]:
    if not tree.texts and not tree.answers:
        return [Message(_("You have put nothing into the tree."))]
    files = [Message(f"`{path}`") for path in tree.texts]
    return [*files, *(Message(f"`CONFIG_{option}={value}`") for option, value in tree.answers.items())]


def kconfig(state: NotebookState, line: str, _cell: str | None) -> None:
    """Run `%kconfig`. Raises: UsageError."""
    for word in split(line):
        option, sign, value = word.partition("=")
        if not sign:
            raise UsageError(
                _("{word} gives no answer.").format(word=word), hint=_("Write {example}.").format(example=f"{word}=y")
            )
        state.tree.answers.update(check_answers({option: value}))
    if not state.tree.answers:
        show(Message(_("No question has an answer yet: write for instance `%kconfig HELLO=y`.")))
        return
    answers = ", ".join(f"`{option}={value}`" for option, value in state.tree.answers.items())
    show(Message(_("Answers for kconfig: {answers}.").format(answers=answers), Level.GOOD))


def checkpatch(state: NotebookState, line: str, _cell: str | None) -> None:
    """Run `%checkpatch`. Raises: UsageError."""
    if line.strip():
        raise UsageError(_("%checkpatch takes no arguments."))
    change = state.tree.change
    diagnostics = check_patch(_small_lab().tree, change)
    if diagnostics:
        found = _("checkpatch.pl has {counts}.").format(counts=count(diagnostics))
        show(Message(found, Level.BAD), *_diagnostic_parts(diagnostics, change))
    else:
        show(Message(_("checkpatch.pl finds no problems."), Level.GOOD))


def patch(state: NotebookState, line: str, cell: str | None) -> None:
    """Run `%%patch`. Raises: UsageError."""
    options = PATCH_OPTIONS.parse(line)
    change = state.tree.change
    if not change.texts:
        raise UsageError(_("You have put nothing into the tree."), hint=_("Begin a cell with `%%intree`."))
    mail = Output(format_patch(_small_lab().tree, change, cell or "", options.author), _("the patch"))
    show(Details(Message(_("The mail is made; this is all of it."), Level.GOOD), [mail], is_open=True))


def _small_lab() -> OwnLab:
    return load_own_lab(get_settings(), get_variant("small"))


def find_builtin(state: NotebookState, name: str) -> tuple[InTreeBuild, str]:
    """The last build of the tree, and in it the path of the source of a driver that is built in.

    Raises: NotBuiltError if the kernel has not been built; UsageError if it has no such driver.
    """
    _small_lab()
    if found := state.tree.find_builtin(name):
        return found
    raise UsageError(
        _("No driver {name} of yours is built into the kernel.").format(name=name),
        hint=_("Put its source into the tree with `%%intree`, and run `%boot`."),
    )


# ---- booting -------------------------------------------------------------------------------------------------------


def boot(state: NotebookState, line: str, _cell: str | None) -> None:
    """Run `%boot`."""
    options = BOOT_OPTIONS.parse(line)
    lab = _small_lab()
    change = state.tree.change
    build = state.tree.build
    if build is None or build.change != change or not build.passed:
        with ProgressBar() as bar, state.doing(_("the build of the kernel")):
            build = state.tree.build = build_intree(lab.tree, change, lab.arch, progress=bar.update)
    parts = _build_parts(build, verbose=options.verbose)
    if not build.passed or options.build_only:
        show(*parts, *(Message(sentence) for sentence in say_what_is_built(build)))
        return
    session = BootSession(lab, build.image, [OPTION, *options.parameters], _files(lab, build))
    state.use(session)
    try:
        session.start()
    except GuestError as exc:
        parts += _no_boot_parts(build, str(exc), exc.details)
        state.use(Session(load_lab(get_settings()), warm=True))
        show(*parts)
        return
    show(*parts)
    records = parse_kmsg(session.boot_log)
    reports = find_reports(format_log(records))
    loaded = state.loaded()
    show_view(View(boot_parts(build, records, session.boot_s, loaded)))
    show(*(_crash_card(report, build) for report in reports if report.is_crash))


def _files(lab: OwnLab, build: InTreeBuild) -> dict[str, bytes]:
    """The files of a build for the guest: its modules, and the databases of built-in drivers."""
    modules = f"/lib/modules/{lab.file.release}"
    return {
        **{f"/root/{name}.ko": ko for name, ko in build.modules.items()},
        **{f"{modules}/{name}": data for name, data in build.databases.items()},
    }


def _build_parts(build: InTreeBuild, *, verbose: bool) -> list[Part]:
    diagnostics = _diagnostic_parts(build.diagnostics, build.change)
    printed = Output(build.transcript, _("what make printed"))
    question = [Output(build.question, _("kconfig's questions"))] if build.change.defined and build.question else []
    if not build.passed:
        return [
            Message(build.sentence, Level.BAD),
            *diagnostics,
            Details(Message(_("what `make` printed")), [printed], is_open=False),
        ]
    warnings = [warning for warning in build.diagnostics if warning.severity is Severity.WARNING]
    built = _("The kernel is built in {seconds:.0f} s").format(seconds=build.seconds)
    title = f"{built}, {count(warnings)}" if warnings else built
    return [*question, Details(Message(title, Level.GOOD), [printed], verbose), *diagnostics]


def _diagnostic_parts(diagnostics: Sequence[Diagnostic], change: TreeChange) -> list[Part]:
    return [DiagnosticPart(diagnostic, change.shown, "") for diagnostic in diagnostics[:_MOST]]


def _drivers(build: InTreeBuild) -> dict[str, ModuleSource]:
    return {kmod_name(PurePosixPath(path).stem): ModuleSource.read(data) for path, data in build.objects.items()}


def _crash_card(report: Report, build: InTreeBuild) -> CrashCard:
    """The card of a crash, with the learner's line if the crash is in a driver of the learner's."""
    drivers = _drivers(build)
    named = with_drivers(report, drivers)
    guilty = find_guilty_line(named, drivers)
    if guilty is None:
        return CrashCard(named)
    line = guilty.line
    path = next((path for path in build.change.texts if path.endswith(line.file)), "")
    if not path:
        return CrashCard(named)
    text = build.change.shown[path]
    cell = CellLine(path, line.line + CELL_MARGIN, text, line.function, guilty.note, guilty.doubt)
    return CrashCard(named, cell)


def _no_boot_parts(build: InTreeBuild, sentence: str, console: str) -> list[Part]:
    reports = find_reports(console)
    lines = [line.rstrip() for line in re.split(r"\r?\n", console) if line.strip()][-_CONSOLE_LINES:]
    cards = [_crash_card(report, build) for report in reports if report.is_crash]
    last = Details(Message(_("the console's last lines")), [Output("\n".join(lines))], is_open=not cards)
    return [Message(sentence, Level.BAD), *cards, last]


# ---- other kernels -------------------------------------------------------------------------------------------------


def use_kernel(state: NotebookState, line: str, _cell: str | None) -> None:
    """Run `%use_kernel`."""
    lab = choose_lab(get_settings(), line.strip() or DEBIAN)
    state.use(Session(lab, warm=True))
    sentence = _("The next cell gets a guest with Linux {release}.")
    show(Message(sentence.format(release=lab.file.release), Level.GOOD))
