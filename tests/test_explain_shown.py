"""Explanations as text, data and pictures."""

import json

import numpy as np
import pytest
from explain_cases import MAPS, drawn, each_map, network, picture

from minicnn import explain


@each_map
def test_maps_say_in_words_and_data_what_they_show(method):
    model, x = network(class_names=["ant", "bee", "cow", "dog"]), picture()
    made = method(model, x)
    text = made.to_text()
    assert (
        made.method in text
        and made.class_name in text
        and f"{100 * made.probability:.1f} %" in text
    )
    assert f"warmest at row {made.warmest[0]}, column {made.warmest[1]}" in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 12 and all(len(line) == 2 * 11 + 2 for line in lines)
    assert lines[made.warmest[0]][1 + 2 * made.warmest[1]] == "@"
    data = json.loads(json.dumps(made.to_dict()))
    np.testing.assert_array_equal(data["heat"], made.heat)
    assert data["class_name"] == made.class_name


def test_a_map_that_is_cold_everywhere_says_so():
    model, x = network(), picture()
    model.layers[-1].params["kernel"][...] = 0
    assert "nothing in this picture speaks for the class" in explain.grad_cam(model, x).to_text()
    assert has_text(explain.grad_cam(model, x).plot(), "Grad-CAM")


def test_the_other_results_as_text_and_data():
    model, x = network(), picture()
    kernels, each, matrix = (
        explain.filters(model),
        explain.activations(model, x),
        explain.im2col(x, 3),
    )
    assert len(kernels.to_text().splitlines()) == 1 + 6
    assert "second (Conv2D)" in each.to_text() and "5x4x5" in each.to_text()
    assert (
        "10x9 positions, so 90 rows" in matrix.to_text()
        and "(90, 27) @ (27, F) = (90, F)" in matrix.to_text()
    )
    for made in (kernels, each, matrix):
        json.dumps(made.to_dict())
    assert len(matrix.to_dict()["patches"]) == 90


def has_text(plot, words):
    return any(
        words in text.get_text()
        for text in plot.figure.findobj(match=lambda one: hasattr(one, "get_text"))
    )


def assert_nothing_leaves_the_figure(plot):
    width, height = plot.figure.get_size_inches()
    plot.figure.draw_without_rendering()
    box = plot.figure.get_tightbbox()
    assert 0 <= box.x0 < box.x1 <= width and 0 <= box.y0 < box.y1 <= height, box


def test_a_heat_map_is_laid_over_the_grey_picture(tmp_path):
    from minicnn import plots

    model, x = network(class_names=["ant", "bee", "cow", "dog"]), picture()
    maps = [method(model, x, 1) for method in MAPS.values()]
    plot = plots.heat_overlay(maps)
    shown, *overlays = drawn(plot)
    np.testing.assert_allclose(shown, x)
    for overlay, made in zip(overlays, maps, strict=True):
        cold = made.heat == 0
        np.testing.assert_allclose(
            overlay[cold], 0.25 + 0.75 * x.mean(axis=-1, keepdims=True).repeat(3, -1)[cold]
        )
        place = np.unravel_index(np.abs(made.heat).argmax(), made.heat.shape)
        red, _, blue = overlay[place]
        assert (blue > red) == (made.heat[place] > 0), "blue for, vermillion against"
        assert has_text(plot, made.method)
    assert has_text(plot, "bee") and plot.to_text() == "\n\n".join(made.to_text() for made in maps)
    assert_nothing_leaves_the_figure(plot)
    assert maps[0].plot().save(tmp_path / "cam.png").stat().st_size > 1000
    assert maps[0]._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(
        ValueError, match=r"heat_overlay expected at least one map, received none: pass \[explain"
    ):
        plots.heat_overlay([])


def test_a_sheet_has_a_row_for_every_layer():
    model, x = network(class_names=["ant", "bee", "cow", "dog"]), picture()
    made = explain.activations(model, x)
    plot = made.plot()
    assert all(has_text(plot, f"{name}  ") for name in made.outputs) and has_text(plot, "ant")
    sheet = drawn(plot)[2]  # of the first convolution, after the picture and the rescaling
    H, W, F = made.outputs["first"].shape
    assert sheet.shape == (H, F * (W + 1) - 1)
    np.testing.assert_allclose(sheet[:, W + 1 : 2 * W + 1], made.outputs["first"][..., 1])
    assert_nothing_leaves_the_figure(plot)


def test_kernels_and_patches_are_drawn():
    kernels = explain.filters(network())
    np.testing.assert_allclose(np.array(drawn(kernels.plot())), kernels.pictures)
    for shape, padding in (((12, 11, 3), "valid"), ((7, 7, 1), "same"), ((3, 3, 2), "valid")):
        matrix = explain.im2col((255 * picture(shape)).astype(np.uint8), 3, 1, padding)
        plot = matrix.plot()
        whole = max(
            drawn(plot), key=lambda image: image.shape[0] if image.shape[1] == 9 * shape[2] else 0
        )
        if shape[2] == 3:
            np.testing.assert_allclose(whole.sum(axis=-1), matrix.patches / 255, rtol=1e-6)
            np.testing.assert_array_equal(whole[:, 1::3, [0, 2]], 0)  # green numbers are green
        else:
            np.testing.assert_allclose(whole[..., 0], matrix.patches / 255, rtol=1e-6)
        assert_nothing_leaves_the_figure(plot)


@pytest.mark.parametrize("low, high", [(0, 255), (0, 1), (-2, 2)])
def test_pictures_of_any_range_are_shown(low, high):
    from minicnn.plots.explain import visible

    x = low + (high - low) * np.linspace(0, 1, 2 * 3 * 3).reshape(2, 3, 3)
    np.testing.assert_allclose(visible(x), np.linspace(0, 1, 18).reshape(2, 3, 3), atol=1e-12)
    if high == 255:
        np.testing.assert_array_equal(
            visible(np.full((2, 2, 1), 255, np.uint8)), np.ones((2, 2, 3))
        )
