"""Make augmentation.npz: what Keras' random layers make of pictures for given random numbers, for
test_augmentation.py.

    python make_augmentation.py         needs keras, scipy and jax (made with 3.15.1, 1.17.1,
                                        0.10.2); some seconds

Keras draws its numbers by one function, which is replaced here by one that hands out those of the
case, so that Keras itself makes angles, shifts and matrices of them. It runs on its NumPy backend:
the others lack a fill mode (PyTorch: wrap, and reflect without repeating the edge) or interpolate
nothing between the last pixel and the first (TensorFlow's wrap). The test imports this file for the
cases and the pictures. Values are stored in sixteenths of a grey level.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray
GOLDEN = Path(__file__).with_name("augmentation.npz")
SCALE = 16  # stored integers per grey level


@dataclass(frozen=True)
class Case:
    """A layer, and the random numbers in [0, 1) that it draws, by name, one for each of the
    pictures.
    """

    layer: str
    arguments: dict[str, Any]
    drawn: dict[str, tuple[float, ...]] = field(hash=False)
    tolerance: float = 1.0  # grey levels

    @property
    def name(self) -> str:
        return f"{self.layer} " + " ".join(
            f"{key}={value}" for key, value in self.arguments.items()
        )


def cases() -> Iterator[Case]:
    for mode in ("horizontal", "vertical"):
        yield Case("RandomFlip", {"mode": mode}, {"flip": (0.1, 0.9, 0.4)}, tolerance=0)
    for fill, interpolation in product(
        ("reflect", "constant", "nearest", "wrap"), ("bilinear", "nearest")
    ):
        how = {"fill_mode": fill, "interpolation": interpolation, "fill_value": 100.0}
        yield Case("RandomRotation", {"factor": 0.3} | how, {"angle": (0.03, 0.55, 0.87)})
        yield Case(
            "RandomZoom", {"height_factor": (-0.4, 0.7)} | how, {"height": (0.05, 0.45, 0.97)}
        )
        both = {"height": (0.1, 0.9, 0.41), "width": (0.7, 0.23, 0.96)}
        yield Case("RandomZoom", {"height_factor": 0.4, "width_factor": (0.2, 0.9)} | how, both)
        yield Case(
            "RandomTranslation", {"height_factor": 0.6, "width_factor": (-0.3, 0.8)} | how, both
        )
    for value_range in ((0, 255), (0, 1)):
        values = {"value_range": value_range}
        yield Case("RandomBrightness", {"factor": 0.5} | values, {"added": (0.02, 0.6, 0.9)}, 0.1)
        yield Case(
            "RandomBrightness", {"factor": (0.1, 0.3)} | values, {"added": (0.0, 0.5, 0.9)}, 0.1
        )
        yield Case(
            "RandomContrast", {"factor": (0.6, 0.8)} | values, {"factor": (0.01, 0.5, 0.98)}, 0.1
        )
    places = {
        "width": (0.2, 0.9, 0.5),
        "height": (0.7, 0.1, 0.6),
        "left": (0.3, 0.6, 0.99),
        "top": (0.0, 0.8, 0.2),
    }
    coins = {"chance": (0.5, 0.5, 0.5), "coin": (0.2, 0.9, 0.4)}
    yield Case(
        "RandomErasing", {"scale": (0.1, 0.7), "fill_value": 50.0}, places | coins, tolerance=0
    )


CASES = {case.name: case for case in cases()}


def pictures(case: Case) -> Array:
    """(3, 8, 7, 2) random bytes, or their 255th parts where the case's values reach from 0 to 1."""
    drawn = np.floor(256 * np.random.default_rng(5).random((3, 8, 7, 2)))
    return drawn / 255 if case.arguments.get("value_range") == (0, 1) else drawn


def unpack() -> dict[str, Array]:
    """Read augmentation.npz: what Keras makes of each case's pictures."""
    with np.load(GOLDEN) as file:
        return dict(zip(CASES, file["values"] / SCALE, strict=True))


def run(keras: Any, case: Case) -> Array:
    random = import_module("keras.src.backend.numpy.random")
    given, original = iter(case.drawn.values()), random.uniform

    def uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, **_: Any) -> Array:
        count = int(np.prod(shape))
        numbers = np.array([next(given) for _ in range(count // 3)]).T.reshape(shape)
        return (minval + (maxval - minval) * numbers).astype(np.float32)

    layer = getattr(keras.layers, case.layer)(**case.arguments)
    x = pictures(case).astype(np.float32)
    random.uniform = uniform
    try:
        transformation = layer.get_random_transformation(x, training=True, seed=1)
    finally:
        random.uniform = original
    return np.asarray(layer.transform_images(x, transformation, training=True))


def main() -> None:
    os.environ["KERAS_BACKEND"] = "numpy"
    keras = import_module("keras")
    values = [
        run(keras, case) * (255 if case.arguments.get("value_range") == (0, 1) else 1)
        for case in CASES.values()
    ]
    np.savez_compressed(GOLDEN, values=np.round(SCALE * np.array(values)).astype(np.int16))
    print(f"{GOLDEN.name}: {len(CASES)} cases, {GOLDEN.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
