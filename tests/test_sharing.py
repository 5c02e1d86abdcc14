"""Threads that share a model: each step and each batch is one turn, and every number is right or
there is an error.
"""

import copy
import json
import signal
import threading

import check_threads
import numpy as np
import pytest
from numba.np.ufunc import parallel
from programs import output

from minicnn import Sequential, explain, layers, losses, optimizers
from minicnn.machine import threads
from minicnn.machine.threads import alone

PATIENCE = 120  # seconds until a thread counts as hung
rng = np.random.default_rng(0)
X, Y = rng.standard_normal((12, 6, 6, 3)).astype(np.float32), rng.integers(0, 3, 12)
engines = pytest.mark.parametrize("engine", ["fast", "reference"])


def network(engine="fast", rate=0.1, loss="sparse_categorical_crossentropy", extra=()):
    stack = [
        layers.Conv2D(4, 3, activation="relu"),
        *extra,
        layers.Flatten(),
        layers.Dense(3, activation="softmax"),
    ]
    model = Sequential([layers.Input((6, 6, 3)), *stack], seed=0)
    model.engine = engine
    model.compile(optimizers.SGD(rate), loss, metrics=["accuracy"])
    model.note_weights()
    return model


class Thread(threading.Thread):
    """One whose result, or error, is handed on by `result`, which fails where the thread never
    ends.
    """

    def __init__(self, function):
        super().__init__(daemon=True)
        self.function, self.over = function, threading.Event()
        self.start()

    def run(self):
        try:
            self.got, self.error = self.function(), None
        except BaseException as error:
            self.error = error
        self.over.set()

    def result(self):
        assert self.over.wait(PATIENCE), "a thread hangs"
        if self.error is not None:
            raise self.error
        return self.got


def together(*functions):
    """The results of functions that run in threads of their own."""
    everyone = threading.Barrier(len(functions))
    threads = [
        Thread(lambda function=function: (everyone.wait(PATIENCE), function())[1])
        for function in functions
    ]
    return [thread.result() for thread in threads]


ENTRANCES = {
    "forward": lambda model, _: model.forward(X),
    "call": lambda model, _: model(X),
    "predict": lambda model, _: model.predict(X, verbose=0),
    "evaluate": lambda model, _: model.evaluate(X, Y, verbose=0),
    "test_step": lambda model, _: model.test_step(X, Y),
    "train_step": lambda model, _: model.train_step(X, Y),
    "train_on_batch": lambda model, _: model.train_on_batch(X, Y),
    "loss_and_gradients": lambda model, _: model.loss_and_gradients(X, Y),
    "fit": lambda model, _: model.fit(X, Y, verbose=0),
    "lr_find": lambda model, _: model.lr_find(X, Y, steps=2),
    "get_weights": lambda model, _: model.get_weights(),
    "set_weights": lambda model, _: model.set_weights(
        [np.zeros_like(w.copy()) for w in weights_of(model)]
    ),
    "weights of a layer": lambda model, _: model.layers[0].get_weights(),
    "save": lambda model, folder: model.save(folder / "model.safetensors"),
    "save_weights": lambda model, folder: model.save_weights(folder / "weights.safetensors"),
    "load_weights": lambda model, folder: model.load_weights(folder / "before.safetensors"),
    "copy": lambda model, _: copy.deepcopy(model),
    "freeze": lambda model, _: model.freeze("conv"),
    "replace_head": lambda model, _: model.replace_head(2),
    "compile": lambda model, _: model.compile("adam"),
    "optimizer": lambda model, _: model.optimizer.step(model.parameters()),
    "saliency": lambda model, _: explain.saliency(model, X[0]),
    "activations": lambda model, _: explain.activations(model, X[0]),
    "filters": lambda model, _: explain.filters(model),
}


def weights_of(model):
    return [array for layer in model.layers for array in layer.weights_by_name.values()]


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_whoever_comes_in_the_middle_of_a_step_waits_for_its_end(entrance, tmp_path):
    """The step is held up in its loss, between forward and backward, where nobody else may run or
    read the model.
    """
    inside, go_on = threading.Event(), threading.Event()

    class Slow(losses.SparseCategoricalCrossentropy):
        def value_and_gradient(self, *arguments, **options):
            if threading.current_thread() is step:
                inside.set()
                assert go_on.wait(PATIENCE)
            return super().value_and_gradient(*arguments, **options)

    plain, slow = network(), network(loss=Slow())
    plain.save_weights(tmp_path / "before.safetensors")
    plain.train_step(X, Y)
    with alone:  # so that `step` is known before the step begins
        step = Thread(lambda: slow.train_step(X, Y))
    assert inside.wait(PATIENCE)
    other = Thread(lambda: ENTRANCES[entrance](slow, tmp_path))
    assert not other.over.wait(0.05)  # it cannot end before the step does, however long one waits
    go_on.set()
    loss, _ = step.result()
    other.result()
    assert loss == network().train_step(X, Y)[0]
    # what leaves the weights as they are
    if entrance in (
        "forward",
        "predict",
        "get_weights",
        "evaluate",
        "saliency",
    ):
        assert all(map(np.array_equal, slow.get_weights(), plain.get_weights()))


@engines
def test_four_threads_evaluate_one_model(engine):
    model = network(engine)
    data = [(rng.standard_normal((12, 6, 6, 3)), rng.integers(0, 3, 12)) for _ in range(4)]
    alone_found = [model.evaluate(x, y, verbose=0) for x, y in data]

    def work(number):
        return [model.evaluate(*data[number], verbose=0) for _ in range(20)]

    found = together(*(lambda number=number: work(number) for number in range(4)))
    assert found == [[expected] * 20 for expected in alone_found]


@engines
def test_a_training_does_not_notice_who_looks_on_and_both_advance(engine):
    def train(model):
        return model.fit(X, Y, batch_size=4, epochs=8, verbose=0).history

    extra = [layers.BatchNormalization(), layers.Dropout(0.2)]
    undisturbed, model = (network(engine, extra=copy.deepcopy(extra)) for _ in range(2))
    history, over, looked = train(undisturbed), threading.Event(), []

    def training():
        try:
            return train(model)
        finally:
            over.set()

    def look():
        while not over.is_set():
            looked.append(
                [model.predict(X[:4], verbose=0), model.evaluate(X[:5], Y[:5], verbose=0)]
            )

    assert together(training, look, look)[0] == history
    assert all(map(np.array_equal, model.get_weights(), undisturbed.get_weights())) and looked


def test_two_fits_of_one_model_both_finish_with_histories_of_their_own():
    model = network(rate=0.0)
    alone_found = [
        model.fit(X[:n], Y[:n], epochs=e, verbose=0).history for n, e in ((4, 5), (12, 3))
    ]
    fits = [
        lambda n=n, e=e: model.fit(X[:n], Y[:n], epochs=e, verbose=0).history
        for n, e in ((4, 5), (12, 3))
    ]
    for found, expected in zip(together(*fits), alone_found, strict=True):
        for name, values in expected.items():
            # shuffled: sums in another order
            np.testing.assert_allclose(found[name], values, rtol=1e-6)


def test_predictions_are_the_callers_own():
    """Where a model ends in logits, what train_step gives metrics is no buffer of the engine."""
    model = Sequential(
        [layers.Input((6, 6, 3)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(3)], seed=0
    )
    model.compile(optimizers.SGD(0.0), losses.SparseCategoricalCrossentropy(from_logits=True))
    for step in (model.train_step, model.test_step):
        _, y_pred = step(X, Y)
        before = y_pred.copy()
        model.predict(X[::-1], verbose=0)
        np.testing.assert_array_equal(y_pred, before)
    model.forward(X, training=True)
    dx = model.backward(np.ones((12, 3), np.float32))
    before = dx.copy()
    model.train_step(X[::-1], Y)
    np.testing.assert_array_equal(dx, before)


# Forward and backward by hand

DY = np.ones((12, 3), np.float32)
IN_BETWEEN = {
    "training forward": lambda model: model.forward(X[::-1], training=True),
    "prediction": lambda model: model.predict(X, verbose=0),
    "training step": lambda model: model.train_step(X, Y),
    "training step of a model that shares layers": lambda model: sharing(model).train_step(X, Y),
    "other weights": lambda model: model.set_weights([2 * w for w in model.get_weights()]),
    "nothing that disturbs": lambda model: model.get_weights(),
}


def sharing(model):
    other = Sequential(
        [*model.layers[:-1], layers.Dense(3, activation="softmax", name="own")], seed=1
    )
    other.engine = model.engine
    other.compile(optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    return other


@engines
@pytest.mark.parametrize("what", IN_BETWEEN)
def test_backward_by_hand_notices_what_another_thread_has_done(engine, what):
    model = network(engine)
    model.forward(X, training=True)
    expected = network(engine)
    expected.forward(X, training=True)
    right = expected.backward(DY)
    Thread(lambda: IN_BETWEEN[what](model)).result()
    if what == "nothing that disturbs":
        np.testing.assert_array_equal(model.backward(DY), right)
        return
    with pytest.raises(RuntimeError) as caught:
        model.backward(DY)
    assert "forward" in str(caught.value)
    model.forward(X, training=True)  # and then all is well again
    model.backward(DY)


def test_what_backward_says():
    model = network()
    Thread(lambda: model.forward(X, training=True)).result()
    with pytest.raises(RuntimeError) as caught:
        model.backward(DY)
    assert str(caught.value) == (
        "backward expected the thread of the last forward(training=True), received another: while "
        "threads share a model, use train_step or train_on_batch, which are one step each"
    )
    model.forward(X, training=True)
    sharing(model).forward(X, training=True)
    with pytest.raises(RuntimeError) as caught:
        model.backward(DY)
    assert str(caught.value) == (
        "backward expected Conv2D 'conv2d' as its forward(training=True) has left it, received it "
        "after another one, of a model that shares it, or with other weights: run "
        "forward(training=True) again"
    )


def test_two_models_without_a_common_layer_may_go_forward_before_both_go_backward():
    """As a generator and a discriminator do."""
    expected, first, second = network(), network(), network()
    expected.forward(X, training=True)
    right = expected.backward(DY)
    first.forward(X, training=True)
    second.forward(X, training=True)
    for model in (second, first):
        np.testing.assert_array_equal(model.backward(DY), right)


# A model that is called in the middle of itself


class Asks(layers.Layer):
    """A layer that asks a model in its forward."""

    model = None

    def forward(self, x, *, training=False):
        self._cache = (len(x),) if training else None
        if self.model is not None:
            asked, self.model = self.model, None  # once, not for ever
            asked.predict(X, verbose=0)
        return x

    def backward(self, dy):
        return dy


@engines
def test_a_layer_may_ask_another_model_but_not_its_own(engine):
    asks = Asks()
    model, other = network(engine, extra=[asks]), network(engine)
    right = model.predict(X, verbose=0)
    asks.model = other
    np.testing.assert_array_equal(model.predict(X, verbose=0), right)
    asks.model = model
    with pytest.raises(RuntimeError) as caught:
        model.predict(X, verbose=0)
    assert str(caught.value) == (
        "the forward of Asks 'asks' expected to be the only one of its network, received another "
        "in the middle of it: a layer or a signal handler must not call the model that it "
        "interrupts"
    )
    np.testing.assert_array_equal(model.predict(X, verbose=0), right)


def test_nobody_waits_for_a_lock_that_an_interrupt_has_left_taken_in_numba(monkeypatch):
    model = network(rate=0.0)
    right, (loss, _) = model.predict(X, verbose=0), model.train_step(X, Y)
    # as after set_threads: each thread is told when it runs first
    monkeypatch.setattr(threads, "_count", threads.state()["used"])
    with parallel._backend_init_process_lock:
        found = together(lambda: model.predict(X, verbose=0), lambda: model.train_step(X, Y)[0])
    assert np.array_equal(found[0], right) and found[1] == loss


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer here")
def test_an_interrupt_at_any_moment_leaves_no_lock_and_no_wrong_number():
    model, draws = network(rate=0.0), np.random.default_rng(0)
    right, (loss, _) = model.predict(X, verbose=0), model.train_step(X, Y)
    interrupts = 0
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for _ in range(60):
            try:
                signal.setitimer(signal.ITIMER_REAL, draws.uniform(1e-5, 2e-3))
                # not for ever: an interrupt of a destructor, for example, goes nowhere
                for _ in range(100):
                    model.train_step(X, Y)
                    model.predict(X[:5], verbose=0)
            except KeyboardInterrupt:
                interrupts += 1
            found = together(lambda: model.predict(X, verbose=0), lambda: model.train_step(X, Y)[0])
            assert np.array_equal(found[0], right) and found[1] == loss
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert (
        interrupts > 40
        and Thread(lambda: alone.acquire(blocking=False) and not alone.release()).result()
    )


@pytest.mark.parametrize("layer", check_threads.LAYERS)
def test_any_mixture_of_what_runs_models_in_short(layer):
    """The long form is tests/check_threads.py, its result docs/results/threads.json."""
    [printed] = output(
        "import check_threads, json; print(json.dumps(check_threads.try_rounds(2)))",
        NUMBA_THREADING_LAYER=layer,
        NUMBA_NUM_THREADS="2",
    )
    found = json.loads(printed)
    assert (found["threading_layer"], found["wrong"], found["errors"], found["hangs"]) == (
        layer,
        {},
        {},
        0,
    )
    assert sum(found["numbers"].values()) == check_threads.THREADS * check_threads.ACTIONS + 1


def test_the_results_of_the_long_checks_are_good():
    for name in ("threads", "forks"):
        kept = json.loads((check_threads.RESULTS / f"{name}.json").read_text())
        assert kept["passed"] and set(kept["results"]) == set(check_threads.LAYERS)
