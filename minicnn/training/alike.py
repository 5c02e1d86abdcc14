"""All ranks begin alike: of the same training, from the same state, which is rank 0's.

Rank 0 alone reads a checkpoint, and writes it. What it begins with, the others are sent, weights
and random generators included: a model without a seed is a different one on every rank until then.
"""

import json
from typing import Any

import numpy as np

from minicnn.ranks import fingerprint
from minicnn.ranks.group import Group, as_bytes
from minicnn.training.checkpoint import Checkpoint, Position
from minicnn.training.state import leaves
from minicnn.types import Array


def begun(checkpoint: Checkpoint, at: Position, group: Group) -> Position:
    """Where the training begins: as the checkpoint that was found says, or at `at`, which is
    written.

    Raises RanksError when ranks are of different trainings, or on different machinery.
    """
    if group.size > 1:
        # of callbacks, rank 0 has more: those that write
        same = {name: part for name, part in checkpoint.begun.items() if name != "callbacks"}
        fingerprint.compare(group, leaves(same), "trains")
        sent = b""
        if group.rank == 0:
            found = (checkpoint.config, checkpoint.arrays) if checkpoint.found else None
            sent = packed(*(found or checkpoint.contents(at)))
        received = group.from_rank_0(sent)
        if group.rank:
            return checkpoint.restore_from(*unpacked(received))
    return checkpoint.restore() if checkpoint.found else checkpoint.save(at)


def packed(config: dict[str, Any], arrays: dict[str, Array]) -> bytes:
    """Config and arrays as bytes: the length of a text, the text, the numbers."""
    kinds = {name: [array.dtype.str, array.shape] for name, array in arrays.items()}
    text = json.dumps({"config": config, "arrays": kinds}, default=lambda n: n.item()).encode()
    return b"".join(
        [len(text).to_bytes(8, "little"), text, *[as_bytes(a).tobytes() for a in arrays.values()]]
    )


def unpacked(data: bytes) -> tuple[dict[str, Any], dict[str, Array]]:
    """The config and the arrays of such bytes."""
    at = 8 + int.from_bytes(data[:8], "little")
    found, arrays = json.loads(data[8:at]), {}
    for name, (dtype, shape) in found["arrays"].items():
        count = int(np.prod(shape))
        arrays[name] = np.frombuffer(data, dtype, count, at).reshape(shape).copy()
        at += arrays[name].nbytes
    return found["config"], arrays
