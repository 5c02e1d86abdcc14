"""`minicnn evaluate`: how good a model is on pictures that it has not been trained on."""

import argparse
from pathlib import Path

from minicnn import report, runs
from minicnn.cli import recipes
from minicnn.cli.choices import DOCUMENTED, RECIPES
from minicnn.cli.common import load_model, show
from minicnn.cli.messages import say
from minicnn.cli.pictures import (
    Pictures,
    fit_classes,
    is_folder_of_pictures,
    load,
    name_of,
    picture_size,
)
from minicnn.cli.verdict import keyed, shown, verdict
from minicnn.data.fingerprint import fingerprint
from minicnn.errors import DataError
from minicnn.network.ending import class_probabilities
from minicnn.wording import percent


def run(options: argparse.Namespace) -> int:
    """Print the evaluation; 1 if it is worse than was asked for."""
    model, run = load_model(options), run_of(options.model)
    pictures, own = to_test_on(options, picture_size(model), run)
    pictures = fit_classes(pictures, model.class_names)
    x, y = pictures.test
    outputs = model.predict(x, verbose=0, average_flips=options.average_flips)
    probabilities = class_probabilities(outputs, model.ends_in, "evaluate")
    evaluation = report.evaluate_report(y, probabilities, pictures.class_names)
    judged = verdict(run, evaluation.to_dict()) if run and own else None
    result = {"data": pictures.name} | evaluation.to_dict() | keyed(judged)
    show(options, result, shown(f"{pictures.name}: {evaluation.to_text()}", judged))
    if options.min_accuracy is not None and evaluation.accuracy < options.min_accuracy:
        least, found = percent(options.min_accuracy, 2), percent(evaluation.accuracy, 2)
        say(options, f"expected an accuracy of {least} or more, received {found}")
        return 1
    return 0


def run_of(model: str) -> runs.Run | None:
    """The run whose model a path names, if it is one's."""
    file = runs.model_file(model)
    run = runs.Run(file.parent)
    return run if file == run.model_file and run.config_file.exists() else None


def to_test_on(
    options: argparse.Namespace, size: tuple[int, int], run: runs.Run | None
) -> tuple[Pictures, bool]:
    """The pictures of the run, or those that `--data` names: all of a folder, unless they are the
    run's, moved.

    And whether they are the run's.
    """
    own = run.data if run else "cifar10"
    if options.data is None or name_of(options.data) == own:
        found = load(own, options.limit, size)
        if run and not has(own, size, run):
            raise DataError(
                f"{own} expected the pictures that {run.folder} was trained on, received others: "
                "which of them it has seen is not known. Put them back, or name pictures that it "
                "has not seen with --data"
            )
        return found, True
    if run and is_folder_of_pictures(Path(options.data)) and has(options.data, size, run):
        say(options, f"{options.data} has the pictures of {own}: its test pictures are taken")
        return load(options.data, options.limit, size), True
    found = load(options.data, options.limit, size, test_on_all=True)
    if is_folder_of_pictures(Path(options.data)):
        say(
            options,
            f"tested on all of {found.name}; pictures that the model was trained on would tell "
            "nothing",
        )
    return found, False


def has(data: str, size: tuple[int, int], run: runs.Run) -> bool:
    """Whether these are the pictures that a run was begun with; of older runs that is not known,
    and believed.
    """
    begun = run.config["options"]
    if run.fingerprint is None:
        return data == run.data
    try:
        pictures = load(data, begun.get("limit"), size)
    except DataError:  # none, or too few to be trained on
        return False
    pictures = recipes.chosen(RECIPES[begun.get("recipe", DOCUMENTED)], pictures)
    parts = (pictures.train, pictures.validation, pictures.test)
    return fingerprint(pictures.class_names, *parts) == run.fingerprint
