"""`minicnn serve` under load, beside `predict` and beside a server of FastAPI and ONNX Runtime.

    python benchmarks/serve.py [--threads N] [--peers-python PATH] [--quick] [--json PATH]

Three questions. What share of the pictures per second of `predict` is left when they come over
HTTP, 32 in a request as bytes (bar: 0.7)? How many answers per second get 64 clients that send one
picture each, beside the other server (bar: 1.2)? How long does one client alone wait (bar: not
longer)? The clients are a process of their own on the same machine. The servers take turns, A B B
A, and the one that is not asked rests. The peers need fastapi, uvicorn, python-multipart, pillow
and onnxruntime in --peers-python; without them, the rows beside them are left out.
"""

import argparse
import contextlib
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from reporting import add_options, begin, table
from sides import HERE, alternate, environment, ratio

import minicnn
from minicnn import applications, datasets

CLIENTS, PICTURES = 64, 32
PAIRS, SECONDS = 6, 10.0  # of turns, and of each: a minute for each side


def pictures(count: int, side: int) -> np.ndarray:
    """Drawn shapes (count, side, side, 3), of which JPEG makes what it makes of pictures."""
    x = datasets.shapes.load_data(train=count, test=1)[0][0]
    return np.stack([np.asarray(Image.fromarray(one).resize((side, side))) for one in x])


def post(path: str, body: bytes, kind: str, *more: str) -> bytes:
    """The bytes of a request."""
    lines = [f"POST {path} HTTP/1.1", "host: localhost", f"content-type: {kind}", *more]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body


def form(file: bytes) -> tuple[bytes, str]:
    """A form with one picture, as curl -F sends it, and its Content-Type."""
    head = 'Content-Disposition: form-data; name="picture"; filename="picture.jpg"'
    body = f"--limit\r\n{head}\r\nContent-Type: image/jpeg\r\n\r\n".encode() + file
    return body + b"\r\n--limit--\r\n", "multipart/form-data; boundary=limit"


def jpeg(picture: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=90)
    return file.getvalue()


def tensor(x: np.ndarray) -> bytes:
    """A request of the Open Inference Protocol with pictures as bytes."""
    data = x.astype(np.uint8).tobytes()
    told = {"name": "x", "shape": x.shape, "datatype": "UINT8",
            "parameters": {"binary_data_size": len(data)}}  # fmt: skip
    head = json.dumps({"inputs": [told], "parameters": {"binary_data_output": True}}).encode()
    length = f"inference-header-content-length: {len(head)}"
    kind = "application/octet-stream"
    return post("/v2/models/documented/infer", head + data, kind, length)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


@contextlib.contextmanager
def running(command: list[str], port: int, threads: int) -> Iterator[None]:
    """A server in a process of its own, from its first answer on."""
    process = subprocess.Popen(
        command,
        env=environment(threads, os.environ)
        | {"PYTHONPATH": str(HERE.parent), "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            if process.poll() is not None:
                raise RuntimeError(f"{command} has ended")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def asked(port: int, request: bytes, clients: int, seconds: float) -> dict[str, Any]:
    """What so many clients see in so many seconds."""
    words = [str(HERE / "serve_client.py"), "127.0.0.1", str(port), str(clients), str(seconds)]
    done = subprocess.run([sys.executable, *words], input=request, capture_output=True, check=True)
    return json.loads(done.stdout)


def predict_rate(model: Any, x: np.ndarray, seconds: float) -> float:
    """Pictures a second that `predict` reaches with the same batches."""
    done, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        model.predict(x, verbose=0)
        done += len(x)
    return done / (time.perf_counter() - began)


def beside_predict(port: int, model: Any, turns: int, seconds: float) -> dict[str, Any]:
    """Pictures a second over HTTP and by `predict`."""
    x = pictures(PICTURES, 32)
    request, seen = tensor(x), []

    def over_http() -> float:
        seen.append(asked(port, request, CLIENTS, seconds))
        return PICTURES * seen[-1]["answers"] / seen[-1]["seconds"]

    over_http()
    model.predict(x, verbose=0)
    ours, theirs = alternate(over_http, lambda: predict_rate(model, x, seconds), turns)
    return record("32 pictures a request, beside predict", ours, theirs, seen[1:], "rate")


def beside_peer(
    ports: tuple[int, int], side: int, clients: int, turns: int, seconds: float
) -> dict[str, Any]:
    """Both servers with a form that has one picture."""
    body, kind = form(jpeg(pictures(1, side)[0]))
    requests = [post(path, body, kind) for path in ("/v1/predict", "/predict")]
    seen: list[list[dict[str, Any]]] = [[], []]
    value = "rate" if clients > 1 else "p50"

    def side_of(number: int) -> Any:
        def measure() -> float:
            found = asked(ports[number], requests[number], clients, seconds)
            seen[number].append(found)
            return found["answers"] / found["seconds"] if value == "rate" else found["p50"]

        measure()
        return measure

    ours, theirs = alternate(side_of(0), side_of(1), turns)
    who = f"{clients} clients" if clients > 1 else "one client"
    name = f"{who}, a JPEG of {side} x {side}, beside FastAPI + ONNX Runtime"
    return record(name, ours, theirs, seen[0][1:], value) | {
        "peer_failed": sum(one["failed"] for one in seen[1]),
        "peer_p99": float(np.median([one["p99"] for one in seen[1][1:]])),
    }


def record(
    name: str, ours: list[float], theirs: list[float], seen: list[dict[str, Any]], value: str
) -> dict[str, Any]:
    """A row of results; `value` says what the numbers are: answers or pictures a second, or
    milliseconds.
    """
    found = {
        "measured": name,
        "value": value,
        "ours": float(np.median(ours)),
        "other": float(np.median(theirs)),
        "ratio": ratio(ours, theirs),
        "failed": sum(one["failed"] for one in seen),
        "seconds": sum(one["seconds"] for one in seen),
    }
    return found | {key: float(np.median([one[key] for one in seen])) for key in ("p50", "p99")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser, keeps_history=True)
    options = parser.parse_args()
    results = begin(options, "serve")
    minicnn.set_threads(options.threads)
    warnings.simplefilter("ignore", UserWarning)  # that pixels are not rescaled
    turns, seconds = (2, 1.0) if options.quick else (PAIRS, SECONDS)
    model = applications.DocumentedCNN()
    model.note_weights()
    ports = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as servers:
        paths = [Path(folder) / f"documented.{ending}" for ending in ("safetensors", "onnx")]
        model.save(paths[0])
        serve = ["-m", "minicnn", "serve", str(paths[0]), "--port", str(ports[0])]
        servers.enter_context(running([sys.executable, *serve], ports[0], options.threads))
        results.add(beside_predict(ports[0], model, turns, seconds))
        if has_peers(options.peers_python):
            model.export(paths[1])
            peer = [str(HERE / "serve_peer.py"), str(paths[1]), str(ports[1])]
            command = [options.peers_python, *peer, str(options.threads)]
            servers.enter_context(running(command, ports[1], options.threads))
            for side in (32, 256):
                for clients in (CLIENTS, 1):
                    results.add(beside_peer(ports, side, clients, turns, seconds))
    for one in results.records:
        less = one["value"] == "p50"
        results.remember(one["measured"], one | {"more_is_better": not less})
    rows = [
        [
            one["measured"],
            *(f"{one[side]:,.{0 if one['value'] == 'rate' else 2}f}" for side in ("ours", "other")),
            "{:.2f} ({:.2f} to {:.2f})".format(*one["ratio"]),
            *(f"{one[key]:.1f}" for key in ("p50", "p99")),
            one["failed"],
        ]
        for one in results.records
    ]
    headings = ["", "serve", "other", "serve / other", "p50 ms", "p99 ms", "failed"]
    print(table(headings, rows))


def has_peers(python: str) -> bool:
    """Whether the other server can run."""
    program = "import fastapi, multipart, onnxruntime, PIL, uvicorn"
    return subprocess.run([python, "-c", program], capture_output=True).returncode == 0


if __name__ == "__main__":
    main()
