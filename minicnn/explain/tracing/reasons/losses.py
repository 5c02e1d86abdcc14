"""Why the numbers of losses are what they are: "x" are the predictions or logits that it takes."""

import numpy as np

from minicnn.explain.tracing.place import Place, explains
from minicnn.kernels import cross_entropy as kernels
from minicnn.layers.elementwise import sigmoid, softplus
from minicnn.losses.binary_crossentropy import BinaryCrossentropy
from minicnn.losses.categorical_crossentropy import CategoricalCrossentropy
from minicnn.losses.regression import MeanSquaredError
from minicnn.types import Shape


@explains(CategoricalCrossentropy)
def cross_entropy(place: Place) -> None:
    """losses/categorical_crossentropy.py, of logits: softmax and logarithm in one."""
    if not place.row["from_logits"]:
        return
    K = place["x"].shape[-1]
    rows = place["x"].reshape(-1, K).astype(np.float64)
    _view_all(place, rows.shape)
    place.work("largest", rows.max(axis=1))
    place.work("exponentials", np.exp(rows - place["largest"][:, None]))
    place.work("total", place["exponentials"].sum(axis=1))
    place.work("p", place["exponentials"] / place["total"][:, None])
    place.work("log_p", rows - place["largest"][:, None] - np.log(place["total"])[:, None])
    place.because("largest", "n", ("x[n, k]", "k"), exact=False)
    place.because("exponentials", "n k", "exp(x[n, k] - largest[n])", code=(kernels, "np.exp("))
    place.because("total", "n", ("exponentials[n, k]", "k"), code=(kernels, "total += y[k]"))
    place.because(
        "p", "n k", "exponentials[n, k] * inverse(total[n])", code=(kernels, "/ total * wanted")
    )
    place.because("log_p", "n k", "x[n, k]", "-largest[n]", "-log(total[n])")
    place.because(
        "value",
        "",
        ("-targets[n, k] * log_p[n, k] / N", "n k"),
        code=(kernels, "loss -= targets"),
    )
    place.because(
        "dx",
        "n k",
        ("p[n, k] * targets[n, j] / N", "j"),
        "-targets[n, k] / N",
        code=(kernels, "dz[n, k] ="),
    )


@explains(BinaryCrossentropy)
def binary(place: Place) -> None:
    """losses/binary_crossentropy.py, of logits: each output is a yes or no."""
    if not place.row["from_logits"]:
        return
    z = place["x"].ravel().astype(np.float64)
    _view_all(place, z.shape)
    place.work("p", sigmoid(z))
    place.work("log_p", -softplus(-z))
    place.work("log_q", -softplus(z))
    place.because("p", "n", "sigmoid(x[n])")
    place.because("log_p", "n", "x[n]", exact=False)
    place.because("log_q", "n", "x[n]", exact=False)
    place.because(
        "value",
        "",
        ("-targets[n] * log_p[n] / N", "n"),
        ("-log_q[n] / N", "n"),
        ("targets[n] * log_q[n] / N", "n"),
        code=("each_of_logits", "return"),
    )
    place.because("dx", "n", "p[n] / N", "-targets[n] / N", code=("each_of_logits", "return"))


@explains(MeanSquaredError)
def squares(place: Place) -> None:
    """losses/regression.py."""
    _view_all(place, (place["x"].size,))
    place.because(
        "value",
        "",
        ("(x[n] - targets[n]) * (x[n] - targets[n]) / N", "n"),
        code=("compare", "return"),
    )
    place.because("dx", "n", "2 * (x[n] - targets[n]) / N", code=("compare", "return"))


def _view_all(place: Place, shape: Shape) -> None:
    """Let formulas see predictions, gradient and targets in one shape, whose first axis has N."""
    for short in ("x", "dx", "targets"):
        place.view(short, shape)
    place.constants["N"] = shape[0]
