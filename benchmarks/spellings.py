"""Whether it matters how a ReLU is written, and the lead over PyTorch where it stands after the
normalisation.

    python benchmarks/spellings.py [--peers-python PATH] [--threads N] [--quick] [--json PATH]

The documented network in five spellings, each beside the first; and a VGG of twice 32, 64 and 128
filters in the order of most scripts, convolution, normalisation, ReLU, beside PyTorch. Measured as
in compare.py.
"""

import argparse
import statistics
from typing import Any

from jobs import ACTIVATIONS
from reporting import add_options, begin, table
from sides import Side, alternate, ratio
from workers import Workers, job

PICTURES = {"train": 2048, "infer": 8192}  # in an epoch
VGG = {"convolutions": 2, "padding": "same", "activation": "after Activation"}
HEADINGS = ["", "beside", "task", "images/s", "beside", "ratio", "95 % interval"]


def measure(
    own: Side, other: Side, task: str, networks: list[dict[str, Any]], modes: list[str], quick: bool
) -> list:
    """Images per second of both sides, and their ratio."""
    pictures = PICTURES[task] // (4 if quick else 1) // networks[0].get("convolutions", 1)
    for side, network, mode in zip((own, other), networks, modes, strict=True):
        side.prepare(**job(task, mode, pictures, **network)[1])
    pairs = 4 if quick else 20
    ours, theirs = alternate(
        lambda: pictures / own.block(0.25, 1), lambda: pictures / other.block(0.25, 1), pairs
    )
    return [ours, theirs, ratio(ours, theirs)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    options = parser.parse_args()
    results = begin(options, "spellings")
    rows = []
    with Workers(options.peers_python) as workers:
        own, torch = workers.get("minicnn", options.threads), workers.get("torch", options.threads)
        other = workers.enter_context(workers.new("minicnn", options.threads, {}))
        cases = [
            (
                other,
                [{"activation": activation}, {"activation": ACTIVATIONS[0]}],
                ["minicnn", "minicnn"],
            )
            for activation in ACTIVATIONS[1:]
        ]
        cases.append((torch, [VGG, VGG], ["minicnn", "torch channels_last"]))
        for beside, networks, modes in cases:
            names = [network["activation"] for network in networks]
            if beside is torch:
                names = ["VGG, ReLU after normalisation", modes[1]]
            for task in PICTURES:
                ours, theirs, found = measure(own, beside, task, networks, modes, options.quick)
                record = {
                    "network": names[0],
                    "beside": names[1],
                    "task": task,
                    "values": ours,
                    "beside_values": theirs,
                }
                results.add(record | {"ratio": found})
                speeds = [f"{statistics.median(values):,.0f}" for values in (ours, theirs)]
                interval = f"{found.low:.2f} to {found.high:.2f}"
                rows.append([names[0], names[1], task, *speeds, f"{found.median:.2f}", interval])
                print(*rows[-1], flush=True)
    print(f"\n{options.threads} threads\n\n{table(HEADINGS, rows)}")


if __name__ == "__main__":
    main()
