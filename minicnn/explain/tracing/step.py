"""explain.trace: one training step, and what its numbers are."""

import copy
from collections import Counter
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from minicnn import losses, optimizers
from minicnn.expect import number
from minicnn.explain.tracing import exact
from minicnn.explain.tracing.reasoning import give_reasons
from minicnn.explain.tracing.recording import Recording
from minicnn.explain.tracing.rows import Rows, kind, rows_of
from minicnn.explain.tracing.traced import Trace
from minicnn.explain.tracing.updating import update
from minicnn.layers.conv2d import Conv2D
from minicnn.losses import Loss
from minicnn.names import known_arguments
from minicnn.network import Network
from minicnn.optimizers.base import Optimizer
from minicnn.training import checks, usual_loss
from minicnn.training.step import check_logits
from minicnn.types import Array

MEGABYTE = 1_000_000
LIMIT = 100.0  # megabytes of text, which a browser reads in seconds
PER_WEIGHT, PER_OUTPUT = 7, 3  # arrays of the size of a weight, with Adam, and of an output


@known_arguments
def trace(
    model: Network,
    x: ArrayLike,
    y: ArrayLike,
    optimizer: str | Optimizer | None = None,
    loss: Any = None,
    *,
    limit: float = LIMIT,
) -> Trace:
    """One training step of a small batch with every number that it computes: outputs, gradients,
    what layers keep for backward, what the optimizer remembers, weights before and after.

    It is the step that train_on_batch would do next, by the layers as they are written, on copies:
    the model stays as it is, and so do the generators that dropout draws from.

    Args:
        x: pictures (n, H, W, C), few and small; of several inputs a list.
        y: their labels, as the loss takes them.
        optimizer: what moves the weights; the model's own unless given, and Adam where that has
            none, as in compile. What it remembers of earlier steps counts.
        loss: the model's own unless given, or else the one that goes with what the model ends in.
        limit: how many megabytes the trace may take as a file.

    Raises ValueError for pictures and labels that do not fit, for a loss that is not finite, and
    for a trace that would be larger than `limit`. Warns as fit does of pixels in another range.

    >>> model = Sequential([Input((4,)), layers.Dense(2, "softmax")], seed=0)
    >>> step = explain.trace(model, np.ones((1, 4)), [1], "sgd")
    >>> step.arrays["dense/kernel/gradient"].shape
    (4, 2)
    """
    limit = number(limit, "limit", "explain.trace", above=0)
    moved_by = optimizers.get(model.optimizer or "adam" if optimizer is None else optimizer)
    inputs, labels, criterion = checked(model, x, y, loss)
    samples = len(labels)
    network = rows_of(model)
    check_names(network)
    check_size(estimated(network, samples), limit, model.name, samples)

    recording = Recording(network, criterion)
    recording.forward(inputs)
    recording.measure(labels)
    recording.backward()
    reasons = give_reasons(recording, update(recording, moved_by))

    rows = described(recording)
    sizes = {
        row["name"]: sum(exact.weight(recording.arrays[name]) for name in row["arrays"])
        for row in rows
    }
    check_size(sizes, limit, model.name, samples)
    about = {
        "model": model.name,
        "class_names": model.class_names,
        "samples": samples,
        "dtype": model.dtype.name,
        "loss": {
            "class": type(criterion).__name__,
            "takes": recording.takes,
            "value": recording.loss,
        },
        "optimizer": {
            "class": type(moved_by).__name__,
            "learning_rate": moved_by.highest_rate,
        },
        "step": int(moved_by.iterations) + 1,
    }
    return Trace(about, rows, recording.arrays, reasons)


def checked(model: Network, x: Any, y: Any, loss: Any) -> tuple[list[Array], Array, Loss]:
    """The inputs in the model's type, the labels and the loss. Raises ValueError for what training
    would refuse.
    """
    x, y, _ = checks.arrays(model, x, y, None, "explain.trace")
    if x.ndim > 1:
        model.build_for(x)
    model.check_input(x)
    twin = copy.copy(model)  # which checks ask for its loss
    twin.loss = model.loss if loss is None else losses.get(loss)
    if twin.loss is None:
        twin.loss = usual_loss.loss_for(model)
    check_logits(twin)
    twin.loss.check_targets(y, (len(x), *model.head.output_shape))
    checks.pixel_range(model, x)
    parts = x.parts if len(model.inputs) > 1 else [x]
    return [np.asarray(part, model.dtype) for part in parts], y, twin.loss


def described(recording: Recording) -> list[dict[str, Any]]:
    """The rows of a trace, each with the names of its arrays: its output first."""
    network, names = recording.network, recording.names
    makers = {name: name.removesuffix("/output") for name in names.values()}
    rows: list[dict[str, Any]] = [
        {"name": name, "class": "Input", "reads": [], "config": {}} for name in network.inputs
    ]
    for row in network.rows:
        rows.append(
            {
                "name": row.name,
                "class": kind(row.layer),
                "reads": [makers[names[n]] for n in row.reads],
                "config": plain(row.layer),
            }
        )
    takes = makers[recording.takes]
    rows.append(
        {
            "name": "loss",
            "class": type(recording.criterion).__name__,
            "reads": [takes],
            "config": {},
        }
    )
    by_name = {row["name"]: row | {"arrays": []} for row in rows}
    by_path = {row.path: by_name[row.name] for row in reversed(network.rows)}
    for name in recording.arrays:
        owner = max((one for one in (*by_name, *by_path) if name.startswith(f"{one}/")), key=len)
        (by_name.get(owner) or by_path[owner])["arrays"].append(name)
    for one in by_name.values():
        one["arrays"].sort(key=lambda name: not name.endswith(("/output", "loss/value")))
    return list(by_name.values())


def plain(layer: Any) -> dict[str, Any]:
    """A layer's arguments, those that JSON has words for."""
    try:
        config = layer.get_config()
    except (AttributeError, TypeError):
        return {}
    kinds = (str, int, float, bool, type(None))
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in config.items()
        if isinstance(value, kinds)
        or (isinstance(value, tuple | list) and all(isinstance(one, kinds) for one in value))
    }


def check_names(network: Rows) -> None:
    """Raise ValueError where two rows would have one name."""
    names = Counter([*network.inputs, *(row.name for row in network.rows), "loss"])
    twice = [name for name, times in names.items() if times > 1]
    if twice:
        raise ValueError(
            f"explain.trace expected inputs, layers and the loss to have names of their own, "
            f"received {twice[0]!r} twice: give the layer another name"
        )


def estimated(network: Rows, samples: int) -> dict[str, int]:
    """About how many bytes each row takes at least, before it is run."""
    number = exact.BYTES["float32"]
    sizes = {
        row.name: samples * prod(row.layer.output_shape) * number * PER_OUTPUT
        for row in network.rows
    }
    for row in network.rows:
        sizes[row.name] += sum(array.size for array in row.layer.params.values()) * (
            number * PER_WEIGHT
        )
        if isinstance(row.layer, Conv2D):  # each output has a patch
            places = samples * prod(row.layer.window.output)
            sizes[row.name] += places * prod(row.layer.params["kernel"].shape[:-1]) * number
    return sizes


def check_size(sizes: dict[str, int], limit: float, model: str, samples: int) -> None:
    """Raise ValueError where a trace takes more megabytes than the limit."""
    total = sum(sizes.values()) / MEGABYTE
    if total > limit:
        largest = max(sizes, key=sizes.__getitem__)
        raise ValueError(
            f"explain.trace expected a step of at most limit={limit:g} megabytes as text, received "
            f"{model!r} with {samples} sample{'s' * (samples != 1)}, which takes {shown(total)}, "
            f"{shown(sizes[largest] / MEGABYTE)} of them in {largest!r}: give fewer or smaller "
            f"pictures, a smaller model, or limit={int(total * 1.1) + 1}"
        )


def shown(megabytes: float) -> str:
    """0.27, 2.7 or 27."""
    return f"{megabytes:,.0f}" if megabytes >= 10 else f"{megabytes:.2g}"
