"""Mistakes of order: the right numbers at wrong places, and gradients of the wrong shape."""

import itertools
from collections.abc import Iterator
from math import prod

import numpy as np

from minicnn.testing.diagnosis.mistake import Mistake, Suspect
from minicnn.testing.diagnosis.trial import Trial

SWAPPED = Mistake(
    "axes swapped", "is right after {}", "the product or the transpose that makes it is turned"
)
RESHAPED = Mistake(
    "reshaped, not transposed",
    "has the right numbers in the wrong order, it is right after {}",
    "reshape keeps the order in memory, use transpose where axes change places",
)
FLIPPED = Mistake(
    "flipped",
    "is right after turning round {}",
    "take the rows and columns in the order that forward does",
)
EXCHANGED = Mistake("two gradients exchanged", "is d{0}, and d{0} is this", "exchange them", True)
NOT_SUMMED = Mistake(
    "sum missing",
    "has an axis too many or too long, it is right after .sum(axis={})",
    "add up what forward has repeated",
)
TURNED = Mistake(
    "transposed", "has the shape of its transpose, it is right after {}", "transpose it"
)
WRONG_SHAPE = Mistake(
    "not reshaped",
    "has the right numbers in the wrong shape",
    "reshape it to {}, x's shape",
)
PADDED = Mistake(
    "padding not cut off",
    "has the rows and columns of the padding too, it is right after {}",
    "cut it, only the picture has a gradient",
)


def suspects(trial: Trial, name: str) -> Iterator[Suspect]:
    """The right gradient with axes swapped, turned round, as another tensor's."""
    right, claimed = trial.right[name], trial.claimed[name]
    if claimed is None:
        return
    if claimed.shape != right.shape:
        yield from _wrong_shapes(trial, name)
        return
    for other in trial.tensors:
        if trial.right[other].shape == right.shape and other != name and trial.fits(other, right):
            yield Suspect(EXCHANGED, trial.right[other], other)
    axes = [axis for axis in range(right.ndim) if right.shape[axis] > 1]
    for moved in list(itertools.permutations(axes))[1:]:
        order = list(range(right.ndim))
        for axis, source in zip(axes, moved, strict=True):
            order[axis] = source
        turned = right.transpose(order)
        if turned.shape == right.shape:
            yield Suspect(SWAPPED, turned, _undoing(order))
        else:
            detail = f"reading its numbers as axes {tuple(order)} and .transpose({_inverse(order)})"
            yield Suspect(RESHAPED, turned.reshape(right.shape), detail)
    for many in range(1, len(axes) + 1):
        for some in itertools.combinations(axes, many):
            named = "axis " + " and ".join(map(str, some))
            yield Suspect(FLIPPED, np.flip(right, some), named)


def _wrong_shapes(trial: Trial, name: str) -> Iterator[Suspect]:
    """Of a claim that has another shape than its tensor: what makes it right is tried on it, and
    the claim is the suspect where that helps.
    """
    right, claimed = trial.right[name], trial.claimed[name]
    assert claimed is not None  # of None nothing can be made
    for many in range(1, claimed.ndim + 1):
        for axes in itertools.combinations(range(claimed.ndim), many):
            for keepdims in (False, True):
                summed = claimed.sum(axis=axes, keepdims=keepdims)
                if trial.agrees(name, summed):
                    said = f"{axes if many > 1 else axes[0]}" + ", keepdims=True" * keepdims
                    yield Suspect(NOT_SUMMED, claimed, said)
    if claimed.size == right.size and trial.agrees(name, claimed.reshape(right.shape)):
        yield Suspect(WRONG_SHAPE, claimed, "(N, *self.input_shape)")
    for order in itertools.permutations(range(claimed.ndim)):
        if list(order) != sorted(order) and trial.agrees(name, claimed.transpose(order)):
            yield Suspect(TURNED, claimed, f".transpose({order})")
    if claimed.ndim == right.ndim == 4 and prod(claimed.shape) > prod(right.shape):
        _, H, W, _ = right.shape
        tops, lefts = (range(max(0, claimed.shape[a] - right.shape[a]) + 1) for a in (1, 2))
        for top, left in itertools.product(tops, lefts):
            if trial.agrees(name, claimed[:, top : top + H, left : left + W]):
                yield Suspect(PADDED, claimed, f"[:, {top}:{top} + H, {left}:{left} + W]")


def _inverse(order: list[int]) -> tuple[int, ...]:
    return tuple(int(axis) for axis in np.argsort(order))


def _undoing(order: list[int]) -> str:
    """How an order of axes is undone, in words where these are shorter."""
    moved = [axis for axis, source in enumerate(order) if axis != source]
    if len(moved) == 2:
        last = moved == [len(order) - 2, len(order) - 1]
        if last and len(order) > 2:
            return "swapping its last two axes"
        return (
            "transposing it" if len(order) == 2 else f"swapping its axes {moved[0]} and {moved[1]}"
        )
    return f".transpose({_inverse(order)})"
