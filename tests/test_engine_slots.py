"""What convolutions do for their neighbours: they write to what a Concatenate would copy them to,
and add their gradient to what other users of a value have given.
"""

import numpy as np
import pytest
from engine_cases import assert_close
from networks import convolved
from test_engine_merging import both, numbers

from minicnn import Input, Model, layers
from minicnn.engine.plan import plan
from minicnn.engine.slot import Slot, spanned
from minicnn.machine import processor
from minicnn.machine.workspace import LINE, maps
from minicnn.network.gradients import Gradients


def test_a_slot_is_some_channels_of_a_map():
    whole = maps((2, 3, 4, 10), np.dtype(np.float32))
    part = Slot(lambda _: whole, 10, 3, 7).of(2)
    part[...] = np.arange(part.size).reshape(part.shape)
    np.testing.assert_array_equal(part, whole[..., 3:7])
    np.testing.assert_array_equal(spanned(part), whole.reshape(-1)[3:-3])
    assert spanned(part).ctypes.data == part.ctypes.data


@pytest.mark.parametrize("shape", [(1,), (5, 7), (64, 32, 32, 3), (0, 4)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_maps_begin_with_a_line_of_the_cache(shape, dtype):
    made = maps(shape, np.dtype(dtype))
    assert (made.shape, made.dtype) == (shape, dtype)
    assert made.flags.carray
    assert not made.any()
    assert made.ctypes.data % LINE == 0 or not made.size


def slots_net(**options):
    """Branches of every kind before a concatenation, of whole registers and of none: those that
    write to their slot, and those that cannot.
    """
    inputs = Input((9, 9, 16))
    branches = [
        convolved(inputs, 32, 1),
        convolved(inputs, 21, 3),
        layers.Conv2D(16, 3, padding="same", activation="relu")(inputs),  # keeps what it makes
        layers.ReLU()(layers.Conv2D(7, 3, padding="same")(inputs)),
        layers.MaxPooling2D(3, strides=1, padding="same")(inputs),
        inputs,
    ]
    x = layers.Concatenate()(branches)
    pooled = layers.MaxPooling2D(2)(convolved(x, 13, 3))  # of nine columns eight
    halved = layers.AveragePooling2D(2)(x)
    y = layers.Concatenate()([pooled, halved, convolved(halved, 19, 1)])
    return Model(inputs, layers.GlobalAveragePooling2D()(y), **options)


def slots(model):
    return [one.step.slotted for one in model._execution().stages if hasattr(one.step, "slotted")]


def test_convolutions_write_to_their_slot_where_they_can():
    assert slots(both(slots_net)[1]) == [{0, 1}, {0, 2}]


def test_there_is_no_slot_for_what_others_read_too():
    def make(of, shape=(4, 4, 16)):
        inputs = Input(shape)
        x = convolved(inputs, 16, 1)
        return slots(Model(inputs, of(inputs, x), seed=0))

    assert make(lambda inputs, x: layers.Concatenate()([x, inputs])) == [{0}]
    assert make(lambda _, x: layers.Concatenate()([x, x])) == [set()]
    assert make(lambda inputs, x: [layers.Concatenate()([x, inputs]), x]) == [set()]
    assert make(lambda _, x: layers.Concatenate()([x, layers.ReLU()(x)])) == [set()]
    assert make(lambda inputs, x: layers.Concatenate(axis=1)([x, inputs])) == [set()]


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 2e-5)])
def test_of_changing_batches_slots_hold_what_the_layers_make(dtype, tolerance):
    models = both(slots_net, dtype)
    for n in (3, 1, 8, 3, 66, 1):  # more sizes than buffers are kept
        x = numbers((n, 9, 9, 16), dtype, n)
        expected, found = (model.forward(x, training=True) for model in models)
        assert_close(found, expected, tolerance, "outputs")
        dy = numbers(expected.shape, dtype, 7)
        theirs, mine = (model.backward(dy) for model in models)
        assert_close(mine, theirs, tolerance, "dx")
        for _ in range(3):  # by steps, and by a program
            assert_close(models[1](x), models[0](x), tolerance, "inference")


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("filters", [1, 4, 7])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 2e-5)])
def test_a_map_may_be_as_wide_as_the_whole_registers_of_one_branch(dtype, tolerance, filters, size):
    """Then its pixels lie as far apart as the row kernels expect, and yet some numbers between them
    are of the other branch.
    """
    lanes = processor.lanes(np.dtype(dtype))
    filters = min(filters, lanes - 1)

    def make(**options):
        inputs = Input((6, 5, 3))
        widths = lanes + filters, lanes - filters  # the first are padded to 2 lanes
        branches = [convolved(inputs, width, size) for width in widths]
        return Model(inputs, layers.Concatenate()(branches), **options)

    reference, model = both(make, dtype)
    x = numbers((3, 6, 5, 3), dtype, 1)
    expected, found = (one.forward(x, training=True) for one in (reference, model))
    assert_close(found, expected, tolerance, "outputs")
    dy = numbers(expected.shape, dtype, 2)
    theirs, mine = (one.backward(dy) for one in (reference, model))
    assert_close(mine, theirs, tolerance, "dx")
    for a, b in zip(reference.layers, model.layers, strict=True):
        for name in a.grads:
            assert_close(b.grads[name], a.grads[name], tolerance, f"{b} {name}")
    for _ in range(3):
        assert_close(model(x), reference(x), tolerance, "inference")


def downsampled(strides, size):
    def make(**options):
        """Of the gradients of a value the later ones are added by the convolutions themselves."""
        inputs = Input((8, 8, 16))
        x = convolved(inputs, 16)
        branches = [
            convolved(x, 24, size, strides),
            convolved(x, 5, 1, strides),
            layers.MaxPooling2D(3, strides=strides, padding="same")(x),
        ]
        return Model(inputs, layers.Concatenate()(branches), **options)

    return make


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_a_convolution_adds_its_gradient_to_what_others_gave(strides, size):
    reference, model = both(downsampled(strides, size), "float64")
    for n in (5, 2, 5):
        x = numbers((n, 8, 8, 16), "float64")
        expected, found = (one.forward(x, training=True) for one in (reference, model))
        dy = numbers(expected.shape, "float64")
        theirs, mine = (one.backward(dy) for one in (reference, model))
        assert_close(found, expected, 1e-12, "outputs")
        assert_close(mine, theirs, 1e-12, "dx")
        for (name, _, one), (_, _, other) in zip(
            *[model.parameters() for model in (reference, model)], strict=True
        ):
            assert_close(other, one, 1e-12, name, np.abs(one).max() + 1)
    if strides == 2:
        assert not model._execution().fast.forks.sums  # nothing was left to add up


def test_only_a_buffer_of_its_own_is_added_to():
    gradients, a, b = Gradients(), np.ones(2), np.ones(2)
    assert gradients.take_buffer(0) is None
    gradients.give(0, a)  # the gradient of another value too
    assert gradients.take_buffer(0) is None
    gradients.give(0, b, buffer=True)
    assert gradients.take_buffer(0) is None  # there are two
    assert [id(one) for one in gradients.given[0]] == [id(a), id(b)]
    gradients.give(1, b, buffer=True)
    assert gradients.take_buffer(1) is b
    assert gradients.take_buffer(1) is None


def test_after_a_backward_that_failed_nothing_is_added_to():
    """What was to be added to belonged to that backward alone."""
    conv = layers.Conv2D(16, 1)
    conv.build((8, 8, 16), np.random.default_rng(0), "float32")
    [step] = plan([conv])
    assert step.adds_up
    step.so_far = numbers((1, 8, 8, 16))
    with pytest.raises(RuntimeError, match="none has run"):
        step.backward(numbers((1, 8, 8, 16)))
    assert step.so_far is None
