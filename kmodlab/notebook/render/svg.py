"""Writes SVG pictures: boxes, paths and words on a sheet, without scripts.

A picture is either a whole file or a part of a page. A file has its own background and two sets of colours, chosen by
the reader's preference (prefers-color-scheme), so it can be read on any page, light or dark, and in print. A part of a
page takes its colours from the page. Every colour's meaning is also said in words.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kmodlab.notebook.render.parts import escape

LETTER = 7.83  # width in pixels of a character in the usual monospace fonts at 13 pixels

_SHAPES = """
text { font: 13px system-ui, sans-serif; }
.mono { font: 13px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
.small { font-size: 11px; } .bold { font-weight: bold; } .end { text-anchor: end; } .middle { text-anchor: middle; }
.line { fill: none; stroke-width: 1.3; } .thin { fill: none; stroke-opacity: .18; }
.dots { fill: none; stroke-width: 2.6; stroke-linecap: round; }
"""
_LIGHT = """
text { fill: #1f2328; } .soft, .tip { fill: #57606a; } .paper { fill: #ffffff; stroke: #d0d7de; }
.box { fill: #f3f6fa; stroke: #57606a; } .chosen { fill: #dbe9ff; stroke: #1f5fbf; }
.line, .thin { stroke: #57606a; } .rule { stroke: #d0d7de; } .dots { stroke: #2f6fce; }
.code { fill: #2f6fce; } .data { fill: #1a8f6a; } .self { fill: #c2620e; } .trade { fill: #8a4fc0; }
.list { fill: #8b949e; } .tool { fill: #b3a08a; } .rest { fill: #d0d7de; }
"""
_DARK = """
text { fill: #e6edf3; } .soft, .tip { fill: #9aa4af; } .paper { fill: #161b22; stroke: #3d444d; }
.box { fill: #21262d; stroke: #9aa4af; } .chosen { fill: #1b3a66; stroke: #79b8ff; }
.line, .thin { stroke: #9aa4af; } .rule { stroke: #3d444d; } .dots { stroke: #79b8ff; }
.code { fill: #5b9bff; } .data { fill: #3fbf95; } .self { fill: #ee9a4d; } .trade { fill: #b98cf0; }
.list { fill: #768390; } .tool { fill: #8a7d6b; } .rest { fill: #3d444d; }
"""
_STYLE = " ".join(f"{_SHAPES}{_LIGHT}@media (prefers-color-scheme: dark) {{{_DARK}}}".split())


@dataclass
class Sheet:
    """A drawing of `width` by `height` pixels, with a `title` and a `description` for screen readers.

    `kinds` in its methods are classes of the style sheet, separated by spaces.
    """

    width: float
    height: float
    title: str
    description: str = ""
    _elements: list[str] = field(default_factory=list)

    def text(self, x: float, y: float, words: str, kinds: str = "") -> None:
        """Add a line of text that begins at a point; with the kind `end` or `middle` it ends or is centred there."""
        self._elements.append(f'<text x="{x:g}" y="{y:g}"{_class(kinds)}>{escape(words)}</text>')

    def box(self, x: float, y: float, width: float, height: float, kinds: str, *, round_by: float = 0) -> None:
        """Add a rectangle; `round_by` is the radius of its corners."""
        corner = f' rx="{round_by:g}"' if round_by else ""
        self._elements.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:.5g}" height="{height:g}"{corner}{_class(kinds)}/>'
        )

    def path(self, commands: str, kinds: str = "") -> None:
        """Add a line, straight or curved, in SVG's path commands."""
        self._elements.append(f'<path d="{commands}"{_class(kinds)}/>')

    def render_file(self) -> str:
        """The picture as a whole SVG file, with its own background and colours."""
        head = self._head(f'width="{self.width:g}" height="{self.height:g}"', "max-width:100%;height:auto")
        words = f"<title>{escape(self.title)}</title><desc>{escape(self.description)}</desc>"
        paper = f'<rect x=".5" y=".5" width="{self.width - 1:g}" height="{self.height - 1:g}" rx="6" class="paper"/>'
        return "\n".join([head, words, f"<style>{_STYLE}</style>", paper, *self._elements, "</svg>"])

    def render_inline(self, kind: str, style: str) -> str:
        """The picture as a part of an HTML page, in the available width; `style` is the style sheet of class `kind`."""
        head = self._head(f'class="{kind}" width="100%"', f"max-width:{self.width:g}px")
        return "".join([head, f"<style>{style.strip()}</style>", *self._elements, "</svg>"])

    def _head(self, size: str, style: str) -> str:
        box = f"0 0 {self.width:g} {self.height:g}"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" {size} '
            f'role="img" aria-label="{escape(self.title)}" style="{style}">'
        )


def _class(kinds: str) -> str:
    return f' class="{kinds}"' if kinds else ""
