"""Settings and names that are assigned are used, alike in both engines, or refused: never
ignored.
"""

import numpy as np
import pytest
from assignment_cases import ENGINES, Gain, X, Y, network, ran

from minicnn import Input, Sequential, callbacks, layers, losses, metrics, schedules

# Settings


@pytest.mark.parametrize("engine", ENGINES)
def test_epsilon_and_momentum_may_change_at_any_time(engine):
    model = ran(engine)
    norm = model.layers[1]
    norm.epsilon, norm.momentum = 1.0, 0.0
    a = model.layers[0].forward(X)
    expected = (a - norm.state["moving_mean"]) / np.sqrt(norm.state["moving_variance"] + 1)
    block = Sequential(model.layers[:2])
    block.engine = engine
    np.testing.assert_allclose(
        block(X), expected * norm.params["gamma"] + norm.params["beta"], atol=1e-5
    )
    block.forward(X, training=True)
    np.testing.assert_allclose(norm.state["moving_mean"], a.mean((0, 1, 2)), atol=1e-5)
    assert norm.get_config()["epsilon"] == 1.0


@pytest.mark.parametrize("engine", ENGINES)
def test_the_rate_of_dropout_may_change_at_any_time(engine):
    model = Sequential([Input((100,)), layers.Dropout(0.5)], seed=0)
    model.engine = engine
    model.layers[0].rate = 0.0
    np.testing.assert_array_equal(model.forward(np.ones((3, 100)), training=True), 1)


WRONG = {
    "BatchNormalization expected 0 <= momentum <= 1, received 5": lambda m: setattr(
        m.layers[1], "momentum", 5
    ),
    "BatchNormalization expected epsilon of at least 0, received -1": lambda m: setattr(
        m.layers[1], "epsilon", -1
    ),
    "Dropout expected 0 <= rate < 1 (the share that is dropped), received 1": lambda m: setattr(
        m.layers[4], "rate", 1
    ),
}


@pytest.mark.parametrize(("message", "change"), WRONG.items(), ids=range(len(WRONG)))
def test_settings_are_checked_as_in_the_constructor(message, change):
    with pytest.raises(ValueError) as error:
        change(ran())
    assert str(error.value) == message


KEPT = {
    "strides": (0, (2, 2)),
    "filters": (0, 3),
    "padding": (0, "same"),
    "use_bias": (0, False),
    "activation": (0, None),
    "kernel_initializer": (0, "zeros"),
    "activation_layer": (0, None),
    "window": (0, None),
    "input_shape": (0, (2, 2, 3)),
    "output_shape": (0, (2, 2, 16)),
    "dtype": (0, np.dtype(np.float64)),
    "scale": (1, False),
    "pool_size": (2, (3, 3)),
    "seed": (4, 1),
    "units": (5, 2),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("name", "change"), KEPT.items(), ids=KEPT)
def test_what_a_layer_is_made_with_it_keeps(engine, name, change):
    model = ran(engine)
    index, value = change
    layer = model.layers[index]
    setattr(layer, name, getattr(layer, name))  # which changes nothing
    before = model.predict(X, verbose=0)
    with pytest.raises(
        AttributeError, match=rf"{layer} (is made|was built) with {name}=.*: make a new layer"
    ):
        setattr(layer, name, value)
    np.testing.assert_array_equal(model.predict(X, verbose=0), before)


def test_the_advice_is_the_line_to_write():
    with pytest.raises(AttributeError) as error:
        layers.MaxPooling2D(2, name="pool").pool_size = 3
    assert str(error.value) == (
        "MaxPooling2D 'pool' is made with pool_size=(2, 2) and keeps it, received 3: make a new "
        "layer, MaxPooling2D(..., pool_size=3)"
    )


# Names


NAMES = {
    "Conv2D 'conv2d' has no attribute 'trainble' to assign to. Did you mean 'trainable'?": (
        lambda m: setattr(m.layers[0], "trainble", False)
    ),
    "Sequential 'net' has no attribute 'trainabel' to assign to. Did you mean 'trainable'?": (
        lambda m: setattr(m, "trainabel", False)
    ),
    "Adam has no attribute 'lr' to assign to. Did you mean 'learning_rate'?": lambda m: setattr(
        m.optimizer, "lr", 1.0
    ),
    "Adam has no attribute 'beta1' to assign to. Did you mean 'beta_1'?": lambda m: setattr(
        m.optimizer, "beta1", 0.5
    ),
    "SparseCategoricalCrossentropy 'sparse_categorical_crossentropy' has no attribute 'from_logit' "
    "to assign to. Did you mean 'from_logits'?": lambda m: setattr(m.loss, "from_logit", True),
    "Accuracy 'accuracy' has no attribute 'nam' to assign to. Did you mean 'name'?": (
        lambda _: setattr(metrics.Accuracy(), "nam", "acc")
    ),
    "EarlyStopping has no attribute 'patiance' to assign to. Did you mean 'patience'?": (
        lambda _: setattr(callbacks.EarlyStopping(), "patiance", 3)
    ),
    "CosineDecay has no attribute 'steps' to assign to. Did you mean 'decay_steps'?": (
        lambda _: setattr(schedules.CosineDecay(0.1, 10), "steps", 3)
    ),
    "Gain has no attribute 'trainble' to assign to. Did you mean 'trainable'?": (
        lambda _: setattr(Gain(), "trainble", False)
    ),
}


@pytest.mark.parametrize(("message", "change"), NAMES.items(), ids=range(len(NAMES)))
def test_names_that_are_no_attributes(message, change):
    with pytest.raises(AttributeError) as error:
        change(ran(optimizer="adam"))
    assert str(error.value) == message


def test_everything_that_is_declared_may_be_assigned():
    model = ran()
    model.name, model.class_names, model.stop_training = "other", list("abcde"), True
    model.layers[0].name, model.layers[0].trainable = "first", False
    model.optimizer.learning_rate, model.optimizer.momentum = 0.5, 0.9
    model.loss = losses.SparseCategoricalCrossentropy()
    model.fit = lambda *_: "mine"  # as tests of one's own do
    assert model.fit() == "mine" and model.optimizer.get_config()["momentum"] == 0.9


def test_use_ema_takes_effect_before_the_first_step_and_is_refused_after_it():
    model = network(optimizer="adam")
    model.optimizer.use_ema = True
    model.train_on_batch(X, Y)
    assert set(model.optimizer.slots["dense/bias"]) == {"m", "v", "average"}
    model.optimizer.use_ema = False
    message = (
        r"^Adam remembers \['average', 'm', 'v'\] of 'conv2d/kernel', expected \['m', 'v'\]: use a "
        r"new optimizer$"
    )
    with pytest.raises(ValueError, match=message):
        model.train_on_batch(X, Y)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("after_compile", [False, True])
def test_a_model_that_is_not_trainable_keeps_its_weights(engine, after_compile):
    model = network(engine)
    assert model.trainable is True
    if not after_compile:
        model.trainable = False
        model.compile("sgd", "sparse_categorical_crossentropy")
    model.trainable = False
    assert model.trainable is False and not any(layer.trainable for layer in model.layers)
    before = model.get_weights()
    model.fit(X, Y, epochs=2, verbose=0)
    for one, two in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)  # the moving averages included
    model.trainable = True
    assert model.trainable is True and all(layer.trainable for layer in model.layers)
    model.fit(X, Y, verbose=0)
    assert all((one != two).any() for one, two in zip(before, model.get_weights(), strict=True))


def test_a_frozen_models_layers_are_frozen_in_another_model():
    base = ran()
    base.trainable = False
    model = Sequential(
        [Input((8, 8, 3)), *base.layers[:4], layers.Dense(3, activation="softmax", name="head")],
        seed=0,
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = model.get_weights()
    model.fit(X, Y % 3, verbose=0)
    changed = [(one != two).any() for one, two in zip(before, model.get_weights(), strict=True)]
    assert changed == [False] * 6 + [True] * 2
    assert model.trainable is True and Sequential().trainable is True
