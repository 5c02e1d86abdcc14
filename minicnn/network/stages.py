"""The stages of a network: the steps of its plan, and where their values come from and go to."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count
from typing import NamedTuple

from minicnn.engine.plan import Step, plan
from minicnn.layers.augmentation.geometric import Composed, composed
from minicnn.layers.base import Layer
from minicnn.layers.merging import Add
from minicnn.machine.region import Region
from minicnn.network.ending import ending
from minicnn.network.graph import Call
from minicnn.network.slots import give_slots


class Stage(NamedTuple):
    """A step of the plan and where its values come from and go to, by number."""

    step: Step
    reads: tuple[int, ...]
    writes: int
    training: bool | None
    several: bool  # whether it takes a list


def stages(
    calls: Sequence[Call],
    inputs: int,
    outputs: Sequence[int],
    region: Region | None,
    frozen: bool = False,
    threads: int = 1,
) -> tuple[list[Stage], int]:
    """The stages that run these calls, and how many values there are with the inputs.

    Args:
        region: to which the engine's steps add their jobs; None for the layers themselves.
        frozen, threads: for inference alone; see frozen.py.
    """
    found: list[Stage] = []
    free = count(1 + max([call.writes for call in calls], default=inputs - 1))
    for part in chains(calls, outputs, joins_sums=region is not None):
        body = composed([call.layer for call in part])
        steps = plan(body, region, frozen, threads) if region is not None else list(body)
        made, last, merges = part[0].reads, part[-1], merges_of(part)
        for left, step in zip(reversed(range(len(steps))), steps, strict=True):
            reads = reads_of(step, made, merges)
            # a layer and its activation may be two steps
            writes = next(free) if left else last.writes
            found.append(Stage(step, reads, writes, last.training, len(reads) > 1))
            made = (writes,)
    give_slots(found, outputs)
    return found, next(free)


def chains(
    calls: Sequence[Call], outputs: Sequence[int], joins_sums: bool = False
) -> list[list[Call]]:
    """The calls cut where an edge is not the only one: within a part each takes what the one before
    it makes, which nobody else does.

    Each takes that alone. With joins_sums, a sum of two takes another value too, which has been
    made before: so a shortcut is added, if there is a step for it, by the step that it went around.
    """
    users = Counter([n for call in calls for n in call.reads] + list(outputs))
    parts: list[list[Call]] = []
    before: Call | None = None
    for call in calls:
        joins = before is not None and before.writes in call.reads and users[before.writes] == 1
        joins = joins and (len(call.reads) == 1 or joins_sums and is_plain_sum(call))
        if joins and before is not None and call.training is before.training is None:
            parts[-1].append(call)
        else:
            parts.append([call])
        before = call
    return parts


def is_plain_sum(call: Call) -> bool:
    """Whether it adds two values of one shape."""
    return type(call.layer) is Add and len(call.reads) == 2 and len(set(call.takes)) == 1


def merges_of(part: Sequence[Call]) -> Iterator[tuple[Call, int | None]]:
    """The calls of a chain that take several values, and of these the one that the chain makes; of
    the chain's first call none is.
    """
    for place, call in enumerate(part):
        if call.layer.takes_several:
            yield call, part[place - 1].writes if place else None


def reads_of(
    step: Step, made: tuple[int, ...], merges: Iterator[tuple[Call, int | None]]
) -> tuple[int, ...]:
    """The values that a step of a chain takes.

    Where a sum begins the step they are in its order, and else the other addend is the last.

    Args:
        made: what the step before it has made, or what the chain takes.
        merges: of the chain, see merges_of; those in the steps before are taken already.
    """
    reads = made
    for place, layer in enumerate(layers_of(step)):
        call, before = next(merges) if layer.takes_several else (None, None)
        if call is None or before is None:
            continue
        if place == 0:
            reads = tuple([made[0] if n == before else n for n in call.reads])
        else:
            reads += tuple([n for n in call.reads if n != before])
    return reads


def without_ending(
    calls: list[Call], outputs: list[int]
) -> tuple[list[Call], list[int], str | None, Layer | None]:
    """Calls and outputs without the softmax or sigmoid that ends a network that decides; the name
    of that, and its layer.
    """
    last = calls[-1]
    decides = outputs == [last.writes] and last.training is None
    name, layer = ending(last.layer) if decides else (None, None)
    if layer is None:
        return calls, outputs, None, None
    if layer is last.layer:
        return calls[:-1], list(last.reads), name, layer
    linear = last._replace(layer=last.layer.without_activation())
    return [*calls[:-1], linear], outputs, name, layer


def layers_of(step: Step) -> list[Layer]:
    """The layers that a step runs."""
    return (
        [step] if isinstance(step, Layer) and not isinstance(step, Composed) else list(step.layers)
    )
