"""Model files: arrays in a safetensors container, everything else as JSON text in its header.

safetensors holds numbers and text and nothing that could be executed; the package checks that sizes and offsets of all
arrays fit the file before it hands one out. Layout: https://github.com/huggingface/safetensors#format
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from minicnn.errors import ModelFileError

FORMAT, VERSION = "minicnn", 1


def write(path: str | os.PathLike, config: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write a model file; an existing file at `path` is replaced whole or, if anything fails, not at all."""
    path = Path(path)
    metadata = {"format": FORMAT, "version": str(VERSION), "config": json.dumps(config, default=_python_number)}
    data = save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, metadata)
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # on disk before the name points to it
            os.chmod(file.name, path.stat().st_mode if path.exists() else 0o644)
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


def _python_number(value: Any) -> Any:
    """NumPy's numbers as Python's, which is all that JSON knows."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{value!r} of type {type(value).__name__} is not JSON serializable")


def read(path: str | os.PathLike) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The config and the arrays of a model file.

    Raises FileNotFoundError when there is none, ModelFileError when it is damaged or not minicnn's.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no model file {str(path)!r}")
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a dict
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise ModelFileError(f"{str(path)!r} is damaged or no model file ({error}): save the model again") from error
    if metadata.get("format") != FORMAT:
        raise ModelFileError(f"{str(path)!r} expected a file of format {FORMAT!r}, received {metadata.get('format')!r}")
    if metadata.get("version") != str(VERSION):
        raise ModelFileError(
            f"{str(path)!r} is a minicnn file of version {metadata.get('version')}, this minicnn reads {VERSION}: "
            "update minicnn"
        )
    try:
        config = json.loads(metadata["config"])
    except (KeyError, ValueError, RecursionError) as error:
        raise ModelFileError(f"{str(path)!r} has no readable architecture ({error})") from error
    if not isinstance(config, dict):
        raise ModelFileError(f"{str(path)!r} has no readable architecture (an object, received {config!r:.40})")
    return config, arrays
