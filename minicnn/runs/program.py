"""What programs that train on CIFAR-10 have in common, examples/ among them: a command line,
pictures, a run folder, and an end that says what has come of it.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from minicnn.callbacks import History
from minicnn.data.pictures import Pictures, parted
from minicnn.datasets import cifar10, shapes
from minicnn.errors import DataError
from minicnn.models.model import Model
from minicnn.names import known_arguments
from minicnn.runs.begin import config, next_steps, unused_folder
from minicnn.runs.finishing import finish
from minicnn.runs.folder import Run, create
from minicnn.runs.latest import find
from minicnn.types import Array, Samples


class Program:
    """A program that trains networks on CIFAR-10, or on drawn shapes where that cannot be had.

        program = runs.Program("Train a network.", epochs=10)
        options, pictures = program.parse(), program.load()
        model = ...
        run = program.begin(model)
        history = model.fit(*pictures.train, epochs=options.epochs, ...)
        program.finish(run, model, history)

    Exit codes are those of `minicnn`: 2 wrong usage; 3 a named file is missing or damaged; 130
    ended by Ctrl-C.

    Args:
        description: what it does, for --help.
        example: how it is typed, for --help.
        kind: the end of its run folder's name, runs/<date>-cifar10-<kind>.
        networks: the ends of the names of several run folders, when it trains several networks.
        epochs, batch_size: the usual ones.
        epochs_of_shapes: those for drawn shapes, which are sooner learnt.
        holds_out: whether the last fifth of the training pictures is to validate on.
        goes_on: whether there is --resume.

    Attributes:
        parser: takes options of the program's own before `parse`.
        options: what was chosen.
        pictures: what was loaded.
        warning: what nobody shall overlook, when they are drawn; else "".
        original: whether they are Toronto's own CIFAR-10, byte for byte.

    >>> program = runs.Program("Train a network.", kind="mine", epochs=10)
    >>> program.parser.get_default("epochs"), program.parser.get_default("batch_size")
    (10, 128)
    """

    options: argparse.Namespace
    pictures: Pictures
    warning = ""
    original = False

    @known_arguments
    def __init__(
        self,
        description: str,
        *,
        example: str | None = None,
        kind: str = "",
        networks: Sequence[str] = (),
        epochs: int,
        epochs_of_shapes: int | None = None,
        batch_size: int = 128,
        holds_out: bool = False,
        goes_on: bool = False,
    ):
        self.kind, self.networks = kind, tuple(networks)
        self.usual_epochs, self.epochs_of_shapes = epochs, epochs_of_shapes
        self.holds_out = holds_out
        self.parser = argparse.ArgumentParser(
            description=description, epilog=example and f"example: {example}"
        )
        self._declare(batch_size, goes_on)

    def _declare(self, batch_size: int, goes_on: bool) -> None:
        add = self.parser.add_argument
        source = self.parser.add_mutually_exclusive_group()
        source.add_argument(
            "--data",
            metavar="PATH",
            help="CIFAR-10's tarball or folder (default: found or downloaded)",
        )
        source.add_argument(
            "--synthetic", action="store_true", help="train on drawn shapes instead of photographs"
        )
        add("--offline", action="store_true", help="never download")
        add(
            "--limit",
            type=int,
            metavar="N",
            help="use only the first N training and N test pictures",
        )
        usual = str(self.usual_epochs)
        if self.epochs_of_shapes is not None:
            usual += f"; {self.epochs_of_shapes} over drawn shapes"
        most = ", at most" if self.holds_out else ""
        add(
            "--epochs",
            type=int,
            default=None if self.epochs_of_shapes else self.usual_epochs,
            help=f"passes over the pictures{most} ({usual})",
        )
        add(
            "--batch-size",
            type=int,
            default=batch_size,
            help="pictures per optimizer step (%(default)s)",
        )
        add(
            "--seed",
            type=int,
            default=0,
            help=f"the same seed gives the same network{'s' * bool(self.networks)} (%(default)s)",
        )
        folders = " and ".join(f"RUN-{name}" for name in self.networks)
        name = "-".join(filter(None, ("runs/<date>-cifar10", self.kind)))
        add(
            "--output",
            type=Path,
            metavar="RUN",
            help=f"run folders {folders} (default: runs/<date>-cifar10-...)"
            if folders
            else f"run folder (default: {name})",
        )
        if goes_on:
            add(
                "--resume",
                type=Path,
                metavar="RUN",
                help="go on with this run; with the options it began with",
            )
        add(
            "--verbose",
            type=int,
            choices=[0, 1, 2],
            help="silent, bar, lines (default: what suits)",
        )

    def parse(self) -> argparse.Namespace:
        """What was chosen on the command line; a notebook has none. Ends with 2 for what cannot
        be.
        """
        options = self.parser.parse_args([] if "ipykernel" in sys.modules else None)
        for name in ("limit", "epochs", "batch_size"):
            value = getattr(options, name)
            if value is not None and value < 1:
                option = name.replace("_", "-")
                self.parser.error(f"argument --{option}: expected 1 or more, received {value}")
        if self.holds_out and options.limit == 1:
            self.parser.error("--limit expects 2 or more: one picture to train on, one to validate")
        if options.verbose is None:
            options.verbose = "auto"
        self.options = options
        return options

    def load(self) -> Pictures:
        """The pictures, and a line that says what they are: CIFAR-10, or drawn shapes.

        Ends with 3 when a file that was named cannot be read: whoever names one does not want
        others.
        """
        options, parts = self.options, self._photographs()
        if parts is None:
            parts = ("synthetic shapes", shapes.CLASS_NAMES, *shapes.load_data())
        if options.epochs is None:
            options.epochs = self.epochs_of_shapes if self.warning else self.usual_epochs
        self.pictures = parted(*parts, options.limit, holds_out=self.holds_out)
        found = self.pictures
        number = len(found.train[0]) + len(found.validation[0])
        print(self.warning or f"Data: {self.called}")
        print(f"{number:,} training and {len(found.test[0]):,} test pictures")
        return found

    def _photographs(self) -> tuple[str, Sequence[str], Samples, Samples] | None:
        """CIFAR-10 and its name; None, and a warning, where there is none."""
        options, why = self.options, "as --synthetic asks"
        if not options.synthetic:
            try:
                where = {"path": options.data, "offline": options.offline or None}
                parts = cifar10.load_data(**where)
                self.original = cifar10.is_original(**where)
                return (cifar10.called(**where), cifar10.CLASS_NAMES, *parts)
            except DataError as error:
                if options.data or os.environ.get("MINICNN_DATA"):
                    print(f"{self.parser.prog}: {error}", file=sys.stderr)
                    sys.exit(3)
                why = str(error)
        loud = "!" * 80
        self.warning = f"{loud}\nSYNTHETIC DATA: drawn shapes, NOT CIFAR-10: {why}\n{loud}"
        return None

    @property
    def called(self) -> str:
        """What the pictures are called where somebody reads it; a copy never as the original."""
        if self.warning:
            return "drawn shapes"
        return "CIFAR-10" if self.original else "a copy of CIFAR-10, whose pixels are not Toronto's"

    @property
    def source(self) -> str:
        """What the pictures are called in names of folders."""
        return "shapes" if self.warning else "cifar10"

    @known_arguments
    def begin(self, model: Model) -> Run:
        """The run folder, a new one or the one to go on with, which `minicnn predict`, `evaluate`,
        `explain` and `report` know.

        Args:
            model: built; of several networks the one of that name.

        Ends with 2 when it cannot be written, or is none.
        """
        options, pictures = self.options, self.pictures
        end = f"-{model.name}" if self.networks else ""
        data = os.path.abspath(options.data) if options.data else self.source
        resume = getattr(options, "resume", None)
        try:
            if resume:
                return find(resume)
            named = f"{self.source}{end or self.kind and f'-{self.kind}'}"
            return create(
                Path(f"{options.output}{end}") if options.output else unused_folder(named),
                config(
                    model,
                    options=vars(options) | {"data": data, "synthetic": bool(self.warning)},
                    name=pictures.name,
                    synthetic=bool(self.warning),
                    train=pictures.train,
                    validation=pictures.validation,
                    test=pictures.test,
                ),
            )
        except (OSError, ValueError) as error:
            folder = "new folders" if self.networks else "a new folder"
            goes_on = ", --resume one that holds a run" if hasattr(options, "resume") else ""
            self.parser.error(f"--output expects {folder} that can be written{goes_on}: {error}")

    @known_arguments
    def finish(
        self,
        run: Run,
        model: Model,
        history: History,
        *,
        two_views: bool = False,
        views: Mapping[str, Callable[[Array], Array]] | None = None,
    ) -> None:
        """Keep the model, and say how good it is on pictures that it has not been trained on:
        numbers, plots, and a page with all of it.

        Args:
            two_views: whether to look at each picture's mirror image as well.
            views: further looks, by what is said of them: (N, K) for pictures (N, H, W, C).
        """
        if not run.history:
            sys.exit(130)  # interrupted in the first epoch
        model.save(run.model_file)
        pictures, interrupted = self.pictures, history.interrupted
        evaluation = finish(
            run, model, pictures.train, pictures.test, interrupted=interrupted, tell=print
        )
        looks = dict(views or {})
        if two_views:
            both = "mean of each picture and its mirror image"
            looks[both] = lambda x: model.predict(x, average_flips=True, verbose=0)
        if looks:
            x, y = pictures.test
            print(f"\nTest accuracy on {self.called}, one view: {100 * evaluation.accuracy:.2f} %")
            for name, look in looks.items():
                right = look(x).argmax(axis=1) == np.asarray(y).reshape(-1)
                print(f"Test accuracy, {name}: {100 * right.mean():.2f} %")
        print(f"\nResults in {run.folder}:", *sorted(path.name for path in run.folder.iterdir()))
        self.end(run, history)

    @known_arguments
    def end(self, run: Run, history: History) -> None:
        """Say what can be done next; 130 is the exit code when the training was interrupted."""
        if self.warning:
            print(self.warning)
        print(next_steps(run))
        if history.interrupted:
            sys.exit(130)
