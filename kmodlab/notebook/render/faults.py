"""The table of injected faults: calls and verdicts, with the source beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kmodlab.crash.source_location import SourceLine
from kmodlab.i18n import _
from kmodlab.notebook.render.parts import escape, prose
from kmodlab.text import escape_control_chars
from kmodlab.tracer.fault_injection import COLUMNS, Faults, SiteResult
from kmodlab.tracer.kernel_api import return_text
from kmodlab.tracer.verdict import Finding, Trouble, Verdict

_MARKS = {Verdict.CLEAN: "✓", Verdict.NOT_INJECTED: "–"}
_BAD = (Verdict.HANGS, Verdict.CRASHES, Verdict.LEAKS, Verdict.WRONG_RETURN, Verdict.REFUSED, Verdict.UNSEEN)
_WORST = (*_BAD, Verdict.NOT_INJECTED, Verdict.CLEAN)
_TAB = 8

_STYLE = """<style>
.km-faults { display: flex; flex-wrap: wrap; gap: 1em; align-items: flex-start; }
.km-faults table { border-collapse: collapse; flex: 0 1 auto; font-size: .93em; }
.km-faults th, .km-faults td { text-align: left; padding: .2em .6em; vertical-align: top; }
.km-faults th { border-bottom: 1px solid var(--km-line); }
.km-faults td.km-number { text-align: right; }
.km-faults tr:not(.km-why) td { white-space: nowrap; }
.km-faults .km-v-clean { color: var(--km-good); font-weight: bold; white-space: nowrap; }
.km-faults .km-v-not-injected { opacity: .75; white-space: nowrap; }
.km-faults .km-v-bad { color: var(--km-bad); font-weight: bold; white-space: nowrap; }
.km-faults tr.km-why td { padding-top: 0; opacity: .9; }
.km-faults pre {
  flex: 1 1 20rem; min-width: 0; max-height: 40em; overflow: auto; margin: 0; padding-left: .7em;
  font-family: var(--km-mono); font-size: .9em; line-height: 1.4; color: inherit; background: none;
  border-left: 3px solid var(--km-line);
}
</style>"""


@dataclass(frozen=True)
class FaultTable:
    """The table; `source` is the cell's text, `file` the name under which it was compiled."""

    faults: Faults
    source: str
    file: str

    @property
    def text(self) -> str:
        """A line for each run, and below it what was wrong."""
        lines = [self.faults.plain_text, *map(_trouble_line, self.faults.plain.troubles)]
        for site in self.faults.sites:
            line = _line_words(site.line)
            lines.append(f"{line:>8}  {_site_sentence(site)}")
            lines += _trouble_lines(site)
        return escape_control_chars("\n".join(lines))

    @property
    def html(self) -> str:
        """A table, and the source with its guilty lines marked."""
        head = "".join(f'<th scope="col">{escape(_(heading))}</th>' for heading in COLUMNS)
        body = self._plain_row() + "".join(self._rows())
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f'{_STYLE}<div class="km-faults">{table}{self._listing()}</div>'

    # ---- the table ----

    def _plain_row(self) -> str:
        plain = self.faults.plain
        cells = ("", _("none"), "", _returned(plain))
        return _row(cells, plain.verdict) + _reason_row([trouble.sentence for trouble in plain.troubles])

    def _rows(self) -> Iterator[str]:
        for site in self.faults.sites:
            line = str(site.line.line) if site.line else ""
            returned = _returned(site.finding) if site.finding else ""
            yield _row((line, _call(site), site.injected, returned), site.verdict)
            yield _reason_row(
                [trouble.sentence for trouble in _troubles(site)] or ([site.reason] if site.reason else [])
            )

    # ---- the source ----

    def _listing(self) -> str:
        verdicts = self._worst_verdicts()
        rows = []
        for number, line in enumerate(self.source.split("\n"), 1):
            if number == 1 and not line:
                continue  # the magic's own line
            text = f"{number:>4}  {escape(line.expandtabs(_TAB))}"
            verdict = verdicts.get(number)
            if verdict is not None:
                text = f'{text}  <span class="{_css_class(verdict)}">← {_badge(verdict)}</span>'
            rows.append(f'<span class="km-hit">{text}</span>' if verdict in _BAD else text)
        label = escape(_("source"))
        return f'<pre tabindex="0" role="region" aria-label="{label}">{chr(10).join(rows)}</pre>'

    def _worst_verdicts(self) -> dict[int, Verdict]:
        """The worst verdict on each line: on the calls in it, and on the troubles that point to it."""
        verdicts: dict[int, set[Verdict]] = {}
        for line, verdict in self._verdicts_on_lines():
            if line is not None and line.file == self.file:
                verdicts.setdefault(line.line, set()).add(verdict)
        return {number: min(on_line, key=_WORST.index) for number, on_line in verdicts.items()}

    def _verdicts_on_lines(self) -> Iterator[tuple[SourceLine | None, Verdict]]:
        for trouble in self.faults.plain.troubles:
            yield trouble.line, trouble.verdict
        for site in self.faults.sites:
            yield site.line, site.verdict
            for trouble in _troubles(site):
                yield trouble.line, trouble.verdict


def _troubles(site: SiteResult) -> tuple[Trouble, ...]:
    return site.finding.troubles if site.finding and site.verdict is not Verdict.NOT_INJECTED else ()


def _trouble_lines(site: SiteResult) -> list[str]:
    lines = [_trouble_line(trouble) for trouble in _troubles(site)]
    return lines or ([f"{'':10}{site.reason}"] if site.reason else [])


def _trouble_line(trouble: Trouble) -> str:
    sentence = trouble.sentence
    if trouble.line:
        sentence = _("{sentence} (line {number})").format(sentence=sentence, number=trouble.line.line)
    return f"{'':10}{sentence}"


def _line_words(line: SourceLine | None) -> str:
    return _("line {number}").format(number=line.line) if line else ""


def _call(site: SiteResult) -> str:
    call = f"{site.function}()"
    return call if site.nth == 1 else _("{call}, call {number}").format(call=call, number=site.nth)


def _site_sentence(site: SiteResult) -> str:
    if site.injected:
        template = _("{call} fails with {error}: {outcome}")
    else:
        template = _("{call} cannot be made to fail: {outcome}")
    finding = site.finding if site.verdict is not Verdict.NOT_INJECTED else None
    return template.format(call=_call(site), error=site.injected, outcome=_outcome(site.verdict, finding))


def _outcome(verdict: Verdict, finding: Finding | None) -> str:
    if finding is None:
        return verdict.label
    return _("{verdict}, {init}").format(verdict=verdict.label, init=finding.init_text)


def _returned(finding: Finding) -> str:
    return _("never") if finding.init_returned is None else return_text(finding.init_returned)


def _badge(verdict: Verdict) -> str:
    return f"{_MARKS.get(verdict, '✗')} {escape(verdict.label)}"


def _css_class(verdict: Verdict) -> str:
    return f"km-v-{verdict}" if verdict in _MARKS else "km-v-bad"


def _row(cells: tuple[str, str, str, str], verdict: Verdict) -> str:
    line, *others = (escape(cell) for cell in cells)
    middle = "".join(f"<td>{cell}</td>" for cell in others)
    badge = f'<td class="{_css_class(verdict)}">{_badge(verdict)}</td>'
    return f'<tr><td class="km-number">{line}</td>{middle}{badge}</tr>'


def _reason_row(sentences: list[str]) -> str:
    if not sentences:
        return ""
    reasons = "<br>".join(prose(sentence) for sentence in sentences)
    return f'<tr class="km-why"><td></td><td colspan="4">{reasons}</td></tr>'
