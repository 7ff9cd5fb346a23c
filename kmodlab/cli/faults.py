"""`kmodlab faults`: makes each call in a module's init fail once, and shows what the module does then."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from kmodlab.cli.console import ERR, say
from kmodlab.cli.module_options import module_options
from kmodlab.crash.source_location import SourceLine
from kmodlab.excerpt import make_excerpt
from kmodlab.guest.own_lab import choose_lab
from kmodlab.i18n import _, ngettext
from kmodlab.kbuild.build import build
from kmodlab.kbuild.result import Build
from kmodlab.kbuild.sources import Sources, kmod_name, read_sources
from kmodlab.settings import get_settings
from kmodlab.text import align_columns, escape_control_chars, parse_count, parse_seconds
from kmodlab.tracer.fault_injection import (
    COLUMNS,
    CYCLES,
    TIMEOUT_S,
    FaultOptions,
    Faults,
    SiteResult,
    find_faults,
    kernel_modules_of,
    make_subject,
)
from kmodlab.tracer.kernel_api import known_functions, return_text
from kmodlab.tracer.leaks import Leak
from kmodlab.tracer.run import check_kernel_modules, quote_parameter
from kmodlab.tracer.timeline import Timeline, format_timeline, make_timeline
from kmodlab.tracer.timeline import as_dict as timeline_dict
from kmodlab.tracer.troubles import Trouble, Verdict
from kmodlab.tracer.verdict import Finding

_STYLES = {Verdict.CLEAN: "green", Verdict.NOT_INJECTED: "dim"}


@click.command(
    help=_("""Build FILES into a module; load it, then again with each call in its init made to fail.

Each run has a guest of its own. For each the table says what init returned, what the module left behind, and
whether it crashed or hung. Ends with status 0 when all runs are clean, 1 when not (or when it does not build), 2
for a wrong call, and 4 when kmodlab itself could not do it.
""")
)
@module_options
@click.option("--script", default="", metavar="SH", help=_("Shell commands for the guest while the module is loaded."))
@click.option(
    "--cycles",
    type=parse_count,
    metavar="NUMBER",
    default=str(CYCLES),
    show_default=True,
    help=_("How often to load and unload it in a row."),
)
@click.option(
    "--timeout",
    "timeout_s",
    type=parse_seconds,
    metavar="SECONDS",
    default=str(TIMEOUT_S),
    show_default=True,
    help=_("Seconds for each run."),
)
@click.option("--timeline", "with_timeline", is_flag=True, help=_("Show the run without a fault, moment by moment."))
@click.option("--json", "as_json", is_flag=True, help=_("Print everything as JSON."))
def faults(
    files: tuple[Path, ...],
    name: str | None,
    parameters: tuple[str, ...],
    after: tuple[str, ...],
    kernel: str,
    script: str,
    cycles: int,
    timeout_s: float,
    with_timeline: bool,
    as_json: bool,
) -> int:
    """Inject faults into a module; returns the exit status."""
    for parameter in parameters:
        if "=" not in parameter:
            sentence = _("{parameter!r} is not of the form K=V.").format(parameter=parameter)
            raise click.BadParameter(sentence, param_hint="--param")
    parameters, after = tuple(map(quote_parameter, parameters)), check_kernel_modules(after)
    sources = read_sources(files, name=name)
    lab = choose_lab(get_settings(), kernel)
    with ERR.status(_("Building …")):
        built = build(lab.tree, sources)
    if not built.passed:
        _show_failed_build(built, as_json=as_json)
        return 1
    options = FaultOptions(parameters, script, cycles, timeout_s, after)
    with _progress() as progress:
        results = find_faults(lab, built, sources.files, options, progress)
    timeline = _timeline(built, sources, results)
    if as_json:
        click.echo(json.dumps(as_dict(results, timeline), indent=1))
    else:
        missing = [module for module in kernel_modules_of(built) if kmod_name(module) not in map(kmod_name, after)]
        _Table(results, sources, missing).show(timeline if with_timeline else None)
    return 0 if results.passed else 1


def _timeline(built: Build, sources: Sources, results: Faults) -> Timeline:
    code = make_subject(built, sources.files).code
    return make_timeline(code, known_functions(), results.plain.observation.records)


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on a terminal, nothing elsewhere."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=ERR, transient=True, disable=not ERR.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda what, done, total: bar.update(
            task, description=escape_control_chars(what), completed=done, total=total
        )


def _show_failed_build(built: Build, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"outcome": "failed", "build": {"reason": built.reason, "sentence": built.sentence}}))
        return
    say(built.transcript.rstrip("\n"))
    for diagnostic in built.errors:
        if diagnostic.hint:
            say(f"  -> {diagnostic.hint}", "cyan")
    say(_("failed: {reason}").format(reason=built.sentence), "bold red")


# ---- for people ----------------------------------------------------------------------------------------------------


class _Table:
    """The table of all runs as text, with the line of the source below each problem."""

    def __init__(self, results: Faults, sources: Sources, missing: list[str]) -> None:
        self._found, self._sources, self._missing = results, sources, missing

    def show(self, timeline: Timeline | None) -> None:
        results = self._found
        say(_("{module} on Linux {release}").format(module=results.module, release=results.release), "bold")
        if timeline:
            say("")
            say(format_timeline(timeline))
        say("")
        self._show_plain()
        if results.sites:
            say("")
            self._show_sites()
        say("")
        bad = sum(site.verdict not in _STYLES for site in results.sites) + (results.plain.verdict is not Verdict.CLEAN)
        if results.passed:
            say(_("all clean"), "bold green")
        elif bad:
            runs = len(results.sites) + 1
            words = ngettext("not clean: {bad} of {number} run", "not clean: {bad} of {number} runs", runs)
            say(words.format(bad=bad, number=runs), "bold red")
        else:
            say(_("not clean: {reason}").format(reason=results.exit_text or results.cycles_text), "bold red")

    def _show_plain(self) -> None:
        results = self._found
        say(results.plain_text, _style(results.plain_verdict))
        self._show_troubles(results.plain_troubles, results.plain.doubt)
        for module in self._missing if results.plain.verdict is Verdict.REFUSED else ():
            say("  -> " + _("`--after {module}` loads it first.").format(module=module), "cyan")
        if results.exit_text:
            say(results.exit_text, "red")
            self._show_troubles(results.exit_troubles)

    def _show_sites(self) -> None:
        rows = [_row(site) for site in self._found.sites]
        head, *lines = align_columns([[_(column) for column in COLUMNS], *rows])
        say(head, "dim")
        for site, line in zip(self._found.sites, lines, strict=True):
            say(line, _style(site.verdict))
            if site.finding and site.verdict is not Verdict.NOT_INJECTED:
                self._show_troubles(site.finding.troubles, site.finding.doubt)
            elif site.reason:
                say(f"      {site.reason}", "dim")

    def _show_troubles(self, troubles: Sequence[Trouble], doubt: str = "") -> None:
        for trouble in troubles:
            say(f"      {trouble.sentence}")
            self._show_line(trouble.line)
        if doubt:
            words = _("not all could be seen: {doubt}").format(doubt=doubt)
            say(f"      {words}", "yellow")

    def _show_line(self, line: SourceLine | None) -> None:
        if line is None:
            return
        source = self._sources.files.get(line.file, b"").decode("utf-8", "replace")
        for row in make_excerpt(source, line.line):
            say(f"      {line.file}:{line.line}: {row.text.strip()}", "cyan")


def _style(verdict: Verdict) -> str:
    return _STYLES.get(verdict, "red")


def _row(site: SiteResult) -> tuple[str, str, str, str, str]:
    returned = site.finding.init_returned if site.finding else None
    location = f"{site.line.file}:{site.line.line}" if site.line else ""
    call = site.function if site.nth == 1 else _("{call}, call {number}").format(call=site.function, number=site.nth)
    return location, call, site.injected, "" if returned is None else return_text(returned), site.verdict.label


# ---- for programs --------------------------------------------------------------------------------------------------


def as_dict(results: Faults, timeline: Timeline) -> dict[str, Any]:
    """All runs as JSON: module, outcome, plain, exit, sites, not-injected."""
    return {
        "module": results.module,
        "release": results.release,
        "outcome": "passed" if results.passed else "failed",
        "plain": {
            "function": _function(results.plain),
            **_place(results.plain.line),
            **_finding_dict(results.plain),
            "cycles": {"done": results.cycles, "level": results.level},
            "timeline": timeline_dict(timeline),
        },
        "exit": [_trouble_dict(trouble) for trouble in results.exit_troubles],
        "sites": [_site_dict(site) for site in results.sites],
        "not-injected": [
            {"function": site.function, **_place(site.line), "reason": site.reason}
            for site in results.sites
            if site.verdict is Verdict.NOT_INJECTED
        ],
    }


def _site_dict(site: SiteResult) -> dict[str, Any]:
    finding = site.finding if site.verdict is not Verdict.NOT_INJECTED else None
    known = _finding_dict(finding) if finding else {"init_returned": None, "left": []}
    return {
        "function": site.function,
        "symbol": site.symbol,
        **_place(site.line),
        "nth": site.nth,
        "injected": site.injected or None,
        **known,
        "verdict": str(site.verdict),
        "reason": site.reason or None,
    }


def _function(finding: Finding) -> str | None:
    """The function that the run without a fault points to: it acquired the leak, or contains the guilty line."""
    if finding.verdict is Verdict.LEAKS and finding.leaks:
        return finding.leaks[0].function
    return finding.line.function if finding.line else None


def _finding_dict(finding: Finding) -> dict[str, Any]:
    return {
        "init_returned": finding.init_returned,
        "verdict": str(finding.verdict),
        "reason": finding.sentence or None,
        "blame": _place(finding.line) if finding.line else None,
        "left": [_leak_dict(leak) for leak in finding.leaks],
        "troubles": [_trouble_dict(trouble) for trouble in finding.troubles],
        "exit_ran": finding.exit_ran,
        "reloads": finding.reloads,
        "guest_end": str(finding.observation.end.kind) if finding.observation.end else None,
        "doubt": finding.doubt or None,
        "seconds": round(finding.observation.seconds, 3),
    }


def _trouble_dict(trouble: Trouble) -> dict[str, Any]:
    crash = {"title": trouble.report.sentence, "kind": str(trouble.report.kind)} if trouble.report else None
    return {"verdict": str(trouble.verdict), "reason": trouble.sentence, **_place(trouble.line), "crash": crash}


def _leak_dict(leak: Leak) -> dict[str, Any]:
    return {
        "kind": leak.kind,
        "what": leak.what,
        "function": leak.function,
        **_place(leak.line),
        "seen": list(leak.seen),
    }


def _place(line: SourceLine | None) -> dict[str, Any]:
    return {"file": line.file if line else None, "line": line.line if line else None}
