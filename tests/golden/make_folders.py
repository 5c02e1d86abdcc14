"""Make folders.npz: what Keras' flow_from_directory, image_dataset_from_directory, array_to_img and
normalize give, for tests/test_folders.py.

    python make_folders.py         needs keras, tensorflow and scipy (made with keras 3.15.1,
                                   tensorflow 2.21.0); 20 seconds

The pictures are PNG files, whose levels do not depend on who decodes them.
"""

import random
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

GOLDEN = Path(__file__).with_name("folders.npz")
SIZES = [(9, 12), (12, 9), (10, 10), (7, 16), (20, 5)]
NAMES = ["b.png", "A.png", "c10.png", "c2.png", "below/a.png", "below/deep/z.png", "also/q.png"]

FLOWS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # of the generator, of the flow
    "plain": ({}, {"target_size": (6, 4)}),
    "binary": ({}, {"target_size": (4, 4), "class_mode": "binary", "classes": ["dog", "cat"]}),
    "sparse": ({}, {"target_size": (4, 4), "class_mode": "sparse"}),
    "input": ({"rescale": 1 / 255}, {"target_size": (4, 4), "class_mode": "input"}),
    "none": ({}, {"target_size": (4, 4), "class_mode": None, "batch_size": 4}),
    "grey": ({"rescale": 1 / 255}, {"target_size": (4, 4), "color_mode": "grayscale"}),
    "bilinear": ({}, {"target_size": (4, 4), "interpolation": "bilinear"}),
    "training": ({"validation_split": 0.3}, {"target_size": (4, 4), "subset": "training"}),
    "validation": ({"validation_split": 0.3}, {"target_size": (4, 4), "subset": "validation"}),
}
PLAIN = {"image_size": (6, 4), "shuffle": False, "batch_size": 5}
DATASETS: dict[str, dict[str, Any]] = {
    "plain": PLAIN,
    "categorical": PLAIN | {"label_mode": "categorical", "image_size": (5, 11)},
    "binary": PLAIN | {"label_mode": "binary", "class_names": ["dog", "cat"]},
    "images alone": PLAIN | {"label_mode": None},
    "no labels": PLAIN | {"labels": None},
    "labels": PLAIN | {"labels": [n % 4 for n in range(21)]},
    "nearest": PLAIN | {"interpolation": "nearest"},
    # of colours TensorFlow makes another grey, by up to a level
    "grey": PLAIN | {"color_mode": "grayscale", "image_size": (7, 9), "class_names": ["ant"]},
    "crop": PLAIN | {"crop_to_aspect_ratio": True},
    "one number": PLAIN | {"image_size": 6},
}
SPLITS: dict[str, dict[str, Any]] = {  # which files are in which part
    "training": {"subset": "training", "seed": 3},
    "validation": {"subset": "validation", "seed": 3},
    "both": {"subset": "both", "seed": 3},
    "last": {"subset": "validation", "shuffle": False},
}


def write(folder: Path) -> Path:
    """Three classes of grey and coloured pictures of several sizes, beside what is none."""
    rng = np.random.default_rng(11)
    for name in ("cat", "dog", "ant"):
        for number, file in enumerate(NAMES):
            path = folder / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            shape = SIZES[number % len(SIZES)]
            shape = shape if name == "ant" else (*shape, 3)
            Image.fromarray(np.floor(rng.random(shape) * 256).astype(np.uint8)).save(path)
        (folder / name / "notes.txt").write_text("no picture")
    (folder / "README").write_text("no folder")
    return folder


def arrays() -> dict[str, np.ndarray]:
    """What array_to_img and normalize are given."""
    rng = np.random.default_rng(12)
    return {
        "fractions": rng.random((4, 5, 3)).astype(np.float32),
        "levels": np.floor(rng.random((4, 5, 1)) * 256),
        "negative": rng.standard_normal((3, 3, 3)),
        "flat": np.full((2, 2, 3), 7.0),
    }


def measured(library: Any, generator: Any, folder: Path) -> dict[str, Any]:
    """All that is compared, by name; library is keras or minicnn."""
    result: dict[str, Any] = {}
    for name, (options, arguments) in FLOWS.items():
        classes = arguments.get("classes", ["ant", "cat", "dog"])
        flow = generator(**options).flow_from_directory(str(folder), shuffle=False, **arguments)
        result |= of_batches(f"flow {name}", [flow[i] for i in range(len(flow))])
        result[f"flow {name} filenames"] = np.array(flow.filenames)
        result[f"flow {name} classes"] = flow.classes
        result[f"flow {name} numbers"] = np.array(
            [flow.n, flow.samples, flow.num_classes, flow.batch_size, *flow.image_shape]
        )
        assert list(flow.class_indices) == classes
    directory = library.utils.image_dataset_from_directory
    for name, arguments in DATASETS.items():
        data = directory(str(folder), verbose=False, **arguments)
        result |= of_batches(f"dataset {name}", list(data))
        result[f"dataset {name} files"] = relative(data.file_paths, folder)
        result[f"dataset {name} names"] = np.array(data.class_names or [])
    for name, arguments in SPLITS.items():
        made = directory(
            str(folder), image_size=(4, 4), validation_split=0.3, verbose=False, **arguments
        )
        parts = made if isinstance(made, list) else [made]
        for number, part in enumerate(parts):
            result[f"split {name} {number}"] = relative(part.file_paths, folder)
    for name, array in arrays().items():
        for scale in [True] if name == "negative" else [True, False]:
            levels = array if scale or array.max() > 1 else array * 255
            picture = library.utils.array_to_img(levels, scale=scale)
            result[f"img {name} {scale}"] = np.asarray(picture)
        result[f"normalize {name}"] = library.utils.normalize(array, axis=1)
        result[f"normalize {name} 1"] = library.utils.normalize(array, order=1)
    return result


def of_batches(name: str, batches: list[Any]) -> dict[str, np.ndarray]:
    parts = [batch if isinstance(batch, tuple) else (batch,) for batch in batches]
    return {
        f"{name} {number}": whole([np.asarray(part) for part in column])
        for number, column in enumerate(zip(*parts, strict=True))
    }


def whole(parts: list[np.ndarray]) -> np.ndarray:
    """The batches as one array; Keras leaves bytes where nothing is interpolated."""
    joined = np.concatenate(parts)
    return joined.astype(np.float32) if joined.dtype == np.uint8 else joined


def relative(paths: list[str], folder: Path) -> np.ndarray:
    return np.array([str(Path(path).relative_to(folder)) for path in paths])


def main() -> None:
    random.seed(0)
    keras = import_module("keras")
    generator = import_module("keras.src.legacy.preprocessing.image").ImageDataGenerator
    with TemporaryDirectory() as place:
        result = measured(keras, generator, write(Path(place)))
    np.savez_compressed(GOLDEN, allow_pickle=False, **result)
    print(f"{GOLDEN.name}: {GOLDEN.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
