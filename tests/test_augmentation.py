"""Augmentation layers: Keras' values, the definition of resampling, exact copies, gradients."""

import numpy as np
import pytest
from augmentation_cases import (
    EVERY,
    FAR,
    PAD_MODES,
    built,
    every_layer,
    extended,
    resampled,
    some_bytes,
)
from golden import make_augmentation as recipe
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import seeds

from minicnn import layers
from minicnn.kernels import resample as kernel

GOLDEN = recipe.unpack()
CASES = list(recipe.CASES.values())


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
