"""Magnitude pruning: the smallest weights become 0 while a network trains, and stay so."""
# ruff: noqa: ARG002  (a hook keeps its whole signature, used or not)

from collections.abc import Iterator

import numpy as np

from minicnn.expect import count, number
from minicnn.names import known_arguments
from minicnn.network import Network
from minicnn.pruning.wiring import MAKERS, kernel_of
from minicnn.training.callbacks.base import Callback, Logs
from minicnn.types import Array


class MagnitudePruning(Callback):
    """Sets the smallest weights of every kernel to 0, more and more of them, and keeps them there.

        share of zeros after batch t = sparsity * (1 - (1 - p)^3),   p = (t - begin) / (end - begin)

    Most go early, when many are of no use, and the last ones slowly. Between and after, the network
    learns with those that are left. A weight that is 0 stays 0, also one that was 0 before: a
    network that has been saved goes on as it was. Kernels of Conv2D, Conv2DTranspose, Dense and the
    pointwise ones of SeparableConv2D are pruned, each by itself, unless they are frozen; biases,
    normalisations and depthwise kernels, which are few numbers, are not.

    The network computes as many numbers as before. It is its compressed file that gets smaller.
    The logs get the `sparsity` after each epoch.

    Args:
        sparsity: the share of zeros in the end, below 1.
        begin: after how many batches the first weights go.
        end: after how many the last ones do; None for two thirds of the training, so that the last
            third mends what is left.
        frequency: how many batches lie between.

    Raises ValueError for arguments out of range, and when training begins with fewer batches than
        `end`.
    Source: Zhu & Gupta 2017, arXiv:1710.01878, equation 1.

    >>> x, y = np.random.default_rng(0).random((64, 8)), np.arange(64) % 2
    >>> model = Sequential([Input((8,)), layers.Dense(10, activation="relu"), layers.Dense(2)])
    >>> model.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True))
    >>> pruned = pruning.MagnitudePruning(0.8, frequency=1)
    >>> history = model.fit(x, y, epochs=3, callbacks=[pruned], verbose=0)
    >>> pruning.sparsity(model)
    0.8
    """

    remembers = ("step",)

    def __init__(
        self, sparsity: float = 0.8, begin: int = 0, end: int | None = None, frequency: int = 100
    ) -> None:
        super().__init__()
        self.sparsity = number(sparsity, "sparsity", "MagnitudePruning", least=0, below=1)
        self.begin = count(begin, "begin", "MagnitudePruning", least=0)
        self.end = (
            None if end is None else count(end, "end", "MagnitudePruning", least=self.begin + 1)
        )
        self.frequency = count(frequency, "frequency", "MagnitudePruning")
        self.step = 0
        self._zeros: list[Array] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        batches = self.params["epochs"] * self.params["steps"]
        self.last = max(self.begin + 1, 2 * batches // 3) if self.end is None else self.end
        if self.last > batches:
            raise ValueError(
                f"MagnitudePruning expected a training of at least {self.last:,} batches, in which "
                f"the last weights go, received {batches:,}: train longer, or choose an earlier "
                f"{'begin' if self.end is None else 'end'}"
            )
        self.step, self._zeros = 0, None  # one object may serve several fits

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        if self._zeros is None:  # a checkpoint's weights are there now
            # a kernel that is 0 as a whole has not been pruned, it has not learnt anything yet
            self._zeros = [(kernel == 0) & kernel.any() for kernel in kernels(self.model)]

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self.step += 1
        self._hold()
        due = (self.step - self.begin) % self.frequency == 0
        if self.begin <= self.step <= self.last and (due or self.step == self.last):
            for kernel in kernels(self.model):
                prune_smallest(kernel, self.share_after(self.step))
            self._zeros = [kernel == 0 for kernel in kernels(self.model)]

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["sparsity"] = sparsity(self.model)

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.model.optimizer.use_ema:  # averages of weights that have become 0 on the way
            self._hold()

    def share_after(self, step: int) -> float:
        """The share of zeros that the schedule has reached after so many batches."""
        part = (step - self.begin) / (self.last - self.begin)
        return self.sparsity * (1 - (1 - min(max(part, 0.0), 1.0)) ** 3)

    def _hold(self) -> None:
        for kernel, zeros in zip(kernels(self.model), self._zeros or (), strict=False):
            np.copyto(kernel, 0, where=zeros)


def kernels(model: Network, frozen: bool = False) -> Iterator[Array]:
    """The layers' own kernels that magnitude pruning prunes; with `frozen`, of all layers."""
    for layer in model.leaves.values():
        if isinstance(layer, MAKERS) and (layer.trainable or frozen):
            yield kernel_of(layer)


def prune_smallest(kernel: Array, share: float) -> None:
    """Set that share of a kernel's numbers to 0, those nearest to it; at least one is left."""
    numbers = kernel.reshape(-1)
    zeros = numbers.size - max(round(numbers.size * (1 - share)), 1)
    if zeros:
        numbers[np.argpartition(np.abs(numbers), zeros - 1)[:zeros]] = 0


@known_arguments
def sparsity(model: Network) -> float:
    """The share of zeros in the kernels that magnitude pruning prunes, from 0 to 1.

    >>> pruning.sparsity(applications.DocumentedCNN())
    0.0
    """
    sizes = [(kernel.size, int(np.count_nonzero(kernel))) for kernel in kernels(model, frozen=True)]
    total = sum(size for size, _ in sizes)
    return 1 - sum(left for _, left in sizes) / total if total else 0.0
