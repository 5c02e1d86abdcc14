"""`minicnn tune`: a search for hyperparameters that many processes share."""

import argparse
import contextlib
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minicnn.cli.arguments import size_of
from minicnn.cli.common import show
from minicnn.cli.messages import say
from minicnn.cli.networks import BUILDERS, network
from minicnn.cli.pictures import NAMES, chosen_size, load
from minicnn.data.fingerprint import fingerprint
from minicnn.layers import Layer
from minicnn.machine import threads
from minicnn.models.model import Model
from minicnn.saving.packages import need

if TYPE_CHECKING:
    from minicnn.tune.search import Repeated
    from minicnn.tune.space import Space
    from minicnn.tune.study import Study
    from minicnn.tune.trial import Trainer


def run(options: argparse.Namespace) -> int:
    """Search, or repeat a trial, or only tell of the study; 1 where trials failed, or bits differ.

    130 if Ctrl-C ended it early.
    """
    need("optuna", "to search", "tune")
    from minicnn.tune import page, search, storage
    from minicnn.tune.study import Study
    from minicnn.tune.summary import summary

    space = _space(options)
    folder = _folder(options, space)
    if options.threads is not None:
        threads.set_threads(options.threads)
    study = Study(options.storage, space, folder)
    if options.give_up is not None:
        study.give_up(options.give_up)
    interrupted = False
    if options.repeat is not None:
        return _told(options, search.repeat(study, _trainer(options, study), options.repeat))
    if options.give_up is None and not options.report:
        trials = study.add(options.trials or len(study.trials) or _no_trials())
        if options.trials and trials < options.trials:
            say(options, f"the grid has {trials} points, fewer than --trials {options.trials}")
        say(options, f"{trials} trials, {storage.shown(options.storage)}, results in {folder}")
        trainer = _trainer(options, study)
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for the result
            interrupted = search.search(study, trainer, trials, lambda line: say(options, line))
    found = summary(study)
    page.write(study, found)
    show(options, found.to_dict(), found.to_text())
    return 130 if interrupted else 1 if found.counts["failed"] else 0


def _no_trials() -> int:
    raise ValueError("tune expected --trials for a new study, received none: --trials 20, say")


def _space(options: argparse.Namespace) -> "Space":
    """That of the file, with what stands on the command line; else that of the study."""
    from minicnn.tune import space as spaces
    from minicnn.tune import storage, study

    given = {
        name: getattr(options, name)
        for name in ("sampler", "pruner", "seed")
        if getattr(options, name) is not None
    }
    if options.space is not None:
        return spaces.read(options.space, BUILDERS, given)
    kept = study.stored(options.storage, BUILDERS)
    told = {**kept.told, "study": kept.told["study"] | given}
    return spaces.space(told, kept.folder, BUILDERS, storage.shown(options.storage))


def _folder(options: argparse.Namespace, space: "Space") -> Path:
    """Where trials leave what comes of them."""
    from minicnn.tune import storage

    if storage.is_url(options.storage):
        return options.output or Path("runs", f"tune-{space.told['study']['name']}")
    if options.output is not None:
        raise ValueError(
            f"--output goes with a database as --storage, received {options.output} with the "
            f"folder {options.storage}, in which all results are: leave it out"
        )
    return Path(options.storage)


def _trainer(options: argparse.Namespace, study: "Study") -> "Trainer":
    """What trains, once its pictures are known to be those of the other processes."""
    from minicnn.tune.trial import Trainer

    told = study.space.told["data"]
    what = str(told["data"])
    if what not in NAMES:
        what = os.path.abspath(study.space.folder / Path(what).expanduser())
    size = size_of(str(told["image_size"])) if "image_size" in told else None
    pictures = load(what, told.get("limit"), chosen_size(what, size))
    parts = (pictures.train, pictures.validation, pictures.test)
    study.check("data", fingerprint(pictures.class_names, *parts), "the same pictures")
    words = ["minicnn", "tune", *([options.space] if options.space else [])]
    command = shlex.join([*words, "--storage", study.shown])
    return Trainer(study.space, pictures, what, _build, command)


def _build(
    name: str,
    class_names: list[str],
    first: Sequence[Layer],
    seed: int,
    size: tuple[int, int],
    arguments: Mapping[str, Any],
) -> Model:
    """A network that is known by name."""
    return network(class_names, first, seed, name=name, size=size, **arguments)


def _told(options: argparse.Namespace, found: "Repeated | None") -> int:
    """Print how a repeated trial compares; 1 where its bits are others."""
    if found is None:
        return 130
    result = {"trial": found.number, "same": found.same, "before": found.before, "now": found.now}
    if found.same:
        text = f"trial {found.number} again: the same bits, sha256 {found.now}"
    else:
        told = "\n".join(
            f"  {name}: {there} then, {here} now" for name, (there, here) in found.different.items()
        )
        text = (
            f"trial {found.number} again: OTHER BITS, sha256 {found.before} then, {found.now} now\n"
            + (told or "  versions and processor are the same: this should not happen")
        )
    show(options, result | {"different": found.different}, text)
    return 0 if found.same else 1
