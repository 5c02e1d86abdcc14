"""A weight by Keras' names: an object with a name, a shape and `assign`."""

from typing import Any, Self, overload

import numpy as np

from minicnn.machine.threads import one_at_a_time
from minicnn.names import KerasNames
from minicnn.types import Array, Shape, WeightOwner


class Variable(KerasNames):
    """A weight of a layer: the array of that name in its params or its state, which stay where they
    are.

    NumPy's functions take it as an array, a copy of its numbers as they are then.

    Args:
        layer: whose weight it is.
        name: "kernel".

    >>> kernel = Sequential([Input((4,)), layers.Dense(2)]).layers[0].kernel
    >>> kernel
    <Variable path=dense/kernel, shape=(4, 2), dtype=float32>
    >>> kernel.assign(np.ones((4, 2)))
    >>> float(np.sum(kernel))
    8.0
    """

    def __init__(self, layer: WeightOwner, name: str):
        self._layer, self._name = layer, name

    @property
    def name(self) -> str:
        """In its layer: "kernel"."""
        return self._name

    @property
    def path(self) -> str:
        """With the layer's name: "conv2d/kernel"."""
        return f"{self._layer.name}/{self._name}"

    @property
    def trainable(self) -> bool:
        """Whether training changes it: it is no moving average, and its layer is not frozen."""
        return self._layer.trainable and self._name in self._layer.params

    @property
    def shape(self) -> Shape:
        """As of an array."""
        return self._array.shape

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return self._array.ndim

    @property
    def dtype(self) -> np.dtype:
        """As of an array."""
        return self._array.dtype

    @one_at_a_time
    def numpy(self) -> Array:
        """A copy of the array."""
        return self._array.copy()

    @one_at_a_time
    def assign(self, value: Any) -> None:
        """Put these numbers in the place of all there are. Raises ValueError where they do not
        fit.
        """
        self._arrays[self._name] = value

    def assign_add(self, value: Any) -> None:
        """Add numbers to those that are there."""
        self.assign(self._array + value)

    def assign_sub(self, value: Any) -> None:
        """Take numbers from those that are there."""
        self.assign(self._array - value)

    @property
    def _arrays(self) -> Any:
        """The layer's params, or its state."""
        return self._layer.params if self._name in self._layer.params else self._layer.state

    @property
    def _array(self) -> Array:
        return self._arrays[self._name]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if copy is False:
            raise ValueError(f"{self!r} is read as a copy: leave copy=False out")
        return self.numpy().astype(dtype or self.dtype, copy=False)

    def __eq__(self, other: object) -> bool:
        """Whether the other is the same weight of the same layer, whatever its numbers."""
        return (
            isinstance(other, Variable)
            and self._layer is other._layer
            and self._name == other._name
        )

    def __hash__(self) -> int:
        return hash((id(self._layer), self._name))

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}>"


class Named:
    """A weight as an attribute of its layer, `layer.bias`; None where the layer does without."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, layer: None, owner: type) -> Self: ...

    @overload
    def __get__(self, layer: WeightOwner, owner: type) -> Any: ...

    def __get__(self, layer: Any, owner: type) -> Any:
        if layer is None:
            return self
        if not layer.built:
            raise AttributeError(
                f"{layer} has no {self.name} yet: call build(input_shape) first, or use it in a "
                "model"
            )
        return Variable(layer, self.name) if self.name in layer.weights_by_name else None

    def __set__(self, layer: Any, value: Any) -> None:
        raise AttributeError(
            f"{layer} keeps its {self.name}: write layer.{self.name}.assign(values)"
        )
