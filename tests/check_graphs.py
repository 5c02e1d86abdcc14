"""Networks with branches, drawn by graph_cases.py: numerical derivatives, and the engine beside the
layers.

    python tests/check_graphs.py [count]

prints one JSON line (the last one is docs/results/graphs.json) and exits with 1 when a bar is
missed. Of every network the layers' gradients in float64 are compared with numerical ones, and all
that a step of the engine computes with what the layers compute, in float64 and float32. Four
minutes. The n-th network is the same on every machine.
"""

import collections
import json
import platform
import sys
import time
from typing import Any

import graph_cases as cases
import graph_models as models
import graph_parts as parts
import numpy as np

from minicnn import testing
from minicnn.machine import processor

COUNT, SAMPLES = 300, 8  # networks, and the numbers of each tensor that are moved
BARS = {"gradients": 1e-6, "float64": 1e-12, "float32": 1e-5}


def check(
    graph: parts.Graph, samples: int = SAMPLES
) -> tuple[dict[str, tuple[float, str]], testing.GradientReport]:
    """The worst relative error of every kind, and of which array; and the report of the numerical
    derivatives.
    """
    report = testing.measure_model(models.model_of(graph), batch=parts.BATCH, samples=samples)
    array = max(report.tensors, key=lambda name: report.tensors[name].error)
    return {"gradients": (report.error, array)} | engine_beside_layers(graph), report


def engine_beside_layers(graph: parts.Graph) -> dict[str, tuple[float, str]]:
    """The worst relative error in each type, and of which array.

    In float32 an array says nothing, and is left out, where the layers' own is farther than the
    bar from that in float64: gradients of what a normalisation divides by almost nothing.
    """
    found, exact = {}, models.run(graph, models.model_of(graph, "float64", "reference"))
    scale = models.scales({name: float(np.linalg.norm(array)) for name, array in exact.items()})
    for dtype in ("float64", "float32"):
        fast, layers = (
            models.run(graph, models.model_of(graph, dtype, engine))
            for engine in ("fast", "reference")
        )
        for name, array in layers.items():
            if np.linalg.norm(array - exact[name]) > BARS[dtype] * scale[name]:
                fast[name] = array
        found[dtype] = models.worst(fast, layers)
    return found


def main(count: int) -> int:
    began, seen, missed = time.time(), collections.Counter(), []
    worst: dict[str, float] = dict.fromkeys(BARS, 0.0)
    layers: collections.Counter[str] = collections.Counter()
    for number, graph in enumerate(cases.drawn(count)):
        errors, report = check(graph)
        for what, (error, array) in errors.items():
            worst[what] = max(worst[what], error)
            if not error <= BARS[what]:
                missed.append(f"network {number}, {what}: {error:.1e} at {array}")
        layers.update(graph.kinds())
        seen["numbers_checked"] += sum(tensor.checked for tensor in report.tensors.values())
        seen["kinks_left_out"] += sum(tensor.kinks for tensor in report.tensors.values())
        seen["with_several_inputs"] += len(graph.inputs) > 1
        seen["with_several_outputs"] += len(graph.outputs) > 1
        seen["with_shared_parts"] += graph.is_shared
        seen["with_models_inside"] += any(isinstance(part, parts.Graph) for part in graph.parts)
        if number % 25 == 24:
            print(f"{number + 1} networks, {missed or 'all good'}", file=sys.stderr, flush=True)
    kinks = seen["kinks_left_out"] / (seen["kinks_left_out"] + seen["numbers_checked"])
    passed = not missed and kinks < 0.01
    result: dict[str, Any] = {
        "check": "networks with branches", "passed": passed, "networks": count, "worst": worst,
        "bars": BARS,
        "missed": missed, **seen, "layers": dict(layers.most_common()),
        "seconds": round(time.time() - began),
        "processor": processor.target()[0], "numpy": np.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }  # fmt: skip
    print(json.dumps(result))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT))
