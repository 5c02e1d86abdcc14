"""What pruning chooses among: channels that the same layers make, and how many of them it keeps."""

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from minicnn.errors import did_you_mean
from minicnn.expect import count
from minicnn.layers.base import Layer
from minicnn.pruning.cutting import multiplications
from minicnn.pruning.wiring import CONVOLUTIONS, MAKERS, Wiring
from minicnn.types import Array
from minicnn.wording import counted

SHARES = np.arange(1, 1001) / 1000  # among which the one that is asked for is looked for


class Block(NamedTuple):
    """Channels that may go, each made by all of these layers: the filters of a convolution, or of
    all whose maps are added to one another.

    ranked: their roots, the most important first.
    """

    makers: tuple[Layer, ...]
    ranked: Array


def blocks(wiring: Wiring, scores: Array, by: str) -> list[Block]:
    """All of a network, in the order of running.

    Raises ValueError where nothing measures the channels of a convolution.
    """
    makers: dict[int, tuple[Layer, ...]] = {}  # by root
    for layer in wiring.makers:
        for root in dict.fromkeys(wiring.channels.roots([wiring.made[id(layer)]]).tolist()):
            if wiring.channels.reason(root) is None:
                makers[root] = (*makers.get(root, ()), layer)
    together: dict[tuple[int, ...], list[int]] = {}
    for root, joined in makers.items():
        together.setdefault(tuple(map(id, joined)), []).append(root)
    found = []
    for roots in together.values():
        some = makers[roots[0]]
        if np.isnan(scores[roots]).any():
            if not any(isinstance(layer, CONVOLUTIONS) for layer in some):
                continue
            raise ValueError(
                f"prune_filters expected a BatchNormalization with a gamma after {some[0]} for "
                f"by={by!r}, received none: by='kernel' does without"
            )
        order = np.argsort(-scores[roots], kind="stable")
        found.append(Block(some, np.array(roots)[order]))
    return found


def rounded(share: float, number: int, multiple_of: int) -> int:
    """That share of a number as the nearest multiple, at least one of it and at most all.

    >>> [rounded(0.5, number, 8) for number in (64, 24, 20, 6)]
    [32, 16, 8, 6]
    """
    nearest = multiple_of * int(share * number / multiple_of + 0.5)
    return min(number, max(nearest, multiple_of))


def kept(wiring: Wiring, found: list[Block], widths: list[int]) -> Array:
    """A bool for every channel: whether it is kept, when so many of each block are."""
    gone = np.zeros(len(wiring.channels), bool)
    for block, width in zip(found, widths, strict=True):
        gone[block.ranked[width:]] = True
    return ~gone[wiring.channels.roots([np.arange(len(wiring.channels))])]


def by_share(found: list[Block], share: float, multiple_of: int) -> list[int]:
    """How many to keep of each block: that share of the filters of convolutions, and all units."""
    return [
        rounded(share, len(block.ranked), multiple_of)
        if any(isinstance(layer, CONVOLUTIONS) for layer in block.makers)
        else len(block.ranked)
        for block in found
    ]


def by_multiplications(
    wiring: Wiring, found: list[Block], share: float, multiple_of: int
) -> list[int]:
    """How many to keep of each block: the same share of all, the largest with which at most that
    share of the multiplications is left.

    Raises ValueError where the narrowest network needs more.
    """

    def left(part: float) -> int:
        widths = by_share(found, part, multiple_of)
        return multiplications(wiring, kept(wiring, found, widths))

    whole = multiplications(wiring, np.ones(len(wiring.channels), bool))
    place = bisect_right(SHARES, share * whole, key=left)
    if place == 0:
        raise ValueError(
            f"prune_filters expected multiplications of at least {left(0.0) / whole:.3f}, the "
            f"share that {counted(multiple_of, 'filter')} in every layer need, received {share}: "
            "ask for more, or for a smaller multiple_of"
        )
    return by_share(found, float(SHARES[place - 1]), multiple_of)


def by_name(
    paths: Mapping[str, Layer],
    wiring: Wiring,
    found: list[Block],
    asked: Mapping[str, Any],
    multiple_of: int,
) -> list[int]:
    """How many to keep of each block, for the numbers of filters or units of some layers, by path.

    Raises ValueError for what is no layer with filters, for those that must keep theirs, and for
    numbers that cannot be.
    """
    widths = [len(block.ranked) for block in found]
    said: dict[int, str] = {}  # by block: which layer has decided
    for path, wanted in asked.items():
        layer = paths.get(path)
        if layer is None:
            raise ValueError(
                f"prune_filters expected names of layers in filters, received {path!r}."
                f"{did_you_mean(str(path), paths)}"
            )
        if type(layer) not in MAKERS:
            raise ValueError(
                f"prune_filters expected layers with filters or units, received {layer}, which "
                "has none of its own: it follows those before it"
            )
        own = [n for n, block in enumerate(found) if layer in block.makers]
        made = wiring.made[id(layer)]
        wanted = count(wanted, f"filters of {layer}", "prune_filters")
        check_width(layer, wanted, len(made), multiple_of)
        if not own and wanted < len(made):
            raise ValueError(
                f"prune_filters expected a layer whose filters may go, received {layer}: "
                f"{wiring.channels.reason(made[0])}"
            )
        for n in own:
            width = rounded(wanted / len(made), len(found[n].ranked), multiple_of)
            if n in said and widths[n] != width:
                raise ValueError(
                    f"prune_filters expected as many filters of {path!r} as of {said[n]!r}, "
                    f"which are added to one another, received {wanted}"
                )
            widths[n], said[n] = width, path
    keeps = kept(wiring, found, widths)
    for path, wanted in asked.items():
        left = int(keeps[wiring.made[id(paths[path])]].sum())
        if left != wanted:
            raise ValueError(
                f"prune_filters expected a number of filters of {path!r} to which all that its "
                f"maps are joined with can be cut, received {wanted}: {left} is near"
            )
    return widths


def check_width(layer: Layer, wanted: int, made: int, multiple_of: int) -> None:
    """Raise ValueError for more filters than there are, and for no multiple."""
    if wanted > made:
        raise ValueError(
            f"prune_filters expected at most the {made} filters that {layer} has, received {wanted}"
        )
    if wanted < made and wanted % multiple_of:
        below, above = wanted - wanted % multiple_of, wanted - wanted % -multiple_of
        near = " or ".join(str(n) for n in (below, min(above, made)) if n)
        raise ValueError(
            f"prune_filters expected filters of {layer} as a multiple of {multiple_of}, with which "
            f"vectors are filled, received {wanted}: ask for {near}, or for multiple_of=1"
        )
