"""The package's own exceptions, the spelling help that its messages offer, and warnings at the
user's line.
"""

import sys
import warnings
from collections.abc import Iterable
from difflib import get_close_matches
from types import FrameType


class ModelFileError(ValueError):
    """A model or weight file is damaged, not ours, or does not fit the model."""


class DataError(ValueError):
    """A data set is missing, damaged, or not what it says it is."""


class ImageError(DataError):
    """A picture is missing, damaged, too large, or no picture."""


class RanksError(ValueError):
    """Ranks that are to work together differ in what must be the same."""


def no_attribute(message: str) -> AttributeError:
    """An AttributeError that says it all: where name is not set, Python adds a suggestion of its
    own, "Use X.. Did you mean: 'Y'?".
    """
    return AttributeError(message, name=None)


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """The words `" Did you mean 'x'?"` for the closest choice, or all choices when none is close.

    >>> did_you_mean("kernal_size", ["filters", "kernel_size"])
    " Did you mean 'kernel_size'?"
    >>> did_you_mean("adma", ["adam", "adamax"])
    " Did you mean 'adam'?"
    """
    choices = sorted(choices)
    close = [choice for choice in choices if sorted(choice) == sorted(word)]  # letters swapped
    close = close or get_close_matches(word, choices, n=1, cutoff=0.6)
    if not close:  # "conv2d" for "Conv2D": difflib is case-sensitive
        lowered = {choice.lower(): choice for choice in choices}
        close = [
            lowered[match] for match in get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
        ]
    if close:
        return f" Did you mean {close[0]!r}?"
    return f" Known are: {', '.join(choices)}."


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line outside minicnn that called what is running, such as fit."""
    frame: FrameType | None = sys._getframe(1)
    level = 2
    while frame is not None and str(frame.f_globals.get("__name__")).startswith("minicnn."):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
