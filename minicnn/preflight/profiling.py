"""Where the time of a training step goes: every layer and pass, beside the processor's peak.

    from minicnn import preflight
    print(preflight.profile(model, batch=64))

The passes are those of the plan (engine/plan.py): layers that run together are measured together.
Backward of a convolution or dense layer is told apart by leaving a part of it out, all else equal:

    weight gradient = what backward takes longer than without it, and likewise the input gradient
    rest            = what remains: the gradient through activation, pooling and normalisation

Floating point operations are those of the sums as they are written, 2 per multiply-add, without
multiplications by padding; an algorithm that needs fewer (engine/conv/winograd.py) can therefore
exceed the peak. Bytes are those that a pass at least reads and writes: its inputs, its weights and
its results, once each.
"""

import copy
from collections import defaultdict
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from minicnn import layers
from minicnn.layers.augmentation.base import RandomLayer
from minicnn.layers.base import Layer
from minicnn.layers.interpolation import Interpolating
from minicnn.machine.presence import NUMBA, needed
from minicnn.models.model import Model
from minicnn.network.stages import layers_of
from minicnn.network.steps import steps
from minicnn.preflight.profile_table import Profile, Row, added
from minicnn.training.usual_loss import has_labels_of_classes, loss_for
from minicnn.types import Array

if TYPE_CHECKING:  # the engine is not everywhere
    from minicnn.engine.plan import Step

LEAST_ROUNDS = 3


def profile(model: Model, batch: int = 64, seconds: float = 4.0) -> Profile:
    """Time the passes of training steps on random data, in turns, and take the median of each.

    Args:
        model: built, and ending in (N, K). A copy is trained, with the model's optimizer (Adam, if
            it has none) at learning rate 0; nothing of the model itself changes.
        batch: N.
        seconds: for how long to repeat; the first round, which compiles, comes before that.

    Raises ValueError when the model is not built, its outputs are not (N, K), or there is nothing
    in a batch; ImportError where there is no Numba, without which no peak can be measured.
    """
    if not NUMBA:
        raise needed("profile, which compares with what the processor could do,")
    from minicnn.machine import peak  # only where the engine can run
    from minicnn.machine.processor import instruction_set

    if batch < 1:
        raise ValueError(f"profile expected a batch of at least 1, received {batch}")
    if not model.built:
        raise ValueError(
            f"profile expected a built model, received {model.name!r}: add an Input, or call "
            "build()"
        )
    model = copy.deepcopy(model)
    if model.optimizer is None:
        model.compile("adam")
    for optimizer in model.optimizer.optimizers:
        optimizer.learning_rate = 0.0
    model.loss = loss_for(model)
    x, y = random_batch(model, batch)
    run_round(model, x, y, Stopwatch())
    watch, peaks = Stopwatch(), list[float]()
    end = perf_counter() + seconds
    while len(peaks) < LEAST_ROUNDS or perf_counter() < end:
        rate, threads = peak.measure(model.dtype.name)
        peaks.append(rate)
        run_round(model, x, y, watch)
        watch.time("whole step", model.train_step, x, y)
    rows = rows_of(model, x, watch)
    whole = watch.median("whole step")
    rows.append(Row("between the passes", "", max(0.0, whole - sum(row.seconds for row in rows))))
    total = added("whole step", "", rows)
    title = f"{model.name}, {model.dtype}, {model.engine} engine, {instruction_set().name}"
    return Profile(title, batch, threads, median(peaks), tuple(rows), total)


def random_batch(model: Model, batch: int) -> tuple[Any, Array]:
    """Inputs, a list of several, and labels.

    Inputs are bytes where the model begins by rescaling or augmenting them.
    """
    rng = np.random.default_rng(0)
    calls, inputs = model.program().calls, []
    for n, node in enumerate(model.inputs):
        shape = (batch, *node.sample_shape)
        pixels = rng.integers(0, 256, shape, dtype=np.uint8)
        takes_bytes = all(
            isinstance(call.layer, layers.Rescaling | RandomLayer | Interpolating)
            for call in calls
            if n in call.reads
        )
        inputs.append(pixels if takes_bytes else rng.standard_normal(shape, dtype=model.dtype))
    if has_labels_of_classes(model):
        labels = rng.integers(0, model.classes, batch)
    else:
        labels = rng.integers(0, 2, (batch, *model.head.output_shape))
    return inputs if len(inputs) > 1 else inputs[0], labels


class Stopwatch:
    """The times of calls, by what they are for."""

    def __init__(self) -> None:
        self.seconds: dict[Any, list[float]] = defaultdict(list)

    def time(self, key: Any, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """The function's result; its time is noted under key."""
        start = perf_counter()
        result = function(*arguments, **options)
        self.seconds[key].append(perf_counter() - start)
        return result

    def median(self, key: Any) -> float:
        """The median of the times noted under key."""
        return median(self.seconds[key])


def product_layer(step: "Step") -> Layer | None:
    """The step's convolution or dense layer, whose backward has two products, if it has one."""
    return next((layer for layer in layers_of(step) if layer.multiply_adds()), None)


def used(model: Model, x: Any) -> list[tuple[bool, bool]]:
    """Per step of the plan, what training asks of its backward: (weight, input gradients)."""
    execution = model.execution_for(x)
    wanted = execution.wanted(to_input=False)
    layers = [product_layer(stage.step) for stage in execution.stages]
    inputs = [any(wanted[n] for n in stage.reads) for stage in execution.stages]
    return [
        (bool(layer and layer.trainable), asked)
        for layer, asked in zip(layers, inputs, strict=True)
    ]


def run_round(model: Model, x: Any, y: Array, watch: Stopwatch) -> None:
    """Forward, backward and an update; backward for every set of gradients, to tell them apart."""
    execution = model.execution_for(x)
    wanted, in_training = execution.wanted(to_input=False), used(model, x)
    # By value, the gradients that its users give.
    given: dict[int, dict[int, Array]] = defaultdict(dict)
    for asked in dict.fromkeys([(True, True), (False, True), (True, False), *in_training]):
        values = dict(enumerate(x if len(model.inputs) > 1 else [x]))
        for index, (step, reads, writes, _, several) in enumerate(execution.stages):
            taken = [values[n] for n in reads] if several else values[reads[0]]
            values[writes] = watch.time((index, "forward"), step.forward, taken, training=True)
        end = execution.outputs_at[0]
        _, given[end][-1] = watch.time(
            "loss", model.loss.value_and_gradient, y, values[end], from_logits=True
        )
        for index, (step, reads, writes, _, several) in reversed(list(enumerate(execution.stages))):
            if not wanted[writes]:
                continue
            layer = product_layer(step)
            weights, inputs = asked if layer else in_training[index]
            step.needs_input_grad = inputs
            if layer:
                layer.trainable = weights
            dy = sum(list(given[writes].values())[1:], next(iter(given[writes].values())))
            dx = watch.time((index, weights, inputs), step.backward, dy)
            if layer:
                layer.trainable = in_training[index][0]
            for n, part in zip(
                reads, dx if several and dx is not None else [dx] * len(reads), strict=True
            ):
                if part is not None:
                    given[n][index] = part
    watch.time("update", lambda: model.optimizer.step(model.parameters()))


def rows_of(model: Model, x: Any, watch: Stopwatch) -> list[Row]:
    """The rows of all steps, the loss and the update."""
    execution = model.execution_for(x)
    wanted = execution.wanted(to_input=False)
    item, batch = model.dtype.itemsize, len(x[0] if len(model.inputs) > 1 else x)
    planned = steps(model)
    rows = []
    for index, (step, (weights, inputs)) in enumerate(
        zip(execution.steps, used(model, x), strict=True)
    ):
        ran, layer = layers_of(step), product_layer(step)
        name = " .. ".join(dict.fromkeys([planned[index].layers[0], planned[index].layers[-1]]))
        pixels_in, pixels_out = (
            batch * size_of(shape) for shape in (ran[0].input_shape, ran[-1].output_shape)
        )
        size = item * (
            pixels_in + pixels_out + sum(param.size for own in ran for param in own.params.values())
        )
        flops = 2 * batch * multiply_adds(layer) if layer else 0
        rows.append(Row(name, "forward", watch.median((index, "forward")), flops, size))
        if not wanted[execution.stages[index].writes]:
            continue
        backward = watch.median((index, weights, inputs))
        if layer:
            both = watch.median((index, True, True))
            for asked, kind, without in (
                (weights, "weight gradient", (index, False, True)),
                (inputs, "input gradient", (index, True, False)),
            ):
                if asked:
                    rows.append(
                        Row(name, kind, max(0.0, both - watch.median(without)), flops, size)
                    )
                    backward = max(0.0, backward - rows[-1].seconds)
            kept = item * (batch * int(np.prod(layer.output_shape)) + pixels_out)
            rows.append(Row(name, "rest of backward", backward, 0, kept))
        else:
            rows.append(Row(name, "backward", backward, 0, size))
    trained = sum(value.nbytes for _, value, _ in model.parameters())
    slots = [array for own in model.optimizer.slots.values() for array in own.values()]
    rows.append(Row("loss", "", watch.median("loss")))
    rows.append(
        Row(
            "optimizer",
            "update",
            watch.median("update"),
            0,
            3 * trained + 2 * sum(array.nbytes for array in slots),
        )
    )
    return rows


def size_of(shape: Any) -> int:
    """The numbers in a sample of that shape, or in those of several."""
    return (
        sum(map(size_of, shape)) if shape and isinstance(shape[0], tuple) else int(np.prod(shape))
    )


def multiply_adds(layer: Layer) -> int:
    """Of one sample's forward pass; a convolution's without those by the zeros of its padding."""
    if not isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D):
        return layer.multiply_adds()
    window, cells = layer.window, 1
    for axis in range(2):
        first = np.arange(window.output[axis])[:, None] * window.strides[axis] - window.before[axis]
        place = first + np.arange(window.size[axis]) * window.dilation[axis]
        cells *= int(np.sum((place >= 0) & (place < layer.input_shape[axis])))
    KH, KW = layer.kernel_size
    return cells * (layer.params["kernel"].size // (KH * KW))
