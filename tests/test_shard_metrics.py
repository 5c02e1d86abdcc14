"""Metrics over shards: what each has kept is added up."""
# ruff: noqa: ARG002  (hooks and methods keep their whole signatures, used or not)

import numpy as np
import pytest
from shard_cases import data, network

from minicnn import metrics
from minicnn.training.tally import Tally


class Largest(metrics.Metric):
    """Keeps all that it has seen, in a list."""

    def update(self, y_true, y_pred):
        self.seen = [*self.seen, float(y_pred.max())]

    def reset(self):
        self.seen = []

    def result(self):
        return max(self.seen)


class Sums1(metrics.Metric):
    """Begins with an int, and becomes a float."""

    def update(self, y_true, y_pred):
        self.kept += 0.5 * len(y_pred)

    def reset(self):
        self.kept = 0

    def result(self):
        return self.kept


def test_what_metrics_keep_is_added_up_or_refused():
    x, y = data()
    with pytest.raises(ValueError) as told:
        network(metrics=[Largest()]).fit(x, y, verbose=0, shards=2)
    assert str(told.value).startswith(
        "metric 'largest' keeps seen as list, expected sums alone, numbers or arrays of them"
    )
    history = network(metrics=[Sums1()]).fit(x, y, verbose=0, shards=3).history
    assert history["sums1"] == [len(x) / 2]


@pytest.mark.parametrize(
    "metric",
    [
        metrics.CategoricalAccuracy(), metrics.AUC(), metrics.AUC(curve="PR"), metrics.Precision(),
        metrics.Recall(top_k=1), metrics.F1Score(average="macro"),
        metrics.TopKCategoricalAccuracy(2),
        metrics.RootMeanSquaredError(), metrics.CosineSimilarity(), metrics.TruePositives(0.3),
        metrics.CategoricalCrossentropy(),
    ],
    ids=lambda metric: metric.name,
)  # fmt: skip
def test_a_tally_counts_what_a_metric_does(metric):
    rng = np.random.default_rng(0)
    y = np.eye(3)[rng.integers(0, 3, 20)]
    y_pred = rng.dirichlet(np.ones(3), 20)
    model = network()
    model.metrics = [metric]
    metric.reset()
    tally = Tally(model, y)
    for start in range(0, 20, 7):
        tally.add([metric], tally.of(y[start : start + 7], y_pred[start : start + 7]))
    found = metric.result()
    metric.reset()
    for start in range(0, 20, 7):
        metric.update(y[start : start + 7], y_pred[start : start + 7])
    assert found == metric.result()
