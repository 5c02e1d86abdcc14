"""Augmentation layers: Keras' values, the definition of resampling, one resampling for several
layers, mistakes.
"""

import re

import numpy as np
import pytest
from golden import make_augmentation as recipe
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import seeds

from minicnn import Sequential, layers, models
from minicnn.kernels import resample as kernel
from minicnn.layers.augmentation.geometric import Composed, FillingLayer, GeometricLayer, composed
from minicnn.network.executor import layers_of

GOLDEN = recipe.unpack()
CASES = list(recipe.CASES.values())
EVERY = {
    "flip": lambda: layers.RandomFlip(),
    "rotation": lambda: layers.RandomRotation(0.2),
    "translation": lambda: layers.RandomTranslation((-0.3, 0.1), 0.2, fill_mode="wrap"),
    "zoom": lambda: layers.RandomZoom(0.3, interpolation="nearest"),
    "crop": lambda: layers.RandomCrop(7, 5, padding=2),
    "brightness": lambda: layers.RandomBrightness(0.4),
    "contrast": lambda: layers.RandomContrast((0.2, 0.6)),
    "erasing": lambda: layers.RandomErasing((0.5, 1)),
}
every_layer = pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)


def built(layer, shape, dtype=np.float32):
    layer.build(shape, np.random.default_rng(0), dtype)
    return layer


def some_bytes(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


# Keras' values

ORDER = {  # the layers' own order of the draws that Keras makes
    "RandomFlip": ("flip", "flip"),
    "RandomRotation": ("angle",),
    "RandomZoom": ("height", "width"),
    "RandomTranslation": ("height", "width"),
    "RandomBrightness": ("added",),
    "RandomContrast": ("factor",),
    "RandomErasing": ("chance", "coin", "height", "top", "width", "left"),
}


@pytest.mark.nojit
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_values_are_those_of_keras_for_the_same_draws(case, monkeypatch):
    """To 1 grey level of 255, flips and erasing exactly; from floats and from bytes."""
    scale = 255 if case.arguments.get("value_range") == (0, 1) else 1
    x = recipe.pictures(case).astype(np.float32)
    layer = built(getattr(layers, case.layer)(**case.arguments), x.shape[1:])
    drawn = np.array([case.drawn.get(name, case.drawn.get("height")) for name in ORDER[case.layer]])
    monkeypatch.setattr("minicnn.layers.augmentation.base.uniform", lambda *_: drawn)
    monkeypatch.setattr("minicnn.layers.augmentation.random_erasing.uniform", lambda *_: drawn)
    for pictures in (x, x.astype(np.uint8)) if scale == 1 else (x,):
        y = scale * layer.forward(pictures, training=True)
        assert y.dtype == np.float32
        np.testing.assert_allclose(
            y, GOLDEN[case.name], rtol=0, atol=case.tolerance + 0.5 / recipe.SCALE
        )


def test_the_cases_reach_every_layer_that_keras_has():
    random = {name for name in layers.__all__ if name.startswith("Random")}
    # Keras cuts a batch at one place
    assert {case.layer for case in CASES} == random - {"RandomCrop"}


# The definition of resampling

PAD_MODES = {
    kernel.CONSTANT: "constant",
    kernel.NEAREST: "edge",
    kernel.REFLECT: "symmetric",
    kernel.WRAP: "wrap",
    kernel.MIRROR: "reflect",
}
FAR = 60  # pixels


def extended(x, fill, value):
    """x (H, W, C) with FAR pixels around it, by NumPy."""
    options = {"constant_values": value} if fill == kernel.CONSTANT else {}
    return np.pad(
        x.astype(np.float64), ((FAR, FAR), (FAR, FAR), (0, 0)), PAD_MODES[fill], **options
    )


def taps(matrix, i, j, bilinear):
    """[(h, w, weight)] of the pixels that y[i, j] is a mean of, edge or no edge."""
    u, v, _ = matrix @ np.array([j, i, 1.0])
    if not bilinear:
        return [(int(np.floor(v + 0.5)), int(np.floor(u + 0.5)), 1.0)]
    near = [(k, 1 - abs(v - k)) for k in (int(np.floor(v)), int(np.floor(v)) + 1)]
    return [
        (h, w, row * (1 - abs(u - w)))
        for h, row in near
        for w in (int(np.floor(u)), int(np.floor(u)) + 1)
    ]


def resampled(x, matrices, fill, value, bilinear, size):
    """Pixel by pixel, in float64."""
    y = np.zeros((len(x), *size, x.shape[-1]))
    for n, i, j in np.ndindex(y.shape[:3]):
        around = extended(x[n], fill, value)
        for h, w, weight in taps(matrices[n], i, j, bilinear):
            y[n, i, j] += weight * around[h + FAR, w + FAR]
    return y


@st.composite
def resamplings(draw):
    """(x, matrices, fill, value, bilinear, size of y): pictures down to one pixel, places far
    beyond the edge.
    """
    rng = np.random.default_rng(draw(seeds))
    shape = (
        draw(st.integers(1, 2)),
        draw(st.integers(1, 5)),
        draw(st.integers(1, 5)),
        draw(st.integers(1, 4)),
    )
    x = rng.integers(0, 256, shape, dtype=np.uint8)
    matrices = np.zeros((len(x), 3, 3))
    matrices[:, :2, :2] = rng.uniform(-2, 2, (len(x), 2, 2))
    matrices[:, :2, 2] = rng.uniform(-12, 12, (len(x), 2))
    matrices[:, 2, 2] = 1
    size = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    return x, matrices, draw(st.sampled_from(list(PAD_MODES))), 77.0, draw(st.booleans()), size


@pytest.mark.nojit
@given(resamplings(), st.sampled_from([np.uint8, np.float32, np.float64]))
@settings(max_examples=60)
def test_resampling_is_its_definition(case, dtype):
    x, matrices, fill, value, bilinear, size = case
    result = np.float64 if dtype == np.float64 else np.float32
    y = np.full((len(x), *size, x.shape[-1]), np.nan, result)
    kernel.resample(x.astype(dtype), matrices, fill, result(value), bilinear, y)
    tolerance = 0 if not bilinear else 1e-10 if result == np.float64 else 1e-3
    np.testing.assert_allclose(
        y, resampled(x, matrices, fill, value, bilinear, size), rtol=0, atol=tolerance
    )


@pytest.mark.nojit
@pytest.mark.parametrize("fill", PAD_MODES)
@pytest.mark.parametrize("far", [10**6, -(10**6), 3 * 2**40, -3 * 2**50])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_places_far_away_are_found_without_walking_there(fill, far, n):
    """Fillings repeat themselves: far is moved to a whole number of periods, beyond which all is as
    it is here.
    """
    period = {kernel.REFLECT: 2 * n, kernel.WRAP: n, kernel.MIRROR: max(2 * n - 2, 1)}.get(fill, 1)
    far -= far % period
    x = np.arange(1.0, n + 1).reshape(1, 1, n, 1)
    around = extended(x[0], fill, 0.0)[FAR, :, 0]
    matrices = np.eye(3)[None].copy()
    matrices[0, 0, 2] = far
    y, dx = np.empty((1, 1, 20, 1)), np.empty_like(x)
    kernel.resample(x, matrices, fill, 0.0, False, y)
    if fill in (kernel.CONSTANT, kernel.NEAREST):
        expected = np.full(20, around[-1] if far > 0 else around[0])
    else:
        expected = around[FAR : FAR + 20]
    np.testing.assert_array_equal(y.ravel(), expected)
    kernel.unresample(np.ones_like(y), matrices, fill, False, dx)
    assert dx.sum() == (0 if fill == kernel.CONSTANT else 20)


@pytest.mark.nojit
@given(resamplings())
@settings(max_examples=60)
def test_unresample_is_the_adjoint_of_resample(case):
    x, matrices, fill, _, bilinear, size = case
    x, y = x.astype(np.float64), np.empty((len(x), *size, x.shape[-1]))
    kernel.resample(x, matrices, fill, 0.0, bilinear, y)
    dy = np.random.default_rng(1).standard_normal(y.shape)
    dx = np.full(x.shape, np.nan)
    kernel.unresample(dy, matrices, fill, bilinear, dx)
    assert np.sum(y * dy) == pytest.approx(np.sum(x * dx), rel=1e-12, abs=1e-9)


# Exact copies


def with_nan(*shape):
    """Floats that arithmetic would not leave alone."""
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    x.reshape(-1)[::7], x.reshape(-1)[3::11], x.reshape(-1)[5::13] = np.nan, np.inf, -0.0
    return x


@pytest.mark.parametrize("mode", ["horizontal", "vertical", "horizontal_and_vertical"])
@pytest.mark.parametrize("shape", [(20, 4, 4, 3), (20, 5, 3, 1), (20, 1, 2, 5)])
def test_flips_copy_every_bit(mode, shape):
    for x in (with_nan(*shape), some_bytes(*shape)):
        y = built(layers.RandomFlip(mode), shape[1:]).forward(x, training=True)
        axes = {"horizontal": [(), (1,)], "vertical": [(), (0,)]}.get(
            mode, [(), (0,), (1,), (0, 1)]
        )
        found = set()
        for before, after in zip(x.astype(np.float32), y, strict=True):
            same = [
                flipped for flipped in axes if np.flip(before, flipped).tobytes() == after.tobytes()
            ]
            assert same
            found.add(same[0])
        assert len(found) == len(
            [flipped for flipped in axes if all(shape[1 + axis] > 1 for axis in flipped)]
        )


@pytest.mark.parametrize(
    ("name", "numpys"),
    [(name, name) for name in ("constant", "edge", "reflect", "symmetric", "wrap")],
)
def test_crops_are_windows_of_the_padded_picture(name, numpys):
    """By NumPy's own padding: its reflect does not repeat the edge."""
    x = with_nan(30, 6, 5, 2)
    layer = built(layers.RandomCrop(5, 6, padding=3, padding_mode=name), (6, 5, 2))
    y = layer.forward(x, training=True)
    assert y.shape == (30, 5, 6, 2)
    places = set()
    for before, after in zip(x, y, strict=True):
        padded = np.pad(before, ((3, 3), (3, 3), (0, 0)), numpys)
        here = [
            (i, j)
            for i, j in np.ndindex(6 + 6 - 5 + 1, 5 + 6 - 6 + 1)
            if padded[i : i + 5, j : j + 6].tobytes() == after.tobytes()
        ]
        assert here
        places.add(here[0])
    assert len(places) > 10


def test_the_usual_crop_of_cifar_leaves_pictures_alone_in_inference():
    x = some_bytes(3, 32, 32, 3)
    y = built(layers.RandomCrop(32, 32, padding=4), (32, 32, 3)).forward(x)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, x)


def test_other_crops_take_the_middle_in_inference():
    x = some_bytes(3, 8, 7, 2)
    np.testing.assert_array_equal(
        built(layers.RandomCrop(5, 4), (8, 7, 2)).forward(x), x[:, 1:6, 1:5]
    )
    padded = np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)), "reflect")
    np.testing.assert_array_equal(
        built(layers.RandomCrop(12, 5, padding=2), (8, 7, 2)).forward(x), padded[:, :, 3:8]
    )


# Gradients


@every_layer
def test_backward_is_the_adjoint_of_forward(make):
    """All of these are linear in pictures of which nothing is clipped."""
    x = np.random.default_rng(0).uniform(120, 130, (4, 6, 5, 2))
    layer = make() if make is not EVERY["brightness"] else layers.RandomBrightness(0.01)
    built(layer, x.shape[1:], np.float64)
    state = layer.random_state

    def forward(pictures):
        layer.random_state = state
        return layer.forward(pictures, training=True)

    y = forward(x)
    dy = np.random.default_rng(1).standard_normal(y.shape)
    dx = layer.backward(dy)
    direction = np.random.default_rng(2).standard_normal(x.shape)
    change = (forward(x + direction) - forward(x - direction)) / 2
    assert np.sum(change * dy) == pytest.approx(np.sum(direction * dx), rel=1e-10)
    with pytest.raises(RuntimeError, match="differentiates the last forward"):
        layer.forward(x)
        layer.backward(dy)


def test_nothing_is_computed_for_a_gradient_that_nobody_reads():
    x = some_bytes(2, 6, 5, 1)
    layer = built(layers.RandomRotation(0.1), (6, 5, 1))
    layer.needs_input_grad = False
    assert layer.backward(layer.forward(x, training=True)) is None


def test_clipped_values_have_no_gradient():
    x = np.array([10.0, 100, 250]).reshape(1, 1, 3, 1)
    layer = built(layers.RandomBrightness((0.1, 0.1)), (1, 3, 1), np.float64)
    np.testing.assert_allclose(layer.forward(x, training=True).reshape(-1), [35.5, 125.5, 255])
    np.testing.assert_array_equal(layer.backward(np.ones(x.shape)).reshape(-1), [1, 1, 0])


# One resampling for several layers

CHAIN = (
    lambda: layers.RandomFlip(),
    lambda: layers.RandomRotation(0.2),
    lambda: layers.RandomTranslation(0.2, 0.3),
    lambda: layers.RandomZoom(0.3, 0.1),
)


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_neighbours_are_resampled_once_by_the_product_of_their_matrices(engine):
    """Against the definition, in float64: not what one layer after the other makes, which is
    blurred.
    """
    x = some_bytes(6, 7, 8, 3)
    model = Sequential([layers.Input((7, 8, 3)), *(make() for make in CHAIN)], seed=3)
    model.engine = engine
    states = [layer.random_state for layer in model.layers]
    y = model.forward(x, training=True)
    matrices = np.broadcast_to(np.eye(3), (6, 3, 3))
    for layer, state in zip(model.layers, states, strict=True):
        layer.random_state = state
        matrices = matrices @ layer.matrices(6)
    np.testing.assert_allclose(
        y, resampled(x, matrices, kernel.REFLECT, 0, True, (7, 8)), rtol=0, atol=1e-3
    )
    one_by_one = x
    for layer, state in zip(model.layers, states, strict=True):
        layer.random_state = state
        one_by_one = layer.forward(one_by_one, training=True)
    assert 1 < np.abs(y - one_by_one).mean() < 60


def test_an_order_of_layers_is_kept():
    """Down, then turned by a quarter: to the right, when a quarter turns down to the right."""
    x = np.zeros((1, 5, 5, 1), np.float32)
    x[0, 2, 2] = 1
    down = {"fill_mode": "constant"}
    model = Sequential(
        [
            layers.Input((5, 5, 1)),
            layers.RandomTranslation((0.2, 0.2), (0.0, 0.0), **down),
            layers.RandomRotation((0.25, 0.25), **down),
        ]
    )
    y = model.forward(x, training=True)
    assert len(model.execution_for(x).steps) == 1
    # counter-clockwise: what was below is at the right
    assert np.unravel_index(y.argmax(), (5, 5)) == (
        2,
        3,
    )


def test_both_engines_draw_and_compute_the_same():
    x, y = some_bytes(5, 8, 8, 3), np.arange(5) % 2
    front = [
        *(make() for make in CHAIN),
        layers.RandomCrop(8, 8, padding=2),
        layers.Rescaling(1 / 255),
    ]
    model = Sequential(
        [layers.Input((8, 8, 3)), *front, layers.Flatten(), layers.Dense(2, activation="softmax")],
        seed=0,
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    results = {}
    for engine in ("fast", "reference"):
        model.engine = engine
        model.reseed(5)
        loss, predicted = model.loss_and_gradients(x, y)
        results[engine] = predicted.copy(), model.layers[-1].grads["kernel"].copy()
    for fast, reference in zip(*results.values(), strict=True):
        np.testing.assert_allclose(fast, reference, rtol=1e-4, atol=1e-5)
    assert np.isfinite(loss)


def grouped(*given):
    """Which of the layers run as one."""
    shape = (8, 8, 3)
    for number, layer in enumerate(given):
        layer.name = str(number)
        shape = built(layer, shape).output_shape
    return [
        "+".join(each.name for each in layers_of(step)) + "*" * isinstance(step, Composed)
        for step in composed(given)
    ]


def test_which_neighbours_become_one():
    flip, turn, zoom, crop = (
        layers.RandomFlip,
        layers.RandomRotation,
        layers.RandomZoom,
        layers.RandomCrop,
    )
    assert grouped(flip(), turn(0.1), zoom(0.1)) == ["0+1+2*"]
    assert grouped(turn(0.1), layers.Rescaling(1), zoom(0.1)) == ["0*", "1", "2*"]
    assert grouped(turn(0.1), zoom(0.1, fill_mode="wrap"), flip()) == ["0*", "1+2*"]
    assert grouped(turn(0.1), zoom(0.1, interpolation="nearest")) == ["0*", "1*"]
    assert grouped(flip(), crop(8, 8, padding=2), flip()) == ["0+1+2*"]
    assert grouped(crop(8, 8, padding=2), crop(8, 8, padding=2)) == ["0*", "1*"]
    assert grouped(flip(), crop(6, 6), turn(0.1), flip()) == ["0+1*", "2+3*"]
    assert grouped(turn(0.1, interpolation="nearest"), crop(6, 6, padding_mode="symmetric")) == [
        "0*",
        "1*",
    ]


def test_a_layer_of_ones_own_joins_by_its_matrices_but_not_with_a_forward_of_its_own():
    class Shear(FillingLayer):
        def matrices(self, count):
            return np.broadcast_to(
                np.array([[1, 0.5, 0], [0, 1, 0], [0, 0, 1.0]]), (count, 3, 3)
            ).copy()

    class Strange(layers.RandomFlip):
        def forward(self, x, *, training=False):
            return self.accept(x) + training

    assert grouped(layers.RandomFlip(), Shear(), layers.RandomZoom(0.1)) == ["0+1+2*"]
    assert grouped(layers.RandomFlip(), Strange(), layers.RandomFlip()) == ["0*", "1", "2*"]
    with pytest.raises(NotImplementedError, match="GeometricLayer must define matrices"):
        built(GeometricLayer(), (8, 8, 3)).forward(some_bytes(1, 8, 8, 3), training=True)


def test_a_composed_step_passes_gradients_on_to_a_layer_below():
    conv = layers.Conv2D(2, 3, padding="same")
    model = Sequential(
        [layers.Input((6, 6, 1)), conv, *(make() for make in CHAIN)], seed=0, dtype="float64"
    )
    x = np.random.default_rng(0).standard_normal((3, 6, 6, 1))
    states = [layer.random_state for layer in model.layers[1:]]

    def forward():
        for layer, state in zip(model.layers[1:], states, strict=True):
            layer.random_state = state
        return model.forward(x, training=True)

    dy = np.random.default_rng(1).standard_normal(forward().shape)
    model.backward(dy)
    claimed = conv.grads["kernel"].copy()
    direction = np.random.default_rng(2).standard_normal(claimed.shape)
    sides = []
    for sign in (1, -2):
        conv.params["kernel"] += sign * direction
        sides.append(np.sum(forward() * dy))
    assert (sides[0] - sides[1]) / 2 == pytest.approx(np.sum(claimed * direction), rel=1e-9)


def test_results_of_a_model_are_arrays_of_their_own():
    """Although the step that they come from has one buffer for all batches."""
    model = Sequential([layers.Input((4, 4, 1)), layers.RandomRotation(0.5)], seed=0)
    x = some_bytes(5, 4, 4, 1)
    first = model.forward(x, training=True)
    kept = first.copy()
    second = model.forward(x[:2], training=True)
    np.testing.assert_array_equal(first, kept)
    assert second.shape == (2, 4, 4, 1) and not np.array_equal(first[:2], second)


# Inference, shapes, files, mistakes


@every_layer
def test_inference_leaves_pictures_as_they_are(make):
    x = some_bytes(3, 7, 5, 3)
    y = built(make(), (7, 5, 3)).forward(x)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, x)


@every_layer
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), st.integers(1, 3))
@settings(max_examples=15)
def test_every_size_of_picture(make, height, width, channels, count):
    layer = layers.RandomCrop(height, width, padding=2) if make is EVERY["crop"] else make()
    shape = built(layer, (height, width, channels)).output_shape
    assert shape == (height, width, channels)
    x = some_bytes(count, *shape)
    for pictures in (x, x.astype(np.float64), x[:, ::-1]):  # the last one is not contiguous
        y = layer.forward(pictures, training=True)
        assert y.shape == x.shape and y.dtype == np.float32 and y.flags.c_contiguous
        assert ((y >= 0) & (y <= 255)).all()


def test_a_model_with_every_layer_is_saved_and_loaded(tmp_path):
    every = [make() for make in EVERY.values()] + [
        layers.RandomErasing(0.3, fill_value=(1.0, 2.0, 3.0))
    ]
    model = Sequential([layers.Input((7, 5, 3)), *every, layers.Flatten(), layers.Dense(2)], seed=8)
    model.save(tmp_path / "model.safetensors")
    loaded = models.load_model(tmp_path / "model.safetensors")
    for ours, theirs in zip(model.layers, loaded.layers, strict=True):
        assert type(ours) is type(theirs)
        assert repr(ours).replace("(", "[").replace(")", "]") == repr(theirs).replace(
            "(", "["
        ).replace(")", "]")
    x = some_bytes(4, 7, 5, 3)
    np.testing.assert_array_equal(model.forward(x), loaded.forward(x))
    # the same seed
    np.testing.assert_array_equal(model.forward(x, training=True), loaded.forward(x, training=True))


def test_a_rotation_says_its_degrees():
    assert repr(layers.RandomRotation(0.1)).endswith(": -36 to 36 degrees")
    assert repr(layers.RandomRotation((0.25, -0.1))).endswith(": -36 to 90 degrees")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: layers.RandomFlip("sideways"),
            "RandomFlip expected mode to be one of ['horizontal', 'vertical', ",
        ),
        (
            lambda: layers.RandomRotation(2),
            "RandomRotation expected factor as a number from -1 to 1, or a pair of ",
        ),
        (
            lambda: layers.RandomZoom(0.1, "a"),
            "RandomZoom expected width_factor as a number from -1 to 1, or a pair",
        ),
        (
            lambda: layers.RandomTranslation((1, 2), 0),
            "RandomTranslation expected height_factor as a number from -1",
        ),
        (
            lambda: layers.RandomTranslation(0.1, (0, 0, 0)),
            "RandomTranslation expected width_factor as a number",
        ),
        (
            lambda: layers.RandomRotation(0.1, fill_mode="mirror"),
            "RandomRotation expected fill_mode to be one of ['constant', 'nearest', 'reflect', "
            "'wrap'], received 'mirror'",
        ),
        (
            lambda: layers.RandomZoom(0.1, interpolation="cubic"),
            "RandomZoom expected interpolation to be one of ['bilinear', 'nearest'], received "
            "'cubic'",
        ),
        (
            lambda: layers.RandomCrop(0, 3),
            "RandomCrop expected height and width of at least 1, received 0",
        ),
        (
            lambda: layers.RandomCrop(3, 3, padding=-1),
            "RandomCrop expected padding of at least 0, received -1",
        ),
        (
            lambda: layers.RandomCrop(3, 3, padding=10**9),
            "RandomCrop expected padding of at most 65535 pixels, received 1000000000: a few are "
            "usual",
        ),
        (
            lambda: layers.RandomCrop(3, 3, padding_mode="mirror"),
            "RandomCrop expected padding_mode to be one of ['constant', 'edge', 'reflect', "
            "'symmetric', 'wrap'], received 'mirror'",
        ),
        (
            lambda: built(layers.RandomCrop(10, 8, padding=1), (7, 7, 3)),
            "RandomCrop expected pictures of at least 10x8 with padding=1, received 7x7: padding=2 "
            "would do",
        ),
        (
            lambda: layers.RandomBrightness(0.1, (1, 0)),
            "RandomBrightness expected value_range as (low, high), such as (0, 255) or (0, 1), "
            "received (1, 0)",
        ),
        (
            lambda: layers.RandomBrightness(0.1, 255),
            "RandomBrightness expected value_range as (low, high), such as",
        ),
        (
            lambda: layers.RandomContrast(-0.1),
            "RandomContrast expected factor as a number from 0 to 1, or a pair",
        ),
        (
            lambda: layers.RandomErasing(scale=2.0),
            "RandomErasing expected scale as a number from 0 to 1, or a pair",
        ),
        (
            lambda: built(layers.RandomErasing(fill_value=(1, 2)), (7, 7, 3)),
            "RandomErasing expected fill_value to be None, a number or one for each of 3 channels, "
            "received (1, 2)",
        ),
        (
            lambda: built(layers.RandomFlip(), (10,)),
            "RandomFlip expected pictures of shape (N, H, W, C), received samples of shape (10,)",
        ),
        (
            lambda: built(layers.RandomBrightness(0.1), (2, 2, 1)).forward(
                np.full((1, 2, 2, 1), 256.0), training=True
            ),
            "RandomBrightness expected values from 0 to 255, received 256 to 256, which it would "
            "cut off: value_range must be that of the pictures as they reach the layer: (0, 255), "
            "or (0, 1) after Rescaling",
        ),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        make()


@pytest.mark.parametrize("make", [layers.RandomBrightness, layers.RandomContrast])
def test_pictures_of_another_range_than_expected_warn_once(make):
    x = np.random.default_rng(0).random((2, 3, 3, 1))
    layer = built(make(0.2), (3, 3, 1))
    with pytest.warns(
        UserWarning,
        match=r"expects values from 0 to 255, but they only reach 0\.9\d+: value_range must",
    ):
        layer.forward(x, training=True)
    layer.forward(x, training=True)
    built(make(0.2, value_range=(0, 1)), (3, 3, 1)).forward(x, training=True)
