"""What fit, evaluate and lr_find are given, arrays or a source of batches, as checked batches: here
it is decided.
"""

from typing import Any

from minicnn.expect import count, is_source
from minicnn.network import Network
from minicnn.training import checks
from minicnn.training.batches import ArrayBatches, SourceBatches
from minicnn.training.class_weight import class_factors, weighted
from minicnn.types import Array

BATCH = 32  # Keras' default
LARGE = 256  # where results do not depend on it
VALIDATION = "fit(validation_data)"  # in messages

Batches = ArrayBatches | SourceBatches


def to_train_on(
    model: Network,
    x: Any,
    y: Any,
    batch_size: int | None,
    sample_weight: Any,
    class_weight: Any,
    validation_split: float,
    steps: int | None,
    who: str,
) -> tuple[Batches, tuple[Array, Array, Array | None] | None]:
    """The batches to train on, and what validation_split keeps from them: x, y and the weights of
    its samples.

    Both have been checked. class_weight is for training alone.
    """
    if y is None or is_source(x):
        _alone(x, y, batch_size, sample_weight, who, validation_split=bool(validation_split))
        source = SourceBatches(x, who, model, steps)
        checks.samples(model, source.x, source.y)
        checks.pixel_range(model, source.x)
        if class_weight is not None:
            source.factors = class_factors(class_weight, None, model, who)
        return source, None
    x, y, weight = checks.training_samples(model, x, y, sample_weight, who)
    held_out = None
    if validation_split:
        at = checks.split_at(len(x), validation_split, y)
        held_out = x[at:], y[at:], None if weight is None else weight[at:]
        x, y, weight = x[:at], y[:at], None if weight is None else weight[:at]
    if class_weight is not None:
        weight = weighted(weight, class_factors(class_weight, y, model, who), y, who)
    return in_batches(x, y, weight, batch_size, BATCH, steps, who), held_out


def to_measure(
    model: Network,
    x: Any,
    y: Any,
    batch_size: int | None,
    sample_weight: Any,
    steps: int | None,
    who: str,
) -> Batches:
    """The batches to evaluate on."""
    batches: Batches
    if y is None or is_source(x):
        _alone(x, y, batch_size, sample_weight, who)
        batches = SourceBatches(x, who, model, steps)
    else:
        x, y, weight = checks.arrays(model, x, y, sample_weight, who)
        batches = in_batches(x, y, weight, batch_size, LARGE, steps, who)
    checks.samples(model, batches.x, batches.y)
    return batches


def held_out(
    model: Network,
    kept: tuple[Array, Array, Array | None] | None,
    data: Any,
    batch_size: int | None,
    steps: int | None,
) -> Batches | None:
    """What fit validates on, if anything: what to_train_on has kept, or else validation_data."""
    if kept is not None:
        return in_batches(*kept, batch_size, LARGE, steps, VALIDATION)
    return None if data is None else to_validate_on(model, data, batch_size, steps)


def to_validate_on(model: Network, data: Any, batch_size: int | None, steps: int | None) -> Batches:
    """The batches of fit's validation_data. Raises ValueError when they do not fit the model."""
    if is_source(data):
        return to_measure(model, data, None, None, None, steps, VALIDATION)
    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        received = f"{len(data)} parts" if isinstance(data, tuple | list) else type(data).__name__
        raise ValueError(
            "fit expected validation_data (x, y) or (x, y, sample_weight), or a source of batches, "
            "received " + received
        )
    x, y, *weight = data
    return to_measure(model, x, y, batch_size, weight[0] if weight else None, steps, VALIDATION)


def in_batches(
    x: Array,
    y: Array,
    weight: Array | None,
    batch_size: int | None,
    default: int,
    steps: int | None,
    who: str,
) -> ArrayBatches:
    """The batches of arrays that have been checked."""
    return ArrayBatches(
        x, y, weight, size_of_batch(batch_size, default, len(x), steps, who), steps, who
    )


def size_of_batch(size: int | None, default: int, n: int, steps: int | None, who: str) -> int:
    """batch_size, or what divides n samples into so many steps, as in Keras, or the default."""
    if size is None and steps is not None:
        return -(-n // min(count(steps, "steps", who), n))
    return default if size is None else count(size, "batch_size", who)


def _alone(
    x: Any, y: Any, batch_size: int | None, sample_weight: Any, who: str, **more: bool
) -> None:
    """Raise ValueError unless x is a source that comes without what it decides on itself."""
    given = {
        "y": y is not None,
        "batch_size": batch_size is not None,
        "sample_weight": sample_weight is not None,
    }
    checks.source(x, given | more, who)
