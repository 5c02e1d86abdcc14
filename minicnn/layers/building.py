"""A layer at one place in a network: built for samples of a shape; and twins at other places."""

import copy
from contextlib import suppress
from typing import Any, Self

import numpy as np

from minicnn.errors import ModelFileError
from minicnn.layers.arrays import Arrays
from minicnn.layers.settings import OF_BUILD
from minicnn.layers.weights import Weights
from minicnn.types import Shape

# What twins have of their own; all else they take over from their layer.
OF_PLACE = {*OF_BUILD, "params", "grads", "state", "needs_input_grad", "stored"}
OF_PLACE |= {"_cache", "_batch", "_builds", "_last_trained", "_nodes", "_provisional"}


class Built(Weights):
    """The part of every layer that makes it for samples of one shape."""

    input_shape: Shape = None  # type: ignore[assignment]  # of one sample; None until build
    output_shape: Shape = None  # type: ignore[assignment]
    activation_layer: "Built | None" = None
    _builds = 0  # how often it has been built: plans made before the last time are void

    def setup(self, input_shape: Shape) -> Shape:
        """Allocate the weights for samples of that shape and return the shape of one output."""
        return input_shape

    def build(
        self, input_shape: Shape, rng: np.random.Generator | None = None, dtype: Any = np.float32
    ) -> Shape:
        """Create the weights for samples of `input_shape` (no batch axis) and return the shape of
        one output.

        rng draws the initial weights and is kept for dropout; dtype is float32 to train, float64 to
        check.

        Raises TypeError for a setup that returns nothing.
        """
        # Not by assignment, which a layer that is built already would refuse; setup may assign
        # again.
        vars(self).update(
            input_shape=self.as_input_shape(input_shape), output_shape=None, dtype=np.dtype(dtype)
        )
        self.rng = rng or np.random.default_rng()
        output_shape = self.setup(self.input_shape)
        if output_shape is None:
            raise TypeError(
                f"{self}.setup expected to return the shape of one sample of y, without N, "
                "received None: end setup with return input_shape, where y has that shape"
            )
        if self.activation_layer is not None:
            self.activation_layer.build(output_shape, self.rng, dtype)
        self._builds += 1
        self.output_shape = output_shape
        return output_shape

    @property
    def built(self) -> bool:
        """Whether `build` has allocated the weights."""
        return self.output_shape is not None

    def as_input_shape(self, shape: Any) -> Any:
        """What build was given, as input_shape is kept: a tuple of ints."""
        return tuple(int(n) for n in shape)

    def twin(self, input_shape: Shape) -> Self:
        """The layer for another place in a network: its weights and settings, with a cache and
        gradients of its own.

        Raises ValueError where weights for samples of that shape would be of other shapes.
        """
        twin = copy.copy(self)
        # With the shapes of a file's weights, build makes room for them and draws nothing.
        room = {
            f"{self.name}/{name}": weight.shape for name, weight in self.variables_by_name.items()
        }
        vars(twin).update(
            {what: Arrays(twin, what) for what in ("params", "grads", "state")}, stored=room
        )
        vars(twin).update(
            output_shape=None, activation_layer=copy.copy(self.activation_layer), _cache=None
        )
        with suppress(ModelFileError):
            twin.build(input_shape, np.random.default_rng(0), self.dtype)
        if not twin.built or len(twin.variables_by_name) != len(room):
            raise ValueError(
                f"{self} has weights for samples of {self.input_shape}, received samples of "
                f"{input_shape}, for which they would be of other shapes: use a layer of its own "
                "there"
            )
        vars(twin).update(params=self.params, state=self.state, stored=None)
        twin.follow(self)
        return twin

    def follow(self, layer: "Built") -> None:
        """Take over what may have changed in the layer that this is a twin of: trainable, rate,
        generator ...
        """
        vars(self).update(
            {name: value for name, value in vars(layer).items() if name not in OF_PLACE}
        )

    def without_activation(self) -> Self:
        """A copy that shares weights, gradients and state, and ends before the activation."""
        linear = copy.copy(self)
        vars(linear)["activation_layer"] = None
        return linear
