"""Finds slides that do not fit a projector: `python tests/support/overflow.py [--shots FOLDER] [NOTEBOOK…]`.

It opens each notebook's deck in a real Chromium at 1920×1080, goes through all slides with all fragments shown, and
reports elements that are taller or wider than the screen, or whose letters are too small. Closed details stay closed.
With --shots, a picture of each slide is kept.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

from kmodlab.course.slides.export import Theme, export_deck

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
SCREEN = {"width": 1920, "height": 1080}
SMALLEST_PX = 18  # a sixtieth of the height
LIMITS = {"smallest": SMALLEST_PX, "smallestInPictures": 15, "leastContrast": 4.5}

WAIT_S = 30
READY = "document.documentElement.dataset.ready !== undefined"
PLACES = "Reveal.getSlides().map(slide => Reveal.getIndices(slide)).map(place => [place.h, place.v || 0])"
HERE = "Object.values(Reveal.getIndices()).slice(0, 2)"
SHOW = "([h, v]) => { Reveal.slide(h, v, 1000); }"
# Measured on the slide as it is shown, at the scale 1 that it has on such a screen.
MEASURE = """({smallest, smallestInPictures, leastContrast}) => {
    const slide = Reveal.getCurrentSlide();
    const cellOf = element => element.closest('.jp-Cell')?.id.replace('cell-id=', '');
    const channel = value => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    const light = ([red, green, blue]) => 0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue);
    const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
    // The colour in front of another one, both as CSS writes them.
    const mixed = (...colours) => {
        for (const each of colours) { canvas.fillStyle = each; canvas.fillRect(0, 0, 1, 1); }
        return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map(value => value / 255);
    };
    const grounds = box => box ? [...grounds(box.parentElement), getComputedStyle(box).backgroundColor] : ['white'];
    const contrast = box => {
        const ground = grounds(box);
        const [less, more] = [light(mixed(...ground)), light(mixed(...ground, getComputedStyle(box).color))]
            .sort((a, b) => a - b);
        return (more + 0.05) / (less + 0.05);
    };
    const wide = new Set(), small = new Set(), faint = new Set();
    for (const box of slide.querySelectorAll('*')) {
        if (!box.checkVisibility() || box.closest('aside.notes')) continue;
        const inPage = box.getBoundingClientRect();
        const drawn = box instanceof SVGElement;
        const cut = !drawn && getComputedStyle(box).display !== 'inline' && box.scrollWidth > box.clientWidth + 1;
        if (cut || inPage.right > innerWidth + 1 || inPage.left < -1) wide.add(cellOf(box));
        const words = [...box.childNodes].some(node => node.nodeType === 3 && node.data.trim());
        const letters = parseFloat(getComputedStyle(box).fontSize) * (drawn ? box.getScreenCTM()?.a ?? 1 : 1);
        if (words && letters < (drawn ? smallestInPictures : smallest)) small.add(cellOf(box));
        if (words && !drawn && contrast(box) < leastContrast) faint.add(cellOf(box));
        const picture = box.tagName === 'IMG' && box.closest('.jp-RenderedSVG');
        if (picture && 13 * inPage.width / box.naturalWidth < smallestInPictures) small.add(cellOf(box));
    }
    const cells = [...slide.querySelectorAll('.jp-Cell')].filter(cell => !cell.closest('aside.notes')).map(cellOf);
    return {
        cells,
        over: slide.scrollHeight - slide.clientHeight,
        hidden: slide.querySelectorAll('.fragment:not(.visible)').length,
        wide: [...wide].filter(Boolean),
        small: [...small].filter(Boolean),
        faint: [...faint].filter(Boolean),
        size: Number(slide.style.getPropertyValue('--size')),
        beside: slide.classList.contains('beside'),
    };
}"""


@dataclass(frozen=True)
class Slide:
    """A slide on the screen; `trouble` has a sentence for each problem."""

    deck: str
    number: int
    cells: tuple[str, ...]
    size: float
    beside: bool
    trouble: tuple[str, ...]

    def __str__(self) -> str:
        """One line."""
        looks = f"size {self.size:g}{', beside' if self.beside else ''}"
        return (
            f"{self.deck} slide {self.number} ({', '.join(self.cells)}; {looks}): {'; '.join(self.trouble) or 'fits'}"
        )


@contextmanager
def chromium() -> Iterator[Browser]:
    """A real Chromium, without a window."""
    with sync_playwright() as playwright:
        # Chromium refuses its own sandbox to root.
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=options)
        yield browser
        browser.close()


def open_deck(page: Page, deck: Path) -> None:
    """Open a deck on a projector's screen."""
    page.set_viewport_size({"width": SCREEN["width"], "height": SCREEN["height"]})
    page.goto(deck.as_uri())
    wait_until(page, READY)


def wait_until(page: Page, condition: str) -> None:
    """Wait until a JavaScript condition is true; a deck's security policy forbids Playwright's wait_for_function."""
    deadline = time.monotonic() + WAIT_S
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, f"never: {condition}"
        page.wait_for_timeout(50)


def look_at(page: Page, shots: Path | None = None) -> Iterator[Slide]:
    """Each slide of the deck that is open, in order."""
    deck = Path(urlsplit(page.url).path).stem
    for number, place in enumerate(page.evaluate(PLACES), 1):
        page.evaluate(SHOW, place)
        assert page.evaluate(HERE) == place, f"{deck} slide {number} cannot be shown"
        if shots is not None:
            page.screenshot(path=shots / f"{deck}-{number:02}.png")
        yield _slide(deck, number, page.evaluate(MEASURE, LIMITS))


def _slide(deck: str, number: int, seen: dict[str, Any]) -> Slide:
    trouble = []
    if seen["over"] > 0:
        trouble.append(f"{seen['over']} px too tall even at the smallest size")
    trouble += [f"{cell} is wider than its place" for cell in seen["wide"]]
    trouble += [f"{cell} has letters smaller than {SMALLEST_PX} px" for cell in seen["small"]]
    trouble += [f"{cell} has letters that are hardly seen on their ground" for cell in seen["faint"]]
    if seen["hidden"]:
        trouble.append(f"{seen['hidden']} fragments are not shown")
    return Slide(deck, number, tuple(seen["cells"]), seen["size"], seen["beside"], tuple(trouble))


def write_deck(notebook: Path, folder: Path, theme: Theme = "light") -> Path:
    """Export a notebook into a folder."""
    deck = export_deck(notebook, theme)
    path = folder / deck.name
    path.write_text(deck.page, "utf-8")
    return path


def main() -> int:
    """Report the problems of notebooks' decks; returns the exit status."""
    parser = argparse.ArgumentParser(description="Say which slides do not fit 1920×1080.")
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all of the course")
    parser.add_argument("--shots", type=Path, metavar="FOLDER", help="keep a picture of each slide")
    parser.add_argument("--dark", action="store_true", help="in dark colours")
    options = parser.parse_args()
    if options.shots:
        options.shots.mkdir(parents=True, exist_ok=True)
    bad = 0
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        page = browser.new_page()
        for notebook in options.notebooks or sorted(NOTEBOOKS.glob("*.ipynb")):
            deck = write_deck(notebook.resolve(), Path(folder), "dark" if options.dark else "light")
            open_deck(page, deck)
            for slide in look_at(page, options.shots):
                print(slide)
                bad += bool(slide.trouble)
    print(f"{bad} slides with trouble")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
