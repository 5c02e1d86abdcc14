"""A network as operations: batch normalisation and ReLU become a part of what is before them, and
what acts in training only is gone.

A batch normalisation that follows a convolution is a x + b of each of its filters:

    a (K x + c) + b = (a K) x + (a c + b)

so that nothing of it is left. Behind a ReLU, or where others read the same value, it stays an
operation, a depthwise convolution of one cell, which rounds once where a product and a sum would
round twice.
"""

from collections import Counter
from typing import Any

from minicnn.network import Network
from minicnn.network.ending import ending
from minicnn.quantize.aware_layers import AWARE
from minicnn.quantize.builder import Builder
from minicnn.quantize.layers import KNOWN, LAYERS, identity, refused
from minicnn.quantize.merging import merged
from minicnn.quantize.operations import Computation
from minicnn.saving.graphs.writing import called

TABLE = {**LAYERS, **AWARE}


def folded(
    model: Network, *, merge: bool = True
) -> tuple[Computation, dict[int, tuple[float, float]]]:
    """A network's operations, and the ranges that a network which was trained for it knows.

    merge: whether factors become a part of kernels, as merging.py tells.

    Raises ValueError for a model that is not built, one of several inputs or outputs, and for a
    layer that whole numbers cannot do, with what to do instead.
    """
    _check(model)
    program = model.program()
    builder = Builder(model.inputs[0].sample_shape)
    values: dict[int, int] = {0: 0}
    users = Counter(n for call in program.calls for n in call.reads)
    users.update(program.outputs)
    alone = {n: users[n] == 1 for n in range(len(program.calls) + 1)}
    paths = {id(layer): path for path, layer in model.leaves.items()}
    last, end = program.calls[-1], None
    if program.outputs == [last.writes]:
        end, layer = ending(last.layer)
        if layer is last.layer:  # a layer of its own
            values[last.writes] = -1
    for call in program.calls:
        there = called(call)
        if end is not None and call is last:
            if values.get(call.writes) == -1:
                values[call.writes] = values[call.reads[0]]
                continue
            there = there.without_activation()
        builder.scope, builder.alone = paths[id(call.layer)], alone[call.reads[0]]
        made = _told(builder, there, [values[n] for n in call.reads])
        for n in call.reads:
            if values[n] == made:  # which its users read, too
                alone[call.writes] = alone[call.writes] and alone[n]
        values[call.writes] = made
    if not builder.operations or values[program.outputs[0]] != len(builder.operations):
        raise ValueError(
            f"quantization expected a network that computes something, received {model.name!r}, "
            "whose output is not what its last operation makes"
        )
    names = None if model.class_names is None else [str(name) for name in model.class_names]
    operations, ranges = builder.finished(), builder.ranges
    if merge:
        operations, ranges = merged(operations, ranges)
    return Computation(model.name, builder.input_shape, operations, end, names), ranges


def _told(builder: Builder, layer: Any, reads: list[int]) -> int:
    function = TABLE.get(type(layer), identity if layer.acts_in_training_only else None)
    if function is None:
        raise refused(layer, f"it is none of {KNOWN}; leave it out, or keep the network in reals")
    return function(builder, layer, reads if layer.takes_several else reads[0])


def _check(model: Network) -> None:
    if not model.built:
        raise ValueError(
            f"{model.name!r} has no weights to quantize yet: build((None, H, W, C)) or fit it first"
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ValueError(
            f"quantization expected a network of one input and one output, received {model.name!r} "
            f"with {len(model.inputs)} and {len(model.outputs)}: make a Model of what is meant"
        )
