"""Layers with kernels where other parts look at what a layer is: pictures, explanations, the
Doctor, receptive fields, costs.
"""

import numpy as np
import pytest

from minicnn import Input, Sequential, explain, layers
from minicnn.network.summary import described
from minicnn.training.callbacks.vitals import Vitals, kernels

PICTURE_LAYERS = [
    layers.Conv2D(2, 3),
    layers.DepthwiseConv2D(3),
    layers.SeparableConv2D(2, 3),
    layers.Conv2DTranspose(2, 3),
    layers.GroupNormalization(1),
]


@pytest.mark.parametrize("layer", PICTURE_LAYERS, ids=lambda layer: type(layer).__name__)
def test_a_model_built_channels_first(layer):
    message = r"is to see pictures of 3 rows, 32 columns and 32 channels: minicnn is channels-last"
    with pytest.raises(ValueError, match=message):
        Sequential([Input((3, 32, 32)), layer.clone()])


@pytest.mark.parametrize("layer", PICTURE_LAYERS[:4], ids=lambda layer: type(layer).__name__)
def test_grad_cam_looks_at_the_last_convolution_of_any_kind(layer):
    last = layer.clone(padding="same", name="last")
    head = [layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax")]
    model = Sequential([Input((8, 8, 2)), layers.Conv2D(4, 3), last, *head], seed=0)
    model.note_weights()
    found = explain.grad_cam(model, np.random.default_rng(0).random((8, 8, 2), np.float32))
    assert found.layer == "last"


def test_filters_of_a_group_are_no_colours():
    model = Sequential([Input((8, 8, 6)), layers.Conv2D(4, 3, groups=2)], seed=0)
    model.note_weights()
    found = explain.filters(model)
    assert found.kernels.shape == (4, 3, 3, 3) and np.ptp(found.pictures, axis=-1).max() == 0
    model = Sequential([Input((8, 8, 3)), layers.Conv2D(4, 3)], seed=0)
    model.note_weights()
    assert np.ptp(explain.filters(model).pictures, axis=-1).max() > 0


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("regularizer", [None, "l2"])
def test_the_doctor_sees_dead_units_whatever_penalty_reaches_their_weights(engine, regularizer):
    options = {"activation": "relu", "padding": "same"}
    model = Sequential(
        [
            Input((6, 6, 2)),
            layers.Conv2D(4, 3, kernel_regularizer=regularizer, **options),
            layers.DepthwiseConv2D(
                3, depth_multiplier=2, depthwise_regularizer=regularizer, **options
            ),
            layers.Conv2D(4, 3, kernel_regularizer=regularizer, use_bias=False, **options),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ],
        seed=0,
    )
    model.engine = engine
    model.compile("sgd", "sparse_categorical_crossentropy")
    first, depthwise, unbiased, *_ = model.layers
    first.params["bias"][...] = [5, -100, 5, 5]
    depthwise.params["bias"][...] = [5, 5, -100, 5, 5, -100, 5, 5]
    x = np.random.default_rng(0).random((8, 6, 6, 2), np.float32)
    vitals, before = Vitals(), kernels(model.leaves)
    model.loss_and_gradients(x, np.arange(8) % 2)
    vitals.look(model.leaves, before, 8)
    assert vitals.alive["conv2d"].tolist() == [True, False, True, True]
    # a dead channel gives its own kernels nothing, but their biases live
    alive = [True, True, False, True, True, False, True, True]
    assert vitals.alive["depthwise_conv2d"].tolist() == alive
    assert (unbiased.name in vitals.alive) == (regularizer is None)  # else nobody can tell
    assert np.isfinite(vitals.gradients["conv2d"]).all()


STACKS = [
    ("7x7 / 2", [layers.DepthwiseConv2D(3, 2), layers.SeparableConv2D(2, 3)]),
    ("9x9 / 1", [layers.Conv2D(2, 3, 2), layers.Conv2D(2, 3), layers.Conv2DTranspose(1, 3, 2)]),
    ("10x10 / 2", [layers.Conv2D(2, 2, 4), layers.Conv2DTranspose(1, 5, 2)]),
    ("7x7 / 1", [layers.Conv2D(2, 3), layers.Conv2DTranspose(1, 3, dilation_rate=2)]),
]


@pytest.mark.parametrize(("field", "stack"), STACKS, ids=[field for field, _ in STACKS])
def test_receptive_fields_are_the_pixels_that_move_an_output(field, stack):
    model = Sequential(
        [Input((24, 24, 1)), *[layer.clone() for layer in stack]], seed=0, dtype="float64"
    )
    assert described(model)["layers"][-1]["receptive_field"] == field
    x = np.random.default_rng(0).standard_normal((1, 24, 24, 1))
    y, moved = model.forward(x), []
    for row in range(24):
        bump = x.copy()
        bump[:, row] += 1
        moved.append(np.abs(model.forward(bump) - y).max(axis=(0, 2, 3)) > 0)
    spans = [np.flatnonzero(column) for column in np.transpose(moved)]  # of every row of y
    assert max(span[-1] - span[0] + 1 for span in spans) == int(field.split("x")[0])
