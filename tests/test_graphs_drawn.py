"""Drawn networks with branches: beside Keras, beside numerical derivatives, and the engine beside
the layers.
"""

import json
from pathlib import Path

import check_graphs
import graph_cases as cases
import graph_models as models
import graph_parts as parts
import numpy as np
import pytest
from golden import make_graphs as recipe

from minicnn import layers, testing

GOLDEN = recipe.unpack()
CHECKED = 20  # of the 300 in the long form; those drawn first are no easier than others
RESULT = Path(__file__).parents[1] / "docs" / "results" / "graphs.json"


# As Keras has it: names, weights, outputs, gradients, moving statistics


@pytest.mark.parametrize("number", range(recipe.COUNT))
@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_keras_computes_the_same(engine, number):
    graph, keras = cases.draw(number), GOLDEN[number]
    model = models.model_of(graph, engine=engine)
    # in the order that decides which weight in a file is whose
    assert recipe.names(model) == keras["names"]
    assert list(model.variables_by_name()) == keras["weights"]
    received = models.run(graph, model)
    assert received.keys() == keras["digests"].keys()
    scales = models.scales({name: digest[0] for name, digest in keras["digests"].items()})
    for name, expected in keras["digests"].items():
        error = np.abs(recipe.digest(name, received[name]) - expected).max() / scales[name]
        assert error < 1e-11, models.described(graph)


# Gradients, and what the engine makes of it


@pytest.mark.parametrize("number", range(CHECKED))
def test_backward_is_the_derivative_of_forward(number):
    model = models.model_of(cases.draw(number))
    report = testing.measure_model(model, batch=parts.BATCH, samples=3)
    assert report.error <= check_graphs.BARS["gradients"], report
    inputs = [node.name for node in model.inputs]
    assert len(report.tensors) == len(inputs) + len(list(model.parameters()))


@pytest.mark.parametrize("number", range(recipe.COUNT, recipe.COUNT + CHECKED))
def test_the_engine_computes_what_the_layers_do(number):
    graph = cases.draw(number)
    for dtype, (error, array) in check_graphs.engine_beside_layers(graph).items():
        assert error <= check_graphs.BARS[dtype], (dtype, array, models.described(graph))


@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_a_step_leaves_nothing_behind_for_the_next(engine):
    """Gradients of shared layers and of forks are sums, which begin anew with every step."""
    for graph in cases.drawn(CHECKED // 2):
        model = models.model_of(graph, engine=engine)
        first, second = models.run(graph, model), models.run(graph, model)
        for name in first:
            if name.startswith(("d ", "training")):
                np.testing.assert_array_equal(first[name], second[name], name)


# That these say something


def test_the_drawn_networks_have_all_that_there_is():
    graphs = list(cases.drawn(recipe.COUNT))
    kinds = {kind for graph in graphs for kind in graph.kinds()}
    assert kinds >= {
        "Conv2D",
        "BatchNormalization",
        "MaxPooling2D",
        "Dense",
        "ReLU",
        "Activation",
        "Flatten",
    }
    assert kinds & set(parts.MERGES) == set(parts.MERGES)
    assert set(parts.MERGES) == {
        name for name, cls in layers.LAYERS.items() if issubclass(cls, layers.Merge)
    }
    inside = [part for graph in graphs for part in graph.parts if isinstance(part, parts.Graph)]
    assert any(part.stacked for part in inside) and any(len(part.outputs) > 1 for part in inside)
    assert any(len(part.inputs) > 1 for part in inside) and any(
        len(graph.inputs) > 1 for graph in graphs
    )
    assert (
        sum(len(graph.outputs) > 1 for graph in graphs) > 20
        and sum(graph.is_shared for graph in graphs) > 40
    )


def test_the_long_form_was_run_and_passed():
    """python tests/check_graphs.py"""
    result = json.loads(RESULT.read_text())
    assert result["passed"] and result["missed"] == [] and result["networks"] >= check_graphs.COUNT
    assert result["bars"] == check_graphs.BARS
    assert all(result["worst"][what] <= bar for what, bar in check_graphs.BARS.items())
    assert result["with_several_outputs"] > 50 and result["with_models_inside"] > 50
