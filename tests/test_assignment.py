"""Arrays that are assigned to layers and models are used, alike in both engines, or refused: never
ignored.
"""

import copy
import pickle

import numpy as np
import pytest
from assignment_cases import ENGINES, Gain, X, Y, network, ran

from minicnn import Input, Sequential, layers, optimizers
from minicnn.saving.weights import weights_of
from minicnn.testing import check_layer

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
    "too much is summed, or an axis is taken out that keepdims=True "
    "keeps": lambda c: c.grads.__setitem__("bias", np.int64(3)),
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
