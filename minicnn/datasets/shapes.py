"""Ten kinds of shape in random colours, sizes and places, a little turned: a data set that needs no
file.

It has the form of CIFAR-10 and a small network learns it in seconds. A linear model does not: both
colours and the place are random, so that no single pixel says anything about the class. A picture
is a function that is positive inside the shape and falls by one per unit of length, evaluated at
every pixel; this also makes the edges smooth.
"""

import operator

import numpy as np

from minicnn.names import known_arguments

__all__ = ["CLASS_NAMES", "load_data"]

SIZE = 32
BLOCK = (
    1000  # pictures drawn at a time: bounds the memory for intermediate planes to some megabytes
)
NOISE = 12.0  # standard deviation, in grey levels
Plane = np.ndarray  # float32 (n, 32, 32)


def _circle(u: Plane, v: Plane) -> Plane:
    return 0.85 - np.hypot(u, v)


def _square(u: Plane, v: Plane) -> Plane:
    return 0.75 - np.maximum(abs(u), abs(v))


def _triangle(u: Plane, v: Plane) -> Plane:
    return 0.5 - np.maximum(v, 0.866 * abs(u) - 0.5 * v)


def _cross(u: Plane, v: Plane) -> Plane:
    return np.minimum(0.27 - np.minimum(abs(u), abs(v)), 0.95 - np.maximum(abs(u), abs(v)))


def _ring(u: Plane, v: Plane) -> Plane:
    return 0.2 - abs(np.hypot(u, v) - 0.75)


def _star(u: Plane, v: Plane) -> Plane:
    radius, fifth = np.hypot(u, v), 2 * np.pi / 5
    # from the nearest tip; one points up
    angle = abs((np.arctan2(u, -v) + fifth / 2) % fifth - fifth / 2)
    return 0.35 - radius * (0.35 * np.cos(angle) + 0.94 * np.sin(angle))


def _crescent(u: Plane, v: Plane) -> Plane:
    return np.minimum(0.95 - np.hypot(u, v), np.hypot(u - 0.45, v) - 0.7)


def _stripes(u: Plane, v: Plane) -> Plane:
    return np.minimum(0.7 - np.maximum(abs(u), abs(v)), 0.14 - abs((u + 0.28) % 0.56 - 0.28))


def _checkers(u: Plane, v: Plane) -> Plane:
    return np.minimum(0.8 - np.maximum(abs(u), abs(v)), np.sign(u * v) * np.minimum(abs(u), abs(v)))


def _dots(u: Plane, v: Plane) -> Plane:
    return 0.38 - np.hypot(abs(u) - 0.52, v)


SHAPES = (_circle, _square, _triangle, _cross, _ring, _star, _crescent, _stripes, _checkers, _dots)
CLASS_NAMES = tuple(shape.__name__.removeprefix("_") for shape in SHAPES)


@known_arguments
def load_data(
    train: int = 10_000, test: int = 2_000, seed: int = 0
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The arrays `((x_train, y_train), (x_test, y_test))` of that many images, drawn anew in about
    a second.

    Images are uint8 (n, 32, 32, 3), labels uint8 (n, 1), the position in `CLASS_NAMES`; every class
    is equally frequent, within one. The same seed gives the same pictures; the test pictures do not
    depend on `train`. Raises ValueError for a negative number and TypeError for one that is not
    whole.

    >>> (x_train, y_train), (x_test, y_test) = datasets.shapes.load_data(train=20, test=10)
    >>> x_train.shape, y_train.shape
    ((20, 32, 32, 3), (20, 1))
    """
    for name, value in (("train", train), ("test", test), ("seed", seed)):
        if operator.index(value) < 0:
            raise ValueError(f"shapes.load_data expected {name} of 0 or more, received {value}")
    return _generate(train, np.random.default_rng([seed, 0])), _generate(
        test, np.random.default_rng([seed, 1])
    )


def _generate(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    labels = rng.permutation(np.arange(count, dtype=np.int64) % len(SHAPES)).astype(np.uint8)
    images = np.empty((count, SIZE, SIZE, 3), np.uint8)
    for start in range(0, count, BLOCK):
        block = slice(start, start + BLOCK)
        images[block] = _draw(labels[block], rng)
    return images, labels[:, None]


def _draw(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw one shape per label: float (n, 32, 32, 3) in 0 to 255."""

    def uniform(low: float, high: float, channels: int = 1) -> np.ndarray:
        return rng.uniform(low, high, (len(labels), 1, 1, channels)).astype(np.float32)

    radius, turn = uniform(9, 14)[..., 0], uniform(-np.pi / 8, np.pi / 8)[..., 0]
    middle = (SIZE - 1) / 2
    reach = middle - 0.8 * radius  # a shape's corners may leave the picture a little
    row, column = (middle + reach * uniform(-1, 1)[..., 0] for _ in range(2))
    down, right = np.mgrid[:SIZE, :SIZE].astype(np.float32)[:, None] - np.stack([row, column])
    u = (right * np.cos(turn) + down * np.sin(turn)) / radius
    v = (down * np.cos(turn) - right * np.sin(turn)) / radius

    cover = np.empty_like(u)
    for index, shape in enumerate(SHAPES):
        chosen = labels == index
        cover[chosen] = shape(u[chosen], v[chosen])
    # distance in pixels: an edge is one pixel wide
    cover = np.clip(cover * radius + 0.5, 0, 1)[..., None]

    background = uniform(0, 255, 3)
    colour = (
        background + uniform(80, 176, 3)
    ) % 256  # differs by at least 80 levels in every channel
    # the background gets lighter in some direction
    shade = uniform(-40, 40, 3) * (v * radius / SIZE)[..., None]
    image = background + shade + cover * (colour - background - shade)
    image += NOISE * rng.standard_normal(image.shape, np.float32)
    return np.clip(image, 0, 255, out=image)
