"""Formulas of numbers as sums of products, written as text and read into plain data.

    read("x[n, i*S + kh - top, c] * kernel[kh, c, f]", "kh c", names, {"S": 2, "top": 1})

says: for every kh and c one term, the product of its factors. A factor is a number of an array, or

    exp(a[n])          a function of one, see FUNCTIONS
    (x[n] - mean[c])   a difference of two
    (argmax[n] == h)   1 where that holds; where it does not, the term is none of the sum

An index is linear in the letters. Where it is no whole number, or outside of the array, there is no
such term either: that is what padding and strides come to. `sum_terms` in adding.py adds up what
this file reads, and so does docs/see/network.js.
"""

import ast
import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from minicnn.layers import elementwise
from minicnn.types import Shape

# What is done to one number, by name: these, and the activations of layers/elementwise.py.
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    name: function for name, (function, _) in elementwise.FUNCTIONS.items()
} | {
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "inverse": lambda x: 1 / x,
}


def through(function: str, x: float) -> float:
    """What a function of that name makes of a number, in double precision."""
    with np.errstate(all="ignore"):
        return float(FUNCTIONS[function](np.array(x, np.float64)))


class Named(NamedTuple):
    """An array that a formula speaks of: its name in the trace, its shape, and whether that is
    another one than the trace's, in the same order.
    """

    name: str
    shape: Shape
    reshaped: bool = False


Linear = dict[str, Fraction]  # the coefficients of letters; that of "" is the constant


def read(
    text: str, over: str, names: Mapping[str, Named], constants: Mapping[str, float]
) -> dict[str, Any]:
    """A formula as plain data: "over", how far each letter runs, "scale", and "factors".

    Args:
        text: a product, as above.
        over: the letters of the sum; how far each runs is the size of the axis that it stands alone
            at, or its own capital or constant, kh of KH.
        names: the arrays, by the names that the text has for them.
        constants: numbers, by theirs.

    Raises ValueError for a text that is no such product.
    """
    reader = _Reader(text, names, constants)
    scale, factors = reader.product(ast.parse(text, mode="eval").body)
    sizes = reader.sizes | {
        letter: int(constants[letter.upper()])
        for letter in over.split()
        if letter.upper() in constants
    }
    return {
        "of": text,
        "over": {letter: sizes[letter] for letter in over.split()},
        "scale": scale,
        "factors": factors,
    }


class _Reader:
    """Goes through one formula; notes in `sizes` how far letters run."""

    def __init__(self, text: str, names: Mapping[str, Named], constants: Mapping[str, float]):
        self.text, self.names, self.constants = text, names, constants
        self.sizes: dict[str, int] = {}

    def product(self, node: ast.expr) -> tuple[float, list[dict[str, Any]]]:
        """The constant of a product, and its other factors."""
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
            (left, some), (right, more) = self.product(node.left), self.product(node.right)
            if isinstance(node.op, ast.Mult):
                return left * right, some + more
            if not more:
                return left / right, some
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            scale, factors = self.product(node.operand)
            return -scale, factors
        elif any(isinstance(part, ast.Subscript) for part in ast.walk(node)):
            return 1.0, [self.factor(node)]
        else:
            return float(self.constant(node)), []
        raise self.wrong(node)

    def factor(self, node: ast.expr) -> dict[str, Any]:
        """A number of an array, and what is done to it."""
        match node:
            case ast.Subscript(ast.Name(name)):
                return self.number(self.names[name], node.slice)
            case ast.Call(ast.Name(function), [of]) if function in FUNCTIONS:
                return self.factor(of) | {"through": function}
            case ast.BinOp(left, ast.Sub(), right):
                return self.factor(left) | {"minus": self.factor(right)}
            case ast.Compare(left, [ast.Eq()], [right]):
                return self.factor(left) | {"is": written(self.linear(right))}
        raise self.wrong(node)

    def number(self, array: Named, where: ast.expr) -> dict[str, Any]:
        """array[index, ...]."""
        indices = where.elts if isinstance(where, ast.Tuple) else [where]
        if len(indices) != len(array.shape):
            raise self.wrong(where)
        for index, size in zip(indices, array.shape, strict=True):
            if isinstance(index, ast.Name) and index.id not in self.constants:
                self.sizes[index.id] = size
        found: dict[str, Any] = {"name": array.name}
        if array.reshaped:
            found["shape"] = list(array.shape)
        return found | {"at": [written(self.linear(index)) for index in indices]}

    def linear(self, node: ast.expr) -> Linear:
        """An index, as coefficients."""
        match node:
            case ast.Constant(int() as value):
                return {"": Fraction(value)}
            case ast.Name(name):
                known = self.constants.get(name)
                return {name: Fraction(1)} if known is None else {"": Fraction(known)}
            case ast.UnaryOp(ast.USub(), operand):
                return scaled(self.linear(operand), Fraction(-1))
            case ast.BinOp(left, ast.Add(), right):
                return added(self.linear(left), self.linear(right))
            case ast.BinOp(left, ast.Sub(), right):
                return added(self.linear(left), scaled(self.linear(right), Fraction(-1)))
            case ast.BinOp(left, ast.Mult(), right):
                return scaled(self.linear(left), Fraction(self.constant(right)))
            case ast.BinOp(left, ast.Div(), right):
                return scaled(self.linear(left), 1 / Fraction(self.constant(right)))
        raise self.wrong(node)

    def constant(self, node: ast.expr) -> Any:
        """A number, written out or by name."""
        match node:
            case ast.Constant(int() | float() as value):
                return value
            case ast.Name(name) if name in self.constants:
                return self.constants[name]
            case ast.UnaryOp(ast.USub(), operand):
                return -self.constant(operand)
            case ast.BinOp(left, ast.Sub(), right):
                return self.constant(left) - self.constant(right)
            case ast.BinOp(left, ast.Mult(), right):
                return self.constant(left) * self.constant(right)
        raise self.wrong(node)

    def wrong(self, node: ast.expr) -> ValueError:
        return ValueError(
            f"a formula expected products of numbers of arrays, received {ast.unparse(node)!r} in "
            f"{self.text!r}: see minicnn/explain/tracing/sums.py"
        )


def scaled(index: Linear, by: Fraction) -> Linear:
    """All coefficients times a number."""
    return {letter: value * by for letter, value in index.items()}


def added(left: Linear, right: Linear) -> Linear:
    """The sum of two."""
    none = Fraction(0)
    return {
        letter: left.get(letter, none) + right.get(letter, none) for letter in {**left, **right}
    }


def written(index: Linear) -> list[Any]:
    """As [constant, {letter: coefficient}, divisor], whole numbers."""
    divisor = math.lcm(*(value.denominator for value in index.values()))
    whole = {letter: int(value * divisor) for letter, value in index.items() if value}
    return [whole.pop("", 0), whole, divisor]
