"""`kmodlab bench`: our times beside those of what one would do otherwise, in one run.

The candidates take turns, so that a machine that slows down slows all of them; figures are medians.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import click
from rich.progress import track
from rich.table import Table

from kmodlab.cli.bench_grade import grading_as_dict, grading_table, measure_grading
from kmodlab.cli.console import ERR, OUT
from kmodlab.errors import SetupError, UsageError
from kmodlab.guest.lab import Lab, load_lab
from kmodlab.guest.session import Session
from kmodlab.guest.snapshot import boot_once
from kmodlab.kbuild.build import build
from kmodlab.kbuild.sources import Sources
from kmodlab.process import check_run, run_sync
from kmodlab.settings import environment_with, get_settings
from kmodlab.tracer.run import load

_WHAT = {
    "cold_boot_s": "boot the guest from power-on until its agent answers",
    "fork_s": "fork a guest from the snapshot until its agent answers",
    "make_s": "bare make of hello.c, nothing else",
    "cell_s": "a cell: build hello.c, fresh guest, insmod, kernel log",
    "vng_s": "the same with make and virtme-ng",
}
_RATIOS = (
    ("cold boot / fork", "cold_boot_s", "fork_s"),
    ("cell / bare make", "cell_s", "make_s"),
    ("make and virtme-ng / cell", "vng_s", "cell_s"),
)


@dataclass(frozen=True)
class Figure:
    """One candidate's times in seconds, in the order measured."""

    runs: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.runs)


@click.command()
@click.option("--runs", default=5, show_default=True, type=click.IntRange(1, 100), help="How often each is measured.")
@click.option("--peer", type=click.Choice(["vng"]), help="Measure a peer as well: make and virtme-ng running insmod.")
@click.option("--grade", is_flag=True, help="Measure grading instead: submissions a minute, checks, memory of guests.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def bench(runs: int, peer: str | None, grade: bool, as_json: bool) -> None:
    """Measure how long a learner waits, beside what one would do otherwise."""
    lab = load_lab(get_settings())
    if grade:
        measured = measure_grading(lab, runs)
        OUT.print(json.dumps(grading_as_dict(measured), indent=1) if as_json else grading_table(measured))
        return
    with _candidates(lab, peer) as candidates:
        figures = _measure(candidates, runs)
    if as_json:
        click.echo(json.dumps(_as_dict(figures), indent=1))
    else:
        OUT.print(_table(figures))


def _measure(candidates: dict[str, Callable[[], float]], runs: int) -> dict[str, Figure]:
    for candidate in candidates.values():
        candidate()  # once unmeasured: caches are warm for everybody
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in track(range(runs), description="Measuring", console=ERR, transient=True):
        for name, candidate in candidates.items():
            times[name].append(candidate())
    return {name: Figure(tuple(values)) for name, values in times.items()}


@contextmanager
def _candidates(lab: Lab, peer: str | None) -> Iterator[dict[str, Callable[[], float]]]:
    with Session(lab) as session, tempfile.TemporaryDirectory(prefix="kmodlab-bench-") as name:
        folder = Path(name)
        (folder / "hello.c").write_text((files("kmodlab.data") / "hello.c").read_text())
        (folder / "Makefile").write_text("obj-m += hello.o\n")
        candidates: dict[str, Callable[[], float]] = {
            "cold_boot_s": lambda: run_sync(boot_once(lab.hardware, lab.tree.vmlinuz, lab.initramfs)),
            "fork_s": lambda: _fork(session),
            "make_s": lambda: _timed(lambda: _make(lab, folder)),
            "cell_s": lambda: _cell(lab, session),
        }
        if peer == "vng":
            vng = _find_vng()
            candidates["vng_s"] = lambda: _timed(lambda: _make_and_vng(lab, vng, folder))
        yield candidates


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _fork(session: Session) -> float:
    session.reset()
    return _timed(session.start)


def _cell(lab: Lab, session: Session) -> float:
    sources = Sources.of("hello", {"hello.c": (files("kmodlab.data") / "hello.c").read_text()})
    session.reset()

    def cell() -> None:
        session.prepare()
        step = load(session, "hello", build(lab.tree, sources).modules["hello"])
        if "hello init" not in step.log:
            raise SetupError("The module's message is not in the log.", details=step.log)

    return _timed(cell)


def _make(lab: Lab, folder: Path) -> None:
    for made in folder.iterdir():
        if made.name not in ("hello.c", "Makefile"):
            made.unlink()
    check_run(["make", "-C", lab.tree.headers, f"M={folder}", "modules"], timeout_s=120)


def _find_vng() -> str:
    beside = Path(sys.executable).with_name("vng")
    found = str(beside) if beside.exists() else shutil.which("vng")
    if found is None:
        raise UsageError("virtme-ng is not installed.", hint="pip install 'kmodlab[vng]'")
    if not all(map(shutil.which, ("modprobe", "busybox", "udevadm"))):
        hint = "sudo apt-get install kmod busybox-static udev"
        raise UsageError("virtme-ng needs kmod, busybox and udev on this machine.", hint=hint)
    return found


def _make_and_vng(lab: Lab, vng: str, folder: Path) -> None:
    _make(lab, folder)
    accel = [] if lab.file.accel == "kvm" else ["--disable-kvm"]
    script = f"insmod {folder}/hello.ko && dmesg | grep 'hello init'"
    argv: list[str | Path] = [vng, "-r", lab.tree.vmlinuz, *accel, "--user", "root", "--", script]
    finished = check_run(argv, timeout_s=300, environment=environment_with(Path(vng).parent))
    if b"hello init" not in finished.stdout:
        raise SetupError("virtme-ng did not load the module.", details=finished.text)


def _as_dict(figures: dict[str, Figure]) -> dict[str, object]:
    medians: dict[str, object] = {name: round(figure.median, 4) for name, figure in figures.items()}
    ratios = {title: round(ratio, 2) for title, ratio in _ratios(figures)}
    runs = {name: [round(value, 4) for value in figure.runs] for name, figure in figures.items()}
    return {**medians, "runs": runs, "ratios": ratios}


def _ratios(figures: dict[str, Figure]) -> list[tuple[str, float]]:
    return [
        (title, figures[over].median / figures[under].median)
        for title, over, under in _RATIOS
        if over in figures and under in figures
    ]


def _table(figures: dict[str, Figure]) -> Table:
    table = Table(box=None, header_style="bold")
    for title in ("figure", "median s", "runs s", "what"):
        table.add_column(title, justify="right" if title == "median s" else "left")
    for name, figure in figures.items():
        runs = " ".join(f"{value:.2f}" for value in figure.runs)
        table.add_row(name, f"{figure.median:.3f}", runs, _WHAT[name])
    for title, ratio in _ratios(figures):
        table.add_row("", f"{ratio:.2f}×", "", title)
    return table
