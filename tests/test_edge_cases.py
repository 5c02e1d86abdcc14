"""Cases beside the ones in the other files: what is not finite, what is not an integer, and what
half a file holds.
"""

import warnings

import numpy as np
import pytest

from minicnn import Input, Sequential, layers, losses, metrics, optimizers
from minicnn.errors import ModelFileError
from minicnn.models import load_model
from minicnn.saving import model_file


def test_validation_evaluation_and_prediction_of_a_diverged_model_warn_of_the_loss_alone():
    x, y = (
        np.random.default_rng(0).standard_normal((12, 6, 6, 1)).astype(np.float32),
        np.arange(12) % 3,
    )
    last = [layers.Flatten(), layers.Dense(3, activation="softmax")]
    model = Sequential([Input((6, 6, 1)), layers.Conv2D(2, 3, activation="gelu"), *last], seed=0)
    model.compile(optimizers.SGD(1e25), "sparse_categorical_crossentropy")
    with pytest.warns(UserWarning, match="the loss is") as got:
        model.fit(x, y, batch_size=4, epochs=2, validation_data=(x, y), verbose=0)
    assert {w.category for w in got} == {UserWarning}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.evaluate(x, y)
        model.predict(x)


def test_accuracy_of_nan_is_zero():
    y, p = np.array([0, 1]), np.array([[np.nan, np.nan], [0.2, 0.8]])
    assert metrics.Accuracy().values(y, p).tolist() == [False, True]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda nan: layers.BatchNormalization(epsilon=nan),
            "epsilon as a finite number, received nan",
        ),
        (
            lambda nan: layers.Normalization(mean=0.0, variance=nan),
            "variance as a finite number, or a list of one per channel, received nan",
        ),
        (
            lambda nan: optimizers.SGD(global_clipnorm=nan),
            "global_clipnorm as a finite number above 0, received nan",
        ),
    ],
)
def test_arguments_that_are_nan(make, message):
    with pytest.raises(ValueError, match=message):
        make(float("nan"))


def test_numpys_integers_are_integers_for_zero_padding_too():
    assert layers.ZeroPadding2D(np.int64(1)).padding == ((1, 1), (1, 1))
    assert layers.ZeroPadding2D(((np.int64(1), 0), (2, 1))).get_config()["padding"] == (
        (1, 0),
        (2, 1),
    )


@pytest.mark.parametrize("size", [2.5, "8"])
def test_a_batch_size_that_is_no_integer(size):
    model = Sequential([Input((3,)), layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(
        ValueError, match=f"fit expected batch_size of at least 1, received {size!r}"
    ):
        model.fit(np.ones((4, 3)), np.zeros(4, int), batch_size=size, verbose=0)


def test_a_first_layer_that_does_not_fit_leaves_no_shape_behind():
    model = Sequential()
    with pytest.raises(ValueError, match="smaller than its 3x3 window"):
        model.add(layers.Conv2D(2, 3, input_shape=(2, 2, 1)))
    assert model.input_shape is None and model.layers == []


def test_fresh_weights_are_known_after_half_a_file_and_after_a_training_by_hand(tmp_path):
    Sequential([Input((3,)), layers.Dense(2)]).save_weights(tmp_path / "w.safetensors")
    other = Sequential([Input((3,)), layers.Dense(4)])
    with pytest.warns(UserWarning, match="loaded nothing from"):
        other.load_weights(tmp_path / "w.safetensors", skip_mismatch=True)
    with pytest.warns(UserWarning, match="neither been trained nor loaded"):
        other.predict(np.eye(3))
    x, y, loss = (
        np.eye(3),
        np.array([0, 1, 2]),
        losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    other.backward(loss.value_and_gradient(y, other.forward(x, training=True))[1])
    optimizers.SGD().step(other.parameters())
    other.predict(x)  # no warning, which would be an error here
    # nor without weights, built by the data
    Sequential([layers.Flatten()]).predict(np.ones((2, 2, 2, 1)))


def test_a_file_with_half_of_the_optimizers_memory_is_refused(tmp_path):
    model = Sequential([Input((3,)), layers.Dense(2, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(np.eye(3), np.arange(3) % 2, verbose=0)
    model.save(tmp_path / "m.safetensors")
    config, arrays = model_file.read(tmp_path / "m.safetensors")
    half = {name: array for name, array in arrays.items() if not name.endswith("/v")}
    model_file.write(tmp_path / "half.safetensors", config, half)
    with pytest.raises(
        ModelFileError, match=r"has \['m'\] of 'dense/\w+' for Adam, expected \['m', 'v'\]"
    ):
        load_model(tmp_path / "half.safetensors")
    config["compile"]["iterations"] = -1
    model_file.write(tmp_path / "negative.safetensors", config, arrays)
    with pytest.raises(
        ModelFileError, match="optimizer expected iterations of at least 0, received -1"
    ):
        load_model(tmp_path / "negative.safetensors")
