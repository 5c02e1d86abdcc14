"""`minicnn`: what all commands have in common, and data, summary, evaluate, report, explain,
lrfind.
"""

import json
import os
import signal
import sys

import cifar_files as files
import pytest
from cifar_files import ROWS
from commands import COLOURS, started
from PIL import Image
from programs import PATIENCE

from minicnn import Sequential, __version__, cli, datasets, layers, models, runs
from minicnn.cli import main
from minicnn.cli.pictures import fit_classes, load
from minicnn.errors import DataError

pytest_plugins = ["run_fixtures", "cifar_fixtures"]
pytestmark = pytest.mark.usefixtures("here")
COMMANDS = [
    *(
        "train",
        "evaluate",
        "predict",
        "report",
        "explain",
        "lrfind",
        "summary",
        "check",
        "gradcheck",
        "profile",
    ),
    *("export", "prune", "quantize", "compare", "serve", "webcam"),
    *("trace", "warmup", "doctor", "tune", "runs", "data info", "data show", "data fetch"),
]


def printed_json(capsys, *arguments, code=0):
    """What a command prints with --json: one object, and nothing else."""
    assert main([*map(str, arguments), "--json"]) == code
    # NaN and Infinity are not JSON
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert isinstance(found, dict)
    return found


# What all commands have


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example_and_json(command, capsys):
    with pytest.raises(SystemExit) as exit:
        main([*command.split(), "--help"])
    assert exit.value.code == 0
    told = " ".join(capsys.readouterr().out.split())
    assert f"example: minicnn {command}" in told and "--json" in told


def test_the_list_of_commands_is_complete(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    names = {command.__name__.rpartition(".")[2] for command in cli.COMMANDS}
    assert names == {command.split()[0] for command in COMMANDS}
    assert all(f"\n    {name}" in told for name in names) and "example: minicnn train" in told


def test_version(capsys):
    with pytest.raises(SystemExit) as exit:
        main(["--version"])
    assert (exit.value.code, capsys.readouterr().out) == (0, f"minicnn {__version__}\n")


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["trian"], "invalid choice: 'trian'"),
        (
            ["train", "--epoch-count", "3"],
            "minicnn train: error: unrecognized arguments: --epoch-count 3",
        ),
        (
            ["data", "info", "--size", "3"],
            "minicnn data info: error: unrecognized arguments: --size 3",
        ),
        (["--epoch-count"], "unrecognized arguments: --epoch-count"),
        (
            ["train", "--limit", "0"],
            "argument --limit: expected a whole number of 1 or more, received '0'",
        ),
        (
            ["train", "--max-time", "soon"],
            "argument --max-time: expected a time such as 90s, 10m or 2h, received 'soon'",
        ),
        (["predict"], "the following arguments are required: PICTURE"),
    ],
)
def test_wrong_usage_exits_with_2(arguments, message, capsys):
    with pytest.raises(SystemExit) as exit:
        main(arguments)
    printed = capsys.readouterr()
    assert (exit.value.code, printed.out) == (2, "")
    assert message in printed.err and printed.err.startswith("usage: minicnn")


@pytest.mark.parametrize("arguments", [[], ["data"]])
def test_a_command_without_anything_prints_its_help(arguments, capsys):
    assert main(arguments) == 0
    printed = capsys.readouterr()
    assert (
        printed.out.startswith("usage: minicnn")
        and "example: minicnn" in printed.out
        and printed.err == ""
    )


def damaged(folder):
    path = folder / "model.safetensors"
    path.write_bytes(b"\x10\0\0\0\0\0\0\0 nothing that is read")
    return path


def a_run_without_model(folder):
    runs.create(folder / "begun", {})
    return folder / "begun"


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda folder: folder / "gone.safetensors", "there is no model file '{path}'"),
        (damaged, "'{path}' is damaged or no model file"),
        (
            lambda folder: folder,
            "{path} expected a model file in this folder, model.safetensors, received none",
        ),
        (
            lambda folder: folder / "latest",
            "there is no run in {folder} yet: `minicnn train` makes one",
        ),
        (a_run_without_model, "{path} has no model yet: its first epoch has not ended"),
    ],
    ids=["missing", "damaged", "no run", "no latest", "no epoch"],
)
@pytest.mark.parametrize(
    "command", ["summary", "evaluate", "predict", "explain", "profile", "check", "lrfind"]
)
def test_a_model_that_cannot_be_read_exits_with_3(command, make, message, here, capsys):
    path = make(here)
    pictures = ["picture.png"] if command in ("predict", "explain") else []
    assert main([command, *pictures, "--model", str(path)]) == 3
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"minicnn {command}: {message.format(path=path, folder=here)}")
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize(
    "command", [["train"], ["data", "info"], ["data", "show"], ["data", "fetch"], ["check"]]
)
def test_missing_data_exits_with_3(command, here, capsys):
    assert main([*command, "--data", str(here / "nowhere")]) == 3
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith(
        f"minicnn {command[0]}: {here / 'nowhere'}: expected "
    )
    assert list(here.iterdir()) == []  # nothing is left behind


def test_without_cifar10_and_network_the_exit_code_is_3(here, capsys):
    assert main(["data", "fetch"]) == 3
    assert "offline was asked for, so nothing was downloaded" in capsys.readouterr().err
    assert list(here.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is where nothing can be made")
@pytest.mark.parametrize("command", ["data show", "train", "lrfind", "predict", "explain"])
def test_an_output_in_a_place_that_is_none_exits_with_2(command, colour_model, pictures, capsys):
    more = ["--data", "shapes", "--limit", "60"]
    if command in ("predict", "explain"):
        more = [str(pictures / "red.png"), "--model", str(colour_model)]
    assert main([*command.split(), *more, "--output", "/proc/none/x"]) == 2
    assert (
        "--output expected a path that can be written, received /proc/none/x"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    "command", [["data", "show", "--data", "shapes"], ["train", "--data", "shapes"]]
)
def test_an_output_that_cannot_be_written_exits_with_2(command, here, capsys):
    (here / "file").write_text("in the way")
    assert main([*command, "--limit", "20", "--output", str(here / "file" / "folder")]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and "Not a directory" in printed.err and printed.err.count("\n") == 1


def test_a_missing_package_exits_with_4(here, capsys, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("minicnn.plots")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("minicnn.plots")
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as if it were not installed
    assert main(["data", "show", "--data", "shapes", "--limit", "20", "--output", str(here)]) == 4
    assert "pip install matplotlib" in capsys.readouterr().err


def test_ctrl_c_exits_with_130(capsys, monkeypatch):
    def interrupted(*_):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("minicnn.cli.summary.load_model", interrupted)
    assert main(["summary"]) == 130
    assert capsys.readouterr().err == "minicnn summary: interrupted\n"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no `head`")
def test_a_reader_that_has_enough_is_no_error():
    process = started("summary")
    assert process.stdout.readline().startswith('Model: "documented_cnn"')
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=PATIENCE) == 0
    process.stderr.close()


def test_warnings_are_told_in_one_line(here):
    (here / "cat").mkdir()
    (here / "dog").mkdir()
    for name in ("cat", "dog"):
        for number in range(3):
            Image.new("RGB", (9, 9)).save(here / name / f"good{number}.png")
    (here / "cat" / "bad.png").write_bytes(b"")
    process = started("data", "info", "--data", here)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    lines = err.splitlines()
    assert lines[0].startswith(
        f"minicnn data: warning: from_directory({str(here)!r}) left out 1 of 7 files"
    )
    assert all(line.startswith("minicnn data: warning: ") for line in lines)
    assert f"{here.name}, train: 2 pictures" in out


# data


def test_data_info_counts_classes_and_measures_channels(capsys):
    assert main(["data", "info", "--data", "shapes", "--limit", "50"]) == 0
    text = capsys.readouterr().out
    assert "synthetic shapes, train: 40 pictures of 32 x 32 x 3" in text
    assert (
        "synthetic shapes, validation: 10 pictures" in text
        and "synthetic shapes, test: 50 pictures" in text
    )
    found = printed_json(capsys, "data", "info", "--data", "shapes", "--limit", 50)
    (x, _), _ = datasets.shapes.load_data()
    assert found["name"] == "synthetic shapes" and found["train"]["class_names"] == list(
        datasets.shapes.CLASS_NAMES
    )
    assert found["train"]["mean"] == pytest.approx(x[:40].mean(axis=(0, 1, 2)))
    assert sum(found["train"]["counts"]) == 40 and sum(found["test"]["counts"]) == 50


def test_data_show_saves_two_pictures(capsys):
    found = printed_json(
        capsys, "data", "show", "--data", "shapes", "--limit", 100, "--output", "look"
    )
    assert found["saved"] == [
        os.path.join("look", "pictures.png"),
        os.path.join("look", "classes.png"),
    ]
    assert sum(found["counts"].values()) == 80
    for path in found["saved"]:
        assert len(Image.open(path).convert("RGB").getcolors(10**7)) > 100  # not blank


def test_data_fetch_finds_cifar10_and_tells_where_it_is_kept(alone, genuine, capsys):
    (alone / "home").mkdir()
    (alone / "home" / "cifar-10-python.tar.gz").write_bytes(genuine)
    assert printed_json(capsys, "data", "fetch") == {
        "train": 5 * ROWS,
        "test": ROWS,
        "kept_in": str(alone / "home"),
    }
    assert main(["data", "fetch", "--data", str(alone / "home")]) == 0
    assert (
        capsys.readouterr().out
        == f"CIFAR-10: 20 training and 4 test pictures, kept in {alone / 'home'}\n"
    )


def test_cifar10_is_known_from_folders_of_pictures(alone, genuine):
    (alone / "some").mkdir()
    (alone / "some" / "cifar-10-python.tar.gz").write_bytes(genuine)
    pictures = load(str(alone / "some"), limit=10)
    assert pictures.name == "CIFAR-10"
    assert [len(x) for x, _ in (pictures.train, pictures.validation, pictures.test)] == [8, 2, 4]


@pytest.mark.filterwarnings(f"ignore:.*{files.NOT_TORONTO}")
@pytest.mark.usefixtures("genuine")
def test_a_copy_is_not_called_cifar10(alone, capsys, monkeypatch):
    """Accuracies on it do not compare: named, kept, and found without its name."""
    copy = alone / "copy" / "cifar-10-python.tar.gz"
    copy.parent.mkdir()
    files.write_tar(copy, files.python_members(seed=1))
    small = [layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(10)]
    model = Sequential([layers.Input((32, 32, 3)), *small])
    model.save(alone / "m.safetensors")
    for _ in range(2):  # decoded, and as it was kept
        found = printed_json(
            capsys, "evaluate", "--model", str(alone / "m.safetensors"), "--data", str(copy)
        )
        assert found["data"] == "a copy of CIFAR-10"
    assert main(["data", "fetch", "--data", str(copy)]) == 0
    assert capsys.readouterr().out.startswith("a copy of CIFAR-10: 20 training and 4 test pictures")
    monkeypatch.setenv("MINICNN_OFFLINE", "1")
    assert load("cifar10").name == "a copy of CIFAR-10"


def test_one_picture_is_not_enough(capsys):
    assert main(["data", "info", "--data", "shapes", "--limit", "1"]) == 2
    assert "--limit expected 2 or more, received 1" in capsys.readouterr().err


@pytest.fixture
def photographs(here):
    """Twenty pictures of each of two colours, in a folder each."""
    for name in ("red", "blue"):
        (here / "photographs" / name).mkdir(parents=True)
        for number in range(20):
            colour = tuple(value + number for value in COLOURS[name])
            Image.new("RGB", (40, 50), colour).save(here / "photographs" / name / f"{number}.png")
    return here / "photographs"


def test_a_folder_is_divided_always_in_the_same_way(photographs):
    found, again = load(str(photographs)), load(str(photographs))
    assert (found.name, found.class_names) == ("photographs", ["blue", "red"])
    for part, size in (("train", 32), ("validation", 4), ("test", 4)):
        x, y = getattr(found, part)
        assert x.shape == (size, 32, 32, 3) and sum(y) == size / 2
        assert (x == getattr(again, part)[0]).all()


def test_classes_are_numbered_as_the_model_does(photographs):
    pictures = load(str(photographs))
    fitted = fit_classes(pictures, ["red", "green", "blue"])
    assert fitted.class_names == ["red", "green", "blue"]
    assert [
        {"blue": 2, "red": 0}[pictures.class_names[label]] for label in pictures.test[1]
    ] == fitted.test[1].tolist()
    with pytest.raises(
        DataError,
        match="photographs: expected pictures of the model's classes red, green, received blue",
    ):
        fit_classes(pictures, ["red", "green"])


# evaluate, report, summary, explain, lrfind


def test_evaluate_measures_the_run_on_its_own_test_pictures(trained, capsys):
    found = printed_json(capsys, "evaluate", "--model", trained, "--limit", 400)
    saved = runs.Run(trained).metrics["test"]
    assert set(found.pop("verdict")) == {"kind", "text"}
    assert found == {"data": "synthetic shapes"} | saved
    assert main(["evaluate", "--model", str(trained), "--limit", "50"]) == 0
    assert "synthetic shapes: 50 pictures, 10 classes" in capsys.readouterr().out


def test_evaluate_takes_all_pictures_of_a_folder(colour_model, photographs, capsys):
    found = printed_json(capsys, "evaluate", "--model", colour_model, "--data", photographs)
    assert (found["data"], found["images"], found["accuracy"]) == ("photographs", 40, 1.0)


def test_evaluate_exits_with_1_below_the_accuracy_asked_for(colour_model, photographs, capsys):
    (photographs / "red").rename(photographs / "later")
    (photographs / "blue").rename(photographs / "red")  # wrong names: all answers are wrong
    (photographs / "later").rename(photographs / "blue")
    arguments = [
        "evaluate",
        "--model",
        str(colour_model),
        "--data",
        str(photographs),
        "--min-accuracy",
    ]
    assert main([*arguments, "0.5"]) == 1
    printed = capsys.readouterr()
    assert (
        "expected an accuracy of 50.00 % or more, received 0.00 %" in printed.err
        and "accuracy" in printed.out
    )
    assert main([*arguments, "0", "--average-flips"]) == 0


def test_evaluate_refuses_pictures_of_other_classes(colour_model, capsys):
    assert main(["evaluate", "--model", str(colour_model), "--data", "shapes"]) == 3
    assert (
        "expected pictures of the model's classes red, green, blue, received circle"
        in capsys.readouterr().err
    )


def test_a_model_that_takes_no_pictures_is_refused(here, capsys):
    model = Sequential([layers.Input((4,)), layers.Dense(2, activation="softmax")])
    model.save(here / "numbers.safetensors")
    assert main(["evaluate", "--model", "numbers.safetensors", "--data", "shapes"]) == 2
    assert (
        "expected a model for pictures (None, H, W, C), received one for (None, 4)"
        in capsys.readouterr().err
    )


def test_report_writes_the_page_anew(trained, capsys):
    page = trained / "report.html"
    before = page.read_text(encoding="utf-8")
    page.unlink()
    assert printed_json(capsys, "report", trained) == {"page": str(page)}
    assert page.read_text(encoding="utf-8") == before
    assert main(["report", str(trained)]) == 0 and capsys.readouterr().out == f"{page}\n"


@pytest.mark.parametrize("name", ["config.json", "metrics.json", "history.csv"])
def test_report_of_a_damaged_run_exits_with_3(name, here, capsys, trained):
    for file in ("config.json", "metrics.json", "history.csv"):
        (here / file).write_bytes((trained / file).read_bytes() if file != name else b"{\x00")
    assert main(["report", str(here)]) == 3
    assert capsys.readouterr().err.startswith(f"minicnn report: {here / name} is damaged")


def test_summary_is_that_of_the_documented_network(capsys):
    assert main(["summary"]) == 0
    text = capsys.readouterr().out
    for line in ("Total params: 161,098", "Trainable params: 160,650", "Non-trainable params: 448"):
        assert line in text
    found = printed_json(capsys, "summary")
    assert found["parameters"] == 161_098 == sum(layer["parameters"] for layer in found["layers"])
    assert sum(layer["flops"] for layer in found["layers"]) == 10_278_144
    assert found["layers"][9]["receptive_field"] == "22x22 / 8"


def test_summary_prints_the_plan_and_draws_the_network(capsys, tmp_path):
    assert main(["summary", "--plan", "--output", str(tmp_path / "network.png")]) == 0
    text = capsys.readouterr().out
    assert (
        "Total params: 161,098" in text
        and "Plan of" in text
        and f"Saved {tmp_path / 'network.png'}" in text
    )
    assert (tmp_path / "network.png").read_bytes().startswith(b"\x89PNG")
    found = printed_json(capsys, "summary", "--plan")
    assert [part for step in found["plan"] for part in step["layers"]][:2] == [
        "rescaling",
        "conv2d",
    ]
    assert "saved" not in found


def test_summary_reads_models(colour_model, capsys):
    found = printed_json(capsys, "summary", "--model", colour_model)
    assert found["class_names"] == list(COLOURS) and found["layers"][-1]["output_shape"] == [3]


def test_explain_saves_what_the_model_looks_at(colour_model, pictures, capsys):
    arguments = ["explain", str(pictures / "red.png"), "--model", str(colour_model)]
    found = printed_json(capsys, *arguments, "--class", "blue")
    assert found["prediction"]["classes"] == ["red"]
    assert [each["method"] for each in found["maps"]] == ["Grad-CAM", "Saliency", "Occlusion"]
    assert {each["class_name"] for each in found["maps"]} == {"blue"}
    assert {os.path.basename(path) for path in found["saved"]} == {
        "where.png",
        "layers.png",
        "filters.png",
        "im2col.png",
    }
    for path in found["saved"]:
        assert len(Image.open(path).convert("RGB").getcolors(10**7)) > 10
    assert main(arguments) == 0
    assert "Grad-CAM for red" in capsys.readouterr().out


def test_explain_says_what_it_cannot_do(colour_model, pictures, capsys):
    arguments = ["explain", "--model", str(colour_model)]
    assert main([*arguments, str(pictures / "broken.jpg")]) == 3
    assert "broken.jpg: expected a picture" in capsys.readouterr().err
    assert main([*arguments, str(pictures / "red.png"), "--class", "pink"]) == 2
    assert "--class expected one of red, green, blue, received 'pink'" in capsys.readouterr().err


def test_lrfind_suggests_a_rate(capsys):
    arguments = ["lrfind", "--data", "shapes", "--limit", 500, "--batch-size", 32]
    found = printed_json(capsys, *arguments, "--output", "rates.png")
    assert len(found["learning_rates"]) == len(found["losses"]) > 10
    assert 1e-6 < found["suggestion"] < 1 and found["saved"] == "rates.png"
    with Image.open("rates.png") as picture:
        assert picture.width > 500


# gradcheck and warmup: what their own tests leave open


def test_gradcheck_prints_json(capsys):
    found = printed_json(capsys, "gradcheck", "--layer", "Dense")
    assert found["passed"] and [check["name"] for check in found["checks"]] == [
        "Dense",
        "Dense of several axes",
        "Dense softmax",
    ]
    assert all(
        check["error"] <= check["allowed"] and check["checked"] > 10 for check in found["checks"]
    )


def test_saved_models_keep_their_class_names(trained):
    assert models.load_model(trained / "model.safetensors").class_names == list(
        datasets.shapes.CLASS_NAMES
    )
