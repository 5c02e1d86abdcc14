"""`minicnn predict`: what a model says to one's own pictures."""

import argparse
from pathlib import Path

import numpy as np

from minicnn.cli.common import load_model, show, writing
from minicnn.cli.messages import say
from minicnn.models.model import Model
from minicnn.models.pictures import ImagePrediction, predict_images
from minicnn.wording import percent


def run(options: argparse.Namespace) -> int:
    """Print the predictions, and what could not be read on stderr; then 1."""
    model = load_model(options)
    found, errors = predict_images(model, options.pictures, options.top)
    folder = options.output or (Path("seen") if options.explain else None)
    saved: list[str] = []
    if folder and found:
        with writing(folder):
            saved = save(model, found, folder, options.explain)
    lines = [f"{path}: {as_text(prediction)}" for path, prediction in found.items()]
    if found:
        known = next(iter(found.values())).known
        lines += [
            f"\nThe model knows {known} classes and chooses among them, whatever a picture shows."
        ]
    lines += [f"Saved {path}" for path in saved]
    result = {
        "predictions": {path: prediction.to_dict() for path, prediction in found.items()},
        "errors": {path: str(error) for path, error in errors.items()},
        "saved": saved,
    }
    if found or options.json:
        show(options, result, "\n".join(lines))
    for error in errors.values():
        say(options, error)
    if not found and not errors:
        say(options, f"no picture in {', '.join(options.pictures)}")
    return 0 if found and not errors else 1


def as_text(prediction: ImagePrediction) -> str:
    """The classes with their probabilities in one line."""
    answers = zip(prediction.classes, prediction.probabilities, strict=True)
    text = ", ".join(f"{name} {percent(probability)}" for name, probability in answers)
    return text if prediction.confident else f"{text} (low confidence)"


def save(
    model: Model, found: dict[str, ImagePrediction], folder: Path, explained: bool
) -> list[str]:
    """Save what the model saw, all on one sheet, and, if asked for, each picture with where the
    model looks.
    """
    from minicnn import explain, plots  # matplotlib takes its time

    folder.mkdir(parents=True, exist_ok=True)
    answers = [prediction.classes[0] for prediction in found.values()]
    names = sorted(set(answers))
    labels = np.array([names.index(answer) for answer in answers])
    seen = np.stack([prediction.seen for prediction in found.values()])
    sheet = plots.image_grid(
        seen, labels, names, rows=-(-len(seen) // 8), title="What the model sees, and its answers"
    )
    saved = [str(sheet.save(folder / "seen.png"))]
    for number, (path, picture) in enumerate(zip(found, seen, strict=True) if explained else []):
        cam = explain.grad_cam(model, picture[..., : model.input_shape[-1]])
        saved.append(str(cam.plot().save(folder / f"{number:03}-{Path(path).stem}.png")))
    return saved
