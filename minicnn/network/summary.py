"""The table that `model.summary()` prints."""

from collections.abc import Callable, Sequence
from typing import Any

from minicnn.layers.base import Layer
from minicnn.layers.window import Window
from minicnn.names import known_arguments
from minicnn.network import Network
from minicnn.wording import counted


@known_arguments
def summary(
    model: Network, print_fn: Callable[[str], Any] = print, flops: bool = False, receptive_field: bool = False
) -> None:
    """Print layers, output shapes and parameter counts; optionally the work and the view of each layer."""
    print_fn(table(model.name, model.layers, flops, receptive_field))


def in_a_line(model: Network) -> str:
    """repr(model): its name, how many layers it has and, once it is built, how many numbers are in them."""
    size = counted(model.count_params(), "parameter") if model.built else "not built"
    return f"<{type(model).__name__} {model.name!r}: {counted(len(model.layers), 'layer')}, {size}>"


def table(name: str, layers: Sequence[Layer], flops: bool = False, receptive_field: bool = False) -> str:
    """Layers, output shapes and parameter counts as text; optionally two more columns.

    flops: floating point operations (2 per multiply-add) of one picture's forward pass in matrix products.
    receptive_field: the patch of the input that one output sees, and the step between neighbours' patches, in pixels.
    """
    headings = ["Layer (type)", "Output Shape", "Param #"]
    headings += ["FLOPs"] * flops + ["Receptive field / step"] * receptive_field
    rows = [_cells(layer) for layer in layers]
    if flops:
        rows = [row + [f"{2 * layer.multiply_adds():,}"] for row, layer in zip(rows, layers, strict=True)]
    if receptive_field:
        rows = [row + [field] for row, field in zip(rows, receptive_fields(layers), strict=True)]
    widths = [max(len(row[i]) for row in [headings, *rows]) + 2 for i in range(len(headings))]
    lines = ["".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in [headings, *rows]]
    rule = "=" * (sum(widths) - 2)
    trained = sum(array.size for layer in layers if layer.trainable for array in layer.params.values())
    total = sum(layer.count_params() for layer in layers)
    counts = {"Total": total, "Trainable": trained, "Non-trainable": total - trained}
    totals = [f"{kind} params: {count:,}" for kind, count in counts.items()]
    if flops:
        totals.append(f"FLOPs of one picture's forward pass: {2 * sum(layer.multiply_adds() for layer in layers):,}")
    return "\n".join([f'Model: "{name}"', rule, lines[0], rule, *lines[1:], rule, *totals])


def _cells(layer: Layer) -> list[str]:
    shape = "?" if layer.output_shape is None else f"({', '.join(['None', *map(str, layer.output_shape)])})"
    return [f"{layer.name} ({type(layer).__name__})", shape, f"{layer.count_params():,}" if layer.built else "?"]


def receptive_fields(layers: Sequence[Layer]) -> list[str]:
    """For each layer "22x22 / 8", patch and step in pixels, or "all" once there is no picture any more.

    A window of k cells, a step of `jump` pixels apart, sees (k - 1) * jump more pixels than one cell does.
    Source: Araujo, Norris, Sim 2019, "Computing receptive fields of convolutional neural networks", distill.pub.
    """
    fields: list[str] = []
    field, jump = [1, 1], [1, 1]
    for layer in layers:
        if layer.output_shape is None or len(layer.output_shape) != 3:  # no picture any more
            fields.append("all")
            continue
        window: Window | None = getattr(layer, "window", None)
        if window is not None:
            for axis in range(2):
                field[axis] += (window.size[axis] - 1) * window.dilation[axis] * jump[axis]
                jump[axis] *= window.strides[axis]
        step = str(jump[0]) if jump[0] == jump[1] else f"{jump[0]}x{jump[1]}"
        fields.append(f"{field[0]}x{field[1]} / {step}")
    return fields


def described(model: Network) -> dict[str, Any]:
    """The table with both columns as plain values."""
    layers = [
        {
            "name": layer.name,
            "class": type(layer).__name__,
            "output_shape": list(layer.output_shape),
            "parameters": layer.count_params(),
            "flops": 2 * layer.multiply_adds(),
            "receptive_field": field,
        }
        for layer, field in zip(model.layers, receptive_fields(model.layers), strict=True)
    ]
    return {"name": model.name, "parameters": model.count_params(), "layers": layers, "class_names": model.class_names}
