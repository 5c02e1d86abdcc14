"""Damaged files of whole numbers are refused, or are networks that predict.

    python tests/check_quantize_files.py [20000]

tries as many mutants, half of .tflite files and half of minicnn's own, whose digests are made
anew, so that what is behind them is reached; writes docs/results/quantize_files.json, and exits
with 1 when one raises anything but ModelFileError, takes longer than 10 s, or all take 300 MB.
"""

import json
import os
import resource
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

os.environ.setdefault("MINICNN_ENGINE", "reference")  # compiles few kernels

import numpy as np
from quantize_models import branching, pictures

from minicnn import quantize
from minicnn.errors import ModelFileError
from minicnn.quantize.from_tflite import read_bytes
from minicnn.quantize.to_tflite import written
from minicnn.saving import model_file
from minicnn.saving.description import refusing

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "quantize_files.json"
LONGEST, MEMORY = 10, 300  # seconds and megabytes that damaged files may take
LARGEST = 2**22  # numbers of a value up to which what is read is run


def of_bytes(data: bytes, rng: np.random.Generator) -> Any:
    """What some changed or missing bytes of a .tflite file are."""
    changed = bytearray(data)
    for place in rng.integers(0, len(data), rng.integers(1, 5)):
        changed[place] = rng.integers(0, 256)
    if rng.random() < 0.1:
        del changed[rng.integers(0, len(data)) :]
    with refusing("it"):
        return read_bytes(bytes(changed))


def of_text(config: Any, arrays: Any, rng: np.random.Generator, path: Path) -> Any:
    """What a file is, of which a word, a number or an array is another."""
    text = json.loads(json.dumps(config))
    for _ in range(rng.integers(1, 3)):
        change(text["quantized"], rng)
    arrays = dict(arrays)
    if rng.random() < 0.2:
        name = rng.choice(sorted(arrays))
        arrays[name] = [arrays[name][..., :-1], arrays[name].astype(np.float64)][rng.integers(2)]
    try:
        model_file.write(path, text, arrays)
    except ValueError:  # of what JSON has not
        return None
    return quantize.load_model(path)


VALUES = [0, -1, 1, 2, 7, 2**31, 2**60, 1.5, -0.0, 1e-45, 1e38, None, "relu", "", [], [1], {}, True]


def change(told: Any, rng: np.random.Generator) -> None:
    """Put something else into one place of nested lists and dictionaries."""
    while True:
        keys = list(told) if isinstance(told, dict) else list(range(len(told)))
        key = keys[rng.integers(len(keys))]
        inner = told[key]
        if isinstance(inner, dict | list) and inner and rng.random() < 0.85:
            told = inner
            continue
        told[key] = VALUES[rng.integers(len(VALUES))]
        return


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    model = quantize.quantized(branching(), pictures())
    data, folder = written(model), tempfile.TemporaryDirectory()
    path = Path(folder.name) / "model.safetensors"
    model.save(path)
    config, arrays = model_file.read(path)
    model.predict(pictures(1))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found: dict[str, Any] = {"tried": 0, "refused": 0, "read": 0, "slowest": 0.0, "unexpected": []}
    for seed in range(count):
        rng, start = np.random.default_rng(seed), time.perf_counter()
        try:
            mutant = of_bytes(data, rng) if seed % 2 else of_text(config, arrays, rng, path)
            if mutant is not None and max(np.prod(s.shape) for s in mutant.operations) < LARGEST:
                mutant.predict(np.zeros((1, *mutant.input_shape[1:]), np.float32))
            found["read"] += 1
        except ModelFileError:
            found["refused"] += 1
        except Exception:  # noqa: BLE001 (that is what is looked for)
            found["unexpected"].append(f"{seed}: {traceback.format_exc()[-300:]}")
        found["tried"] += 1
        found["slowest"] = max(found["slowest"], round(time.perf_counter() - start, 2))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found["memory_mb"] = (after - before) // 1024
    found["passed"] = bool(
        not found["unexpected"] and found["slowest"] <= LONGEST and found["memory_mb"] <= MEMORY
    )
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found))
    return 0 if found["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
