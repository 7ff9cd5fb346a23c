"""The matrix of injected faults: a table of calls and verdicts, with the source beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kmodlab.crash.source_location import SourceLine
from kmodlab.notebook.render.harmless import escape, prose
from kmodlab.text import escape_control_chars
from kmodlab.tracer.fault_injection import Faults, SiteResult
from kmodlab.tracer.timeline import return_text
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
    """The matrix; `source` is the cell's text, `file` the name under which it was compiled."""

    found: Faults
    source: str
    file: str

    @property
    def text(self) -> str:
        """A line for each run, and below it what was wrong with it."""
        lines = [f"without a fault: {self._plain_words()}", *map(_reason, self.found.plain.troubles)]
        for site in self.found.sites:
            lines.append(f"{_line_words(site.line):>8}  {_call(site)} {_how(site)}: {_outcome(site)}")
            lines += _reasons(site)
        return escape_control_chars("\n".join(lines))

    @property
    def html(self) -> str:
        """A table, and the source with the lines marked that it speaks of."""
        heads = ("line", "call", "fails with", "init returns", "verdict")
        head = "".join(f'<th scope="col">{name}</th>' for name in heads)
        body = self._plain_row() + "".join(self._rows())
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f'{_STYLE}<div class="km-faults">{table}{self._listing()}</div>'

    # ---- the table ----

    def _plain_words(self) -> str:
        found = self.found
        words = f"{found.plain.verdict}, init {_returned(found.plain)}"
        if found.level is not None:
            level = "level" if found.level else "not level"
            words += f"; loaded and unloaded {found.cycles or 0} times in a row, the account is {level}"
        return words

    def _plain_row(self) -> str:
        plain = self.found.plain
        cells = ("", "none", "", _value(plain))
        return _row(cells, plain.verdict) + _why([trouble.sentence for trouble in plain.troubles])

    def _rows(self) -> Iterator[str]:
        for site in self.found.sites:
            line = str(site.line.line) if site.line else ""
            returned = _value(site.finding) if site.finding else ""
            yield _row((line, _call(site), site.injected, returned), site.verdict)
            yield _why([trouble.sentence for trouble in _troubles(site)] or ([site.reason] if site.reason else []))

    # ---- the source ----

    def _listing(self) -> str:
        marks = self._marks()
        rows = []
        for number, line in enumerate(self.source.split("\n"), 1):
            if number == 1 and not line:
                continue  # it stands for the magic's own line
            text = f"{number:>4}  {escape(line.expandtabs(_TAB))}"
            verdict = marks.get(number)
            if verdict is not None:
                kind = _kind(verdict)
                text = f'{text}  <span class="{kind}">← {_MARKS.get(verdict, "✗")} {verdict}</span>'
            rows.append(f'<span class="km-hit">{text}</span>' if verdict in _BAD else text)
        return f'<pre tabindex="0" role="region" aria-label="source">{chr(10).join(rows)}</pre>'

    def _marks(self) -> dict[int, Verdict]:
        """The worst verdict on each line: of the calls that stand on it, and of what is blamed on it."""
        found: dict[int, set[Verdict]] = {}
        for line, verdict in self._blamed():
            if line is not None and line.file == self.file:
                found.setdefault(line.line, set()).add(verdict)
        return {line: next(one for one in _WORST if one in verdicts) for line, verdicts in found.items()}

    def _blamed(self) -> Iterator[tuple[SourceLine | None, Verdict]]:
        for trouble in self.found.plain.troubles:
            yield trouble.line, trouble.verdict
        for site in self.found.sites:
            yield site.line, site.verdict
            for trouble in _troubles(site):
                yield trouble.line, trouble.verdict


def _troubles(site: SiteResult) -> tuple[Trouble, ...]:
    return site.finding.troubles if site.finding and site.verdict is not Verdict.NOT_INJECTED else ()


def _reasons(site: SiteResult) -> list[str]:
    found = [_reason(trouble) for trouble in _troubles(site)]
    return found or ([f"{'':10}{site.reason}"] if site.reason else [])


def _reason(trouble: Trouble) -> str:
    place = f" (line {trouble.line.line})" if trouble.line else ""
    return f"{'':10}{trouble.sentence}{place}"


def _line_words(line: SourceLine | None) -> str:
    return f"line {line.line}" if line else ""


def _call(site: SiteResult) -> str:
    return f"{site.function}()" if site.nth == 1 else f"{site.function}(), call {site.nth}"


def _how(site: SiteResult) -> str:
    return f"fails with {site.injected}" if site.injected else "cannot be made to fail"


def _outcome(site: SiteResult) -> str:
    if site.finding is None or site.verdict is Verdict.NOT_INJECTED:
        return str(site.verdict)
    return f"{site.verdict}, init {_returned(site.finding)}"


def _returned(finding: Finding) -> str:
    return f"returned {return_text(finding.init_returned)}" if finding.init_returned is not None else "never returned"


def _value(finding: Finding) -> str:
    return "never" if finding.init_returned is None else return_text(finding.init_returned)


def _kind(verdict: Verdict) -> str:
    return f"km-v-{verdict}" if verdict in _MARKS else "km-v-bad"


def _row(cells: tuple[str, str, str, str], verdict: Verdict) -> str:
    line, *others = (escape(cell) for cell in cells)
    middle = "".join(f"<td>{cell}</td>" for cell in others)
    badge = f'<td class="{_kind(verdict)}">{_MARKS.get(verdict, "✗")} {verdict}</td>'
    return f'<tr><td class="km-number">{line}</td>{middle}{badge}</tr>'


def _why(sentences: list[str]) -> str:
    if not sentences:
        return ""
    words = "<br>".join(prose(sentence) for sentence in sentences)
    return f'<tr class="km-why"><td></td><td colspan="4">{words}</td></tr>'
