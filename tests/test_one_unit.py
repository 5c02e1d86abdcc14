"""A network of one unit decides between two classes: all that looks at answers gives the same for
Dense(1, "sigmoid") as for the Dense(2, "softmax") that computes the same probabilities.
"""

import json

import numpy as np
import pytest
from PIL import Image

from minicnn import Input, Sequential, data, explain, layers, models, plots, preflight, report, runs
from minicnn.cli import main
from minicnn.network.ending import class_probabilities

NAMES = ["dark", "light"]
ENDS = ["sigmoid", "logits", "softmax"]


def network(end, names=NAMES):
    """Of z, the score of "light", 1 - sigmoid(z) and sigmoid(z), which are softmax(-z/2, z/2)."""
    stack = [
        Input((8, 8, 3)),
        layers.Rescaling(1 / 255),
        layers.Conv2D(4, 3, activation="gelu"),
        layers.Flatten(),
    ]
    rng = np.random.default_rng(1)
    w, b = rng.standard_normal((6 * 6 * 4, 1)) / 6, np.array([0.25])
    if end == "softmax":
        last = [layers.Dense(2, activation="softmax")]
        weights = [np.concatenate([-w / 2, w / 2], axis=1), np.concatenate([-b / 2, b / 2])]
    else:
        last = [layers.Dense(1, activation="sigmoid" if end == "sigmoid" else None)]
        weights = [w, b]
    model = Sequential([*stack, *last], class_names=names, seed=5)
    model.layers[-1].set_weights(weights)
    model.note_weights()
    return model


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(2)
    return rng.integers(0, 256, (30, 8, 8, 3), dtype=np.uint8), rng.integers(0, 2, 30)


@pytest.fixture(scope="module")
def expected(pictures):
    model = network("softmax")
    return model, model.predict(pictures[0])


def test_it_has_two_classes(pictures, expected):
    x, _ = pictures
    for end in ENDS:
        model = network(end)
        assert model.classes == 2
        assert model.ends_in == (None if end == "logits" else end)
        found = class_probabilities(model.predict(x), model.ends_in, "test")
        np.testing.assert_allclose(found, expected[1], rtol=1e-5, atol=1e-6)


def test_a_report(pictures, expected):
    x, y = pictures
    by_two = report.evaluate_report(y, expected[1], NAMES)
    for p in (network("sigmoid").predict(x), network("sigmoid").predict(x)[:, 0]):
        by_one = report.evaluate_report(y, p, NAMES)
        assert by_one.accuracy == by_two.accuracy
        assert np.array_equal(by_one.confusion, by_two.confusion)
        assert by_one.cross_entropy == pytest.approx(by_two.cross_entropy, rel=1e-5)
    with pytest.raises(ValueError, match="from 0 to 1"):
        report.evaluate_report(y, network("logits").predict(x) * 9, NAMES)


def test_plots_of_answers(pictures, expected):
    x, y = pictures
    one = plots.mistakes_gallery(x, y, network("sigmoid").predict(x), NAMES)
    two = plots.mistakes_gallery(x, y, expected[1], NAMES)
    assert one.to_text() == two.to_text()
    one = plots.predictions_grid(x, y, network("sigmoid").predict(x)[:, 0], NAMES)
    assert one.to_text() == plots.predictions_grid(x, y, expected[1], NAMES).to_text()


@pytest.mark.parametrize("end", ENDS[:2])
def test_what_it_says_to_a_picture(pictures, expected, end):
    x, _ = pictures
    for picture in x[:3]:
        one, two = network(end).predict_image(picture), expected[0].predict_image(picture)
        assert one.classes == two.classes and one.known == 2
        assert one.probabilities == pytest.approx(two.probabilities, rel=1e-5)


@pytest.mark.parametrize("class_index", [None, 0, 1])
@pytest.mark.parametrize("end", ENDS[:2])
def test_explanations(pictures, expected, end, class_index):
    x = pictures[0][0]
    for how in (explain.grad_cam, explain.saliency, explain.occlusion):
        one, two = how(network(end), x, class_index), how(expected[0], x, class_index)
        assert one.class_name == two.class_name
        assert one.probability == pytest.approx(two.probability, rel=1e-5)
        np.testing.assert_allclose(one.heat, two.heat, rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match="class_index from 0 to 1, received 2"):
        explain.saliency(network(end), x, 2)


def test_a_preflight_and_a_profile(pictures):
    x, y = pictures
    model = Sequential(
        [Input((8, 8, 3)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(1, "sigmoid")]
    )
    found = {finding.check: finding for finding in preflight.check(model, x, y)}
    assert "ln 2 = 0.693 expected" in found["initial loss"].text
    assert found["overfits 50 pictures"].passed and found["gradients"].passed
    assert preflight.profile(model, batch=4, seconds=0.01).rows
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="a model that classifies, received one with loss 'mean_s"):
        next(preflight.check(model, x, y))


def test_a_preflight_of_several_yeses_and_noes(pictures):
    model = Sequential(
        [Input((8, 8, 3)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(3, "sigmoid")]
    )
    y = np.random.default_rng(0).integers(0, 2, (30, 3))
    found = {finding.check: finding for finding in preflight.check(model, pictures[0], y)}
    assert "ln 2 = 0.693 expected" in found["initial loss"].text
    assert found["overfits 50 pictures"].passed
    assert preflight.profile(model, batch=4, seconds=0.01).rows


def test_several_yeses_and_noes_are_no_classes(pictures):
    model = Sequential([Input((8, 8, 3)), layers.Flatten(), layers.Dense(3, "sigmoid")])
    model.note_weights()
    with pytest.raises(ValueError, match=r"3 units that each say yes or no: predict\(x\) > 0.5"):
        model.predict_image(pictures[0][0] // 100)
    heat = explain.saliency(model, pictures[0][0] / 255, 2)
    p = model.predict(pictures[0][:1] / 255)[0, 2]
    assert heat.probability == pytest.approx(p, rel=1e-5)


def test_average_flips_and_class_names_in_files(pictures, tmp_path):
    x, y = pictures
    model = network("sigmoid")
    mirrored = (model.predict(x) + model.predict(x[:, :, ::-1])) / 2
    np.testing.assert_allclose(model.predict(x, average_flips=True), mirrored, rtol=1e-6)
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    assert len(model.evaluate(x, y, average_flips=True)) == 2
    model.save(tmp_path / "m.safetensors")
    assert models.load_model(tmp_path / "m.safetensors").class_names == NAMES
    with pytest.raises(ValueError, match="has 2 outputs and expected as many class_names"):
        network("sigmoid", names=["light"]).save(tmp_path / "other.safetensors")


def test_another_head_is_a_softmax():
    copy = network("sigmoid").replace_head(["a", "b", "c"])
    assert copy.layers[-1].activation == "softmax" and copy.layers[-1].units == 3
    apart = Sequential([Input((4,)), layers.Dense(1), layers.Activation("sigmoid")])
    with pytest.raises(ValueError, match="received a sigmoid behind it: build a model"):
        apart.replace_head(3)


@pytest.fixture
def folder(tmp_path):
    for name, low in (("dark", 0), ("light", 130)):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(6):
            pixels = np.random.default_rng(number).integers(low, low + 120, (8, 8, 3))
            file = tmp_path / "pictures" / name / f"{number}.png"
            Image.fromarray(pixels.astype(np.uint8)).save(file)
    return tmp_path / "pictures"


def test_commands(folder, tmp_path, capsys):
    """minicnn evaluate and predict, of one unit as of two."""
    said = {}
    for end in ENDS:
        path = tmp_path / f"{end}.safetensors"
        network(end).save(path)
        assert main(["evaluate", "--model", str(path), "--data", str(folder), "--json"]) == 0
        evaluated = json.loads(capsys.readouterr().out)
        assert main(["predict", "--model", str(path), str(folder), "--json"]) == 0
        predicted = json.loads(capsys.readouterr().out)["predictions"]
        answers = {file: found["classes"] for file, found in predicted.items()}
        said[end] = evaluated["accuracy"], evaluated["confusion_matrix"], answers
        assert evaluated["images"] == 12 and len(answers) == 12
    assert said["sigmoid"] == said["logits"] == said["softmax"]


def test_a_run_is_finished(folder, tmp_path):
    """Evaluated, drawn and written on a page."""
    found = data.from_directory(folder, (8, 8), cache=False)
    x, y = found.x, found.y
    model = network("sigmoid")
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    about = {"options": {"data": "p", "batch_size": 32}, "name": "p", "synthetic": True}
    config = runs.config(model, **about, train=(x, y), test=(x, y))
    run = runs.create(tmp_path / "run", config)
    model.fit(x, y, epochs=1, verbose=0, callbacks=[runs.HistoryFile(run.history_file)])
    evaluation = runs.finish(run, model, (x, y), (x, y))
    assert evaluation.accuracy == pytest.approx(model.evaluate(x, y)[1])
    assert (run.plots / "confusion.txt").exists() and run.page.exists()
