"""`%%kmod` builds a module from a cell of C and loads it; `%%library` builds a shared library of userspace."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace

from kmodlab.elf.shared import library_makefile
from kmodlab.errors import UsageError
from kmodlab.i18n import _, ngettext
from kmodlab.kbuild.build import build
from kmodlab.kbuild.sources import Sources, check_name, kmod_name
from kmodlab.notebook.earlier import describe_leftovers, find_in_guest, find_losses
from kmodlab.notebook.magic import MagicOptions, add_module_options, code_of, show, split
from kmodlab.notebook.render.action import action_parts
from kmodlab.notebook.render.build import NO_SANDBOX, build_parts, diagnostic_parts
from kmodlab.notebook.render.parts import Excerpt, Level, Message, Part
from kmodlab.notebook.state import Action, BuiltModule, NotebookState
from kmodlab.submission.learner_sources import as_file
from kmodlab.text import parse_seconds
from kmodlab.tracer.call_sites import Code
from kmodlab.tracer.failed_call import Circumstances, explain_step
from kmodlab.tracer.leftovers import LeftoverSearch, find_subjects, may_stay
from kmodlab.tracer.run import GUEST_FOLDER, check_kernel_modules, load_argv

KMOD_OPTIONS = MagicOptions("%%kmod")
add_module_options(
    KMOD_OPTIONS, _("Build with a further source or header, from a %%%%kfile cell of that name (may be repeated).")
)
KMOD_OPTIONS.add_argument("-b", "--build-only", action="store_true", help=_("Build it, but do not load it."))
KMOD_OPTIONS.add_argument("-u", "--unload", action="store_true", help=_("Unload it again, and show that log as well."))
KMOD_OPTIONS.add_argument(
    "--flavour", metavar="NAME", help=_("Build for another kernel of the same version, whose headers are there: cloud.")
)
KMOD_OPTIONS.add_argument("-v", "--verbose", action="store_true", help=_("Unfold what make printed."))
KMOD_OPTIONS.add_argument(
    "-t", "--timeout", metavar="SECONDS", type=parse_seconds, default=20.0, help=_("For loading (default: 20).")
)

KMOD_HELP = KMOD_OPTIONS.explain(
    _("""\
Build the cell's C code as a kernel module and load it into the guest, a real kernel in a machine of its own.

    %%kmod hello
    #include <linux/module.h>
    ...

builds hello.ko with the kernel's own make, loads it with insmod, shows what the kernel logged, and leaves it loaded.
If the cell is run again, the loaded module is removed first. Line numbers in messages are those of the cell. hello.ko
is also put into the guest's /root, for %insmod and %modinfo.

    %%kmod hello --param whom=you --param count=3
    %%kmod hello --build-only
    %%kmod hello --unload
    %%kmod hello --file parts.c --file parts.h
    %%kmod phy --after mii                   loads the kernel's module `mii` first: insmod loads nothing else
    %%kmod user --file provider.symvers      uses symbols of the module `provider`, which a cell has built
""")
)


def build_name(name: str) -> str:
    """The name of a build for use in a sentence."""
    return _("the build of `{name}`").format(name=name)


def kmod(state: NotebookState, line: str, cell: str | None) -> None:
    """Run `%%kmod`."""
    options = KMOD_OPTIONS.parse(line)
    code = code_of("kmod", cell)
    options.after = check_kernel_modules(options.after)
    session = state.session
    sources = state.sources(options.name, code, options.file, session.lab.reserved)
    searches = []
    if not options.build_only:
        if state.is_alive:
            searches = state.earlier.search(session.lab, session.generation, options.name)
        session.prepare()  # the guest is forked while make runs
    tree = session.lab.tree.flavour(options.flavour) if options.flavour else session.lab.tree
    with state.doing(build_name(options.name)):
        module = BuiltModule(build(tree, sources), sources, f"{options.name}.c")
    parts = _build_parts(state, module, options)
    if module.build.passed:
        parts += _InGuest(state, module, options, searches).run()
    show(*parts)


def _build_parts(state: NotebookState, module: BuiltModule, options: Namespace) -> list[Part]:
    parts = build_parts(module, verbose=options.verbose)
    if options.name in state.makefiles:
        sentence = _("The Makefile is yours (`%makefile --drop {name}` goes back to the usual one).")
        parts.append(Message(sentence.format(name=options.name)))
    if not module.build.sandboxed and not state.no_sandbox_shown:
        state.no_sandbox_shown = True
        parts.append(Message(_(NO_SANDBOX)))
    if not module.build.passed and kmod_name(options.name) in state.loaded():
        sentence = _("The `{name}` that was built before is still loaded.")
        parts.append(Message(sentence.format(name=kmod_name(options.name))))
    return parts


class _InGuest:
    """The steps after a module's build: it is copied into the guest, loaded and, with --unload, unloaded."""

    def __init__(
        self, state: NotebookState, module: BuiltModule, options: Namespace, searches: list[LeftoverSearch]
    ) -> None:
        self._state, self._module, self._options, self._searches = state, module, options, searches
        self._generation = state.session.generation
        self._names = list(module.build.modules)
        self._circumstances = Circumstances(
            module.build, module.sources.files, tuple(options.param), tuple(options.after)
        )
        self._parts: list[Part] = []

    def run(self) -> list[Part]:
        """Run the steps until one fails; returns the parts that show them."""
        if self._options.build_only:
            self._put()
        elif self._replace():
            self._look_for_leftovers()
            self._put()
            self._state.earlier.note(self._state.session.generation, self._options.name, self._circumstances)
            search = self._search_leftovers()
            done = self._load() and (not self._options.unload or self._unload())
            if not self._show_leftovers(search) and done:
                self._parts.append(Message(self._success(), Level.GOOD))
        return self._parts

    def _search_leftovers(self) -> LeftoverSearch:
        """Start a search for what the modules leave behind, if they are unloaded."""
        subjects = find_subjects(self._module.build, self._circumstances, may_stay) if self._options.unload else ()
        return LeftoverSearch(self._state.session.lab, subjects, self._options.timeout)

    def _show_leftovers(self, search: LeftoverSearch) -> bool:
        """Show what the modules left behind; returns whether they left anything."""
        leftovers = search.result()
        for leftover in leftovers:
            self._parts.append(Message(leftover.sentence, Level.BAD))
            source = self._module.sources.files.get(leftover.line.file) if leftover.line else None
            if leftover.line and source is not None:
                self._parts.append(Excerpt(source.decode("utf-8", "replace"), leftover.line.line, context=1))
        for advice in dict.fromkeys(leftover.advice for leftover in leftovers):
            self._parts.append(Message(advice))
        return bool(leftovers)

    def _look_for_leftovers(self) -> None:
        """Report what earlier versions left behind, and reset the guest if nothing else is lost with it."""
        session = self._state.session
        if not self._searches or not self._state.is_alive or session.generation != self._generation:
            return
        leftovers = find_in_guest(session, self._searches)
        if not leftovers:
            return
        self._parts.append(Message(describe_leftovers(leftovers), Level.BAD))
        kos = {f"{name}.ko": ko for module in self._state.modules.values() for name, ko in module.build.modules.items()}
        losses = find_losses(session, self._state.loaded(), map(kmod_name, self._names), kos)
        if losses:
            self._parts.append(Message(losses.sentence))
            return
        self._state.reset()
        for file, ko in kos.items():
            self._state.put(f"{GUEST_FOLDER}/{file}", ko)
        self._parts.append(Message(_("So the guest is replaced by a fresh one, in which nothing of it is left.")))

    def _success(self) -> str:
        number = len(self._names)
        if self._options.unload:
            template = ngettext(
                "{names} is loaded, and unloaded again.", "{names} are loaded, and unloaded again.", number
            )
        else:
            template = ngettext("{names} is loaded.", "{names} are loaded.", number)
        return template.format(names=", ".join(f"`{kmod_name(name)}`" for name in self._names))

    def _put(self) -> None:
        for name, ko in self._module.build.modules.items():
            self._state.put(f"{GUEST_FOLDER}/{name}.ko", ko)
        self._state.remember(self._module)

    def _replace(self) -> bool:
        """Unload the notebook's modules of these names; returns False if one stays."""
        loaded = self._state.loaded()
        for name in reversed(self._names):
            # A module that is not the notebook's stays loaded; insmod reports that the name is taken.
            if kmod_name(name) not in loaded or kmod_name(name) not in self._state.modules:
                continue
            action = self._act(["rmmod", kmod_name(name)])
            if action.is_last:  # exit crashed the guest, so the new module gets a fresh guest
                return True
            if not action.ok:
                self._parts.append(Message(self._why_it_stays(name, action)))
                return False
        return True

    def _why_it_stays(self, name: str, action: Action) -> str:
        """A sentence about a loaded module that the new one cannot replace, and what to do."""
        loaded = action.step.evidence.loaded if action.step.evidence else None
        module = loaded.get(kmod_name(name)) if loaded else None
        if module is None or not module.is_permanent:
            return _("So the old module stays, and the new one is not loaded: try `%reset_guest`.")
        if Code(self._module.build.modules[name]).exit_place:
            sentence = _(
                "Your new code has an exit function, the loaded `{name}` has none: nothing can unload it. "
                "`%reset_guest` makes a fresh guest, without it; then run this cell again."
            )
        else:
            sentence = _(
                "A module without an exit function stays until its guest ends, so your new code is not loaded. "
                "`%reset_guest` makes a fresh guest; or give the module an exit function."
            )
        return sentence.format(name=kmod_name(name))

    def _load(self) -> bool:
        if not all(self._act(["modprobe", name]).ok for name in self._options.after):
            return False
        return all(self._act(load_argv(name, self._options.param)).ok for name in self._names)

    def _unload(self) -> bool:
        return all(self._act(["rmmod", kmod_name(name)]).ok for name in reversed(self._names))

    def _act(self, argv: list[str]) -> Action:
        action = self._state.act(argv, timeout_s=self._options.timeout)
        if action.step.result is None or not action.step.result.timed_out:
            action = replace(action, step=explain_step(self._state.session.lab, action.step, self._circumstances))
        self._parts += action_parts(action, argv[0], self._state.modules, with_command=True)
        for module in action.step.missing_modules:
            self._parts.append(Message(_("`--after {module}` loads it first.").format(module=module)))
        return action


# ---- shared libraries ----------------------------------------------------------------------------------------------

LIBRARY_HELP = _("""\
Build the cell's C code as a shared library of userspace, in the same sandbox as modules. It is not run.

    %%library greet
    #include <stdio.h>
    ...

    %anatomy greet.so
    %anatomy library greet hello
""")


def library(state: NotebookState, line: str, cell: str | None) -> None:
    """Run `%%library`. Raises: UsageError."""
    words = split(line)
    if cell is None or len(words) != 1:
        raise UsageError(
            _("The library needs a name, and C code below it."), hint=_("Begin the cell with `%%library greet`.")
        )
    (name,) = words
    check_name(name)
    sources = Sources.of(name, {f"{name}.c": as_file(cell), "Makefile": library_makefile(name)})
    with state.doing(build_name(name)):
        outcome = build(state.session.lab.tree, sources)
    # The build also reports that it made no module, which is not an error here.
    diagnostics = [diagnostic for diagnostic in outcome.diagnostics if diagnostic.file == f"{name}.c"]
    so = outcome.files.get(f"{name}.so")
    if so is not None:
        state.libraries[name] = so
        verdict = Message(_("`{name}.so` is built").format(name=name), Level.GOOD)
    elif diagnostics:
        verdict = Message(_("`{name}.so` is not built.").format(name=name), Level.BAD)
    else:
        sentence = _("`{name}.so` is not built: {reason}").format(name=name, reason=outcome.sentence)
        verdict = Message(sentence, Level.BAD)
    show(verdict, *diagnostic_parts(diagnostics, sources, f"{name}.c"))
