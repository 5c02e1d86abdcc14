"""`minicnn quantize`: a model in whole numbers of 8 bits, and what that costs."""

import argparse
import contextlib
import sys

from minicnn import quantize, runs
from minicnn.cli.common import load_model, show, writing
from minicnn.cli.compare import side_by_side
from minicnn.cli.evaluate import run_of, to_test_on
from minicnn.cli.messages import say
from minicnn.cli.pictures import Pictures, fit_classes, load, picture_size
from minicnn.models.model import Model
from minicnn.optimizers import Adam

OWN = ".safetensors"


def run(options: argparse.Namespace) -> int:
    """Write the file, and print what was won and lost."""
    model, run = load_model(options), run_of(options.model)
    size = picture_size(model)
    tested, _ = to_test_on(options, size, run)
    tested = fit_classes(tested, model.class_names)
    train = tested
    if not len(train.train[0]):  # of a folder that is to test on
        train = fit_classes(load(options.data, options.limit, size), model.class_names)
    whole = whole_of(options, model, train)
    with writing(options.to):
        whole.save(options.to) if options.to.suffix == OWN else whole.export(options.to)
    paths = [runs.model_file(options.model), options.to]
    found = side_by_side(model, whole, *tested.test, paths)
    result = {"data": tested.name, "saved": str(options.to)} | found.to_dict()
    show(options, result, f"{tested.name}\n\n{found.to_text()}\n\nSaved {options.to}")
    return 0


def whole_of(
    options: argparse.Namespace, model: Model, pictures: Pictures
) -> quantize.QuantizedModel:
    """The model in whole numbers."""
    x, y = pictures.train
    some = x[:: max(1, len(x) // options.pictures)][: options.pictures]
    if options.aware is None:
        return quantize.quantized(model, some, options.observer)
    say(options, f"training on with rounded numbers, {len(x):,} pictures")
    careful = quantize.aware(model, some, options.observer, seed=0)
    loss = model.loss or "sparse_categorical_crossentropy"
    careful.compile(Adam(options.learning_rate), loss, ["accuracy"])
    with contextlib.redirect_stdout(sys.stderr):  # stdout is for the result
        careful.fit(x, y, epochs=options.aware, batch_size=128)
    return quantize.quantized(careful)
