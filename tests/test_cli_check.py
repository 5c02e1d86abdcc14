"""`minicnn check` and preflight: every check passes on the documented network, and fails where it
should.
"""

import json
import re

import numpy as np
import pytest

from minicnn import Sequential, applications, datasets, layers, preflight
from minicnn.cli import main, pictures
from minicnn.preflight import checks

pytest_plugins = ["run_fixtures"]
pytestmark = pytest.mark.usefixtures("here")
CHECKS = ["initial loss", "overfits 50 pictures", "gradients", "dead units", "steps per epoch"]


@pytest.fixture(scope="module")
def shapes():
    (x, y), _ = datasets.shapes.load_data(train=300, test=1)
    return x, y


def small(*middle, scale=1 / 255):
    """A small network that learns quickly."""
    head = [layers.Flatten(), *middle, layers.Dense(10, activation="softmax")]
    convolution = layers.Conv2D(8, 3, strides=2, activation="relu")
    return Sequential(
        [layers.Input((32, 32, 3)), layers.Rescaling(scale), convolution, *head], seed=0
    )


def found(check, model, shapes):
    """What one of the checks finds; those after it are not made."""
    findings = preflight.check(model, *shapes)
    return next(finding for finding in findings if finding.check == check)


def test_the_documented_network_passes(capsys):
    assert main(["check", "--data", "shapes", "--limit", "300"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:6] for line in lines] == ["PASS  "] * 5
    assert [name for name, line in zip(CHECKS, lines, strict=True) if name in line] == CHECKS


def test_the_model_stays_as_it_is(shapes):
    model = small()
    before = model.get_weights()
    assert all(finding.passed for finding in preflight.check(model, *shapes))
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert model.optimizer is None and model.has_fresh_weights


def test_augmentation_and_dropout_are_left_out(shapes):
    """They make training harder on purpose; with them, 50 pictures are not learnt by heart in 300
    steps.
    """
    random = [
        layers.RandomErasing(1.0, scale=(0.5, 0.9)),
        layers.RandomTranslation(0.4, 0.4),
        layers.Dropout(0.9),
    ]
    hard = Sequential([layers.Input((32, 32, 3)), *random, *small().layers], seed=0)
    hard_findings, findings = (list(preflight.check(model, *shapes)) for model in (hard, small()))
    assert hard_findings[1:] == findings[1:] and all(finding.passed for finding in hard_findings)


def test_one_hot_labels_are_the_same(shapes):
    x, y = shapes
    findings = (
        list(preflight.check(small(), x, y)),
        list(preflight.check(small(), x, np.eye(10)[y.reshape(-1)])),
    )
    assert findings[0] == findings[1]


def test_a_deep_sum_is_judged_by_its_first_step(shapes):
    """Before training its normalisations hold 0 and 1, and what goes through them grows with every
    sum; that is no fault of the pictures.
    """
    x = layers.Rescaling(1 / 255)(layers.Input((32, 32, 3)))
    model = applications.ResNet20(input_tensor=x, seed=0)
    model.compile("adam", "sparse_categorical_crossentropy")
    assert model.evaluate(*shapes, verbose=0) > 20
    finding = checks.first_loss(model, *shapes)
    said = r"[23]\.\d{3} in the first step, at most 2 ln 10 = 4\.605 expected"
    assert finding.passed and re.fullmatch(said, finding.text)
    model.layers[-1].params["kernel"] *= 100
    finding = checks.first_loss(model, *shapes)
    assert not finding.passed and finding.text.endswith(" expected: are weights too large?")


@pytest.mark.filterwarnings("ignore:.*expects")  # that warning is about the same mistake
def test_unscaled_pictures_are_found_by_the_first_loss(shapes):
    finding = found("initial loss", small(scale=1.0), shapes)
    assert not finding.passed
    assert "ln 10 = 2.303 expected: is the input scaled to about 0 to 1?" in finding.text


def test_a_network_without_capacity_cannot_learn_by_heart(shapes):
    model = Sequential(
        [
            layers.Input((32, 32, 3)),
            layers.Rescaling(1 / 255),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10, activation="softmax"),
        ],
        seed=0,
    )
    finding = found("overfits 50 pictures", model, shapes)
    assert not finding.passed and "of 50 right after 300 steps: too few parameters" in finding.text


class WrongScale(layers.Layer):
    """y = x * scale, whose backward forgets half of the gradient."""

    def setup(self, input_shape):
        self.add_param("scale", input_shape[-1:], "ones")
        return input_shape

    def forward(self, x, *, training=False):
        x = self.accept(x)
        self._cache = (x,) if training else None
        return x * self.params["scale"]

    def backward(self, dy):
        dy, x = self.take_cache(dy)
        self.grads["scale"][...] = (dy * x).sum(axis=0) / 2
        return dy * self.params["scale"]


def test_a_wrong_backward_is_found_and_named(shapes):
    finding = found("gradients", small(WrongScale(name="mine")), shapes)
    assert not finding.passed
    assert "at most 1e-06 expected: look at mine/scale" in finding.text


def test_dead_units_are_found_and_named(shapes):
    model = small(layers.Dense(20, activation="relu", name="hidden"))
    kernel, bias = model.get_layer("hidden").get_weights()
    bias[:12] = -1e6  # a thirteenth is dead anyway
    model.get_layer("hidden").set_weights([kernel, bias])
    model.note_weights()
    finding = found("dead units", model, shapes)
    assert not finding.passed
    assert "13 of 20 in hidden: is the learning rate or a bias too large?" in finding.text


@pytest.mark.parametrize("count, warmup, momentum, passes", [
    (300, False, 0.99, False), (300, True, 0.99, True), (300, False, 0.7, True),
    (7360, False, 0.99, True)
])  # fmt: skip
def test_too_few_steps_for_the_averages_are_found(count, warmup, momentum, passes, shapes):
    """Batches of 32: 10 steps an epoch, or 230, after two of which less than 1 % is left."""
    norm = layers.BatchNormalization(momentum=momentum, warmup=warmup)
    finding = checks.steps_per_epoch(small(norm), count, 32)
    assert finding.passed == passes
    assert finding.text.startswith(f"{-(-count // 32)}: {count:,} pictures in batches of 32")
    if not passes:
        assert (
            "after the first, 90 % of what batch normalisation's averages begin with is still in "
            "them" in finding.text
        )
        assert "use warmup=True, a lower momentum, or smaller batches" in finding.text
        assert found("steps per epoch", small(norm), shapes) == finding


def test_the_batches_must_be_batches(shapes):
    with pytest.raises(ValueError, match="preflight expected batch_size"):
        list(preflight.check(small(), *shapes, batch_size=0))


def test_a_network_without_relus_has_no_dead_units(shapes):
    model = Sequential(
        [layers.Input((32, 32, 3)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(10)],
        seed=0,
    )
    assert found("dead units", model, shapes).text == "there are no ReLUs"


def test_logits_are_judged_like_probabilities(shapes):
    probabilities, logits = small(), small()
    logits.layers[-1] = layers.Dense(10, name=probabilities.layers[-1].name)
    again = Sequential(
        [layers.Input((32, 32, 3)), *(type(each)(**each.get_config()) for each in logits.layers)],
        seed=0,
    )
    one, other = found("initial loss", probabilities, shapes), found("initial loss", again, shapes)
    assert one.passed and one == other


def test_an_unbuilt_model_is_refused(shapes):
    with pytest.raises(
        ValueError, match="preflight expected a built model, received 'sequential': add an Input"
    ):
        list(preflight.check(Sequential([layers.Dense(10)]), *shapes))


def test_the_command_exits_with_1_when_a_check_fails(capsys):
    model = small()
    weights = model.get_weights()
    # all of the convolution's units are dead
    model.set_weights([weights[0], weights[1] - 1e6, *weights[2:]])
    model.note_weights()
    model.save("dead.safetensors")
    assert (
        main(
            ["check", "--model", "dead.safetensors", "--data", "shapes", "--limit", "300", "--json"]
        )
        == 1
    )
    result = json.loads(capsys.readouterr().out)
    assert result["passed"] is False
    assert {each["check"]: each["passed"] for each in result["checks"]} == dict.fromkeys(
        CHECKS, True
    ) | {"dead units": False}
    assert main(["check", "--model", "dead.safetensors", "--data", "shapes", "--limit", "300"]) == 1
    assert capsys.readouterr().out.splitlines()[3].startswith("FAIL  dead units")


def test_the_network_has_as_many_outputs_as_the_data_has_classes(monkeypatch, capsys):
    (x, y), _ = datasets.shapes.load_data(train=300, test=1)
    three = pictures.Pictures(
        "three", ["a", "b", "c"], (x[y[:, 0] < 3], y[y[:, 0] < 3]), (x, y), (x, y)
    )
    monkeypatch.setattr(pictures, "load", lambda *_: three)
    assert main(["check"]) == 0
    assert "ln 3 = 1.099 expected" in capsys.readouterr().out
