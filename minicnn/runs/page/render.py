"""The page of a run."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from minicnn.report import judge_run
from minicnn.runs.page.parts import (
    FIGURES,
    Picture,
    calibration_table,
    classes_table,
    confused_pairs,
    facts,
    figure,
    key_figures,
    layers_table,
    matrix,
    verdict,
)
from minicnn.runs.page.template import PAGE, STYLE


def render(
    name: str,
    config: Mapping[str, Any],
    history: Mapping[str, Sequence[float]],
    metrics: Mapping[str, Any],
    pictures: Mapping[str, Picture],
) -> str:
    """The page of a run.

    Args:
        name: what the run is called.
        config: as `minicnn train` writes it to config.json.
        history: every column of history.csv; may be empty.
        metrics: as in metrics.json; empty while the training has not ended.
        pictures: any of those that FIGURES names.

    The result is HTML.
    """
    data, model, test = config["data"], config["model"], metrics.get("test", {})
    epochs = len(history.get("epoch", []))
    shown = {name: figure(name, picture) for name, picture in pictures.items() if name in FIGURES}
    sections: dict[str, list[str]] = {
        "How it learnt": [shown.get("curves", "")],
        "Which classes it confuses": [shown.get("confusion", "")],
        "Class by class": [],
        "Its most confident mistakes": [shown.get("mistakes", "")],
        "How far its probabilities can be trusted": [shown.get("reliability", "")],
        "What it was trained on": [shown.get("pictures", ""), shown.get("classes", "")],
        "What its first layer looks for": [shown.get("filters", "")],
        "The network": [layers_table(model["layers"])],
        "How to repeat it": [facts(config)],
    }
    if test:
        sections["Which classes it confuses"] += [matrix(test), confused_pairs(test)]
        sections["Class by class"] += [classes_table(test)]
        sections["How far its probabilities can be trusted"] += [calibration_table(test)]
    judged = judge_run(config, history, test)
    content = [key_figures(test, history)] if epochs else []
    content += [
        f"<h2>{heading}</h2>\n{''.join(parts)}" for heading, parts in sections.items() if any(parts)
    ]
    subtitle = (
        f"{model['name']}, {model['parameters']:,} parameters, on {data['name']}: "
        f"{data['train']:,} training, "
        f"{data['validation']:,} validation and {data['test']:,} test pictures"
    )
    return PAGE.substitute(
        title=escape(f"minicnn: {name}"),
        style=STYLE,
        heading=escape(name),
        subtitle=escape(subtitle),
        verdict=verdict(judged) if judged else "",
        notice="".join(
            f'<p class="notice">{escape(text)}</p>\n' for text in notices(data, metrics, epochs)
        ),
        content="\n".join(content),
    )


def notices(data: Mapping[str, Any], metrics: Mapping[str, Any], epochs: int) -> Iterable[str]:
    """What a reader must know before reading on."""
    if data["synthetic"]:
        yield "Synthetic data: the pictures are drawn shapes, not photographs."
    if not metrics:
        yield (
            f"This training has not ended, or was killed, after {epochs} epochs. Nothing is "
            "evaluated yet."
        )
    elif metrics["interrupted"]:
        yield (
            f"This training was interrupted after {epochs} epochs. What follows is of the best of "
            "them."
        )
