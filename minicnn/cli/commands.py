"""All commands and what each can be told. What a command does is `run` in the module of its name.

It loads nothing that takes time, so every command prints its help at once.
"""

import argparse
from pathlib import Path

from minicnn.cli.arguments import (
    RUN,
    add_data,
    add_model,
    add_untrained,
    declare,
    positive,
    share,
    whole,
)
from minicnn.cli.training_options import add_options


def data(commands: argparse._SubParsersAction) -> None:
    """Declare the command and what it does with data."""
    parser = commands.add_parser(
        "data",
        help="get pictures, count them, look at them",
        description="Get pictures, count them, look at them.",
        epilog="example: minicnn data fetch",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    parser.set_defaults(parser=parser)
    info = declare(
        actions,
        "info",
        "count classes, measure channels",
        "Print how many pictures there are of each class, and mean and deviation of each channel.",
        "data info --data shapes",
    )
    add_data(info)
    look = declare(
        actions,
        "show",
        "save pictures of the pictures",
        "Save the first training pictures with their classes, and a diagram of how many there are "
        "of each class.",
        "data show --data photographs/ --output look",
    )
    add_data(look)
    look.add_argument(
        "--output",
        type=Path,
        default=Path("plots"),
        help="folder for the two files (default: plots)",
    )
    fetch = declare(
        actions,
        "fetch",
        "find or download CIFAR-10",
        "Find CIFAR-10 on this machine or download it, which goes on where it was interrupted. "
        "MINICNN_OFFLINE=1 "
        "forbids the download. What --data names is found without its name from then on. Exits "
        "with 3 when it cannot "
        "be had.",
        "data fetch",
    )
    fetch.add_argument("--data", metavar="PATH", help="its tarball or folder, if you have it")


def train(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "train",
        "train a network",
        "Train a network, by default the documented one with Adam, until the validation loss has "
        "not fallen for ten "
        "epochs (or more, where pictures are few), and evaluate it on test pictures. All that "
        "comes of it is kept in a "
        "run folder, with a page that shows it. Ctrl-C ends the training early and keeps its "
        "results.",
        "train --data photographs/ --augment --max-time 10m",
    )
    add_options(parser)


def evaluate(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "evaluate",
        "measure how good a model is",
        "Print accuracy, precision, recall, F1, cross-entropy and calibration of a model on test "
        "pictures, and what it "
        "takes for what. Of a folder that the run was trained on, its test pictures are taken; of "
        "another, all.",
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
        "folder stands for "
        "all files in it. Exits with 1 when some files are damaged or no pictures.",
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


def report(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "report",
        "write a run's page anew",
        "Write report.html of a run from the files in its folder, also while it trains or after it "
        "was killed.",
        "report runs/latest",
    )
    parser.add_argument(
        "run_folder", nargs="?", default=RUN, metavar="RUN", help=f"a run folder (default: {RUN})"
    )


def runs(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "runs",
        "list trainings, or compare some of them",
        "Without names, or with folders that hold runs, list them: what they were trained on, how, "
        "and what came of "
        "it. With the names of two runs or more, show in which options they differ, and draw their "
        "curves.",
        "runs runs/first runs/second --output compared.png",
    )
    parser.add_argument(
        "paths",
        nargs="*",
        default=["runs"],
        metavar="RUN",
        help="runs, or folders of runs (default: runs)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="save the curves of those that are compared (default: compared.png)",
    )


def explain(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "explain",
        "show what a model looks at in a picture",
        "Save where a model looks for its answer (Grad-CAM, saliency and occlusion side by side), "
        "what every layer "
        "makes of the picture, the filters of the first layer, and how im2col lays the picture "
        "out.",
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


def lrfind(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "lrfind",
        "find a learning rate",
        "Train for a moment with a learning rate that rises from step to step, watch the loss, and "
        "suggest a rate. The "
        "model itself is not changed.",
        "lrfind --data shapes --output rates.png",
    )
    add_untrained(parser)
    parser.add_argument("--batch-size", type=positive, help="pictures per step (default: as train)")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="save the curve as a picture, such as rates.png"
    )


def summary(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "summary",
        "print the layers of a model",
        "Print every layer of a model: what comes out of it, its parameters, its floating point "
        "operations for one "
        "picture, and the part of the picture that one of its outputs sees.",
        "summary runs/latest --plan --output network.png",
    )
    add_model(parser, default=None, first=True)
    parser.add_argument(
        "--expand", action="store_true", help="show the layers of models inside too"
    )
    parser.add_argument(
        "--plan",
        action="store_true",
        help="print the engine's steps, and which layers each one runs",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="draw the network, such as network.png"
    )


def check(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "check",
        "check a model before a long training",
        "Check that the loss of an untrained model is that of guessing, that it can learn 50 "
        "pictures by heart, that "
        "its gradients are right, that its units are alive and that an epoch has steps enough. "
        "Takes less than a "
        "minute; exits with 1 when a check fails.",
        "check --data photographs/",
    )
    add_untrained(parser)
    parser.add_argument("--seed", type=whole, default=0, help="of the weights (default 0)")


def gradcheck(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "gradcheck",
        "compare every layer's backward with numerical derivatives",
        "Compare every layer's backward with numerical derivatives, in float64 and for a random "
        "dy. Exits with 1 when "
        "one is off.",
        "gradcheck --layer Conv2D --seed 3",
    )
    parser.add_argument(
        "--layer", default="", help="only layers and losses whose name begins so, such as Conv2D"
    )
    parser.add_argument("--seed", type=int, default=0, help="of all that is drawn (default 0)")


def profile(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "profile",
        "time every layer and pass of a training step",
        "Time every layer and pass of a training step on random data, beside what the processor "
        "could do at most. "
        "GFLOP/s counts what convolutions and dense layers multiply and add as they are written "
        "(Winograd's algorithm "
        "needs less, and may exceed the peak), MB what a pass at least reads and writes, GB/s that "
        "by its time. "
        "MINICNN_ENGINE=reference profiles the layers as they are written.",
        "profile --model runs/latest --batch-size 128 --threads 1",
    )
    add_model(parser, default=None)
    parser.add_argument("--batch-size", type=int, default=64, help="pictures per step (default 64)")
    parser.add_argument(
        "--threads",
        type=int,
        help="threads of the engine (default: one per processor); NumPy has its own",
    )
    parser.add_argument(
        "--seconds", type=float, default=4.0, help="how long to measure (default 4)"
    )


def warmup(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    declare(
        commands,
        "warmup",
        "compile the kernels that training needs, for all later starts",
        "Train the documented network on random pictures for a moment, so that its kernels are "
        "compiled and kept. "
        "Other networks share most of them. Exits with 1 when they cannot be kept.",
        "warmup",
    )


def doctor(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    declare(
        commands,
        "doctor",
        "say what the engine runs on and whether it computes right",
        "Print processor, tiles, threads, kernel cache, BLAS and versions, and test the engine's "
        "kernels against "
        "NumPy, which takes half a minute where they have to be compiled. Exits with 1 when there "
        "is a problem.",
        "doctor --json",
    )


TRAINING = (data, train, evaluate, predict, report, runs, explain, lrfind)
COMMANDS = (*TRAINING, summary, check, gradcheck, profile, warmup, doctor)
