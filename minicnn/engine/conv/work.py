"""What a ConvBlock is to do in a pass: the kernels for its rows, and the stages they are in.

`step` is a ConvBlock in all of them.
"""

from typing import Any

import numpy as np

from minicnn.engine import products, row_gradients, row_kernels, row_moves
from minicnn.engine.conv.layout import Work
from minicnn.engine.conv.stages import backward_stages, forward_stages
from minicnn.engine.functions import function_of
from minicnn.engine.row_gradients import Way
from minicnn.machine import processor
from minicnn.machine.region import Stages
from minicnn.types import Array

# Bytes of a kernel that takes longer to lay out than to wake the threads that sleep meanwhile.
LARGE = 2 * 1024 * 1024


def common(step: Any) -> Work:
    """What is the same in all passes."""
    conv, norm, name = step.conv, step.norm, step.conv.dtype.name
    adds, pooled = step.add is not None, step.pool is not None
    before, after = function_of(step.before), function_of(step.after)
    # backward goes back through it in its first pass, and keeps what comes out
    writes = after is not None and (adds or not after.is_cheap)
    way_back = Way(
        width=step.window[1],
        pooled=pooled,
        pool_first=step.pool_first,
        norms=norm is not None,
        before=before,
        after=None if writes else after,
    )
    return Work(
        winograd=step.convolution.winograd,
        groups=step.g.groups,
        lanes=processor.lanes(conv.dtype),
        activate=row_kernels.activate(name, before, False),
        measure=row_kernels.activate(name, None, True) if norm and step.pool_first else 0,
        finish=finish(step, False),
        sums=row_gradients.sums(name, after, adds, writes) if norm or writes else 0,
        gradient=0 if step.bare else row_gradients.gradient(name, way_back),
        copy=row_moves.copy(name),
        fold=row_moves.fold(name),
        square=products.square(name),
        bias=conv.use_bias,
        norms=norm is not None,
        adds=adds,
        pool_first=step.pool_first,
        again=step.again,
        writes=writes,
    )


def finish(step: Any, streams: bool) -> int:
    """The row kernel that finishes pixels, 0 if there is nothing to do."""
    if not step.finishes:
        return 0
    name, after = step.conv.dtype.name, function_of(step.after)
    return row_kernels.finish(name, after, step.add is not None, streams)


def forward_work(
    step: Any, single: bool, training: bool, of_batch: bool, from_bytes: bool, streams: bool
) -> tuple[Stages, Array]:
    """(stages, work) of a forward pass: of a single picture, in training, by the moments of the
    batch, from bytes, to an output that streams past the cache.
    """
    key = "forward", single, training, of_batch, from_bytes, streams
    if key not in step.works:
        name, before = step.conv.dtype.name, function_of(step.before)
        apart = step.into and step.into.pitch != step.g.FP or step.slot
        is_output = not step.pool and step.g.F == step.g.FP and not apart
        keep = is_output or training and step.keeps
        in_place = keep and not (step.convolution.gathers or streams)
        aside = streams and step.finishes and not training
        needed = before is not None or step.conv.use_bias or of_batch or not (in_place or aside)
        moments = of_batch and not step.pool_first
        activate = row_kernels.activate(name, before, moments, streams and not aside)
        work = step.work._replace(
            rescale=row_moves.rescale(name) if from_bytes else 0,
            pool=row_kernels.pool(name, *step.window, training) if step.pool else 0,
            activate=activate if needed else 0,
            finish=finish(step, streams),
            moments=of_batch,
            normalize=step.finishes and training,
            keep=keep,
            in_place=in_place,
            aside=aside,
        )
        large = step.conv.params["kernel"].nbytes > LARGE
        step.works[key] = forward_stages(work, single, large), np.array(work, np.int64)
    return step.works[key]


def backward_work(
    step: Any, at_once: bool, of_batch: bool, weights: bool, inputs: bool, onto: bool
) -> tuple[Stages, Array]:
    """(stages, work) of a backward pass: whether dkernel is made of all pictures at once, the
    moments were those of the batch; dkernel, and dx, are wanted, that onto what there is.
    """
    key = "backward", at_once, of_batch, weights, inputs, onto
    if key not in step.works:
        work = step.work._replace(
            moments=of_batch, keep=step.keeps, weights=weights, inputs=inputs, onto=onto
        )
        step.works[key] = backward_stages(work, at_once), np.array(work, np.int64)
    return step.works[key]
