"""What the commands about the engine can be told: whether it is right, how fast, and ready.

It loads nothing that takes time, so every command prints its help at once.
"""

import argparse
from pathlib import Path

from minicnn.cli.arguments import add_import, add_model, declare


def gradcheck(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "gradcheck",
        "compare every layer's backward with numerical derivatives",
        "Compare every layer's backward with numerical derivatives, in float64 and for a random "
        "dy. Exits with 1 when one is off.",
        "gradcheck --layer Conv2D --seed 3",
    )
    parser.add_argument(
        "--layer", default="", help="only layers and losses whose name begins so, such as Conv2D"
    )
    add_import(parser, "layers and losses of your own, which are checked too")
    parser.add_argument("--seed", type=int, default=0, help="of all that is drawn (default 0)")


def profile(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "profile",
        "time every layer and pass of a training step",
        "Time every layer and pass of a training step on random data, beside what the processor "
        "could do at most. GFLOP/s counts what convolutions and dense layers multiply and add as "
        "they are written (Winograd's algorithm needs less, and may exceed the peak), MB what a "
        "pass at least reads and writes, GB/s that by its time. MINICNN_ENGINE=reference profiles "
        "the layers as they are written.",
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
    parser = declare(
        commands,
        "warmup",
        "compile the kernels that a training or a server needs, for all later starts",
        "Train the documented network on random pictures for a moment, so that its kernels are "
        "compiled and kept. Other networks share most of them. With a model, compile what "
        "`minicnn serve` needs for it instead, also for one in whole numbers. Exits with 1 when "
        "they cannot be kept.",
        "warmup --int8 && minicnn warmup runs/latest",
    )
    parser.add_argument(
        "model",
        nargs="?",
        type=Path,
        metavar="MODEL",
        help="a model file, or a folder with one, that is to be served",
    )
    parser.add_argument(
        "--int8",
        action="store_true",
        help="compile too what the network needs in whole numbers of 8 bits (`minicnn quantize`)",
    )


def doctor(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "doctor",
        "say what the engine runs on and whether it computes right",
        "Print processor, tiles, threads, kernel cache, BLAS and versions, and test the engine's "
        "kernels against NumPy, which takes half a minute where they have to be compiled. Exits "
        "with 1 when there is a problem.",
        "doctor --json",
    )
    parser.add_argument(
        "--mpi",
        action="store_true",
        help="look at the ranks that a launcher of MPI has started instead, and whether they can "
        "train together: mpirun -n 2 minicnn doctor --mpi",
    )
