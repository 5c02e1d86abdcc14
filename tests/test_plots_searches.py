"""Plots of searches: what they say in numbers is what they were given."""

import pytest

from minicnn import plots

TRIALS = [
    {"number": 1, "value": 0.5, "complete": True, "params": {"rate": 0.01, "optimizer": "adam"}},
    {"number": 0, "value": 0.4, "complete": True, "params": {"rate": 0.1, "optimizer": "sgd"}},
    {"number": 2, "value": 0.7, "complete": False, "params": {"rate": 0.2, "optimizer": "sgd"}},
    {"number": 3, "value": None, "complete": False, "params": {}},
    {"number": 4, "value": 0.6, "complete": True, "params": {"rate": 0.02, "optimizer": "sgd"}},
    {"number": 5, "value": 0.6, "complete": True, "params": {"rate": 0.03, "optimizer": "adam"}},
]


def test_the_best_so_far_is_of_complete_trials():
    plot = plots.search_history(TRIALS)
    assert plot.data["numbers"] == [0, 1, 2, 4, 5] and plot.data["best"] == 4
    assert plot.data["best_so_far"] == pytest.approx([40, 50, 50, 60, 60])
    assert plot.to_text().splitlines()[0] == "Best: trial 4 with val accuracy 60.00"
    assert "2           70.00  ended early" in plot.to_text()


def test_the_least_loss_is_best():
    plot = plots.search_history(TRIALS, metric="val_loss", maximize=False)
    assert plot.data["best"] == 0 and plot.data["best_so_far"] == pytest.approx([0.4] * 5)
    assert "Best: trial 0 with val loss 0.4000" in plot.to_text()


def test_every_hyperparameter_has_a_panel(tmp_path):
    plot = plots.search_slices(TRIALS, logarithmic=["rate"], columns=2)
    rate, optimizer = plot.figure.axes
    assert rate.get_xscale() == "log" and rate.get_xlabel() == "rate"
    assert [label.get_text() for label in optimizer.get_xticklabels()] == ["adam", "sgd"]
    assert plot.data["rate"] == [0.1, 0.01, 0.2, 0.02, 0.03]
    assert plot.save(tmp_path / "slices.png").stat().st_size > 1000


def test_many_choices_and_empty_places(tmp_path):
    names = [f"a long name of choice {k}" for k in range(9)]
    trials = [
        {"number": k, "value": k / 10, "complete": True, "params": {"x": name, "on": k % 2 == 0}}
        for k, name in enumerate(names)
    ]
    plot = plots.search_slices(trials, columns=3)
    assert [axes.get_visible() for axes in plot.figure.axes] == [True, True, False]
    plot.save(tmp_path / "names.png")


def test_trials_of_which_none_is_complete():
    trials = [{"number": 0, "value": 0.4, "complete": False, "params": {"rate": 1.0}}]
    assert plots.search_history(trials).data["best"] is None
    assert plots.search_slices(trials).to_text().startswith("No trial is complete")


@pytest.mark.parametrize("plot", [plots.search_history, plots.search_slices])
def test_without_values_there_is_nothing_to_draw(plot):
    with pytest.raises(ValueError, match="expected trials, one of them with a value at least"):
        plot([TRIALS[3]])
