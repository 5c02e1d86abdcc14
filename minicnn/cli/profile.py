"""`minicnn profile`: where the time of a training step goes, layer by layer and pass by pass."""

import argparse

from minicnn import applications
from minicnn.cli.common import load_model, show
from minicnn.machine import threads
from minicnn.preflight.profiling import profile


def run(options: argparse.Namespace) -> int:
    """Print the table."""
    if options.threads is not None:
        threads.set_threads(options.threads)
    model = load_model(options) if options.model else applications.DocumentedCNN(seed=0)
    result = profile(model, options.batch_size, options.seconds)
    show(options, result.to_dict(), result)
    return 0
