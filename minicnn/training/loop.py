"""fit: what happens around the batches of a training.

Sequential has it as a method of the same name.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite
from typing import Any

from minicnn.expect import count, flag
from minicnn.machine.threads import alone
from minicnn.names import known_arguments
from minicnn.network import Network
from minicnn.training import checks, given
from minicnn.training.batches import BatchSource
from minicnn.training.callbacks import Callback, CallbackList, History
from minicnn.training.checkpoint import Checkpoint, Position, held
from minicnn.training.class_weight import class_factors, weighted
from minicnn.training.inference import measured
from minicnn.training.interrupt import Interrupt
from minicnn.training.meter import Meter
from minicnn.training.pace import Pace
from minicnn.training.progress import Progress, resolve_verbose
from minicnn.types import Array

BatchTransform = Callable[[Array, Array, int, Array, int], tuple[Array, Array]]
ClassWeight = Mapping[int, float] | Sequence[float] | Array | str


@known_arguments
def fit(
    model: Network,
    x: Array | BatchSource,
    y: Array | None = None,
    batch_size: int | None = None,
    epochs: int = 1,
    verbose: int | str = "auto",
    callbacks: Callback | Iterable[Callback] | None = None,
    validation_split: float = 0.0,
    validation_data: tuple | BatchSource | None = None,
    shuffle: bool = True,
    class_weight: ClassWeight | None = None,
    sample_weight: Array | None = None,
    initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    validation_batch_size: int | None = None,
    validation_freq: int = 1,
    *,
    seed: int | None = None,
    batch_transform: BatchTransform | None = None,
    resume: str | os.PathLike | None = None,
    checkpoint_every_steps: int | None = None,
) -> History:
    """Train, and return the History, whose `.history` has one list per metric, one value per epoch.

    Args:
        x, y: (n, ...) and labels, integers (n,) or (n, 1) or one-hot (n, K), as the loss wants
            them. Or x alone, a source of len(x) batches x[i] = (x, y) or (x, y, sample_weight),
            such as Keras' PyDataset.
        batch_size: 32 unless given; the last batch of an epoch may be smaller. A batch source has
            its own.
        epochs: the number of the last epoch, counted from 1.
        verbose: 0 silent, 1 a bar, 2 a line per epoch, "auto" 1 on a terminal and 2 elsewhere.
        callbacks: what acts between batches and epochs.
        validation_split: the share of samples, taken from the end and before any shuffling, that is
            not trained on.
        validation_data: (x, y), (x, y, sample_weight) or a source of batches to validate on
            instead.
        shuffle: draw a new order for every epoch, of the samples or of a source's batches.
        class_weight: factor on the loss of each class's samples: {class: factor}, 1 for classes not
            in it, or a factor for every class in their order, or "balanced", n / (K * n_k) for the
            n_k of n samples that are of class k; not used in validation.
        sample_weight: (n,) or (n, 1), factor on the loss of each sample; in validation too.
        initial_epoch: the number of epochs done before.
        steps_per_epoch: train on no more than so many batches in an epoch; every epoch begins anew.
        validation_steps: validate on no more than the first so many batches.
        validation_batch_size: of validation arrays; batch_size unless given. It matters only to
            validation_steps.
        validation_freq: validate after every so many epochs.
        seed: for shuffling, dropout and augmentation; None continues the model's own generators.
        batch_transform: what mixes the samples of a batch, such as transforms.MixUp: called as (x,
            y, epoch, numbers of the samples, seed), with one-hot y, it returns the (x, y) to train
            on.
        resume: a folder for a checkpoint, written at first, after every epoch and at Ctrl-C. When
            it holds one of this training, go on from there: all becomes, bit for bit, what it would
            be without the interruption.
        checkpoint_every_steps: write it also after every so many batches of an epoch.

    The logged training metrics are means over the epoch, while the weights were changing and with
    dropout on; the validation metrics are those of the epoch's final weights. Ctrl-C ends the epoch
    after the running batch, with validation and callbacks, and sets History.interrupted; with
    `resume` the epoch stays unfinished instead, for the next time. A second Ctrl-C interrupts at
    once.

    Raises RuntimeError before compile; ValueError for arrays or labels that do not fit, and for a
        folder that holds a checkpoint of another training or in which one is running;
        ModelFileError for a damaged checkpoint.
    """
    checks.compiled(model)
    epochs = count(epochs, "epochs", "fit", least=0)
    initial_epoch = count(initial_epoch, "initial_epoch", "fit", least=0)
    share = validation_split if validation_data is None else 0.0
    batches, kept = given.to_train_on(
        model, x, y, batch_size, sample_weight, class_weight, share, steps_per_epoch, "fit"
    )
    held_out: given.Batches | None = None
    size = (
        batch_size if validation_batch_size is None and validation_steps else validation_batch_size
    )
    if kept is not None:
        held_out = given.in_batches(*kept, size, given.LARGE, validation_steps, given.VALIDATION)
    elif validation_data is not None:
        held_out = given.to_validate_on(model, validation_data, size, validation_steps)
    if checkpoint_every_steps is not None:
        count(checkpoint_every_steps, "checkpoint_every_steps", "fit")
    if seed is not None:
        model.reseed(seed)

    verbose = resolve_verbose(verbose)
    history = History()
    model.history, model.stop_training = history, False
    # History and Progress come last: they record and show what the others add to the logs.
    progress = Progress(verbose, epochs, batches.steps, batches.samples)
    own = [history, progress]
    others = list(callbacks or []) if isinstance(callbacks, Iterable | None) else [callbacks]
    params = {"verbose": verbose, "epochs": epochs, "steps": batches.steps}
    callback_list = CallbackList([*others, *own], model, params)
    training = Training(
        model,
        batches,
        held_out,
        callback_list,
        flag(shuffle, "shuffle", "fit"),
        seed,
        batch_transform,
    )
    training.validation_freq = count(validation_freq, "validation_freq", "fit")
    interrupt = Interrupt(progress.interrupted)
    if resume is None:
        training.run(initial_epoch, epochs, history, interrupt)
        return history
    with held(resume):
        mixing = None if batch_transform is None else described(batch_transform)
        arguments = {
            "shuffle": shuffle,
            "seed": seed,
            "initial_epoch": initial_epoch,
            "batch_transform": mixing,
        }
        validated = {} if held_out is None else held_out.described()
        validated.pop("batch_size", None)  # on which nothing depends
        data = batches.described() | {"validation": validated}
        sources = {"batches": batches} | ({} if held_out is None else {"validation": held_out})
        training.checkpoint = Checkpoint(
            resume, model, sources, callback_list, training.meter, arguments | {"data": data}
        )
        training.checkpoint_steps = checkpoint_every_steps or 0
        training.run(initial_epoch, epochs, history, interrupt)
    return history


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
        self.model, self.batches, self.held_out, self.callbacks = (
            model,
            batches,
            held_out,
            callbacks,
        )
        self.shuffle, self.seed, self.transform = shuffle, seed, transform
        self.meter = Meter(model)
        self.pace = Pace()
        self.validation_freq = 1
        self.checkpoint: Checkpoint | None = None
        self.checkpoint_steps = 0

    def run(self, first_epoch: int, epochs: int, history: History, interrupt: Interrupt) -> None:
        """Train until epoch number `epochs` is over, or somebody stops it, which the history tells."""
        model, checkpoint = self.model, self.checkpoint
        at = self.begin(first_epoch)
        validations = epochs // self.validation_freq - first_epoch // self.validation_freq
        if self.held_out is not None and validations > 0 and not (checkpoint and checkpoint.found):
            checks.lagging_averages(model, self.validation_freq * self.batches.steps, validations)
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
        """Train to the end of the epoch; returns the beginning of the next, or where it was left to
        be resumed.
        """
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
        if self.held_out is not None and (at.epoch + 1) % self.validation_freq == 0:
            callbacks.on_test_begin({"size": self.held_out.samples})
            validation = measured(model, self.held_out).results()
            callbacks.on_test_end(validation)
            logs |= {f"val_{name}": value for name, value in validation.items()}
        if model.optimizer.schedule is not None:
            logs["learning_rate"] = model.optimizer.learning_rate
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


def described(transform: BatchTransform) -> dict[str, Any]:
    """The name of a batch_transform and its settings."""
    settings = {
        name: value
        for name, value in vars(transform).items()
        if isinstance(value, int | float | str)
    }
    return {"name": getattr(transform, "__qualname__", type(transform).__qualname__), **settings}


@known_arguments
def train_on_batch(
    model: Network,
    x: Array,
    y: Array,
    sample_weight: Array | None = None,
    class_weight: ClassWeight | None = None,
    return_dict: bool = False,
) -> Any:
    """One update from one batch; the loss and metrics of that batch, in evaluate's forms.

    Raises RuntimeError before compile; ValueError for arrays or labels that do not fit.
    """
    checks.compiled(model)
    x, y, weight = checks.arrays(model, x, y, sample_weight, "train_on_batch")
    if class_weight is not None:
        checks.samples(model, x, y)
        factors = class_factors(class_weight, y, model.classes, "train_on_batch")
        weight = weighted(weight, factors, y, "train_on_batch")
    meter = Meter(model)
    meter.measure(model.train_step, x, y, weight)
    return meter.results() if return_dict else meter.listed()
