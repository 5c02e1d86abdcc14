"""`minicnn predict`: good pictures are predicted, bad ones named."""

import json
import os

import pytest
from commands import COLOURS
from PIL import Image

from minicnn.cli import main

pytest_plugins = ["run_fixtures"]
pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def predict(colour_model, capsys):
    """Run the command; returns its exit code and what it printed."""

    def run(*arguments):
        code = main(["predict", *map(str, arguments), "--model", str(colour_model)])
        return code, capsys.readouterr()

    return run


def test_good_pictures_are_predicted_one_per_line(predict, pictures):
    code, printed = predict(pictures / "red.png", pictures / "blue.png")
    assert (code, printed.err) == (0, "")
    lines = printed.out.splitlines()
    assert (
        lines[0].startswith(f"{pictures / 'red.png'}: red 9")
        and "green" in lines[0]
        and "blue" in lines[0]
    )
    assert lines[1].startswith(f"{pictures / 'blue.png'}: blue 9")
    assert (
        lines[-1] == "The model knows 3 classes and chooses among them, whatever a picture shows."
    )


def test_a_folder_with_a_broken_file_predicts_the_good_ones_and_names_the_bad_one(
    predict, pictures
):
    code, printed = predict(pictures, "--top", 1)
    assert code == 1
    names = [line.partition(":")[0] for line in printed.out.splitlines() if ": " in line]
    assert sorted(os.path.relpath(name, pictures) for name in names) == [
        "blue.png",
        "green.png",
        os.path.join("more", "grey.jpg"),
        "red.png",
    ]
    assert printed.err.startswith(f"minicnn predict: {pictures / 'broken.jpg'}: expected a picture")
    assert printed.err.count("\n") == 1


def test_low_confidence_is_said(predict, pictures):
    _, printed = predict(pictures / "more" / "grey.jpg", pictures / "red.png")
    sure = [line for line in printed.out.splitlines() if line.endswith("(low confidence)")]
    assert len(sure) == 1 and "grey.jpg: " in sure[0] and "33.3 %" in sure[0]


def test_json(predict, pictures):
    code, printed = predict(pictures, "--json", "--top", 2)
    found = json.loads(printed.out)
    assert code == 1 and list(found) == ["predictions", "errors", "saved"] and found["saved"] == []
    answers = {
        os.path.basename(path): prediction for path, prediction in found["predictions"].items()
    }
    assert {name: answers[f"{name}.png"]["classes"][0] for name in COLOURS} == {
        name: name for name in COLOURS
    }
    assert all(len(prediction["probabilities"]) == 2 for prediction in answers.values())
    assert answers["red.png"]["confident"] and not answers["grey.jpg"]["confident"]
    assert list(found["errors"]) == [str(pictures / "broken.jpg")]


def test_explain_saves_what_the_model_saw_and_where_it_looked(predict, pictures):
    code, printed = predict(pictures / "red.png", pictures / "green.png", "--explain")
    assert code == 0
    saved = [
        line.removeprefix("Saved ")
        for line in printed.out.splitlines()
        if line.startswith("Saved ")
    ]
    assert saved == [
        os.path.join("seen", name) for name in ("seen.png", "000-red.png", "001-green.png")
    ]
    for path in saved:
        with Image.open(path) as picture:
            picture.load()
            assert picture.width > 300
    with Image.open(saved[0]) as sheet:
        assert {COLOURS["red"], COLOURS["green"]} <= {
            colour for _, colour in sheet.convert("RGB").getcolors(10**7)
        }


def test_output_saves_what_the_model_saw_alone(predict, pictures):
    _, printed = predict(pictures / "red.png", "--output", "looked")
    assert f"Saved {os.path.join('looked', 'seen.png')}\n" in printed.out
    assert os.listdir("looked") == ["seen.png"]


@pytest.mark.parametrize("explain", [[], ["--explain"]])
def test_only_bad_pictures(predict, pictures, here, explain):
    code, printed = predict(pictures / "broken.jpg", here / "gone.png", *explain)
    assert (code, printed.out) == (1, "")
    assert (
        "broken.jpg: expected a picture" in printed.err
        and "gone.png: expected a picture" in printed.err
    )
    assert list(here.iterdir()) == []


def test_an_empty_folder(predict, here):
    code, printed = predict(here)
    assert (code, printed.out, printed.err) == (1, "", f"minicnn predict: no picture in {here}\n")


def test_an_output_that_cannot_be_written(predict, pictures, here):
    (here / "file").write_text("in the way")
    code, printed = predict(pictures / "red.png", "--output", here / "file")
    assert (code, printed.out) == (2, "") and "File exists" in printed.err
