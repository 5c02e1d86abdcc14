"""The documented network in minicnn, Keras and PyTorch, doing what users do: the worker of
compare.py and scaling.py.

    python networks.py minicnn|keras|torch

All sides do the same work on the same kind of random pictures: Adam, batch normalisation, dropout
0.5, cross-entropy and accuracy, a new order of the pictures in every epoch.
"""

import functools
import importlib
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from worker import Timed, median_of_calls, serve, timed

FILTERS, CLASSES = (32, 64, 128), 10
# Where a ReLU stands: before or after the normalisation, as an argument of the convolution, as
# Activation or as ReLU.
ACTIVATIONS = ("argument", "before Activation", "before ReLU", "after Activation", "after ReLU")


class Job(NamedTuple):
    """What to do, with which network.

    task: "train", an epoch; "infer", probabilities of all pictures; "latency", of one picture;
        "start", one training step, the first, after which there is nothing more to time; "memory",
        three epochs, likewise.
    mode: words that say how (below).
    convolutions: in each of the three blocks.
    activation: how a ReLU is written, see ACTIVATIONS.
    """

    task: str
    mode: str
    pictures: int
    batch: int = 64
    side: int = 32
    convolutions: int = 1
    padding: str = "valid"
    activation: str = "argument"


def labels(job: Job) -> np.ndarray:
    return np.random.default_rng(1).integers(0, CLASSES, job.pictures)


def pictures(job: Job, *axes: int) -> np.ndarray:
    return np.random.default_rng(0).random((job.pictures, *axes), dtype=np.float32)


def keras_job(keras: Any, job: Job) -> Callable[[], Any]:
    """With Keras or with minicnn, which has its names.

    Modes: none: fit and predict. jit: with XLA. call: the model called as a function. function: the
        same, compiled.
    """
    layers = keras.layers
    stack = []
    for filters in FILTERS:
        for _ in range(job.convolutions):
            inside = {"activation": "relu"} if job.activation == "argument" else {}
            stack.append(layers.Conv2D(filters, 3, padding=job.padding, **inside))
            stack.append(layers.BatchNormalization())
            if not inside:
                where, kind = job.activation.split()
                relu = layers.ReLU() if kind == "ReLU" else layers.Activation("relu")
                stack.insert(len(stack) - (where == "before"), relu)
        stack.append(layers.MaxPooling2D())
    stack += [layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dropout(0.5)]
    stack.append(layers.Dense(CLASSES, activation="softmax"))
    model = keras.Sequential([keras.Input((job.side, job.side, 3)), *stack])
    xla = {"jit_compile": job.mode == "jit"} if keras.__name__ == "keras" else {}
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **xla)

    x, y = pictures(job, job.side, job.side, 3), labels(job)
    if job.task == "infer":
        return lambda: model.predict(x, batch_size=job.batch, verbose=0)
    if job.task != "latency":
        epochs = 3 if job.task == "memory" else 1
        return lambda: model.fit(x, y, batch_size=job.batch, epochs=epochs, verbose=0)
    if job.mode == "call":
        return lambda: model(x, training=False)
    if job.mode == "function":
        import tensorflow

        compiled, tensor = (
            tensorflow.function(lambda x: model(x, training=False)),
            tensorflow.constant(x),
        )
        return lambda: compiled(tensor)
    return lambda: model.predict(x, verbose=0)


def torch_job(job: Job) -> Callable[[], Any]:
    """With PyTorch. Modes: channels_last, compile, or both; none: neither."""
    import torch
    from torch import nn

    if "compile" in job.mode:
        # or the networks of earlier jobs count as variants of this one, which have a limit
        torch._dynamo.reset()
    stack: list[Any] = []
    channels, side, around = 3, job.side, 1 if job.padding == "same" else 0
    for filters in FILTERS:
        for _ in range(job.convolutions):
            relu, norm = nn.ReLU(), nn.BatchNorm2d(filters, 1e-3, 0.01)
            stack.append(nn.Conv2d(channels, filters, 3, padding=around))
            stack += [norm, relu] if job.activation.startswith("after") else [relu, norm]
            channels, side = filters, side - 2 + 2 * around
        stack.append(nn.MaxPool2d(2))
        side //= 2
    stack += [
        nn.Flatten(),
        nn.Linear(channels * side**2, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, CLASSES),
    ]
    model = nn.Sequential(*stack)
    if "channels_last" in job.mode:
        model = model.to(memory_format=torch.channels_last)
        x = torch.from_numpy(pictures(job, job.side, job.side, 3)).permute(0, 3, 1, 2)
    else:
        x = torch.from_numpy(pictures(job, 3, job.side, job.side))
    y = torch.from_numpy(labels(job))
    run = torch.compile(model) if "compile" in job.mode else model
    optimizer, loss_of = torch.optim.Adam(model.parameters(), fused=True), nn.CrossEntropyLoss()

    def epoch() -> None:
        order, total, right = (
            torch.randperm(job.pictures),
            torch.zeros(()),
            torch.zeros((), dtype=torch.int64),
        )
        for picked in order.split(job.batch):
            optimizer.zero_grad(set_to_none=True)
            logits = run(x[picked])
            loss = loss_of(logits, y[picked])
            loss.backward()
            optimizer.step()
            total += len(picked) * loss.detach()
            right += (logits.argmax(1) == y[picked]).sum()

    def infer() -> Any:
        with torch.inference_mode():
            return torch.cat([run(batch).softmax(1) for batch in x.split(job.batch)])

    def one() -> Any:
        with torch.inference_mode():
            return run(x).softmax(1)

    run.train(job.task in ("train", "start", "memory"))
    return {"infer": infer, "latency": one, "memory": lambda: [epoch() for _ in range(3)]}.get(
        job.task, epoch
    )


def peak_megabytes() -> float:
    """The most memory that this process has held."""
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2 ** (20 if sys.platform == "darwin" else 10)  # bytes there, kilobytes elsewhere


def prepare(library: str, /, **what: Any) -> tuple[Timed, dict[str, Any]]:
    """Build, do it once, and where that is not all, warm up."""
    job = Job(**what)
    call = (
        torch_job(job) if library == "torch" else keras_job(importlib.import_module(library), job)
    )
    call()
    run = timed(call)
    if job.task not in ("start", "memory"):
        median_of_calls(run, seconds=0.3, least=1)
    return run, {"peak_megabytes": peak_megabytes()}


if __name__ == "__main__":
    serve(functools.partial(prepare, sys.argv[1]))
