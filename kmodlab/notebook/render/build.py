"""A build as a card: what make printed, folded away when all went well, and every complaint on the cell's own line."""

from __future__ import annotations

from collections.abc import Sequence

from kmodlab.kbuild.diagnostics import Diagnostic
from kmodlab.kbuild.result import Build, Reason
from kmodlab.kbuild.sources import Sources
from kmodlab.notebook.render.complaint import Complaint, count
from kmodlab.notebook.render.parts import Details, Level, Message, Output, Part
from kmodlab.notebook.state import BuiltModule

_MOST = 8  # complaints that are shown; the first ones are those that matter

_STAGES = {
    Reason.COMPILE: "the code does not compile",
    Reason.MODPOST: "the code compiles, but modpost refuses the module",
    Reason.LINK: "the files compile, but cannot be linked into a module",
    Reason.MAKE: "make stops",
}

NO_SANDBOX = "Builds run without a sandbox on this machine: `kmodlab doctor` says why, and what that means."


def build_parts(made: BuiltModule, *, verbose: bool = False) -> list[Part]:
    """All that is to be said about a build."""
    build = made.build
    complaints = complaint_parts(build.diagnostics, made.sources, made.cell)
    printed = Output(build.transcript, "what make printed")
    if build.passed:
        return [Details(Message(_success(build), Level.GOOD), [printed], verbose), *complaints]
    return [
        Message(_failure(build), Level.BAD),
        *complaints,
        Details(Message("what `make` printed"), [printed], is_open=True),
    ]


def complaint_parts(found: Sequence[Diagnostic], sources: Sources, cell: str) -> list[Part]:
    """The first complaints, each on its line; `cell` is the file that is the cell itself."""
    texts = {name: data.decode("utf-8", "replace") for name, data in sources.files.items()}
    parts: list[Part] = [Complaint(each, texts, cell) for each in found[:_MOST]]
    if len(found) > _MOST:
        parts.append(Message(f"There are {len(found) - _MOST} more; mend these first."))
    return parts


def _failure(build: Build) -> str:
    """Which stage refused; the complaints say why. What is not the tools' doing has a sentence of its own."""
    if build.errors and build.reason in _STAGES:
        return f"`{build.name}` is not built: {_STAGES[build.reason]}."
    return build.sentence


def _success(build: Build) -> str:
    names = ", ".join(f"`{name}.ko`" for name in build.modules)
    complained = count(build.diagnostics)
    return f"{names} {'are' if len(build.modules) > 1 else 'is'} built" + (f", with {complained}" if complained else "")
