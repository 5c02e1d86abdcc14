"""evaluate and predict: batches without training. Models have methods of the same names."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, overload

import numpy as np

from minicnn.errors import warn
from minicnn.expect import is_source
from minicnn.machine.threads import alone, one_at_a_time
from minicnn.names import known_arguments
from minicnn.network import Network
from minicnn.ranks import current
from minicnn.training import checks, given, penalties
from minicnn.training.batches import BatchSource, SourceBatches, at_most
from minicnn.training.meter import Meter
from minicnn.training.pace import Pace
from minicnn.training.progress import resolve_verbose
from minicnn.training.step import quiet
from minicnn.training.together import joined, measured_together, share
from minicnn.types import Array


def measured(
    model: Network, batches: given.Batches, step: Callable[..., tuple[float, Array]] | None = None
) -> Meter:
    """The meter after a step, test_step unless given, on every batch, which all ranks share."""
    group, meter = current(), Meter(model)
    batches.begin_epoch()
    if group.size > 1 and not batches.get_state():
        measured_together(group, meter, model, batches, step or model.test_step)
    else:
        with Pace() as pace:
            for index in range(batches.steps):
                batch = batches[index]
                pace.begin()
                meter.measure(step or model.test_step, batch.x, batch.y, batch.weight)
                pace.end(len(batch.x))
    batches.end_epoch()
    return meter


@overload
def evaluate(
    model: Network,
    x: Array | BatchSource,
    y: Array | None = None,
    batch_size: int | None = None,
    verbose: int | str = "auto",
    sample_weight: Array | None = None,
    steps: int | None = None,
    *,
    return_dict: Literal[True],
    average_flips: bool = False,
) -> dict[str, float]: ...


@overload
def evaluate(
    model: Network,
    x: Array | BatchSource,
    y: Array | None = None,
    batch_size: int | None = None,
    verbose: int | str = "auto",
    sample_weight: Array | None = None,
    steps: int | None = None,
    *,
    return_dict: Literal[False] = False,
    average_flips: bool = False,
) -> list[float] | float: ...


@known_arguments
def evaluate(
    model: Network,
    x: Array | BatchSource,
    y: Array | None = None,
    batch_size: int | None = None,
    verbose: int | str = "auto",
    sample_weight: Array | None = None,
    steps: int | None = None,
    *,
    return_dict: bool = False,
    average_flips: bool = False,
) -> list[float] | dict[str, float] | float:
    """Loss and metrics on (n, ...) samples in inference: a list, a dict if asked for, the loss
    alone without metrics.

    x may also be a source of batches, as in `fit`, which brings y and the weights itself.
    batch_size is for memory only and verbose is accepted for Keras' sake: nothing is printed.
    steps: only the first so many batches; of arrays without a batch_size, the parts that so many
        batches make.
    average_flips: of the mean of each picture's probabilities and its mirror image's, see predict.
    Raises RuntimeError before compile; ValueError for arrays or labels that do not fit.
    """
    resolve_verbose(verbose)
    checks.compiled(model)
    batches = given.to_measure(model, x, y, batch_size, sample_weight, steps, "evaluate")
    checks.pixel_range(model, batches.x)
    step = None
    if average_flips:
        _check_flips(model, batches.x, "evaluate")

        def step(x: Array, y: Array, weight: Array | None) -> tuple[float, Array]:
            with alone:
                probabilities = _flip_average(model, x)
                loss = model.loss.value_and_gradient(y, probabilities, weight)[0]
                return loss + penalties.total(model.leaves.values()), probabilities

    with quiet():
        meter = measured(model, batches, step)
    return meter.results() if return_dict else meter.listed()


@known_arguments
def predict(
    model: Network,
    x: Array | BatchSource,
    batch_size: int | None = None,
    verbose: int | str = "auto",
    steps: int | None = None,
    *,
    average_flips: bool = False,
) -> Any:
    """The model's outputs (n, K) for samples (n, ...), in inference; a new array.

    Of a model with several inputs x is a list or dict of arrays; several outputs are a list or
    dict, as in the model. x may also be a source of batches, of which labels and weights, if there
    are any, do not matter. batch_size is for memory only and verbose is accepted for Keras' sake:
    nothing is printed.
    steps: only the first so many batches; of arrays without a batch_size, the parts that so many
        batches make.
    average_flips: the mean of the probabilities of each picture and of its mirror image, left and
        right exchanged: two looks at every picture, which take twice the time and are right a
            little more often.
    Raises ValueError when x does not fit the model, or for average_flips where the outputs are no
    probabilities. Warns when the model has neither been trained nor loaded.
    """
    resolve_verbose(verbose)
    first, batches = _samples(model, x, batch_size, steps)
    model.build_for(first)
    checks.fresh_weights(model)
    checks.pixel_range(model, first)
    if average_flips:
        _check_flips(model, first, "predict")
    parts = []
    with quiet(), Pace() as pace:
        for part in batches:
            pace.begin()
            outputs = _flip_average(model, part) if average_flips else model.forward(part)
            parts.append(listed(outputs))
            pace.end(len(part))
    own = [np.concatenate(of_output) for of_output in zip(*parts, strict=True)]
    return model.in_form(joined(own, current()))


def listed(outputs: Any) -> list[Array]:
    """A model's outputs, in whatever form, as a list."""
    if isinstance(outputs, dict):
        return list(outputs.values())
    return outputs if isinstance(outputs, list) else [outputs]


def _samples(
    model: Network, x: Any, batch_size: int | None, steps: int | None
) -> tuple[Array, Iterable[Array]]:
    """The first samples at least, and the samples of every batch that predict is to see."""
    if is_source(x):
        if batch_size is not None:  # as in predict(generator, steps), which Keras 3 takes
            warn(
                f"predict leaves batch_size={batch_size!r} out of account, as Keras does: the "
                "source decides on its batches. For its first n batches write steps=n"
            )
        source = SourceBatches(x, "predict", model, steps, labelled=False)
        return source.x, _of_source(source)
    x, _, _ = checks.arrays(model, x, None, None, "predict")
    size = given.size_of_batch(batch_size, given.LARGE, len(x), steps, "predict")
    most = at_most(steps, -(-len(x) // size), "predict")
    first, last = share(most, current())
    return x, (x[start : start + size] for start in range(first * size, last * size, size))


def _of_source(source: SourceBatches) -> Iterator[Array]:
    source.begin_epoch()
    for index in range(*share(source.steps, current())):
        yield source[index].x
    source.end_epoch()


@one_at_a_time
def _flip_average(model: Network, x: Array) -> Array:
    """Mean probabilities (N, K) of pictures (N, H, W, C) and their mirror images."""
    return (model.forward(x) + model.forward(x[:, :, ::-1])) / 2


@known_arguments
def test_on_batch(
    model: Network,
    x: Array,
    y: Array,
    sample_weight: Array | None = None,
    return_dict: bool = False,
) -> Any:
    """The loss and metrics of one batch, in evaluate's forms.

    Raises RuntimeError before compile; ValueError for arrays or labels that do not fit.
    """
    checks.compiled(model)
    batches = given.to_measure(model, x, y, None, sample_weight, None, "test_on_batch")
    checks.pixel_range(model, batches.x)
    with quiet():
        meter = measured(model, batches)
    return meter.results() if return_dict else meter.listed()


@known_arguments
def predict_on_batch(model: Network, x: Array) -> Any:
    """The model's outputs (N, K) for one batch, in inference, as of predict."""
    return predict(model, x)


def _check_flips(model: Network, x: Array, who: str) -> None:
    if x.ndim != 4:
        raise ValueError(
            f"{who}(average_flips=True) expected pictures (N, H, W, C), received x of shape "
            f"{x.shape}"
        )
    if model.ends_in is None:
        raise ValueError(
            f"{who}(average_flips=True) averages probabilities, but {model.head} of {model.name!r} "
            "does not end in a softmax or sigmoid: add one"
        )
