"""Which values have one quantization: what an operation keeps, and what is joined."""

from minicnn.quantize.operations import KEEPING, Computation

Ranges = list[tuple[float, float]]


def groups(computation: Computation) -> list[int]:
    """For each value, the first of those that have its quantization."""
    first = list(range(len(computation.operations) + 1))
    for number, operation in enumerate(computation.operations, 1):
        if operation.kind in KEEPING:
            joined = {first[n] for n in (number, *operation.reads)}
            first = [min(joined) if n in joined else n for n in first]
    return first


def shared(computation: Computation, ranges: dict[int, tuple[float, float]]) -> Ranges:
    """For each value, the range that holds those of all values of its group.

    ranges: of some values, of which each group has one.
    """
    first = groups(computation)
    whole: dict[int, tuple[float, float]] = {}
    for value, (low, high) in ranges.items():
        before = whole.get(first[value], (low, high))
        whole[first[value]] = min(low, before[0]), max(high, before[1])
    return [whole[n] for n in first]
