"""Mistakes of sums: a part is written where it is to be added, or a sum goes over other axes.

A parameter's gradient is the sum of its shares over all samples n and positions of z:
    dp = sum over n, i, j, f of dz[n, i, j, f] * dz[n, i, j, f]/dp
"""

import itertools
from collections.abc import Iterator

import numpy as np

from minicnn.testing.diagnosis.mistake import Mistake, Suspect
from minicnn.testing.diagnosis.trial import Trial
from minicnn.types import Array

LAST_SAMPLE = Mistake(
    "only the last sample", "is the {} sample's alone", "add up over the samples, += and not ="
)
LAST_POSITION = Mistake(
    "only the last position",
    "has the share of the {} alone",
    "add up over the output positions, += and not =",
)
ONE_SAMPLE_FOR_ALL = Mistake(
    "the last sample's cache for all",
    "is right if every sample were the last one",
    "keep a copy of what belongs to each sample, one buffer is overwritten by the next sample",
)
WRONG_AXES = Mistake(
    "summed over wrong axes",
    "is a sum over other axes: there is an entry for each place along axis {} of dy, expected one "
    "for each along the last",
    "sum over all axes but the last",
)


def suspects(trial: Trial, name: str) -> Iterator[Suspect]:
    """Sums with parts left out, and over other axes; all samples alike."""
    if name in trial.names:
        if len(trial.x) > 1 and len(trial.inputs) == 1 and not trial.is_affine:
            yield Suspect(ONE_SAMPLE_FOR_ALL, _all_as_the_last(trial, name))
        return
    param = trial.array(name)
    shares = trial.jacobians[name] * trial.dz  # (*param.shape, N, ..., last)
    first = param.ndim  # its axis of samples
    others = tuple(range(first + 1, shares.ndim))
    if shares.shape[first] > 1:
        of_sample = shares.sum(axis=others)
        yield Suspect(LAST_SAMPLE, of_sample[..., -1], "last")
        yield Suspect(LAST_SAMPLE, of_sample[..., 0], "first")
        if len(trial.inputs) == 1:
            yield Suspect(ONE_SAMPLE_FOR_ALL, _all_as_the_last(trial, name))
    yield from _positions(shares, first)
    yield from _other_axes(param, shares)


def _all_as_the_last(trial: Trial, name: str) -> Array:
    alike = np.repeat(trial.x[-1:], len(trial.x), axis=0)
    return trial.right_for(name, inputs=[alike])


def _positions(shares: Array, first: int) -> Iterator[Suspect]:
    """Parts of the last or the first of the rows, the columns or both, and of samples too."""
    places = [axis for axis in range(first + 1, shares.ndim - 1) if shares.shape[axis] > 1]
    words = dict(zip(range(first + 1, shares.ndim - 1), ("row", "column"), strict=False))
    for many in range(1, len(places) + 1):
        for axes in itertools.combinations(places, many):
            named = " and ".join(words.get(axis, f"place of axis {axis - first}") for axis in axes)
            for which, at in (("last", -1), ("first", 0)):
                part = shares
                for axis in axes:
                    part = part.take([at], axis=axis)
                total = part.sum(axis=tuple(range(first, shares.ndim)))
                yield Suspect(LAST_POSITION, total, f"{which} {named}")
                if shares.shape[first] > 1:
                    one = part.take(at, axis=first).sum(axis=tuple(range(first, shares.ndim - 1)))
                    yield Suspect(LAST_POSITION, one, f"{which} sample's {which} {named}")


def _other_axes(param: Array, shares: Array) -> Iterator[Suspect]:
    """For a parameter (K,) of which number k only reaches z[..., k]: bias, gamma ..."""
    K = shares.shape[-1]
    if param.shape != (K,) or K == 1:
        return
    across = np.moveaxis(shares, -1, 1)  # (K, K, N, ...)
    if across[~np.eye(K, dtype=bool)].any():
        return
    own = np.moveaxis(across[np.arange(K), np.arange(K)], 0, -1)  # (N, ..., K)
    for axis in range(own.ndim - 1):
        if own.shape[axis] == K:
            yield Suspect(WRONG_AXES, own.sum(axis=_all_but(axis, own.ndim)), str(axis))


def _all_but(axis: int, rank: int) -> tuple[int, ...]:
    return tuple(one for one in range(rank) if one != axis)
