"""minicnn and the engines that people deploy networks with, asked for the probabilities of a batch:
the worker of deploy.py.

    python engines.py minicnn|onnxruntime|openvino|litert|ncnn|mnn

The call that is timed takes a NumPy batch and gives a NumPy array (N, classes), in float32. An
engine is tried in every mode that it has for that, each has to agree with what minicnn predicts,
and the fastest is timed. Engines that read ONNX get the file as minicnn writes it, for pictures
(N, H, W, C), and one for pictures (N, C, H, W), which saves them a transposition.
"""

import functools
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from worker import Timed, median_of_calls, serve, timed

TOLERANCE = 1e-3  # how far a probability may lie from minicnn's
TRIED = 0.2  # seconds for each mode, before the fastest is timed
Call = Callable[[], np.ndarray]


def onnx_files(stem: Path, x: np.ndarray) -> Iterator[tuple[str, Path, np.ndarray]]:
    """The two files of deploy.py with a batch for each: the name of the order, file, batch."""
    yield "channels last", stem.with_suffix(".onnx"), x
    first = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    yield "channels first", stem.with_suffix(".first.onnx"), first


def minicnn(stem: Path, x: np.ndarray, _: int) -> dict[str, Call]:
    """Both ways in which its users ask a model."""
    from minicnn import models

    model = models.load_model(stem.with_suffix(".safetensors"))
    return {
        "predict": lambda: model.predict(x, batch_size=len(x), verbose=0),
        "call": lambda: model(x, training=False),
    }


def onnxruntime(stem: Path, x: np.ndarray, threads: int) -> dict[str, Call]:
    """All its optimisations, one operator after the other, each on all threads."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    calls: dict[str, Call] = {}
    for order, file, batch in onnx_files(stem, x):
        session = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        calls[order] = functools.partial(
            lambda session, feed: session.run(None, feed)[0], session, {name: batch}
        )
    return calls


def openvino(stem: Path, x: np.ndarray, threads: int) -> dict[str, Call]:
    """For latency, one request on all threads; for throughput, a request and a part of the batch
    for each thread. Shapes are fixed, and float32 is asked for: it would take bfloat16.
    """
    import openvino as ov

    calls: dict[str, Call] = {}
    for order, file, batch in onnx_files(stem, x):
        for hint, parts in (("latency", 1), ("throughput", threads)):
            if parts > 1 == threads or len(x) % parts or (hint, parts) == ("throughput", 1):
                continue
            model = ov.Core().read_model(file)
            pieces = np.split(batch, parts)
            model.reshape(pieces[0].shape)
            settings = {
                "PERFORMANCE_HINT": hint.upper(),
                "INFERENCE_PRECISION_HINT": "f32",
                "INFERENCE_NUM_THREADS": threads,
                "NUM_STREAMS": parts,
            }
            compiled = ov.Core().compile_model(model, "CPU", settings)
            make = _openvino_at_once if parts == 1 else _openvino_side_by_side
            calls[f"{hint}, {order}"] = make(compiled, pieces)
    return calls


def _openvino_at_once(compiled: Any, pieces: list[np.ndarray]) -> Call:
    request = compiled.create_infer_request()
    return lambda: request.infer(pieces, share_inputs=True)[0]


def _openvino_side_by_side(compiled: Any, pieces: list[np.ndarray]) -> Call:
    from openvino import AsyncInferQueue

    queue, found = AsyncInferQueue(compiled, len(pieces)), list(pieces)

    def keep(request: Any, place: int) -> None:
        found[place] = request.get_output_tensor(0).data.copy()

    queue.set_callback(keep)

    def call() -> np.ndarray:
        for place, piece in enumerate(pieces):
            queue.start_async([piece], place, share_inputs=True)
        queue.wait_all()
        return np.concatenate(found)

    return call


def litert(stem: Path, x: np.ndarray, threads: int) -> dict[str, Call]:
    """Its interpreter, which hands all to XNNPACK; the batch is fixed by a resize."""
    from ai_edge_litert.interpreter import Interpreter

    network = Interpreter(str(stem.with_suffix(".tflite")), num_threads=threads)
    given = network.get_input_details()[0]["index"]
    network.resize_tensor_input(given, x.shape, strict=True)
    network.allocate_tensors()
    made = network.get_output_details()[0]["index"]

    def call() -> np.ndarray:
        network.set_tensor(given, x)
        network.invoke()
        return network.get_tensor(made)

    return {"XNNPACK": call}


def ncnn(stem: Path, x: np.ndarray, threads: int) -> dict[str, Call]:
    """It takes one picture at a time: all threads share each, or each thread has its own."""
    import ncnn as library

    file = stem.with_suffix(".first.onnx")
    pictures = list(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))
    sizes = ",".join(map(str, (1, *pictures[0].shape)))
    param, weights = (str(stem.with_suffix(f".ncnn.{ending}")) for ending in ("param", "bin"))
    options = [f"inputshape=[{sizes}]", "fp16=0", f"ncnnparam={param}", f"ncnnbin={weights}"]
    converter = Path(sys.executable).parent / "pnnx"
    done = subprocess.run(
        [converter, file, *options], check=True, cwd=stem.parent, capture_output=True, text=True
    )
    written = Path(param).read_text(encoding="utf-8")
    Path(param).write_text(padded(written, done.stdout + done.stderr), encoding="utf-8")

    def opened(shared_by: int) -> Any:
        network = library.Net()
        network.opt.num_threads = shared_by
        for name in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic"):
            setattr(network.opt, name, False)
        if network.load_param(param) or network.load_model(weights):
            raise ValueError(f"ncnn expected a network of layers that it has, received {file.name}")
        return network

    def one(network: Any, picture: np.ndarray) -> np.ndarray:
        extractor = network.create_extractor()
        extractor.input("in0", library.Mat(picture))
        return np.array(extractor.extract("out0")[1])

    together = opened(threads)
    calls: dict[str, Call] = {
        "threads share a picture": lambda: np.stack([one(together, each) for each in pictures])
    }
    if min(threads, len(x)) > 1:
        alone, pool = opened(1), ThreadPoolExecutor(threads)
        calls["a picture for each thread"] = lambda: np.stack(
            list(pool.map(functools.partial(one, alone), pictures))
        )
    return calls


def padded(network: str, said: str) -> str:
    """ncnn's description of a network with zeros around pictures: its converter knows no Pad of
    ONNX, and says what it leaves out: "ignore Pad NAME param pads=(0,0,top,left,0,0,bottom,right)".
    """
    for name, *pads in re.findall(
        r"ignore Pad (\S+) param pads=\(0,0,(\d+),(\d+),0,0,(\d+),(\d+)\)", said
    ):
        top, left, bottom, right = pads
        network = re.sub(
            rf"^Pad( +{re.escape(name)} .*)$",
            rf"Padding\1 0={top} 1={bottom} 2={left} 3={right}",
            network,
            flags=re.MULTILINE,
        )
    return network


def mnn(stem: Path, x: np.ndarray, threads: int) -> dict[str, Call]:
    """Its modules, in float32 ("high"). A model from an ONNX file takes its arrays as they are,
    which MNN calls NCHW whatever they hold.

    The converter is called as it is: the command `mnnconvert` around it also installs a package and
    sends a report about its use.
    """
    from _tools import mnnconvert
    from MNN import expr, nn

    settings = {"backend": "CPU", "numThread": threads, "precision": "high"}
    manager = nn.create_runtime_manager((settings,))
    calls: dict[str, Call] = {}
    for order, file, batch in onnx_files(stem, x):
        to = str(file.with_suffix(".mnn"))
        options = ["-f", "ONNX", "--modelFile", str(file), "--MNNModel", to, "--bizCode", "minicnn"]
        mnnconvert(["mnnconvert", *options])
        network = nn.load_module_from_file(to, [], [], runtime_manager=manager)

        def call(network: Any = network, batch: np.ndarray = batch) -> np.ndarray:
            given = expr.const(batch, list(batch.shape), expr.NCHW)
            return np.array(network.forward([given])[0].read(), np.float32)

        calls[order] = call
    return calls


ENGINES: dict[str, Callable[[Path, np.ndarray, int], dict[str, Call]]] = {
    "minicnn": minicnn,
    "onnxruntime": onnxruntime,
    "openvino": openvino,
    "litert": litert,
    "ncnn": ncnn,
    "mnn": mnn,
}


def agreeing(calls: dict[str, Call], expected: np.ndarray) -> float:
    """The largest difference of a probability from what is expected.

    Raises ValueError where one is larger than TOLERANCE.
    """
    worst = 0.0
    for mode, call in calls.items():
        made = call()
        if made.shape != expected.shape:
            raise ValueError(f"{mode}: expected {expected.shape}, received {made.shape}")
        difference = float(np.abs(made - expected).max())
        if not difference <= TOLERANCE:
            raise ValueError(
                f"{mode}: expected minicnn's probabilities within {TOLERANCE}, received some that "
                f"differ by {difference:.3g}"
            )
        worst = max(worst, difference)
    return worst


def prepare(
    engine: str, /, stem: str, batch: int, threads: int, mode: str | None = None
) -> tuple[Timed, dict[str, Any]]:
    """Load, compare with minicnn's answers, and find the fastest mode, unless one is told."""
    with np.load(f"{stem}.npz") as data:
        x, expected = data["x"][:batch], data["probabilities"][:batch]
    calls = ENGINES[engine](Path(stem), x, threads)
    calls = calls if mode is None else {mode: calls[mode]}
    difference = agreeing(calls, expected)
    runs = {name: timed(call) for name, call in calls.items()}
    seconds = {name: median_of_calls(run, TRIED, 3) for name, run in runs.items()}
    best = min(seconds, key=lambda name: seconds[name])
    return runs[best], {"mode": best, "tried": seconds, "difference": difference}


if __name__ == "__main__":
    serve(functools.partial(prepare, sys.argv[1]))
