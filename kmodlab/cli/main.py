"""The command `kmodlab`: finds the verb, and turns errors into sentences and exit statuses.

0 passed    1 failed: the module's fault    2 usage    3 a broken exercise    4 ours: set-up or machine
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import NoReturn

import click

from kmodlab import __version__
from kmodlab.cli.console import show_error
from kmodlab.errors import KmodlabError, SetupError

VERBS = (
    "setup", "doctor", "run", "demo", "shell", "faults", "oops", "slides",
    "release", "new-exercise", "grade", "autograder", "bench", "clean",
)  # fmt: skip
INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class Verbs(click.Group):
    """Imports a verb only when it is called: a shell command should answer at once."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The verbs, in the order in which a newcomer meets them."""
        return list(VERBS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb's command; None where there is no such verb."""
        if cmd_name not in VERBS:
            return None
        name = cmd_name.replace("-", "_")
        try:
            command: click.Command = getattr(import_module(f"kmodlab.cli.{name}"), name)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] == "kmodlab":
                raise
            hint = "pip install 'kmodlab[notebook,grading]', or `make lab` in the source tree."
            raise SetupError(f"`kmodlab {cmd_name}` needs the Python package {error.name}.", hint=hint) from error
        return command


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version")
def cli() -> None:
    """Build a Linux kernel module, load it into a disposable real kernel, and see what happens.

    Start with `kmodlab setup`, then `kmodlab demo`.
    """


def main() -> NoReturn:
    """Run the command line; never returns."""
    try:
        status = cli.main(prog_name="kmodlab", standalone_mode=False)
    except click.ClickException as exc:
        exc.show()
        status = exc.exit_code
    except click.Abort:
        show_error("Interrupted; nothing is left running.")
        status = INTERRUPTED
    except KeyboardInterrupt:
        show_error("Interrupted; nothing is left running.")
        status = INTERRUPTED
    except KmodlabError as exc:
        show_error(str(exc), exc.hint)
        status = exc.exit_status
    sys.exit(status if isinstance(status, int) else 0)
