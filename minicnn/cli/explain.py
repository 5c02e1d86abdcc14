"""`minicnn explain`: what a model looks at in a picture, and what its layers make of it."""

import argparse
from pathlib import Path

from minicnn.cli.common import add_model, declare, load_model, show, writing


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "explain",
        "show what a model looks at in a picture",
        "Save where a model looks for its answer (Grad-CAM, saliency and occlusion side by side), what every layer "
        "makes of the picture, the filters of the first layer, and how im2col lays the picture out.",
        "explain cat.jpg --model runs/latest --output explained",
    )
    parser.add_argument("picture", metavar="PICTURE", help="a picture of any size and form")
    add_model(parser)
    parser.add_argument("--class", dest="class_name", metavar="NAME", help="explain this class (default: the answer)")
    parser.add_argument("--output", type=Path, default=Path("explained"), help="folder for the files (explained)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Save four plots; print where the model looks and where they are."""
    from minicnn import explain, plots  # matplotlib takes its time

    model = load_model(options)
    prediction = model.predict_image(options.picture, top=1)
    picture = prediction.seen[..., : model.layers[0].input_shape[-1]]
    index = None
    if options.class_name is not None:
        names = model.class_names or []
        if options.class_name not in names:
            raise ValueError(f"--class expected one of {', '.join(names)}, received {options.class_name!r}")
        index = names.index(options.class_name)
    maps = [look(model, picture, index) for look in (explain.grad_cam, explain.saliency, explain.occlusion)]
    drawn = {
        "where": plots.heat_overlay(maps),
        "layers": explain.activations(model, picture).plot(),
        "filters": explain.filters(model).plot(),
        "im2col": explain.im2col(picture).plot(),
    }
    with writing(options.output):
        options.output.mkdir(parents=True, exist_ok=True)
        saved = [str(plot.save(options.output / f"{name}.png")) for name, plot in drawn.items()]
    result = {"prediction": prediction.to_dict(), "maps": [found.to_dict() for found in maps], "saved": saved}
    show(options, result, "\n\n".join([*(found.to_text() for found in maps), f"Saved {', '.join(saved)}"]))
    return 0
