"""Damaged and forged model files by the thousand: each is refused with ModelFileError or read,
nothing else happens.

    python tests/check_model_fuzz.py [count]

prints one JSON line (the last one is docs/results/model_fuzz.json) and exits with 1 when something
else happened: a crash, another exception, a warning, other contents taken for the right ones, more
than 50 MB for a file of some kilobytes, or more than five seconds of processor time. Three kinds of
files, in turn:

    damaged     of version 2, bytes changed, cut out, doubled, spliced in: all must be refused
    forged      values of the header and of the description replaced, with digests made right again:
                what is read must predict and train, or say why not
    of old      of version 1, which has no digests, damaged and forged likewise: what is read must
                predict and train

Before, every byte of a small file is changed in three ways, and it is cut off at every length, and
longer: all must be refused. The n-th file is the same on every machine.
"""

import collections
import contextlib
import copy
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import version_1
from model_files import header_of, repacked
from test_saving import places

from minicnn import Input, Model, Sequential, layers, optimizers
from minicnn.errors import ModelFileError
from minicnn.models import load_model

COUNT, BATCH = 20_000, 1000
MEMORY, SECONDS = 50, 5
LARGEST_INPUT = 10**6  # numbers; a model for larger samples is not run
ODD = [
    None,
    True,
    False,
    -1,
    0,
    1,
    2,
    1.5,
    1e300,
    float("inf"),
    float("nan"),
    10**18,
    10**30,
    2**31,
    2**63 - 1,
    "",
    "x",
]
ODD += [
    "float64",
    "relu",
    "softmax",
    [],
    {},
    [1, 2],
    [[1, 2], [3, 4]],
    ["a"] * 3,
    {"class": "Dense"},
    "é\0\n",
    [None, 4],
]


def branches():
    """A trained network with a merge, a shared layer, and a model inside that has two outputs and
    is called twice.
    """
    pixels = Input((4, 4, 2))
    maps = layers.Conv2D(2, 3, padding="same", name="maps")(pixels)
    backbone = Model(
        pixels, [layers.BatchNormalization()(maps), layers.ReLU()(maps)], name="backbone"
    )
    inputs = Input((4, 4, 2))
    first, second = backbone(Sequential([layers.ReLU()], name="stack")(inputs))
    third, _ = backbone(first, training=False)
    x = layers.Add()([first, second, backbone.get_layer("maps")(third)])
    model = Model(
        inputs,
        {"y": layers.Dense(2, "softmax")(layers.Flatten()(x))},
        seed=0,
        class_names=["a", "b"],
    )
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    model.fit(np.ones((4, 4, 4, 2)), np.arange(4) % 2, verbose=0)
    return model


def whole_files():
    """Files that are not damaged: version 2 at first, then version 1."""
    small = Sequential([Input((4,)), layers.Dense(2, "softmax")], seed=0)
    small.compile(
        optimizers.SGD(0.1, momentum=0.5), "sparse_categorical_crossentropy", ["accuracy"]
    )
    small.fit(np.eye(4), np.arange(4) % 2, verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m"
        files = []
        for model in (small, version_1.saved_model(), branches()):
            model.save(path)
            files.append(path.read_bytes())
        version_1.train(Path(folder))
        files.append((Path(folder) / "checkpoint.safetensors").read_bytes())
    old = [version_1.HERE / "version_1.safetensors", version_1.FOLDER / "checkpoint.safetensors"]
    return files, [file.read_bytes() for file in old]


def damaged(data, others, rng):
    """The file with some of its bytes changed."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        at, length = int(rng.integers(len(data) + 1)), int(rng.integers(1, 30))
        what = rng.integers(7)
        if what in (0, 1):
            data[at : at + 1] = bytes(
                byte ^ (1 << int(rng.integers(8))) for byte in data[at : at + 1]
            )
        elif what == 2:
            data[at : at + 1] = bytes([rng.integers(256)])
        elif what == 3:
            del data[at : at + length]
        elif what == 4:
            data[at:at] = data[at : at + length]
        elif what == 5:
            other = others[rng.integers(len(others))]
            start = int(rng.integers(len(other)))
            data[at : at + length] = other[start : start + length]
        elif rng.random() < 0.5:
            del data[at:]
    return bytes(data)


def forged(data, rng):
    """The file with values of its header or description replaced, renamed, doubled or left out."""
    header = header_of(data)
    config = json.loads(header["__metadata__"]["config"])
    for _ in range(rng.integers(1, 4)):
        tree = config if rng.random() < 0.8 else header
        path = (found := places(tree)[1:])[rng.integers(len(found))] if places(tree)[1:] else ()
        parent = tree
        for key in path[:-1]:
            parent = parent[key]
        if not path:
            continue
        what, key = rng.integers(5), path[-1]
        if what == 0 and isinstance(parent, dict):
            parent[str(key) + "x"] = parent.pop(key)
        elif what == 1:
            del parent[key]
        elif what == 2:
            target = found[rng.integers(len(found))]
            value = tree
            for step in target:
                value = (
                    value[step] if isinstance(value, dict | list) and step in keys(value) else value
                )
            parent[key] = copy.deepcopy(value)
        else:
            parent[key] = copy.deepcopy(ODD[rng.integers(len(ODD))])
    if isinstance(header.get("__metadata__"), dict) and rng.random() < 0.95:
        header["__metadata__"]["config"] = json.dumps(config)
    return repacked(data, header)


def keys(value):
    """What a dict or list can be asked for."""
    return value if isinstance(value, dict) else range(len(value))


def mutated(files, old, number):
    """The file of that number, and whether it must be refused."""
    rng = np.random.default_rng((21, number))
    kind = number % 3
    if kind == 0:
        base = files[rng.integers(len(files))]
        made = damaged(base, files + old, rng)
        return made, made not in files
    base = (files if kind == 1 else old)[rng.integers(len(files if kind == 1 else old))]
    if kind == 2 and rng.random() < 0.5:
        return damaged(base, files + old, rng), False
    return forged(base, rng), False


def run(model):
    """Let the model predict and train, on zeros."""
    shapes = [node.sample_shape for node in model.inputs]
    if (
        sum(np.prod(shape, dtype=float) for shape in shapes) * 4 > LARGEST_INPUT
        or model.count_params() > LARGEST_INPUT
    ):
        return
    x = [np.zeros((2, *shape), np.float32) for shape in shapes]
    x = x if len(x) > 1 else x[0]
    with contextlib.suppress(ValueError, RuntimeError):
        model.predict(x, verbose=0)
    if model.optimizer is not None:
        with contextlib.suppress(ValueError, RuntimeError):
            model.train_on_batch(x, np.zeros(2, int))


def peak_memory(reset=False):
    """Of this process since the last reset, in megabytes; where that cannot be reset, since its
    beginning.
    """
    if sys.platform == "linux":
        if reset:
            with contextlib.suppress(OSError):
                Path("/proc/self/clear_refs").write_text("5")
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def try_files(start, stop):
    """Load the files of these numbers; what happened, counted."""
    files, old = whole_files()
    for base in (*files, *old):  # compiles, or finds, what the models are run with
        with tempfile.NamedTemporaryFile() as file:
            file.write(base)
            file.flush()
            run(load_model(file.name))
    seen, unexpected, slowest, largest = collections.Counter(), [], 0.0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m"
        for number in range(start, stop):
            data, must_be_refused = mutated(files, old, number)
            path.write_bytes(data)
            before, began = peak_memory(reset=True), time.process_time()
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                try:
                    model = load_model(path)
                    seen["read"] += 1
                    if must_be_refused:
                        unexpected.append(f"{number}: other contents were taken for the right ones")
                except ModelFileError:
                    model = None
                    seen["refused"] += 1
                except BaseException as error:  # the point of the exercise
                    model = None
                    unexpected.append(f"{number}: {type(error).__name__}: {error}"[:300])
            slowest = max(slowest, time.process_time() - began)
            largest = max(largest, peak_memory() - before)
            unexpected += [f"{number}: warning: {warning.message}" for warning in caught]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    if model is not None:
                        run(model)
                except BaseException as error:
                    unexpected.append(f"{number}, when run: {type(error).__name__}: {error}"[:300])
    return {"seen": dict(seen), "slowest": slowest, "largest": largest, "unexpected": unexpected}


def every_byte():
    """(changes of a small file, those of them that were not refused)."""
    data = whole_files()[0][0]
    made = [
        data[:at] + bytes([data[at] ^ turned]) + data[at + 1 :]
        for at in range(len(data))
        for turned in (1, 128, 255)
    ]
    made += [data[:length] for length in range(len(data))] + [
        data + bytes(n) for n in (1, 2, 7, 8, 4096)
    ]
    accepted = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m"
        for changed in made:
            path.write_bytes(changed)
            try:
                load_model(path)
                accepted += 1
            except ModelFileError:
                pass
    return {"size": len(data), "changes": len(made), "accepted": accepted}


def in_child(*arguments):
    """This program with these arguments; None when it crashed."""
    command = [sys.executable, __file__, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else done.returncode


def main(count):
    seen, crashes, unexpected, slowest, largest = collections.Counter(), [], [], 0.0, 0.0
    bytes_ = in_child("every byte")
    for start in range(0, count, BATCH):
        found = in_child(start, min(start + BATCH, count))
        if isinstance(found, int):
            crashes.append(f"files {start} to {start + BATCH}: exit code {found}")
            continue
        seen.update(found["seen"])
        unexpected += found["unexpected"]
        slowest, largest = max(slowest, found["slowest"]), max(largest, found["largest"])
    whole = isinstance(bytes_, dict) and not bytes_["accepted"]
    good = whole and not (crashes or unexpected) and largest <= MEMORY and slowest <= SECONDS
    result = {
        "check": "damaged and forged model files", "passed": good, "every_byte": bytes_,
        "tried": count,
        "read": seen["read"], "refused": seen["refused"], "crashes": crashes,
        "unexpected": unexpected[:50],
        "unexpected_in_all": len(unexpected), "slowest_cpu_seconds": round(slowest, 3),
        "largest_memory_mb": round(largest, 1), "numpy": np.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }  # fmt: skip
    print(json.dumps(result))
    return 0 if good else 1


if __name__ == "__main__":
    if sys.argv[1:] == ["every byte"]:
        print(json.dumps(every_byte()))
    elif len(sys.argv) == 3:
        print(json.dumps(try_files(int(sys.argv[1]), int(sys.argv[2]))))
    else:
        sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT))
