"""`minicnn evaluate`: how good a model is on pictures that it has not been trained on."""

import argparse

from minicnn import report, runs
from minicnn.cli.common import add_model, declare, load_model, say, show
from minicnn.cli.pictures import add_data, fit_classes, load, name_of, picture_size
from minicnn.cli.verdict import keyed, shown, verdict


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
    own = run.options["data"] if run else "cifar10"
    other = options.data is not None and name_of(options.data) != own
    pictures = load(options.data or own, options.limit, picture_size(model), test_on_all=other)
    pictures = fit_classes(pictures, model.class_names)
    x, y = pictures.test
    probabilities = model.predict(x, verbose=0, average_flips=options.average_flips)
    evaluation = report.evaluate_report(y, probabilities, pictures.class_names)
    judged = verdict(run, evaluation.to_dict()) if run and not other else None
    result = {"data": pictures.name} | evaluation.to_dict() | keyed(judged)
    show(options, result, shown(f"{pictures.name}: {evaluation.to_text()}", judged))
    if options.min_accuracy is not None and evaluation.accuracy < options.min_accuracy:
        say(options, f"expected an accuracy of {options.min_accuracy} or more, received {evaluation.accuracy:.4f}")
        return 1
    return 0


def run_of(model: str) -> runs.Run | None:
    """The run that a path names, None if it names a file."""
    file = runs.model_file(model)
    run = runs.Run(file.parent)
    return run if file == run.model_file and run.config_file.exists() else None
