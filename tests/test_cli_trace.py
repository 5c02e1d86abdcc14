"""`minicnn trace`, as it is used and misused."""

import json

import numpy as np
import pytest
from commands import started
from PIL import Image
from programs import PATIENCE

from minicnn import Input, Sequential, explain, layers, models
from minicnn.cli import main
from minicnn.cli.trace import asked
from minicnn.models.pictures import picture_for


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A model of pictures 12x12, and two pictures of other sizes."""
    model = Sequential(
        [
            Input((12, 12, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(2, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ],
        seed=0,
        class_names=["cat", "dog"],
    )
    model.build((None, 12, 12, 3))
    model.save(tmp_path / "model.safetensors")
    rng = np.random.default_rng(0)
    for name, size in (("cat.png", (20, 24, 3)), ("dog.png", (30, 18, 3))):
        Image.fromarray(rng.integers(0, 256, size, np.uint8)).save(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_step_is_shown_and_written(files, capsys):
    command = "trace model.safetensors cat.png dog.png --label cat --label dog --output out/t.json"
    assert main(command.split()) == 0
    out = capsys.readouterr().out
    assert out.startswith("Step 1 of 'sequential': 2 samples, loss ")
    assert "Saved out/t.json; docs/see/network.html shows it" in out
    step = explain.load_trace(files / "out" / "t.json")
    assert step.arrays["loss/targets"].tolist() == [[1, 0], [0, 1]]
    assert step.about["class_names"] == ["cat", "dog"]
    found = explain.why(step, "conv2d/kernel", (0, 0, 0, 0))
    assert found.recomputed == pytest.approx(found.value, rel=1e-5)


def test_one_label_is_that_of_all_pictures_and_one_number_is_explained(files, capsys):  # noqa: ARG001
    command = "trace model.safetensors cat.png dog.png --label dog --optimizer sgd"
    assert main([*command.split(), "--why", "dense/bias [1]"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("dense/bias/gradient[1] = ") and "Step 1" not in out
    assert "sum over n of dy[n, u]" in out and "2 terms" in out


def test_json_has_the_step_and_the_answer(files, capsys):  # noqa: ARG001
    command = "trace model.safetensors cat.png --label dog --why loss/value[] --json"
    assert main(command.split()) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["about"]["optimizer"]["class"] == "Adam" and found["saved"] is None
    assert found["why"]["name"] == "loss/value" and found["why"]["recomputed"] > 0
    assert [row["name"] for row in found["rows"]][-1] == "loss"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            "--label cta",
            "--label expected a class of the model, received 'cta'. Did you mean 'cat'?",
        ),
        ("--label cat --label cat", "one for each of 1, received 2: repeat --label"),
        ("--label cat --why conv2d/kernel", "--why expected a name and a place, such as"),
        ("--label cat --why conv2/kernel[0]", "Did you mean 'conv2d/kernel'?"),
        ("--label cat --why conv2d/kernel[0]", "from (0, 0, 0, 0) to (2, 2, 2, 1), received (0,)"),
        ("--label cat --optimizer adma", "unknown optimizer 'adma'. Did you mean 'adam'?"),
        ("--label cat --limit 0.02", "at most limit=0.02 megabytes as text"),
        ("--label cat --limit -1", "limit"),
    ],
)
def test_what_is_wrong_is_said(files, words, says, capsys):  # noqa: ARG001
    assert main(["trace", "model.safetensors", "cat.png", *words.split()]) == 2
    error = capsys.readouterr().err
    print(error)
    assert says in " ".join(error.split())


def test_a_picture_that_is_none_and_a_missing_label(files, capsys):
    (files / "not.png").write_text("no picture")
    assert main("trace model.safetensors not.png --label cat".split()) == 3
    assert "not.png: expected a picture" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main("trace model.safetensors cat.png".split())
    assert ended.value.code == 2
    assert "--label" in capsys.readouterr().err
    assert main("trace none.safetensors cat.png --label cat".split()) == 3


@pytest.mark.parametrize(
    "command",
    ["trace as_they_are.safetensors cat.png dog.png --label cat",
     "explain cat.png --model as_they_are.safetensors --output explained"],
)  # fmt: skip
def test_one_warning_of_pixels_is_enough(files, command):  # noqa: ARG001
    model = Sequential(
        [Input((12, 12, 3)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(2, "softmax")],
        seed=0,
        class_names=["cat", "dog"],
    )
    model.save("as_they_are.safetensors")
    process = started(*command.split())
    out, err = process.communicate(timeout=PATIENCE)
    print(err)
    assert process.returncode == 0, err
    assert out and err.count("go into Conv2D 'conv2d' as they are") == 1
    assert len(err.splitlines()) == 1


def test_the_picture_is_the_one_that_is_predicted(files):
    """Cut and scaled, in colour and in grey."""
    for channels in (1, 3):
        end = [layers.Flatten(), layers.Dense(2, "softmax")]
        model = Sequential([Input((12, 12, channels)), layers.Rescaling(1 / 255), *end])
        model.save(files / "own.safetensors")
        model = models.load_model(files / "own.safetensors")
        taken = picture_for(model, files / "cat.png")
        assert taken.shape == (12, 12, channels) and taken.dtype == np.uint8
        seen = model.predict_image(files / "cat.png").seen
        assert np.array_equal(np.broadcast_to(taken, (12, 12, 3)), seen)


@pytest.mark.parametrize(
    ("text", "name", "place"),
    [
        ("conv2d/kernel[0,1,2,5]", "conv2d/kernel", (0, 1, 2, 5)),
        ("conv2d[1]/output[0, 1]", "conv2d[1]/output", (0, 1)),
        ("loss/value[]", "loss/value", ()),
        (" dense/bias [ 3 ] ", "dense/bias", (3,)),
    ],
)
def test_a_number_is_named_by_its_name_and_its_place(text, name, place):
    assert asked(text) == (name, place)


@pytest.mark.parametrize("text", ["", "a", "[0]", "a[b]", "a[-1]", "a[0,,1]", "a[0 1]", "a[1.5]"])
def test_other_texts_name_none(text):
    with pytest.raises(ValueError, match="--why expected a name and a place") as error:
        asked(text)
    print(error.value)
