"""How far one pixel reaches: as written, its 3x3 neighbourhood; in Winograd's way, the patches that
it lies in.
"""

import numpy as np
import pytest

from minicnn import Sequential, layers, losses
from minicnn.engine.conv.winograd_form import F2, F4, F5
from minicnn.engine.plan import plan

FORMS = {  # picture, channels, filters
    None: ((6, 6), 3, 16),
    F2: ((6, 6), 64, 64),
    F4: ((8, 8), 128, 64),
    F5: ((10, 10), 32, 32),
}
NAMES = ["direct", "F2", "F4", "F5"]


def convolution(form, dtype=np.float32):
    """A convolution that the engine computes in that form, its step, and a picture of each position
    (H*W, H, W, C).
    """
    (H, W), C, F = FORMS[form]
    conv = layers.Conv2D(F, 3, padding="same")
    conv.build((H, W, C), np.random.default_rng(0), dtype)
    [step] = plan([conv])
    assert getattr(step.convolution, "form", None) == form, (
        "the engine takes another form for this shape by now"
    )
    pixels = np.random.default_rng(1).standard_normal((H * W, H, W, C)).astype(dtype)
    return conv, step, pixels


def reach(form):
    """(H*W, H, W) bool twice: which outputs a pixel may change as written, and with patches of the
    form's outputs.
    """
    (H, W), _, _ = FORMS[form]
    m = form.out if form else 1
    i, j = np.mgrid[:H, :W]
    pixel_i, pixel_j = (k.reshape(-1, 1, 1) for k in (i, j))
    near = (abs(i - pixel_i) <= 1) & (abs(j - pixel_j) <= 1)
    # of the patch that makes an output; it reads one pixel more on each side
    top, left = (
        i // m * m,
        j // m * m,
    )
    within = (
        (pixel_i >= top - 1) & (pixel_i <= top + m) & (pixel_j >= left - 1) & (pixel_j <= left + m)
    )
    return near, within


def spoilt(pixels, value):
    """Picture n with that value in a channel of its pixel number n."""
    x, n = pixels.copy(), np.arange(len(pixels))
    x.reshape(len(x), len(x), -1)[n, n, n % x.shape[-1]] = value
    return x


@pytest.mark.parametrize("form", FORMS, ids=NAMES)
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e8], ids=str)
def test_a_pixel_changes_its_neighbourhood_or_its_patches_and_nothing_else(form, value):
    conv, step, pixels = convolution(form)
    near, within = reach(form)
    with np.errstate(all="ignore"):
        for run, most in ((conv.forward, near), (step.forward, within)):
            clean, found = run(pixels).copy(), run(spoilt(pixels, value)).copy()
            changed = (found != clean).any(axis=-1) | ~np.isfinite(found).all(axis=-1)
            assert changed[near].all(), "an output that the pixel reaches is as before"
            assert not changed[~most].any(), "an output changed that the pixel cannot reach"
            if not np.isfinite(value):
                assert not np.isfinite(found[near]).any()
    # as docs/engine.md says: rounding, and that is of the largest number
    if form in (F4, F5) and value == 1e8:
        beside = np.abs(found - clean)[within & ~near].max()
        assert 1 < beside < 2e-5 * np.abs(found).max()


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("size", [2, 3])
def test_nan_at_any_place_of_a_window_is_its_maximum(engine, size):
    """After a 1x1 convolution, with and without a batch normalisation whose gamma is negative."""
    cells = size * size
    for norm in ([], [layers.BatchNormalization()]):
        stack = [
            layers.Input((2 * size, 2 * size, 1)),
            layers.Conv2D(3, 1),
            *norm,
            layers.MaxPooling2D(size),
        ]
        model = Sequential(stack, seed=0)
        model.engine = engine
        if norm:
            norm[0].params["gamma"] = [-1, 1, 2]
        x = (
            np.random.default_rng(0)
            .standard_normal((cells, 2 * size, 2 * size, 1))
            .astype(np.float32)
        )
        for k in range(cells):
            x[k, k // size, size + k % size] = np.nan
        y = model(x)
        assert np.isnan(y[:, 0, 1]).all()
        y[:, 0, 1] = 0
        assert np.isfinite(y).all()


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_nan_in_a_batch_leaves_all_weights_as_they_are(engine):
    stack = [
        layers.Input((8, 8, 16)),
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.BatchNormalization(),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(4, activation="softmax"),
    ]
    model = Sequential(stack, seed=0)
    model.engine = engine
    model.compile("adam", losses.SparseCategoricalCrossentropy())
    before = model.get_weights()
    x = np.zeros((64, 8, 8, 16), np.float32)
    for n in range(64):
        x[n, n // 8, n % 8, n % 16] = np.nan
    for first in range(0, 64, 16):
        assert np.isnan(model.train_on_batch(x[first : first + 16], np.arange(16) % 4))
    for one, two in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
