"""fit, evaluate and predict: what happens around the batches. Sequential has them as methods of the same names."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from minicnn.labels import class_of
from minicnn.layers.base import Array
from minicnn.training import checks
from minicnn.training.callbacks import Callback, CallbackList, History
from minicnn.training.interrupt import Interrupt
from minicnn.training.progress import Progress, resolve_verbose
from minicnn.training.step import quiet

if TYPE_CHECKING:
    from minicnn.sequential import Sequential

BATCH = 32  # Keras' default
INFERENCE_BATCH = 256  # results do not depend on it


def fit(
    model: "Sequential",
    x: Array,
    y: Array,
    batch_size: int | None = None,
    epochs: int = 1,
    verbose: int | str = "auto",
    callbacks: Callback | Iterable[Callback] | None = None,
    validation_split: float = 0.0,
    validation_data: tuple | None = None,
    shuffle: bool = True,
    class_weight: Mapping[int, float] | None = None,
    sample_weight: Array | None = None,
    initial_epoch: int = 0,
    *,
    seed: int | None = None,
) -> History:
    """Train, and return the History, whose `.history` has one list per metric, one value per epoch.

    Args:
        x, y: (n, ...) and labels, integers (n,) or (n, 1) or one-hot (n, K), as the loss wants them.
        batch_size: 32 unless given; the last batch of an epoch may be smaller.
        epochs: the number of the last epoch, counted from 1.
        verbose: 0 silent, 1 a bar, 2 a line per epoch, "auto" 1 on a terminal and 2 elsewhere.
        callbacks: what acts between batches and epochs.
        validation_split: the share of samples, taken from the end and before any shuffling, that is not trained on.
        validation_data: (x, y) or (x, y, sample_weight) to validate on instead.
        shuffle: draw a new order for every epoch.
        class_weight: factor on the loss of each class's samples, 1 for classes not in it; not used in validation.
        sample_weight: (n,), factor on the loss of each sample.
        initial_epoch: the number of epochs done before.
        seed: for shuffling and dropout; None continues the model's own generators.

    The logged training metrics are means over the epoch, while the weights were changing and with dropout on; the
    validation metrics are those of the epoch's final weights. Ctrl-C ends the epoch after the running batch, with
    validation and callbacks, and sets History.interrupted; a second Ctrl-C interrupts at once.

    Raises: RuntimeError before compile; ValueError for arrays or labels that do not fit.
    """
    checks.compiled(model)
    x, y, weight = checks.arrays(x, y, sample_weight, "fit")
    weight = class_weighted(weight, class_weight, y)
    held_out: tuple | None = None
    checks.samples(model, x, y)
    if validation_data is not None:
        if len(validation_data) not in (2, 3):
            raise ValueError(
                f"fit expected validation_data (x, y) or (x, y, sample_weight), received {len(validation_data)} parts"
            )
        x_val, y_val, *rest = validation_data
        held_out = checks.arrays(x_val, y_val, rest[0] if rest else None, "fit(validation_data)")
        checks.samples(model, *held_out[:2])
    elif validation_split:
        last = checks.split_at(len(x), validation_split, y)
        held_out = x[last:], y[last:], None
        x, y, weight = x[:last], y[:last], None if weight is None else weight[:last]
    checks.pixel_range(model, x)
    if seed is not None:
        model.reseed(seed)

    batch_size = checks.batch_size(batch_size, BATCH, "fit")
    steps = -(-len(x) // batch_size)
    verbose = resolve_verbose(verbose)
    model.history, model.stop_training = History(), False
    # History and Progress come last: they record and show what the others add to the logs.
    own = [model.history, Progress(verbose, epochs, steps, len(x))]
    given = list(callbacks or []) if isinstance(callbacks, Iterable | None) else [callbacks]
    watchers = CallbackList([*given, *own], model, {"verbose": verbose, "epochs": epochs, "steps": steps})
    logs: dict[str, float] = {}
    buffer = np.empty((min(batch_size, len(x)), *x.shape[1:]), x.dtype)  # for the pictures of a batch
    with Interrupt() as interrupt:
        watchers.on_train_begin()
        for epoch in range(initial_epoch, epochs):
            watchers.on_epoch_begin(epoch)
            order = model.shuffle_rng.permutation(len(x)) if shuffle else np.arange(len(x))
            meter = Meter(model)
            for batch in range(steps):
                watchers.on_train_batch_begin(batch)
                picked = order[batch * batch_size : (batch + 1) * batch_size]
                x_batch = np.take(
                    x, picked, axis=0, out=buffer[: len(picked)], mode="clip"
                )  # never clips: it is faster
                meter.measure(model.train_step, x_batch, y[picked], None if weight is None else weight[picked])
                if not np.isfinite(meter.last_loss):
                    checks.warn_of_loss(model, meter.last_loss, x_batch, epoch, batch)
                watchers.on_train_batch_end(batch, {**meter.results(), "size": len(picked)})
                if model.stop_training or interrupt.requested:
                    break
            logs = meter.results()
            if held_out is not None:
                watchers.on_test_begin()
                validation = _evaluate(model, *held_out)
                watchers.on_test_end(validation)
                logs |= {f"val_{name}": value for name, value in validation.items()}
            watchers.on_epoch_end(epoch, logs)
            if model.stop_training or interrupt.requested:
                break
        model.history.interrupted = interrupt.requested
        watchers.on_train_end(logs)
    return model.history


class Meter:
    """Means of the loss and the compiled metrics over the samples seen so far."""

    def __init__(self, model: "Sequential"):
        self.metrics = model.metrics
        self.total, self.samples, self.last_loss = 0.0, 0, 0.0
        for metric in self.metrics:
            metric.reset()

    def measure(
        self, step: Callable[..., tuple[float, Array]], x: Array, y: Array, sample_weight: Array | None
    ) -> None:
        """Run a step of the model on a batch and count its loss and predictions in."""
        self.last_loss, y_pred = step(x, y, sample_weight)
        self.total += self.last_loss * len(x)
        self.samples += len(x)
        for metric in self.metrics:
            metric.update(y, y_pred)

    def results(self) -> dict[str, float]:
        loss = self.total / self.samples if self.samples else 0.0
        return {"loss": loss} | {metric.name: metric.result() for metric in self.metrics}


def _slices(n: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, n, size))


def _evaluate(
    model: "Sequential", x: Array, y: Array, weight: Array | None, size: int = INFERENCE_BATCH
) -> dict[str, float]:
    meter = Meter(model)
    for part in _slices(len(x), size):
        meter.measure(model.test_step, x[part], y[part], None if weight is None else weight[part])
    return meter.results()


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
) -> list[float] | dict[str, float] | float:
    """Loss and metrics on (n, ...) samples in inference: a list, a dict if asked for, the loss alone without metrics.

    batch_size is for memory only and verbose is accepted for Keras' sake: nothing is printed.
    Raises: RuntimeError before compile; ValueError for arrays or labels that do not fit.
    """
    resolve_verbose(verbose)
    checks.compiled(model)
    x, y, weight = checks.arrays(x, y, sample_weight, "evaluate")
    checks.samples(model, x, y)
    checks.pixel_range(model, x)
    results = _evaluate(model, x, y, weight, checks.batch_size(batch_size, INFERENCE_BATCH, "evaluate"))
    return results if return_dict else _listed(results)


def _listed(results: dict[str, float]) -> list[float] | float:
    values = list(results.values())
    return values if len(values) > 1 else values[0]


def predict(model: "Sequential", x: Array, batch_size: int | None = None, verbose: int | str = "auto") -> Array:
    """The model's outputs (n, K) for samples (n, ...), in inference; a new array.

    batch_size is for memory only and verbose is accepted for Keras' sake: nothing is printed.
    Raises ValueError when x does not fit the model. Warns when the model has neither been trained nor loaded.
    """
    resolve_verbose(verbose)
    x, _, _ = checks.arrays(x, None, None, "predict")
    model.build_for(x)
    checks.fresh_weights(model)
    checks.pixel_range(model, x)
    size = checks.batch_size(batch_size, INFERENCE_BATCH, "predict")
    with quiet():
        parts = [model.forward(x[part]) for part in _slices(len(x), size)]
    return np.concatenate(parts) if len(parts) > 1 else np.array(parts[0])


def train_on_batch(
    model: "Sequential",
    x: Array,
    y: Array,
    sample_weight: Array | None = None,
    class_weight: Mapping[int, float] | None = None,
    return_dict: bool = False,
) -> Any:
    """One update from one batch; the loss and metrics of that batch, in evaluate's forms.

    Raises: RuntimeError before compile; ValueError for arrays or labels that do not fit.
    """
    checks.compiled(model)
    x, y, weight = checks.arrays(x, y, sample_weight, "train_on_batch")
    weight = class_weighted(weight, class_weight, y)
    meter = Meter(model)
    meter.measure(model.train_step, x, y, weight)
    return meter.results() if return_dict else _listed(meter.results())


def class_weighted(weight: Array | None, class_weight: Mapping[int, float] | None, y: Array) -> Array | None:
    """Sample weights times the weight of each sample's class, 1 for classes not in class_weight."""
    if class_weight is None:
        return weight
    factor = np.array([class_weight.get(int(label), 1.0) for label in class_of(y)])
    return factor if weight is None else weight * factor
