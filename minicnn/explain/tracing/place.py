"""What an explainer says of the numbers of one layer, and of which layers there is one."""

from collections.abc import Callable
from typing import Any

from minicnn.explain.tracing.lines import line_of, method
from minicnn.explain.tracing.sums import Named, read
from minicnn.types import Array, Shape

Sums = tuple[str, str]  # a product, and the letters that it is summed over
Explainer = Callable[["Place"], None]
EXPLAINERS: dict[type, Explainer] = {}


def explains(*classes: type) -> Callable[[Explainer], Explainer]:
    """Make a function the explainer of these classes and of those that inherit from them."""

    def register(explainer: Explainer) -> Explainer:
        EXPLAINERS.update(dict.fromkeys(classes, explainer))
        return explainer

    return register


def axis_letters(rank: int) -> list[str]:
    """A letter for each index of an array of so many axes, of which the first is the sample's."""
    return ["n", *"ijklmopq"[: rank - 1]]


class Place:
    """A layer, a loss or an optimizer in a traced step, with the arrays that it read and made.

    Args:
        of: the layer.
        row: what the trace says of it, "name" and so on.
        arrays: all of the trace; `work` adds to them.
        names: the full name of each array by the short one that formulas have: "x" and "y", "dy"
            and "dx", weights by their name, their gradients with a d before it, caches by theirs.
        reasons: of all arrays; `because` adds to them.
    """

    def __init__(
        self,
        of: Any,
        row: dict[str, Any],
        arrays: dict[str, Array],
        names: dict[str, str],
        reasons: dict[str, dict[str, Any]],
    ):
        self.of, self.row, self.arrays, self.reasons = of, row, arrays, reasons
        self.full = {short: name for short, name in names.items() if name in arrays}
        self.names = {short: Named(name, arrays[name].shape) for short, name in self.full.items()}
        self.constants: dict[str, float] = {}

    def __contains__(self, short: str) -> bool:
        return short in self.names

    def __getitem__(self, short: str) -> Array:
        return self.arrays[self.full[short]]

    def view(self, short: str, shape: Shape) -> None:
        """Let formulas see an array, if it is there, in another shape."""
        if short in self.names:
            same = tuple(shape) == self[short].shape
            self.names[short] = Named(self.full[short], tuple(shape), not same)

    def work(self, short: str, array: Array) -> None:
        """Put in an array that the layer works out on its way and does not keep."""
        name = f"{self.row['name']}/{short}"
        self.arrays[name], self.full[short] = array, name
        self.names[short] = Named(name, array.shape)

    def because(
        self,
        short: str,
        axes: str,
        *sums: Sums | str,
        code: tuple[Any, str] | None = None,
        exact: bool = True,
    ) -> None:
        """Say what the numbers of an array are, if it is there.

        Args:
            axes: the letters of its indices.
            sums: the formulas whose terms they are the sum of; without an "over", of one term.
            code: a function, or the name of a method, and a text in the line that computes them.
            exact: False where the sums only name the numbers that they depend on.
        """
        if short not in self.names:
            return
        array = self.names[short]
        formulas = [one if isinstance(one, tuple) else (one, "") for one in sums]
        reason: dict[str, Any] = {
            "axes": axes.split(),
            "sums": [read(text, over, self.names, self.constants) for text, over in formulas],
            "exact": exact,
        }
        if array.reshaped:
            reason["shape"] = list(array.shape)
        if known := {name: self.constants[name] for name in self._used(formulas)}:
            reason["with"] = known
        if code is not None:
            where, text = code
            found = line_of(method(self.of, where) if isinstance(where, str) else where, text)
            if found is not None:
                reason["code"] = found
        self.reasons[array.name] = reason

    def depends(self, short: str, on: list[str], code: tuple[Any, str] | None = None) -> None:
        """Say honestly that there is no formula here: which arrays they depend on, by full name."""
        if short not in self.names:
            return
        self.because(short, "", code=code, exact=False)
        self.reasons[self.full[short]]["depends"] = on

    def _used(self, formulas: list[Sums]) -> list[str]:
        """The constants that these formulas name."""
        words = " ".join(text for text, _ in formulas)
        for sign in "[](),*/+-=":
            words = words.replace(sign, " ")
        return [name for name in self.constants if name in words.split()]
