"""The steps of a plan: which layers each runs, what it reads, and that nothing is missing."""

import graph_cases
import graph_parts
import networks
import pytest

import minicnn
from minicnn import Input, Model, Sequential, applications, layers
from minicnn.network.steps import as_text, steps


def planned(model):
    return [(one.runs_as, one.layers, one.reads) for one in steps(model)]


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setenv("MINICNN_ENGINE", "fast")


def test_the_plan_of_the_documented_network():
    model = applications.DocumentedCNN(seed=0)
    assert as_text(model, steps(model)).splitlines() == [
        'Plan of "documented_cnn", fast engine: 8 steps',
        "=" * 73,
        "step  runs as     reads  layers",
        "=" * 73,
        "1     ConvBlock   input  conv2d, batch_normalization, max_pooling2d",
        "2     ConvBlock   1      conv2d_1, batch_normalization_1, max_pooling2d_1",
        "3     ConvBlock   2      conv2d_2, batch_normalization_2, max_pooling2d_2",
        "4     as written  3      flatten",
        "5     DenseStep   4      dense",
        "6     as written  5      dropout",
        "7     DenseStep   6      dense_1",
        "8     as written  7      dense_1's activation",
        "=" * 73,
    ]


def test_the_plan_of_a_residual_block():
    model = networks.residual_block(32)
    first = "input_layer"
    assert planned(model)[:3] == [
        ("ConvBlock", ["conv2d_2", "batch_normalization_2"], [first]),
        ("ConvBlock", ["conv2d", "batch_normalization", "activation"], [first]),
        ("ConvBlock", ["conv2d_1", "batch_normalization_1", "add", "activation_1"], ["2", "1"]),
    ]
    model.engine = "reference"
    assert {how for how, *_ in planned(model)} == {"as written"} and len(planned(model)) == len(
        model.leaves
    )


def test_what_is_taken_along_by_the_step_before_it():
    stack = [layers.RandomFlip(), layers.RandomRotation(0.1), layers.Rescaling(1 / 255)]
    stack += [layers.Conv2D(4, 3, activation="gelu"), layers.MaxPooling2D(2), layers.Flatten()]
    stack += [layers.Dense(3), layers.Activation("relu"), layers.Dense(3), layers.Softmax()]
    assert planned(Sequential([Input((8, 8, 3)), *stack])) == [
        ("Composed", ["random_flip", "random_rotation"], ["input"]),
        ("ConvBlock", ["rescaling", "conv2d"], ["1"]),
        ("PoolStep", ["max_pooling2d"], ["2"]),
        ("as written", ["flatten"], ["3"]),
        ("DenseStep", ["dense", "activation"], ["4"]),
        ("DenseStep", ["dense_1"], ["5"]),
        ("as written", ["softmax"], ["6"]),
    ]


def test_layers_of_models_inside_have_paths_and_shared_ones_every_place():
    found = planned(networks.several())
    assert [work for _, work, _ in found].count(["base/conv2d", "base/re_lu"]) == 2
    assert found[-1][1] == ["concatenate_1"] and len(found[-1][2]) == 3


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_every_call_is_in_one_step(engine):
    for graph in graph_cases.drawn(20):
        model = graph_parts.build(minicnn, graph)
        model.engine = engine
        paths = {id(layer): path for path, layer in model.leaves.items()}
        wanted = sorted(paths[id(call.layer)] for call in model.program().calls)
        found = steps(model)
        done = [path for step in found for path in step.layers if "'s activation" not in path]
        assert sorted(done) == wanted
        names = {node.name for node in model.inputs}
        for step in found:
            assert all(read in names or 0 < int(read) < step.step for read in step.reads)


def test_a_model_without_shapes_has_no_plan():
    with pytest.raises(
        ValueError,
        match="the plan of 'sequential' needs a built model: add an Input, or call build",
    ):
        steps(Sequential([layers.Dense(2)]))


def test_the_plan_leaves_the_model_as_it_is():
    inputs = Input((6, 6, 3))
    model = Model(inputs, layers.Flatten()(layers.Conv2D(2, 3)(inputs)))
    before = [weight.tobytes() for weight in model.get_weights()]
    steps(model)
    assert before == [weight.tobytes() for weight in model.get_weights()]
