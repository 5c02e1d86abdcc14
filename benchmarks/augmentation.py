"""What augmentation costs: an epoch of the documented network with flips, rotation and zoom beside
one without.

    python benchmarks/augmentation.py [--threads N] [--quick] [--json PATH]

Random bytes of CIFAR's shape; both networks train in turns in one process, so there are no peers. A
ratio of 1.10 means that an epoch takes 10 % longer.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from reporting import begin, table
from sides import PROCESSORS, THREADS, alternate, ratio

CEILING = 1.10
BATCH = 64
HEADINGS = ["", "ms a step", "without", "ratio", "95 % interval", "at most", ""]


def network(augmentation: str) -> Any:
    """The network of examples/train_cifar.py, with what augmentation names in front of it."""
    from minicnn import Input, applications, layers

    front = {
        "none": [],
        "flip": [layers.RandomFlip("horizontal")],
        "flip, crop": [layers.RandomFlip("horizontal"), layers.RandomCrop(32, 32, padding=4)],
        "flip, rotation, zoom": [
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(0.1),
            layers.RandomZoom(0.1),
        ],
    }
    x = Input((32, 32, 3))
    for layer in [*front[augmentation], layers.Rescaling(1 / 255)]:
        x = layer(x)
    model = applications.DocumentedCNN(input_tensor=x, seed=0)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def epoch(model: Any, x: np.ndarray, y: np.ndarray) -> float:
    """Seconds of one."""
    begun = time.perf_counter()
    model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0)
    return time.perf_counter() - begun


def measure(augmentation: str, pictures: int, pairs: int) -> dict[str, Any]:
    """Epochs with and without, in the order with, without, without, with, ..."""
    rng = np.random.default_rng(0)
    x, y = (
        rng.integers(0, 256, (pictures, 32, 32, 3), dtype=np.uint8),
        rng.integers(0, 10, pictures),
    )
    augmented, plain = network(augmentation), network("none")
    for model in (augmented, plain):  # compile, and warm up
        epoch(model, x[: 10 * BATCH], y[: 10 * BATCH])
    ours, theirs = alternate(lambda: epoch(augmented, x, y), lambda: epoch(plain, x, y), pairs)
    return {
        "augmentation": augmentation,
        "pictures": pictures,
        "batch": BATCH,
        "augmented_seconds": ours,
        "plain_seconds": theirs,
        "ratio": ratio(ours, theirs),
        "ceiling": CEILING,
    }


def row(record: dict[str, Any]) -> list[str]:
    steps = record["pictures"] / record["batch"]
    times = [
        f"{1e3 * statistics.median(record[side]) / steps:.2f}"
        for side in ("augmented_seconds", "plain_seconds")
    ]
    median, low, high = record["ratio"]
    reached = "reached" if median <= record["ceiling"] else "MISSED"
    interval = f"{low:.3f} to {high:.3f}"
    return [
        record["augmentation"],
        *times,
        f"{median:.3f}",
        interval,
        f"<= {record['ceiling']:.2f}",
        reached,
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=len(PROCESSORS) or os.cpu_count())
    parser.add_argument(
        "--quick", action="store_true", help="see that it works: rough figures, a tenth of the time"
    )
    parser.add_argument(
        "--json", type=Path, metavar="PATH", help="write the results here too, a line for each"
    )
    options = parser.parse_args()
    options.peers_python = sys.executable
    results = begin(options, "augmentation")
    os.environ |= dict.fromkeys(THREADS, str(options.threads))  # before minicnn starts them
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    if PROCESSORS:
        os.sched_setaffinity(0, PROCESSORS[-options.threads :])
    pictures, pairs = (1280, 2) if options.quick else (12800, 15)
    for augmentation in ("flip", "flip, crop", "flip, rotation, zoom"):
        results.add(measure(augmentation, pictures, pairs))
    print(
        f"Training with augmentation beside training without, batches of {BATCH}, "
        f"{options.threads} threads\n"
    )
    print(table(HEADINGS, [row(record) for record in results.records]))


if __name__ == "__main__":
    main()
