"""Steps of a check, and the comparisons that they are made of: each says in words what is right, or
raises AssertionError with what is wrong and, where it is known, with the mistake.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from minicnn.layers import Layer
from minicnn.testing import check_layer, diagnose
from minicnn.types import Array, Shape

Numbers = Array | float | np.floating

CLOSE = 1e-9  # relative to the largest value, in float64


class Step(NamedTuple):
    """A name, and what says what is right, or raises AssertionError with what is wrong."""

    name: str
    call: Callable[[], str]


def same(
    what: str, received: Any, expected: Numbers, mistakes: Mapping[str, Numbers] | None = None
) -> str:
    """Compare what a learner's code gave with what it should have.

    Args:
        what: its name, such as y.
        mistakes: what comes out where a usual mistake is made, by the sentence that says which.

    Raises AssertionError with the mistake that fits or, where none does, the place that is worst.
    """
    if received is None:
        raise AssertionError(f"{what} expected numbers, received None: does it end with return?")
    found, right = np.asarray(received, np.float64), np.asarray(expected, np.float64)
    if _close(found, right):
        return f"{what} is right"
    for told, wrong in (mistakes or {}).items():
        if _close(found, np.asarray(wrong, np.float64)):
            raise AssertionError(f"{what} is wrong: {told}")
    if found.shape != right.shape:
        raise AssertionError(f"{what} expected the shape {right.shape}, received {found.shape}")
    off = np.abs(found - right)
    place = np.unravel_index(np.argmax(np.where(np.isnan(off), np.inf, off)), off.shape)
    at = f"{what}[{', '.join(str(int(n)) for n in place)}]" if off.ndim else what
    raise AssertionError(
        f"{what} is wrong, and no usual mistake explains it: {at} expected {right[place]:.6g}, "
        f"received {found[place]:.6g}"
    )


def _close(found: Array, right: Array) -> bool:
    """Whether two arrays are equal but for rounding."""
    if found.shape != right.shape or not np.isfinite(found).all():
        return False
    return bool(np.abs(found - right).max(initial=0) <= CLOSE * max(1.0, np.abs(right).max()))


def pair(mine: Layer, theirs: Layer, x: Array) -> tuple[Any, Array]:
    """What two layers with the same drawn parameters give for x (N, ...), in training."""
    for layer in (mine, theirs):
        layer.build(x.shape[1:], np.random.default_rng(0), np.float64)
    rng = np.random.default_rng(1)
    for name, param in theirs.params.items():
        param[...] = rng.standard_normal(param.shape)
        if name not in mine.params:
            raise AssertionError(
                f"params expected {', '.join(theirs.params)}, received "
                f"{', '.join(mine.params) or 'none'}: setup allocates them, leave it as it is"
            )
        mine.params[name][...] = param
    return mine.forward(x.copy(), training=True), theirs.forward(x, training=True)


def claimed(
    mine: Layer, theirs: Layer, x: Array, mistakes: Callable[[Array], Mapping[str, Numbers]]
) -> str:
    """Compare dx of two layers for a drawn dy, which `mistakes` is given."""
    _, y = pair(mine, theirs, x)
    dy = np.random.default_rng(3).standard_normal(y.shape)
    return same("dx", mine.backward(dy.copy()), theirs.backward(dy), mistakes(dy))


def gradients(make: Callable[[], Layer], input_shape: Shape) -> str:
    """Compare backward with measured derivatives, and name the mistake where there is one."""
    try:
        report = check_layer(make(), input_shape)
    except AssertionError as error:
        found = diagnose(make(), input_shape)
        raise AssertionError(str(found) if found.findings else str(error)) from None
    tensors = ", ".join(f"d{name}" for name in report.tensors)
    verb = "is" if len(report.tensors) == 1 else "are"
    return f"{tensors} {verb} right, to {report.error:.0e} of what was measured"
