"""Who is answered together, how long the first waits, and that it changes no bit."""

import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from serving import small_model

from minicnn.serve.batching import Batcher, Question, answers
from minicnn.serve.served import Served, tried


class Future:
    """As much of one as a question needs."""

    def done(self):
        return False


@pytest.fixture(scope="module")
def small():
    return made(small_model())


def made(model, name="small"):
    return tried(Served(name, model, list(model.class_names), model.input_shape[1:]), 8)


def question(served, pictures=1, seed=0, explain=False):
    x = np.random.default_rng(seed).integers(0, 256, (pictures, *served.shape))
    return Question(served, Future(), explain, x.astype(np.float32))


def filled(batcher, *questions):
    for one in questions:
        batcher.expect()
        batcher.put(one)
    return batcher


def test_who_waits_goes_together_up_to_a_batch(small):
    batcher = filled(Batcher(8, 0), *(question(small, n) for n in (3, 4, 2, 8, 9, 1)))
    batches = [[len(one.x) for one in batcher.take()] for _ in range(5)]
    assert batches == [[3, 4], [2], [8], [9], [1]]
    batcher.close()
    assert batcher.take() is None


def test_a_batch_is_of_one_model_and_the_longest_wait_comes_first(small):
    other = made(small_model(1), "other")
    a, b, c = question(small), question(other), question(small)
    batcher = filled(Batcher(8, 0), a, b, c)
    assert [batcher.take(), batcher.take()] == [[a, c], [b]]


def test_maps_are_made_one_by_one(small):
    a, b, c = question(small, explain=True), question(small), question(small, explain=True)
    batcher = filled(Batcher(8, 0), a, b, c)
    assert [batcher.take() for _ in range(3)] == [[a], [b], [c]]


def test_nobody_waits_for_nobody(small):
    batcher = filled(Batcher(8, 1000), question(small))
    began = time.monotonic()
    assert len(batcher.take()) == 1 and time.monotonic() - began < 100


def test_who_is_on_the_way_is_waited_for(small):
    batcher = filled(Batcher(8, 1000), question(small))
    batcher.expect()
    threading.Timer(0.05, lambda: batcher.put(question(small))).start()
    assert len(batcher.take()) == 2
    batcher = filled(Batcher(8, 1000), question(small))
    batcher.expect()
    threading.Timer(0.05, batcher.withdraw).start()
    assert len(batcher.take()) == 1


def test_but_not_for_long_and_not_by_a_full_batch(small):
    batcher = filled(Batcher(8, 0.01), question(small))
    batcher.expect()
    assert len(batcher.take()) == 1
    batcher = filled(Batcher(8, 1000), question(small, 5), question(small, 3))
    batcher.expect()
    assert len(batcher.take()) == 2


def test_calls_come_between_batches(small):
    batcher = filled(Batcher(8, 0), question(small))
    batcher.call(len)
    assert batcher.take() is len and len(batcher.take()) == 1


@settings(max_examples=25)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_answers_have_the_bits_of_single_pictures_in_any_company(small, sizes, random):
    questions = [question(small, n, random.randrange(1000), n == 2) for n in sizes]
    batcher = filled(Batcher(8, 0), *questions)
    found = {}
    while len(found) < len(questions):
        batch = batcher.take()
        found |= dict(zip(batch, answers(batch), strict=True))
    for one in questions:
        probabilities, maps = found[one]
        alone = np.concatenate([small.predict(x[None]) for x in one.x])
        assert probabilities.tobytes() == alone.tobytes()
        assert len(maps) == (len(one.x) if one.explain else 0)
        for x, row, heat in zip(one.x, alone, maps, strict=False):
            np.testing.assert_array_equal(heat, small.heat(x, int(row.argmax())))


def test_the_engine_is_the_same_in_any_company_and_the_try_sees_when_not(small):
    assert list(small.runs) == [8, 4, 2, 1] and small.explains

    class Depends:
        """Its answers differ in the last bit where others are there."""

        input_shape, ends_in = (None, 12, 10, 3), "softmax"
        inner = small.model

        def predict(self, x):
            y = self.inner(x)
            return y if len(x) < 3 else np.nextafter(y, 1)

    told = tried(Served("depends", Depends(), ["a"] * 5, (12, 10, 3)), 8)
    assert list(told.runs) == [1] and not told.explains
    first, second = question(told, 4), question(told, 1)
    [(probabilities, _)] = answers([first])
    assert len(probabilities) == 4
    assert filled(Batcher(8, 0), first, second).take() == [first]


def test_answers_stay_when_the_model_answers_others(small):
    """They are no view of a buffer that the engine writes to again."""
    [(first, _)] = answers([question(small, 2, 1)])
    kept = first.copy()
    answers([question(small, 2, 2)])
    np.testing.assert_array_equal(first, kept)
