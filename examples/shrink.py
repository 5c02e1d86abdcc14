"""Make the documented network smaller, and look at what it costs.

    python examples/shrink.py                          # train it first: some minutes more
    python examples/shrink.py --model runs/latest      # begin with one that is trained
    python examples/shrink.py --limit 5000             # a first look

Whole filters go, the least important ones: at half the multiplications, and at 16, 32 and 64 of the
32, 64 and 128 filters. Or four of five weights become 0, which no processor notices, but the
compressed file does. Each of these is trained on for a few epochs. Or all numbers become whole ones
of 8 bits, after a look at 512 pictures. All are set beside the whole network: accuracy, size and
time.
"""

# %% Imports; they also work in a fresh clone of which nothing is installed
import gzip
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

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
    models,
    optimizers,
    plots,
    pruning,
    quantize,
    report,
    runs,
    schedules,
)

BATCH = 64  # pictures whose time is measured
ROUNDS = 30
CALIBRATION = 512  # pictures on which is measured how large values become

# %% What can be chosen on the command line, and the pictures: CIFAR-10 where it can be had;
# otherwise drawn shapes, and then nobody shall overlook it
program = runs.Program(
    "Make the documented network smaller in several ways, and compare accuracy, size and time.",
    example="python examples/shrink.py --model runs/latest --data cifar-10-python.tar.gz",
    kind="shrunk",
    epochs=100,
    epochs_of_shapes=10,
    batch_size=64,
    holds_out=True,
)
program.parser.add_argument(
    "--model", metavar="PATH", help="begin with this model file or run (default: train one)"
)
program.parser.add_argument(
    "--more-epochs",
    type=int,
    default=15,
    metavar="N",
    help="passes over the pictures for each pruned version (%(default)s)",
)
options = program.parse()
pictures = program.load()
output = options.output or runs.unused_folder(f"{program.source}-shrunk")
try:
    output.mkdir(parents=True)
except OSError as error:
    program.parser.error(f"--output expects a new folder that can be written: {error}")

# %% The whole network: trained as train_cifar.py does it, or one that is there
if options.model:
    model = models.load_model(runs.model_file(options.model), compile=False)
else:
    model = applications.DocumentedCNN(
        input_tensor=layers.Rescaling(1 / 255)(Input((32, 32, 3))),
        class_names=pictures.class_names,
        seed=options.seed,
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        *pictures.train,
        batch_size=options.batch_size,
        epochs=options.epochs,
        validation_data=pictures.validation,
        callbacks=[
            callbacks.ReduceLROnPlateau(factor=0.1, patience=5),
            callbacks.EarlyStopping(patience=10, restore_best_weights=True),
        ],
        verbose=options.verbose,
    )
    if history.interrupted:
        sys.exit(130)


# %% How a pruned version learns on: with the learning rate that the whole one began with, which
# falls to 0
def trained_on(smaller: Model, *more: callbacks.Callback) -> Model:
    """The model, after some more epochs."""
    steps = options.more_epochs * -(-len(pictures.train[0]) // options.batch_size)
    smaller.compile(
        optimizers.Adam(schedules.CosineDecay(1e-3, steps)),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    history = smaller.fit(
        *pictures.train,
        batch_size=options.batch_size,
        epochs=options.more_epochs,
        callbacks=[*more],
        verbose=options.verbose,
    )
    if history.interrupted:
        sys.exit(130)
    return smaller


# %% What a version is worth
def measured(name: str, version: Any, multiplications: int) -> dict[str, float]:
    """Its accuracy, the size of its file, plain and compressed, and its time."""
    path = output / f"{name}.safetensors"
    x, y = pictures.test
    right = version.predict(x, verbose=0).argmax(axis=-1) == y.reshape(-1)
    times: dict[int, list[float]] = {BATCH: [], 1: []}
    for size, found in times.items():
        for _ in range(ROUNDS):
            start = time.perf_counter()
            version.predict(x[:size], batch_size=size, verbose=0)
            found.append(1000 * (time.perf_counter() - start))
    return {
        "accuracy": float(right.mean()),
        "multiplications": multiplications,
        "parameters": version.count_params(),
        "kilobytes_plain": path.stat().st_size / 1000,
        "kilobytes": len(gzip.compress(path.read_bytes(), 9)) / 1000,
        "milliseconds": statistics.median(times[BATCH]),
        "milliseconds_one": statistics.median(times[1]),
    }


# %% The versions. Filters that are left keep what they have learnt, and training brings back most
# of what went with the others.
versions: dict[str, Model] = {"whole": model}
half = pruning.prune_filters(model, multiplications=0.5)
print(f"\nHalf the multiplications:\n{pruning.savings(model, half)}")
versions["half"] = trained_on(half)

filters = {
    layer.name: layer.filters // 2 for layer in model.layers if isinstance(layer, layers.Conv2D)
}
quarter = pruning.prune_filters(model, filters=filters)
print(f"\nHalf the filters:\n{pruning.savings(model, quarter)}")
versions["half-the-filters"] = trained_on(quarter)

sparse = pruning.prune_filters(model, keep=1.0)  # all filters: a copy
versions["sparse"] = trained_on(sparse, pruning.MagnitudePruning(0.8))
print(f"\n{100 * pruning.sparsity(sparse):.0f} % of the weights are 0")

results: dict[str, dict[str, float]] = {}
for name, version in versions.items():
    version.save(output / f"{name}.safetensors", optimizer=False)
    results[name] = measured(name, version, pruning.savings(model, version).multiplications[1])

# %% Whole numbers of 8 bits: as many multiplications, a quarter of the room. minicnn computes them
# in NumPy, to be checked; LiteRT and ONNX Runtime are where they are fast, see docs/shrink.md.
int8 = quantize.quantized(model, pictures.train[0][:CALIBRATION])
int8.save(output / "int8.safetensors")
results["int8"] = measured("int8", int8, int(results["whole"]["multiplications"]))

# %% The results as pictures and numbers
data_name = "SYNTHETIC shapes, not CIFAR-10" if program.warning else pictures.name
picture = plots.trade(results, title=f"The documented network, made smaller: {data_name}")
picture.save(output / "trade.png")
(output / "metrics.json").write_text(
    json.dumps(
        {
            "data": {"name": data_name, "train": len(pictures.train[0])},
            "versions": results,
            "options": {
                name: str(value) if isinstance(value, Path) else value
                for name, value in vars(options).items()
            },
            "environment": {"minicnn": minicnn.__version__, **report.environment()},
        },
        indent=2,
    )
    + "\n",
    encoding="utf-8",
)
print(f"\n{picture.to_text()}\n")
print(f"Results in {output}:", *sorted(path.name for path in output.iterdir()))
if program.warning:
    print(program.warning)
print(f"next: minicnn predict PICTURE --model {output}/half.safetensors")
