"""Processes that are forked while other threads run models: a child computes the right numbers, or
is told why not.

    python tests/check_forks.py [children]

prints one JSON line (the last one is docs/results/forks.json) and exits with 1 when a child
computed another number, hung, or died, or the parent's training ended with other weights than
without forks. Children are forked at random moments, so many while another thread predicts with the
model that the child uses, so many while it trains it, and so
many while it trains another one: on GNU OpenMP, whose threads a child does not have, and on
workqueue, which starts new ones. Besides, one process each is started by fork before the first
model runs, by spawn and by forkserver.
"""

import collections
import json
import multiprocessing
import os
import platform
import signal
import subprocess
import sys
import threading
import time
import warnings

import numba
import numpy as np

from minicnn import Sequential, layers, optimizers

CHILDREN = 100
PATIENCE = 120  # seconds until a child counts as hung
LAYERS = ("omp", "workqueue")
RIGHT, WRONG, TOLD, DIED = 0, 2, 3, 4  # exit codes of a child
OUTCOMES = {RIGHT: "right", WRONG: "wrong numbers", TOLD: "told", DIED: "another exception"}

rng = np.random.default_rng(0)
X, Y = rng.standard_normal((32, 12, 12, 8)).astype(np.float32), rng.integers(0, 5, 32)


def network(seed=0):
    """A network whose weights stand still in training, so that its numbers are known."""
    stack = [
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(16, 3, activation="relu"),
    ]
    head = [layers.GlobalAveragePooling2D(), layers.Dense(5, activation="softmax")]
    model = Sequential([layers.Input((12, 12, 8)), *stack, *head], seed=seed)
    model.compile(optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    model.note_weights()
    return model


def numbers(model):
    """A prediction, and the loss of a training step with its gradients."""
    predicted = model.predict(X, verbose=0)
    loss = model.train_on_batch(X, Y)
    return [predicted, np.array(loss), *(grad.copy() for _, _, grad in model.parameters())]


def same(some, others):
    return all(map(np.array_equal, some, others))


def child_says(model, right):
    """The exit code of a forked child that computes what the parent knows; None where it never
    ends.
    """
    child = os.fork()
    if child == 0:
        code = DIED
        try:
            code = RIGHT if same(numbers(model), right) else WRONG
        except RuntimeError:
            code = TOLD
        finally:
            os._exit(code)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def while_a_thread(work, model, right, count, draws):
    """What becomes of children that are forked at random moments of another thread's work."""
    over, under_way, seen = threading.Event(), threading.Event(), collections.Counter()

    def busy():
        while not over.is_set():
            work()
            under_way.set()

    thread = threading.Thread(target=busy, daemon=True)
    thread.start()
    assert under_way.wait(PATIENCE)
    for wait in draws.uniform(0, 0.01, count):
        time.sleep(wait)
        code = child_says(model, right)
        seen["hung" if code is None else OUTCOMES.get(code, f"exit code {code}")] += 1
        if seen["hung"] > 2:
            break
    over.set()
    thread.join(PATIENCE)
    return dict(seen)


def training(forks):
    """The weights at the end of a real training, in which processes may be forked between and
    within steps.
    """
    stack = [layers.Conv2D(8, 3, activation="relu"), layers.BatchNormalization(), layers.Flatten()]
    model = Sequential([*stack, layers.Dense(5, activation="softmax")], seed=3)
    model.compile("adam", "sparse_categorical_crossentropy")
    thread = threading.Thread(
        target=lambda: model.fit(X, Y, batch_size=4, epochs=5, verbose=0), daemon=True
    )
    thread.start()
    while forks and thread.is_alive():
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
    thread.join(PATIENCE)
    return model.get_weights()


def alone(_):
    """What a process that multiprocessing has started computes."""
    return numbers(network())


def try_forks(count):
    """All of it in this process: what happened, counted."""
    warnings.simplefilter("ignore")
    with multiprocessing.get_context("fork").Pool(1) as pool:  # before a model has run here
        started = {"fork before the first run": pool.map_async(alone, [0]).get(PATIENCE)[0]}
    model, other, draws = network(), network(1), np.random.default_rng(14)
    right = numbers(model)
    works = {
        "predicts": lambda: model.predict(X, verbose=0),
        "trains": lambda: model.train_on_batch(X, Y),
        "trains another model": lambda: other.train_on_batch(X, Y),
    }
    children = {
        name: while_a_thread(work, model, right, count, draws) for name, work in works.items()
    }
    for method in ("spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            started[method] = pool.map_async(alone, [0]).get(PATIENCE)[0]
    return {
        "threading_layer": numba.threading_layer(),
        "children_while_a_thread": children,
        "started": {
            name: "right" if same(found, right) else "wrong numbers"
            for name, found in started.items()
        },
        "parent_right_afterwards": same(numbers(model), right)
        and same(training(False), training(True)),
    }


def main(count):
    results, good = {}, True
    for layer in LAYERS:
        environment = os.environ | {"NUMBA_THREADING_LAYER": layer, "NUMBA_NUM_THREADS": "2"}
        arguments = [sys.executable, __file__, "here", str(count)]
        done = subprocess.run(
            arguments, capture_output=True, text=True, env=environment, check=False
        )
        if done.returncode:
            results[layer], good = (
                {"exit_code": done.returncode, "stderr": done.stderr[-500:]},
                False,
            )
            continue
        found = results[layer] = json.loads(done.stdout)
        outcomes = {name for seen in found["children_while_a_thread"].values() for name in seen}
        good = good and outcomes <= {"right", "told"} and found["parent_right_afterwards"]
        good = good and set(found["started"].values()) == {"right"}
    result = {
        "check": "forks beside threads", "passed": good, "children": count, "results": results,
        "numba": numba.__version__, "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }  # fmt: skip
    print(json.dumps(result))
    return 0 if good else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["here"]:
        print(json.dumps(try_forks(int(sys.argv[2]))), flush=True)
        os._exit(0)  # whatever hangs
    else:
        sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else CHILDREN))
