"""Train the documented network twice, on the pictures as they are and on augmented ones, and
compare.

    python examples/train_augmented.py                # both trainings: some minutes each
    python examples/train_augmented.py --limit 5000   # a first look

Augmentation changes each picture a little every time the network sees it: mirrored or not, turned,
nearer or farther. That costs nothing but time, and a network that cannot learn its pictures by
heart has to learn what they show.
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
from minicnn import Input, Model, applications, callbacks, datasets, layers, runs
from minicnn.errors import DataError
from minicnn.plots.augmentation import augmentation_preview
from minicnn.plots.comparison import compared_curves


# %% What can be chosen on the command line
def positive(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, received {text}")
    return int(text)


parser = argparse.ArgumentParser(
    description="Train a small convolutional network on CIFAR-10 with and without augmentation, "
    "and compare.",
    epilog="example: python examples/train_augmented.py --data cifar-10-python.tar.gz",
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
    "--epochs", type=positive, default=100, help="passes over the pictures, at most (%(default)s)"
)
parser.add_argument(
    "--batch-size", type=positive, default=64, help="pictures per optimizer step (%(default)s)"
)
parser.add_argument(
    "--seed", type=int, default=0, help="the same seed gives the same networks (%(default)s)"
)
parser.add_argument(
    "--output",
    type=Path,
    metavar="RUN",
    help="run folders RUN-plain and RUN-augmented (runs/<date>-cifar10-...)",
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

x_train, y_train, x_test, y_test = (
    array[: options.limit] for array in (x_train, y_train, x_test, y_test)
)
print(
    warning or "Data: CIFAR-10",
    f"{len(x_train):,} training and {len(x_test):,} test pictures",
    sep="\n",
)


# %% The network, with or without layers before it that change pictures at random. They do so in
# training only.
def network(augmentation: list[layers.Layer], name: str) -> Model:
    x = Input((32, 32, 3))
    for layer in [*augmentation, layers.Rescaling(1 / 255)]:
        x = layer(x)
    return applications.DocumentedCNN(
        input_tensor=x, name=name, seed=options.seed, class_names=class_names
    )


plain = network([], "plain")
augmented = network(
    [
        layers.RandomFlip("horizontal"),
        layers.RandomRotation(0.1),  # of a full turn: up to 36 degrees to either side
        layers.RandomZoom(0.1),
    ],
    "augmented",
)

# %% Both trainings: the last fifth of the pictures, never augmented, tells when a network stops
# getting better.
# Each has a run folder, for all that comes of it. `minicnn predict`, `evaluate`, `explain` and
# `report` know such ones.
held_out = int(0.8 * len(x_train))
train, validation = (
    (x_train[:held_out], y_train[:held_out]),
    (x_train[held_out:], y_train[held_out:]),
)
data = os.path.abspath(options.data) if options.data else kind
histories, table = (
    {},
    [f"{'':12}  {'test accuracy':>13}  {'cross-entropy':>13}  {'epochs':>6}  {'seconds':>7}"],
)
for model in (plain, augmented):
    try:
        run = runs.create(
            f"{options.output}-{model.name}"
            if options.output
            else runs.unused_folder(f"{kind}-{model.name}"),
            runs.config(
                model,
                options=vars(options) | {"data": data, "synthetic": not real},
                name="CIFAR-10" if real else "synthetic shapes",
                synthetic=not real,
                train=train,
                validation=validation,
                test=(x_test, y_test),
            ),
        )
    except (OSError, ValueError) as error:
        parser.error(f"--output expects new folders that can be written: {error}")
    print(f"\nTraining: {model.name}")
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        *train,
        batch_size=options.batch_size,
        epochs=options.epochs,
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
    evaluation = runs.finish(run, model, train, (x_test, y_test), interrupted=history.interrupted)
    histories[model.name] = history
    accuracy, epochs, seconds = (
        f"{100 * evaluation.accuracy:.2f} %",
        len(history.epoch),
        run.metrics["seconds"],
    )
    table += [
        f"{model.name:12}  {accuracy:>13}  {evaluation.cross_entropy:>13.4f}  {epochs:>6}  "
        f"{seconds:>7.1f}"
    ]
    if history.interrupted:
        break

# %% The comparison, kept beside the last run's own plots
preview = augmentation_preview(augmented, x_train[0], seed=options.seed, title="Augmentation")
curves = compared_curves(histories, title="With and without augmentation")
saved = [preview.save(run.folder / "augmentation.png"), curves.save(run.folder / "comparison.png")]
print(
    f"\nBest epochs\n{curves.to_text()}\n", *table, f"\nSaved {saved[0]} and {saved[1]}", sep="\n"
)
if warning:
    print(warning)
print(runs.next_steps(run))
if history.interrupted:
    sys.exit(130)
