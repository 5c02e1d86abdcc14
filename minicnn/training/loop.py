"""fit: what happens around the batches of a training, which epochs.py runs.

Models have it as a method of the same name.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from minicnn.expect import count, flag
from minicnn.names import known_arguments
from minicnn.network import Network
from minicnn.ranks import current
from minicnn.ranks.group import Group
from minicnn.training import checks, given
from minicnn.training.batches import BatchSource
from minicnn.training.callbacks import Callback, CallbackList, History
from minicnn.training.checkpoint import Checkpoint, held
from minicnn.training.class_weight import class_factors, weighted
from minicnn.training.epochs import BatchTransform, Training
from minicnn.training.interrupt import Interrupt
from minicnn.training.meter import Meter
from minicnn.training.progress import Progress, resolve_verbose
from minicnn.training.side_by_side import cut
from minicnn.training.silence import silent_but_rank_0
from minicnn.types import Array

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
    validation_freq: int | Sequence[int] = 1,
    *,
    seed: int | None = None,
    batch_transform: BatchTransform | None = None,
    resume: str | os.PathLike | None = None,
    checkpoint_every_steps: int | None = None,
    shards: int = 1,
    batch_norm: str = "shard",
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
        validation_freq: validate after every so many epochs, or after those of a list, counted
            from 1.
        seed: for shuffling, dropout and augmentation; None continues the model's own generators.
        batch_transform: what mixes the samples of a batch, such as transforms.MixUp: called as (x,
            y, epoch, numbers of the samples, seed), with one-hot y, it returns the (x, y) to train
            on.
        resume: a folder for a checkpoint, written at first, after every epoch and at Ctrl-C. When
            it holds one of this training, go on from there: all becomes, bit for bit, what it would
            be without the interruption.
        checkpoint_every_steps: write it also after every so many batches of an epoch.
        shards: cut every batch into so many parts, which ranks share where MPI starts several
            (`mpirun -n 4 python train.py`); see training/shards.py. The bits depend on shards, and
            on neither ranks nor threads.
        batch_norm: "shard": batch normalisation normalises within a shard, of which 16 samples or
            more are well; "sync": over the whole batch, as without shards, which is slower; see
            training/side_by_side.py.

    The logged training metrics are means over the epoch, while the weights were changing and with
    dropout on; the validation metrics are those of the epoch's final weights. Ctrl-C ends the epoch
    after the running batch, with validation and callbacks, and sets History.interrupted; with
    `resume` the epoch stays unfinished instead, for the next time. A second Ctrl-C interrupts at
    once.

    Raises RuntimeError before compile; ValueError for arrays or labels that do not fit, and for a
        folder that holds a checkpoint of another training or in which one is running;
        ModelFileError for a damaged checkpoint; RanksError where ranks differ in what must be the
        same.
    """
    checks.compiled(model)
    epochs = count(epochs, "epochs", "fit", least=0)
    initial_epoch = count(initial_epoch, "initial_epoch", "fit", least=0)
    share = validation_split if validation_data is None else 0.0
    batches, kept = given.to_train_on(
        model, x, y, batch_size, sample_weight, class_weight, share, steps_per_epoch, "fit"
    )
    size = (
        batch_size if validation_batch_size is None and validation_steps else validation_batch_size
    )
    held_out = given.held_out(model, kept, validation_data, size, validation_steps)
    if checkpoint_every_steps is not None:
        count(checkpoint_every_steps, "checkpoint_every_steps", "fit")
    if seed is not None:
        model.reseed(seed)
    group = current()
    checks.batch_norm(batch_norm)
    is_cut = count(shards, "shards", "fit") > 1 or group.size > 1

    verbose = resolve_verbose(verbose) if group.rank == 0 else 0
    history = History()
    model.history, model.stop_training = history, False
    # History and Progress come last: they record and show what the others add to the logs.
    progress = Progress(verbose, epochs, batches.steps, batches.samples)
    params = {"verbose": verbose, "epochs": epochs, "steps": batches.steps}
    callback_list = CallbackList(
        [*on_this_rank(callbacks, group), history, progress], model, params
    )
    training = Training(
        model,
        batches,
        held_out,
        callback_list,
        flag(shuffle, "shuffle", "fit"),
        seed,
        batch_transform,
        Interrupt(progress.interrupted, launched=group.size > 1),
        group,
    )
    training.validates = validating(validation_freq)
    if is_cut:
        training.shards = cut(model, batches, shards, seed, group, batch_norm)
    folder = resume if group.rank == 0 else None
    with ExitStack() as while_it_runs:
        while_it_runs.enter_context(told_how_to_go_on(group, resume))
        if group.size > 1 and group.go_on:
            progress.launched(group.size, group.go_on)
        while_it_runs.enter_context(silent_but_rank_0(group))
        if folder is not None:
            while_it_runs.enter_context(held(folder))
        if resume is not None or group.size > 1:  # all of which begin with what rank 0 has
            arguments = {
                "shuffle": shuffle,
                "seed": seed,
                "initial_epoch": initial_epoch,
                "batch_transform": None if batch_transform is None else described(batch_transform),
                **({"shards": shards} if is_cut else {}),
                **({"batch_norm": batch_norm} if is_cut and batch_norm != "shard" else {}),
            }
            training.checkpoint = Checkpoint(
                folder,
                model,
                {"batches": batches} | ({} if held_out is None else {"validation": held_out}),
                callback_list,
                training.meter,
                arguments | {"data": described_data(batches, held_out)},
            )
        training.resumable = resume is not None
        training.checkpoint_steps = checkpoint_every_steps or 0
        training.run(initial_epoch, epochs, history)
    return history


def on_this_rank(callbacks: Callback | Iterable[Callback] | None, group: Group) -> list[Callback]:
    """fit's callbacks, without those that only the first rank calls, if this is another."""
    listed = list(callbacks or []) if isinstance(callbacks, Iterable | None) else [callbacks]
    return [one for one in listed if not (group.rank and one.only_on_rank_0)]


@contextmanager
def told_how_to_go_on(group: Group, resume: str | os.PathLike | None) -> Iterator[None]:
    """Let the group's messages say how a training goes on that has a folder for checkpoints; after
    an error they still do.
    """
    before = group.go_on
    if resume is not None and not before:
        group.go_on = (
            f"Go on: the same with fit(resume={os.fspath(resume)!r}), on any number of ranks, from "
            "the last checkpoint"
        )
    yield
    group.go_on = before


def described_data(batches: given.Batches, held_out: given.Batches | None) -> dict[str, Any]:
    """What a training is recognised by that is trained and validated on these."""
    validated = {} if held_out is None else held_out.described()
    validated.pop("batch_size", None)  # on which nothing depends
    return batches.described() | {"validation": validated}


def validating(frequency: Any) -> Callable[[int], bool]:
    """Whether to validate after an epoch, by its number from 1, for fit's validation_freq."""
    if isinstance(frequency, Sequence | Set | np.ndarray) and not isinstance(frequency, str):
        chosen = {count(epoch, "epochs in validation_freq", "fit") for epoch in frequency}
        return chosen.__contains__
    every = count(frequency, "validation_freq", "fit")
    return lambda epoch: epoch % every == 0


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
        factors = class_factors(class_weight, y, model, "train_on_batch")
        weight = weighted(weight, factors, y, "train_on_batch")
    meter = Meter(model)
    meter.measure(model.train_step, x, y, weight)
    return meter.results() if return_dict else meter.listed()
