"""How minicnn's lead over Keras/TensorFlow and PyTorch depends on batch, picture size, depth and
threads.

    python benchmarks/scaling.py [--peers-python PATH] [--scans ...] [--threads N] [--quick]
                                 [--json PATH]

Each scan changes one thing of the documented network, which otherwise has batches of 64 pictures of
32x32. Measured as in compare.py, against the modes of the peers that are the fastest there.
"""

import argparse
import statistics
import sys
from functools import cache
from typing import Any, NamedTuple

from reporting import add_options, begin, table
from sides import WorkerError, alternate, ratio
from workers import Workers, job

PEERS = {
    "train": ["keras", "torch channels_last"],
    "infer": ["keras", "torch channels_last", "torch compile"],
}
PICTURES = {"train": 2048, "infer": 8192}  # in an epoch
SCANS = ("batch", "side", "depth", "threads")
HEADINGS = ["", "beside", "task", "minicnn images/s", "peer images/s", "ratio", "95 % interval"]


class Point(NamedTuple):
    """A network, and how it is run."""

    threads: int
    batch: int = 64
    side: int = 32
    convolutions: int = 1  # in each of its three blocks
    padding: str = "valid"

    def pictures(self, epoch: int) -> int:
        """In an epoch that takes as long as one of so many pictures would otherwise: 1 to 512 whole
        batches.
        """
        of_a_batch = self.batch * (self.side / 32) ** 2 * self.convolutions
        return self.batch * max(1, min(512, round(epoch / of_a_batch)))


def points(scan: str, threads: int) -> dict[int, Point]:
    """The values that a scan goes through, and the network at each."""
    base = Point(threads)
    powers = [2**k for k in range(11)]
    if scan == "batch":
        return {n: base._replace(batch=n) for n in powers}
    if scan == "side":
        return {n: base._replace(side=n) for n in (32, 48, 64, 96, 128, 160, 224)}
    if scan == "depth":
        return {3 * n: base._replace(convolutions=n, padding="same") for n in (1, 2, 3)}
    return {n: base._replace(threads=n) for n in [*(n for n in powers if n < threads), threads]}


def measure(workers: Workers, task: str, peer: str, point: Point, quick: bool) -> dict[str, Any]:
    """Images per second of both sides at one point."""
    pairs, shorter = (2, 4) if quick else (5, 1)
    network, pictures = point._asdict(), point.pictures(PICTURES[task] // shorter)
    threads = network.pop("threads")
    sides = []
    for mode in ("minicnn", peer):
        library, what = job(task, mode, pictures, **network)
        sides.append(workers.get(library, threads))
        sides[-1].prepare(**what)
    own, other = sides
    ours, theirs = alternate(
        lambda: pictures / own.block(0.25, 1), lambda: pictures / other.block(0.25, 1), pairs
    )
    record = {"task": task, "peer": peer, "pictures": pictures} | point._asdict()
    return record | {"minicnn_values": ours, "peer_values": theirs, "ratio": ratio(ours, theirs)}


def row(value: int, record: dict[str, Any]) -> list[str]:
    speeds = [
        f"{statistics.median(record[side]):,.0f}" for side in ("minicnn_values", "peer_values")
    ]
    median, low, high = record["ratio"]
    return [
        str(value),
        record["peer"],
        record["task"],
        *speeds,
        f"{median:.2f}",
        f"{low:.2f} to {high:.2f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    parser.add_argument("--scans", nargs="+", choices=SCANS, default=SCANS)
    options = parser.parse_args()
    results = begin(options, "scaling")
    with Workers(options.peers_python) as workers:
        measured = cache(
            lambda task, peer, point: measure(workers, task, peer, point, options.quick)
        )
        for scan in options.scans:
            rows = []
            for task, peers in PEERS.items():
                for value, point in list(points(scan, options.threads).items())[
                    :: 3 if options.quick else 1
                ]:
                    for peer in peers:
                        try:
                            record = {"scan": scan, "value": value} | measured(task, peer, point)
                        except WorkerError as error:
                            print(error, file=sys.stderr)
                            continue
                        results.add(record)
                        rows.append(row(value, record))
                        print(scan, *rows[-1], file=sys.stderr, flush=True)
            print(
                f"{scan}, {options.threads} threads\n\n{table([scan, *HEADINGS[1:]], rows)}\n",
                flush=True,
            )


if __name__ == "__main__":
    main()
