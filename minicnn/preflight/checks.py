"""What a careful practitioner looks at before a long training: five checks in a moment, each with a
verdict.

    from minicnn import preflight
    for finding in preflight.check(model, x, y):
        print(finding)

Source: Karpathy's CS231n notes, "Learning", sections on sanity checks and on babysitting the
    learning process.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, log
from typing import Any

import numpy as np

from minicnn import layers, testing
from minicnn.expect import array, count
from minicnn.labels import class_of
from minicnn.layers.augmentation.base import RandomLayer
from minicnn.layers.averages import LAG, lagging_momentum
from minicnn.layers.base import Layer
from minicnn.models.model import Model
from minicnn.names import known_arguments
from minicnn.network.by_layer import by_layer, paths
from minicnn.network.clone import clone
from minicnn.training.given import BATCH
from minicnn.training.usual_loss import has_labels_of_classes, loss_for, says_yes_or_no
from minicnn.types import Array
from minicnn.wording import percent

FEW, STEPS = 50, 300  # pictures to learn by heart, and in at most how many steps
LOOK = 256  # pictures that the other checks look at
NEAR = 0.25  # the loss before training may differ from ln K by so much of it
SURE = 2  # times ln K, at most, of a first step, whose normalised sums are surer than nothing
LARGE = 4  # the root of the mean square of what is scaled
DEAD = 0.25  # largest share of a layer's units that may be dead


@dataclass(frozen=True)
class Finding:
    """What a check has found; str() is a line."""

    check: str
    passed: bool
    text: str

    def __str__(self) -> str:
        return f"{'PASS' if self.passed else 'FAIL'}  {self.check:<22} {self.text}"


@known_arguments
def check(
    model: Model, x: Any, y: Array, *, seed: int = 0, batch_size: int = BATCH
) -> Iterator[Finding]:
    """Check a model on pictures x (n, ...) and labels y, sparse or one-hot, with fresh weights
    where weights matter.

    x are the pictures that are to be trained on, in batches of batch_size; a list, where a model
    has several inputs.

    The model itself is not changed. Dead units are counted with the weights that it has, if it has
    been trained.

    Raises ValueError when the model is not built or x and y do not fit it.
    """
    if not model.built:
        raise ValueError(
            f"preflight expected a built model, received {model.name!r}: add an Input, or call "
            "build()"
        )
    x = array(x, "x", "preflight") if len(model.inputs) == 1 else model.arrays(x)
    if model.loss is not None and model.loss.fuses is None:
        raise ValueError(
            f"preflight expected a model that classifies, received one with loss "
            f"{model.loss.name!r}: testing.check_model measures its gradients"
        )
    y = array(y, "y", "preflight")
    if has_labels_of_classes(model):
        y = class_of(y, "preflight")
    yield first_loss(clone(model, certain, seed=seed), some(x, LOOK), y[:LOOK])
    yield learns_by_heart(clone(model, certain, seed=seed), some(x, FEW), y[:FEW])
    yield gradients(clone(model, certain_and_unscaled, seed=seed, dtype="float64"), seed)
    if model.has_fresh_weights:  # its normalisations know no statistics yet but those of the batch
        yield dead_units(clone(model, certain, seed=seed), some(x, LOOK), training=True)
    else:
        yield dead_units(model, some(x, LOOK))
    yield steps_per_epoch(model, len(y), count(batch_size, "batch_size", "preflight"))


def some(x: Any, n: int) -> Any:
    """The first n samples, of every input."""
    return [part[:n] for part in x] if isinstance(x, list) else x[:n]


def certain(layer: Layer) -> Layer | None:
    """A layer like it; none for one that is there to make training harder, and does nothing in
    inference.
    """
    is_uncertain = layer.acts_in_training_only or isinstance(layer, RandomLayer)
    return None if is_uncertain else layer.clone()


def certain_and_unscaled(layer: Layer) -> Layer | None:
    """Nor one that brings pixels to another range: gradients are measured around 0."""
    return None if isinstance(layer, layers.Rescaling | layers.Normalization) else certain(layer)


def first_loss(model: Model, x: Any, y: Array) -> Finding:
    """Before training a model knows nothing: K classes about equally probable, -ln(1/K) = ln K."""
    model.compile("adam", loss_for(model))
    loss = model.evaluate(x, y, verbose=0, return_dict=True)["loss"]
    classes = 2 if says_yes_or_no(model) else model.classes
    guess = log(classes)
    text = f"{loss:.3f} before training, ln {classes} = {guess:.3f} expected"
    if abs(loss - guess) <= NEAR * guess:
        return Finding("initial loss", True, text)
    if not scaled(model, x):
        return Finding("initial loss", False, f"{text}: is the input scaled to about 0 to 1?")
    step = model.train_on_batch(x, y)
    most, passed = SURE * guess, step <= SURE * guess
    text = f"{step:.3f} in the first step, at most {SURE} ln {classes} = {most:.3f} expected"
    return Finding("initial loss", passed, text if passed else f"{text}: are weights too large?")


def scaled(model: Model, x: Any) -> bool:
    """Whether numbers of about 1 come to the first layer with weights.

    Then what a network of sums says before training, whose normalisations know no averages yet, is
    large because it is deep, and what counts is what it says of a batch with the batch's own.
    """
    y = x[0] if isinstance(x, list) else x
    for layer, after in by_layer(model.program(), model.arrays(x)):
        if layer.params:
            break
        y = after
    return bool(np.sqrt(np.mean(np.square(y))) <= LARGE)


def learns_by_heart(model: Model, x: Any, y: Array) -> Finding:
    """What cannot even learn a few pictures by heart will learn nothing from many."""
    accuracy = "binary_accuracy" if says_yes_or_no(model) else "accuracy"
    model.compile("adam", loss_for(model), metrics=[accuracy])
    best = 0.0
    for step in range(1, STEPS + 1):
        best = max(best, model.train_on_batch(x, y)[1])
        if best == 1:
            return Finding(
                "overfits 50 pictures", True, f"{len(y)} of {len(y)} right after {step} steps"
            )
    text = (
        f"only {percent(best, 0)} of {len(y)} right after {STEPS} steps: too few parameters, wrong "
        "labels or wrong gradients?"
    )
    return Finding("overfits 50 pictures", False, text)


def gradients(model: Model, seed: int) -> Finding:
    """Every parameter's gradient beside numerical derivatives, in float64."""
    report = testing.measure_model(model, samples=5, seed=seed)
    worst = max(report.tensors, key=lambda name: report.tensors[name].error)
    passed = report.error <= testing.MODEL_TOLERANCE
    text = (
        f"worst relative error {report.error:.0e}, at most {testing.MODEL_TOLERANCE:.0e} expected"
    )
    return Finding("gradients", passed, text if passed else f"{text}: look at {worst}")


def dead_units(model: Model, x: Any, training: bool = False) -> Finding:
    """A ReLU whose input is negative for every picture gives 0 for all and never learns again."""
    shares: dict[str, tuple[int, int]] = {}
    copied = copy.deepcopy(model)
    for path, (layer, y) in zip(
        paths(copied), by_layer(copied.program(), copied.arrays(x), training), strict=True
    ):
        cut = layer.activation_layer or layer
        if isinstance(cut, layers.ReLU) and not cut.negative_slope:
            alive = (y > 0).any(axis=tuple(range(y.ndim - 1)))
            dead, units = shares.get(path, (0, 0))
            shares[path] = dead + int((~alive).sum()), units + alive.size
    worst = max(shares, key=lambda name: shares[name][0] / shares[name][1], default=None)
    if worst is None:
        return Finding("dead units", True, "there are no ReLUs")
    dead, units = (sum(share[part] for share in shares.values()) for part in (0, 1))
    passed = shares[worst][0] <= DEAD * shares[worst][1]
    text = f"{dead} of {units} ReLUs give 0 for all of {len(y)} pictures"
    if not passed:
        dead, of = shares[worst]
        text += f", {dead} of {of} in {worst}: is the learning rate or a bias too large?"
    return Finding("dead units", passed, text)


def steps_per_epoch(model: Model, pictures: int, batch_size: int) -> Finding:
    """Averages that are not warmed up need some steps before validation, which uses them, means
    anything.
    """
    steps = ceil(pictures / batch_size)
    text = f"{steps:,}: {pictures:,} pictures in batches of {batch_size}"
    momentum = lagging_momentum(model.leaves.values())
    if momentum is None or momentum ** (2 * steps) <= LAG:
        return Finding("steps per epoch", True, text)
    return Finding(
        "steps per epoch",
        False,
        f"{text}; after the first, {percent(momentum**steps, 0)} of what batch normalisation's "
        "averages begin with is still in them, so that validation says little: use warmup=True, a "
        "lower momentum, or smaller batches",
    )
