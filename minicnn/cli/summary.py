"""`minicnn summary`: the layers of a model, what they weigh and how much work they are."""

import argparse

from minicnn.cli.common import load_model, show, writing
from minicnn.network import steps
from minicnn.network.summary import described


def run(options: argparse.Namespace) -> int:
    """Print the table, and the plan; save the picture."""
    model = load_model(options)
    lines: list[str] = []
    model.summary(lines.append, flops=True, receptive_field=True, expand_nested=options.expand)
    result = described(model)
    if options.plan:
        planned = steps.steps(model)
        lines.append(steps.as_text(model, planned))
        result["plan"] = [step._asdict() for step in planned]
    if options.output:
        from minicnn import plots  # matplotlib takes its time

        with writing(options.output):
            result["saved"] = str(
                plots.network(model, expand_nested=options.expand).save(options.output)
            )
        lines.append(f"Saved {result['saved']}")
    show(options, result, "\n\n".join(lines))
    return 0
