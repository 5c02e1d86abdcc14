"""`minicnn train`: a network on CIFAR-10 or your own pictures, kept in a run folder."""

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minicnn import callbacks, ranks, report, runs
from minicnn.cli import following, resume, seeds
from minicnn.cli.common import show, writing
from minicnn.cli.messages import say
from minicnn.cli.options import choose, command
from minicnn.cli.pictures import Pictures, short_name
from minicnn.cli.prepared import fit, prepare
from minicnn.cli.verdict import keyed, shown, verdict
from minicnn.machine import threads
from minicnn.models.model import Model
from minicnn.saving.atomic import write_text
from minicnn.wording import counted


@dataclass(frozen=True)
class Trained:
    """What a training has come to: its run, and its evaluation, unless no epoch has ended or
    nothing was left.
    """

    run: runs.Run
    evaluation: report.Evaluation | None
    interrupted: bool


def run(options: argparse.Namespace) -> int:
    """Train, evaluate, keep; 130 if Ctrl-C ended it early."""
    group = ranks.current()
    if options.seeds and group.size > 1:
        raise ValueError(
            f"--seeds trains networks one after the other, received it on {group.size} ranks: "
            "start it without MPI, on each machine with a --seed of its own"
        )
    if options.seeds and options.resume is not None:
        raise ValueError(
            "--seeds begins new runs, and --resume none: resume each run that was interrupted by "
            "itself"
        )
    begun = resume.named(options) if group.rank == 0 else None
    asked = choose(options, begun.options if begun else {}) if group.rank == 0 else {}
    if options.threads is not None:
        threads.set_threads(options.threads)
    if options.seeds:
        return seeds.run(options, asked, options.output or unused_folder(asked["data"]), train)
    folder = begun.folder if begun else options.output
    if group.rank == 0:
        folder = folder or unused_folder(asked["data"])
    asked, folder = following.told(group, asked, folder)
    if group.rank:
        following.follow(asked, folder)
        return 0
    trained = train(options, asked, folder, begun, tell)
    kept = trained.run
    if not kept.history:
        say(
            options,
            f"interrupted before an epoch had ended; minicnn train --resume {kept.folder} goes on "
            "from here",
        )
        return 130
    if trained.evaluation is None:
        show(
            options,
            {"run": str(kept.folder)} | kept.metrics,
            resume.nothing_left(kept, asked["epochs"] or kept.options["epochs"]),
        )
        return 0
    files = ", ".join(
        sorted(path.name for path in kept.folder.iterdir() if not path.name.startswith("."))
    )
    if not options.json:
        print(f"\nResults in {kept.folder}: {files}\n{runs.next_steps(kept)}")
    return 130 if trained.interrupted else 0


def tell(options: argparse.Namespace, kept: runs.Run, evaluation: report.Evaluation) -> None:
    """Print the numbers, before the report is drawn."""
    judged = verdict(kept, kept.metrics["test"])
    result = {"run": str(kept.folder)} | kept.metrics | keyed(judged)
    show(options, result, shown(evaluation.to_text(), judged))
    sys.stdout.flush()
    say(options, "drawing the report")


def train(
    options: argparse.Namespace,
    asked: Mapping[str, Any],
    folder: Path,
    begun: runs.Run | None = None,
    tell: Callable[[argparse.Namespace, runs.Run, report.Evaluation], None] | None = None,
) -> Trained:
    """Train as asked for, in a new folder or in that of the run that was begun; `tell` is told the
    numbers early.
    """
    made = prepare(asked)
    model, pictures = made.model, made.pictures
    now = config(asked, made.chosen, pictures, model)
    with writing(folder):
        kept = begun or runs.create(folder, now)
    if begun:
        resume.recognise(begun, now)
    before = len(kept.history.get("epoch", ()))
    number = counted(len(pictures.train[0]), "picture")
    say(options, f"{pictures.name}, {number} to train on, results go to {kept.folder}")
    doctor, time_limit = callbacks.Doctor(), TimeLimit(options.max_time)
    called = [
        *made.called,
        # not there when it was begun
        *([] if begun and "recipe" not in begun.config["options"] else [doctor]),
        callbacks.ModelCheckpoint(kept.model_file, save_best_only=made.recipe.holds_out),
        runs.HistoryFile(kept.history_file),
        time_limit,
    ]
    # stdout is for the result
    with (
        contextlib.ExitStack() as if_it_fails,
        contextlib.redirect_stdout(sys.stderr),
    ):
        if not begun:
            if_it_fails.callback(runs.discard, kept)
        history = fit(made, called, kept.checkpoint)
        if_it_fails.pop_all()
    if not kept.history:
        return Trained(kept, None, history.interrupted)
    if (
        begun
        and kept.page.exists()
        and len(kept.history["epoch"]) == before
        and not history.interrupted
    ):
        return Trained(kept, None, False)
    if history.interrupted or time_limit.reached:
        why = "interrupted" if history.interrupted else "time is up"
        say(options, f"{why}; to go on: minicnn train --resume {kept.folder}")
    write_text(kept.doctor_file, doctor.to_text() + "\n")
    model.save(kept.model_file)
    with ranks.apart():  # the others have done their part
        evaluation = runs.finish(
            kept,
            model,
            pictures.train,
            pictures.test,
            interrupted=history.interrupted,
            tell=None if tell is None else lambda evaluation: tell(options, kept, evaluation),
        )
    return Trained(kept, evaluation, history.interrupted)


def unused_folder(data: str) -> Path:
    """runs/<date>-<data>, with a number where that is taken."""
    return runs.unused_folder(short_name(data) or "pictures")


def config(
    asked: Mapping[str, Any], chosen: Mapping[str, Any], pictures: Pictures, model: Model
) -> dict[str, Any]:
    """All that a reader needs to know of how a run was begun, and to repeat it: what was asked for,
    what was taken.
    """
    return runs.config(
        model,
        command=command(asked),
        options=chosen,
        name=pictures.name,
        synthetic=chosen["data"] == "shapes",
        train=pictures.train,
        validation=pictures.validation,
        test=pictures.test,
    )


class TimeLimit(callbacks.Callback):
    """Ends the training before an epoch that would not be over in time; a resumed training gets
    time again.
    """

    remembers = ("reached",)
    only_on_rank_0 = True  # whose clock is everybody's

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.end = time.monotonic() + seconds
        self.reached = False

    def on_epoch_begin(
        self,
        epoch: int,  # noqa: ARG002
        logs: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> None:
        self.began = time.monotonic()

    def on_epoch_end(
        self,
        epoch: int,  # noqa: ARG002
        logs: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> None:
        now = time.monotonic()
        if not self.model.stop_training and 2 * now - self.began > self.end:
            self.model.stop_training = self.reached = True

    def set_state(self, state: Mapping[str, Any]) -> None:
        if state["reached"]:
            self.model.stop_training = False
