"""The sentence that `train` and `evaluate` end with: what has come of a run."""

from collections.abc import Mapping
from typing import Any

from minicnn import report
from minicnn.errors import DataError
from minicnn.runs import Run


def verdict(run: Run, test: Mapping[str, Any]) -> report.Verdict | None:
    """The verdict on a run with that evaluation, as `Evaluation.to_dict` makes it; None before an
    epoch has ended.

    Raises DataError when the run's files do not say what is needed.
    """
    try:
        return report.judge_run(run.config, run.history, test)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"{run.folder} is no whole run: config.json or history.csv is wrong ({error})"
        ) from error


def shown(text: str, judged: report.Verdict | None) -> str:
    """A result and, below it, the verdict."""
    return text if judged is None else f"{text}\n\n{judged}"


def keyed(judged: report.Verdict | None) -> dict[str, Any]:
    """For `--json`."""
    return {"verdict": None if judged is None else {"kind": judged.kind, "text": str(judged)}}
