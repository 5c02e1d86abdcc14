"""ImageDataGenerator and load_img: against Keras' own results, against definitions, and what they
refuse.
"""

import importlib

import numpy as np
import pytest
from golden import make_preprocessing as recipe
from hypothesis import given
from hypothesis import strategies as st

import minicnn
from minicnn import Input, Sequential, layers
from minicnn.errors import ImageError
from minicnn.preprocessing.affine import affine
from minicnn.preprocessing.image import ImageDataGenerator, img_to_array, load_img

GOLDEN = np.load(recipe.GOLDEN)
NOTHING = {
    "theta": 0, "shear": 0, "tx": 0, "ty": 0, "zx": 1, "zy": 1,
    "flip_horizontal": False, "flip_vertical": False, "brightness": 1,
}  # fmt: skip


def parameters(**given):
    """One picture's."""
    return {name: np.array([given.get(name, value)]) for name, value in NOTHING.items()}


def moves(**given):
    return {name: value for name, value in parameters(**given).items() if name != "brightness"}


def places(size, **given):
    """(H, W, 2): the place (u, v) that each pixel shows."""
    j, i = np.meshgrid(np.arange(size[1]), np.arange(size[0]))
    ones = np.ones(size)
    return (affine(size, **moves(**given))[0] @ np.stack([j, i, ones], -1)[..., None])[..., :2, 0]


def labelled(n, size=8):
    """Pictures that are all of one level, their number, and labels that are it too."""
    x = np.broadcast_to(np.arange(n)[:, None, None, None], (n, size, size, 3)).astype(np.uint8)
    return x, np.arange(n)


# The same as Keras


@pytest.mark.parametrize("name", recipe.CASES)
def test_fixed_parameters_give_what_keras_makes_of_them(name):
    arguments, given = recipe.CASES[name]
    generator = ImageDataGenerator(**arguments)
    generator.fit(recipe.pictures())
    x = recipe.pictures()[:1]
    received, expected = generator.changed(x, parameters(**given), 255.0)[0], GOLDEN[name]
    compared = np.ones(x.shape[1:3], bool)
    # SciPy's do not fade at the edge, and wrap one pixel too early
    if generator.fill_mode in (
        "wrap",
        "constant",
    ):
        compared = ((places((11, 11), **given) >= 0) & (places((11, 11), **given) <= 10)).all(
            axis=-1
        )
        assert 0.4 < compared.mean() < 1
    level = (generator.rescale or 1) / (
        generator.std.min() if generator.featurewise_std_normalization else 1
    )
    closest = 1 if generator.brightness_range else 1e-3  # Keras cuts to whole levels there
    assert received.dtype == np.float32 and received.shape == expected.shape
    assert np.abs(received - expected)[compared].max() <= closest * level


@pytest.mark.parametrize("name", recipe.LOADED)
def test_load_img_gives_what_keras_gives(tmp_path, name):
    picture = img_to_array(load_img(recipe.file(tmp_path), **recipe.LOADED[name]))
    assert picture.dtype == np.float32
    assert np.array_equal(picture, GOLDEN[f"load {name}"])


def test_it_is_where_scripts_for_keras_look():
    keras = minicnn
    assert (
        importlib.import_module("minicnn.preprocessing").image.ImageDataGenerator
        is ImageDataGenerator
    )
    assert keras.preprocessing.image.load_img is load_img


# What parameters mean


@pytest.mark.parametrize("size", [(8, 8), (5, 9), (6, 3), (1, 1)])
@pytest.mark.parametrize("horizontal, vertical", [(True, False), (False, True), (True, True)])
def test_flips_are_exact_for_pictures_of_any_shape(size, horizontal, vertical):
    x = np.random.default_rng(0).integers(0, 256, (1, *size, 3), dtype=np.uint8)
    flipped = x[:, :: -1 if vertical else 1, :: -1 if horizontal else 1]
    given = parameters(flip_horizontal=horizontal, flip_vertical=vertical)
    assert np.array_equal(ImageDataGenerator().changed(x, given, 255.0), flipped)


def test_each_shift_does_what_it_is_called():
    x = np.zeros((1, 5, 7, 1), np.float32)
    x[0, 2, 3] = 1
    moved = ImageDataGenerator().changed(x, parameters(tx=2, ty=1), 1.0)
    assert moved[0, 1, 1, 0] == 1 and moved.sum() == 1
    seeds = np.arange(200, dtype=np.uint64)
    wide = ImageDataGenerator(width_shift_range=0.5).parameters((10, 40), seeds)
    high = ImageDataGenerator(height_shift_range=0.5).parameters((10, 40), seeds)
    assert not wide["ty"].any() and not high["tx"].any()
    assert 18 < np.abs(wide["tx"]).max() < 20 and 4.5 < np.abs(high["ty"]).max() < 5


def test_a_quarter_turn_of_a_picture_that_is_not_square_turns_about_its_centre():
    x = np.random.default_rng(0).integers(0, 256, (1, 7, 5, 3), dtype=np.uint8)
    turned = ImageDataGenerator().changed(x, parameters(theta=90), 255.0)
    assert np.allclose(turned[0, 1:6], np.rot90(x[0, 1:6], 1), atol=1e-3)


@given(
    st.floats(-180, 180),
    st.floats(-5, 5),
    st.floats(-5, 5),
    st.floats(-40, 40),
    st.floats(0.5, 2),
    st.booleans(),
)
def test_places_are_those_of_the_formula_taken_step_by_step(theta, tx, ty, shear, zoom, flip):
    i, j, size = 2, 6, (4, 9)
    p = np.array([j, i]) - (np.array(size[::-1]) - 1) / 2
    p = p * [-1, 1] if flip else p
    p = p * [zoom, 1 / zoom]
    s, t = np.deg2rad(shear), np.deg2rad(theta)
    p = np.array([p[0] - np.sin(s) * p[1], np.cos(s) * p[1]]) + [tx, ty]
    p = np.array([np.cos(t) * p[0] - np.sin(t) * p[1], np.sin(t) * p[0] + np.cos(t) * p[1]])
    given = {
        "theta": theta,
        "tx": tx,
        "ty": ty,
        "shear": shear,
        "zx": zoom,
        "zy": 1 / zoom,
        "flip_horizontal": flip,
    }
    assert np.allclose(places(size, **given)[i, j], p + (np.array(size[::-1]) - 1) / 2)


SEEDS = np.arange(40_000, dtype=np.uint64)


@pytest.mark.parametrize(
    "arguments, name, least, greatest",
    [
        ({"rotation_range": 15}, "theta", -15, 15),
        ({"shear_range": 7.5}, "shear", -7.5, 7.5),
        ({"width_shift_range": 0.1}, "tx", -3.2, 3.2),
        ({"height_shift_range": 0.1}, "ty", -2.4, 2.4),
        ({"width_shift_range": 3.0}, "tx", -3, 3),
        ({"zoom_range": 0.2}, "zx", 0.8, 1.2),
        ({"zoom_range": 0.2}, "zy", 0.8, 1.2),
        ({"zoom_range": [0.5, 0.75]}, "zy", 0.5, 0.75),
        ({"brightness_range": (0.5, 1.5)}, "brightness", 0.5, 1.5),
    ],
)
def test_parameters_are_uniform_over_their_ranges(arguments, name, least, greatest):
    drawn = ImageDataGenerator(**arguments).parameters((24, 32), SEEDS)
    share = (drawn[name] - least) / (greatest - least)
    assert 0 <= share.min() and share.max() <= 1
    counts, _ = np.histogram(share, bins=10, range=(0, 1))
    assert np.abs(counts - 4000).max() < 5 * np.sqrt(4000)
    for other in NOTHING.keys() - {name, *(("zx", "zy") if "zoom_range" in arguments else ())}:
        assert (drawn[other] == NOTHING[other]).all()


@pytest.mark.parametrize(
    "limit, expected",
    [
        # np.random.choice(3) * np.random.choice([-1, 1])
        (
            3,
            {-2: 1 / 6, -1: 1 / 6, 0: 1 / 3, 1: 1 / 6, 2: 1 / 6},
        ),
        (1, {0: 1}),
        ([4, 6], {-6: 1 / 4, -4: 1 / 4, 4: 1 / 4, 6: 1 / 4}),
        ([0.25, 0.5], {-20: 1 / 4, -10: 1 / 4, 10: 1 / 4, 20: 1 / 4}),
    ],
)
def test_whole_pixels_are_drawn_as_keras_draws_them(limit, expected):
    shifts = ImageDataGenerator(width_shift_range=limit).parameters((24, 40), SEEDS)["tx"]
    values, counts = np.unique(shifts, return_counts=True)
    assert values.tolist() == list(expected)
    assert np.allclose(counts / len(SEEDS), list(expected.values()), atol=0.01)


def test_flips_are_drawn_for_half_of_the_pictures_and_independently():
    drawn = ImageDataGenerator(horizontal_flip=True, vertical_flip=True).parameters((8, 8), SEEDS)
    both = drawn["flip_horizontal"] & drawn["flip_vertical"]
    for flips, share in (
        (drawn["flip_horizontal"], 0.5),
        (drawn["flip_vertical"], 0.5),
        (both, 0.25),
    ):
        assert flips.mean() == pytest.approx(share, abs=0.01)


def test_switching_one_change_on_does_not_change_what_is_drawn_for_another():
    one = ImageDataGenerator(rotation_range=10).parameters((8, 8), SEEDS)
    more = ImageDataGenerator(rotation_range=10, zoom_range=0.1, horizontal_flip=True).parameters(
        (8, 8), SEEDS
    )
    assert np.array_equal(one["theta"], more["theta"])


# Batches


def test_a_flow_goes_through_all_samples_once_per_epoch_with_their_labels():
    x, y = labelled(70)
    flow = ImageDataGenerator(rotation_range=30, horizontal_flip=True).flow(
        x, y, batch_size=32, seed=0
    )
    assert len(flow) == 3
    batches = [flow[i] for i in range(3)]
    assert [len(batch[0]) for batch in batches] == [32, 32, 6]
    for pictures, labels in batches:
        # pictures of one level stay so
        assert np.abs(pictures - labels[:, None, None, None]).max() < 1e-3
    order = np.concatenate([labels for _, labels in batches])
    assert sorted(order) == list(range(70)) and order.tolist() != list(range(70))
    flow.on_epoch_end()
    assert np.concatenate([flow[i][1] for i in range(3)]).tolist() != order.tolist()


def test_without_shuffling_samples_come_in_their_order_in_every_epoch():
    flow = ImageDataGenerator().flow(*labelled(10), batch_size=4, shuffle=False)
    for _ in range(2):
        assert np.concatenate([flow[i][1] for i in range(len(flow))]).tolist() == list(range(10))
        flow.on_epoch_end()


def noisy(n=20):
    return np.random.default_rng(3).integers(0, 256, (n, 8, 8, 3), dtype=np.uint8), np.arange(n)


def by_label(flow):
    """Each picture of an epoch, by its label."""
    return {int(k): picture for i in range(len(flow)) for picture, k in zip(*flow[i], strict=True)}


def test_what_happens_to_a_picture_depends_on_seed_epoch_and_number_alone():
    generator = ImageDataGenerator(rotation_range=30, zoom_range=0.2, horizontal_flip=True)
    one = by_label(generator.flow(*noisy(), batch_size=4, seed=5))
    for flow in (
        generator.flow(*noisy(), batch_size=7, seed=5),
        generator.flow(*noisy(), batch_size=20, seed=5, shuffle=False),
    ):
        other = by_label(flow)
        assert all(np.array_equal(one[k], other[k]) for k in range(20))
    flow = generator.flow(*noisy(), batch_size=4, seed=5)
    flow.on_epoch_end()
    assert not any(np.array_equal(one[k], picture) for k, picture in by_label(flow).items())
    flow.epoch = 0
    assert all(np.array_equal(one[k], picture) for k, picture in by_label(flow).items())
    assert not np.array_equal(one[0], by_label(generator.flow(*noisy(), seed=6))[0])


def test_without_a_seed_each_flow_differs_unless_set_random_seed_says_otherwise():
    generator = ImageDataGenerator(rotation_range=30)
    one, other = (by_label(generator.flow(*noisy())) for _ in range(2))
    assert not np.array_equal(one[0], other[0])
    seen = []
    for _ in range(2):
        minicnn.utils.set_random_seed(4)
        seen.append(by_label(generator.flow(*noisy()))[0])
    assert np.array_equal(*seen)


def test_iterating_goes_on_epoch_after_epoch():
    flow = ImageDataGenerator().flow(*labelled(5), batch_size=2, seed=0)
    labels = [next(flow)[1] for _ in range(6)]
    assert flow.epoch == 2
    assert (
        sorted(np.concatenate(labels[:3])) == sorted(np.concatenate(labels[3:])) == list(range(5))
    )
    for number, (pictures, _) in enumerate(flow):  # as notebooks look at some pictures
        assert pictures.shape == (2 if number < 2 else 1, 8, 8, 3)
        if number == 2:
            break


def test_without_labels_a_batch_is_pictures_alone():
    assert ImageDataGenerator().flow(labelled(5)[0], batch_size=3)[1].shape == (2, 8, 8, 3)


def test_subsets_are_first_and_last_part_as_in_keras():
    generator = ImageDataGenerator(validation_split=0.2)
    x, y = labelled(11)
    validation = generator.flow(x, y, shuffle=False, subset="validation")
    training = generator.flow(x, y, shuffle=False, subset="training")
    assert validation[0][1].tolist() == [0, 1] and training[0][1].tolist() == list(range(2, 11))
    assert len(generator.flow(x, y)[0][1]) == 11


def test_x_is_never_changed():
    x, y = noisy()
    before = x.copy()
    generator = ImageDataGenerator(rotation_range=40, rescale=1 / 255, featurewise_center=True)
    generator.fit(x)
    by_label(generator.flow(x, y))
    assert np.array_equal(x, before)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
def test_pictures_of_any_type_come_out_as_float32(dtype):
    x, y = noisy()
    expected = by_label(ImageDataGenerator(zoom_range=0.2).flow(x, y, seed=0))
    received = by_label(ImageDataGenerator(zoom_range=0.2).flow(x.astype(dtype), y, seed=0))
    assert received[0].dtype == np.float32
    assert all(np.array_equal(received[k], expected[k]) for k in expected)


def test_brightness_knows_pictures_from_0_to_1_which_keras_turns_black():
    x, y = noisy()
    generator = ImageDataGenerator(brightness_range=(0.5, 2.0), rotation_range=20)
    bytes_, fractions = (by_label(generator.flow(pictures, y, seed=0)) for pictures in (x, x / 255))
    assert all(np.allclose(fractions[k] * 255, bytes_[k], atol=1e-2) for k in bytes_)
    assert max(picture.max() for picture in bytes_.values()) == 255


def test_rounding_never_leaves_the_range_of_the_pictures():
    x = np.full((64, 8, 8, 3), 255, np.uint8)
    for pictures, rescale, top in ((x, None, 255), (x, 1 / 255, 1), (x / np.float32(255), None, 1)):
        flow = ImageDataGenerator(rotation_range=180, zoom_range=0.5, rescale=rescale).flow(
            pictures, batch_size=64, seed=0
        )
        assert top * 0.999 < flow[0].min() and flow[0].max() <= top


def test_featurewise_statistics_are_those_of_the_rescaled_pictures():
    x, y = noisy()
    generator = ImageDataGenerator(featurewise_std_normalization=True, rescale=1 / 255)
    generator.fit(x)
    flow = generator.flow(x, y, batch_size=6)
    pictures = np.concatenate([flow[i][0] for i in range(len(flow))])
    assert np.allclose(pictures.mean(axis=(0, 1, 2)), 0, atol=1e-5)
    assert np.allclose(pictures.std(axis=(0, 1, 2)), 1, atol=1e-4)


# Training


def model_and_flow():
    (x, y), test = minicnn.datasets.shapes.load_data(train=300, test=100, seed=0)
    model = Sequential(
        [
            Input((32, 32, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(8, 3, strides=2, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.1),
            layers.Dense(10, activation="softmax"),
        ],
        seed=0,
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    generator = ImageDataGenerator(rotation_range=15, width_shift_range=0.1, horizontal_flip=True)
    return model, generator.flow(x, y, batch_size=32, seed=1), test


def test_a_model_trains_on_a_flow():
    model, flow, test = model_and_flow()
    history = model.fit(flow, epochs=3, validation_data=test, verbose=0).history
    assert flow.epoch == 3
    assert history["loss"][-1] < history["loss"][0]
    assert len(history["val_accuracy"]) == 3


def test_a_training_on_a_flow_that_is_interrupted_becomes_what_it_would_have_become(tmp_path):
    whole, flow, _ = model_and_flow()
    whole.fit(flow, epochs=4, verbose=0)
    for epochs in (2, 4):
        model, flow, _ = model_and_flow()
        model.fit(flow, epochs=epochs, verbose=0, resume=tmp_path)
    assert flow.epoch == 4
    for expected, received in zip(whole.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(expected, received)


# What is refused


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            {"zca_whitening": True},
            "does not support zca_whitening=True: leave it out, prepare x before flow",
        ),
        ({"samplewise_center": True}, "does not support samplewise_center=True"),
        (
            {"samplewise_std_normalization": True},
            "does not support samplewise_std_normalization=True",
        ),
        ({"channel_shift_range": 0.2}, "does not support channel_shift_range=0.2"),
        ({"preprocessing_function": np.sqrt}, "does not support preprocessing_function="),
        ({"data_format": "channels_first"}, "does not support data_format='channels_first'"),
        ({"fill_mode": "reflekt"}, r"has no fill_mode 'reflekt'\. Did you mean 'reflect'\?"),
        (
            {"zoom_range": (1, 2, 3)},
            r"zoom_range as \(least, greatest\), factors above 0 and at most 65535, received \(1, "
            r"2, 3\)",
        ),
        (
            {"zoom_range": 1.0},
            r"zoom_range as \(least, greatest\), factors above 0 and at most 65535, received "
            r"\(0.0, 2.0\)",
        ),
        (
            {"brightness_range": 0.5},
            r"expected brightness_range as \(least, greatest\).*received 0.5",
        ),
        ({"brightness_range": (-1, 1)}, r"expected brightness_range as .*received \(-1, 1\)"),
        (
            {"brightness_range": (0, np.inf)},
            r"expected brightness_range as .*at most 65535, received \(0, inf\)",
        ),
        (
            {"zoom_range": (1, 1e9)},
            r"expected zoom_range as .*at most 65535, received \(1, 1000000000.0\)",
        ),
        (
            {"width_shift_range": 1e12},
            "expected width_shift_range as a finite number of at least -65535 and at most 65535",
        ),
        (
            {"height_shift_range": [1, 10**12]},
            "expected height_shift_range as a finite number .*received 1000000000000",
        ),
        (
            {"height_shift_range": []},
            r"expected height_shift_range with one shift or more, received \[\]",
        ),
        (
            {"width_shift_range": "far"},
            "expected width_shift_range as a finite number .*received 'far'",
        ),
        ({"rotation_range": np.nan}, "expected rotation_range as a finite number, received nan"),
        ({"shear_range": np.inf}, "expected shear_range as a finite number, received inf"),
        ({"validation_split": 1.5}, "expected 0 <= validation_split < 1, received 1.5"),
    ],
)
def test_arguments_that_cannot_be_meant(arguments, message):
    with pytest.raises(ValueError, match=f"ImageDataGenerator.*{message}"):
        ImageDataGenerator(**arguments)


def test_the_arguments_that_tutorials_spell_out_may_be_spelt_out():
    ImageDataGenerator(
        featurewise_center=False,
        samplewise_center=False,
        featurewise_std_normalization=False,
        samplewise_std_normalization=False,
        zca_whitening=False,
        zca_epsilon=1e-06,
        rotation_range=0,
        width_shift_range=0.1,
        height_shift_range=0.1,
        shear_range=0.0,
        zoom_range=0.0,
        channel_shift_range=0.0,
        fill_mode="nearest",
        cval=0.0,
        horizontal_flip=True,
        vertical_flip=False,
        rescale=None,
        preprocessing_function=None,
        data_format="channels_last",
        validation_split=0.0,
    )


@pytest.mark.parametrize(
    "arguments, flow, message",
    [
        (
            {},
            lambda x, y: (x[0], y),
            r"flow expected pictures \(n, H, W, C\), received x of shape \(8, 8, 3\)",
        ),
        ({}, lambda x, y: (x[:0], y[:0]), r"received x of shape \(0, 8, 8, 3\)"),
        ({}, lambda x, y: (x, y[:5]), "flow expected as many samples in y as in x, 20, received 5"),
        (
            {"featurewise_center": True},
            lambda x, y: (x, y),
            r"expected that fit\(x\) has measured the mean",
        ),
        (
            {"brightness_range": (1, 2)},
            lambda x, y: (x / 1.0 - 9, y),
            "expected levels 0 ... 255 .* received -9 among",
        ),
    ],
)
def test_data_that_does_not_fit(arguments, flow, message):
    with pytest.raises(ValueError, match=message):
        ImageDataGenerator(**arguments).flow(*flow(*noisy()))


@pytest.mark.parametrize("split, subset", [(0.2, "test"), (0.0, "training"), (0.01, "validation")])
def test_subsets_that_are_none(split, subset):
    with pytest.raises(
        ValueError,
        match=f"expected subset 'training' or 'validation'.*received '{subset}' of 20 samp",
    ):
        ImageDataGenerator(validation_split=split).flow(*noisy(), subset=subset)


def test_a_batch_beyond_the_last_is_an_error():
    flow = ImageDataGenerator().flow(*noisy(), batch_size=8)
    for index in (3, -1):
        with pytest.raises(IndexError, match=f"expected a batch from 0 to 2, received {index}"):
            flow[index]
    with pytest.raises(ValueError, match="flow expected batch_size of at least 1, received 0"):
        ImageDataGenerator().flow(*noisy(), batch_size=0)


def test_load_img_names_what_it_cannot_do(tmp_path):
    path = recipe.file(tmp_path)
    with pytest.raises(
        ValueError, match="load_img has no interpolation 'neerest'. Did you mean 'nearest'?"
    ):
        load_img(path, interpolation="neerest")
    with pytest.raises(
        ValueError, match="load_img has no color_mode 'rgba'. Pictures are put on white"
    ):
        load_img(path, color_mode="rgba")
    with pytest.raises(ImageError, match="nowhere.png: expected a picture"):
        load_img(tmp_path / "nowhere.png")
