"""`kmodlab bench`: measures how long a learner waits, in comparison with other tools.

The candidates take turns, so that a machine that slows down affects all of them; figures are medians.
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
from kmodlab.cli.bench_kernel import KERNEL_RATIOS, KERNEL_WHAT, kernel_candidates
from kmodlab.cli.console import ERR, OUT
from kmodlab.errors import SetupError, UsageError
from kmodlab.guest.lab import Lab, load_lab
from kmodlab.guest.own_lab import load_own_lab
from kmodlab.guest.session import Session
from kmodlab.guest.snapshot import boot_once
from kmodlab.i18n import N_, _
from kmodlab.kbuild.build import build
from kmodlab.kbuild.sources import Sources
from kmodlab.kernel.own import get_variant
from kmodlab.process import check_run, run_sync
from kmodlab.settings import environment_with, get_settings
from kmodlab.tracer.run import load

_WHAT = {
    "cold_boot_s": N_("boot the guest from power-on until its agent answers"),
    "fork_s": N_("fork a guest from the snapshot until its agent answers"),
    "make_s": N_("bare make of hello.c, nothing else"),
    "cell_s": N_("a cell: build hello.c, fresh guest, insmod, kernel log"),
    "vng_s": N_("the same with make and virtme-ng"),
    **KERNEL_WHAT,
}
_RATIOS = (
    (N_("cold boot / fork"), "cold_boot_s", "fork_s"),
    (N_("cell / bare make"), "cell_s", "make_s"),
    (N_("make and virtme-ng / cell"), "vng_s", "cell_s"),
    *KERNEL_RATIOS,
)


@dataclass(frozen=True)
class Figure:
    """The times of a candidate in seconds, in the order measured."""

    runs: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median time in seconds."""
        return statistics.median(self.runs)


@click.command(help=_("Measure how long a learner waits, beside what one would do otherwise."))
@click.option(
    "--runs", default=5, show_default=True, type=click.IntRange(1, 100), help=_("How often each is measured.")
)
@click.option(
    "--peer", type=click.Choice(["vng"]), help=_("Measure a peer as well: make and virtme-ng running insmod.")
)
@click.option(
    "--grade", is_flag=True, help=_("Measure grading instead: submissions a minute, checks, memory of guests.")
)
@click.option(
    "--kernel", is_flag=True, help=_("Measure kernels of our own instead: how they boot, and a driver in them.")
)
@click.option("--json", "as_json", is_flag=True, help=_("Print the figures as JSON."))
def bench(runs: int, peer: str | None, grade: bool, kernel: bool, as_json: bool) -> None:
    """Measure how long a learner waits."""
    lab = load_lab(get_settings())
    if grade:
        grading = measure_grading(lab, runs)
        OUT.print(json.dumps(grading_as_dict(grading), indent=1) if as_json else grading_table(grading))
        return
    if kernel:
        figures = _measure(kernel_candidates(lab, load_own_lab(get_settings(), get_variant("small"))), runs)
    else:
        with _candidates(lab, peer) as candidates:
            figures = _measure(candidates, runs)
    if as_json:
        click.echo(json.dumps(_as_dict(figures), indent=1))
    else:
        OUT.print(_table(figures))


def _measure(candidates: dict[str, Callable[[], float]], runs: int) -> dict[str, Figure]:
    for candidate in candidates.values():
        candidate()  # a first run without measuring, to warm the caches
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _run in track(range(runs), description=_("Measuring"), console=ERR, transient=True):
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
            raise SetupError(_("The module's message is not in the log."), details=step.log)

    return _timed(cell)


def _make(lab: Lab, folder: Path) -> None:
    for file in folder.iterdir():
        if file.name not in ("hello.c", "Makefile"):
            file.unlink()
    check_run(["make", "-C", lab.tree.headers, f"M={folder}", "modules"], timeout_s=120)


def _find_vng() -> str:
    own = Path(sys.executable).with_name("vng")
    vng = str(own) if own.exists() else shutil.which("vng")
    if vng is None:
        raise UsageError(_("virtme-ng is not installed."), hint="pip install 'kmodlab[vng]'")
    if not all(map(shutil.which, ("modprobe", "busybox", "udevadm"))):
        hint = "sudo apt-get install kmod busybox-static udev"
        raise UsageError(_("virtme-ng needs kmod, busybox and udev on this machine."), hint=hint)
    return vng


def _make_and_vng(lab: Lab, vng: str, folder: Path) -> None:
    _make(lab, folder)
    accel = [] if lab.file.accel == "kvm" else ["--disable-kvm"]
    script = f"insmod {folder}/hello.ko && dmesg | grep 'hello init'"
    argv: list[str | Path] = [vng, "-r", lab.tree.vmlinuz, *accel, "--user", "root", "--", script]
    process = check_run(argv, timeout_s=300, environment=environment_with(Path(vng).parent))
    if b"hello init" not in process.stdout:
        raise SetupError(_("virtme-ng did not load the module."), details=process.text)


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
    table.add_column(_("figure"))
    table.add_column(_("median s"), justify="right")
    table.add_column(_("runs s"))
    table.add_column(_("what"))
    for name, figure in figures.items():
        runs = " ".join(f"{value:.2f}" for value in figure.runs)
        table.add_row(name, f"{figure.median:.3f}", runs, _(_WHAT[name]))
    for title, ratio in _ratios(figures):
        table.add_row("", f"{ratio:.2f}×", "", _(title))
    return table
