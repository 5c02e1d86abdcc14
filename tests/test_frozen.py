"""Inference as one call: the third time that a shape is met there is a program for it, and it says
to the bit what the steps say one by one.
"""

import threading

import numpy as np
import pytest
from engine_cases import blocks, both_engines, fits
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from networks import residual_network
from strategies import seeds

from minicnn import Input, Model, Sequential, layers
from minicnn.machine.threads import set_threads, state, turn
from minicnn.network import frozen
from minicnn.network.sharing import LENGTH, TRIAL, Sharing

TWO_THREADS = pytest.mark.skipif(state()["available"] < 2, reason="needs two threads")


def program(model):
    """That of the last shape met."""
    return list(model._execution().frozen.programs.values())[-1]


def programs(model):
    """Those for one picture, by how many threads share it."""
    return {key[0]: one for key, one in model._execution().frozen.programs.items()}


def pixels(*shape, seed=0):
    return np.random.default_rng(seed).random(shape, np.float32)


def chain(activation="softmax"):
    """Convolutions of both ways, with all that may follow them, and dense layers."""
    return Sequential(
        [
            Input((14, 12, 16)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Conv2D(20, 3, strides=2, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(5, activation=activation),
        ],
        seed=0,
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@given(blocks(), st.integers(1, 9), seeds)
@settings(max_examples=30)
def test_a_program_gives_the_bits_of_the_steps(dtype, drawn, batch, seed):
    (_, *shape), stack = drawn
    assume(fits(stack, tuple(shape)))
    _, model = both_engines(stack, tuple(shape), dtype, seed)
    x = np.random.default_rng(seed).standard_normal((batch, *shape)).astype(dtype)
    once = model.forward(x)
    assert program(model) is None
    for _ in range(3):
        np.testing.assert_array_equal(model.forward(x), once)
    assert program(model) is not None


@pytest.mark.parametrize("n", [1, 3, 64])
def test_of_every_batch_a_picture_has_the_same_bits(n):
    model, x = chain(), pixels(65, 14, 12, 16)
    whole = model(x)  # too large for a program
    assert not model._execution().frozen.programs
    for _ in range(5):
        np.testing.assert_array_equal(model(x[:n]), whole[:n])
    assert program(model).possible


class Simulated(Sharing):
    """On a machine where a number of threads takes so many seconds for a picture."""

    def picture(self, seconds):
        threads = self.choose()
        self.note(threads, seconds[threads])
        return threads


@TWO_THREADS
def test_the_faster_way_is_taken_and_the_other_tried_now_and_then():
    sharing, most = Simulated(), state()["used"]
    quiet, busy = {most: 1.0, 1: 2.0}, {most: 9.0, 1: 2.0}
    chosen = [sharing.picture(quiet) for _ in range(4 * TRIAL)]
    assert chosen[:2] == [most, 1] and 3 * LENGTH < chosen.count(1) <= 4 * LENGTH
    chosen = [sharing.picture(busy) for _ in range(4 * TRIAL)]
    assert chosen.index(1) < 12 and chosen[12:].count(most) <= 4 * LENGTH
    chosen = [sharing.picture(quiet) for _ in range(40 * TRIAL)]
    assert chosen[-TRIAL:].count(1) <= LENGTH
    try:
        set_threads(1)
        turn()  # which is when the calling thread hears of it
        assert {sharing.picture(quiet) for _ in range(2 * TRIAL)} == {1}
    finally:
        set_threads(most)
        turn()


@TWO_THREADS
def test_neither_one_slow_call_nor_a_trials_cold_beginning_decides():
    sharing, most = Simulated(), state()["used"]
    for _ in range(TRIAL // 2):
        sharing.picture({most: 1.0, 1: 1.3})
    sharing.note(most, 100.0)
    assert sharing.next == most
    for _ in range(TRIAL):  # where something had both processors
        sharing.picture({most: 9.0, 1: 1.3})
    assert sharing.next == 1
    chosen = []
    for _ in range(2 * TRIAL):  # of a trial the first calls take longer
        tried = sharing.next != most and chosen[-2:] != [most, most]
        chosen.append(sharing.picture({most: 3.0 if tried else 1.0, 1: 1.3}))
    assert sharing.next == most


# What changes under a program's feet


CHANGES = {
    "a number of a kernel": lambda model: model.layers[0].params["kernel"].__setitem__(0, 0.5),
    "a number of a bias": lambda model: model.layers[-1].params["bias"].__setitem__(1, 0.5),
    "a moving average": lambda model: model.layers[1].state["moving_mean"].__setitem__(3, 0.5),
    "set_weights": lambda model: model.set_weights([2 * w + 1 for w in model.get_weights()]),
    "gamma": lambda model: model.layers[5 - 1].params["gamma"].__imul__(-1),
    "epsilon": lambda model: setattr(model.layers[1], "epsilon", 0.5),
    "a layer's assignment": lambda model: setattr(
        model.layers[0], "params", {k: v + 1 for k, v in model.layers[0].params.items()}
    ),
    "a training step": lambda model: train(model),
}


def train(model):
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.train_on_batch(pixels(4, 14, 12, 16, seed=1), np.arange(4))


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("n", [1, 5])
def test_a_change_of_weights_is_seen(change, n):
    model, x = chain(), pixels(n, 14, 12, 16)
    before = [model(x) for _ in range(3)][-1]
    change(model)
    after = model(x)
    assert not np.array_equal(after, before)
    other = chain()
    change(other)
    np.testing.assert_array_equal(after, other(x))
    np.testing.assert_array_equal(model(x), after)


@pytest.mark.parametrize("n", [1, 5])
@pytest.mark.parametrize("units", [10, 64])
def test_a_dense_kernel_is_packed_and_looked_at_or_read_where_it_lies(units, n):
    """One layer runs at two places."""
    first, dense = layers.Dense(units, activation="relu"), layers.Dense(units)
    given_x = Input((units,))
    model = Model(given_x, dense(layers.ReLU()(dense(first(given_x)))), seed=0)
    x = pixels(n, units)
    before = [model(x) for _ in range(6)][-1]
    made = program(model)
    kernels = [layer.params["kernel"] for layer in (first, dense)]
    seen = [any(a is kernel for a in made.fingerprint.arrays) for kernel in kernels]
    assert seen == [units % made.steps[0].layout.lanes != 0] * 2
    large = np.resize(x, (frozen.LARGEST + 1, units))  # has no program
    for kernel in kernels:
        kernel *= 2
        after = model(x)
        assert not np.array_equal(after, before)
        np.testing.assert_array_equal(after, model(large)[:n])
        before = after


def test_weights_that_come_back_after_an_interrupt_are_laid_out_anew(monkeypatch):
    """The interrupted call had begun to lay out others."""
    model, x = chain(), pixels(2, 14, 12, 16)
    once = [model(x) for _ in range(3)][-1]
    kernel = model.layers[0].params["kernel"]
    before = kernel.copy()
    kernel[...] = 1
    step = program(model).stages[-1].step
    with monkeypatch.context() as patched:
        patched.setattr(step, "forward", interrupted)
        with pytest.raises(KeyboardInterrupt):
            model(x)
    assert program(model).known == ()
    kernel[...] = before
    np.testing.assert_array_equal(model(x), once)


def interrupted(*_, **__):
    raise KeyboardInterrupt


def test_models_that_share_layers_see_each_others_training():
    whole = chain()
    part = Model(whole.inputs, whole.layers[2].output)
    x = pixels(1, 14, 12, 16)
    before = [part(x) for _ in range(3)][-1]
    train(whole)
    fresh = Model(whole.inputs, whole.layers[2].output)
    assert not np.array_equal(part(x), before)
    np.testing.assert_array_equal(part(x), fresh(x))


def test_a_program_does_not_disturb_a_forward_that_waits_for_its_backward():
    model, twin = chain(None), chain(None)
    x, other = pixels(4, 14, 12, 16), pixels(1, 14, 12, 16, seed=2)
    for _ in range(3):
        model(other)
    dy = np.random.default_rng(0).standard_normal((4, 5)).astype(np.float32)
    for one in (model, twin):
        one.reseed(0)
        one.forward(x, training=True)
    model(other)
    np.testing.assert_array_equal(model.backward(dy), twin.backward(dy))


# What goes in and comes out


def test_bytes_and_numbers_before_a_rescaling():
    model = Sequential(
        [Input((16, 16, 3)), layers.Rescaling(1 / 255), layers.Conv2D(8, 3), layers.Flatten()],
        seed=0,
    )
    x = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
    for given_x, possible in ((x, True), (x.astype(np.float32), False)):
        once = model(given_x)
        for _ in range(3):
            np.testing.assert_array_equal(model(given_x), once)
        assert program(model).possible is possible


def test_bytes_that_are_rescaled_and_added_too():
    """The step that makes numbers of them reads them twice, once as they are."""
    pictures = Input((8, 8, 16))
    x = layers.Conv2D(16, 3, padding="same")(layers.Rescaling(1 / 255)(pictures))
    model = Model(pictures, layers.Add()([x, pictures]), seed=0)
    for seed in range(4):
        x = np.random.default_rng(seed).integers(0, 256, (2, 8, 8, 16), np.uint8)
        np.testing.assert_allclose(model(x), model.forward(x, training=True), atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float64, np.int64, np.uint8, np.float16, bool])
def test_other_numbers_are_converted(dtype):
    model, x = chain(), (5 * pixels(2, 14, 12, 16)).astype(dtype)
    expected = model(x.astype(np.float32))
    for _ in range(3):
        np.testing.assert_array_equal(model(x), expected)


def test_rows_in_another_order_are_read_in_theirs():
    model, x = chain(), pixels(3, 14, 12, 16)
    expected = model(x[::-1, :, ::-1])
    for _ in range(3):
        np.testing.assert_array_equal(model(x[::-1, :, ::-1]), expected)


def test_what_comes_out_is_the_callers_own():
    model, x = chain(), pixels(2, 14, 12, 16)
    found = [model(x) for _ in range(4)]
    kept = found[-1].copy()
    found[-1][...] = 0
    model(x + 1)
    np.testing.assert_array_equal(model(x), kept)
    assert not np.array_equal(found[-1], kept)


def test_a_wrong_shape_is_refused_as_ever():
    model, x = chain(), pixels(1, 14, 12, 16)
    for _ in range(3):
        model(x)
    with pytest.raises(ValueError, match=r"of shape \(N, 14, 12, 16\), received \(1, 12, 14, 16\)"):
        model(x.transpose(0, 2, 1, 3))


def test_several_outputs():
    whole = chain()
    model = Model(whole.inputs, [whole.layers[2].output, whole.layers[6].output])
    x = pixels(2, 14, 12, 16)
    once = model(x)
    for _ in range(3):
        for found, expected in zip(model(x), once, strict=True):
            np.testing.assert_array_equal(found, expected)


def test_a_network_with_steps_of_python_has_no_programs():
    model = Sequential([Input((5, 5, 3)), layers.Conv2D(4, 3), layers.UpSampling2D()], seed=0)
    x = pixels(1, *model.input_shape[1:])
    once = model(x)
    for _ in range(3):
        np.testing.assert_array_equal(model(x), once)
    assert not program(model).possible


@pytest.mark.parametrize("n", [1, 3])
def test_a_residual_network_has_a_program(n):
    model = residual_network(seed=0)
    x = pixels(n, *model.input_shape[1:])
    once = model(x)
    for _ in range(3):
        np.testing.assert_array_equal(model(x), once)
    assert program(model).possible


def test_only_so_many_programs_are_kept():
    model = Sequential([Input((3,)), layers.Dense(2)], seed=0)
    for n in (*range(1, 2 * frozen.KEPT), 1):
        for _ in range(2):
            assert model(np.ones((n, 3), np.float32)).shape == (n, 2)
    assert len(model._execution().frozen.programs) == frozen.KEPT


def test_threads_of_a_program_may_share_a_model():
    model = chain()
    x = [pixels(n, 14, 12, 16, seed=n) for n in (1, 2, 3)]
    expected = [model(one) for one in x]
    wrong = []

    def ask(k):
        for _ in range(50):
            if not np.array_equal(model(x[k]), expected[k]):
                wrong.append(k)

    threads = [threading.Thread(target=ask, args=(k,)) for k in (0, 1, 2, 0)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not wrong
