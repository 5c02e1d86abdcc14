"""Learn to tell two kinds of thing apart from few pictures, with what a network has learnt from
eight other kinds.

    python examples/transfer_learning.py                # some minutes
    python examples/transfer_learning.py --limit 5000   # a first look

A network is trained on eight of CIFAR-10's ten classes. Then only 10, 30, 100 or 300 pictures of
each of the other two are handed out, and three ways to learn from them are compared: a fresh
network; the trained one, whose convolutions stay as they are while new dense layers learn; and the
same, after which the convolutions learn a little too.
"""

# %% Imports; they also work in a fresh clone of which nothing is installed
import json
import sys
import time
from pathlib import Path

import numpy as np

try:
    import minicnn
except ModuleNotFoundError:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    import minicnn
from minicnn import (
    Input,
    Model,
    applications,
    callbacks,
    layers,
    optimizers,
    plots,
    report,
    runs,
)
from minicnn.plots.comparison import accuracy_by_size

SIZES = (10, 30, 100, 300)  # pictures of each of the two classes
REPETITIONS = 3  # with other pictures each time: with so few, it matters which ones
FEW_EPOCHS = 30  # passes over them


# %% What can be chosen on the command line, and the pictures: CIFAR-10 where it can be had;
# otherwise drawn shapes, and then nobody shall overlook it
program = runs.Program(
    "Compare training from scratch with transfer learning, on few pictures of two classes of "
    "CIFAR-10.",
    example="python examples/transfer_learning.py --new airplane ship",
    kind="transfer",
    epochs=10,
    batch_size=64,
)
program.parser.add_argument(
    "--new", nargs=2, metavar="NAME", help="the two classes with few pictures (bird frog)"
)
options = program.parse()
pictures = program.load()
class_names, (x_train, y_train), (x_test, y_test) = (
    pictures.class_names,
    pictures.train,
    pictures.test,
)
data_name = "SYNTHETIC shapes, not CIFAR-10" if program.warning else pictures.name
y_train, y_test = y_train.reshape(-1).astype(int), y_test.reshape(-1).astype(int)
new_names = options.new or [class_names[2], class_names[6]]
if not set(new_names) <= set(class_names) or len(set(new_names)) < 2:
    program.parser.error(
        f"--new expects two of {', '.join(class_names)}, received {' '.join(new_names)}"
    )
new = [class_names.index(name) for name in new_names]
old = [k for k in range(10) if k not in new]
sizes = [size for size in SIZES if size <= min(np.sum(y_train == k) for k in new)]
if not sizes:
    program.parser.error(
        f"--limit leaves fewer than {SIZES[0]} pictures of {' or '.join(new_names)}: try "
        f"{20 * SIZES[0]}"
    )
output = options.output or runs.unused_folder(f"{program.source}-transfer")
try:
    output.mkdir(parents=True)
except OSError as error:
    program.parser.error(f"--output expects a new folder that can be written: {error}")


# %% Eight classes: a network like that of train_cifar.py. Its batch normalisation forgets sooner
# (momentum 0.9, not 0.99), because a training on 20 pictures has too few steps to move the averages
# of the eight classes to new ones.
def network(names: list[str], seed: int) -> Model:
    model = applications.DocumentedCNN(
        input_tensor=layers.Rescaling(1 / 255)(Input((32, 32, 3))),
        classes=len(names),
        class_names=names,
        seed=seed,
    )
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.9
    return model


def part_of(x: np.ndarray, y: np.ndarray, classes: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """The pictures of some classes, numbered anew from 0."""
    chosen = np.isin(y, classes)
    return x[chosen], np.array([classes.index(k) for k in y[chosen]])


start = time.perf_counter()
pretrained = network([class_names[k] for k in old], options.seed)
pretrained.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = pretrained.fit(
    *part_of(x_train, y_train, old),
    batch_size=options.batch_size,
    epochs=options.epochs,
    validation_split=0.1,
    callbacks=callbacks.EarlyStopping(patience=3, restore_best_weights=True),
    verbose=options.verbose,
)
eight = pretrained.evaluate(*part_of(x_test, y_test, old), return_dict=True)["accuracy"]
pretrained.save(output / "pretrained.safetensors")
print(f"Eight classes: test accuracy {100 * eight:.2f} %")
if history.interrupted:
    sys.exit(130)


# %% Two classes, few pictures, three ways
def learn(model: Model, x: np.ndarray, y: np.ndarray, learning_rate: float = 1e-3) -> float:
    """Train on few pictures; the accuracy on all test pictures of the two classes."""
    model.compile(
        optimizers.Adam(learning_rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    if model.fit(x, y, batch_size=32, epochs=FEW_EPOCHS, verbose=0).interrupted:
        sys.exit(130)
    return model.evaluate(x_two, y_two, return_dict=True)["accuracy"]


x_two, y_two = part_of(x_test, y_test, new)
ways = ("from scratch", "convolutions frozen", "then fine-tuned")
accuracies: dict[str, list[list[float]]] = {way: [] for way in ways}
for size in sizes:
    repetitions = []
    for repetition in range(REPETITIONS):
        # the larger sets hold the smaller ones
        rng = np.random.default_rng((options.seed, repetition))
        few = np.concatenate([rng.permutation(np.flatnonzero(y_train == k))[:size] for k in new])
        x_few, y_few = part_of(x_train[few], y_train[few], new)

        scratch = network(new_names, options.seed + 1 + repetition)
        from_scratch = learn(scratch, x_few, y_few)

        model = pretrained.replace_head(new_names)  # a copy with a new last layer
        model.freeze("conv", "batch")
        frozen = learn(model, x_few, y_few)

        model.unfreeze()
        model.freeze("batch")  # 20 pictures are too few to say what is normal
        tuned = learn(model, x_few, y_few, learning_rate=1e-4)
        repetitions.append([from_scratch, frozen, tuned])
    for way, of_way in zip(ways, zip(*repetitions, strict=True), strict=True):
        accuracies[way].append(list(of_way))
    print(
        f"{size} pictures of each: "
        + ", ".join(f"{way} {100 * np.mean(accuracies[way][-1]):.1f} %" for way in ways)
    )
seconds = time.perf_counter() - start

# %% The results as pictures and numbers
# the last one, of the most pictures; it knows the names of its classes
model.save(output / "model.safetensors")
title = f"{new_names[0].capitalize()} or {new_names[1]}? {data_name}"
comparison = accuracy_by_size([2 * size for size in sizes], accuracies, chance=0.5, title=title)
comparison.save(output / "comparison.png")
plots.learning_curves(history, title=f"Pre-training on eight classes: {data_name}").save(
    output / "pretraining.png"
)
metrics = {
    "data": {
        "source": "synthetic" if program.warning else "real",
        "name": data_name,
        "train": len(x_train),
        "test": len(x_test),
    },
    "new_classes": new_names,
    "eight_classes": {"test_accuracy": eight, "epochs_run": len(history.epoch)},
    "pictures_per_class": sizes,
    "test_accuracy": accuracies,  # by way, then size, then repetition
    "seconds": seconds,
    "options": {
        name: str(value) if isinstance(value, Path) else value
        for name, value in vars(options).items()
    },
    "environment": {"minicnn": minicnn.__version__, **report.environment()},
}
(output / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
print(
    f"\nTest accuracy, {new_names[0]} or {new_names[1]}, means of "
    f"{REPETITIONS}:\n{comparison.to_text()}\n"
)
print(f"Results in {output}:", *sorted(path.name for path in output.iterdir()))
if program.warning:
    print(program.warning)
print(f"next: minicnn predict PICTURE --model {output}")
