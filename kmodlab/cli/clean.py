"""`kmodlab clean`: remove the lab."""

from __future__ import annotations

import click

from kmodlab.cli.console import say
from kmodlab.guest.setup import clean as remove
from kmodlab.settings import get_settings


@click.command()
def clean() -> None:
    """Remove the lab and everything that was downloaded for it."""
    settings = get_settings()
    say(f"Removed {settings.cache_dir} ({remove(settings) >> 20} MiB).")
