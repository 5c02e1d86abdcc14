"""What augmentation draws: SplitMix64, independence from batches, order and threads, MixUp, CutMix,
the preview.
"""

import re

import numpy as np
import pytest

import minicnn
from minicnn import Sequential, layers, transforms
from minicnn.layers.augmentation.draws import numbers, picture_seeds, uniform
from minicnn.machine import threads
from minicnn.plots.augmentation import augmentation_preview

SHAPE = (6, 5, 3)
PIPELINE = {
    "flip": lambda: layers.RandomFlip(),
    "rotation": lambda: layers.RandomRotation(0.2),
    "translation": lambda: layers.RandomTranslation(0.3, 0.2),
    "zoom": lambda: layers.RandomZoom(0.3, 0.2),
    "crop": lambda: layers.RandomCrop(6, 5, padding=2),
    "brightness": lambda: layers.RandomBrightness(0.4),
    "contrast": lambda: layers.RandomContrast(0.6),
    "erasing": lambda: layers.RandomErasing(),
}
every_layer = pytest.mark.parametrize("make", PIPELINE.values(), ids=PIPELINE)


def built(layer, shape=SHAPE, seed=0):
    layer.build(shape, np.random.default_rng(seed))
    return layer


def some_bytes(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


# The generator


def splitmix64(seed, count):
    """As published: a state that grows by a constant, and is stirred."""
    state, drawn = seed, []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % 2**64
        drawn.append(z ^ (z >> 31))
    return drawn


def test_numbers_are_those_of_splitmix64():
    known = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert splitmix64(1234567, 5) == known  # as Vigna's program prints them
    np.testing.assert_array_equal(numbers(np.array([1234567], np.uint64), np.arange(5)), known)
    for seed in (0, 1, 2**63, 2**64 - 1):
        drawn = numbers(np.array([seed], np.uint64), np.arange(20))
        np.testing.assert_array_equal(drawn, np.array(splitmix64(seed, 20), np.uint64))


def test_seeds_go_from_key_to_epoch_to_picture():
    of_epoch = splitmix64(99, 4)[-1]
    expected = [splitmix64(of_epoch, n + 1)[-1] for n in (0, 7, 3)]
    np.testing.assert_array_equal(
        picture_seeds(99, 3, np.array([0, 7, 3])), np.array(expected, np.uint64)
    )


def test_draws_are_uniform_and_uncorrelated():
    """10,000 each: a mean's deviation is 0.003, a correlation's 0.01."""
    drawn = np.array(
        [
            uniform(picture_seeds(5, epoch, np.arange(10_000)), n)
            for epoch in range(3)
            for n in range(3)
        ]
    )
    assert ((drawn >= 0) & (drawn < 1)).all()
    np.testing.assert_allclose(drawn.mean(axis=1), 0.5, atol=0.012)
    np.testing.assert_allclose(drawn.var(axis=1), 1 / 12, atol=0.004)
    counts = np.array([np.histogram(row, 20, (0, 1))[0] for row in drawn])
    assert (
        ((counts - 500) ** 2 / 500).sum(axis=1) < 55
    ).all()  # chi-square with 19 degrees: 1 in 40,000
    related = np.corrcoef(drawn) - np.eye(len(drawn))
    assert np.abs(related).max() < 0.045
    assert np.abs(np.corrcoef(drawn[0, 1:], drawn[0, :-1])[0, 1]) < 0.045  # neighbours in the data


# Independence


@every_layer
def test_a_picture_is_changed_alike_whatever_the_batch_and_the_order(make):
    x = some_bytes(12, *SHAPE)
    layer = built(make())
    layer.next_samples(2, np.arange(12))
    whole = layer.forward(x, training=True).copy()
    for order, size in ((np.arange(12), 5), (np.random.default_rng(1).permutation(12), 1)):
        for start in range(0, 12, size):
            picked = order[start : start + size]
            layer.next_samples(2, picked)
            assert layer.forward(x[picked], training=True).tobytes() == whole[picked].tobytes()
    layer.next_samples(3, np.arange(12))
    assert not np.array_equal(layer.forward(x, training=True), whole)  # another epoch


class Watch(layers.Layer):
    """Keeps what the pictures of each epoch look like at its place."""

    def __init__(self, **options):
        super().__init__(**options)
        self.seen = {}

    def next_samples(self, epoch, samples):
        self.told = epoch, samples

    def forward(self, x, *, training=False):
        x = self.accept(x)
        self._cache = () if training else None
        if training:
            epoch, samples = self.told
            self.seen |= {
                (epoch, int(n)): picture.tobytes() for n, picture in zip(samples, x, strict=True)
            }
        return x

    def backward(self, dy):
        return self.take_cache(dy)[0]


def trained(engine="fast", seed=4, **options):
    """What a training for two epochs shows its network."""
    pipeline = [make() for make in PIPELINE.values()]
    watch = Watch()
    model = Sequential(
        [
            layers.Input(SHAPE),
            *pipeline,
            layers.Rescaling(1 / 255),
            watch,
            layers.Flatten(),
            layers.Dense(2),
        ],
        seed=seed,
    )
    model.engine = engine
    model.compile("sgd", minicnn.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(some_bytes(12, *SHAPE), np.arange(12) % 2, epochs=2, verbose=0, **options)
    return watch.seen


def test_a_training_shows_the_same_pictures_whatever_batches_order_and_engine():
    expected = trained(batch_size=12, shuffle=False)
    assert len(set(expected.values())) == 24
    assert trained(batch_size=5) == expected
    assert trained(batch_size=1) == expected
    assert trained("reference", batch_size=5, shuffle=False) == expected
    assert trained(seed=5, batch_size=5) != expected


@pytest.mark.skipif(threads.get_thread_count() < 2, reason="Numba has one thread here")
def test_threads_change_nothing():
    expected = trained(batch_size=5)
    try:
        minicnn.set_threads(1)
        alone = trained(batch_size=5)
    finally:
        minicnn.set_threads(threads.get_thread_count())
    assert alone == expected


@every_layer
def test_without_numbers_a_layer_counts_its_pictures(make):
    x = some_bytes(8, *SHAPE)
    layer = built(make())
    whole = layer.forward(x, training=True).copy()
    again = built(make())
    parts = [again.forward(part, training=True).copy() for part in (x[:3], x[3:])]
    assert np.concatenate(parts).tobytes() == whole.tobytes()
    assert not np.array_equal(again.forward(x, training=True), whole)


@every_layer
def test_the_random_state_repeats_what_comes(make):
    x = some_bytes(8, *SHAPE)
    layer, other = built(make()), built(make(), seed=1)
    layer.forward(x, training=True)
    state = layer.random_state
    assert state == {"key": state["key"], "counted": 8} and isinstance(state["key"], int)
    expected = layer.forward(x, training=True).copy()
    other.random_state = state
    assert other.forward(x, training=True).tobytes() == expected.tobytes()


def test_a_seed_of_ones_own_is_independent_of_the_models():
    def key(seed, of_model):
        model = Sequential(
            [layers.Input(SHAPE), layers.RandomFlip(seed=seed), layers.RandomFlip()], seed=of_model
        )
        return [layer.random_state["key"] for layer in model.layers]

    assert key(7, 1)[0] == key(7, 2)[0] != key(8, 1)[0]
    assert key(7, 1)[1] == key(8, 1)[1] != key(7, 2)[1]
    assert len(set(key(None, 1))) == 2


def test_samples_of_another_number_than_announced_are_refused():
    layer = built(layers.RandomFlip(name="mirror"))
    layer.next_samples(0, np.arange(3))
    with pytest.raises(
        ValueError, match="RandomFlip 'mirror' was told of 3 samples by next_samples, received 4"
    ):
        layer.forward(some_bytes(4, *SHAPE), training=True)


# What is drawn


def draws_of(layer, shape=(10, 20, 1), count=8000):
    """The matrices' numbers for many pictures."""
    return built(layer, shape).matrices(count)


def assert_uniform(values, lower, upper):
    """In these bounds, and flat within: 8,000 of them."""
    assert lower <= values.min() and values.max() <= upper
    counts = np.histogram(values, 10, (lower, upper))[0]
    assert ((counts - 800) ** 2 / 800).sum() < 36, counts  # chi-square with 9 degrees: 1 in 25,000


def test_half_of_the_pictures_are_flipped_and_each_way_on_its_own():
    m = draws_of(layers.RandomFlip())
    across, down = m[:, 0, 0] < 0, m[:, 1, 1] < 0
    for flipped in (across, down, across ^ down):
        assert flipped.mean() == pytest.approx(0.5, abs=0.025)
    m = draws_of(layers.RandomFlip("horizontal"))
    assert (m[:, 1, 1] == 1).all() and (m[:, 0, 0] < 0).mean() == pytest.approx(0.5, abs=0.025)


@pytest.mark.parametrize("mode", ["horizontal", "vertical"])
def test_alternating_flips_show_each_picture_once_in_two_epochs_and_so_on(mode):
    layer, x = built(layers.RandomFlip(mode, alternate=True), (3, 4, 1)), some_bytes(64, 3, 4, 1)
    order = np.random.default_rng(0).permutation(64)
    mirrored = x[:, :, ::-1] if mode == "horizontal" else x[:, ::-1]
    seen = []
    for epoch in range(4):
        order = np.roll(order, 7)  # whatever a batch holds
        flipped = np.zeros(64, bool)
        for samples in (order[:40], order[40:]):
            layer.next_samples(epoch, samples)
            y = layer.forward(x[samples], training=True)
            as_it_is = (y == x[samples]).all(axis=(1, 2, 3))
            assert ((y == mirrored[samples]).all(axis=(1, 2, 3)) != as_it_is).all()
            flipped[samples] = ~as_it_is
        seen.append(flipped)
    assert 16 < seen[0].sum() < 48
    for epoch in (1, 2, 3):
        assert (seen[epoch] != seen[epoch - 1]).all()


def test_alternating_flips_that_nobody_numbers_are_tossed_anew():
    layer = built(layers.RandomFlip("horizontal", alternate=True), (10, 20, 1))
    first, second = layer.matrices(8000)[:, 0, 0], layer.matrices(8000)[:, 0, 0]
    assert (first == second).mean() == pytest.approx(0.5, abs=0.025)


def test_bounds_are_those_of_keras():
    m = draws_of(layers.RandomRotation((-0.1, 0.2)))
    assert_uniform(np.arctan2(m[:, 1, 0], m[:, 0, 0]) / (2 * np.pi), -0.1, 0.2)
    m = draws_of(layers.RandomTranslation(0.3, (0.1, 0.5)))
    assert_uniform(-m[:, 1, 2] / 10, -0.3, 0.3)
    assert_uniform(-m[:, 0, 2] / 20, 0.1, 0.5)
    m = draws_of(layers.RandomZoom(-0.3))
    assert_uniform(m[:, 0, 0], 0.7, 1.3)
    np.testing.assert_array_equal(m[:, 0, 0], m[:, 1, 1])  # the aspect is kept
    m = draws_of(layers.RandomZoom(0.3, 0.1))
    assert_uniform(m[:, 0, 0], 0.9, 1.1)
    m = draws_of(layers.RandomCrop(8, 16, padding=1))
    assert set(m[:, 1, 2]) == {-1, 0, 1, 2, 3} and set(m[:, 0, 2]) == {-1, 0, 1, 2, 3, 4, 5}
    assert np.bincount((m[:, 1, 2] + 1).astype(int)).min() > 1450


def test_brightness_contrast_and_erasing_have_their_bounds():
    x = np.full((8000, 1, 2, 1), 100.0)
    assert_uniform(
        built(layers.RandomBrightness(0.2), (1, 2, 1)).forward(x, training=True)[:, 0, 0, 0],
        49,
        151,
    )
    x[:, :, 1] = 120  # 10 from the mean
    y = built(layers.RandomContrast((0.4, 0.2)), (1, 2, 1)).forward(x, training=True)
    assert_uniform((y[:, 0, 1, 0] - y[:, 0, 0, 0]) / 20, 0.6, 1.2)
    x = np.full((2000, 20, 10, 2), -1.0)
    for factor, share in ((1.0, 0.5), ((1, 1), 1.0), (0.0, 0.0), ((0.2, 0.4), 0.3)):
        layer = built(layers.RandomErasing(factor, scale=(0.2, 0.6), fill_value=300.0), (20, 10, 2))
        erased = (layer.forward(x, training=True) == 255).all(axis=3)  # 300 is cut off
        hit = erased.any(axis=(1, 2))
        assert hit.mean() == pytest.approx(share, abs=0.05)
        if hit.any():
            rows, columns = erased.any(axis=2).sum(axis=1)[hit], erased.any(axis=1).sum(axis=1)[hit]
            # rectangles
            np.testing.assert_array_equal(erased.sum(axis=(1, 2))[hit], rows * columns)
            assert (
                rows.min() >= 8 and rows.max() <= 16 and columns.min() >= 4 and columns.max() <= 8
            )
            assert (
                erased[:, 1].any()
                and erased[:, -1].any()
                and erased[:, :, 1].any()
                and erased[:, :, -1].any()
            )


def test_noise_is_normal_and_cut_off():
    x = np.full((300, 12, 12, 3), 7.0)
    y = built(layers.RandomErasing((1, 1), (1, 1), value_range=(-2, 1)), x.shape[1:]).forward(
        x, training=True
    )
    noise = y[y != 7]
    assert noise.size == y.size
    assert noise.min() == -2 and noise.max() == 1
    assert (noise == 1).mean() == pytest.approx(0.1587, abs=0.01)  # beyond one deviation
    assert (noise == -2).mean() == pytest.approx(0.0228, abs=0.004)  # beyond two
    assert (noise < 0).mean() == pytest.approx(0.5, abs=0.01)


# MixUp and CutMix

BOTH = pytest.mark.parametrize(
    "transform", [transforms.MixUp(0.4), transforms.CutMix()], ids=["mixup", "cutmix"]
)


def batch(count=10, classes=4):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, 6, 8, 3), dtype=np.uint8), np.eye(classes)[
        rng.integers(0, classes, count)
    ]


def test_mixup_blends_pictures_and_labels_alike():
    x, y = batch()
    y = np.eye(10)  # a class each: labels say who was mixed
    mixed, labels = transforms.MixUp(1.0)(x, y, 3, np.arange(10), seed=5)
    assert mixed.dtype == labels.dtype == np.float32
    np.testing.assert_allclose(labels.sum(axis=1), 1, rtol=1e-6)
    assert ((labels > 0).sum(axis=1) == 2).all()  # none with itself
    np.testing.assert_allclose(mixed, np.einsum("nm,mhwc->nhwc", labels, x), atol=1e-3)
    # each is taken from once
    assert len(set(np.where(np.eye(10, dtype=bool), 0, labels).argmax(axis=1))) == 10


def test_cutmix_pastes_a_rectangle_and_counts_its_pixels():
    x, _ = batch()
    mixed, labels = transforms.CutMix()(x, np.eye(10), 3, np.arange(10), seed=5)
    assert mixed.dtype == np.uint8
    for n in range(10):
        partner = np.where(np.arange(10) == n, 0, labels[n]).argmax()
        pasted = (mixed[n] == x[partner]).all(axis=-1)
        assert ((mixed[n] == x[n]).all(axis=-1) | pasted).all()
        assert labels[n, partner] == pytest.approx(pasted.mean(), abs=1e-6)
        rows, columns = pasted.any(axis=1).sum(), pasted.any(axis=0).sum()
        assert pasted.sum() == rows * columns


@BOTH
def test_mixtures_depend_on_seed_epoch_and_samples_not_on_their_order(transform):
    x, y = batch()
    numbers = np.arange(10) * 3
    first = transform(x, y, 1, numbers, 7)
    again = transform(x, y, 1, numbers, 7)
    order = np.random.default_rng(2).permutation(10)
    turned = transform(x[order], y[order], 1, numbers[order], 7)
    for one, same, other in zip(first, again, turned, strict=True):
        assert one.tobytes() == same.tobytes()
        assert one[order].tobytes() == other.tobytes()
    for epoch, samples, seed in ((2, numbers, 7), (1, numbers + 1, 7), (1, numbers, 8)):
        assert not np.array_equal(transform(x, y, epoch, samples, seed)[1], first[1])


@BOTH
def test_what_is_mixed_stays_as_it_was(transform):
    x, y = batch()
    kept = x.copy(), y.copy()
    transform(x, y, 0, np.arange(10), 0)
    np.testing.assert_array_equal(x, kept[0])
    np.testing.assert_array_equal(y, kept[1])


@BOTH
def test_a_picture_alone_is_mixed_with_itself(transform):
    x, y = batch(1)
    mixed, labels = transform(x, y, 0, np.arange(1), 0)
    np.testing.assert_allclose(mixed, x, rtol=1e-6)
    np.testing.assert_allclose(labels, y, rtol=1e-6)


@BOTH
def test_labels_must_be_one_hot(transform):
    x, y = batch()
    for wrong in (y.argmax(axis=1), y.argmax(axis=1)[:, None]):
        message = (
            f"{type(transform).__name__} mixes labels, and expected them one-hot, (N, classes), "
            "received y of shape "
            f"{wrong.shape}: use minicnn.utils.to_categorical(y, classes) and "
            "loss='categorical_crossentropy'"
        )
        with pytest.raises(ValueError, match="^" + re.escape(message)):
            transform(x, wrong, 0, np.arange(10), 0)
    with pytest.raises(
        ValueError, match="expected as many samples in x, y and samples, received 10, 10 and 9"
    ):
        transform(x, y, 0, np.arange(9), 0)


@pytest.mark.parametrize("make", [transforms.MixUp, transforms.CutMix])
@pytest.mark.parametrize("alpha", [0, -1, 1.5, "a"])
def test_alpha_is_checked(make, alpha):
    message = (
        f"{make.__name__} expected 0 < alpha <= 1 (1 mixes evenly, less mixes less), received "
        f"{alpha!r}"
    )
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        make(alpha)


def test_cutmix_wants_pictures():
    with pytest.raises(
        ValueError, match=r"CutMix expected pictures \(N, H, W, C\), received x of shape \(2, 5\)"
    ):
        transforms.CutMix()(np.zeros((2, 5)), np.eye(2), 0, np.arange(2), 0)


@pytest.mark.parametrize("alpha", [0.01, 0.2, 0.5, 1.0])
def test_weights_have_the_beta_distribution(alpha):
    """Against NumPy's: mean, variance, and how many lie in each tenth."""
    drawn = transforms.beta(picture_seeds(1, 0, np.arange(20_000)), alpha)
    other = np.random.default_rng(0).beta(alpha, alpha, 20_000)
    assert ((drawn >= 0) & (drawn <= 1)).all()
    assert drawn.mean() == pytest.approx(0.5, abs=0.02)
    assert drawn.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.03)
    ours, theirs = (np.histogram(values, 10, (0, 1))[0] / 20_000 for values in (drawn, other))
    np.testing.assert_allclose(ours, theirs, atol=0.02)


# The preview


def test_a_preview_shows_the_picture_and_its_variants(tmp_path):
    image = some_bytes(8, 8, 3)
    pipeline = [
        layers.RandomFlip(),
        layers.RandomRotation(0.1),
        layers.Rescaling(1 / 255),
        layers.RandomContrast(0.5, value_range=(0, 1)),
    ]
    plot = augmentation_preview(pipeline, image, 7)
    np.testing.assert_allclose(plot.data["original"], image / np.float32(255), rtol=1e-6)
    assert plot.data["variants"].shape == (7, 8, 8, 3)
    assert len({variant.tobytes() for variant in plot.data["variants"]}) == 7
    captions = [text.get_text() for text in plot.figure.texts[2:]]  # below the titles
    assert captions == ["as it is", "1", "2", "3", "4", "5", "6", "7"]
    lines = plot.to_text().splitlines()
    assert lines[0] == "Augmentation: RandomFlip, RandomRotation, Rescaling, RandomContrast"
    assert len(lines) == 10 and lines[2].split()[:3] == ["as", "it", "is"]
    assert plot.save(tmp_path / "preview.png").read_bytes()[:4] == b"\x89PNG"
    assert [layer.built for layer in pipeline] == [False] * 4


def test_a_preview_of_a_model_leaves_it_alone_and_ends_where_draws_end():
    front = [layers.RandomCrop(6, 6, padding=1), layers.RandomBrightness(0.2)]
    model = Sequential(
        [
            layers.Input((8, 8, 1)),
            *front,
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    states = [layer.random_state for layer in front]
    plot = augmentation_preview(model, some_bytes(8, 8, 1), 3)
    assert plot.data["layers"] == "RandomCrop, RandomBrightness"
    assert plot.data["variants"].shape == (3, 6, 6, 1) and plot.data["original"].shape == (6, 6, 1)
    assert states == [layer.random_state for layer in front]
    one = augmentation_preview(layers.RandomFlip("horizontal"), some_bytes(8, 8, 1), 2)
    assert one.data["layers"] == "RandomFlip"


def test_a_preview_needs_something_random():
    with pytest.raises(
        ValueError,
        match=r"augmentation_preview expected a layer that draws at random, such as Random",
    ):
        augmentation_preview([layers.Rescaling(1 / 255)], some_bytes(8, 8, 3))
    with pytest.raises(ValueError, match="augmentation_preview expected pictures"):
        augmentation_preview(layers.RandomFlip(), some_bytes(8, 8, 4))
