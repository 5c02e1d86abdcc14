"""Train the documented convolutional network on CIFAR-10, then look at what it has learnt.

    python examples/train_cifar.py                # the whole training: some minutes
    python examples/train_cifar.py --limit 5000   # a first look

CIFAR-10 is 60,000 colour photographs of 32x32 pixels, each showing one of ten kinds of thing. This program reads from
top to bottom: get the pictures, build the network, train it, examine it on pictures it never saw, keep the results.
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
from minicnn import Input, Sequential, callbacks, datasets, layers, plots, report
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
source.add_argument("--data", metavar="PATH", help="CIFAR-10's tarball or folder (default: found or downloaded)")
source.add_argument("--synthetic", action="store_true", help="train on drawn shapes instead of photographs")
parser.add_argument("--offline", action="store_true", help="never download")
parser.add_argument("--limit", type=positive, metavar="N", help="use only the first N training and N test pictures")
parser.add_argument("--epochs", type=positive, default=100, help="passes over the pictures, at most (%(default)s)")
parser.add_argument("--batch-size", type=positive, default=64, help="pictures per optimizer step (%(default)s)")
parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same network (%(default)s)")
parser.add_argument("--output", type=Path, default="runs/cifar10", help="results folder, overwritten (%(default)s)")
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
        class_names, data_name, warning = list(datasets.cifar10.CLASS_NAMES), "CIFAR-10", ""
    except DataError as error:
        if options.data or os.environ.get("MINICNN_DATA"):  # whoever names a file does not want another one
            print(f"{parser.prog}: {error}", file=sys.stderr)
            sys.exit(3)
        real, warning = False, str(error)
if not real:
    (x_train, y_train), (x_test, y_test) = datasets.shapes.load_data()
    class_names, data_name = list(datasets.shapes.CLASS_NAMES), "SYNTHETIC shapes, not CIFAR-10"
    warning = f"{'!' * 80}\nSYNTHETIC DATA: drawn shapes, NOT CIFAR-10: {warning}\n{'!' * 80}"

x_train, y_train, x_test, y_test = (array[: options.limit] for array in (x_train, y_train, x_test, y_test))
print(warning or f"Data: {data_name}", f"{len(x_train):,} training and {len(x_test):,} test pictures", sep="\n")

# %% The network: convolution, normalisation and pooling, three times; then two dense layers decide.
# It takes pictures as they are, bytes from 0 to 255, and scales them itself: whoever loads it cannot forget to.
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
    seed=options.seed,
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.summary()

# %% Training: the last fifth of the pictures only tells when the network stops getting better. Ctrl-C ends it early.
start = time.perf_counter()
history = model.fit(
    x_train,
    y_train,
    batch_size=options.batch_size,
    epochs=options.epochs,
    validation_split=0.2,
    callbacks=[
        callbacks.EarlyStopping(patience=10, restore_best_weights=True),
        callbacks.ReduceLROnPlateau(factor=0.1, patience=5),
        callbacks.CSVLogger(output / "history.csv"),
    ],
    verbose="auto" if options.verbose is None else options.verbose,
)
seconds, epochs_run = time.perf_counter() - start, len(history.epoch)
model.save(output / "model.safetensors")

# %% The examination: pictures that it has not been trained on
test = model.evaluate(x_test, y_test, verbose=0, return_dict=True)
probabilities = model.predict(x_test, verbose=0)
answers = probabilities.argmax(axis=1)
classes = report.classification_report(y_test, answers, class_names)
confusion = report.confusion_matrix(y_test, answers, len(class_names))
print(f"\nTest accuracy {100 * test['accuracy']:.2f} %, loss {test['loss']:.4f} on {data_name}\n\n{classes}")

# %% The results as pictures
heatmap = plots.confusion_heatmap(confusion, class_names, title=f"Confusion matrix: {data_name}")
heatmap.save(output / "confusion.png")
grid = plots.predictions_grid(x_test, y_test, probabilities, class_names, title=f"Predictions: {data_name}")
grid.save(output / "predictions.png")
curves = plots.learning_curves(history, title=f"Learning curves: {data_name}")
curves.save(output / "curves.png")

# %% The results as numbers
metrics = {
    "data": {"source": "real" if real else "synthetic", "name": data_name, "train": len(x_train), "test": len(x_test)},
    "test_accuracy": test["accuracy"],
    "test_loss": test["loss"],
    "classes": classes.to_dict(),
    "confusion_matrix": confusion.tolist(),
    "epochs_run": epochs_run,
    "best_epoch": curves.data["best_epoch"],  # whose weights EarlyStopping has put back
    "interrupted": history.interrupted,
    "seconds": seconds,  # of fit, with validation and compilation
    "images_per_second": None if history.interrupted else epochs_run * int(0.8 * len(x_train)) / seconds,
    "options": {name: str(value) if isinstance(value, Path) else value for name, value in vars(options).items()},
    "environment": {"minicnn": minicnn.__version__, **report.environment()},
}
(output / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
print(f"Results in {output}:", *sorted(path.name for path in output.iterdir()))
print(warning)
if history.interrupted:
    sys.exit(130)
