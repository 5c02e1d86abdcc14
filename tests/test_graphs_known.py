"""Networks with branches that have names: residual, inception, squeeze-and-excitation, twins,
models inside models.
"""

import copy
import pickle

import numpy as np
import pytest

from minicnn import Input, Model, Sequential, layers, optimizers
from minicnn.testing import check_model, measure_model

X = np.random.default_rng(0).standard_normal((4, 8, 8, 3))


def block(x, filters, strides=1):
    """He et al.

    2016: two convolutions, and a shortcut that is a convolution where the shape changes.
    """
    y = layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)(x)
    y = layers.Activation("relu")(layers.BatchNormalization()(y))
    y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(y)
    y = layers.BatchNormalization()(y)
    if x.shape[1:] != y.shape[1:]:
        x = layers.BatchNormalization()(layers.Conv2D(filters, 1, strides, use_bias=False)(x))
    return layers.Activation("relu")(layers.Add()([x, y]))


def head(inputs, x, dtype="float64", **options):
    """A Model that ends in three classes."""
    if len(x.shape) == 4:
        x = layers.GlobalAveragePooling2D()(x)
    return Model(inputs, layers.Dense(3, activation="softmax")(x), seed=0, dtype=dtype, **options)


def residual(**options):
    inputs = Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same")(inputs)
    return head(inputs, block(block(block(x, 4), 6, strides=2), 6), **options)


def inception(**options):
    """Szegedy et al. 2015: four branches side by side, twice."""
    inputs = x = Input((8, 8, 3))
    for _ in range(2):
        branches = [
            layers.Conv2D(2, 1, activation="relu")(x),
            layers.Conv2D(3, 3, padding="same", activation="relu")(
                layers.Conv2D(2, 1, activation="relu")(x)
            ),
            layers.Conv2D(2, 5, padding="same", activation="relu")(
                layers.Conv2D(2, 1, activation="relu")(x)
            ),
            layers.Conv2D(1, 1)(layers.MaxPooling2D(3, strides=1, padding="same")(x)),
        ]
        x = layers.concatenate(branches)
    return head(inputs, x, **options)


def squeezed(**options):
    """Hu et al. 2018: a weight per channel, computed from all pixels."""
    inputs = Input((8, 8, 3))
    x = layers.Conv2D(4, 3)(inputs)
    weights = layers.Dense(4, activation="softmax")(
        layers.Dense(2, activation="relu")(layers.GlobalAveragePooling2D()(x))
    )
    return head(inputs, layers.multiply([x, weights]), **options)


def dense(**options):
    """Huang et al. 2017: every layer sees what all before it made."""
    inputs = x = Input((8, 8, 3))
    for _ in range(3):
        y = layers.Conv2D(2, 3, padding="same")(layers.ReLU()(layers.BatchNormalization()(x)))
        x = layers.Concatenate()([x, y])
    return head(inputs, x, **options)


def siamese(**options):
    """Two pictures through the same layers."""
    one, other = Input((8, 8, 3), name="one"), Input((8, 8, 3), name="other")
    conv, norm, relu = layers.Conv2D(4, 3), layers.BatchNormalization(), layers.ReLU()
    a, b = (layers.Flatten()(layers.MaxPooling2D(3)(relu(norm(conv(x))))) for x in (one, other))
    return head(
        [one, other], layers.maximum([layers.subtract([a, b]), layers.subtract([b, a])]), **options
    )


def recurrent(**options):
    """One layer three times, one after the other."""
    inputs = Input((8, 8, 3))
    x, conv = layers.Conv2D(4, 1)(inputs), layers.Conv2D(4, 3, padding="same", activation="relu")
    for _ in range(3):
        x = layers.add([x, conv(x)])
    return head(inputs, x, **options)


def nested(**options):
    """A Sequential inside a Model inside a Model, called twice."""
    backbone = Sequential(
        [
            Input((8, 8, 3)),
            layers.Conv2D(3, 3, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(),
        ],
        name="backbone",
    )
    inside = Input((8, 8, 3))
    middle = Model(inside, layers.add([backbone(inside), inside]), name="middle")
    inputs = Input((8, 8, 3))
    return head(inputs, layers.average([middle(middle(inputs)), inputs]), **options)


NETWORKS = [residual, inception, squeezed, dense, siamese, recurrent, nested]


def pictures(model, dtype="float64"):
    return [X.astype(dtype), X[::-1].astype(dtype)] if len(model.inputs) > 1 else X.astype(dtype)


def step(model, x):
    """Everything that one training step computes."""
    y = model.forward(x, training=True)
    dx = model.backward(np.random.default_rng(1).standard_normal(y.shape))
    return [
        y,
        *(dx if isinstance(dx, list) else [dx]),
        *(gradient.copy() for _, _, gradient in model.parameters()),
    ]


@pytest.mark.parametrize("network", NETWORKS)
def test_gradients(network):
    report = check_model(network(), batch=3, samples=4)
    assert report.error <= 1e-6


@pytest.mark.parametrize("network", NETWORKS)
def test_the_engine_computes_what_the_layers_do(network):
    for dtype, bar in (("float64", 1e-12), ("float32", 1e-5)):
        found = {}
        for engine in ("fast", "reference"):
            model = network(dtype=dtype)
            model.engine = engine
            found[engine] = [
                model.forward(pictures(model, dtype)),
                *step(model, pictures(model, dtype)),
            ]
        largest = max(np.linalg.norm(array) for array in found["reference"])
        for fast, reference in zip(found["fast"], found["reference"], strict=True):
            assert np.linalg.norm(fast - reference) <= bar * max(
                np.linalg.norm(reference), 1e-2 * largest
            )


@pytest.mark.parametrize("network", [network for network in NETWORKS if network is not siamese])
def test_they_learn(network):
    model = network(dtype="float32")
    model.compile(optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    x, y = X.astype(np.float32), np.arange(4) % 3
    losses = [model.train_on_batch(x, y) for _ in range(30)]
    assert losses[-1] < 0.9 * losses[0] and np.isfinite(losses).all()


# What drawn networks have brought to light


def two_ended():
    """A model with two outputs."""
    inside = Input((8, 8, 3))
    flat = layers.Flatten()(layers.Conv2D(2, 3, name="shared")(inside))
    return Model(inside, [flat, layers.Dense(2, name="own")(flat)], name="inner", dtype="float64")


def test_a_model_of_several_outputs_inside_another():
    inputs = Input((8, 8, 3))
    flat, scores = two_ended()(inputs)
    assert (flat.shape, scores.shape) == ((None, 72), (None, 2))
    model = head(inputs, layers.concatenate([flat, scores]))
    assert check_model(model, samples=5).error <= 1e-6


def test_backward_takes_a_gradient_for_each_output():
    model = two_ended()
    y = model.forward(X, training=True)
    assert [one.shape for one in y] == [(4, 72), (4, 2)]
    dys = [np.random.default_rng(n).standard_normal(one.shape) for n, one in enumerate(y)]
    parts = []
    for scale in ((1, 1), (1, 0), (0, 1)):
        model.forward(X, training=True)
        dx = model.backward([dy * factor for dy, factor in zip(dys, scale, strict=True)])
        parts.append([dx, *(gradient.copy() for _, _, gradient in model.parameters())])
    for both, one, other in zip(*parts, strict=True):
        np.testing.assert_allclose(both, one + other, rtol=1e-12, atol=1e-12)
    assert check_model(model, samples=5).error <= 1e-6


@pytest.mark.parametrize("uses", [(0, 1), (1, 0), (1,)])
def test_copies_of_a_model_with_a_model_of_several_outputs(uses):
    """It runs once in them too, whichever of its outputs is met first, or not at all."""
    inputs = Input((8, 8, 3))
    x = layers.Conv2D(3, 1)(inputs)
    ends = two_ended()(x)
    model = head(
        inputs,
        layers.add(
            [layers.Dense(4)(ends[n]) for n in uses] + [layers.Dense(4)(layers.Flatten()(x))]
        ),
    )
    part = Model(x, model.output, dtype="float64")
    assert len(model.program().calls) == len(part.program().calls) + 1 == 8 + len(uses)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert [call.reads for call in twin.program().calls] == [
            call.reads for call in model.program().calls
        ]
        for received, expected in zip(step(twin, X), step(model, X), strict=True):
            np.testing.assert_array_equal(received, expected)
    np.testing.assert_allclose(
        part.forward(model.layers[1].forward(X)), model.forward(X), rtol=1e-12
    )


@pytest.mark.parametrize(
    ("dy", "received"),
    [
        ([np.zeros((4, 72))], r"\[\(4, 72\)\]"),
        ([np.zeros((4, 2)), np.zeros((4, 72))], r"\[\(4, 2\), \(4, 72\)\]"),
        ([np.zeros((4, 72)), np.zeros((1, 2))], r"\[\(4, 72\), \(1, 2\)\]"),
        (np.zeros((2, 4, 72)), r"\(2, 4, 72\)"),
    ],
)
def test_backward_says_what_it_takes(dy, received):
    model = two_ended()
    model.forward(X, training=True)
    message = (
        r"^backward expected a list of gradients of the outputs' shapes \[\(4, 72\), \(4, 2\)\], "
        r"received "
    )
    with pytest.raises(ValueError, match=message + received):
        model.backward(dy)


def test_what_no_output_depends_on_has_no_gradient():
    """Also after another model has trained it."""
    inner = two_ended()
    inner.forward(X, training=True)
    inner.backward([np.ones((4, 72)), np.ones((4, 2))])
    assert inner.get_layer("own").grads["kernel"].any()
    inputs = Input((8, 8, 3))
    model = head(inputs, inner(inputs)[0])
    step(model, X)
    gradients = {name: gradient for name, _, gradient in model.parameters()}
    assert not gradients["inner/own/kernel"].any() and gradients["inner/shared/kernel"].any()
    assert measure_model(model, samples=5).error <= 1e-6


@pytest.mark.parametrize("activation", ["softmax", "gelu", "leaky_relu"])
def test_a_layer_that_is_two_steps_of_the_engine(activation):
    """Within a branch: what another branch made must still be there after it."""
    inputs = Input((8, 8, 3))
    x = layers.Conv2D(3, 3, padding="same", activation=activation)(inputs)
    y = layers.Conv2D(3, 1, activation=activation)(inputs)
    outputs = {}
    for engine in ("fast", "reference"):
        model = head(
            inputs,
            layers.add([x, y, layers.Conv2D(3, 3, padding="same", activation=activation)(x)]),
        )
        model.engine = engine
        outputs[engine] = step(model, X)
    for fast, reference in zip(*outputs.values(), strict=True):
        np.testing.assert_allclose(fast, reference, rtol=1e-10, atol=1e-12)


def test_an_input_that_nothing_depends_on():
    used, unused = Input((8, 8, 3), name="used"), Input((5,), name="unused")
    model = head([used, unused], layers.Conv2D(2, 3)(used))
    y = model.forward([X, np.zeros((4, 5))], training=True)
    dx = model.backward(np.ones_like(y))
    assert dx[0].shape == X.shape and dx[1] is None
    assert check_model(model, samples=5).error <= 1e-6


def test_an_output_that_others_read_and_that_is_given_twice():
    inputs = Input((8, 8, 3))
    x = layers.Conv2D(2, 3, activation="relu")(inputs)
    model = Model(inputs, [x, layers.Dense(2)(layers.Flatten()(x)), x], dtype="float64", seed=0)
    assert check_model(model, samples=5).error <= 1e-6
    np.testing.assert_array_equal(*model.forward(X)[::2])


def test_check_model_wants_float64():
    with pytest.raises(
        ValueError,
        match="expected 'net' in float64, received float32: in float32 differences say lit",
    ):
        check_model(Sequential([Input((3,)), layers.Dense(2)], name="net"))


def test_check_model_raises_where_backward_is_wrong(monkeypatch):
    model = recurrent()
    model.engine = "reference"  # the engine adds by itself
    monkeypatch.setattr(layers.Add, "backward", lambda self, dy: [self.take_cache(dy)[0], dy * 0.5])
    with pytest.raises(AssertionError, match="backward is not the derivative of forward"):
        check_model(model, samples=5)
