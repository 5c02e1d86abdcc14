"""Conv, ConvTranspose, Gemm, MatMul: layers with kernels, of constants in the file."""

from typing import Any

import numpy as np

from minicnn.saving.onnx.from_onnx.affine import following
from minicnn.saving.onnx.from_onnx.cutting import cropped
from minicnn.saving.onnx.from_onnx.layouts import pictures, plain, with_last
from minicnn.saving.onnx.from_onnx.operator import Operator
from minicnn.saving.onnx.from_onnx.reader import Reader, finite
from minicnn.saving.onnx.from_onnx.values import Value
from minicnn.saving.onnx.from_onnx.windows import LONGEST, framed, slide
from minicnn.types import Array, Shape

GROUPS = 64  # of a transposed convolution, each a layer


def _with_following(
    reader: Reader, operator: Operator, kernel: Array, bias: Array | None, dims: Shape, axis: int
) -> tuple[dict[str, Array], str]:
    """Kernel (..., F) and bias after the arithmetic behind, and the name of what comes out."""
    name = operator.outputs[0]
    found = following(reader, name, dims, axis)
    if found is not None:
        scale, shift, name = found
        kernel = kernel * scale
        shift = np.broadcast_to(shift, kernel.shape[-1:])
        bias = shift if bias is None else bias * scale + shift
    if bias is None:
        return {"kernel": kernel}, name
    return {"kernel": kernel, "bias": bias}, name


def _kernel(reader: Reader, operator: Operator) -> Array:
    """(F, C/G, KH, KW)."""
    kernel = finite(reader.constant(operator, 1, "kernel"), operator, "a kernel")
    if kernel.ndim != 4 or min(kernel.shape) < 1:
        operator.refuse(f"expected a kernel (F, C, KH, KW), received {kernel.shape}")
    return kernel


def _bias(reader: Reader, operator: Operator, filters: int) -> Array | None:
    bias = reader.optional(operator, 2, "bias")
    if bias is not None and bias.shape != (filters,):
        operator.refuse(f"expected a bias of {filters} numbers, received {bias.shape}")
    return bias


def conv(reader: Reader, operator: Operator) -> None:
    """Conv2D, or DepthwiseConv2D where each channel is a group."""
    x = pictures(reader, operator, reader.value(operator))
    kernel = _kernel(reader, operator)
    (F, per_group, KH, KW), C, groups = kernel.shape, x.dims[1], operator.get("group", 1)
    if groups < 1 or per_group * groups != C or F % groups:
        operator.refuse(
            f"expected group to cut {C} channels and {F} filters, received {groups} and a kernel "
            f"of {per_group} channels"
        )
    one = slide(operator, (x.dims[2], x.dims[3]), (KH, KW))
    bias = _bias(reader, operator, F)
    dims = (x.dims[0], F, *one.output)
    tensor = x.tensor
    if one.padding is None:
        tensor = framed(reader, operator, tensor, one)
    common: dict[str, Any] = {
        "kernel_size": one.size,
        "strides": one.strides,
        "padding": one.padding or "valid",
        "dilation_rate": one.dilation,
    }
    weights, name = _with_following(
        reader, operator, kernel.transpose(2, 3, 1, 0), bias, dims, 1
    )  # (KH, KW, C/G, F)
    common["use_bias"] = "bias" in weights
    if groups == C and per_group == 1 and groups > 1:
        weights["kernel"] = weights["kernel"].reshape(KH, KW, C, F // C)
        tensor = reader.layer(
            "DepthwiseConv2D", operator, tensor, weights, depth_multiplier=F // C, **common
        )
    else:
        tensor = reader.layer(
            "Conv2D", operator, tensor, weights, filters=F, groups=groups, **common
        )
    reader.keep(name, Value(tensor, dims, x.perm))


def conv_transpose(reader: Reader, operator: Operator) -> None:
    """Conv2DTranspose of all that is stamped, for each group of channels, and a frame cut off."""
    x = pictures(reader, operator, reader.value(operator))
    kernel = _kernel(reader, operator)
    (C, per_group, KH, KW), groups = kernel.shape, operator.get("group", 1)
    if not 1 <= groups <= GROUPS or C % groups:
        operator.refuse(f"expected group of 1 to {GROUPS} to cut {C} channels, received {groups}")
    F = per_group * groups
    given = operator.integers("kernel_shape", 2, [KH, KW])
    strides = operator.integers("strides", 2, [1, 1])
    dilation = operator.integers("dilations", 2, [1, 1])
    more = operator.integers("output_padding", 2, [0, 0])
    auto = operator.get("auto_pad", "NOTSET")
    pads = operator.integers("pads", 4, [0, 0, 0, 0])
    shape = operator.integers("output_shape", 2, [0, 0])
    if C != x.dims[1] or given != [KH, KW]:
        operator.refuse(f"has a kernel of {kernel.shape} for {x.dims[1]} channels and {given}")
    numbers = (*strides, *dilation, *(n + 1 for n in (*more, *pads)))
    if not all(1 <= n <= LONGEST for n in numbers) or any(
        n >= max(step, d) for n, step, d in zip(more, strides, dilation, strict=True)
    ):
        operator.refuse(f"has strides {strides}, output_padding {more}, pads {pads}")
    cropping, output = [], []
    for n, length in enumerate(x.dims[2:]):
        whole = (length - 1) * strides[n] + (given[n] - 1) * dilation[n] + 1 + more[n]
        start, end = pads[n], pads[n + 2]
        if any(shape) and shape[n] > whole:
            more[n], whole, start, end = more[n] + shape[n] - whole, shape[n], 0, 0
        elif any(shape) or auto in ("SAME_UPPER", "SAME_LOWER"):
            total = max(whole - (shape[n] if any(shape) else length * strides[n]), 0)
            start = total // 2 if auto == "SAME_UPPER" else total - total // 2
            end = total - start
        elif auto == "VALID":
            start = end = 0
        cropping.append((start, end))
        output.append(whole - start - end)
    if any(shape) and output != shape or min(output) < 1:
        operator.refuse(f"makes pictures of {output}, expected {shape}")
    bias = _bias(reader, operator, F)
    tensors = []
    for n in range(groups):
        part = slice(n * C // groups, (n + 1) * C // groups)
        weights = {"kernel": kernel[part].transpose(2, 3, 1, 0)}  # (KH, KW, F/G, C/G)
        if bias is not None:
            weights["bias"] = bias[n * per_group : (n + 1) * per_group]
        tensors.append(
            reader.layer(
                "Conv2DTranspose",
                operator,
                cropped(reader, operator, x, 1, part.start, part.stop).tensor,
                weights,
                filters=per_group,
                kernel_size=(KH, KW),
                strides=strides,
                output_padding=more,
                dilation_rate=dilation,
                use_bias=bias is not None,
            )
        )
    tensor = tensors[0] if groups == 1 else reader.layer("Concatenate", operator, tensors)
    if cropping != [(0, 0), (0, 0)]:
        tensor = reader.layer("Cropping2D", operator, tensor, cropping=tuple(cropping))
    reader.put(operator, Value(tensor, (x.dims[0], F, *output), x.perm))


def gemm(reader: Reader, operator: Operator) -> None:
    """Dense: alpha X @ W + beta bias."""
    x = reader.value(operator)
    operator.expect("transA", 0)
    kernel = reader.constant(operator, 1, "kernel").astype(np.float32, copy=False)
    kernel = kernel.T if operator.get("transB", 0) else kernel
    if x.rank != 2 or x.batch != 0 or kernel.ndim != 2 or len(kernel) != x.dims[1]:
        operator.refuse(f"multiplies an input of {x.rank} axes with a kernel of {kernel.shape}")
    bias = reader.optional(operator, 2, "bias")
    if bias is not None:
        if (
            bias.ndim > 2
            or bias.ndim == 2
            and len(bias) != 1
            or bias.size not in (1, kernel.shape[1])
        ):
            operator.refuse(f"adds {bias.shape}, expected a number for each of {kernel.shape[1]}")
        bias = np.broadcast_to(bias.reshape(-1), kernel.shape[1:]) * operator.get("beta", 1.0)
    operator.ignore("beta", "broadcast")
    if (alpha := operator.get("alpha", 1.0)) != 1:
        kernel = kernel * alpha
    _dense(reader, operator, x, kernel, bias)


def mat_mul(reader: Reader, operator: Operator) -> None:
    """Dense along the last axis."""
    x = reader.value(operator)
    kernel = reader.constant(operator, 1, "kernel")
    if kernel.dtype.kind != "f" or kernel.ndim != 2 or x.rank < 2 or len(kernel) != x.dims[-1]:
        operator.refuse(f"multiplies an input of {x.rank} axes with a kernel of {kernel.shape}")
    _dense(reader, operator, x, kernel, None)


def _dense(reader: Reader, operator: Operator, x: Value, kernel: Array, bias: Array | None) -> None:
    """The rows of the kernel are put into the order of the vectors, where that is another."""
    finite(kernel, operator, "a kernel")
    if min(kernel.shape) < 1:
        operator.refuse(f"has a kernel of {kernel.shape}")
    if x.maps is not None and x.rank == 2:
        kernel = kernel[reader.order(x)]
    else:
        x = with_last(reader, operator, plain(reader, operator, x), x.rank - 1)
    F = kernel.shape[1]
    dims = (*x.dims[:-1], F)
    weights, name = _with_following(reader, operator, kernel, bias, dims, len(dims) - 1)
    tensor = reader.layer("Dense", operator, x.tensor, weights, units=F, use_bias="bias" in weights)
    reader.keep(name, Value(tensor, dims, x.perm))


CONVOLUTIONS = {
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "Gemm": gemm,
    "MatMul": mat_mul,
}
