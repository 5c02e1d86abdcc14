"""Why the numbers of layers that shift and scale are what they are."""

import numpy as np

from minicnn.explain.tracing.place import Place, explains
from minicnn.kernels import batch_norm as kernels
from minicnn.layers.batch_normalization import BatchNormalization
from minicnn.layers.normalization import Normalization
from minicnn.layers.rescaling import Rescaling


@explains(BatchNormalization)
def batch_normalization(place: Place) -> None:
    """layers/batch_normalization.py: each channel over all its M values, in rows (M, C)."""
    layer, C = place.of, place["x"].shape[-1]
    M = place["x"].size // C
    for short in ("x", "y", "dy", "dx", "x_hat"):
        place.view(short, (M, C))
    place.constants |= {"M": M, "epsilon": layer.epsilon}
    _statistics(place, of_batch=layer.uses_batch)
    place.because(
        "x_hat",
        "r c",
        "(x[r, c] - mean[c]) * inv_std[c]",
        code=("forward", "normalize("),
    )
    place.because(
        "y",
        "r c",
        "x_hat[r, c] * gamma[c]" if layer.scale else "x_hat[r, c]",
        *(["beta[c]"] if layer.center else []),
        code=("forward", 'self.params["gamma"]' if layer.scale else "y = x_hat"),
    )
    if "dy" in place:
        _gradients(place, of_batch=layer.uses_batch)


def _statistics(place: Place, *, of_batch: bool) -> None:
    """Mean and variance: the batch's, which move the averages, or these averages themselves."""
    layer = place.of
    rows = place["x"].reshape(-1, place["x"].shape[-1]).astype(np.float64)
    if of_batch:
        place.work("mean", rows.mean(axis=0))
        place.work("variance", rows.var(axis=0))
        place.because("mean", "c", ("x[r, c] / M", "r"), code=(kernels, "mean[c] += x[m, c]"))
        place.because(
            "variance",
            "c",
            ("(x[r, c] - mean[c]) * (x[r, c] - mean[c]) / M", "r"),
            code=(kernels, "variance[c] += d * d"),
        )
        momentum = layer.momentum
        if layer.warmup:
            momentum = min(momentum, 1 - 1 / float(place["batches_after"][0]))
        place.constants["momentum"] = momentum
        for average, batch in (("moving_mean", "mean"), ("moving_variance", "variance")):
            place.because(
                f"{average}_after",
                "c",
                f"momentum * {average}[c]",
                f"(1 - momentum) * {batch}[c]",
                code=("move_averages", "average[...] ="),
            )
    else:
        place.work("mean", place["moving_mean"].astype(np.float64))
        place.work("variance", place["moving_variance"].astype(np.float64))
        for name in ("mean", "variance"):
            place.because(name, "c", f"moving_{name}[c]", code=("_moving_moments", "return"))
            place.because(f"moving_{name}_after", "c", f"moving_{name}[c]")
    place.work("spread", place["variance"] + layer.epsilon)
    place.work("deviation", np.sqrt(place["spread"]))
    place.because("spread", "c", "variance[c]", "epsilon", code=("forward", "inv_std ="))
    place.because("deviation", "c", "sqrt(spread[c])", code=("forward", "inv_std ="))
    place.because("inv_std", "c", "inverse(deviation[c])", code=("forward", "inv_std ="))


def _gradients(place: Place, *, of_batch: bool) -> None:
    """Of gamma and beta, and the three terms of dx: two of them because mean and variance are
    functions of x too.
    """
    rows, x_hat = place["dy"].reshape(place["x_hat"].shape), place["x_hat"]
    if "dbeta" not in place:
        place.work("dbeta", rows.sum(axis=0, dtype=np.float64))
    if "dgamma" not in place:
        place.work("dgamma", (rows.astype(np.float64) * x_hat).sum(axis=0))
    place.because("dbeta", "c", ("dy[r, c]", "r"), code=("backward", "channel_sums("))
    place.because(
        "dgamma", "c", ("dy[r, c] * x_hat[r, c]", "r"), code=("backward", "channel_sums(")
    )
    factor = "gamma[c] * inv_std[c]" if place.of.scale else "inv_std[c]"
    terms = [f"{factor} * dy[r, c]"]
    if of_batch:
        terms += [f"-{factor} * dbeta[c] / M", f"-{factor} * x_hat[r, c] * dgamma[c] / M"]
    place.because("dx", "r c", *terms, code=("backward", "return (rows * factor)"))


@explains(Rescaling)
def rescaling(place: Place) -> None:
    """layers/rescaling.py."""
    place.constants |= {"scale": place.of.scale, "offset": place.of.offset}
    for short in ("x", "y", "dy", "dx"):
        place.view(short, (place["x"].size,))
    offset = ["offset"] if place.of.offset else []
    place.because("y", "n", "x[n] * scale", *offset, code=("forward", "y = x *"))
    place.because("dx", "n", "dy[n] * scale", code=("backward", "return"))


@explains(Normalization)
def normalization(place: Place) -> None:
    """layers/normalization.py: by fixed statistics of each channel."""
    C = place["x"].shape[-1]
    for short in ("x", "y", "dy", "dx"):
        place.view(short, (place["x"].size // C, C))
    place.work("deviation", place.of._deviation().astype(np.float64))
    place.because(
        "y", "r c", "(x[r, c] - mean[c]) * inverse(deviation[c])", code=("forward", "return")
    )
    place.because("dx", "r c", "dy[r, c] * inverse(deviation[c])", code=("backward", "return"))
    place.because("deviation", "c", "variance[c]", code=("_deviation", "return"), exact=False)
