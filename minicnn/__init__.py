"""minicnn: convolutional networks to read, check and train on a CPU. `import minicnn as keras` runs Keras scripts."""

from importlib import import_module
from types import ModuleType

from minicnn import callbacks, datasets, initializers, layers, losses, metrics, models, optimizers, utils
from minicnn.kernels.threads import set_threads
from minicnn.layers import Input
from minicnn.sequential import Sequential

__version__ = "0.1.0"

__all__ = [
    "Input",
    "Sequential",
    "callbacks",
    "datasets",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "plots",
    "report",
    "set_threads",
    "testing",
    "utils",
]


def __getattr__(name: str) -> ModuleType:
    """Load plots (matplotlib), report and testing only when somebody asks for them."""
    if name in ("plots", "report", "testing"):
        return import_module(f"minicnn.{name}")
    raise AttributeError(f"module 'minicnn' has no attribute {name!r}")
