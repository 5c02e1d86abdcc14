"""Explanations are what their papers define, leave the model alone, and find what decides."""

import itertools
import json

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from matplotlib.image import BboxImage
from strategies import seeds, windows

from minicnn import Input, Sequential, explain, layers
from minicnn.explain import frozen
from minicnn.explain.maps import enlarge
from minicnn.explain.sight import sights
from minicnn.layers import (
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    MaxPooling2D,
    Rescaling,
    Softmax,
    ZeroPadding2D,
)

MAPS = {"grad_cam": explain.grad_cam, "saliency": explain.saliency, "occlusion": explain.occlusion}
each_map = pytest.mark.parametrize("method", MAPS.values(), ids=MAPS)


def body():
    """A network with everything that is another in training than in inference."""
    return [
        Rescaling(2.0, offset=-1.0),
        Conv2D(6, 3, activation="relu", name="first"),
        BatchNormalization(),
        MaxPooling2D(),
        Dropout(0.5),
        Conv2D(5, 3, padding="same", activation="relu", name="second"),
        BatchNormalization(),
        Flatten(),
        Dense(7, activation="relu"),
        Dropout(0.5),
    ]


def made(stack, shape=(12, 11, 3), dtype="float64", **options):
    """A model with random weights and statistics, which counts as trained."""
    model = Sequential([Input(shape), *stack], seed=0, dtype=dtype, **options)
    rng = np.random.default_rng(1)
    for layer in model.layers:
        for name, array in layer.weights_by_name.items():
            if name != "kernel":
                array[...] = rng.uniform(0.5, 1.5, array.shape)
            if name == "gamma":
                array[::2] *= -1
    model.note_weights()
    return model


def network(dtype="float64", **options):
    return made([*body(), Dense(4, activation="softmax")], dtype=dtype, **options)


def scores_of(model):
    """A model like network(), without the softmax, that shares nothing with it."""
    twin = made([*body(), Dense(4)])
    twin.set_weights(model.get_weights())
    return twin


def picture(shape=(12, 11, 3), seed=2):
    return np.random.default_rng(seed).random(shape)


def slope(function, x, direction, h=1e-6):
    """Derivative of a function of x in a direction, by central differences."""
    return (function(x + h * direction) - function(x - h * direction)) / (2 * h)


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


def copied(layer):
    return type(layer)(**layer.get_config() | {"name": None})


def test_an_enlarged_map_goes_on_beyond_the_outermost_places():
    model = Sequential([Input((9, 9, 1)), Conv2D(1, 5)], seed=0)
    coarse = np.random.default_rng(0).random((5, 5))
    heat = enlarge(coarse, seen_by(model), (9, 9))
    np.testing.assert_allclose(heat[2:7, 2:7], coarse)
    np.testing.assert_allclose(heat[:2], heat[2:3].repeat(2, axis=0))
    np.testing.assert_allclose(heat[:, 7:], heat[:, 6:7].repeat(2, axis=1))


# Which class


@each_map
def test_the_models_own_answer_is_explained_unless_another_is_named(method):
    model, x = network(class_names=["ant", "bee", "cow", "dog"]), picture()
    probabilities = model.predict(x[None])[0]
    best = int(probabilities.argmax())
    own, named = method(model, x), method(model, x[None], class_index=np.int64(best))
    assert own.class_index == best and own.class_name == model.class_names[best]
    assert own.probability == pytest.approx(probabilities[best], rel=1e-12)
    np.testing.assert_array_equal(own.heat, named.heat)
    other = method(model, x, (best + 1) % 4)
    assert other.probability == pytest.approx(probabilities[(best + 1) % 4], rel=1e-12)
    assert not np.array_equal(other.heat, own.heat)


@each_map
@pytest.mark.parametrize(
    "last", [[Dense(4)], [Dense(4), Softmax()], [Dense(4), layers.Activation("softmax")]]
)
def test_it_does_not_matter_how_the_model_ends(method, last):
    model, x = network(), picture()
    other = made([*body(), *map(copied, last)])
    other.set_weights(model.get_weights())
    np.testing.assert_allclose(method(other, x, 1).heat, method(model, x, 1).heat, atol=1e-12)


# The model stays as it was


def state_of(model):
    """Everything in a model that a run could change, as values."""
    kept = []
    for layer in model.layers:
        arrays = [
            array.tobytes() for array in [*layer.weights_by_name.values(), *layer.grads.values()]
        ]
        cache = [id(part) for part in layer._cache or ()]
        kept.append(
            (arrays, cache, layer.trainable, layer.needs_input_grad, json.dumps(layer.random_state))
        )
    return (
        kept,
        json.dumps(model.shuffle_rng.bit_generator.state),
        id(model._planned),
        model.has_fresh_weights,
    )


@pytest.mark.parametrize("engine", ["fast", "reference"])
@each_map
def test_the_model_is_left_alone(method, engine):
    """Also in the middle of a training by hand: the backward after it is that of the forward before
    it.
    """
    model, x = network("float32"), picture().astype(np.float32)
    model.engine = engine
    batch, dy = picture((5, 12, 11, 3)).astype(np.float32), picture((5, 4)).astype(np.float32)

    def gradients(between):
        model.reseed(3)
        model.forward(batch, training=True)
        before = state_of(model)
        between()
        assert state_of(model) == before
        return [model.backward(dy), *(grad.copy() for _, _, grad in model.parameters())]

    weights = model.get_weights()
    expected = gradients(lambda: None)
    model.set_weights(weights)  # with them, the moving statistics
    for a, b in zip(gradients(lambda: method(model, x)), expected, strict=True):
        np.testing.assert_array_equal(a, b)
    model.set_weights(weights)
    gradients(lambda: (explain.filters(model), explain.activations(model, x)))


@each_map
def test_the_same_picture_gives_the_same_map(method):
    model, x = network("float32"), picture()
    np.testing.assert_array_equal(method(model, x).heat, method(model, x).heat)


# What really decides

PATCH = 5


def patched(count, seed, corner=None):
    """Noise with a bright patch in it, red in class 0, green in class 1, at the corner or anywhere;
    (x, y, corners).
    """
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, 0.5, (count, 20, 20, 3)).astype(np.float32), rng.integers(0, 2, count)
    corners = (
        rng.integers(0, 20 - PATCH + 1, (count, 2))
        if corner is None
        else np.array([corner] * count)
    )
    for one, label, (h, w) in zip(x, y, corners, strict=True):
        one[h : h + PATCH, w : w + PATCH, label] += 0.5
    return x, y, corners


def finder(stack, corner):
    """A model that is always right about such patches, and pictures that it has not seen."""
    model = Sequential([Input((20, 20, 3)), *stack, Dense(2, activation="softmax")], seed=0)
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    model.optimizer.learning_rate = 0.01
    x, y, _ = patched(512, 0, corner)
    model.fit(x, y, batch_size=32, epochs=30, verbose=0)
    x, y, corners = patched(40, 1, corner)
    assert model.evaluate(x, y, return_dict=True)["accuracy"] == 1.0
    return model, x, y, corners


@pytest.fixture(scope="module")
def anywhere():
    stack = [
        Conv2D(8, 3, activation="relu"),
        MaxPooling2D(),
        Conv2D(8, 3, activation="relu"),
        GlobalAveragePooling2D(),
    ]
    return finder(stack, None)


@pytest.fixture(scope="module")
def at_one_place():
    """Saliency tells which pixels would count, and where a patch may be anywhere, those are all of
    them.
    """
    return finder([Flatten(), Dense(8, activation="relu")], (11, 3))


@pytest.mark.parametrize(
    "name, case",
    [("grad_cam", "anywhere"), ("occlusion", "anywhere"), ("saliency", "at_one_place")],
)
def test_a_patch_that_alone_decides_is_found(name, case, request):
    model, x, y, corners = request.getfixturevalue(case)
    found, contrast = 0, []
    for one, label, (h, w) in zip(x, y, corners, strict=True):
        made = MAPS[name](model, one)
        assert made.class_index == label
        row, column = made.warmest
        found += h - 2 <= row < h + PATCH + 2 and w - 2 <= column < w + PATCH + 2
        inside = np.zeros((20, 20), bool)
        inside[h : h + PATCH, w : w + PATCH] = True
        contrast.append(made.heat[inside].mean() / np.abs(made.heat[~inside]).mean())
    assert found >= 36, f"{found} of 40"
    assert np.median(contrast) > 3, np.median(contrast)


# As text, data and picture


@each_map
def test_maps_say_in_words_and_data_what_they_show(method):
    model, x = network(class_names=["ant", "bee", "cow", "dog"]), picture()
    made = method(model, x)
    text = made.to_text()
    assert (
        made.method in text
        and made.class_name in text
        and f"{100 * made.probability:.1f} %" in text
    )
    assert f"warmest at row {made.warmest[0]}, column {made.warmest[1]}" in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 12 and all(len(line) == 2 * 11 + 2 for line in lines)
    assert lines[made.warmest[0]][1 + 2 * made.warmest[1]] == "@"
    data = json.loads(json.dumps(made.to_dict()))
    np.testing.assert_array_equal(data["heat"], made.heat)
    assert data["class_name"] == made.class_name


def test_a_map_that_is_cold_everywhere_says_so():
    model, x = network(), picture()
    model.layers[-1].params["kernel"][...] = 0
    assert "nothing in this picture speaks for the class" in explain.grad_cam(model, x).to_text()
    assert has_text(explain.grad_cam(model, x).plot(), "Grad-CAM")


def test_the_other_results_as_text_and_data():
    model, x = network(), picture()
    kernels, each, matrix = (
        explain.filters(model),
        explain.activations(model, x),
        explain.im2col(x, 3),
    )
    assert len(kernels.to_text().splitlines()) == 1 + 6
    assert "second (Conv2D)" in each.to_text() and "5x4x5" in each.to_text()
    assert (
        "10x9 positions, so 90 rows" in matrix.to_text()
        and "(90, 27) @ (27, F) = (90, F)" in matrix.to_text()
    )
    for made in (kernels, each, matrix):
        json.dumps(made.to_dict())
    assert len(matrix.to_dict()["patches"]) == 90


def has_text(plot, words):
    return any(
        words in text.get_text()
        for text in plot.figure.findobj(match=lambda one: hasattr(one, "get_text"))
    )


def drawn(plot):
    """The arrays of all pictures in a figure."""
    placed = [artist for artist in plot.figure.artists if isinstance(artist, BboxImage)]
    return [
        np.asarray(image.get_array())
        for image in [*placed, *(i for axes in plot.figure.axes for i in axes.images)]
    ]


def assert_nothing_leaves_the_figure(plot):
    width, height = plot.figure.get_size_inches()
    plot.figure.draw_without_rendering()
    box = plot.figure.get_tightbbox()
    assert 0 <= box.x0 < box.x1 <= width and 0 <= box.y0 < box.y1 <= height, box


def test_a_heat_map_is_laid_over_the_grey_picture(tmp_path):
    from minicnn import plots

    model, x = network(class_names=["ant", "bee", "cow", "dog"]), picture()
    maps = [method(model, x, 1) for method in MAPS.values()]
    plot = plots.heat_overlay(maps)
    shown, *overlays = drawn(plot)
    np.testing.assert_allclose(shown, x)
    for overlay, made in zip(overlays, maps, strict=True):
        cold = made.heat == 0
        np.testing.assert_allclose(
            overlay[cold], 0.25 + 0.75 * x.mean(axis=-1, keepdims=True).repeat(3, -1)[cold]
        )
        place = np.unravel_index(np.abs(made.heat).argmax(), made.heat.shape)
        red, _, blue = overlay[place]
        assert (blue > red) == (made.heat[place] > 0), "blue for, vermillion against"
        assert has_text(plot, made.method)
    assert has_text(plot, "bee") and plot.to_text() == "\n\n".join(made.to_text() for made in maps)
    assert_nothing_leaves_the_figure(plot)
    assert maps[0].plot().save(tmp_path / "cam.png").stat().st_size > 1000
    assert maps[0]._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(
        ValueError, match=r"heat_overlay expected at least one map, received none: pass \[explain"
    ):
        plots.heat_overlay([])


def test_a_sheet_has_a_row_for_every_layer():
    model, x = network(class_names=["ant", "bee", "cow", "dog"]), picture()
    made = explain.activations(model, x)
    plot = made.plot()
    assert all(has_text(plot, f"{name}  ") for name in made.outputs) and has_text(plot, "ant")
    sheet = drawn(plot)[2]  # of the first convolution, after the picture and the rescaling
    H, W, F = made.outputs["first"].shape
    assert sheet.shape == (H, F * (W + 1) - 1)
    np.testing.assert_allclose(sheet[:, W + 1 : 2 * W + 1], made.outputs["first"][..., 1])
    assert_nothing_leaves_the_figure(plot)


def test_kernels_and_patches_are_drawn():
    kernels = explain.filters(network())
    np.testing.assert_allclose(np.array(drawn(kernels.plot())), kernels.pictures)
    for shape, padding in (((12, 11, 3), "valid"), ((7, 7, 1), "same"), ((3, 3, 2), "valid")):
        matrix = explain.im2col((255 * picture(shape)).astype(np.uint8), 3, 1, padding)
        plot = matrix.plot()
        whole = max(
            drawn(plot), key=lambda image: image.shape[0] if image.shape[1] == 9 * shape[2] else 0
        )
        if shape[2] == 3:
            np.testing.assert_allclose(whole.sum(axis=-1), matrix.patches / 255, rtol=1e-6)
            np.testing.assert_array_equal(whole[:, 1::3, [0, 2]], 0)  # green numbers are green
        else:
            np.testing.assert_allclose(whole[..., 0], matrix.patches / 255, rtol=1e-6)
        assert_nothing_leaves_the_figure(plot)


@pytest.mark.parametrize("low, high", [(0, 255), (0, 1), (-2, 2)])
def test_pictures_of_any_range_are_shown(low, high):
    from minicnn.plots.explain import visible

    x = low + (high - low) * np.linspace(0, 1, 2 * 3 * 3).reshape(2, 3, 3)
    np.testing.assert_allclose(visible(x), np.linspace(0, 1, 18).reshape(2, 3, 3), atol=1e-12)
    if high == 255:
        np.testing.assert_array_equal(
            visible(np.full((2, 2, 1), 255, np.uint8)), np.ones((2, 2, 3))
        )


# What cannot be explained


@each_map
def test_wrong_classes_are_refused(method):
    for wrong in (4, -1, 1.0, "cat"):
        with pytest.raises(
            ValueError, match=r"'sequential' expected a class_index from 0 to 3, received"
        ):
            method(network(), picture(), wrong)


EXPLAIN = {**MAPS, "activations": explain.activations}


@pytest.mark.parametrize("name", EXPLAIN)
def test_what_is_not_one_picture_is_refused(name):
    model, x, method = network(), picture(), EXPLAIN[name]
    begin = rf"explain.{name} expected one picture \(12, 11, 3\), received "
    with pytest.raises(ValueError, match=begin + r"\(2, 12, 11, 3\): choose one, x\[0\]"):
        method(model, np.stack([x, x]))
    with pytest.raises(
        ValueError,
        match=begin + r"\(3, 12, 11\): minicnn is channels-last, try x.transpose\(1, 2, 0\)",
    ):
        method(model, x.transpose(2, 0, 1))
    with pytest.raises(
        ValueError, match=begin + r"\(12, 11\): add the channel axis, x\[..., None\]"
    ):
        method(model, x[..., 0])
    with pytest.raises(ValueError, match=begin + r"\(9, 9, 3\)$"):
        method(model, picture((9, 9, 3)))
    with pytest.raises(ValueError, match=r"expected one picture \(H, W, C\), received \(12, 11\)"):
        method(Sequential(body()), x[..., 0])
    vectors = made([Dense(3)], shape=(5,))
    with pytest.raises(
        ValueError,
        match=r"expected a model of pictures, received 'sequential' for samples of shape \(5,\)",
    ):
        method(vectors, np.zeros((4, 5, 3)))


def test_layers_without_feature_maps_are_refused():
    x = picture()
    with pytest.raises(
        ValueError,
        match=r"grad_cam expected a model with a convolution \(Conv2D\), received 'plain', ",
    ):
        explain.grad_cam(made([Flatten(), Dense(2)], name="plain"), x)
    with pytest.raises(ValueError, match=r"has no layer 'secnd'. Did you mean 'second'\?"):
        explain.grad_cam(network(), x, layer="secnd")
    with pytest.raises(
        ValueError,
        match=r"received Flatten 'flatten' with output \(100,\): name one before Flatten",
    ):
        explain.grad_cam(network(), x, layer="flatten")
    with pytest.raises(
        ValueError,
        match=r"expected predictions \(N, K\), received shape \(1, 10, 9, 2\): put Flatten",
    ):
        explain.saliency(made([Conv2D(2, 3)]), x)
    with pytest.raises(
        ValueError,
        match=r"explain.filters expected a model with a convolution \(Conv2D\), received "
        r"'sequential'",
    ):
        explain.filters(made([Flatten(), Dense(2)]))
    with pytest.raises(
        ValueError, match=r"explain.filters expected a model with weights: call build"
    ):
        explain.filters(Sequential([Conv2D(2, 3)]))


def test_squares_and_kernels_that_do_not_fit_are_refused():
    model, x = network(), picture()
    for size, stride in ((12, 1), (4, 5)):
        with pytest.raises(
            ValueError, match=rf"stride <= size <= 11.*received size={size}, stride={stride}"
        ):
            explain.occlusion(model, x, size=size, stride=stride)
    with pytest.raises(
        ValueError, match=r"explain.occlusion expected size of at least 1, received 0"
    ):
        explain.occlusion(model, x, size=0)
    with pytest.raises(
        ValueError, match=r"explain.im2col expected one picture \(H, W, C\), received .* x\[0\]"
    ):
        explain.im2col(x[None])
    with pytest.raises(ValueError, match=r"explain.im2col expected one picture .* x\[..., None\]"):
        explain.im2col(x[..., 0])
    with pytest.raises(ValueError, match=r"smaller than its 13x13 window"):
        explain.im2col(x, 13)


@each_map
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_augmentation_is_off(method, dtype):
    random = [
        layers.RandomCrop(12, 11, padding=2),
        layers.RandomRotation(0.2),
        layers.RandomErasing(1.0),
    ]
    plain, x = network(dtype), picture()
    augmented = made(
        [layers.RandomFlip(), *random, *body(), Dense(4, activation="softmax")], dtype=dtype
    )
    augmented.set_weights(plain.get_weights())
    np.testing.assert_array_equal(method(augmented, x).heat, method(plain, x).heat)


def test_there_is_no_saliency_of_a_model_that_crops_but_the_other_maps():
    model, x = made([layers.RandomCrop(8, 8), *body(), Dense(4, activation="softmax")]), picture()
    with pytest.raises(
        ValueError,
        match=r"RandomCrop 'random_crop' computes .* explain.occlusion needs no gradient",
    ):
        explain.saliency(model, x)
    assert (
        explain.occlusion(model, x).heat.shape == explain.grad_cam(model, x).heat.shape == (12, 11)
    )


class Noise(layers.Layer):
    """Adds noise in training; what inference gives is a copy, so that nothing says that it is the
    same.

    Shapes: x, y (N, ...)
    """

    def forward(self, x, *, training=False):
        x = self.accept(x)
        self._cache = ()
        return x + self.rng.standard_normal(x.shape) if training else x.copy()

    def backward(self, dy):
        return dy


def test_a_layer_of_ones_own_that_cannot_be_frozen_is_named():
    model = made([Conv2D(3, 3), Noise(), GlobalAveragePooling2D(), Dense(2)])
    with pytest.raises(
        ValueError, match=r"Noise 'noise' computes something else in training than in inference"
    ):
        explain.grad_cam(model, picture())
    assert explain.occlusion(model, picture()).heat.shape == (12, 11)  # needs no gradient


@pytest.mark.parametrize("name", [*EXPLAIN, "filters"])
def test_untrained_models_are_warned_of(name):
    model = Sequential([Input((12, 11, 3)), *body(), Dense(4, activation="softmax")], seed=0)
    arguments = () if name == "filters" else (picture(),)
    with pytest.warns(
        UserWarning, match="'sequential' has neither been trained nor loaded"
    ) as caught:
        getattr(explain, name)(model, *arguments)
    assert [warning.filename for warning in caught] == [__file__]


@each_map
def test_pixels_in_another_range_are_warned_of(method):
    model = made([Conv2D(3, 3), GlobalAveragePooling2D(), Dense(2)])
    with pytest.warns(UserWarning, match="pixels up to 2.* go into Conv2D") as caught:
        method(model, 255 * picture())
    assert [warning.filename for warning in caught] == [__file__]
