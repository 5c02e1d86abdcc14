"""Where the boxes of a graph go, so that every line runs down and none through a box.

Boxes stand in rows, each below all that it depends on. A line that passes rows on its way has a
narrow place of its own in each of them, like a box; so lines bend only between rows. Where a
drawing would be too high it goes on in a column at its right, cut where a single line runs.

Source: Sugiyama, Tagawa, Toda 1981, "Methods for visual understanding of hierarchical system
structures"; places in a row by isotonic regression (Ayer et al. 1955) instead of their priorities.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import ceil
from typing import NamedTuple

# inches between rows, between boxes of a row, between columns
ROW_GAP, GAP, COLUMN_GAP = (
    0.24,
    0.22,
    0.6,
)
LANE = 0.1  # width of the place of a line that passes a row
WORTH = 0.9  # of the highest column's height, if a column more is to be made
SWEEPS = 24
# weights of lines from box to box or on their way, and of those between box and way
STRAIGHT, FREE = (
    1.0,
    0.001,
)

Point = tuple[float, float]


class Layout(NamedTuple):
    """Places in inches, counted from the upper left corner.

    boxes: their left upper corners, in the order in which they were given.
    lines: their points. From one to the next a line is straight where only one coordinate changes,
        else a curve that begins and ends upright.
    """

    width: float
    height: float
    boxes: list[Point]
    lines: list[list[Point]]


def layered(
    sizes: Sequence[Point], edges: Sequence[tuple[int, int]], tallest: float = float("inf")
) -> Layout:
    """Places for boxes of those sizes and for the edges between them, from a box to one with a
    larger number.

    tallest: inches above which the drawing goes on at its right.
    """
    grid = Grid(sizes, list(dict.fromkeys(edges)))
    grid.order()
    grid.straighten()
    return grid.layout(tallest)


class Grid:
    """Items in rows: boxes first, then the places of lines that pass.

    Every link is between neighbouring rows.
    """

    def __init__(self, sizes: Sequence[Point], edges: list[tuple[int, int]]):
        self.sizes = list(sizes)
        self.boxes = len(sizes)
        row = rows_of(len(sizes), edges)
        self.rows: list[list[int]] = [[] for _ in range(max(row) + 1)]
        for item, number in enumerate(row):
            self.rows[number].append(item)
        self.above: list[list[int]] = [[] for _ in sizes]
        self.below: list[list[int]] = [[] for _ in sizes]
        self.paths: list[list[int]] = []  # of every edge, the items that it goes through
        for start, end in edges:
            path = [start]
            for number in range(row[start] + 1, row[end]):
                path.append(len(self.sizes))
                self.rows[number].append(path[-1])
                self.sizes.append((LANE, 0.0))
                self.above.append([])
                self.below.append([])
            self.paths.append([*path, end])
            for upper, lower in pairwise(self.paths[-1]):
                self.below[upper].append(lower)
                self.above[lower].append(upper)
        self.x = [0.0] * len(self.sizes)  # of the items' middles

    def order(self) -> None:
        """Order every row so that few lines cross: again and again by the mean place of an item's
        neighbours.
        """
        best, least = [list(row) for row in self.rows], self.crossings()
        for sweep in range(SWEEPS):
            down = sweep % 2 == 0
            neighbours = self.above if down else self.below
            place = {item: float(n) for row in self.rows for n, item in enumerate(row)}
            for row in self.rows if down else self.rows[::-1]:
                wanted = {
                    item: sum(place[other] for other in neighbours[item]) / len(neighbours[item])
                    if neighbours[item]
                    else place[item]
                    for item in row
                }
                row.sort(key=wanted.__getitem__)
                place |= {item: float(n) for n, item in enumerate(row)}
            crossings = self.crossings()
            if crossings < least:
                best, least = [list(row) for row in self.rows], crossings
        self.rows = best

    def crossings(self) -> int:
        """How many pairs of lines cross."""
        place = {item: n for row in self.rows for n, item in enumerate(row)}
        total = 0
        for row in self.rows:
            ends = [
                place[other]
                for item in row
                for other in sorted(self.below[item], key=place.__getitem__)
            ]
            total += sum(before > after for n, after in enumerate(ends) for before in ends[:n])
        return total

    def straighten(self) -> None:
        """Put items where their lines are short, those between boxes above all, without changing
        the order.
        """
        for sweep in range(SWEEPS):
            down = sweep % 2 == 0
            for row in self.rows if down else self.rows[::-1]:
                near = [
                    (self.above[item] + self.below[item])
                    if sweep >= SWEEPS // 2
                    else (self.above if down else self.below)[item]
                    for item in row
                ]
                weights = [
                    [self.straightness(item, other) for other in others]
                    for item, others in zip(row, near, strict=True)
                ]
                wanted = [
                    sum(w * self.x[other] for w, other in zip(own, others, strict=True)) / sum(own)
                    if own
                    else self.x[item]
                    for item, others, own in zip(row, near, weights, strict=True)
                ]
                gaps = [(self.sizes[a][0] + self.sizes[b][0]) / 2 + GAP for a, b in pairwise(row)]
                places = apart(wanted, [sum(own) or 0.01 for own in weights], gaps)
                for item, x in zip(row, places, strict=True):
                    self.x[item] = x

    def straightness(self, item: int, other: int) -> float:
        return STRAIGHT if (item < self.boxes) == (other < self.boxes) else FREE

    def layout(self, tallest: float) -> Layout:
        """Columns of rows, and what is where in them."""
        heights = [max(self.sizes[item][1] for item in row) for row in self.rows]
        columns = columns_of(heights, [self.can_cut(n) for n in range(len(self.rows) - 1)], tallest)
        top, column = [0.0] * len(self.rows), [0] * len(self.rows)
        left, whole = 0.0, 0.0
        shift: list[float] = []
        edges: list[Point] = []  # left and right side of every column
        for number, (first, end) in enumerate(columns):
            items = [item for row in self.rows[first:end] for item in row]
            leftmost = min(self.x[item] - self.sizes[item][0] / 2 for item in items)
            rightmost = max(self.x[item] + self.sizes[item][0] / 2 for item in items)
            shift.append(left - leftmost)
            edges.append((left, left + rightmost - leftmost))
            left += rightmost - leftmost + COLUMN_GAP
            y = 0.0
            for n in range(first, end):
                top[n], column[n] = y, number
                y += heights[n] + ROW_GAP
            whole = max(whole, y - ROW_GAP)
        row = {item: n for n, items in enumerate(self.rows) for item in items}

        def x(item: int) -> float:
            return self.x[item] + shift[column[row[item]]]

        lines = []
        for path in self.paths:
            points: list[Point] = []
            for item, following in pairwise(path):
                n = row[item]
                bottom = top[n] + heights[n]
                points += [(x(item), top[n] + self.sizes[item][1]), (x(item), bottom)]
                # down, up between the columns, and down again
                if column[n] != column[row[following]]:
                    between = edges[column[n]][1] + COLUMN_GAP / 2
                    turn, start = bottom + ROW_GAP / 2, -ROW_GAP / 2
                    points += [
                        (x(item), turn),
                        (between, turn),
                        (between, start),
                        (x(following), start),
                    ]
                points.append((x(following), top[row[following]]))
            lines.append(
                [
                    point
                    for point, before in zip(points, [None, *points], strict=False)
                    if point != before
                ]
            )
        boxes = [(x(item) - self.sizes[item][0] / 2, top[row[item]]) for item in range(self.boxes)]
        return Layout(left - COLUMN_GAP, whole, boxes, lines)

    def can_cut(self, n: int) -> bool:
        """Whether one line alone, from a box to a box, leads from a row to the next."""
        links = [(item, other) for item in self.rows[n] for other in self.below[item]]
        return len(links) == 1 and max(links[0]) < self.boxes


def rows_of(boxes: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The row of each box: below all that it depends on; one that depends on nothing, right above
    its first user.
    """
    rows = [0] * boxes
    for start, end in sorted(edges, key=lambda edge: edge[1]):
        rows[end] = max(rows[end], rows[start] + 1)
    for box in range(boxes):
        users = [rows[end] for start, end in edges if start == box]
        if users and all(end != box for _, end in edges):
            rows[box] = min(users) - 1
    return rows


def apart(wanted: Sequence[float], weights: Sequence[float], gaps: Sequence[float]) -> list[float]:
    """Places in this order, so far apart at least, whose weighted squared distance to the wanted
    ones is least.
    """
    offset = [0.0]
    for gap in gaps:
        offset.append(offset[-1] + gap)
    blocks: list[
        tuple[float, float, int]
    ] = []  # mean, weight, how many: pooled where they would be too close
    for place, weight, before in zip(wanted, weights, offset, strict=True):
        mean, count = place - before, 1
        while blocks and blocks[-1][0] > mean:
            other, heavy, more = blocks.pop()
            mean = (mean * weight + other * heavy) / (weight + heavy)
            weight, count = weight + heavy, count + more
        blocks.append((mean, weight, count))
    pooled = [mean for mean, _, count in blocks for _ in range(count)]
    return [mean + before for mean, before in zip(pooled, offset, strict=True)]


def columns_of(
    heights: Sequence[float], cuts: Sequence[bool], tallest: float
) -> list[tuple[int, int]]:
    """First row and end of every column, cut where that is possible: as few as make the highest one
    lowest.

    Of so many columns, the sum of their squared heights is least.
    """
    tops = [0.0, *accumulate(height + ROW_GAP for height in heights)]
    places = [*(n for n, cut in enumerate(cuts, 1) if cut), len(heights)]
    best: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, (0,))}  # by end, of so many columns
    columns: list[tuple[int, int]] = []
    lowest = float("inf")
    for _ in range(max(1, min(ceil((tops[-1] - ROW_GAP) / tallest), len(places)))):
        best = {
            end: min(
                (cost + (tops[end] - tops[start]) ** 2, (*ends, end))
                for start, (cost, ends) in best.items()
                if start < end
            )
            for end in places
            if end > min(best)
        }
        found = list(pairwise(best[len(heights)][1]))
        highest = max(tops[end] - tops[start] for start, end in found)
        if highest < WORTH * lowest:
            columns, lowest = found, highest
    return columns
