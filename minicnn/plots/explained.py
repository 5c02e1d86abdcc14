"""What an explanation must hold to be drawn: plots need not know minicnn.explain, whose results
draw themselves.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from minicnn.types import Array, Pair


class Explained(Protocol):
    """What every explanation is beside its picture."""

    def to_dict(self) -> dict[str, Any]: ...

    def to_text(self) -> str: ...


class HeatMap(Explained, Protocol):
    """Where in a picture (H, W, C) a model looks for a class: heat (H, W)."""

    @property
    def method(self) -> str: ...
    @property
    def of(self) -> str: ...
    @property
    def picture(self) -> Array: ...
    @property
    def heat(self) -> Array: ...
    @property
    def class_name(self) -> str: ...
    @property
    def probability(self) -> float: ...


class Filters(Explained, Protocol):
    """The kernels of a layer as pictures (F, KH, KW, 3) from 0 to 1."""

    @property
    def layer(self) -> str: ...
    @property
    def pictures(self) -> Array: ...


class Activations(Explained, Protocol):
    """What each layer makes of a picture, by the layer's name, and each layer's class."""

    @property
    def picture(self) -> Array: ...
    @property
    def outputs(self) -> Mapping[str, Array]: ...
    @property
    def kinds(self) -> Mapping[str, str]: ...
    @property
    def class_names(self) -> Sequence[str] | None: ...


class Im2col(Explained, Protocol):
    """The matrix (OH * OW, KH * KW * C) that im2col makes of a picture; corner(row) is where in it
    a patch begins.
    """

    @property
    def picture(self) -> Array: ...
    @property
    def patches(self) -> Array: ...
    @property
    def kernel_size(self) -> Pair: ...
    @property
    def dilation_rate(self) -> Pair: ...
    @property
    def output(self) -> Pair: ...

    def corner(self, row: int) -> Pair: ...
