"""evaluate and predict: batches without training. Sequential has them as methods of the same names."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal, overload

import numpy as np

from minicnn.execution import final_softmax
from minicnn.kernels.threads import alone, one_at_a_time
from minicnn.layers.base import Array
from minicnn.training import checks
from minicnn.training.meter import Meter
from minicnn.training.progress import resolve_verbose
from minicnn.training.step import quiet

if TYPE_CHECKING:
    from minicnn.sequential import Sequential

BATCH = 256  # results do not depend on it


def measured(
    model: "Sequential",
    x: Array,
    y: Array,
    weight: Array | None,
    size: int = BATCH,
    step: Callable[..., tuple[float, Array]] | None = None,
) -> Meter:
    """The meter after a step, test_step unless given, on every batch."""
    meter = Meter(model)
    for part in _slices(len(x), size):
        meter.measure(step or model.test_step, x[part], y[part], None if weight is None else weight[part])
    return meter


@overload
def evaluate(
    model: "Sequential",
    x: Array,
    y: Array,
    batch_size: int | None = None,
    verbose: int | str = "auto",
    sample_weight: Array | None = None,
    *,
    return_dict: Literal[True],
    average_flips: bool = False,
) -> dict[str, float]: ...


@overload
def evaluate(
    model: "Sequential",
    x: Array,
    y: Array,
    batch_size: int | None = None,
    verbose: int | str = "auto",
    sample_weight: Array | None = None,
    *,
    return_dict: Literal[False] = False,
    average_flips: bool = False,
) -> list[float] | float: ...


def evaluate(
    model: "Sequential",
    x: Array,
    y: Array,
    batch_size: int | None = None,
    verbose: int | str = "auto",
    sample_weight: Array | None = None,
    *,
    return_dict: bool = False,
    average_flips: bool = False,
) -> list[float] | dict[str, float] | float:
    """Loss and metrics on (n, ...) samples in inference: a list, a dict if asked for, the loss alone without metrics.

    batch_size is for memory only and verbose is accepted for Keras' sake: nothing is printed.
    average_flips: of the mean of each picture's probabilities and its mirror image's, see predict.
    Raises: RuntimeError before compile; ValueError for arrays or labels that do not fit.
    """
    resolve_verbose(verbose)
    checks.compiled(model)
    x, y, weight = checks.arrays(x, y, sample_weight, "evaluate")
    checks.samples(model, x, y)
    checks.pixel_range(model, x)
    size = checks.batch_size(batch_size, BATCH, "evaluate")
    step = None
    if average_flips:
        _check_flips(model, x, "evaluate")

        def step(x: Array, y: Array, weight: Array | None) -> tuple[float, Array]:
            with alone:
                probabilities = _flip_average(model, x)
                return model.loss.value_and_gradient(y, probabilities, weight)[0], probabilities

    with quiet():
        meter = measured(model, x, y, weight, size, step)
    return meter.results() if return_dict else meter.listed()


def predict(
    model: "Sequential",
    x: Array,
    batch_size: int | None = None,
    verbose: int | str = "auto",
    *,
    average_flips: bool = False,
) -> Array:
    """The model's outputs (n, K) for samples (n, ...), in inference; a new array.

    batch_size is for memory only and verbose is accepted for Keras' sake: nothing is printed.
    average_flips: the mean of the probabilities of each picture and of its mirror image, left and right exchanged: two
        looks at every picture, which take twice the time and are right a little more often.
    Raises ValueError when x does not fit the model, or for average_flips where the outputs are no probabilities.
    Warns when the model has neither been trained nor loaded.
    """
    resolve_verbose(verbose)
    x, _, _ = checks.arrays(x, None, None, "predict")
    model.build_for(x)
    checks.fresh_weights(model)
    checks.pixel_range(model, x)
    size = checks.batch_size(batch_size, BATCH, "predict")
    if average_flips:
        _check_flips(model, x, "predict")
    with quiet():
        parts = [_flip_average(model, x[p]) if average_flips else model.forward(x[p]) for p in _slices(len(x), size)]
    return np.concatenate(parts) if len(parts) > 1 else np.array(parts[0])


def _slices(n: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, n, size))


@one_at_a_time
def _flip_average(model: "Sequential", x: Array) -> Array:
    """Mean probabilities (N, K) of pictures (N, H, W, C) and their mirror images."""
    return (model.forward(x) + model.forward(x[:, :, ::-1])) / 2


def _check_flips(model: "Sequential", x: Array, who: str) -> None:
    if x.ndim != 4:
        raise ValueError(f"{who}(average_flips=True) expected pictures (N, H, W, C), received x of shape {x.shape}")
    if final_softmax(model.layers[-1]) is None:
        raise ValueError(
            f"{who}(average_flips=True) averages probabilities, but {model.layers[-1]} of {model.name!r} does not end "
            "in a softmax: add one"
        )
