"""The command `kmodlab`: finds the verb, and turns errors into sentences and exit statuses.

0 passed    1 failed: the module's fault    2 usage    3 a broken exercise    4 ours: set-up or machine
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import NoReturn

import click

from kmodlab import __version__
from kmodlab.errors import KmodlabError, SetupError

# In the order in which a newcomer meets them, each with what it does: the list is shown without importing any.
VERBS = {
    "setup": "Fetch a kernel, build the guest, take its snapshot.",
    "doctor": "Check what the lab needs; say how to mend what is missing.",
    "run": "Build a module, load it into a pristine guest, unload it.",
    "demo": "Build hello.c and load it into a real kernel.",
    "shell": "Open a shell in a fresh guest.",
    "faults": "Make each call in a module's init fail once.",
    "oops": "Decode the crashes in a kernel log.",
    "slides": "Export notebooks as slides.",
    "release": "Write the learner's version of exercises.",
    "new-exercise": "Make a new exercise.",
    "grade": "Grade submissions.",
    "autograder": "Make an autograder for another platform.",
    "bench": "Measure how long a learner waits.",
    "clean": "Remove the lab and all that was downloaded.",
}
# Which extra brings a Python package that a verb may miss.
_EXTRAS = {"nbformat": "grading", "jinja2": "grading", "nbconvert": "slides", "traitlets": "slides"}
INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class Verbs(click.Group):
    """Imports a verb only when it is called: a shell command should answer at once."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The verbs, in the order in which a newcomer meets them."""
        return list(VERBS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb's command; None if there is no such verb."""
        if cmd_name not in VERBS:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f"kmodlab.cli.{name}"), name)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of verbs into the help."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


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
    except (click.Abort, KeyboardInterrupt):
        _show_error("Interrupted; nothing is left running.")
        status = INTERRUPTED
    except KmodlabError as exc:
        _show_error(str(exc), exc.hint)
        status = exc.exit_status
    except ModuleNotFoundError as exc:
        package = (exc.name or "").partition(".")[0]
        if package == "kmodlab":
            raise
        extra = _EXTRAS.get(package, "notebook,grading,slides")
        _show_error(f"This needs the Python package {package}.", f"Install it: pip install 'kmodlab[{extra}]'")
        status = SetupError.exit_status
    sys.exit(status if isinstance(status, int) else 0)


def _show_error(sentence: str, hint: str = "") -> None:
    from kmodlab.cli.console import show_error  # rich takes a moment, and `--help` needs none of it

    show_error(sentence, hint)
