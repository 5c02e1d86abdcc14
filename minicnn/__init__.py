"""minicnn: convolutional networks to read, check and train on a CPU.

`import minicnn as keras` runs Keras scripts.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from minicnn.names import missing_from

if TYPE_CHECKING:  # what type checkers see; it is loaded below, when somebody asks for it
    from minicnn import (
        activations,
        applications,
        backend,
        callbacks,
        constraints,
        data,
        datasets,
        explain,
        initializers,
        interchange,
        layers,
        losses,
        metrics,
        models,
        optimizers,
        plots,
        preflight,
        preprocessing,
        pruning,
        quantize,
        regularizers,
        report,
        runs,
        saving,
        schedules,
        testing,
        transforms,
        utils,
    )
    from minicnn.layers import Input
    from minicnn.machine.threads import set_threads
    from minicnn.models.model import Model
    from minicnn.models.sequential import Sequential

__version__ = "0.2.0"

__all__ = [
    "Input",
    "Model",
    "Sequential",
    "activations",
    "applications",
    "backend",
    "callbacks",
    "constraints",
    "data",
    "datasets",
    "explain",
    "initializers",
    "interchange",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "plots",
    "preflight",
    "preprocessing",
    "pruning",
    "quantize",
    "regularizers",
    "report",
    "runs",
    "saving",
    "schedules",
    "set_threads",
    "testing",
    "transforms",
    "utils",
]

# The names above that are no modules, and the modules that they are in.
PLACES = {
    "Input": "layers",
    "Model": "models.model",
    "Sequential": "models.sequential",
    "set_threads": "machine.threads",
}

# Modules that need packages which minicnn does without: `import *` leaves them alone.
ON_DEMAND = ("sklearn",)

not_there = missing_from(__name__, "", __all__)


def __getattr__(name: str) -> Any:
    """Load a module or a class when somebody first asks for it: `minicnn --help` needs no Numba."""
    if name in ON_DEMAND:
        return import_module(f"minicnn.{name}")
    if name not in __all__:
        return not_there(name)
    if name not in PLACES:
        return import_module(f"minicnn.{name}")
    value = globals()[name] = getattr(import_module(f"minicnn.{PLACES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *ON_DEMAND})
