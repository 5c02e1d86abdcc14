"""Lesson 2: MyReLU and MySwish."""

from collections.abc import Iterator

import numpy as np

from minicnn.layers import Activation, ReLU
from minicnn.lessons.checks.step import Step, claimed, gradients, pair, same
from minicnn.lessons.work import Work
from minicnn.types import Array


def steps(work: Work) -> Iterator[Step]:
    """Both classes: forward beside minicnn's, backward beside measured derivatives."""
    x = np.random.default_rng(2).standard_normal((5, 4))
    sigmoid = 1 / (1 + np.exp(-x))

    def relu() -> str:
        mistakes = {
            "that is the mask itself: it is to be multiplied by x": x > 0,
            "negative numbers lost their sign and were not cut off": np.abs(x),
            "positive numbers were cut off, not negative ones": np.minimum(x, 0),
        }
        return same("y", *pair(work.take("MyReLU")(), ReLU(), x), mistakes)

    def at_zero() -> str:
        layer = work.take("MyReLU")()
        layer.build((3,), dtype=np.float64)
        layer.forward(np.zeros((1, 3)), training=True)
        mistakes = {
            "the derivative at exactly 0 is taken as 0, so the mask is x > 0": np.ones((1, 3))
        }
        return same("dx where x is 0", layer.backward(np.ones((1, 3))), np.zeros((1, 3)), mistakes)

    def swish() -> str:
        mistakes = {
            "that is the sigmoid: it is to be multiplied by x": sigmoid,
            "exp(x) stands where exp(-x) should": x * (1 - sigmoid),
        }
        return same("y", *pair(work.take("MySwish")(), Activation("swish"), x), mistakes)

    def swish_backward() -> str:
        def mistakes(dy: Array) -> dict[str, Array]:
            return {
                "that is dy times the derivative of the sigmoid alone, and x has an effect on y by "
                "itself too: dy * (s + x * s * (1 - s))": dy * sigmoid * (1 - sigmoid),
                "that is dy * s, and x has an effect on s too: dy * (s + x * s * (1 - s))": dy
                * sigmoid,
                "the second term has to be multiplied by x: dy * (s + x * s * (1 - s))": dy
                * (sigmoid + sigmoid * (1 - sigmoid)),
                "dy is missing: the effect is to be multiplied by it": sigmoid
                + x * sigmoid * (1 - sigmoid),
            }

        claimed(work.take("MySwish")(), Activation("swish"), x, mistakes)
        return gradients(lambda: work.take("MySwish")(), (6,))

    yield Step("ReLU forward", relu)
    yield Step("ReLU backward", lambda: gradients(lambda: work.take("MyReLU")(), (6,)))
    yield Step("ReLU at 0", at_zero)
    yield Step("Swish forward", swish)
    yield Step("Swish backward", swish_backward)
