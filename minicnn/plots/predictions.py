"""Pictures with what a model says of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minicnn.expect import array
from minicnn.labels import is_sparse, of_two_classes
from minicnn.names import known_arguments
from minicnn.plots.base import HEADER, MARGIN, Plot, checked_pictures, new_figure, shorten, table
from minicnn.plots.grid import CELL, GAP, cell_height, draw_grid, place_words, wrap
from minicnn.plots.palette import RIGHT, WRONG

SECTION = 0.35  # inches that a heading within a figure takes


@known_arguments
def predictions_grid(
    images: ArrayLike,
    y_true: ArrayLike,
    predictions: ArrayLike,
    class_names: Sequence[str],
    *,
    columns: int = 8,
    rows: int = 4,
    title: str = "Predictions",
) -> Plot:
    """Show pictures that were classified rightly above pictures that were not: the first ones of
    each kind.

    Each half of the rows holds one kind; where one kind is scarce, the other gets its rows.

    Args:
        images: (n, H, W, 3) or (n, H, W, 1), uint8, or floats from 0 to 1.
        y_true: labels, (n,) or (n, 1).
        predictions: labels, (n,) or (n, 1), or probabilities (n, K), then written below the
            pictures in percent.
        class_names: K names.

    Raises ValueError when the three differ in length, the pictures are of another form, or a label
    has no name.
    """
    who = "predictions_grid"
    pictures, true, predicted, probabilities = _checked_predictions(
        who, images, y_true, predictions, class_names
    )
    right, wrong = np.flatnonzero(true == predicted), np.flatnonzero(true != predicted)
    # rows that each could fill
    rows_right, rows_wrong = (-(-len(found) // columns) for found in (right, wrong))
    rows_wrong = min(rows_wrong, max(rows // 2, rows - rows_right))
    rows_right = min(rows_right, rows - rows_wrong)
    kinds = [("right", RIGHT, right, rows_right), ("wrong", WRONG, wrong, rows_wrong)]
    kinds = [kind for kind in kinds if kind[-1] > 0]

    lines, captions, heights = [], [], []
    for word, _, found, kind_rows in kinds:
        shown = found[: kind_rows * columns].tolist()
        percents = [
            "" if probabilities is None else _percent(probabilities[i, predicted[i]]) for i in shown
        ]
        answers = [(class_names[true[i]], class_names[predicted[i]]) for i in shown]
        lines += [
            [i, *answer, percent, word]
            for i, answer, percent in zip(shown, answers, percents, strict=True)
        ]
        captions.append(
            [_caption(*answer, percent) for answer, percent in zip(answers, percents, strict=True)]
        )
        heights.append(kind_rows * cell_height(pictures, captions[-1]) + SECTION)

    note = "" if probabilities is None else ", with the probability that the model gave its answer"
    figure = new_figure(
        CELL * columns + 2 * MARGIN,
        sum(heights) + HEADER,
        title,
        f"The first ones of each kind{note}",
    )
    top = HEADER
    for (word, colour, found, _), below, height in zip(kinds, captions, heights, strict=True):
        heading = f"{word.capitalize()}: {len(found):,} of {len(true):,}"
        baseline = figure.get_figheight() - top - SECTION / 2
        place_words(
            figure, MARGIN + GAP / 2, baseline, heading, fontsize=11, color=colour, weight="bold"
        )
        draw_grid(
            figure, pictures[found[: len(below)]], below, columns, top=top + SECTION, colour=colour
        )
        top += height
    headings = ["true", "predicted", "probability", "verdict"]
    shown_rows = [dict(zip(["image", *headings], row, strict=True)) for row in lines]
    data = {"right": len(right), "wrong": len(wrong), "shown": shown_rows}
    return Plot(
        figure,
        data,
        f"{len(right):,} right, {len(wrong):,} wrong\n{table(['picture', *headings], *lines)}",
    )


@known_arguments
def mistakes_gallery(
    images: ArrayLike,
    y_true: ArrayLike,
    probabilities: ArrayLike,
    class_names: Sequence[str],
    *,
    columns: int = 8,
    rows: int = 3,
    title: str = "The most confident mistakes",
) -> Plot:
    """Show the pictures whose wrong answers the model gave with the highest probabilities, the
    highest one first.

    Often they are pictures with a wrong label, or of two things, or unlike any that the model was
    trained on.

    Args:
        images: (n, H, W, 3) or (n, H, W, 1), uint8, or floats from 0 to 1.
        y_true: labels, (n,) or (n, 1).
        probabilities: (n, K).
        class_names: K names.

    Raises ValueError when the three differ in length, the pictures are of another form, or a label
    has no name.
    """
    who = "mistakes_gallery"
    pictures, true, predicted, p = _checked_predictions(
        who, images, y_true, probabilities, class_names
    )
    if p is None:
        raise ValueError(
            f"{who} expected probabilities (n, {len(class_names)}), received "
            f"{np.shape(probabilities)}: pass what model.predict returns"
        )
    wrong = np.flatnonzero(true != predicted)
    confidence = p[wrong, predicted[wrong]]
    shown = wrong[np.argsort(-confidence, kind="stable")][: rows * columns].tolist()
    lines = [
        [
            i,
            class_names[true[i]],
            _percent(p[i, true[i]]),
            class_names[predicted[i]],
            _percent(p[i, predicted[i]]),
        ]
        for i in shown
    ]
    captions = [
        _caption(truth, answer, percent, f" {little}")
        for _, truth, little, answer, percent in lines
    ]
    columns, used_rows = min(columns, max(len(shown), 1)), -(-len(shown) // columns)

    height = used_rows * cell_height(pictures, captions)
    subtitle = (
        f"{len(wrong):,} of {len(true):,} answers are wrong"
        + ", with the probabilities of both" * bool(shown)
    )
    figure = new_figure(CELL * columns + 2 * MARGIN, height + HEADER, title, subtitle)
    if shown:
        draw_grid(figure, pictures[shown], captions, columns, colour=WRONG)
    headings = ["true", "its probability", "predicted", "probability"]
    shown_rows = [dict(zip(["image", *headings], row, strict=True)) for row in lines]
    data = {"wrong": len(wrong), "images": len(true), "shown": shown_rows}
    return Plot(figure, data, f"{subtitle}\n{table(['picture', *headings], *lines)}")


def _percent(probability: float) -> str:
    return f"{100 * probability:.0f} %"


def _caption(truth: str, answer: str, percent: str, of_truth: str = "") -> str:
    """What stands below a picture: "✓ ship 93 %", or "✗ ship 93 %" above "is frog"."""
    first = wrap(f"{'✓' if answer == truth else '✗'} {shorten(answer, 22)} {percent}".rstrip())
    return first if answer == truth else f"{first}\n{wrap(f'is {shorten(truth, 22)}{of_truth}')}"


def _checked_predictions(
    who: str,
    images: ArrayLike,
    y_true: ArrayLike,
    predictions: ArrayLike,
    class_names: Sequence[str],
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any] | None]:
    """The pictures (n, H, W, C), labels (n,), predicted labels (n,) and, where given, probabilities
    (n, K).
    """
    pictures = checked_pictures(who, images)
    labels, given = array(y_true, "y_true", who), array(predictions, "predictions", who)
    if given.dtype.kind == "f" and is_sparse(given) and len(class_names) == 2:
        given = of_two_classes(given)
    probable = given.ndim == 2 and given.shape[1] > 1
    for what, y in (("labels", labels), ("predictions", given)):
        if not (is_sparse(y) or (what == "predictions" and probable)):
            raise ValueError(f"{who} expected {what} (n,) or (n, 1), received shape {y.shape}")
    true, predicted = labels.reshape(-1), given.argmax(axis=1) if probable else given.reshape(-1)
    lengths = f"{len(pictures)} pictures, {len(true)} labels, {len(predicted)} predictions"
    if not len(pictures) == len(true) == len(predicted):
        raise ValueError(
            f"{who} expected a label and a prediction for each picture, received {lengths}"
        )
    for label in np.union1d(true, predicted):
        if not 0 <= label < len(class_names):
            raise ValueError(f"{who} expected one of {len(class_names)} classes, received {label}")
    return pictures, true, predicted, given if probable else None
