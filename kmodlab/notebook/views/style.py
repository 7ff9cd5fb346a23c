"""How views look: tables and quizzes, on top of the cards' own style sheet, with the same colours."""

from __future__ import annotations

import re

_SHEET = """
.km-view { max-width: 72rem; }
.km-view h4 { margin: .8em 0 .2em; font-size: 1em; font-weight: bold; }
.km-view .km-scroll { overflow-x: auto; }
.km-view table.km-table { border-collapse: collapse; margin: .3em 0 .6em; font-size: .95em; color: inherit; border: 0; }
.km-view table.km-table caption { caption-side: top; text-align: left; font-weight: bold; color: inherit;
  padding: .2em 0; }
.km-view table.km-table th, .km-view table.km-table td { text-align: left; vertical-align: top;
  padding: .15em .9em .15em 0; border: 0; border-bottom: 1px solid var(--km-line); background: none;
  max-width: none; white-space: normal; }
.km-view table.km-table thead th { border-bottom-width: 2px; white-space: nowrap; }
.km-view table.km-table tbody th { font-weight: normal; }
.km-view table.km-table .km-number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.km-view table.km-table code, .km-view p code, .km-view li code { font-family: var(--km-mono); font-size: .95em;
  color: inherit; background: none; padding: 0; border: 0; overflow-wrap: break-word; }
.km-view table.km-table tr.km-only .km-code { font-weight: bold; }
.km-view ol.km-options { margin: .3em 0; padding-left: 2em; }
.km-view p.km-question { margin: .3em 0; font-weight: bold; }
@media print { .km-view details::details-content { content-visibility: visible; display: block; } }
"""

VIEW_STYLE = f"<style>{re.sub(chr(92) + 's+', ' ', _SHEET).strip()}</style>"
