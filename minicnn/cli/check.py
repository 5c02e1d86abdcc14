"""`minicnn check`: what a careful practitioner looks at before a long training."""

import argparse
from dataclasses import asdict

from minicnn import preflight
from minicnn.cli import few
from minicnn.cli.common import show
from minicnn.cli.pictures import model_and_pictures


def run(options: argparse.Namespace) -> int:
    """Print a line per check, as soon as it is known; 1 if one has failed."""
    model, pictures = model_and_pictures(options)
    findings, batch_size = [], few.batch_size(len(pictures.train[0]))
    for finding in preflight.check(
        model, *pictures.train, seed=options.seed, batch_size=batch_size
    ):
        findings.append(finding)
        if not options.json:
            print(finding, flush=True)
    passed = all(finding.passed for finding in findings)
    if options.json:
        show(options, {"passed": passed, "checks": [asdict(finding) for finding in findings]}, "")
    return 0 if passed else 1
