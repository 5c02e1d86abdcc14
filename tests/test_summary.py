"""summary(): Keras' table of networks with branches, models inside, shared layers; what they cost
and see.
"""

import networks
import numpy as np
import pytest

from minicnn import Input, Model, Sequential, layers
from minicnn.network.summary import described


def cells(model, **options):
    """The table's rows, cells that go on in further lines joined."""
    lines = []
    model.summary(lambda text: lines.extend(text.splitlines()), **options)
    rules = [number for number, line in enumerate(lines) if line.startswith("===")]
    heading = lines[rules[0] + 1]
    starts = [0] + [
        n for n in range(2, len(heading)) if heading[n] != " " and heading[n - 2 : n] == "  "
    ]
    rows = []
    for line in [heading, *lines[rules[1] + 1 : rules[2]]]:
        row = [line[a:b].rstrip() for a, b in zip(starts, [*starts[1:], None], strict=True)]
        if row[0]:
            rows.append(row)
        else:
            rows[-1] = [f"{one} {more}".strip() for one, more in zip(rows[-1], row, strict=True)]
    return rows


def test_the_functional_example_has_the_table_of_keras():
    """As printed by Keras 3.15."""
    assert cells(networks.documented_chain()) == [
        ["Layer (type)", "Output Shape", "Param #", "Connected to"],
        ["input_layer (InputLayer)", "(None, 32, 32, 3)", "0", "-"],
        ["conv2d (Conv2D)", "(None, 32, 32, 16)", "448", "input_layer[0][0]"],
        ["conv2d_1 (Conv2D)", "(None, 32, 32, 16)", "2,320", "conv2d[0][0]"],
        ["add (Add)", "(None, 32, 32, 16)", "0", "conv2d[0][0], conv2d_1[0][0]"],
        ["flatten (Flatten)", "(None, 16384)", "0", "add[0][0]"],
        ["dense (Dense)", "(None, 10)", "163,850", "flatten[0][0]"],
    ]


def test_shared_layers_models_inside_and_several_outputs_have_the_table_of_keras():
    """As printed by Keras 3.15, but for names of layers, which Keras counts up over all models."""
    nested = [
        ["   └ conv2d (Conv2D)", "(None, 6, 6, 4)", "112", "-"],
        ["   └ re_lu (ReLU)", "(None, 6, 6, 4)", "0", "-"],
    ]
    inner = [
        ["   └ input_layer (InputLayer)", "(None, 6, 6, 4)", "0", "-"],
        ["   └ global_average_pooling2d (GlobalAveragePooling2D)", "(None, 4)", "0", "-"],
        ["   └ global_max_pooling2d (GlobalMaxPooling2D)", "(None, 4)", "0", "-"],
    ]
    rows = [
        ["Layer (type)", "Output Shape", "Param #", "Connected to"],
        ["input_layer (InputLayer)", "(None, 8, 8, 3)", "0", "-"],
        ["input_layer_1 (InputLayer)", "(None, 8, 8, 3)", "0", "-"],
        ["base (Sequential)", "(None, 6, 6, 4)", "112", "input_layer[0][0], input_layer_1[0][0]"],
        ["concatenate (Concatenate)", "(None, 6, 6, 8)", "0", "base[0][0], base[1][0]"],
        ["re_lu (ReLU)", "(None, 6, 6, 4)", "0", "concatenate[0][0], base[0][0]"],
        ["inner (Model)", "[(None, 4), (None, 4)]", "0", "re_lu[1][0]"],
        ["global_average_pooling2d (GlobalAveragePooling2D)", "(None, 8)", "0", "re_lu[0][0]"],
        [
            "concatenate_1 (Concatenate)",
            "(None, 16)",
            "0",
            "inner[0][0], inner[0][1], global_average_pooling2d[0][0]",
        ],
    ]
    model = networks.several()
    assert cells(model) == rows
    assert cells(model, expand_nested=True) == [*rows[:4], *nested, *rows[4:7], *inner, *rows[7:]]


@pytest.mark.parametrize("make", ["model", "sequential", "nested"])
def test_a_chain_has_no_connections(make):
    inputs = Input((6, 6, 3))
    body = Sequential([Input((6, 6, 3)), layers.Conv2D(2, 3), layers.Flatten()], name="body")
    if make == "sequential":
        model = Sequential([body, layers.Dense(2)])
    elif make == "nested":
        model = Model(inputs, layers.Dense(2)(body(inputs)))
    else:
        model = Model(inputs, layers.Dense(2)(layers.Flatten()(inputs)))
    rows = cells(model)
    assert (
        rows[0] == ["Layer (type)", "Output Shape", "Param #"]
        and "connected_to" not in described(model)["layers"][0]
    )
    assert rows[-1] == ["dense (Dense)", "(None, 2)", "66" if make != "model" else "218"]
    if make != "model":
        assert ["body (Sequential)", "(None, 32)", "56"] in rows


@pytest.mark.parametrize("kind", ["shared", "fork", "unused input"])
def test_what_is_no_chain_has_connections(kind):
    inputs, more, relu = Input((4,)), Input((4,), name="more"), layers.ReLU()
    model = {
        "shared": lambda: Model(inputs, relu(layers.Dense(4)(relu(inputs)))),
        "fork": lambda: Model(inputs, [layers.Dense(2)(inputs), layers.Dense(3)(inputs)]),
        "unused input": lambda: Model([inputs, more], layers.Dense(2)(inputs)),
    }[kind]()
    assert cells(model)[0][-1] == "Connected to"
    if kind == "shared":
        assert ["re_lu (ReLU)", "(None, 4)", "0", "input_layer[0][0], dense[0][0]"] in cells(model)


def test_operations_are_those_of_all_calls():
    model = networks.several()
    of_base = 2 * 6 * 6 * (3 * 3 * 3 * 4)  # one call
    rows = {row[0]: row[4] for row in cells(model, flops=True, expand_nested=True)}
    assert rows["base (Sequential)"] == rows["   └ conv2d (Conv2D)"] == f"{2 * of_base:,}"
    shared, inputs = layers.Conv2D(2, 1), Input((8, 8, 2))
    small = layers.MaxPooling2D()(shared(inputs))
    model = Model(inputs, shared(small))
    expected = 2 * (8 * 8 + 4 * 4) * 2 * 2
    assert described(model)["layers"][1]["flops"] == expected
    lines = []
    model.summary(lines.append, flops=True)
    assert lines[0].endswith(f"FLOPs of one picture's forward pass: {expected:,}")


def test_receptive_fields_are_the_largest_of_the_branches():
    fields = {
        row["name"]: row["receptive_field"]
        for row in described(networks.residual_block(32))["layers"]
    }
    assert fields["conv2d"] == "3x3 / 2" and fields["conv2d_1"] == fields["add"] == "7x7 / 2"
    assert fields["conv2d_2"] == "1x1 / 2"  # the shortcut
    fields = {
        row["name"]: row["receptive_field"]
        for row in described(networks.inception_block())["layers"]
    }
    assert fields["concatenate"] == fields["conv2d_4"] == "5x5 / 1"
    rows = {
        row[0]: row[-1]
        for row in cells(networks.transfer_network(), receptive_field=True, expand_nested=True)
    }
    assert rows["backbone (Model)"] == rows["   └ add (Add)"] == "9x9 / 2"
    assert rows["dense (Dense)"] == "all"


def test_what_is_scaled_by_the_whole_picture_sees_all_of_it():
    inputs = Input((8, 8, 2))
    share = layers.Dense(2)(layers.GlobalAveragePooling2D()(inputs))
    model = Model(inputs, layers.Conv2D(2, 3)(layers.Multiply()([inputs, share])))
    assert described(model)["layers"][-1]["receptive_field"] == "all"


def test_receptive_fields_are_the_pixels_that_move_an_output():
    model = networks.residual_network(blocks=1, shape=(24, 24, 1), seed=0, dtype="float64")
    part = Model(model.input, model.get_layer("activation_2").output)
    x = np.random.default_rng(0).standard_normal((1, 24, 24, 1))
    found = described(part)["layers"][-1]["receptive_field"]
    assert found == "7x7 / 1"
    moved = [part.forward(x + bump)[0, 12, 12] - part.forward(x)[0, 12, 12] for bump in bumps(24)]
    rows = [row for row, change in enumerate(moved) if np.abs(change).max() > 0]
    assert (rows[0], rows[-1]) == (9, 15)


def bumps(n):
    """Pictures in which one row is another, for each row."""
    for row in range(n):
        bump = np.zeros((1, n, n, 1))
        bump[:, row] = 1
        yield bump


def test_described_says_what_the_table_says():
    found = described(networks.several())
    assert found["layers"][3] == {
        "name": "concatenate",
        "class": "Concatenate",
        "output_shape": [6, 6, 8],
        "parameters": 0,
        "flops": 0,
        "receptive_field": "3x3 / 1",
        "connected_to": ["base[0][0]", "base[1][0]"],
    }
    inner = found["layers"][5]
    assert (inner["class"], inner["output_shape"]) == ("Model", [[4], [4]])
    assert found["parameters"] == 112 == sum(layer["parameters"] for layer in found["layers"])


def test_a_model_with_branches_in_a_line():
    assert repr(networks.transfer_network()) == "<Model 'transfer': 7 layers, 1,161 parameters>"
