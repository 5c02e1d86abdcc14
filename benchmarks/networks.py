"""Networks in minicnn, Keras and PyTorch, doing what users do: the worker of compare.py,
scaling.py, spellings.py and zoo.py.

    python networks.py minicnn|keras|torch

All sides do the same work on the same kind of random pictures: Adam, batch normalisation, dropout
where the network has it, cross-entropy and accuracy, a new order of the pictures in every epoch.
"""

import functools
import importlib
import sys
from collections.abc import Callable
from typing import Any

import keras_networks
from jobs import Job, labels, pictures
from worker import Timed, median_of_calls, serve, timed


def keras_job(keras: Any, job: Job) -> Callable[[], Any]:
    """With Keras or with minicnn, which has its names.

    Modes: none: fit and predict. jit: with XLA. call: the model called as a function. function: the
        same, compiled.
    """
    model = keras_networks.build(keras, job)
    xla = {"jit_compile": "jit" in job.mode.split()} if keras.__name__ == "keras" else {}
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **xla)

    x, y = pictures(job, job.side, job.side, 3), labels(job)
    if job.task == "infer":
        return lambda: model.predict(x, batch_size=job.batch, verbose=0)
    if job.task != "latency":
        epochs = 3 if job.task == "memory" else 1
        return lambda: model.fit(x, y, batch_size=job.batch, epochs=epochs, verbose=0)
    if "call" in job.mode.split():
        return lambda: model(x, training=False)
    if "function" in job.mode.split():
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
    import torch_networks

    if "compile" in job.mode:
        # or the networks of earlier jobs count as variants of this one, which have a limit
        torch._dynamo.reset()
    model = torch_networks.build(job)
    if "channels_last" in job.mode:
        model = model.to(memory_format=torch.channels_last)
        x = torch.from_numpy(pictures(job, job.side, job.side, 3)).permute(0, 3, 1, 2)
    else:
        x = torch.from_numpy(pictures(job, 3, job.side, job.side))
    y = torch.from_numpy(labels(job))
    run = torch.compile(model) if "compile" in job.mode else model
    optimizer, loss_of = (
        torch.optim.Adam(model.parameters(), fused=True),
        torch.nn.CrossEntropyLoss(),
    )

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
