"""Figures show what they were given, are not blank and need no display; what cannot be drawn is
refused in words.
"""

import io
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.image import BboxImage
from PIL import Image

from minicnn import plots
from minicnn.plots.palette import RIGHT, TRAINING, VALIDATION, WRONG

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
HISTORY = {
    "loss": [2.0, 1.5, 1.2, 1.1],
    "accuracy": [0.2, 0.4, 0.5, 0.55],
    "val_loss": [1.9, 1.6, 1.3, 1.4],
    "val_accuracy": [0.25, 0.38, 0.52, 0.5],
    "learning_rate": [1e-3, 1e-3, 1e-3, 1e-4],
}


def pixels(png):
    """A PNG, file or bytes, as (H, W, 3) array."""
    return np.asarray(Image.open(io.BytesIO(png) if isinstance(png, bytes) else png).convert("RGB"))


def has_colour(picture, hexadecimal):
    colour = [int(hexadecimal[i : i + 2], 16) for i in (1, 3, 5)]
    return bool((np.abs(picture.astype(int) - colour).max(axis=-1) <= 3).any())


def words(plot):
    """All that is written in a figure, titles, labels and captions, in parts of it too."""
    return " | ".join(
        text.get_text()
        for text in plot.figure.findobj(match=lambda artist: hasattr(artist, "get_text"))
    )


def pictures_of(plot):
    """The pictures that a figure shows, in order."""
    return [artist for artist in plot.figure.artists if isinstance(artist, BboxImage)]


def assert_nothing_leaves_the_figure(plot):
    width, height = plot.figure.get_size_inches()
    plot.figure.draw_without_rendering()
    drawn = plot.figure.get_tightbbox()  # inches
    assert 0 <= drawn.x0 < drawn.x1 <= width and 0 <= drawn.y0 < drawn.y1 <= height, drawn


def test_a_plot_saves_the_png_that_a_notebook_shows(tmp_path):
    plot = plots.learning_curves(HISTORY)
    path = plot.save(tmp_path / "curves.png", dpi=60)
    assert path == tmp_path / "curves.png"
    picture = pixels(path)
    assert picture.shape[:2] == tuple(
        round(inches * 60) for inches in reversed(plot.figure.get_size_inches())
    )
    assert plot._repr_png_().startswith(b"\x89PNG\r\n")
    assert pixels(plot._repr_png_()).shape[1] == round(plot.figure.get_size_inches()[0] * 100)


def test_learning_curves_mark_the_best_epoch_and_the_change_of_rate(tmp_path):
    plot = plots.learning_curves(HISTORY, title="Learning curves: test")
    assert plot.data["best_epoch"] == 3
    assert plot.data["learning_rate_changes"] == [4]
    assert plot.data["epoch"] == [1, 2, 3, 4]
    assert plot.data["val_loss"] == HISTORY["val_loss"]
    loss, accuracy, rate = plot.figure.axes
    assert [line.get_label() for line in loss.lines[:2]] == ["training", "validation"]
    np.testing.assert_allclose(accuracy.lines[1].get_ydata(), [25, 38, 52, 50])
    verticals = {line.get_xdata()[0] for line in loss.lines if np.ptp(line.get_xdata()) == 0}
    assert verticals == {3, 3.5}  # the best epoch, and the border between epochs 3 and 4
    assert rate.get_yscale() == "log"
    text = words(plot)
    assert "Best epoch (circles): 3 of 4, with validation loss 1.300, accuracy 52.0 %" in text
    for expected in (
        "Learning curves: test",
        "Loss (cross-entropy, nats)",
        "Accuracy (%)",
        "Learning\nrate",
        "Epoch",
    ):
        assert expected in text
    picture = pixels(plot.save(tmp_path / "curves.png"))
    assert has_colour(picture, TRAINING) and has_colour(picture, VALIDATION)
    assert_nothing_leaves_the_figure(plot)


def test_a_constant_learning_rate_is_told_and_takes_no_panel():
    plot = plots.learning_curves(HISTORY | {"learning_rate": [1e-3] * 4})
    assert len(plot.figure.axes) == 2 and "accuracy 52.0 %; learning rate 0.001" in words(plot)


def test_a_few_levels_of_the_learning_rate_are_written_once():
    plot = plots.learning_curves(HISTORY)
    plot.figure.canvas.draw()
    rate = plot.figure.axes[2]
    assert [text.get_text().strip() for text in rate.texts] == ["0.001", "0.0001"]
    assert not [label for label in rate.get_yticklabels() if label.get_text()]


def test_learning_curves_as_text():
    assert plots.learning_curves({"loss": [2, 1.23456], "val_loss": [1.5, 1.75]}).to_text() == (
        "epoch   loss  val_loss\n"
        "    1      2       1.5  best\n"
        "    2  1.235      1.75"
    )  # fmt: skip


def test_learning_curves_take_a_history_that_began_later():
    plot = plots.learning_curves(SimpleNamespace(history={"loss": [0.9, 0.8]}, epoch=[10, 11]))
    assert plot.data["epoch"] == [11, 12]
    assert plot.data["best_epoch"] == 12
    assert "training loss 0.800" in words(plot)


def test_the_earlier_of_two_equal_epochs_is_best_and_nan_never_is():
    assert plots.learning_curves({"loss": [np.nan, 0.5, 0.5]}).data["best_epoch"] == 2
    diverged = plots.learning_curves({"loss": [np.nan, np.nan], "accuracy": [0.1, 0.1]})
    assert diverged.data["best_epoch"] is None
    assert "every loss is NaN" in words(diverged)


@pytest.mark.parametrize(
    "rates", [[0.0, 1e-3], [1e-3 * 0.9**epoch for epoch in range(2)], [1e-3, 1e-3]]
)
@pytest.mark.filterwarnings("error")
def test_learning_curves_draw_any_schedule(rates):
    assert (
        pixels(
            plots.learning_curves({"loss": [2.0, 1.0], "learning_rate": rates})._repr_png_()
        ).std()
        > 5
    )


@pytest.mark.parametrize("history", [{}, {"loss": []}, SimpleNamespace(history={}, epoch=[])])
def test_learning_curves_need_an_epoch(history):
    with pytest.raises(
        ValueError, match=r"history with the loss of at least one epoch, received the keys \["
    ):
        plots.learning_curves(history)


def test_heatmap_writes_every_number_where_it_belongs():
    matrix = np.arange(9).reshape(3, 3) * 100
    plot = plots.confusion_heatmap(matrix, ["a", "b", "c"])
    axes = plot.figure.axes[0]
    assert {text.get_position()[::-1]: text.get_text() for text in axes.texts} == {
        (row, column): str(matrix[row, column]) for row in range(3) for column in range(3)
    }
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    assert plot.data == {
        "class_names": ["a", "b", "c"],
        "normalize": False,
        "matrix": matrix.tolist(),
    }
    assert "33.3 % of 3,600 pictures are right" in words(plot)
    assert plot.to_text() == (
        "rows: true class, columns: predicted class, cells: pictures\n"
        "     a    b    c\n"
        "a    0  100  200\n"
        "b  300  400  500\n"
        "c  600  700  800"
    )


def test_heatmap_colours_are_shares_of_the_true_class():
    """Also where classes are of different size, and whatever is written in the cells."""
    for normalize in (False, True):
        plot = plots.confusion_heatmap([[300, 100], [1, 3]], ["cat", "dog"], normalize=normalize)
        np.testing.assert_allclose(plot.figure.axes[0].images[0].get_array(), [[75, 25], [25, 75]])


def test_heatmap_in_percent_of_each_true_class():
    plot = plots.confusion_heatmap([[3, 1], [0, 0]], ["cat", "dog"], normalize=True)
    assert plot.data["matrix"] == [[75, 25], [0, 0]]
    assert plot.to_text().endswith("cat  75.0  25.0\ndog   0.0   0.0")
    assert "% of the true class" in words(plot)


def luminance(rgb):
    """Relative luminance, WCAG 2.2."""
    linear = np.where(
        np.asarray(rgb) <= 0.04045,
        np.asarray(rgb) / 12.92,
        ((np.asarray(rgb) + 0.055) / 1.055) ** 2.4,
    )
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_heatmap_numbers_stand_out_from_every_shade():
    """A contrast of 4.5:1 at least between number and cell, whatever the share; darker always means
    more.
    """
    from matplotlib.colors import to_rgb

    shares = np.array([0, 1, 2, 5, 10, 20, 30, 40, 44, 46, 48, 49, 50, 51, 52, 54, 60, 70, 80, 100])
    counts = np.zeros((len(shares), len(shares)), int)
    counts[:, 0], counts[:, 1] = shares, 100 - shares
    plot = plots.confusion_heatmap(counts, [str(i) for i in shares])
    axes = plot.figure.axes[0]
    picture = axes.images[0]
    shades = []
    for text, share in zip(axes.texts[:: len(shares)], shares, strict=True):  # the first column
        background = luminance(picture.cmap(picture.norm(share))[:3])
        ink = luminance(to_rgb(text.get_color()))
        assert (max(background, ink) + 0.05) / (min(background, ink) + 0.05) >= 4.5
        shades.append(background)
    assert np.all(np.diff(shades) <= 1e-9)


@pytest.mark.parametrize("classes", [1, 2, 10, 25])
def test_heatmap_numbers_fit_their_cells(classes):
    names = [f"class number {i}" for i in range(classes)]
    plot = plots.confusion_heatmap(np.full((classes, classes), 10_000), names)
    assert_nothing_leaves_the_figure(plot)
    axes, renderer = plot.figure.axes[0], plot.figure.canvas.get_renderer()
    cell = axes.get_window_extent(renderer).width / classes
    assert all(text.get_window_extent(renderer).width < 0.97 * cell for text in axes.texts)


@pytest.mark.parametrize(
    "matrix, message",
    [
        (
            [[1, 2, 3], [4, 5, 6]],
            r"expected \(2, 2\) whole numbers for 2 class names, received int64 \(2, 3\)",
        ),
        (
            [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
            r"received int64 \(3, 3\): pass the names of all classes",
        ),
        ([[0.5, 0.5], [0, 1]], r"received float64 \(2, 2\)"),
    ],
)
def test_heatmap_refuses_what_is_no_confusion_matrix(matrix, message):
    with pytest.raises(ValueError, match=message):
        plots.confusion_heatmap(matrix, ["a", "b"])


def examples(n, wrong):
    """n noisy pictures, labels 0, 1, 2 ..., and probabilities whose argmax is wrong for the
    pictures listed.
    """
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)
    y_true = (np.arange(n) % 10).astype(np.uint8).reshape(-1, 1)
    answers = y_true[:, 0].astype(int)
    answers[wrong] = (answers[wrong] + 3) % 10
    probabilities = np.full((n, 10), 0.2 / 9, np.float32)
    probabilities[np.arange(n), answers] = 0.8
    return images, y_true, probabilities


def test_predictions_are_marked_in_words_signs_and_colour(tmp_path):
    images, y_true, probabilities = examples(6, wrong=[1, 4])
    plot = plots.predictions_grid(
        images, y_true, probabilities, NAMES, columns=4, rows=2, title="Predictions: test"
    )
    assert plot.data["right"] == 4 and plot.data["wrong"] == 2
    assert [row["image"] for row in plot.data["shown"]] == [0, 2, 3, 5, 1, 4]
    assert plot.data["shown"][-1] == {
        "image": 4, "true": "deer", "predicted": "horse", "probability": "80 %", "verdict": "wrong",
    }  # fmt: skip
    text = words(plot)
    for expected in (
        "Predictions: test",
        "Right: 4 of 6",
        "Wrong: 2 of 6",
        "✓ bird 80 %",
        "✗ horse 80 % | is deer",
    ):
        assert expected in text
    assert plot.to_text() == (
        "4 right, 2 wrong\n"
        "picture        true  predicted  probability  verdict\n"
        "      0    airplane   airplane         80 %    right\n"
        "      2        bird       bird         80 %    right\n"
        "      3         cat        cat         80 %    right\n"
        "      5         dog        dog         80 %    right\n"
        "      1  automobile       deer         80 %    wrong\n"
        "      4        deer      horse         80 %    wrong"
    )
    picture = pixels(plot.save(tmp_path / "grid.png"))
    assert has_colour(picture, RIGHT) and has_colour(picture, WRONG)
    assert_nothing_leaves_the_figure(plot)
    shown = [picture.get_array() for picture in pictures_of(plot)]
    np.testing.assert_array_equal(shown, images[[0, 2, 3, 5, 1, 4]])


@pytest.mark.parametrize(
    "wrong, shown_right, shown_wrong",
    [
        ([], 20, 0),
        (range(40), 0, 20),
        ([7], 15, 1),
        (range(1, 40), 1, 15),
        (range(20), 10, 10),
        (range(34), 6, 10),
    ],
)
def test_rows_that_one_kind_leaves_empty_go_to_the_other(wrong, shown_right, shown_wrong):
    images, y_true, probabilities = examples(40, list(wrong))
    plot = plots.predictions_grid(images, y_true, probabilities, NAMES, columns=5, rows=4)
    verdicts = [row["verdict"] for row in plot.data["shown"]]
    assert (verdicts.count("right"), verdicts.count("wrong")) == (shown_right, shown_wrong)
    assert len(pictures_of(plot)) == len(verdicts)


def test_predictions_may_be_labels_and_pictures_grey_floats():
    images, y_true, probabilities = examples(3, wrong=[1])
    plot = plots.predictions_grid(
        images[..., :1] / 255, y_true, probabilities.argmax(axis=1), NAMES
    )
    assert "✗ deer | is automobile" in words(plot)
    assert "probability" not in words(plot)
    assert pixels(plot._repr_png_()).std() > 5


IMAGES, LABELS, PROBABILITIES = examples(4, wrong=[])


@pytest.mark.parametrize(
    "images, y_true, predictions, names, message",
    [
        (
            IMAGES[0],
            LABELS,
            PROBABILITIES,
            NAMES,
            r"expected pictures .* received \(32, 32, 3\): .*images\[None\]",
        ),
        (
            IMAGES.transpose(0, 3, 1, 2),
            LABELS,
            PROBABILITIES,
            NAMES,
            r"channels last, received \(4, 3, 32, 32\)",
        ),
        (IMAGES[:0], LABELS, PROBABILITIES, NAMES, r"received \(0, 32, 32, 3\)"),
        (
            IMAGES.astype(float),
            LABELS,
            PROBABILITIES,
            NAMES,
            r"values from 0 to 1, received float64 from 0.0 to 255",
        ),
        (IMAGES, LABELS[:3], PROBABILITIES, NAMES, r"received 4 pictures, 3 labels, 4 predictions"),
        (IMAGES, LABELS, PROBABILITIES, NAMES[:3], r"expected one of 3 classes, received 3"),
        (IMAGES, [0, 1, 2, -1], PROBABILITIES, NAMES, r"expected one of 10 classes, received -1"),
    ],
)
def test_predictions_grid_says_what_is_wrong(images, y_true, predictions, names, message):
    with pytest.raises(ValueError, match=message):
        plots.predictions_grid(images, y_true, predictions, names)


def test_plots_need_no_display_and_leave_pyplot_alone():
    """Drawn in a process of its own with a backend that cannot work: it must never be asked for."""
    code = (
        "import sys; from minicnn import plots; plots.confusion_heatmap([[1]], "
        "['a'])._repr_png_(); plots.learning_curves({'loss': [1.0]})._repr_png_(); assert "
        "'matplotlib.pyplot' not in sys.modules"
    )
    environment = {
        "MPLBACKEND": "tkagg",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
