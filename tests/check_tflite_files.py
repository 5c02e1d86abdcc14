"""Networks go to LiteRT and back: what is written there computes the same in LiteRT's interpreter,
and what is read of it computes the same here; damaged files are refused.

    python tests/check_tflite_files.py [chains] [graphs] [mutants] [zoo]

needs ai-edge-litert and flatbuffers; writes docs/results/tflite_files.json and exits with 1 when an
output differs by more than 1e-5 of the largest, or a mutant raises anything but ModelFileError.

    chains      drawn Sequential models (200) of all layers
    graphs      the networks of graph_cases.py (100), with models inside and shared layers
    zoo         the smaller networks of minicnn.applications (6)
    mutants     of small files (3000): how many are refused and read, the slowest, the memory
"""

import json
import os
import resource
import sys
import time
import traceback
from pathlib import Path
from typing import Any

os.environ.setdefault("MINICNN_ENGINE", "reference")  # compiles few kernels

import ai_edge_litert
import check_keras_files
import graph_cases
import graph_models
import graph_parts
import numpy as np
import tflite_models as models

import minicnn
from minicnn import Input, Model, applications, layers
from minicnn.errors import ModelFileError
from minicnn.saving.tflite.to_tflite.file import written

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "tflite_files.json"
ZOO = ("DocumentedCNN", "SmallCNN", "SmallInception", "SmallMobileNetV2", "ResNet20", "SEResNet20")
LONGEST, MEMORY = 10, 300  # seconds and megabytes that a damaged file may take


def compared(model: Any, inputs: list[Any] | None = None) -> dict[str, Any]:
    """How far LiteRT, and the model that is read again, are from a model."""
    inputs = models.samples(model) if inputs is None else inputs
    expected = models.predicted(model, inputs)
    data = written(model, "float32")
    ran = models.Ran(data, inputs)
    found = {
        "litert": models.apart(ran.outputs, expected),
        "whole": ran.whole,
        "operators": sorted(set(ran.operators)),
    }
    try:
        found["again"] = models.apart(models.predicted(models.opened(data), inputs), expected)
    except ModelFileError as error:
        found["refused"] = str(error)
    return found


def several(makers: Any) -> dict[str, Any]:
    """The same of many: worst numbers, and what went wrong."""
    all_found, wrong = [], []
    for name, make in makers:
        try:
            made = make()
            one = compared(*made) if isinstance(made, tuple) else compared(made)
            all_found.append(one)
            if max(one["litert"], one.get("again", 0)) > models.TOLERANCE:
                wrong.append(f"{name}: {one['litert']:.1e}, again {one.get('again', 0):.1e}")
        except Exception:  # noqa: BLE001 (a check goes on)
            wrong.append(f"{name}: {traceback.format_exc().strip().splitlines()[-1]:.300}")
    return {
        "tried": len(all_found) + sum("Error" in one for one in wrong),
        "litert": max((one["litert"] for one in all_found), default=None),
        "again": max((one["again"] for one in all_found if "again" in one), default=None),
        "whole": sum(one["whole"] for one in all_found),
        "refused": sorted({one["refused"] for one in all_found if "refused" in one})[:10],
        "read": sum("again" in one for one in all_found),
        "wrong": wrong,
    }


def of_graph(number: int) -> tuple[Any, list[Any]]:
    graph = graph_cases.draw(number)
    inputs = [x.astype(np.float32) for x in graph_parts.given(graph)]
    return graph_models.model_of(graph, "float32"), inputs


def small() -> Any:
    """Some of each kind of layer."""
    inputs = Input((6, 6, 2))
    x = layers.Conv2D(4, 3, activation="silu")(inputs)
    y = layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same")(x))
    x = layers.Concatenate()([layers.Add()([x, y]), layers.MaxPooling2D(3, 1, "same")(x)])
    x = layers.Resizing(5, 3)(layers.ZeroPadding2D(1)(layers.Cropping2D(1)(x)))
    x = layers.Dense(3, "softmax")(layers.Flatten()(x))
    return models.drawn(Model(inputs, x, class_names=["a", "b", "c"], seed=0))


def damaged(count: int) -> dict[str, Any]:
    """Mutants of files with weights of both kinds."""
    files = [written(small(), kind) for kind in ("float32", "float16")]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found: dict[str, Any] = {"tried": 0, "refused": 0, "read": 0, "slowest": 0.0, "unexpected": []}
    for seed in range(count):
        start = time.perf_counter()
        try:
            for kind, number in models.mutants(files[seed % 2], [seed]).items():
                found[kind] += number
        except Exception:  # noqa: BLE001 (that is what is looked for)
            found["unexpected"].append(f"{seed}: {traceback.format_exc()[-300:]}")
        found["tried"] += 1
        found["slowest"] = max(found["slowest"], round(time.perf_counter() - start, 2))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found | {"memory_mb": (after - before) // 1024}


def main() -> int:
    wanted = [*map(int, sys.argv[1:]), *(200, 100, 3000, len(ZOO))[len(sys.argv) - 1 :]]
    chains, graphs, mutants, zoo = wanted
    result = {
        "litert": ai_edge_litert.__version__,
        "minicnn": minicnn.__version__,
        "chains": several(
            (f"chain {n}", lambda n=n: models.drawn(check_keras_files.chain(n)))
            for n in range(chains)
        ),
        "graphs": several((f"graph {n}", lambda n=n: of_graph(n)) for n in range(graphs)),
        "zoo": several(
            (name, lambda name=name: models.drawn(getattr(applications, name)(seed=0)))
            for name in ZOO[:zoo]
        ),
        "mutants": damaged(mutants),
    }
    broken = result["mutants"]
    result["passed"] = bool(
        not any(result[part]["wrong"] for part in ("chains", "graphs", "zoo"))
        and not broken["unexpected"]
        and broken["slowest"] <= LONGEST
        and broken["memory_mb"] <= MEMORY
    )
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
