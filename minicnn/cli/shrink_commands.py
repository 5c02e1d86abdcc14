"""What the commands that make models smaller can be told.

It loads nothing that takes time, so every command prints its help at once.
"""

import argparse
from pathlib import Path

from minicnn.cli.arguments import add_data, add_import, add_model, declare, positive, rate, share

EPOCHS, LEARNING_RATE = 10, 1e-3  # with which a pruned network is trained on
OBSERVERS = ("min_max", "percentile", "mean_squared_error")


def prune(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "prune",
        "make a smaller network of a trained one",
        "Write a model without the filters that matter least, a smaller ordinary model, and print "
        "what was saved. With --data it is trained on, which brings back most of what was lost, "
        "and tested. --sparsity sets single weights to 0 instead, while it trains: what gets "
        "smaller then is the compressed file.",
        "prune runs/latest --multiplications 0.5 --data cifar10 --to small.safetensors",
    )
    add_model(parser, first=True)
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument(
        "--keep", type=share, metavar="SHARE", help="keep this share of all filters, such as 0.5"
    )
    how.add_argument(
        "--multiplications",
        type=share,
        metavar="SHARE",
        help="keep as many filters as need at most this share of the multiplications",
    )
    how.add_argument(
        "--filters",
        type=width,
        nargs="+",
        metavar="LAYER=N",
        help="keep N filters of these layers, such as conv2d=16 conv2d_1=32",
    )
    how.add_argument(
        "--sparsity",
        type=share,
        metavar="SHARE",
        help="set this share of all weights to 0, which needs --data",
    )
    parser.add_argument(
        "--by",
        choices=["kernel", "gamma"],
        default="kernel",
        help="what a filter counts by: the sum of its weights, or gamma of the normalisation "
        "behind it (default: kernel)",
    )
    parser.add_argument(
        "--multiple-of",
        type=positive,
        default=8,
        metavar="N",
        help="round numbers of filters to this, with which vectors are filled (default: 8)",
    )
    add_data(parser, default="none, and the model is not trained on")
    parser.add_argument(
        "--epochs",
        type=positive,
        default=EPOCHS,
        help=f"passes over the training pictures (default: {EPOCHS})",
    )
    parser.add_argument(
        "--learning-rate",
        type=rate,
        default=LEARNING_RATE,
        metavar="RATE",
        help=f"the largest one; it falls to 0 (default: {LEARNING_RATE:g})",
    )
    parser.add_argument(
        "--to", type=Path, required=True, metavar="FILE", help="the model file to write"
    )


def quantize(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "quantize",
        "make whole numbers of 8 bits of a model",
        "Write a model in whole numbers of 8 bits, a quarter as large, and print accuracy, size "
        "and speed before and after. How large its values become is measured on training pictures; "
        "with --aware it is trained on a little, so that it learns to live with them.",
        "quantize runs/latest --to model.int8.tflite",
    )
    add_model(parser, first=True)
    add_data(parser, default="what the run was trained on, otherwise cifar10")
    parser.add_argument(
        "--to",
        type=Path,
        required=True,
        metavar="FILE",
        help="the file to write: .tflite for LiteRT, .onnx for ONNX Runtime, .safetensors for "
        "minicnn",
    )
    parser.add_argument(
        "--pictures",
        type=positive,
        default=512,
        metavar="N",
        help="training pictures to measure on (default: 512)",
    )
    parser.add_argument(
        "--observer",
        choices=OBSERVERS,
        default=OBSERVERS[0],
        help="what is made of the numbers met: all of them, all but the rarest, or what is nearest "
        "to them (default: min_max)",
    )
    parser.add_argument(
        "--aware",
        type=positive,
        metavar="EPOCHS",
        help="train on with rounded numbers for so many epochs first",
    )
    parser.add_argument(
        "--learning-rate",
        type=rate,
        default=1e-4,
        metavar="RATE",
        help="of that training (default: 0.0001, a tenth of what networks are trained with)",
    )


def compare(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "compare",
        "set two models side by side",
        "Print accuracy, size and speed of two models on the same test pictures, and how often they"
        " give the same answer.",
        "compare runs/latest model.int8.tflite",
    )
    parser.add_argument("before", metavar="A", help="a model file, of any format, or a run")
    parser.add_argument("after", metavar="B", help="another one")
    add_data(parser, default="what A was trained on, otherwise cifar10")
    add_import(parser)


def width(text: str) -> tuple[str, int]:
    """A layer and how many of its filters to keep, as "conv2d=16".

    Raises ArgumentTypeError for anything else.
    """
    name, equals, number = text.rpartition("=")
    if not equals or not name or not number.isdecimal() or not int(number):
        raise argparse.ArgumentTypeError(
            f"expected a layer and a number, such as conv2d=16, received {text!r}"
        )
    return name, int(number)
