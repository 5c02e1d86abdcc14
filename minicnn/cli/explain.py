"""`minicnn explain`: what a model looks at in a picture, and what its layers make of it."""

import argparse

from minicnn.cli.common import load_model, show, writing


def run(options: argparse.Namespace) -> int:
    """Save four plots; print where the model looks and where they are."""
    from minicnn import explain, plots  # matplotlib takes its time

    model = load_model(options)
    prediction = model.predict_image(options.picture, top=1)
    picture = prediction.seen[..., : model.input_shape[-1]]
    index = None
    if options.class_name is not None:
        names = model.class_names or []
        if options.class_name not in names:
            raise ValueError(
                f"--class expected one of {', '.join(names)}, received {options.class_name!r}"
            )
        index = names.index(options.class_name)
    maps = [
        look(model, picture, index)
        for look in (explain.grad_cam, explain.saliency, explain.occlusion)
    ]
    drawn = {
        "where": plots.heat_overlay(maps),
        "layers": explain.activations(model, picture).plot(),
        "filters": explain.filters(model).plot(),
        "im2col": explain.im2col(picture).plot(),
    }
    with writing(options.output):
        options.output.mkdir(parents=True, exist_ok=True)
        saved = [str(plot.save(options.output / f"{name}.png")) for name, plot in drawn.items()]
    result = {
        "prediction": prediction.to_dict(),
        "maps": [found.to_dict() for found in maps],
        "saved": saved,
    }
    show(
        options,
        result,
        "\n\n".join([*(found.to_text() for found in maps), f"Saved {', '.join(saved)}"]),
    )
    return 0
