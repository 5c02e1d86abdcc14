"""How fast minicnn is beside Keras/TensorFlow and PyTorch, on this machine, as ratios.

    python benchmarks/compare.py --peers-python PATH/TO/python [--task train] [--threads 2]

Absolute times on a shared machine mean little, so every peer is measured against minicnn in one run: both are processes
that stay, only one works at a time, in short blocks in the order A B B A. What counts is the median of the ratios of
neighbouring blocks, with a bootstrap 95 % interval. Warm-up and compilation are outside the blocks and printed apart.
--peers-python is an interpreter with keras, tensorflow-cpu and torch; minicnn runs in the one that runs this.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
PEERS = ("keras", "keras-jit", "torch", "torch-channels-last", "torch-compile")


class Side:
    """A worker process."""

    def __init__(self, side, python, task, batch, threads):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
        for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
            environment[name] = str(threads)
        environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow", "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [python, str(ROOT / "benchmarks" / "worker.py"), side, task, str(batch)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        self.ready = self._answer()["ready"]

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the worker ended")
        return json.loads(line)

    def block(self):
        """Images per second of one block."""
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        answer = self._answer()
        return answer["images"] / answer["seconds"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def interval(ratios, rng):
    """Median and bootstrap 95 % interval."""
    medians = [np.median(rng.choice(ratios, len(ratios))) for _ in range(2000)]
    return float(np.median(ratios)), *(float(q) for q in np.percentile(medians, [2.5, 97.5]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers-python", required=True)
    parser.add_argument("--peers", nargs="*", default=PEERS, choices=PEERS)
    parser.add_argument("--task", default="train", choices=["train", "infer"])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--json", type=Path, help="append one line per peer to this file")
    options = parser.parse_args()
    print(f"{platform.machine()}, {options.threads} threads, {options.task}, batch {options.batch}")
    print(
        f"{'peer':<20} {'peer img/s':>10} {'minicnn':>10}   minicnn / peer (95 % interval)   warm-up s: peer, minicnn"
    )
    for peer in options.peers:
        own = Side("minicnn", sys.executable, options.task, options.batch, options.threads)
        try:
            other = Side(peer, options.peers_python, options.task, options.batch, options.threads)
        except RuntimeError as error:
            print(f"{peer:<20} {error}")
            own.close()
            continue
        ours, theirs = [], []
        for pair in range(options.pairs):
            order = [(own, ours), (other, theirs)]
            for side, speeds in order if pair % 2 == 0 else order[::-1]:
                speeds.append(side.block())
        ratio = interval(np.array(ours) / np.array(theirs), np.random.default_rng(0))
        print(
            f"{peer:<20} {np.median(theirs):>10,.0f} {np.median(ours):>10,.0f}   {ratio[0]:.2f} "
            f"({ratio[1]:.2f} to {ratio[2]:.2f}){'':<14} {other.ready:.1f}, {own.ready:.1f}",
            flush=True,
        )
        if options.json:
            record = {"task": options.task, "batch": options.batch, "threads": options.threads, "peer": peer}
            record |= {"peer_images_per_second": theirs, "minicnn_images_per_second": ours, "ratio": ratio}
            with options.json.open("a") as file:
                file.write(json.dumps(record) + "\n")
        own.close()
        other.close()


if __name__ == "__main__":
    main()
