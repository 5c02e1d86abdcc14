"""Model files: what goes in comes out, training continues where it was, and no file can do anything
else.
"""

import ast
import copy
import json
import os
import re
import struct
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_files import header_of, repacked

import minicnn
from minicnn import Input, Sequential, layers, losses, metrics, optimizers
from minicnn.errors import ModelFileError
from minicnn.layers.base import Layer
from minicnn.models import load_model

OPTIMIZERS: dict[str, Any] = {
    "sgd": lambda: optimizers.SGD(0.05),
    "sgd with momentum": lambda: optimizers.SGD(0.05, momentum=0.9),
    "sgd with nesterov": lambda: optimizers.SGD(
        0.05, momentum=0.5, nesterov=True, global_clipnorm=0.5
    ),
    "adam": lambda: optimizers.Adam(0.01, beta_1=0.8, beta_2=0.99, epsilon=1e-5),
    "adamw": lambda: optimizers.AdamW(0.01, weight_decay=0.1, global_clipnorm=2.0),
}


def every_layer() -> list[Layer]:
    """One layer of every class, none with its default arguments, in an order that fits."""
    return [
        layers.RandomFlip("vertical"),
        layers.RandomRotation([0.0, 0.25], fill_mode="constant", fill_value=3.0),
        layers.RandomTranslation(0.125, 0.25, interpolation="nearest"),
        layers.RandomZoom(0.25, fill_mode="wrap", seed=5),
        layers.RandomCrop(9, 8, padding=2, padding_mode="edge"),
        layers.RandomBrightness(0.25, value_range=(-1000, 1000)),
        layers.RandomContrast(0.5, value_range=(-1000, 1000)),
        layers.RandomErasing(0.5, scale=0.25, fill_value=7.0),
        layers.Rescaling(1 / 100, offset=-0.5),
        layers.Normalization(mean=[0.5, 0.25], variance=[2.0, 0.5]),
        layers.ZeroPadding2D(((1, 0), (2, 1))),
        layers.Conv2D(
            4,
            (3, 2),
            (2, 1),
            padding="same",
            activation="gelu",
            use_bias=False,
            kernel_initializer="he_normal",
        ),
        layers.BatchNormalization(momentum=0.8, epsilon=1e-2, scale=False),
        layers.LeakyReLU(negative_slope=0.125),
        layers.MaxPooling2D(3, strides=1, padding="same"),
        layers.Conv2D(4, 2, dilation_rate=(1, 2), name="named"),
        layers.ReLU(max_value=6.0),
        layers.Conv2D(6, 2, groups=2, padding="same", bias_initializer="normal"),
        layers.DepthwiseConv2D(
            2, padding="same", depth_multiplier=2, depthwise_constraint="max_norm"
        ),
        layers.SeparableConv2D(4, (1, 2), padding="same", pointwise_regularizer="l2"),
        layers.LayerNormalization(axis=[1, 2, 3], gamma_initializer="random_normal"),
        layers.Conv2DTranspose(4, 2, output_padding=0, bias_regularizer="l1"),
        layers.GroupNormalization(2, epsilon=0.5, center=False),
        layers.LocalResponseNormalization(3, alpha=0.5, k=2.0),
        layers.AveragePooling2D((2, 1), padding="same"),
        layers.GELU(approximate=True),
        layers.ELU(0.5),
        layers.PReLU(alpha_initializer="ones", shared_axes=[1, 2]),
        layers.UpSampling2D((1, 2), interpolation="bilinear"),
        layers.Cropping2D(((0, 1), (1, 0))),
        layers.Resizing(6, 5, interpolation="nearest"),
        layers.CenterCrop(5, 4),
        layers.SpatialDropout2D(0.0, seed=4),
        layers.GaussianNoise(0.0, seed=5),
        layers.GaussianDropout(0.0, seed=6),
        layers.Permute((2, 1, 3)),
        layers.Reshape((5, -1, 4)),
        layers.Identity(),
        layers.GlobalMaxPooling2D(keepdims=True),
        layers.Flatten(),
        layers.Dense(6, activation="leaky_relu"),
        layers.Activation("relu6"),
        layers.Dropout(0.0, seed=3),
        layers.Flatten(),
        layers.Dense(3, use_bias=False),
        layers.Softmax(),
    ]


def every_layer_model(seed: int = 0, dtype: str = "float32") -> Sequential:
    return Sequential(
        [Input((9, 8, 2)), *every_layer()], name="every layer", seed=seed, dtype=dtype
    )


def data(n: int = 12, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 9, 8, 2)) * 100 + 60, np.eye(3)[np.arange(n) % 3]


def small(seed: int = 0, filters: int = 2, **options) -> Sequential:
    model = Sequential(
        [
            Input((5, 5, 1)),
            layers.Conv2D(filters, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ],
        seed=seed,
        **options,
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


def small_data(n: int = 8) -> tuple[np.ndarray, np.ndarray]:
    return np.random.default_rng(0).standard_normal((n, 5, 5, 1)), np.eye(3)[np.arange(n) % 3]


def bits(model: Sequential) -> list[bytes]:
    return [weight.tobytes() for weight in model.get_weights()]


# Round trips


def test_the_round_trip_knows_every_layer_class():
    used = {type(layer) for layer in every_layer()} | {
        layers.GlobalAveragePooling2D,
        layers.InputLayer,
    }
    # no chain has them
    merging = {cls for cls in layers.LAYERS.values() if issubclass(cls, layers.Merge)}
    assert used | merging == set(layers.LAYERS.values())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_layer_comes_back_as_it_was(dtype, tmp_path):
    x, y = data()
    model = every_layer_model(dtype=dtype)
    model.get_layer("named").trainable = False
    model.compile("adam", "categorical_crossentropy")
    model.fit(x, y, epochs=2, verbose=0)
    path = tmp_path / "model.safetensors"
    model.save(path)
    loaded = load_model(path)
    assert [repr(layer) for layer in loaded.layers] == [repr(layer) for layer in model.layers]
    assert (loaded.name, loaded.dtype, loaded.seed) == (model.name, model.dtype, model.seed)
    assert (loaded.input_shape, loaded.output_shape) == ((None, 9, 8, 2), (None, 3))
    assert bits(loaded) == bits(model)
    assert loaded.get_layer("named").trainable is False
    assert np.array_equal(loaded.predict(x), model.predict(x))


@pytest.mark.parametrize(
    "layer", [layers.GlobalAveragePooling2D(), layers.AveragePooling2D(2), layers.ReLU()]
)
def test_layers_without_numbers_come_back_too(layer, tmp_path):
    model = Sequential([Input((4, 4, 2)), layer])
    model.save(tmp_path / "model.safetensors")
    x = np.random.default_rng(0).standard_normal((2, 4, 4, 2))
    assert np.array_equal(load_model(tmp_path / "model.safetensors").predict(x), model.predict(x))


def test_an_adapted_normalization_comes_back(tmp_path):
    x, _ = small_data()
    model = Sequential(
        [Input((5, 5, 1)), layers.Normalization(), layers.Flatten(), layers.Dense(2)], seed=0
    )
    model.layers[0].adapt(x * 3 + 7)
    model.save(tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    assert loaded.layers[0].state["mean"][0] == pytest.approx((x * 3 + 7).mean(), rel=1e-6)
    assert np.array_equal(loaded.predict(x), load_model(tmp_path / "model.safetensors").predict(x))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_loaded_model_trains_on_bitwise_as_if_it_had_never_stopped(optimizer, tmp_path):
    x, y = data(10)
    loss = losses.CategoricalCrossentropy(label_smoothing=0.1, name="smoothed")
    chosen = ["accuracy", metrics.TopKCategoricalAccuracy(k=2, name="top2")]
    models = [every_layer_model(), every_layer_model()]
    for model in models:
        model.compile(OPTIMIZERS[optimizer](), loss, chosen)
    arguments: dict[str, Any] = {"batch_size": 4, "shuffle": False, "verbose": 0}
    unbroken = models[0].fit(x, y, epochs=5, **arguments)

    models[1].fit(x, y, epochs=2, **arguments)
    models[1].optimizer.learning_rate *= 1.0
    models[1].save(tmp_path / "stopped.safetensors")
    resumed = load_model(tmp_path / "stopped.safetensors")
    assert resumed.optimizer.get_config() == models[0].optimizer.get_config()
    assert resumed.optimizer.iterations == 6
    assert resumed.loss.get_config() == loss.get_config()
    history = resumed.fit(x, y, epochs=5, initial_epoch=2, **arguments)

    assert bits(resumed) == bits(models[0])
    assert {name: values[2:] for name, values in unbroken.history.items()} == history.history
    assert list(history.history) == ["loss", "accuracy", "top2"]
    for name, slots in models[0].optimizer.slots.items():
        assert {slot: a.tobytes() for slot, a in slots.items()} == {
            slot: a.tobytes() for slot, a in resumed.optimizer.slots[name].items()
        }


def test_without_the_optimizers_memory_training_would_go_elsewhere(tmp_path):
    """The test above can fail: with the same weights, a new optimizer takes other steps."""
    x, y = small_data()
    model = small()
    model.fit(x, y, epochs=2, shuffle=False, verbose=0)
    model.save(tmp_path / "m.safetensors")
    kept, forgot = load_model(tmp_path / "m.safetensors"), load_model(tmp_path / "m.safetensors")
    forgot.compile(optimizers.Adam(), "categorical_crossentropy")
    kept.fit(x, y, shuffle=False, verbose=0)
    forgot.fit(x, y, shuffle=False, verbose=0)
    assert bits(kept) != bits(forgot)


def test_a_lowered_learning_rate_is_kept(tmp_path):
    model = small()
    model.optimizer.learning_rate = 1e-5
    model.save(tmp_path / "m.safetensors")
    assert load_model(tmp_path / "m.safetensors").optimizer.learning_rate == 1e-5


def test_a_model_that_is_not_compiled_comes_back_so(tmp_path):
    model = Sequential([Input((3,)), layers.Dense(2)])
    model.save(tmp_path / "m.safetensors")
    loaded = load_model(tmp_path / "m.safetensors")
    assert loaded.optimizer is None and loaded.loss is None and loaded.metrics == []


@pytest.mark.parametrize("name", losses.NAMES)
def test_losses_come_back(name, tmp_path):
    cls = losses.NAMES[name]
    for told in ({"from_logits": True}, {}) if "from_logits" in vars(cls()) else ({},):
        loss = losses_come_back(cls(**told), tmp_path)
        assert type(loss) is cls and loss.get_config() == cls(**told).get_config()


def losses_come_back(loss: losses.Loss, tmp_path: Path) -> losses.Loss:
    model = Sequential([Input((3,)), layers.Dense(2)])
    model.compile("sgd", loss, list(metrics.NAMES))
    model.save(tmp_path / "m.safetensors")
    loaded = load_model(tmp_path / "m.safetensors")
    assert [(type(metric), metric.name) for metric in loaded.metrics] == [
        (type(metric), metric.name) for metric in model.metrics
    ]
    return loaded.loss


def test_numpys_numbers_as_arguments_can_be_saved(tmp_path):
    """Dense(y.max() + 1) is a NumPy integer, and hours of training must not end in a file that
    cannot be written.
    """
    x, y = small_data()
    model = Sequential(
        [
            Input((5, 5, 1)),
            layers.Rescaling(np.float32(0.5)),
            layers.Conv2D(np.int64(2), np.int64(3)),
            layers.Flatten(),
            layers.Dropout(np.float32(0.25)),
            layers.Dense(y.argmax(axis=1).max() + 1, activation="softmax"),
        ],
        seed=np.int64(1),
    )
    model.compile(
        optimizers.SGD(np.float32(0.1), momentum=np.float32(0.5)), "categorical_crossentropy"
    )
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "m.safetensors")
    assert np.array_equal(load_model(tmp_path / "m.safetensors").predict(x), model.predict(x))


def test_a_layer_may_have_any_name(tmp_path):
    last = layers.Dense(2, activation="softmax", name="λ with a space")
    model = Sequential([Input((3,)), layers.Dense(3, name="optimizer"), last])
    model.compile("adam", "categorical_crossentropy")
    model.fit(np.eye(3), np.eye(3)[:, :2], verbose=0)
    model.save(tmp_path / "m.safetensors")
    assert bits(load_model(tmp_path / "m.safetensors")) == bits(model)


def test_a_model_of_another_models_layers_can_be_saved(tmp_path):
    x, y = small_data()
    model = small()
    model.fit(x, y, verbose=0)
    features = Sequential(model.layers[:3])
    features.save(tmp_path / "features.safetensors")
    assert np.array_equal(
        load_model(tmp_path / "features.safetensors").predict(x), features.predict(x)
    )


def test_a_new_process_predicts_bitwise_the_same(tmp_path):
    x, y = data(6)
    model = every_layer_model()
    model.compile("adam", "categorical_crossentropy")
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model.safetensors")
    np.save(tmp_path / "x.npy", x)
    script = """
        import numpy as np, minicnn
        model = minicnn.models.load_model("model.safetensors")
        np.save("y.npy", model.predict(np.load("x.npy")))
    """
    environment = os.environ | {"PYTHONPATH": str(Path(minicnn.__file__).parents[1])}
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(script)]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    there, here = np.load(tmp_path / "y.npy"), model.predict(x)
    assert there.dtype == here.dtype and there.tobytes() == here.tobytes()


def test_the_file_is_plain_safetensors_with_named_weights(tmp_path):
    """Any safetensors reader can take the numbers out, with Keras' names."""
    model = small()
    model.save_weights(tmp_path / "w.safetensors")
    arrays = safetensors.numpy.load_file(tmp_path / "w.safetensors")
    assert set(arrays) == {
        "conv2d/kernel",
        "conv2d/bias",
        "batch_normalization/gamma",
        "batch_normalization/beta",
        "batch_normalization/moving_mean",
        "batch_normalization/moving_variance",
        "dense/kernel",
        "dense/bias",
    }
    assert np.array_equal(arrays["conv2d/kernel"], model.layers[0].params["kernel"])


# Weights alone


def test_weights_come_back_into_a_model_of_the_same_layers(tmp_path):
    source, target = small(seed=1), small(seed=2)
    source.fit(*small_data(), verbose=0)
    source.save_weights(tmp_path / "w.safetensors")
    assert target.load_weights(tmp_path / "w.safetensors") is None
    assert bits(source) == bits(target)
    target.predict(small_data()[0])  # loaded weights are not fresh: no warning


def test_weights_can_be_taken_from_a_whole_model_file(tmp_path):
    source, target = small(seed=1), small(seed=2)
    source.fit(*small_data(), verbose=0)  # its optimizer has memories, which are no weights
    source.save(tmp_path / "m.safetensors")
    target.load_weights(tmp_path / "m.safetensors")
    assert bits(source) == bits(target)


def test_a_file_of_weights_alone_is_no_model(tmp_path):
    small().save_weights(tmp_path / "w.safetensors")
    with pytest.raises(
        ModelFileError, match=r"holds weights without an architecture: use model.load_weights"
    ):
        load_model(tmp_path / "w.safetensors")


def test_weights_that_do_not_fit_are_listed_and_nothing_is_loaded(tmp_path):
    small().save_weights(tmp_path / "w.safetensors")
    model = Sequential(
        [Input((5, 5, 1)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(3), layers.Dense(3)],
        name="other",
    )
    before = bits(model)
    with pytest.raises(
        ModelFileError,
        match=r"w.safetensors' does not fit 'other' \(skip_mismatch=True loads what fits\):\n",
    ) as caught:
        model.load_weights(tmp_path / "w.safetensors")
    table = str(caught.value).splitlines()[1:]
    rows = [tuple(re.split("  +", line.strip())) for line in table]
    assert rows[0] == ("weight", "in the file", "in the model")
    assert set(rows[1:]) == {
        ("conv2d/kernel", "(3, 3, 1, 2)", "(3, 3, 1, 4)"),
        ("conv2d/bias", "(2,)", "(4,)"),
        ("dense/kernel", "(18, 3)", "(36, 3)"),
        ("dense_1/kernel", "missing", "(3, 3)"),
        ("dense_1/bias", "missing", "(3,)"),
        ("batch_normalization/gamma", "(2,)", "missing"),
        ("batch_normalization/beta", "(2,)", "missing"),
        ("batch_normalization/moving_mean", "(2,)", "missing"),
        ("batch_normalization/moving_variance", "(2,)", "missing"),
    }
    column = table[0].index("in the file")
    assert all(line[column - 2 : column] == "  " != line[column : column + 2] for line in table)
    assert bits(model) == before


def test_skip_mismatch_loads_what_fits(tmp_path):
    source, target = small(seed=1), small(seed=2, filters=4)
    source.fit(*small_data(), verbose=0)
    source.save_weights(tmp_path / "w.safetensors")
    before = target.get_weights()
    message = (
        r"loaded 1 of 8 weights from '.*w.safetensors'; as they were: conv2d/kernel, .* and 1 more$"
    )
    with pytest.warns(UserWarning, match=message) as got:
        target.load_weights(tmp_path / "w.safetensors", skip_mismatch=True)
    assert got[0].filename == __file__
    same = [np.array_equal(a, b) for a, b in zip(before, target.get_weights(), strict=True)]
    assert same == [True] * 7 + [False]  # only the bias of the last layer has the same shape
    assert np.array_equal(target.layers[-1].params["bias"], source.layers[-1].params["bias"])


def test_skip_mismatch_that_loads_nothing_says_so(tmp_path):
    """As after renaming a layer, of which Keras says that "a total of 1 objects could not be
    loaded".
    """
    one, other = (
        Sequential([Input((4,)), layers.Dense(2, name=name)]) for name in ("head_a", "head_b")
    )
    one.save_weights(tmp_path / "w.safetensors")
    message = (
        r"^load_weights\(skip_mismatch=True\) loaded nothing from '.*w.safetensors'; as they were: "
        r"head_b/kernel, "
        "head_b/bias; in the file alone: head_a/bias, head_a/kernel$"
    )
    with pytest.warns(UserWarning, match=message):
        other.load_weights(tmp_path / "w.safetensors", skip_mismatch=True)
    one.load_weights(tmp_path / "w.safetensors", skip_mismatch=True)  # all of it, without a word


@pytest.mark.parametrize("what", ["save", "save_weights", "load_weights"])
def test_a_model_without_weights_has_none_to_save_or_load(what, tmp_path):
    small().save_weights(tmp_path / "w.safetensors")
    model = Sequential([layers.Flatten(), layers.Dense(3)], name="shapeless")
    with pytest.raises(ValueError, match=r"'shapeless' .*build\(\(None, H, W, C\)\)"):
        getattr(model, what)(tmp_path / "w.safetensors")


# Classes of one's own


class Scale(Layer):
    """A user's layer with an argument and a weight."""

    def __init__(self, start=1.0, **options):
        super().__init__(**options)
        self.start = start

    def setup(self, input_shape):
        self.add_param("factor", input_shape[-1:], "ones")
        self.params["factor"] *= self.start
        return input_shape

    def forward(self, x, *, training=False):
        x = self.accept(x)
        self._cache = (x,) if training else None
        return x * self.params["factor"]

    def backward(self, dy):
        dy, x = self.take_cache(dy)
        self.grads["factor"][...] = (dy * x).reshape(-1, x.shape[-1]).sum(axis=0)
        return dy * self.params["factor"]


class Half(metrics.Metric):
    """A user's metric."""

    def __init__(self, name="half"):
        super().__init__(name)

    def values(self, y_true, y_pred):  # noqa: ARG002
        return np.full(len(y_pred), 0.5)


class Doubled(losses.CategoricalCrossentropy):
    """A user's loss."""

    def value_and_gradient(self, *arguments, **options):
        value, gradient = super().value_and_gradient(*arguments, **options)
        return 2 * value, 2 * gradient


class Sign(optimizers.SGD):
    """A user's optimizer."""

    def update(self, value, grad, slots):  # noqa: ARG002
        value -= self.learning_rate * np.sign(grad)


def test_a_layer_of_ones_own_is_named_when_loading(tmp_path):
    model = Sequential([Input((3,)), Scale(2.0), layers.Dense(2)])
    model.save(tmp_path / "m.safetensors")
    loaded = load_model(tmp_path / "m.safetensors", custom_objects={"Scale": Scale})
    assert loaded.layers[0].start == 2.0 and bits(loaded) == bits(model)
    with pytest.raises(ModelFileError, match="unknown layer 'Scale'.*custom_objects={...}"):
        load_model(tmp_path / "m.safetensors")


def test_optimizer_loss_and_metric_of_ones_own_are_named_when_loading(tmp_path):
    model = Sequential([Input((3,)), layers.Dense(2, activation="softmax")])
    model.compile(Sign(0.5), Doubled(name="doubled"), [Half()])
    model.save(tmp_path / "m.safetensors")
    own = {"Sign": Sign, "Doubled": Doubled, "Half": Half}
    loaded = load_model(tmp_path / "m.safetensors", custom_objects=own)
    assert [type(loaded.optimizer), type(loaded.loss), type(loaded.metrics[0])] == [
        Sign,
        Doubled,
        Half,
    ]
    for name, what in (("Sign", "optimizer"), ("Doubled", "loss"), ("Half", "metric")):
        with pytest.raises(ModelFileError, match=f"unknown {what} '{name}'"):
            load_model(
                tmp_path / "m.safetensors",
                custom_objects={n: c for n, c in own.items() if n != name},
            )


# Damaged and hostile files


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> bytes:
    """The bytes of a good model file, with training state."""
    path = tmp_path_factory.mktemp("good") / "model.safetensors"
    model = small()
    model.fit(*small_data(), verbose=0)
    model.save(path)
    return path.read_bytes()


@pytest.fixture
def file(tmp_path):
    """A function that makes a file of some bytes."""

    def make(data: bytes, name: str = "model.safetensors") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return make


def assert_refused_or_read(path: Path) -> bool:
    """Whether load_model refused the file; any exception but ModelFileError fails the test."""
    try:
        load_model(path)
    except ModelFileError as error:
        assert path.name in str(error) or "model file" in str(error)
        return True
    return False


def test_every_truncation_is_refused(raw, file):
    for length in [*range(0, 600), *range(600, len(raw), 41), len(raw) - 1]:
        assert assert_refused_or_read(file(raw[:length])), length
    assert not assert_refused_or_read(file(raw))


@settings(
    deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(drawn=st.data())
def test_a_flipped_bit_in_the_header_never_raises_anything_else(drawn, raw, file):
    length = 8 + struct.unpack("<Q", raw[:8])[0]
    damaged = bytearray(raw)
    for place in drawn.draw(
        st.lists(st.integers(0, 8 * length - 1), min_size=1, max_size=3, unique=True)
    ):
        damaged[place // 8] ^= 1 << place % 8
    assert_refused_or_read(file(bytes(damaged)))


@settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(noise=st.binary(max_size=200), kept=st.integers(0, 64))
def test_noise_is_refused(noise, kept, raw, file):
    assert assert_refused_or_read(file(raw[:kept] + noise))


ODD = [
    None,
    True,
    -1,
    0,
    1.5,
    float("inf"),
    float("nan"),
    10**30,
    2**45,
    "x",
    "",
    [],
    {},
    [1, 2],
    {"class": "Dense"},
]


def places(tree: Any, path: tuple = ()) -> list[tuple]:
    """The paths of all values in nested dicts and lists."""
    inner = (
        tree.items()
        if isinstance(tree, dict)
        else enumerate(tree)
        if isinstance(tree, list)
        else []
    )
    return [path, *(place for key, value in inner for place in places(value, (*path, key)))]


def test_no_value_of_the_architecture_can_raise_anything_else(raw, file):
    """Every value of the header's description, one at a time, left out and replaced by odd ones."""
    header = header_of(raw)
    config = json.loads(header["__metadata__"]["config"])
    refused = 0
    for path in places(config)[1:]:
        for odd in ["left out", *ODD]:
            changed = copy.deepcopy(config)
            parent = changed
            for key in path[:-1]:
                parent = parent[key]
            if odd == "left out":
                del parent[path[-1]]
            else:
                parent[path[-1]] = odd
            metadata = header["__metadata__"] | {"config": json.dumps(changed)}
            refused += assert_refused_or_read(
                file(repacked(raw, header | {"__metadata__": metadata}))
            )
    assert refused > 500


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '"x"', "[" * 100_000, "\ud800", '{"model": []}', '{"model": {}}'],
)
def test_an_architecture_that_is_none_is_refused(text, raw, file):
    header = header_of(raw)
    header["__metadata__"]["config"] = text
    assert assert_refused_or_read(file(repacked(raw, header)))


def test_an_array_that_is_missing_or_of_another_type_is_refused(raw, file):
    header = header_of(raw)
    without = {key: value for key, value in header.items() if key != "dense/bias"}
    assert assert_refused_or_read(file(repacked(raw, without)))
    for dtype in ("BF16", "F16", "F64", "I64", "U8", "F8_E4M3", "X"):
        changed = copy.deepcopy(header)
        changed["dense/bias"]["dtype"] = dtype
        assert assert_refused_or_read(file(repacked(raw, changed)))


def test_an_unknown_layer_is_refused_and_the_nearest_named(raw, file):
    changed = repacked(
        raw, json.loads(json.dumps(header_of(raw)).replace(r"\"Conv2D\"", r"\"Conv3D\""))
    )
    with pytest.raises(
        ModelFileError, match="names the unknown layer 'Conv3D'. Did you mean 'Conv2D'"
    ):
        load_model(file(changed))


def test_a_class_path_is_only_an_unknown_name(raw, file):
    changed = repacked(
        raw, json.loads(json.dumps(header_of(raw)).replace(r"\"Conv2D\"", r"\"os.system\""))
    )
    with pytest.raises(ModelFileError, match="unknown layer 'os.system'"):
        load_model(file(changed))


def test_arguments_a_layer_does_not_take_are_refused(raw, file):
    changed = repacked(
        raw, json.loads(json.dumps(header_of(raw)).replace(r"\"filters\"", r"\"filtres\""))
    )
    with pytest.raises(
        ModelFileError, match="gives Conv2D arguments that it does not take.*'filtres'.*'filters'"
    ):
        load_model(file(changed))


def test_somebody_elses_safetensors_file_is_refused(tmp_path):
    safetensors.numpy.save_file(
        {"weight": np.zeros(3, np.float32)}, tmp_path / "torch.safetensors", {"format": "pt"}
    )
    safetensors.numpy.save_file({"weight": np.zeros(3, np.float32)}, tmp_path / "plain.safetensors")
    with pytest.raises(ModelFileError, match="expected a file of format 'minicnn', received 'pt'"):
        load_model(tmp_path / "torch.safetensors")
    with pytest.raises(ModelFileError, match="expected a file of format 'minicnn', received None"):
        small().load_weights(tmp_path / "plain.safetensors")


def test_a_newer_files_version_is_named(raw, file):
    header = header_of(raw)
    header["__metadata__"]["version"] = "3"
    with pytest.raises(
        ModelFileError, match="is a minicnn file of version 3, this minicnn reads 1 to 2: update"
    ):
        load_model(file(repacked(raw, header)))


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (b"", "is damaged or no model file"),
        (b"<!DOCTYPE html>", "is damaged or no model file"),
        (b"\x80\x04\x95", "is damaged or no model file"),
        (
            b"PK\x03\x04",
            "is a damaged file of Keras",
        ),
        (
            b"\x89HDF\r\n\x1a\n",
            "is a damaged file of Keras",
        ),
    ],
)
def test_files_of_other_kinds_are_refused(start, message, file):
    with pytest.raises(ModelFileError, match=f"other.keras' {message}"):
        load_model(file(start + bytes(200 if start else 0), "other.keras"))


@pytest.mark.parametrize("read", [load_model, lambda path: small().load_weights(path)])
def test_a_file_that_is_not_there_is_a_file_that_is_not_there(read, tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no model file .*nowhere.safetensors"):
        read(tmp_path / "nowhere.safetensors")


# Writing


def test_save_makes_folders_and_replaces_an_older_file(tmp_path):
    path = tmp_path / "new" / "folder" / "m.safetensors"
    first, second = small(seed=1), small(seed=2)
    first.save(path)
    second.save(path)
    assert bits(load_model(path)) == bits(second)
    assert [p.name for p in path.parent.iterdir()] == ["m.safetensors"]  # nothing temporary stays


@pytest.mark.parametrize("fails", ["os.replace", "os.fsync"])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_write_that_fails_leaves_the_old_file(fails, error, tmp_path, monkeypatch):
    path = tmp_path / "m.safetensors"
    small(seed=1).save(path)
    before = path.read_bytes()

    def fail(*_):
        raise error

    monkeypatch.setattr(fails, fail)
    with pytest.raises(type(error)):
        small(seed=2).save(path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]


def test_the_file_is_in_place_whole_or_not_at_all(tmp_path, monkeypatch):
    """Whoever looks at the path while it is written sees the old file."""
    path = tmp_path / "m.safetensors"
    small(seed=1).save(path)
    before, seen = path.read_bytes(), []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *a: (seen.append(path.read_bytes()), replace(*a)))
    small(seed=2).save(path)
    assert seen == [before] and path.read_bytes() != before


def test_a_config_that_cannot_be_written_leaves_the_old_file(tmp_path):
    path = tmp_path / "m.safetensors"
    small(seed=1).save(path)
    before = path.read_bytes()
    model = Sequential([Input((3,)), layers.Rescaling(1.0)])
    model.seed = 1j
    with pytest.raises(TypeError, match="not JSON serializable"):
        model.save(path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m.hdf5", "M.H5"])
@pytest.mark.parametrize("what", ["save", "save_weights"])
def test_kerass_names_warn(name, what, tmp_path):
    model, path = small(), tmp_path / name
    with pytest.warns(
        UserWarning, match=f"{name}' is written as a minicnn file.*prefer '.safetensors'"
    ) as got:
        getattr(model, what)(path)
    assert got[0].filename == __file__  # it points to the caller
    fresh = small(seed=9)
    fresh.load_weights(str(path))
    assert bits(fresh) == bits(model)


def test_without_the_optimizer_a_file_is_a_third_and_a_training_goes_on_afresh(tmp_path):
    x, y = np.random.default_rng(0).random((8, 3), np.float32), np.arange(8) % 2
    whole, slim = tmp_path / "whole.safetensors", tmp_path / "slim.safetensors"
    model = Sequential(
        [Input((3,)), layers.Dense(200), layers.Dense(2, activation="softmax")], seed=0
    )
    model.compile(
        optimizers.Adam(0.03, beta_1=0.8), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(x, y, epochs=3, verbose=0)
    model.save(whole)
    model.save(slim, optimizer=False)
    assert whole.stat().st_size - slim.stat().st_size > 2 * 4 * model.count_params()
    assert not any(name.startswith("/") for name in safetensors.numpy.load_file(slim))

    again = load_model(slim)
    assert np.array_equal(again.predict(x), model.predict(x)) and again.epochs_done == 3
    assert again.optimizer.get_config() == model.optimizer.get_config()
    assert again.optimizer.iterations == 0 and not again.optimizer.slots
    fresh = load_model(whole)
    fresh.compile(
        optimizers.Adam(0.03, beta_1=0.8), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    assert again.train_on_batch(x, y) == fresh.train_on_batch(x, y)
    assert bits(again) == bits(fresh), "as a training with an optimizer that is new"
    with pytest.raises(
        ValueError, match="save expected optimizer as True or False, received 'adam'"
    ):
        model.save(slim, optimizer="adam")


def test_nothing_that_reads_or_writes_models_can_unpickle():
    package = Path(minicnn.__file__).parent
    files = {*(package / "saving").rglob("*.py"), package / "models" / "loading.py"}
    files -= {package / "saving" / "__init__.py"}  # which passes models.load_model on
    # which look for packages and import them by names that are written there
    by_name = ["packages.py", "formats.py"]
    files -= {package / "saving" / name for name in by_name}
    assert len(files) >= 8
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import | ast.ImportFrom)
                else []
            )
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [node.id] if isinstance(node, ast.Name) else []
            names += [node.attr] if isinstance(node, ast.Attribute) else []
            for name in names:
                parts = set(name.split("."))
                assert not parts & {
                    "pickle",
                    "cPickle",
                    "marshal",
                    "shelve",
                    "dill",
                    "joblib",
                    "eval",
                    "exec",
                }, path
                assert not parts & {"import_module", "__import__", "load_pickle", "importlib"}, path
            if isinstance(node, ast.keyword):
                assert node.arg != "allow_pickle", path
