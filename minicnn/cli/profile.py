"""`minicnn profile`: where the time of a training step goes, layer by layer and pass by pass."""

import argparse

from minicnn.cli.common import add_model, declare, load_model, show
from minicnn.kernels import threads
from minicnn.profiling import documented_model, profile


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "profile",
        "time every layer and pass of a training step",
        "Time every layer and pass of a training step on random data, beside what the processor could do at most. "
        "GFLOP/s counts what convolutions and dense layers multiply and add as they are written (Winograd's algorithm "
        "needs less, and may exceed the peak), MB what a pass at least reads and writes, GB/s that by its time. "
        "MINICNN_ENGINE=reference profiles the layers as they are written.",
        "profile --model runs/latest --batch-size 128 --threads 1",
    )
    add_model(parser, default=None)
    parser.add_argument("--batch-size", type=int, default=64, help="pictures per step (default 64)")
    parser.add_argument(
        "--threads", type=int, help="threads of the engine (default: one per processor); NumPy has its own"
    )
    parser.add_argument("--seconds", type=float, default=4.0, help="how long to measure (default 4)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the table."""
    if options.threads is not None:
        threads.set_threads(options.threads)
    model = load_model(options) if options.model else documented_model()
    result = profile(model, options.batch_size, options.seconds)
    show(options, result.to_dict(), result)
    return 0
