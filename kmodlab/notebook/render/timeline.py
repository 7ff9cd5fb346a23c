"""A module's life as a picture: three lanes, from insmod at the top to the end of its memory at the bottom.

Drawn by hand as SVG, without scripts, in the colours of what surrounds it, so that a slide can show it in light and in
dark. When init fails, the place where exit would be is drawn empty, with the reason in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kmodlab.notebook.render.harmless import escape
from kmodlab.text import escape_control_chars
from kmodlab.tracer.timeline import Moment, Timeline, format_timeline

_WIDTH = 880
_ROW, _HEAD = 30, 56
_STATE_X, _CODE_X, _CALL_X = 16, 206, 456
_STATE_W, _CODE_W = 150, 226
_LONGEST = 24  # characters of a call

_STYLE = """
.km-timeline{--good:var(--km-good,#1a7f37);--bad:var(--km-bad,#c62828);--note:var(--km-note,#2563b0);
font-family:var(--km-mono,ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace);font-size:14px}
@media (prefers-color-scheme:dark){.km-timeline{--good:var(--km-good,#56d364);--bad:var(--km-bad,#ff7b72);
--note:var(--km-note,#79b8ff)}}
.km-timeline text{fill:currentColor}.km-timeline .head{font-weight:bold;opacity:.8}
.km-timeline .small{font-size:12px;opacity:.75}.km-timeline .strong{font-weight:bold}
.km-timeline .good{fill:var(--good)}.km-timeline .bad{fill:var(--bad)}.km-timeline .note{fill:var(--note)}
.km-timeline rect{stroke-width:1.5}
.km-timeline .box{fill:currentColor;fill-opacity:.06;stroke:currentColor;stroke-opacity:.45}
.km-timeline .live{fill:var(--good);fill-opacity:.16;stroke:var(--good)}
.km-timeline .failed{fill:var(--bad);fill-opacity:.14;stroke:var(--bad)}
.km-timeline .never{fill:none;stroke:var(--bad);stroke-dasharray:6 5}
.km-timeline line{stroke:currentColor;stroke-opacity:.45}.km-timeline .wrong{stroke:var(--bad);stroke-opacity:1}
"""


@dataclass
class _Drawing:
    """SVG elements, and how far down the picture goes by now."""

    y: float = _HEAD
    parts: list[str] = field(default_factory=list)

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> None:
        self.parts.append(f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" class="{kind}">{escape(words)}</text>')

    def box(self, x: float, top: float, width: float, bottom: float, kind: str) -> None:
        self.parts.append(
            f'<rect x="{x:g}" y="{top:g}" width="{width:g}" height="{max(bottom - top, 4):g}" rx="5" class="{kind}"/>'
        )

    def line(self, x: float, y: float, to: float, kind: str = "") -> None:
        self.parts.append(f'<line x1="{x:g}" y1="{y:g}" x2="{to:g}" y2="{y:g}" class="{kind}"/>')


@dataclass(frozen=True)
class TimelineChart:
    """The picture; as text, a line for each moment."""

    timeline: Timeline

    @property
    def text(self) -> str:
        """The moments, one below the other."""
        return escape_control_chars(format_timeline(self.timeline))

    @property
    def html(self) -> str:
        """The SVG in a figure; what it shows is also said in words, for those who cannot see it."""
        return f'<figure style="margin:.4em 0">{timeline_svg(self.timeline)}</figure>'


def timeline_svg(timeline: Timeline) -> str:
    """The picture alone, as an SVG document."""
    drawing = _Drawing()
    _heads(drawing, timeline)
    _Lanes(timeline, drawing).draw()
    height = drawing.y + 34
    drawing.text(_STATE_X, height - 12, timeline.conclusion, "strong bad" if _has_failed(timeline) else "strong")
    label = escape(f"Timeline of the module {timeline.module}: {timeline.conclusion}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="km-timeline" viewBox="0 0 {_WIDTH} {height:g}" '
        f'width="100%" style="max-width:{_WIDTH}px" role="img" aria-label="{label}">'
        f"<style>{_STYLE.strip()}</style>{''.join(drawing.parts)}</svg>"
    )


def _has_failed(timeline: Timeline) -> bool:
    return timeline.init_returned is None or timeline.init_returned < 0


def _heads(drawing: _Drawing, timeline: Timeline) -> None:
    drawing.text(_STATE_X, 24, "state in the kernel", "head")
    drawing.text(_CODE_X, 24, f"{timeline.module}'s code", "head")
    drawing.text(_CALL_X, 24, "what it calls", "head")
    drawing.line(_STATE_X, 36, _WIDTH - 16)


class _Lanes:
    """The three lanes, filled moment by moment: a box is drawn when its end is known."""

    def __init__(self, timeline: Timeline, drawing: _Drawing) -> None:
        self._timeline, self._drawing = timeline, drawing
        self._state = ("", 0.0)  # the state's name, and where its box begins
        self._code = ("", 0.0)

    def draw(self) -> None:
        for moment in self._timeline.moments:
            getattr(self, f"_{moment.what}")(moment)
        self._end_code("failed" if self._code[0] else "box")
        self._end_state()
        if not self._timeline.exit_called and _has_failed(self._timeline) and self._timeline.init_returned is not None:
            self._never()

    def _row(self) -> float:
        self._drawing.y += _ROW
        return self._drawing.y - _ROW

    # ---- boxes ----

    def _begin_state(self, name: str) -> None:
        self._end_state()
        self._state = (name, self._drawing.y)

    def _end_state(self) -> None:
        name, top = self._state
        if name:
            bottom = max(self._drawing.y, top + _ROW)
            self._drawing.box(_STATE_X, top, _STATE_W, bottom - 4, "live" if name == "LIVE" else "box")
            self._drawing.text(_STATE_X + _STATE_W / 2, (top + bottom) / 2 + 3, name, "strong", "middle")
            self._drawing.y = bottom
        self._state = ("", 0.0)

    def _begin_code(self, name: str) -> None:
        self._code = (name, self._drawing.y)
        self._row()

    def _end_code(self, kind: str) -> None:
        name, top = self._code
        if name:
            self._drawing.box(_CODE_X, top, _CODE_W, self._drawing.y - 4, kind)
            self._drawing.text(_CODE_X + 10, top + 19, f"{name}()", "strong")
        self._code = ("", 0.0)

    # ---- moments ----

    def _coming(self, _moment: Moment) -> None:
        self._begin_state("COMING")

    def _init(self, _moment: Moment) -> None:
        self._begin_code("init")

    def _call(self, moment: Moment) -> None:
        y = self._row() + 19
        wrong = moment.failed or moment.took_s is None
        self._drawing.line(_CODE_X + _CODE_W, y - 5, _CALL_X - 6, "wrong" if wrong else "")
        words = moment.text if len(moment.text) <= _LONGEST else f"{moment.text[: _LONGEST - 1]}…"
        self._drawing.text(_CALL_X, y, words)
        if moment.result:
            fault = ", made to fail" if moment.injected else ""
            self._drawing.text(_WIDTH - 90, y, f"{moment.result}{fault}", "strong bad" if wrong else "good", "end")
        if moment.line:
            self._drawing.text(_WIDTH - 16, y, f"line {moment.line.line}", "small", "end")

    def _return(self, moment: Moment) -> None:
        y = self._row() + 15
        self._drawing.text(_CODE_X + 10, y, f"return {moment.result}", "strong bad" if moment.failed else "good")
        self._end_code("failed" if moment.failed else "box")

    def _live(self, _moment: Moment) -> None:
        self._begin_state("LIVE")
        self._row()

    def _exit(self, _moment: Moment) -> None:
        if not self._code[0]:
            self._begin_code("exit")

    def _exited(self, _moment: Moment) -> None:
        self._row()
        self._end_code("box")

    def _going(self, _moment: Moment) -> None:
        self._begin_state("GOING")

    def _gone(self, _moment: Moment) -> None:
        self._end_code("box")
        self._end_state()
        y = self._row() + 19
        self._drawing.text(_STATE_X + _STATE_W / 2, y, "gone", "small", "middle")

    def _never(self) -> None:
        top = self._drawing.y
        self._drawing.box(_CODE_X, top, _CODE_W, top + 44, "never")
        self._drawing.text(_CODE_X + 10, top + 19, "exit()", "strong")
        self._drawing.text(_CODE_X + 10, top + 36, "is never called", "bad")
        self._drawing.y = top + 52
