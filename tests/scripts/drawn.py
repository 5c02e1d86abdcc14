"""What the scripts here have in place of downloads: drawn pictures, as arrays and in folders, and
weights that do not depend on who draws them.
"""

from pathlib import Path

import numpy as np
from PIL import Image


def pictures(n, side=16, channels=3, classes=3, seed=0):
    """Noise, uint8 (n, side, side, channels), brighter at a place that is the class's, and labels
    (n,), class after class.
    """
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    x = rng.integers(0, 120, (n, side, side, channels))
    width = side // classes or 1
    for picture, label in zip(x, y, strict=True):
        picture[:, label * width % side : (label * width) % side + width] += 100
    return x.astype(np.uint8), y


def data_set(side, channels, classes):
    """What load_data returns: 48 and 24 pictures, without a last axis for one channel, with labels
    (n, 1) for several, as Keras has them.
    """
    (x_train, y_train), (x_test, y_test) = (
        pictures(n, side, channels or 1, classes, seed) for n, seed in ((48, 0), (24, 1))
    )
    if not channels:
        return (x_train[..., 0], y_train.astype("uint8")), (x_test[..., 0], y_test.astype("uint8"))
    return (x_train, y_train[:, None]), (x_test, y_test[:, None])


def folder(root, names, each=8, side=20, seed=0):
    """root/name/name.0.png and so on, with pictures of these classes."""
    x, y = pictures(each * len(names), side, classes=len(names), seed=seed)
    for number, (picture, label) in enumerate(zip(x, y, strict=True)):
        path = Path(root, names[label], f"{names[label]}.{number // len(names)}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
    return root


def set_weights(model, seed=0):
    """Draw kernels, normal with the standard deviation sqrt(2 / fan_in); biases and the numbers of
    normalisations stay as they are.
    """
    rng = np.random.default_rng(seed)
    model.set_weights(
        [
            (rng.standard_normal(w.shape) * np.sqrt(2 / np.prod(w.shape[:-1]))).astype("float32")
            if w.ndim in (2, 4)
            else w
            for w in model.get_weights()
        ]
    )
    return model
