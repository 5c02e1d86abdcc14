"""Networks in whole numbers of 8 bits beside the same in float32, as ratios of pictures a second.

    python benchmarks/whole_numbers.py [--threads N] [--quick] [--json PATH]

Above 1 whole numbers are faster. No peers: both are minicnn's predict, of one process, in turns.
"""

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np
from reporting import add_options, begin, table
from sides import alternate, ratio

import minicnn
from minicnn import Input, Model, applications, layers, quantize
from minicnn.quantize import native

PAIRS, SECONDS = 31, 0.1  # of measurements, and of each
BATCHES = (1, 32, 256)


def separable() -> Model:
    """Depthwise and 1x1 convolutions as MobileNet has them, strided, over pictures of 64x64."""
    x = inputs = Input((64, 64, 3))
    x = layers.Conv2D(32, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    for filters, strides in ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1)):
        x = layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(filters, 1)(x)))
    x = layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    return Model(inputs, x, seed=0, name="separable")


NETWORKS: dict[str, Callable[[], Model]] = {
    "documented, 3x3": applications.DocumentedCNN,
    "separable, 1x1 and strided": separable,
}


def timed(predict: Callable[[], object], pictures: int, seconds: float) -> Callable[[], float]:
    """A function that measures pictures a second."""

    def measure() -> float:
        times: list[float] = []
        while sum(times) < seconds or len(times) < 3:
            start = time.perf_counter()
            predict()
            times.append(time.perf_counter() - start)
        return pictures / float(np.median(times))

    return measure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser, keeps_history=True)
    options = parser.parse_args()
    results = begin(options, "whole_numbers")
    minicnn.set_threads(options.threads)
    warnings.simplefilter("ignore", UserWarning)  # that weights are random
    pairs, seconds = (5, SECONDS / 5) if options.quick else (PAIRS, SECONDS)
    rows = []
    for name, make in NETWORKS.items():
        model = make()
        shape = model.input_shape[1:]
        x = np.random.default_rng(0).random((max(BATCHES), *shape), dtype=np.float32)
        whole = quantize.quantized(model, x[:64])
        for batch in BATCHES:
            part = x[:batch]
            sides = [
                timed(lambda one=one, part=part: one.predict(part, verbose=0), batch, seconds)
                for one in (whole, model)
            ]
            for measure in sides:
                measure()
            ours, floats = alternate(sides[0], sides[1], pairs)
            found = ratio(ours, floats)
            record = {
                "network": name,
                "pictures": batch,
                "native": native.available(),
                "int8": float(np.median(ours)),
                "float32": float(np.median(floats)),
                "ratio": found,
            }
            results.add(record)
            results.remember(f"{name}, batch {batch}, beside float32", record)
            rows.append(
                [
                    *(name, batch, f"{record['int8']:,.0f}", f"{record['float32']:,.0f}"),
                    f"{found.median:.2f} ({found.low:.2f} to {found.high:.2f})",
                ]
            )
            print(rows[-1], flush=True)
    print(table(["network", "pictures", "int8 /s", "float32 /s", "int8 / float32"], rows))


if __name__ == "__main__":
    main()
