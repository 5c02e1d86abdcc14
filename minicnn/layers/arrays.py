"""A layer's params, grads and state: arrays by name that stay where they are in memory once the
layer is built.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np

from minicnn.errors import did_you_mean
from minicnn.layers.shapes import missing_sum
from minicnn.types import Array, Shape, WeightOwner


class Arrays(dict[str, Array]):
    """Arrays by name. `arrays["kernel"] = values` of a built layer copies the values into the array
    that is there.

    So whoever knows where an array lies, as the engine and the optimizers do, sees what is
    assigned. Until the layer is built, arrays are put in and exchanged freely. No array owns its
    memory, so that none can be resized.

    Args:
        owner: the layer.
        what: "params", "grads" or "state".
    """

    def __init__(self, owner: WeightOwner, what: str):
        super().__init__()
        self.owner, self.what = owner, what

    def __setitem__(self, name: str, values: Any) -> None:
        if not self.owner.built:
            array = np.asarray(values)
            super().__setitem__(
                name, kept(array.astype(self.owner.dtype) if array.dtype.kind == "f" else array)
            )
            return
        self.check({name: values})
        self[name][...] = values
        if self.what != "grads":
            self.owner.has_fresh_weights = False

    def replace(self, arrays: Mapping[str, Any]) -> None:
        """Put these in the place of all there are: of a built layer their values, when each of them
        fits.
        """
        if self.owner.built:
            self.check(arrays, complete=True)
        else:
            super().clear()
        for name, values in arrays.items():
            self[name] = values

    def check(self, arrays: Mapping[str, Any], complete: bool = False) -> None:
        """Raise ValueError for a name that is not there (or missing), and for values that do not
        fit an array.
        """
        for name, values in arrays.items():
            if name not in self:
                raise ValueError(
                    f"{self.owner} has no {name!r} in its {self.what}, and gets no new ones after "
                    "build."
                    f"{did_you_mean(str(name), self)}"
                )
            array, given = self[name], np.asarray(values)
            if given.shape != array.shape or not np.can_cast(given.dtype, array.dtype, "same_kind"):
                fix = ": for weights of another shape make a new layer"
                if self.what == "grads" and given.shape != array.shape:
                    fix = missing_sum(given.shape, array.shape)
                raise ValueError(
                    f"{self.owner} expected {self.what}[{name!r}] of shape {array.shape} in "
                    f"{array.dtype}, received shape {given.shape} in {given.dtype}{fix}"
                )
        if complete and arrays.keys() != self.keys():
            raise ValueError(
                f"{self.owner} expected {self.what} {sorted(self)}, received {sorted(arrays)}"
            )

    def _keep(self, *_: Any, **__: Any) -> Any:
        raise ValueError(
            f"{self.owner} keeps its {self.what} {sorted(self)}: none can be taken out"
        )

    __delitem__ = pop = popitem = clear = _keep

    def update(self, *arrays: Any, **more: Any) -> None:
        for name, values in dict(*arrays, **more).items():
            self[name] = values

    def __ior__(self, arrays: Mapping[str, Any] | Iterable) -> Self:  # type: ignore[override,misc]
        self.update(arrays)
        return self

    def setdefault(self, name: str, values: Any = None) -> Array:
        if name not in self:
            self[name] = values
        return self[name]

    __copy__ = dict.copy

    def __reduce__(self) -> tuple:
        """Copies and pickles are made without asking the owner, who is then not yet complete."""
        return Arrays.__new__, (Arrays,), (self.owner, self.what, dict(self))

    def __setstate__(self, state: tuple[WeightOwner, str, dict[str, Array]]) -> None:
        self.owner, self.what, arrays = state
        dict.update(self, {name: kept(array) for name, array in arrays.items()})


def make_room(arrays: dict[str, Array], name: str, shape: Shape, dtype: np.dtype) -> None:
    """Put zeros into the arrays of a layer that is being built: as no copy is made of them, they
    take no memory before they are written to.
    """
    dict.__setitem__(arrays, name, kept(np.zeros(shape, dtype)))


def kept(array: Array) -> Array:
    """The array in row-major order, writable, with no memory of its own; copied unless it is so."""
    return np.require(array, requirements=["C", "A", "W"])[...]


def is_like(array: Any, value: Array) -> bool:
    """Whether it can be updated with the value as it is: an array of its shape and type that is
    `kept`.
    """
    is_array = (
        isinstance(array, np.ndarray) and array.shape == value.shape and array.dtype == value.dtype
    )
    return is_array and array.flags.carray and not array.flags.owndata


def like(values: Any, value: Array, who: str) -> Array:
    """What an optimizer remembers of a value, as it can be updated: in the value's type, and kept.

    Raises ValueError when it is of another shape, or holds no real numbers.
    """
    array = np.asarray(values)
    real = np.can_cast(array.dtype, value.dtype, "same_kind")
    if array.shape != value.shape or not real:
        kinds = ("", "") if real else (f" in {array.dtype}", f" in {value.dtype}")
        raise ValueError(
            f"{who} with shape {array.shape}{kinds[0]}, received {value.shape}{kinds[1]}: use a "
            "new optimizer for another model"
        )
    return kept(array.astype(value.dtype))
