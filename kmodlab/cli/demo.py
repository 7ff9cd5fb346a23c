"""`kmodlab demo`: the deck's hello.c, from source to the kernel's log."""

from __future__ import annotations

from importlib.resources import as_file, files

import click

from kmodlab.cli.console import say
from kmodlab.cli.run import run_files


@click.command()
def demo() -> int:
    """Build hello.c, load it into a real kernel, show what the kernel says, unload it."""
    source = files("kmodlab.data") / "hello.c"
    say(source.read_text().rstrip(), "dim")
    say("")
    with as_file(source) as path:
        return run_files((path,), as_json=False)
