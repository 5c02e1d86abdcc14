"""Pictures in another size. Where each pixel of the result lies is computed as ONNX says, and as
minicnn's layers do: one that agrees is taken. Others are two Dense layers that are not trainable.
"""

from math import floor
from typing import Any

import numpy as np

from minicnn.kernels.resample import LONGEST
from minicnn.layers.interpolation import Places
from minicnn.saving.onnx.from_onnx.layouts import lying, pictures
from minicnn.saving.onnx.from_onnx.operator import Operator
from minicnn.saving.onnx.from_onnx.reader import Reader
from minicnn.saving.onnx.from_onnx.resampling import TEMPORARY, around, picking, weighing
from minicnn.saving.onnx.from_onnx.values import Value
from minicnn.types import Array

LINEAR = ("linear", "bilinear")


def _sources(operator: Operator, mode: str, size: int, out: int, scale: float) -> Array:
    """The place among `size` pixels where each of `out` lies."""
    i = np.arange(out, dtype=np.float64)
    if mode in ("half_pixel", "half_pixel_symmetric"):
        if mode == "half_pixel_symmetric":
            shift = size / 2 * (1 - out / (scale * size))
            return shift + (i + 0.5) / scale - 0.5
        return (i + 0.5) / scale - 0.5
    if mode == "pytorch_half_pixel":
        return (i + 0.5) / scale - 0.5 if out > 1 else 0 * i
    if mode == "asymmetric":
        return i / scale
    if mode == "align_corners":
        if abs(scale * size - out) > 1e-3:
            operator.refuse(
                f"expected scales that make whole numbers of pixels with align_corners, received "
                f"{scale:.6g} for {size}: ONNX and ONNX Runtime differ there"
            )
        return i * (size - 1) / (out - 1) if out > 1 else 0 * i
    operator.refuse(f"expected a known coordinate_transformation_mode, received {mode!r:.40}")


def _nearest(operator: Operator, how: str, places: Array) -> Array:
    """Whole numbers of those places."""
    if how == "floor":
        return np.floor(places)
    if how == "ceil":
        return np.ceil(places)
    if how == "round_prefer_floor":
        return np.ceil(places - 0.5)
    if how == "round_prefer_ceil":
        return np.floor(places + 0.5)
    operator.refuse(f"expected a known nearest_mode, received {how!r:.40}")


def _agree(
    operator: Operator, kind: str, how: str, mode: str, size: int, out: int, scale: float
) -> bool:
    places = Places.of(out, size, kind)
    found = _sources(operator, mode, size, out, scale)
    if kind == "nearest":
        indices = np.clip(_nearest(operator, how, found), 0, size - 1)
        return bool((indices == places.low).all())
    ours = places.low + (0 if places.share is None else places.share)
    return bool(np.allclose(np.clip(found, 0, size - 1), ours, atol=1e-5 * size))


def _sizes(
    operator: Operator, x: Value, scales: Array | None, sizes: Any
) -> tuple[list[int], list[float]]:
    """Height and width of the result, and by how much they grow."""
    if sizes is not None:
        places = range(4 - len(sizes), 4)
        if len(sizes) not in (2, 4):
            operator.refuse(f"expected sizes of pictures, received {len(sizes)}")
        whole = [*x.dims[: places.start], *sizes]
        factors = [n / m for n, m in zip(whole, x.dims, strict=True)]
        policy = operator.get("keep_aspect_ratio_policy", "stretch")
        if policy in ("not_larger", "not_smaller"):
            pick = min if policy == "not_larger" else max
            factors[places.start :] = [pick(factors[places.start :])] * len(sizes)
            whole = [floor(n * m + 0.5) for n, m in zip(factors, x.dims, strict=True)]
        elif policy != "stretch":
            operator.refuse(f"expected a known keep_aspect_ratio_policy, received {policy!r:.40}")
    elif scales is not None and scales.size in (2, 4) and np.isfinite(scales).all():
        factors = [float(n) for n in scales.reshape(-1)]
        factors = factors if len(factors) == 4 else [1.0, 1.0, *factors]
        # in the precision in which the scales are written
        whole = [floor(np.float32(n) * np.float32(m)) for n, m in zip(factors, x.dims, strict=True)]
    else:
        operator.refuse("expected scales or sizes for pictures")
    if tuple(whole[:2]) != x.dims[:2]:
        operator.refuse("makes other samples or channels")
    if not all(1 <= n <= LONGEST for n in whole[2:]):
        operator.refuse(f"makes pictures of {whole[2:]}")
    return whole[2:], factors[2:]


def _by_matrices(reader: Reader, operator: Operator, x: Value, matrices: list[Array]) -> Value:
    """Rows of pixels times a matrix, then columns."""
    for axis, matrix in zip((3, 2), matrices[::-1], strict=True):
        x = lying(reader, operator, x, (0, 1, 5 - axis, axis))
        tensor = reader.layer(
            "Dense",
            operator,
            x.tensor,
            {"kernel": matrix},
            units=matrix.shape[1],
            use_bias=False,
            trainable=False,
        )
        dims = tuple(matrix.shape[1] if n == axis else size for n, size in enumerate(x.dims))
        x = x.like(tensor, dims=dims)
    return x


def resize(reader: Reader, operator: Operator) -> None:
    """UpSampling2D for whole multiples, else Resizing."""
    x = pictures(reader, operator, reader.value(operator))
    old = operator.version < 11
    how = operator.get("mode", "nearest")
    kind = "nearest" if how == "nearest" else "bilinear"
    if how not in ("nearest", "cubic", *LINEAR):
        operator.refuse(f"expected mode='nearest', 'linear' or 'cubic', received {how!r:.40}")
    mode = operator.get("coordinate_transformation_mode", "asymmetric" if old else "half_pixel")
    rounding = operator.get("nearest_mode", "floor" if old else "round_prefer_floor")
    smoothed = operator.get("antialias", 0)
    a, exclude = operator.get("cubic_coeff_a", -0.75), bool(operator.get("exclude_outside", 0))
    operator.ignore("keep_aspect_ratio_policy", "extrapolation_value", "scales", "axes")
    axes = [axis % 4 for axis in operator.attributes.get("axes", [0, 1, 2, 3])]
    if axes not in ([2, 3], [3, 2], [0, 1, 2, 3]):
        operator.refuse(f"expected axes of pictures, received {axes}")
    if old:
        listed = operator.attributes.get("scales")
        given = reader.optional(operator, 1, "scales") if listed is None else np.asarray(listed)
        sizes = None
    else:
        given, sizes = reader.optional(operator, 2, "scales"), reader.integers(operator, 3, "sizes")
    scales = None if given is None or not given.size else given
    if axes == [3, 2]:
        scales = None if scales is None else scales[::-1]
        sizes = None if sizes is None else sizes[::-1]
    (H, W), factors = _sizes(operator, x, scales, sizes)
    both = list(zip(x.dims[2:], (H, W), factors, strict=True))
    plain = how != "cubic" and not (smoothed and min(factors) < 1) and not exclude
    if not (plain and all(_agree(operator, kind, rounding, mode, *one) for one in both)):
        matrices = []
        for pixels, out, scale in both:
            reader.room.take(2 * pixels * out)  # a number of 8 bytes is two
            places = _sources(operator, mode, pixels, out, scale)
            if kind == "nearest":
                matrices.append(picking(_nearest(operator, rounding, places), pixels))
            else:
                stretch = max(1 / scale, 1.0) if smoothed else 1.0
                name = "cubic" if how == "cubic" else "linear"
                reader.room.take(TEMPORARY * out * len(around(name, stretch)))
                matrices.append(weighing(name, places, pixels, stretch, a, exclude))
            if not np.isfinite(matrices[-1]).all():
                operator.refuse("has no finite weights for its pixels")
        reader.put(operator, _by_matrices(reader, operator, x, matrices))
        return
    if H % x.dims[2] == 0 == W % x.dims[3]:
        size = (H // x.dims[2], W // x.dims[3])
        tensor = reader.layer("UpSampling2D", operator, x.tensor, size=size, interpolation=kind)
    else:
        tensor = reader.layer("Resizing", operator, x.tensor, height=H, width=W, interpolation=kind)
    reader.put(operator, x.like(tensor, dims=(*x.dims[:2], H, W), positive=x.positive))


RESIZING = {"Resize": resize, "Upsample": resize}
