"""How well a classifier did, in numbers, and on which machine."""

from minicnn.report.classification import ClassificationReport, classification_report, confusion_matrix
from minicnn.report.confidence import Calibration, calibration
from minicnn.report.environment import environment
from minicnn.report.evaluation import Evaluation, evaluate_report, wilson_interval

__all__ = [
    "Calibration",
    "ClassificationReport",
    "Evaluation",
    "calibration",
    "classification_report",
    "confusion_matrix",
    "environment",
    "evaluate_report",
    "wilson_interval",
]
