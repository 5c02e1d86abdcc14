"""describe measures what NumPy measures; split divides every class in the same proportion, and
loses nothing.
"""

import json
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import data
from minicnn.data.describe import BLOCK
from minicnn.data.fingerprint import fingerprint
from minicnn.utils import to_categorical

# describe


@given(
    n=st.integers(1, 12),
    height=st.integers(1, 5),
    width=st.integers(1, 5),
    channels=st.integers(1, 4),
    seed=st.integers(0, 999),
    dtype=st.sampled_from(["uint8", "float32", "float64", "int16"]),
)
def test_describe_measures_what_numpy_measures(n, height, width, channels, seed, dtype):
    rng = np.random.default_rng(seed)
    x = (rng.random((n, height, width, channels)) * 255).astype(dtype)
    y = rng.integers(0, 4, n)
    found = data.describe(x, y, ["a", "b", "c", "d"])
    np.testing.assert_allclose(found.mean, x.mean(axis=(0, 1, 2), dtype=np.float64), rtol=1e-12)
    np.testing.assert_allclose(
        found.std, x.std(axis=(0, 1, 2), dtype=np.float64), rtol=1e-9, atol=1e-12
    )
    assert found.counts == [int((y == k).sum()) for k in range(4)]
    assert (found.low, found.high, found.dtype, found.shape) == (
        x.min(),
        x.max(),
        dtype,
        list(x.shape),
    )


def test_describe_works_block_by_block():
    x = np.random.default_rng(0).integers(0, 256, (2 * BLOCK + 7, 3, 2, 3)).astype(np.uint8)
    found = data.describe(x, np.zeros(len(x), int))
    np.testing.assert_allclose(found.mean, x.mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(found.std, x.std(axis=(0, 1, 2)), rtol=1e-12)


def test_describe_loses_nothing_where_the_mean_is_far_from_zero():
    x = 1e8 + np.random.default_rng(0).random((50, 4, 4, 1))
    np.testing.assert_allclose(data.describe(x, np.zeros(50, int)).std, x.std(), rtol=1e-6)


@pytest.mark.parametrize(
    "form", [lambda y: y, lambda y: y[:, None], lambda y: to_categorical(y, 3), lambda y: y * 1.0]
)
def test_labels_may_have_every_form(form):
    y = np.array([2, 0, 2, 2])
    found = data.describe(np.zeros((4, 2, 2, 1)), form(y))
    assert found.counts == [1, 0, 3] and found.class_names == ["0", "1", "2"]


def test_greyscale_pictures_need_no_channel_axis():
    found = data.describe(np.arange(8, dtype=np.uint8).reshape(2, 2, 2), [0, 1])
    assert found.shape == [2, 2, 2, 1] and found.mean == [3.5]


def test_the_text_and_the_dictionary():
    x = np.zeros((4, 2, 2, 3), np.uint8)
    x[..., 0] = 255
    found = data.describe(x, [0, 0, 0, 1], ("cat", "a dog"))
    assert found.to_text().splitlines() == [
        "4 pictures of 2 x 2 x 3, uint8 from 0 to 255, in 2 classes",
        "",
        "class    pictures    share",
        "cat             3   75.0 %  ########################",
        "a dog           1   25.0 %  ########",
        "",
        "channel      mean      std",
        "red         255.0    0.000",
        "green       0.000    0.000",
        "blue        0.000    0.000",
    ]
    assert json.loads(json.dumps(found.to_dict())) == {
        "shape": [4, 2, 2, 3], "dtype": "uint8", "low": 0.0, "high": 255.0,
        "class_names": ["cat", "a dog"],
        "counts": [3, 1], "mean": [255.0, 0.0, 0.0], "std": [0.0, 0.0, 0.0],
    }  # fmt: skip
    grey = data.describe(x[..., :1], [0, 0, 0, 0]).to_text()
    assert grey.splitlines()[-1].split() == ["0", "255.0", "0.000"]


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (
            np.zeros((3, 2, 2, 1)),
            [0, 1],
            "describe expected as many samples as labels.* received 3 and 2",
        ),
        (np.zeros((0, 2, 2, 1)), [], "at least one, received 0 and 0"),
        (
            np.zeros((2, 5)),
            [0, 1],
            r"describe expected pictures \(n, H, W, C\) or \(n, H, W\), received \(2, 5\)",
        ),
        (np.zeros((2, 5, 0, 1)), [0, 1], r"received \(2, 5, 0, 1\)"),
        (
            np.zeros((2, 2, 2, 1)),
            [0, -1],
            "describe expected integer labels from 0, received -1 to 0 in them",
        ),
        (np.zeros((2, 2, 2, 1)), [0, 0.5], "integer labels from 0, received 0.0 to 0.5"),
        (
            np.zeros((2, 2, 2, 1)),
            ["cat", "dog"],
            "describe expected numbers as labels, received the words 'cat', 'dog'",
        ),
        (
            np.zeros((2, 2, 2, 1)),
            np.zeros((2, 2, 2)),
            r"one-hot \(n, K\), received shape \(2, 2, 2\)",
        ),
        (
            np.full((2, 2, 2, 1), np.nan),
            [0, 1],
            "describe expected finite numbers in x, received nan to nan",
        ),
        (np.full((2, 2, 2, 1), np.inf), [0, 1], "received inf to inf"),
    ],
)
def test_what_cannot_be_described(x, y, message):
    with pytest.raises(ValueError, match=message):
        data.describe(x, y)


def test_more_labels_than_names():
    message = "expected labels from 0 to 1, one for each class name, received 2"
    with pytest.raises(ValueError, match=message):
        data.describe(np.zeros((3, 2, 2, 1)), [0, 1, 2], ["cat", "dog"])


# split

shares = st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20)).filter(
    lambda parts: sum(parts) > 0
)


def largest_remainder(count, fractions):
    """Hamilton's method in exact arithmetic; None for the parts that a tie decides."""
    exact = [count * fraction for fraction in fractions]
    sizes = [int(value) for value in exact]
    remainders = [value - size for value, size in zip(exact, sizes, strict=True)]
    left = count - sum(sizes)
    border = sorted(remainders, reverse=True)[left - 1] if left else None
    tied = left and sorted(remainders, reverse=True)[left : left + 1] == [border]
    return [
        None if tied and remainder == border else size + (left > 0 and remainder >= border)
        for size, remainder in zip(sizes, remainders, strict=True)
    ]


@given(
    counts=st.lists(st.integers(0, 40), min_size=1, max_size=6).filter(sum),
    parts=shares,
    seed=st.integers(0, 99),
)
def test_every_class_is_divided_by_largest_remainder_and_nothing_is_lost(counts, parts, seed):
    y = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    x = np.arange(len(y)) * 10
    fractions = [Fraction(part, sum(parts)) for part in parts]
    filled = sum(part > 0 for part in parts)
    if any(0 < count < filled for count in counts):
        with pytest.raises(
            ValueError, match=f"split expected {filled} samples or more of every class"
        ):
            data.split(x, y, *map(float, fractions), seed=seed)
        return
    divided = data.split(x, y, *map(float, fractions), seed=seed)
    for xs, ys in divided:
        np.testing.assert_array_equal(ys, y[xs // 10])  # every sample keeps its label
    np.testing.assert_array_equal(np.sort(np.concatenate([xs for xs, _ in divided])), x)
    for k, count in enumerate(counts):
        sizes = [int((ys == k).sum()) for _, ys in divided]
        assert sum(sizes) == count
        # a part may have got its one
        if count and any(0 < count * fraction < 1 for fraction in fractions):
            assert all(
                (size > 0) == (fraction > 0)
                for size, fraction in zip(sizes, fractions, strict=True)
            )
            continue
        for size, expected, fraction in zip(
            sizes, largest_remainder(count, fractions), fractions, strict=True
        ):
            assert abs(size - count * fraction) < 1
            assert expected is None or size == expected


@given(
    classes=st.integers(1, 40),
    count=st.integers(3, 30),
    parts=st.sampled_from([(1, 1, 0), (8, 1, 1), (2, 1, 1)]),
)
def test_ties_do_not_all_go_to_the_same_part(classes, count, parts):
    y = np.repeat(np.arange(classes), count)
    fractions = [part / sum(parts) for part in parts]
    sizes = [len(part[1]) for part in data.split(y, y, *fractions)]
    if parts[1] == parts[2] or parts == (1, 1, 0):
        assert abs(sizes[1] - sizes[2 if parts[2] else 0]) <= 1


def test_balanced_classes_are_divided_exactly():
    y = np.arange(6000) % 10
    parts = data.split(y, y, 0.7, 0.15, 0.15)
    assert [np.bincount(ys).tolist() for _, ys in parts] == [[420] * 10, [90] * 10, [90] * 10]


def test_the_seed_decides_and_the_order_is_shuffled():
    y = np.arange(300) % 3
    x = np.arange(300)
    first, again, other = (
        data.split(x, y, seed=1),
        data.split(x, y, seed=1),
        data.split(x, y, seed=2),
    )
    for part, same, different in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(part[0], same[0])
        assert not np.array_equal(part[0], different[0])
        assert not np.array_equal(part[0], np.sort(part[0]))
        assert len(set(part[1][:20].tolist())) == 3  # classes come mixed


@pytest.mark.parametrize(
    "form", [lambda y: y, lambda y: y[:, None], lambda y: to_categorical(y, 3)]
)
def test_labels_keep_their_form(form):
    y = np.arange(30) % 3
    x = np.random.default_rng(0).random((30, 2, 2, 1), np.float32)
    for xs, ys in data.split(x, form(y)):
        assert xs.shape[1:] == (2, 2, 1) and xs.dtype == np.float32
        assert ys.shape[1:] == form(y).shape[1:] and ys.dtype == form(y).dtype
        for sample, label in zip(xs, ys, strict=True):
            (at,) = np.flatnonzero((x == sample).all(axis=(1, 2, 3)))
            np.testing.assert_array_equal(form(y)[at], label)


def test_a_share_of_zero_makes_an_empty_part_without_a_warning():
    y = np.arange(20) % 2
    train, validation, test = data.split(y, y, 0.5, 0.5, 0)
    assert [len(part[0]) for part in (train, validation, test)] == [10, 10, 0]


@pytest.mark.parametrize(
    "count, sizes",
    [
        (3, [1, 1, 1]),
        (4, [2, 1, 1]),
        (5, [3, 1, 1]),
        (7, [5, 1, 1]),
        (10, [8, 1, 1]),
        (50, [40, 5, 5]),
    ],
)
def test_every_part_gets_one_of_every_class(count, sizes):
    y = np.repeat([0, 1, 3], [count, 100, count])
    assert (
        [(ys == 3).sum() for _, ys in data.split(y, y)]
        == [(ys == 0).sum() for _, ys in data.split(y, y)]
        == sizes
    )


def test_a_class_too_small_for_all_parts_is_named():
    y = np.array([0] * 100 + [1] * 3 + [2] * 100 + [4] * 2 + [5])
    message = (
        "split expected 3 samples or more of every class, one for each of train, validation, test, "
        "received 2 of class 4, 1 of class 5$"
    )
    with pytest.raises(ValueError, match=message) as error:
        data.split(y, y)
    print(error.value)
    assert [len(ys) for _, ys in data.split(y[:-1], y[:-1], 0.5, 0, 0.5)] == [103, 0, 102]
    with pytest.raises(
        ValueError,
        match="expected 2 samples or more.*one for each of train, test, received 1 of class 5",
    ):
        data.split(y, y, 0.5, 0, 0.5)


@pytest.mark.parametrize(
    "parts", [(0.8, 0.1, 0.2), (0.8, 0.3, -0.1), (np.nan, 0.5, 0.5), (80, 10, 10)]
)
def test_shares_that_do_not_add_up(parts):
    with pytest.raises(
        ValueError,
        match=r"split expected shares from 0 to 1 that add up to 1, received train=.*togeth",
    ):
        data.split(np.arange(10), np.arange(10), *parts)


def test_samples_and_labels_that_do_not_fit():
    with pytest.raises(
        ValueError,
        match="split expected as many samples as labels, and at least one, received 3 and 2",
    ):
        data.split(np.arange(3), np.arange(2))
    with pytest.raises(ValueError, match="split expected integer labels from 0, received -1 to 1"):
        data.split(np.arange(3), np.array([-1, 0, 1]))


def test_a_fingerprint_is_of_what_data_show_and_of_nothing_else():
    x = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
    y = np.array([0, 1])
    known = fingerprint(["cat", "dog"], (x, y), (x[:1], y[:1]))
    assert re.fullmatch("[0-9a-f]{16}", known)
    same = [(x.copy(), y.reshape(-1, 1).astype(np.uint8)), (x[:1], y[:1])]
    assert fingerprint(("cat", "dog"), *same) == known  # labels (n,) and (n, 1) say the same
    brighter = x.copy()
    brighter[1, 3, 3, 2] += 1
    others = {
        fingerprint(["dog", "cat"], (x, y), (x[:1], y[:1])),
        fingerprint(None, (x, y), (x[:1], y[:1])),
        fingerprint(["cat", "dog"], (brighter, y), (x[:1], y[:1])),
        fingerprint(["cat", "dog"], (x[::-1], y), (x[:1], y[:1])),
        fingerprint(["cat", "dog"], (x, y[::-1]), (x[:1], y[:1])),
        fingerprint(["cat", "dog"], (x, y), (x[1:], y[:1])),
        fingerprint(["cat", "dog"], (x[:1], y[:1]), (x, y)),
    }
    assert len(others) == 7 and known not in others
