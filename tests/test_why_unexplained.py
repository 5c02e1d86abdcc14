"""explain.why of numbers that are no sum, or whose sum it does not know: what they depend on, and
the lines that make them.
"""

import inspect
from pathlib import Path

import numpy as np
from trace_cases import chain, convolution, pictures, without_an_explanation

from minicnn import Input, Sequential, constraints, explain, layers, losses, optimizers
from minicnn.explain.tracing.reasoning import explainer_of


def test_weights_pictures_and_what_is_drawn_are_made_of_nothing():
    model, x, y = chain()
    traced = explain.trace(model, x, y)
    for name in ("conv2d/kernel/before", "input/output", "dropout/factor", "loss/targets"):
        found = explain.why(traced, name, (0,) * traced.arrays[name].ndim)
        assert found.recomputed is None and not found.terms
        assert "made of no other number" in found.to_text()


def test_a_layer_without_an_explanation_says_what_it_depends_on():
    model, x = without_an_explanation()
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    traced = explain.trace(model, x, [0, 1], loss=loss)
    found = explain.why(traced, "separable_conv2d", (0, 0, 0, 0))
    assert found.depends[0] == "input_layer/output"
    assert "separable_conv2d/depthwise_kernel/before" in found.depends
    assert "no explanation of its own; it depends on input_layer/output" in found.to_text()
    assert found.where.startswith("minicnn/layers/separable_conv2d.py:")
    found = explain.why(traced, "layer_normalization/dx", (0, 0, 0, 0))
    assert found.depends[0] == "layer_normalization/dy"
    for name in traced.arrays:
        if name.endswith(("/output", "/dx", "/gradient")) and not name.startswith("input"):
            assert name in traced.reasons, name


class Doubled(layers.ReLU):
    """A subclass with work of its own, whose parent's explanation would be wrong."""

    def forward(self, x, *, training=False):
        return 2 * super().forward(x, training=training)

    def backward(self, dy):
        return 2 * super().backward(dy)


class Renamed(layers.ReLU):
    """A subclass that computes what its parent does."""


def test_a_subclass_with_a_forward_of_its_own_is_not_explained_as_its_parent():
    assert explainer_of(Doubled()) is None and explainer_of(Renamed()) is not None
    model = Sequential([Input((3,)), Doubled(), layers.Dense(2, "softmax")], seed=0)
    traced = explain.trace(model, pictures(2, 3), [0, 1])
    found = explain.why(traced, "doubled", (0, 0))
    assert found.recomputed is None and found.where.startswith(f"{Path(__file__).name}:")
    assert "2 * super().forward" in found.to_text()


def test_a_weight_with_a_constraint_says_so():
    model = Sequential(
        [Input((3,)), layers.Dense(2, "softmax", kernel_constraint=constraints.MaxNorm(0.1))],
        seed=0,
    )
    traced = explain.trace(model, pictures(2, 3), [0, 1])
    found = explain.why(traced, "dense/kernel/after", (0, 0))
    assert found.recomputed is None and found.where.startswith("minicnn/training/penalties.py:")
    assert explain.why(traced, "dense/kernel/step", (0, 0)).recomputed is None
    assert explain.why(traced, "dense/bias/step", (0,)).recomputed is not None


def test_gradients_that_are_clipped_are_what_the_step_takes():
    model, x, y = convolution()
    traced = explain.trace(model, x, y, optimizers.SGD(0.1, clipvalue=1e-3))
    found = explain.why(traced, "dense/kernel/velocity", (0, 0))
    assert found.terms[1].factors[0].name == "dense/kernel/gradient/clipped"
    assert explain.why(traced, "dense/kernel/gradient/clipped", (0, 0)).depends == [
        "dense/kernel/gradient"
    ]


def test_a_loss_without_an_explanation_says_so():
    model = Sequential([Input((3,)), layers.Dense(2)], seed=0)
    traced = explain.trace(model, pictures(2, 3), [[1.0, 0.0], [0.0, 1.0]], "sgd", "huber")
    found = explain.why(traced, "loss/value")
    assert found.depends == ["dense/output", "loss/targets"]
    found = explain.why(traced, "dense/kernel/velocity", (0, 0))
    assert found.recomputed is not None


def test_a_layer_without_sums_names_the_lines_that_make_its_numbers():
    model = Sequential([Input((4, 4, 4)), layers.GroupNormalization(2), layers.Flatten(),
                        layers.Dense(2, activation="softmax")], seed=0)  # fmt: skip
    step = explain.trace(model, np.random.default_rng(0).random((2, 4, 4, 4)), [0, 1])
    lines = inspect.getsource(layers.GroupNormalization.backward)
    for name, starts in (("dx", "return "), ("gamma/gradient", 'self.grads["gamma"]')):
        full = f"group_normalization/{name}"
        why = explain.why(step, full, (0,) * step.arrays[full].ndim)
        named = why.code["lines"][why.code["line"] - why.code["first"]].strip()
        assert named.startswith(starts) and named != "return None" and named in lines
