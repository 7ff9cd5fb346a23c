"""`kmodlab clean`: remove the lab."""

from __future__ import annotations

import click

from kmodlab.cli.console import say
from kmodlab.files import MIB
from kmodlab.guest.cache_folder import clean as remove
from kmodlab.i18n import _
from kmodlab.settings import get_settings


@click.command(help=_("Remove the lab and everything that was downloaded for it."))
def clean() -> None:
    """Remove the lab."""
    settings = get_settings()
    size = remove(settings) // MIB
    say(_("Removed {folder} ({size} MiB).").format(folder=settings.cache_dir, size=size))
