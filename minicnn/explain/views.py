"""What is inside: the first kernels, the output of every layer, the matrix that a convolution
multiplies.
"""

from collections import Counter

import numpy as np
from numpy.typing import ArrayLike

from minicnn.expect import array
from minicnn.explain.frozen import copied
from minicnn.explain.picture import one_picture
from minicnn.explain.results import Activations, Filters, Im2col
from minicnn.kernels import im2col as kernels
from minicnn.layers import Conv2D
from minicnn.machine.threads import alone
from minicnn.names import known_arguments
from minicnn.network import Network
from minicnn.network.by_layer import by_layer
from minicnn.training import checks
from minicnn.types import Array, Pair


@known_arguments
def filters(model: Network) -> Filters:
    """The kernels of the first convolution, as small pictures of what each of them answers to most.

        0.5 + weight / (2 * largest absolute weight of the kernel)

    A kernel answers most to the patch that is brightest where its weights are largest. Kernels over
    red, green and blue are shown in colour, others in grey (the mean of their channels).

    Raises ValueError for a model without a convolution, or whose weights are not made yet.
    Warns when the model has neither been trained nor loaded.
    """
    path, layer = next(
        ((path, layer) for path, layer in model.leaves.items() if isinstance(layer, Conv2D)),
        ("", None),
    )
    if layer is None or not layer.built:
        wanted = (
            "with a convolution (Conv2D)"
            if layer is None
            else "with weights: call build((None, H, W, C)) first"
        )
        raise ValueError(f"explain.filters expected a model {wanted}, received {model.name!r}")
    checks.fresh_weights(model)
    with alone:
        kernels = layer.params["kernel"].transpose(3, 0, 1, 2).copy()  # (F, KH, KW, C)
    colours = (
        kernels
        if kernels.shape[-1] == layer.input_shape[-1] == 3  # else a group's, of more channels
        else kernels.mean(axis=-1, keepdims=True).repeat(3, axis=-1)
    )
    largest = np.abs(colours).max(axis=(1, 2, 3), keepdims=True)
    pictures = 0.5 + np.divide(colours, 2 * largest, out=np.zeros_like(colours), where=largest > 0)
    return Filters(layer=path, kernels=kernels, pictures=pictures)


@known_arguments
def activations(model: Network, x: ArrayLike) -> Activations:
    """What each layer makes of one picture x (H, W, C), in inference, in the order in which they
    run.

    What is in models inside are named by path, "backbone/conv2d"; what is called several times, by
    call: "relu[1]".

    Raises ValueError when x is not one picture of the model's input shape.
    Warns when the model has neither been trained nor loaded, or pixels are in another range than it
    expects.
    """
    picture, batch = one_picture(model, x, "explain.activations")
    checks.fresh_weights(model)
    checks.pixel_range(model, picture[None])
    program, paths = copied(model)  # a forward would leave its traces in the model's own
    outputs, kinds = dict[str, Array](), dict[str, str]()
    times = Counter(paths)
    for path, (layer, y) in zip(paths, by_layer(program, batch), strict=True):
        place = (
            path
            if times[path] == 1
            else f"{path}[{sum(key.startswith(path + '[') for key in outputs)}]"
        )
        outputs[place], kinds[place] = y[0], type(layer).__name__
    return Activations(picture=picture, outputs=outputs, kinds=kinds, class_names=model.class_names)


@known_arguments
def im2col(
    x: ArrayLike,
    kernel_size: int | Pair = 3,
    strides: int | Pair = 1,
    padding: str = "valid",
    dilation_rate: int | Pair = 1,
) -> Im2col:
    """The matrix that a convolution makes of one picture x (H, W, C) before it multiplies it with
    its kernels.

        patches[i * OW + j, (kh * KW + kw) * C + c] = x[i * SH - top + kh * DH, j * SW - left + kw *
        DW, c]

    and 0 where that is padding: the rows are what Conv2D with these arguments looks at.

    Raises ValueError for arguments that Conv2D refuses, and when x is not one picture.
    Source: Chellapilla, Puri, Simard 2006, "High performance convolutional neural networks for
        document processing".
    """
    picture = array(x, "one picture", "explain.im2col")
    if picture.ndim != 3:
        hint = ": choose one, x[0]" if picture.ndim == 4 else ": add the channel axis, x[..., None]"
        raise ValueError(
            f"explain.im2col expected one picture (H, W, C), received {picture.shape}{hint}"
        )
    conv = Conv2D(1, kernel_size, strides, padding, dilation_rate)
    conv.build(picture.shape)
    window = conv.window
    patches = np.empty((1, *window.output, *window.size, picture.shape[-1]), conv.dtype)
    kernels.im2col(
        conv.accept(picture[None]), window.strides, window.before, window.dilation, patches
    )
    return Im2col(
        picture=picture,
        patches=patches.reshape(window.output[0] * window.output[1], -1),
        kernel_size=window.size,
        strides=window.strides,
        dilation_rate=window.dilation,
        before=window.before,
        output=window.output,
    )
