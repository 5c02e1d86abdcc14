"""Threads that share models: every number is what it is alone, nothing raises and nothing hangs.

    python tests/check_threads.py [rounds]

prints one JSON line (the last one is docs/results/threads.json) and exits with 1 when a number was
another, a call raised, a thread did not end, or a process died. In every round four threads run a
mixture of fit, evaluate, predict and whatever else runs a model or copies it, on one model or on
several, some of which share layers; in every other pair of rounds with the readable layers instead
of the engine. In half of the rounds the weights stand still (learning rate 0), so that each number
has one right value. In the others one thread really trains, and must end with the very weights that
it has alone.
"""

import collections
import copy
import json
import os
import platform
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numba
import numpy as np

from minicnn import Sequential, explain, layers, optimizers

ROUNDS, THREADS, ACTIONS = 20, 4, 12
PATIENCE = 240  # seconds until a thread counts as hung
SIZES = (1, 7, 16, 40)
LAYERS = ("omp", "workqueue")
RESULTS = Path(__file__).parent.parent / "docs" / "results"

rng = np.random.default_rng(0)
DATA = [
    (rng.standard_normal((n, 10, 10, 3)).astype(np.float32), rng.integers(0, 5, n)) for n in SIZES
]


def network(seed, rate, moving):
    """A small network; one that moves has what changes in training: statistics, dropout, a learning
    rate.
    """
    changing = [layers.BatchNormalization(), layers.Dropout(0.3)] if moving else []
    stack = [
        layers.Conv2D(8, 3, activation="relu"),
        *changing,
        layers.MaxPooling2D(),
        layers.Flatten(),
    ]
    model = Sequential(
        [layers.Input((10, 10, 3)), *stack, layers.Dense(5, activation="softmax")], seed=seed
    )
    model.compile(optimizers.SGD(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.note_weights()
    return model


def looks(model, number):
    """What can be asked of a model without changing it: name -> function, for the data of that
    number.
    """
    x, y = DATA[number]
    return {
        "predict": lambda: model.predict(x, verbose=0),
        "predict, two looks": lambda: model.predict(x, verbose=0, average_flips=True),
        "call": lambda: model(x),
        "evaluate": lambda: model.evaluate(x, y, verbose=0),
        "test_step": lambda: model.test_step(x, y)[0],
        "explain": lambda: explain.saliency(model, x[0]).gradient,
        "get_weights": lambda: np.concatenate([array.ravel() for array in model.get_weights()]),
        "copy": lambda: copy.deepcopy(model).predict(x, verbose=0),
    }


def steps(model, number):
    """What trains a model; with a learning rate of 0 it leaves the weights as they are."""
    x, y = DATA[number]

    def fit():
        return model.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0).history["loss"]

    def gradients():
        return model.loss_and_gradients(x, y)[0]

    def learning_rates():
        return model.lr_find(x, y, steps=3, start=1e-9, end=1e-8).losses

    once = {"train_on_batch": lambda: model.train_on_batch(x, y), "lr_find": learning_rates}
    return {"fit": fit, "gradients": gradients} | once


class Tally:
    """What has happened, from all threads."""

    def __init__(self):
        self.numbers, self.wrong, self.errors = collections.Counter(), [], collections.Counter()

    def compare(self, name, got, expected):
        self.numbers[name] += 1
        if not np.array_equal(got, expected):
            self.wrong.append(name)

    def run(self, *functions):
        """Run them in threads of their own; what they raise is counted. How many never end."""
        everyone = threading.Barrier(len(functions))

        def guarded(function):
            try:
                everyone.wait(PATIENCE)
                function()
            except Exception as error:  # whichever: the main thread tells of it
                self.errors[f"{type(error).__name__}: {error}"[:200]] += 1

        threads = [
            threading.Thread(target=guarded, args=(function,), daemon=True)
            for function in functions
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        return sum(thread.is_alive() for thread in threads)


def still_round(draws, engine, tally):
    """Four threads do anything to models whose weights stand still."""
    first, other = network(0, 0.0, False), network(1, 0.0, False)
    shares = Sequential(first.layers[:-1])  # features of the first one
    shares.note_weights()
    models = [first] if draws.random() < 0.5 else [first, other, shares]
    actions = {}
    for place, model in enumerate(models):
        model.engine = engine
        for number in range(len(SIZES)):
            possible = looks(model, number) | steps(model, number)
            if model is shares:
                possible = {
                    name: possible[name] for name in ("predict", "call", "get_weights", "copy")
                }
            actions |= {(name, place, number): action for name, action in possible.items()}
    right = {key: action() for key, action in actions.items()}
    keys = list(actions)

    def work(chosen):
        for index in chosen:
            key = keys[index]
            tally.compare(key[0], actions[key](), right[key])

    plans = draws.integers(0, len(keys), (THREADS, ACTIONS))
    return tally.run(*(lambda chosen=chosen: work(chosen) for chosen in plans))


def moving_round(draws, engine, tally):
    """One thread trains, three look at the same model; training must not notice."""
    x, y = DATA[3]

    def train(model):
        model.engine = engine
        losses = model.fit(x, y, batch_size=16, epochs=ACTIONS, verbose=0).history["loss"]
        return np.concatenate([losses, *(array.ravel() for array in model.get_weights())])

    seed = int(draws.integers(100))
    alone = train(network(seed, 0.05, True))
    model, over = network(seed, 0.05, True), threading.Event()

    def training():
        try:
            tally.compare("fit that moves", train(model), alone)
        finally:
            over.set()

    def looking(chosen):
        while not over.is_set():
            for number, name in chosen:
                list(looks(model, number).values())[name]()

    plans = [
        list(zip(draws.integers(0, 4, 6), draws.integers(0, 8, 6), strict=True))
        for _ in range(THREADS - 1)
    ]
    return tally.run(training, *(lambda chosen=chosen: looking(chosen) for chosen in plans))


def try_rounds(count):
    """The rounds in this process: what happened, counted."""
    warnings.simplefilter("ignore")
    tally, hangs = Tally(), 0
    sys.setswitchinterval(1e-4)
    for number in range(count):
        draws, engine = np.random.default_rng((13, number)), ("fast", "reference")[number // 2 % 2]
        hangs += (still_round, moving_round)[number % 2](draws, engine, tally)
        if hangs:
            break
    return {
        "threading_layer": numba.threading_layer(),
        "numbers": dict(tally.numbers),
        "wrong": dict(collections.Counter(tally.wrong)),
        "errors": dict(tally.errors),
        "hangs": hangs,
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
            results[layer] = {"exit_code": done.returncode, "stderr": done.stderr[-500:]}
            good = False
            continue
        results[layer] = json.loads(done.stdout)
        good = good and not any(results[layer][what] for what in ("wrong", "errors", "hangs"))
    result = {
        "check": "threads that share models", "passed": good, "rounds": count, "threads": THREADS,
        "results": results,
        "numba": numba.__version__, "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }  # fmt: skip
    print(json.dumps(result))
    return 0 if good else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["here"]:
        print(json.dumps(try_rounds(int(sys.argv[2]))), flush=True)
        os._exit(0)  # whatever hangs
    else:
        sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS))
