"""Structured pruning: whole filters go, and a smaller ordinary network is left."""

from collections.abc import Mapping
from typing import Any, TypeVar

from minicnn import layers
from minicnn.expect import count, is_word_of, number
from minicnn.layers.base import Layer
from minicnn.machine.threads import one_at_a_time
from minicnn.names import known_arguments
from minicnn.network import Network
from minicnn.network.clone import clone
from minicnn.pruning.blocks import Block, blocks, by_multiplications, by_name, by_share, kept
from minicnn.pruning.constants import constants, left_behind
from minicnn.pruning.cutting import arguments, axes, cut
from minicnn.pruning.scores import NORMS, scores
from minicnn.pruning.wiring import MAKERS, Wiring
from minicnn.types import Array

Kind = TypeVar("Kind", bound=Network)


@known_arguments
@one_at_a_time
def prune_filters(
    model: Kind,
    keep: float | None = None,
    *,
    filters: Mapping[str, int] | None = None,
    multiplications: float | None = None,
    by: str = "kernel",
    multiple_of: int = 8,
) -> Kind:
    """A smaller model of the same kind, without the filters that matter least.

    What follows a removed filter goes too: its place in normalisations, depthwise kernels and the
    kernels that read it, also behind Flatten and Concatenate. Filters whose maps are added to one
    another are kept or removed together. The constant that a removed channel has been worth goes
    into the next bias (constants.py), or into the moving mean of the normalisation where there is
    none. The model's inputs and outputs stay as they are, and so does the model itself.

    The smaller model has a copy of all other weights. It is not compiled: what an optimizer
    remembers belongs to the weights that it has trained. Train it on: some epochs with a small
    learning rate bring back most of what was lost.

    Args:
        keep: the share of the filters of every convolution, from 0 to 1; dense layers stay.
        filters: instead, how many to keep of some layers, by their names or paths: {"conv2d_1": 32,
            "dense": 64}.
        multiplications: instead, the share of the multiplications that is left at most: the same
            share of all filters is kept.
        by: "kernel", filters count by the sum of their |weights|, or "gamma", by |gamma| of the
            normalisation behind them.
        multiple_of: numbers of filters are rounded to that; what is no multiple of the vectors that
            the processor computes with is slower than the next one that is. `filters` must be
            multiples.

    Raises ValueError for a model that is not built, for arguments out of range or more than one of
    keep, filters and multiplications, and for layers whose filters cannot go.

    Source: Li et al. 2017, arXiv:1608.08710; groups: Fang et al. 2023, arXiv:2301.12900.

    >>> model = applications.DocumentedCNN(seed=0)
    >>> smaller = pruning.prune_filters(model, 0.5)
    >>> [layer.filters for layer in smaller.layers if isinstance(layer, layers.Conv2D)]
    [16, 32, 64]
    >>> smaller.count_params()
    58218
    """
    asked = {"keep": keep, "filters": filters, "multiplications": multiplications}
    given = {name: value for name, value in asked.items() if value is not None}
    if len(given) != 1:
        raise ValueError(
            "prune_filters expected one of keep, filters and multiplications, received "
            f"{' and '.join(given) or 'none'}"
        )
    for name in {"keep", "multiplications"}.intersection(given):
        number(given[name], name, "prune_filters", above=0, most=1)
    if not is_word_of(by, NORMS):
        raise ValueError(f"prune_filters expected by='kernel' or 'gamma', received {by!r}")
    count(multiple_of, "multiple_of", "prune_filters")
    if not model.built:
        raise ValueError(
            f"prune_filters expected a model that is built, received {model.name!r}: call "
            "build(input_shape) first"
        )
    wiring = Wiring(model)
    found = blocks(wiring, scores(wiring, by), by)
    widths = _widths(model, wiring, found, given, multiple_of)
    return without(model, wiring, kept(wiring, found, widths))


def _widths(
    model: Network, wiring: Wiring, found: list[Block], given: dict[str, Any], multiple_of: int
) -> list[int]:
    if "keep" in given:
        return by_share(found, given["keep"], multiple_of)
    if "multiplications" in given:
        return by_multiplications(wiring, found, given["multiplications"], multiple_of)
    return by_name(model.leaves, wiring, found, given["filters"], multiple_of)


def without(model: Kind, wiring: Wiring, keeps: Array) -> Kind:
    """The model without the channels that are not kept; keeps is a bool for every channel."""
    shifts = _shifts(wiring, keeps)
    normalised = _normalised(wiring)
    changes: dict[int, dict[str, Any]] = {}
    layer: Any
    for layer in model.leaves.values():
        changes[id(layer)] = arguments(layer, wiring, keeps)
        if id(layer) in shifts and not layer.use_bias and id(layer) not in normalised:
            changes[id(layer)]["use_bias"] = True
    smaller = clone(model, lambda layer: layer.clone(**changes[id(layer)]))
    made = {id(layer): smaller.leaves[path] for path, layer in model.leaves.items()}
    for layer in model.leaves.values():
        _copy(layer, made[id(layer)], wiring, keeps)
    for owner, shift in shifts.items():
        if "bias" in made[owner].params:
            made[owner].params["bias"] += shift.astype(smaller.dtype)
        else:
            made[normalised[owner]].state["moving_mean"] -= shift.astype(smaller.dtype)
    return smaller


def _copy(layer: Layer, smaller: Layer, wiring: Wiring, keeps: Array) -> None:
    where = axes(layer, wiring)
    for name, array in layer.variables_by_name.items():
        smaller.variables_by_name[name][...] = cut(array, where.get(name, ()), keeps)
    smaller.has_fresh_weights = layer.has_fresh_weights


def _shifts(wiring: Wiring, keeps: Array) -> dict[int, Array]:
    """By the id of a layer, what removed channels have added to each filter that it keeps."""
    numbers = [found.numbers for found in constants(wiring)]
    shifts: dict[int, Array] = {}
    for call in wiring.program.calls:
        layer = call.layer
        if type(layer) in MAKERS and not keeps[wiring.values[call.reads[0]]].all():
            shift = left_behind(layer, wiring, keeps, numbers[call.reads[0]])
            shift = shift[keeps[wiring.made[id(layer)]]]
            if shift.any():
                shifts[id(layer)] = shift
    return shifts


def _normalised(wiring: Wiring) -> dict[int, int]:
    """By the id of a layer without a bias, that of the normalisation which alone reads it: moving
    its mean does what a bias would do.
    """
    readers: dict[int, list[Layer]] = {}
    for call in wiring.program.calls:
        for n in call.reads:
            readers.setdefault(n, []).append(call.layer)
    found = {}
    for call in wiring.program.calls:
        layer: Any = call.layer
        own = readers.get(call.writes, [])
        if (
            type(layer) in MAKERS
            and not layer.use_bias
            and layer.activation_layer is None
            and [type(reader) for reader in own] == [layers.BatchNormalization]
            and call.writes not in wiring.program.outputs
        ):
            found[id(layer)] = id(own[0])
    return found
