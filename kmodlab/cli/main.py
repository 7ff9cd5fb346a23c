"""The command `kmodlab`: calls a verb, and turns errors into messages and exit statuses.

0 passed    1 failed: the module's fault    2 usage    3 a broken exercise    4 kmodlab, its set-up or machine
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import NoReturn

import click

from kmodlab import __version__
from kmodlab.errors import KmodlabError, SetupError
from kmodlab.i18n import N_, _

# In the order in which a newcomer needs them. `--help` shows what they do from here, without importing them.
VERBS = {
    "setup": N_("Fetch a kernel, build the guest, take its snapshot."),
    "doctor": N_("Check what the lab needs; say how to mend what is missing."),
    "run": N_("Build a module, load it into a pristine guest, unload it."),
    "demo": N_("Build hello.c and load it into a real kernel."),
    "shell": N_("Open a shell in a fresh guest."),
    "faults": N_("Make each call in a module's init fail once."),
    "oops": N_("Decode the crashes in a kernel log."),
    "slides": N_("Export notebooks as slides."),
    "release": N_("Write the learner's version of exercises."),
    "new-exercise": N_("Make a new exercise."),
    "grade": N_("Grade submissions."),
    "autograder": N_("Make an autograder for another platform."),
    "bench": N_("Measure how long a learner waits."),
    "clean": N_("Remove the lab and all that was downloaded."),
}
# The extra of kmodlab that installs a Python package.
_EXTRAS = {"nbformat": "grading", "jinja2": "grading", "nbconvert": "slides", "traitlets": "slides"}
INTERRUPTED = 130  # 128 + SIGINT, as in a shell


class Verbs(click.Group):
    """The group of all verbs; it imports only the verb that is called, to be quick."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The names of the verbs, in the order of `VERBS`."""
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
        with formatter.section(_("Commands")):
            formatter.write_dl([(verb, _(text)) for verb, text in VERBS.items()])


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=_("""Build a Linux kernel module, load it into a disposable real kernel, and see what happens.

Start with `kmodlab setup`, then `kmodlab demo`.
"""),
)
@click.version_option(__version__, "-V", "--version")
def cli() -> None:
    """The command `kmodlab`."""


def main() -> NoReturn:
    """Run the command line; never returns."""
    try:
        status = cli.main(prog_name="kmodlab", standalone_mode=False)
    except click.ClickException as exc:
        exc.show()
        status = exc.exit_code
    except (click.Abort, KeyboardInterrupt):
        _show_error(_("Interrupted; nothing is left running."))
        status = INTERRUPTED
    except KmodlabError as exc:
        _show_error(str(exc), exc.hint)
        status = exc.exit_status
    except ModuleNotFoundError as exc:
        package = (exc.name or "").partition(".")[0]
        if package == "kmodlab":
            raise
        extra = _EXTRAS.get(package, "notebook,grading,slides")
        sentence = _("This needs the Python package {package}.").format(package=package)
        _show_error(sentence, _("Install it: pip install 'kmodlab[{extra}]'").format(extra=extra))
        status = SetupError.exit_status
    sys.exit(status if isinstance(status, int) else 0)


def _show_error(sentence: str, hint: str = "") -> None:
    from kmodlab.cli.console import show_error  # rich takes a moment to import, and `--help` does not need it

    show_error(sentence, hint)
