"""What the tests of the engine draw and compare: the same layers on both engines."""

import copy
from contextlib import contextmanager

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from strategies import windows

from minicnn import Sequential, layers, optimizers

ACTIVATIONS = {
    "relu": layers.ReLU,
    "relu6": lambda: layers.ReLU(6.0),
    "leaky": lambda: layers.LeakyReLU(0.25),
    "sigmoid": lambda: layers.Activation("sigmoid"),
    "silu": lambda: layers.Activation("silu"),
    "hard_sigmoid": lambda: layers.Activation("hard_sigmoid"),
    "hard_silu": lambda: layers.Activation("hard_silu"),
    "gelu": layers.GELU,
    "gelu_tanh": lambda: layers.GELU(approximate=True),
}


def both_engines(stack, shape, dtype, seed):
    """Two models with the same weights, drawn at random (gamma of either sign), one per engine."""
    models = []
    for engine in ("reference", "fast"):
        model = Sequential([layers.Input(shape), *copy.deepcopy(stack)], seed=seed, dtype=dtype)
        model.engine = engine
        rng = np.random.default_rng(seed)
        for layer in model.layers:
            for param in layer.params.values():
                param[...] = rng.standard_normal(param.shape) / np.sqrt(max(1, param[..., 0].size))
        models.append(model)
    return models


def assert_close(actual, expected, tolerance, what, scale=1e-3):
    scale = max(scale, np.abs(expected).max(initial=0), 1e-9)
    np.testing.assert_allclose(
        actual / scale, expected / scale, rtol=0, atol=tolerance, err_msg=what
    )


def jumps(model, x, dy, tolerance):
    """Whether the layers' own dx jumps when x moves by rounding: the largest of a window or a ReLU
    is on the edge.

    After an optimizer step that happens in one of some dozen drawn models in float32.
    """
    rng, epsilon = np.random.default_rng(0), np.finfo(model.dtype).eps

    def dx(x):
        twin = copy.deepcopy(model)
        twin.forward(x, training=True)
        return twin.backward(dy)

    still = dx(x)
    moved = (dx(x * (1 + 32 * epsilon * rng.standard_normal(x.shape))) for _ in range(20))
    return any(
        np.abs(other - still).max() > 10 * tolerance * np.abs(still).max() for other in moved
    )


def moves(model, x, dy, tolerance):
    """Whether the layers' own outputs or gradients move as far as the tolerance when every
    convolution rounds as Winograd's larger forms do, by some 1e-6 of its largest output: a
    normalisation behind it may divide by the deviation of a few, nearly equal values.
    """
    rng, epsilon = np.random.default_rng(0), np.finfo(model.dtype).eps

    def results(rounding):
        twin, y = copy.deepcopy(model), x
        for layer in twin.layers:
            y = layer.forward(y, training=True)
            if isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D | layers.SeparableConv2D):
                y = y + rounding * epsilon * np.abs(y).max() * rng.standard_normal(y.shape)
        dx = dy
        for layer in reversed(twin.layers):
            dx = layer.backward(dx)
        gradients = [gradient for _, _, gradient in twin.parameters()]
        return [
            (y, np.abs(y).max()),
            *[(g, max(np.abs(g).max() for g in gradients)) for g in gradients],
        ]

    still = results(0)
    return any(
        np.abs(other - one).max() > tolerance * scale
        for moved in (results(16) for _ in range(20))
        for (other, _), (one, scale) in zip(moved, still, strict=True)
    )


@contextmanager
def excused_by(reason, *arguments):
    """A failure inside counts unless there is that reason, `jumps` or `moves`: then another example
    is drawn.
    """
    try:
        yield
    except AssertionError:
        assume(not reason(*arguments))
        raise


def compare(stack, shape, batch, dtype, seed, tolerance, steps=1):
    """Outputs, dx, gradients, moving statistics and weights of both engines, after each of some
    optimizer steps.
    """
    models = both_engines(stack, shape, dtype, seed)
    kinds = [type(step).__name__ for step in models[1]._execution().steps]
    # otherwise this compares the layers with themselves
    assert {"ConvBlock", "SeparableBlock", "DenseStep"}.intersection(kinds), kinds
    rng = np.random.default_rng([seed, 1])
    for model in models:
        model.compile(optimizers.SGD(0.01), "categorical_crossentropy")
    for step in range(steps):
        # Values of a coarse grid: no two of a pooling window differ by so little that rounding
        # decides which wins.
        n = batch if step != 1 else max(1, batch - 1)  # a smaller batch in between
        x = rng.integers(-40, 41, (n, *shape)) / 16
        outputs = [model.forward(x, training=True) for model in models]
        dy = rng.standard_normal(outputs[0].shape)
        with excused_by(moves, models[0], x, dy, tolerance):
            assert_close(outputs[1], outputs[0], tolerance, "outputs")
        dx = [model.backward(dy) for model in models]
        with excused_by(jumps, models[0], x, dy, tolerance):
            assert_close(dx[1], dx[0], tolerance, "dx")
        # Some gradients are 0 but for rounding (a bias before a batch normalisation): measure them
        # by the others.
        largest = max([np.abs(grad).max() for _, _, grad in models[0].parameters()], default=1e-3)
        for (name, _, reference), (_, _, fast) in zip(
            *[model.parameters() for model in models], strict=True
        ):
            with excused_by(moves, models[0], x, dy, tolerance):
                assert_close(fast, reference, tolerance, f"gradient of {name}", largest)
        for model in models:
            model.optimizer.step(model.parameters())
        for reference, fast in zip(*[model.layers for model in models], strict=True):
            for name, array in reference.weights_by_name.items():
                assert_close(fast.weights_by_name[name], array, tolerance, f"{name} of {reference}")
        assert_close(models[1].forward(x), models[0].forward(x), tolerance, "inference")


@st.composite
def blocks(draw, kind=layers.Conv2D, groups=1):
    """A convolution of that kind and what may follow it, in any order that people write."""
    window = draw(windows(dilated=True, largest=9))
    activation = draw(st.sampled_from([None, None, "relu", "leaky_relu", "relu6", "gelu"]))
    channels = draw(st.sampled_from([1, 3, 8, 16, 17, 33]))
    options = {
        "kernel_size": window["size"],
        "strides": window["strides"],
        "padding": window["padding"],
        "dilation_rate": window["dilation"],
        "activation": activation,
        "use_bias": draw(st.booleans()),
        "trainable": draw(st.integers(0, 4)) > 0,
    }
    shape = window["x_shape"]
    if kind is not layers.Conv2D:
        shape = (*shape[:-1], channels)
    elif groups > 1:
        shape, options["groups"] = (*shape[:-1], groups * shape[-1]), groups
    filters = {
        layers.Conv2D: [groups * channels],
        layers.DepthwiseConv2D: [],
        layers.SeparableConv2D: [draw(st.sampled_from([1, 5, 16]))],
    }
    stack = before(draw)
    stack.append(kind(*filters[kind], **options))
    activations = st.sampled_from(list(ACTIVATIONS.values()))
    tail = [made() for made in draw(st.lists(activations, max_size=2 - bool(activation)))]
    if draw(st.booleans()):
        tail.append(normalization(draw))
    if draw(st.booleans()):
        tail.append(pooling(draw))
    stack += draw(st.permutations(tail))
    if draw(st.integers(0, 5)) == 0:
        whole = [layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D]
        stack.append(draw(st.sampled_from(whole))())
    return shape, stack


def before(draw):
    """What may come before a convolution: most often nothing."""
    some = draw(st.integers(0, 8))
    if some == 0:
        return [normalization(draw), draw(st.sampled_from(list(ACTIVATIONS.values())))()]
    sides = st.tuples(st.integers(0, 2), st.integers(0, 2))
    zeros = [layers.ZeroPadding2D((draw(sides), draw(sides)))] if some in (1, 2) else []
    return [layers.Rescaling(0.5, 0.25), *zeros] if some in (2, 3) else zeros


def normalization(draw):
    shares = {name: draw(st.integers(0, 5)) > 0 for name in ("trainable", "scale", "center")}
    return layers.BatchNormalization(epsilon=0.1, **shares)


def pooling(draw):
    """Side by side windows, more often than not, or others."""
    size = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    if draw(st.booleans()):
        return layers.MaxPooling2D(size)
    strides = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    kind = draw(st.sampled_from([layers.MaxPooling2D, layers.AveragePooling2D]))
    return kind(size, strides, draw(st.sampled_from(["valid", "same"])))


def fits(stack, shape):
    """Whether the layers can be built, and every batch normalisation sees several values of a
    channel.
    """
    for layer in copy.deepcopy(stack):
        try:
            shape = layer.build(shape)
        except ValueError:
            return False
        if isinstance(layer, layers.BatchNormalization) and np.prod(shape[:-1]) < 2:
            return False
    return True
