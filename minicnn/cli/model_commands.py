"""What the commands that ask a model can be told: how good it is, what it sees and what it is.

It loads nothing that takes time, so every command prints its help at once.
"""

import argparse
from pathlib import Path

from minicnn.cli.arguments import (
    add_data,
    add_import,
    add_model,
    declare,
    positive,
    share,
    size_of,
)


def evaluate(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "evaluate",
        "measure how good a model is",
        "Print accuracy, precision, recall, F1, cross-entropy and calibration of a model on test "
        "pictures, and what it takes for what. Of a folder that the run was trained on, its test "
        "pictures are taken; of another, all.",
        "evaluate runs/latest --min-accuracy 70%",
    )
    add_model(parser, first=True)
    add_data(parser, default="what the run was trained on, otherwise cifar10")
    parser.add_argument(
        "--average-flips", action="store_true", help="look at each picture and its mirror image"
    )
    parser.add_argument(
        "--min-accuracy",
        type=share,
        metavar="SHARE",
        help="exit with 1 below it, such as 0.7 or 70%%",
    )


def predict(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "predict",
        "say what is on pictures",
        "Print the most probable classes of every picture, and say where the model is not sure. A "
        "folder stands for all files in it. Exits with 1 when some files are damaged or no "
        "pictures.",
        "predict cat.jpg dog.png folder/ --top 3 --explain",
    )
    parser.add_argument(
        "pictures", nargs="+", metavar="PICTURE", help="a picture or a folder of pictures"
    )
    add_model(parser)
    parser.add_argument(
        "--top", type=positive, default=3, help="how many classes to print (default: 3)"
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help="save each picture as the model sees it, and where it looks (Grad-CAM)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        help="save what the model sees here (default with --explain: seen)",
    )


def explain(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "explain",
        "show what a model looks at in a picture",
        "Save where a model looks for its answer (Grad-CAM, saliency and occlusion side by side), "
        "what every layer makes of the picture, the filters of the first layer, and how im2col "
        "lays the picture out.",
        "explain cat.jpg --model runs/latest --output explained",
    )
    parser.add_argument("picture", metavar="PICTURE", help="a picture of any size and form")
    add_model(parser)
    parser.add_argument(
        "--class",
        dest="class_name",
        metavar="NAME",
        help="explain this class (default: the answer)",
    )
    parser.add_argument(
        "--output", type=Path, default=Path("explained"), help="folder for the files (explained)"
    )


def trace(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "trace",
        "show one training step with every number in it",
        "Do one training step on pictures, on a copy of the model, and keep all that it computes: "
        "what every layer puts out, every gradient, what the optimizer remembers, weights before "
        "and after. Print a table of it, or why one number is what it is: the sum that it is, with "
        "its largest terms, and the line of the source that computed it. The file that --output "
        "writes is for docs/see/network.html, a page that answers for every number.",
        "trace runs/latest cat.jpg --label cat --why 'dense/bias[3]' --output trace.json",
    )
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="a model file, a folder with one, such as a run, or the name of a network",
    )
    parser.add_argument("pictures", nargs="+", metavar="PICTURE", help="one picture or a few")
    parser.add_argument(
        "--label",
        action="append",
        required=True,
        metavar="CLASS",
        help="what is on the picture; repeated, on each in turn",
    )
    parser.add_argument(
        "--optimizer",
        metavar="NAME",
        help="what moves the weights, such as sgd (default: the model's own, else adam)",
    )
    parser.add_argument(
        "--why", metavar="NUMBER", help="explain this one, such as 'conv2d/kernel[0,1,2,5]'"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write all numbers, as JSON")
    parser.add_argument(
        "--limit",
        type=float,
        default=100.0,
        metavar="MEGABYTES",
        help="what all numbers may take as text (default: 100)",
    )
    add_import(parser)


def summary(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "summary",
        "print the layers of a model",
        "Print every layer of a model: what comes out of it, its parameters, its floating point "
        "operations for one picture, and the part of the picture that one of its outputs sees.",
        "summary runs/latest --plan --output network.png",
    )
    add_model(parser, default=None, first=True)
    parser.add_argument(
        "--expand", action="store_true", help="show the layers of models inside too"
    )
    parser.add_argument(
        "--image-size",
        type=size_of,
        metavar="SIZE",
        help="pixels of the pictures that a network named by its name is for, such as 64 or 48x96, "
        "height first",
    )
    parser.add_argument(
        "--plan",
        action="store_true",
        help="print the engine's steps, and which layers each one runs",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="draw the network, such as network.png"
    )


def export(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "export",
        "write a model for other programs",
        "Write a model in the format that the file's name ends in: .keras for Keras 3, .h5 for "
        "every Keras, .weights.h5 for the weights alone, .onnx for ONNX Runtime and others, "
        ".tflite for LiteRT. Where the format has no words for a layer, it is named and nothing is "
        "written. `export docker MODEL --to FOLDER` writes a folder from which a container engine "
        "builds an image that serves the model; `export web MODEL --to FOLDER` writes static "
        "files, a page that runs the model in the browser.",
        "export runs/latest model.keras && minicnn export docker runs/latest --to app/",
    )
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="a model file, of any format, or a folder with one; or the word docker or web",
    )
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="what to write; after docker and web, the model"
    )
    parser.add_argument(
        "--to", type=Path, metavar="FOLDER", help="what to write, of docker and web"
    )
    parser.add_argument(
        "--runtime",
        type=Path,
        metavar="PATH",
        help="of web: the unpacked npm package onnxruntime-web (npm pack onnxruntime-web)",
    )
    parser.add_argument(
        "--weights",
        metavar="TYPE",
        help="float16: half as large, for .tflite files; as they are unless given",
    )
    add_import(parser)
