"""plots.network: every call a box, every value a line, none of which runs through a box or leaves
the figure.
"""

import graph_cases
import graph_parts
import networks
import numpy as np
import pytest
from matplotlib.transforms import Affine2D
from test_plots import assert_nothing_leaves_the_figure, pixels, words

import minicnn
from minicnn import Input, Model, Sequential, layers, plots
from minicnn.plots.graph import boxes_of, curve, layout_of, size_of
from minicnn.plots.layered import LANE, layered, rows_of

FINE = Affine2D().scale(1000)  # curves become lines that are off by less than a unit
NETWORKS = {
    "chain": networks.documented_chain,
    "residual": networks.residual_block,
    "projected": lambda: networks.residual_block(32),
    "inception": networks.inception_block,
    "resnet_20": networks.resnet_20,
    "transfer": networks.transfer_network,
    "several": networks.several,
}


def assert_readable(boxes, layout, width=1.8):
    """Boxes apart, lines from below a box to above another, none through any; frames likewise
    inside.
    """
    places = [(x, y, *size_of(box, width)) for (x, y), box in zip(layout.boxes, boxes, strict=True)]
    for n, (x, y, wide, high) in enumerate(places):
        assert min(x, y, layout.width - x - wide, layout.height - y - high) > -1e-9
        for left, top, other, height in places[:n]:
            assert max(left - x - wide, x - left - other, top - y - high, y - top - height) > 0
    edges = list(dict.fromkeys((n, number) for number, box in enumerate(boxes) for n in box.reads))
    assert len(edges) == len(layout.lines)
    for (start, end), line in zip(edges, layout.lines, strict=True):
        (x, y, wide, high), (left, top, other, _) = places[start], places[end]
        assert line[0] == pytest.approx((x + wide / 2, y + high)) and line[-1] == pytest.approx(
            (left + other / 2, top)
        )
        points = np.concatenate(curve(line).to_polygons(FINE, closed_only=False)) / 1000
        for x, y, wide, high in places:
            inside = (points > (x + 2e-3, y + 2e-3)) & (points < (x + wide - 2e-3, y + high - 2e-3))
            assert not inside.all(axis=1).any()
    for box in boxes:
        if box.inside is not None:
            assert_readable(box.inside, layout_of(box.inside, width), width)


@pytest.mark.parametrize("expand", [False, True], ids=["boxes", "frames"])
@pytest.mark.parametrize("name", NETWORKS)
def test_lines_run_between_boxes(name, expand):
    boxes = boxes_of(NETWORKS[name](), expand)
    assert_readable(boxes, layout_of(boxes, 1.8))
    assert_readable(boxes, layout_of(boxes, 1.8, tallest=5.0))


def test_lines_of_drawn_networks_run_between_boxes():
    for graph in graph_cases.drawn(30):
        boxes = boxes_of(graph_parts.build(minicnn, graph), True)
        assert_readable(boxes, layout_of(boxes, 1.8))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_picture_shows_names_classes_and_shapes(name, tmp_path):
    model = NETWORKS[name]()
    plot = plots.network(model)
    written = words(plot)
    for layer in model.layers:
        assert layer.name in written and type(layer).__name__ in written
        assert any(
            row["class"] == type(layer).__name__ and row["parameters"] == layer.count_params()
            for row in plot.data["layers"]
        )
    assert_nothing_leaves_the_figure(plot)
    assert pixels(plot.save(tmp_path / "network.png", dpi=50)).std() > 5


def test_a_network_as_text():
    plot = plots.network(networks.several(), expand_nested=True)
    assert plot.to_text().splitlines() == [
        "layer                           class                   output  parameters  connected to",
        "input_layer                     InputLayer              8x8x3   0           -",
        "input_layer_1                   InputLayer              8x8x3   0           -",
        "base[0]                         Sequential              6x6x4   112         input_layer",
        "base[0]/conv2d                  Conv2D                  6x6x4   112         -",
        "base[0]/re_lu                   ReLU                    6x6x4   0           "
        "base[0]/conv2d",
        "re_lu[1]                        ReLU                    6x6x4   0           base[0]",
        "inner                           Model                   4, 4    0           re_lu[1]",
        "inner/input_layer               InputLayer              6x6x4   0           -",
        "inner/global_average_pooling2d  GlobalAveragePooling2D  4       0           "
        "inner/input_layer",
        "inner/global_max_pooling2d      GlobalMaxPooling2D      4       0           "
        "inner/input_layer",
        "base[1]                         Sequential              6x6x4   112         input_layer_1",
        "base[1]/conv2d                  Conv2D                  6x6x4   112         -",
        "base[1]/re_lu                   ReLU                    6x6x4   0           "
        "base[1]/conv2d",
        "concatenate                     Concatenate             6x6x8   0           base[0], "
        "base[1]",
        "re_lu[0]                        ReLU                    6x6x8   0           concatenate",
        "global_average_pooling2d        GlobalAveragePooling2D  8       0           re_lu[0]",
        "concatenate_1                   Concatenate             16      0           inner, inner, "
        "global_average_pooling2d",
    ]
    assert plot.data["layers"][-1] == {
        "call": "concatenate_1",
        "class": "Concatenate",
        "output": "16",
        "parameters": 0,
        "connected_to": ["inner", "inner", "global_average_pooling2d"],
    }


def test_a_sequential_is_a_column():
    model = Sequential(
        [Input((6, 6, 3)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(3)], name="$a_b$"
    )
    plot = plots.network(model)
    assert [row["call"] for row in plot.data["layers"]] == ["input", "conv2d", "flatten", "dense"]
    assert len({x for x, _ in layout_of(boxes_of(model, False), 1.8).boxes}) == 1
    model.layers.pop()
    assert [row["call"] for row in plots.network(model, title="cut").data["layers"]] == [
        "input",
        "conv2d",
        "flatten",
    ]


def test_branches_stand_side_by_side_and_chains_are_straight():
    boxes = boxes_of(networks.residual_block(32), False)
    layout = layout_of(boxes, 1.8)
    place = {box.call: at for box, at in zip(boxes, layout.boxes, strict=True)}
    assert (
        place["conv2d"][1] == place["conv2d_2"][1]
        and abs(place["conv2d"][0] - place["conv2d_2"][0]) > 1.8
    )
    for upper, lower in [
        ("conv2d", "batch_normalization"),
        ("batch_normalization_1", "add"),
        ("add", "activation_1"),
    ]:
        assert place[upper][0] == pytest.approx(place[lower][0], abs=0.02)


def test_what_depends_on_nothing_stands_above_its_first_user():
    assert rows_of(5, [(0, 1), (1, 2), (3, 4), (2, 4)]) == [0, 1, 2, 2, 3]


def test_lines_do_not_cross_where_they_need_not():
    layout = layered([(1.0, 0.4)] * 6, [(0, 3), (1, 4), (2, 5), (0, 5), (1, 3), (2, 4)])
    crossed = layered([(1.0, 0.4)] * 4, [(0, 3), (1, 2)])
    (first, _), (second, _), (third, _), (fourth, _) = crossed.boxes
    assert (first < second) == (fourth < third) and len(layout.lines) == 6


def test_a_tall_drawing_goes_on_at_its_right():
    sizes, chain = [(1.0, 0.4)] * 30, [(n, n + 1) for n in range(29)]
    whole, cut = layered(sizes, chain), layered(sizes, chain, tallest=7.0)
    assert whole.width == 1.0 and whole.height > 18
    assert cut.height < 7 and len({x for x, _ in cut.boxes}) == 3
    # nowhere is a line alone
    ladder = layered(sizes, chain + [(n, n + 2) for n in range(28)], tallest=7.0)
    assert ladder.height == whole.height and ladder.width >= 1 + LANE


def test_a_model_without_shapes_has_no_picture():
    with pytest.raises(
        ValueError,
        match=r"plots\.network expected a built model, received 'sequential': add an Input",
    ):
        plots.network(Sequential([layers.Dense(2)]))


def test_an_auxiliary_input_is_drawn_where_it_comes_in():
    inputs, age = Input((8, 8, 3)), Input((1,), name="age")
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(inputs))
    model = Model([inputs, age], layers.Dense(2)(layers.Concatenate()([x, age])))
    boxes = boxes_of(model, False)
    place = {box.call: at for box, at in zip(boxes, layout_of(boxes, 1.8).boxes, strict=True)}
    assert place["age"][1] == place["global_average_pooling2d"][1]


def test_there_are_no_more_columns_than_help():
    block = [(n, n + 1) for n in range(20)] + [(n, n + 2) for n in range(20)]
    tail = [(n, n + 1) for n in range(21, 24)]
    layout = layered([(1.0, 0.4)] * 25, [*block, (20, 21), *tail], tallest=3.0)
    assert len({round(x) for x, y in layout.boxes if y == 0}) <= 2
