"""Numbers that cannot be meant: they were taken without a word, or refused in NumPy's."""

import numpy as np
import pytest
from arguments_cases import X, Y, network, wrong

from minicnn import layers, losses, metrics, optimizers, schedules
from minicnn.callbacks import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from minicnn.preprocessing.image import ImageDataGenerator


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"epochs": 2.5},
            "fit expected epochs of at least 0, received 2.5, which is no whole number",
        ),
        ({"epochs": -1}, "fit expected epochs of at least 0, received -1$"),
        ({"epochs": True}, "fit expected epochs of at least 0, received True"),
        ({"epochs": "3"}, "fit expected epochs of at least 0, received '3'"),
        ({"initial_epoch": 0.5}, "fit expected initial_epoch of at least 0, received 0.5"),
        ({"batch_size": True}, "fit expected batch_size of at least 1, received True"),
        (
            {"batch_size": 8.0},
            "fit expected batch_size of at least 1, received 8.0, which is no whole number",
        ),
        ({"shuffle": "batch"}, "fit expected shuffle as True or False, received 'batch'"),
        (
            {"validation_split": "0.2"},
            "fit expected validation_split as a finite number, received '0.2'",
        ),
        (
            {"validation_split": True},
            "fit expected validation_split as a finite number, received True",
        ),
        ({"validation_freq": 0}, "fit expected validation_freq of at least 1, received 0"),
        ({"steps_per_epoch": 0}, "fit expected steps of at least 1, received 0"),
        (
            {"validation_data": (X, Y), "validation_steps": 0},
            r"fit\(validation_data\) expected steps of at least 1",
        ),
        ({"verbose": "yes"}, "verbose expected"),
    ],
)
def test_fit(arguments, message):
    with wrong(message):
        network().fit(X, Y, **{"verbose": 0} | arguments)


@pytest.mark.parametrize("rate", [-0.1, "0.1", None, np.nan, np.inf, True, [0.1]])
@pytest.mark.parametrize("make", [optimizers.SGD, optimizers.Adam, optimizers.AdamW])
def test_learning_rates_that_are_none(make, rate):
    message = (
        rf"^{make.__name__} expected learning_rate as a finite number of at least 0, received "
    )
    with wrong(message):
        make(rate)
    optimizer = make()
    before = optimizer.learning_rate
    with wrong(message):
        optimizer.learning_rate = rate
    assert optimizer.learning_rate == before


def test_a_learning_rate_of_0_freezes():
    model = network()
    model.compile(optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    before = model.get_weights()
    model.fit(X, Y, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    model.optimizer.learning_rate = np.float32(0.5)
    assert model.optimizer.learning_rate == 0.5


@pytest.mark.parametrize("value", ["0.5", np.nan, None, True])
@pytest.mark.parametrize(
    ("make", "who", "what"),
    [
        (lambda v: optimizers.SGD(momentum=v), "SGD", "momentum"),
        (lambda v: optimizers.Adam(beta_1=v), "Adam", "beta_1"),
        (lambda v: optimizers.Adam(beta_2=v), "Adam", "beta_2"),
        (lambda v: optimizers.Adam(epsilon=v), "Adam", "epsilon"),
        (lambda v: optimizers.Adam(weight_decay=v or "no"), "Adam", "weight_decay"),
        (lambda v: optimizers.Adam(global_clipnorm=v or "no"), "Adam", "global_clipnorm"),
        (lambda v: optimizers.SGD(use_ema=True, ema_momentum=v), "SGD", "ema_momentum"),
        (
            lambda v: schedules.ExponentialDecay(v, 10, 0.5),
            "ExponentialDecay",
            "initial_learning_rate",
        ),
        (lambda v: schedules.ExponentialDecay(0.1, v, 0.5), "ExponentialDecay", "decay_steps"),
        (lambda v: schedules.ExponentialDecay(0.1, 10, v), "ExponentialDecay", "decay_rate"),
        (lambda v: schedules.CosineDecay(0.1, 10, v), "CosineDecay", "alpha"),
        (
            lambda v: schedules.CosineDecay(0.1, 10, warmup_target=v or "no"),
            "CosineDecay",
            "warmup_target",
        ),
        (
            lambda v: schedules.PiecewiseConstantDecay([v], [1, 2]),
            "PiecewiseConstantDecay",
            "boundaries",
        ),
        (
            lambda v: schedules.PiecewiseConstantDecay([1], [1, v]),
            "PiecewiseConstantDecay",
            "values",
        ),
        (lambda v: schedules.OneCycle(v, 10), "OneCycle", "peak"),
        (lambda v: schedules.OneCycle(0.1, 10, v), "OneCycle", "peak_at"),
        (
            lambda v: losses.CategoricalCrossentropy(label_smoothing=v),
            "CategoricalCrossentropy",
            "label_smoothing",
        ),
        (layers.Dropout, "Dropout", "rate"),
        (lambda v: layers.BatchNormalization(momentum=v), "BatchNormalization", "momentum"),
        (lambda v: layers.BatchNormalization(epsilon=v), "BatchNormalization", "epsilon"),
        (layers.LeakyReLU, "LeakyReLU", "negative_slope"),
        (lambda v: layers.ReLU(v or "no"), "ReLU", "max_value"),
        (layers.Rescaling, "Rescaling", "scale"),
        (lambda v: layers.Rescaling(1, v), "Rescaling", "offset"),
        (lambda v: EarlyStopping(min_delta=v), "EarlyStopping", "min_delta"),
        (lambda v: ReduceLROnPlateau(factor=v), "ReduceLROnPlateau", "factor"),
        (lambda v: ReduceLROnPlateau(min_lr=v), "ReduceLROnPlateau", "min_lr"),
        (lambda v: ImageDataGenerator(rotation_range=v), "ImageDataGenerator", "rotation_range"),
        (
            lambda v: ImageDataGenerator(validation_split=v),
            "ImageDataGenerator",
            "validation_split",
        ),
    ],
)
def test_what_is_no_number(make, who, what, value):
    with wrong(f"^{who} expected {what} as a finite number"):
        make(value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: optimizers.Adam(weight_decay=-0.1),
            "Adam expected weight_decay as .* at least 0, received -0.1",
        ),
        (
            lambda: optimizers.Adam(epsilon=-1e-7),
            "Adam expected epsilon as a finite number of at least 0, received",
        ),
        (
            lambda: optimizers.SGD(nesterov="no"),
            "SGD expected nesterov as True or False, received 'no'",
        ),
        (
            lambda: optimizers.SGD(use_ema=0.5),
            "SGD expected use_ema as True or False, received 0.5",
        ),
        (
            lambda: losses.CategoricalCrossentropy("no"),
            "CategoricalCrossentropy expected from_logits as True or False",
        ),
        (
            lambda: schedules.OneCycle(-0.1, 10),
            "OneCycle expected peak as .* of at least 0, received -0.1",
        ),
        (
            lambda: EarlyStopping(patience=2.5),
            "EarlyStopping expected patience of at least 0, received 2.5",
        ),
        (
            lambda: EarlyStopping(patience=-1),
            "EarlyStopping expected patience of at least 0, received -1",
        ),
        (
            lambda: EarlyStopping(restore_best_weights="no"),
            "EarlyStopping expected restore_best_weights as True or",
        ),
        (
            lambda: ReduceLROnPlateau(patience="3"),
            "ReduceLROnPlateau expected patience of at least 0, received '3'",
        ),
        (
            lambda: ReduceLROnPlateau(factor=-0.1),
            "ReduceLROnPlateau expected factor as .* at least 0, received -0.1",
        ),
        (
            lambda: ReduceLROnPlateau(cooldown=1.5),
            "ReduceLROnPlateau expected cooldown of at least 0, received 1.5",
        ),
        (
            lambda: ModelCheckpoint("x", save_freq=True),
            "ModelCheckpoint expected save_freq='epoch' or a number",
        ),
        (
            lambda: ModelCheckpoint("x", save_best_only="no"),
            "ModelCheckpoint expected save_best_only as True or False",
        ),
        (
            lambda: metrics.TopKCategoricalAccuracy(2.5),
            "TopKCategoricalAccuracy expected k of at least 1, received 2.5",
        ),
    ],
)
def test_what_cannot_be_meant(make, message):
    with wrong(message):
        make()
