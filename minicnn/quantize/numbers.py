"""The one definition of the integers: the same in minicnn, LiteRT (XNNPACK) and ONNX Runtime.

A real number r is written as a whole number q of 8 bits, by a scale and a zero point:

    r = scale * (q - zero_point),    -128 <= q <= 127

Values have one scale for all their numbers, and 0.0 is always exactly one of them, for padding is
0.0. Kernels have a scale for each filter f and the zero point 0, so that a layer's sum is

    y[f] = s_x s_w[f] * (sum of (q_x - z_x) * q_w + q_bias[f])

whose bracket is computed in whole numbers of 32 bits: no order of adding up changes it. Only then
comes one rounding, of a product of two float32, half to even:

    q_y = rint(clip(float32(sum) * float32(s_x s_w[f] / s_y), low - z_y, high - z_y)) + z_y

low and high are -128 and 127, or what a ReLU leaves of them: it costs nothing.

Kernels stay within +-63 unless told otherwise. Processors without VNNI multiply unsigned by signed
bytes and add up two products in 16 bits: 2 * 255 * 63 = 32,130 is below 2**15 = 32,768, and
2 * 255 * 127 is not, so that programs which multiply in that way, ONNX Runtime among them, compute
something else for larger kernels.
Source: LiteRT's quantization specification; Jacob et al. 2017, arXiv:1712.05877.
"""

from typing import NamedTuple

import numpy as np

from minicnn.types import Array

LOW, HIGH = -128, 127
LARGEST_KERNEL = 63  # or up to 127
LARGEST_SUM = 2**31 - 1
LARGEST_BIAS = 2**30


class Quantization(NamedTuple):
    """How the whole numbers of a value are meant: r = scale * (q - zero_point)."""

    scale: np.float32
    zero_point: int

    def integers(self, reals: Array) -> Array:
        """The nearest whole numbers, int8; what is too large becomes the largest."""
        q = np.rint(np.asarray(reals, np.float32) / self.scale) + np.float32(self.zero_point)
        return np.clip(q, LOW, HIGH).astype(np.int8)

    def reals(self, integers: Array) -> Array:
        """What they stand for, float32."""
        return (integers.astype(np.float32) - np.float32(self.zero_point)) * self.scale

    def limits(self, activation: str | None) -> tuple[int, int]:
        """The lowest and the highest whole number behind an activation."""
        if activation is None:
            return LOW, HIGH
        high = HIGH
        if activation == "relu6":
            with np.errstate(over="ignore"):  # 6 may be more steps than float32 can count
                steps = np.rint(np.float32(6) / self.scale)
            high = min(HIGH, self.zero_point + int(min(steps, HIGH - LOW)))
        return max(LOW, self.zero_point), high


def of_range(low: float, high: float) -> Quantization:
    """The quantization of values between low and high, and 0, which is one of them.

    Where all are 0, any scale does.
    """
    low, high = min(float(low), 0.0), max(float(high), 0.0)
    scale = np.float32((high - low) / (HIGH - LOW))
    if not scale >= np.finfo(np.float32).tiny:
        return Quantization(np.float32(1), 0)
    return Quantization(scale, int(np.clip(np.rint(LOW - low / float(scale)), LOW, HIGH)))


def of_kernel(
    kernel: Array, bias: Array, of_input: Quantization, largest: int = LARGEST_KERNEL
) -> tuple[Array, Array, Array]:
    """A kernel (..., F) as int8 (..., F) within +-largest, its scales (F,), and the bias (F,) as
    int32 in steps of s_x s_w[f].

    A filter whose kernel is next to nothing beside its bias has a scale with which the bias has
    room.
    """
    kernel, bias = np.asarray(kernel, np.float64), np.asarray(bias, np.float64)
    most = np.abs(kernel).max(axis=tuple(range(kernel.ndim - 1)))
    scale = np.maximum(most / largest, np.abs(bias) / (float(of_input.scale) * LARGEST_BIAS))
    small = np.finfo(np.float32).tiny / min(float(of_input.scale), 1.0)
    scale = np.where(scale > 2 * small, scale, 1.0).astype(np.float32)
    q = np.clip(np.rint(kernel / scale.astype(np.float64)), -largest, largest).astype(np.int8)
    steps = of_input.scale * scale
    return q, scale, np.rint(bias / steps.astype(np.float64)).astype(np.int32)


def requantized(
    sums: Array, multiplier: Array | np.float32, to: Quantization, activation: str | None = None
) -> Array:
    """Whole sums (..., F) as int8 of another quantization: multiplier (F,) is s_x s_w / s_y."""
    low, high = to.limits(activation)
    zero = to.zero_point
    products = sums.astype(np.float32) * np.asarray(multiplier, np.float32)
    inside = np.clip(products, np.float32(low - zero), np.float32(high - zero))
    return (np.rint(inside) + np.float32(zero)).astype(np.int8)
