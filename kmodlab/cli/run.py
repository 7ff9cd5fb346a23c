"""`kmodlab run`: builds a module, loads it, shows the kernel's log and unloads it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from kmodlab.cli.console import ERR, OUT, say
from kmodlab.cli.module_options import module_options
from kmodlab.crash.guilty import find_doubt, find_guilty, find_guilty_line
from kmodlab.crash.records import LogRecord, console_lines
from kmodlab.crash.report import Kind, Report, ReportSeverity, group_repeated, repeated_sentence
from kmodlab.excerpt import FIRST_WORD, make_excerpt
from kmodlab.guest.own_lab import choose_lab
from kmodlab.guest.session import COMMAND_S, Session
from kmodlab.i18n import _
from kmodlab.kbuild.build import build
from kmodlab.kbuild.diagnostics import Diagnostic, follow_up_sentence
from kmodlab.kbuild.result import Build, Outcome
from kmodlab.kbuild.sources import Sources, check_name, read_sources
from kmodlab.kernel.own import DEBIAN
from kmodlab.sandbox.sandbox import check_sandbox
from kmodlab.settings import get_settings
from kmodlab.text import escape_control_chars, parse_seconds
from kmodlab.tracer.failed_call import Circumstances, explain_run
from kmodlab.tracer.leftovers import LeftoverSearch, find_subjects, may_stay
from kmodlab.tracer.run import Leftover, ModuleRun, Step, check_kernel_modules, quote_parameter, run_build


@click.command(
    help=_("""Build FILES with kbuild, load the module into a pristine guest, show the kernel's log, unload it.

FILES are C sources, headers, and if need be a Makefile or Kbuild of your own. Ends with status 0 when all went
well, 1 when the module is at fault (it does not build, insmod refuses it, it crashes or hangs the kernel),
2 for a wrong call, and 4 when kmodlab itself could not do it.

With --kernel debug, the guest's kernel finds mistakes by itself: uses of freed memory and outside of objects, memory
that is never freed, locks in the wrong order, sleeping where that is not allowed, undefined behaviour.
""")
)
@module_options
@click.option(
    "--timeout",
    "timeout_s",
    type=parse_seconds,
    metavar="SECONDS",
    default=str(COMMAND_S),
    show_default=True,
    help=_("Seconds for each command."),
)
@click.option("--json", "as_json", is_flag=True, help=_("Print everything as JSON."))
def run(
    files: tuple[Path, ...],
    name: str | None,
    parameters: tuple[str, ...],
    after: tuple[str, ...],
    kernel: str,
    timeout_s: float,
    as_json: bool,
) -> int:
    """Build, load and unload a module; returns the exit status."""
    for parameter in parameters:
        if "=" not in parameter:
            sentence = _("{parameter!r} is not of the form K=V.").format(parameter=parameter)
            raise click.BadParameter(sentence, param_hint="--param")
    return run_files(
        files, name=name, parameters=parameters, after=after, kernel=kernel, timeout_s=timeout_s, as_json=as_json
    )


def run_files(
    files: Iterable[Path],
    *,
    name: str | None = None,
    parameters: Iterable[str] = (),
    after: Iterable[str] = (),
    kernel: str = DEBIAN,
    timeout_s: float = COMMAND_S,
    as_json: bool,
) -> int:
    """Build, load and unload a module, and print what happens; returns the exit status."""
    parameters, after = tuple(map(quote_parameter, parameters)), check_kernel_modules(after)
    sources = read_sources(tuple(files), name=name)
    lab = choose_lab(get_settings(), kernel)
    check_name(sources.name, lab.reserved)
    _warn_without_sandbox()
    with Session(lab, warm=True) as session:
        session.prepare()  # the guest boots while the compiler works
        with ERR.status(_("Building …")):
            built = build(lab.tree, sources)
        if not as_json:
            _print_build(built, sources)
        with ERR.status(_("Loading …")):
            circumstances = Circumstances(built, sources.files, parameters, after)
            search = LeftoverSearch(lab, find_subjects(built, circumstances, may_stay), timeout_s)
            module_run = run_build(session, built, parameters, after=after, timeout_s=timeout_s)
            module_run = explain_run(lab, session, module_run, circumstances)
            module_run = replace(module_run, leftovers=search.result())
    if as_json:
        click.echo(json.dumps(as_dict(module_run), indent=1))
    else:
        _print_run(module_run, sources)
    return 0 if module_run.outcome is Outcome.PASSED else 1


def _warn_without_sandbox() -> None:
    verdict = check_sandbox()
    if not verdict.works:
        ERR.print(Text(f"{verdict.sentence} {verdict.hint}", style="yellow"))


# ---- for people ----------------------------------------------------------------------------------------------------


def _print_build(built: Build, sources: Sources) -> None:
    say(built.transcript.rstrip("\n"))
    for diagnostic in built.diagnostics:
        if diagnostic.hint:
            _print_hint(diagnostic, sources)


def _print_hint(diagnostic: Diagnostic, sources: Sources) -> None:
    location = ":".join(str(part) for part in (diagnostic.file, diagnostic.line, diagnostic.column) if part)
    say("")
    say(f"{location}: {diagnostic.message}" if location else diagnostic.message, "bold")
    _print_line(sources, diagnostic.file, diagnostic.line, diagnostic.column)
    say(f"  -> {diagnostic.hint}", "cyan")
    if diagnostic.follow_ups:
        say(f"  -> {follow_up_sentence(len(diagnostic.follow_ups))}", "dim")


def _print_line(sources: Sources, file: str, number: int | None, column: int | None) -> None:
    """A line of the source with a caret below it: under the column, or under its first word."""
    source = sources.files.get(file, b"").decode("utf-8", "replace")
    for row in make_excerpt(source, number or 0, column or FIRST_WORD):
        say(str(row))


def _print_run(module_run: ModuleRun, sources: Sources) -> None:
    for step in module_run.steps:
        _print_step(step, module_run.build, sources)
        for report, later in group_repeated(report for report in step.reports if not report.is_refusal):
            _print_report(report, module_run.build, sources)
            if later:
                say(f"  -> {repeated_sentence(later)}", "dim")
    for leftover in module_run.leftovers:
        _print_leftover(leftover, sources)
    say("")
    if module_run.outcome is Outcome.PASSED:
        say(_("passed on Linux {release}").format(release=module_run.release), "bold green")
    else:
        say(_("failed: {reason}").format(reason=module_run.reason), "bold red")


def _print_step(step: Step, built: Build, sources: Sources) -> None:
    say("")
    say(f"guest# {step.command}", "bold")
    if step.result and step.result.text:
        say(step.result.text.rstrip("\n"))
    if step.errno:
        say(f"  -> {step.errno.sentence}", "cyan")
        for module in step.missing_modules:
            say("  -> " + _("`--after {module}` loads it first.").format(module=module), "cyan")
    if step.result and step.result.timed_out and step.cause:
        say(f"  -> {step.cause}", "cyan")
        if step.cause_line:
            _print_line(sources, step.cause_line.file, step.cause_line.line, None)
    for record in step.records:
        OUT.print(_log_line(record))
    for remark in step.remarks(built.modules):
        say(f"  -> {remark}", "yellow")
    if step.end and step.end.console:
        say(_("the console's last lines:"), "dim")
        say("\n".join(console_lines(step.end.console)[-30:]), "red")


def _print_report(report: Report, built: Build, sources: Sources) -> None:
    guilty = find_guilty_line(report, built.modules)
    say("")
    # A guest that hangs gets an NMI, to show where.
    sentence = _("where the guest hangs:") if report.kind is Kind.NMI else report.sentence
    say(sentence, "bold red" if report.is_crash else "bold")
    if report.cause:
        say(f"  -> {report.explanation}", "cyan")
    if guilty:
        line = guilty.line
        say(f"{line.file}:{line.line}, {guilty.note or _('in {function}').format(function=line.function)}")
        _print_line(sources, line.file, line.line, None)
        if guilty.doubt:
            say("  " + _("in doubt: {doubt}").format(doubt=guilty.doubt), "yellow")
        for related in guilty.related:
            say(f"{related.line.file}:{related.line.line}: {related.words}")
            _print_line(sources, related.line.file, related.line.line, None)


def _print_leftover(leftover: Leftover, sources: Sources) -> None:
    say("")
    say(leftover.sentence, "bold red")
    if leftover.line:
        _print_line(sources, leftover.line.file, leftover.line.line, None)
    say(f"  -> {leftover.advice}", "cyan")


def _log_line(record: LogRecord) -> Text:
    line = Text(
        escape_control_chars(record.line), style="red" if record.level < 4 else "yellow" if record.level == 4 else ""
    )
    if not record.on_console:
        note = _("(KERN_{level}: in the log, not on the console)").format(level=record.level_name)
        line.append(f"   {note}", style="dim")
    return line


# ---- for programs --------------------------------------------------------------------------------------------------


def as_dict(module_run: ModuleRun) -> dict[str, Any]:
    """A run as JSON: outcome, reason, release, build, steps, what the modules left behind."""
    built = module_run.build
    return {
        "outcome": str(module_run.outcome),
        "reason": module_run.reason,
        "release": module_run.release,
        "build": {
            "outcome": str(built.outcome),
            "reason": built.reason,
            "sandboxed": built.sandboxed,
            "modules": list(built.modules),
            "transcript": built.transcript,
            "diagnostics": [asdict(diagnostic) for diagnostic in built.diagnostics],
        },
        "steps": [_step_dict(step, built) for step in module_run.steps],
        "leftovers": [_leftover_dict(leftover) for leftover in module_run.leftovers],
    }


def _leftover_dict(leftover: Leftover) -> dict[str, Any]:
    return {
        "module": leftover.module,
        "what": leftover.what,
        "is_running": leftover.is_running,
        "file": leftover.line.file if leftover.line else None,
        "line": leftover.line.line if leftover.line else None,
    }


def _step_dict(step: Step, built: Build) -> dict[str, Any]:
    result = step.result
    return {
        "command": list(step.argv),
        "outcome": str(step.outcome),
        "status": result.status if result else None,
        "stdout": result.stdout.decode("utf-8", "replace") if result else "",
        "stderr": result.stderr.decode("utf-8", "replace") if result else "",
        "errno": {"name": step.errno.name, "number": step.errno.number} if step.errno else None,
        "log": [
            {
                "time_s": record.time_s,
                "level": record.level,
                "facility": record.facility,
                "text": record.text,
                "on_console": record.on_console,
            }
            for record in step.records
        ],
        "remarks": list(step.remarks(built.modules)),
        "crashes": [_report_dict(report, built, later) for report, later in group_repeated(step.crashes)],
        "traces": [
            _report_dict(report, built, later)
            for report, later in group_repeated(step.reports)
            if report.severity is ReportSeverity.TRACE
        ],
        "guest_end": {"kind": str(step.end.kind), "sentence": step.end.sentence, "console": step.end.console}
        if step.end
        else None,
    }


def _report_dict(report: Report, built: Build, later: int) -> dict[str, Any]:
    guilty, frame = find_guilty_line(report, built.modules), find_guilty(report)
    return {
        "title": report.sentence,
        "kind": str(report.kind),
        "severity": str(report.severity),
        "later": later,  # reports that say the same
        "function": frame.function if frame else None,
        "module": frame.module if frame else None,
        "file": guilty.line.file if guilty else None,
        "line": guilty.line.line if guilty else None,
        "note": guilty.note if guilty else "",
        "related": [
            {"words": related.words, "file": related.line.file, "line": related.line.line}
            for related in (guilty.related if guilty else ())
        ],
        "cause": report.cause,
        "doubt": guilty.doubt if guilty else find_doubt(report),
    }
