"""Activations in registers: what a row kernel applies to a number while it is there.

A layer calls NumPy for exp, some nanoseconds per number; here it is a polynomial, a fraction of
one. The formulas are those of the layers.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from llvmlite import ir

from minicnn.layers.activation import Activation
from minicnn.layers.base import Layer
from minicnn.layers.elementwise import Elementwise
from minicnn.layers.gelu import GELU
from minicnn.layers.leaky_relu import LeakyReLU
from minicnn.layers.relu import ReLU
from minicnn.machine.emit import Emitter

SQRT_HALF, SQRT_TWO_OVER_PI = math.sqrt(0.5), math.sqrt(2 / math.pi)


class Function(NamedTuple):
    """An activation: its name in FORMULAS, and the one number that it may depend on."""

    name: str
    parameter: float = 0.0

    @property
    def is_monotone(self) -> bool:
        """Whether the largest of several numbers stays it: then pooling may come before."""
        return self.name in ("relu", "clipped", "leaky", "sigmoid", "hard_sigmoid")

    @property
    def is_cheap(self) -> bool:
        """Whether its slope is a comparison or two, the same of x and of f(x)."""
        return self.name in ("relu", "clipped", "leaky")


RELU = Function("relu")


def function_of(layer: Layer | None) -> Function | None:
    """The function that a layer applies to every number; None for one that is not here, and for
    none.
    """
    if type(layer) is Activation and layer.activation_layer is not None:
        layer = layer.activation_layer
    if type(layer) is ReLU and not (layer.negative_slope or layer.threshold):
        return RELU if layer.max_value is None else Function("clipped", float(layer.max_value))
    if type(layer) is LeakyReLU and layer.negative_slope > 0:
        return Function("leaky", float(layer.negative_slope))
    if type(layer) is GELU:
        return Function("gelu_tanh" if layer.approximate else "gelu")
    if type(layer) is Elementwise:
        name = layer.function.replace("swish", "silu")
        return Function(name) if name in FORMULAS else None
    return None


def value(emit: Emitter, function: Function, x: ir.Value) -> ir.Value:
    """f(x) of a register."""
    return FORMULAS[function.name](emit, x, function.parameter)[0]()


def slope(emit: Emitter, function: Function, x: ir.Value) -> ir.Value:
    """f'(x) of a register x; where the function `is_cheap`, x may be f(x) too."""
    return FORMULAS[function.name](emit, x, function.parameter)[1]()


def through(emit: Emitter, function: Function | None, x: ir.Value, dy: ir.Value) -> ir.Value:
    """dx = dy f'(x); for x see slope."""
    if function is None:
        return dy
    if function == RELU:
        return emit.choice(">", x, emit.fill(0.0), dy, emit.fill(0.0))
    return emit.builder.fmul(dy, slope(emit, function, x))


Formula = tuple[Callable[[], ir.Value], Callable[[], ir.Value]]  # f(x) and f'(x)


def relu(emit: Emitter, x: ir.Value, _: float) -> Formula:
    """max(x, 0); NaN stays NaN."""
    zero, one = emit.fill(0.0), emit.fill(1.0)
    return (
        lambda: emit.choice("<", x, zero, zero, x),
        lambda: emit.choice(">", x, zero, one, zero),
    )


def clipped(emit: Emitter, x: ir.Value, most: float) -> Formula:
    """min(max(x, 0), most)."""
    zero, one, top = emit.fill(0.0), emit.fill(1.0), emit.fill(most)
    return (
        lambda: clip(emit, x, 0.0, most),
        lambda: emit.choice(">", x, zero, emit.choice("<", x, top, one, zero), zero),
    )


def leaky(emit: Emitter, x: ir.Value, share: float) -> Formula:
    """x, below 0 the share of it."""
    zero, one, less = emit.fill(0.0), emit.fill(1.0), emit.fill(share)

    def inner() -> ir.Value:
        return emit.choice(">", x, zero, one, less)

    return lambda: emit.builder.fmul(inner(), x), inner


def sigmoid(emit: Emitter, x: ir.Value, _: float) -> Formula:
    """s = 1 / (1 + exp(-x)),  s' = s (1 - s)."""
    s, build = logistic(emit, x), emit.builder
    return lambda: s, lambda: build.fmul(s, build.fsub(emit.fill(1.0), s))


def silu(emit: Emitter, x: ir.Value, _: float) -> Formula:
    """y = x s(x),  y' = s + y (1 - s)."""
    s, build = logistic(emit, x), emit.builder
    y = build.fmul(x, s)
    return lambda: y, lambda: emit.multiply_add(y, build.fsub(emit.fill(1.0), s), s)


def hard_sigmoid(emit: Emitter, x: ir.Value, _: float) -> Formula:
    """(x + 3) / 6, cut to 0 ... 1."""
    # cut last, as 1/6 is rounded: below -3 it is 0, whatever it is multiplied by
    h = clip(emit, emit.multiply_add(x, emit.fill(1 / 6), emit.fill(0.5)), 0.0, 1.0)
    return lambda: h, lambda: between(emit, x, emit.fill(1 / 6))


def hard_silu(emit: Emitter, x: ir.Value, _: float) -> Formula:
    """y = x h(x),  y' = h + x h'(x)."""
    h = hard_sigmoid(emit, x, 0.0)[0]()
    return (
        lambda: emit.builder.fmul(x, h),
        lambda: emit.multiply_add(x, between(emit, x, emit.fill(1 / 6)), h),
    )


def gelu(emit: Emitter, x: ir.Value, _: float) -> Formula:
    """y = x P(x),  y' = P + x exp(-x^2 / 2) / sqrt(2 pi),  P the normal distribution.

    P = erfc(-x / sqrt(2)) / 2, and erfc(z) = exp(-z^2) q(1 / (1 + z / 2)) for z >= 0, with a
    polynomial q; below 0 it is 2 - erfc(-z).
    Source: Abramowitz & Stegun 1964, 7.1.26, with more terms.
    """
    build, half, one, zero = emit.builder, emit.fill(0.5), emit.fill(1.0), emit.fill(0.0)
    reach, coefficients = erfc_polynomial(emit.bits)
    z = build.fmul(emit.choice("<", x, zero, build.fsub(zero, x), x), emit.fill(SQRT_HALF))
    z = emit.choice(">", z, emit.fill(reach), emit.fill(reach), z)
    bell = exponential(emit, build.fsub(zero, build.fmul(z, z)))
    t = build.fdiv(one, emit.multiply_add(z, half, one))
    tail = build.fmul(build.fmul(polynomial(emit, t, coefficients), bell), half)
    below = emit.choice("<", x, zero, tail, build.fsub(one, tail))
    density = build.fmul(bell, emit.fill(SQRT_TWO_OVER_PI / 2))
    return lambda: build.fmul(x, below), lambda: emit.multiply_add(x, density, below)


def gelu_tanh(emit: Emitter, x: ir.Value, _: float) -> Formula:
    """y = x s(2u),  y' = s + y (1 - s) 2u',  u = sqrt(2 / pi) (x + 0.044715 x^3), as
    (1 + tanh(u)) / 2 is s(2u).
    """
    build, one, a, b = emit.builder, emit.fill(1.0), 0.044715, 2 * SQRT_TWO_OVER_PI
    most = emit.fill(1e4)  # where s is long 0 or 1; the square of a large x would be infinite
    square = build.fmul(x, x)
    square = emit.choice(">", square, most, most, square)
    two_u = build.fmul(x, emit.multiply_add(square, emit.fill(a * b), emit.fill(b)))
    s = logistic(emit, two_u)
    y = build.fmul(x, s)

    def derivative() -> ir.Value:
        rises = emit.multiply_add(square, emit.fill(3 * a * b), emit.fill(b))
        return emit.multiply_add(build.fmul(y, build.fsub(one, s)), rises, s)

    return lambda: y, derivative


FORMULAS: dict[str, Callable[[Emitter, ir.Value, float], Formula]] = {
    formula.__name__: formula
    for formula in (relu, clipped, leaky, sigmoid, silu, hard_sigmoid, hard_silu, gelu, gelu_tanh)
}

# What they are made of


def clip(emit: Emitter, x: ir.Value, least: float, most: float) -> ir.Value:
    """x, at least and at most so much; NaN stays NaN."""
    low, high = emit.fill(least), emit.fill(most)
    return emit.choice("<", x, low, low, emit.choice(">", x, high, high, x))


def between(emit: Emitter, x: ir.Value, then: ir.Value) -> ir.Value:
    """`then` where -3 < x < 3, else 0."""
    zero = emit.fill(0.0)
    return emit.choice(
        "<", x, emit.fill(3.0), emit.choice(">", x, emit.fill(-3.0), then, zero), zero
    )


def logistic(emit: Emitter, x: ir.Value) -> ir.Value:
    """1 / (1 + exp(-x))."""
    build, one = emit.builder, emit.fill(1.0)
    power = exponential(emit, build.fsub(emit.fill(0.0), x))
    return build.fdiv(one, build.fadd(one, power))


def polynomial(emit: Emitter, x: ir.Value, coefficients: list[float]) -> ir.Value:
    """The sum of coefficients[k] x^k, by Horner's rule."""
    *rest, last = coefficients
    total: ir.Value = emit.fill(last)
    for coefficient in reversed(rest):
        total = emit.multiply_add(total, x, emit.fill(coefficient))
    return total


def exponential(emit: Emitter, x: ir.Value) -> ir.Value:
    """exp(x) = 2^n exp(r) for the nearest integer n of x / ln 2, and the small r that is left.

    exp(r) is its Taylor series, and 2^n the exponent bits of a number. Beyond the largest and the
    smallest powers of 2 it is infinite and 0. NaN stays NaN, by way of r.
    """
    build, single = emit.builder, emit.bits == 32
    mantissa, limit, terms = (23, 126.0, 8) if single else (52, 1022.0, 14)
    turns = build.fmul(x, emit.fill(1 / math.log(2)))
    # of NaN no integer may be made: the comparison is false for it
    turns = emit.choice(">", turns, emit.fill(-limit), turns, emit.fill(-limit))
    turns = emit.choice("<", turns, emit.fill(limit), turns, emit.fill(limit))
    whole = ir.VectorType(ir.IntType(emit.bits), emit.lanes)
    lean = emit.choice("<", turns, emit.fill(0.0), emit.fill(-0.5), emit.fill(0.5))
    n = build.fptosi(build.fadd(turns, lean), whole)  # which cuts off what is behind the point
    near = build.sitofp(n, emit.vector)
    # ln 2 in two parts: the first has so few digits that its product with n is exact
    coarse = float(np.round(math.log(2) * 2**9) / 2**9)
    r = emit.multiply_add(near, emit.fill(-coarse), x)
    r = emit.multiply_add(near, emit.fill(coarse - math.log(2)), r)
    series = polynomial(emit, r, [1 / math.factorial(k) for k in range(terms)])
    bias = ir.Constant(whole, [int(limit) + 1] * emit.lanes)
    shift = ir.Constant(whole, [mantissa] * emit.lanes)
    power = build.bitcast(build.shl(build.add(n, bias), shift), emit.vector)
    # where x is beyond these powers, r is no longer small
    found = emit.choice(">", r, emit.fill(1.0), emit.fill(math.inf), build.fmul(series, power))
    return emit.choice("<", r, emit.fill(-1.0), emit.fill(0.0), found)


@cache
def erfc_polynomial(bits: int) -> tuple[float, list[float]]:
    """(reach, coefficients) of q, for z up to the reach: exp(-z^2) is 0 beyond.

    It meets exp(z^2) erfc(z) at Chebyshev's points, to 3e-8 in 32 bits and to 4e-14 in 64.
    """
    reach, degree = (10.0, 10) if bits == 32 else (26.7, 20)

    def scaled(t: np.ndarray) -> np.ndarray:
        return np.array([scaled_erfc(2 / one - 2) for one in t])

    domain = [1 / (1 + reach / 2), 1.0]
    fitted = np.polynomial.Chebyshev.interpolate(scaled, degree, domain)
    return reach, fitted.convert(kind=np.polynomial.Polynomial).coef.tolist()


def scaled_erfc(z: float) -> float:
    """exp(z^2) erfc(z) for z >= 0; where they are too large and small, by their continued
    fraction.

    Source: Abramowitz & Stegun 1964, 7.1.14.
    """
    if z < 5:
        return math.exp(z * z) * math.erfc(z)
    fraction = 0.0
    for k in range(60, 0, -1):
        fraction = k / 2 / (z + fraction)
    return 1 / (z + fraction) / math.sqrt(math.pi)
