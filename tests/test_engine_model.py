"""Models on the engine: switched, shared by threads, copied, and with the same bits on any number
of threads.
"""

import copy
import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from programs import output

from minicnn import Sequential, layers


def small_model(engine="fast"):
    stack = [
        layers.Conv2D(8, 3, activation="relu"),
        layers.BatchNormalization(),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(20, activation="relu"),
        layers.Dropout(0.3),
        layers.Dense(4, activation="softmax"),
    ]
    model = Sequential([layers.Input((12, 12, 3)), *stack], seed=3, dtype="float64")
    model.engine = engine
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    return model


def batches(count):
    rng = np.random.default_rng(0)
    return [(rng.standard_normal((20, 12, 12, 3)), rng.integers(0, 4, 20)) for _ in range(count)]


def test_engines_may_be_switched_in_the_middle_of_training():
    models = [small_model("reference"), small_model("fast")]
    for number, (x, y) in enumerate(batches(6)):
        models[1].engine = "fast" if number % 2 else "reference"
        results = [model.train_on_batch(x, y) for model in models]
        np.testing.assert_allclose(results[1], results[0], rtol=1e-9)
    for reference, fast in zip(*[model.get_weights() for model in models], strict=True):
        np.testing.assert_allclose(fast, reference, rtol=1e-6, atol=1e-9)


def test_outputs_belong_to_the_user():
    """The next call must not write into what the last one returned."""
    model = Sequential([layers.Input((12, 12, 3)), layers.Conv2D(16, 3)], seed=0)
    x = np.random.default_rng(0).standard_normal((3, 12, 12, 3)).astype(np.float32)
    with pytest.warns(UserWarning, match="neither been trained nor loaded"):
        first = model.predict(x)
    forward, kept = model.forward(x), first.copy()
    model.forward(-x)
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(forward, kept)


def test_threads_may_predict_with_one_model():
    model = small_model()
    pictures = np.random.default_rng(0).standard_normal((8, 20, 12, 12, 3))
    alone = [model.forward(x) for x in pictures]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            for y, expected in zip(pool.map(model.forward, pictures), alone, strict=True):
                np.testing.assert_array_equal(y, expected)


def test_a_copy_of_a_model_is_a_model_of_its_own():
    model = small_model()
    (x, y), *_ = batches(1)
    model.train_on_batch(x, y)
    twin = copy.deepcopy(model)
    np.testing.assert_array_equal(twin.forward(x), model.forward(x))
    before = model.forward(x)
    twin.train_on_batch(x, y)
    np.testing.assert_array_equal(model.forward(x), before)
    assert not np.array_equal(twin.forward(x), before)


def test_an_unknown_engine_is_refused():
    with pytest.raises(ValueError, match="engine expected 'fast' or 'reference', received 'turbo'"):
        small_model("turbo")


def test_starting_the_threads_leaves_the_environment_as_it_was():
    program = """if True:
        import os
        import numpy as np
        before = dict(os.environ)
        from minicnn import Sequential, layers
        Sequential([layers.Input((3,)), layers.Dense(2)], seed=0).forward(np.ones((1, 3)))
        assert dict(os.environ) == before, set(os.environ) ^ set(before)
        print("as it was")
    """
    for setting in ({}, {"GOMP_SPINCOUNT": "7"}):
        assert output(program, **setting) == ["as it was"]


def test_without_numbas_compiler_the_layers_run_as_they_are_written():
    program = """if True:
        import numpy as np
        from minicnn import Sequential, layers
        stack = [layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(2)]
        model = Sequential([layers.Input((6, 6, 1)), *stack], seed=0)
        print(model.forward(np.ones((1, 6, 6, 1))).shape)
    """
    assert output(program, NUMBA_DISABLE_JIT="1") == ["(1, 2)"]


PROGRAM = """
import hashlib, numpy as np, numba
from minicnn import Sequential, layers
for threads in (1, 2, 3, 4):
    numba.set_num_threads(threads)
    model = Sequential([
        layers.Input((12, 12, 3)), layers.Conv2D(8, 3, activation="relu"),
        layers.BatchNormalization(), layers.MaxPooling2D(), layers.Flatten(),
        layers.Dense(20, activation="relu"), layers.Dropout(0.3),
        layers.Dense(4, activation="softmax")], seed=3)
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((410, 12, 12, 3)), rng.integers(0, 4, 410)
    model.fit(x, y, batch_size=20, epochs=3, verbose=0)
    print(numba.get_num_threads(),
          hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest())
"""


def test_the_weights_do_not_depend_on_the_number_of_threads():
    """63 steps, bit for bit; NUMBA_NUM_THREADS allows more threads than there are processors."""
    threads, hashes = zip(*map(str.split, output(PROGRAM, NUMBA_NUM_THREADS="4")), strict=True)
    assert threads == ("1", "2", "3", "4")
    assert len(set(hashes)) == 1 and len(hashes[0]) == len(hashlib.sha256().hexdigest())
