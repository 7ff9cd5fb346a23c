"""The live form of a check's card: with a button that shows one hint after the other, made of ipywidgets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets

from kmodlab.checks.result import CheckResult

_made: Any = ipywidgets


def hint_button(card: str, result: CheckResult, take: Callable[[CheckResult, int], str]) -> Any:
    """The card's HTML with a button below. `take` is told which hint was asked for (from 1), and returns its HTML."""
    button = _made.Button(description="next hint", layout={"width": "max-content"})
    shown = _made.HTML()
    taken = [0]

    def show(_pressed: Any) -> None:
        taken[0] += 1
        shown.value += take(result, taken[0])
        button.disabled = taken[0] >= len(result.hints)

    button.on_click(show)
    return _made.VBox([_made.HTML(card), button, shown])
