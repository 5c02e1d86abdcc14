"""One experiment on a layer: what its backward claims, and what is right by differences of forward.

A layer with an activation is taken apart, y = f(z), z = core(x), so that each half's mistakes can
be tried with the other half right: dz = dy * f'(z), and the core's gradients are pulled back from
dz. Where there is no activation, z is y.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from minicnn.layers.base import Layer
from minicnn.layers.base_merge import Merge
from minicnn.testing.diagnosis.jacobian import STEP, Corner, jacobian, pulled_back, slopes
from minicnn.testing.shapes import check_output, run_backward
from minicnn.types import Array

# Of what is compared: claims that are further from what is right are wrong, candidates that are as
# near to a claim fit it. Differences are right to some 1e-9.
WRONG, FITS = 1e-7, 2e-8
SMALL = 1e-3  # as in differences.py


class Trial:
    """A built layer, an input, a dy, and the gradients that its backward claims for them.

    Args:
        layer: of dtype float64, with its parameters drawn.
        inputs: the input (N, ...), of a Merge all of them.
        before: the same, for a batch that is run first, whose traces must not show.
        rng: draws the dy of both.

    Attributes:
        tensors: the names of all inputs, "x" or "x1", "x2" ..., and parameters.
        claimed: by name what backward gave, None where it gave nothing.
        earlier: the same of the batch before.
        given, given_dy: the inputs and dy as forward and backward left them.
        state: the layer's, as it was for backward.
    """

    def __init__(
        self, layer: Layer, inputs: list[Array], before: list[Array], rng: np.random.Generator
    ):
        self.layer, self.inputs, self.before = layer, inputs, before
        self.names = ["x"] if len(inputs) == 1 else [f"x{i + 1}" for i in range(len(inputs))]
        self.random_state = layer.random_state
        self.judged: dict[str, dict] = {}  # by tensor, what has been found out (diagnose.py)
        layer.needs_input_grad = True
        first = self._run(layer, before)
        check_output(layer, first, len(before[0]))
        self.earlier = self._claims(before, rng.standard_normal(first.shape))
        layer.random_state = self.random_state
        self.dy = rng.standard_normal(self._run(layer, inputs).shape)
        self.claimed = self._claims(inputs, self.dy)
        self.state = {name: array.copy() for name, array in layer.state.items()}

    def _claims(self, inputs: list[Array], dy: Array) -> dict[str, Any]:
        """What forward and backward, once each, claim."""
        self.layer.random_state = self.random_state
        self.given, self.given_dy = [x.copy() for x in inputs], dy.copy()
        self.layer.forward(self._form(self.given), training=True)
        listed = run_backward(
            self.layer, inputs, self.given_dy, lambda: self._run(self.layer, inputs)
        )
        returned = {
            name: None if one is None else np.array(one)
            for name, one in zip(self.names, listed, strict=True)
        }
        return returned | {name: self.layer.grads[name].copy() for name in self.parameters}

    @property
    def parameters(self) -> Sequence[str]:
        """The names of those that have gradients."""
        return list(self.layer.params) if self.layer.trainable else []

    @property
    def tensors(self) -> list[str]:
        return [*self.names, *self.parameters]

    @property
    def x(self) -> Array:
        """The only input, or the first."""
        return self.inputs[0]

    def array(self, name: str) -> Array:
        """The tensor of that name: an input, or a parameter."""
        if name in self.names:
            return self.inputs[self.names.index(name)]
        return self.layer.params[name]

    def _form(self, inputs: list[Array]) -> Any:
        return inputs if isinstance(self.layer, Merge) else inputs[0]

    def _run(self, layer: Any, inputs: list[Array]) -> Array:
        """The output, with the same noise every time; the layer may do what it likes to its
        input.
        """
        layer.random_state = self.random_state
        return layer.forward(self._form([x.copy() for x in inputs]), training=True)

    # The two halves

    @cached_property
    def core(self) -> Any:
        """The layer without its activation; the layer, where that is not so simple."""
        activation = self.layer.activation_layer
        if activation is None or not self.layer.params:
            return self.layer
        core = self.layer.without_activation()
        z = self._run(core, self.inputs)
        same = np.allclose(activation.forward(z), self.y, rtol=1e-12, atol=1e-12)
        return core if same else self.layer

    @property
    def is_split(self) -> bool:
        return self.core is not self.layer

    @cached_property
    def y(self) -> Array:
        return self._run(self.layer, self.inputs).copy()

    @cached_property
    def z(self) -> Array:
        return self._run(self.core, self.inputs).copy()

    @cached_property
    def is_affine(self) -> bool:
        """Whether z is an affine function of the input: then dx does not depend on the input."""
        between = [(x + other) / 2 for x, other in zip(self.inputs, self.before, strict=True)]
        mean = (self.z + self._run(self.core, self.before)) / 2
        return np.allclose(self._run(self.core, between), mean, rtol=1e-9, atol=1e-9)

    def activation_gradient(self, z: Array, dy: Array) -> Array:
        """dz for dy, at any z."""
        activation: Any = self.layer.activation_layer
        z = z.copy()
        return pulled_back(jacobian(lambda: activation.forward(z), z), dy)

    @cached_property
    def dz(self) -> Array:
        return self.activation_gradient(self.z, self.dy) if self.is_split else self.dy

    # What is right

    @cached_property
    def jacobians(self) -> dict[str, Array]:
        """dz/d(tensor), (*tensor.shape, *z.shape), of every tensor."""
        return {
            name: jacobian(lambda: self._run(self.core, self.inputs), self.array(name))
            for name in self.tensors
        }

    @cached_property
    def right(self) -> dict[str, Array]:
        """The gradient of every tensor."""
        return {name: self.from_dz(name, self.dz) for name in self.tensors}

    def from_dz(self, name: str, dz: Array) -> Array:
        """The gradient of a tensor for any dz."""
        return pulled_back(self.jacobians[name], dz)

    def right_for(
        self,
        name: str,
        inputs: list[Array] | None = None,
        params: dict[str, Array] | None = None,
    ) -> Array:
        """What the gradient of a tensor would be for other inputs or parameters, and this dz; NaN,
        which fits nothing, where there is a corner.
        """
        params = params or {}
        kept = {one: self.layer.params[one].copy() for one in params}
        own, self.inputs = self.inputs, [x.copy() for x in inputs or self.inputs]
        try:
            for one, value in params.items():
                self.layer.params[one][...] = value
            array = self.array(name)
            gradient = np.empty_like(array)
            for index, slope in slopes(lambda: self._run(self.core, self.inputs), array):
                gradient[index] = np.sum(slope * self.dz)
            return gradient
        except Corner:
            return np.full_like(array, np.nan)
        finally:
            self.inputs = own
            for one, value in kept.items():
                self.layer.params[one][...] = value

    # Comparisons

    def scale(self, name: str) -> float:
        """The size that errors of a tensor are relative to."""
        largest = max(float(np.abs(one).max(initial=0)) for one in self.right.values())
        rounding = float(np.finfo(np.float64).eps * np.linalg.norm(self.y * self.dy)) / STEP
        own = float(np.abs(self.right[name]).max(initial=0))
        return max(own, SMALL * largest, rounding / FITS) or 1.0

    def is_wrong(self, name: str) -> bool:
        """Whether what is claimed of a tensor is not its gradient."""
        claimed, right = self.claimed[name], self.right[name]
        if claimed is None or claimed.shape != right.shape:
            return True
        return not _distance(claimed, right) <= WRONG * self.scale(name)

    def fits(self, name: str, candidate: Array | None) -> bool:
        """Whether that is what is claimed."""
        claimed = self.claimed[name]
        if claimed is None or candidate is None:
            return claimed is candidate
        if claimed.shape != candidate.shape or not np.isfinite(candidate).all():
            return False
        size = max(self.scale(name), float(np.abs(candidate).max(initial=0)))
        return _distance(claimed, candidate) <= FITS * size

    def agrees(self, name: str, candidate: Array) -> bool:
        """Whether that is what is right: a derivation is only trusted where it is."""
        right = self.right[name]
        return candidate.shape == right.shape and bool(
            _distance(candidate, right) <= FITS * self.scale(name)
        )


def _distance(a: Array, b: Array) -> float:
    return float(np.abs(a - b).max(initial=0))
