"""Damaged and forged .onnx files by the thousand: each is refused with ModelFileError, or read as a
model that predicts.

    python tests/check_onnx_fuzz.py [count]

prints one JSON line (the last one is docs/results/onnx_fuzz.json) and exits with 1 when something
else happened: a crash, another exception, more than 300 MB for a file of some kilobytes, or more
than ten seconds of processor time. Of the small networks in golden/onnx, in turn:

    damaged     bytes changed, cut out, doubled, spliced in
    forged      attributes, shapes, types, names, operators and numbers replaced by odd ones, nodes
                left out or doubled

The n-th file is the same on every machine.
"""

import collections
import json
import os
import platform
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import onnx
from check_model_fuzz import damaged, peak_memory
from onnx_models import of_bytes

from minicnn.errors import ModelFileError

FOLDER = Path(__file__).parent / "golden" / "onnx"
COUNT, BATCH = 20_000, 500
MEMORY, SECONDS = 300, 10
LARGEST = 10**6  # numbers of a sample, and of what a layer makes of it; others are not run
INTEGERS = [-(2**63), -(2**31), -1, 0, 1, 2, 3, 5, 8, 64, 2**16, 2**31, 2**40, 2**62, 2**63 - 1]
FLOATS = [0.0, -1.0, 1.0, 0.5, 1e38, -1e38, float("inf"), float("nan"), 1e-45]
OPERATORS = [
    "Conv", "Relu", "MaxPool", "AveragePool", "Reshape", "Transpose", "Concat", "Gemm", "Softmax",
    "Flatten", "Pad", "Slice", "Resize", "Expand", "ConstantOfShape", "Add", "Mul", "Split", "Clip",
    "BatchNormalization", "If", "Loop", "LRN", "ReduceMean", "Gather", "Shape", "ConvTranspose",
]  # fmt: skip


def whole_files():
    """Files that are not damaged."""
    return [path.read_bytes() for path in sorted(FOLDER.glob("*.onnx"))]


def forged(data, rng):
    """The file with some of what it says replaced."""
    proto = onnx.ModelProto()
    proto.ParseFromString(data)
    graph = proto.graph

    def one(parts):
        return parts[int(rng.integers(len(parts)))] if len(parts) else None

    for _ in range(rng.integers(1, 4)):
        node, tensor = one(graph.node), one(graph.initializer)
        what = int(rng.integers(12))
        if what in (0, 1) and node is not None and len(node.attribute):
            attribute = one(node.attribute)
            if attribute.type == onnx.AttributeProto.INTS and len(attribute.ints):
                attribute.ints[int(rng.integers(len(attribute.ints)))] = one(INTEGERS)
            elif attribute.type == onnx.AttributeProto.FLOAT:
                attribute.f = one(FLOATS)
            else:
                attribute.i = one(INTEGERS)
        elif what == 2 and tensor is not None and len(tensor.dims):
            tensor.dims[int(rng.integers(len(tensor.dims)))] = abs(one(INTEGERS) + 1) - 1
        elif what == 3 and tensor is not None:
            tensor.data_type = int(rng.integers(-1, 25))
        elif what in (4, 5) and tensor is not None and len(tensor.raw_data) % 8 == 0:
            whole = np.frombuffer(tensor.raw_data, np.int64).copy()
            if tensor.data_type == onnx.TensorProto.INT64 and whole.size:
                whole[int(rng.integers(whole.size))] = one(INTEGERS)
                tensor.raw_data = whole.tobytes()
        elif what == 6 and node is not None and len(node.input):
            other = one(graph.node)
            name = one(other.output) if len(other.output) else ""
            node.input[int(rng.integers(len(node.input)))] = name
        elif what == 7 and node is not None:
            node.op_type = one(OPERATORS)
        elif what == 8 and node is not None:
            graph.node.remove(node)
        elif what == 9 and node is not None:
            twin = graph.node.add()
            twin.CopyFrom(one(graph.node))
        elif what == 10 and len(graph.input):
            dims = one(graph.input).type.tensor_type.shape.dim
            if len(dims):
                one(dims).dim_value = one(INTEGERS)
        elif what == 11 and tensor is not None:
            tensor.data_location = onnx.TensorProto.EXTERNAL
            place = tensor.external_data.add()
            place.key = "location"
            place.value = one(["../x", "/etc/passwd", "residual_dynamo.onnx.data", "", "a/../../b"])
    return proto.SerializeToString()


def mutated(files, number):
    """The file of that number."""
    rng = np.random.default_rng((17, number))
    base = files[int(rng.integers(len(files)))]
    return damaged(base, files, rng) if number % 2 else forged(base, rng)


def run(model):
    """Let the model predict, of zeros."""
    shapes = [node.sample_shape for node in model.inputs]
    widest = [layer.output_shape for layer in model.leaves.values()]
    if max(np.prod(shape, dtype=float) for shape in [*shapes, *widest]) > LARGEST:
        return
    model.engine = "reference"
    x = [np.zeros((1, *shape), np.float32) for shape in shapes]
    with np.errstate(all="ignore"):
        model.forward(x if len(x) > 1 else x[0])


def try_files(start, stop):
    """Read the files of these numbers; what happened, counted."""
    files = whole_files()
    seen, unexpected, slowest, largest = collections.Counter(), [], 0.0, 0.0
    for number in range(start, stop):
        data = mutated(files, number)
        print(number, file=sys.stderr, flush=True)  # the last one is that of a crash
        before, began = peak_memory(reset=True), time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model = None
            try:
                model = of_bytes(data, FOLDER / "file.onnx")
                seen["read"] += 1
            except ModelFileError as error:
                seen["refused"] += 1
                if "\n" in str(error):
                    unexpected.append(f"{number}: several lines: {error}"[:300])
            except BaseException as error:  # the point of the exercise
                unexpected.append(f"{number}: {type(error).__name__}: {error}"[:300])
            slowest = max(slowest, time.process_time() - began)
            largest = max(largest, peak_memory() - before)
            try:
                if model is not None:
                    run(model)
            except BaseException as error:
                unexpected.append(f"{number}, when run: {type(error).__name__}: {error}"[:300])
    return {"seen": dict(seen), "slowest": slowest, "largest": largest, "unexpected": unexpected}


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
        "check": "damaged and forged .onnx files", "passed": good, "tried": count,
        "read": seen["read"], "refused": seen["refused"], "crashes": crashes,
        "unexpected": unexpected[:50], "unexpected_in_all": len(unexpected),
        "slowest_cpu_seconds": round(slowest, 3), "largest_memory_mb": round(largest, 1),
        "numpy": np.__version__, "onnx": onnx.__version__, "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }  # fmt: skip
    print(json.dumps(result))
    return 0 if good else 1


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(try_files(int(sys.argv[1]), int(sys.argv[2]))))
    else:
        raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT))
