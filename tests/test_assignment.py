"""What is assigned to layers, models and optimizers is used, alike in both engines, or refused:
never ignored.
"""

import copy
import pickle

import numpy as np
import pytest

from minicnn import Input, Sequential, callbacks, layers, losses, metrics, optimizers, schedules
from minicnn.layers.base import Layer
from minicnn.saving.weights import weights_of
from minicnn.testing import check_layer

ENGINES = ["fast", "reference"]
X = np.random.default_rng(0).standard_normal((4, 8, 8, 3)).astype(np.float32)
Y = np.arange(4) % 5


def network(engine="fast", optimizer="sgd"):
    stack = [
        layers.Conv2D(16, 3, activation="relu"),
        layers.BatchNormalization(),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dropout(0.5, seed=3),
        layers.Dense(5, activation="softmax"),
    ]
    model = Sequential([Input((8, 8, 3)), *stack], name="net", seed=0)
    model.engine = engine
    model.compile(optimizer, "sparse_categorical_crossentropy")
    model.note_weights()
    return model


def ran(engine="fast", optimizer="sgd"):
    """A model whose plan is made, and whose optimizer remembers something."""
    model = network(engine, optimizer)
    model.train_on_batch(X, Y)
    model.predict(X, verbose=0)
    return model


# Arrays

NEW = {
    "kernel": lambda m: m.layers[0].params.__setitem__("kernel", m.layers[0].params["kernel"] * 2),
    "bias, in double": lambda m: m.layers[0].params.__setitem__("bias", np.linspace(0, 1, 16)),
    "gamma, a list": lambda m: m.layers[1].params.__setitem__("gamma", [3] * 16),
    "beta, by update": lambda m: m.layers[1].params.update(beta=np.arange(16)),
    "moving mean": lambda m: m.layers[1].state.__setitem__(
        "moving_mean", np.full(16, 0.5, np.float32)
    ),
    "all of the state": lambda m: setattr(
        m.layers[1], "state", {"moving_variance": np.full(16, 2.0), "moving_mean": np.full(16, 2.0)}
    ),
    "kernel, turned": lambda m: m.layers[5].params.__ior__(
        {"kernel": m.layers[5].params["kernel"][::-1]}
    ),
    "kernel, in place": lambda m: m.layers[5].params.__setitem__(
        "kernel", m.layers[5].params["kernel"].__imul__(2)
    ),
}


@pytest.mark.parametrize("change", NEW.values(), ids=NEW)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_new_arrays_are_used_by_both_engines_and_by_the_optimizer(change, optimizer):
    """Right is what a model computes whose weights were so before its first run."""
    expected = network("reference", optimizer)
    expected.set_weights(ran("reference", optimizer).get_weights())
    before = expected.predict(X, verbose=0)
    change(expected)
    wanted = expected.predict(X, verbose=0)
    assert np.abs(wanted - before).max() > 1e-3
    expected.train_on_batch(X, Y)
    for engine in ENGINES:
        model = ran(engine, optimizer)
        arrays = [array for layer in model.layers for array in layer.weights_by_name.values()]
        change(model)
        np.testing.assert_allclose(model.predict(X, verbose=0), wanted, atol=1e-5)
        assert all(one is two for one, two in zip(arrays, weights_of(model).values(), strict=True))
        model.optimizer = optimizers.get(optimizer)  # that remembers nothing, as the other
        model.layers[4].reseed(None)
        model.train_on_batch(X, Y)
        for one, two in zip(model.get_weights(), expected.get_weights(), strict=True):
            np.testing.assert_allclose(one, two, atol=1e-4)


def test_assigned_weights_are_fresh_no_more():
    for what, name, counts in (("params", "kernel", True), ("grads", "kernel", False)):
        model = network()
        layer = model.layers[0]
        layer.has_fresh_weights = True
        getattr(layer, what)[name] = np.zeros((3, 3, 3, 16))
        assert layer.has_fresh_weights is not counts


REFUSED = {
    "Conv2D 'conv2d' expected params['kernel'] of shape (3, 3, 3, 16) in float32, received shape "
    "(3, 3, 3, 1) in float32: for weights of another shape make a new "
    "layer": lambda c: c.params.__setitem__("kernel", c.params["kernel"][..., :1]),
    "Conv2D 'conv2d' expected params['bias'] of shape (16,) in float32, received shape (16,) in "
    "complex128: for weights of another shape make a new layer": lambda c: c.params.update(
        bias=np.zeros(16, complex)
    ),
    "Conv2D 'conv2d' expected grads['bias'] of shape (16,) in float32, received shape () in int64: "
    "for weights of another shape make a new "
    "layer": lambda c: c.grads.__setitem__("bias", np.int64(3)),
    "Conv2D 'conv2d' has no 'kernle' in its params, and gets no new ones after build. Did you mean "
    "'kernel'?": (lambda c: c.params.setdefault("kernle", np.zeros(3))),
    "Conv2D 'conv2d' keeps its params ['bias', 'kernel']: none can be taken out": lambda c: (
        c.params.pop("bias")
    ),
    "Conv2D 'conv2d' keeps its grads ['bias', 'kernel']: none can be taken out": lambda c: (
        c.grads.clear()
    ),
    "Conv2D 'conv2d' expected params ['bias', 'kernel'], received ['bias']": lambda c: setattr(
        c, "params", {"bias": np.ones(16)}
    ),
    "cannot resize this array: it does not own its data": lambda c: c.params["bias"].resize(
        3, refcheck=False
    ),
}


@pytest.mark.parametrize(("message", "change"), REFUSED.items(), ids=range(len(REFUSED)))
def test_arrays_that_do_not_fit(message, change):
    model = ran()
    before = model.get_weights()
    with pytest.raises(ValueError) as error:
        change(model.layers[0])
    assert str(error.value) == message
    for one, two in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_whole_dict_is_taken_or_nothing_of_it():
    layer = ran().layers[0]
    kernel = layer.params["kernel"].copy()
    with pytest.raises(ValueError, match="bias"):
        layer.params = {"kernel": np.zeros((3, 3, 3, 16)), "bias": np.zeros(3)}
    np.testing.assert_array_equal(layer.params["kernel"], kernel)


@pytest.mark.parametrize(
    "twin_of", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["copy", "pickle"]
)
def test_copies_keep_arrays_of_their_own(twin_of):
    model = ran()
    twin = twin_of(model)
    for layer, other in zip(model.layers, twin.layers, strict=True):
        assert other.params.owner is other and not np.may_share_memory(
            *map(first, (layer.weights_by_name, other.weights_by_name))
        )
        assert not any(array.flags.owndata for array in other.weights_by_name.values())
    twin.layers[0].params = {"kernel": np.zeros((3, 3, 3, 16)), "bias": np.zeros(16)}
    assert model.layers[0].params["kernel"].any()
    np.testing.assert_array_equal(twin.layers[0].forward(X), 0)
    assert type(copy.copy(model.layers[0].params)) is dict


def first(arrays):
    return next(iter(arrays.values()), np.zeros(0))


def test_a_layer_in_two_models_is_assigned_to_in_both():
    model = ran()
    other = Sequential([Input((8, 8, 3)), model.layers[0], layers.Flatten()])
    before = other(X)
    other.layers[0].params["kernel"] = model.layers[0].params["kernel"] * 2
    for one in (model, other):
        fast = one(X)
        one.engine = "reference"
        np.testing.assert_allclose(fast, one(X), atol=1e-5)
    assert np.abs(other(X) - before).max() > 0.1


def test_a_layer_that_is_built_again_is_planned_again():
    """In double precision: addresses of the old arrays, in float32, are no good any more."""
    model = network()
    before = model.predict(X, verbose=0)
    weights = model.get_weights()
    shape = (8, 8, 3)
    for layer in model.layers:
        shape = layer.build(shape, dtype=np.float64)
    model.set_weights(weights)
    assert model.predict(X, verbose=0).dtype == np.float64
    np.testing.assert_allclose(model.predict(X, verbose=0), before, atol=1e-5)


def test_a_layer_of_another_type_is_not_run_by_the_engine():
    """Its input would be converted before it is computed."""
    model = Sequential([Input((8, 8, 3)), layers.Conv2D(16, 3, padding="same")], seed=0)
    layer = layers.Conv2D(16, 3)
    layer.build((8, 8, 16), dtype=np.float64)
    model.layers.append(layer)
    expected = layer.forward(model.layers[0].forward(X))
    np.testing.assert_allclose(model(X), expected, rtol=1e-6)
    np.testing.assert_allclose(model(-X), layer.forward(model.layers[0].forward(-X)), rtol=1e-6)


def test_the_engine_looks_at_arrays_where_it_takes_their_addresses():
    """Also at those that got past the dict's own checks."""
    model = network()
    dict.__setitem__(model.layers[1].params, "gamma", np.ones(1, np.float32))
    message = (
        r"^the engine expected params\['gamma'\] of BatchNormalization 'batch_normalization' as 16 "
        r"numbers in float32, "
        r"in row-major order, received shape \(1,\) in float32: assign by params\['gamma'\] of "
        r".*\[...\] = values$"
    )
    with pytest.raises(ValueError, match=message):
        model(X)
    for layer, name, wrong in (
        (0, "bias", np.zeros(16)),
        (1, "beta", np.zeros(32, np.float32)[::2]),
        (5, "kernel", np.zeros((144, 4), np.float32)),
    ):
        model = network()
        dict.__setitem__(model.layers[layer].grads, name, wrong)
        with pytest.raises(ValueError, match="the engine expected grads"):
            model.train_on_batch(X, Y)


class Gain(Layer):
    """y = gain * x, whose setup and backward assign arrays instead of writing into them."""

    def setup(self, input_shape):
        self.params["gain"] = np.linspace(1, 2, input_shape[-1])
        self.grads = {"gain": np.zeros(input_shape[-1])}
        self.helper = 3
        return input_shape

    def forward(self, x, *, training=False):
        x = self.accept(x)
        self._cache = (x,) if training else None
        self.last_mean = x.mean()
        return x * self.params["gain"]

    def backward(self, dy):
        dy, x = self.take_cache(dy)
        self.grads["gain"] = (dy * x).sum(axis=tuple(range(x.ndim - 1)))
        return dy * self.params["gain"]


def test_a_layer_of_ones_own_may_assign_arrays_and_attributes():
    check_layer(Gain(), (3, 4, 2))
    model = Sequential(
        [Input((8, 8, 3)), Gain(), layers.Flatten(), layers.Dense(5, activation="softmax")], seed=0
    )
    gain = model.layers[0].params["gain"]
    assert gain.dtype == np.float32 and model.layers[0].helper == 3
    model.compile("adam", "sparse_categorical_crossentropy")
    before = gain.copy()
    model.train_on_batch(X, Y)
    assert (model.layers[0].params["gain"] != before).any() and model.layers[0].params[
        "gain"
    ] is gain


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


# model.trainable


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


# What an optimizer remembers

FORMS = {
    "as it is": lambda a: a.copy(),
    "in double": lambda a: a.astype(np.float64),
    "the other byte order": lambda a: a.astype(">f4"),
    "Fortran's order": np.asfortranarray,
    "read-only": lambda a: np.frombuffer(a.tobytes(), np.float32).reshape(a.shape),
    "unaligned": lambda a: (
        np.frombuffer(b"x" + a.tobytes(), np.uint8)[1:].view(np.float32).reshape(a.shape)
    ),
    "a list": np.ndarray.tolist,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_slots_of_any_form_are_used(optimizer, form):
    expected, model = ran(optimizer=optimizer), ran(optimizer=optimizer)
    for slots in model.optimizer.slots.values():
        for name in slots:
            slots[name] = form(slots[name])
    for one in (expected, model):
        one.train_on_batch(X, Y)
    for one, two in zip(expected.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    slots = model.optimizer.slots["conv2d/kernel"]
    assert all(array.dtype == np.float32 and array.flags.carray for array in slots.values())
    with pytest.raises(ValueError, match="does not own"):
        next(iter(slots.values())).resize(3, refcheck=False)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("dtype", [np.float16, np.uint8, np.int8, np.bool_, np.int64])
def test_slots_of_smaller_numbers_are_converted(optimizer, dtype):
    """They were written past their end."""
    expected, model = ran(optimizer=optimizer), ran(optimizer=optimizer)
    for one in (expected, model):
        for slots in one.optimizer.slots.values():
            for name in slots:
                slots[name] = (
                    (slots[name] * 100).astype(dtype).astype(dtype if one is model else np.float32)
                )
        one.train_on_batch(X, Y)
    for one, two in zip(expected.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_slots_that_do_not_fit(optimizer):
    slot = {"SGD": "velocity", "Adam": "m"}[optimizer]
    for wrong, said in (
        (np.zeros(3, np.float32), r"with shape \(3,\), received \(3, 3, 3, 16\)"),
        (
            np.zeros((3, 3, 3, 16), complex),
            r"\(3, 3, 3, 16\) in complex128, received \(3, 3, 3, 16\) in float32",
        ),
    ):
        model = ran(optimizer=optimizer.lower())
        model.optimizer.slots["conv2d/kernel"][slot] = wrong
        message = (
            rf"^{optimizer} remembers {slot} of 'conv2d/kernel' with shape .*{said}.*: use a new "
            r"optimizer"
        )
        with pytest.raises(ValueError, match=message.replace("with shape .*with", "with")):
            model.train_on_batch(X, Y)


def test_parameters_that_adam_cannot_update():
    one = np.ones(3, np.float32)
    read_only = np.frombuffer(one.tobytes(), np.float32)
    for value, grad, message in (
        (
            one,
            np.ones(4, np.float32),
            r"expected values, gradients and slots of shape \(3,\) in one type of floats",
        ),
        (one, np.ones(3), r"received shape \(3,\) in float64: bring them into one form"),
        (np.ones(3, int), np.ones(3, int), "in one type of floats, int64"),
        (
            read_only,
            one,
            r"updates values in place, received a read-only one of shape \(3,\): copy it",
        ),
    ):
        with pytest.raises(ValueError, match=f"^Adam .*{message}"):
            optimizers.Adam().step([("w", value, grad)])


def test_a_user_s_class_of_one_argument_may_have_attributes_of_its_own():
    """A metric takes a name and nothing else: what else is assigned need not be meant as that."""

    class Spread(metrics.Metric):
        def __init__(self):
            self.seen = 0
            super().__init__("spread")

    assert Spread().seen == 0
    with pytest.raises(
        AttributeError, match=r"has no attribute 'nam' to assign to. Did you mean 'name'\?"
    ):
        Spread().nam = "other"
