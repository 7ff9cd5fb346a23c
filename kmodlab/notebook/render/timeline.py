"""Renders a module's timeline as a picture: three lanes, from insmod at the top to the freed memory at the bottom.

It is SVG without scripts, in the colours of its surroundings, so that slides can show it in light and in dark. If init
fails, an empty box shows that exit is never called.
"""

from __future__ import annotations

from dataclasses import dataclass

from kmodlab.i18n import _
from kmodlab.notebook.render.svg import Sheet
from kmodlab.text import escape_control_chars
from kmodlab.tracer.timeline import STATES, Moment, MomentKind, Timeline, format_timeline

_WIDTH = 880
_ROW, _HEAD = 30, 56
_STATE_X, _CODE_X, _CALL_X = 16, 206, 456
_STATE_W, _CODE_W = 150, 226
_LONGEST = 24  # characters of a call that are shown

# The colours are the card's (render/style.py).
_STYLE = """
.km-timeline{font-family:var(--km-mono);font-size:14px}
.km-timeline text{fill:currentColor}.km-timeline .head{font-weight:bold;opacity:.8}
.km-timeline .end{text-anchor:end}.km-timeline .middle{text-anchor:middle}
.km-timeline .small{font-size:12px;opacity:.75}.km-timeline .strong{font-weight:bold}
.km-timeline .good{fill:var(--km-good)}.km-timeline .bad{fill:var(--km-bad)}
.km-timeline rect{stroke-width:1.5}
.km-timeline .box{fill:currentColor;fill-opacity:.06;stroke:currentColor;stroke-opacity:.45}
.km-timeline .live{fill:var(--km-good);fill-opacity:.16;stroke:var(--km-good)}
.km-timeline .failed{fill:var(--km-bad);fill-opacity:.14;stroke:var(--km-bad)}
.km-timeline .never{fill:none;stroke:var(--km-bad);stroke-dasharray:6 5}
.km-timeline path{stroke:currentColor;stroke-opacity:.45}.km-timeline .wrong{stroke:var(--km-bad);stroke-opacity:1}
"""


@dataclass(frozen=True)
class TimelineChart:
    """The picture; its text form has a line for each moment."""

    timeline: Timeline

    @property
    def text(self) -> str:
        """The moments, one below the other."""
        return escape_control_chars(format_timeline(self.timeline))

    @property
    def html(self) -> str:
        """The SVG in a figure; its label says in words what it shows."""
        return f'<figure style="margin:.4em 0">{timeline_svg(self.timeline)}</figure>'


def timeline_svg(timeline: Timeline) -> str:
    """The picture alone, as an SVG element."""
    title = _("Timeline of the module {module}: {conclusion}")
    sheet = Sheet(_WIDTH, _HEAD, title.format(module=timeline.module, conclusion=timeline.conclusion))
    _heads(sheet, timeline)
    sheet.height = _Lanes(timeline, sheet).draw() + 34
    kinds = "strong bad" if _has_failed(timeline) else "strong"
    sheet.text(_STATE_X, sheet.height - 12, timeline.conclusion, kinds)
    return sheet.render_inline("km-timeline", _STYLE)


def _has_failed(timeline: Timeline) -> bool:
    return timeline.init_returned is None or timeline.init_returned < 0


def _heads(sheet: Sheet, timeline: Timeline) -> None:
    sheet.text(_STATE_X, 24, _("state in the kernel"), "head")
    sheet.text(_CODE_X, 24, _("{module}'s code").format(module=timeline.module), "head")
    sheet.text(_CALL_X, 24, _("what it calls"), "head")
    sheet.path(f"M{_STATE_X} 36H{_WIDTH - 16}")


class _Lanes:
    """The three lanes, filled moment by moment: a box is drawn when its end is known."""

    def __init__(self, timeline: Timeline, sheet: Sheet) -> None:
        self._timeline, self._sheet = timeline, sheet
        self._y: float = _HEAD  # where the next row begins
        self._state = ("", 0.0)  # the state's name, and where its box begins
        self._code = ("", 0.0)

    def draw(self) -> float:
        """Draw all moments, and return where the lanes end."""
        for moment in self._timeline.moments:
            getattr(self, f"_{moment.kind}")(moment)
        self._end_code("failed" if self._code[0] else "box")
        self._end_state()
        if not self._timeline.exit_called and _has_failed(self._timeline) and self._timeline.init_returned is not None:
            self._never()
        return self._y

    def _row(self) -> float:
        self._y += _ROW
        return self._y - _ROW

    def _box(self, x: float, top: float, width: float, bottom: float, kinds: str) -> None:
        self._sheet.box(x, top, width, max(bottom - top, 4), kinds, round_by=5)

    # ---- boxes ----

    def _begin_state(self, name: str) -> None:
        self._end_state()
        self._state = (name, self._y)

    def _end_state(self) -> None:
        name, top = self._state
        if name:
            bottom = max(self._y, top + _ROW)
            self._box(_STATE_X, top, _STATE_W, bottom - 4, "live" if name == STATES[MomentKind.LIVE] else "box")
            self._sheet.text(_STATE_X + _STATE_W / 2, (top + bottom) / 2 + 3, name, "strong middle")
            self._y = bottom
        self._state = ("", 0.0)

    def _begin_code(self, name: str) -> None:
        self._code = (name, self._y)
        self._row()

    def _end_code(self, kind: str) -> None:
        name, top = self._code
        if name:
            self._box(_CODE_X, top, _CODE_W, self._y - 4, kind)
            self._sheet.text(_CODE_X + 10, top + 19, f"{name}()", "strong")
        self._code = ("", 0.0)

    # ---- moments ----

    def _coming(self, moment: Moment) -> None:
        self._begin_state(STATES[moment.kind])

    def _init(self, _moment: Moment) -> None:
        self._begin_code("init")

    def _call(self, moment: Moment) -> None:
        y = self._row() + 19
        wrong = moment.failed or moment.took_s is None
        self._sheet.path(f"M{_CODE_X + _CODE_W} {y - 5:g}H{_CALL_X - 6}", "wrong" if wrong else "")
        words = moment.text if len(moment.text) <= _LONGEST else f"{moment.text[: _LONGEST - 1]}…"
        self._sheet.text(_CALL_X, y, words)
        if moment.result:
            template = _("{result}, made to fail") if moment.injected else "{result}"
            result = template.format(result=moment.result)
            self._sheet.text(_WIDTH - 90, y, result, "strong bad end" if wrong else "good end")
        if moment.line:
            self._sheet.text(_WIDTH - 16, y, _("line {number}").format(number=moment.line.line), "small end")

    def _return(self, moment: Moment) -> None:
        y = self._row() + 15
        self._sheet.text(_CODE_X + 10, y, f"return {moment.result}", "strong bad" if moment.failed else "good")
        self._end_code("failed" if moment.failed else "box")

    def _live(self, moment: Moment) -> None:
        self._begin_state(STATES[moment.kind])
        self._row()

    def _exit(self, _moment: Moment) -> None:
        if not self._code[0]:
            self._begin_code("exit")

    def _exited(self, _moment: Moment) -> None:
        self._row()
        self._end_code("box")

    def _going(self, moment: Moment) -> None:
        self._begin_state(STATES[moment.kind])

    def _gone(self, moment: Moment) -> None:
        self._end_code("box")
        self._end_state()
        y = self._row() + 19
        self._sheet.text(_STATE_X + _STATE_W / 2, y, _(STATES[moment.kind]), "small middle")

    def _never(self) -> None:
        top = self._y
        self._box(_CODE_X, top, _CODE_W, top + 44, "never")
        self._sheet.text(_CODE_X + 10, top + 19, "exit()", "strong")
        self._sheet.text(_CODE_X + 10, top + 36, _("is never called"), "bad")
        self._y = top + 52
