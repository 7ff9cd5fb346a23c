"""Manual pages of the tools and files in the guest, from the same packages, read by mandoc without a network."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kmodlab.errors import UsageError
from kmodlab.guest.image import find_one, userland_argv
from kmodlab.guest.lab import Lab
from kmodlab.process import check_run

_SECTIONS = (8, 5, 1)  # where a name without a number is looked for: commands first, then files
_NAME = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._+-]*?)(?:\((?P<section>[158])\))?")


@dataclass(frozen=True)
class ManualPage:
    """One page: its title as in `insmod(8)`, its text for a terminal of 80 columns, and a fragment of HTML."""

    title: str
    text: str
    html: str


def read_manual(lab: Lab, asked: str) -> ManualPage:
    """The page of a command or file, "insmod" or "modules.dep(5)"; UsageError where there is none."""
    found = _NAME.fullmatch(asked)
    sections = (int(found["section"]),) if found and found["section"] else _SECTIONS
    for section in sections if found else ():
        assert found is not None
        page = lab.userland / f"usr/share/man/man{section}/{found['name']}.{section}.gz"
        if page.is_file():
            mandoc = [*userland_argv(lab.arch, lab.userland), find_one(lab.userland, "mandoc")]
            text = check_run([*mandoc, "-T", "utf8", page], timeout_s=20).text
            html = check_run([*mandoc, "-T", "html", "-O", "fragment", page], timeout_s=20).text
            return ManualPage(f"{found['name']}({section})", _plain(text), _within(html))
    raise UsageError(f"There is no manual page {asked}.", hint=f"There are: {', '.join(titles(lab))}.")


def titles(lab: Lab) -> list[str]:
    """The pages that are about kernel modules, as `insmod(8)`."""
    folder = lab.userland / "usr/share/man"
    names = (path.name.removesuffix(".gz") for path in folder.glob("man[58]/*mod*.gz"))
    return sorted(f"{name.rpartition('.')[0]}({name.rpartition('.')[2]})" for name in names)


def _plain(text: str) -> str:
    """Without the overstriking that a typewriter makes bold letters with."""
    return re.sub(".\b", "", text)


def _within(html: str) -> str:
    """For use within a page: its headings rank below the page's own, and nothing in it passes for a slide."""
    html = re.sub(r"<(/?)section\b", r"<\1div", html)
    return re.sub(r"<(/?)h[12]\b", r"<\1h5", html)
