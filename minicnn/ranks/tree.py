"""One binary tree over V shards, along which everything of them is added.

    0     1     2     3     4     5         V = 6: pairs of shards are added, then pairs of pairs
    +--+--+     +--+--+     +--+--+
       +-----+-----+           |
             +--------+--------+

Addition of floating-point numbers is not associative: (a + b) + c and a + (b + c) differ in their
last bits. So a sum has the same bits on any number of ranks only if every addition in it is always
the same one. The tree fixes them by V alone. Ranks have neighbouring shards; each adds up the
subtrees that lie within its own, and whoever then has all of these sums finishes the tree.
"""

from collections.abc import Callable, Sequence

from minicnn.types import Array

Part = Sequence[Array]  # arrays that belong to shards and are added to those of others
Span = tuple[int, int]  # shards low ... high - 1


def split(low: int, high: int) -> int:
    """Where the tree over low ... high - 1 divides: after the largest power of two below its size.

    >>> split(0, 6), split(0, 8), split(4, 6)
    (4, 4, 5)
    """
    return low + (1 << (high - low - 1).bit_length() - 1)


def spans(shards: int, ranks: int) -> list[Span]:
    """The shards of every rank, as even as can be.

    >>> spans(8, 3)
    [(0, 2), (2, 5), (5, 8)]
    """
    return [(shards * r // ranks, shards * (r + 1) // ranks) for r in range(ranks)]


def subtrees(low: int, high: int, first: int, last: int) -> list[Span]:
    """The largest subtrees of the tree over low ... high - 1 that lie within first ... last - 1.

    >>> subtrees(0, 8, 2, 5)
    [(2, 4), (4, 5)]
    """
    if high <= first or low >= last:
        return []
    if first <= low and high <= last:
        return [(low, high)]
    at = split(low, high)
    return subtrees(low, at, first, last) + subtrees(at, high, first, last)


def fold(low: int, high: int, part: Callable[[int, int], Part | None]) -> Part:
    """The sum over low ... high - 1 along the tree.

    Args:
        part: the sum of a subtree, in arrays that may be overwritten; None where it is to be made
            of its two halves. Shards are asked for in their order, and at most log2(V) + 1 sums are
            kept at a time.
    """
    known = part(low, high)
    if known is not None:
        return known
    at = split(low, high)
    left, right = fold(low, at, part), fold(at, high, part)
    for total, more in zip(left, right, strict=True):
        total += more
    return left
