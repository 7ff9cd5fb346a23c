"""A pytest plugin that `self_check` loads together with nbval: it prints one line of JSON for each cell.

It makes nbval compare only the text of outputs, because the HTML says the same.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Generator, Iterable, Mapping
from typing import Any

import pytest

_POLL_S = 0.5


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Exclude outputs other than text from the comparison."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("text/html",)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """End the run when the ipykernel has ended; nbval would wait for its answer until the cell's timeout."""
    finished = threading.Event()
    watch = threading.Thread(target=_watch, args=(item, finished), daemon=True)
    watch.start()
    yield
    finished.set()
    watch.join()


def _watch(item: pytest.Item, finished: threading.Event) -> None:
    kernel = getattr(item.parent, "kernel", None)
    while kernel is not None and not finished.wait(_POLL_S):
        if not kernel.is_alive():
            _write_line(item, outcome="ended", seconds=0.0)
            os._exit(1)


def _write_line(item: pytest.Item, **fields: Any) -> None:
    line = {"kmodlab": True, "cell": getattr(item, "cell_num", -1), "reason": "", "error": "", "text": "", **fields}
    sys.stdout.write(f"\n{json.dumps(line)}\n")
    sys.stdout.flush()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """Print the result of a cell as JSON, on a line of its own."""
    outcome = yield
    report: pytest.TestReport = outcome.get_result()
    if report.when == "teardown" or (report.when == "setup" and report.outcome == "passed"):
        return
    outputs = getattr(item, "test_outputs", ())
    has_run = report.outcome in ("passed", "failed") and not (report.outcome == "failed" and not _was_sent(item))
    _write_line(
        item,
        outcome=report.outcome if has_run else "not run",
        reason=_last_line(report.longreprtext),
        error=next(map(_error, filter(_is_error, outputs)), ""),
        text="\n".join(_texts(outputs)),
        seconds=report.duration,
    )


def _was_sent(item: pytest.Item) -> bool:
    """Whether the cell was sent to the ipykernel: from then on, nbval keeps its outputs."""
    return hasattr(item, "test_outputs")


def _is_error(output: Mapping[str, Any]) -> bool:
    return bool(output["output_type"] == "error")


def _error(output: Mapping[str, Any]) -> str:
    return f"{output['ename']}: {output['evalue']}"


def _texts(outputs: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    return (output["data"]["text/plain"] for output in outputs if "text/plain" in output.get("data", {}))


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
