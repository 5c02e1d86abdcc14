"""Pictures that are divided into what to train on, to validate on and to test on."""

from collections.abc import Sequence
from dataclasses import dataclass

from minicnn.types import Samples


@dataclass(frozen=True)
class Pictures:
    """Pictures (n, H, W, 3) and labels to train on, to validate on and to test on."""

    name: str
    class_names: list[str]
    train: Samples
    validation: Samples
    test: Samples


def parted(
    name: str,
    class_names: Sequence[str],
    train: Samples,
    test: Samples,
    limit: int | None,
    *,
    holds_out: bool = True,
) -> Pictures:
    """The first `limit` pictures of each, or all; the last fifth of those to train on is to
    validate on, unless nothing is held out.

    Raises ValueError when limit leaves nothing to validate on.
    """
    (x, y), (x_test, y_test) = train, test
    x, y = x[:limit], y[:limit]
    last = int(0.8 * len(x)) if holds_out else len(x)
    if last == 0:
        raise ValueError(
            f"--limit expected 2 or more, received {limit}: one picture to train on, one to "
            "validate on"
        )
    return Pictures(
        name,
        list(class_names),
        (x[:last], y[:last]),
        (x[last:], y[last:]),
        (x_test[:limit], y_test[:limit]),
    )
