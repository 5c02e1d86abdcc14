"""Makes the step that docs/see/network.html begins with, and its still picture: `python
docs/make_trace.py`, seconds; the picture needs chromium.

The network is trained on two shapes, a bar that stands and one that lies, for a few steps, so that
its averages and moments have moved.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from minicnn import Input, Sequential, explain, layers

SEE = Path(__file__).parent / "see"
EXAMPLE, STILL = SEE / "network-example.js", SEE / "pictures" / "network.png"


def bars() -> tuple[np.ndarray, np.ndarray]:
    """Pictures (8, 8, 8, 1) of a bar in noise, and whether it lies (1) or stands (0)."""
    rng = np.random.default_rng(3)
    x = rng.uniform(0, 0.2, (8, 8, 8, 1))
    y = np.arange(8) % 2
    for picture, lies in zip(x, y, strict=True):
        row, column = rng.integers(1, 5, 2)
        long = slice(1, 7)
        picture[(slice(row, row + 2), long) if lies else (long, slice(column, column + 2))] += 0.7
    return x.round(2).astype(np.float32), y


def example() -> explain.Trace:
    """The eleventh step of a small network, on two of the pictures."""
    model = Sequential(
        [
            Input((8, 8, 1), name="pictures"),
            layers.Conv2D(2, 3),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ],
        name="bars",
        seed=4,
        class_names=["stands", "lies"],
    )
    model.engine = "reference"
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = bars()
    for _ in range(10):
        model.train_on_batch(x, y)
    return explain.trace(model, x[:2], y[:2])


def script() -> str:
    """The example as a script, which a page from a file can load."""
    return (
        f"// Made by docs/make_trace.py.\nconst EXAMPLE_TRACE = {example().to_json().rstrip()};\n"
    )


def still() -> None:
    """The page with a number of the kernel's gradient, as it is without JavaScript."""
    browser = shutil.which("chromium")
    if browser is None:
        sys.exit(f"no chromium: {STILL.name} stays as it was")
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder, "shot.png")
        address = (SEE / "network.html").resolve().as_uri() + "#conv2d/kernel/gradient[1,2,0,1]"
        options = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
        screen = ("--window-size=900,1150", f"--screenshot={shot}")
        subprocess.run([browser, *options, *screen, address], check=True, capture_output=True)
        STILL.parent.mkdir(exist_ok=True)
        Image.open(shot).convert("RGB").quantize(64).save(STILL, optimize=True)


if __name__ == "__main__":
    EXAMPLE.write_text(script(), encoding="utf-8")
    still()
