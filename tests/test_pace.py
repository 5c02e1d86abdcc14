"""The number of threads follows what the machine has to give: on simulated machines, and in a real
training.
"""

import random
from collections.abc import Callable

import numpy as np
import pytest

from minicnn import Input, Sequential, layers, set_threads
from minicnn.machine import threads
from minicnn.training import pace
from minicnn.training.pace import Pace


class Machine:
    """What a training meets on it: `rate(threads, second)` images per second, more or less, and
    `free` processors.
    """

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        most: int,
        rate: Callable[[int, float], float],
        noise: float,
        free: int,
    ):
        self.threads, self.rate, self.random, self.noise, self.free = (
            most,
            rate,
            random.Random(0),
            noise,
            free,
        )
        self.now, self.trials = 0.0, 0
        monkeypatch.setattr(pace.threads, "used", lambda: self.threads)
        monkeypatch.setattr(pace.threads, "use", self.use)

    def use(self, n: int) -> None:
        self.threads = n
        self.trials += 1

    def step(self, counted: Pace, seconds: float, batch: int = 64) -> None:
        self.now += seconds
        counted.note(batch, seconds, min(self.threads, self.free) * seconds * 0.97)

    def train(self, end: float, batch: int = 64) -> float:
        """Images per second from now to that second."""
        began, images = self.now, 0
        with Pace() as counted:
            while self.now < end:
                noise = 1 + self.noise * (2 * self.random.random() - 1)
                seconds = batch / self.rate(self.threads, self.now) * noise
                images += batch
                self.step(counted, seconds, batch)
            self.chosen = counted.count
        return images / (self.now - began)


RATES = {
    "quiet": {1: 3460.0, 2: 5000.0},
    "busy": {1: 2530.0, 2: 1250.0},
    "very busy": {1: 840.0, 2: 440.0},
    "no difference": {1: 1000.0, 2: 1000.0},
}


@pytest.mark.parametrize("noise", [0, 0.3])
@pytest.mark.parametrize("kind", RATES)
def test_it_is_as_fast_as_the_better_number(monkeypatch, kind, noise):
    rates = RATES[kind]
    machine = Machine(monkeypatch, 2, lambda n, _: rates[n], noise, free=1 if "busy" in kind else 2)
    assert machine.train(60) > 0.94 * max(rates.values())
    assert machine.threads == 2, "what it is left with"


def test_of_eight_threads_it_finds_the_three_that_are_free(monkeypatch):
    machine = Machine(monkeypatch, 8, lambda n, _: 1000.0 * (n if n <= 3 else 8 / n), 0.05, free=3)
    machine.train(60)
    assert machine.chosen == 3


def test_it_follows_a_machine_that_becomes_busy_and_quiet_again(monkeypatch):
    machine = Machine(
        monkeypatch, 2, lambda n, now: RATES["busy" if 60 < now < 120 else "quiet"][n], 0.1, free=2
    )
    with Pace() as counted:
        for end, best in ((60, 5000), (120, 2530), (180, 5000)):
            images, began = 0, machine.now
            while machine.now < end:
                machine.free = 1 if 60 < machine.now < 120 else 2
                images += 64
                machine.step(counted, 64 / machine.rate(machine.threads, machine.now))
            assert images / (machine.now - began) > 0.85 * best


def test_nothing_is_tried_where_nobody_else_is(monkeypatch):
    machine = Machine(monkeypatch, 2, lambda n, _: RATES["quiet"][n], 0.3, free=2)
    assert machine.train(60) > 0.99 * 5000 and machine.trials == 0


def test_one_thread_stays_one(monkeypatch):
    machine = Machine(monkeypatch, 1, lambda n, _: 1000.0 * n, 0, free=1)
    machine.train(5)
    assert machine.threads == machine.chosen == 1


def training(monkeypatch: pytest.MonkeyPatch) -> tuple[list[int], list[np.ndarray]]:
    """A real training that believes every window full: the threads of each of its steps, and its
    weights.
    """
    monkeypatch.setattr(pace, "STEPS", 1)
    monkeypatch.setattr(pace, "SECONDS", 0)
    monkeypatch.setattr(pace, "FULL", 2)  # and the machine busy
    model = Sequential(
        [
            Input((8, 8, 3)),
            layers.Conv2D(4, 3),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ],
        seed=0,
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    used = []
    step = model.train_step
    monkeypatch.setattr(
        model, "train_step", lambda *batch: (used.append(threads.used()), step(*batch))[1]
    )
    rng = np.random.default_rng(0)
    model.fit(rng.random((64, 8, 8, 3)), rng.integers(0, 3, 64), batch_size=2, verbose=0)
    return used, model.get_weights()


@pytest.mark.skipif(threads.state()["available"] < 2, reason="one thread alone")
def test_a_training_tries_and_ends_with_all_its_threads_and_the_same_weights(monkeypatch):
    before = threads.used()
    used, weights = training(monkeypatch)
    assert set(used) >= {before, before - 1} and threads.used() == before
    set_threads(1)
    try:
        alone, same = training(monkeypatch)
    finally:
        set_threads(before)
    assert set(alone[1:]) == {1}
    assert all(np.array_equal(a, b) for a, b in zip(weights, same, strict=True))
