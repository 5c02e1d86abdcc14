"""What has come of a training: its evaluation, its plots, and the page that shows them."""

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from minicnn import report
from minicnn.errors import DataError
from minicnn.labels import class_of
from minicnn.layers import Conv2D
from minicnn.models.model import Model
from minicnn.names import known_arguments
from minicnn.network.ending import class_probabilities
from minicnn.runs.folder import Run, to_json
from minicnn.runs.page import PHOTOGRAPHS, Picture, render
from minicnn.saving.atomic import write_text
from minicnn.types import Array, Samples

if TYPE_CHECKING:
    from minicnn.plots import Plot

NARROW = "-narrow"  # at the end of the names of plots that are drawn for narrow screens
PICTURES, COLUMNS = 21, (7, 3)  # in grids, on wide and narrow screens


def best_epoch(history: Mapping[str, list[float]]) -> int | None:
    """The epoch, counted from 1, of the lowest validation loss; None where there is none.

    >>> runs.best_epoch({"val_loss": [0.9, 0.7, 0.8]})
    2
    """
    losses = np.asarray(history.get("val_loss", []), float)
    return None if np.isnan(losses).all() else 1 + int(np.nanargmin(losses))


@known_arguments
def finish(
    run: Run,
    model: Model,
    train: Samples,
    test: Samples,
    *,
    interrupted: bool = False,
    tell: Callable[[report.Evaluation], None] | None = None,
) -> report.Evaluation:
    """Evaluate a trained model, and write what it has come to: numbers, plots, and the page of it
    all.

    Args:
        model: as the run is to keep it; with class names.
        train, test: (x, y), what it was trained on and what it is evaluated on.
        interrupted: whether the training was ended before its time.
        tell: called when the numbers are known, before the plots, which take some seconds and show
            a bar.

    The result is what is on the page of the test pictures.
    """
    outputs = model.predict(test[0], verbose=0)
    probabilities = class_probabilities(outputs, model.ends_in, "runs.finish")
    names = model.class_names or [str(k) for k in range(probabilities.shape[1])]
    evaluation = report.evaluate_report(test[1], probabilities, names)
    history = run.history
    metrics = {
        "test": evaluation.to_dict(),
        "epochs": len(history["epoch"]),
        "best_epoch": best_epoch(history),
        "seconds": sum(history["seconds"]),
        "interrupted": interrupted,
    }
    write_text(run.metrics_file, to_json(metrics) + "\n")
    if tell is not None:
        tell(evaluation)
    draw(run, model, train, test, probabilities, evaluation)
    write_page(run)
    return evaluation


def draw(
    run: Run,
    model: Model,
    train: Samples,
    test: Samples,
    probabilities: Array,
    evaluation: report.Evaluation,
) -> None:
    """Write all plots of a finished run."""
    from minicnn import explain, plots  # matplotlib takes its time, and only this needs it
    from minicnn.plots.fitted import TELEPHONE

    names = evaluation.classes.class_names
    counts = np.bincount(class_of(train[1], "the labels"), minlength=len(names))

    def grids(grid: Callable[..., "Plot"], *arguments: Any) -> list["Plot"]:
        return [grid(*arguments, names, columns=n, rows=PICTURES // n) for n in COLUMNS]

    wanted: dict[str, Callable[[], list[Plot]]] = {
        "confusion": lambda: [plots.confusion_heatmap(evaluation.confusion, names)],
        "reliability": lambda: [plots.reliability_diagram(evaluation.calibration)],
        "classes": lambda: 2 * [plots.class_distribution(counts, names)],
        "pictures": lambda: grids(plots.image_grid, *train),
    }
    if evaluation.accuracy < 1:
        wanted["mistakes"] = lambda: grids(plots.mistakes_gallery, *test, probabilities)
    if any(isinstance(layer, Conv2D) for layer in model.leaves.values()):
        kernels = explain.filters(model)
        wanted["filters"] = lambda: [
            plots.filters(kernels),
            plots.filters(kernels, columns=4, width=TELEPHONE),
        ]
    draw_curves(run)
    # on terminals
    from tqdm import tqdm  # who predicts does without

    for name, make in tqdm(wanted.items(), "drawing", file=sys.stderr, leave=False, disable=None):
        save_plot(run, name, *make())


def draw_curves(run: Run) -> None:
    """Write the learning curves, as far as the training has come."""
    from minicnn import plots

    logs = {
        name: values for name, values in run.history.items() if name not in ("epoch", "seconds")
    }
    curves = plots.learning_curves(logs)
    save_plot(run, "curves", curves, curves)


def save_plot(run: Run, name: str, plot: "Plot", narrow: "Plot | None" = None) -> None:
    """Write a plot as PNG and as text; and `narrow`, which may be the same, as PNG for narrow
    screens.

    The titles are the page's. Grids of pictures are transparent: on a dark page they would be white
    cards.
    """
    from minicnn.plots.fitted import TELEPHONE, fitted

    run.plots.mkdir(exist_ok=True)
    background = "none" if name in PHOTOGRAPHS else "white"
    fitted(plot).save(run.plots / f"{name}.png", background=background)
    write_text(run.plots / f"{name}.txt", plot.to_text() + "\n")
    if narrow is not None:
        fitted(narrow, TELEPHONE).save(run.plots / f"{name}{NARROW}.png", background=background)


def write_page(run: Run) -> None:
    """Write report.html from what is in the folder; what is not there yet is left out.

    Raises DataError when something in it is damaged.
    """
    try:
        text = _page(run)
    except DataError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        files = "config.json, history.csv, metrics.json or plots"
        raise DataError(
            f"{run.folder} is no whole run: something is missing or wrong in {files} ({error})"
        ) from error
    write_text(run.page, text)


def _page(run: Run) -> str:
    history = run.history
    if history.get("epoch") and not run.metrics_file.exists():  # still training, or killed
        draw_curves(run)
    pictures = {}
    for path in run.plots.glob("*.txt"):
        narrow = path.with_name(f"{path.stem}{NARROW}.png")
        pictures[path.stem] = Picture(
            wide=path.with_suffix(".png").read_bytes(),
            narrow=narrow.read_bytes() if narrow.exists() else None,
            text=path.read_text(encoding="utf-8").rstrip(),
        )
    return render(run.folder.name, run.config, history, run.metrics, pictures)
