"""One pass of one convolution, of the engine or of oneDNN through PyTorch: a worker of layers.py.

    python convolutions.py minicnn|torch

Both compute in float32 and without bias. Before each gradient a forward pass runs, as in a
training, and is not timed. A residual convolution is normalised, added to its input, and goes
through a ReLU; its gradients go back through all of that.
"""

import functools
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from worker import Timed, median_of_calls, serve, timed

PASSES = ("forward", "input gradient", "weight gradient")


class Geometry(NamedTuple):
    """Of a square convolution over a batch of square pictures.

    groups: into how many parts channels and filters are cut; as many as channels: depthwise.
    residual: whether normalisation, sum and ReLU follow.
    """

    batch: int
    side: int
    channels: int
    filters: int
    kernel: int
    stride: int
    padding: str
    groups: int = 1
    residual: bool = False


def minicnn_layer(shape: Geometry) -> Any:
    """The layer that computes it."""
    from minicnn.layers import Conv2D, DepthwiseConv2D

    how = {"strides": shape.stride, "padding": shape.padding, "use_bias": False}
    if 1 < shape.groups == shape.channels == shape.filters:
        return DepthwiseConv2D(shape.kernel, **how)
    return Conv2D(shape.filters, shape.kernel, groups=shape.groups, **how)


def minicnn_step(name: str, shape: Geometry) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Forward and backward of the step that the engine's plan has for the layer alone."""
    from minicnn.engine.plan import plan

    rng = np.random.default_rng(0)
    conv = minicnn_layer(shape)
    conv.build((shape.side, shape.side, shape.channels), rng, np.float32)
    (step,) = plan([conv])
    conv.trainable = name == "weight gradient"
    step.needs_input_grad = name == "input gradient"
    x = rng.standard_normal((shape.batch, shape.side, shape.side, shape.channels), np.float32)
    dy = rng.standard_normal((shape.batch, *conv.output_shape), np.float32)
    return lambda: step.forward(x, training=True), lambda: step.backward(dy)


def minicnn_residual(name: str, shape: Geometry) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Forward and backward of the steps that the engine's plan has for conv, normalisation, sum and
    ReLU. No array is copied out of them.
    """
    from minicnn import Input, Model
    from minicnn.engine.plan import passes_on
    from minicnn.layers import Add, BatchNormalization, ReLU

    inputs = Input((shape.side, shape.side, shape.channels))
    conv = minicnn_layer(shape)
    model = Model(inputs, ReLU()(Add()([BatchNormalization()(conv(inputs)), inputs])), seed=0)
    conv.trainable = name == "weight gradient"
    execution: Any = model._execution()
    rng = np.random.default_rng(0)
    x, dy = (
        rng.standard_normal((shape.batch, *model.output_shape[1:]), np.float32) for _ in range(2)
    )

    def forward() -> Any:
        values = {0: x}
        with execution.fast.region:
            for step, reads, writes, _, several in execution.stages:
                if not passes_on(step, training=True):
                    execution.fast.region.run()
                given = [values[n] for n in reads] if several else values[reads[0]]
                values[writes] = step.forward(given, training=True)
        return values[execution.outputs_at[0]]

    def backward() -> Any:
        return execution.backward_from_logits(dy, to_input=name == "input gradient")

    if name == "forward":
        return forward, backward
    return lambda: execution.logits(x, training=True), backward


def minicnn_pass(name: str, **geometry: Any) -> tuple[Timed, dict[str, Any]]:
    """The engine's step for a convolution alone, or the steps of a residual one."""
    shape = Geometry(**geometry)
    forward, backward = (minicnn_residual if shape.residual else minicnn_step)(name, shape)
    run = timed(forward) if name == "forward" else timed(backward, before=forward)
    median_of_calls(run, 0, 3)
    return run, {}


def torch_operators(name: str, shape: Geometry, memory_format: Any) -> Timed:
    """PyTorch's operators for a convolution alone."""
    import torch

    # Keras pads an even picture at stride 2 on one side only; PyTorch computes as many values with
    # k // 2 on both.
    around = [shape.kernel // 2 if shape.padding == "same" else 0] * 2
    geometry = ([shape.stride] * 2, around, [1, 1], False, [0, 0], shape.groups)
    wanted = [name == "input gradient", name == "weight gradient", False]
    x = torch.randn(shape.batch, shape.channels, shape.side, shape.side)
    weight = torch.randn(
        shape.filters, shape.channels // shape.groups, shape.kernel, shape.kernel
    ).contiguous(memory_format=memory_format)
    x = x.contiguous(memory_format=memory_format)
    dy = torch.randn_like(torch.ops.aten.convolution(x, weight, None, *geometry))

    def forward() -> None:
        torch.ops.aten.convolution(x, weight, None, *geometry)

    def backward() -> None:
        torch.ops.aten.convolution_backward(dy, x, weight, None, *geometry, wanted)

    return timed(forward) if name == "forward" else timed(backward, before=forward)


def torch_residual(name: str, shape: Geometry, memory_format: Any) -> Timed:
    """The same with normalisation, sum and ReLU, and gradients as autograd finds them."""
    import torch
    from torch import nn

    around = shape.kernel // 2 if shape.padding == "same" else 0
    conv = nn.Conv2d(
        shape.channels,
        shape.filters,
        shape.kernel,
        shape.stride,
        around,
        groups=shape.groups,
        bias=False,
    )
    norm = nn.BatchNorm2d(shape.filters, 1e-3, 0.01)
    both = nn.Sequential(conv, norm).to(memory_format=memory_format).train()
    x = torch.randn(shape.batch, shape.channels, shape.side, shape.side)
    x = x.contiguous(memory_format=memory_format)
    conv.weight.requires_grad_(name == "weight gradient")
    x.requires_grad_(name == "input gradient")
    dy, made = torch.randn_like(x), []

    def forward() -> None:
        for one in (x, *both.parameters()):
            one.grad = None
        made[:] = [torch.relu(both(x) + x)]

    run = timed(forward)
    return run if name == "forward" else timed(lambda: made[0].backward(dy), before=forward)


def torch_pass(name: str, **geometry: Any) -> tuple[Timed, dict[str, Any]]:
    """PyTorch, in the memory format in which it is faster on this shape."""
    import torch

    shape = Geometry(**geometry)
    of = functools.partial(torch_residual if shape.residual else torch_operators, name, shape)
    formats = (torch.channels_last, torch.contiguous_format)
    runs = {str(one).removeprefix("torch."): of(one) for one in formats}
    seconds = {memory_format: median_of_calls(run, 0, 5) for memory_format, run in runs.items()}
    best = min(seconds, key=lambda memory_format: seconds[memory_format])
    return runs[best], {"memory_format": best}


if __name__ == "__main__":
    serve({"minicnn": minicnn_pass, "torch": torch_pass}[sys.argv[1]])
