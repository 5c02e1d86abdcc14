"""Epochs of ResNet-20 and of a small Inception network beside PyTorch's, with their augmentation.

    python benchmarks/zoo.py [--peers-python PATH] [--threads N] [--quick] [--json PATH]

An epoch is of as many pictures as CIFAR-10 has to train on, unless --pictures says otherwise; the
sides take turns, two epochs each. What they do: zoo_networks.py.
"""

import argparse
import statistics
import sys

from reporting import add_options, begin, table
from sides import KEEP_MEMORY, Side, alternate, ratio

NETWORKS = ("ResNet20", "SmallInception")
HEADINGS = ["", "minicnn s", "PyTorch s", "PyTorch / minicnn", "95 % interval"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS)
    parser.add_argument("--pictures", type=int, default=50_000, help="of an epoch (%(default)s)")
    parser.add_argument("--pairs", type=int, default=2, help="epochs of each side (%(default)s)")
    options = parser.parse_args()
    pictures = options.pictures // (50 if options.quick else 1)
    results, rows = begin(options, "zoo"), []
    with (
        Side(sys.executable, "zoo_networks.py", "minicnn", options.threads) as own,
        Side(
            options.peers_python, "zoo_networks.py", "torch", options.threads, KEEP_MEMORY
        ) as torch,
    ):
        for network in options.networks:
            for side in (own, torch):
                side.prepare(network=network, pictures=pictures)
            ours, theirs = alternate(
                lambda: own.block(0, 1), lambda: torch.block(0, 1), options.pairs
            )
            found = ratio(theirs, ours)
            record = {"network": network, "pictures": pictures}
            results.add(record | {"minicnn": ours, "torch": theirs, "ratio": found})
            seconds = [f"{statistics.median(values):.1f}" for values in (ours, theirs)]
            interval = f"{found.low:.2f} to {found.high:.2f}"
            rows.append([network, *seconds, f"{found.median:.2f}", interval])
            print(*rows[-1], flush=True)
    print(f"\n{options.threads} threads, {pictures:,} pictures\n\n{table(HEADINGS, rows)}")


if __name__ == "__main__":
    main()
