"""Make preprocessing.npz: what Keras' legacy ImageDataGenerator and load_img do, for
tests/test_preprocessing.py.

    python make_preprocessing.py       needs keras, tensorflow and scipy (made with keras 3.15.1,
                                       scipy 1.17.1)

One square picture goes through `apply_transform` with fixed parameters (what Keras would draw at
random), case by case. Square, because Keras takes the centre of other pictures wrongly, with height
and width exchanged.
"""

from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

GOLDEN = Path(__file__).with_name("preprocessing.npz")
ALL = {"theta": 17.0, "tx": 1.25, "ty": -0.75, "shear": 12.0, "zx": 0.8, "zy": 1.2}
BOTH = {"flip_horizontal": True, "flip_vertical": True}

# name -> (arguments of ImageDataGenerator, parameters of apply_transform); brightness is drawn, so
# its range is a point
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing": ({}, {}),
    "rotation": ({}, {"theta": 20.0}),
    "rotation the other way, reflect": ({"fill_mode": "reflect"}, {"theta": -133.0}),
    "shift": ({}, {"tx": 2.5, "ty": -1.25}),
    "shift far, reflect": ({"fill_mode": "reflect"}, {"tx": -7.3, "ty": 11.6}),
    "shear": ({}, {"shear": 25.0}),
    "zoom": ({}, {"zx": 0.7, "zy": 1.4}),
    "flips": ({}, BOTH),
    "flip of columns": ({}, {"flip_horizontal": True}),
    "all": ({}, ALL | BOTH),
    "all, reflect": ({"fill_mode": "reflect"}, ALL | {"flip_horizontal": True}),
    "all, wrap": ({"fill_mode": "wrap"}, ALL),
    "all, constant": ({"fill_mode": "constant", "cval": 99.0}, ALL),
    "darker": ({"brightness_range": (0.4, 0.4)}, {"brightness": 0.4}),
    "brighter": ({"brightness_range": (1.7, 1.7)}, {"flip_horizontal": True, "brightness": 1.7}),
    "rescale": ({"rescale": 1 / 255}, {"theta": 10.0}),
    "centre": ({"featurewise_center": True, "rescale": 1 / 255}, {}),
    "standardise": (
        {"featurewise_center": True, "featurewise_std_normalization": True},
        {"zx": 1.1},
    ),
}
LOADED: dict[str, dict[str, Any]] = {
    "as it is": {},
    "nearest": {"target_size": (8, 12)},
    "bilinear": {"target_size": (30, 9), "interpolation": "bilinear"},
    "lanczos": {"target_size": (9, 9), "interpolation": "lanczos"},
    "grey": {"target_size": (10, 10), "color_mode": "grayscale"},
}


def pictures(count: int = 3) -> np.ndarray:
    """(count, 11, 11, 3) bytes."""
    return np.floor(np.random.default_rng(7).random((count, 11, 11, 3)) * 256).astype(np.uint8)


def file(folder: Path | str) -> Path:
    """A picture of 20 rows and 30 columns on disk."""
    path = Path(folder) / "picture.png"
    Image.fromarray(
        np.floor(np.random.default_rng(8).random((20, 30, 3)) * 256).astype(np.uint8)
    ).save(path)
    return path


def main() -> None:
    legacy = import_module("keras.src.legacy.preprocessing.image")
    utils = import_module("keras").utils
    result = {}
    for name, (arguments, parameters) in CASES.items():
        generator = legacy.ImageDataGenerator(**arguments)
        generator.fit(pictures())
        changed = generator.apply_transform(pictures()[0].astype(np.float32), parameters)
        result[name] = generator.standardize(np.array(changed, np.float32))
    with TemporaryDirectory() as folder:
        for name, options in LOADED.items():
            result[f"load {name}"] = utils.img_to_array(utils.load_img(file(folder), **options))
    np.savez_compressed(GOLDEN, allow_pickle=False, **result)
    print(f"{GOLDEN.name}: {GOLDEN.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
