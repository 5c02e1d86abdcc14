"""94 % on CIFAR-10 in eight epochs: the recipe of airbench94, which was made for speed, on a
processor.

    python examples/train_94.py     # the whole training: 7 to 15 minutes on two cores
    python examples/train_94.py --limit 5000 --batch-size 250     # a first look

Each piece saves epochs, and docs/ninety_four.md says how: a first layer that needs no training,
filters that begin by handing their input on, steps by Muon, large rates for biases, and pictures
that are mirrored in every other epoch. The test pictures are looked at once, at the end: from one
view, and from six. On a JPEG-compressed copy of CIFAR-10 the same network reaches about 91 %; the
program says which of the two it has.

Source: Jordan 2024, arXiv:2404.00498, and https://github.com/KellerJordan/cifar10-airbench,
    airbench94_muon.py, from which all numbers are.
"""

# %% Imports; they also work in a fresh clone of which nothing is installed
import sys
from pathlib import Path

import numpy as np

try:
    import minicnn  # noqa: F401
except ModuleNotFoundError:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from minicnn import (
    Input,
    Sequential,
    callbacks,
    constraints,
    initializers,
    layers,
    losses,
    optimizers,
    runs,
    schedules,
    utils,
)

WHITENED = 3  # epochs in which the first layer's bias is trained

# %% What can be chosen on the command line, and the pictures: CIFAR-10 where it can be had;
# otherwise drawn shapes, and then nobody shall overlook it
program = runs.Program(
    "Train a small convolutional network to 94 % on CIFAR-10, in as little time as it can be done.",
    example="python examples/train_94.py --data cifar-10-python.tar.gz",
    kind="94",
    epochs=8,
    batch_size=2000,
    goes_on=True,
)
options = program.parse()
pictures = program.load()
x_train, y_train = pictures.train

# %% The network: a convolution whose filters are not trained, three groups of two convolutions, and
# a dense layer. Normalisation takes away the length of a filter, so each is kept at 1, and a step
# of the optimizer turns it.
unit = constraints.UnitNorm(axis=[0, 1, 2])


def convolution(filters: int) -> layers.Layer:
    return layers.Conv2D(filters, 3, padding="same", use_bias=False, kernel_constraint=unit)


def normalization() -> layers.Layer:
    return layers.BatchNormalization(momentum=0.6, epsilon=1e-12, scale=False)


def group(filters: int) -> list[layers.Layer]:
    return [
        convolution(filters),
        layers.MaxPooling2D(),
        normalization(),
        layers.Activation("gelu"),
        convolution(filters),
        normalization(),
        layers.Activation("gelu"),
    ]


normalize = layers.Normalization().adapt(x_train)
whiten = layers.Conv2D(24, 2, name="whiten")
small = np.sqrt(3) / 256  # answers begin 256 times smaller than a dense layer's usually do
model = Sequential(
    [
        Input((32, 32, 3)),
        layers.RandomFlip("horizontal", alternate=True),
        layers.RandomCrop(32, 32, padding=2),
        normalize,
        whiten,
        layers.Activation("gelu"),
        *group(64),
        *group(256),
        *group(256),
        layers.MaxPooling2D(3),
        layers.Flatten(),
        layers.Dense(
            10,
            activation="softmax",
            use_bias=False,
            kernel_initializer=initializers.RandomUniform(-small, small),
            name="head",
        ),
    ],
    name="cnn_94",
    class_names=pictures.class_names,
    seed=options.seed,
)

# %% Where it begins. The first layer's filters make the 12 numbers of a patch of 2x2 pixels
# independent and equally large; with their negatives there are 24. Of all other filters as many as
# there are channels hand these on as they are.
patches = np.lib.stride_tricks.sliding_window_view(normalize(x_train[:5000]), (2, 2), axis=(1, 2))
patches = patches.transpose(0, 1, 2, 4, 5, 3).reshape(-1, 12)
variances, directions = np.linalg.eigh(patches.T @ patches / len(patches))
filters = (directions / np.sqrt(variances + 5e-4)).reshape(2, 2, 3, 12)
whiten.kernel.assign(np.concatenate([filters, -filters], axis=-1))
for layer in model.layers:
    if isinstance(layer, layers.Conv2D) and layer is not whiten:
        kernel = layer.kernel.numpy()
        channels = np.arange(kernel.shape[2])
        kernel[..., channels] = 0
        kernel[1, 1, channels, channels] = 1
        layer.kernel.assign(unit(kernel))

# %% How it learns: filters by Muon, biases and the last layer by Nesterov's momentum. All rates go
# down to nothing on a straight line; that of the first layer's bias does so in three epochs.
steps = -(-len(x_train) // options.batch_size)


def sgd(rate: float, epochs: int = options.epochs) -> optimizers.SGD:
    rate *= options.batch_size  # there the loss is the sum over a batch, here it is the mean
    return optimizers.SGD(
        schedules.PolynomialDecay(rate, epochs * steps, 0.0),
        momentum=0.85,
        nesterov=True,
        weight_decay=2e-6 / (1 - 0.85) * options.batch_size / rate,
    )


muon = optimizers.Muon(
    schedules.PolynomialDecay(0.24, options.epochs * steps, 0.0),
    momentum=0.6,
    ns_steps=3,
    rms_rate=None,
    weight_decay=None,
    include_filters=True,
)
others = {
    "whiten/kernel": optimizers.SGD(0.0),  # stays as it is
    "whiten/bias": sgd(0.053, WHITENED),
    ".*/beta": sgd(0.053),
    "head/kernel": sgd(0.67 / 256**2),  # of weights that are 256 times smaller
}
model.compile(
    optimizers.MultiOptimizer(optimizers.OptimizerMap(muon, others)),
    losses.CategoricalCrossentropy(label_smoothing=0.2),
    metrics=["accuracy"],
)
model.summary()


# %% Training, in a run folder. Ctrl-C ends it early; the same command with --resume RUN goes on
# where it was. After three epochs nothing of the first layer is trained, which saves time.
def freeze(epoch: int, _: dict) -> None:
    whiten.trainable = epoch < WHITENED


run = program.begin(model)
history = model.fit(
    x_train,
    utils.to_categorical(y_train, 10),
    batch_size=options.batch_size,
    epochs=options.epochs,
    callbacks=[
        callbacks.LambdaCallback(on_epoch_begin=freeze),
        callbacks.ModelCheckpoint(run.model_file),
        runs.HistoryFile(run.history_file),
    ],
    resume=run.checkpoint,
    verbose=options.verbose,
)


# %% The evaluation, on pictures that it has not been trained on: numbers, plots, and a page with
# all of it. Six views are each picture and its mirror image, both where they are and moved by a
# pixel to either side, which count half as much each. The mean is one of logarithms, as of logits.
def six_views(x: np.ndarray) -> np.ndarray:
    def both(x: np.ndarray) -> np.ndarray:
        return np.log(model.predict(x, verbose=0)) + np.log(model.predict(x[:, :, ::-1], verbose=0))

    wider = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), "reflect")
    return 2 * both(x) + both(wider[:, :-2, :-2]) + both(wider[:, 2:, 2:])


program.finish(run, model, history, views={"six views": six_views})
