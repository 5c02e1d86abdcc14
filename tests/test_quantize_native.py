"""Whole numbers in machine code: the bits of integers.py, and no byte beside any array."""

import copy
import pickle
import types
from unittest.mock import patch

import numpy as np
import pytest
import quantize_models
from fence import POSSIBLE, Fence
from hypothesis import given, settings
from hypothesis import strategies as st

import minicnn
from minicnn import quantize
from minicnn.engine import integer_tiles
from minicnn.machine import threads
from minicnn.machine.emit import AVX2, host
from minicnn.quantize import integers, native, shapes
from minicnn.quantize.integers import IntegerOperation
from minicnn.quantize.model import QuantizedModel
from minicnn.quantize.numbers import Quantization
from minicnn.quantize.operations import WEIGHTED, Computation

pytestmark = pytest.mark.skipif(not native.available(), reason="needs AVX2")
sizes, strides = st.integers(1, 9), st.tuples(st.integers(1, 3), st.integers(1, 3))
EXTREMES = {"low": (-128, -128), "high": (127, 127), "all": (-128, 127)}


@st.composite
def quantizations(draw):
    scale = draw(st.floats(2**-10, 0.125, width=32))
    return Quantization(np.float32(scale), draw(st.sampled_from([-128, -1, 0, 3, 127])))


@st.composite
def operations(draw):
    """(operation, quantizations and shapes of what it reads), of every kind that has a form."""
    kind = draw(st.sampled_from(list(native.FORMS)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    of = [draw(quantizations())]
    makes = of[0] if "pooling" in kind else draw(quantizations())
    C = draw(st.sampled_from([1, 2, 3, 8, 16, 17, 33]))
    picture = (draw(st.integers(1, 13)), draw(st.integers(1, 13)), C)
    told = {"strides": draw(strides), "padding": draw(st.sampled_from(["same", "valid"]))}
    size = tuple(min(draw(st.integers(1, 5)), n) for n in picture[:2])
    kernel, F = None, draw(st.sampled_from([1, 3, 8, 15, 16, 17, 32, 37]))
    if kind == "dense":
        D = draw(st.integers(1, 70))
        picture, kernel = (D,), (D, F)
    elif kind == "conv2d":
        G = draw(st.sampled_from([g for g in (1, 2, 3, 11, 16) if C % g == 0]))
        told |= {"groups": G}
        kernel = (*size, C // G, F * G)
    elif kind == "depthwise_conv2d":
        kernel = (*size, C, draw(st.integers(1, 3)))
    elif kind == "add":
        of.append(draw(quantizations()))
    else:
        told["pool_size"] = size
    if kernel is not None and kind != "dense":
        fits = all((k - 1) * 2 < n for k, n in zip(size, picture, strict=False))
        told["dilation_rate"] = (2, 2) if fits and draw(st.booleans()) else (1, 1)
    activation = None
    if kind in (*WEIGHTED, "add"):
        activation = draw(st.sampled_from([None, "relu", "relu6"]))
    operation = IntegerOperation(
        kind, "one", tuple(0 for _ in of), picture, activation, told, makes=makes
    )
    if kernel is not None:
        low, high = EXTREMES[draw(st.sampled_from(list(EXTREMES)))]
        drawn = rng.integers(low, high + 1, kernel)
        operation.kernel = np.clip(drawn, -127, 127).astype(np.int8)
        filters = kernel[2] * kernel[3] if kind == "depthwise_conv2d" else kernel[-1]
        operation.bias = rng.integers(-9999, 9999, filters).astype(np.int32)
        operation.kernel_scale = rng.uniform(1e-4, 0.1, filters).astype(np.float32)
    operation.shape = shapes.made_of(operation, [picture] * len(of))
    low, high = EXTREMES[draw(st.sampled_from(list(EXTREMES)))]
    count = draw(st.integers(1, 5))
    qs = [rng.integers(low, high + 1, (count, *picture)).astype(np.int8) for _ in of]
    return operation, of, [picture] * len(of), qs


@settings(max_examples=150, deadline=None)
@given(operations())
def test_every_form_makes_the_bits_of_the_definition(drawn):
    operation, of, taken, qs = drawn
    made = native.FORMS[operation.kind](operation, of, taken)(qs)
    expected = integers.made(operation, qs, of)
    assert made.dtype == expected.dtype and np.array_equal(made, expected)


@pytest.mark.skipif(not POSSIBLE, reason="needs mprotect")
@pytest.mark.parametrize("at_end", [True, False])
@settings(max_examples=40, deadline=None)
@given(operations())
def test_no_byte_is_touched_beside_an_array(at_end, drawn):
    operation, of, taken, qs = drawn
    fence = Fence(at_end)
    form = native.FORMS[operation.kind](operation, of, taken)
    if operation.kernel is not None:
        form.packed = type(form.packed)(*(fence.like(array) for array in form.packed))
    if operation.kind == "depthwise_conv2d":
        form.places = fence.like(form.places)
    fenced = {"empty": fence.empty, "empty_like": lambda x: fence.empty(x.shape, x.dtype)}
    with patch.object(native, "np", types.SimpleNamespace(**{**vars(np), **fenced})):
        made = form([fence.like(q) for q in qs])
    assert np.array_equal(made, integers.made(operation, qs, of))


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
    with patch.object(native, "SHARE", 1):
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
    with patch.object(integer_tiles, "available", return_value=False):
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


def test_values_are_let_go_after_their_last_use():
    operations = [IntegerOperation("relu", f"r{n}", (n,), (4,), "relu") for n in range(3)]
    network = native.Native(Computation("n", (4,), operations), Quantization(np.float32(1), 0))
    assert network.last_use == {0: 0, 1: 1, 2: 2}
    whole = QuantizedModel(Computation("n", (4,), operations), Quantization(np.float32(1), 0))
    x = np.array([[-1, 0, 1, 200]], np.float32)
    assert whole.predict(x).tolist() == [[0, 0, 1, 127]]


@pytest.mark.skipif(integer_tiles.instruction_set() is not AVX2, reason="reads what AVX2 is given")
def test_a_tile_multiplies_pairs_and_keeps_its_sums_in_registers():
    text = integer_tiles.tile.emit(6, 16).assembly(host())
    assert text.count("vpmaddwd") == 12
    assert "vfmadd" not in text and "vroundps\t$8" in text
