"""Arithmetic of symbolic tensors, as in Keras: x + y, x * s, x / 255."""

import numpy as np
import pytest

from minicnn import Input, Model, layers, models

X = np.random.default_rng(0).random((5, 4, 4, 2), np.float32) + 0.5

OF_NUMBERS = {
    "x + 2": (lambda x: x + 2, X + 2),
    "2 + x": (lambda x: 2 + x, X + 2),
    "x - 0.5": (lambda x: x - 0.5, X - 0.5),
    "1 - x": (lambda x: 1 - x, 1 - X),
    "x * 3": (lambda x: x * 3, X * 3),
    "NumPy's 3 * x": (lambda x: np.float32(3) * x, X * 3),
    "x times an array of no axes": (lambda x: x * np.array(3.0), X * 3),
    "x / 255.": (lambda x: x / 255.0, X / 255),
    "-x": (lambda x: -x, -X),
    "x / 127.5 - 1": (lambda x: x / 127.5 - 1, X / 127.5 - 1),
}
OF_TENSORS = {
    "x + y": (lambda x, y: x + y, X + X**2, "Add"),
    "x - y": (lambda x, y: x - y, X - X**2, "Subtract"),
    "x * y": (lambda x, y: x * y, X * X**2, "Multiply"),
}


@pytest.mark.parametrize("name", OF_NUMBERS)
def test_numbers_scale_and_shift(name):
    make, expected = OF_NUMBERS[name]
    inputs = Input((4, 4, 2))
    model = Model(inputs, make(inputs))
    assert {type(layer).__name__ for layer in model.layers[1:]} == {"Rescaling"}
    np.testing.assert_allclose(model.forward(X), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", OF_TENSORS)
def test_tensors_meet_in_layers(name):
    make, expected, layer = OF_TENSORS[name]
    x, y = Input((4, 4, 2)), Input((4, 4, 2))
    model = Model([x, y], make(x, y))
    assert type(model.layers[-1]).__name__ == layer
    np.testing.assert_allclose(model.forward([X, X**2]), expected, rtol=1e-5)


def test_squeeze_and_excitation_as_it_is_written_in_keras(tmp_path):
    """With x * s and x + y, which save, load and train like the layers that they are."""
    inputs = Input((4, 4, 2))
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(inputs / 2.0)
    s = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = x * layers.Conv2D(4, 1, activation="sigmoid")(s)
    x = x + layers.Conv2D(4, 1)(x)
    model = Model(inputs, layers.Dense(2, "softmax")(layers.GlobalAveragePooling2D()(x)), seed=0)
    model.compile("adam", "sparse_categorical_crossentropy")
    history = model.fit(X, np.arange(5) % 2, epochs=2, verbose=0).history
    assert history["loss"][1] < history["loss"][0]
    model.save(tmp_path / "m.safetensors")
    again = models.load_model(tmp_path / "m.safetensors")
    assert np.array_equal(again.forward(X), model.forward(X))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda x: x * X[0],
            r"a symbolic tensor \* y expected y as another one, as in Add\(\)\(\[x, y\]\), or as a "
            r"number, as in Rescaling\(1 / 255\)\(x\), received ndarray",
        ),
        (lambda x: X[0] + x, r"a symbolic tensor \+ y expected y as another one"),
        (lambda x: x - "a", "a symbolic tensor - y expected y as another one.*received str 'a'"),
        (lambda x: x + True, r"received bool True"),
        (lambda x: x / x, "can be divided by a number that is not 0, received <Node of"),
        (lambda x: x / 0, "received 0: no layer divides tensors"),
        (lambda x: 1 / x, "is symbolic and has no numbers: call layers on it"),
        (lambda x: x**2, "is symbolic and has no numbers: call layers on it"),
    ],
)
def test_what_no_layer_computes_is_refused(make, message):
    with pytest.raises(TypeError, match=message) as error:
        make(Input((4, 4, 2)))
    print(error.value)
