"""The style sheet of cards, sent along with each card so that exported pages have it too.

Text and background are inherited, so light and dark themes both work. JupyterLab's own colours are used if they are
defined, else colours for the reader's preferred scheme (prefers-color-scheme); both are mixed with the text's colour
for contrast. The text says everything that a colour says.
"""

from __future__ import annotations

import re

_SHEET = """
.kmodlab {
  --km-good-0: #1a7f37; --km-bad-0: #c62828; --km-warn-0: #9a5b00; --km-note-0: #2563b0; --km-line-0: #8884;
  --km-good: color-mix(in srgb, var(--jp-success-color1, var(--km-good-0)) 75%, currentcolor);
  --km-bad: color-mix(in srgb, var(--jp-error-color1, var(--km-bad-0)) 75%, currentcolor);
  --km-warn: color-mix(in srgb, var(--jp-warn-color1, var(--km-warn-0)) 65%, currentcolor);
  --km-note: color-mix(in srgb, var(--jp-brand-color1, var(--km-note-0)) 75%, currentcolor);
  --km-line: var(--jp-border-color2, var(--km-line-0));
  --km-mono: var(--jp-code-font-family, ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace);
  max-width: 60rem; line-height: 1.4;
}
@media (prefers-color-scheme: dark) {
  .kmodlab { --km-good-0: #56d364; --km-bad-0: #ff7b72; --km-warn-0: #e3b341; --km-note-0: #79b8ff; }
}
.kmodlab pre.km-block, .kmodlab pre.km-command {
  font-family: var(--km-mono); font-size: .93em; line-height: 1.35; color: inherit; background: none;
  margin: .25em 0; padding: .1em 0 .1em .7em; border: 0; border-left: 3px solid var(--km-line);
  white-space: pre-wrap; word-break: normal; overflow-wrap: anywhere; tab-size: 8;
}
.kmodlab pre.km-block { max-height: 28em; overflow: auto; }
.kmodlab pre.km-command { font-weight: bold; border-left-color: transparent; }
.kmodlab p.km-say { margin: .3em 0; padding: 0; }
.kmodlab .km-mark { display: inline-block; width: 1.1em; font-weight: bold; }
.kmodlab .km-good > .km-mark { color: var(--km-good); }
.kmodlab .km-bad > .km-mark { color: var(--km-bad); }
.kmodlab .km-note > .km-mark { color: var(--km-note); }
.kmodlab p.km-bad { font-weight: bold; }
.kmodlab details { margin: .3em 0; }
.kmodlab summary { cursor: pointer; }
.kmodlab details.km-good > summary > .km-mark { color: var(--km-good); }
.kmodlab details.km-note > summary > .km-mark { color: var(--km-note); }
.kmodlab summary:focus-visible, .kmodlab pre:focus-visible { outline: 2px solid var(--km-note); outline-offset: 1px; }
.kmodlab .km-log { border-left-color: var(--km-note) !important; }
.kmodlab .km-time { opacity: .75; }
.kmodlab .km-level { font-weight: bold; }
.kmodlab .km-urgent .km-level { color: var(--km-bad); }
.kmodlab .km-warning .km-level { color: var(--km-warn); }
.kmodlab .km-legend { margin: .1em 0 .3em 1em; font-size: .9em; opacity: .85; }
.kmodlab .km-label { margin: .4em 0 0; font-size: .9em; opacity: .85; }
.kmodlab .km-complaint { margin: .5em 0; padding-left: .7em; border-left: 3px solid var(--km-warn); }
.kmodlab .km-complaint.km-error { border-left-color: var(--km-bad); }
.kmodlab .km-complaint > p { margin: .2em 0; }
.kmodlab pre.km-source { border-left: 0; padding-left: 0; white-space: pre; }
.kmodlab .km-hit { font-weight: bold; background: color-mix(in srgb, var(--km-bad) 18%, transparent); }
.kmodlab .km-caret { color: var(--km-bad); font-weight: bold; }
@media print { .kmodlab pre.km-block { max-height: none; } }
"""

STYLE = f"<style>{re.sub(chr(92) + 's+', ' ', _SHEET).strip()}</style>"
