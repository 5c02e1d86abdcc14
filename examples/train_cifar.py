"""Train the documented convolutional network on CIFAR-10, then look at what it has learnt.

    python examples/train_cifar.py                # the whole training: some minutes
    python examples/train_cifar.py --limit 5000   # a first look

CIFAR-10 is 60,000 colour photographs of 32x32 pixels, each showing one of ten kinds of thing. This
program reads from
top to bottom: get the pictures, build the network, train it, evaluate it on pictures it never saw,
    keep the results.
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
from minicnn import Input, Sequential, callbacks, datasets, layers, runs
from minicnn.errors import DataError


# %% What can be chosen on the command line
def positive(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, received {text}")
    return int(text)


parser = argparse.ArgumentParser(
    description="Train a small convolutional network on CIFAR-10 and report how good it is.",
    epilog="example: python examples/train_cifar.py --data cifar-10-python.tar.gz",
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
    "--epochs", type=positive, help="passes over the pictures, at most (100; 10 over drawn shapes)"
)
parser.add_argument(
    "--batch-size", type=positive, default=64, help="pictures per optimizer step (%(default)s)"
)
parser.add_argument(
    "--seed", type=int, default=0, help="the same seed gives the same network (%(default)s)"
)
parser.add_argument(
    "--output", type=Path, metavar="RUN", help="run folder (default: runs/<date>-cifar10)"
)
parser.add_argument(
    "--verbose", type=int, choices=[0, 1, 2], help="silent, bar, lines (default: what suits)"
)
# a notebook has no command line
options = parser.parse_args([] if "ipykernel" in sys.modules else None)
if options.limit == 1:
    parser.error("--limit expects 2 or more: one picture to train on, one to validate")

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

epochs = options.epochs or (100 if real else 10)  # shapes are soon learnt
x_train, y_train, x_test, y_test = (
    array[: options.limit] for array in (x_train, y_train, x_test, y_test)
)
print(
    warning or "Data: CIFAR-10",
    f"{len(x_train):,} training and {len(x_test):,} test pictures",
    sep="\n",
)

# %% The network: convolution, normalisation and pooling, three times; then two dense layers decide.
# It takes pictures as they are, bytes from 0 to 255, and scales them itself: whoever loads it
# cannot forget to.
model = Sequential(
    [
        Input((32, 32, 3)),
        layers.Rescaling(1 / 255),
        layers.Conv2D(32, 3, activation="relu"),
        layers.BatchNormalization(warmup=True),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation="relu"),
        layers.BatchNormalization(warmup=True),
        layers.MaxPooling2D(),
        layers.Conv2D(128, 3, activation="relu"),
        layers.BatchNormalization(warmup=True),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.Dropout(0.5),
        layers.Dense(10, activation="softmax"),
    ],
    name="documented_cnn",
    class_names=class_names,
    seed=options.seed,
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.summary()

# %% A run folder, for all that comes of it. `minicnn predict`, `evaluate`, `explain` and `report`
# know such folders.
# the last fifth of the pictures only tells when the network stops getting better
held_out = int(0.8 * len(x_train))
train, validation = (
    (x_train[:held_out], y_train[:held_out]),
    (x_train[held_out:], y_train[held_out:]),
)
data = os.path.abspath(options.data) if options.data else kind
try:
    run = runs.create(
        options.output or runs.unused_folder(kind),
        runs.config(
            model,
            options=vars(options) | {"epochs": epochs, "data": data, "synthetic": not real},
            name="CIFAR-10" if real else "synthetic shapes",
            synthetic=not real,
            train=train,
            validation=validation,
            test=(x_test, y_test),
        ),
    )
except (OSError, ValueError) as error:
    parser.error(f"--output expects a new folder that can be written: {error}")

# %% Training. Ctrl-C ends it early and keeps what there is.
history = model.fit(
    *train,
    batch_size=options.batch_size,
    epochs=epochs,
    validation_data=validation,
    callbacks=[
        callbacks.ReduceLROnPlateau(factor=0.1, patience=5),
        callbacks.EarlyStopping(patience=10, restore_best_weights=True),
        callbacks.ModelCheckpoint(run.model_file, save_best_only=True),
        runs.HistoryFile(run.history_file),
    ],
    verbose="auto" if options.verbose is None else options.verbose,
)
model.save(run.model_file)

# %% The evaluation, on pictures that it has not been trained on: numbers, plots, and a page with
# all of it
runs.finish(run, model, train, (x_test, y_test), interrupted=history.interrupted, tell=print)
print(f"\nResults in {run.folder}:", *sorted(path.name for path in run.folder.iterdir()))
if warning:
    print(warning)
print(runs.next_steps(run))
if history.interrupted:
    sys.exit(130)
