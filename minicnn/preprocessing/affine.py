"""Rotation, shift, shear, zoom and flips of pictures as one matrix each."""

import numpy as np

from minicnn.types import Array


def affine(
    size: tuple[int, int],
    *,
    theta: Array,
    tx: Array,
    ty: Array,
    shear: Array,
    zx: Array,
    zy: Array,
    flip_horizontal: Array,
    flip_vertical: Array,
) -> Array:
    """The places in N pictures that N changed pictures show, as matrices for kernels/resample.py.

        place = centre + R (t + S Z F (q - centre))    is shown at q; (u, v), u right, v down

        R = (cos theta  -sin theta)  t = (tx)  S = (1  -sin shear)  Z = (zx   0)  F = (+-1   0)
            (sin theta   cos theta)      (ty)      (0   cos shear)      (0   zy)      (0   +-1)

    Args:
        size: (H, W) of the pictures.
        theta, shear: degrees.
        tx, ty: pixels; the picture moves left and up by them.
        zx, zy: above 1 makes smaller.

    Shapes: all arguments but the size (N,); the result (N, 3, 3) float64
    Source: keras.src.legacy.preprocessing.image.apply_affine_transform, Keras 3.
    """
    height, width = size
    theta, shear = np.deg2rad(theta), np.deg2rad(shear)
    one, zero = np.ones_like(theta), np.zeros_like(theta)
    R = _matrices([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]])
    S = _matrices([[one, -np.sin(shear)], [zero, np.cos(shear)]])
    ZF = _matrices(
        [[np.where(flip_horizontal, -zx, zx), zero], [zero, np.where(flip_vertical, -zy, zy)]]
    )
    t = _matrices([[tx], [ty]])
    centre = np.array([[(width - 1) / 2], [(height - 1) / 2]])
    matrices = np.zeros((len(theta), 3, 3))
    matrices[:, :2, :2] = R @ S @ ZF
    matrices[:, :2, 2:] = centre + R @ t - matrices[:, :2, :2] @ centre
    matrices[:, 2, 2] = 1
    return matrices


def _matrices(rows: list[list[Array]]) -> Array:
    """Numbers (N,) in rows and columns as N matrices."""
    return np.moveaxis(np.array(rows, np.float64), -1, 0)
