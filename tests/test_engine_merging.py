"""Branches in the engine: sums, products and arrays side by side are what the layers make of them,
bit for bit, and so are the gradients of what is forked; nothing leaves the parallel region.
"""

import numpy as np
import pytest
from engine_cases import assert_close
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import convolved, residual
from strategies import seeds
from test_engine_regions import regions

from minicnn import Input, Model, layers
from minicnn.engine.merging.by_number import ByNumber
from minicnn.engine.merging.concatenate import ConcatenateStep
from minicnn.engine.merging.scale import ScaleStep
from minicnn.engine.merging.steps import AddStep, MultiplyStep
from minicnn.engine.plan import plan
from minicnn.machine.record import Addresses
from minicnn.machine.region import Region
from minicnn.machine.threads import set_threads, state
from minicnn.network.stages import chains, layers_of, merges_of, reads_of

DTYPES = ["float32", "float64"]


def both(make, dtype="float32", **options):
    """The network that make(seed=0, dtype=...) makes, on the layers and on the engine."""
    models = [make(seed=0, dtype=dtype, **options) for _ in range(2)]
    for model, engine in zip(models, ("reference", "fast"), strict=True):
        model.engine = engine
        rng = np.random.default_rng(0)
        for layer in model.leaves.values():
            for param in layer.params.values():
                param[...] = rng.standard_normal(param.shape) / np.sqrt(max(1, param[..., 0].size))
    return models


def listed(found):
    return found if isinstance(found, list) else [found]


def numbers(shape, dtype="float32", seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def kinds(model):
    return [type(step) for step in model._execution().steps]


def program(model):
    """That of the last shape met."""
    return list(model._execution().frozen.programs.values())[-1]


# Layers that are steps, alone: the same bits


@st.composite
def merging_networks(draw):
    """A function that makes a network of two inputs in which values are forked, merged, cut off
    and viewed, and nothing is rounded but by additions and multiplications of two numbers.
    """
    shape = draw(st.tuples(st.integers(1, 5), st.integers(1, 4), st.sampled_from([1, 3, 16, 37])))
    ways, free = [], [shape, shape]
    for _ in range(draw(st.integers(1, 7))):
        reads = [draw(st.integers(0, len(free) - 1))]
        how = draw(st.sampled_from(["add", "add", "multiply", "join", "relu", "view"]))
        same = [n for n, other in enumerate(free) if other == free[reads[0]]]
        if how in ("add", "multiply", "join"):
            reads += draw(st.lists(st.sampled_from(same), min_size=1, max_size=3))
        axis, made = draw(st.integers(1, 3)), list(free[reads[0]])
        if how == "join":
            made[axis - 1] *= len(reads)
        ways.append((how, reads, axis))
        free.append(tuple(made))
    outputs = draw(st.sets(st.integers(2, len(free) - 1), min_size=1, max_size=3))

    def make(**options):
        inputs = [Input(shape), Input(shape)]
        values = list(inputs)
        for how, reads, axis in ways:
            taken = [values[n] for n in reads]
            if how in ("add", "multiply", "join"):
                merge = {
                    "add": layers.Add,
                    "multiply": layers.Multiply,
                    "join": lambda axis=axis: layers.Concatenate(axis),
                }[how]()
                values.append(merge(taken))
            elif how == "relu":
                values.append(layers.ReLU()(taken[0]))
            else:
                values.append(layers.Reshape(taken[0].shape[1:])(layers.Identity()(taken[0])))
        made = [values[n] for n in sorted({*outputs, len(values) - 1})]
        return Model(inputs, made, **options)

    return shape, make


@pytest.mark.parametrize("dtype", DTYPES)
@given(merging_networks(), st.sampled_from([1, 2, 7, 8, 9, 17]), seeds)
@settings(max_examples=60)
def test_merged_and_forked_values_have_the_layers_bits(dtype, drawn, batch, seed):
    shape, make = drawn
    reference, model = both(make, dtype)
    for n in (batch, max(1, batch - 1), batch):
        xs = [numbers((n, *shape), dtype, seed + k) for k in range(2)]
        for training in (True, False, False, False):  # the last of all by a frozen program
            expected = listed(reference.forward(xs, training=training))
            found = listed(model.forward(xs, training=training))
            for mine, theirs in zip(found, expected, strict=True):
                np.testing.assert_array_equal(mine, theirs)
        for one in (reference, model):
            one.forward(xs, training=True)
        dys = [numbers(y.shape, dtype, seed + 9 + k) for k, y in enumerate(expected)]
        dy = dys if len(dys) > 1 else dys[0]
        for mine, theirs in zip(model.backward(dy), reference.backward(dy), strict=True):
            assert (mine is None) == (theirs is None)
            if mine is not None:
                np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("how", ["add", "multiply"])
@pytest.mark.parametrize("count", [2, 3, 5])
def test_more_numbers_than_fit_a_block(how, count):
    by_number = ByNumber((3, 1111), count, np.dtype("float32"), how, relu=True)
    xs = [numbers((5, 3, 1111), seed=k) for k in range(count)]
    expected = xs[0]
    for x in xs[1:]:
        expected = expected + x if how == "add" else expected * x
    found = by_number.of(xs, Region())
    np.testing.assert_array_equal(found, np.maximum(expected, 0))
    assert (found == 0).any() and (found > 0).any()


@pytest.mark.parametrize("dtype", DTYPES)
@given(
    st.tuples(st.integers(1, 15), st.integers(1, 15), st.sampled_from([1, 3, 15, 16, 17, 40, 64])),
    st.integers(0, 2),
    st.booleans(),
    st.sampled_from([1, 2, 9]),
    seeds,
)
@settings(max_examples=30)
def test_a_number_per_channel_scales_maps(dtype, shape, ones, first, batch, seed):
    small = (1,) * ones + shape[-1:]
    shapes = [small, shape] if first else [shape, small]
    multiply = layers.Multiply()
    multiply.build(shapes, dtype=dtype)
    reference = multiply.clone()
    reference.build(shapes, dtype=dtype)
    [step] = plan([multiply])
    assert isinstance(step, ScaleStep) or shape[:2] == (1, 1)
    for n in (batch, max(1, batch - 1), batch):
        xs = [numbers((n, *one), dtype, seed + k) for k, one in enumerate(shapes)]
        dy = numbers((n, *shape), dtype, seed + 2)
        np.testing.assert_array_equal(step.forward(xs), reference.forward(xs))
        np.testing.assert_array_equal(
            step.forward(xs, training=True), reference.forward(xs, training=True)
        )
        found, expected = step.backward(dy), reference.backward(dy)
        large, scale = (1, 0) if first else (0, 1)
        np.testing.assert_array_equal(found[large], expected[large])
        tolerance = 1e-6 if dtype == "float32" else 1e-14
        assert_close(
            found[scale], expected[scale], tolerance, "dscale", scale=np.prod(shape[:2]) ** 0.5
        )


@pytest.mark.parametrize("widths", [(1, 2), (16, 16), (3, 64, 5), (17, 15, 1), (5000, 7)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_channels_of_any_number_side_by_side(widths, dtype):
    concatenate = layers.Concatenate()
    concatenate.build([(3, 2, width) for width in widths], dtype=dtype)
    [step] = plan([concatenate])
    assert isinstance(step, ConcatenateStep)
    xs = [numbers((9, 3, 2, width), dtype, width) for width in widths]
    y = step.forward(xs, training=True)
    np.testing.assert_array_equal(y, np.concatenate(xs, axis=-1))
    for dx, x in zip(step.backward(y.copy()), xs, strict=True):
        np.testing.assert_array_equal(dx, x)


def test_nan_and_infinity_survive_a_sum():
    add = layers.Add()
    add.build([(4,), (4,)])
    [step] = plan([add, layers.ReLU()])
    a = np.array([[np.nan, np.inf, -np.inf, 1], [np.inf, 1, 1, 1]], np.float32)
    b = np.array([[1, 1, 1, np.nan], [-np.inf, -1, 1, -2]], np.float32)
    np.testing.assert_array_equal(
        step.forward([a, b], training=True), [[np.nan, np.inf, 0, np.nan], [np.nan, 0, 2, 0]]
    )
    np.testing.assert_array_equal(
        step.backward(np.full_like(a, 3))[1], [[0, 3, 0, 0], [0, 0, 3, 0]]
    )


# Networks


def residual_net(**options):
    inputs = Input((9, 8, 3))
    x = residual(residual(convolved(inputs, 5), 5), 18, 2)
    return Model(inputs, layers.Dense(4)(layers.Flatten()(x)), **options)


def inception_net(**options):
    inputs = Input((6, 7, 5))
    branches = [layers.Conv2D(f, k, padding="same")(inputs) for f, k in ((3, 1), (16, 3), (7, 5))]
    x = layers.ReLU()(layers.Add()([layers.Concatenate()(branches), layers.Conv2D(26, 1)(inputs)]))
    middle = layers.Conv2D(4, 3, activation="relu", name="middle")
    y = layers.Multiply()([middle(x), layers.Conv2D(4, 3, activation="relu")(x)])
    gate = layers.Reshape((1, 1, 4))(layers.Dense(4)(layers.Flatten()(y)))
    y = layers.Multiply()([y, gate])
    z = layers.Add()([y, middle(x), y])  # shared, and a value twice
    flat = [layers.Flatten()(one) for one in (x, z)]
    return Model(inputs, [layers.Dense(4)(layers.Concatenate()(flat)), z], **options)


NETS = pytest.mark.parametrize("make", [residual_net, inception_net])


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 2e-5)])
@pytest.mark.parametrize("batch", [1, 2, 9])
@NETS
def test_a_network_equals_its_layers(make, dtype, tolerance, batch):
    models = both(make, dtype)
    for seed in range(2):
        x = numbers((batch, *models[0].input_shape[1:]), dtype, seed)
        made = [listed(model.forward(x, training=True)) for model in models]
        dys = [numbers(y.shape, dtype, 7) for y in made[0]]
        dx = [model.backward(dys if len(dys) > 1 else dys[0]) for model in models]
        for mine, theirs in zip(made[1], made[0], strict=True):
            assert_close(mine, theirs, tolerance, "outputs")
        assert_close(dx[1], dx[0], tolerance, "dx")
        largest = max(np.abs(grad).max() for _, _, grad in models[0].parameters())
        for (name, _, theirs), (_, _, mine) in zip(
            *[model.parameters() for model in models], strict=True
        ):
            assert_close(mine, theirs, tolerance, name, largest)


@NETS
def test_forward_and_backward_are_one_region_each(make):
    model = both(make)[1]
    x = numbers((3, *model.input_shape[1:]))
    y = listed(model.forward(x, training=True))
    dy = [np.ones_like(one) for one in y] if len(y) > 1 else np.ones_like(y[0])
    assert len(regions(model.backward, dy)) == 1
    assert len(regions(lambda: model.forward(x, training=True))) == 1


def test_a_network_of_branches_has_every_step():
    found = set(kinds(both(inception_net)[1]))
    assert {AddStep, MultiplyStep, ScaleStep, ConcatenateStep} <= found


@NETS
@pytest.mark.parametrize("n", [1, 2, 9, 64])
def test_of_every_batch_a_picture_has_the_same_bits_and_programs_are_used(make, n):
    model = both(make)[1]
    x = numbers((65, *model.input_shape[1:]))
    whole = listed(model(x))  # too large for a program
    for _ in range(4):
        for found, expected in zip(listed(model(x[:n])), whole, strict=True):
            np.testing.assert_array_equal(found, expected[:n])
    assert program(model).possible
    kernel = next(iter(model.leaves.values())).params["kernel"]
    kernel *= -1  # which a program sees
    assert not np.array_equal(listed(model(x[:n]))[0], whole[0][:n])


@pytest.mark.skipif(state()["available"] < 2, reason="needs two threads")
@NETS
def test_any_number_of_threads_gives_the_same_bits(make):
    found = []
    for threads in (1, 2):
        try:
            set_threads(threads)
            model = both(make)[1]
            for n in (9, 1, 4):
                x = numbers((n, *model.input_shape[1:]))
                y = listed(model.forward(x, training=True))
                dx = model.backward(
                    [numbers(one.shape) for one in y] if y[1:] else numbers(y[0].shape)
                )
                found.append([*y, dx, *[grad.copy() for _, _, grad in model.parameters()]])
        finally:
            set_threads(state()["available"])
    for one, two in zip(found[:3], found[3:], strict=True):
        for a, b in zip(one, two, strict=True):
            np.testing.assert_array_equal(a, b)


def test_what_backward_returns_is_the_callers_own():
    inputs = [Input((3,)), Input((3,))]
    model = Model(inputs, layers.Add()(inputs))
    x, dy = numbers((2, 3)), numbers((2, 3))
    model.forward([x, x], training=True)
    a, b = model.backward(dy)
    a[...] = 0
    np.testing.assert_array_equal(b, dy)
    assert not np.array_equal(a, dy)


def test_layers_between_steps_see_numbers_and_give_gradients_to_forks():
    """Layers without a step fork and merge too; the views that one returns are no arrays in
    order.
    """

    def make(**options):
        inputs = Input((6, 6, 4))
        x = layers.Conv2D(8, 3, padding="same")(inputs)
        left = layers.LeakyReLU()(x)
        right = layers.Cropping2D(1)(layers.ZeroPadding2D(1)(x))
        y = layers.Subtract()([layers.Add()([x, left]), layers.Maximum()([x, right])])
        gate = layers.GlobalMaxPooling2D()(x)  # (N, 8), which is repeated
        return Model(inputs, layers.Flatten()(layers.Multiply()([y, gate])), **options)

    reference, model = both(make, "float64")
    for n in (3, 1, 3):
        x = numbers((n, 6, 6, 4), "float64")
        found, expected = (one.forward(x, training=True) for one in (model, reference))
        assert_close(found, expected, 1e-12, "outputs")
        dy = numbers(expected.shape, "float64")
        assert_close(model.backward(dy), reference.backward(dy), 1e-12, "dx")


def test_bytes_that_are_read_as_numbers_too_change_from_call_to_call():
    def make(**options):
        inputs = Input((8, 8, 3))
        a = layers.Conv2D(4, 3)(layers.Rescaling(1 / 255)(inputs))
        b = layers.Conv2D(4, 3)(inputs)
        return Model(inputs, [layers.Flatten()(a), layers.Flatten()(b)], **options)

    reference, model = both(make, "float64")
    for seed in range(4):
        x = np.random.default_rng(seed).integers(0, 256, (2, 8, 8, 3)).astype(np.uint8)
        for found, expected in zip(model(x), reference(x), strict=True):
            assert_close(found, expected, 1e-12, "outputs")


# What runs together


def calls(model):
    found = model.program()
    return found.calls, found.outputs


def names(parts):
    return [[type(call.layer).__name__ for call in part] for part in parts]


def test_a_shortcut_is_added_in_the_chain_that_it_goes_around():
    inputs = Input((8, 8, 16))
    model = Model(inputs, residual(inputs, 16))
    block = ["Conv2D", "BatchNormalization", "Activation"]
    joined = [*block, "Conv2D", "BatchNormalization", "Add", "Activation"]
    assert names(chains(*calls(model), joins_sums=True)) == [joined]
    assert names(chains(*calls(model))) == [joined[:5], joined[5:]]
    # the block that the shortcut goes around adds it
    assert [kind.__name__ for kind in kinds(both(lambda **_: model)[1])] == ["ConvBlock"] * 2


@pytest.mark.parametrize("first", [False, True])
def test_a_step_with_a_sum_inside_reads_the_other_addend_too(first):
    inputs = Input((8, 8, 4))
    x = layers.Conv2D(4, 1)(inputs)
    y = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(x))
    add = layers.Add()
    model = Model(inputs, layers.ReLU()(add([y, x] if first else [x, y])))
    _, part = chains(*calls(model), joins_sums=True)
    conv, norm, _, relu = [call.layer for call in part]
    number, [other] = part[1].writes, part[0].reads
    assert list(merges_of(part)) == [(part[2], number)]

    class Step:
        def __init__(self, *inside):
            self.layers = inside

    whole = reads_of(Step(conv, norm, add), part[0].reads, merges_of(part))
    assert whole == (*part[0].reads, other)
    merges = merges_of(part)
    assert reads_of(Step(conv, norm), part[0].reads, merges) == part[0].reads
    split = reads_of(Step(add), (77,), merges)  # 77: the number of what the step before makes
    assert split == ((77, other) if first else (other, 77))
    assert reads_of(Step(relu), (78,), merges) == (78,)


def forked(x, y):
    return [layers.Add()([x, y]), y]


@pytest.mark.parametrize(
    "merged",
    [
        lambda _, y: layers.Add()([y, y]),
        lambda x, y: layers.Add()([x, y, x]),
        lambda x, y: layers.Multiply()([x, y]),
        lambda x, y: layers.Add()([x, layers.Conv2D(1, 3, padding="same")(y)]),
        forked,
    ],
    ids=["itself", "three", "product", "broadcasts", "used elsewhere"],
)
def test_other_sums_begin_a_chain(merged):
    inputs = Input((6, 6, 4))
    y = layers.Conv2D(4, 3, padding="same")(inputs)
    found = calls(Model(inputs, merged(inputs, y)))
    assert names(chains(*found, joins_sums=True))[-1] == names(chains(*found))[-1]
    assert len(names(chains(*found, joins_sums=True))[-1]) == 1


def test_the_layers_themselves_run_what_repeats_its_inputs_and_what_a_user_wrote():
    class Mine(layers.Add):
        pass

    for layer, shapes in [
        (layers.Add(), [(4, 4, 3), (3,)]),
        (layers.Add(), [(4, 4, 3), (4, 4, 1)]),
        (Mine(), [(4, 4, 3)] * 2),
        (layers.Multiply(), [(4, 4, 3), (4, 4, 1)]),
        (layers.Multiply(), [(4, 4, 3), (4, 1, 3)]),
        (layers.Multiply(), [(4, 4, 3), (3,), (3,)]),
        (layers.Multiply(), [(4, 1, 3), (1, 4, 3)]),
        (layers.Subtract(), [(4,)] * 2),
        (layers.Maximum(), [(4,)] * 2),
    ]:
        layer.build(shapes)
        assert plan([layer]) == [layer]


def test_the_relu_after_a_sum_belongs_to_it_and_another_activation_does_not():
    add = layers.Add()
    add.build([(4,), (4,)])
    for after, steps in ((layers.Activation("relu"), 1), (layers.ReLU(6.0), 2)):
        after.build((4,))
        found = plan([add, after])
        assert len(found) == steps and isinstance(found[0], AddStep)
        assert layers_of(found[0]) == [add]


# Mistakes


def test_errors_are_the_layers_own():
    inputs = [Input((4, 4, 3)), Input((4, 4, 3))]
    for merge in (layers.Add(), layers.Multiply(), layers.Concatenate()):
        [step] = Model(inputs, merge(inputs))._execution().steps
        x = np.ones((2, 4, 4, 3), np.float32)
        with pytest.raises(
            ValueError, match=r"one batch, .* shapes \(2, 4, 4, 3\), \(3, 4, 4, 3\)"
        ):
            step.forward([x, np.ones((3, 4, 4, 3))], training=True)
        with pytest.raises(RuntimeError, match=rf"{merge}.backward\(dy\) differentiates"):
            step.backward(x)
        step.forward([x, x], training=True)
        with pytest.raises(ValueError, match=r"expected dy of its output's shape"):
            step.backward(x[:1])
        step.forward([x, x])
        with pytest.raises(RuntimeError, match="inference forward"):
            step.backward(x)


def test_addresses_are_of_arrays_that_are_as_expected():
    table = Addresses([6, 6], np.dtype("float32"))
    good = np.zeros((2, 3), np.float32)
    for bad in (good[:1], good.astype(np.float64), np.zeros((3, 2), np.float32).T):
        with pytest.raises(ValueError, match="the engine expected array 1 of 2 as 6 numbers"):
            table.put([good, bad])


def test_buffers_of_two_batch_sizes_are_kept():
    by_number = ByNumber((3,), 2, np.dtype("float32"))
    for n in (4, 2, 4, 5):
        by_number.of([numbers((n, 3))] * 2, Region())
    assert list(by_number.buffers) == [2, 5]
