"""`minicnn train`: the documented network on CIFAR-10 or your own pictures, kept in a run folder."""

import argparse
import contextlib
import math
import re
import shlex
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minicnn import callbacks, layers, report, runs
from minicnn.cli import resume
from minicnn.cli.common import RUN, declare, network, positive, say, show
from minicnn.cli.pictures import Pictures, add_data, load, name_of
from minicnn.kernels import threads

DEFAULTS = {"data": "cifar10", "limit": None, "augment": False, "epochs": 100, "batch_size": 64, "seed": 0}
UNITS = {"s": 1, "m": 60, "h": 3600}


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "train",
        "train the documented network",
        "Train the documented network with Adam, until the validation loss has not fallen for ten epochs, and examine "
        "it on test pictures. All that comes of it is kept in a run folder, with a page that shows it. Ctrl-C ends the "
        "training early and keeps its results.",
        "train --data photographs/ --augment --max-time 10m",
    )
    add_data(parser)
    parser.add_argument("--augment", action="store_true", default=None, help="train on pictures flipped and shifted")
    parser.add_argument("--epochs", type=positive, help=f"passes over the pictures, at most ({DEFAULTS['epochs']})")
    parser.add_argument("--batch-size", type=positive, help=f"pictures per step ({DEFAULTS['batch_size']})")
    parser.add_argument(
        "--max-time", type=seconds, default=math.inf, metavar="TIME", help="stop after so long, such as 90s, 10m or 2h"
    )
    parser.add_argument("--seed", type=int, help=f"the same seed gives the same network ({DEFAULTS['seed']})")
    parser.add_argument("--threads", type=positive, help="threads to compute with (default: one per processor)")
    parser.add_argument("--output", type=Path, metavar="RUN", help="run folder (default: runs/<date>-<data>)")
    parser.add_argument(
        "--resume",
        nargs="?",
        const="",
        metavar="RUN",
        help=f"go on with this run, or that in --output (default: {RUN}), where it stopped, with the options it was "
        "begun with; --data names where its pictures are now",
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
    begun = resume.named(options)
    chosen = choose(options, begun.options if begun else {})
    if options.threads is not None:
        threads.set_threads(options.threads)
    pictures = load(chosen["data"], chosen["limit"])
    model = network(pictures.class_names, augmentation() if chosen["augment"] else (), chosen["seed"])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    now = config(chosen, pictures, model)
    kept = begun or runs.create(options.output or unused_folder(chosen["data"]), now)
    if begun:
        resume.recognise(begun, now)
    before = len(kept.history.get("epoch", ()))
    say(options, f"{pictures.name}, {len(pictures.train[0]):,} pictures to train on, results go to {kept.folder}")
    watchers = [
        callbacks.ReduceLROnPlateau(factor=0.1, patience=5),  # before what writes down the learning rate
        callbacks.EarlyStopping(patience=10, restore_best_weights=True),
        callbacks.ModelCheckpoint(kept.model_file, save_best_only=True),
        runs.HistoryFile(kept.history_file),
        TimeLimit(options.max_time),
    ]
    with contextlib.ExitStack() as if_it_fails, contextlib.redirect_stdout(sys.stderr):  # stdout is for the result
        if not begun:
            if_it_fails.callback(runs.discard, kept)
        history = model.fit(
            *pictures.train,
            batch_size=chosen["batch_size"],
            epochs=chosen["epochs"],
            validation_data=pictures.validation,
            callbacks=watchers,
            resume=kept.checkpoint,
        )
        if_it_fails.pop_all()
    if not kept.history:
        say(options, f"interrupted before an epoch had ended; minicnn train --resume {kept.folder} goes on from here")
        return 130
    if begun and kept.page.exists() and len(kept.history["epoch"]) == before and not history.interrupted:
        show(options, {"run": str(kept.folder)} | kept.metrics, resume.nothing_left(kept, chosen["epochs"]))
        return 0
    if history.interrupted:
        say(options, f"interrupted; to go on: minicnn train --resume {kept.folder}")
    model.save(kept.model_file)

    def tell(evaluation: report.Evaluation) -> None:
        show(options, {"run": str(kept.folder)} | kept.metrics, evaluation.to_text())
        sys.stdout.flush()
        say(options, "drawing the report")

    runs.finish(kept, model, pictures.train, pictures.test, interrupted=history.interrupted, tell=tell)
    files = ", ".join(sorted(path.name for path in kept.folder.iterdir() if not path.name.startswith(".")))
    if not options.json:
        print(f"\nResults in {kept.folder}: {files}\n{runs.next_steps(kept)}")
    return 130 if history.interrupted else 0


def choose(options: argparse.Namespace, saved: Mapping[str, Any]) -> dict[str, Any]:
    """The options given, those saved, the defaults, in this order. Raises ValueError for a saved one that differs."""
    given = {name: getattr(options, name) for name in DEFAULTS if getattr(options, name) is not None}
    if "data" in given:
        given["data"] = name_of(given["data"])
    for name, value in given.items():
        if name in saved and name not in ("epochs", "data") and value != saved[name]:
            raise ValueError(
                f"--resume expected the options that the run was begun with, --{name.replace('_', '-')} "
                f"{saved[name]}, received {value}: leave it out, or begin a new run"
            )
    return {**DEFAULTS, **saved, **given}


def augmentation() -> list[layers.Layer]:
    """What changes pictures at random in training: mirrored or not, moved by up to four pixels."""
    return [layers.RandomFlip("horizontal"), layers.RandomCrop(32, 32, padding=4)]


def unused_folder(data: str) -> Path:
    """runs/<date>-<data>, with a number where that is taken."""
    return runs.unused_folder(Path(data).name.partition(".")[0] or "pictures")


def config(chosen: Mapping[str, Any], pictures: Pictures, model: Any) -> dict[str, Any]:
    """All that a reader needs to know of how a run was begun, and to repeat it."""
    command = ["minicnn", "train"]
    for name, value in chosen.items():
        if value != DEFAULTS[name]:
            command += [f"--{name.replace('_', '-')}", *([str(value)] if value is not True else [])]
    return runs.config(
        model,
        command=shlex.join(command),
        options=chosen,
        name=pictures.name,
        synthetic=chosen["data"] == "shapes",
        train=pictures.train,
        validation=pictures.validation,
        test=pictures.test,
    )


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
