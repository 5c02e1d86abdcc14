"""`minicnn compare`: two models side by side."""

import argparse
from pathlib import Path
from typing import Any

from minicnn import models, quantize, runs
from minicnn.cli.common import show
from minicnn.cli.evaluate import run_of, to_test_on
from minicnn.cli.own_classes import own_classes
from minicnn.cli.pictures import fit_classes, picture_size
from minicnn.errors import ModelFileError
from minicnn.report.comparison import Comparison, compared
from minicnn.types import Array


def run(options: argparse.Namespace) -> int:
    """Print the comparison."""
    paths = [runs.model_file(one) for one in (options.before, options.after)]
    before, after = (either(path, own_classes(options.imports)) for path in paths)
    pictures, _ = to_test_on(options, picture_size(before), run_of(options.before))
    x, y = fit_classes(pictures, before.class_names).test
    found = side_by_side(before, after, x, y, paths)
    result = {"data": pictures.name} | found.to_dict()
    show(options, result, f"{pictures.name}\n\n{found.to_text()}")
    return 0


def either(path: Path, own: Any) -> Any:
    """The model in a file, of layers or in whole numbers."""
    try:
        return models.load_model(path, own)
    except ModelFileError as error:
        try:
            return quantize.load_model(path)
        except ModelFileError:
            raise error from None


def side_by_side(before: Any, after: Any, x: Array, y: Array, paths: list[Path]) -> Comparison:
    """Both models, called as their files are."""
    if before.input_shape != after.input_shape:
        raise ValueError(
            f"compare expected models for the same pictures, received {before.input_shape} and "
            f"{after.input_shape}"
        )
    a, b = (path.stat().st_size for path in paths)
    return compared(before, after, x, y, (str(paths[0]), str(paths[1])), (a, b))
