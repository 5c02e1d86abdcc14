"""What a ConvBlock writes, and the record that hands it to the parallel regions."""

from math import prod

import numpy as np

from minicnn.engine.borrowed import borrowed, pair
from minicnn.engine.conv.layout import CHUNKS, NONE, Data
from minicnn.engine.conv.norm import Batch
from minicnn.engine.conv.stages import block
from minicnn.layers.batch_normalization import BatchNormalization
from minicnn.machine import processor
from minicnn.machine.record import Operands, Record, address
from minicnn.machine.region import Stages
from minicnn.machine.shares import shares
from minicnn.machine.workspace import LINE, aligned, maps, workspace
from minicnn.types import Array

OUTGROWN = 16 * 2**20  # bytes: a core's share of the last cache is rarely more


class Buffers:
    """What a ConvBlock writes for batches of n pictures, allocated once.

    Args:
        step: the ConvBlock. With a slot, what comes out has its place there. Where it is frozen,
            the kernel as the forward program reads it has memory of its own, and outlives the pass
            that made it.

    Attributes:
        output, finished: (n, down, across, F) what comes out, in inference, and in training where
            something comes after the winners are known.
        dx: (n, H, W, C).
        batch: statistics.
        count: values of a channel.
        at_once: whether dkernel is made of all pictures at once.
        streams: whether the row kernels store what comes out past the cache.
    """

    def __init__(self, step, n: int):
        g, conv, norm, into, (PH, PW) = step.g, step.conv, step.norm, step.into, step.window
        dtype, down, across = conv.dtype, g.OH // PH, g.OW // PW

        def numbers(*axes: int, of: np.dtype = dtype, wanted: object = True) -> Array:
            return maps((prod(axes),), of) if wanted else np.zeros(0, of)

        slot = step.slot
        pitch = into.pitch if into else slot.width if slot else g.F
        whole, outputs = (n, g.OH, g.OW, g.FP), (n, down, across, g.FP)
        pictures = np.diff([n * k // CHUNKS for k in range(CHUNKS + 1)])
        counts = pictures * (down * across if step.pool_first else g.OH * g.OW)
        streams = outgrows_cache(step, n)
        way = step.convolution
        past = {"streams": True} if streams and step.bare and way.stores_past else {}
        plan = way.plan(n, step.window, trains=not step.frozen, **past)
        self.streams = streams and not step.bare  # then there is a row kernel to do it
        self.n, self.count = n, int(counts.sum())
        kept = step.keeps or not step.pool  # without pooling, what comes out lies there
        a, pooled = numbers(*whole, wanted=kept), numbers(*outputs, wanted=step.pool)
        if into and into.pitch == g.FP:  # what is made lies there as it is
            a, pooled = (a, into.y) if step.pool else (into.y, pooled)
        self.scale, self.offset = np.zeros((2, processor.lanes(dtype)), dtype)
        self.pixels = numbers(n, g.H, g.W, g.C, wanted=step.rescaling).reshape(-1, g.H, g.W, g.C)
        data = Data(
            n=n,
            bytes=NONE,
            scale=self.scale,
            offset=self.offset,
            x=NONE,
            weights=NONE,
            a=a,
            pooled=pooled,
            winner=numbers(*outputs, of=np.dtype(np.uint8), wanted=step.pool),
            winners=pooled if step.pool else a,
            addend=NONE,
            y=numbers(
                *outputs,
                wanted=step.finishes
                and not step.frozen
                and (pitch == g.FP == g.F or step.work.writes),
            ),
            crop=into.y if into else numbers(n, down, across, g.F, wanted=pitch == g.F != g.FP),
            pitch=pitch,
            dy=NONE,
            dy_pitch=slot.width if slot else g.F,
            dkernel=step.dkernel,
            dkernel_size=step.dkernel.size,
            dbiases=step.dbiases,
            dbias=borrowed(conv, "grads", "bias", g.F, dtype) if conv.use_bias else NONE,
            dx=numbers(n, g.H, g.W, g.C, wanted=not step.frozen),
        )
        shape = (n, down, across, g.F)
        # what a part makes has its place already
        self.output, self.finished = (
            made.reshape(shape if made.size == np.prod(shape) else -1)
            for made in (data.crop if g.F != g.FP else wide for wide in (data.winners, data.y))
        )
        # never touched where it is not used
        self.dx = data.dx.reshape((n, g.H, g.W, g.C) if data.dx.size else -1)
        self.batch = statistics(norm, counts, g.F, g.FP, dtype)
        self.record = Record(
            sizes=plan.sizes,
            programs=plan.programs,
            winograd=plan.winograd,
            scratch=plan.scratch,
            shares=shares(),
            work=step.work,
            data=data,
            channels=step.channels,
            batch=self.batch,
        )
        pixels, kernel = n * g.H * g.W * g.C, g.KH * g.KW * g.depth * g.F
        self.operands = Operands(
            self.record,
            "data",
            bytes=(pixels, np.dtype(np.uint8)),
            x=(pixels, dtype),
            dx=(pixels, dtype),
            dy=((n * down * across - 1) * data.dy_pitch + g.F, dtype),
            crop=((n * down * across - 1) * pitch + g.F, dtype),
            addend=(n * down * across * g.F, dtype),
            weights=(kernel, dtype),
        )
        self.work, self.scratch = self.record.place("work"), self.record.place("scratch", "memory")
        self.size, self.at_once = plan.scratch.size, plan.programs.at_once
        self.first = into.thread * plan.scratch.stride if into else 0
        self.memory, self.kernel_at = NONE, self.record.place("scratch", "kernel")
        self.kernel_from = None if step.frozen else plan.scratch.kernel
        if step.frozen:
            self.kernel = aligned(plan.kernel, dtype)
            self.kernel_at[0] = address(self.kernel)
        self.momentum, self.epsilon = (
            self.record.memory["batch"][name] for name in ("momentum", "epsilon")
        )
        self.job = block.on(self.record, dtype)

    def prepare(self, what: tuple[Stages, Array], **arrays: Array) -> Stages:
        """The stages of these (stages, work), on these arrays and on those of the last call."""
        stages, self.work[:] = what
        self.operands.put(**arrays)
        memory = workspace(self.size)
        if self.memory is not memory:
            self.memory, self.scratch[0] = memory, address(memory) + self.first
            if self.kernel_from is not None:
                self.kernel_at[0] = address(memory) + self.kernel_from
        return stages

    def __len__(self) -> int:
        return self.n


def outgrows_cache(step, n: int) -> bool:
    """Whether what comes out, from n pictures, is so much that of its first lines none is in the
    cache any more when the next step asks for them: then they need not go there.
    """
    g, dtype, lanes = step.g, step.conv.dtype, processor.lanes(step.conv.dtype)
    apart = step.pool or step.into or step.slot  # then other places than whole lines are written
    whole_lines = lanes * dtype.itemsize == LINE and g.F % lanes == 0
    return whole_lines and not apart and n * g.OH * g.OW * g.F * dtype.itemsize >= OUTGROWN


def statistics(
    norm: BatchNormalization | None, counts: Array, F: int, FP: int, dtype: np.dtype
) -> Batch:
    """Memory for the statistics of a batch, whose chunks have so many values of each channel."""
    means, m2s, dbetas, dgammas = np.zeros((4, CHUNKS, FP))
    mean, variance = np.zeros((2, FP))
    inverse, rounded = np.ones((2, F))
    gamma, dgamma = pair(norm, "gamma", F, dtype) if norm and norm.scale else np.ones((2, F), dtype)
    beta, dbeta = pair(norm, "beta", F, dtype) if norm and norm.center else np.zeros((2, F), dtype)
    averages = ("moving_mean", "moving_variance")
    moving_mean, moving_variance = (
        borrowed(norm, "state", name, F, dtype) if norm else NONE for name in averages
    )
    return Batch(
        *(counts.astype(np.int64), means, m2s, dbetas, dgammas, mean, variance, inverse, rounded),
        *(gamma, beta, dgamma, dbeta),
        moving_mean=moving_mean,
        moving_variance=moving_variance,
        epsilon=float(norm.epsilon) if norm else 0.0,
        momentum=float(norm.momentum) if norm else 0.0,
        largest=float(np.finfo(dtype).max),
    )
