"""`kmodlab doctor`: what is here, what is missing, what to do."""

from __future__ import annotations

import json
from dataclasses import asdict

import click
from rich.table import Table
from rich.text import Text

from kmodlab.cli.console import OUT
from kmodlab.guest.doctor import Checkup, State, examine
from kmodlab.settings import get_settings

_MARKS = {State.GOOD: ("✓", "green"), State.COSTS: ("~", "yellow"), State.MISSING: ("✗", "red")}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(as_json: bool) -> int:
    """Check everything that the lab needs, and say how to mend what is missing.

    Ends with status 0 when the lab works (what merely costs time is no fault), and 4 when it does not.
    """
    if as_json:
        findings = list(examine(get_settings()))
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        with OUT.status("Looking around …"):
            findings = list(examine(get_settings()))
        OUT.print(_table(findings))
    return 4 if any(finding.state is State.MISSING for finding in findings) else 0


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
