"""BatchNormalization(warmup=True): moving averages that are plain means at first."""

from contextlib import nullcontext

import numpy as np
import pytest

from minicnn import Input, Sequential, layers
from minicnn.models import load_model


def model(engine="fast", dtype="float32", warmup=True, **options):
    net = Sequential(
        [
            Input((8, 8, 3)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.BatchNormalization(warmup=warmup, name="norm", **options),
            layers.Flatten(),
            layers.Dense(4, activation="softmax"),
        ],
        seed=3,
        dtype=dtype,
    )
    net.engine = engine
    net.compile("sgd", "sparse_categorical_crossentropy")
    return net


def batches(count, size=6):
    rng = np.random.default_rng(5)
    return [
        (rng.standard_normal((size, 8, 8, 3)).astype(np.float32), rng.integers(0, 4, size))
        for _ in range(count)
    ]


def statistics(net, x):
    """Mean and biased variance (C,) of what the normalisation sees, by definition."""
    seen = net.get_layer("conv2d").forward(x)
    return seen.mean((0, 1, 2), dtype=np.float64), seen.var((0, 1, 2), dtype=np.float64)


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_they_are_plain_means_until_the_momentum_takes_over(engine):
    """momentum 0.8: the first five batches count alike, the sixth on with a fifth."""
    net = model(engine, momentum=0.8)
    net.get_layer(
        "conv2d"
    ).trainable = False  # so that a batch's statistics do not depend on the steps before
    found, norm = [], net.get_layer("norm")
    for n, (x, y) in enumerate(batches(8), 1):
        found.append(statistics(net, x))
        net.train_on_batch(x, y)
        means, variances = (np.array(values) for values in zip(*found, strict=True))
        weights = np.array(
            [0.8 ** max(n - 5, 0) / min(n, 5)] * min(n, 5)
            + [0.2 * 0.8 ** (n - k) for k in range(6, n + 1)]
        )
        np.testing.assert_allclose(weights.sum(), 1)
        np.testing.assert_allclose(norm.state["moving_mean"], weights @ means, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(
            norm.state["moving_variance"], weights @ variances, rtol=1e-4, atol=1e-6
        )
        assert norm.state["batches"] == n


@pytest.mark.parametrize("dtype,tolerance", [("float32", 1e-5), ("float64", 1e-12)])
def test_engine_and_layers_agree(dtype, tolerance):
    fast, reference = model("fast", dtype), model("reference", dtype)
    for x, y in batches(5):
        fast.train_on_batch(x, y)
        reference.train_on_batch(x, y)
    for a, b in zip(fast.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def test_batches_without_training_do_not_count():
    net, (x, y) = model(), batches(1)[0]
    net.evaluate(x, y, verbose=0)
    net.get_layer("norm").trainable = False
    net.train_on_batch(x, y)
    assert net.get_layer("norm").state["batches"] == 0


def test_weights_are_kerass():
    """What counts the batches is none of them, so that lists of weights fit Keras' models and those
    without warmup.
    """
    plain, net = model(warmup=False), model()
    assert [w.shape for w in net.get_weights()] == [w.shape for w in plain.get_weights()]
    assert net.count_params() == plain.count_params()
    net.set_weights(plain.get_weights())


def test_a_saved_model_trains_on_as_if_it_had_not_been_saved(tmp_path):
    whole, begun = model(), model()
    parts = batches(6)
    for net, some in ((whole, parts), (begun, parts[:3])):
        for x, y in some:
            net.train_on_batch(x, y)
    begun.save(tmp_path / "m.safetensors")
    loaded = load_model(tmp_path / "m.safetensors")
    assert loaded.get_layer("norm").warmup
    for x, y in parts[3:]:
        loaded.train_on_batch(x, y)
    for a, b in zip(whole.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_where_it_is_off_nothing_is_saved_that_was_not_before():
    norm = model(warmup=False).get_layer("norm")
    assert "warmup" not in norm.get_config() and set(norm.state) == {
        "moving_mean",
        "moving_variance",
    }


def test_few_batches_are_enough_for_a_validation_that_means_something():
    """Two classes that a look at the mean tells apart: without warmup, validation is at chance
    after ten steps.
    """
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    x = (rng.random((80, 8, 8, 3)) + 3 * y[:, None, None, None]).astype(np.float32)
    accuracy = {}
    for warmup in (False, True):
        net = model(warmup=warmup)
        net.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
        with nullcontext() if warmup else pytest.warns(UserWarning, match="averages that lag"):
            history = net.fit(x, y, batch_size=40, epochs=5, validation_data=(x, y), verbose=0)
        accuracy[warmup] = history.history["val_accuracy"][-1]
    assert accuracy[True] == 1 and accuracy[True] > accuracy[False]


def test_warmup_is_true_or_false():
    with pytest.raises(
        (TypeError, ValueError), match="BatchNormalization expected warmup"
    ) as error:
        layers.BatchNormalization(warmup=3)
    print(error.value)
