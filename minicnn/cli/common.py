"""What several commands share: how one is declared, how its result is shown, and which model it works on."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from minicnn import layers, models, runs
from minicnn.sequential import Sequential

RUN = "runs/latest"


def declare(
    commands: argparse._SubParsersAction, name: str, help: str, description: str, example: str
) -> argparse.ArgumentParser:
    """Declare a command that can print JSON, with an example in its help."""
    parser = commands.add_parser(name, help=help, description=description, epilog=f"example: minicnn {example}")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    return parser


def show(options: argparse.Namespace, result: dict[str, Any], text: object) -> None:
    """Print a result on stdout, as JSON if that is asked for."""
    print(runs.to_json(result) if options.json else text)


def say(options: argparse.Namespace, message: object) -> None:
    """Print a message on stderr."""
    print(f"minicnn {options.command}: {message}", file=sys.stderr)


def positive(text: str) -> int:
    """A number on the command line. Raises ArgumentTypeError unless it is whole and 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of 1 or more, received {text!r}")
    return int(text)


def add_model(parser: argparse.ArgumentParser, default: str | None = RUN) -> None:
    """Declare `--model`."""
    told = default or "the documented network, not trained"
    parser.add_argument(
        "--model", metavar="PATH", default=default, help=f"a model file or run folder (default: {told})"
    )


def load_model(options: argparse.Namespace) -> Sequential:
    """The model that `--model` names, or the documented network."""
    return network() if options.model is None else models.load_model(runs.model_file(options.model))


def network(
    class_names: Sequence[str] | None = None, augmentation: Sequence[layers.Layer] = (), seed: int = 0
) -> Sequential:
    """The documented network for pictures of 32x32 pixels from 0 to 255."""
    return Sequential(
        [
            layers.Input((32, 32, 3)),
            *augmentation,
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 3, activation="relu"),
            layers.BatchNormalization(warmup=True),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.BatchNormalization(warmup=True),
            layers.MaxPooling2D(),
            layers.Conv2D(128, 3, activation="relu"),
            layers.BatchNormalization(warmup=True),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10 if class_names is None else len(class_names), activation="softmax"),
        ],
        name="documented_cnn",
        class_names=class_names,
        seed=seed,
    )
