"""Single weights that become 0 while a network trains: when, which, and for how long."""

import gzip

import numpy as np
import pytest

from minicnn import Input, Sequential, layers, models, optimizers, pruning
from minicnn.callbacks import Callback

rng = np.random.default_rng(0)
X, Y = rng.random((40, 6, 6, 2), np.float32), np.arange(40) % 3
PRUNED = ("conv2d", "separable_conv2d", "conv2d_transpose", "dense", "dense_1")


def network(optimizer="adam"):
    stack = [
        layers.Conv2D(8, 3, padding="same", activation="relu"),
        layers.BatchNormalization(),
        layers.DepthwiseConv2D(3),
        layers.SeparableConv2D(10, 2),
        layers.Conv2DTranspose(4, 2),
        layers.Flatten(),
        layers.Dense(20, activation="relu"),
        layers.Dense(3, activation="softmax"),
    ]
    model = Sequential([Input((6, 6, 2)), *stack], seed=0)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


def kernels(model):
    """By the layer's name, those that are pruned."""
    return {
        name: model.get_layer(name).params[
            "pointwise_kernel" if name.startswith("separable") else "kernel"
        ]
        for name in PRUNED
    }


class Watch(Callback):
    """Which weights are 0 after every batch, and the share of them."""

    def __init__(self):
        super().__init__()
        self.zeros, self.shares = [], []

    def on_train_batch_end(self, batch, logs=None):  # noqa: ARG002
        self.zeros.append({name: kernel == 0 for name, kernel in kernels(self.model).items()})
        self.shares.append(pruning.sparsity(self.model))


def trained(pruned, model=None, epochs=4, **options):
    """Five batches an epoch."""
    model, watch = model or network(), Watch()
    model.fit(X, Y, 8, epochs, verbose=0, callbacks=[pruned, watch], **options)
    return model, watch


def test_the_schedule_is_the_cubic_one():
    """After 4, 8, 12 and 16 of 20 batches: 0.8 * (1 - (1 - (t - 4) / 12)^3)."""
    _, watch = trained(pruning.MagnitudePruning(0.8, begin=4, end=16, frequency=4))
    assert watch.shares[:7] == [0] * 7
    for batch, part in ((8, 1 / 3), (12, 2 / 3), (16, 1)):
        assert watch.shares[batch - 1] == pytest.approx(0.8 * (1 - (1 - part) ** 3), abs=0.01)
    assert (
        watch.shares[8:11] == [watch.shares[7]] * 3 and watch.shares[15:] == [watch.shares[15]] * 5
    )


def test_every_kernel_has_its_share_and_nothing_else_is_touched():
    model, _ = trained(pruning.MagnitudePruning(0.75, frequency=2))
    for name, kernel in kernels(model).items():
        assert (kernel == 0).sum() == kernel.size - round(0.25 * kernel.size), name
    others = ("depthwise_conv2d/kernel", "separable_conv2d/depthwise_kernel", "conv2d/bias")
    arrays = model.variables_by_name()
    assert all(arrays[name].all() for name in (*others, "batch_normalization/gamma"))
    assert model.history.history["sparsity"][-1] == pruning.sparsity(model)


def test_the_smallest_go_and_zeros_stay():
    class Before(Callback):
        def on_train_batch_end(self, batch, logs=None):  # noqa: ARG002
            if batch == 4:
                self.kernel = self.model.get_layer("dense").params["kernel"].copy()

    before, model = Before(), network()
    pruned = pruning.MagnitudePruning(0.5, begin=4, end=5)
    model.fit(X, Y, 8, verbose=0, callbacks=[before, pruned])
    kernel = np.asarray(model.get_layer("dense").params["kernel"])
    gone = kernel == 0
    assert np.abs(before.kernel[gone]).max() <= np.abs(before.kernel[~gone]).min()
    np.testing.assert_array_equal(kernel[~gone], before.kernel[~gone])
    _, watch = trained(pruning.MagnitudePruning(0.8, frequency=1))
    for one, other in zip(watch.zeros, watch.zeros[1:], strict=False):
        assert all((other[name] >= one[name]).all() for name in one)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.8])
def test_zeros_survive_files_and_further_training(tmp_path, share):
    model, _ = trained(pruning.MagnitudePruning(0.8))
    zeros = {name: kernel == 0 for name, kernel in kernels(model).items()}
    model.save(tmp_path / "sparse.safetensors")
    again = models.load_model(tmp_path / "sparse.safetensors")
    before = again.get_layer("dense").params["kernel"].copy()
    trained(pruning.MagnitudePruning(share), again)
    for name, kernel in kernels(again).items():
        np.testing.assert_array_equal(kernel == 0, zeros[name])
    assert (before != again.get_layer("dense").params["kernel"]).any()


def test_a_resumed_training_comes_to_the_same_bits(tmp_path):
    whole, _ = trained(pruning.MagnitudePruning(0.8, end=14, frequency=3))

    class Stop(Callback):
        def on_train_batch_end(self, batch, logs=None):  # noqa: ARG002
            if batch == 3:
                raise KeyError

    for epochs_more in (Stop(), None):
        model = network()
        more = [] if epochs_more is None else [epochs_more]
        pruned = pruning.MagnitudePruning(0.8, end=14, frequency=3)
        options = {"resume": tmp_path / "run", "checkpoint_every_steps": 2}
        try:
            model.fit(X, Y, 8, 4, verbose=0, callbacks=[pruned, *more], **options)
        except KeyError:
            assert epochs_more
    for ours, theirs in zip(model.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_averages_of_weights_are_0_where_the_weights_are():
    model, _ = trained(
        pruning.MagnitudePruning(0.8), network(optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9))
    )
    assert pruning.sparsity(model) == pytest.approx(0.8, abs=0.01)


def test_a_kernel_that_begins_with_zeros_learns():
    model = Sequential([Input((72,)), layers.Dense(3, kernel_initializer="zeros")])
    model.compile("sgd", "mse")
    flat, targets = X.reshape(40, -1), np.eye(3)[Y]
    model.fit(flat, targets, 8, verbose=0, callbacks=pruning.MagnitudePruning(0.5, end=4))
    assert pruning.sparsity(model) == 0.5


def test_frozen_layers_keep_their_weights():
    model = network()
    model.freeze("conv2d")
    before = model.get_layer("conv2d").params["kernel"].copy()
    trained(pruning.MagnitudePruning(0.8), model)
    np.testing.assert_array_equal(model.get_layer("conv2d").params["kernel"], before)
    assert (kernels(model)["dense"] == 0).any()


def test_the_compressed_file_is_at_most_35_hundredths():
    """Of 80 % zeros; what is left are 32 bits of noise each, and where they are."""
    model = Sequential([Input((4, 4, 64)), layers.Conv2D(128, 3), layers.Flatten()])
    kernel = model.layers[0].params["kernel"]
    smallest = np.argsort(np.abs(kernel), axis=None)[: int(0.8 * kernel.size)]
    np.put(kernel, smallest, 0)
    data = np.asarray(kernel).tobytes()
    assert len(gzip.compress(data, 9)) <= 0.35 * len(data)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            {"sparsity": 1},
            "expected sparsity as a finite number of at least 0 and below 1, received",
        ),
        ({"begin": -1}, "expected begin of at least 0, received -1"),
        ({"begin": 4, "end": 4}, "expected end of at least 5, received 4"),
        ({"frequency": 0}, "expected frequency of at least 1, received 0"),
        (
            {"end": 6},
            "expected a training of at least 6 batches, in which the last weights go, received 5: "
            "train longer, or choose an earlier end",
        ),
        ({"begin": 5}, "expected a training of at least 6 batches.* or choose an earlier begin"),
    ],
)
def test_what_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=f"^MagnitudePruning {message}"):
        trained(pruning.MagnitudePruning(**arguments), epochs=1)
