"""`kmodlab doctor`: which requirements are met, and what to do about those that are not."""

from __future__ import annotations

import json
from dataclasses import asdict

import click
from rich.table import Table
from rich.text import Text

from kmodlab.cli.console import OUT, say
from kmodlab.guest.doctor import Checkup, Health, examine
from kmodlab.i18n import _, ngettext
from kmodlab.sandbox.sandbox import check_sandbox
from kmodlab.sandbox.selftest import release_canaries
from kmodlab.settings import get_settings

_MARKS = {Health.GOOD: ("✓", "green"), Health.COSTS: ("~", "yellow"), Health.MISSING: ("✗", "red")}


@click.command(
    help=_("""Check everything that the lab needs, and say how to mend what is missing.

Ends with status 0 when the lab works (what merely costs time is no fault), and 4 when it does not. With --sandbox,
only the sandbox is looked at: 0 when all attacks got nowhere, and 4 when one did not.
""")
)
@click.option("--json", "as_json", is_flag=True, help=_("Print the findings as JSON."))
@click.option("--sandbox", is_flag=True, help=_("Attack the sandbox with a handful of canaries, and say what holds."))
def doctor(as_json: bool, sandbox: bool) -> int:
    """Check the requirements, or attack the sandbox; returns the exit status."""
    if sandbox:
        return _attack_sandbox(as_json)
    if as_json:
        findings = list(examine(get_settings()))
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        with OUT.status(_("Looking around …")):
            findings = list(examine(get_settings()))
        OUT.print(_table(findings))
    return 4 if any(finding.state is Health.MISSING for finding in findings) else 0


def _table(findings: list[Checkup]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        mark, style = _MARKS[finding.state]
        words = Text(finding.finding)
        if finding.remedy:
            words.append(f"\n-> {finding.remedy}", style="bold")
        table.add_row(Text(mark, style=style), finding.name, words)
    return table


def _attack_sandbox(as_json: bool) -> int:
    verdict = check_sandbox()
    canaries = []
    for canary in release_canaries(verdict):
        canaries.append(canary)
        if not as_json:
            mark, style = _MARKS[Health.GOOD if canary.holds else Health.MISSING]
            OUT.print(Text.assemble((mark, style), f" {canary.attack}: {canary.finding}"))
    held = sum(canary.holds for canary in canaries)
    if as_json:
        about = {"works": verdict.works, "sentence": verdict.sentence, "hint": verdict.hint}
        click.echo(json.dumps({"sandbox": about, "attacks": [asdict(canary) for canary in canaries]}, indent=1))
    else:
        sentence = ngettext(
            "{held} of {number} attack got nowhere.", "{held} of {number} attacks got nowhere.", len(canaries)
        )
        say(f"{verdict.sentence} {sentence.format(held=held, number=len(canaries))}")
        if verdict.hint:
            say(f"-> {verdict.hint}")
    return 0 if held == len(canaries) else 4
