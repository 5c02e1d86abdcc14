"""The best test accuracy that the documented network reaches in 60 epochs, and what brings it
there.

    python examples/train_best.py                # the whole training: some minutes
    python examples/train_best.py --limit 5000   # a first look

Against the documented recipe: every picture is mirrored or not and shifted by up to four pixels,
each time anew, so that a dropout of 0.1 is enough; the learning rate goes up once and down once
(OneCycle); weights decay; labels are not quite certain; and all pictures are trained on, because
the number of epochs is fixed and nothing has to be held out to choose it. The test pictures are
looked at once, at the end: from one view, and as the mean of each picture and its mirror image.
"""

# %% Imports; they also work in a fresh clone of which nothing is installed
import argparse
import os
import sys
from pathlib import Path

try:
    import minicnn  # noqa: F401
except ModuleNotFoundError:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from minicnn import (
    Input,
    applications,
    callbacks,
    datasets,
    layers,
    losses,
    optimizers,
    report,
    runs,
    schedules,
    utils,
)
from minicnn.errors import DataError


# %% What can be chosen on the command line
def positive(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, received {text}")
    return int(text)


parser = argparse.ArgumentParser(
    description="Train a small convolutional network on CIFAR-10 as well as it can be.",
    epilog="example: python examples/train_best.py --data cifar-10-python.tar.gz",
)
source = parser.add_mutually_exclusive_group()
source.add_argument(
    "--data", metavar="PATH", help="CIFAR-10's tarball or folder (default: found or downloaded)"
)
source.add_argument(
    "--synthetic", action="store_true", help="train on drawn shapes instead of photographs"
)
parser.add_argument("--offline", action="store_true", help="never download")
parser.add_argument(
    "--limit", type=positive, metavar="N", help="use only the first N training and N test pictures"
)
parser.add_argument(
    "--epochs", type=positive, default=60, help="passes over the pictures (%(default)s)"
)
parser.add_argument(
    "--batch-size", type=positive, default=128, help="pictures per optimizer step (%(default)s)"
)
parser.add_argument(
    "--seed", type=int, default=0, help="the same seed gives the same network (%(default)s)"
)
parser.add_argument(
    "--output", type=Path, metavar="RUN", help="run folder (default: runs/<date>-cifar10-best)"
)
parser.add_argument(
    "--resume", type=Path, metavar="RUN", help="go on with this run; with the options it began with"
)
parser.add_argument(
    "--verbose", type=int, choices=[0, 1, 2], help="silent, bar, lines (default: what suits)"
)
# a notebook has no command line
options = parser.parse_args([] if "ipykernel" in sys.modules else None)

# %% The pictures: CIFAR-10 where it can be had; otherwise drawn shapes, and then nobody shall
# overlook it
real, warning = not options.synthetic, "as --synthetic asks"
if real:
    try:
        (x_train, y_train), (x_test, y_test) = datasets.cifar10.load_data(
            options.data, offline=options.offline or None
        )
        class_names, kind, warning = list(datasets.cifar10.CLASS_NAMES), "cifar10", ""
    except DataError as error:
        # whoever names a file does not want another one
        if options.data or os.environ.get("MINICNN_DATA"):
            print(f"{parser.prog}: {error}", file=sys.stderr)
            sys.exit(3)
        real, warning = False, str(error)
if not real:
    (x_train, y_train), (x_test, y_test) = datasets.shapes.load_data()
    class_names, kind = list(datasets.shapes.CLASS_NAMES), "shapes"
    warning = f"{'!' * 80}\nSYNTHETIC DATA: drawn shapes, NOT CIFAR-10: {warning}\n{'!' * 80}"

x_train, y_train, x_test, y_test = (
    array[: options.limit] for array in (x_train, y_train, x_test, y_test)
)
print(
    warning or "Data: CIFAR-10",
    f"{len(x_train):,} training and {len(x_test):,} test pictures",
    sep="\n",
)


# %% The network: the documented one, behind two layers that change pictures at random while it
# trains
inputs = Input((32, 32, 3))
x = layers.RandomFlip("horizontal")(inputs)
x = layers.RandomCrop(32, 32, padding=4)(x)
x = layers.Rescaling(1 / 255)(x)
model = applications.DocumentedCNN(
    dropout=0.1, input_tensor=x, name="best_cnn", seed=options.seed, class_names=class_names
)
steps = options.epochs * -(-len(x_train) // options.batch_size)
model.compile(
    optimizer=optimizers.AdamW(schedules.OneCycle(4e-3, steps, peak_at=0.25), weight_decay=1e-2),
    loss=losses.CategoricalCrossentropy(label_smoothing=0.05),
    metrics=["accuracy"],
)
model.summary()

# %% A run folder, for all that comes of it. `minicnn predict`, `evaluate`, `explain` and `report`
# know such folders.
train, test = (x_train, y_train), (x_test, y_test)
data = os.path.abspath(options.data) if options.data else kind
try:
    if options.resume:
        run = runs.find(options.resume)
    else:
        run = runs.create(
            options.output or runs.unused_folder(f"{kind}-best"),
            runs.config(
                model,
                options=vars(options) | {"data": data, "synthetic": not real},
                name="CIFAR-10" if real else "synthetic shapes",
                synthetic=not real,
                train=train,
                test=test,
            ),
        )
except (OSError, ValueError) as error:
    parser.error(
        f"--output expects a new folder that can be written, --resume one that holds a run: {error}"
    )

# %% Training. Ctrl-C ends it early; the same command with --resume RUN goes on where it was.
history = model.fit(
    x_train,
    utils.to_categorical(y_train, 10),
    batch_size=options.batch_size,
    epochs=options.epochs,
    callbacks=[callbacks.ModelCheckpoint(run.model_file), runs.HistoryFile(run.history_file)],
    resume=run.checkpoint,
    verbose="auto" if options.verbose is None else options.verbose,
)
if not run.history:
    sys.exit(130)  # interrupted in the first epoch
model.save(run.model_file)

# %% The evaluation, on pictures that it has not been trained on: numbers, plots, and a page with
# all of it
evaluation = runs.finish(run, model, train, test, interrupted=history.interrupted, tell=print)
flipped = report.evaluate_report(
    y_test, model.predict(x_test, average_flips=True, verbose=0), class_names
)
print(f"\nTest accuracy, one view: {100 * evaluation.accuracy:.2f} %")
print(f"Test accuracy, mean of each picture and its mirror image: {100 * flipped.accuracy:.2f} %")
print(f"\nResults in {run.folder}:", *sorted(path.name for path in run.folder.iterdir()))
if warning:
    print(warning)
print(runs.next_steps(run))
if history.interrupted:
    sys.exit(130)
