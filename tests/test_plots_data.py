"""Pictures of data and of the search for a learning rate: whole, legible, and the same in words."""

from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
from matplotlib.text import Text
from test_plots import assert_nothing_leaves_the_figure, examples, pictures_of, pixels, words

from minicnn import plots

IMAGES, LABELS, _ = examples(12, wrong=[])
NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
LONG_NAME = "a class whose name is {} times too long to be read"
LONG = [LONG_NAME.format(i) for i in range(10)]


def drawn_texts(plot):
    """(text, its box in pixels) of all level text that is drawn: matplotlib keeps more of it than
    it shows.
    """
    found, draw = [], Text.draw

    def record(text, renderer):
        if text.get_visible() and text.get_text().strip() and text.get_rotation() in (0, 90):
            found.append(text)
        draw(text, renderer)

    with mock.patch.object(Text, "draw", record):
        plot.figure.canvas.draw()
    return [(text.get_text(), text.get_window_extent()) for text in found]


def assert_no_text_lies_on_another(plot):
    texts, boxes = zip(*drawn_texts(plot), strict=True)
    assert len(texts) > 2
    corners = np.array([box.extents for box in boxes])  # (n, 4): x0, y0, x1, y1 in pixels
    beginning = np.maximum(corners[:, None, :2], corners[None, :, :2])
    end = np.minimum(corners[:, None, 2:], corners[None, :, 2:])
    overlapping = np.triu((end - beginning > 1).all(axis=-1), 1)
    assert not overlapping.any(), [
        f"{texts[i]!r} lies on {texts[j]!r}" for i, j in np.argwhere(overlapping)
    ]


def assert_legible(plot):
    assert_nothing_leaves_the_figure(plot)
    assert_no_text_lies_on_another(plot)


def test_image_grid_shows_the_first_images_with_their_names(tmp_path):
    plot = plots.image_grid(IMAGES, LABELS, NAMES, columns=4, rows=2, title="Data: test")
    np.testing.assert_array_equal(
        [picture.get_array() for picture in pictures_of(plot)], IMAGES[:8]
    )
    assert words(plot).split(" | ") == ["Data: test", "8 of 12 pictures", *NAMES[:8]]
    assert plot.data["labels"] == NAMES[:8]
    assert pixels(plot.save(tmp_path / "grid.png")).std() > 5
    assert_legible(plot)


def test_image_grid_as_text_tells_the_mean_colours():
    red, white = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 255, np.uint8)
    red[..., 0] = 51
    plot = plots.image_grid(np.stack([red, white]), [1, 0], ["snow", "brick"])
    assert plot.to_text() == (
        "2 of 2 pictures\n"
        "picture  class    red  green   blue\n"
        "      0  brick   20 %    0 %    0 %\n"
        "      1   snow  100 %  100 %  100 %"
    )
    np.testing.assert_allclose(plot.data["means"], [[20, 0, 0], [100, 100, 100]])


def test_image_grid_without_labels_numbers_grey_images_from_0_to_1():
    plot = plots.image_grid(np.full((3, 8, 8, 1), 0.25))
    assert words(plot).endswith(" | 0 | 1 | 2")
    lines = [
        "picture  class  grey",
        "      0      0  25 %",
        "      1      1  25 %",
        "      2      2  25 %",
    ]
    assert plot.to_text().splitlines()[1:] == lines
    assert pictures_of(plot)[0].norm.vmax == 1


def test_captions_stand_on_common_baselines():
    """However many lines they have, and though some letters hang below the line."""
    names = ["cow", "pug", "a class of a longer name", "fly"]
    plot = plots.image_grid(IMAGES[:4], np.arange(4), names, columns=2, rows=2)
    lines = {text.get_text(): text for text in plot.figure.texts[2:]}
    assert all(text.get_va() == "baseline" for text in lines.values())
    heights = {name: round(text.get_position()[1], 6) for name, text in lines.items()}
    assert (
        heights["cow"]
        == heights["pug"]
        > heights["a class of a"]
        == heights["fly"]
        > heights["longer name"]
    )


@pytest.mark.parametrize("count", [1, 2, 8, 9])
@pytest.mark.parametrize("shape", [(32, 32), (64, 16), (16, 64)])
@pytest.mark.parametrize("names", [NAMES, LONG])
def test_image_grid_is_legible(count, shape, names):
    images = np.random.default_rng(0).integers(0, 256, (count, *shape, 3), dtype=np.uint8)
    plot = plots.image_grid(images, np.arange(count) % 10, names)
    assert_legible(plot)
    places = [picture.get_window_extent() for picture in pictures_of(plot)]
    assert len(places) == count
    for box in places:  # at least 0.9 inches on the longer side, and not distorted
        assert max(box.width, box.height) >= 0.9 * plot.figure.dpi
        assert box.height / box.width == pytest.approx(shape[0] / shape[1], rel=0.02)


@pytest.mark.parametrize(
    "images, labels, names, message",
    [
        (
            IMAGES[0],
            None,
            None,
            r"image_grid expected pictures \(n, H, W, 3\).*received \(32, 32, 3\): "
            r".*images\[None\]",
        ),
        (IMAGES[..., :2], None, None, r"received \(12, 32, 32, 2\)"),
        (IMAGES.astype(float), None, None, r"values from 0 to 1, received float64 from 0.0 to 255"),
        (
            IMAGES,
            LABELS[:5],
            NAMES,
            r"image_grid expected a label for each picture, received 5 for 12 pictures",
        ),
        (
            IMAGES,
            LABELS,
            NAMES[:3],
            r"labels from 0 to 2 for 3 class_names, received uint8 from 0 to 9: name every",
        ),
        (IMAGES, LABELS.astype(int) - 1, NAMES, r"received int64 from -1 to 8"),
        (IMAGES, LABELS / 2, NAMES, r"received float64 from 0.0 to 4.5"),
    ],
)
def test_image_grid_says_what_is_wrong(images, labels, names, message):
    with pytest.raises(ValueError, match=message):
        plots.image_grid(images, labels, names)


def test_class_distribution_has_a_bar_for_every_class():
    plot = plots.class_distribution([30, 0, 10], ["cat", "dog", "owl"], title="Data: test")
    axes = plot.figure.axes[0]
    assert [bar.get_width() for bar in axes.patches] == [30, 0, 10]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog", "owl"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1], "the first class is on top"
    assert "none" in words(plot) and "40 pictures in 3 classes" in words(plot)
    assert axes.lines[0].get_xdata()[0] == pytest.approx(40 / 3)
    assert plot.data == {"class_names": ["cat", "dog", "owl"], "counts": [30, 0, 10]}
    assert plot.to_text() == (
        "class  pictures   share\n  cat        30  75.0 %\n  dog         0   0.0 %\n  owl        "
        "10  25.0 %"
    )


@pytest.mark.parametrize("classes", [1, 2, 10, 40])
@pytest.mark.parametrize("name", ["class {}", "a class whose name is {} times too long to be read"])
def test_class_distribution_is_legible(classes, name):
    counts = np.random.default_rng(0).integers(0, 20_000, classes)
    counts[0] = 0
    assert_legible(plots.class_distribution(counts, [name.format(i) for i in range(classes)]))


@pytest.mark.parametrize(
    "counts, message",
    [
        (
            [1, 2, 3],
            r"one count of 0 or more for each of 2 class_names, received int64 \(3,\) \[1, 2, 3\]: "
            r"count with",
        ),
        ([1.5, 2], r"received float64 \(2,\)"),
        ([-1, 2], r"received int64 \(2,\) \[-1, 2\]"),
    ],
)
def test_class_distribution_says_what_is_wrong(counts, message):
    with pytest.raises(ValueError, match=message):
        plots.class_distribution(counts, ["cat", "dog"])


def finder(losses, suggestion=None, rates=None):
    rates = np.geomspace(1e-5, 1, len(losses)) if rates is None else rates
    return SimpleNamespace(learning_rates=rates, losses=losses, suggestion=suggestion)


def test_learning_rate_finder_marks_its_suggestion():
    plot = plots.lr_finder(finder([2.3, 2.2, 1.5, 1.2, 9.0, np.nan], suggestion=1e-3))
    axes = plot.figure.axes[0]
    assert axes.get_xscale() == "log"
    assert axes.lines[1].get_xdata()[0] == 1e-3
    low, high = axes.get_ylim()
    assert low < 1.2 and 2.3 < high < 9, "an exploding loss must not flatten the rest"
    assert "Suggested: 0.001; lowest loss 1.200 at 0.01" in words(plot)
    assert plot.to_text().splitlines()[:5] == [
        "Suggested: 0.001; lowest loss 1.200 at 0.01",
        "learning rate  loss",
        "        1e-05   2.3",
        "       0.0001   2.2",
        "        0.001   1.5  suggested",
    ]
    assert plot.data["suggestion"] == 1e-3 and plot.data["losses"][:5] == [2.3, 2.2, 1.5, 1.2, 9.0]
    assert_legible(plot)


@pytest.mark.parametrize(
    "losses", [[1.0], [2.0, 2.0], [2.3, np.inf], [np.nan, 2.3, 1e30], [0.0, 0.0]]
)
@pytest.mark.parametrize("suggestion", [None, 1e-5, 1.0])
def test_learning_rate_finder_draws_any_search(losses, suggestion):
    plot = plots.lr_finder(finder(losses, suggestion))
    assert pixels(plot._repr_png_()).std() > 5
    assert_legible(plot)
    assert ("suggested: " in words(plot)) == (suggestion is not None)


@pytest.mark.parametrize(
    "found, message",
    [
        (
            finder([np.nan, np.inf]),
            r"one of them finite at least, received 2 rates and 2 losses, 0 finite: start lr_find",
        ),
        (finder([1.0, 2.0], rates=[0.1]), r"received 1 rates and 2 losses"),
        (finder([]), r"received 0 rates and 0 losses"),
    ],
)
def test_learning_rate_finder_says_what_is_wrong(found, message):
    with pytest.raises(ValueError, match=message):
        plots.lr_finder(found)
