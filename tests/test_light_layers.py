"""Layers without matrices of weights: Keras' values (golden/light_layers.npz, made by
golden/make_light_layers.py), definitions written as loops, noise, and their life in networks.
"""

from math import floor

import numpy as np
import pytest
from golden import make_light_layers as recipe
from hypothesis import given
from hypothesis import strategies as st
from strategies import seeds
from test_gradients import EXAMPLES
from test_keras_layers import assert_close

from minicnn import Input, Model, Sequential, explain, layers, models
from minicnn.callbacks import Callback
from minicnn.errors import ModelFileError
from minicnn.saving.fields import make
from minicnn.testing import check_layer

GOLDEN = recipe.unpack()


# Keras' values


@pytest.mark.parametrize("case", recipe.CASES.values(), ids=list(recipe.CASES))
def test_values_and_gradients_are_those_of_keras(case):
    prefix = f"{case.name}/"
    expected = {
        key.removeprefix(prefix): value for key, value in GOLDEN.items() if key.startswith(prefix)
    }
    layer = getattr(layers, case.layer)(**case.arguments)
    output_shape = layer.build(case.shape[1:], dtype=np.float64)
    assert output_shape == expected["y"].shape[1:]
    layer.set_weights(
        [recipe.draw(case, name, w.shape) for name, w in layer.weights_by_name.items()]
    )
    y = layer.forward(recipe.draw(case, "x", case.shape), training=True)
    received = {"y": y, "dx": layer.backward(recipe.draw(case, "dy", y.shape))}
    received |= {f"d{name}": gradient for name, gradient in layer.grads.items()}
    assert received.keys() == expected.keys()
    for key, value in expected.items():
        assert_close(received[key], value, key)


# Definitions, written as loops


def along(n, outputs, kind):
    """For each output the inputs that it is made of, with their weights: [(input, weight), ...]."""
    found = []
    for i in range(outputs):
        middle = (i + 0.5) * n / outputs  # where the middles of pixels are at 0.5, 1.5 ...
        if kind == "nearest":
            found.append([(floor(round(middle, 9)), 1.0)])
        else:
            place = min(max(middle - 0.5, 0), n - 1)
            below = min(floor(place), n - 1)
            above = min(below + 1, n - 1)
            found.append([(below, 1 - (place - below)), (above, place - below)])
    return found


def drawn_anew(x, height, width, kind):
    N, H, W, C = x.shape
    y = np.zeros((N, height, width, C))
    for i, rows in enumerate(along(H, height, kind)):
        for j, columns in enumerate(along(W, width, kind)):
            for row, a in rows:
                for column, b in columns:
                    y[:, i, j] += a * b * x[:, row, column]
    return y


sizes = st.integers(1, 9)
kinds = st.sampled_from(["bilinear", "nearest"])


def check(layer, x, expected, seed):
    layer.build(x.shape[1:], np.random.default_rng(seed), np.float64)
    y = layer.forward(x, training=True)
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)
    assert y.shape == expected.shape and y.shape[1:] == layer.output_shape
    check_layer(layer.clone(), x.shape[1:], x=x, seed=seed, samples=12)


@given(sizes, sizes, sizes, sizes, kinds, seeds)
@EXAMPLES
def test_resizing(H, W, height, width, kind, seed):
    x = np.random.default_rng(seed).standard_normal((2, H, W, 2))
    expected = drawn_anew(x, height, width, kind)
    check(layers.Resizing(height, width, kind), x, expected, seed)


@given(sizes, sizes, sizes, sizes, kinds, seeds)
@EXAMPLES
def test_resizing_of_the_middle(H, W, height, width, kind, seed):
    """The largest window of the aspect, in whole pixels, as Keras rounds them."""
    x = np.random.default_rng(seed).standard_normal((2, H, W, 2))
    h = max(min(H, int(W * height / width + 1e-9)), 1)
    w = max(min(W, int(H * width / height + 1e-9)), 1)
    top, left = (H - h) // 2, (W - w) // 2
    seen = x[:, top : top + h, left : left + w]
    layer = layers.Resizing(height, width, kind, crop_to_aspect_ratio=True)
    check(layer, x, drawn_anew(seen, height, width, kind), seed)
    if H < height or W < width:
        crop = layers.CenterCrop(height, width)
        check(crop, x, drawn_anew(seen, height, width, "bilinear"), seed)


@given(sizes, sizes, st.integers(1, 3), st.integers(1, 3), kinds, seeds)
@EXAMPLES
def test_up_sampling(H, W, SH, SW, kind, seed):
    x = np.random.default_rng(seed).standard_normal((2, H, W, 2))
    expected = drawn_anew(x, H * SH, W * SW, kind)
    check(layers.UpSampling2D((SH, SW), kind), x, expected, seed)
    if kind == "nearest":
        np.testing.assert_array_equal(expected, np.kron(x, np.ones((1, SH, SW, 1))))


@given(sizes, sizes, st.tuples(*[st.integers(0, 4)] * 4), seeds)
@EXAMPLES
def test_cropping(H, W, sides, seed):
    top, bottom, left, right = sides
    x = np.random.default_rng(seed).standard_normal((2, top + H + bottom, left + W + right, 2))
    y = np.zeros((2, H, W, 2))
    for i in range(H):
        for j in range(W):
            y[:, i, j] = x[:, top + i, left + j]
    check(layers.Cropping2D(((top, bottom), (left, right))), x, y, seed)


@given(sizes, sizes, st.integers(0, 3), st.integers(0, 3), seeds)
@EXAMPLES
def test_center_crop(height, width, more_rows, more_columns, seed):
    x = np.random.default_rng(seed).standard_normal(
        (2, height + more_rows, width + more_columns, 2)
    )
    y = np.zeros((2, height, width, 2))
    for i in range(height):
        for j in range(width):
            y[:, i, j] = x[:, more_rows // 2 + i, more_columns // 2 + j]
    check(layers.CenterCrop(height, width), x, y, seed)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.randoms(), seeds)
@EXAMPLES
def test_reshape_and_permute(shape, random, seed):
    x = np.random.default_rng(seed).standard_normal((2, *shape))
    order = list(range(len(shape)))
    random.shuffle(order)
    moved = np.zeros((2, *[shape[axis] for axis in order]))
    for place in np.ndindex(*shape):
        moved[(slice(None), *[place[axis] for axis in order])] = x[(slice(None), *place)]
    check(layers.Permute([axis + 1 for axis in order]), x, moved, seed)
    target = [shape[axis] for axis in order]
    reshaped = np.array([np.array(list(one.flat)).reshape(target) for one in x])
    check(layers.Reshape(target), x, reshaped, seed)
    target[random.randrange(len(target))] = -1
    check(layers.Reshape(tuple(target)), x, reshaped, seed)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=3), st.data(), seeds)
@EXAMPLES
def test_prelu(shape, data, seed):
    shared = data.draw(st.lists(st.integers(1, len(shape)), unique=True))
    rng = np.random.default_rng(seed)
    layer = layers.PReLU(shared_axes=shared)
    layer.build(tuple(shape), rng, np.float64)
    alpha = layer.params["alpha"]
    assert alpha.shape == tuple(1 if k + 1 in shared else n for k, n in enumerate(shape))
    alpha[...] = rng.standard_normal(alpha.shape)
    x = rng.standard_normal((2, *shape))
    expected = np.zeros_like(x)
    for n, *place in np.ndindex(*x.shape):
        v = x[(n, *place)]
        a = alpha[tuple(0 if k + 1 in shared else p for k, p in enumerate(place))]
        expected[(n, *place)] = v if v > 0 else a * v
    np.testing.assert_array_equal(layer.forward(x), expected)
    check_layer(layers.PReLU(shared_axes=shared), tuple(shape), seed=seed, samples=12)


@pytest.mark.parametrize("kind", [layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D])
def test_global_pooling_keeps_axes_and_numbers(kind):
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5)).astype(np.float32)
    np.testing.assert_array_equal(kind(keepdims=True)(x), kind()(x)[:, None, None, :])
    assert "keepdims" not in kind().get_config() and kind(keepdims=True).clone().keepdims


# Noise

NOISE = {
    "dropout": lambda **k: layers.Dropout(0.3, **k),
    "dropout of rows": lambda **k: layers.Dropout(0.3, noise_shape=(None, None, 1, 1), **k),
    "dropout of all": lambda **k: layers.Dropout(0.3, noise_shape=[1, 5, 4, None], **k),
    "spatial dropout": lambda **k: layers.SpatialDropout2D(0.3, **k),
    "gaussian dropout": lambda **k: layers.GaussianDropout(0.3, **k),
    "gaussian noise": lambda **k: layers.GaussianNoise(0.3, **k),
}


@pytest.fixture(params=NOISE)
def noise(request):
    return NOISE[request.param]


def factors(layer, count=4000):
    """What a layer does to ones, of one seed."""
    layer.build((5, 4, 3), np.random.default_rng(0), np.float64)
    return layer.forward(np.ones((count, 5, 4, 3)), training=True)


def test_dropouts_drop_together_what_they_should():
    spatial = factors(layers.SpatialDropout2D(0.3))
    assert (spatial == spatial[:, :1, :1]).all() and set(np.unique(spatial)) == {0, 1 / 0.7}
    assert abs((spatial[:, 0, 0] == 0).mean() - 0.3) < 0.02
    rows = factors(layers.Dropout(0.3, noise_shape=(None, None, 1, 1)))
    assert (rows == rows[:, :, :1, :1]).all() and abs((rows == 0).mean() - 0.3) < 0.02
    alike = factors(layers.Dropout(0.5, noise_shape=(1, 5, 4, 3)))
    assert (alike == alike[:1]).all() and 0 < (alike[0] == 0).mean() < 1
    assert len(np.unique(spatial[:, 0, 0], axis=0)) == 8  # channels and pictures on their own


def test_noise_has_the_deviation_that_is_said():
    y = factors(layers.GaussianNoise(0.3))
    assert abs(y.mean() - 1) < 0.005 and abs(y.std() - 0.3) < 0.005
    y = factors(layers.GaussianDropout(0.2))
    assert abs(y.mean() - 1) < 0.005 and abs(y.std() - 0.5) < 0.005  # sqrt(0.2 / 0.8)
    y = factors(layers.Dropout(0.2))
    assert abs(y.mean() - 1) < 0.005 and abs(y.std() - 0.5) < 0.005


def test_noise_is_none_in_inference_and_where_nothing_is_asked_for(noise):
    x = np.random.default_rng(0).standard_normal((2, 5, 4, 3)).astype(np.float32)
    np.testing.assert_array_equal(noise()(x), x)
    for still in (layers.Dropout(0), layers.GaussianDropout(0), layers.GaussianNoise(0)):
        np.testing.assert_array_equal(still(x, training=True), x)


def test_noise_is_repeated_by_state_and_by_seed(noise):
    x = np.ones((2, 5, 4, 3), np.float32)
    layer = noise()
    layer.build((5, 4, 3), np.random.default_rng(1))
    state = layer.random_state
    first, second = (layer.forward(x, training=True) for _ in range(2))
    layer.random_state = state
    np.testing.assert_array_equal(layer.forward(x, training=True), first)
    assert (first != second).any()
    own = []
    for model_seed in (1, 2):
        model = Sequential([Input((5, 4, 3)), noise(seed=7)], seed=model_seed)
        own.append(model.layers[0].forward(x, training=True))
    np.testing.assert_array_equal(own[0], own[1])
    assert noise(seed=7).clone().seed == 7


def network(layer):
    """A chain and a graph with a layer in them."""
    chain = Sequential(
        [Input((5, 4, 3)), layer.clone(), layers.Flatten(), layers.Dense(3, "softmax")],
        seed=0,
        name="chain",
    )
    inputs = Input((5, 4, 3))
    one, other = layer.clone()(inputs), layer.clone()(layers.Rescaling(0.5)(inputs))
    joined = layers.Flatten()(layers.Add()([one, other]))
    graph = Model(inputs, layers.Dense(3, activation="softmax")(joined), seed=0, name="graph")
    return chain, graph


def fitted(model, **options):
    rng = np.random.default_rng(0)
    x, y = rng.random((24, 5, 4, 3), np.float32), np.arange(24) % 3
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=8, verbose=0, seed=3, **options)
    return [array.copy() for array in model.get_weights()]


class Killed(Exception):
    pass


def test_a_training_with_noise_is_resumed_bit_for_bit(noise, tmp_path):
    class Kill(Callback):
        steps = 0

        def on_train_batch_end(self, batch, logs=None):  # noqa: ARG002
            self.steps += 1
            if self.steps == 4:
                raise Killed

    for number in (0, 1):
        whole = fitted(network(noise())[number], epochs=2)
        folder = tmp_path / str(number)
        with pytest.raises(Killed):
            fitted(network(noise())[number], epochs=2, resume=folder, callbacks=[Kill()])
        resumed = fitted(network(noise())[number], epochs=2, resume=folder)
        for one, other in zip(whole, resumed, strict=True):
            np.testing.assert_array_equal(one, other)


# In networks

LAYERS = {
    "ELU": lambda: layers.ELU(0.5),
    "PReLU": lambda: layers.PReLU(shared_axes=[1, 2]),
    "ReLU": lambda: layers.ReLU(1.5, 0.1, 0.25),
    "Identity": layers.Identity,
    "Reshape": lambda: layers.Reshape((2, -1, 3)),
    "Permute": lambda: layers.Permute((3, 1, 2)),
    "Cropping2D": lambda: layers.Cropping2D(((1, 0), (2, 1))),
    "UpSampling2D": lambda: layers.UpSampling2D((2, 1), "bilinear"),
    "Resizing": lambda: layers.Resizing(7, 3, crop_to_aspect_ratio=True),
    "CenterCrop": lambda: layers.CenterCrop(3, 2),
    "average": lambda: layers.GlobalAveragePooling2D(keepdims=True),
    "max": lambda: layers.GlobalMaxPooling2D(keepdims=True),
    "Activation": lambda: layers.Activation("mish"),
} | NOISE


@pytest.mark.parametrize("kind", LAYERS)
def test_chains_and_graphs_are_saved_trained_and_summarised(kind, tmp_path, capsys):
    x = np.random.default_rng(1).random((5, 5, 4, 3), np.float32)
    for model in network(LAYERS[kind]()):
        weights = fitted(model, epochs=1)
        assert all(np.isfinite(array).all() for array in weights)
        model.save(tmp_path / "m.minicnn")
        loaded = models.load_model(tmp_path / "m.minicnn")
        np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
        made = model.layers[0] if model.is_chain else model.layers[1]
        assert loaded.get_layer(made.name).get_config() == made.get_config()
        assert repr(eval(repr(made), vars(layers))) == repr(made)
        model.summary()
        assert type(made).__name__ in capsys.readouterr().out


def test_pictures_of_bytes_go_through_layers_in_front_of_a_network():
    x = np.random.default_rng(0).integers(0, 256, (12, 9, 12, 3), dtype=np.uint8)
    y = np.arange(12) % 3
    for front in (
        [layers.Resizing(6, 6)],
        [layers.CenterCrop(6, 6), layers.Cropping2D(0)],
        [layers.UpSampling2D(2, "bilinear"), layers.Resizing(6, 6, "nearest")],
    ):
        stack = [*front, layers.Rescaling(1 / 255), layers.Conv2D(4, 3, activation="relu")]
        stack += [layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax")]
        model = Sequential([Input((9, 12, 3)), *stack], seed=0)
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(x, y, batch_size=4, verbose=0)
        np.testing.assert_array_equal(model.predict(x), model.predict(x.astype(np.float32)))


def test_a_shared_layer_draws_pictures_of_several_sizes():
    shared = layers.Resizing(4, 4)
    one, other = Input((8, 8, 1)), Input((3, 5, 1))
    model = Model([one, other], layers.Add()([shared(one), shared(other)]))
    x = [np.random.default_rng(0).random((2, *size, 1), np.float32) for size in ((8, 8), (3, 5))]
    expected = sum(drawn_anew(part, 4, 4, "bilinear") for part in x)
    np.testing.assert_allclose(model(x), expected, rtol=1e-5)


def test_summary_says_what_outputs_see(capsys):
    stack = [layers.Resizing(8, 8), layers.Conv2D(2, 3), layers.Cropping2D(1)]
    stack += [layers.UpSampling2D(2), layers.Conv2D(2, 3), layers.Permute((2, 1, 3))]
    stack += [layers.GlobalMaxPooling2D(keepdims=True), layers.Reshape((2,))]
    Sequential([Input((16, 32, 3)), *stack]).summary(receptive_field=True)
    lines = capsys.readouterr().out.splitlines()
    seen = [line.split("  ")[-1].strip(" │|") for line in lines if "(N, " in line or "None" in line]
    assert [field for field in seen if field] == [
        "2x2 / 2x4", "6x10 / 2x4", "6x10 / 2x4", "6x10 / 1x2", "8x14 / 1x2", "all", "all", "all"
    ]  # fmt: skip


def test_grad_cam_finds_its_way_through_layers_that_move_pictures():
    x = np.zeros((12, 12, 1))
    x[2:4, 8:10] = 1
    stack = [layers.ZeroPadding2D(2), layers.Cropping2D(2), layers.UpSampling2D(2)]
    stack += [layers.Conv2D(1, 1, use_bias=False), layers.GlobalAveragePooling2D(keepdims=True)]
    stack += [layers.Reshape((1,)), layers.Dense(2)]
    model = Sequential([Input((12, 12, 1)), *stack], seed=0)
    for layer in model.layers:
        for weight in layer.params.values():
            weight[...] = np.abs(weight)
    model.note_weights()
    heat = explain.grad_cam(model, x, class_index=0).heat
    where = np.average(np.argwhere(heat > 0), axis=0, weights=heat[heat > 0])
    np.testing.assert_allclose(where, [2.5, 8.5])


def test_maps_that_are_none_of_the_picture_are_laid_over_it():
    stack = [layers.Flatten(), layers.Dense(18), layers.Reshape((3, 3, 2)), layers.Conv2D(2, 1)]
    stack += [layers.Flatten(), layers.Dense(2, activation="softmax")]
    model = Sequential([Input((6, 6, 1)), *stack], seed=0)
    model.note_weights()
    picture = np.random.default_rng(0).random((6, 6, 1))
    assert explain.grad_cam(model, picture).heat.shape == (6, 6)


def test_alpha_is_trained():
    model = Sequential([Input((6,)), layers.PReLU(), layers.Dense(3, "softmax")], seed=0)
    before = model.layers[0].params["alpha"].copy()
    x = np.random.default_rng(0).standard_normal((24, 6)).astype(np.float32)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, np.arange(24) % 3, verbose=0)
    assert (model.layers[0].params["alpha"] != before).all() and model.count_params() == 6 + 21


# Arguments


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (
            lambda: layers.Reshape((-1, -1)),
            "Reshape expected target_shape as .* one may be -1, ",
        ),
        (lambda: layers.Reshape(()), "of which one may be -1, received ..$"),
        (lambda: layers.Reshape(16), "Reshape expected target_shape .*received 16$"),
        (lambda: layers.Reshape((2, 0)), "received .2, 0.$"),
        (lambda: layers.Reshape((2.0, -1)), "received .2.0, -1.$"),
        (
            lambda: layers.Reshape((4, 5)).build((4, 4)),
            "Reshape expected as many numbers as target_shape=.4, 5. has room for, received .N, 4, "
            "4., 16 numbers in each sample",
        ),
        (lambda: layers.Reshape((5, -1)).build((4, 4)), "target_shape=.5, -1. has room for, rec"),
        (lambda: layers.Permute((0, 1)), "Permute expected dims as the numbers from 1 on in anoth"),
        (lambda: layers.Permute((1, 1)), "such as .3, 1, 2., received .1, 1.$"),
        (lambda: layers.Permute("12"), "Permute expected dims as .*received '12'$"),
        (
            lambda: layers.Permute((2, 1)).build((2, 3, 4)),
            "Permute expected samples of 2 axes, as dims=.2, 1. has, received .N, 2, 3, 4.",
        ),
        (lambda: layers.Cropping2D(-1), "Cropping2D expected cropping as an integer >= 0, .rows, "),
        (lambda: layers.Cropping2D((1, 2, 3)), "or ..top, bottom., .left, right.., received"),
        (
            lambda: layers.Cropping2D(2).build((4, 8, 1)),
            "Cropping2D receives pictures of 4x8, of which cropping=..2, 2., .2, 2.. leaves noth",
        ),
        (lambda: layers.Cropping2D(1).build((4,)), "Cropping2D expected pictures of shape .N, H"),
        (lambda: layers.UpSampling2D(0), "UpSampling2D expected size to be an integer >= 1 or a"),
        (
            lambda: layers.UpSampling2D(2, "bicubic"),
            "UpSampling2D expected interpolation 'bilinear' or 'nearest', received 'bicubic'",
        ),
        (lambda: layers.Resizing(0, 4), "Resizing expected height of at least 1, received 0"),
        (lambda: layers.Resizing(4, 2.5), "Resizing expected width of at least 1, received 2.5, "),
        (lambda: layers.Resizing(4, 4, "area"), "Resizing expected interpolation 'bilinear' or"),
        (lambda: layers.Resizing(4, 4, crop_to_aspect_ratio="x"), "as True or False, received 'x'"),
        (
            lambda: layers.Resizing(70_000, 4).build((4, 4, 3)),
            "pictures are expected to have sides of at most 65,535 pixels, received 70,000",
        ),
        (lambda: layers.Resizing(4, 4).build((16,)), "Resizing expected pictures of shape"),
        (lambda: layers.CenterCrop(4, 0), "CenterCrop expected width of at least 1, received 0"),
        (lambda: layers.CenterCrop(4, 4).build((16,)), "CenterCrop expected pictures of shape"),
        (
            lambda: layers.PReLU(shared_axes=[0]),
            "PReLU expected shared_axes as axes counted",
        ),
        (lambda: layers.PReLU(shared_axes="12"), "for height and width, received '12'$"),
        (
            lambda: layers.PReLU(shared_axes=[1, 4]).build((4, 4, 3)),
            "PReLU expected shared_axes of at most 3, the last axis of samples .4, 4, 3., received",
        ),
        (lambda: layers.SpatialDropout2D(1), "SpatialDropout2D expected 0 <= rate < 1"),
        (lambda: layers.SpatialDropout2D(0.5).build((16,)), "SpatialDropout2D expected pictures"),
        (lambda: layers.GaussianDropout(1.0), "GaussianDropout expected 0 <= rate < 1"),
        (lambda: layers.GaussianNoise(-1), "GaussianNoise expected stddev as a finite number of a"),
        (lambda: layers.GaussianNoise("a"), "GaussianNoise expected stddev as a .*received 'a'"),
        (
            lambda: layers.Dropout(0.5, noise_shape="ab"),
            "Dropout expected noise_shape as positive integers or None, counted with N, such as "
            ".None, 1, 1, None., received 'ab'",
        ),
        (lambda: layers.Dropout(0.5, noise_shape=(None, 0)), "received .None, 0.$"),
        (
            lambda: layers.Dropout(0.5, (None, 1)).build((4, 4, 3)),
            "Dropout expected noise_shape with an entry for each axis of .N, 4, 4, 3., its size, 1 "
            "or None, received .None, 1.$",
        ),
        (lambda: layers.Dropout(0.5, (None, 2, 1, 1)).build((4, 4, 3)), "its size, 1 or None, rec"),
        (
            lambda: layers.Dropout(0.5, (8, 3))(np.ones((4, 3)), training=True),
            "Dropout expected batches of 8, as noise_shape=.8, 3. says, received one of 4: None in",
        ),
        (
            lambda: layers.GlobalMaxPooling2D(keepdims=2),
            "GlobalMaxPooling2D expected keepdims as",
        ),
        (lambda: layers.GlobalAveragePooling2D("yes"), "expected keepdims as True or False, rec"),
    ],
)
def test_bad_arguments(act, message):
    with pytest.raises(ValueError, match=message) as caught:
        act()
    print(caught.value)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (
            lambda: layers.Resizing(4, 4, pad_to_aspect_ratio=True),
            "Add ZeroPadding2D before it",
        ),
        (lambda: layers.Resizing(4, 4, antialias=True), "data.fit_image makes pictures smaller"),
        (lambda: layers.GaussianNoise(sigma=0.1), "GaussianNoise has no argument 'sigma'. Use std"),
    ],
)
def test_what_keras_has_more(act, message):
    with pytest.raises(TypeError, match=message) as caught:
        act()
    print(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "Lambda",
            "A function has no backward of its own: subclass layers.Layer, with forward and",
        ),
        ("Conv1D", ".*: Reshape..steps, 1, channels.. makes pictures of one column, for 2D layers"),
        ("Conv3D", "minicnn classifies pictures: 2D layers are there"),
        ("ThresholdedReLU", "Use ReLU.threshold=...."),
        ("AlphaDropout", "Use Dropout, or GaussianDropout."),
        ("RepeatVector", "minicnn classifies pictures: layers for text and tables are not there."),
    ],
)
def test_layers_that_are_not_there(name, message):
    with pytest.raises(
        AttributeError, match=f"'minicnn.layers' has no attribute '{name}'. {message}"
    ):
        getattr(layers, name)


def test_a_layer_with_a_call_of_its_own_is_told_what_to_define():
    with pytest.raises(TypeError, match="Twice defines call.., which .* Define forward.x"):

        class Twice(layers.Layer):
            def call(self, x):
                return 2 * x


def test_pictures_of_one_column_are_what_conv1d_makes_of_rows():
    """As the message says: y[n, i, f] = sum over k, c of x[n, i + k, c] kernel[k, c, f]."""
    model = Sequential([Input((9, 2)), layers.Reshape((9, 1, 2)), layers.Conv2D(4, (3, 1))], seed=0)
    x = np.random.default_rng(0).standard_normal((2, 9, 2)).astype(np.float32)
    kernel = model.layers[1].params["kernel"][:, 0]
    expected = [np.einsum("nkc,kcf->nf", x[:, i : i + 3], kernel) for i in range(7)]
    np.testing.assert_allclose(model(x)[:, :, 0], np.stack(expected, 1), rtol=1e-4, atol=1e-5)


def test_files_cannot_ask_for_pictures_without_end():
    description = {"class": "UpSampling2D", "config": {"size": 2**40}}
    layer = make(description, layers.LAYERS, "layer")
    with pytest.raises(ValueError, match="sides of at most 65,535 pixels"):
        layer.build((4, 4, 1))
    with pytest.raises(ModelFileError, match="an argument of another kind: noise_shape='x'"):
        config = {"rate": 0.5, "noise_shape": "x"}
        make({"class": "Dropout", "config": config}, layers.LAYERS, "layer")
