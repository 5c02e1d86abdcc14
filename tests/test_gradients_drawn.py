"""The check of all gradients in drawn directions: a few cases of each, and its last result."""

import json
from pathlib import Path

import check_gradients
import gradient_cases as cases
import numpy as np
import pytest

from minicnn import layers

CASES = 3
RESULT = json.loads((Path(__file__).parents[1] / "docs" / "results" / "gradients.json").read_text())


@pytest.mark.parametrize("name", check_gradients.SUBJECTS)
def test_a_few_cases(name):
    found = check_gradients.check([name], CASES)
    assert found["missed"] == [] and found["gradients"] >= CASES


def test_everything_has_a_case(monkeypatch):
    assert cases.without_a_case() == []

    class New(layers.Flatten):
        pass

    monkeypatch.setitem(layers.LAYERS, "New", New)
    assert cases.without_a_case() == ["layers.New"]


class AlmostRight(layers.Dense):
    """Has one wrong number in one gradient."""

    def backward(self, dy):
        dx = super().backward(dy)
        if self.use_bias:
            self.grads["bias"][-1] *= 1 + 1e-5
        return dx


def test_one_wrong_number_is_found(monkeypatch):
    make = check_gradients.claims_of_layer
    wrong = {"layers.Dense": lambda pen: make(lambda _: (AlmostRight(3), (4,)), pen)}
    monkeypatch.setattr(check_gradients, "SUBJECTS", wrong)
    missed = check_gradients.check(["layers.Dense"], CASES)["missed"]
    assert [words.split(":")[0] for words in missed] == [
        f"layers.Dense, case {number}, bias" for number in range(CASES)
    ]


def test_corners_are_no_errors_but_are_counted(monkeypatch):
    """Of a layer with corners everywhere nothing can be said, and that is said."""

    class Corners(layers.ReLU):
        def forward(self, x, *, training=False):
            return super().forward(np.round(x, 5), training=training)

    make = check_gradients.claims_of_layer
    corners = {"layers.Corners": lambda pen: make(lambda _: (Corners(), (40,)), pen)}
    monkeypatch.setattr(check_gradients, "SUBJECTS", corners)
    found = check_gradients.check(["layers.Corners"], 1)
    assert found["missed"] == ["layers.Corners, case 0, a place without a kink: inf"]
    assert found["kinks"]["layers.Corners"] > check_gradients.KINKS


def test_the_long_form_was_run_and_passed():
    """python tests/check_gradients.py"""
    assert RESULT["passed"] and RESULT["missed"] == RESULT["without_a_case"] == []
    assert RESULT["cases_each"] >= check_gradients.COUNT == 200
    assert RESULT["bar"] == check_gradients.BAR == 1e-7
    assert RESULT["worst"].keys() == check_gradients.SUBJECTS.keys()
    assert max(RESULT["worst"].values()) == RESULT["largest"] <= check_gradients.BAR
    assert all(share <= check_gradients.KINKS for share in RESULT["kinks"].values())
