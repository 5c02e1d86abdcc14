"""`minicnn gradcheck`: every layer's backward beside numerical derivatives."""

import argparse

from minicnn import testing
from minicnn.cli.common import show
from minicnn.cli.own_classes import own_classes
from minicnn.cli.own_gradients import own_reports
from minicnn.machine.presence import NUMBA
from minicnn.testing import GradientReport


def run(options: argparse.Namespace) -> int:
    """Print the worst relative gradient error of every layer, those of one's own included, and of a
    whole network; 1 if one is too large.
    """
    own = own_reports(own_classes(options.imports), options.layer, options.seed)
    reports: list[tuple[str, GradientReport, float]] = [
        (name, report, testing.TOLERANCE) for name, (report, _) in own.items()
    ]
    for name, (layer, shape) in testing.standard_cases().items():
        if name.lower().startswith(options.layer.lower()):
            report = testing.measure_layer(layer, shape, batch=3, seed=options.seed, samples=200)
            reports.append((name, report, testing.TOLERANCE))
    for loss in testing.standard_losses():
        if loss.name.lower().startswith(options.layer.lower()):
            reports.append(
                (loss.name, testing.measure_loss(loss, seed=options.seed), testing.TOLERANCE)
            )
    if not options.layer:
        model = testing.standard_model()
        reports.append(
            (model.name, testing.measure_model(model, seed=options.seed), testing.MODEL_TOLERANCE)
        )
    if not reports:
        raise ValueError(f"no layer begins with {options.layer!r}")
    lines = [
        f"{'layer or loss':<46} {'worst error':>11}  {'allowed':>7}  {'checked':>7}  {'kinks':>5}"
    ]
    if not NUMBA:
        lines.insert(0, "numba is not installed: these are the layers in NumPy, without the engine")
    rows = []
    for name, report, tolerance in reports:
        checked = sum(tensor.checked for tensor in report.tensors.values())
        kinks = sum(tensor.kinks for tensor in report.tensors.values())
        passed = report.error <= tolerance
        rows.append(
            {
                "name": name,
                "error": report.error,
                "allowed": tolerance,
                "checked": checked,
                "kinks": kinks,
            }
            | {"passed": passed}
        )
        verdict = "PASS" if passed else "FAIL"
        lines.append(
            f"{name:<46} {report.error:>11.1e}  {tolerance:>7.0e}  {checked:>7}  {kinks:>5}  "
            f"{verdict}"
        )
    failed = [
        report for (_, report, _), row in zip(reports, rows, strict=True) if not row["passed"]
    ]
    mistakes = {id(report): mistake for report, mistake in own.values()}
    for report in failed:
        lines += [f"\n{report}", *filter(None, [mistakes.get(id(report))])]
    show(options, {"passed": not failed, "checks": rows}, "\n".join(lines))
    return 1 if failed else 0
