"""kmodlab's rules as nbgrader's settings: which preprocessors are in its pipelines, and how it collects.

generate_assignment   solutions and hidden checks are removed by kmodlab's rules (`clearing`)
autograde             the answers of a submitted notebook are put into the source, and judged in the sandbox
                      (`autograde`); no learner's text runs as Python, no file is copied
collect               only submissions that belong to the learner who is named are collected (`exchange`)
generate_feedback     hidden checks are removed from the learner's pages (`clearing`)
validate              runs the notebook unchanged, so it must not be used with other people's notebooks
"""

from __future__ import annotations

from typing import Any

from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearMarkScheme,
    ClearOutput,
    ComputeChecksums,
    GetGrades,
    IncludeHeaderFooter,
    LockCells,
    OverwriteCells,
    OverwriteKernelspec,
    SaveAutoGrades,
    SaveCells,
)

from kmodlab.grading.integrations.nbgrader.autograde import AnswersOnly, Judge
from kmodlab.grading.integrations.nbgrader.clearing import ClearHiddenChecks, ClearSolutions, HideChecks
from kmodlab.grading.integrations.nbgrader.exchange import CollectOwn

_CELL_S = 600  # nbgrader's default of 30 s is too short for a check in an emulated guest


def configure(config: Any) -> None:
    """Set nbgrader's configuration object to kmodlab's rules."""
    config.GenerateAssignment.preprocessors = [
        IncludeHeaderFooter,
        LockCells,
        ClearSolutions,
        ClearOutput,
        CheckCellMetadata,
        ComputeChecksums,
        SaveCells,
        ClearHiddenChecks,
        ClearMarkScheme,
        ComputeChecksums,
        CheckCellMetadata,
    ]
    config.Autograde.exporter_class = AnswersOnly
    config.Autograde.sanitize_preprocessors = [OverwriteKernelspec, OverwriteCells, CheckCellMetadata]
    config.Autograde.autograde_preprocessors = [Judge, SaveAutoGrades, AssignLatePenalties, CheckCellMetadata]
    config.ExchangeFactory.collect = CollectOwn
    config.GenerateFeedback.preprocessors = [GetGrades, HideChecks, CSSHTMLHeaderPreprocessor]
    config.ExecutePreprocessor.timeout = _CELL_S
