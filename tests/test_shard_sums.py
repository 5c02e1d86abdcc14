"""Sums over shards along one tree: the same bits, however many ranks share them."""
# ruff: noqa: ARG002  (hooks and methods keep their whole signatures, used or not)

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shard_cases import tree_sum

from minicnn.ranks.group import ALONE, Group
from minicnn.ranks.sums import Sums
from minicnn.ranks.tree import fold, spans, split, subtrees

SHARDS = st.integers(1, 40)


@given(SHARDS, st.data())
def test_every_way_to_share_the_shards_adds_up_the_same_bits(shards, drawn):
    ranks = drawn.draw(st.integers(1, shards))
    terms = np.random.default_rng(shards).standard_normal((shards, 3)).astype(np.float32)
    terms *= 2 ** np.arange(shards, dtype=np.float32)[:, None]  # so that every addition rounds
    sums = {}
    for first, last in spans(shards, ranks):
        for low, high in subtrees(0, shards, first, last):
            asked = []

            def leaf(one, end, asked=asked):
                if end - one > 1:
                    return None
                asked.append(one)
                return [terms[one].copy()]

            sums[low, high] = fold(low, high, leaf)
            assert asked == list(range(low, high))
    (total,) = fold(0, shards, lambda low, high: sums.get((low, high)))
    assert total.tobytes() == tree_sum(list(terms)).tobytes()


@given(SHARDS, st.data())
def test_shares_are_even_and_cover_all(shards, drawn):
    ranks = drawn.draw(st.integers(1, shards))
    found = spans(shards, ranks)
    assert found[0][0] == 0 and found[-1][1] == shards and len(found) == ranks
    assert all(a[1] == b[0] for a, b in pairwise(found))
    assert {high - low for low, high in found} <= {shards // ranks, -(-shards // ranks)}
    for low, high in found:
        nodes = subtrees(0, shards, low, high)
        assert [n for node in nodes for n in range(*node)] == list(range(low, high))


def test_the_tree_divides_after_a_power_of_two():
    assert [split(0, n) for n in range(2, 10)] == [1, 2, 2, 4, 4, 4, 4, 8]


class Talking(Group):
    """A rank among several that live in one process and leave each other mail."""

    def __init__(self, rank, size, mail):
        self.rank, self.size, self.mail = rank, size, mail

    def exchange(self, parts, sizes, *, patient=False):
        self.mail["sent", self.rank] = [part.copy() for part in parts]
        if len([key for key in self.mail if key[0] == "sent"]) < self.size:
            raise BlockingIOError  # until all have sent
        received = [self.mail["sent", rank][self.rank] for rank in range(self.size)]
        assert [len(part) for part in received] == list(sizes)
        return received

    def join(self, part, sizes, *, patient=False):
        self.mail["slice", self.rank] = part.copy()
        if len([key for key in self.mail if key[0] == "slice"]) < self.size:
            raise BlockingIOError
        joined = [self.mail["slice", rank] for rank in range(self.size)]
        assert [len(one) for one in joined] == list(sizes)
        return np.concatenate(joined)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(st.integers(1, 9), st.integers(0, 30), st.data())
def test_slices_and_numbers_come_back_as_the_tree_s_sums(dtype, shards, size, drawn):
    ranks = drawn.draw(st.integers(1, shards))
    rng = np.random.default_rng([shards, size])
    vectors = rng.standard_normal((shards, size)).astype(dtype) * 10.0 ** rng.integers(-5, 5)
    vectors, numbers = vectors.astype(dtype), rng.standard_normal((shards, 2))
    mail, found = {}, {}
    for _ in range(3):  # the last rank comes through first, then all that had to wait
        for rank in range(ranks):
            group = ALONE if ranks == 1 else Talking(rank, ranks, mail)
            try:
                found[rank] = Sums(group, shards)(
                    lambda shard: [vectors[shard].copy(), numbers[shard].copy()]
                )
            except BlockingIOError:
                continue
    assert len(found) == ranks
    for vector, total in found.values():
        assert vector.tobytes() == tree_sum(list(vectors)).tobytes()
        assert total.tobytes() == tree_sum(list(numbers)).tobytes()


def test_more_ranks_than_shards():
    group = Group()
    group.size = 4
    with pytest.raises(ValueError) as told:
        Sums(group, 2)
    assert str(told.value) == (
        "fit expected at least one shard for each of 4 ranks, received shards=2: fit(shards=4) or "
        "more, or fewer ranks; with `with minicnn.ranks.apart():` around it every rank trains by "
        "itself"
    )
