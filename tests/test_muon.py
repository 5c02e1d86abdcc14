"""Muon beside the singular value decomposition. That its steps are Keras' is in
test_optimizers.py.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import optimizers
from minicnn.optimizers.muon import COEFFICIENTS, orthogonal


def polynomial(s: float, steps: int) -> float:
    """What becomes of a singular value."""
    a, b, c = COEFFICIENTS
    for _ in range(steps):
        s = a * s + b * s**3 + c * s**5
    return s


@given(
    rows=st.integers(1, 7),
    columns=st.integers(1, 7),
    steps=st.integers(1, 6),
    scale=st.sampled_from([1e-3, 1.0, 1e6]),
    seed=st.integers(0, 99),
)
def test_every_singular_value_goes_through_the_polynomial(rows, columns, steps, scale, seed):
    g = scale * np.random.default_rng(seed).standard_normal((rows, columns))
    u, s, vt = np.linalg.svd(g, full_matrices=False)
    norm = np.sqrt((g**2).sum()) + 1e-7
    made = np.array([polynomial(one / norm, steps) for one in s])
    received = orthogonal(g, steps)
    np.testing.assert_allclose(received, (u * made) @ vt, rtol=1e-9, atol=1e-9)
    assert np.linalg.norm(received, 2) < 1.3


def test_five_steps_make_a_matrix_nearly_orthogonal():
    g = np.random.default_rng(0).standard_normal((8, 30))
    s = np.linalg.svd(orthogonal(g, 5), compute_uv=False)
    assert s.min() > 0.6 and s.max() < 1.25
    assert np.linalg.cond(g) > 2.5


def test_a_gradient_of_zeros_changes_nothing_and_nan_shows():
    assert not orthogonal(np.zeros((2, 3)), 5).any()
    assert np.isnan(orthogonal(np.full((2, 3), np.nan), 5)).all()


PLAIN = {"weight_decay": None, "rms_rate": None, "ns_steps": 3, "momentum": 0.6}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_filters_are_stepped_as_the_matrix_that_patches_are_multiplied_by(dtype):
    """Two steps of the recipe of airbench94: buf = 0.6 buf + g, then a step along g + 0.6 buf."""
    rng = np.random.default_rng(1)
    kernel = rng.standard_normal((3, 3, 2, 5)).astype(dtype)
    expected, buffer = kernel.reshape(18, 5).T.astype(np.float64), np.zeros((5, 18))
    optimizer = optimizers.Muon(0.24, include_filters=True, **PLAIN)
    for _ in range(2):
        g = rng.standard_normal(kernel.shape).astype(dtype)
        optimizer.step([("conv2d/kernel", kernel, g)])
        as_matrix = g.reshape(18, 5).T.astype(np.float64)  # (out, rest)
        buffer = 0.6 * buffer + as_matrix
        u, s, vt = np.linalg.svd(as_matrix + 0.6 * buffer, full_matrices=False)
        values = [polynomial(one / np.linalg.norm(s), 3) for one in s]
        expected = expected - 0.24 * (u * values) @ vt
    assert kernel.dtype == dtype and list(optimizer.slots["conv2d/kernel"]) == ["momentum"]
    tolerance = 1e-4 if dtype == np.float32 else 1e-6
    np.testing.assert_allclose(kernel.reshape(18, 5).T, expected, rtol=tolerance, atol=tolerance)


def test_a_step_has_the_root_mean_square_that_is_asked_for():
    """All of a step's singular values are about 1, so the mean square of n x m numbers is about
    1 / max(n, m).
    """
    for shape in ((40, 6), (6, 40)):
        value = np.zeros(shape)
        g = np.random.default_rng(2).standard_normal(shape)
        optimizers.Muon(0.1, weight_decay=None, rms_rate=0.3).step([("dense/kernel", value, g)])
        assert np.sqrt((value**2).mean()) == pytest.approx(0.1 * 0.3, rel=0.15)


@pytest.mark.parametrize(
    ("name", "shape", "arguments", "by_adamw"),
    [
        ("dense/kernel", (3, 4), {}, False),
        ("dense/bias", (4,), {}, True),
        ("conv2d/kernel", (3, 3, 2, 4), {}, True),  # as in Keras
        ("conv2d/kernel", (3, 3, 2, 4), {"include_filters": True}, False),
        ("conv2d/bias", (4,), {"include_filters": True}, True),
        ("head/kernel", (3, 4), {"exclude_layers": ["head"]}, True),
        ("conv2d/kernel", (3, 3, 2, 4), {"include_filters": True, "exclude_layers": ["^c"]}, True),
        ("my_Embedding/kernel", (3, 4), {}, True),
        ("my_Embedding/kernel", (3, 4), {"exclude_embeddings": False}, False),
    ],
)
def test_what_is_no_matrix_inside_a_network_is_adamws(name, shape, arguments, by_adamw):
    rng = np.random.default_rng(3)
    start, g = rng.standard_normal(shape), rng.standard_normal(shape)
    mine, adam = start.copy(), start.copy()
    muon = optimizers.Muon(0.01, adam_weight_decay=0.25, **arguments)
    for _ in range(3):
        muon.step([(name, mine, g)])
    adamw = optimizers.AdamW(0.01, weight_decay=0.25)
    for _ in range(3):
        adamw.step([(name, adam, g)])
    assert np.allclose(mine, adam, rtol=1e-12) == by_adamw
    assert ("velocity" in muon.slots[name]) == by_adamw


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"momentum": 2}, "Muon expected momentum as .* at most 1, received 2"),
        ({"ns_steps": 0}, "Muon expected ns_steps of at least 1, received 0"),
        ({"adam_beta_1": 1.0}, "Muon expected adam_beta_1 as .* below 1"),
        ({"rms_rate": -1}, "Muon expected rms_rate as .* at least 0"),
        ({"adam_weight_decay": -1}, "Muon expected adam_weight_decay as .* at least 0"),
        ({"nesterov": 2}, "Muon expected nesterov as True or False"),
        ({"include_filters": "yes"}, "Muon expected include_filters as True or False"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        optimizers.Muon(**arguments)
