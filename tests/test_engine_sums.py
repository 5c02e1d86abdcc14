"""Sums around branches, whichever step adds them: the engine computes what the layers do, and of a
batch and of each picture the same bits, with any number of threads and by a frozen program.
"""

import copy

import numpy as np
import pytest
from engine_cases import ACTIVATIONS, assert_close
from hypothesis import given, settings
from hypothesis import strategies as st

from minicnn import Input, Model, layers, optimizers
from minicnn.engine.conv.step import ConvBlock
from minicnn.machine.threads import set_threads, state


def several(values):
    return values if isinstance(values, list) else [values]


def compare(model, batches, seed):
    """Outputs, gradients, weights and averages of both engines, after an optimizer step for each
    of these sizes of batches; and the bits of inference.
    """
    pair = [model, copy.deepcopy(model)]
    rng = np.random.default_rng(seed)
    for one, engine in zip(pair, ("reference", "fast"), strict=True):
        one.engine = engine
        one.compile(optimizers.SGD(0.01), "mean_squared_error")
    reference, fast = pair
    for n in batches:
        x = rng.standard_normal((n, *model.input_shape[1:]))
        outputs = [several(one.forward(x, training=True)) for one in pair]
        dy = [rng.standard_normal(y.shape) for y in outputs[0]]
        for k, (found, expected) in enumerate(zip(*reversed(outputs), strict=True)):
            assert_close(found, expected, 1e-10, f"output {k}")
        before = copy.deepcopy(fast)
        dx = [one.backward(dy if len(dy) > 1 else dy[0]) for one in pair]
        assert_close(dx[1], dx[0], 1e-10, "dx")
        gradients = [[gradient for *_, gradient in one.parameters()] for one in pair]
        largest = max([np.abs(one).max() for one in gradients[0]], default=1.0)
        for (name, *_), found, expected in zip(
            fast.parameters(), *reversed(gradients), strict=True
        ):
            assert_close(found, expected, 1e-10, f"gradient of {name}", largest)
        same_with_one_thread(before, x, dy, outputs[1], dx[1], gradients[1])
        for one in pair:
            one.optimizer.step(one.parameters())
        for right, found in zip(reference.layers, fast.layers, strict=True):
            for name, array in right.weights_by_name.items():
                assert_close(found.weights_by_name[name], array, 1e-10, f"{name} of {right}")
        once, expected = several(fast.forward(x)), several(reference.forward(x))
        for found, right in zip(once, expected, strict=True):
            assert_close(found, right, 1e-10, "inference")
        for number in [None] * 2 + [n - 1] * 3:  # the last ones by frozen programs
            again = several(fast.forward(x if number is None else x[number:]))
            for found, right in zip(again, once, strict=True):
                np.testing.assert_array_equal(found, right if number is None else right[number:])


def same_with_one_thread(model, x, dy, outputs, dx, gradients):
    try:
        set_threads(1)
        for found, right in zip(several(model.forward(x, training=True)), outputs, strict=True):
            np.testing.assert_array_equal(found, right)
        np.testing.assert_array_equal(model.backward(dy if len(dy) > 1 else dy[0]), dx)
        for (*_, found), right in zip(model.parameters(), gradients, strict=True):
            np.testing.assert_array_equal(found, right)
    finally:
        set_threads(state()["available"])


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("filters", [16, 5])
@pytest.mark.parametrize("normalized", [True, False])
def test_any_activation_after_a_sum(activation, filters, normalized):
    """One whose slope is not known from what it makes is a step, or a layer, of its own."""
    inputs = Input((4, 5, filters))
    x = layers.Conv2D(filters, 3, padding="same")(inputs)
    if normalized:
        x = layers.BatchNormalization(epsilon=0.1)(x)
    x = ACTIVATIONS[activation]()(layers.Add()([inputs, x]))
    compare(Model(inputs, x, seed=1, dtype="float64"), (2, 1), seed=2)


@st.composite
def residual_networks(draw):
    """Blocks around which their input is added, in all the ways that people write, and in some that
    they should not.
    """
    filters, outputs, shared = draw(st.sampled_from([3, 8, 16, 17])), [], []
    chance = st.integers(0, 3).map(lambda drawn: drawn == 0)
    activations = st.sampled_from([None, *ACTIVATIONS.values()])
    inputs = x = Input((draw(st.integers(3, 6)), draw(st.integers(3, 6)), filters))

    def follow(x, kinds):
        for kind in kinds:
            made = kind()
            if made is not None:
                x = made(x)
        return x

    def activation():
        made = draw(activations)
        return made and made()

    def norm():
        more = {"epsilon": 0.1, "scale": not draw(chance), "trainable": not draw(chance)}
        return layers.BatchNormalization(**more) if not draw(chance) else None

    def convolution():
        if shared and draw(chance):
            return draw(st.sampled_from(shared))
        kind = draw(st.sampled_from(["Conv2D", "Conv2D", "DepthwiseConv2D", "SeparableConv2D"]))
        more = {"use_bias": draw(st.booleans()), "trainable": not draw(chance), "padding": "same"}
        size = draw(st.sampled_from([1, 3]))
        made = getattr(layers, kind)(*[filters] * (kind != "DepthwiseConv2D"), size, **more)
        shared.append(made)
        return made

    for _ in range(draw(st.integers(1, 3))):
        before, earlier = x, inputs if draw(chance) else x
        x = follow(x, draw(st.permutations([activation, norm])) if draw(chance) else [])
        for _ in range(draw(st.integers(1, 2))):
            x = follow(x, [convolution, activation, norm, activation])
        if draw(chance):  # a projection on the shortcut
            earlier = follow(before, [convolution, norm])
        both = draw(st.sampled_from([[x, earlier], [earlier, x], [x, earlier], [x, x]]))
        x = layers.Add()(both)
        if draw(chance):
            outputs.append(x)
        x = follow(x, [activation])
    if draw(chance):
        x = layers.GlobalAveragePooling2D()(x)
    outputs = list(dict.fromkeys([x, *outputs]))
    return inputs, outputs if len(outputs) > 1 else x


@given(residual_networks(), st.sampled_from([(1, 2), (9, 4)]), st.integers(0, 99))
@settings(max_examples=25)
def test_residual_networks_are_their_layers(drawn, batches, seed):
    compare(Model(*drawn, seed=seed, dtype="float64"), batches, seed)


def test_a_cheap_activation_is_a_part_of_the_block_that_adds():
    """So that the tests above have what they test."""
    inputs = Input((4, 5, 16))
    x = layers.Add()([layers.Conv2D(16, 3, padding="same")(inputs), inputs])
    kinds = {}
    for name, made in ACTIVATIONS.items():
        model = Model(inputs, made()(x), seed=0)
        kinds[name] = [type(stage.step) for stage in model._execution().stages]
    alone = {name for name, steps in kinds.items() if steps == [ConvBlock]}
    assert alone == {"relu", "relu6", "leaky"}
