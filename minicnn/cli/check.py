"""`minicnn check`: what a careful practitioner looks at before a long training."""

import argparse
from dataclasses import asdict

from minicnn import preflight
from minicnn.cli import few
from minicnn.cli.common import add_model, declare, show, whole
from minicnn.cli.pictures import add_untrained, model_and_pictures


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "check",
        "check a model before a long training",
        "Check that the loss of an untrained model is that of guessing, that it can learn 50 pictures by heart, that "
        "its gradients are right, that its units are alive and that an epoch has steps enough. Takes less than a "
        "minute; exits with 1 when a check fails.",
        "check --data photographs/",
    )
    add_model(parser, default=None)
    add_untrained(parser)
    parser.add_argument("--seed", type=whole, default=0, help="of the weights (default 0)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print a line per check, as soon as it is known; 1 if one has failed."""
    model, pictures = model_and_pictures(options)
    findings, batch_size = [], few.batch_size(len(pictures.train[0]))
    for finding in preflight.check(model, *pictures.train, seed=options.seed, batch_size=batch_size):
        findings.append(finding)
        if not options.json:
            print(finding, flush=True)
    passed = all(finding.passed for finding in findings)
    if options.json:
        show(options, {"passed": passed, "checks": [asdict(finding) for finding in findings]}, "")
    return 0 if passed else 1
