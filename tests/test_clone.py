"""Networks like others: copies with new weights or another head, of chains, graphs and models
inside.
"""

import copy

import graph_cases
import graph_parts
import numpy as np
import pytest

import minicnn
from minicnn import Input, Model, Sequential, layers
from minicnn.models.transfer import freeze, replace_head, unfreeze
from minicnn.network.clone import clone, continued

rng = np.random.default_rng(0)
X, Y = rng.standard_normal((8, 6, 6, 3)).astype(np.float32), np.arange(8) % 3


def backbone(name="backbone"):
    pixels = Input((6, 6, 3))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(pixels))
    y = layers.Conv2D(4, 3, padding="same")(layers.ReLU()(x))
    return Model(pixels, layers.Add()([x, y]), name=name)


def classifier(seed=0, head_inside=False):
    """A backbone and a layer that is called twice; the head in a Sequential inside, behind it
    another layer.
    """
    inputs, again = Input((6, 6, 3)), layers.Conv2D(4, 3, padding="same", name="again")
    x = layers.GlobalMaxPooling2D()(again(again(backbone()(inputs))))
    head = [
        layers.Dense(5, activation="relu", name="hidden"),
        layers.Dense(3, name="head"),
        layers.Softmax(),
    ]
    if head_inside:
        outputs = layers.Activation("linear")(
            Sequential(head, name="top", class_names=["a", "b", "c"])(x)
        )
    else:
        outputs = head[2](head[1](head[0](x)))
    return Model(inputs, outputs, seed=seed, class_names=["a", "b", "c"])


def trained(**options):
    model = classifier(**options)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(X, Y, verbose=0)
    return model


def rows(network):
    """Who is called on what, by names."""
    return [(row.layer.name, *row[1:]) for row in network.rows()]


def same(one, other):
    return all(map(np.array_equal, one, other)) and len(one) == len(other)


# clone


@pytest.mark.parametrize("seed", range(15))
def test_a_clone_is_joined_alike_and_computes_the_same_with_the_same_weights(seed):
    graph = graph_cases.draw(seed)
    model = graph_parts.build(minicnn, graph, seed=1)
    twin = clone(model)
    assert list(twin.leaves) == list(model.leaves) and rows(twin) == rows(model)
    assert not set(map(id, twin.leaves.values())) & set(map(id, model.leaves.values()))
    assert same(twin.get_weights(), model.get_weights())  # drawn by the same seed
    deep = copy.deepcopy(model)
    assert rows(deep) == rows(model)
    x = graph_parts.single(graph_parts.given(graph))
    for one in (model, twin, deep):
        one.engine = "reference"
    outputs = [graph_parts.listed(one.forward(x)) for one in (model, twin, deep)]
    assert same(outputs[0], outputs[1]) and same(outputs[0], outputs[2])


@pytest.mark.parametrize("seed", [21, 50, 53])
def test_a_layer_and_its_activation_that_are_two_steps_overwrite_no_other_value(seed):
    """Dense(activation="softmax") in the middle of a network, which reads values from before it
    later.
    """
    graph = graph_cases.draw(seed)
    model = graph_parts.build(minicnn, graph, seed=1, dtype="float64")
    x = graph_parts.single(graph_parts.given(graph))
    fast = graph_parts.listed(model.forward(x))
    model.engine = "reference"
    assert all(map(np.allclose, fast, graph_parts.listed(model.forward(x))))


def test_what_is_shared_stays_shared_and_options_hold():
    model = classifier()
    twin = clone(model, name="twin", seed=1, dtype="float64", class_names=None)
    assert (twin.name, twin.seed, twin.dtype, twin.class_names) == ("twin", 1, np.float64, None)
    assert twin.get_layer("again").dtype == twin.leaves["backbone/conv2d"].dtype == np.float64
    assert len(twin.get_layer("again")._nodes) == 2
    assert not same(twin.get_weights(), model.get_weights())
    assert classifier().class_names == model.class_names == ["a", "b", "c"]


def test_layers_may_be_left_out_with_the_model_inside_that_holds_nothing_else():
    noise = Sequential([layers.Dropout(0.5), layers.RandomFlip()], name="noise")
    inputs = Input((6, 6, 3))
    x = layers.Dropout(0.5)(layers.Conv2D(4, 3)(noise(inputs)))
    model = Model(inputs, layers.Dense(3)(layers.Flatten()(x)))
    plain = clone(
        model,
        lambda layer: (
            None if isinstance(layer, layers.Dropout | layers.RandomFlip) else layer.clone()
        ),
    )
    assert list(plain.leaves) == ["conv2d", "flatten", "dense"]
    assert list(model.leaves)[:2] == ["noise/dropout", "noise/random_flip"]


def test_a_network_goes_on_from_another_input():
    model = trained()
    start = Input((6, 6, 3), name="other")
    other = Model(start, *continued(model, [layers.ReLU(name="first")(start)]))
    assert list(other.leaves) == ["first", *model.leaves]
    assert np.array_equal(other.predict(np.abs(X)), model.predict(np.abs(X)))


def test_a_shared_layer_on_samples_for_which_its_weights_would_be_of_other_shapes():
    dense = layers.Dense(3, name="dense")
    dense(Input((4,)))
    with pytest.raises(
        ValueError, match=r"'dense' has weights for samples of \(4,\), received samples of \(5,\)"
    ):
        dense(Input((5,)))


def test_the_gradient_of_a_shared_layer_is_summed_in_the_order_of_its_calls():
    """Whichever of the places the layer is built for."""
    found = []
    for first in (6, 3):
        conv = layers.Conv2D(3, 3, padding="same", name="again")
        conv.build((first, first, 3), np.random.default_rng(1))
        inputs = Input((6, 6, 3))
        joined = [
            layers.Flatten()(conv(conv(inputs))),
            layers.Flatten()(conv(layers.MaxPooling2D()(inputs))),
        ]
        model = Model(
            inputs, layers.Dense(3, activation="softmax")(layers.Concatenate()(joined)), seed=0
        )
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.train_on_batch(X, Y)
        found.append([grad.tobytes() for _, _, grad in model.parameters()])
    assert found[0] == found[1]


# replace_head


@pytest.mark.parametrize("head_inside", [False, True])
def test_another_head_on_a_network_with_branches(head_inside):
    model = trained(head_inside=head_inside)
    freeze(model, "backbone")
    before = model.get_weights()
    names = ["cup", "spoon"]
    other = replace_head(model, names)
    assert (
        type(other) is Model
        and rows(other) == rows(model)
        and list(other.leaves) == list(model.leaves)
    )
    assert (other.output_shape, other.class_names, other.optimizer) == ((None, 2), names, None)
    path = "top/head" if head_inside else "head"
    for name, layer in other.leaves.items():
        original = model.leaves[name]
        assert layer is not original
        if name == path:
            assert layer.units == 2 and layer.trainable
        else:
            assert layer.trainable is original.trainable is not name.startswith("backbone/")
            assert same(layer.get_weights(), original.get_weights())
    again = replace_head(model, 2)
    assert same(again.get_weights(), other.get_weights())
    assert same(model.get_weights(), before) and model.output_shape == (None, 3)
    if head_inside:
        assert (
            model.get_layer("top").class_names == ["a", "b", "c"]
            and other.get_layer("top").class_names is None
        )
    other.compile("adam", "sparse_categorical_crossentropy")
    other.fit(X, Y % 2, verbose=0)


def test_another_head_behind_a_model_that_is_all_but_the_head():
    model = Sequential(
        [backbone(), layers.Flatten(), layers.Dense(3, activation="softmax")], seed=0
    )
    other = replace_head(model, 4)
    assert type(other) is Sequential and other.output_shape == (None, 4)
    assert same(other.layers[0].get_weights(), model.layers[0].get_weights())


def two_outputs():
    inputs = Input((4,))
    return Model(inputs, [layers.Dense(2)(inputs), layers.Dense(3)(inputs)], name="two")


def merged():
    inputs = Input((4,))
    return Model(
        inputs, layers.Average()([layers.Dense(3)(inputs), layers.Dense(3)(inputs)]), name="merged"
    )


def weightless():
    inputs = Input((4,))
    return Model(inputs, layers.Softmax()(layers.ReLU()(inputs)), name="weightless")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (two_outputs, "'two' has 2 outputs"),
        (
            merged,
            "of 'merged' to be Dense, received Average 'average': build a Model up to one before "
            "it and a head",
        ),
        (
            weightless,
            "last layer with weights of 'weightless' to be Dense, received none: build a Model",
        ),
        (
            lambda: Sequential([backbone("b")], name="s"),
            "weights of 's' to be Dense, received Add 'add': build a Seq",
        ),
    ],
)
def test_networks_without_a_head_to_replace(make, message):
    with pytest.raises(ValueError, match=message):
        replace_head(make(), 2)


# freeze and unfreeze


def frozen(model):
    return [path for path, layer in model.leaves.items() if not layer.trainable]


BACKBONE = [
    f"backbone/{name}" for name in ("conv2d", "batch_normalization", "re_lu", "conv2d_1", "add")
]


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        (["backbone"], BACKBONE),
        (["back"], BACKBONE),
        (["backbone/conv2d"], ["backbone/conv2d"]),
        (["backbone/conv"], ["backbone/conv2d", "backbone/conv2d_1"]),
        (["backbone/batch", "again"], ["backbone/batch_normalization", "again"]),
        ([2], BACKBONE),
        ([-4], BACKBONE),
        (["top/hidden"], ["top/hidden"]),
        (["top"], ["top/hidden", "top/head", "top/softmax"]),
    ],
)
def test_layers_of_models_inside_are_selected_by_path(which, expected):
    model = classifier(head_inside=True)
    freeze(model, *which)
    assert frozen(model) == expected
    unfreeze(model, *which) if isinstance(which[0], str) else unfreeze(model)
    assert frozen(model) == []


def test_a_misspelt_path_is_corrected_and_a_bare_name_inside_is_none():
    start = (
        "freeze expected a layer's name, the beginning of names, or a number of the 6 layers of "
        "'functional', "
    )
    for wrong, hint in (
        ("backbone/konv2d", "Did you mean 'backbone/conv2d'"),
        ("conv2d", "Known are: .*backbone/conv2d"),
    ):
        with pytest.raises(
            ValueError, match=f"{start}received '{wrong}', which selects none. {hint}"
        ):
            freeze(classifier(head_inside=True), wrong)


def test_trainable_is_handed_down_and_up():
    model = classifier()
    inner = model.get_layer("backbone")
    inner.trainable = False
    assert frozen(model) == BACKBONE and model.trainable and not inner.trainable
    inner.get_layer("conv2d").trainable = True
    assert inner.trainable
    model.trainable = False
    assert not inner.trainable and frozen(model) == list(model.leaves)


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_what_is_frozen_stays_in_every_bit(engine):
    model = classifier(head_inside=True)
    model.engine = engine
    freeze(model, "backbone")
    model.compile("adam", "sparse_categorical_crossentropy")
    before = {name: array.copy() for name, array in model.variables_by_name().items()}
    model.fit(X, Y, verbose=0)
    moved = {
        name
        for name, array in model.variables_by_name().items()
        if not np.array_equal(array, before[name])
    }
    assert moved and not any(name.startswith("backbone/") for name in moved)
