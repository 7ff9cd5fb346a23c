"""Manual pages from Debian's packages that the lab has, the guest's and DKMS, formatted by mandoc."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from kmodlab.errors import UsageError
from kmodlab.guest.dkms_packages import find_dkms
from kmodlab.guest.image import find_file, userland_argv
from kmodlab.guest.lab import Lab
from kmodlab.i18n import _
from kmodlab.process import check_run

_SECTIONS = (8, 5, 1)  # searched in this order if a title has no section: commands, then files
_NAME = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._+-]*?)(?:\((?P<section>[158])\))?")


@dataclass(frozen=True)
class ManualPage:
    """A manual page: its title, such as "insmod(8)", its text in lines of up to 80 characters, and an HTML fragment."""

    title: str
    text: str
    html: str


def read_manual(lab: Lab, title: str) -> ManualPage:
    """The page with a title such as "insmod" or "modules.dep(5)". Raises: UsageError if it does not exist."""
    match = _NAME.fullmatch(title)
    if match:
        name, folders = match["name"], _folders(lab)
        for section in (int(match["section"]),) if match["section"] else _SECTIONS:
            pages = (folder / f"man{section}/{name}.{section}.gz" for folder in folders)
            page = next((page for page in pages if page.is_file()), None)
            if page:
                return _format_page(lab, page, f"{name}({section})")
    raise UsageError(
        _("There is no manual page {title}.").format(title=title),
        hint=_("There are: {titles}.").format(titles=", ".join(titles(lab))),
    )


def _folders(lab: Lab) -> list[Path]:
    """The folders that have manual pages; those of DKMS may be missing from the lab."""
    roots = (lab.userland, find_dkms(lab.folder))
    return [root / "usr/share/man" for root in roots if root]


def _format_page(lab: Lab, page: Path, title: str) -> ManualPage:
    mandoc = [*userland_argv(lab.arch, lab.userland), find_file(lab.userland, "mandoc")]
    text = check_run([*mandoc, "-T", "utf8", page], timeout_s=20).text
    html = check_run([*mandoc, "-T", "html", "-O", "fragment", page], timeout_s=20).text
    return ManualPage(title, _plain(text), _embeddable(html))


def titles(lab: Lab) -> list[str]:
    """The titles of the pages about kernel modules, such as "insmod(8)"."""
    pages = (path for folder in _folders(lab) for path in folder.glob("man[58]/*.gz"))
    names = (path.name.removesuffix(".gz") for path in pages if re.search("mod|dkms", path.name))
    return sorted(f"{name.rpartition('.')[0]}({name.rpartition('.')[2]})" for name in names)


def _plain(text: str) -> str:
    """Text without overstriking, which mandoc uses for bold letters."""
    return re.sub(".\b", "", text)


def _embeddable(html: str) -> str:
    """HTML for use in a notebook: headings below the notebook's own, and no <section>, which would make a slide."""
    html = re.sub(r"<(/?)section\b", r"<\1div", html)
    return re.sub(r"<(/?)h[12]\b", r"<\1h5", html)
