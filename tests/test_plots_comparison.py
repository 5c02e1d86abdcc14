"""Figures that compare trainings: they show what they were given, and refuse in words what they
cannot show.
"""

import numpy as np
import pytest
from test_plots import assert_nothing_leaves_the_figure, has_colour, pixels, words

from minicnn.plots.comparison import accuracy_by_size, compared_curves
from minicnn.plots.palette import SERIES
from minicnn.training.callbacks import History

PLAIN = {
    "loss": [2.0, 1.5, 1.2, 1.1],
    "accuracy": [0.2, 0.4, 0.5, 0.55],
    "val_loss": [1.9, 1.6, 1.3, 1.4],
    "val_accuracy": [0.25, 0.38, 0.52, 0.5],
}
LONGER = {key: [*values, values[-1] * 0.9] for key, values in PLAIN.items()}
SIZES = [20, 60, 200]
ACCURACIES = {
    "from scratch": [[0.5, 0.6], [0.6, 0.7], [0.8, 0.8]],
    "tuned": [[0.7, 0.7], [0.75, 0.85], [0.9, 0.8]],
}


def lines(plot, axes):
    """(label-less) data of the lines in a panel."""
    return [np.asarray(line.get_xydata()) for line in plot.figure.axes[axes].get_lines()]


def test_curves_of_trainings_of_different_length(tmp_path):
    plot = compared_curves({"plain": PLAIN, "augmented": LONGER}, title="With and without")
    assert_nothing_leaves_the_figure(plot)
    picture = pixels(plot.save(tmp_path / "curves.png"))
    assert has_colour(picture, SERIES[0][0]) and has_colour(picture, SERIES[1][0])
    for text in ("With and without", "plain", "augmented", "Epoch", "Accuracy (%)", "Loss"):
        assert text in words(plot)
    drawn = lines(plot, 1)
    assert any(
        len(line) == 5 and np.allclose(line[:, 1], np.multiply(LONGER["val_accuracy"], 100))
        for line in drawn
    )
    # the best epoch of plain
    assert any(len(line) == 1 and np.allclose(line, [[3, 52]]) for line in drawn)
    assert plot.data["plain"] == {**PLAIN, "best_epoch": 3}
    assert plot.to_text().splitlines()[1:] == [
        "    plain       4           3   1.2       1.3       0.5          0.52",
        "augmented       5           5  0.99      1.26     0.495          0.45",
    ]


def test_curves_take_histories_and_do_without_accuracy():
    history = History()
    history.history = {"loss": [2.0], "val_loss": [1.0]}
    plot = compared_curves({"one": history})
    assert len(plot.figure.axes) == 1 and plot.data["one"]["best_epoch"] == 1
    assert "accuracy" not in plot.to_text()


def test_the_best_epoch_is_not_one_whose_loss_is_nan():
    assert (
        compared_curves({"a": {"loss": [1.0, 2.0], "val_loss": [float("nan"), 3.0]}}).data["a"][
            "best_epoch"
        ]
        == 2
    )


@pytest.mark.parametrize("logs", [{}, {"loss": [1.0]}, {"loss": [1.0], "val_loss": [float("nan")]}])
def test_curves_without_validation_are_refused(logs):
    with pytest.raises(
        ValueError,
        match="expected histories with a finite val_loss, received none in 'bare': train",
    ):
        compared_curves({"plain": PLAIN, "bare": logs})


def test_accuracy_by_size_draws_means_and_ranges(tmp_path):
    plot = accuracy_by_size(SIZES, ACCURACIES, title="Bird or frog?")
    assert_nothing_leaves_the_figure(plot)
    assert has_colour(pixels(plot.save(tmp_path / "sizes.png")), SERIES[1][0])
    for text in ("Bird or frog?", "from scratch", "tuned", "Training pictures", "20", "200"):
        assert text in words(plot)
    first, second = lines(plot, 0)
    assert np.allclose(first[:, 1], [55, 65, 80]) and np.allclose(first[:, 0], SIZES, rtol=0.02)
    assert (first[:, 0] < second[:, 0]).all(), "beside each other in the order of the legend"
    assert plot.data == {"sizes": SIZES, "accuracies": ACCURACIES, "chance": None}
    assert plot.to_text().splitlines() == [
        "pictures  from scratch   tuned",
        "      20        55.0 %  70.0 %",
        "      60        65.0 %  80.0 %",
        "     200        80.0 %  85.0 %",
    ]


def test_accuracy_by_size_shows_what_guessing_gets():
    plot = accuracy_by_size(SIZES, ACCURACIES, chance=0.5)
    assert "chance" in words(plot) and plot.data["chance"] == 0.5
    assert any(np.allclose(line[:, 1], 50) for line in lines(plot, 0))
    assert_nothing_leaves_the_figure(plot)


def test_best_epochs_of_like_trainings_are_all_seen():
    """Their marks lie on one another: each is hollow and larger than the one before."""
    plot = compared_curves({"one": PLAIN, "the same": PLAIN, "again": PLAIN})
    marks = [line for line in plot.figure.axes[0].get_lines() if len(line.get_xdata()) == 1]
    assert [mark.get_fillstyle() for mark in marks] == ["none"] * 3
    sizes = [mark.get_markersize() for mark in marks]
    assert sizes == sorted(set(sizes))


def test_accuracies_that_do_not_fit_the_sizes_are_refused():
    with pytest.raises(
        ValueError,
        match=r"expected \(2, repetitions\) accuracies, received \(3, 2\) of 'from scratch'",
    ):
        accuracy_by_size(SIZES[:2], ACCURACIES)
    with pytest.raises(ValueError, match=r"received \(3,\) of 'flat'"):
        accuracy_by_size(SIZES, {"flat": [0.1, 0.2, 0.3]})


@pytest.mark.parametrize("number", [0, 5])
def test_as_many_series_as_there_are_styles(number):
    with pytest.raises(
        ValueError, match=f"compared_curves expected 1 to 4 series, received {number}"
    ):
        compared_curves({str(i): PLAIN for i in range(number)})
    with pytest.raises(
        ValueError, match=f"accuracy_by_size expected 1 to 4 series, received {number}"
    ):
        accuracy_by_size([1], {str(i): [[0.5]] for i in range(number)})
