"""Local response normalisation: PyTorch's values, and ONNX' definition written as loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import seeds

from minicnn import layers

# torch.nn.functional.local_response_norm(x, 5, 0.5, 0.75, 2.0)
X = [-1.5, -0.5, 0.5, 1.5, 2.5, -1.5, -0.5]
Y = [
    -0.8097579272780775, -0.2514866859365871, 0.21273183587779954, 0.6381955076333986,
    1.0636591793889976, -0.6420516829402584, -0.22646005975132327,
]  # fmt: skip
SETTINGS = {"size": 5, "alpha": 0.5, "beta": 0.75, "k": 2.0}


def built(shape, **settings):
    layer = layers.LocalResponseNormalization(**settings)
    layer.build(shape, dtype=np.float64)
    return layer


def test_values_are_those_of_pytorch():
    x = np.array(X).reshape(1, 1, 1, 7)
    y = built((1, 1, 7), **SETTINGS).forward(x)
    np.testing.assert_allclose(y.ravel(), Y, rtol=1e-12)


def by_definition(x, size, alpha, beta, k):
    """ONNX' LRN of (N, C)."""
    N, C = x.shape
    y = np.zeros_like(x)
    for n in range(N):
        for c in range(C):
            first, last = max(0, c - (size - 1) // 2), min(C - 1, c + size // 2)
            squares = sum(x[n, i] ** 2 for i in range(first, last + 1))
            y[n, c] = x[n, c] / (k + alpha / size * squares) ** beta
    return y


@given(seeds, st.integers(1, 7), st.sampled_from([1, 3, 5, 9]))
def test_and_those_of_the_definition(seed, C, size):
    x = np.random.default_rng(seed).standard_normal((2, C))
    settings = {"size": size, "alpha": 0.7, "beta": 0.6, "k": 1.5}
    y = built((C,), **settings).forward(x)
    np.testing.assert_allclose(y, by_definition(x, **settings), rtol=1e-12)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 4}, "expected size as an odd number, as many channels on each side, received 4"),
        ({"size": 0}, "expected size of at least 1, received 0"),
        ({"alpha": -1.0}, "expected alpha as a finite number of at least 0, received -1.0"),
        ({"k": 0}, "expected k as a finite number above 0, received 0"),
        ({"beta": "x"}, "expected beta as a finite number, received 'x'"),
    ],
)
def test_settings_that_have_no_formula(settings, message):
    with pytest.raises(ValueError, match="LocalResponseNormalization") as raised:
        layers.LocalResponseNormalization(**settings)
    assert str(raised.value) == f"LocalResponseNormalization {message}"
