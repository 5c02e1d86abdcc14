"""`minicnn gradcheck` of layers and losses of one's own, which --import names."""

import json

import pytest
from own_layers import SWISH

from minicnn.cli import main

OTHERS = '''

class Doubled(Swish):
    def backward(self, dy):
        return 2 * super().backward(dy)


class Blend(Merge):
    """y = x1 * x2 / 4"""

    def forward(self, x, *, training=False):
        a, b = self.accept(x)
        self._cache = (a, b) if training else None
        return a * b / 4

    def backward(self, dy):
        dy, a, b = self.take_cache(dy)
        return [dy * b / 4, dy * a / 4]


class Quartic(Loss):
    def each(self, y_true, y_pred):
        d = y_pred - y_true
        return (d**4).mean(axis=-1), 4 * d**3 / d.shape[-1]


class Power(Swish):
    def __init__(self, exponent):
        super().__init__()


class Vectors(Swish):
    def setup(self, input_shape):
        if len(input_shape) > 1:
            raise ValueError(f"{self} expected vectors, received samples of shape {input_shape}")
        return input_shape


class Scaled(Loss):
    def __init__(self, scale):
        super().__init__()
'''


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A file of one's own, in the folder in which commands run."""
    monkeypatch.chdir(tmp_path)
    bases = "from minicnn.layers.base_merge import Merge\nfrom minicnn.losses import Loss\n"
    (tmp_path / "my_layers.py").write_text(bases + SWISH + OTHERS)
    return "my_layers.py"


@pytest.mark.parametrize("name", ["Swish", "Blend", "Quartic"])
def test_those_of_ones_own_are_checked(file, name, capsys):
    command = ["gradcheck", "--layer", name.lower(), "--json"]
    assert main(command) == 2  # without the file there is no such layer
    capsys.readouterr()
    assert main([*command, "--import", file]) == 0
    (row,) = json.loads(capsys.readouterr().out)["checks"]
    assert row["name"] == name and row["passed"] and 0 < row["error"] < 1e-9
    assert row["checked"] > 10


def test_a_wrong_one_fails_and_the_mistake_is_named(file, capsys):
    assert main(["gradcheck", "--import", file, "--layer", "Doubled"]) == 1
    out = capsys.readouterr().out
    print(out)
    assert "FAIL" in out and "\nDoubled: worst relative error 5.0e-01" in out
    assert "dx is twice what is right" in out


def test_they_come_first_and_minicnns_are_checked_beside_them(file, capsys):
    assert main(["gradcheck", "--import", file, "--layer", "d", "--json"]) == 1
    checks = json.loads(capsys.readouterr().out)["checks"]
    names = [row["name"] for row in checks]
    assert names[0] == "Doubled" and {"Dense", "Dropout", "DepthwiseConv2D"} <= set(names)
    assert [row["name"] for row in checks if not row["passed"]] == ["Doubled"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "Power",
            "gradcheck --import expected a layer that is made without arguments and takes pictures "
            "of shape (6, 5, 3), received TypeError(",
        ),
        ("Power", "check it in Python, with testing.check_layer(Power(...), input_shape)"),
        ("Vectors", "expected vectors, received samples of shape (6, 5, 3)"),
        ("Scaled", "gradcheck --import expected a loss that is made without arguments, received "),
        ("Scaled", "check it in Python, with testing.measure_loss(Scaled(...))"),
    ],
)
def test_what_cannot_be_checked_here_is_said(file, name, says, capsys):
    assert main(["gradcheck", "--import", file, "--layer", name]) == 2
    error = capsys.readouterr().err
    print(error)
    assert says in error


def test_a_file_that_is_not_there(capsys):
    assert main(["gradcheck", "--import", "none.py"]) == 3
    assert "--import expected a Python file such as my_layers.py" in capsys.readouterr().err
