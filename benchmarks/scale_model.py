"""What part of R machines is left when they train one network together: a model, no measurement.

    efficiency = compute / (compute + exchange)
    exchange   = wire + latency (1 + log2 R) + message (R - 1) + added
    wire       = 8 bytes / (0.93 link)           headers of TCP and Ethernet take the rest
    bytes      = 4 S (subtrees + 1) (R - 1) / R  partial sums to who finishes them, slices to all

for S numbers that are summed in every step and a rank that has `subtrees` of the tree over the
shards: one where ranks and shards are powers of two (minicnn/ranks). Nothing is computed while a
sum is on its way. tests/check_ranks.py measures exchanges over links of a known speed beside this.

Every machine has its own `pictures` of a step, so with more of them batches grow: what that does to
accuracy no model of time says.
"""

import argparse
from collections.abc import Sequence
from math import log2
from typing import NamedTuple

from reporting import table

from minicnn.ranks.tree import spans, subtrees

LINKS = (0.1, 1.0, 10.0, 25.0)  # Gbit/s
RANKS = (2, 4, 8, 16, 64, 256, 1024)
HEADERS = 0.93  # of what a link transmits is what was to be sent
LATENCY = 40e-6  # seconds until a message of a switched network arrives
MESSAGE = 4e-6  # seconds to hand one more message to the system
ADDED = 4e9  # bytes per second of a sum of two arrays


class Training(NamedTuple):
    """What a machine does in a step.

    numbers: summed over all ranks: gradients, and averages of batch normalisations.
    rate: pictures per second of fit on one machine alone.
    pictures: of a machine in every step.
    """

    network: str
    numbers: int
    rate: float
    pictures: int


# rates of two cores, from results/ (zoo.py, compare.py)
TRAININGS = (
    Training("documented", 161_546, 9_900, 64),
    Training("documented", 161_546, 9_900, 256),
    Training("ResNet-20", 275_226, 1_200, 64),
    Training("ResNet-20", 275_226, 1_200, 256),
    Training("MobileNetV2, 96x96", 2_270_794, 250, 64),
    Training("ResNet-18, 224x224", 11_187_000, 33, 32),
)


def sent(numbers: int, ranks: int, shards: int) -> float:
    """Bytes that leave the rank which sends most."""
    if ranks == 1:
        return 0
    most = max(len(subtrees(0, shards, *span)) for span in spans(shards, ranks))
    return 4 * numbers * (most + 1) * (ranks - 1) / ranks


def exchange(numbers: int, ranks: int, link: float, shards: int | None = None) -> float:
    """Seconds of a sum.

    Args:
        link: of every machine, in Gbit/s.
        shards: of a batch; None for one a rank.
    """
    if ranks == 1:
        return 0
    wire = 8 * sent(numbers, ranks, shards or ranks) / (HEADERS * 1e9 * link)
    return wire + LATENCY * (1 + log2(ranks)) + MESSAGE * (ranks - 1) + 4 * numbers / ADDED


def efficiency(training: Training, ranks: int, link: float) -> float:
    """The pictures per second of that many machines, as a part of as many times one's."""
    compute = training.pictures / training.rate
    return compute / (compute + exchange(training.numbers, ranks, link))


def rows(trainings: Sequence[Training], links: Sequence[float], ranks: Sequence[int]) -> list[list]:
    return [
        [
            training.network,
            training.pictures,
            f"{1000 * training.pictures / training.rate:,.0f}",
            f"{link:g}",
            *[f"{efficiency(training, count, link):.0%}" for count in ranks],
        ]
        for training in trainings
        for link in links
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--links", type=float, nargs="+", default=LINKS, help="Gbit/s")
    parser.add_argument("--ranks", type=int, nargs="+", default=RANKS, help="machines")
    parser.add_argument(
        "--network", nargs=3, type=float, metavar=("NUMBERS", "RATE", "PICTURES"),
        help="one of yours: numbers summed in a step, pictures per second of one machine, pictures "
        "of a machine in a step",
    )  # fmt: skip
    arguments = parser.parse_args()
    trainings = TRAININGS
    if arguments.network:
        numbers, rate, pictures = arguments.network
        trainings = (Training("yours", int(numbers), rate, int(pictures)),)
    headings = ["", "pictures", "ms", "Gbit/s", *map(str, arguments.ranks)]
    print("part of as many times one machine's speed, by machines; a model\n")
    print(table(headings, rows(trainings, arguments.links, arguments.ranks)))


if __name__ == "__main__":
    main()
