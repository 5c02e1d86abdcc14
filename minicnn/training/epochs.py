"""The run of a training: epochs, and in them batch after batch."""

from collections.abc import Callable
from itertools import islice
from math import isfinite

from minicnn.machine.threads import alone
from minicnn.network import Network
from minicnn.training import checks, given
from minicnn.training.callbacks import CallbackList, History
from minicnn.training.checkpoint import Checkpoint, Position
from minicnn.training.inference import measured
from minicnn.training.interrupt import Interrupt
from minicnn.training.meter import Meter
from minicnn.training.pace import Pace
from minicnn.types import Array

BatchTransform = Callable[[Array, Array, int, Array, int], tuple[Array, Array]]


class Training:
    """The run of fit, from batch to batch.

    Args:
        model, batches, held_out: what is trained, on what, and what it is validated on, if at all.
        callbacks: what is called at each moment, in order.
        shuffle, seed, transform: as in `fit`.
    """

    def __init__(
        self,
        model: Network,
        batches: given.Batches,
        held_out: given.Batches | None,
        callbacks: CallbackList,
        shuffle: bool,
        seed: int | None,
        transform: BatchTransform | None,
    ):
        self.model, self.batches, self.held_out = model, batches, held_out
        self.callbacks = callbacks
        self.shuffle, self.seed, self.transform = shuffle, seed, transform
        self.meter = Meter(model)
        self.pace = Pace()
        self.validates: Callable[[int], bool] = bool  # whether after an epoch, counted from 1
        self.checkpoint: Checkpoint | None = None
        self.checkpoint_steps = 0

    def run(self, first_epoch: int, epochs: int, history: History, interrupt: Interrupt) -> None:
        """Train until epoch number `epochs` is over or it is stopped, which the history tells."""
        model, checkpoint = self.model, self.checkpoint
        at = self.begin(first_epoch)
        if self.held_out is not None and not (checkpoint and checkpoint.found):
            coming = filter(self.validates, range(first_epoch + 1, epochs + 1))
            after = list(islice(coming, 2))
            if after:
                steps = (after[0] - first_epoch) * self.batches.steps
                checks.lagging_averages(model, steps, len(after))
        with interrupt, self.pace:
            self.callbacks.on_train_begin()
            if checkpoint is not None:
                at = checkpoint.restore() if checkpoint.found else checkpoint.save(at)
            while at.epoch < epochs and not model.stop_training and not interrupt.requested:
                at = self.epoch(at, interrupt)
                if checkpoint is not None:
                    checkpoint.save(at)
            history.interrupted = interrupt.requested
            model.optimizer.finalize_variable_values(model.parameters())
            self.callbacks.on_train_end(at.logs)

    def begin(self, epoch: int, logs: dict[str, float] | None = None) -> Position:
        """The beginning of an epoch."""
        order = dict(self.model.shuffle_rng.bit_generator.state)
        return Position(epoch, 0, order, logs or {}, before=max(epoch, self.model.epochs_done))

    def epoch(self, at: Position, interrupt: Interrupt) -> Position:
        """Train to the epoch's end; returns the beginning of the next, or where it was left."""
        model, meter, callbacks = self.model, self.meter, self.callbacks
        if at.batch == 0:
            callbacks.on_epoch_begin(at.epoch)
            meter.reset()
        self.batches.begin_epoch(model.shuffle_rng if self.shuffle else None)
        while at.batch < self.batches.steps:
            self.step(at)
            at.batch += 1
            if model.stop_training or interrupt.requested:
                break
            if (
                self.checkpoint is not None
                and self.checkpoint_steps
                and at.batch % self.checkpoint_steps == 0
            ):
                self.checkpoint.save(at)
        if self.checkpoint is not None and interrupt.requested and not model.stop_training:
            return at
        logs = meter.results()
        if self.held_out is not None and self.validates(at.epoch + 1):
            callbacks.on_test_begin({"size": self.held_out.samples})
            validation = measured(model, self.held_out).results()
            callbacks.on_test_end(validation)
            logs |= {f"val_{name}": value for name, value in validation.items()}
        if model.optimizer.schedule is not None:
            logs["learning_rate"] = float(model.optimizer.learning_rate)
        self.batches.end_epoch()
        callbacks.on_epoch_end(at.epoch, logs)
        model.epochs_done = at.before + 1
        return self.begin(at.epoch + 1, logs)

    def step(self, at: Position) -> None:
        """Train on one batch."""
        model, meter = self.model, self.meter
        self.callbacks.on_train_batch_begin(at.batch)
        x, y, weight, indices = self.batches[at.batch]
        if self.transform is not None:
            x, y = self.transform(
                x, y, at.before, indices, model.seed if self.seed is None else self.seed
            )
        self.pace.begin()
        with alone:  # the samples that are announced are those of this step
            for layer in model.leaves.values():
                layer.next_samples(at.before, indices)
            meter.measure(model.train_step, x, y, weight)
        self.pace.end(len(x))
        if not isfinite(meter.last_loss):
            checks.warn_of_loss(model, meter.last_loss, x, at.epoch, at.batch)
        self.callbacks.on_train_batch_end(at.batch, {**meter.results(), "size": len(x)})
