"""Maps side by side without being put there: convolutions before a Concatenate write to its y."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from minicnn.engine.conv.step import ConvBlock
from minicnn.engine.merging.concatenate import ConcatenateStep


def give_slots(stages: Sequence[Any], outputs: Sequence[int]) -> None:
    """Give a slot in what is concatenated to every convolution whose output goes there alone.

    Args:
        stages: of a network; see stages.py.
        outputs: the numbers of the values that are asked for.
    """
    users = Counter([n for stage in stages for n in stage.reads] + list(outputs))
    makers = {stage.writes: stage for stage in stages}
    for stage in stages:
        if not isinstance(stage.step, ConcatenateStep) or not stage.step.has_slots:
            continue
        for i, n in enumerate(stage.reads):
            maker = makers.get(n)
            if maker is None or users[n] > 1 or maker.training is not None:
                continue
            if isinstance(maker.step, ConvBlock) and maker.step.fits_slot:
                maker.step.slot = stage.step.slot(i)
