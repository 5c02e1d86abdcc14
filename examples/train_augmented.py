"""Train the documented network twice, on the pictures as they are and on augmented ones, and
compare.

    python examples/train_augmented.py                # both trainings: some minutes each
    python examples/train_augmented.py --limit 5000   # a first look

Augmentation changes each picture a little every time the network sees it: mirrored or not, turned,
nearer or farther. That costs nothing but time, and a network that cannot learn its pictures by
heart has to learn what they show.
"""

# %% Imports; they also work in a fresh clone of which nothing is installed
import sys
from pathlib import Path

try:
    import minicnn  # noqa: F401
except ModuleNotFoundError:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from minicnn import Input, Model, applications, callbacks, layers, runs
from minicnn.plots.augmentation import augmentation_preview
from minicnn.plots.comparison import compared_curves

# %% What can be chosen on the command line, and the pictures: CIFAR-10 where it can be had;
# otherwise drawn shapes, and then nobody shall overlook it
program = runs.Program(
    "Train a small convolutional network on CIFAR-10 with and without augmentation, and compare.",
    example="python examples/train_augmented.py --data cifar-10-python.tar.gz",
    networks=["plain", "augmented"],
    epochs=100,
    batch_size=64,
    holds_out=True,
)
options = program.parse()
pictures = program.load()


# %% The network, with or without layers before it that change pictures at random. They do so in
# training only.
def network(augmentation: list[layers.Layer], name: str) -> Model:
    x = Input((32, 32, 3))
    for layer in [*augmentation, layers.Rescaling(1 / 255)]:
        x = layer(x)
    return applications.DocumentedCNN(
        input_tensor=x, name=name, seed=options.seed, class_names=pictures.class_names
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
histories, table = (
    {},
    [f"{'':12}  {'test accuracy':>13}  {'cross-entropy':>13}  {'epochs':>6}  {'seconds':>7}"],
)
for model in (plain, augmented):
    run = program.begin(model)
    print(f"\nTraining: {model.name}")
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
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
    model.save(run.model_file)
    evaluation = runs.finish(
        run, model, pictures.train, pictures.test, interrupted=history.interrupted
    )
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
preview = augmentation_preview(
    augmented, pictures.train[0][0], seed=options.seed, title="Augmentation"
)
curves = compared_curves(histories, title="With and without augmentation")
saved = [preview.save(run.folder / "augmentation.png"), curves.save(run.folder / "comparison.png")]
print(
    f"\nBest epochs\n{curves.to_text()}\n", *table, f"\nSaved {saved[0]} and {saved[1]}", sep="\n"
)
program.end(run, history)
