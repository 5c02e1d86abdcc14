"""Pictures of what an evaluation found: whole, legible from 2 to 40 classes, the same in words."""

import numpy as np
import pytest
from test_evaluation import examples as answers
from test_plots import assert_nothing_leaves_the_figure, examples, pictures_of, pixels, words
from test_plots_data import LONG, LONG_NAME, NAMES, assert_legible

from minicnn import plots
from minicnn.report import calibration, classification_report, evaluate_report


def test_mistakes_are_shown_the_most_confident_first(tmp_path):
    images, y_true, p = examples(8, wrong=[1, 4, 6])
    p[4] = 0.01
    p[4, [7, 4]] = 0.9, 0.02  # taken for a horse, is a deer
    plot = plots.mistakes_gallery(images, y_true, p, NAMES, title="Mistakes: test")
    assert [row["image"] for row in plot.data["shown"]] == [4, 1, 6]
    assert plot.data["shown"][0] == {
        "image": 4, "true": "deer", "its probability": "2 %", "predicted": "horse",
        "probability": "90 %",
    }  # fmt: skip
    np.testing.assert_array_equal(
        [picture.get_array() for picture in pictures_of(plot)], images[[4, 1, 6]]
    )
    assert "✗ horse 90 % | is deer 2 %" in words(plot)
    assert "Mistakes: test" in words(plot) and "3 of 8 answers are wrong" in words(plot)
    assert plot.to_text() == (
        "3 of 8 answers are wrong, with the probabilities of both\n"
        "picture        true  its probability  predicted  probability\n"
        "      4        deer              2 %      horse         90 %\n"
        "      1  automobile              2 %       deer         80 %\n"
        "      6        frog              2 %      truck         80 %"
    )
    assert pixels(plot.save(tmp_path / "mistakes.png")).std() > 5
    assert_legible(plot)


def test_no_mistakes_are_no_error():
    images, y_true, p = examples(8, wrong=[])
    plot = plots.mistakes_gallery(images, y_true, p, NAMES)
    assert plot.data == {"wrong": 0, "images": 8, "shown": []}
    assert "0 of 8 answers are wrong" in words(plot)
    assert_nothing_leaves_the_figure(plot)


@pytest.mark.parametrize("count, columns, rows", [(1, 8, 3), (5, 2, 2), (40, 8, 3)])
@pytest.mark.parametrize("names", [NAMES, LONG])
@pytest.mark.parametrize("draw", [plots.mistakes_gallery, plots.predictions_grid])
def test_galleries_are_legible(draw, count, columns, rows, names):
    images, y_true, p = examples(count, wrong=range(0, count, 2))
    plot = draw(images[..., :1], y_true, p, names, columns=columns, rows=rows)
    assert_legible(plot)
    assert " 80 %" in words(plot), "a long name must not push the probability out"


def test_mistakes_need_probabilities():
    images, y_true, p = examples(3, wrong=[0])
    with pytest.raises(
        ValueError,
        match=r"mistakes_gallery expected probabilities \(n, 10\), received \(3,\): pass what",
    ):
        plots.mistakes_gallery(images, y_true, p.argmax(axis=1), NAMES)
    with pytest.raises(
        ValueError, match=r"mistakes_gallery expected a label and a prediction for each picture"
    ):
        plots.mistakes_gallery(images, y_true[:2], p, NAMES)


def test_class_scores_have_three_bars_for_each_class_the_best_on_top():
    classes = classification_report([0, 0, 0, 1, 1, 2], [0, 1, 1, 1, 1, 2], ["cat", "dog", "owl"])
    plot = plots.class_scores(classes, title="Scores: test")
    panels = plot.figure.axes
    assert [label.get_text() for label in panels[0].get_yticklabels()] == ["owl", "dog", "cat"]
    expected = {
        "Precision, %": [100, 50, 100],
        "Recall, %": [100, 100, 100 / 3],
        "F1, %": [100, 200 / 3, 50],
    }
    for panel, (title, values) in zip(panels, expected.items(), strict=True):
        assert panel.get_title(loc="left") == title
        np.testing.assert_allclose([bar.get_width() for bar in panel.patches], values)
        np.testing.assert_allclose(panel.lines[0].get_xdata(), np.mean(values))
    assert "Scores: test" in words(plot) and "Accuracy 66.7 %" in words(plot)
    assert plot.data == classes.to_dict()
    assert plot.to_text() == (
        "class  precision   recall       F1  pictures\n"
        "  owl    100.0 %  100.0 %  100.0 %         1\n"
        "  dog     50.0 %  100.0 %   66.7 %         2\n"
        "  cat    100.0 %   33.3 %   50.0 %         3\n"
        " mean     83.3 %   77.8 %   72.2 %         6"
    )


def test_reliability_is_drawn_bin_by_bin():
    found = calibration(np.array([0.6, 0.6, 1.0, 0.3]), np.array([True, False, True, True]))
    plot = plots.reliability_diagram(found, title="Reliability: test")
    upper, lower = plot.figure.axes
    heights = [bar.get_height() for bar in upper.patches[:15]]
    assert {i: height for i, height in enumerate(heights) if height} == {4: 100, 8: 50, 14: 100}
    gaps = [(bar.get_y(), bar.get_height()) for bar in upper.patches[15:]]
    np.testing.assert_allclose(gaps, [(100, -70), (50, 10), (100, 0)], atol=1e-9)
    assert [bar.get_height() for bar in lower.patches if bar.get_height()] == [25, 50, 25]
    summary = "Calibration error 22.5 %; on average 12.5 points too modest"
    assert summary in words(plot) and "Reliability: test" in words(plot)
    assert plot.to_text() == (
        f"{summary}\n"
        "       said  answers  said on average    right\n"
        " 27 to 33 %        1           30.0 %  100.0 %\n"
        " 53 to 60 %        2           60.0 %   50.0 %\n"
        "93 to 100 %        1          100.0 %  100.0 %"
    )
    assert plot.data == found.to_dict()


@pytest.mark.parametrize(
    "classes, name",
    [(2, "class {}"), (10, "class {}"), *((classes, LONG_NAME) for classes in (2, 10, 40))],
)
def test_every_picture_of_an_evaluation_is_legible(classes, name, tmp_path):
    names = [name.format(i) for i in range(classes)]
    evaluation = evaluate_report(*answers(30 * classes, classes, skill=3.0), names)
    for plot in (
        plots.class_scores(evaluation.classes),
        plots.reliability_diagram(evaluation.calibration),
        plots.confusion_heatmap(evaluation.confusion, names),
        plots.confusion_heatmap(evaluation.confusion, names, normalize=True),
    ):
        assert_legible(plot)
        assert plot.save(tmp_path / "plot.png", dpi=40).stat().st_size > 1000


@pytest.mark.parametrize("epochs", [1, 4, 60])
@pytest.mark.parametrize("levels", [0, 1, 3, 60])
def test_learning_curves_are_legible(epochs, levels):
    steps = np.arange(epochs)
    logs = {
        "loss": 2 * np.exp(-steps / 20),
        "accuracy": 1 - np.exp(-steps / 20),
        "val_loss": 3 * np.exp(-steps / 9),
    }
    if levels:
        logs["learning_rate"] = 0.01 * 0.1 ** (steps * levels // 60)
    plot = plots.learning_curves({name: values.tolist() for name, values in logs.items()})
    assert_legible(plot)
    changes = len(set(logs.get("learning_rate", []))) > 1
    assert len(plot.figure.axes) == (3 if changes else 2)


def test_a_title_wider_than_the_picture_widens_the_figure():
    images, y_true, _ = examples(1, wrong=[])
    plot = plots.image_grid(
        images, y_true, NAMES, title="A title that is a good deal wider than one small picture"
    )
    assert_legible(plot)
    assert pictures_of(plot)[0].get_window_extent().x0 < plot.figure.dpi, (
        "the picture stays at the left"
    )
