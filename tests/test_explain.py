"""Explanations are what their papers define."""

import itertools

import numpy as np
import pytest
import reference
from explain_cases import copied, made, network, picture, scores_of, slope
from hypothesis import given, settings
from strategies import seeds, windows

from minicnn import Input, Sequential, explain, layers
from minicnn.explain import frozen
from minicnn.explain.maps import enlarge
from minicnn.explain.sight import sights
from minicnn.layers import (
    AveragePooling2D,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    MaxPooling2D,
    ZeroPadding2D,
)

# What the maps are


@pytest.mark.parametrize("class_index", [0, 3])
def test_saliency_is_the_derivative_of_the_score_in_inference(class_index):
    model, x = network(), picture()
    scores = scores_of(model)
    found = explain.saliency(model, x, class_index)
    for index in itertools.product(range(0, 12, 3), range(0, 11, 2), range(3)):
        direction = np.zeros_like(x)
        direction[index] = 1
        measured = slope(lambda x: scores.predict(x[None])[0, class_index], x, direction)
        assert found.gradient[index] == pytest.approx(measured, rel=1e-5, abs=1e-8), index
    np.testing.assert_array_equal(found.heat, np.abs(found.gradient).max(axis=2))
    assert np.abs(found.gradient).max() > 1e-3


@pytest.mark.parametrize("layer", ["first", "second"])
def test_grad_cam_weights_are_derivatives_of_the_score(layer):
    """Raising all of a feature map by h changes the score by h * sum of the gradients, which is Z *
    alpha.
    """
    model, x, class_index = network(), picture(), 0
    found = explain.grad_cam(model, x, class_index, layer)
    twin = scores_of(model)
    after = [one.name for one in twin.layers].index(layer) + 1

    def rest(features):
        for one in twin.layers[after:]:
            features = one.forward(features)
        return features[0, class_index]

    features = x[None]
    for one in twin.layers[:after]:
        features = one.forward(features)
    Z, F = features[0, ..., 0].size, features.shape[-1]
    for k in range(F):
        direction = np.zeros_like(features)
        direction[..., k] = 1
        assert found.weights[k] * Z == pytest.approx(
            slope(rest, features, direction), rel=1e-5, abs=1e-8
        )
    weighted = np.zeros(features.shape[1:3])
    for i, j, k in itertools.product(*map(range, features.shape[1:])):
        weighted[i, j] += found.weights[k] * features[0, i, j, k]
    np.testing.assert_allclose(found.coarse, np.maximum(weighted, 0), atol=1e-12)
    assert found.layer == layer and found.heat.shape == x.shape[:2] and found.coarse.max() > 0


def test_grad_cam_is_the_class_activation_map_where_that_exists():
    """Selvaraju et al.

    2017, appendix A: with global average pooling and one dense layer, alpha = w / Z.
    """
    stack = [
        Conv2D(4, 3, activation="relu"),
        Conv2D(6, 3, activation="relu"),
        GlobalAveragePooling2D(),
    ]
    model, x = made([*stack, Dense(3, activation="softmax")]), picture()
    found = explain.grad_cam(model, x, class_index=1)
    features = x[None]
    for layer in model.layers[:2]:
        features = layer.forward(features)
    w = model.layers[-1].params["kernel"][:, 1]
    np.testing.assert_allclose(found.weights * features[0, ..., 0].size, w, rtol=1e-12)
    np.testing.assert_allclose(
        found.coarse * features[0, ..., 0].size, np.maximum(features[0] @ w, 0), atol=1e-12
    )


def test_occlusion_is_what_it_says_square_by_square():
    model, x = network(), picture()
    size, stride, class_index = 4, 3, 1
    found = explain.occlusion(model, x, class_index, size, stride)
    # the last ones end at the edge
    assert found.rows == [0, 3, 6, 8] and found.columns == [
        0,
        3,
        6,
        7,
    ]
    whole = model.predict(x[None])[0, class_index]
    lost = [[[] for _ in range(11)] for _ in range(12)]
    for (a, row), (b, column) in itertools.product(enumerate(found.rows), enumerate(found.columns)):
        covered = x.copy()
        covered[row : row + size, column : column + size] = x.reshape(-1, 3).mean(axis=0)
        probability = model.predict(covered[None])[0, class_index]
        assert found.probabilities[a, b] == pytest.approx(probability, rel=1e-12)
        for h, w in itertools.product(range(row, row + size), range(column, column + size)):
            lost[h][w].append(whole - probability)
    expected = [[np.mean(values) for values in line] for line in lost]
    np.testing.assert_allclose(found.heat, expected, atol=1e-14)
    assert found.probability == pytest.approx(whole, rel=1e-12)


def test_occlusion_runs_on_the_engine_and_finds_what_the_layers_find(monkeypatch):
    """They take ten times as long for its many pictures."""
    model, x = network("float32"), picture()
    found = {}
    for model.engine in ("reference", "fast"):
        found[model.engine] = explain.occlusion(model, x)
    np.testing.assert_allclose(found["fast"].heat, found["reference"].heat, atol=1e-6)
    used = []
    execution = frozen.Execution
    monkeypatch.setattr(
        frozen, "Execution", lambda layers, engine: used.append(engine) or execution(layers, engine)
    )
    monkeypatch.setattr(frozen.Frozen, "run", pytest.fail)
    np.testing.assert_array_equal(explain.occlusion(model, x).heat, found["fast"].heat)
    assert used == ["fast"]


@given(windows(dilated=True), seeds)
@settings(max_examples=30)
def test_im2col_is_the_definition_and_makes_a_convolution_one_product(window, seed):
    x = np.random.default_rng(seed).random(window["x_shape"][1:])
    geometry = window["strides"], window["padding"], window["dilation"]
    made = explain.im2col(x, window["size"], *geometry)
    (KH, KW), (OH, OW), C = made.kernel_size, made.output, x.shape[-1]
    expected = np.zeros((OH, OW, KH, KW, C), np.float32)
    for _, i, j, kh, kw, h, w in reference.taps((1, *x.shape), window["size"], *geometry):
        expected[i, j, kh, kw] = x[h, w]
        h0, w0 = made.corner(i * OW + j)
        assert (h, w) == (h0 + kh * window["dilation"][0], w0 + kw * window["dilation"][1])
    np.testing.assert_array_equal(made.patches, expected.reshape(OH * OW, -1))
    layer = Conv2D(2, window["size"], *geometry)
    layer.build(x.shape)
    product = made.patches @ layer.params["kernel"].reshape(-1, 2)
    np.testing.assert_allclose(
        layer.forward(x[None])[0], product.reshape(OH, OW, 2), rtol=1e-5, atol=1e-5
    )


def test_filters_are_the_kernels_around_grey():
    model = network()
    found = explain.filters(model)
    kernel = model.get_layer("first").params["kernel"]
    for f in range(6):
        np.testing.assert_array_equal(found.kernels[f], kernel[..., f])
        drawn = (found.pictures[f] - 0.5) * 2 * np.abs(kernel[..., f]).max()
        np.testing.assert_allclose(drawn, kernel[..., f], atol=1e-12)
    assert found.pictures.min() >= 0 and found.pictures.max() <= 1


def test_filters_over_other_channels_are_grey_and_one_without_weights_too():
    model = made([Conv2D(2, 3), GlobalAveragePooling2D(), Dense(2)], shape=(8, 8, 2))
    model.layers[0].params["kernel"][..., 1] = 0
    found = explain.filters(model)
    mean = model.layers[0].params["kernel"][..., 0].mean(axis=-1)
    np.testing.assert_allclose(
        found.pictures[0], (0.5 + mean / (2 * np.abs(mean).max()))[..., None].repeat(3, axis=-1)
    )
    np.testing.assert_array_equal(found.pictures[1], 0.5)


def test_activations_are_each_layers_output_in_inference():
    model, x = network(class_names=["a", "b", "c", "d"]), picture()
    found = explain.activations(model, x)
    y = x[None]
    assert list(found.outputs) == [layer.name for layer in model.layers]
    for layer in model.layers:
        y = layer.forward(y)
        np.testing.assert_array_equal(found.outputs[layer.name], y[0])
    assert found.kinds["first"] == "Conv2D" and found.class_names == ["a", "b", "c", "d"]


STACKS = {
    "documented": [Conv2D(2, 3), MaxPooling2D(), Conv2D(2, 3), MaxPooling2D(), Conv2D(2, 3)],
    "same": [
        Conv2D(2, 5, padding="same"),
        MaxPooling2D(3, strides=2, padding="same"),
        Conv2D(2, 3, padding="same"),
    ],
    "strides": [
        Conv2D(2, (2, 4), strides=(2, 3)),
        ZeroPadding2D(((2, 0), (1, 3))),
        AveragePooling2D((1, 2)),
    ],
    "crop": [Conv2D(2, 3, strides=2, padding="same"), layers.RandomCrop(11, 10), Conv2D(2, 3)],
    "cropped": [layers.Cropping2D(((1, 3), (4, 0))), Conv2D(2, 3, strides=2)],
    "enlarged": [layers.UpSampling2D((3, 1)), Conv2D(2, 3), layers.CenterCrop(60, 20)],
    "drawn anew": [Conv2D(2, 3), layers.Resizing(93, 32, "nearest"), Conv2D(2, (3, 1), strides=3)],
    "dilation": [
        ZeroPadding2D(3),
        Conv2D(2, 3, dilation_rate=(3, 2), padding="same"),
        Conv2D(2, 3),
    ],
}


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
def test_a_place_is_drawn_at_the_middle_of_the_pixels_that_it_depends_on(stack):
    H, W = 33, 34
    model = Sequential([Input((H, W, 1)), *map(copied, stack)], seed=0, dtype="float64")
    for layer in model.layers:
        for kernel in layer.params.values():
            kernel[...] = np.abs(kernel)
    model.note_weights()
    OH, OW, _ = model.layers[-1].output_shape
    x = np.zeros((1, H, W, 1))
    i, j = OH // 2, OW // 2
    seen = []
    for h, w in itertools.product(range(H), range(W)):
        x[0, h, w] = 1
        if model.predict(x)[0, i, j].any():
            seen.append((h, w))
        x[0, h, w] = 0
    middle = np.add(np.min(seen, axis=0), np.max(seen, axis=0)) / 2
    coarse = np.zeros((OH, OW))
    coarse[i, j] = 1
    heat = enlarge(coarse, seen_by(model), (H, W))
    assert heat.shape == (H, W) and heat.max() > 0.4
    where = np.average(np.argwhere(heat > 0), axis=0, weights=heat[heat > 0])
    np.testing.assert_allclose(where, middle, atol=1e-9)


def seen_by(model):
    """Which pixels the places of a model's output see."""
    program = model.program()
    return sights(program.calls)[program.outputs[0]]


def test_an_enlarged_map_goes_on_beyond_the_outermost_places():
    model = Sequential([Input((9, 9, 1)), Conv2D(1, 5)], seed=0)
    coarse = np.random.default_rng(0).random((5, 5))
    heat = enlarge(coarse, seen_by(model), (9, 9))
    np.testing.assert_allclose(heat[2:7, 2:7], coarse)
    np.testing.assert_allclose(heat[:2], heat[2:3].repeat(2, axis=0))
    np.testing.assert_allclose(heat[:, 7:], heat[:, 6:7].repeat(2, axis=1))
