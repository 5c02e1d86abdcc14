"""What the processes of networks.py are told to do: with which network, on which pictures."""

from typing import NamedTuple

import numpy as np

FILTERS, CLASSES = (32, 64, 128), 10
# Where a ReLU of the documented network stands: before or after the normalisation, as an argument
# of the convolution, as Activation or as ReLU.
ACTIVATIONS = ("argument", "before Activation", "before ReLU", "after Activation", "after ReLU")


class Job(NamedTuple):
    """What to do, with which network.

    task: "train", an epoch; "infer", probabilities of all pictures; "latency", of one picture;
        "start", one training step, the first, after which there is nothing more to time; "memory",
        three epochs, likewise.
    mode: words that say how; see networks.py.
    network: "documented", whose form the last three say, or one of the zoo.
    convolutions: in each of the three blocks.
    activation: how a ReLU is written, see ACTIVATIONS.
    """

    task: str
    mode: str
    pictures: int
    batch: int = 64
    side: int = 32
    network: str = "documented"
    convolutions: int = 1
    padding: str = "valid"
    activation: str = "argument"


def labels(job: Job) -> np.ndarray:
    return np.random.default_rng(1).integers(0, CLASSES, job.pictures)


def pictures(job: Job, *axes: int) -> np.ndarray:
    return np.random.default_rng(0).random((job.pictures, *axes), dtype=np.float32)
