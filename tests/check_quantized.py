"""Whole numbers of a trained network on test pictures: how many answers they get right, and whether
LiteRT and ONNX Runtime get the same.

    python tests/check_quantized.py MODEL [--data WHAT] [--limit N] [--aware EPOCHS] [--name NAME]

needs ai-edge-litert, flatbuffers, onnx and onnxruntime; adds to docs/results/quantized.json under
NAME. It exits with 1 when whole numbers lose more than half a point (0.2 after --aware), when fewer
than 99.9 % of LiteRT's answers are minicnn's, or when the .tflite file is larger than 0.27 of the
float one.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("MINICNN_ENGINE", "reference")  # compiles few kernels

import numpy as np
import onnxruntime
from ai_edge_litert.interpreter import Interpreter

from minicnn import models, quantize
from minicnn.cli.pictures import load
from minicnn.optimizers import Adam
from minicnn.quantize.calibration import OBSERVERS

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "quantized.json"
CALIBRATED, BATCH = 512, 100
MOST_LOST, MOST_LOST_AWARE, SAME, SIZE = 0.005, 0.002, 0.999, 0.27


def litert(path: Path, x: Any) -> Any:
    """What LiteRT makes of pictures."""
    interpreter = Interpreter(model_path=str(path), num_threads=1)
    given, made = (
        told[0]["index"]
        for told in (interpreter.get_input_details(), interpreter.get_output_details())
    )
    parts = []
    for start in range(0, len(x), BATCH):
        part = x[start : start + BATCH]
        interpreter.resize_tensor_input(given, part.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(given, part)
        interpreter.invoke()
        parts.append(interpreter.get_tensor(made))
    return np.concatenate(parts)


def onnx(path: Path, x: Any) -> Any:
    """What ONNX Runtime makes of pictures."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    parts = [session.run(None, {"input": x[n : n + BATCH]})[0] for n in range(0, len(x), BATCH)]
    return np.concatenate(parts)


def told(whole: Any, x: Any, y: Any, real: Any, folder: Path) -> dict[str, Any]:
    """What there is to say of whole numbers; real: the network's own outputs."""
    whole.export(folder / "whole.tflite")
    whole.export(folder / "whole.onnx")
    whole.save(folder / "whole.safetensors")
    mine = whole.predict(x)
    others = {
        "litert": litert(folder / "whole.tflite", x),
        "onnxruntime": onnx(folder / "whole.onnx", x),
    }
    answers = mine.argmax(axis=-1)
    return {
        "accuracy": float((answers == y).mean()),
        "same_as_float": float((answers == real.argmax(axis=-1)).mean()),
        "from_float": float(np.abs(mine - real).max(axis=-1).mean()),
        "bytes": {
            ending: (folder / f"whole.{ending}").stat().st_size
            for ending in ("tflite", "onnx", "safetensors")
        },
        **{
            name: {
                "same": float((other.argmax(axis=-1) == answers).mean()),
                "largest_difference": float(np.abs(other - mine).max()),
            }
            for name, other in others.items()
        },
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--aware", type=int, default=0)
    parser.add_argument("--name", default="documented")
    options = parser.parse_args()
    model = models.load_model(options.model)
    pictures = load(options.data, None)
    x_train, y_train = pictures.train
    x, y = (part[: options.limit] for part in pictures.test)
    x, y = np.asarray(x, np.float32), np.asarray(y).reshape(-1)
    some = x_train[:: len(x_train) // CALIBRATED][:CALIBRATED]
    real = model.predict(x, verbose=0)
    accuracy = float((real.argmax(axis=-1) == y).mean())
    found: dict[str, Any] = {"pictures": len(x), "accuracy": accuracy}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        model.export(folder / "real.tflite")
        size = (folder / "real.tflite").stat().st_size
        found["bytes"] = size
        for observer in OBSERVERS:
            found[observer] = told(quantize.quantized(model, some, observer), x, y, real, folder)
        if options.aware:
            careful = quantize.aware(model, some, seed=0)
            careful.compile(Adam(1e-4), "sparse_categorical_crossentropy", ["accuracy"])
            careful.fit(x_train, y_train, epochs=options.aware, batch_size=128, verbose=2)
            found["aware"] = told(quantize.quantized(careful), x, y, real, folder)
    usual = found["min_max"]
    found["size"] = usual["bytes"]["tflite"] / size
    found["passed"] = bool(
        accuracy - usual["accuracy"] <= MOST_LOST
        and usual["litert"]["same"] >= SAME
        and found["size"] <= SIZE
        and (not options.aware or accuracy - found["aware"]["accuracy"] <= MOST_LOST_AWARE)
    )
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps(results | {options.name: found}, indent=1) + "\n")
    print(json.dumps(found, indent=1))
    return 0 if found["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
