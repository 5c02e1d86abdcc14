"""How weights start: Keras' distributions, golden/heavy_layers.npz, and who may say so where."""

import re

import numpy as np
import pytest
from golden import make_heavy_layers as recipe
from golden.make_layers import unpack

from minicnn import Input, Sequential, initializers, layers, models
from minicnn.errors import ModelFileError

pytestmark = pytest.mark.nojit
GOLDEN = unpack(recipe.GOLDEN)
RANDOM = [one for one in recipe.INITIALIZERS if one[0] not in ("Zeros", "Ones", "Constant")]


@pytest.mark.parametrize(("name", "arguments", "shape"), recipe.INITIALIZERS, ids=str)
def test_keras(name, arguments, shape):
    """Of 16,000 numbers and more the deviation is known to 1 %, where values end to 0.1 %."""
    initializer = getattr(initializers, name)(**arguments)
    sample = initializer(shape, np.random.default_rng(0), np.float64)
    assert sample.shape == shape
    mean, deviation, least, largest = GOLDEN[recipe.initializer_name(name, arguments, shape)]
    if name in ("Zeros", "Ones", "Constant", "Identity"):
        np.testing.assert_array_equal(recipe.measures(sample), [mean, deviation, least, largest])
        return
    assert sample.std() == pytest.approx(deviation, rel=0.02)
    assert sample.mean() == pytest.approx(mean, abs=7 * deviation / np.sqrt(sample.size))
    cut = name not in ("RandomNormal", "Orthogonal")
    if cut and arguments.get("distribution") != "untruncated_normal":
        assert (sample.min(), sample.max()) == pytest.approx((least, largest), abs=0.01 * deviation)


@pytest.mark.parametrize("gain", [1.0, 2.0])
@pytest.mark.parametrize("shape", [(8, 8), (12, 5), (5, 12), (3, 3, 4, 20), (3, 3, 4, 50)])
def test_orthogonal_rows_or_columns(shape, gain):
    matrix = initializers.Orthogonal(gain)(shape, np.random.default_rng(0), np.float64)
    matrix = matrix.reshape(-1, shape[-1])
    product = matrix.T @ matrix if len(matrix) >= shape[-1] else matrix @ matrix.T
    np.testing.assert_allclose(product, gain**2 * np.eye(len(product)), atol=1e-12)


def test_every_orthogonal_matrix_is_equally_likely():
    """Of 2x2 ones a half turn the plane over, and first columns point anywhere."""
    rng = np.random.default_rng(0)
    drawn = [initializers.Orthogonal()((2, 2), rng, np.float64) for _ in range(400)]
    assert 150 < sum(np.linalg.det(one) > 0 for one in drawn) < 250
    for quadrant in range(4):
        signs = (1 - 2 * (quadrant & 1), 1 - (quadrant & 2))
        assert 60 < sum((np.sign(one[:, 0]) == signs).all() for one in drawn) < 140


def test_what_earlier_versions_drew_is_drawn_still():
    """glorot_uniform and he_normal, whose numbers trainings of a seed begin with."""
    shape = (3, 3, 16, 32)
    limit = np.sqrt(6 / (9 * 48))
    expected = np.random.default_rng(7).uniform(-limit, limit, shape).astype(np.float32)
    drawn = initializers.get("glorot_uniform")(shape, np.random.default_rng(7), np.float32)
    np.testing.assert_array_equal(drawn, expected)
    rng = np.random.default_rng(7)
    values = rng.standard_normal(shape)
    while (outside := np.abs(values) > 2).any():
        values[outside] = rng.standard_normal(np.count_nonzero(outside))
    expected = (values * (np.sqrt(2 / (9 * 16)) / 0.87962566103423978)).astype(np.float32)
    drawn = initializers.get("he_normal")(shape, np.random.default_rng(7), np.float32)
    np.testing.assert_array_equal(drawn, expected)


@pytest.mark.parametrize(("name", "arguments", "shape"), RANDOM, ids=str)
def test_a_seed_draws_the_same_wherever_it_is_used(name, arguments, shape):
    if name == "Identity":
        return
    make = getattr(initializers, name)
    one, other = make(**arguments, seed=3), make(**arguments)
    np.testing.assert_array_equal(one(shape), one(shape, np.random.default_rng(5)))
    rng = np.random.default_rng(5)
    assert not np.array_equal(other(shape, rng), other(shape, rng))
    assert not np.array_equal(other(shape), other(shape))
    assert one(shape).dtype == np.float32


def test_a_model_s_seed_draws_what_has_none_of_its_own():
    def model(seed, **arguments):
        made = Sequential([Input((5,)), layers.Dense(4, **arguments), layers.Dense(5)], seed=seed)
        return made.get_weights()

    random, fixed = initializers.RandomNormal(), initializers.RandomNormal(seed=1)
    for arguments in (
        {"kernel_initializer": random},
        {"kernel_initializer": random, "bias_initializer": random},
    ):
        first, again, other = model(0, **arguments), model(0, **arguments), model(1, **arguments)
        for a, b in zip(first, again, strict=True):
            np.testing.assert_array_equal(a, b)
        assert not np.array_equal(first[0], other[0])
    a, b = (model(seed, kernel_initializer=fixed) for seed in (0, 1))
    np.testing.assert_array_equal(a[0], b[0])
    assert not np.array_equal(a[2], b[2])


# Who may say so where

WAYS = [
    ("he_uniform", "he_uniform"),
    ("HeUniform", "he_uniform"),
    (initializers.HeUniform, "he_uniform"),
    (initializers.he_uniform, "he_uniform"),
    (initializers.HeUniform(), "he_uniform"),
    ({"class_name": "HeUniform", "config": {}}, "he_uniform"),
    (initializers.HeUniform(seed=2), {"class_name": "HeUniform", "config": {"seed": 2}}),
    ("normal", "random_normal"),
    ("zero", "zeros"),
    ("OrthogonalInitializer", None),
    (
        initializers.RandomNormal(stddev=0.5),
        {"class_name": "RandomNormal", "config": {"mean": 0.0, "stddev": 0.5, "seed": None}},
    ),
    (initializers.Constant(0.5), {"class_name": "Constant", "config": {"value": 0.5}}),
    (
        initializers.VarianceScaling(2, "FAN_OUT", "normal"),
        {
            "class_name": "VarianceScaling",
            "config": {
                "scale": 2.0,
                "mode": "fan_out",
                "distribution": "truncated_normal",
                "seed": None,
            },
        },
    ),
]


@pytest.mark.parametrize(("way", "described"), WAYS, ids=str)
def test_ways_to_say_it_and_what_files_say(way, described):
    if described is None:
        with pytest.raises(
            ValueError, match="Dense has no kernel_initializer 'OrthogonalInitializer'"
        ):
            layers.Dense(2, kernel_initializer=way)
        return
    layer = layers.Dense(2, kernel_initializer=way, bias_initializer=way)
    assert layer.kernel_initializer == layer.bias_initializer == described
    assert layer.get_config()["kernel_initializer"] == described
    assert repr(layers.Dense(**layer.get_config())) == repr(layer)
    assert initializers.get(described).get_config() == initializers.get(way).get_config()


THREES = initializers.Constant(3)
PLACES = [
    (layers.Conv2D(2, 3, bias_initializer=THREES), "bias"),
    (layers.Conv2D(2, 3, kernel_initializer=THREES), "kernel"),
    (layers.Dense(2, bias_initializer=THREES), "bias"),
    (layers.DepthwiseConv2D(3, depthwise_initializer=THREES), "kernel"),
    (layers.DepthwiseConv2D(3, bias_initializer=THREES), "bias"),
    (layers.SeparableConv2D(2, 3, depthwise_initializer=THREES), "depthwise_kernel"),
    (layers.SeparableConv2D(2, 3, pointwise_initializer=THREES), "pointwise_kernel"),
    (layers.SeparableConv2D(2, 3, bias_initializer=THREES), "bias"),
    (layers.Conv2DTranspose(2, 3, kernel_initializer=THREES), "kernel"),
    (layers.Conv2DTranspose(2, 3, bias_initializer=THREES), "bias"),
    (layers.LayerNormalization(beta_initializer=THREES), "beta"),
    (layers.LayerNormalization(gamma_initializer=THREES), "gamma"),
    (layers.GroupNormalization(1, beta_initializer=THREES), "beta"),
    (layers.GroupNormalization(1, gamma_initializer=THREES), "gamma"),
    (layers.BatchNormalization(beta_initializer=THREES), "beta"),
    (layers.BatchNormalization(gamma_initializer=THREES), "gamma"),
    (layers.BatchNormalization(moving_mean_initializer=THREES), "moving_mean"),
    (layers.BatchNormalization(moving_variance_initializer=THREES), "moving_variance"),
]


@pytest.mark.parametrize(("layer", "name"), PLACES, ids=str)
def test_places(layer, name):
    layer.build((5, 5, 3))
    for other, array in layer.weights_by_name.items():
        assert (array == 3).all() == (other == name)


def test_a_file_keeps_them_and_draws_nothing(tmp_path, monkeypatch):
    model = Sequential(
        [
            Input((6, 6, 2)),
            layers.Conv2D(
                3,
                3,
                kernel_initializer=initializers.Orthogonal(2.0),
                bias_initializer=initializers.RandomUniform(0, 1, seed=3),
            ),
            layers.BatchNormalization(gamma_initializer=initializers.Constant(0.5)),
        ],
        seed=0,
    )
    model.save(tmp_path / "model")
    for kind in set(initializers.NAMES.values()):
        monkeypatch.setattr(kind, "__call__", lambda *_: pytest.fail("a weight was drawn"))
    loaded = models.load_model(tmp_path / "model")
    assert [repr(layer) for layer in loaded.layers] == [repr(layer) for layer in model.layers]
    for a, b in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: initializers.Constant("0"),
            "Constant expected value as a finite number, received '0'",
        ),
        (
            lambda: initializers.RandomNormal(stddev=-1),
            "RandomNormal expected stddev as a finite number of at least 0, received -1",
        ),
        (
            lambda: initializers.RandomUniform(1, 0),
            "RandomUniform expected maxval as a finite number of at least 1, received 0",
        ),
        (
            lambda: initializers.HeNormal(seed=0.5),
            "HeNormal expected seed as an integer of at least 0 or None, received 0.5",
        ),
        (
            lambda: initializers.VarianceScaling(0),
            "VarianceScaling expected scale as a finite number above 0, received 0",
        ),
        (
            lambda: initializers.VarianceScaling(1, "fan"),
            "VarianceScaling expected mode as one of fan_in, fan_out, fan_avg, received 'fan'",
        ),
        (
            lambda: initializers.VarianceScaling(distribution="cauchy"),
            "VarianceScaling expected distribution as one of truncated_normal, "
            "untruncated_normal, uniform, received 'cauchy'",
        ),
        (
            lambda: initializers.Identity()((3, 3, 2, 2)),
            "Identity expected a weight with two axes, as Dense has, received shape "
            "(3, 3, 2, 2): use Orthogonal for kernels with more",
        ),
        (
            lambda: initializers.Orthogonal()((3,)),
            "Orthogonal expected a weight with two axes or more, received shape (3,): use it for "
            "kernels",
        ),
        (
            lambda: layers.Dense(2, bias_initializer="he_norml"),
            "Dense has no bias_initializer 'he_norml'. Did you mean 'he_normal'?",
        ),
        (
            lambda: layers.Dense(2, bias_initializer={"class_name": "HeNormal"}),
            "Dense has no bias_initializer {'class_name': 'HeNormal'}: a dict of one has "
            "class_name and config",
        ),
        (
            lambda: layers.Dense(2, bias_initializer={"class_name": "os", "config": {}}),
            "Dense has no bias_initializer 'os'. Did you mean",
        ),
        (
            lambda: layers.Dense(2, bias_initializer=None),
            "Dense has no bias_initializer None. Known are:",
        ),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}") as error:
        make()
    print(error.value)


@pytest.mark.parametrize(
    "damaged",
    [
        {"class_name": "RandomNormal", "config": {"stddev": -1}},
        {"class_name": "RandomNormal", "config": {"no_such": 1}},
        {"class_name": "RandomNormal", "config": [1]},
        {"class_name": ["RandomNormal"], "config": {}},
        {"class_name": "Sequential", "config": {}},
        {"class_name": "RandomNormal", "config": {}, "more": 1},
        {},
        7,
        None,
        ["zeros"],
    ],
)
def test_a_damaged_file(damaged, tmp_path, monkeypatch):
    model = Sequential([Input((2,)), layers.Dense(2)])
    config = model.layers[0].get_config() | {"bias_initializer": damaged}
    monkeypatch.setattr(layers.Dense, "get_config", lambda _: config)
    model.save(tmp_path / "model")
    monkeypatch.undo()
    with pytest.raises(ModelFileError):
        models.load_model(tmp_path / "model")
