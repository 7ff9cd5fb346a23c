"""`kmodlab demo`: the course's hello.c, from source to the kernel's log."""

from __future__ import annotations

from importlib.resources import as_file, files

import click

from kmodlab.cli.console import say
from kmodlab.cli.run import run_files
from kmodlab.i18n import _


@click.command(help=_("Build hello.c, load it into a real kernel, show what the kernel says, unload it."))
def demo() -> int:
    """Build, load and unload hello.c; returns the exit status."""
    source = files("kmodlab.data") / "hello.c"
    say(source.read_text().rstrip(), "dim")
    say("")
    with as_file(source) as path:
        return run_files((path,), as_json=False)
