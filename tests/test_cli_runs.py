"""`minicnn runs`: trainings in a table, and compared."""

import json
import shutil

import pytest
from PIL import Image

from minicnn import plots, runs
from minicnn.cli import main

pytest_plugins = ["run_fixtures"]
pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def three(here, trained):
    """runs/ with a finished run, one of another seed that has not ended, and one whose files are
    damaged.
    """
    for name in ("first", "second", "third"):
        shutil.copytree(trained, here / "runs" / name)
    config = runs.Run(here / "runs" / "second").config
    config["options"] |= {"seed": 7, "learning_rate": 0.01}
    config["began"] = "2999-01-01T10:00:00+00:00"
    (here / "runs" / "second" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (here / "runs" / "second" / "metrics.json").unlink()
    (here / "runs" / "third" / "metrics.json").write_text("{", encoding="utf-8")
    (here / "runs" / "no run").mkdir()
    return here / "runs"


def test_runs_are_listed_also_beside_damaged_ones(three, capsys):
    assert main(["runs"]) == 1
    printed = capsys.readouterr()
    lines = {line.split()[0]: line for line in printed.out.splitlines()}
    assert list(lines)[0] == "run" and list(lines)[-1].endswith("second")  # the last one that began
    first, second, third = (
        next(line for name, line in lines.items() if name.endswith(which))
        for which in ("first", "second", "third")
    )
    test = runs.Run(three / "first").metrics["test"]
    low, high = (100 * bound for bound in test["accuracy_interval"])
    assert f"{100 * test['accuracy']:.1f} % ({low:.1f} to {high:.1f} %)" in first
    assert "synthetic shapes" in first and "documented_cnn" in first
    assert "UNFINISHED" in second and "2999-01-01 10:00" in second and "DAMAGED" in third
    assert "1 run that cannot be read" in printed.err


@pytest.mark.usefixtures("three")
def test_runs_as_json(capsys):
    assert main(["runs", "runs", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["runs"]
    assert sorted(line["state"] for line in found) == ["damaged", "done", "unfinished"]
    [done] = [line for line in found if line["state"] == "done"]
    assert (
        done["epochs"] == 2
        and done["seconds"] > 0
        and done["verdict"]
        and 0 <= done["accuracy"] <= 1
    )


@pytest.mark.usefixtures("three")
def test_runs_are_compared(capsys):
    assert main(["runs", "runs/first", "runs/second", "--output", "compared.png"]) == 0
    text = capsys.readouterr().out
    rows = [line.split() for line in text.splitlines()]
    assert ["option", "first", "second"] in rows
    assert ["learning_rate", "0.001", "0.01"] in rows and ["seed", "1", "7"] in rows
    assert not any(row[:1] == ["limit"] for row in rows)  # which is the same
    assert "Saved compared.png" in text
    with Image.open("compared.png") as picture:
        assert picture.width > 800 and len(picture.convert("RGB").getcolors(10**6)) > 10


def test_the_same_options_are_said_to_be_the_same(three, capsys):
    shutil.copytree(three / "first", three / "copy")
    assert main(["runs", "runs/first", "runs/copy", "--output", "x.png"]) == 0
    assert "All options are the same." in capsys.readouterr().out


def test_many_runs_are_drawn_side_by_side(three):
    for number in range(5):
        shutil.copytree(three / "first", three / f"copy{number}")
    paths = [f"runs/copy{number}" for number in range(5)]
    assert main(["runs", *paths, "--output", "many.png"]) == 0
    logs = {path: runs.Run(path).history for path in paths}
    plot = plots.curves_side_by_side(logs)
    assert len([axes for axes in plot.figure.axes if axes.get_visible()]) == 5
    last = logs[paths[0]]["val_accuracy"][-1]
    assert f"{last:.4g}" in plot.to_text() and plot.to_text().count("runs/copy") == 5


@pytest.mark.parametrize(
    "histories, message",
    [
        ({}, "curves_side_by_side expected 1 to 24 trainings, received 0"),
        (
            {"a": {"loss": []}},
            "curves_side_by_side expected trainings with an epoch, received none in 'a'",
        ),
    ],
)
def test_what_cannot_be_drawn_side_by_side(histories, message):
    with pytest.raises(ValueError, match=message):
        plots.curves_side_by_side(histories)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "there is no run in runs yet: `minicnn train` makes one"),
        (["nowhere"], "expected runs, or folders of runs, received nowhere, which is not there"),
    ],
)
def test_without_runs_the_exit_code_is_3(arguments, message, capsys):
    assert main(["runs", *arguments]) == 3
    assert message in capsys.readouterr().err


def test_an_output_that_cannot_be_written_is_wrong_usage(three, capsys):
    shutil.copytree(three / "first", three / "copy")
    assert main(["runs", "runs/first", "runs/copy", "--output", "/proc/none/x.png"]) == 2
    assert (
        "--output expected a path that can be written, received /proc/none/x.png"
        in capsys.readouterr().err
    )
