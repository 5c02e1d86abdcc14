"""`minicnn train`: the documented network on CIFAR-10 or your own pictures, kept in a run folder."""

import argparse
import contextlib
import math
import re
import shlex
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from minicnn import __version__, callbacks, layers, report, runs
from minicnn.cli import few
from minicnn.cli.common import RUN, declare, network, positive, say, show
from minicnn.cli.pictures import Pictures, add_data, load, name_of
from minicnn.cli.summary import described
from minicnn.cli.verdict import keyed, shown, verdict
from minicnn.kernels import threads
from minicnn.layers.averages import lagging_momentum

DEFAULTS: dict[str, Any] = {
    "data": "cifar10",
    "limit": None,
    "augment": None,
    "epochs": None,
    "batch_size": None,
    "seed": 0,
}  # fmt: skip  None: it depends on how many pictures there are
UNITS = {"s": 1, "m": 60, "h": 3600}


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "train",
        "train the documented network",
        "Train the documented network with Adam, until the validation loss has not fallen for ten epochs (or more, "
        "where pictures are few), and examine it on test pictures. All that comes of it is kept in a run folder, with "
        "a page that shows it. Ctrl-C ends the training early and keeps its results.",
        "train --data photographs/ --augment --max-time 10m",
    )
    add_data(parser)
    parser.add_argument(
        "--augment",
        action=argparse.BooleanOptionalAction,
        help="train on pictures flipped and shifted, or not (default: only where they are few)",
    )
    parser.add_argument("--epochs", type=positive, help="passes over the pictures, at most (100, more for few)")
    parser.add_argument("--batch-size", type=positive, help="pictures per step (64, fewer for few)")
    parser.add_argument(
        "--max-time", type=seconds, default=math.inf, metavar="TIME", help="stop after so long, such as 90s, 10m or 2h"
    )
    parser.add_argument("--seed", type=int, help=f"the same seed gives the same network ({DEFAULTS['seed']})")
    parser.add_argument("--threads", type=positive, help="threads to compute with (default: one per processor)")
    parser.add_argument("--output", type=Path, metavar="RUN", help="run folder (default: runs/<date>-<data>)")
    parser.add_argument(
        "--resume",
        action="store_true",
        help=f"go on with the run in --output (default: {RUN}) where it stopped, with the options it was begun with",
    )
    parser.set_defaults(run=run)


def seconds(text: str) -> float:
    """A time on the command line. Raises ArgumentTypeError unless it is like 90s, 10m or 1.5h."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    if not found:
        raise argparse.ArgumentTypeError(f"expected a time such as 90s, 10m or 2h, received {text!r}")
    return float(found[1]) * UNITS[found[2]]


def run(options: argparse.Namespace) -> int:
    """Train, examine, keep; 130 if Ctrl-C ended it early."""
    begun = runs.find(options.output or RUN) if options.resume else None
    asked = choose(options, begun.options if begun else {})
    if options.threads is not None:
        threads.set_threads(options.threads)
    pictures = load(asked["data"], asked["limit"])
    chosen = suited(asked, len(pictures.train[0]))
    patience = few.patience(len(pictures.train[0]), chosen["batch_size"])
    model = network(pictures.class_names, augmentation() if chosen["augment"] else (), chosen["seed"])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    kept = begun or runs.create(options.output or unused_folder(chosen["data"]), config(asked, chosen, pictures, model))
    say(options, f"{pictures.name}, {len(pictures.train[0]):,} pictures to train on, results go to {kept.folder}")
    watchers = [
        callbacks.ReduceLROnPlateau(factor=0.1, patience=patience // 2),  # before what writes down the learning rate
        callbacks.EarlyStopping(patience=patience, restore_best_weights=True),
        callbacks.ModelCheckpoint(kept.model_file, save_best_only=True),
        runs.HistoryFile(kept.history_file),
        TimeLimit(options.max_time),
    ]
    with contextlib.redirect_stdout(sys.stderr):  # where progress belongs; stdout is for the result
        history = model.fit(
            *pictures.train,
            batch_size=chosen["batch_size"],
            epochs=chosen["epochs"],
            validation_data=pictures.validation,
            callbacks=watchers,
            resume=kept.checkpoint,
        )
    if not kept.history:
        say(options, "interrupted before an epoch had ended; --resume goes on from here")
        return 130
    model.save(kept.model_file)
    evaluation = runs.finish(kept, model, pictures.train, pictures.test, interrupted=history.interrupted)
    judged = verdict(kept, kept.metrics["test"])
    files = ", ".join(sorted(path.name for path in kept.folder.iterdir() if not path.name.startswith(".")))
    show(
        options,
        {"run": str(kept.folder)} | kept.metrics | keyed(judged),
        f"{shown(evaluation.to_text(), judged)}\n\nResults in {kept.folder}: {files}",
    )
    return 130 if history.interrupted else 0


def choose(options: argparse.Namespace, saved: Mapping[str, Any]) -> dict[str, Any]:
    """The options given, those saved, the defaults, in this order. Raises ValueError for a saved one that differs."""
    given = {name: getattr(options, name) for name in DEFAULTS if getattr(options, name) is not None}
    if "data" in given:
        given["data"] = name_of(given["data"])
    for name, value in given.items():
        if name in saved and name != "epochs" and value != saved[name]:
            raise ValueError(
                f"--resume expected the options that the run was begun with, --{name.replace('_', '-')} "
                f"{saved[name]}, received {value}: leave it out, or begin a new run"
            )
    return {**DEFAULTS, **saved, **given}


def suited(chosen: Mapping[str, Any], pictures: int) -> dict[str, Any]:
    """The options with what depends on how many pictures there are to train on."""
    size = chosen["batch_size"] or few.batch_size(pictures)
    augment = few.augment(pictures) if chosen["augment"] is None else chosen["augment"]
    epochs = chosen["epochs"] or few.epochs(pictures, size)
    return {**chosen, "augment": augment, "batch_size": size, "epochs": epochs}


def augmentation() -> list[layers.Layer]:
    """What changes pictures at random in training: mirrored or not, moved by up to four pixels."""
    return [layers.RandomFlip("horizontal"), layers.RandomCrop(32, 32, padding=4)]


def unused_folder(what: str) -> Path:
    """runs/<date>-<data>, with a number where that is taken."""
    name = f"runs/{datetime.now():%Y-%m-%d}-{Path(what).stem}"
    number = 1
    while (folder := Path(f"{name}-{number}" if number > 1 else name)).exists():
        number += 1
    return folder


def config(asked: Mapping[str, Any], chosen: Mapping[str, Any], pictures: Pictures, model: Any) -> dict[str, Any]:
    """All that a reader needs to know of how a run was begun, and to repeat it: what was asked for, what was taken."""
    parts = {"train": pictures.train, "validation": pictures.validation, "test": pictures.test}
    command = ["minicnn", "train"]
    momentum = lagging_momentum(model.layers)
    for name, value in asked.items():
        if value != DEFAULTS[name]:
            option = f"{'no-' if value is False else ''}{name.replace('_', '-')}"
            command += [f"--{option}", *([] if isinstance(value, bool) else [str(value)])]
    return {
        "command": shlex.join(command),
        "options": dict(chosen),
        "data": {"name": pictures.name, "synthetic": chosen["data"] == "shapes"}
        | {name: len(x) for name, (x, _) in parts.items()},
        "model": described(model) | ({} if momentum is None else {"momentum": momentum}),
        "environment": {"minicnn": __version__, **report.environment(), "threads": threads.state()["used"]},
        "began": datetime.now().astimezone().isoformat(timespec="seconds"),
    }


class TimeLimit(callbacks.Callback):
    """Ends the training before an epoch that would not be over in time; a resumed training gets time again."""

    remembers = ("reached",)

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.end = time.monotonic() + seconds
        self.reached = False

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        self.began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        now = time.monotonic()
        if not self.model.stop_training and 2 * now - self.began > self.end:
            self.model.stop_training = self.reached = True

    def set_state(self, state: Mapping[str, Any]) -> None:
        if state["reached"]:
            self.model.stop_training = False
