"""Why the numbers of layers that move numbers are what they are: each is one of x, or none."""

from minicnn.explain.tracing.place import Place, axis_letters, explains
from minicnn.layers.activation import Activation
from minicnn.layers.cropping2d import Cropping2D
from minicnn.layers.flatten import Flatten
from minicnn.layers.identity import Identity
from minicnn.layers.permute import Permute
from minicnn.layers.reshape import Reshape
from minicnn.layers.up_sampling2d import UpSampling2D
from minicnn.layers.zero_padding2d import ZeroPadding2D


@explains(Flatten, Reshape, Identity, Activation)
def same_order(place: Place) -> None:
    """The same numbers in the same order, in another shape or not. (Of Activation only "linear" is
    left: others are the layer that they name.)
    """
    for short in ("x", "y", "dy", "dx"):
        place.view(short, (place["x"].size,))
    place.because("y", "n", "x[n]", code=("forward", "return"))
    place.because("dx", "n", "dy[n]", code=("backward", "return"))


@explains(Permute)
def permute(place: Place) -> None:
    """layers/permute.py: axes in another order."""
    letters = axis_letters(place["x"].ndim)
    moved = [letters[axis] for axis in (0, *place.of.dims)]
    place.because("y", " ".join(moved), f"x[{', '.join(letters)}]", code=("forward", "transpose("))
    place.because(
        "dx", " ".join(letters), f"dy[{', '.join(moved)}]", code=("backward", "transpose(")
    )


@explains(ZeroPadding2D)
def zero_padding(place: Place) -> None:
    """layers/zero_padding2d.py: 0 is a sum without terms."""
    _shifted(place, place.of.padding, "-", "+")


@explains(Cropping2D)
def cropping(place: Place) -> None:
    """layers/cropping2d.py."""
    _shifted(place, place.of.cropping, "+", "-")


Margins = tuple[tuple[int, int], tuple[int, int]]  # above and below, left and right


def _shifted(place: Place, margins: Margins, there: str, back: str) -> None:
    """Each number lies the first margins away, with that sign; its gradient is as far back."""
    (top, _), (left, _) = margins
    place.constants |= {"top": top, "left": left}
    place.because(
        "y", "n h w c", f"x[n, h {there} top, w {there} left, c]", code=("forward", "return")
    )
    place.because(
        "dx", "n h w c", f"dy[n, h {back} top, w {back} left, c]", code=("backward", "return")
    )


@explains(UpSampling2D)
def up_sampling(place: Place) -> None:
    """layers/up_sampling2d.py, with interpolation="nearest": each pixel is repeated."""
    layer = place.of
    if layer.interpolation != "nearest":
        return
    (N, H, W, C), (SH, SW) = place["x"].shape, layer.size
    for short in ("y", "dy"):
        place.view(short, (N, H, SH, W, SW, C))
    place.because("y", "n h a w b c", "x[n, h, w, c]", code=("forward", "return"))
    place.because("dx", "n h w c", ("dy[n, h, a, w, b, c]", "a b"), code=("backward", "return"))
