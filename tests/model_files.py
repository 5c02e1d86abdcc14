"""Model files by hand: taken apart, and put together with whatever header, the digests made right
again.
"""

import hashlib
import json
import struct

import numpy as np

BLANK = "0" * 64
F32 = np.dtype("<f4")


def header_of(raw: bytes) -> dict:
    """The header of a file."""
    (length,) = struct.unpack("<Q", raw[:8])
    return json.loads(raw[8 : 8 + length])


def data_of(raw: bytes) -> bytes:
    """What follows it."""
    return raw[8 + struct.unpack("<Q", raw[:8])[0] :]


def config_of(raw: bytes) -> dict:
    """The description of the model."""
    return json.loads(header_of(raw)["__metadata__"]["config"])


def with_length(text: bytes) -> bytes:
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def sealed(header: dict, data: bytes) -> bytes:
    """A file; of version 2 unless the header is of another, with the digests that it must have."""
    metadata = header.get("__metadata__")
    if isinstance(metadata, dict) and metadata.get("version") == "2":
        metadata = metadata | {"data": hashlib.sha256(data).hexdigest(), "digest": BLANK}
        header = header | {"__metadata__": metadata}
        blank = with_length(json.dumps(header).encode())
        digest = hashlib.sha256(blank).hexdigest()
        return (
            blank.replace(f'"digest": "{BLANK}"'.encode(), f'"digest": "{digest}"'.encode()) + data
        )
    return with_length(json.dumps(header).encode()) + data


def repacked(raw: bytes, header: dict) -> bytes:
    """The file with another header."""
    return sealed(header, data_of(raw))


def crafted(config, arrays: dict | None = None, version: str = "2", **metadata) -> bytes:
    """A file with this description, JSON text or what becomes it, and arrays {name: (type, shape,
    bytes)}.
    """
    text = config if isinstance(config, str) else json.dumps(config)
    header: dict = {
        "__metadata__": {"format": "minicnn", "version": version, "config": text} | metadata
    }
    data = b""
    for name, (kind, shape, numbers) in (arrays or {}).items():
        header[name] = {
            "dtype": kind,
            "shape": list(shape),
            "data_offsets": [len(data), len(data) + len(numbers)],
        }
        data += numbers
    return sealed(header, data)


def floats(*shape: int, value: float = 0.0) -> tuple[str, tuple[int, ...], bytes]:
    """An array for crafted."""
    return "F32", shape, np.full(shape, value, F32).tobytes()


def layer(name: str, /, **config) -> dict:
    """A layer for described."""
    return {"class": name, "config": config}


def described(*layers: dict, shape=(None, 4), **more) -> dict:
    """A description of a model."""
    model = {"name": "m", "dtype": "float32", "seed": 0, "input_shape": shape, "class_names": None}
    return {"model": model | {"layers": list(layers)} | more}
