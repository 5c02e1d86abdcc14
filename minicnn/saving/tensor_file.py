"""Files of arrays alone, .safetensors of whoever wrote them: PyTorch's state dicts among them."""

import os
import stat

import numpy as np

from minicnn.errors import ModelFileError
from minicnn.saving.description import refusing
from minicnn.saving.model_file import HEADER, arrays_in
from minicnn.saving.strict_json import parse
from minicnn.types import Array


def tensors(path: str | os.PathLike[str]) -> dict[str, Array]:
    """The arrays of a .safetensors file, by name.

    Raises FileNotFoundError, and ModelFileError for what is none or damaged.
    """
    name = os.fsdecode(path)
    try:
        status = os.stat(name)
    except OSError as error:
        raise FileNotFoundError(f"there is no file {name!r:.300}") from error
    if not stat.S_ISREG(status.st_mode):
        raise ModelFileError(f"{name!r} expected a .safetensors file, received no file")
    with open(name, "rb") as file, refusing(name):
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(HEADER, status.st_size - 8):
            raise ModelFileError(f"{name!r} expected a .safetensors file, received another")
        header = parse(file.read(length).decode())
        header.pop("__metadata__", None)
        places = dict(arrays_in(header, status.st_size - 8 - length))
        data = np.frombuffer(file.read(), np.uint8)
    return {
        key: data[one.start : one.end].view(one.dtype).reshape(one.shape)
        for key, one in places.items()
    }
