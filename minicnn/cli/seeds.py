"""`minicnn train --seeds N`: the same training from several seeds, and how far luck goes."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from minicnn import report
from minicnn.cli.common import show
from minicnn.cli.messages import say
from minicnn.wording import percent


def run(
    options: argparse.Namespace, chosen: Mapping[str, Any], folder: Path, train: Callable[..., Any]
) -> int:
    """Train with seeds from --seed on, each into a run folder of its own; print mean, deviation and
    interval.

    130 if Ctrl-C ended it early; then of those that had ended before.
    """
    accuracies: dict[int, float] = {}
    folders: list[str] = []
    interrupted = False
    for seed in range(chosen["seed"], chosen["seed"] + options.seeds):
        say(options, f"seed {seed}, {len(folders) + 1} of {options.seeds}")
        trained = train(
            options, {**chosen, "seed": seed}, folder.with_name(f"{folder.name}-seed-{seed}")
        )
        folders.append(str(trained.run.folder))
        interrupted = trained.interrupted or trained.evaluation is None
        if interrupted:
            break
        accuracies[seed] = trained.evaluation.accuracy
        say(options, f"seed {seed}: test accuracy {percent(accuracies[seed], 2)}")
    found = report.spread(list(accuracies.values())) if len(accuracies) > 1 else None
    result = {"runs": folders, "accuracies": accuracies, "interrupted": interrupted}
    show(
        options,
        result | {"accuracy": found and found.to_dict()},
        as_text(accuracies, found, folders),
    )
    return 130 if interrupted else 0


def as_text(
    accuracies: Mapping[int, float], found: report.Spread | None, folders: list[str]
) -> str:
    """A line per seed, then all in one."""
    lines = [
        f"seed {seed:<4} test accuracy {percent(accuracy, 2):>8}"
        for seed, accuracy in accuracies.items()
    ]
    if found:
        low, high = found.interval
        lines += [
            "",
            f"mean               {percent(found.mean, 2):>8}",
            f"standard deviation {percent(found.deviation, 2):>8}   from seed to seed",
            f"95 % interval      {100 * low:.2f} to {percent(high, 2)}   of the mean, by Student's "
            "t",
        ]
    return "\n".join(
        [
            *lines,
            "",
            f"Results in {', '.join(folders)}; `minicnn runs` with these names compares them",
        ]
    )
