"""explain.why: the sum that a number of a trace is, in words and numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import fsum
from operator import index as as_int
from typing import Any

from minicnn.errors import did_you_mean
from minicnn.explain.tracing.adding import Index, Term, in_shape, sum_terms
from minicnn.explain.tracing.traced import Trace, axes_of
from minicnn.names import known_arguments

SHORT = ("", "/gradient", "/after", "/output")  # what a name may leave out, in this order
SHOWN = 8  # terms


@dataclass(frozen=True, eq=False, repr=False)
class Why:
    """What a number of a trace is.

    Attributes:
        name, index: which: trace.arrays[name][index].
        value: the number.
        formula: what numbers of this array are.
        terms: what they are for this one, in the order of the formula.
        recomputed: the sum of the terms, in double precision; None where there is no formula, and
            the terms only say which numbers it depends on.
        depends: the arrays that it depends on, where not even that is known.
        code: "file", "line", and an excerpt, "first" and "lines", of what computed it; None where
            no line is known.
    """

    name: str
    index: Index
    value: float
    formula: str
    terms: list[Term]
    recomputed: float | None
    depends: list[str]
    code: Mapping[str, Any] | None

    @property
    def where(self) -> str:
        """The file and line, "minicnn/layers/conv2d.py:159"; "" where none is known."""
        return "" if self.code is None else f"{self.code['file']}:{self.code['line']}"

    def largest(self, count: int = SHOWN) -> list[Term]:
        """The terms that matter most."""
        return sorted(self.terms, key=lambda term: -abs(term.value))[:count]

    def to_text(self) -> str:
        """The explanation, for a terminal, a log or a screen reader."""
        at = f"[{', '.join(map(str, self.index))}]" if self.index else ""
        lines = [f"{self.name}{at} = {self.value:.9g}"]
        if self.formula:
            lines.append(f"  {self.formula}")
        if self.recomputed is not None:
            lines += self._sum()
        elif self.terms:
            lines.append("  no sum; it depends on")
            lines += [f"    {term}" for term in self.largest()]
        elif self.depends:
            lines.append(f"  no explanation of its own; it depends on {', '.join(self.depends)}")
        else:
            lines.append("  made of no other number: it was there before the step, or drawn")
        if self.code is not None:
            lines.append(f"  computed at {self.where}")
            lines.append(
                f"    {self.code['lines'][self.code['line'] - self.code['first']].strip()}"
            )
        return "\n".join(lines)

    def _sum(self) -> list[str]:
        if not self.terms:
            return ["  no term at this place: it is 0"]
        terms, count = self.largest(), len(self.terms)
        zeros = sum(term.value == 0 for term in self.terms)
        lines = [
            f"  {count} term{'s' * (count != 1)}"
            + (f", {zeros} of them 0" if zeros else "")
            + f", with the sum {self.recomputed:.9g}, "
            + ("the same number" if self.recomputed == self.value else "the same but for rounding")
        ]
        terms = [term for term in terms if term.value] or terms[:1]
        lines += [f"    {term.value:+.6g} = {term}" for term in terms]
        if count - zeros > len(terms):
            rest = self.recomputed - fsum(term.value for term in terms)  # type: ignore[operator]
            lines.append(f"    {rest:+.6g} of {count - zeros - len(terms)} smaller ones")
        return lines + [
            f"  indices of {' and '.join(names)}: {axes}" for axes, names in legends(terms).items()
        ]

    def to_dict(self) -> dict[str, Any]:
        """The explanation as JSON-able values."""
        return {
            "name": self.name,
            "index": list(self.index),
            "value": self.value,
            "formula": self.formula,
            "recomputed": self.recomputed,
            "terms": [
                {
                    "value": term.value,
                    "scale": term.scale,
                    "factors": [
                        {"name": one.name, "index": list(one.index), "value": one.value}
                        for one in term.factors
                    ],
                }
                for term in self.terms
            ],
            "depends": self.depends,
            "code": self.where or None,
        }

    def __repr__(self) -> str:
        return self.to_text()


@known_arguments
def why(trace: Trace, name: str, index: Any = ()) -> Why:
    """The sum that one number of a trace is: its formula, its terms with the numbers that they are
    made of, and the line of the source that computed it.

    Args:
        trace: of explain.trace or explain.load_trace.
        name: of an array, "conv2d/output". A weight's own name, "conv2d/kernel", asks for its
            gradient, that of a moving average for what it has become, and a layer's for its output.
        index: the place in it, (0, 1, 2, 5).

    Raises ValueError for a name or place that the trace does not have.

    >>> model = Sequential([Input((2,)), layers.Dense(1, kernel_initializer="ones")])
    >>> step = explain.trace(model, np.array([[2.0, 3.0]]), [[0.0]], "sgd", "mse")
    >>> print(explain.why(step, "dense/kernel", (1, 0)).to_text().partition("  computed")[0])
    dense/kernel/gradient[1, 0] = 30
      sum over n of x[n, d] * dy[n, u]
      1 term, with the sum 30, the same number
        +30 = input/output[0, 1] 3 * dense/dy[0, 0] 10
      indices of input/output and dense/dy: picture, number
    <BLANKLINE>
    """
    full = found_name(trace, name)
    array = trace.arrays[full]
    place = found_index(array.shape, index, full)
    value = float(array[place])
    reason = trace.reasons.get(full)
    if reason is None:
        return Why(full, place, value, "", [], None, [], None)
    shape = tuple(reason.get("shape", array.shape))
    if "depends" in reason:
        return Why(full, place, value, "", [], None, reason["depends"], reason.get("code"))
    terms = sum_terms(reason, trace.arrays, in_shape(place, array.shape, shape))
    total = fsum(term.value for term in terms) if reason["exact"] else None
    return Why(full, place, value, formula_of(reason), terms, total, [], reason.get("code"))


def legends(terms: list[Term]) -> dict[str, list[str]]:
    """What the indices in these terms count, in words, and the arrays of which they do."""
    found: dict[str, list[str]] = {}
    for name, rank in {one.name: len(one.index) for term in terms for one in term.factors}.items():
        if words := axes_of(name, rank):
            found.setdefault(", ".join(words), []).append(name)
    return found


def formula_of(reason: Mapping[str, Any]) -> str:
    """The sums as text, "sum over n of x[n, d] * dy[n, u], with M = 8"."""
    parts = [
        f"sum over {', '.join(one['over'])} of {one['of']}" if one["over"] else one["of"]
        for one in reason["sums"]
    ]
    known = ", ".join(f"{name} = {value:g}" for name, value in reason.get("with", {}).items())
    return " + ".join(parts).replace("+ -", "- ") + (f", with {known}" if known else "")


def found_name(trace: Trace, name: str) -> str:
    """The array's whole name. Raises ValueError for one that the trace does not have."""
    for end in SHORT:
        if f"{name}{end}" in trace.arrays:
            return f"{name}{end}"
    known = {one.removesuffix(end) for one in trace.arrays for end in SHORT}
    raise ValueError(
        f"explain.why expected the name of an array of the trace, received {name!r}."
        f"{did_you_mean(str(name), known)}"
    )


def found_index(shape: tuple[int, ...], index: Any, name: str) -> Index:
    """The place as non-negative integers. Raises ValueError for one outside of the array."""
    given = index if isinstance(index, tuple | list) else (index,)
    try:
        place = tuple(as_int(one) for one in given)
    except TypeError:
        place = (-1,)
    if len(place) != len(shape) or not all(
        0 <= one < size for one, size in zip(place, shape, strict=True)
    ):
        last = tuple(size - 1 for size in shape)
        expected = f"from {(0,) * len(shape)} to {last}" if shape else "(), it is one number"
        raise ValueError(
            f"explain.why expected the place of a number in {name!r} of shape {tuple(shape)}, "
            f"{expected}, received {index!r}"
        )
    return place
