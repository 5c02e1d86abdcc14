"""What is said of networks that are joined or called wrongly."""

import numpy as np
import pytest
from model_cases import X, with_base

from minicnn import Input, Model, Sequential, layers
from minicnn.network.executor import Execution


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda _, x: Model(Input((3,)), x),
            ValueError,
            r"depend on its inputs .* alone, received one that also needs <No",
        ),
        (
            lambda i, _: Model(i, X),
            TypeError,
            r"expected symbolic outputs, such as Input\(\(32, 32, 3\)\) and layers called",
        ),
        (
            lambda _, x: Model([], x),
            ValueError,
            "expected at least one of its inputs, received none",
        ),
        (lambda i, x: Model([i, i], x), ValueError, "expected different inputs, received"),
        (lambda i, _: Model(i), TypeError, "outputs"),
        (
            lambda _, x: layers.Dense(2)([x, x]),
            TypeError,
            "Dense expected one tensor, received 2: join them by Concat",
        ),
        (
            lambda _, x: layers.Add()([x, X]),
            TypeError,
            "expected symbolic tensors alone, received array",
        ),
        (
            lambda _, x: layers.Add()(x),
            TypeError,
            "Add expected a list of tensors, received <Node of Dense",
        ),
        (
            lambda i, x: layers.Add()([i, x]),
            ValueError,
            r"Add expected inputs whose axes, .* received",
        ),
        (
            lambda _, __: layers.Concatenate()([Input((2, 2, 1)), Input((3, 2, 1))]),
            ValueError,
            "Concatenate expected",
        ),
        (
            lambda i, x: Model(i, x)(Input((7,))),
            ValueError,
            r"Model 'functional' expected \(None, 4\), received \(None, 7",
        ),
        (
            lambda i, x: Model(i, x).build((None, 7)),
            ValueError,
            r"is built for \(None, 4\), received \(None, 7\)",
        ),
        (
            lambda i, x: Sequential([i, x]),
            TypeError,
            "Sequential 'sequential' expected a layer, received <Node of Dense",
        ),
        (
            lambda *_: layers.Dense(2)("x"),
            TypeError,
            r"Dense expected an array \(N, ...\) of numbers or a symbolic ten",
        ),
        (
            lambda i, x: Model(i, x, nane="a"),
            TypeError,
            "Model has no argument 'nane'. Did you mean 'name'?",
        ),
    ],
)
def test_what_cannot_be_joined(make, error, message):
    inputs = Input((4,))
    with pytest.raises(error, match=message) as raised:
        make(inputs, layers.Dense(3)(inputs))
    print(raised.value)


def test_a_call_of_ones_own_cannot_be_differentiated():
    with pytest.raises(
        TypeError,
        match=r"Mine defines call\(\), which cannot be differentiated: minicnn has no autograd",
    ):

        class Mine(Model):
            def call(self, x):
                return x


def test_a_plan_is_made_anew_when_a_layer_inside_a_model_inside_is_built_again():
    model, base = with_base()
    before = model.execution_for(X)
    assert model.execution_for(X) is before and isinstance(before, Execution)
    base.layers[0].build((8, 8, 3), np.random.default_rng(5))
    assert model.execution_for(X) is not before
