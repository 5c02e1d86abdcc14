"""One pass of one convolution, of the engine or of oneDNN through PyTorch: a worker of layers.py.

    python convolutions.py minicnn|torch

Both compute in float32 and without bias. Before each gradient a forward pass runs, as in a
training, and is not timed.
"""

import sys
from typing import Any

import numpy as np
from worker import Timed, median_of_calls, serve, timed

PASSES = ("forward", "input gradient", "weight gradient")


def minicnn_pass(
    name: str,
    batch: int,
    side: int,
    channels: int,
    filters: int,
    kernel: int,
    stride: int,
    padding: str,
) -> tuple[Timed, dict[str, Any]]:
    """The engine's step for a Conv2D alone."""
    from minicnn.engine.plan import plan
    from minicnn.layers import Conv2D

    rng = np.random.default_rng(0)
    conv = Conv2D(filters, kernel, strides=stride, padding=padding, use_bias=False)
    conv.build((side, side, channels), rng, np.float32)
    (step,) = plan([conv])
    conv.trainable = name == "weight gradient"
    step.needs_input_grad = name == "input gradient"
    x = rng.standard_normal((batch, side, side, channels), np.float32)
    dy = rng.standard_normal((batch, *conv.output_shape), np.float32)

    def forward() -> None:
        step.forward(x, training=True)

    run = timed(forward) if name == "forward" else timed(lambda: step.backward(dy), before=forward)
    median_of_calls(run, 0, 3)
    return run, {}


def torch_pass(
    name: str,
    batch: int,
    side: int,
    channels: int,
    filters: int,
    kernel: int,
    stride: int,
    padding: str,
) -> tuple[Timed, dict[str, Any]]:
    """PyTorch's operators, in the memory format in which they are faster on this shape."""
    import torch

    # Keras pads an even picture at stride 2 on one side only; PyTorch computes as many values with
    # k // 2 on both.
    around = [kernel // 2 if padding == "same" else 0] * 2
    geometry = ([stride] * 2, around, [1, 1], False, [0, 0], 1)
    wanted = [name == "input gradient", name == "weight gradient", False]
    runs: dict[str, Timed] = {}
    for memory_format in (torch.channels_last, torch.contiguous_format):
        x = torch.randn(batch, channels, side, side).contiguous(memory_format=memory_format)
        weight = torch.randn(filters, channels, kernel, kernel).contiguous(
            memory_format=memory_format
        )
        dy = torch.randn_like(torch.ops.aten.convolution(x, weight, None, *geometry))

        def forward(x: Any = x, weight: Any = weight) -> None:
            torch.ops.aten.convolution(x, weight, None, *geometry)

        def backward(x: Any = x, weight: Any = weight, dy: Any = dy) -> None:
            torch.ops.aten.convolution_backward(dy, x, weight, None, *geometry, wanted)

        run = timed(forward) if name == "forward" else timed(backward, before=forward)
        runs[str(memory_format).removeprefix("torch.")] = run
    seconds = {memory_format: median_of_calls(run, 0, 5) for memory_format, run in runs.items()}
    best = min(seconds, key=lambda memory_format: seconds[memory_format])
    return runs[best], {"memory_format": best}


if __name__ == "__main__":
    serve({"minicnn": minicnn_pass, "torch": torch_pass}[sys.argv[1]])
