"""Colours that mean something are seen by everybody: enough contrast, and told apart by every kind
of colour vision.
"""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from minicnn.plots.palette import (
    AGAINST,
    CAPTION,
    FOR,
    INK,
    MUTED,
    PALE,
    SERIES,
    TRAINING,
    VALIDATION,
)

# Machado, Oliveira, Fernandes 2009, table 1, severity 1.0: what each kind of colour vision makes of
# linear RGB
VISIONS = {
    "normal": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
# of linear sRGB
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
DARK_PAGE = "#121212"  # runs/page/template.py


def linear(colour):
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(colour, vision):
    """CIELAB of a colour as that vision sees it, white being sRGB's."""
    seen = np.clip(np.array(VISIONS[vision]) @ linear(colour), 0, 1)
    # the straight part near black is left out: nothing is so dark
    x, y, z = np.cbrt(XYZ @ seen / (XYZ @ np.ones(3)))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one, other):
    """WCAG 2.2."""
    low, high = sorted(XYZ[1] @ linear(colour) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    "colour", [FOR, AGAINST, TRAINING, VALIDATION, *(colour for colour, _ in SERIES)]
)
def test_lines_stand_out_from_white(colour):
    assert contrast(colour, "white") >= 3


def test_words_stand_out():
    assert contrast(INK, "white") >= 7 and contrast(MUTED, "white") >= 4.5
    assert contrast(CAPTION, "white") >= 4.5 and contrast(CAPTION, DARK_PAGE) >= 4


@pytest.mark.parametrize("vision", VISIONS)
def test_colours_of_one_figure_are_told_apart(vision):
    figures = [
        (FOR, AGAINST),
        (FOR, PALE),
        (TRAINING, VALIDATION),
        [colour for colour, _ in SERIES],
    ]
    for colours in figures:
        for one, other in combinations(colours, 2):
            assert np.linalg.norm(lab(one, vision) - lab(other, vision)) > 20, (one, other)


def test_a_colour_has_one_meaning():
    assert len({FOR, AGAINST, TRAINING, VALIDATION, *(colour for colour, _ in SERIES)}) == 4 + len(
        SERIES
    )
