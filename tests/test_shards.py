"""fit(shards=V) against its definition: each shard by itself, everything of them added along one
tree.
"""
# ruff: noqa: ARG002  (hooks and methods keep their whole signatures, used or not)

import numpy as np
import pytest
from shard_cases import bits, branched, data, network, state_of, tree_sum

from minicnn import Input, Sequential, callbacks, layers, metrics, optimizers
from minicnn.models.model import Model


def test_one_shard_is_the_fit_of_always():
    x, y = data()
    plain, cut = network(), network()
    first = plain.fit(x, y, batch_size=16, epochs=2, seed=3, verbose=0)
    second = cut.fit(x, y, batch_size=16, epochs=2, seed=3, verbose=0, shards=1)
    assert bits(plain, first) == bits(cut, second)


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("shards", [2, 3, 8])
def test_a_step_is_the_shards_by_themselves_added_along_the_tree(engine, shards):
    """By hand: a fresh model for each shard, its gradients, its averages, one update."""
    x, y = data(18)
    model = network(noise=False, metrics=["accuracy"])
    model.engine = engine
    history = model.fit(x, y, batch_size=18, shuffle=False, verbose=0, shards=shards)
    gradients, averages, losses, right = [], [], [], []
    before = network(noise=False)
    for shard in range(shards):
        one = network(noise=False)
        one.engine = engine
        part = slice(18 * shard // shards, 18 * (shard + 1) // shards)
        n = part.stop - part.start
        execution = one.execution_for(x[part])
        logits = execution.logits(x[part].astype(np.float32), training=True)
        loss, dy = one.loss.value_and_gradient(y[part], logits, from_logits=True)
        execution.backward_from_logits(dy * np.float32(n / 18))
        gradients.append({name: gradient.copy() for name, _, gradient in one.parameters()})
        averages.append({
            name: (after - start) * np.float32(n)
            for (name, after), (_, start) in zip(state_of(one), state_of(before), strict=True)
        })  # fmt: skip
        losses.append(np.float64(n * loss))
        right.append(int((logits.argmax(axis=1) == y[part]).sum()))
    totals = {name: tree_sum([found[name] for found in gradients]) for name in gradients[0]}
    before.optimizer.step((name, value, totals[name]) for name, value, _ in before.parameters())
    for (name, value, _), (_, expected, _) in zip(
        model.parameters(), before.parameters(), strict=True
    ):
        assert value.tobytes() == expected.tobytes(), name
    for (name, found), (_, start) in zip(state_of(model), state_of(before), strict=True):
        moved = tree_sum([average[name] for average in averages])
        assert found.tobytes() == (start + moved / 18).tobytes(), name
    assert history.history["loss"] == [tree_sum(losses) / 18]
    assert history.history["accuracy"] == [sum(right) / 18]


def test_without_batch_normalisation_shards_are_the_batch_but_for_rounding():
    x, y = data()
    whole, cut = (
        Sequential(
            [
                Input(x.shape[1:]),
                layers.Rescaling(1 / 255),
                layers.Conv2D(4, 3, activation="relu"),
                layers.Flatten(),
                layers.Dense(3, activation="softmax", kernel_regularizer="l2"),
            ],
            seed=0,
        )  # fmt: skip
        for _ in range(2)
    )
    for model in (whole, cut):
        model.compile(optimizers.SGD(0.05), "sparse_categorical_crossentropy", ["accuracy"])
    weight = np.linspace(0.1, 2, len(x))
    options = {"batch_size": 16, "epochs": 2, "verbose": 0, "sample_weight": weight, "seed": 1}
    expected = whole.fit(x, y, **options).history
    found = cut.fit(x, y, **options, shards=5).history
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5)
    for one, other in zip(whole.get_weights(), cut.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_noise_is_the_shard_s_and_the_epoch_s():
    """The same in a second training of the same seed; another in the next epoch, and in the next
    shard.
    """

    def seen(epochs):
        masks = []

        class Watched(layers.Dropout):
            def draw(self, shape):
                masks.append(super().draw(shape))
                return masks[-1]

        model = Sequential([Input((50,)), Watched(0.5), layers.Dense(2, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.fit(np.ones((8, 50)), np.arange(8) % 2, seed=5, epochs=epochs, verbose=0, shards=4)
        return [mask.tobytes() for mask in masks]

    assert seen(2) == seen(2)
    assert len(set(seen(2))) == 8


def test_a_batch_smaller_than_the_shards_trains():
    x, y = data(19)
    model = network(metrics=["accuracy", metrics.AUC(), metrics.F1Score(average="macro")])
    labels = np.eye(3, dtype=np.float32)[y]
    model.compile(optimizers.Adam(0.01), "categorical_crossentropy", model.metrics)
    history = model.fit(x, labels, batch_size=16, verbose=0, shards=8, epochs=2).history
    assert np.isfinite(history["loss"]).all()


@pytest.mark.parametrize("end", [4, 9])
def test_an_interruption_and_a_resume_change_nothing(end, tmp_path):
    x, y = data(40)
    options = {"batch_size": 16, "epochs": 4, "seed": 2, "verbose": 0, "shards": 3}
    whole = network()
    expected = bits(whole, whole.fit(x, y, **options))

    class Stop(callbacks.Callback):
        batches = 0

        def on_batch_end(self, batch, logs=None):
            self.batches += 1
            if self.batches == end:
                raise KeyboardInterrupt

    first = network()
    kept = {"resume": tmp_path, "checkpoint_every_steps": 1}
    with pytest.raises(KeyboardInterrupt):
        first.fit(x, y, **options, **kept, callbacks=[Stop()])
    second = network()
    assert bits(second, second.fit(x, y, **options, **kept)) == expected
    with pytest.raises(ValueError, match=r"shards: 3 in the checkpoint, 4 here"):
        network().fit(x, y, **options | {"shards": 4}, **kept)


def test_a_graph_and_a_source_of_batches():
    x, y = data(40)

    class Source:
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return x[16 * index : 16 * index + 16], y[16 * index : 16 * index + 16]

    one, other = branched(), branched()
    first = one.fit(x, y, batch_size=16, shuffle=False, seed=0, verbose=0, shards=4)
    second = other.fit(Source(), shuffle=False, seed=0, verbose=0, shards=4)
    assert bits(one, first) == bits(other, second)


def test_averages_that_count_and_layers_that_are_frozen_are_exact():
    x, y = data(21)
    norm = layers.BatchNormalization(warmup=True)
    frozen = layers.BatchNormalization(trainable=False)
    end = [layers.Flatten(), layers.Dense(3, activation="softmax")]
    model = Sequential([Input(x.shape[1:]), layers.Rescaling(1 / 255), norm, frozen, *end])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.build((None, *x.shape[1:]))
    frozen.state["moving_mean"][...] = 1 / 3
    model.fit(x, y, batch_size=7, verbose=0, shards=3, epochs=2)
    assert norm.state["batches"] == 6
    assert (frozen.state["moving_mean"] == np.float32(1 / 3)).all()


def test_a_loss_that_is_no_number_leaves_the_update_out():
    x, y = data(16)
    x = x.astype(np.float32)
    x[9] = np.nan
    model = network(noise=False)
    before = [weight.copy() for weight in model.get_weights()]
    with pytest.warns(UserWarning, match="the input holds NaN"):
        history = model.fit(x, y, batch_size=16, verbose=0, shards=4)
    assert np.isnan(history.history["loss"]).all()
    names = [name for name in model.variables_by_name() if "moving" not in name]
    for name, old in zip(model.variables_by_name(), before, strict=True):
        if name in names:
            assert (model.variables_by_name()[name] == old).all(), name


# What is refused


@pytest.mark.parametrize("shards", [0, -1, 1.5, "8"])
def test_shards_is_a_count(shards):
    x, y = data()
    with pytest.raises(ValueError, match="fit expected shards of at least 1, received "):
        network().fit(x, y, verbose=0, shards=shards)


def test_a_step_of_one_s_own():
    class Mine(Sequential):
        def train_step(self, x, y, sample_weight=None):
            return super().train_step(x, y, sample_weight)

    model = Mine([Input((4,)), layers.Dense(3)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"expected train_step as minicnn has it, received Mine"):
        model.fit(np.ones((4, 4)), np.ones((4, 3)), verbose=0, shards=2)
    assert isinstance(model, Model)
