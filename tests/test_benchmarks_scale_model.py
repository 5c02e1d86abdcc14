"""The model of what several machines are worth, beside what ranks really send."""

import sys
from pathlib import Path

import numpy as np
import pytest

from minicnn.ranks.sums import Sums

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

import scale_model  # noqa: E402


class Counted:
    """A group of `size` ranks, of which each counts what it sends to others."""

    def __init__(self, rank, size):
        self.rank, self.size, self.sent = rank, size, 0

    def exchange(self, sent, sizes, **_):
        self.sent += sum(len(part) for s, part in enumerate(sent) if s != self.rank)
        return [np.zeros(size, np.uint8) for size in sizes]

    def join(self, part, sizes, **_):
        self.sent += len(part) * (self.size - 1)
        return np.zeros(sum(sizes), np.uint8)


@pytest.mark.parametrize(("ranks", "shards"), [(2, 2), (4, 4), (4, 8), (3, 8), (5, 8), (8, 16)])
def test_as_many_bytes_as_are_sent(ranks, shards):
    numbers = 840  # divided by all of these
    groups = [Counted(rank, ranks) for rank in range(ranks)]
    for group in groups:
        Sums(group, shards)(lambda _: [np.zeros(numbers, np.float32), np.zeros(0)])
    assert scale_model.sent(numbers, ranks, shards) == max(group.sent for group in groups)


def test_two_machines_by_hand():
    """1,000,000 numbers are 4 MB, of which half goes out, and half of the sum comes back."""
    wire = 8 * 4e6 / (0.93 * 1e9)
    assert scale_model.exchange(1_000_000, 2, link=1) == pytest.approx(wire + 84e-6 + 1e-3)


def test_efficiency_falls_with_ranks_and_rises_with_links():
    training = scale_model.TRAININGS[0]
    of_ranks = [scale_model.efficiency(training, ranks, 1) for ranks in (1, *scale_model.RANKS)]
    of_links = [scale_model.efficiency(training, 8, link) for link in scale_model.LINKS]
    assert of_ranks[0] == 1 and of_ranks == sorted(of_ranks, reverse=True)
    assert of_links == sorted(of_links) and of_links[-1] < 1


def test_main_prints_a_row_for_each_network_and_link(monkeypatch, capsys):
    monkeypatch.setattr(
        sys, "argv", "scale_model.py --network 1000 10 20 --links 1 10 --ranks 2 4".split()
    )
    scale_model.main()
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[:4] for row in rows[3:]] == [
        ["yours", "20", "2,000", "1"], ["yours", "20", "2,000", "10"],
    ]  # fmt: skip
