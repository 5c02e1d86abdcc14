"""Sums over shards that have the same bits on any number of ranks.

1. Every rank adds up the subtrees within its own shards (tree.py).
2. Everybody sends slice s of these sums to rank s,
3. which finishes the tree for its slice,
4. and the slices are gathered by all.

Where R ranks and V shards are powers of two, 2 S (R - 1) / R numbers leave each rank for a sum of
S numbers: what a ring allreduce sends, and the least there is. What comes with them, numbers in
double precision such as the loss, is short: everybody gets it whole, and finishes the tree itself.
Source: Thakur, Rabenseifner & Gropp 2005, "Optimization of collective communication operations in
MPICH" (reduce-scatter and allgather); with a fixed tree in the place of an order by rank.
"""

from collections.abc import Callable

import numpy as np

from minicnn.ranks.group import Group, as_bytes
from minicnn.ranks.tree import Part, Span, fold, spans, subtrees
from minicnn.types import Array

# shard -> [vector (S,), numbers (D,) in double precision], in arrays that may be overwritten
OfShard = Callable[[int], list[Array]]


class Sums:
    """Adds what shards come to.

    Args:
        group: between whom the shards are shared.
        shards: how many there are, V.

    Attributes:
        patient: whether other ranks may be busy with something else, such as compiling; see Group.

    Raises ValueError when there are more ranks than shards.
    """

    patient = False

    def __init__(self, group: Group, shards: int):
        if group.size > shards:
            raise ValueError(
                f"fit expected at least one shard for each of {group.size} ranks, received "
                f"shards={shards}: fit(shards={group.size}) or more, or fewer ranks; with "
                "`with minicnn.ranks.apart():` around it every rank trains by itself"
            )
        self.group, self.shards = group, shards
        self.nodes = [subtrees(0, shards, *span) for span in spans(shards, group.size)]
        self.first, self.last = spans(shards, group.size)[group.rank]

    def __call__(self, of_shard: OfShard) -> list[Array]:
        """[vector, numbers], each the sum over all shards, of which those of this rank are asked
        for.
        """
        own = [
            fold(*node, lambda low, high: of_shard(low) if high - low == 1 else None)
            for node in self.nodes[self.group.rank]
        ]
        if self.group.size == 1:
            return list(own[0])
        return self._finished([part[0] for part in own], np.stack([part[1] for part in own]))

    def numbers(self, of_shard: Callable[[int], Array]) -> Array:
        """The sum over all shards of numbers alone, in double precision and of any shape."""
        shapes = set()

        def flat(shard: int) -> list[Array]:
            found = of_shard(shard)
            shapes.add(found.shape)
            return [np.empty(0), found.ravel()]

        _, total = self(flat)
        (shape,) = shapes
        return total.reshape(shape)

    def _finished(self, vectors: list[Array], numbers: Array) -> list[Array]:
        """The sums over all ranks' subtrees; `vectors` and the rows of `numbers` are this one's."""
        ranks, me = self.group.size, self.group.rank
        size, dtype = len(vectors[0]), vectors[0].dtype
        cuts = [size * r // ranks for r in range(ranks + 1)]
        width, row = cuts[me + 1] - cuts[me], numbers.shape[1]
        sent = [
            np.concatenate([as_bytes(numbers), *[as_bytes(v[start:end]) for v in vectors]])
            for start, end in zip(cuts, cuts[1:], strict=False)
        ]
        heads = [8 * row * len(nodes) for nodes in self.nodes]
        sizes = [
            head + len(nodes) * width * dtype.itemsize
            for head, nodes in zip(heads, self.nodes, strict=True)
        ]
        given: dict[Span, Part] = {}
        received = self.group.exchange(sent, sizes, patient=self.patient)
        for nodes, head, came in zip(self.nodes, heads, received, strict=True):
            doubles = came[:head].copy().view(np.float64).reshape(len(nodes), row)
            slices = came[head:].view(dtype).reshape(len(nodes), width)
            given |= dict(zip(nodes, zip(slices, doubles, strict=True), strict=True))
        part, total = fold(0, self.shards, lambda low, high: given.get((low, high)))
        if not size:
            return [vectors[0], total]
        widths = [dtype.itemsize * (b - a) for a, b in zip(cuts, cuts[1:], strict=False)]
        joined = self.group.join(as_bytes(part), widths, patient=self.patient)
        return [joined.view(dtype), total]
