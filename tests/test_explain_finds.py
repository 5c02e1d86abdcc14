"""Explanations ask about the class that is meant, leave the model alone, and find what decides."""

import json

import numpy as np
import pytest
from explain_cases import MAPS, body, copied, each_map, made, network, picture

from minicnn import Input, Sequential, explain, layers
from minicnn.layers import Conv2D, Dense, Flatten, GlobalAveragePooling2D, MaxPooling2D, Softmax

# Which class


@each_map
def test_the_models_own_answer_is_explained_unless_another_is_named(method):
    model, x = network(class_names=["ant", "bee", "cow", "dog"]), picture()
    probabilities = model.predict(x[None])[0]
    best = int(probabilities.argmax())
    own, named = method(model, x), method(model, x[None], class_index=np.int64(best))
    assert own.class_index == best and own.class_name == model.class_names[best]
    assert own.probability == pytest.approx(probabilities[best], rel=1e-12)
    np.testing.assert_array_equal(own.heat, named.heat)
    other = method(model, x, (best + 1) % 4)
    assert other.probability == pytest.approx(probabilities[(best + 1) % 4], rel=1e-12)
    assert not np.array_equal(other.heat, own.heat)


@each_map
@pytest.mark.parametrize(
    "last", [[Dense(4)], [Dense(4), Softmax()], [Dense(4), layers.Activation("softmax")]]
)
def test_it_does_not_matter_how_the_model_ends(method, last):
    model, x = network(), picture()
    other = made([*body(), *map(copied, last)])
    other.set_weights(model.get_weights())
    np.testing.assert_allclose(method(other, x, 1).heat, method(model, x, 1).heat, atol=1e-12)


# The model stays as it was


def state_of(model):
    """Everything in a model that a run could change, as values."""
    kept = []
    for layer in model.layers:
        arrays = [
            array.tobytes() for array in [*layer.weights_by_name.values(), *layer.grads.values()]
        ]
        cache = [id(part) for part in layer._cache or ()]
        kept.append(
            (arrays, cache, layer.trainable, layer.needs_input_grad, json.dumps(layer.random_state))
        )
    return (
        kept,
        json.dumps(model.shuffle_rng.bit_generator.state),
        id(model._planned),
        model.has_fresh_weights,
    )


@pytest.mark.parametrize("engine", ["fast", "reference"])
@each_map
def test_the_model_is_left_alone(method, engine):
    """Also in the middle of a training by hand: the backward after it is that of the forward before
    it.
    """
    model, x = network("float32"), picture().astype(np.float32)
    model.engine = engine
    batch, dy = picture((5, 12, 11, 3)).astype(np.float32), picture((5, 4)).astype(np.float32)

    def gradients(between):
        model.reseed(3)
        model.forward(batch, training=True)
        before = state_of(model)
        between()
        assert state_of(model) == before
        return [model.backward(dy), *(grad.copy() for _, _, grad in model.parameters())]

    weights = model.get_weights()
    expected = gradients(lambda: None)
    model.set_weights(weights)  # with them, the moving statistics
    for a, b in zip(gradients(lambda: method(model, x)), expected, strict=True):
        np.testing.assert_array_equal(a, b)
    model.set_weights(weights)
    gradients(lambda: (explain.filters(model), explain.activations(model, x)))


@each_map
def test_the_same_picture_gives_the_same_map(method):
    model, x = network("float32"), picture()
    np.testing.assert_array_equal(method(model, x).heat, method(model, x).heat)


# What really decides


PATCH = 5


def patched(count, seed, corner=None):
    """Noise with a bright patch in it, red in class 0, green in class 1, at the corner or anywhere;
    (x, y, corners).
    """
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, 0.5, (count, 20, 20, 3)).astype(np.float32), rng.integers(0, 2, count)
    corners = (
        rng.integers(0, 20 - PATCH + 1, (count, 2))
        if corner is None
        else np.array([corner] * count)
    )
    for one, label, (h, w) in zip(x, y, corners, strict=True):
        one[h : h + PATCH, w : w + PATCH, label] += 0.5
    return x, y, corners


def finder(stack, corner):
    """A model that is always right about such patches, and pictures that it has not seen."""
    model = Sequential([Input((20, 20, 3)), *stack, Dense(2, activation="softmax")], seed=0)
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    model.optimizer.learning_rate = 0.01
    x, y, _ = patched(512, 0, corner)
    model.fit(x, y, batch_size=32, epochs=30, verbose=0)
    x, y, corners = patched(40, 1, corner)
    assert model.evaluate(x, y, return_dict=True)["accuracy"] == 1.0
    return model, x, y, corners


@pytest.fixture(scope="module")
def anywhere():
    stack = [
        Conv2D(8, 3, activation="relu"),
        MaxPooling2D(),
        Conv2D(8, 3, activation="relu"),
        GlobalAveragePooling2D(),
    ]
    return finder(stack, None)


@pytest.fixture(scope="module")
def at_one_place():
    """Saliency tells which pixels would count, and where a patch may be anywhere, those are all of
    them.
    """
    return finder([Flatten(), Dense(8, activation="relu")], (11, 3))


@pytest.mark.parametrize(
    "name, case",
    [("grad_cam", "anywhere"), ("occlusion", "anywhere"), ("saliency", "at_one_place")],
)
def test_a_patch_that_alone_decides_is_found(name, case, request):
    model, x, y, corners = request.getfixturevalue(case)
    found, contrast = 0, []
    for one, label, (h, w) in zip(x, y, corners, strict=True):
        made = MAPS[name](model, one)
        assert made.class_index == label
        row, column = made.warmest
        found += h - 2 <= row < h + PATCH + 2 and w - 2 <= column < w + PATCH + 2
        inside = np.zeros((20, 20), bool)
        inside[h : h + PATCH, w : w + PATCH] = True
        contrast.append(made.heat[inside].mean() / np.abs(made.heat[~inside]).mean())
    assert found >= 36, f"{found} of 40"
    assert np.median(contrast) > 3, np.median(contrast)
