"""`kmodlab kernel`: build a kernel of our own."""

from __future__ import annotations

import time

import click

from kmodlab.cli.console import SetupProgress, say
from kmodlab.guest.own_lab import build_time, make_own_lab
from kmodlab.i18n import _
from kmodlab.kernel.own import get_variant
from kmodlab.settings import get_settings


@click.command(
    help=_("""Build a kernel of our own, for its guests and for drivers that are built in.

Debian's source of the guest's kernel is fetched (140 MB) and unpacked; a small configuration of it is built once, and
kept with all objects, so that a driver is built into it in seconds. Interrupt it at any time: the next run goes on
where this one stopped. The rest of kmodlab does not need it.

With --debug, the kernel finds mistakes by itself: uses of freed memory, leaks, locks in the wrong order, sleeping where
that is not allowed.
""")
)
@click.option("--debug", "is_debug", is_flag=True, help=_("Build the kernel that finds mistakes by itself."))
@click.option("--quiet", is_flag=True, help=_("Say nothing unless something is wrong."))
def kernel(is_debug: bool, quiet: bool) -> None:
    """Build a kernel."""
    variant = get_variant("debug" if is_debug else "small")
    began = time.monotonic()
    with SetupProgress(quiet=quiet, counts=True) as progress:
        if not quiet:
            progress.note(_("The {variant} kernel: {time}.").format(variant=variant.name, time=build_time(variant)))
        lab = make_own_lab(get_settings(), progress, variant)
    if not quiet:
        sentence = _("The {variant} kernel is Linux {release}. Ready in {seconds:.1f} s.")
        seconds = time.monotonic() - began
        say(sentence.format(variant=variant.name, release=lab.file.release, seconds=seconds), "green")
