"""A server for tests: in this process without sockets, or as a command with real ones."""

import asyncio
import contextlib
import io
import itertools
import json
import os
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np
from PIL import Image
from programs import PATIENCE

from minicnn import Input, Sequential, layers
from minicnn.serve.application import Application
from minicnn.serve.served import Served
from minicnn.serve.server import Server
from minicnn.serve.service import Service

CLASSES = ["red", "green", "blue", "grey", "<b>&amp;\u00e9"]


def small_model(seed=0, size=(12, 10, 3), classes=CLASSES):
    """A network with convolutions, drawn weights and an odd size."""
    model = Sequential(
        [Input(size), layers.Rescaling(1 / 255), layers.Conv2D(8, 3, activation="relu"),
         layers.BatchNormalization(), layers.MaxPooling2D(), layers.Flatten(),
         layers.Dense(len(classes), activation="softmax")],
        seed=seed, class_names=classes,
    )  # fmt: skip
    model.note_weights()
    return model


def picture(seed=0, size=(30, 20), kind="PNG", **options):
    """The bytes of a file with noise in it."""
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def form(files, boundary="limit", name="picture"):
    """A form with files, as curl -F sends it, and its Content-Type."""
    body = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{number}.png"'
        "\r\nContent-Type: image/png\r\n\r\n".encode()
        + file
        + b"\r\n"
        for number, file in enumerate(files)
    )
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        """The sentence, printed so that whoever reads the test's output reads it."""
        assert list(self.json) == ["error"] and self.headers["content-type"] == "application/json"
        print(self.status, self.json["error"])
        return self.json["error"]


class Inside:
    """The application without a socket, its event loop in a thread of its own."""

    def __init__(self, models=None, **options):
        models = models or {"small": small_model()}
        self.models = models
        served = {
            name: Served(name, model, list(model.class_names), model.input_shape[1:])
            for name, model in models.items()
        }
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.service = Service(served, **options)
        self.application = Application(self.service)
        self.run(self.service.start())

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE)

    def ask(self, method, target, body=b"", headers=None, **options):
        return self.run(self.asked(method, target, body, headers, **options))

    def post(self, body, target="/v1/predict", kind="image/png", **headers):
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("POST", target, body, {"content-type": kind, **given})

    async def asked(self, method, target, body=b"", headers=None, hang_up=False):
        """body: bytes, or a list of parts that come one after the other; None is a long pause."""
        path, _, query = target.partition("?")
        given = {"host": "localhost:8000", **(headers or {})}
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode("latin-1"),
            "headers": [
                (name.encode(), value.encode("latin-1"))
                for name, value in given.items()
                if value is not None
            ],
        }
        parts = [body] if isinstance(body, bytes) else list(body)
        sent = []

        async def receive():
            if hang_up:
                return {"type": "http.disconnect"}
            part = parts.pop(0)
            if part is None:
                await asyncio.sleep(PATIENCE)
            return {"type": "http.request", "body": part, "more_body": bool(parts)}

        async def send(message):
            sent.append(message)

        await self.application(scope, receive, send)
        if not sent:
            return None
        start, content = sent
        names = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
        assert len(names) == len(start["headers"])
        assert int(names["content-length"]) == len(content["body"])
        return Answer(start["status"], names, content["body"])

    def close(self):
        self.run(self.service.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


@contextlib.contextmanager
def inside(models=None, **options):
    """An Inside that ends."""
    server = Inside(models, **options)
    try:
        yield server
    finally:
        server.close()


class Listening:
    """The server with sockets in a thread of this process, so that its limits can be short."""

    def __init__(self, parser=None, models=None, **options):
        models = models or {"small": small_model()}
        served = {
            name: Served(name, model, list(model.class_names), model.input_shape[1:])
            for name, model in models.items()
        }
        self.service = Service(served, **options)
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.host, self.port = self.socket.getsockname()
        started = threading.Event()
        self.server = Server(self.service, started=started.set)
        if parser is not None:
            self.server.config.http = type("P", (parser,), {"limits": self.service.limits})
        self.thread = threading.Thread(target=self.server.run, args=([self.socket],), daemon=True)
        self.thread.start()
        assert started.wait(PATIENCE)

    def connection(self):
        """A socket to it."""
        return socket.create_connection((self.host, self.port), timeout=PATIENCE)

    def sent(self, data):
        """All that comes back for these bytes until the server hangs up."""
        with self.connection() as wire:
            with contextlib.suppress(ConnectionError):
                wire.sendall(data)
            return received(wire)

    def close(self):
        self.server.should_exit = True
        self.thread.join(PATIENCE)


@contextlib.contextmanager
def listening(parser=None, **options):
    """A Listening that ends."""
    server = Listening(parser, **options)
    try:
        yield server
    finally:
        server.close()


class Outside:
    """`minicnn serve` in a process of its own, at a free port."""

    def __init__(self, *arguments, **environment):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "minicnn", "serve", "--json", "--port", "0",
             *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        lines = iter(self.process.stdout.readline, "")
        told = "".join(itertools.takewhile(lambda line: line != "}\n", lines))
        if not told:
            raise AssertionError(self.process.communicate(timeout=PATIENCE)[1])
        self.told = json.loads(told + "}")
        address = urlsplit(self.told["address"])
        self.host, self.port = address.hostname, address.port

    def connection(self):
        """A socket to it."""
        return socket.create_connection((self.host, self.port), timeout=PATIENCE)

    def post(self, body, target="/v1/predict", kind="image/png"):
        """The Answer to one request on a connection of its own; None if there is none."""
        with self.connection() as wire:
            wire.sendall(request(body, target, kind, close=True))
            return answer_in(received(wire))

    def stop(self):
        """End it in order; its exit code and what it wrote on stderr."""
        self.process.terminate()
        _, said = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said


@contextlib.contextmanager
def outside(*arguments, **environment):
    """An Outside that ends."""
    server = Outside(*arguments, **environment)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.process.kill()
        server.process.communicate(timeout=PATIENCE)


def request(body, target="/v1/predict", kind="image/png", close=False):
    """The bytes of a request."""
    ending = "connection: close\r\n" if close else ""
    head = f"POST {target} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\n{ending}"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def received(wire):
    """All bytes until the other side hangs up."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := wire.recv(1 << 16):
            parts.append(part)
    return b"".join(parts)


def answer_in(data):
    """The first Answer in bytes of HTTP; None if there is none."""
    head, blank, rest = data.partition(b"\r\n\r\n")
    if not blank:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return Answer(int(first.split()[1]), headers, rest[: int(headers["content-length"])])
