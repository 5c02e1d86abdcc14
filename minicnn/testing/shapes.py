"""Gradients of the wrong shape: which one, what was expected, what came, and what may be missing.

What backward returns can be looked at. What it writes into `grads` cannot, for NumPy refuses it, or
spreads it, before anybody sees it. So where NumPy has refused something, backward is run again with
arrays in `grads` that know whose gradient they are.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from minicnn.layers.base import Layer
from minicnn.layers.base_merge import Merge
from minicnn.layers.shapes import missing_sum
from minicnn.types import Array, Shape


class WrongShape(AssertionError):
    """A gradient has not the shape of what it is the gradient of, or y not the layer's."""


def check_shape(owner: str, tensor: str, received: Shape, expected: Shape) -> None:
    """Raise WrongShape unless the gradient of a tensor has the tensor's shape."""
    if received != expected:
        raise WrongShape(
            f"{owner}: the gradient of {tensor} has shape {received}, expected {expected}"
            f"{missing_sum(received, expected)}"
        )


def input_gradients(layer: Layer, dx: Any, inputs: int) -> list[Any]:
    """What backward has returned for each input. Raises WrongShape where that is not one array, or
    of a Merge a list with one for each input.
    """
    if isinstance(layer, Merge):
        if not isinstance(dx, list | tuple) or len(dx) != inputs:
            came = f"{len(dx)}" if isinstance(dx, list | tuple) else f"one {type(dx).__name__}"
            raise WrongShape(
                f"{layer}: backward expected to return a list of {inputs} gradients, received "
                f"{came}: one for each input, in their order"
            )
        return list(dx)
    if dx is not None and not isinstance(dx, np.ndarray):
        raise WrongShape(
            f"{layer}: backward expected to return dx, an array of x's shape, received a "
            f"{type(dx).__name__}: return the array alone; gradients of parameters go to self.grads"
        )
    return [dx]


@contextmanager
def telling(layers: Iterable[Layer], again: Callable[[], Any]) -> Iterator[None]:
    """Run a backward. Raises WrongShape where NumPy refuses what it does with an array of `grads`.

    Args:
        layers: whose gradients are written.
        again: forward and backward once more, by which the gradient is found.
    """
    try:
        yield
    except ValueError as error:
        try:
            with _watched(list(layers)):
                again()
        except WrongShape as told:
            raise told from error
        except Exception:  # it goes wrong otherwise: what was said first stands
            pass
        raise


@contextmanager
def _watched(layers: list[Layer]) -> Iterator[None]:
    """Gradients that know their names, for a while."""
    kept = [dict(layer.grads) for layer in layers]
    try:
        for layer in layers:
            for name, array in layer.grads.items():
                watched = array.view(_Watched)
                watched.owner, watched.tensor = str(layer), name
                dict.__setitem__(layer.grads, name, watched)
        yield
    finally:
        for layer, arrays in zip(layers, kept, strict=True):
            for name, array in arrays.items():
                dict.__setitem__(layer.grads, name, array)


class _Watched(np.ndarray):
    """An array of `grads`, or a part of one, that raises WrongShape for numbers that do not fit."""

    owner, tensor = "", ""

    def __array_finalize__(self, whole: Any) -> None:
        self.owner, self.tensor = getattr(whole, "owner", ""), getattr(whole, "tensor", "")

    def __setitem__(self, place: Any, values: Any) -> None:
        self._check(np.shape(values), self.view(np.ndarray)[place].shape)
        super().__setitem__(place, values)

    def __array_ufunc__(
        self, ufunc: Any, method: str, *inputs: Any, out: tuple = (), **options: Any
    ) -> Any:
        """+=, and all that takes out=."""
        plain = [_plain(one) for one in inputs]
        call = getattr(ufunc, method)
        if len(out) != 1 or not isinstance(out[0], _Watched):
            return call(*plain, **options | ({"out": tuple(map(_plain, out))} if out else {}))
        out[0]._check(np.shape(call(*plain, **options)), out[0].shape)
        call(*plain, out=(_plain(out[0]),), **options)
        return out[0]

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """copyto, and what is no ufunc and takes out=, such as einsum and dot."""
        if function is np.copyto:
            named = dict(zip(("dst", "src"), args, strict=False)) | kwargs
            if isinstance(named["dst"], _Watched):
                named["dst"]._check(np.shape(named["src"]), named["dst"].shape)
        elif isinstance(out := kwargs.get("out"), _Watched):
            rest = {name: value for name, value in kwargs.items() if name != "out"}
            out._check(np.shape(function(*map(_plain, args), **rest)), out.shape)
        return super().__array_function__(function, types, args, kwargs)

    def _check(self, received: Shape, expected: Shape) -> None:
        try:
            fits = np.broadcast_shapes(received, expected) == expected
        except ValueError:
            fits = False
        if not fits:
            check_shape(self.owner, self.tensor, received, expected)


def _plain(one: Any) -> Any:
    return one.view(np.ndarray) if isinstance(one, _Watched) else one


def run_backward(
    layer: Layer, inputs: list[Array], dy: Array, again: Callable[[], Any]
) -> list[Any]:
    """Run backward after a training forward, and return the gradients of the inputs.

    Args:
        again: runs that forward once more.

    Raises WrongShape for another number of them, and for what NumPy refuses to write to a
    parameter's gradient.
    """

    def both() -> None:
        again()
        layer.backward(dy)

    with telling([layer], both):
        return input_gradients(layer, layer.backward(dy), len(inputs))


def check_output(layer: Layer, y: Any, batch: int) -> None:
    """Raise WrongShape unless forward has made what setup has said, (N, *output_shape)."""
    expected = (batch, *layer.output_shape)
    if not isinstance(y, np.ndarray):
        fix = "end forward with return y" if y is None else "return the array alone"
        raise WrongShape(
            f"{layer}: forward expected to return y, an array of shape {expected}, received "
            f"{'None' if y is None else f'a {type(y).__name__}'}: {fix}"
        )
    if y.shape != expected:
        raise WrongShape(
            f"{layer}: forward gave y of shape {y.shape}, expected {expected}: "
            "setup returns the shape of one sample of y, without N"
        )
