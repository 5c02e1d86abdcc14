"""Batch normalisation of activations whose squares no float32 can hold: the engine does as the
layers.
"""

import numpy as np
import pytest
from engine_cases import both_engines

from minicnn import layers

STACKS = {
    "activations kept": [layers.Conv2D(16, 3, activation="relu"), layers.BatchNormalization()],
    "activations made again": [
        layers.Conv2D(16, 3),
        layers.BatchNormalization(),
        layers.MaxPooling2D(2),
    ],
    "filters that fill no register": [
        layers.Conv2D(3, 2),
        layers.BatchNormalization(),
        layers.MaxPooling2D(2),
    ],
}


def same(found, expected, tolerance, what):
    assert np.isfinite(expected).all() and expected.any(), what
    np.testing.assert_allclose(
        found, expected, rtol=0, atol=tolerance * np.abs(expected).max(), err_msg=what
    )


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
@pytest.mark.parametrize(
    ("mean", "deviation"), [(0, 3e18), (0, 1e30), (1e30, 1e26), (1e30, 1e30), (1e4, 1)], ids=str
)
def test_large_activations_are_normalised(stack, mean, deviation):
    """Outputs, all gradients and the moving averages, which stay where the variance is beyond the
    largest number.
    """
    reference, fast = both_engines(stack, (9, 11, 3), "float32", seed=1)
    # of a pooling window the largest is the same one for both engines: no two values are equal but
    # for rounding
    rng = np.random.default_rng(2)
    x = (rng.permutation(5 * 9 * 11 * 3).reshape(5, 9, 11, 3) / 700 - 1) * deviation + mean
    outputs = [model.forward(x.astype(np.float32), training=True) for model in (reference, fast)]
    tolerance = 1e-5 * max(1, mean / deviation)
    same(outputs[1], outputs[0], tolerance, "outputs")
    dy = rng.standard_normal(outputs[0].shape).astype(np.float32)
    dx = [model.backward(dy) for model in (reference, fast)]
    same(dx[1], dx[0], 10 * tolerance, "dx")
    for (name, _, right), (_, _, found) in zip(
        reference.parameters(), fast.parameters(), strict=True
    ):
        kind = name.split("/")[1]
        if kind != "bias":  # 0 but for rounding before a batch normalisation
            same(found, right, 10 * tolerance, name)
    for name, right in reference.layers[1].state.items():
        np.testing.assert_allclose(fast.layers[1].state[name], right, rtol=1e-4, err_msg=name)
    assert np.isfinite(fast.layers[1].state["moving_variance"]).all()
    same(fast.forward(x), reference.forward(x), tolerance, "inference")


def test_infinite_activations_still_show():
    for model in both_engines(STACKS["activations kept"], (9, 11, 3), "float32", seed=1):
        x = np.ones((2, 9, 11, 3))
        x[0, 4, 4] = np.inf
        with np.errstate(all="ignore"):
            assert not np.isfinite(model.forward(x, training=True)).all()
        np.testing.assert_array_equal(model.layers[1].state["moving_variance"], 1)
