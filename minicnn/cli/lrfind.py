"""`minicnn lrfind`: which learning rate to train with."""

import argparse
import contextlib
import sys

from minicnn.cli import few
from minicnn.cli.common import show, writing
from minicnn.cli.options import as_text, command
from minicnn.cli.pictures import model_and_pictures
from minicnn.training.usual_loss import loss_for


def run(options: argparse.Namespace) -> int:
    """Print losses by learning rate and the suggestion."""
    model, pictures = model_and_pictures(options)
    model.compile(model.optimizer or "adam", loss_for(model))
    with contextlib.redirect_stdout(sys.stderr):  # where progress belongs
        found = model.lr_find(
            *pictures.train, batch_size=options.batch_size or few.batch_size(len(pictures.train[0]))
        )
    text, saved = found.to_text(), None
    given = {
        name: getattr(options, name) for name in ("data", "limit", "network", "model", "imports")
    }
    given["image_size"] = options.image_size and as_text(options.image_size)
    next_step = command(
        {
            **given,
            "batch_size": options.batch_size,
            "learning_rate": found.suggestion and float(f"{found.suggestion:.2g}"),
        }
    )
    if found.suggestion is not None:
        text += f"\n\nTrain with it: {next_step}"
    if options.output:
        from minicnn import plots  # matplotlib takes its time

        with writing(options.output):
            saved = str(plots.lr_finder(found).save(options.output))
        text += f"\n\nSaved {saved}"
    curve = {"learning_rates": list(found.learning_rates), "losses": list(found.losses)}
    show(
        options,
        {"suggestion": found.suggestion, "command": next_step, "saved": saved} | curve,
        text,
    )
    return 0
