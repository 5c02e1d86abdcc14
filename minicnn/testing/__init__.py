"""Gradient checks for layers, models and losses, one's own included."""

from minicnn.testing.diagnosis import Diagnosis, Finding, Mistake, diagnose
from minicnn.testing.gradient_report import GradientReport, TensorCheck
from minicnn.testing.gradients import (
    MODEL_TOLERANCE,
    TOLERANCE,
    check_layer,
    check_model,
    measure_layer,
    measure_loss,
    measure_model,
)
from minicnn.testing.standard import standard_cases, standard_losses, standard_model

__all__ = [
    "MODEL_TOLERANCE",
    "TOLERANCE",
    "Diagnosis",
    "Finding",
    "GradientReport",
    "Mistake",
    "TensorCheck",
    "check_layer",
    "check_model",
    "diagnose",
    "measure_layer",
    "measure_loss",
    "measure_model",
    "standard_cases",
    "standard_losses",
    "standard_model",
]
