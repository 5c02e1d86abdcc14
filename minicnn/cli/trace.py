"""`minicnn trace`: one training step on pictures of one's own, with every number in it."""

import argparse
import re
from typing import Any

import numpy as np

from minicnn.cli.common import load_model, show, writing
from minicnn.errors import did_you_mean
from minicnn.models.model import Model
from minicnn.models.pictures import picture_for


def run(options: argparse.Namespace) -> int:
    """Write the step as a file; print its table, or why the number that is asked for is so."""
    from minicnn import explain  # what loads it takes its time

    place = None if options.why is None else asked(options.why)
    model = load_model(options)
    pictures = np.stack([picture_for(model, picture) for picture in options.pictures])
    labels = labels_of(model, options.label, len(pictures))
    step = explain.trace(model, pictures, labels, options.optimizer, limit=options.limit)
    result: dict[str, Any] = {"about": step.about, "rows": step.rows, "saved": None, "why": None}
    lines = [] if place is not None else [step.to_text()]
    if place is not None:
        why = explain.why(step, *place)
        result["why"] = why.to_dict()
        lines.append(why.to_text())
    if options.output is not None:
        with writing(options.output):
            saved = step.save(options.output)
        result["saved"] = str(saved)
        lines.append(f"Saved {saved}; docs/see/network.html shows it")
    show(options, result, "\n".join(lines))
    return 0


def labels_of(model: Model, given: list[str], count: int) -> np.ndarray:
    """The numbers of the classes that are named, one for each picture.

    Raises ValueError for other names, and for another number of them.
    """
    names = model.class_names or [str(number) for number in range(model.classes)]
    for name in given:
        if name not in names:
            raise ValueError(
                f"--label expected a class of the model, received {name!r}."
                f"{did_you_mean(name, names)}"
            )
    if len(given) not in (1, count):
        raise ValueError(
            f"--label expected one class for all pictures or one for each of {count}, received "
            f"{len(given)}: repeat --label, in the order of the pictures"
        )
    return np.array([names.index(name) for name in given * (count if len(given) == 1 else 1)])


def asked(text: str) -> tuple[str, tuple[int, ...]]:
    """The name and the place in "conv2d/kernel[0,1,2,5]". Raises ValueError for anything else."""
    # the last brackets: a name may have its own, "conv2d[1]/output[0,1]"
    found = re.fullmatch(r"(\S.*)\[\s*((?:\d+\s*(?:,\s*\d+\s*)*)?)\]", text.strip())
    if found is None:
        raise ValueError(
            "--why expected a name and a place, such as 'conv2d/kernel[0,1,2,5]' or "
            f"'loss/value[]', received {text!r}"
        )
    return found[1].strip(), tuple(int(part) for part in found[2].split(",") if part.strip())
