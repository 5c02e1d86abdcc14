"""The check that explains: each usual mistake, planted in a copy of a layer, is found by name."""

import json
import zlib
from pathlib import Path

import check_diagnosis
import gradient_cases as cases
import numpy as np
import pytest
from planted import PLANTED, Pen

from minicnn import layers, testing
from minicnn.layers.base import Layer
from minicnn.testing import check_layer, diagnose
from minicnn.testing.diagnosis import FAMILIES, Mistake

RESULT = json.loads((Path(__file__).parents[1] / "docs" / "results" / "diagnosis.json").read_text())
PAGE = (Path(__file__).parents[1] / "docs" / "check.md").read_text(encoding="utf-8")


def every_mistake():
    """All that the families know, by name."""
    from minicnn.testing.diagnosis import normalization_mistakes

    found = {}
    for module in (*FAMILIES, normalization_mistakes):
        found |= {one.name: one for one in vars(module).values() if isinstance(one, Mistake)}
    return found


def drawn(key, number=0):
    return PLANTED[key].make(Pen(np.random.default_rng((zlib.crc32(key.encode()), number))))


@pytest.mark.parametrize("key", PLANTED)
def test_a_planted_mistake_is_named(key):
    """By the check, in a sentence "dkernel is ...: write ..." without a full stop, and it alone."""
    row = PLANTED[key]
    with pytest.raises(AssertionError) as error:
        check_layer(*drawn(key), batch=3)
    lines = str(error.value).splitlines()
    print("\n".join(lines))
    mistake = every_mistake()[row.mistake]
    begins = f"d{row.tensor} {mistake.says}".split("{")[0]
    [place] = [n for n, line in enumerate(lines) if line.startswith(begins)]
    assert ": " in lines[place] and lines[place][-1] not in ".:" and "{" not in lines[place]
    assert not any(line.startswith(f"  or d{row.tensor} ") for line in lines[place + 1 :])


@pytest.mark.parametrize("name", cases.LAYERS)
def test_a_correct_layer_is_not_accused(name):
    assert not check_diagnosis.accusations(name, 0)


def test_every_mistake_is_planted_and_stands_on_the_page():
    assert {row.mistake for row in PLANTED.values()} == set(every_mistake())
    assert len(every_mistake()) >= 25
    assert [name for name in every_mistake() if name not in PAGE] == []


class SwappedKernel(layers.Conv2D):
    """Its dkernel has channels and filters exchanged."""

    def backward(self, dy):
        dx = super().backward(dy)
        self.grads["kernel"][...] = self.grads["kernel"].swapaxes(2, 3).copy()
        return dx


def test_the_check_says_what_is_wrong_and_what_is_right():
    """Who, what was expected, what came, and what to do."""
    with pytest.raises(AssertionError) as error:
        check_layer(SwappedKernel(3, (2, 3), name="mine"), (5, 5, 3))
    message = str(error.value)
    print(message)
    assert message.startswith("backward is not the derivative of forward: SwappedKernel 'mine': ")
    assert message.splitlines()[-3:] == [
        "  expected at most 1e-07",
        "dkernel is right after swapping its last two axes: the product or the transpose that "
        "makes it is turned",
        "dx, dbias are right",
    ]


def test_what_is_wrong_in_no_usual_way_has_no_name():
    class OneNumber(layers.Dense):
        def backward(self, dy):
            dx = super().backward(dy)
            self.grads["kernel"][0, 0] += 1
            return dx

    found = diagnose(OneNumber(3), (4,))
    assert found.findings == {"kernel": ()} and found.right == ("x", "bias")
    with pytest.raises(AssertionError, match="dkernel is wrong, and no usual mistake explains it"):
        check_layer(OneNumber(3), (4,))


def test_unknown_mistakes_stay_without_a_name():
    found = check_diagnosis.unknown(1)
    assert found["named"] == [] and found["tried"] > 8


def test_two_mistakes_in_two_tensors_are_both_named():
    class Two(layers.Dense):
        def backward(self, dy):
            dx = super().backward(dy)
            self.grads["bias"] /= len(dy)
            return -dx

    found = diagnose(Two(3), (4,)).findings
    assert {name: one.mistake.name for name, (one,) in found.items()} == {
        "x": "wrong sign",
        "bias": "1/N twice",
    }


def test_mistakes_that_cannot_be_told_apart_are_all_named():
    """With two inputs, twice what is right may be a factor 2, or a mean's 1/M forgotten."""

    class Doubled(layers.Average):
        def backward(self, dy):
            return [2 * dx for dx in super().backward(dy)]

    text = str(diagnose(Doubled(), [(3,), (3,)]))
    assert "dx1 is twice what is right: " in text
    assert "\n  or dx1 is what is right times the number of inputs: divide by it" in text


def test_a_layer_of_ones_own_is_explained():
    """That has none of minicnn's classes above it: its formula is recognized by being right."""

    class Standardized(Layer):
        def forward(self, x, *, training=False):
            x = self.accept(x)
            mean, std = x.mean(axis=(1, 2), keepdims=True), x.std(axis=(1, 2), keepdims=True)
            x_hat = (x - mean) / std
            self._cache = (x_hat, std) if training else None
            return x_hat

        def backward(self, dy):
            dy, x_hat, std = self.take_cache(dy)
            stretch = (dy * x_hat).mean(axis=(1, 2), keepdims=True)
            return (dy - x_hat * stretch) / std

    with pytest.raises(AssertionError, match="dx lacks the term of the mean: subtract the mean"):
        check_layer(Standardized(), (4, 3, 2))


def test_the_check_sees_what_accumulates():
    class Accumulates(layers.Dense):
        def backward(self, dy):
            before = self.grads["kernel"].copy()
            dx = super().backward(dy)
            self.grads["kernel"] += before
            return dx

    with pytest.raises(AssertionError, match="dkernel is the sum of this batch's and the last"):
        check_layer(Accumulates(3), (4,))


def test_no_gradient_at_all():
    class Nothing(layers.Flatten):
        def backward(self, dy):
            super().backward(dy)

    with pytest.raises(AssertionError, match="gradient of x is None, expected an array") as error:
        check_layer(Nothing(), (2, 3))
    assert "dx is None: return dx, an array of x's shape" in str(error.value)


def test_a_layer_too_large_is_refused_and_the_check_still_fails():
    with pytest.raises(
        ValueError, match=r"expected a layer of at most .* received Dense of .*: try smaller"
    ):
        diagnose(layers.Dense(500), (900,))

    class Wrong(layers.Dense):
        def backward(self, dy):
            return -super().backward(dy)

    with pytest.raises(AssertionError, match=r"not the derivative(.|\n)*no diagnosis: ValueError"):
        check_layer(Wrong(500), (900,))


def test_a_layer_whose_batches_are_all_of_one_size_is_not_explained():
    class OfTwo(layers.Dense):
        def backward(self, dy):
            if len(dy) != 2:
                raise NotImplementedError("two samples")
            return -super().backward(dy)

    with pytest.raises(AssertionError, match="no diagnosis: NotImplementedError: two samples"):
        check_layer(OfTwo(2), (3,))


def test_a_layer_that_cannot_be_copied_is_checked_all_the_same():
    class Uncopied(layers.Dense):
        def __deepcopy__(self, memo):
            raise TypeError("there is one of me")

        def backward(self, dy):
            return -super().backward(dy)

    with pytest.raises(AssertionError, match="no diagnosis: the layer cannot be copied"):
        check_layer(Uncopied(2), (3,))


def test_corners_everywhere():
    class Corners(layers.ReLU):
        def forward(self, x, *, training=False):
            return super().forward(np.round(x, 3), training=training)

    with pytest.raises(ValueError, match=r"to have derivatives, received corners .*: give it x"):
        diagnose(Corners(), (40,))


def test_the_input_may_be_given():
    class Logarithm(Layer):
        def forward(self, x, *, training=False):
            x = self.accept(x)
            self._cache = (x,) if training else None
            return np.log(x)

        def backward(self, dy):
            dy, x = self.take_cache(dy)
            return -dy / x

    x = np.random.default_rng(0).uniform(1, 2, (3, 4))
    with pytest.raises(AssertionError, match="dx has the wrong sign: turn it"):
        check_layer(Logarithm(), (4,), x=x)
    assert diagnose(layers.GELU(), (4,), x=x).findings == {}


def test_the_layer_stays_as_it_is():
    layer = layers.Dense(3)
    assert diagnose(layer, (4,)).findings == {} and not layer.built
    assert testing.diagnose is diagnose


def test_the_long_form_was_run_and_passed():
    """python tests/check_diagnosis.py"""
    planted, correct = RESULT["planted"], RESULT["correct"]
    assert RESULT["passed"] and RESULT["layers_with_a_mistake"] == len(PLANTED)
    assert RESULT["mistakes"] == len(every_mistake()) >= 25
    assert RESULT["named_share"] >= check_diagnosis.NAMED == 0.95
    assert planted.get("misdiagnosed", 0) == planted.get("invisible", 0) == 0
    assert planted["named"] + len(planted["not_named"]) == len(PLANTED) * RESULT["cases_each"]
    assert correct["tried"] >= check_diagnosis.CORRECT == 2000 and correct["accused"] == []
    assert RESULT["unknown"]["named"] == [] and RESULT["unknown"]["tried"] > 100


@pytest.mark.parametrize(
    ("cls", "arguments", "axes", "told"),
    [
        (layers.GroupNormalization, (2,), (1,),
         "has its means over H and W, where forward has its statistics over H and W and the "
         "channels of a group"),
        (layers.LayerNormalization, (), (1, 2, 3),
         "has its means over H and W and C, where forward has its statistics over C"),
    ],
)  # fmt: skip
def test_axes_are_named_in_words_whatever_shape_a_layer_works_in(cls, arguments, axes, told):
    class Wrong(cls):
        def backward(self, dy):
            _, x_hat, inv_std = self.take_cache(dy)
            dx_hat = (dy * self.params["gamma"]).reshape(x_hat.shape)
            shift, stretch = (
                one.mean(axis=axes, keepdims=True) for one in (dx_hat, dx_hat * x_hat)
            )
            return (inv_std * (dx_hat - shift - x_hat * stretch)).reshape(dy.shape)

    with pytest.raises(AssertionError) as error:
        check_layer(Wrong(*arguments), (4, 4, 4))
    print(error.value)
    assert f"dx {told}: take them over the same axes" in str(error.value)
