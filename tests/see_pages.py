"""For the tests of docs/see: where its pages are, and how a test reads, sets and points.

The browser and the pages in it are in see_fixtures.py.
"""

import re
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "see"
NAMES = (
    "convolution",
    "pooling",
    "batch_normalization",
    "softmax_cross_entropy",
    "dense",
    "adam_sgd",
    "receptive_field",
    "augmentation",
)
READ = """
    return Object.fromEntries(Object.entries(See.grids).map(([name, grid]) =>
        [name, grid.cells.map(cell => cell.dataset.value)]))"""
SET = """
    const [id, value] = arguments, element = document.getElementById(id);
    element.value = value;
    for (const kind of ["input", "change"])
        element.dispatchEvent(new Event(kind, {bubbles: true}))"""
WRITE = """
    const [name, values] = arguments, cells = See.grids[name].cells;
    values.forEach((value, k) => {
        if (value === null) return;
        cells[k].firstChild.value = value;
        cells[k].firstChild.dispatchEvent(new Event("input", {bubbles: true}));
    })"""
POINT = """
    const [name, k] = arguments;
    See.grids[name].cells[k].dispatchEvent(new Event("mouseenter"));
    return document.getElementById("why").textContent.replace(/\\s+/g, " ")"""
STEP = """
    const slider = document.querySelector(".stepper input");
    slider.value = arguments[0] === null ? slider.max : arguments[0];
    slider.dispatchEvent(new Event("input"))"""


def resize(browser, width, scheme="light", motion="no-preference"):
    """A screen of that many CSS pixels, light or dark."""
    screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    features = {"prefers-color-scheme": scheme, "prefers-reduced-motion": motion}
    listed = [{"name": name, "value": value} for name, value in features.items()]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": listed})


def of(name):
    """The test gets this page."""
    return pytest.mark.parametrize("page", [name], indirect=True)


def numbers(browser):
    """What the tables hold, whole: name -> array of doubles; what is not computed yet is NaN."""
    read = browser.execute_script(READ)
    return {
        name: np.array([float(text or "nan") for text in texts]) for name, texts in read.items()
    }


def choose(browser, **settings):
    """Settings of the page by their id."""
    for name, value in settings.items():
        browser.execute_script(SET, name, str(value))


def write(browser, grid, values):
    """Type numbers into a table; None leaves one as it is."""
    texts = [None if value is None else repr(float(value)) for value in np.ravel(values)]
    browser.execute_script(WRITE, grid, texts)


def point(browser, grid, k):
    """Point at a number; what is said of it then."""
    return browser.execute_script(POINT, grid, k)


def step(browser, k=None):
    """Go to a step, the last one unless told."""
    browser.execute_script(STEP, k)


def computed(text):
    """The number and its sum, of what is said: (3, 3) for 'y[0, 1] = 3 = 1·(−2) + 5: because'."""
    _, left, right = text.replace("−", "-").replace("·", "*").split(" = ", 2)
    return float(left), eval(re.split(r": (?=\D)", right)[0])
