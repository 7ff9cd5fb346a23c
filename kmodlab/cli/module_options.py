"""The common options of `kmodlab run` and `kmodlab faults`: a module's files, its parameters, the guest's kernel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from kmodlab.i18n import _
from kmodlab.kernel.own import DEBIAN, KERNELS


def kernel_option(command: Callable[..., int]) -> Callable[..., int]:
    """The option of a verb that chooses the guest's kernel."""
    help_text = _("The guest's kernel; `kmodlab kernel` builds small, `kmodlab kernel --debug` builds debug.")
    return click.option("--kernel", type=click.Choice(KERNELS), default=DEBIAN, show_default=True, help=help_text)(
        command
    )


def module_options(command: Callable[..., int]) -> Callable[..., int]:
    """The files and options of a verb that builds a module and loads it."""
    path = click.Path(exists=True, dir_okay=False, path_type=Path)
    parameter, after = _("A parameter for insmod; repeatable."), _("A module of the kernel to load first; repeatable.")
    for option in (
        kernel_option,
        click.option("--after", multiple=True, metavar="MODULE", help=after),
        click.option("-p", "--param", "parameters", multiple=True, metavar="K=V", help=parameter),
        click.option("--name", help=_("The module's name (default: the first C file's).")),
        click.argument("files", nargs=-1, required=True, type=path),
    ):
        command = option(command)
    return command
