"""Weights of a Sequential, the seeds that draw them, and freezing."""

import numpy as np
import pytest
from sequential_cases import bits, tiny, tiny_data

import minicnn
from minicnn import Input, Sequential, layers

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
