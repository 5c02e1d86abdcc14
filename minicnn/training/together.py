"""evaluate and predict on several ranks: batches are shared, and what comes of them goes to all.

The bits are those of one rank: a picture's answer does not depend on its batch, and what is counted
of the batches is added up in their order.
"""

from collections.abc import Callable

import numpy as np

from minicnn.network import Network
from minicnn.ranks.group import Group
from minicnn.ranks.tree import spans
from minicnn.training.alike import packed, unpacked
from minicnn.training.given import Batches
from minicnn.training.meter import Meter
from minicnn.training.tally import Tally
from minicnn.types import Array


def share(batches: int, group: Group) -> tuple[int, int]:
    """The batches first ... last - 1 that are this rank's."""
    return spans(batches, group.size)[group.rank]


def measured_together(
    group: Group,
    meter: Meter,
    model: Network,
    batches: Batches,
    step: Callable[..., tuple[float, Array]],
) -> None:
    """Count all batches in, each of which one rank runs the step on."""
    tally = Tally(model, batches.y)
    rows = [np.empty((0, 2 + tally.size))]  # of each batch: loss, samples, and what metrics count
    for index in range(*share(batches.steps, group)):
        x, y, weight, _ = batches[index]
        loss, y_pred = step(x, y, weight)
        rows.append(np.concatenate([[loss, len(x)], tally.of(y, y_pred)])[None])
    for data in group.gather(np.concatenate(rows).tobytes()):
        for row in np.frombuffer(data).reshape(-1, 2 + tally.size):
            meter.count(float(row[0]), int(row[1]))
            tally.add(meter.metrics, row[2:])


def joined(own: list[Array], group: Group) -> list[Array]:
    """Each output of the samples of all ranks, in their order; `own` are this one's, none where it
    had no batch.
    """
    if group.size == 1:
        return own
    named = {str(number): array for number, array in enumerate(own)}
    every = [unpacked(data)[1] for data in group.gather(packed({}, named))]
    outputs = max(every, key=len)
    return [np.concatenate([arrays[name] for arrays in every if arrays]) for name in outputs]
