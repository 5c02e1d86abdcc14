"""A window's convolution of every channel by itself, M kernels on each: what DepthwiseConv2D and
SeparableConv2D share.

M kernels on a channel are one kernel on each of M copies of it, whose gradients are added up: so
the compiled loops (kernels/depthwise.py) know one of each.

Shapes: x (N, H, W, C); kernel (KH, KW, C, M); y (N, OH, OW, C*M), of channel c and its kernel m at
c*M + m.
"""

import numpy as np

from minicnn.kernels.depthwise import depthwise, depthwise_to_input, depthwise_to_kernel
from minicnn.layers.window import Window
from minicnn.types import Array


def convolved(x: Array, kernel: Array, window: Window) -> Array:
    """y: sums over the window's cells of x * kernel."""
    copies = copied(x, kernel.shape[-1])
    y = np.empty((len(x), *window.output, copies.shape[-1]), x.dtype)
    depthwise(copies, side_by_side(kernel), window.strides, window.before, window.dilation, y)
    return y


def kernel_gradient(x: Array, dy: Array, kernel: Array, window: Window) -> Array:
    """dkernel: sums over pictures and positions of x * dy, in double precision."""
    parts = np.empty((len(x), *side_by_side(kernel).shape))
    copies = copied(x, kernel.shape[-1])
    depthwise_to_kernel(copies, dy, window.strides, window.before, window.dilation, parts)
    return parts.sum(axis=0).reshape(kernel.shape)


def input_gradient(dy: Array, kernel: Array, window: Window, input_shape: tuple) -> Array:
    """dx: for every pixel, the sum of dy * kernel over the outputs that saw it."""
    H, W, C = input_shape
    M = kernel.shape[-1]
    dx = np.empty((len(dy), H, W, C * M), dy.dtype)
    kernel = side_by_side(kernel)
    depthwise_to_input(dy, kernel, window.strides, window.before, window.dilation, dx)
    return dx if M == 1 else dx.reshape(len(dy), H, W, C, M).sum(axis=-1)


def copied(x: Array, times: int) -> Array:
    """x with every channel so many times, one beside the other."""
    return x if times == 1 else np.repeat(x, times, axis=-1)


def side_by_side(kernel: Array) -> Array:
    """A kernel (KH, KW, C, M) as (KH, KW, C*M)."""
    return kernel.reshape(*kernel.shape[:2], -1)
