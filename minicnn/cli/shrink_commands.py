"""What the commands that make models smaller can be told.

It loads nothing that takes time, so every command prints its help at once.
"""

import argparse
from pathlib import Path

from minicnn.cli.arguments import add_data, add_import, add_model, declare, positive, rate

OBSERVERS = ("min_max", "percentile", "mean_squared_error")


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
