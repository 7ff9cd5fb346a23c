"""HTML pages from templates: every value is escaped, for HTML and for control characters.

A page is a single file: it contains its style sheet, it has no script, and its content security policy forbids the
browser to load or run anything. Templates call `_` and `ngettext` for their messages, as Python code does.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from kmodlab.i18n import _, ngettext
from kmodlab.text import escape_control_chars

_PAGES = Path(__file__).with_name("pages")
_CODE = re.compile("`([^`\n]+)`")


def render(template: str, **values: Any) -> str:
    """A page from one of our templates."""
    style = (_PAGES / "style.css").read_text(encoding="utf-8")
    return _environment().get_template(template).render(style=Markup(style), **values)  # noqa: S704 (it is ours)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_PAGES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_escape,
    )
    environment.filters |= {"prose": prose, "points": points}
    environment.globals |= {"_": _, "ngettext": ngettext}
    return environment


def _escape(value: Any) -> Any:
    return escape_control_chars(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def prose(sentence: str) -> Markup:
    """A sentence as HTML; text in `backquotes` becomes <code>."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(escape_control_chars(sentence)))))  # noqa: S704 (escaped just before)


def points(value: float | None) -> str:
    """A number of points; a dash if it is None."""
    return "–" if value is None else f"{value:g}"
