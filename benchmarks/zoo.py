"""Known networks beside PyTorch and Keras: training and inference, on this machine, as ratios.

    python benchmarks/zoo.py [--peers-python PATH] [--networks ...] [--tasks ...] [--threads N]
    [--quick] [--json PATH] [--history]

Each side trains as its users do, by fit or the usual loop, on random pictures, without
augmentation; measured as in compare.py. keras_networks.py and torch_networks.py have the networks.
"""

import argparse
import sys
from typing import Any, NamedTuple

from compare import KERAS
from comparison import HEADINGS, compared, least_ahead, row
from reporting import Results, add_options, begin, table
from sides import WorkerError
from workers import Workers, job

EAGER, COMPILED = "torch channels_last", "torch channels_last compile"
TASKS = {"train": "an epoch of fit", "infer": "predict"}
INFERENCE = 1.5  # the floor beside PyTorch compiled


class Known(NamedTuple):
    """A network and what is asked of it.

    network: for the worker, see jobs.py.
    pictures: of an epoch, in training; in inference four times as many.
    pairs: of measurements in training; in inference as many.
    torch, keras: floors of the speed in training; None where Keras is not measured.
    """

    network: dict[str, Any]
    pictures: int
    pairs: int
    torch: float
    keras: float | None

    def against(self, task: str) -> dict[str, float | None]:
        """Floors beside the modes of the peers."""
        if task == "infer":
            return {EAGER: None, COMPILED: INFERENCE}
        floors: dict[str, float | None] = {EAGER: self.torch, COMPILED: self.torch}
        return floors | ({} if self.keras is None else dict.fromkeys(KERAS, self.keras))


NETWORKS = {
    # twice 32, 64 and 128 filters, convolution - normalisation - ReLU
    "VGG": Known(
        {"convolutions": 2, "padding": "same", "activation": "after Activation"}, 2048, 9, 2.0, 2.0
    ),
    "ResNet-20": Known({"network": "ResNet-20"}, 1024, 7, 2.0, 2.0),
    "Inception": Known({"network": "Inception"}, 512, 7, 1.7, 1.7),
    "MobileNetV2": Known({"network": "MobileNetV2", "side": 96}, 256, 7, 1.3, 1.3),
    "ResNet-18": Known({"network": "ResNet-18", "side": 224, "batch": 16}, 64, 5, 1.0, None),
}


def measure(
    workers: Workers, options: argparse.Namespace, name: str, task: str, peer: str
) -> dict[str, Any]:
    """One network in one task beside one mode of a peer."""
    known = NETWORKS[name]
    batch = known.network.get("batch", 64)
    pictures = known.pictures * (4 if task == "infer" else 1)
    if options.quick:
        pictures = max(batch, pictures // 16)
    sides = []
    for mode in ("minicnn", peer):
        sides.append(workers.get(mode, options.threads))
        sides[-1].prepare(**job(task, mode, pictures, **known.network)[1])
    about = {
        "task": task,
        "network": name,
        "unit": "images/s",
        "more_is_better": True,
        "batch": batch,
        "side": known.network.get("side", 32),
        "minicnn": "minicnn",
        "peer": peer,
    }
    own, other = (lambda side=side: pictures / side.block(0.5, 1) for side in sides)
    pairs = 2 if options.quick else known.pairs
    return compared(about, own, other, pairs, known.against(task)[peer])


def remember(results: Results) -> None:
    """Of each network and task, beside the best mode of each peer."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for record in results.records:
        peer = record["peer"].split()[0]
        figure = f"{record['task']}, {record['network']} beside {peer}"
        groups.setdefault(figure, []).append(record)
    for figure, records in groups.items():
        results.remember(figure, least_ahead(records))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser, keeps_history=True)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    options = parser.parse_args()
    results = begin(options, "zoo")
    headings = ["", *HEADINGS]
    with Workers(options.peers_python) as workers:
        for task in options.tasks:
            rows = []
            for name in options.networks:
                for peer in NETWORKS[name].against(task):
                    try:
                        record = measure(workers, options, name, task, peer)
                    except WorkerError as error:
                        print(error, file=sys.stderr)
                        blank = [""] * (len(headings) - 4)
                        rows.append([name, "minicnn", peer, "FAILED", *blank])
                        continue
                    results.add(record)
                    rows.append([name, *row(record)])
                    print(task, *rows[-1], file=sys.stderr, flush=True)
            print(f"{task}: {TASKS[task]}, in images/s; {options.threads} threads")
            print(f"\n{table(headings, rows)}\n", flush=True)
    remember(results)


if __name__ == "__main__":
    main()
