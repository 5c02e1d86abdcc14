"""Train a small GoogLeNet on CIFAR-10: inception blocks, as Zhang et al. 2016 arrange them.

    python examples/train_inception.py                # the whole training: 90 minutes on two cores
    python examples/train_inception.py --limit 5000   # a first look

An inception block looks at a picture with kernels of two sizes at once and joins what they see. The
network is written in minicnn/models/zoo/inception.py. The recipe is that of train_resnet.py with a
lower learning rate. The test pictures are looked at once, at the end.
"""

# %% Imports; they also work in a fresh clone of which nothing is installed
import sys
from pathlib import Path

try:
    import minicnn  # noqa: F401
except ModuleNotFoundError:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from minicnn import Input, applications, callbacks, layers, optimizers, runs, schedules

# %% What can be chosen on the command line, and the pictures: CIFAR-10 where it can be had;
# otherwise drawn shapes, and then nobody shall overlook it
program = runs.Program(
    "Train a small GoogLeNet on CIFAR-10 and report how good it is.",
    example="python examples/train_inception.py --data cifar-10-python.tar.gz",
    kind="inception",
    epochs=10,
    batch_size=128,
    goes_on=True,
)
options = program.parse()
pictures = program.load()

# %% The network: pictures are mirrored or not and shifted by up to four pixels, each time anew;
# then eight inception blocks, in three sizes of maps, and a dense layer decides
inputs = Input((32, 32, 3))
x = layers.RandomFlip("horizontal")(inputs)
x = layers.RandomCrop(32, 32, padding=4)(x)
x = layers.Rescaling(1 / 127.5, offset=-1)(x)
model = applications.SmallInception(
    input_tensor=x, classes=10, class_names=pictures.class_names, seed=options.seed
)
steps = options.epochs * -(-len(pictures.train[0]) // options.batch_size)
model.compile(
    optimizers.SGD(
        schedules.OneCycle(0.1, steps, peak_at=0.2),
        momentum=0.9,
        nesterov=True,
        weight_decay=5e-3,
    ),
    "sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.summary()

# %% Training, in a run folder. Ctrl-C ends it early; the same command with --resume RUN goes on
# where it was.
run = program.begin(model)
history = model.fit(
    *pictures.train,
    batch_size=options.batch_size,
    epochs=options.epochs,
    callbacks=[callbacks.ModelCheckpoint(run.model_file), runs.HistoryFile(run.history_file)],
    resume=run.checkpoint,
    verbose=options.verbose,
)

# %% The evaluation, on pictures that it has not been trained on: numbers, plots, and a page with
# all of it. `minicnn predict`, `evaluate`, `explain` and `report` know the run folder.
program.finish(run, model, history, two_views=True)
