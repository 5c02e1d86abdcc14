"""What a page is put together from: figures, tables and large numbers, each a piece of HTML."""

import base64
import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import log
from typing import Any

from minicnn.report import Verdict
from minicnn.wording import duration, percent

SCREEN = (
    600  # CSS pixels: screens of this width and less get the narrow pictures, as in template.py
)
DPI = 150  # pixels per inch of plots; a CSS pixel is 1/96 inch
FIGURES = {  # the pictures that a page shows, by name, and what is to be seen
    "curves": "Loss and accuracy after every epoch, on the pictures it was trained on and on those "
    "held out. Circles "
    "mark the best epoch, whose weights were kept.",
    "confusion": "A row for each true class, a column for each answer: how many test pictures, and "
    "the darker, the "
    "larger their share of the true class.",
    "mistakes": "Wrong answers on test pictures, the most confident ones first: what the model "
    "took each for, and what "
    "it is, with the probabilities that the model gave to both.",
    "reliability": "Of the answers given with a certain probability, how many are right.",
    "pictures": "The first training pictures, as the network gets them.",
    "classes": "How many training pictures there are of each class; dashed: as many as each would "
    "have in equal parts.",
    "filters": "The weights of the first convolution, each filter as a small picture; grey is a "
    "weight of 0.",
}
# figures that show pictures, whose colours are their own
PHOTOGRAPHS = (
    "mistakes",
    "pictures",
    "filters",
)


@dataclass(frozen=True)
class Picture:
    """A plot as PNG, the same drawn for narrow screens, if the page has no table that suits them,
    and as text.
    """

    wide: bytes
    narrow: bytes | None
    text: str


def verdict(found: Verdict) -> str:
    """What has come of the training, in one sentence, and what to do."""
    kind = "good" if found.kind == "healthy" else "bad"
    sentence, advice = unbroken(found.sentence), unbroken(found.advice)
    return f'<p class="verdict {kind}"><strong>{sentence}</strong> {advice}</p>\n'


def key_figures(test: Mapping[str, Any], history: Mapping[str, Sequence[float]]) -> str:
    """What a reader wants to know first, in large numbers."""
    cells = []
    if test:
        low, high = test["accuracy_interval"]
        guessing = f"the loss; {log(len(test['class_names'])):.4f} for guessing"
        cells += [
            (
                "Test accuracy",
                percent(test["accuracy"]),
                f"95 % interval {100 * low:.1f} to {percent(high)}",
            ),
            *(
                (f"Top {k}", percent(share), f"true class among the {k} likeliest")
                for k, share in test["top_k_accuracy"].items()
            ),
            ("Macro F1", percent(test["classes"]["macro avg"]["f1-score"]), "mean of the classes"),
            ("Cross-entropy", number(test["cross_entropy"]), guessing),
            (
                "Calibration error",
                percent(test["calibration"]["expected_calibration_error"]),
                "how far probabilities are off",
            ),
        ]
    seconds = history["seconds"]
    each = f"{duration(sum(seconds))}, {sum(seconds) / len(seconds):.1f} s each"
    cells.append(("Epochs", f"{len(seconds)}", each))
    return large_numbers(cells)


def large_numbers(cells: Iterable[tuple[str, str, str]]) -> str:
    """Numbers, each with a name above and a note below it."""
    inner = "".join(
        f"<div><dt>{escape(name)}</dt>"
        f"<dd>{unbroken(value)}<small>{unbroken(note)}</small></dd></div>\n"
        for name, value, note in cells
    )
    return f'<dl class="figures">\n{inner}</dl>'


def figure(name: str, picture: Picture, caption: str | None = None) -> str:
    """A picture in both widths, and its numbers; one of FIGURES has its caption."""
    caption = FIGURES[name] if caption is None else caption
    source = (
        f'<source media="(max-width: {SCREEN}px)" srcset{url(picture.narrow)}>'
        if picture.narrow
        else ""
    )
    alternative = escape(f"{caption} {picture.text.partition(chr(10))[0]}")
    kinds = [
        "photographs" if name in PHOTOGRAPHS else "diagram",
        *([] if picture.narrow else ["wide"]),
    ]
    return (
        f'<figure class="{" ".join(kinds)}">\n'
        f'<picture>{source}<img src{url(picture.wide)} alt="{alternative}"></picture>\n'
        f"<figcaption>{escape(caption)}</figcaption>\n"
        "<details><summary>The same as "
        f"text</summary><pre>{escape(picture.text)}</pre></details>\n</figure>\n"
    )


def url(png: bytes) -> str:
    """All of a plot as an attribute's value, and its size: letters are of one size in all plots."""
    first_chunk = struct.unpack(">II", png[16:24])
    width, height = (round(pixels * 96 / DPI) for pixels in first_chunk)
    data = base64.b64encode(png).decode()
    return f'="data:image/png;base64,{data}" width="{width}" height="{height}"'


def table(
    caption: str, headings: Sequence[str], rows: Iterable[Sequence[str]], screen: str = "any"
) -> str:
    """An HTML table whose first column names the rows, for "any" screen or "narrow" ones."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in headings)
    body = ""
    for first, *rest in rows:
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in rest)
        body += f'<tr><th scope="row">{name_cell(first)}</th>{cells}</tr>\n'
    return (
        f"<table class={screen}><caption>{escape(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{body}</tbody></table>\n"
    )


def matrix(test: Mapping[str, Any]) -> str:
    """The confusion matrix for narrow screens: the stronger a cell's colour, the larger its share
    of the true class.
    """
    names, counts = test["class_names"], test["confusion_matrix"]
    head = "".join(f'<th scope="col"><span>{escape(name)}</span></th>' for name in names)
    rows = ""
    for true, (name, row) in enumerate(zip(names, counts, strict=True)):
        cells = "".join(
            f'<td{" class=right" * (true == answer)} style="background: rgba(var(--shade), '
            f'{0.6 * (count / max(1, sum(row))) ** 0.5:.2f})">{count}</td>'
            for answer, count in enumerate(row)
        )
        rows += f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>\n'
    caption = "Rows: true class. Columns: the answer. Cells: pictures."
    return (
        '<table class="matrix '
        f'narrow"><caption>{caption}</caption><thead><tr><td></td>{head}</tr></thead>\n'
        f"<tbody>\n{rows}</tbody></table>"
    )


def confused_pairs(test: Mapping[str, Any]) -> str:
    """Which classes are taken for which most often."""
    rows = [
        (pair["true"], pair["predicted"], f"{pair['images']:,}")
        for pair in test["most_confused"][:10]
    ]
    return table("The most frequent confusions.", ["True class", "Answer", "Pictures"], rows)


def classes_table(test: Mapping[str, Any]) -> str:
    """Precision, recall and F1 of every class and their averages."""
    columns = ("precision", "recall", "f1-score")
    rows = [
        (name, *(percent(row[column]) for column in columns), f"{row['support']:,}")
        for name, row in test["classes"].items()
        if isinstance(row, Mapping)  # the accuracy is one number
    ]
    caption = (
        "Precision: of the pictures that were called cats, say, how many are cats. Recall: of the "
        "cats, how many were called so. F1: low when either is."
    )
    return table(caption, ["Class", "Precision", "Recall", "F1", "Pictures"], rows)


def calibration_table(test: Mapping[str, Any]) -> str:
    """The reliability diagram for narrow screens."""
    found = test["calibration"]
    rows = [
        (f"{100 * low:.0f} to {100 * high:.0f} %", f"{count:,}", percent(accuracy))
        for low, high, count, accuracy in zip(
            found["edges"], found["edges"][1:], found["count"], found["accuracy"], strict=False
        )
        if count
    ]
    return table(FIGURES["reliability"], ["Probability", "Answers", "Right"], rows, "narrow")


def layers_table(layers: Sequence[Mapping[str, Any]]) -> str:
    """The layers from the picture to the answer."""
    rows = [
        (
            layer["name"],
            "×".join(map(str, layer["output_shape"])),
            f"{layer['parameters']:,}",
            f"{layer['flops']:,}",
        )
        for layer in layers
    ]
    return table(
        "Each layer, the size of what comes out of it, its parameters, and its floating point "
        "operations per picture.",
        ["Layer", "Output", "Parameters", "FLOPs"],
        rows,
    )


def facts(config: Mapping[str, Any]) -> str:
    """Command, options and environment."""
    rows = {"begun": config["began"]} | config["options"] | config["environment"]
    items = "".join(
        f"<dt>{escape(name.replace('_', ' '))}</dt><dd>{escape(str(value))}</dd>\n"
        for name, value in rows.items()
        if value is not None
    )
    command = re.sub(r"(?<= )(--\S+)", r"<span>\1</span>", escape(config["command"]))
    return f'<pre class="command">{command}</pre>\n<dl class="facts">\n{items}</dl>'


def unbroken(text: str) -> str:
    """Text as HTML that never breaks a line before a percent sign."""
    return escape(text).replace(" %", "\u00a0%")


def name_cell(name: str) -> str:
    """A name as HTML that may break after an underscore, as in batch_normalization_1."""
    return re.sub("_(?=[A-Za-z])", "_<wbr>", escape(name))


def number(value: float | None) -> str:
    """Four digits; None, which is how JSON has infinity, as "infinite"."""
    return "infinite" if value is None else f"{value:.4f}"
