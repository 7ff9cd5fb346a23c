"""`kmodlab headers`: the folder of the kernel's headers, for `make` by hand."""

from __future__ import annotations

import click

from kmodlab.guest.lab import load_lab
from kmodlab.i18n import _
from kmodlab.settings import get_settings


@click.command(
    help=_("""Print the folder of the headers of the guest's kernel, for a build by hand:

    make KDIR="$(kmodlab headers)"
""")
)
def headers() -> int:
    """Print the folder; returns the exit status."""
    tree = load_lab(get_settings()).tree
    tree.verify()
    click.echo(tree.headers)
    return 0
