"""`kmodlab setup`: make the lab."""

from __future__ import annotations

import time

import click

from kmodlab.cli.console import SetupProgress, say
from kmodlab.guest.lab import Lab
from kmodlab.guest.setup import set_up
from kmodlab.settings import get_settings


@click.command()
@click.option("--offline", is_flag=True, help="Use the last download; touch no network.")
@click.option("--upgrade", is_flag=True, help="Look for a newer kernel even where a lab is there.")
@click.option("--repair", is_flag=True, help="Make everything but the download anew.")
@click.option("--quiet", is_flag=True, help="Say nothing unless something is wrong.")
def setup(offline: bool, upgrade: bool, repair: bool, quiet: bool) -> None:
    """Fetch a kernel, build the guest, take its snapshot.

    The kernel is Debian's own, with its headers; it is unpacked into a cache folder and never installed on this
    machine. About 90 MB are downloaded. Interrupt it at any time: the next run goes on where this one stopped.
    """
    began = time.monotonic()
    with SetupProgress(quiet=quiet) as progress:
        lab = set_up(get_settings(), progress, offline=offline, upgrade=upgrade, repair=repair)
    if not quiet:
        say(f"{describe(lab)} Ready in {time.monotonic() - began:.1f} s.", "green")


def describe(lab: Lab) -> str:
    """The lab in a sentence or two."""
    how = "with KVM" if lab.file.accel == "kvm" else "emulated (`kmodlab doctor` says why)"
    return f"The lab has Linux {lab.file.release} ({lab.file.version}); guests run {how}."
