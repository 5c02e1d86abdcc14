"""A class of one's own and minicnn's of that name in one file: each comes back as what it was."""

import numpy as np
import pytest
from test_own_layers_saved import named_as

from minicnn import Input, Sequential, layers, losses, models
from minicnn.cli import main
from minicnn.cli.own_classes import own_classes


class Dense(layers.Dense):
    def forward(self, x, *, training=False):
        return 2 * super().forward(x, training=training)


def beside():
    return Sequential([Input((4,)), layers.Dense(3), Dense(3)], seed=0)


def test_both_of_one_name_come_back_each_as_its_own(tmp_path):
    beside().save(tmp_path / "m.safetensors")
    text = beside().to_json()
    for again in (
        models.load_model(tmp_path / "m.safetensors", custom_objects={"Dense": Dense}),
        models.model_from_json(text, {"Dense": Dense}),
        models.model_from_config(beside().get_config(), {"Dense": Dense}),
    ):
        assert [type(one) for one in again.layers] == [layers.Dense, Dense]
    x = np.linspace(-1, 1, 8).reshape(2, 4)
    again = models.load_model(tmp_path / "m.safetensors", custom_objects={"Dense": Dense})
    assert np.array_equal(again(x), beside()(x))


def test_a_class_under_another_name_than_its_own_still_opens_it(tmp_path):
    beside().save(tmp_path / "m.safetensors")
    renamed = named_as("Doubled", Dense)
    again = models.load_model(tmp_path / "m.safetensors", custom_objects={"Dense": renamed})
    assert [type(one) for one in again.layers] == [layers.Dense, renamed]


def test_a_loss_that_is_marked_tells_that_the_layers_are_minicnns(tmp_path):
    own = named_as("MeanSquaredError", losses.MeanSquaredError)
    model = Sequential([Input((4,)), layers.Dense(3)], seed=0)
    model.compile("sgd", own(), metrics=["mse"])
    model.save(tmp_path / "m.safetensors")
    known = {"Dense": Dense, "MeanSquaredError": own}
    again = models.load_model(tmp_path / "m.safetensors", custom_objects=known)
    assert (type(again.layers[0]), type(again.loss)) == (layers.Dense, own)
    assert type(again.metrics[0]) is type(model.metrics[0])


def test_a_command_tells_both_apart(tmp_path, capsys):
    source = (
        "from minicnn import layers\n\n\nclass Dense(layers.Dense):\n"
        "    def forward(self, x, *, training=False):\n"
        "        return 2 * super().forward(x, training=training)\n"
    )
    (tmp_path / "own_dense.py").write_text(source)
    beside().save(tmp_path / "m.safetensors")
    known = own_classes([tmp_path / "own_dense.py"])
    again = models.load_model(tmp_path / "m.safetensors", custom_objects=known)
    assert [type(one) for one in again.layers] == [layers.Dense, known["Dense"]]
    path = str(tmp_path / "m.safetensors")
    assert main(["summary", path, "--import", str(tmp_path / "own_dense.py")]) in (0, None)
    assert "dense_1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "fix"),
    [([Dense], "custom_objects={'Dense': Dense}"), (Dense, "custom_objects={'Dense': Dense}")],
)
def test_custom_objects_are_a_dict(given, fix, tmp_path):
    beside().save(tmp_path / "m.safetensors")
    for who, opens in (
        ("load_model", lambda: models.load_model(tmp_path / "m.safetensors", given)),
        ("from_config", lambda: models.model_from_config(beside().get_config(), given)),
    ):
        with pytest.raises(TypeError) as error:
            opens()
        print(error.value)
        assert str(error.value) == (
            f"{who} expected custom_objects as a dict of classes by their names, received "
            f"{given!r}: write {fix}"
        )
