"""Why the numbers of layers of several inputs are what they are."""

from minicnn.explain.tracing.place import Place, axis_letters, explains
from minicnn.layers import merging
from minicnn.types import Shape


class Branches:
    """The inputs of a layer, aligned: with axes of size 1 where they have fewer than the output.

    Attributes:
        y: the index of an output.
        x: that of the number of each input that goes into it.
        own: the letters of each input's own indices.
        repeated: the letters over which each input is repeated.
    """

    def __init__(self, place: Place):
        out: Shape = place["y"].shape
        letters = axis_letters(len(out))
        self.count = len(place.of.input_shape)
        self.axes, self.y = " ".join(letters), ", ".join(letters)
        self.x, self.own, self.repeated = [], [], []
        for i, shape in enumerate(place.of.input_shape):
            aligned = (out[0], *(1,) * (len(out) - 1 - len(shape)), *shape)
            for short in (f"x{i}", f"dx{i}"):
                place.view(short, aligned)
            is_one = [size == 1 < whole for size, whole in zip(aligned, out, strict=True)]
            rows = list(zip(letters, is_one, strict=True))
            self.x.append(", ".join("0" if one else letter for letter, one in rows))
            self.own.append(" ".join(f"{letter}_" if one else letter for letter, one in rows))
            self.repeated.append(" ".join(letter for letter, one in rows if one))


def said(place: Place, ways: Branches, y: list[str], dx: list[str]) -> None:
    """Give the output these sums, and the gradient of each input its product."""
    place.because("y", ways.axes, *y, code=("forward", "return"))
    for i, product in enumerate(dx):
        place.because(
            f"dx{i}", ways.own[i], (product, ways.repeated[i]), code=("backward", "return")
        )


@explains(merging.Add, merging.Subtract, merging.Average)
def linear(place: Place) -> None:
    """layers/merging.py: sums, differences and means."""
    ways = Branches(place)
    sign, share = ["" for _ in ways.x], ""
    if isinstance(place.of, merging.Subtract):
        sign = ["", "-"]
    if isinstance(place.of, merging.Average):
        place.constants["inputs"], share = ways.count, " / inputs"
    said(
        place,
        ways,
        [f"{sign[i]}x{i}[{at}]{share}" for i, at in enumerate(ways.x)],
        [f"{one}dy[{ways.y}]{share}" for one in sign],
    )


@explains(merging.Multiply)
def multiply(place: Place) -> None:
    """layers/merging.py: a product; each gradient has all the others."""
    ways = Branches(place)
    factors = [f"x{i}[{at}]" for i, at in enumerate(ways.x)]
    others = [factors[:i] + factors[i + 1 :] for i in range(ways.count)]
    said(
        place,
        ways,
        [" * ".join(factors)],
        [" * ".join([f"dy[{ways.y}]", *rest]) for rest in others],
    )


@explains(merging.Maximum, merging.Minimum)
def extreme(place: Place) -> None:
    """layers/merging.py: the input that won, number by number."""
    ways = Branches(place)
    won = [f"(winner[{ways.y}] == {i})" for i in range(ways.count)]
    said(
        place,
        ways,
        [f"x{i}[{at}] * {won[i]}" for i, at in enumerate(ways.x)],
        [f"dy[{ways.y}] * {one}" for one in won],
    )


@explains(merging.Concatenate)
def concatenate(place: Place) -> None:
    """layers/merging.py: each number is one of one input, which lies there along the axis."""
    rank = place["y"].ndim
    letters = axis_letters(rank)
    axis = 1 + place.of.place(rank - 1)
    offset, sums = 0, []
    for i, shape in enumerate(place.of.input_shape):
        there, back = letters.copy(), letters.copy()
        if offset:
            there[axis], back[axis] = f"{letters[axis]} - {offset}", f"{letters[axis]} + {offset}"
        sums.append(f"x{i}[{', '.join(there)}]")
        place.because(
            f"dx{i}", " ".join(letters), f"dy[{', '.join(back)}]", code=("backward", "split(")
        )
        offset += shape[axis - 1]
    place.because("y", " ".join(letters), *sums, code=("forward", "concatenate("))
