"""The matrices of Winograd's convolutions, and the kernel that applies them to patches.

F(m, 3), m outputs of a 3-tap filter g over m + 2 inputs d, takes m + 2 multiplications in place of
3 m:

    y = A^T [ (G g) * (B^T d) ]            * element by element

The idea: the convolution is a product of polynomials. B^T and G evaluate both at points p, one
multiplication per point gives the product's value there, and A^T reads the outputs off these
values. Row i of the matrices, for point p:

    B^T   the coefficients of  prod over q != p of (x - q)
    G     1, p, p^2, divided by  N = prod over q != p of (p - q)
    A     1, p, p^2, ... p^(m - 1)

The last point is infinity: B^T has there prod (x - q) over all others, G the last tap, A the last
output. If N is negative, that of B^T changes its sign instead.

Which points? Any would do, were it not for rounding. 0, 1, -1 give matrices of 0, 1 and 1/2. With
more points the numbers in the matrices grow, and the outputs become differences of large numbers.
0, 3/4, -3/4, 3/2, -3/2 lose a quarter of what the usual 0, 1, -1, 2, -2 lose, and B and A are still
exact. F(5, 3) needs a sixth point, and with the best of 1456 choices of numbers between 1/4 and 2
and their negatives it loses four times as much as F(4, 3).

Source: Winograd 1980, "Arithmetic complexity of computations"; Lavin & Gray 2015, arXiv:1509.09308,
section 5; Barabasz et al. 2020, "Error analysis and improving the accuracy of Winograd
convolution", arXiv:1803.10986 (how points differ).
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

from llvmlite import ir

from minicnn.machine.emit import Emitter, kernel
from minicnn.machine.operands import Numbers

TAPS = 3
Matrix = tuple[tuple[float, ...], ...]


class Form(NamedTuple):
    """F(m x m, 3 x 3): outputs m and inputs m + 2 of a patch, per axis, and its matrices."""

    out: int
    patch: int
    BT: Matrix
    G: Matrix
    AT: Matrix

    @property
    def products(self) -> int:
        """Multiplications of a patch, for each channel and filter."""
        return self.patch**2


@cache
def form(*points: Fraction | int) -> Form:
    """The form of these points and infinity."""
    out = len(points) + 2 - TAPS

    def product(roots: Sequence[Fraction | int]) -> list[Fraction]:
        """The coefficients of the product of all (x - root), the constant first."""
        line = [Fraction(1)]
        for root in roots:
            line = [
                a - root * b
                for a, b in zip([Fraction(0), *line], [*line, Fraction(0)], strict=True)
            ]
        return line

    BT: list[list[Any]] = []
    G: list[list[Any]] = []
    A: list[list[Any]] = []
    for p in points:
        others = [q for q in points if q != p]
        N = Fraction(1)
        for q in others:
            N *= p - q
        BT.append([-value if N < 0 else value for value in product(others)] + [0])
        G.append([p**k / abs(N) for k in range(TAPS)])
        A.append([p**k for k in range(out)])
    BT.append(product(points))
    G.append([0] * (TAPS - 1) + [1])
    A.append([0] * (out - 1) + [1])
    matrices = (
        tuple(tuple(map(float, row)) for row in matrix) for matrix in (BT, G, zip(*A, strict=True))
    )
    return Form(out, out + TAPS - 1, *matrices)


F2 = form(0, 1, -1)
F4 = form(0, Fraction(3, 4), Fraction(-3, 4), Fraction(3, 2), Fraction(-3, 2))
F5 = form(0, Fraction(7, 8), Fraction(-7, 8), 2, -2, Fraction(3, 8))


def transposed(matrix: Matrix) -> Matrix:
    """Rows and columns exchanged."""
    return tuple(zip(*matrix, strict=True))


class Steps(NamedTuple):
    """Elements from one row and column of a patch, and from one patch below and beside another, to
    the next.
    """

    row: int
    column: int
    down: int
    across: int


class Transform(NamedTuple):
    """x, y: the first of down x across patches."""

    x: Numbers
    y: Numbers
    down: int
    across: int


def multiply(emit: Emitter, matrix: Matrix, values: Sequence[ir.Value]) -> list[ir.Value]:
    """matrix @ values, in few operations.

    Points come in pairs p, -p. Their rows differ in the sign of every other number, so their sums
    share what is even and what is odd; in a transposed matrix so do columns.
    """
    columns = transposed(matrix)
    if len(columns) > 2 and mirrored(columns[1], columns[2]):
        return multiply_columns(emit, matrix, values)
    build = emit.builder
    results: list[ir.Value] = []
    for i, row in enumerate(matrix):
        if i + 1 < len(matrix) and mirrored(row, matrix[i + 1]):
            even, odd = combine(emit, row[::2], values[::2]), combine(emit, row[1::2], values[1::2])
            results += [build.fadd(even, odd), build.fsub(even, odd)]
        elif len(results) == i:
            results.append(combine(emit, row, values))
    return results


def multiply_columns(emit: Emitter, matrix: Matrix, values: Sequence[ir.Value]) -> list[ir.Value]:
    """The same where columns come in pairs: of two values that belong to one, even rows need the
    sum, and odd rows the difference.
    """
    columns = transposed(matrix)
    pairs = [i for i in range(1, len(columns) - 1, 2) if mirrored(columns[i], columns[i + 1])]
    alone = [i for i in range(len(columns)) if i not in pairs and i - 1 not in pairs]
    sums, differences = (
        [f(values[i], values[i + 1]) for i in pairs] for f in (emit.builder.fadd, emit.builder.fsub)
    )
    results = []
    for k, row in enumerate(matrix):
        shared = [values[i] for i in alone] + (differences if k % 2 else sums)
        results.append(combine(emit, [row[i] for i in alone + pairs], shared))
    return results


def mirrored(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether two rows (or columns) differ in the sign of every other number, and in nothing
    else.
    """
    return all(b == (-1) ** k * a for k, (a, b) in enumerate(zip(one, other, strict=True))) and any(
        one[1::2]
    )


def combine(emit: Emitter, weights: Sequence[float], values: Sequence[ir.Value]) -> ir.Value:
    """The sum of weights[i] * values[i], without multiplications by 0, 1 and -1."""
    build = emit.builder
    terms = [term for term in zip(weights, values, strict=True) if term[0] != 0]
    terms.sort(key=lambda term: (term[0] < 0, abs(term[0]) != 1))
    weight, value = terms[0]
    total = value if weight == 1 else build.fmul(emit.fill(weight), value)
    for weight, value in terms[1:]:
        if abs(weight) != 1:
            total = emit.multiply_add(emit.fill(weight), value, total)
        else:
            total = build.fadd(total, value) if weight > 0 else build.fsub(total, value)
    return total


@kernel
def transform(
    dtype: str, matrix: Matrix, x: Steps, y: Steps, channels: int, add: bool = False
) -> Emitter:
    """y = P x P^T (y += if add) for every patch x of down x across patches, all channels."""
    emit = Emitter(dtype, Transform)
    arg, build = emit.arg, emit.builder
    size, taps = len(matrix), len(matrix[0])

    def place(base: ir.Value, steps: Steps, row: int, column: int) -> ir.Value:
        return emit.at(base, emit.integer(row * steps.row + column * steps.column))

    def patch(i: ir.Value, j: ir.Value, c: ir.Value) -> None:
        def start(base: ir.Value, steps: Steps) -> ir.Value:
            down, across = (
                build.mul(i, emit.integer(steps.down)),
                build.mul(j, emit.integer(steps.across)),
            )
            return emit.at(base, build.add(build.add(down, across), c))

        source, target = start(arg["x"], x), start(arg["y"], y)
        columns = [
            multiply(
                emit, matrix, [emit.load(place(source, x, row, column)) for row in range(taps)]
            )
            for column in range(taps)
        ]
        for row in range(size):
            for column, value in enumerate(
                multiply(emit, matrix, [column[row] for column in columns])
            ):
                to = place(target, y, row, column)
                emit.store(build.fadd(emit.load(to), value) if add else value, to)

    def each(count: ir.Value, work: Callable[[ir.Value], None]) -> None:
        def turn(index: ir.Value, _: Sequence[ir.Value]) -> Sequence[ir.Value]:
            work(index)
            return []

        emit.loop(count, [], turn)

    def register(i: ir.Value, j: ir.Value, v: ir.Value) -> None:
        patch(i, j, build.mul(v, emit.integer(emit.lanes)))

    registers = emit.integer(channels // emit.lanes)
    each(
        arg["down"],
        lambda i: each(arg["across"], lambda j: each(registers, lambda v: register(i, j, v))),
    )
    return emit
