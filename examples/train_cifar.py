"""Train the documented convolutional network on CIFAR-10, then look at what it has learnt.

    python examples/train_cifar.py                # the whole training: some minutes
    python examples/train_cifar.py --limit 5000   # a first look

CIFAR-10 is 60,000 colour photographs of 32x32 pixels, each showing one of ten kinds of thing. This
program reads from
top to bottom: get the pictures, build the network, train it, evaluate it on pictures it never saw,
    keep the results.
"""

# %% Imports; they also work in a fresh clone of which nothing is installed
import sys
from pathlib import Path

try:
    import minicnn  # noqa: F401
except ModuleNotFoundError:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from minicnn import Input, Sequential, callbacks, layers, runs

# %% What can be chosen on the command line, and the pictures: CIFAR-10 where it can be had;
# otherwise drawn shapes, and then nobody shall overlook it
program = runs.Program(
    "Train a small convolutional network on CIFAR-10 and report how good it is.",
    example="python examples/train_cifar.py --data cifar-10-python.tar.gz",
    epochs=100,
    epochs_of_shapes=10,
    batch_size=64,
    holds_out=True,
)
options = program.parse()
pictures = program.load()

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
    class_names=pictures.class_names,
    seed=options.seed,
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.summary()

# %% Training, in a run folder. Ctrl-C ends it early and keeps what there is. The last fifth of the
# pictures only tells when the network stops getting better.
run = program.begin(model)
history = model.fit(
    *pictures.train,
    batch_size=options.batch_size,
    epochs=options.epochs,
    validation_data=pictures.validation,
    callbacks=[
        callbacks.ReduceLROnPlateau(factor=0.1, patience=5),
        callbacks.EarlyStopping(patience=10, restore_best_weights=True),
        callbacks.ModelCheckpoint(run.model_file, save_best_only=True),
        runs.HistoryFile(run.history_file),
    ],
    verbose=options.verbose,
)

# %% The evaluation, on pictures that it has not been trained on: numbers, plots, and a page with
# all of it. `minicnn predict`, `evaluate`, `explain` and `report` know the run folder.
program.finish(run, model, history)
