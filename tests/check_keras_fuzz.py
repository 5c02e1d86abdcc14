"""Damaged and forged files of Keras by the thousand: each is refused with ModelFileError or read,
nothing else happens.

    python tests/check_keras_fuzz.py [count]

prints one JSON line (the last one is docs/results/keras_fuzz.json) and exits with 1 when something
else happened: a crash of the process, another exception, more than 50 MB for a file of some
kilobytes, or more than five seconds of processor time. Four kinds of files, in turn, of what
Keras 3 and tf.keras 2.13 wrote:

    a .keras file with bytes changed, cut out, doubled, spliced in
    a .keras file whose description or HDF5 file is changed, packed anew with the right sums
    an .h5 file with bytes changed
    an .h5 file whose description is another

What is read must predict and train, or say why not. The n-th file is the same on every machine.
"""

import collections
import copy
import io
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
from pathlib import Path

import check_model_fuzz as fuzz
import h5py
import numpy as np
from golden import make_keras_files as golden
from test_saving import places

from minicnn.errors import ModelFileError
from minicnn.models import load_model

COUNT, BATCH = 20_000, 500
MEMORY, SECONDS = 50, 5
NAMES = ("chain", "branches", "transfer", "operators", "adam", "others")


def whole_files():
    """(.keras files, .h5 files), not damaged."""
    found = {".keras": [], ".h5": []}
    for writer in ("keras", "tensorflow"):
        files = golden.contents(writer)
        for ending, of_kind in found.items():
            of_kind += [files[name + ending].tobytes() for name in NAMES]
    return found[".keras"], found[".h5"]


def forged(config, rng):
    """A description with values replaced, renamed, doubled or left out."""
    for _ in range(rng.integers(1, 4)):
        found = places(config)[1:]
        if not found:
            break
        path = found[rng.integers(len(found))]
        parent = config
        for key in path[:-1]:
            parent = parent[key]
        what, key = rng.integers(5), path[-1]
        if what == 0 and isinstance(parent, dict):
            parent[str(key) + "x"] = parent.pop(key)
        elif what == 1:
            del parent[key]
        elif what == 2:
            value = config
            for step in found[rng.integers(len(found))]:
                if isinstance(value, dict | list) and step in fuzz.keys(value):
                    value = value[step]
            parent[key] = copy.deepcopy(value)
        else:
            parent[key] = copy.deepcopy(fuzz.ODD[rng.integers(len(fuzz.ODD))])
    return config


def packed_anew(data, others, rng):
    """A .keras file with a changed description or HDF5 file, and right sums."""
    archive = zipfile.ZipFile(io.BytesIO(data))
    contents = {name: archive.read(name) for name in archive.namelist()}
    if rng.random() < 0.6:
        config = forged(json.loads(contents["config.json"]), rng)
        contents["config.json"] = json.dumps(config).encode()
    else:
        weights = contents["model.weights.h5"]
        contents["model.weights.h5"] = fuzz.damaged(weights, others, rng)
    made = io.BytesIO()
    packing = zipfile.ZIP_DEFLATED if rng.random() < 0.3 else zipfile.ZIP_STORED
    with zipfile.ZipFile(made, "w", packing) as new:
        for name, content in contents.items():
            new.writestr(name, content)
    return made.getvalue()


def rewritten(data, rng):
    """An .h5 file with a changed description."""
    made = io.BytesIO(data)
    with h5py.File(made, "r+") as file:
        names = [name for name in ("model_config", "training_config") if name in file.attrs]
        name = names[rng.integers(len(names))]
        file.attrs[name] = json.dumps(forged(json.loads(file.attrs[name]), rng))
    return made.getvalue()


def mutated(files, number):
    """The file of that number."""
    rng = np.random.default_rng((33, number))
    kerass, legacy = files
    kind = number % 4
    base = (kerass if kind < 2 else legacy)[rng.integers(len(kerass))]
    if kind == 0:
        return fuzz.damaged(base, kerass + legacy, rng)
    if kind == 1:
        return packed_anew(base, legacy, rng)
    return fuzz.damaged(base, kerass + legacy, rng) if kind == 2 else rewritten(base, rng)


def try_files(start, stop):
    """Load the files of these numbers; what happened, counted."""
    files = whole_files()
    seen, unexpected, slowest, largest = collections.Counter(), [], 0.0, 0.0
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "m"
        for base in (*files[0], *files[1]):
            path.write_bytes(base)
            run(load_model(path))
        for number in range(start, stop):
            path.write_bytes(mutated(files, number))
            print(number, file=sys.stderr, flush=True)  # the last one is that of a crash
            before, began = fuzz.peak_memory(reset=True), time.process_time()
            try:
                model = load_model(path)
                seen["read"] += 1
            except ModelFileError as error:
                model = None
                seen["refused"] += 1
                if "\n" in str(error):
                    unexpected.append(f"{number}: a message of several lines: {error!r}"[:300])
            except BaseException as error:  # the point of the exercise
                model = None
                unexpected.append(f"{number}: {type(error).__name__}: {error}"[:300])
            slowest = max(slowest, time.process_time() - began)
            largest = max(largest, fuzz.peak_memory() - before)
            try:
                if model is not None:
                    run(model)
            except BaseException as error:
                unexpected.append(f"{number}, when run: {type(error).__name__}: {error}"[:300])
    return {"seen": dict(seen), "slowest": slowest, "largest": largest, "unexpected": unexpected}


def run(model):
    """Let the model predict and train, on the readable path, which compiles few kernels."""
    model.engine = "reference"
    fuzz.run(model)


def in_child(start, stop):
    """try_files in a process of its own; how it ended, and at which file, when it crashed."""
    command = [sys.executable, __file__, str(start), str(stop)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    return f"exit code {done.returncode} after {done.stderr.splitlines()[-3:]}"


def main(count):
    seen, crashes, unexpected, slowest, largest = collections.Counter(), [], [], 0.0, 0.0
    for start in range(0, count, BATCH):
        found = in_child(start, min(start + BATCH, count))
        if isinstance(found, str):
            crashes.append(f"files {start} to {start + BATCH}: {found}")
            continue
        seen.update(found["seen"])
        unexpected += found["unexpected"]
        slowest, largest = max(slowest, found["slowest"]), max(largest, found["largest"])
    good = not (crashes or unexpected) and largest <= MEMORY and slowest <= SECONDS
    result = {
        "check": "damaged and forged files of Keras", "passed": good, "tried": count,
        "read": seen["read"], "refused": seen["refused"], "crashes": crashes,
        "unexpected": unexpected[:50], "unexpected_in_all": len(unexpected),
        "slowest_cpu_seconds": round(slowest, 3), "largest_memory_mb": round(largest, 1),
        "h5py": h5py.version.version, "hdf5": h5py.version.hdf5_version,
        "numpy": np.__version__, "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }  # fmt: skip
    print(json.dumps(result))
    return 0 if good else 1


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(try_files(int(sys.argv[1]), int(sys.argv[2]))))
    else:
        sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT))
