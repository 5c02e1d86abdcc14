"""Whole numbers in machine code: the bits of integers.py, and no byte beside any array, with every
instruction set that the processor has.
"""

import copy
import pickle
import re
import types
import warnings
from unittest.mock import patch

import numpy as np
import pytest
import quantize_models
from fence import POSSIBLE, Fence
from hypothesis import given, settings
from hypothesis import strategies as st
from quantize_drawn import computations, numbers, quantizations

import minicnn
from minicnn import quantize
from minicnn.engine import integer_sets, integer_tiles
from minicnn.machine import threads
from minicnn.quantize import forms, fusing, integers, native, shapes, trial
from minicnn.quantize.integers import IntegerOperation
from minicnn.quantize.model import QuantizedModel
from minicnn.quantize.numbers import Quantization
from minicnn.quantize.operations import Computation

pytestmark = pytest.mark.skipif(not native.available(), reason="needs AVX2")
SETS = [
    pytest.param(
        isa,
        marks=pytest.mark.skipif(isa not in integer_sets.available(), reason=f"no {isa.name} here"),
        id=isa.name,
    )
    for isa in integer_sets.NEEDS
]


def run(network, q):
    """The last value of whole numbers."""
    values = {0: q}
    for step, one in zip(network.steps, network.passes, strict=True):
        values[one.writes] = step([values[n] for n in one.reads])
    return values[network.passes[-1].writes]


@pytest.mark.parametrize("isa", SETS)
@settings(max_examples=120, deadline=None)
@given(computations(), st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 5, 17]))
def test_every_form_makes_the_bits_of_the_definition(isa, drawn, seed, count):
    computation, of = drawn
    q = numbers(computation, seed, count)
    made = run(native.Native(computation, of, isa), q)
    *_, expected = integers.values(computation, of, q)
    assert made.dtype == expected.dtype and np.array_equal(made, expected)


@pytest.mark.skipif(not POSSIBLE, reason="needs mprotect")
@pytest.mark.parametrize("at_end", [True, False])
@pytest.mark.parametrize("isa", SETS)
@settings(max_examples=40, deadline=None)
@given(computations(), st.integers(0, 2**32 - 1), st.booleans())
def test_no_byte_is_touched_beside_an_array(isa, at_end, drawn, seed, alone):
    computation, of = drawn
    fenced(isa, at_end, computation, of, numbers(computation, seed, 1 + seed % 4), alone)


@pytest.mark.skipif(not POSSIBLE, reason="needs mprotect")
@pytest.mark.parametrize("at_end", [True, False])
@pytest.mark.parametrize("isa", SETS)
@pytest.mark.parametrize("C", [1, 3, 5, 17])
def test_lanes_that_are_filled_in_part_are_not_read_beside_an_array(isa, at_end, C):
    """The last patch of the last row, whose last lane has taps that are not there, and the last
    cell, whose last register has channels that are not there.
    """
    told = {"strides": (1, 1), "padding": "valid", "dilation_rate": (1, 1), "groups": 1}
    rng = np.random.default_rng(C)
    for kind, kernel in (("conv2d", (3, 3, C, 7)), ("depthwise_conv2d", (3, 3, C, 1))):
        filters = 7 if kind == "conv2d" else C
        of, makes = Quantization(np.float32(0.01), -5), Quantization(np.float32(0.1), 3)
        one = IntegerOperation(
            kind, "0", (0,), (4, 5, filters), None, told,
            rng.integers(-127, 128, kernel, np.int8), np.zeros(filters, np.int32),
            np.full(filters, 0.01, np.float32), makes,
        )  # fmt: skip
        computation = Computation("one", (6, 7, C), [one])
        fenced(isa, at_end, computation, of, numbers(computation, 2, 1), True)


def fenced(isa, at_end, computation, of, q, alone):
    """Compute with every array beside a page that may not be touched."""
    network, fence = native.Native(computation, of, isa), Fence(at_end)
    for form in network.steps:
        if hasattr(form, "packed"):
            form.packed = type(form.packed)(*(fence.like(array) for array in form.packed))
        if hasattr(form, "blank"):
            form.blank = fence.like(form.blank)
    made_there = {"empty": fence.empty, "empty_like": lambda x: fence.empty(x.shape, x.dtype)}
    with (
        patch.object(forms, "np", types.SimpleNamespace(**{**vars(np), **made_there})),
        patch.object(forms, "SHARE", forms.SHARE if alone else 1),
    ):
        made = run(network, fence.like(q))
    *_, expected = integers.values(computation, of, q)
    assert np.array_equal(made, expected)


@pytest.mark.parametrize("isa", SETS)
@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(width=32), min_size=1, max_size=70), quantizations(), st.booleans())
def test_reals_are_rounded_as_it_is_defined(isa, reals, of, at_end):
    x = np.array(reals, np.float32)
    with np.errstate(all="ignore"):
        expected = of.integers(x)
    fence = Fence(at_end) if POSSIBLE else None
    rounded = forms.Rounded(of, isa)
    made = rounded(x if fence is None else fence.like(x))
    assert np.array_equal(made[np.isfinite(x)], expected[np.isfinite(x)])
    assert np.array_equal(made[np.isinf(x)], expected[np.isinf(x)])
    halves = (np.arange(-9, 9, dtype=np.float32) + np.float32(0.5)) * np.float32(0.25)
    quarter = Quantization(np.float32(0.25), 0)
    assert np.array_equal(forms.Rounded(quarter, isa)(halves), quarter.integers(halves))


@pytest.mark.parametrize("isa", SETS)
def test_every_instruction_set_predicts_the_same_network(isa):
    for draw in (quantize_models.chain, quantize_models.branching):
        model = draw()
        x = quantize_models.pictures(9, model.input_shape[1:])
        whole = quantize.quantized(model, x)
        made = native.Native(whole.computation, whole.of_input, isa)(x)
        assert np.array_equal(made, whole.integers(x)[-1])


def test_what_follows_a_convolution_runs_in_its_pass():
    model = quantize_models.chain()
    whole = quantize.quantized(model, quantize_models.pictures(3, model.input_shape[1:]))
    found = fusing.passes(whole.computation, 14)
    kinds = [one.operation.kind for one in found]
    assert kinds == ["conv2d", "reshape", "dense", "dense"]
    assert found[0].norm.kind == "depthwise_conv2d" and found[0].pool.kind == "max_pooling2d"
    assert [one.reads for one in found] == [(0,), (3,), (4,), (5,)]
    assert [one.writes for one in found] == [3, 4, 5, 6]
    # a window that is too large for a tile is a pass of its own
    kinds = [one.operation.kind for one in fusing.passes(whole.computation, 3)]
    assert kinds == ["conv2d", "max_pooling2d", "reshape", "dense", "dense"]


ALONE = {  # which operation of a convolution, a normalisation and a pooling is changed, and how
    "two users": (2, lambda pool: setattr(pool, "reads", (1,))),
    "not side by side": (2, lambda pool: pool.settings.update(strides=(1, 1))),
    "padded": (2, lambda pool: setattr(pool, "shape", (5, 6, 40))),
    "what cannot be negated": (0, lambda conv: conv.kernel.fill(-128)),
    "dilated": (0, lambda conv: conv.settings.update(dilation_rate=(1, 2))),
}


@pytest.mark.parametrize("why", ALONE)
def test_a_pooling_that_is_not_the_same_behind_the_sums_is_alone(why):
    operations = trial.convolution()
    computation = Computation("one", trial.PICTURE, operations)
    for place, operation in enumerate(operations):
        operation.shape = shapes.made_of(operation, [computation.shape(place)])
    assert len(fusing.passes(computation, 14)) == 1
    place, change = ALONE[why]
    change(operations[place])
    assert fusing.passes(computation, 14)[-1].operation is operations[-1]


@pytest.mark.parametrize("draw", [quantize_models.chain, quantize_models.branching])
def test_networks_predict_the_bits_of_the_definition(draw):
    model = draw()
    x = quantize_models.pictures(70, model.input_shape[1:])
    whole = quantize.quantized(model, x[:40])
    reals = whole.operations[-1].makes.reals(whole.integers(x)[-1])
    with patch.dict("os.environ", MINICNN_ENGINE="reference"):
        defined = whole.predict(x)
    assert np.array_equal(whole.predict(x), defined)
    assert np.array_equal(defined.argmax(axis=1), reals.argmax(axis=1))
    assert whole._native is not None
    for other in (copy.deepcopy(whole), pickle.loads(pickle.dumps(whole))):
        assert np.array_equal(other.predict(x), defined)


def test_the_number_of_threads_changes_no_bit():
    with patch.object(forms, "SHARE", 1):
        model = quantize_models.branching()
        x = quantize_models.pictures(5, model.input_shape[1:])
        whole = quantize.quantized(model, x)
        try:
            made = []
            for n in (1, threads.get_thread_count()):
                minicnn.set_threads(n)
                made.append(whole.predict(x))
        finally:
            minicnn.set_threads(threads.get_thread_count())
    assert np.array_equal(*made)


def test_without_the_instructions_the_definition_answers():
    model = quantize_models.chain()
    x = quantize_models.pictures(3, model.input_shape[1:])
    whole = quantize.quantized(model, x)
    with patch.object(integer_sets, "available", return_value=[]):
        assert not native.available()
        before = whole.predict(x)
    assert whole._native is None and np.array_equal(whole.predict(x), before)


def test_what_was_changed_since_it_was_checked_is_checked_before_addresses_are_used():
    model = quantize_models.chain()
    x = quantize_models.pictures(3, model.input_shape[1:])
    whole = quantize.quantized(model, x)
    whole.operations[0].settings = {**whole.operations[0].settings, "strides": (0, 1)}
    with pytest.raises(ValueError, match="expected strides as two numbers"):
        whole.predict(x)


def test_as_many_samples_run_at_once_as_a_cache_holds_the_values_of():
    def batch(side):
        one = IntegerOperation("relu", "r", (0,), (side, side, 64), "relu")
        computation = Computation("n", (side, side, 64), [one])
        return native.Native(computation, Quantization(np.float32(1), 0)).batch

    assert [batch(side) for side in (4, 16, 1000)] == [256, 128, 32]


def test_values_are_let_go_after_their_last_use():
    operations = [IntegerOperation("relu", f"r{n}", (n,), (4,), "relu") for n in range(3)]
    network = native.Native(Computation("n", (4,), operations), Quantization(np.float32(1), 0))
    assert network.last_use == {0: 0, 1: 1, 2: 2}
    whole = QuantizedModel(Computation("n", (4,), operations), Quantization(np.float32(1), 0))
    x = np.array([[-1, 0, 1, 200]], np.float32)
    assert whole.predict(x).tolist() == [[0, 0, 1, 127]]


@pytest.mark.parametrize("isa", SETS)
@pytest.mark.parametrize("kind", trial.OPERATIONS)
def test_machine_code_passes_its_trial(kind, isa):
    assert trial.wrong(kind, isa) == 0


@pytest.fixture
def forgetful():
    """The verdict is not kept from or for other tests."""
    trial._passes.cache_clear()
    yield
    trial._passes.cache_clear()


@pytest.mark.usefixtures("forgetful")
def test_with_a_wrong_kernel_the_definition_answers(monkeypatch):
    """The wrong kernel leaves out the normalisation behind a convolution."""
    best, right = native.best(), integer_tiles.tile
    monkeypatch.setattr(integer_tiles, "tile", lambda *told: right(*told[:-1], 1))
    model = quantize_models.chain()
    x = quantize_models.pictures(3, model.input_shape[1:])
    whole = quantize.quantized(model, x)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made = whole.predict(x)
    [warning] = caught
    assert warning.category is RuntimeWarning
    pattern = (
        f"minicnn computes conv2d of whole numbers wrongly with {best.name} on this machine "
        r"\(\d+% of them\), so such models run in NumPy, slower but right: see `minicnn doctor`$"
    )
    assert re.match(pattern, str(warning.message)), warning.message
    assert whole._native is None
    with patch.dict("os.environ", MINICNN_ENGINE="reference"):
        assert np.array_equal(made, whole.predict(x))
    whole.predict(x)  # once said is enough: a second warning would be an error


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        (
            "+avx2,+fma,+avx512f,+avx512bw,+avx512vl,+avx512vnni",
            ["AVX-512 VNNI", "AVX-VNNI", "AVX2"],
        ),
        ("+avx2,+fma,+avx512f,+avx512bw,+avx512vl,-avx512vnni", ["AVX2"]),
        ("+avx2,+fma,+avxvnni", ["AVX-VNNI", "AVX2"]),
        ("+avx2,-fma", []),
        ("+neon", []),
    ],
)
def test_the_best_instructions_that_numba_compiles_for_are_chosen(monkeypatch, features, expected):
    monkeypatch.setattr(integer_sets, "target", lambda: ("any", features))
    assert [isa.name for isa in integer_sets.available.__wrapped__()] == expected
