"""minicnn: convolutional networks to read, check and train on a CPU. `import minicnn as keras` runs Keras scripts."""

from importlib import import_module
from types import ModuleType

from minicnn import (
    callbacks,
    datasets,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    schedules,
    transforms,
    utils,
)
from minicnn.kernels.threads import set_threads
from minicnn.layers import Input
from minicnn.names import missing_from
from minicnn.sequential import Sequential

__version__ = "0.1.0"

__all__ = [
    "Input",
    "Sequential",
    "callbacks",
    "data",
    "datasets",
    "explain",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "plots",
    "preflight",
    "preprocessing",
    "report",
    "runs",
    "schedules",
    "set_threads",
    "testing",
    "transforms",
    "utils",
]

# What these import takes time.
LATER = ("data", "explain", "plots", "preflight", "preprocessing", "report", "runs", "testing")

not_there = missing_from(__name__, "", __all__)


def __getattr__(name: str) -> ModuleType:
    """Load some modules only when somebody asks for them."""
    if name in LATER:
        return import_module(f"minicnn.{name}")
    return not_there(name)
