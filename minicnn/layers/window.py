"""How a window (a kernel, a pool) slides over a picture: sizes, strides, padding, as in Keras."""

from dataclasses import dataclass
from typing import Any

from minicnn.expect import is_integer
from minicnn.types import Pair, Shape


@dataclass(frozen=True)
class Window:
    """A sliding window's geometry over pictures of one size; every field is (rows, columns).

    `valid` padding: the window stays inside, out = (n - k) // stride + 1, a ragged edge is dropped.
    `same` padding: out = ceil(n / stride); total = max((out - 1) * stride + k - n, 0) cells of
    padding, of which total // 2 go before the picture and the rest after it. (k is the window's
    extent, (size - 1) * dilation + 1.)
    """

    size: Pair
    strides: Pair
    dilation: Pair
    before: Pair  # padding above and left of the picture
    output: Pair  # positions of the window

    @classmethod
    def over(
        cls,
        picture: Shape,
        size: Pair,
        strides: Pair,
        padding: str,
        owner: object,
        dilation: Pair = (1, 1),
    ) -> "Window":
        """The window of `owner` over pictures (H, W, C).

        Raises ValueError when the input is no picture or the window does not fit into it.
        """
        check_picture(picture, owner)
        before, output = [], []
        for n, k, stride, d in zip(picture, size, strides, dilation, strict=False):
            extent = (k - 1) * d + 1
            if padding == "same":
                out = -(-n // stride)
                before.append(max((out - 1) * stride + extent - n, 0) // 2)
            else:
                out = (n - extent) // stride + 1
                before.append(0)
            output.append(out)
        if min(output) < 1:
            raise ValueError(
                f"{owner} receives pictures of {picture[0]}x{picture[1]}, smaller than its "
                f"{size[0]}x{size[1]} window: use padding='same' or leave out a pooling layer "
                "before it"
            )
        return cls(size, strides, dilation, (before[0], before[1]), (output[0], output[1]))


def check_padding(padding: str, owner: str) -> str:
    """padding in lower case. Raises ValueError when it is neither 'valid' nor 'same'."""
    if str(padding).lower() not in ("valid", "same"):
        raise ValueError(f"{owner} expected padding 'valid' or 'same', received {padding!r}")
    return padding.lower()


def check_picture(input_shape: Shape, owner: object) -> Shape:
    """input_shape, when it is (H, W, C). Raises ValueError when samples are no pictures."""
    if len(input_shape) != 3:
        raise ValueError(
            f"{owner} expected pictures of shape (N, H, W, C), received samples of shape "
            f"{input_shape}. Input((H, W, C)) and input_shape= leave out the batch axis, "
            "build((None, H, W, C)) has it"
        )
    return input_shape


def frame(value: Any, what: str, owner: str) -> tuple[Pair, Pair]:
    """((top, bottom), (left, right)) of one int for all sides, (rows, columns), or that itself.

    Raises ValueError for anything else.
    """
    sides = tuple(value) if isinstance(value, tuple | list) else (value, value)
    pairs = [tuple(side) if isinstance(side, tuple | list) else (side, side) for side in sides]
    if [len(side) for side in pairs] != [2, 2] or not all(
        is_integer(n, 0) for side in pairs for n in side
    ):
        raise ValueError(
            f"{owner} expected {what} as an integer >= 0, (rows, columns) or ((top, bottom), "
            f"(left, right)), received {value!r}"
        )
    (top, bottom), (left, right) = pairs
    return (int(top), int(bottom)), (int(left), int(right))
