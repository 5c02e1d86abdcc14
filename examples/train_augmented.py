"""Train the documented network twice, on the pictures as they are and on augmented ones, and compare.

    python examples/train_augmented.py                # both trainings: some minutes each
    python examples/train_augmented.py --limit 5000   # a first look

Augmentation changes each picture a little every time the network sees it: mirrored or not, turned, nearer or farther.
That costs nothing but time, and a network that cannot learn its pictures by heart has to learn what they show.
"""

# %% Imports; they also work in a fresh clone of which nothing is installed
import argparse
import json
import os
import sys
import time
from pathlib import Path

try:
    import minicnn
except ModuleNotFoundError:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    import minicnn
from minicnn import Input, Sequential, callbacks, datasets, layers, report
from minicnn.errors import DataError
from minicnn.plots.augmentation import augmentation_preview
from minicnn.plots.comparison import compared_curves


# %% What can be chosen on the command line
def positive(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, received {text}")
    return int(text)


parser = argparse.ArgumentParser(
    description="Train a small convolutional network on CIFAR-10 with and without augmentation, and compare.",
    epilog="example: python examples/train_augmented.py --data cifar-10-python.tar.gz",
)
source = parser.add_mutually_exclusive_group()
source.add_argument("--data", metavar="PATH", help="CIFAR-10's tarball or folder (default: found or downloaded)")
source.add_argument("--synthetic", action="store_true", help="train on drawn shapes instead of photographs")
parser.add_argument("--offline", action="store_true", help="never download")
parser.add_argument("--limit", type=positive, metavar="N", help="use only the first N training and N test pictures")
parser.add_argument("--epochs", type=positive, default=100, help="passes over the pictures, at most (%(default)s)")
parser.add_argument("--batch-size", type=positive, default=64, help="pictures per optimizer step (%(default)s)")
parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same networks (%(default)s)")
parser.add_argument("--output", type=Path, default="runs/augmented", help="results folder, overwritten (%(default)s)")
parser.add_argument("--verbose", type=int, choices=[0, 1, 2], help="silent, bar, lines (default: what suits)")
options = parser.parse_args([] if "ipykernel" in sys.modules else None)  # a notebook has no command line
if options.limit == 1:
    parser.error("--limit expects 2 or more: one picture to train on, one to validate")
output: Path = options.output
try:
    output.mkdir(parents=True, exist_ok=True)
except OSError as error:
    parser.error(f"--output expects a folder that can be written: {error}")

# %% The pictures: CIFAR-10 where it can be had; otherwise drawn shapes, and then nobody shall overlook it
real, warning = not options.synthetic, "as --synthetic asks"
if real:
    try:
        (x_train, y_train), (x_test, y_test) = datasets.cifar10.load_data(options.data, offline=options.offline or None)
        data_name, warning = "CIFAR-10", ""
    except DataError as error:
        if options.data or os.environ.get("MINICNN_DATA"):  # whoever names a file does not want another one
            print(f"{parser.prog}: {error}", file=sys.stderr)
            sys.exit(3)
        real, warning = False, str(error)
if not real:
    (x_train, y_train), (x_test, y_test) = datasets.shapes.load_data()
    data_name = "SYNTHETIC shapes, not CIFAR-10"
    warning = f"{'!' * 80}\nSYNTHETIC DATA: drawn shapes, NOT CIFAR-10: {warning}\n{'!' * 80}"

x_train, y_train, x_test, y_test = (array[: options.limit] for array in (x_train, y_train, x_test, y_test))
print(warning or f"Data: {data_name}", f"{len(x_train):,} training and {len(x_test):,} test pictures", sep="\n")


# %% The network, with or without layers before it that change pictures at random. They do so in training only.
def network(augmentation: list[layers.Layer], name: str) -> Sequential:
    stack = [Input((32, 32, 3)), *augmentation, layers.Rescaling(1 / 255)]
    for filters in (32, 64, 128):
        stack += [
            layers.Conv2D(filters, 3, activation="relu"),
            layers.BatchNormalization(warmup=True),
            layers.MaxPooling2D(),
        ]
    stack += [layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dropout(0.5)]
    return Sequential([*stack, layers.Dense(10, activation="softmax")], name=name, seed=options.seed)


plain = network([], "plain")
augmented = network(
    [
        layers.RandomFlip("horizontal"),
        layers.RandomRotation(0.1),  # of a full turn: up to 36 degrees to either side
        layers.RandomZoom(0.1),
    ],
    "augmented",
)
preview = augmentation_preview(augmented, x_train[0], seed=options.seed, title=f"Augmentation: {data_name}")
preview.save(output / "augmentation.png")

# %% Both trainings: the last fifth of the pictures, never augmented, tells when a network stops getting better
histories, runs = {}, {}
for model in (plain, augmented):
    print(f"\nTraining: {model.name}")
    start = time.perf_counter()
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        x_train,
        y_train,
        batch_size=options.batch_size,
        epochs=options.epochs,
        validation_split=0.2,
        callbacks=[
            callbacks.EarlyStopping(patience=10, restore_best_weights=True),
            callbacks.ReduceLROnPlateau(factor=0.1, patience=5),
            callbacks.CSVLogger(output / f"history_{model.name}.csv"),
        ],
        verbose="auto" if options.verbose is None else options.verbose,
    )
    seconds = time.perf_counter() - start
    test = model.evaluate(x_test, y_test, verbose=0, return_dict=True)
    model.save(output / f"{model.name}.safetensors")
    histories[model.name] = history
    runs[model.name] = {
        "test_accuracy": test["accuracy"],
        "test_loss": test["loss"],
        "epochs_run": len(history.epoch),
        "best_val_loss": min(history.history["val_loss"]),
        "best_val_accuracy": max(history.history["val_accuracy"]),
        "seconds": seconds,  # of fit, with validation and compilation
        "interrupted": history.interrupted,
    }
    if history.interrupted:
        break

# %% The comparison
curves = compared_curves(histories, title=f"With and without augmentation: {data_name}")
curves.save(output / "comparison.png")
print(f"\nBest epochs\n{curves.to_text()}\n")
print(f"{'':12}  {'test accuracy':>13}  {'test loss':>9}  {'epochs':>6}  {'seconds':>7}")
for name, run in runs.items():
    accuracy, loss = f"{100 * run['test_accuracy']:.2f} %", f"{run['test_loss']:.4f}"
    print(f"{name:12}  {accuracy:>13}  {loss:>9}  {run['epochs_run']:>6}  {run['seconds']:>7.1f}")

# %% The results as numbers
metrics = {
    "data": {"source": "real" if real else "synthetic", "name": data_name, "train": len(x_train), "test": len(x_test)},
    "runs": runs,
    "options": {name: str(value) if isinstance(value, Path) else value for name, value in vars(options).items()},
    "environment": {"minicnn": minicnn.__version__, **report.environment()},
}
(output / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
print(f"\nResults in {output}:", *sorted(path.name for path in output.iterdir()))
print(warning)
if history.interrupted:
    sys.exit(130)
