"""What layers of several inputs have in common; merging.py has them."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from minicnn.layers.base import Layer
from minicnn.layers.node import is_symbolic
from minicnn.layers.shapes import with_batches
from minicnn.seeds import fresh_seed
from minicnn.types import Array, Shape
from minicnn.wording import snake_case


class Merge(Layer):
    """A layer of several inputs, a list everywhere: of shapes in build, of arrays in forward.

        y = Add()([x1, x2, ...]);   [dx1, dx2, ...] = backward(dy)

    What works number by number broadcasts as NumPy does within a sample: an axis of size 1 is
    repeated, and where there are fewer axes, those of size 1 are put in after N. So (N, C) goes
    with (N, H, W, C): it is (N, 1, 1, C). The gradient of what was repeated is the sum over all its
    repetitions.

    A subclass overrides `forward` and `backward`, and `setup`, where its output has not the shape
    that broadcasting gives. No two of the arrays that backward returns overlap in memory: each may
    be added to.

    State: as every layer, but for
        input_shape: the shapes of one sample of every input, a tuple of tuples.
    """

    input_shape: tuple[Shape, ...]  # type: ignore[assignment]  # of every input
    takes_several = True
    most_inputs: int | None = None

    def __new__(cls, *arguments: Any, **_: Any) -> Self:
        """Refuse inputs among the arguments: Add([x, y]) instead of Add()([x, y])."""
        for first in arguments[:1]:
            parts = first if isinstance(first, list | tuple) else [first]
            if any(getattr(part, "shape", ()) for part in parts):
                raise TypeError(
                    f"{cls.__name__} expected its inputs when it is called, received "
                    f"{_described(first)} when it is made: use {cls.__name__}()([x, y]) or "
                    f"{snake_case(cls.__name__)}([x, y])"
                )
        return super().__new__(cls)

    # What a subclass may override

    def setup(self, input_shape: Any) -> Shape:
        """The shape of one output, for the shapes of one sample of every input."""
        try:
            return np.broadcast_shapes(*input_shape)
        except ValueError:
            raise ValueError(
                f"{self} expected inputs whose axes, from the last one on, are of one size or of "
                "size 1, received "
                f"{with_batches(input_shape)}: bring them to one shape, with Conv2D(filters, 1, "
                "strides) for example"
            ) from None

    # What a subclass uses

    def accept(self, x: Any) -> Any:
        """The inputs as C-contiguous arrays of the layer's type; raises ValueError unless they have
        their shapes.
        """
        xs = self.listed(x)
        self.check_input([x.shape for x in xs])
        vars(self)["_batch"] = len(xs[0])
        return [np.ascontiguousarray(x, dtype=self.dtype) for x in xs]

    def aligned(self, xs: Sequence[Array]) -> list[Array]:
        """The accepted inputs, with axes of size 1 put in after N until all have as many."""
        accepted = self.accept(xs)
        rank = len(self.output_shape) + 1
        return [x.reshape(len(x), *(1,) * (rank - x.ndim), *x.shape[1:]) for x in accepted]

    def summed(self, dy: Array, place: int) -> Array:
        """dy (N, *output_shape) in the shape of the input at that place: summed over what was
        repeated, else a view.
        """
        shape = self.input_shape[place]
        aligned = (1,) * (len(self.output_shape) - len(shape)) + shape
        repeated = [axis for axis, n in enumerate(aligned, 1) if n != dy.shape[axis]]
        if repeated:
            dy = dy.sum(axis=tuple(repeated), dtype=np.float64).astype(self.dtype)
        return dy.reshape(len(dy), *shape)

    def listed(self, inputs: Any, what: str = "arrays") -> list:
        """The inputs as a list.

        Raises TypeError for anything else, ValueError when there are too few or too many.
        """
        if not isinstance(inputs, list | tuple):
            raise TypeError(
                f"{self} expected a list of {what}, received {_described(inputs)}: use "
                f"{self._example}"
            )
        if len(inputs) < 2 or len(inputs) > (self.most_inputs or len(inputs)):
            expected = f"{self.most_inputs or 'at least two'} inputs".replace("2", "two")
            raise ValueError(
                f"{self} expected {expected} in a list, received {len(inputs)}: use {self._example}"
            )
        return list(inputs)

    @property
    def _example(self) -> str:
        return f"{type(self).__name__}()([x, y])"

    def check_input(self, shape: Any) -> None:
        """Raise ValueError when the layer is not built for arrays of those shapes, with N."""
        if not self.built:
            raise RuntimeError(
                f"{self} has no shapes yet: call build([shape, shape]) first, or use it in a model"
            )
        received = ", ".join(map(str, shape))
        if tuple(s[1:] for s in shape) != self.input_shape:
            raise ValueError(
                f"{self} expected inputs of shapes {with_batches(self.input_shape)}, received "
                f"{received}"
            )
        if len({s[0] for s in shape}) > 1:
            raise ValueError(
                f"{self} expected inputs of one batch, with as many samples each, received shapes "
                f"{received}"
            )
        if shape[0][0] == 0:
            raise ValueError(
                f"{self} expected at least one sample, received inputs of shapes {received}"
            )

    def as_input_shape(self, shape: Any) -> Any:
        shapes = self.listed(shape, "shapes")
        if not all(isinstance(one, list | tuple) for one in shapes):
            raise TypeError(
                f"{self} expected a list of shapes, received {shape!r}: it has several inputs"
            )
        return tuple(tuple(int(n) for n in one) for one in shapes)

    # What its users call

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        """forward of arrays (N, ...), for whose samples the layer is built unless it is; a node of
        symbolic tensors.
        """
        parts = self.listed(x, "tensors")
        if is_symbolic(parts):
            return self._call_symbolic(parts, training)
        arrays: Any = [np.asarray(one) for one in parts]
        if not self.built:
            shapes: Any = [array.shape[1:] for array in arrays]
            self.build(shapes, np.random.default_rng(fresh_seed()))
        return self.forward(arrays, training=bool(training))


def _described(inputs: Any) -> str:
    """[array (2, 3), array (2, 3)], as messages speak of it."""
    if isinstance(inputs, list | tuple):
        return "[" + ", ".join(map(_described, inputs)) + "]"
    return f"array {inputs.shape}" if isinstance(inputs, np.ndarray) else f"{inputs!r:.80}"
