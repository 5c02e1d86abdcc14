"""The networks that `minicnn train` can train, for pictures of any size from 0 to 255."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from minicnn.cli.choices import DOCUMENTED
from minicnn.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Input,
    Layer,
    MaxPooling2D,
    Rescaling,
)
from minicnn.models.sequential import Sequential

Size = tuple[int, int]
LEAST = 8  # pixels of the shorter side
SMALL_ENOUGH = 4  # a picture of no more cells a side goes to the dense layers


def pooled(size: Size, filters: Sequence[int]) -> list[Layer]:
    """Convolution, normalisation and pooling, once per number of filters; again with the last one
    for large pictures.

    A stage halves a side: n cells become (n - 2) // 2. Stages are left out where no cell would
    remain.
    """
    found: list[Layer] = []
    (height, width), stage = size, 0
    while min(height, width) >= 4 and (stage < len(filters) or max(height, width) > SMALL_ENOUGH):
        found += [
            Conv2D(filters[min(stage, len(filters) - 1)], 3, activation="relu"),
            BatchNormalization(warmup=True),
            MaxPooling2D(),
        ]
        height, width, stage = (height - 2) // 2, (width - 2) // 2, stage + 1
    return found


def documented(size: Size, dropout: float) -> list[Layer]:
    """Three convolutions, with 32, 64 and 128 filters, and two dense layers."""
    return [
        *pooled(size, (32, 64, 128)),
        Flatten(),
        Dense(128, activation="relu"),
        Dropout(dropout),
    ]


def small(size: Size, dropout: float) -> list[Layer]:
    """The same with half as many filters: faster, and enough for easy pictures."""
    return [*pooled(size, (16, 32, 64)), Flatten(), Dense(64, activation="relu"), Dropout(dropout)]


def large(size: Size, dropout: float) -> list[Layer]:
    """Pairs of convolutions, with 32, 64 and 128 filters, as in VGG: slower and better."""
    found: list[Layer] = []
    for filters in stages(size):
        found += [*convolution(filters), *convolution(filters), MaxPooling2D()]
    return [*found, GlobalAveragePooling2D(), Dense(128, activation="relu"), Dropout(dropout)]


def convolutional(size: Size, dropout: float) -> list[Layer]:
    """Convolutions only, every other one with strides of 2 in place of pooling."""
    found: list[Layer] = []
    for filters in stages(size):
        found += [*convolution(filters), *convolution(filters, strides=2)]
    return [*found, GlobalAveragePooling2D(), Dropout(dropout)]


def stages(size: Size) -> Iterator[int]:
    """The filters of each stage that halves a picture: three stages, and more until it is small
    enough.
    """
    side, stage = max(size), 0
    while stage < 3 or side > SMALL_ENOUGH:
        yield (32, 64, 128)[min(stage, 2)]
        side, stage = -(-side // 2), stage + 1


def convolution(filters: int, strides: int = 1) -> list[Layer]:
    """A convolution that keeps the size, or with strides of 2 halves it, and normalisation."""
    return [
        Conv2D(filters, 3, strides, padding="same", activation="relu"),
        BatchNormalization(warmup=True),
    ]


BUILDERS: dict[str, Callable[[Size, float], list[Layer]]] = {
    function.__name__: function for function in (documented, small, large, convolutional)
}


def network(
    class_names: Sequence[str] | None = None,
    augmentation: Iterable[Layer] = (),
    seed: int = 0,
    *,
    name: str = DOCUMENTED,
    size: Size = (32, 32),
    dropout: float = 0.5,
) -> Sequential:
    """A network for pictures (H, W) = size from 0 to 255, by its name.

    Raises ValueError for pictures of fewer than 8 pixels a side.
    """
    if min(size) < LEAST:
        raise ValueError(
            f"the {name} network expected pictures of {LEAST}x{LEAST} pixels or more, received "
            f"{size[0]}x{size[1]}: choose another --image-size"
        )
    classes = 10 if class_names is None else len(class_names)
    return Sequential(
        [
            Input((*size, 3)),
            *augmentation,
            Rescaling(1 / 255),
            *BUILDERS[name](size, dropout),
            Dense(classes, activation="softmax"),
        ],
        name=f"{name}_cnn",
        class_names=class_names,
        seed=seed,
    )
