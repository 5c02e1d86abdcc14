"""Warnings that point to the user's line."""

import sys
import warnings
from types import FrameType


def warn(message: str) -> None:
    """Warn at the line outside minicnn that called what is running, such as fit."""
    frame: FrameType | None = sys._getframe(1)
    level = 2
    while frame is not None and str(frame.f_globals.get("__name__")).startswith("minicnn."):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)
