"""Sequential as a container: adding, naming, building, summary, weights, seeds, freezing, forward
and backward.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minicnn
from minicnn import Input, Sequential, layers, optimizers
from minicnn.layers.base import Layer


def documented_model(**options) -> Sequential:
    """The network of the project's source document."""
    return Sequential(
        [
            layers.Conv2D(32, (3, 3), padding="valid", activation="relu", input_shape=(32, 32, 3)),
            layers.BatchNormalization(),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Conv2D(64, (3, 3), padding="valid", activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Conv2D(128, (3, 3), padding="valid", activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ],
        **options,
    )


DOCUMENTED_ROWS = [  # name, class, output shape, parameters
    ("conv2d", "Conv2D", (30, 30, 32), 896),
    ("batch_normalization", "BatchNormalization", (30, 30, 32), 128),
    ("max_pooling2d", "MaxPooling2D", (15, 15, 32), 0),
    ("conv2d_1", "Conv2D", (13, 13, 64), 18496),
    ("batch_normalization_1", "BatchNormalization", (13, 13, 64), 256),
    ("max_pooling2d_1", "MaxPooling2D", (6, 6, 64), 0),
    ("conv2d_2", "Conv2D", (4, 4, 128), 73856),
    ("batch_normalization_2", "BatchNormalization", (4, 4, 128), 512),
    ("max_pooling2d_2", "MaxPooling2D", (2, 2, 128), 0),
    ("flatten", "Flatten", (512,), 0),
    ("dense", "Dense", (128,), 65664),
    ("dropout", "Dropout", (128,), 0),
    ("dense_1", "Dense", (10,), 1290),
]


def tiny(seed: int | None = 0, **options) -> Sequential:
    """Every kind of state in a few numbers: convolution, batch normalisation, dropout, dense,
    softmax; compiled.
    """
    model = Sequential(
        [
            Input((6, 6, 2)),
            layers.Conv2D(3, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.25),
            layers.Dense(4, activation="softmax"),
        ],
        seed=seed,
        **options,
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def tiny_data(n: int = 20, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 6, 6, 2)).astype(np.float32), np.arange(n) % 4


def bits(model: Sequential) -> list[bytes]:
    return [weight.tobytes() for weight in model.get_weights()]


# The documented model and its summary


def test_documented_model_has_the_documented_layers_shapes_and_counts():
    model = documented_model()
    rows = [
        (layer.name, type(layer).__name__, layer.output_shape, layer.count_params())
        for layer in model.layers
    ]
    assert rows == DOCUMENTED_ROWS
    assert model.count_params() == 161_098
    assert (model.input_shape, model.output_shape) == ((None, 32, 32, 3), (None, 10))
    assert sum(value.size for _, value, _ in model.parameters()) == 160_650


def test_summary_prints_the_documented_table():
    lines: list[str] = []
    documented_model(name="documented").summary(print_fn=lines.append)
    text = "\n".join(lines).splitlines()
    table = [line.split("  ") for line in text]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in table]
    assert cells[0] == ['Model: "documented"']
    assert cells[2] == ["Layer (type)", "Output Shape", "Param #"]
    assert cells[4:17] == [
        [f"{name} ({kind})", str((None, *shape)), f"{count:,}"]
        for name, kind, shape, count in DOCUMENTED_ROWS
    ]
    assert text[-3:] == [
        "Total params: 161,098",
        "Trainable params: 160,650",
        "Non-trainable params: 448",
    ]
    assert "FLOPs" not in "".join(text) and "Receptive" not in "".join(text)


def test_summary_prints_to_stdout_unless_told_otherwise(capsys):
    assert documented_model().summary() is None
    assert "Total params: 161,098" in capsys.readouterr().out


def test_summary_shows_flops_and_receptive_fields():
    lines: list[str] = []
    documented_model().summary(print_fn=lines.append, flops=True, receptive_field=True)
    text = "\n".join(lines).splitlines()
    rows = {
        line.split()[0]: [cell.strip() for cell in line.split("  ") if cell.strip()]
        for line in text[4:17]
    }
    assert text[-1] == "FLOPs of one picture's forward pass: 10,278,144"
    multiply_adds = {  # output positions * kernel numbers, written out
        "conv2d": 30 * 30 * (3 * 3 * 3 * 32),
        "conv2d_1": 13 * 13 * (3 * 3 * 32 * 64),
        "conv2d_2": 4 * 4 * (3 * 3 * 64 * 128),
        "dense": 512 * 128,
        "dense_1": 128 * 10,
    }
    assert 2 * sum(multiply_adds.values()) == 10_278_144
    assert {name: row[3] for name, row in rows.items()} == {
        name: f"{2 * multiply_adds.get(name, 0):,}" for name, *_ in DOCUMENTED_ROWS
    }
    assert {name: row[4] for name, row in rows.items()} == {
        "conv2d": "3x3 / 1",
        "batch_normalization": "3x3 / 1",
        "max_pooling2d": "4x4 / 2",
        "conv2d_1": "8x8 / 2",
        "batch_normalization_1": "8x8 / 2",
        "max_pooling2d_1": "10x10 / 4",
        "conv2d_2": "18x18 / 4",
        "batch_normalization_2": "18x18 / 4",
        "max_pooling2d_2": "22x22 / 8",
        "flatten": "all",
        "dense": "all",
        "dropout": "all",
        "dense_1": "all",
    }


def receptive_field_of(model: Sequential, seed: int) -> tuple[int, int]:
    """Rows and columns of the input that a middle output depends on, found by asking backward."""
    rng = np.random.default_rng(seed)
    y = model.forward(rng.standard_normal((1, *model.input_shape[1:])), training=True)
    dy = np.zeros_like(y)
    dy[0, y.shape[1] // 2, y.shape[2] // 2, 0] = 1
    seen = model.backward(dy)[0].any(axis=-1)
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    return rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["conv", "pool"]),
            st.integers(1, 3),
            st.integers(1, 3),
            st.integers(1, 2),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_receptive_field_column_is_what_backward_reaches(drawn):
    chosen: list[Layer] = [Input((60, 61, 1))]
    for kind, rows, columns, step in drawn:
        if kind == "conv":
            chosen.append(layers.Conv2D(1, (rows, columns), dilation_rate=step))
        else:
            chosen.append(layers.AveragePooling2D((rows, columns), strides=step))
    model = Sequential(chosen, seed=1, dtype="float64")
    lines: list[str] = []
    model.summary(print_fn=lines.append, receptive_field=True)
    field = "\n".join(lines).splitlines()[-5].split("  ")[-1].split(" / ")[0].strip()
    assert field == "x".join(map(str, receptive_field_of(model, seed=2)))


def test_summary_of_a_model_without_shapes_yet_says_so():
    lines: list[str] = []
    Sequential([layers.Flatten(), layers.Dense(3)]).summary(print_fn=lines.append)
    assert "\n".join(lines).count("?") == 4  # shape and count of either layer
    assert "Total params: 0" in lines[0]


def test_summary_counts_a_frozen_layer_as_not_trainable():
    model = tiny()
    model.layers[0].trainable = False
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    total, kernel_and_bias, moving = model.count_params(), 3 * 3 * 2 * 3 + 3, 6
    assert lines[0].splitlines()[-2:] == [
        f"Trainable params: {total - kernel_and_bias - moving}",
        f"Non-trainable params: {kernel_and_bias + moving}",
    ]


# Adding, naming, building


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


# Weights


def test_get_weights_is_in_keras_order():
    model = tiny()
    expected = [
        model.layers[0].params["kernel"],
        model.layers[0].params["bias"],
        model.layers[1].params["gamma"],
        model.layers[1].params["beta"],
        model.layers[1].state["moving_mean"],
        model.layers[1].state["moving_variance"],
        model.layers[5].params["kernel"],
        model.layers[5].params["bias"],
    ]
    rng = np.random.default_rng(0)
    for array in expected:
        array[...] = rng.standard_normal(array.shape)
    got = model.get_weights()
    assert [w.shape for w in got] == [(3, 3, 2, 3), (3,), (3,), (3,), (3,), (3,), (12, 4), (4,)]
    assert all(np.array_equal(a, b) for a, b in zip(got, expected, strict=True))
    got[0][...] = 0  # copies: changing them changes nothing
    assert model.layers[0].params["kernel"].any()


def test_set_weights_writes_into_the_models_own_arrays():
    source, target = tiny(seed=1), tiny(seed=2)
    kernel = target.layers[0].params["kernel"]
    assert bits(source) != bits(target)
    target.set_weights(source.get_weights())
    assert bits(source) == bits(target)
    assert target.layers[0].params["kernel"] is kernel


def test_set_weights_that_do_not_fit_change_nothing():
    model = tiny()
    before = bits(model)
    with pytest.raises(ValueError, match="'sequential' expected 8 weight arrays, received 7"):
        model.set_weights(model.get_weights()[:-1])
    weights = [weight + 1 for weight in model.get_weights()]
    weights[-1] = np.zeros(5)
    with pytest.raises(
        ValueError, match=r"Dense 'dense' expected weights kernel \(12, 4\), bias \(4,\), received"
    ):
        model.set_weights(weights)
    assert bits(model) == before


def test_parameters_are_the_layers_own_arrays_by_name():
    model = tiny()
    listed = list(model.parameters())
    names = [
        "conv2d/kernel",
        "conv2d/bias",
        "batch_normalization/gamma",
        "batch_normalization/beta",
    ]
    assert [name for name, _, _ in listed] == [*names, "dense/kernel", "dense/bias"]
    assert (
        listed[0][1] is model.layers[0].params["kernel"]
        and listed[0][2] is model.layers[0].grads["kernel"]
    )
    model.layers[0].trainable = False
    assert [name for name, _, _ in model.parameters()] == [*names[2:], "dense/kernel", "dense/bias"]


# Seeds


def trained(seed: int | None, fit_seed: int | None = None) -> tuple[list[bytes], list[bytes], dict]:
    """Initial weights, final weights and history of a short training with shuffling and dropout."""
    model = tiny(seed)
    first = bits(model)
    history = model.fit(*tiny_data(), batch_size=8, epochs=2, verbose=0, seed=fit_seed)
    return first, bits(model), history.history


def test_the_same_seed_gives_bitwise_equal_weights_and_training():
    assert trained(5) == trained(5)


def test_another_seed_gives_other_weights_and_another_training():
    (first, last, _), (other_first, other_last, _) = trained(5), trained(6)
    assert first[0] != other_first[0] and last != other_last


def test_layers_of_one_shape_start_from_different_weights():
    model = Sequential([Input((4,)), layers.Dense(4), layers.Dense(4)], seed=0)
    assert not np.array_equal(*(layer.params["kernel"] for layer in model.layers))


def test_fits_seed_decides_shuffling_and_dropout_but_no_weights():
    (first, last, _), (same_first, same_last, _) = trained(5, fit_seed=1), trained(5, fit_seed=1)
    assert (first, last) == (same_first, same_last)
    assert trained(5, fit_seed=2)[:1] == (first,) and trained(5, fit_seed=2)[1] != last
    model = tiny(5)
    model.fit(*tiny_data(), batch_size=8, epochs=1, verbose=0)  # whatever was drawn before
    model.set_weights(
        [
            np.frombuffer(b, np.float32).reshape(w.shape)
            for b, w in zip(first, model.get_weights(), strict=True)
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(*tiny_data(), batch_size=8, epochs=2, verbose=0, seed=1)
    assert bits(model) == last


def test_without_a_seed_models_differ_and_set_random_seed_repeats_them():
    assert trained(None)[0][0] != trained(None)[0][0]
    minicnn.utils.set_random_seed(11)
    one, two = trained(None), trained(None)
    assert one[0][0] != two[0][0]
    minicnn.utils.set_random_seed(11)
    assert trained(None) == one
    minicnn.utils.set_random_seed(12)
    assert trained(None)[0][0] != one[0][0]


def test_a_seeded_model_does_without_the_global_generator():
    minicnn.utils.set_random_seed(1)
    one = trained(5)
    minicnn.utils.set_random_seed(2)
    assert trained(5) == one


def test_set_random_seed_seeds_python_and_numpy_too():
    import random

    drawn = []
    for _ in range(2):
        minicnn.utils.set_random_seed(3)
        # the global generator is the subject
        drawn.append((random.random(), float(np.random.rand())))  # noqa: NPY002
    assert drawn[0] == drawn[1]


# Freezing


def test_a_frozen_layer_stays_bitwise_while_the_others_train():
    x, y = tiny_data()
    model = tiny()
    model.get_layer("conv2d").trainable = False
    before = dict(
        zip(["kernel", "bias"], (w.tobytes() for w in model.layers[0].get_weights()), strict=True)
    )
    rest = [w.tobytes() for layer in model.layers[1:] for w in layer.get_weights()]
    model.fit(x, y, epochs=2, verbose=0)
    assert {name: w.tobytes() for name, w in model.layers[0].params.items()} == before
    assert all(a != w for a, w in zip(rest, bits(model)[2:], strict=True))
    assert not any(name.startswith("conv2d/") for name in model.optimizer.slots)


def test_a_frozen_batch_normalization_is_in_inference_mode_while_training():
    x, _ = tiny_data()
    model = Sequential([Input((6, 6, 2)), layers.BatchNormalization()])
    frozen = model.layers[0]
    frozen.set_weights([np.array(w) for w in ([2.0, 0.5], [1.0, -1.0], [0.3, -0.2], [4.0, 0.25])])
    before = bits(model)
    training = model.forward(x, training=True).copy()
    assert not np.array_equal(training, model.forward(x)) and bits(model) != before
    frozen.set_weights([np.frombuffer(b, np.float32) for b in before])
    frozen.trainable = False
    assert (
        np.array_equal(model.forward(x, training=True), model.forward(x)) and bits(model) == before
    )


def test_unfreezing_trains_again():
    x, y = tiny_data()
    model = tiny()
    model.layers[-1].trainable = False
    model.fit(x, y, verbose=0)
    frozen = model.layers[-1].params["kernel"].copy()
    model.layers[-1].trainable = True
    model.fit(x, y, verbose=0)
    assert (model.layers[-1].params["kernel"] != frozen).any()


def test_a_model_with_everything_frozen_still_runs_fit():
    x, y = tiny_data()
    model = tiny()
    for layer in model.layers:
        layer.trainable = False
    before = bits(model)
    assert len(model.fit(x, y, epochs=2, verbose=0).history["loss"]) == 2
    assert bits(model) == before


# Forward, backward and the loss


def test_forward_is_the_layers_one_after_another():
    x, _ = tiny_data()
    model = tiny()
    model.engine = "reference"  # the other adds up in another order
    y = x
    for layer in model.layers:
        y = layer.forward(y)
    assert np.array_equal(model.forward(x), y) and np.array_equal(model(x), y)
    assert np.allclose(y.sum(axis=1), 1)


@pytest.mark.parametrize("runs", ["never ran", "inference", "used up"])
def test_backward_without_a_training_forward_raises(runs):
    x, _ = tiny_data()
    model = tiny()
    dy = np.ones((len(x), 4), np.float32)
    if runs != "never ran":
        model.forward(x, training=runs == "used up")
    if runs == "used up":
        assert model.backward(dy).shape == x.shape
    with pytest.raises(
        RuntimeError, match=r"Dense 'dense'.backward\(dy\) differentiates the last forward"
    ):
        model.backward(dy)


def heads() -> dict[str, list[Layer]]:
    """The three ways to end a model in a softmax."""
    return {
        "argument": [layers.Dense(4, activation="softmax")],
        "layer": [layers.Dense(4), layers.Softmax()],
        "activation": [layers.Dense(4), layers.Activation("softmax")],
    }


@pytest.mark.parametrize("head", heads())
@pytest.mark.parametrize("loss", ["sparse", "smoothed"])
def test_the_fused_softmax_gives_what_the_softmax_layer_gives(head, loss):
    """The same loss and gradients as forward through the softmax, loss from probabilities, backward
    through it.
    """
    x, y = tiny_data()
    weight = np.linspace(0.5, 2, len(x))
    model = Sequential(
        [Input((6, 6, 2)), layers.Conv2D(2, 3), layers.Flatten(), *heads()[head]], dtype="float64"
    )
    if loss == "sparse":
        model.compile("sgd", "sparse_categorical_crossentropy")
    else:
        model.compile("sgd", minicnn.losses.CategoricalCrossentropy(label_smoothing=0.1))
        y = np.eye(4)[y]
    fused, _ = model.loss_and_gradients(x, y, weight)
    fused_gradients = {name: gradient.copy() for name, _, gradient in model.parameters()}
    probabilities = model.forward(x, training=True)
    plain, dy = model.loss.value_and_gradient(y, probabilities, weight)
    model.backward(dy)
    assert fused == pytest.approx(plain, rel=1e-12)
    assert len(fused_gradients) == 4
    for name, _, gradient in model.parameters():
        assert np.abs(gradient).max() > 1e-4
        np.testing.assert_allclose(
            fused_gradients[name], gradient, rtol=1e-9, atol=1e-14, err_msg=name
        )


@pytest.mark.parametrize("head", heads())
def test_every_softmax_at_the_end_is_fused_and_so_exact(head):
    """Through the probabilities 1 and 0, the loss of a wrong class would be infinite and its
    gradient lost.
    """
    model = Sequential([Input((4,)), *heads()[head]])
    model.set_weights([np.eye(4) * 1e4, np.zeros(4)])
    model.compile("sgd", "sparse_categorical_crossentropy")
    loss, _ = model.loss_and_gradients(np.eye(4), np.array([0, 1, 2, 2]))
    assert loss == 1e4 / 4
    assert np.array_equal(model.predict(np.eye(4)), np.eye(4))
    assert model.layers[0].grads["bias"].tolist() == [0, 0, -0.25, 0.25]


def test_a_model_of_logits_trains_as_the_one_with_a_softmax():
    x, y = tiny_data()
    results = []
    for last, from_logits in (("softmax", False), (None, True)):
        model = Sequential(
            [Input((6, 6, 2)), layers.Flatten(), layers.Dense(4, activation=last)], seed=4
        )
        model.compile(
            "adam",
            minicnn.losses.SparseCategoricalCrossentropy(from_logits=from_logits),
            ["accuracy"],
        )
        history = model.fit(x, y, batch_size=8, epochs=3, verbose=0)
        results.append((bits(model), history.history))
    assert results[0] == results[1]


def test_a_softmax_that_is_left_to_the_loss_is_still_there_to_predict():
    x, y = tiny_data()
    model = tiny()
    model.fit(x, y, epochs=1, verbose=0)
    assert np.allclose(model.predict(x).sum(axis=1), 1)
    assert model.layers[-1].activation_layer is not None


def test_layers_below_the_lowest_trained_one_are_not_asked_for_gradients():
    """What nobody reads is not computed, and asking for it again works."""
    x, y = tiny_data()
    model = tiny()
    model.engine = "reference"  # the steps are then the layers themselves
    model.train_on_batch(x, y)
    assert model.layers[0].needs_input_grad is False
    y_pred = model.forward(x, training=True)
    assert model.backward(np.ones_like(y_pred)).shape == x.shape


def test_compile_takes_objects_names_and_one_metric_alone():
    model = tiny()
    sgd = optimizers.SGD(0.5)
    model.compile(sgd, minicnn.losses.CategoricalCrossentropy(), "accuracy")
    assert model.optimizer is sgd and [metric.name for metric in model.metrics] == ["accuracy"]
    model.compile(
        loss="categorical_crossentropy",
        optimizer="SGD",
        metrics=["acc", minicnn.metrics.Accuracy("mine")],
    )
    assert [metric.name for metric in model.metrics] == ["acc", "mine"]
    assert isinstance(model.optimizer, optimizers.SGD) and model.optimizer.learning_rate == 0.01
    model.optimizer.learning_rate = 0.25
    assert model.optimizer.learning_rate == 0.25
