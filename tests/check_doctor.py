"""The Doctor in 40 trainings whose illness is known: how often it names it, and whether it accuses
a healthy one.

    python tests/check_doctor.py [cases]

prints one JSON line (the last one is docs/results/doctor.json) and exits with 1 when fewer than 36
are right or a healthy one was accused. Some minutes; with a number, every so manieth case. A
training is judged rightly when the Doctor names its illness and nothing that is no consequence of
it.
"""

import json
import platform
import sys
import warnings
from dataclasses import dataclass, field

import numpy as np

from minicnn import Input, Sequential, layers, optimizers, schedules
from minicnn.callbacks import Doctor
from minicnn.datasets import shapes

ENOUGH = 36
# illness -> (its names, what may be named beside it)
ILLNESSES = {
    "healthy": (set(), set()),
    "averages lagging": ({"averages lagging"}, set()),
    "learning rate too high": (
        {"learning rate too high", "loss not finite"},
        {"dead units", "exploding gradients", "vanishing gradients", "loss not falling"},
    ),
    "learning rate too low": ({"learning rate too low"}, {"loss not falling"}),
    "dead units": ({"dead units"}, {"loss not falling"}),
    "labels shuffled": ({"nothing carried over", "loss not falling"}, set()),
    "too few pictures": ({"overfitting"}, set()),
}


def bars(count, seed, noise=0.4):
    """Noise around 0 with a bright bar: upright or lying, in the first or the second half: (x, y)
    of four classes.
    """
    rng = np.random.default_rng(seed)
    x, y = (
        (rng.uniform(-noise, noise, (count, 12, 12, 1)) / 2).astype(np.float32),
        rng.integers(0, 4, count),
    )
    for one, label, place in zip(x, y, rng.integers(0, 6, count), strict=True):
        at = place + 6 * (label % 2)
        (one[:, at] if label < 2 else one[at])[...] += 0.6
    return x, y


def drawn(count, seed):
    """Drawn shapes of ten classes, a different beginning for each seed."""
    x, y = shapes.load_data(train=count, test=1, seed=seed)[0]
    return x.astype(np.float32) / 255, y


def convolutional(width=8, dropout=0.0, warmup=True, momentum=0.99, normalized=True):
    """Two convolutions, normalised, and a dense layer."""
    stack = []
    for filters in (width, 2 * width):
        stack.append(layers.Conv2D(filters, 3, strides=2, activation="relu"))
        stack += [layers.BatchNormalization(momentum=momentum, warmup=warmup)] if normalized else []
    return [*stack, layers.Flatten(), *([layers.Dropout(dropout)] if dropout else [])]


def dense(*units):
    """Dense layers, without normalisation."""
    return [layers.Flatten(), *(layers.Dense(one, activation="relu") for one in units)]


@dataclass
class Case:
    """A training: its illness, and all that it takes to have it."""

    illness: str
    stack: object = convolutional  # makes the layers below the last
    optimizer: object = optimizers.Adam  # makes the optimizer
    data: object = bars
    train: int = 640
    held_out: int = 320
    epochs: int = 8
    batch_size: int = 32
    dead: tuple = ()  # layer and share of its units that no picture makes active
    shuffled: bool = False  # the training labels
    fit: dict = field(default_factory=dict)


def cases():
    """All 40."""
    adam, sgd = optimizers.Adam, optimizers.SGD
    yield from (
        Case("healthy"),
        Case("healthy", lambda: convolutional(dropout=0.3)),
        Case("healthy", lambda: dense(64), lambda: adam(0.003)),
        Case("healthy", lambda: convolutional(normalized=False), lambda: adam(0.003)),
        Case("healthy", optimizer=lambda: sgd(0.05, momentum=0.9), held_out=30),
        Case("healthy", held_out=30, epochs=20),
        Case("healthy", train=240, batch_size=64, epochs=20, held_out=60),
        Case("healthy", epochs=12, fit={"validation_freq": 3}),
        Case("healthy", optimizer=lambda: adam(schedules.CosineDecay(0.003, 160))),
        Case(
            "healthy",
            lambda: convolutional(16, 0.3),
            lambda: adam(0.002),
            drawn,
            2400,
            500,
            epochs=6,
        ),
        Case(
            "healthy",
            lambda: convolutional(16, warmup=False, momentum=0.9),
            data=drawn,
            train=2400,
            epochs=5,
        ),
    )
    lagging = [
        lambda: convolutional(warmup=False),
        lambda: convolutional(16, 0.3, warmup=False),
        lambda: convolutional(warmup=False, momentum=0.999),
    ]
    yield Case("averages lagging", lagging[0], train=240, batch_size=64, epochs=20)
    yield Case("averages lagging", lagging[0], train=120, batch_size=32, epochs=20, held_out=30)
    yield Case("averages lagging", lagging[1], lambda: adam(0.002), drawn, 300, 100, 12)
    yield Case("averages lagging", lagging[1], lambda: adam(0.002), drawn, 600, 100, 12, 64)
    yield Case("averages lagging", lagging[2], train=640, epochs=8)
    yield Case(
        "averages lagging",
        lagging[0],
        lambda: sgd(0.05, momentum=0.9),
        train=240,
        epochs=12,
        batch_size=48,
    )
    for optimizer in (lambda: adam(0.3), lambda: sgd(3.0), lambda: adam(1.0)):
        yield Case("learning rate too high", lambda: dense(32, 32, 32), optimizer)
    yield Case("learning rate too high", lambda: convolutional(normalized=False), lambda: adam(0.3))
    yield Case("learning rate too high", lambda: dense(64), lambda: sgd(1e5), drawn, 600, 100)
    for stack, optimizer in (
        (convolutional, lambda: sgd(1e-6)),
        (convolutional, lambda: adam(1e-7)),
        (lambda: dense(64), lambda: sgd(1e-6)),
        (lambda: dense(64), lambda: adam(1e-7)),
        (lambda: convolutional(normalized=False), lambda: sgd(1e-5)),
    ):
        yield Case("learning rate too low", stack, optimizer, epochs=5)
    yield Case("dead units", lambda: dense(32, 16), dead=("dense_1", 0.5))
    yield Case("dead units", lambda: dense(32, 16), dead=("dense", 0.3))
    yield Case(
        "dead units",
        lambda: [*convolutional(), layers.Dense(16, activation="relu")],
        dead=("dense", 0.4),
    )
    yield Case("dead units", lambda: convolutional(normalized=False), dead=("conv2d_1", 0.5))
    yield Case("dead units", lambda: dense(32), data=drawn, train=600, dead=("dense", 0.6))
    yield Case("labels shuffled", shuffled=True, train=160, epochs=25)
    yield Case(
        "labels shuffled",
        lambda: dense(64),
        lambda: adam(0.003),
        train=160,
        epochs=40,
        shuffled=True,
    )
    yield Case("labels shuffled", lambda: convolutional(16), shuffled=True, train=320, epochs=20)
    yield Case(
        "labels shuffled", lambda: dense(8), lambda: adam(1e-3), train=1600, epochs=8, shuffled=True
    )
    yield Case(
        "labels shuffled",
        lambda: convolutional(16),
        lambda: adam(0.003),
        drawn,
        300,
        200,
        15,
        shuffled=True,
    )
    few = {"batch_size": 8, "held_out": 400}
    hard = lambda count, seed: bars(count, seed, noise=1.2)  # noqa: E731
    yield Case(
        "too few pictures", lambda: dense(64), lambda: adam(0.003), hard, 60, epochs=60, **few
    )
    yield Case(
        "too few pictures", lambda: dense(128), lambda: adam(0.003), hard, 100, epochs=50, **few
    )
    yield Case(
        "too few pictures",
        lambda: dense(64),
        lambda: sgd(0.1, momentum=0.9),
        hard,
        80,
        epochs=50,
        **few,
    )


def model_of(case, seed):
    """The model, untrained, with its dead units."""
    x, y = case.data(8, 0)
    head = layers.Dense(10 if case.data is drawn else 4, activation="softmax", name="last")
    model = Sequential([Input(x.shape[1:]), *case.stack(), head], seed=seed)
    if case.dead:
        name, share = case.dead
        bias = model.get_layer(name).params["bias"]
        bias[: round(share * len(bias))] = -100
    return model


def findings(case, seed):
    """The kinds that the Doctor finds."""
    model, doctor = model_of(case, seed), Doctor(verbose=0)
    x, y = case.data(case.train, 2 * seed)
    if case.shuffled:
        y = np.random.default_rng(seed).permutation(y)
    model.compile(case.optimizer(), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(
        x, y, case.batch_size, case.epochs, verbose=0, callbacks=doctor,
        validation_data=case.data(case.held_out, 2 * seed + 1), **case.fit,
    )  # fmt: skip
    return [finding.kind for finding in doctor.findings]


def is_right(illness, found):
    """Whether what is found is the illness, and nothing that is no consequence of it."""
    names, beside = ILLNESSES[illness]
    return set(found) <= names | beside and (bool(names & set(found)) or not names)


def main(every):
    right, accused, wrong, count = {}, [], [], 0
    with warnings.catch_warnings():
        # what fit itself says of lagging averages and of losses that are none
        warnings.simplefilter("ignore")
        for seed, case in list(enumerate(cases()))[::every]:
            found = findings(case, seed)
            count += 1
            good = is_right(case.illness, found)
            right[case.illness] = right.get(case.illness, 0) + good
            if not good:
                wrong.append(f"case {seed}, {case.illness}: {', '.join(found) or 'nothing found'}")
                accused += [wrong[-1]] if case.illness == "healthy" else []
    passed = sum(right.values()) >= ENOUGH / 40 * count and not accused
    result = {
        "check": "illnesses that the Doctor names",
        "passed": passed,
        "cases": count,
        "right": sum(right.values()),
    }
    result |= {"right_by_illness": right, "accused": accused, "wrong": wrong}
    print(
        json.dumps(result | {"python": platform.python_version(), "platform": platform.platform()})
    )
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1))
