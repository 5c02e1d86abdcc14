"""`minicnn evaluate`: how good a model is on pictures that it has not been trained on."""

import argparse
from pathlib import Path

from minicnn import report, runs
from minicnn.cli.common import add_model, declare, load_model, say, show
from minicnn.cli.pictures import Pictures, add_data, fit_classes, is_folder_of_pictures, load, name_of, picture_size
from minicnn.data.fingerprint import fingerprint


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "evaluate",
        "measure how good a model is",
        "Print accuracy, precision, recall, F1, cross-entropy and calibration of a model on test pictures, and what it "
        "takes for what. Of a folder that the run was trained on, its test pictures are taken; of another, all.",
        "evaluate --model runs/latest --min-accuracy 0.7",
    )
    add_model(parser)
    add_data(parser, default="what the run was trained on, otherwise cifar10")
    parser.add_argument("--average-flips", action="store_true", help="look at each picture and its mirror image")
    parser.add_argument("--min-accuracy", type=float, metavar="SHARE", help="exit with 1 below it, such as 0.7")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the evaluation; 1 if it is worse than was asked for."""
    model, run = load_model(options), run_of(options.model)
    pictures = to_test_on(options, picture_size(model), run)
    pictures = fit_classes(pictures, model.class_names)
    x, y = pictures.test
    probabilities = model.predict(x, verbose=0, average_flips=options.average_flips)
    evaluation = report.evaluate_report(y, probabilities, pictures.class_names)
    show(options, {"data": pictures.name} | evaluation.to_dict(), f"{pictures.name}: {evaluation.to_text()}")
    if options.min_accuracy is not None and evaluation.accuracy < options.min_accuracy:
        say(options, f"expected an accuracy of {options.min_accuracy} or more, received {evaluation.accuracy:.4f}")
        return 1
    return 0


def run_of(model: str) -> runs.Run | None:
    """The run whose model a path names, if it is one's."""
    file = runs.model_file(model)
    run = runs.Run(file.parent)
    return run if file == run.model_file and run.config_file.exists() else None


def to_test_on(options: argparse.Namespace, size: tuple[int, int], run: runs.Run | None) -> Pictures:
    """The pictures of the run, or those that `--data` names: all of a folder, unless they are the run's, moved."""
    own = run.data if run else "cifar10"
    if options.data is None or name_of(options.data) == own:
        return load(own, options.limit, size)
    if run and run.fingerprint and is_folder_of_pictures(Path(options.data)):
        moved = load(options.data, run.config["options"].get("limit"), size)
        if fingerprint(moved.class_names, moved.train, moved.validation, moved.test) == run.fingerprint:
            say(options, f"{options.data} has the pictures of {own}: its test pictures are taken")
            return load(options.data, options.limit, size)
    return load(options.data, options.limit, size, test_on_all=True)
