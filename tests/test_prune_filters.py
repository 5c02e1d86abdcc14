"""Whole filters that go: a filter whose kernel is 0 is not missed, and what cannot go stays."""

import re

import graph_cases as cases
import graph_models as models
import graph_parts as parts
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minicnn import Input, Model, Sequential, applications, layers, pruning
from minicnn.layers.base import Layer
from minicnn.network.views import multiply_adds
from minicnn.pruning.blocks import blocks, by_share, kept
from minicnn.pruning.scores import scores
from minicnn.pruning.wiring import Wiring, kernel_of

rng = np.random.default_rng(0)


def drawn_weights(model, seed=0):
    """The model with numbers in every weight, so that none is 0 or 1 by itself."""
    draw = np.random.default_rng(seed)
    for layer in model.leaves.values():
        for name, array in layer.variables_by_name.items():
            low = 0.5 if name in ("gamma", "moving_variance") else -1
            array[...] = draw.uniform(low, 1, array.shape)
        layer.has_fresh_weights = False
    return model


def going(model, share=0.5, multiple_of=1):
    """The wiring, and a bool for each of its channels: whether pruning takes it away."""
    wiring = Wiring(model)
    found = blocks(wiring, scores(wiring, "kernel"), "kernel")
    return wiring, ~kept(wiring, found, by_share(found, share, multiple_of))


def killed(model, share=0.5, multiple_of=1):
    """The model with kernels of 0 in all filters that pruning will take; how many they are."""
    wiring, gone = going(model, share, multiple_of)
    for layer in wiring.makers:
        kernel = np.moveaxis(
            kernel_of(layer), -2 if isinstance(layer, layers.Conv2DTranspose) else -1, 0
        )
        kernel[gone[wiring.made[id(layer)]]] = 0
    return int(gone.sum())


def difference(one, other, x):
    """Of two models' outputs, by the layers as they are written."""
    one.engine = other.engine = "reference"
    pairs = zip(parts.listed(one.forward(x)), parts.listed(other.forward(x)), strict=True)
    return max(np.abs(y - z).max() for y, z in pairs)


# A filter whose kernel is 0 is not missed


def test_its_constant_goes_into_the_next_bias():
    """By hand: relu(bias) = 2 in each of 9 cells of a window, normalised to 2 * (2 - 1) / 1 + 3."""
    conv, norm = layers.Conv2D(2, 1, activation="relu"), layers.BatchNormalization(epsilon=0)
    model = Sequential([Input((5, 5, 1)), conv, norm, layers.Conv2D(1, 3)])
    conv.params |= {"kernel": [[[[0.0, 1.0]]]], "bias": [2.0, 0.0]}
    norm.params |= {"gamma": [2.0, 1.0], "beta": [3.0, 0.0]}
    norm.state["moving_mean"] = [1.0, 0.0]
    model.layers[2].params["kernel"][...] = 0.5
    smaller = pruning.prune_filters(model, filters={"conv2d": 1}, multiple_of=1)
    assert smaller.layers[2].params["bias"] == pytest.approx(9 * 0.5 * (2 * (2 - 1) + 3))
    assert smaller.layers[0].params["kernel"].shape == (1, 1, 1, 1)
    assert smaller.layers[1].params["beta"] == [0]
    x = rng.random((2, 5, 5, 1), np.float32)
    assert difference(model, smaller, x) < 1e-5


def exact(graph):
    """The graph with windows of one cell for padded ones, which see zeros at borders."""
    for part in graph.parts:
        if isinstance(part, parts.Graph):
            exact(part)
        elif part.kind == "Conv2D" and part.arguments["padding"] == "same":
            part.arguments["kernel_size"] = 1
    return graph


def test_drawn_graphs_do_not_miss_them():
    """Forks, merges of every kind, layers and models that are called several times."""
    pruned = 0
    for seed in range(60):
        graph = cases.draw(seed)
        if "ZeroPadding2D" in graph.kinds():
            continue
        model = models.model_of(exact(graph))
        gone = killed(model)
        smaller = pruning.prune_filters(model, 0.5, multiple_of=1)
        assert (smaller.count_params() < model.count_params()) == bool(gone)
        x = parts.single(parts.given(graph))
        assert difference(model, smaller, x) < 1e-9, models.described(graph)
        pruned += bool(gone)
    assert pruned > 30


@st.composite
def stacks(draw):
    """A Sequential of layers that hand channels on in all ways, for pictures of 12x12."""
    stack: list[Layer] = []
    size = 12
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["Conv2D", "SeparableConv2D", "Conv2D strides"]))
        options = {
            "activation": draw(st.sampled_from([None, "relu", "gelu", "sigmoid"])),
            "use_bias": draw(st.booleans()),
        }
        strides = 2 if kind.endswith("strides") and size > 5 else 1
        filters = draw(st.integers(2, 7))
        stack.append(getattr(layers, kind.split()[0])(filters, 2, strides, **options))
        size = (size - 2) // strides + 1
        for after in draw(st.lists(st.sampled_from(AFTER), max_size=3)):
            made = after()
            if isinstance(made, layers.MaxPooling2D | layers.AveragePooling2D):
                if size < 4:
                    continue
                size //= 2
            if isinstance(made, layers.DepthwiseConv2D):
                if size < 4:
                    continue
                size -= 1
            stack.append(made)
    stack.append(draw(st.sampled_from(ENDS))())
    stack += [layers.Dense(5, activation="relu"), layers.Dense(3, activation="softmax")]
    return Sequential([Input((12, 12, 3)), *stack], seed=0, dtype="float64")


AFTER = [
    layers.BatchNormalization,
    lambda: layers.BatchNormalization(scale=False, warmup=True),
    layers.ReLU,
    lambda: layers.LeakyReLU(0.1),
    lambda: layers.Activation("swish"),
    lambda: layers.PReLU(shared_axes=[1, 2]),
    layers.MaxPooling2D,
    lambda: layers.AveragePooling2D(2, padding="same"),
    lambda: layers.DepthwiseConv2D(2, depth_multiplier=2, activation="relu"),
    lambda: layers.SpatialDropout2D(0.5),
    lambda: layers.Rescaling(2, -1),
    lambda: layers.RandomFlip("horizontal"),
]
ENDS = [
    layers.Flatten,
    layers.GlobalAveragePooling2D,
    layers.GlobalMaxPooling2D,
    lambda: layers.Reshape((-1,)),
]


@settings(max_examples=40)
@given(model=stacks(), seed=st.integers(0, 99), share=st.sampled_from([0.2, 0.5, 0.8]))
def test_drawn_stacks_do_not_miss_them(model, seed, share):
    drawn_weights(model, seed)
    killed(model, share)
    smaller = pruning.prune_filters(model, share, multiple_of=1)
    x = np.random.default_rng(seed).standard_normal((2, 12, 12, 3))
    assert difference(model, smaller, x) < 1e-9
    assert type(smaller) is Sequential and smaller.output_shape == model.output_shape


@pytest.mark.parametrize(
    "network", ["ResNet20", "SEResNet20", "SmallInception", "SmallMobileNetV2", "EfficientNetB0"]
)
def test_the_zoo_does_not_miss_them(network):
    """Where a dead channel is 0 throughout, borders of padded zeros make no difference."""
    options = {"weights": None, "classes": 10} if network == "EfficientNetB0" else {}
    model = getattr(applications, network)(input_shape=(32, 32, 3), **options, dtype="float64")
    draw = np.random.default_rng(0)
    for layer in model.leaves.values():
        for name, array in layer.variables_by_name.items():
            if name in ("gamma", "moving_variance"):
                array[...] = draw.uniform(0.5, 1, array.shape)
            elif name in ("beta", "moving_mean"):
                array[...] = draw.uniform(-0.5, 0.5, array.shape)
    wiring, gone = going(model, multiple_of=8)
    for call in wiring.program.calls:
        if type(call.layer) is layers.BatchNormalization:
            for name in ("beta", "moving_mean"):
                call.layer.variables_by_name[name][gone[wiring.values[call.writes]]] = 0
    assert killed(model, multiple_of=8) > 50
    smaller = pruning.prune_filters(model, 0.5)
    x = draw.standard_normal((1, 32, 32, 3))
    assert difference(model, smaller, x) < 1e-9 and type(smaller) is type(model)
    assert multiply_adds(smaller) < 0.4 * multiply_adds(model)


def test_at_padded_borders_the_constant_is_not_exact_and_inside_it_is():
    conv = layers.Conv2D(4, 3, padding="same", activation="relu")
    model = Sequential([Input((9, 9, 2)), conv, layers.Conv2D(3, 3, padding="same")], seed=0)
    conv.params["kernel"][..., 1], conv.params["bias"][...] = 0, [0, 2, 0, 0]
    smaller = pruning.prune_filters(model, filters={"conv2d": 3}, multiple_of=1)
    x = rng.random((2, 9, 9, 2), np.float32)
    apart = np.abs(model.forward(x) - smaller.forward(x))
    assert apart[:, 1:-1, 1:-1].max() < 1e-5 and apart[:, 0].min() > 0.01


def test_a_normalised_channel_is_worth_its_mean():
    """Of a filter that sees something the moving mean is what beta is made of; gamma of 0 makes it
    exact.
    """
    model = drawn_weights(applications.DocumentedCNN(seed=0, dtype="float64"))
    norms = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    for norm in norms:
        norm.params["gamma"][::2] = 0
    smaller = pruning.prune_filters(model, 0.5, by="gamma")
    x = rng.standard_normal((2, 32, 32, 3))
    assert difference(model, smaller, x) < 1e-9
    assert all(layer.params["gamma"].all() for layer in smaller.layers if "gamma" in layer.params)


def test_without_a_bias_the_normalisation_takes_the_constant():
    first, plain = layers.Conv2D(4, 1, activation="relu"), layers.Conv2D(4, 1, use_bias=False)
    for after, uses_bias in (([layers.BatchNormalization()], False), ([layers.ReLU()], True)):
        stack = [first.clone(), plain.clone(), *after]
        model = Sequential([Input((4, 4, 2)), *stack], dtype="float64")
        drawn_weights(model).layers[0].params["kernel"][..., 2] = 0
        model.layers[0].params["bias"][...] = 1
        smaller = pruning.prune_filters(model, filters={"conv2d": 3}, multiple_of=1)
        assert smaller.layers[1].use_bias == uses_bias
        assert difference(model, smaller, rng.standard_normal((2, 4, 4, 2))) < 1e-12


# What is kept, and how much


def test_the_largest_filters_are_kept_in_their_order():
    model = applications.DocumentedCNN(seed=0)
    conv = model.get_layer("conv2d")
    norms = np.abs(conv.params["kernel"]).sum(axis=(0, 1, 2))
    smaller = pruning.prune_filters(model, 0.5)
    best = np.sort(np.argsort(-norms)[:16])
    found = smaller.get_layer("conv2d")
    np.testing.assert_array_equal(found.params["kernel"], conv.params["kernel"][..., best])
    np.testing.assert_array_equal(found.params["bias"], conv.params["bias"][best])
    assert model.count_params() == 161_098  # it is as it was


@pytest.mark.parametrize(
    "how, filters",
    [
        ({"keep": 0.5}, [16, 32, 64]),
        ({"keep": 0.75, "multiple_of": 16}, [32, 48, 96]),
        ({"keep": 0.7, "multiple_of": 1}, [22, 45, 90]),
        ({"keep": 0.01}, [8, 8, 8]),
        ({"multiplications": 0.5}, [24, 40, 80]),
        ({"filters": {"conv2d": 16, "conv2d_2": 8}}, [16, 64, 8]),
        ({"keep": 1.0}, [32, 64, 128]),
    ],
)
def test_filters_come_in_multiples(how, filters):
    smaller = pruning.prune_filters(applications.DocumentedCNN(seed=0), **how)
    assert [one.filters for one in smaller.layers if isinstance(one, layers.Conv2D)] == filters
    assert smaller.get_layer("dense").units == 128


def test_multiplications_are_at_most_what_is_asked_for():
    model = applications.SmallMobileNetV2(input_shape=(32, 32, 3))
    for share in (0.3, 0.5, 0.7):
        left = multiply_adds(pruning.prune_filters(model, multiplications=share))
        assert share - 0.05 < left / multiply_adds(model) <= share


def test_units_of_dense_layers_go_where_they_are_named():
    smaller = pruning.prune_filters(applications.DocumentedCNN(), filters={"dense": 64})
    assert smaller.get_layer("dense").units == 64 and smaller.get_layer("dense_1").units == 10


def test_residual_groups_have_as_many_filters():
    model = applications.ResNet20()
    smaller = pruning.prune_filters(model, filters={"conv2d_2": 8})
    report = pruning.savings(model, smaller)
    changed = [path for path, (before, after) in report.filters.items() if before != after]
    # the first convolution and the second one of each of the first stage's blocks
    assert changed == ["conv2d", "conv2d_2", "conv2d_4", "conv2d_6"]


def test_models_inside_are_pruned_up_to_their_doors():
    inside = Sequential(
        [Input((8, 8, 16)), layers.Conv2D(16, 1, name="a"), layers.Conv2D(16, 1, name="b")],
        name="inside",
    )
    model = Sequential(
        [Input((8, 8, 3)), layers.Conv2D(16, 1, name="c"), inside, layers.Conv2D(2, 1)]
    )
    found = pruning.savings(model, pruning.prune_filters(model, 0.5)).filters
    assert found["c"] == (16, 16) and found["inside/a"] == found["inside/b"] == (16, 8)


def test_a_shared_layer_keeps_what_it_reads_and_loses_filters_of_its_own():
    inputs = Input((6, 6, 8))
    own, shared = layers.Conv2D(8, 1), layers.Conv2D(16, 1, name="shared")
    outputs = layers.Conv2D(2, 1)(layers.Concatenate()([shared(own(inputs)), shared(inputs)]))
    model = drawn_weights(Model(inputs, outputs, dtype="float64"))
    assert killed(model, multiple_of=8) == 8
    smaller = pruning.prune_filters(model, 0.5)
    assert smaller.get_layer("shared").filters == 8 and smaller.layers[1].filters == 8
    assert difference(model, smaller, rng.standard_normal((2, 6, 6, 8))) < 1e-9


def test_what_is_left_trains_and_is_saved(tmp_path):
    from minicnn import models as files

    model = applications.DocumentedCNN(seed=0, classes=3, class_names=["a", "b", "c"])
    smaller = pruning.prune_filters(model, 0.25)
    assert smaller.class_names == ["a", "b", "c"] and smaller.optimizer is None
    smaller.compile("adam", "sparse_categorical_crossentropy")
    x, y = rng.random((12, 32, 32, 3), np.float32), np.arange(12) % 3
    smaller.fit(x, y, verbose=0)
    smaller.save(tmp_path / "small.safetensors")
    again = files.load_model(tmp_path / "small.safetensors")
    np.testing.assert_array_equal(again.predict(x, verbose=0), smaller.predict(x, verbose=0))


# The report


def test_savings_say_what_was_saved():
    model = applications.DocumentedCNN()
    report = pruning.savings(model, pruning.prune_filters(model, 0.5))
    assert report.parameters == (161_098, 58_218)
    assert report.multiplications == (5_139_072, 1_496_512)
    assert report.fewer == pytest.approx(3.434, abs=1e-3)
    assert report.to_dict()["filters"]["conv2d"] == {"before": 32, "after": 16}
    assert "conv2d_2                 128           64   50.0 %" in str(report)
    with pytest.raises(ValueError, match="expected a model with the layers of 'documented_cnn'"):
        pruning.savings(model, applications.ResNet20())


# Refusals


@pytest.mark.parametrize(
    "how, message",
    [
        ({}, "expected one of keep, filters and multiplications, received none"),
        (
            {"keep": 0.5, "multiplications": 0.5},
            "expected one of keep, filters and multiplications, received keep and multiplications",
        ),
        ({"keep": 0}, "expected keep as a finite number above 0 and at most 1, received 0"),
        ({"multiplications": 2}, "expected multiplications as a finite number above 0 and at most"),
        ({"keep": 0.5, "by": "luck"}, "expected by='kernel' or 'gamma', received 'luck'"),
        ({"keep": 0.5, "multiple_of": 0}, "expected multiple_of of at least 1, received 0"),
        ({"multiplications": 0.01}, "expected multiplications of at least 0.060, the share that 8"),
        ({"filters": {"conv": 8}}, "expected names of layers in filters, received 'conv'. Did you"),
        (
            {"filters": {"max_pooling2d": 8}},
            "expected layers with filters or units, received MaxPooling2D 'max_pooling2d', which "
            "has none of its own: it follows those before it",
        ),
        ({"filters": {"conv2d": 0}}, "expected filters of Conv2D 'conv2d' of at least 1"),
        (
            {"filters": {"conv2d": 64}},
            "expected at most the 32 filters that Conv2D 'conv2d' has, received 64",
        ),
        (
            {"filters": {"conv2d": 20}},
            "expected filters of Conv2D 'conv2d' as a multiple of 8, with which vectors are "
            "filled, received 20: ask for 16 or 24, or for multiple_of=1",
        ),
        (
            {"filters": {"dense_1": 8}},
            "expected a layer whose filters may go, received Dense 'dense_1': the activation of "
            "Dense 'dense_1' reads all channels together",
        ),
    ],
)
def test_what_cannot_be_pruned(how, message):
    with pytest.raises(ValueError, match=f"^prune_filters {re.escape(message)}"):
        pruning.prune_filters(applications.DocumentedCNN(), **how)


def test_what_cannot_be_pruned_of_other_networks():
    with pytest.raises(ValueError, match="expected a model that is built, received 'sequential'"):
        pruning.prune_filters(Sequential([layers.Conv2D(8, 3)]), 0.5)
    plain = Sequential([Input((8, 8, 3)), layers.Conv2D(16, 3), layers.Conv2D(2, 3)])
    message = (
        "expected a BatchNormalization with a gamma after Conv2D 'conv2d' for by='gamma', received "
        "none: by='kernel' does without"
    )
    with pytest.raises(ValueError, match=message):
        pruning.prune_filters(plain, 0.5, by="gamma")
    with pytest.raises(ValueError, match="as many filters of 'conv2d_4' as of 'conv2d_2'"):
        pruning.prune_filters(applications.ResNet20(), filters={"conv2d_2": 8, "conv2d_4": 16})
    with pytest.raises(ValueError, match="'conv2d_1': the network gives it as its output"):
        pruning.prune_filters(plain, filters={"conv2d_1": 1}, multiple_of=1)
