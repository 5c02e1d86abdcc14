"""The run of a training: epochs, and in them batch after batch."""

from collections.abc import Callable
from itertools import islice
from math import isfinite

from minicnn.machine.threads import alone
from minicnn.network import Network
from minicnn.ranks.group import Group
from minicnn.training import alike, checks, given
from minicnn.training.batches import Batch
from minicnn.training.callbacks import CallbackList, History
from minicnn.training.checkpoint import Checkpoint, Position
from minicnn.training.inference import measured
from minicnn.training.interrupt import Interrupt
from minicnn.training.meter import Meter
from minicnn.training.pace import Pace
from minicnn.training.shards import Shards
from minicnn.types import Array

BatchTransform = Callable[[Array, Array, int, Array, int], tuple[Array, Array]]


class Training:
    """The run of fit, from batch to batch.

    Args:
        model, batches, held_out: what is trained, on what, and what it is validated on, if at all.
        callbacks: what is called at each moment, in order.
        shuffle, seed, transform: as in `fit`.
        interrupt: what Ctrl-C does.
        group: the ranks that train together.

    Attributes:
        shards: what cuts batches, if they are to be cut.
        interrupted: whether Ctrl-C was pressed, on some rank.
        resumable: whether somebody may go on with what an interruption has left unfinished.
    """

    shards: Shards | None = None
    interrupted = False
    resumable = False

    def __init__(
        self,
        model: Network,
        batches: given.Batches,
        held_out: given.Batches | None,
        callbacks: CallbackList,
        shuffle: bool,
        seed: int | None,
        transform: BatchTransform | None,
        interrupt: Interrupt,
        group: Group,
    ):
        self.model, self.batches, self.held_out = model, batches, held_out
        self.callbacks = callbacks
        self.shuffle, self.seed, self.transform = shuffle, seed, transform
        self.interrupt, self.group = interrupt, group
        self.meter = Meter(model)
        self.pace = Pace()
        self.validates: Callable[[int], bool] = bool  # whether after an epoch, counted from 1
        self.checkpoint: Checkpoint | None = None
        self.checkpoint_steps = 0

    def run(self, first_epoch: int, epochs: int, history: History) -> None:
        """Train until epoch number `epochs` is over or it is stopped, which the history tells."""
        model, checkpoint = self.model, self.checkpoint
        at = self.begin(first_epoch)
        if self.held_out is not None and not (checkpoint and checkpoint.found):
            coming = filter(self.validates, range(first_epoch + 1, epochs + 1))
            after = list(islice(coming, 2))
            if after:
                steps = (after[0] - first_epoch) * self.batches.steps
                checks.lagging_averages(model, steps, len(after))
        with self.interrupt, self.pace:
            self.callbacks.on_train_begin()
            if checkpoint is not None:
                at = alike.begun(checkpoint, at, self.group)
            self.agree(patient=True)
            while at.epoch < epochs and not model.stop_training and not self.interrupted:
                at = self.epoch(at)
                if checkpoint is not None:
                    checkpoint.save(at)
                self.agree(patient=True)
            history.interrupted = self.interrupted
            model.optimizer.finalize_variable_values(model.parameters())
            self.callbacks.on_train_end(at.logs)

    def begin(self, epoch: int, logs: dict[str, float] | None = None) -> Position:
        """The beginning of an epoch."""
        order = dict(self.model.shuffle_rng.bit_generator.state)
        return Position(epoch, 0, order, logs or {}, before=max(epoch, self.model.epochs_done))

    def agree(self, *, patient: bool = False) -> None:
        """Whether to stop, on all ranks if on one: who went on alone would wait for ever."""
        self.model.stop_training, self.interrupted = self.group.any_of(
            self.model.stop_training, self.interrupt.requested, patient=patient
        )

    def epoch(self, at: Position) -> Position:
        """Train to the epoch's end; returns the beginning of the next, or where it was left."""
        model, meter, callbacks = self.model, self.meter, self.callbacks
        if at.batch == 0:
            callbacks.on_epoch_begin(at.epoch)
            meter.reset()
        self.batches.begin_epoch(model.shuffle_rng if self.shuffle else None)
        while at.batch < self.batches.steps:
            self.step(at)
            at.batch += 1
            self.agree()
            if model.stop_training or self.interrupted:
                break
            if (
                self.checkpoint is not None
                and self.checkpoint_steps
                and at.batch % self.checkpoint_steps == 0
            ):
                self.checkpoint.save(at)
        if self.resumable and self.interrupted and not model.stop_training:
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
        meter, group = self.meter, self.group
        group.doing = f"epoch {at.epoch + 1}, batch {at.batch + 1}"
        self.callbacks.on_train_batch_begin(at.batch)
        if self.shards is None:
            size = self.whole(self.prepared(self.batches[at.batch], at.before), at.before)
        else:
            self.pace.begin()
            size = self.shards.train(at.batch, at.before, self.prepared, meter)
            self.pace.end(size)
        if not isfinite(meter.last_loss):
            x = self.prepared(self.batches[at.batch], at.before).x
            checks.warn_of_loss(self.model, meter.last_loss, x, at.epoch, at.batch)
        self.callbacks.on_train_batch_end(at.batch, {**meter.results(), "size": size})

    def prepared(self, batch: Batch, epoch: int) -> Batch:
        """A batch, or a part of one, as it is trained on."""
        if self.transform is None:
            return batch
        seed = self.model.seed if self.seed is None else self.seed
        x, y = self.transform(batch.x, batch.y, epoch, batch.numbers, seed)
        return batch._replace(x=x, y=y)

    def whole(self, batch: Batch, epoch: int) -> int:
        """Train on a batch as a whole; returns how many samples it has."""
        x, y, weight, numbers = batch
        self.pace.begin()
        with alone:  # the samples that are announced are those of this step
            for layer in self.model.leaves.values():
                layer.next_samples(epoch, numbers)
            self.meter.measure(self.model.train_step, x, y, weight)
        self.pace.end(len(x))
        return len(x)
