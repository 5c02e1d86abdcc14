"""`minicnn prune`: a smaller network of a trained one, what was saved, and what it cost."""

import argparse
import contextlib
import copy
import sys
from typing import Any

from minicnn import pruning
from minicnn.cli.common import load_model, show, writing
from minicnn.cli.messages import say
from minicnn.cli.pictures import Pictures, fit_classes, load, picture_size
from minicnn.models.model import Model
from minicnn.network.ending import class_probabilities
from minicnn.optimizers import Adam
from minicnn.schedules import CosineDecay
from minicnn.training.usual_loss import loss_for
from minicnn.wording import percent

BATCH_SIZE = 64


def run(options: argparse.Namespace) -> int:
    """Write the file, and print what was saved."""
    model = load_model(options)
    if options.sparsity is not None and options.data is None:
        raise ValueError(
            "--sparsity sets weights to 0 while the network trains, received no pictures: name "
            "some with --data"
        )
    pictures = None
    if options.data is not None:
        loaded = load(options.data, options.limit, picture_size(model))
        pictures = fit_classes(loaded, model.class_names)
    found = {} if pictures is None else {"before": accuracy(model, pictures)}
    smaller = pruned(options, model)
    if pictures is not None:
        if options.sparsity is None:
            found["pruned"] = accuracy(smaller, pictures)
        train_on(options, smaller, pictures)
        found["trained on"] = accuracy(smaller, pictures)
    saved = pruning.savings(model, smaller)
    with writing(options.to):
        smaller.save(options.to, optimizer=False)
    lines = [saved.to_text()]
    if pictures is not None:
        lines.append(
            f"accuracy on {pictures.name}: "
            + ", ".join(f"{name} {percent(share, 2)}" for name, share in found.items())
        )
    result: dict[str, Any] = saved.to_dict() | {"accuracy": found, "saved": str(options.to)}
    show(options, result, "\n\n".join([*lines, f"Saved {options.to}"]))
    return 0


def pruned(options: argparse.Namespace, model: Model) -> Model:
    """The smaller model; with --sparsity a copy, of which weights are to become 0."""
    if options.sparsity is not None:
        return copy.deepcopy(model)
    return pruning.prune_filters(
        model,
        options.keep,
        filters=dict(options.filters) if options.filters else None,
        multiplications=options.multiplications,
        by=options.by,
        multiple_of=options.multiple_of,
    )


def train_on(options: argparse.Namespace, model: Model, pictures: Pictures) -> None:
    """Train with a learning rate that falls to 0."""
    x, y = pictures.train
    steps = options.epochs * -(-len(x) // BATCH_SIZE)
    model.compile(
        Adam(CosineDecay(options.learning_rate, steps)), loss_for(model), metrics=["accuracy"]
    )
    sparse = [] if options.sparsity is None else [pruning.MagnitudePruning(options.sparsity)]
    say(options, f"training on with {len(x):,} pictures")
    with contextlib.redirect_stdout(sys.stderr):  # stdout is for the result
        model.fit(x, y, BATCH_SIZE, options.epochs, callbacks=sparse)


def accuracy(model: Model, pictures: Pictures) -> float:
    """On the pictures to test on."""
    x, y = pictures.test
    outputs = model.predict(x, verbose=0)
    answers = class_probabilities(outputs, model.ends_in, "prune").argmax(axis=-1)
    return float((answers == y.reshape(-1)).mean())
