"""The command `kmodlab`: calls a verb, and turns errors into messages and exit statuses.

0 passed    1 failed: the module's fault    2 usage    3 a broken exercise    4 kmodlab, its set-up or machine
"""

from __future__ import annotations

import io
import os
import sys
import traceback
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

import click

from kmodlab import __version__
from kmodlab.errors import KmodlabError
from kmodlab.i18n import N_, _
from kmodlab.settings import forget_impossible_width

# In the order in which a newcomer needs them. `--help` shows what they do from here, without importing them.
VERBS = {
    "setup": N_("Fetch a kernel, build the guest, take its snapshot."),
    "doctor": N_("Check what the lab needs; say how to mend what is missing."),
    "course": N_("Lay out the course in a folder of your own."),
    "progress": N_("Show how far you are in the course, and where you stopped."),
    "kernel": N_("Build a kernel of our own, for drivers that are built in."),
    "run": N_("Build a module, load it into a pristine guest, unload it."),
    "demo": N_("Build hello.c and load it into a real kernel."),
    "check": N_("Run a notebook of your own, and compare its checks with those of the solved exercise."),
    "shell": N_("Open a shell in a fresh guest."),
    "headers": N_("Print the folder of the kernel's headers, for `make` by hand."),
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
_EXTRAS = {
    "nbformat": "grading",
    "jinja2": "grading",
    "nbconvert": "slides",
    "nbval": "notebook",
    "traitlets": "slides",
}
INTERRUPTED = 130  # 128 + SIGINT, as in a shell
PIPE_CLOSED = 141  # 128 + SIGPIPE
_LONGEST = 300  # characters of an unexpected error's text


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
@click.option("--debug", is_flag=True, help=_("Show the traceback of an error of kmodlab."))
def cli(debug: bool) -> None:
    """The command `kmodlab`. `main` itself handles --debug, which may also come after the verb's options."""


def main() -> NoReturn:
    """Run the command line; never returns."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # so that every name can be printed
    forget_impossible_width()
    status = _run()
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as exc:
        if not isinstance(exc, BrokenPipeError):
            _show_error(_("The output cannot be written: {error}.").format(error=exc.strerror))
            status = KmodlabError.exit_status
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python flushes once more when it ends
    sys.exit(status)


def _run() -> int:
    """Run the command line; returns the exit status."""
    try:
        status = cli.main(prog_name="kmodlab", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except click.ClickException as exc:
        with suppress(OSError):
            exc.show()
        return exc.exit_code
    except (click.Abort, KeyboardInterrupt):
        _show_error(_("Interrupted; nothing is left running."))
        return INTERRUPTED
    except BrokenPipeError:
        return PIPE_CLOSED
    except KmodlabError as exc:
        _show_error(str(exc), exc.hint)
        return exc.exit_status
    except Exception as exc:
        return _show_failure(exc)


def _show_failure(error: Exception) -> int:
    """Show an unexpected error in a sentence; returns the exit status 4, as it is a failure of kmodlab."""
    if "--debug" in sys.argv:
        traceback.print_exception(error)
    package = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if package and package != "kmodlab":
        extra = _EXTRAS.get(package, "notebook,grading,slides")
        sentence = _("This needs the Python package {package}.").format(package=package)
        _show_error(sentence, _("Install it: pip install 'kmodlab[{extra}]'").format(extra=extra))
    elif isinstance(error, OSError) and error.strerror:
        names = {"error": error.strerror, "file": error.filename}
        with_file = _("{file} cannot be used: {error}.")
        _show_error((with_file if error.filename else _("This cannot be done: {error}.")).format(**names))
    else:
        sentence = _("kmodlab failed: {kind}: {error}.")
        hint = _("This is an error in kmodlab; `kmodlab --debug …` shows where.")
        _show_error(sentence.format(kind=type(error).__name__, error=str(error)[:_LONGEST] or "-"), hint)
    return KmodlabError.exit_status


def _show_error(sentence: str, hint: str = "") -> None:
    from kmodlab.cli.console import show_error  # rich takes a moment to import, and `--help` does not need it

    with suppress(OSError):  # standard error may be closed or full as well
        show_error(sentence, hint)
