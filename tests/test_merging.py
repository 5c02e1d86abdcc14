"""Layers of several inputs, against loops over every number; what Keras makes of them is in
test_keras_layers.py.
"""

import copy
import itertools
import json
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import seeds

from minicnn import Input, Sequential, layers
from minicnn.testing import check_layer

EXAMPLES = settings(max_examples=60)
BROADCASTING = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
FUNCTIONS = ("add", "subtract", "multiply", "average", "maximum", "minimum", "concatenate")
DEFINITIONS = {
    "Add": math.fsum,
    "Subtract": lambda numbers: numbers[0] - numbers[1],
    "Multiply": math.prod,
    "Average": lambda numbers: math.fsum(numbers) / len(numbers),
    "Maximum": max,
    "Minimum": min,
}


@st.composite
def shapes_that_broadcast(draw, most=3):
    """The shapes of two or more inputs and of their output: some axes are 1, and some of the first
    ones left out.
    """
    output = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    inputs = [output]
    for _ in range(draw(st.integers(1, most - 1))):
        shape = [draw(st.sampled_from([1, n])) for n in output]
        inputs.append(shape[draw(st.integers(0, len(shape) - 1)) :])
    return [tuple(shape) for shape in draw(st.permutations(inputs))], tuple(output)


@st.composite
def shapes_side_by_side(draw):
    """The shapes of two to four inputs that differ along one axis, which is counted with N, from
    either end.
    """
    shape = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    place = draw(st.integers(0, len(shape) - 1))
    sizes = draw(st.lists(st.integers(1, 4), min_size=2, max_size=4))
    inputs = [(*shape[:place], n, *shape[place + 1 :]) for n in sizes]
    return inputs, draw(st.sampled_from([place + 1, place - len(shape)]))


def drawn(shapes, seed, batch=2, ties=False):
    """Inputs (batch, *shape) in float64; with ties, small integers."""
    rng = np.random.default_rng(seed)
    arrays = [rng.standard_normal((batch, *shape)) for shape in shapes]
    return [np.round(array) for array in arrays] if ties else arrays


def seen_at(index, shape):
    """Where an input of that shape, without N, is read for the number (n, ...) of the output."""
    n, *place = index
    place = place[len(place) - len(shape) :]
    return (n, *(0 if size == 1 else i for i, size in zip(place, shape, strict=True)))


def merged(kind, xs, output_shape):
    """The output, one number after the other."""
    y = np.empty((len(xs[0]), *output_shape))
    for index in itertools.product(*map(range, y.shape)):
        y[index] = DEFINITIONS[kind]([x[seen_at(index, x.shape[1:])] for x in xs])
    return y


def winners(kind, xs, dy):
    """What Maximum and Minimum give back: all of dy to the first of equal values."""
    dxs = [np.zeros_like(x) for x in xs]
    for index in itertools.product(*map(range, dy.shape)):
        places = [seen_at(index, x.shape[1:]) for x in xs]
        numbers = [x[place] for x, place in zip(xs, places, strict=True)]
        first = numbers.index(DEFINITIONS[kind](numbers))
        dxs[first][places[first]] += dy[index]
    return dxs


def made(kind, shapes, **arguments):
    layer = getattr(layers, kind)(**arguments)
    layer.build(shapes, dtype=np.float64)
    return layer


# What they compute


@pytest.mark.parametrize("kind", BROADCASTING)
@given(st.data(), seeds)
@EXAMPLES
def test_broadcasting_is_that_of_the_definition(kind, data, seed):
    shapes, output_shape = data.draw(shapes_that_broadcast(most=2 if kind == "Subtract" else 4))
    layer, xs = made(kind, shapes), drawn(shapes, seed)
    assert layer.output_shape == output_shape and layer.input_shape == tuple(shapes)
    for training in (False, True):
        y = layer.forward(xs, training=training)
        np.testing.assert_allclose(y, merged(kind, xs, output_shape), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("kind", BROADCASTING)
@given(st.data(), seeds)
@EXAMPLES
def test_gradients(kind, data, seed):
    shapes, _ = data.draw(shapes_that_broadcast(most=2 if kind == "Subtract" else 4))
    report = check_layer(getattr(layers, kind)(), shapes, seed=seed, samples=8, tolerance=1e-6)
    assert set(report.tensors) == {f"x{i}" for i in range(1, len(shapes) + 1)}


@pytest.mark.parametrize("kind", ["Maximum", "Minimum"])
@given(shapes_that_broadcast(most=4), seeds)
@EXAMPLES
def test_of_equal_values_the_first_takes_the_gradient(kind, drawn_shapes, seed):
    shapes, output_shape = drawn_shapes
    layer, xs = made(kind, shapes), drawn(shapes, seed, ties=True)
    y = layer.forward(xs, training=True)
    np.testing.assert_array_equal(y, merged(kind, xs, output_shape))
    dy = np.random.default_rng(seed).standard_normal(y.shape)
    for dx, expected in zip(layer.backward(dy), winners(kind, xs, dy), strict=True):
        np.testing.assert_allclose(dx, expected, rtol=1e-12, atol=1e-12)


@given(shapes_side_by_side(), seeds)
@EXAMPLES
def test_concatenate_puts_every_number_where_it_belongs(case, seed):
    shapes, axis = case
    layer, xs = made("Concatenate", shapes, axis=axis), drawn(shapes, seed)
    y = layer.forward(xs, training=True)
    assert y.shape[1:] == layer.output_shape
    dxs, start = layer.backward(y), 0
    for x, dx in zip(xs, dxs, strict=True):
        for index in itertools.product(*map(range, x.shape)):
            place = list(index)
            place[axis] += start
            assert y[tuple(place)] == x[index] == dx[index]
        start += x.shape[axis]
    assert start == y.shape[axis]
    check_layer(layers.Concatenate(axis), shapes, seed=seed, samples=8, tolerance=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [*BROADCASTING, "Concatenate"])
def test_everything_stays_in_the_layers_type(kind, dtype):
    layer = getattr(layers, kind)()
    layer.build([(3, 2), (3, 2)], dtype=dtype)
    y = layer.forward([np.ones((2, 3, 2), np.float64), np.ones((2, 3, 2), np.uint8)], training=True)
    assert [a.dtype for a in (y, *layer.backward(np.ones(y.shape, np.float64)))] == [dtype] * 3


@pytest.mark.parametrize("kind", [*BROADCASTING, "Concatenate"])
def test_no_two_gradients_overlap_and_none_is_an_input(kind):
    """So that each may be added to, where an input has another user."""
    shapes = (
        [(3, 2), (3, 2)] if kind in ("Subtract", "Concatenate") else [(3, 2), (3, 2), (2,), (3, 2)]
    )
    layer, xs = made(kind, shapes), drawn(shapes, 0)
    kept = [x.copy() for x in xs]
    y = layer.forward(xs, training=True)
    dxs = layer.backward(np.ones_like(y))
    assert [dx.shape for dx in dxs] == [x.shape for x in xs]
    for a, b in itertools.combinations([*dxs, *xs], 2):
        assert not np.shares_memory(a, b)
    assert not any(np.shares_memory(y, x) for x in xs)
    np.testing.assert_equal(xs, kept)


def test_a_sum_over_many_repetitions_is_exact_in_float32():
    layer = layers.Add()
    layer.build([(200, 200, 1), (1,)])
    layer.forward(
        [np.zeros((1, 200, 200, 1), np.float32), np.zeros((1, 1), np.float32)], training=True
    )
    dy = np.random.default_rng(0).random((1, 200, 200, 1), np.float32) + 100
    assert layer.backward(dy)[1][0, 0] == np.float32(dy.sum(dtype=np.float64))


# How they are called


def test_called_on_arrays_they_build_themselves():
    xs = drawn([(3, 2), (2,)], 0)
    layer = layers.Multiply()
    y = layer(xs)
    assert (layer.input_shape, layer.output_shape) == (((3, 2), (2,)), (3, 2))
    np.testing.assert_array_equal(y, layer(tuple(xs)))
    np.testing.assert_allclose(y, xs[0] * xs[1][:, None], rtol=1e-6)
    np.testing.assert_array_equal(layers.Add()([[[1, 2]], [[3, 4]]]), [[4, 6]])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_function_is_the_layer(name):
    xs = drawn([(3, 2), (3, 2)], 0)
    layer = getattr(layers, name.capitalize())(name="own")
    np.testing.assert_array_equal(getattr(layers, name)(xs, name="own"), layer(xs))
    rows = layers.concatenate(xs, axis=1)
    assert rows.shape == (2, 6, 2) and layers.concatenate(xs, 1, name="rows").shape == rows.shape
    assert layers.concatenate(xs).shape == (2, 3, 4)


@pytest.mark.parametrize("kind", [*BROADCASTING, "Concatenate"])
def test_the_configuration_makes_a_layer_like_it(kind):
    arguments = {"axis": 2} if kind == "Concatenate" else {}
    layer = getattr(layers, kind)(name="own", trainable=False, **arguments)
    assert layer.get_config() == {"name": "own", "trainable": False, **arguments}
    config = json.loads(json.dumps(layer.get_config()))
    assert layers.LAYERS[kind](**config).get_config() == layer.get_config()
    layer.build([(3, 2), (3, 2)])
    xs = [np.ones((1, 3, 2), np.float32)] * 2
    for twin in (copy.deepcopy(layer), copy.copy(layer), pickle.loads(pickle.dumps(layer))):
        np.testing.assert_array_equal(twin.forward(xs), layer.forward(xs))
    assert (layer.count_params(), layer.get_weights()) == (0, [])


def test_merge_is_no_layer_of_files():
    assert (
        "Merge" not in layers.LAYERS
        and "add" not in layers.LAYERS
        and layers.LAYERS["Add"] is layers.Add
    )


class Largest(layers.Merge):
    """A merging layer of a user's own."""

    def setup(self, input_shape):
        return (len(input_shape),)

    def forward(self, x, *, training=False):
        xs = self.accept(x)
        self._cache = (xs,) if training else None
        return np.stack([x.reshape(len(x), -1).sum(axis=1) for x in xs], axis=1)

    def backward(self, dy):
        dy, xs = self.take_cache(dy)
        return [
            np.ones_like(x) * dy[:, i].reshape(-1, *(1,) * (x.ndim - 1)) for i, x in enumerate(xs)
        ]


def test_a_layer_of_ones_own():
    check_layer(Largest(), [(3, 2), (4,), (2, 2, 2)])


# Mistakes

X, Y = np.zeros((2, 4, 4, 3)), np.zeros((2, 4, 4, 3))
SYMBOLIC = Input((4, 4, 3))


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: layers.Add([X, Y]), TypeError,
         "Add expected its inputs when it is called, received [array (2, 4, 4, 3), array (2, 4, 4, "
         "3)] when it is made: use Add()([x, y]) or add([x, y])"),
        (lambda: layers.Multiply(X, Y), TypeError,
         "Multiply expected its inputs when it is called, received array (2, 4, 4, 3) when it is "
         "made: use Multiply()([x, y]) or multiply([x, y])"),
        (lambda: layers.Concatenate([X, Y], axis=3), TypeError,
         "Concatenate expected its inputs when it is called, received [array (2, 4, 4, 3), array "
         "(2, 4, 4, 3)] when it is made: use Concatenate()([x, y]) or concatenate([x, y])"),
        (lambda: layers.Add()(X), TypeError,
         "Add expected a list of tensors, received array (2, 4, 4, 3): use Add()([x, y])"),
        (lambda: layers.add(X), TypeError,
         "Add expected a list of tensors, received array (2, 4, 4, 3): use Add()([x, y])"),
        (lambda: made("Add", [(4, 4, 3)] * 2).forward(X), TypeError,
         "Add expected a list of arrays, received array (2, 4, 4, 3): use Add()([x, y])"),
        (lambda: layers.add(SYMBOLIC), TypeError,
         "Add expected a list of tensors, received <Node of InputLayer: (None, 4, 4, 3)>: use "
         "Add()([x, y])"),
        (lambda: layers.Add([SYMBOLIC, SYMBOLIC]), TypeError,
         "Add expected its inputs when it is called, received [<Node of InputLayer: (None, 4, 4, "
         "3)>, <Node of InputLayer: (None, 4, 4, 3)>] when it is made: use Add()([x, y]) or "
         "add([x, y])"),
        (lambda: layers.Concatenate(SYMBOLIC), TypeError,
         "Concatenate expected its inputs when it is called, received <Node of InputLayer: (None, "
         "4, 4, 3)> when it is made: use Concatenate()([x, y]) or concatenate([x, y])"),
        (lambda: layers.Add(name="sum")([X]), ValueError,
         "Add 'sum' expected at least two inputs in a list, received 1: use Add()([x, y])"),
        (lambda: layers.concatenate([]), ValueError,
         "Concatenate expected at least two inputs in a list, received 0: use Concatenate()([x, "
         "y])"),
        (lambda: layers.subtract([X, Y, Y]), ValueError,
         "Subtract expected two inputs in a list, received 3: use Subtract()([x, y])"),
        (lambda: layers.Subtract()([X]), ValueError,
         "Subtract expected two inputs in a list, received 1: use Subtract()([x, y])"),
        (lambda: layers.Add().build((4, 4, 3)), TypeError,
         "Add expected a list of shapes, received (4, 4, 3): it has several inputs"),
        (lambda: Sequential([Input((4, 4, 3)), layers.Add()]), TypeError,
         "Add 'add' expected a list of shapes, received (4, 4, 3): it has several inputs"),
        (lambda: layers.Add().forward([X, Y]), RuntimeError,
         "Add has no shapes yet: call build([shape, shape]) first, or use it in a model"),
        (lambda: layers.add([X, np.zeros((2, 2, 2, 3))], name="join"), ValueError,
         "Add 'join' expected inputs whose axes, from the last one on, are of one size or of size "
         "1, received (N, 4, 4, 3), (N, 2, 2, 3): bring them to one shape, with Conv2D(filters, 1, "
         "strides) for example"),
        (lambda: layers.concatenate([X, np.zeros((2, 2, 2, 3))]), ValueError,
         "Concatenate expected inputs whose shapes differ along axis -1 alone, received (N, 4, 4, "
         "3), (N, 2, 2, 3): with padding='same' rows and columns stay as they are"),
        (lambda: layers.concatenate([X, np.zeros((2, 3))], axis=1), ValueError,
         "Concatenate expected inputs whose shapes differ along axis 1 alone, received (N, 4, 4, "
         "3), (N, 3): with padding='same' rows and columns stay as they are"),
        (lambda: layers.concatenate([X, Y], axis=4), ValueError,
         "Concatenate expected axis from 1 to 3 or from -3 to -1 for inputs of shapes (N, 4, 4, "
         "3), (N, 4, 4, 3), received 4"),
        (lambda: layers.concatenate([X, Y], axis=-4), ValueError,
         "Concatenate expected axis from 1 to 3 or from -3 to -1 for inputs of shapes (N, 4, 4, "
         "3), (N, 4, 4, 3), received -4"),
        (lambda: layers.Concatenate(axis=0), ValueError,
         "Concatenate expected axis as an integer, such as -1 for the channels, received 0: axis 0 "
         "counts the samples, which stay apart"),
        (lambda: layers.Concatenate(axis="channels"), ValueError,
         "Concatenate expected axis as an integer, such as -1 for the channels, received "
         "'channels'"),
        (lambda: layers.Concatenate(axis=True), ValueError,
         "Concatenate expected axis as an integer, such as -1 for the channels, received True"),
        (lambda: made("Add", [(4, 4, 3)] * 2).forward([X, np.zeros((3, 4, 4, 3))]), ValueError,
         "Add expected inputs of one batch, with as many samples each, received shapes (2, 4, 4, "
         "3), (3, 4, 4, 3)"),
        (lambda: layers.add([X, np.zeros((1, 4, 4, 3))]), ValueError,
         "Add expected inputs of one batch, with as many samples each, received shapes (2, 4, 4, "
         "3), (1, 4, 4, 3)"),
        (lambda: made("Add", [(4, 4, 3)] * 2).forward([X, np.zeros((2, 3))]), ValueError,
         "Add expected inputs of shapes (N, 4, 4, 3), (N, 4, 4, 3), received (2, 4, 4, 3), (2, 3)"),
        (lambda: made("Add", [(4, 4, 3)] * 2).forward([X, Y, Y]), ValueError,
         "Add expected inputs of shapes (N, 4, 4, 3), (N, 4, 4, 3), received (2, 4, 4, 3), (2, 4, "
         "4, 3), (2, 4, 4, 3)"),
        (lambda: made("Add", [(4, 4, 3)] * 2).forward([X[:0], Y[:0]]), ValueError,
         "Add expected at least one sample, received inputs of shapes (0, 4, 4, 3), (0, 4, 4, 3)"),
        (lambda: made("Add", [(4, 4, 3)] * 2).backward(X), RuntimeError,
         "Add.backward(dy) differentiates the last forward(x, training=True): none has run since "
         "the last backward or inference forward, or it has kept nothing in self._cache"),
        (lambda: layers.Add(inputs=[X, Y]), TypeError,
         "Add has no argument 'inputs'. Call the layer with them: Add()([x, y])."),
    ],
)  # fmt: skip
def test_what_is_said_of_mistakes(call, kind, message):
    with pytest.raises(kind) as error:
        call()
    print(error.value)
    assert str(error.value) == message


def test_dy_has_the_shape_of_the_output_and_is_taken_once():
    layer = made("Add", [(4, 3), (3,)])
    xs = drawn([(4, 3), (3,)], 0)
    layer.forward(xs, training=True)
    with pytest.raises(
        ValueError,
        match=r"Add.backward expected dy of its output's shape \(2, 4, 3\), received \(2, 3\)",
    ):
        layer.backward(np.zeros((2, 3)))
    layer.backward(np.zeros((2, 4, 3)))
    with pytest.raises(RuntimeError, match="none has run since the last backward"):
        layer.backward(np.zeros((2, 4, 3)))
    layer.forward(xs, training=True)
    layer.forward(xs)
    with pytest.raises(RuntimeError, match="or inference forward"):
        layer.backward(np.zeros((2, 4, 3)))
