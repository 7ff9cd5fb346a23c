"""The table of injected faults: calls and verdicts, with the source beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kmodlab.crash.source_location import SourceLine
from kmodlab.i18n import _
from kmodlab.notebook.render.fault_listing import FaultListing, badge, css_class
from kmodlab.notebook.render.parts import escape, prose
from kmodlab.text import escape_control_chars
from kmodlab.tracer.fault_injection import COLUMNS, Faults, SiteResult
from kmodlab.tracer.kernel_api import return_text
from kmodlab.tracer.troubles import Trouble, Verdict
from kmodlab.tracer.verdict import Finding

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
    """The table; `sources` are the module's files, `cell` is the name of the file with the cell's text."""

    faults: Faults
    sources: Mapping[str, str]
    cell: str

    @property
    def text(self) -> str:
        """A line for each run, and below it what was wrong."""
        lines = [self.faults.plain_text, *self._trouble_lines(self.faults.plain_troubles)]
        if self.faults.exit_text:
            lines += [self.faults.exit_text, *self._trouble_lines(self.faults.exit_troubles)]
        for site in self.faults.sites:
            place = self._place(site.line) if site.line else ""
            lines.append(f"{place:>8}  {_site_sentence(site)}")
            lines += self._trouble_lines(site.troubles)
            lines += [f"{'':10}{site.reason}"] if site.reason and not site.troubles else []
        return escape_control_chars("\n".join(lines))

    @property
    def html(self) -> str:
        """A table, and the source with its guilty lines marked."""
        head = "".join(f'<th scope="col">{escape(_(heading))}</th>' for heading in COLUMNS)
        body = self._plain_row() + self._exit_row() + "".join(self._rows())
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f'{_STYLE}<div class="km-faults">{table}{self._listing.html}</div>'

    # ---- the table ----

    def _plain_row(self) -> str:
        cells = ("", _("none"), "", _returned(self.faults.plain))
        return _row(cells, self.faults.plain_verdict) + _reason_row(self.faults.plain_troubles)

    def _exit_row(self) -> str:
        troubles = self.faults.exit_troubles
        if not troubles:
            return ""
        place = self._listing.place(troubles[0].line) if troubles[0].line else ""
        return _row((place, _("exit"), "", ""), troubles[0].verdict) + _reason_row(troubles)

    def _rows(self) -> Iterator[str]:
        for site in self.faults.sites:
            place = self._listing.place(site.line) if site.line else ""
            returned = _returned(site.finding) if site.finding else ""
            yield _row((place, site.call, site.injected, returned), site.verdict)
            yield _reason_row(site.troubles, site.reason)

    # ---- lines ----

    def _trouble_lines(self, troubles: Iterable[Trouble]) -> Iterator[str]:
        for trouble in troubles:
            sentence = trouble.sentence
            place = self._place(trouble.line) if trouble.line else ""
            if place not in sentence:
                sentence = _("{sentence} ({place})").format(sentence=sentence, place=place)
            yield f"{'':10}{sentence}"

    @property
    def _listing(self) -> FaultListing:
        return FaultListing(self.faults, self.sources, self.cell)

    def _place(self, line: SourceLine) -> str:
        place = self._listing.place(line)
        return _("line {number}").format(number=line.line) if place.isdigit() else place


def _site_sentence(site: SiteResult) -> str:
    if site.injected:
        template = _("{call} fails with {error}: {outcome}")
    else:
        template = _("{call} cannot be made to fail: {outcome}")
    finding = site.finding if site.verdict is not Verdict.NOT_INJECTED else None
    return template.format(call=site.call, error=site.injected, outcome=_outcome(site.verdict, finding))


def _outcome(verdict: Verdict, finding: Finding | None) -> str:
    if finding is None:
        return verdict.label
    return _("{verdict}, {init}").format(verdict=verdict.label, init=finding.init_text)


def _returned(finding: Finding) -> str:
    return _("never") if finding.init_returned is None else return_text(finding.init_returned)


def _row(cells: tuple[str, str, str, str], verdict: Verdict) -> str:
    line, *others = (escape(cell) for cell in cells)
    middle = "".join(f"<td>{cell}</td>" for cell in others)
    last = f'<td class="{css_class(verdict)}">{badge(verdict)}</td>'
    return f'<tr><td class="km-number">{line}</td>{middle}{last}</tr>'


def _reason_row(troubles: Sequence[Trouble], reason: str = "") -> str:
    sentences = [trouble.sentence for trouble in troubles] or [reason]
    if not sentences[0]:
        return ""
    reasons = "<br>".join(prose(sentence) for sentence in sentences)
    return f'<tr class="km-why"><td></td><td colspan="4">{reasons}</td></tr>'
