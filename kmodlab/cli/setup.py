"""`kmodlab setup`: make the lab."""

from __future__ import annotations

import contextlib
import time

import click

from kmodlab.cli.console import SetupProgress, say
from kmodlab.errors import KmodlabError
from kmodlab.guest.cache_folder import is_writable
from kmodlab.guest.lab import Lab
from kmodlab.guest.setup import set_up
from kmodlab.i18n import _
from kmodlab.settings import get_settings
from kmodlab.tracer.tracer_module import get_tracer


@click.command(
    help=_("""Fetch a kernel, build the guest, take its snapshot.

The kernel is Debian's own, with its headers; it is unpacked into a cache folder and never installed on this
machine. About 90 MB are downloaded. Interrupt it at any time: the next run goes on where this one stopped.
If there is a lab, all its files are checked, and what is damaged is made again. The lab stays until it is replaced.
""")
)
@click.option("--offline", is_flag=True, help=_("Use the last download; touch no network."))
@click.option("--upgrade", is_flag=True, help=_("Look for a newer kernel even if there is a lab."))
@click.option("--repair", is_flag=True, help=_("Make everything again except the download, damaged or not."))
@click.option("--quiet", is_flag=True, help=_("Say nothing unless something is wrong."))
def setup(offline: bool, upgrade: bool, repair: bool, quiet: bool) -> None:
    """Make the lab."""
    began = time.monotonic()
    with SetupProgress(quiet=quiet) as progress:
        lab = set_up(get_settings(), progress, offline=offline, upgrade=upgrade, repair=repair)
        if is_writable(lab.folder):
            with contextlib.suppress(KmodlabError):  # it is built again when first needed, which reports errors
                get_tracer(lab)
    if not quiet:
        ready = _("Ready in {seconds:.1f} s.").format(seconds=time.monotonic() - began)
        say(f"{describe(lab)} {ready}", "green")


def describe(lab: Lab) -> str:
    """The lab in a sentence: its kernel, and how guests run."""
    if lab.file.accel == "kvm":
        sentence = _("The lab has Linux {release} ({version}); guests run with KVM.")
    else:
        sentence = _("The lab has Linux {release} ({version}); guests run emulated (`kmodlab doctor` says why).")
    return sentence.format(release=lab.file.release, version=lab.file.version)
