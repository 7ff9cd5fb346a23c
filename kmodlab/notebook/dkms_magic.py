"""`%dkms`: an out-of-tree driver of Debian's, which DKMS builds for a kernel."""

from __future__ import annotations

from kmodlab.errors import KmodlabError
from kmodlab.guest.dkms_packages import load_dkms
from kmodlab.guest.lab import load_lab
from kmodlab.i18n import _
from kmodlab.kbuild.dkms import DkmsBuild, build_with_dkms, find_driver, find_drivers
from kmodlab.notebook.kmod import build_name
from kmodlab.notebook.magic import MagicOptions, show
from kmodlab.notebook.render.parts import Details, Level, Message, Output, Part
from kmodlab.notebook.state import NotebookState
from kmodlab.settings import get_settings
from kmodlab.tracer.run import GUEST_FOLDER

DKMS_OPTIONS = MagicOptions("%dkms")
DKMS_OPTIONS.add_argument("name", help=_("The driver: v4l2loopback."))
DKMS_OPTIONS.add_argument("-c", "--conf", action="store_true", help=_("Only show its dkms.conf."))
DKMS_OPTIONS.add_argument(
    "--flavour", metavar="NAME", help=_("Build for another kernel of the same version, whose headers are there: cloud.")
)
DKMS_OPTIONS.add_argument("-v", "--verbose", action="store_true", help=_("Unfold what make printed."))

DKMS_HELP = DKMS_OPTIONS.explain(
    _("""\
Build an out-of-tree driver of Debian's for the guest's kernel, with the real `dkms build`.

    %dkms v4l2loopback --conf               its dkms.conf, which says what DKMS has to do
    %dkms v4l2loopback
    %dkms v4l2loopback --flavour cloud      for another kernel

It runs in the sandbox, where Debian's packages dkms and v4l2loopback-dkms are as if they were installed. What is built
is put into the guest's /root, for %insmod and %modinfo.
""")
)


def drivers() -> list[str]:
    """The names of the drivers that DKMS can build here; none without their packages."""
    try:
        return list(find_drivers(load_dkms(load_lab(get_settings()).folder)))
    except KmodlabError:
        return []


def dkms(state: NotebookState, line: str, _cell: str | None) -> None:
    """Run `%dkms`."""
    options = DKMS_OPTIONS.parse(line)
    packages = load_dkms(load_lab(get_settings()).folder)
    driver = find_driver(packages, options.name)
    if options.conf:
        title = Message(_("`dkms.conf` of `{package}`").format(package=driver.package))
        show(Details(title, [Output(driver.conf, "dkms.conf")], is_open=True))
        return
    session = state.session
    session.prepare()  # the guest is forked while make runs
    tree = session.lab.tree.flavour(options.flavour) if options.flavour else session.lab.tree
    with state.doing(build_name(options.name)):
        build = build_with_dkms(packages, driver, tree)
    for file, ko in build.modules.items():
        state.put(f"{GUEST_FOLDER}/{file}", ko)
    show(*_parts(build, driver.package, tree.release, verbose=options.verbose))


def _parts(build: DkmsBuild, package: str, release: str, *, verbose: bool) -> list[Part]:
    names = ", ".join(f"`{file}`" for file in build.modules)
    verdict = Message(_("dkms could not build `{package}` for Linux {release}."), Level.BAD)
    if names:
        verdict = Message(_("{names} is built in {seconds:.0f} s, for Linux {release}; the guest has it."), Level.GOOD)
    elif build.is_excluded:
        verdict = Message(_("dkms builds nothing: dkms.conf says that `{package}` is not for Linux {release}."))
    sentence = verdict.sentence.format(names=names, package=package, release=release, seconds=build.seconds)
    log = Details(Message(_("what `make` printed")), [Output(build.log, _("what make printed"))], verbose or not names)
    return [
        Output(build.transcript, _("what dkms printed")),
        Message(sentence, verdict.level),
        *([log] if build.log else []),
    ]
