"""`--import my_layers.py`: layers of one's own, in every command that loads models."""

import importlib.util
import inspect
import sys
from collections.abc import Iterable
from pathlib import Path

from minicnn.layers import Layer
from minicnn.losses import Loss
from minicnn.metrics import Metric
from minicnn.optimizers import Optimizer
from minicnn.schedules import LearningRateSchedule

KINDS = (Layer, Loss, Metric, Optimizer, LearningRateSchedule)


def own_classes(files: Iterable[str] | None) -> dict[str, type]:
    """Layers, losses, metrics, optimizers and schedules that Python files define, by name.

    The files are run. Raises FileNotFoundError, or ValueError for what cannot be run or defines no
    such class.
    """
    found: dict[str, type] = {}
    for file in map(Path, files or []):
        classes = _defined(file)
        if not classes:
            raise ValueError(
                f"--import expected a file that defines layers, received {file}, which defines none"
            )
        found |= classes
    return found


def _defined(file: Path) -> dict[str, type]:
    if not file.is_file() or file.suffix != ".py":
        raise FileNotFoundError(
            f"--import expected a Python file such as my_layers.py, received {str(file)!r}"
        )
    name = file.stem
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None  # as of every .py
    module = importlib.util.module_from_spec(spec)
    # as for `python my_layers.py`, which may import its neighbours
    sys.path.insert(0, str(file.parent))
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise ValueError(f"--import cannot run {file}: {error}") from error
    finally:
        sys.path.remove(str(file.parent))
    return {
        key: value
        for key, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, KINDS) and value.__module__ == name
    }
