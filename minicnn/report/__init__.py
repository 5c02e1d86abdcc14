"""How well a classifier did, in numbers, and on which machine."""

from minicnn.report.classification import (
    ClassificationReport,
    classification_report,
    confusion_matrix,
)
from minicnn.report.comparison import Comparison, compared
from minicnn.report.confidence import Calibration, calibration
from minicnn.report.environment import environment
from minicnn.report.evaluation import Evaluation, evaluate_report, wilson_interval
from minicnn.report.several import Spread, spread
from minicnn.report.verdict import Verdict, judge, judge_run

__all__ = [
    "Calibration",
    "ClassificationReport",
    "Comparison",
    "Evaluation",
    "Spread",
    "Verdict",
    "calibration",
    "classification_report",
    "compared",
    "confusion_matrix",
    "environment",
    "evaluate_report",
    "judge",
    "judge_run",
    "spread",
    "wilson_interval",
]
