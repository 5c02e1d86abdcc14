"""minicnn.runs.page: one file, well formed, for every reader; test_page_browser.py opens it in a
browser.
"""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from minicnn import plots, report, runs
from minicnn.plots.fitted import PAGE, TELEPHONE, fitted
from minicnn.runs import page
from minicnn.runs.finishing import NARROW
from minicnn.runs.page import parts

pytest_plugins = ["run_fixtures"]
EMPTY = {"meta", "link", "img", "source", "input", "br", "wbr"}  # elements without an end tag


class Page(HTMLParser):
    """The elements of a page; refuses one whose tags do not close each other."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.texts = [], [], {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(text)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def text(trained):
    return (trained / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def parsed(text):
    return Page(text)


def rendered(trained, **changes):
    """The page of the trained run with some of its parts replaced."""
    run = runs.Run(trained)
    known = {"config": run.config, "history": run.history, "metrics": run.metrics, "pictures": {}}
    return page.render("a run", **(known | changes))


def test_it_is_one_page_with_its_headings(text, parsed):
    assert text.startswith('<!doctype html>\n<html lang="en">')
    assert parsed.texts["h1"] == ["first"] and parsed.texts["title"] == ["minicnn: first"]
    assert parsed.texts["h2"] == [
        "How it learnt",
        "Which classes it confuses",
        "Class by class",
        "Its most confident mistakes",
        "How far its probabilities can be trusted",
        "What it was trained on",
        "What its first layer looks for",
        "The network",
        "How to repeat it",
    ]


def test_it_asks_for_nothing_and_runs_nothing(text, parsed):
    [policy] = [
        each["content"]
        for each in parsed.all("meta")
        if each.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert not {"script", "iframe", "object", "embed", "form", "base"} & {
        tag for tag, _ in parsed.elements
    }
    for tag, attributes in parsed.elements:
        assert not [name for name in attributes if name.startswith("on")], tag
        for name in ("src", "href", "srcset", "data", "poster", "action"):
            assert attributes.get(name, "data:").startswith("data:"), (tag, name)
    assert "url(" not in text and "@import" not in text


def test_it_is_made_for_telephones(parsed):
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in parsed.all(
        "meta"
    )
    narrow = parsed.all("source")
    assert len(narrow) == 5 and all(each["media"] == "(max-width: 600px)" for each in narrow)
    assert all(int(each["width"]) <= 430 for each in narrow)


def test_all_pictures_are_in_it_and_described(parsed):
    pictures = parsed.all("img")
    assert len(pictures) == 7
    for picture, url in [(each, each["src"]) for each in pictures] + [
        (each, each["srcset"]) for each in parsed.all("source")
    ]:
        kind, _, data = url.partition(",")
        image = Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
        assert kind == "data:image/png;base64" and image.format == "PNG"
        assert (
            abs(image.width / image.height - int(picture["width"]) / int(picture["height"])) < 0.01
        )
    assert all(len(each["alt"]) > 40 for each in pictures)


def test_every_picture_is_there_as_text_too(trained, parsed):
    told = parsed.texts["pre"]
    for path in (trained / "plots").glob("*.txt"):
        assert path.read_text(encoding="utf-8").rstrip() in told


def test_it_has_the_figures(trained, text):
    test = runs.Run(trained).metrics["test"]
    low, high = test["accuracy_interval"]
    for figure in (
        f"<dd>{100 * test['accuracy']:.1f}~%<small>95~% interval {100 * low:.1f} to "
        f"{100 * high:.1f}~%</small></dd>",
        f"<dd>{test['cross_entropy']:.4f}<small>",
        f"<dd>{100 * test['classes']['macro avg']['f1-score']:.1f}~%<small>",
        "<dt>Top 3</dt>",
        "<small>true class among the 3 likeliest</small>",
        "<small>the loss; 2.3026 for guessing</small>",
        "<dt>Epochs</dt><dd>2<small>",
        "Synthetic data: the pictures are drawn shapes, not photographs.",
        "161,098 parameters, on synthetic shapes: 320 training, 80 validation and 400 test "
        "pictures",
        "minicnn train <span>--data</span> shapes <span>--limit</span> 400 <span>--epochs</span> 2 "
        "",
    ):
        assert figure.replace("~", "\u00a0") in text
    circle = test["classes"]["circle"]
    shares = "".join(
        f"<td>{100 * circle[name]:.1f} %</td>" for name in ("precision", "recall", "f1-score")
    )
    assert f'<th scope="row">circle</th>{shares}<td>{circle["support"]}</td>' in text


def test_the_verdict_stands_on_top(trained, text, parsed):
    run = runs.Run(trained)
    found = report.judge_run(run.config, run.history, run.metrics["test"])
    assert found.sentence == parsed.texts["strong"][0].replace("\u00a0", " ")
    assert text.index(found.kind.split()[0].capitalize()) < text.index("Synthetic data")
    healthy = report.Verdict("healthy", "Healthy: 7 % <b>.", "")
    assert parts.verdict(healthy).startswith(
        '<p class="verdict good"><strong>Healthy: 7\u00a0% &lt;b&gt;.</strong>'
    )


def test_a_line_breaks_neither_before_a_percent_sign_nor_in_a_word(text):
    head = text[: text.index("How it learnt")]
    assert " %" not in head
    assert 'scope="row">batch_<wbr>normalization_1</th>' in text


def test_the_matrix_for_narrow_screens_is_the_confusion_matrix(trained, text):
    [matrix] = re.findall(r'<table class="matrix narrow">.*?</table>', text, re.DOTALL)
    rows = re.findall(r'<th scope="row">(\w+)</th>(.*?)</tr>', matrix)
    counts = [[int(cell) for cell in re.findall(r">(\d+)</td>", cells)] for _, cells in rows]
    test = runs.Run(trained).metrics["test"]
    assert [name for name, _ in rows] == test["class_names"] and counts == test["confusion_matrix"]
    assert [cells.count("class=right") for _, cells in rows] == [1] * 10


def test_text_from_outside_is_text(trained):
    """A class of pictures may have any name, and so may a run."""
    name = "<script>alert('1')</script> & \"more\""
    run = runs.Run(trained)
    test = run.metrics["test"] | {
        "class_names": [name] * 10,
        "classes": {name: run.metrics["test"]["classes"]["circle"]},
    }
    test["classes"]["macro avg"] = run.metrics["test"]["classes"]["macro avg"]
    test["most_confused"] = [{"true": name, "predicted": name, "images": 1}]
    config = run.config | {
        "command": name,
        "options": run.config["options"] | {name: name},
        "data": run.config["data"] | {"name": name},
    }
    picture = page.Picture(png(), None, name)
    found = page.render(
        name, config, run.history, run.metrics | {"test": test}, {"curves": picture}
    )
    assert "<script" not in found
    parsed = Page(found)
    assert (
        parsed.texts["h1"] == [name] and name in parsed.texts["th"] and name in parsed.texts["pre"]
    )
    assert name in parsed.all("img")[0]["alt"]


def png():
    buffer = io.BytesIO()
    Image.new("RGB", (300, 150)).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_run_without_an_epoch_has_a_page(trained):
    parsed = Page(rendered(trained, history={}, metrics={}))
    assert parsed.texts["h2"] == ["The network", "How to repeat it"]
    assert (
        "This training has not ended, or was killed, after 0 epochs. Nothing is evaluated yet."
        in parsed.texts["p"]
    )


def test_a_run_that_still_trains_has_its_curves(trained):
    parsed = Page(
        rendered(
            trained,
            metrics={},
            pictures={"curves": page.Picture(png(), png(), "epoch  loss\n1  2")},
        )
    )
    assert parsed.texts["h2"] == ["How it learnt", "The network", "How to repeat it"]
    assert [each["width"] for each in parsed.all("img")] == ["192"]  # 300 pixels at 150 per inch


def test_an_interrupted_run_says_so(trained):
    metrics = runs.Run(trained).metrics | {"interrupted": True}
    text = rendered(trained, metrics=metrics)
    assert (
        "This training was interrupted after 2 epochs. What follows is of the best of them." in text
    )


def test_an_infinite_cross_entropy_is_called_so(trained):
    metrics = runs.Run(trained).metrics
    metrics["test"]["cross_entropy"] = None
    assert "<dt>Cross-entropy</dt><dd>infinite<small>" in rendered(trained, metrics=metrics)


def test_pictures_that_nobody_knows_are_left_out(trained):
    assert "<img" not in rendered(trained, pictures={"other": page.Picture(png(), None, "")})


def test_diagrams_are_as_wide_as_the_page_or_a_telephone_and_have_no_titles():
    plot = plots.learning_curves({"loss": [3.0, 2.0], "val_loss": [3.0, 2.5]})
    before = plot.figure.get_size_inches()
    width, height = fitted(plot).figure.get_size_inches()
    # without its titles
    assert width == PAGE > before[0] and height == pytest.approx(before[1] - 0.7)
    narrow, high = fitted(plot, TELEPHONE).figure.get_size_inches()
    assert narrow == TELEPHONE and narrow * height / width < high <= height
    assert not [text for text in plot.figure.texts if text.get_visible()]


def test_grids_lose_their_titles_and_keep_their_places():
    images = np.zeros((2, 8, 8, 3), np.uint8)
    plot = plots.image_grid(
        images, columns=3, title="Pictures with a title that is wider than a telephone's screen"
    )
    before = [text.get_window_extent().bounds for text in plot.figure.texts[2:]]
    width, height = fitted(plot, TELEPHONE).figure.get_size_inches()
    assert (
        width == TELEPHONE
        and [text.get_window_extent().bounds for text in plot.figure.texts[2:]] == before
    )
    assert [text.get_visible() for text in plot.figure.texts] == [False, False, True, True]
    assert height < 2


def test_pictures_are_transparent_where_there_is_nothing_and_diagrams_are_white(trained):
    """White cards would glare on a dark page; what is white in a diagram its style makes dark."""
    for name in ("pictures", "mistakes", "filters", "curves", "classes"):
        for narrow in ("", NARROW):
            with Image.open(trained / "plots" / f"{name}{narrow}.png") as image:
                corner = image.convert("RGBA").getpixel((0, 0))
            assert corner[3] == 0 if name in page.PHOTOGRAPHS else corner == (255, 255, 255, 255)


@pytest.mark.parametrize(
    "seconds, text",
    [(0.4, "0 s"), (12, "12 s"), (59.6, "1 min 0 s"), (312, "5 min 12 s"), (3900, "1 h 5 min")],
)
def test_durations(seconds, text):
    assert parts.duration(seconds) == text
