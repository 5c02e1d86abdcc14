"""Sequential as a container: adding, naming, building."""

import numpy as np
import pytest
from sequential_cases import bits, tiny, tiny_data

from minicnn import Input, Sequential, layers
from minicnn.layers.base import Layer


def test_list_add_input_layer_input_shape_and_build_make_the_same_model():
    def head() -> list[Layer]:
        return [layers.Flatten(), layers.Dense(3)]

    first = layers.Conv2D(2, 3, input_shape=(5, 5, 1))
    by_argument = Sequential([first, *head()], seed=3)
    by_input = Sequential([Input(shape=(5, 5, 1)), layers.Conv2D(2, 3), *head()], seed=3)
    by_add = Sequential(seed=3)
    for layer in (layers.Input((5, 5, 1)), layers.Conv2D(2, 3), *head()):
        by_add.add(layer)
    by_build = Sequential([layers.Conv2D(2, 3), *head()], seed=3)
    assert not by_build.built and by_build.input_shape is None and by_build.output_shape is None
    by_build.build((None, 5, 5, 1))
    by_data = Sequential([layers.Conv2D(2, 3), *head()], seed=3)
    y = by_data(np.zeros((2, 5, 5, 1)))
    assert y.shape == (2, 3)
    for model in (by_argument, by_input, by_add, by_build, by_data):
        assert model.built
        assert [layer.name for layer in model.layers] == ["conv2d", "flatten", "dense"]
        assert (model.input_shape, model.output_shape) == ((None, 5, 5, 1), (None, 3))
        assert bits(model) == bits(by_argument)


def test_the_first_fit_builds_a_model_without_input_shape():
    x, y = tiny_data()
    model = Sequential([layers.Flatten(), layers.Dense(4, activation="softmax")], seed=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, y, verbose=0)
    assert model.input_shape == (None, 6, 6, 2)


def test_names_are_keras_names_and_given_ones_are_kept():
    model = Sequential(
        [
            layers.Conv2D(1, 1, name="first"),
            layers.Conv2D(1, 1),
            layers.Conv2D(1, 1),
            layers.LeakyReLU(),
            layers.ReLU(),
            layers.GELU(),
            layers.MaxPool2D(),
            layers.AveragePooling2D(1),
            layers.ZeroPadding2D(),
            layers.BatchNormalization(),
            layers.GlobalAveragePooling2D(),
        ]
    )
    assert [layer.name for layer in model.layers] == [
        "first",
        "conv2d",
        "conv2d_1",
        "leaky_re_lu",
        "re_lu",
        "gelu",
        "max_pooling2d",
        "average_pooling2d",
        "zero_padding2d",
        "batch_normalization",
        "global_average_pooling2d",
    ]


def test_an_automatic_name_never_takes_a_given_one():
    model = Sequential([layers.ReLU(name="re_lu_1"), layers.ReLU(), layers.ReLU(), layers.ReLU()])
    assert [layer.name for layer in model.layers] == ["re_lu_1", "re_lu", "re_lu_2", "re_lu_3"]


@pytest.mark.parametrize("name", ["twice", "a/b"])
def test_names_that_cannot_be_told_apart_are_refused(name):
    with pytest.raises(
        ValueError, match=f"'{name}': names must be unique in a model and have no '/'"
    ):
        Sequential([layers.ReLU(name="twice"), layers.ReLU(name=name)])


def test_a_layer_used_twice_is_refused():
    layer = layers.ReLU()
    with pytest.raises(ValueError, match="ReLU 're_lu' is in 'sequential' already: every place"):
        Sequential([layer, layers.Flatten(), layer])


def test_input_is_refused_after_a_layer():
    with pytest.raises(ValueError, match="expected Input as its first layer only"):
        Sequential([layers.ReLU(), Input((3,))])


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (layers.Dense, r"expected a layer, received <class .*Dense'>: write Dense\(\.\.\.\)"),
        ("dense", "'net' expected a layer, received 'dense'"),
    ],
)
def test_what_is_no_layer_is_refused(thing, message):
    with pytest.raises(TypeError, match=message):
        Sequential([thing], name="net")


def test_a_layer_that_does_not_fit_is_not_added():
    model = Sequential([Input((6, 6, 2)), layers.Flatten()])
    with pytest.raises(ValueError, match="Conv2D 'conv2d' expected pictures"):
        model.add(layers.Conv2D(2, 3))
    model.add(layers.Dense(2))
    assert [layer.name for layer in model.layers] == ["flatten", "dense"]


def test_build_again_keeps_the_weights_and_refuses_another_shape():
    model = tiny()
    before = bits(model)
    model.build((None, 6, 6, 2))
    assert bits(model) == before
    with pytest.raises(
        ValueError, match=r"is built for samples of \(6, 6, 2\), received \(8, 8, 2\)"
    ):
        model.build((None, 8, 8, 2))


def test_data_that_does_not_fit_leaves_a_model_without_a_shape_as_it_was():
    model = Sequential(
        [layers.Conv2D(2, 3), layers.MaxPooling2D(), layers.Flatten(), layers.Dense(2)], seed=0
    )
    with pytest.raises(ValueError, match="MaxPooling2D 'max_pooling2d' receives pictures of 1x7"):
        model.forward(np.zeros((1, 3, 9, 8)))  # channels first, and the convolution still fits
    assert model.input_shape is None and not model.built
    assert model.forward(np.zeros((1, 9, 8, 3))).shape == (1, 2)
    assert model.input_shape == (None, 9, 8, 3)
    assert model.layers[0].params["kernel"].shape == (3, 3, 3, 2)


def test_trained_layers_are_not_built_again_for_another_shape():
    x, y = tiny_data()
    model = tiny()
    model.fit(x, y, verbose=0)
    before = bits(model)
    with pytest.raises(
        ValueError,
        match=r"Conv2D 'conv2d' is built for samples of \(6, 6, 2\).*received \(7, 7, 2\)",
    ):
        Sequential([Input((7, 7, 2)), *model.layers])
    assert bits(model) == before


def test_build_wants_every_axis_but_the_batch():
    with pytest.raises(
        ValueError, match=r"build expected \(None, H, W, C\).*received \(None, None, None, 3\)"
    ):
        Sequential([layers.Conv2D(2, 3)]).build((None, None, None, 3))


def test_an_empty_model_says_so():
    with pytest.raises(
        ValueError, match=r"Sequential 'sequential' has no layers: add\(\.\.\.\) some first"
    ):
        Sequential().forward(np.zeros((1, 3)))


@pytest.mark.parametrize("dtype", ["float16", "int32", "complex64"])
def test_a_dtype_to_neither_train_nor_check_in_is_refused(dtype):
    with pytest.raises(ValueError, match=f"expected dtype.*float32.*float64.*received.*{dtype}"):
        Sequential(dtype=dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_dtype_is_that_of_all_weights_and_outputs(dtype):
    model = tiny(dtype=dtype)
    assert {weight.dtype.name for weight in model.get_weights()} == {dtype}
    assert model.forward(tiny_data()[0]).dtype.name == dtype


def test_layers_of_a_trained_model_keep_their_weights_in_a_new_one():
    """Keras' feature extractor, Sequential(model.layers[:-1]): it shares the weights, whether given
    a shape or not.
    """
    x, y = tiny_data()
    model = tiny()
    model.fit(x, y, epochs=2, verbose=0)
    before = bits(model)
    features = Sequential([Input((6, 6, 2)), *model.layers[:4]], seed=9)
    assert bits(model) == before
    plain = Sequential(model.layers[:4], seed=9)
    assert plain.input_shape == (None, 6, 6, 2)
    assert np.array_equal(features.forward(x), plain.forward(x))
    assert features.layers[0].params["kernel"] is model.layers[0].params["kernel"]


def test_get_layer_by_name_and_index():
    model = tiny()
    assert model.get_layer("conv2d") is model.layers[0]
    assert model.get_layer(name="dense") is model.layers[-1]
    assert model.get_layer(index=0) is model.layers[0]
    assert model.get_layer(index=5) is model.get_layer(index=-1) is model.layers[-1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "conv2b"}, "'sequential' has no layer 'conv2b'. Did you mean 'conv2d'"),
        ({"index": 6}, "'sequential' has no layer 6"),
        ({"index": -7}, "'sequential' has no layer -7"),
        ({"index": 99}, "'sequential' has no layer 99"),
    ],
)
def test_get_layer_names_what_is_missing(arguments, message):
    with pytest.raises(ValueError, match=message):
        tiny().get_layer(**arguments)
