"""batch_norm="sync": shards that normalise over their whole batch are the training without shards.

The oracle is that training itself, layer by layer, in double precision: what is wrong with a sum,
an average or a gradient is seen in the tenth digit.
"""

import numpy as np
import pytest
from shard_cases import CLASSES, bits, data, network

from minicnn import Input, Model, Sequential, callbacks, layers, optimizers
from minicnn.errors import ModelFileError

WEIGHTS = np.linspace(0.5, 1.5, 35)
HOW = {"batch_size": 16, "epochs": 3, "seed": 1, "verbose": 0}  # the last batch has 3 of 35


def compiled(model, dtype="float64"):
    model.compile(
        optimizers.SGD(0.05, momentum=0.9), "sparse_categorical_crossentropy", ["accuracy"]
    )
    assert model.dtype == dtype
    return model


def chain(dtype="float64"):
    """Pictures that change at random; normalisations of pictures and of features, one of them of
    the input, where nobody wants a gradient.
    """
    model = Sequential(
        [
            Input((8, 8, 1)),
            layers.RandomFlip("horizontal"),
            layers.BatchNormalization(momentum=0.5),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(momentum=0.5, warmup=True),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(5),
            layers.BatchNormalization(momentum=0.9, scale=False),
            layers.ReLU(),
            layers.Dense(CLASSES, activation="softmax"),
        ],
        seed=0,
        dtype=dtype,
    )
    return compiled(model, dtype)


def graph(dtype="float64"):
    """A normalisation in two places, one that is frozen, one that a call fixes, a model inside."""
    inputs = Input((8, 8, 1))
    norm = layers.BatchNormalization(momentum=0.5)
    x = layers.Conv2D(4, 3, padding="same")(layers.Rescaling(1 / 255)(inputs))
    shortcut = norm(x)
    x = norm(layers.Conv2D(4, 3, padding="same")(layers.ReLU()(shortcut)))
    x = layers.BatchNormalization(center=False)(layers.Add()([x, shortcut]))
    x = layers.BatchNormalization(trainable=False)(x)
    x = layers.BatchNormalization()(x, training=False)
    features = Input((4,))
    inside = Model(features, layers.BatchNormalization()(layers.Dense(4)(features)))
    x = inside(layers.GlobalAveragePooling2D()(x))
    outputs = layers.Dense(CLASSES, activation="softmax")(x)
    return compiled(Model(inputs, outputs, seed=0, dtype=dtype), dtype)


def trained(model, engine="reference", **more):
    x, y = data(35)
    model.engine = engine
    history = model.fit(x, y, sample_weight=WEIGHTS, **HOW, **more)
    return model.variables_by_name(), history.history


def largest_difference(one, other):
    assert one.keys() == other.keys()
    return max(float(np.abs(one[name] - other[name]).max()) for name in one)


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("shards", [2, 5, 8])
@pytest.mark.parametrize("make", [chain, graph])
def test_it_is_the_training_without_shards(make, shards, engine):
    """Weights and moving averages after nine steps, and what was logged; last batches are smaller,
    and of eight shards most have nothing of them.
    """
    expected, logged = trained(make())
    found, history = trained(make(), engine, shards=shards, batch_norm="sync")
    assert largest_difference(found, expected) < 1e-12
    for name in logged:
        np.testing.assert_allclose(history[name], logged[name], rtol=1e-12)


@pytest.mark.filterwarnings("ignore:BatchNormalization .* one value per channel")
@pytest.mark.parametrize("make", [chain, graph])
def test_within_shards_it_is_another_training(make):
    """So what is compared above can be told apart."""
    expected, _ = trained(make())
    assert largest_difference(trained(make(), shards=2)[0], expected) > 1e-3


@pytest.mark.parametrize("make", [chain, graph])
def test_in_single_precision_but_for_rounding(make):
    """From the training in double precision about as far as one without shards; nine steps make
    different roundings of one thing three times as large in one weight as in another.
    """
    exact, _ = trained(make())
    whole, _ = trained(make("float32"))
    found, _ = trained(make("float32"), "fast", shards=5, batch_norm="sync")
    for name, value in exact.items():
        rounding = np.abs(whole[name] - value).max()
        assert rounding < 1e-4 * max(1, np.abs(value).max()), name
        assert np.abs(found[name] - value).max() <= 8 * rounding + 1e-6, name


def test_several_inputs():
    def model():
        one, other = Input((8, 8, 1)), Input((8, 8, 1))
        norm = layers.BatchNormalization()
        x = layers.Concatenate()([norm(one), layers.BatchNormalization()(other)])
        x = layers.Dense(CLASSES, activation="softmax")(layers.Flatten()(x))
        return compiled(Model([one, other], x, seed=0, dtype="float64"))

    x, y = data(35)
    whole, cut = model(), model()
    whole.fit([x, x[::-1]], y, **HOW)
    cut.fit([x, x[::-1]], y, **HOW, shards=4, batch_norm="sync")
    assert largest_difference(whole.variables_by_name(), cut.variables_by_name()) < 1e-12


class Change(callbacks.Callback):
    """In the second epoch a layer is frozen and another one not, and the engine is another."""

    def on_epoch_begin(self, epoch, logs=None):  # noqa: ARG002
        if epoch == 1:
            norms = [
                layer for layer in self.model.layers if isinstance(layer, layers.BatchNormalization)
            ]
            norms[0].trainable, norms[1].momentum, norms[1].epsilon = False, 0.1, 0.01
            self.model.engine = "reference" if self.model.engine == "fast" else "fast"


def test_layers_that_change_in_the_training():
    expected, _ = trained(chain(), callbacks=Change())
    found, _ = trained(chain(), "fast", shards=3, batch_norm="sync", callbacks=Change())
    assert largest_difference(found, expected) < 1e-12


def test_one_shard_and_networks_without_normalisation_are_as_ever():
    x, y = data()
    for make, shards in ((network, 1), (plain, 4)):
        one, other = make(), make()
        first = one.fit(x, y, **HOW, shards=shards)
        second = other.fit(x, y, **HOW, shards=shards, batch_norm="sync")
        assert bits(one, first) == bits(other, second)


def plain():
    rest = [layers.Flatten(), layers.Dropout(0.5), layers.Dense(3, activation="softmax")]
    model = Sequential([Input((8, 8, 1)), layers.Rescaling(1 / 255), *rest], seed=0)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def test_noise_is_that_of_the_shards():
    """Of the first step's loss: with dropout after the last normalisation, masks are those of
    batch_norm="shard".
    """
    seen = {"shard": [], "sync": []}
    for way, masks in seen.items():

        class Watched(layers.Dropout):
            def draw(self, shape, masks=masks):
                masks.append(super().draw(shape))
                return masks[-1]

        model = Sequential(
            [Input((5,)), layers.BatchNormalization(), Watched(0.5), layers.Dense(2)], seed=0
        )
        model.compile("sgd", "mse")
        ones = np.ones((8, 5)) * np.arange(8)[:, None]
        model.fit(ones, ones[:, :2], batch_size=8, seed=5, verbose=0, shards=4, batch_norm=way)
    assert len(seen["sync"]) == 4
    for one, other in zip(*seen.values(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_interruption_and_a_resume_change_nothing(tmp_path):
    x, y = data(40)
    how = {"batch_size": 16, "epochs": 4, "seed": 2, "verbose": 0, "shards": 3}
    whole = network()
    expected = bits(whole, whole.fit(x, y, **how, batch_norm="sync"))

    class Stop(callbacks.Callback):
        batches = 0

        def on_batch_end(self, batch, logs=None):  # noqa: ARG002
            self.batches += 1
            if self.batches == 5:
                raise KeyboardInterrupt

    kept = {"resume": tmp_path, "checkpoint_every_steps": 1}
    with pytest.raises(KeyboardInterrupt):
        network().fit(x, y, **how, **kept, batch_norm="sync", callbacks=[Stop()])
    second = network()
    assert bits(second, second.fit(x, y, **how, **kept, batch_norm="sync")) == expected
    with pytest.raises((ValueError, ModelFileError)) as told:
        network().fit(x, y, **how, **kept)
    print(told.value)
    assert "batch_norm" in str(told.value)


def test_an_interruption_in_the_middle_of_a_step_leaves_a_model_that_trains():
    class Once(layers.Identity):
        def backward(self, dy):
            if not hasattr(Once, "was"):
                Once.was = True
                raise KeyboardInterrupt
            return super().backward(dy)

    x, y = data(40)
    end = [layers.Flatten(), layers.Dense(3, activation="softmax")]
    start = [Input((8, 8, 1)), layers.Rescaling(1 / 255), layers.Conv2D(4, 3)]
    model = Sequential([*start, layers.BatchNormalization(), Once(), *end], seed=0)
    compiled(model, "float32")
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, **HOW, shards=4, batch_norm="sync")
    assert np.isfinite(model.fit(x, y, **HOW, shards=4, batch_norm="sync").history["loss"]).all()


def test_a_loss_that_is_no_number_leaves_the_update_out():
    x, y = data(16)
    x = x.astype(np.float32)
    x[9] = np.nan
    model = network(noise=False)
    before = {name: value.copy() for name, value in model.variables_by_name().items()}
    with pytest.warns(UserWarning, match="the input holds NaN"):
        history = model.fit(x, y, batch_size=16, verbose=0, shards=4, batch_norm="sync")
    assert np.isnan(history.history["loss"]).all()
    assert largest_difference(model.variables_by_name(), before) == 0  # averages too


def test_one_value_per_channel_is_warned_of_once():
    model = Sequential([Input((3,)), layers.BatchNormalization(name="norm"), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning) as told:
        model.fit(np.ones((1, 3)), np.ones((1, 1)), verbose=0, shards=3, batch_norm="sync")
    (one,) = [str(warning.message) for warning in told if "one value" in str(warning.message)]
    assert one.startswith("BatchNormalization 'norm' normalises a batch with one value per channel")


# What is refused


def test_another_word():
    x, y = data()
    with pytest.raises(ValueError) as told:
        network().fit(x, y, verbose=0, shards=2, batch_norm="whole")
    assert str(told.value) == "fit expected batch_norm 'shard' or 'sync', received 'whole'"


class Own(layers.BatchNormalization):
    """A normalisation that may do anything."""


class Counting(layers.Layer):
    """Counts its batches."""

    def setup(self, input_shape):
        self.add_state("count", (1,), "zeros")
        return input_shape


class Block(layers.Layer):
    """Has a layer inside."""

    def __init__(self, **options):
        super().__init__(**options)
        self.inner = layers.Dense(3)


@pytest.mark.parametrize(
    ("layer", "received"),
    [
        (Own(name="own"), "BatchNormalization as minicnn has it, received Own 'own', of a class"),
        (Counting(name="counts"), "no layer of one's own with state, or with layers inside, rec"),
        (
            Block(name="block"),
            "no layer of one's own with state, or with layers inside, received B",
        ),
    ],
)
def test_layers_of_which_there_cannot_be_one_for_each_shard(layer, received):
    model = Sequential([Input((3,)), layers.BatchNormalization(), layer, layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError) as told:
        model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0, shards=2, batch_norm="sync")
    print(told.value)
    start = "fit(batch_norm='sync') runs several shards side by side, and expected "
    assert str(told.value).startswith(start + received)
