"""One resampling for several layers of augmentation."""

import numpy as np
import pytest
from augmentation_cases import built, resampled, some_bytes

from minicnn import Sequential, layers
from minicnn.kernels import resample as kernel
from minicnn.layers.augmentation.geometric import Composed, FillingLayer, GeometricLayer, composed
from minicnn.network.stages import layers_of

CHAIN = (
    lambda: layers.RandomFlip(),
    lambda: layers.RandomRotation(0.2),
    lambda: layers.RandomTranslation(0.2, 0.3),
    lambda: layers.RandomZoom(0.3, 0.1),
)


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_neighbours_are_resampled_once_by_the_product_of_their_matrices(engine):
    """Against the definition, in float64: not what one layer after the other makes, which is
    blurred.
    """
    x = some_bytes(6, 7, 8, 3)
    model = Sequential([layers.Input((7, 8, 3)), *(make() for make in CHAIN)], seed=3)
    model.engine = engine
    states = [layer.random_state for layer in model.layers]
    y = model.forward(x, training=True)
    matrices = np.broadcast_to(np.eye(3), (6, 3, 3))
    for layer, state in zip(model.layers, states, strict=True):
        layer.random_state = state
        matrices = matrices @ layer.matrices(6)
    np.testing.assert_allclose(
        y, resampled(x, matrices, kernel.REFLECT, 0, True, (7, 8)), rtol=0, atol=1e-3
    )
    one_by_one = x
    for layer, state in zip(model.layers, states, strict=True):
        layer.random_state = state
        one_by_one = layer.forward(one_by_one, training=True)
    assert 1 < np.abs(y - one_by_one).mean() < 60


def test_an_order_of_layers_is_kept():
    """Down, then turned by a quarter: to the right, when a quarter turns down to the right."""
    x = np.zeros((1, 5, 5, 1), np.float32)
    x[0, 2, 2] = 1
    down = {"fill_mode": "constant"}
    model = Sequential(
        [
            layers.Input((5, 5, 1)),
            layers.RandomTranslation((0.2, 0.2), (0.0, 0.0), **down),
            layers.RandomRotation((0.25, 0.25), **down),
        ]
    )
    y = model.forward(x, training=True)
    assert len(model.execution_for(x).steps) == 1
    # counter-clockwise: what was below is at the right
    assert np.unravel_index(y.argmax(), (5, 5)) == (
        2,
        3,
    )


def test_both_engines_draw_and_compute_the_same():
    x, y = some_bytes(5, 8, 8, 3), np.arange(5) % 2
    front = [
        *(make() for make in CHAIN),
        layers.RandomCrop(8, 8, padding=2),
        layers.Rescaling(1 / 255),
    ]
    model = Sequential(
        [layers.Input((8, 8, 3)), *front, layers.Flatten(), layers.Dense(2, activation="softmax")],
        seed=0,
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    results = {}
    for engine in ("fast", "reference"):
        model.engine = engine
        model.reseed(5)
        loss, predicted = model.loss_and_gradients(x, y)
        results[engine] = predicted.copy(), model.layers[-1].grads["kernel"].copy()
    for fast, reference in zip(*results.values(), strict=True):
        np.testing.assert_allclose(fast, reference, rtol=1e-4, atol=1e-5)
    assert np.isfinite(loss)


def grouped(*given):
    """Which of the layers run as one."""
    shape = (8, 8, 3)
    for number, layer in enumerate(given):
        layer.name = str(number)
        shape = built(layer, shape).output_shape
    return [
        "+".join(each.name for each in layers_of(step)) + "*" * isinstance(step, Composed)
        for step in composed(given)
    ]


def test_which_neighbours_become_one():
    flip, turn, zoom, crop = (
        layers.RandomFlip,
        layers.RandomRotation,
        layers.RandomZoom,
        layers.RandomCrop,
    )
    assert grouped(flip(), turn(0.1), zoom(0.1)) == ["0+1+2*"]
    assert grouped(turn(0.1), layers.Rescaling(1), zoom(0.1)) == ["0*", "1", "2*"]
    assert grouped(turn(0.1), zoom(0.1, fill_mode="wrap"), flip()) == ["0*", "1+2*"]
    assert grouped(turn(0.1), zoom(0.1, interpolation="nearest")) == ["0*", "1*"]
    assert grouped(flip(), crop(8, 8, padding=2), flip()) == ["0+1+2*"]
    assert grouped(crop(8, 8, padding=2), crop(8, 8, padding=2)) == ["0*", "1*"]
    assert grouped(flip(), crop(6, 6), turn(0.1), flip()) == ["0+1*", "2+3*"]
    assert grouped(turn(0.1, interpolation="nearest"), crop(6, 6, padding_mode="symmetric")) == [
        "0*",
        "1*",
    ]


def test_a_layer_of_ones_own_joins_by_its_matrices_but_not_with_a_forward_of_its_own():
    class Shear(FillingLayer):
        def matrices(self, count):
            return np.broadcast_to(
                np.array([[1, 0.5, 0], [0, 1, 0], [0, 0, 1.0]]), (count, 3, 3)
            ).copy()

    class Strange(layers.RandomFlip):
        def forward(self, x, *, training=False):
            return self.accept(x) + training

    assert grouped(layers.RandomFlip(), Shear(), layers.RandomZoom(0.1)) == ["0+1+2*"]
    assert grouped(layers.RandomFlip(), Strange(), layers.RandomFlip()) == ["0*", "1", "2*"]
    with pytest.raises(NotImplementedError, match="GeometricLayer must define matrices"):
        built(GeometricLayer(), (8, 8, 3)).forward(some_bytes(1, 8, 8, 3), training=True)


def test_a_composed_step_passes_gradients_on_to_a_layer_below():
    conv = layers.Conv2D(2, 3, padding="same")
    model = Sequential(
        [layers.Input((6, 6, 1)), conv, *(make() for make in CHAIN)], seed=0, dtype="float64"
    )
    x = np.random.default_rng(0).standard_normal((3, 6, 6, 1))
    states = [layer.random_state for layer in model.layers[1:]]

    def forward():
        for layer, state in zip(model.layers[1:], states, strict=True):
            layer.random_state = state
        return model.forward(x, training=True)

    dy = np.random.default_rng(1).standard_normal(forward().shape)
    model.backward(dy)
    claimed = conv.grads["kernel"].copy()
    direction = np.random.default_rng(2).standard_normal(claimed.shape)
    sides = []
    for sign in (1, -2):
        conv.params["kernel"] += sign * direction
        sides.append(np.sum(forward() * dy))
    assert (sides[0] - sides[1]) / 2 == pytest.approx(np.sum(claimed * direction), rel=1e-9)


def test_results_of_a_model_are_arrays_of_their_own():
    """Although the step that they come from has one buffer for all batches."""
    model = Sequential([layers.Input((4, 4, 1)), layers.RandomRotation(0.5)], seed=0)
    x = some_bytes(5, 4, 4, 1)
    first = model.forward(x, training=True)
    kept = first.copy()
    second = model.forward(x[:2], training=True)
    np.testing.assert_array_equal(first, kept)
    assert second.shape == (2, 4, 4, 1) and not np.array_equal(first[:2], second)
