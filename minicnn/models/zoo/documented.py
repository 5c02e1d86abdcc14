"""The network of README and the examples, and one with half as many filters."""

from collections.abc import Sequence
from typing import Unpack

from minicnn.expect import count
from minicnn.layers import Dense, Dropout, Flatten, MaxPooling2D
from minicnn.layers.node import Node
from minicnn.models.model import Model
from minicnn.models.zoo.blocks import activated
from minicnn.models.zoo.frame import Frame, framed
from minicnn.names import known_arguments

SMALL_ENOUGH = 4  # a picture of no more cells a side goes to the dense layers


@known_arguments
def DocumentedCNN(dropout: float = 0.5, filters: int = 32, **frame: Unpack[Frame]) -> Model:
    """Convolution, ReLU, normalisation and pooling, three times, with 32, 64 and 128 filters; then
    two dense layers: 161,098 numbers for 32x32 pictures and ten classes.

        32x32x3 -> 30x30x32 -> 15x15x32 -> 13x13x64 -> 6x6x64 -> 4x4x128 -> 2x2x128 -> 128 -> 10

    Smaller pictures go through fewer stages, larger ones through more.

    Args:
        dropout: between the dense layers.
        filters: of the first convolution; the others have twice and four times as many, and the
            first dense layer has as many units as the last.
        others: as in ResNet20.

    >>> applications.DocumentedCNN()
    <Sequential 'documented_cnn': 13 layers, 161,098 parameters>
    """
    return _dense(frame, "DocumentedCNN", "documented_cnn", filters, dropout)


@known_arguments
def SmallCNN(dropout: float = 0.5, **frame: Unpack[Frame]) -> Model:
    """DocumentedCNN with half as many filters: faster, and enough for easy pictures.

    Args:
        dropout: between the dense layers.
        others: as in ResNet20.

    >>> applications.SmallCNN(classes=3).output_shape
    (None, 3)
    """
    return _dense(frame, "SmallCNN", "small_cnn", 16, dropout)


def _dense(frame: Frame, who: str, name: str, filters: int, dropout: float) -> Model:
    first = count(filters, "filters", who)
    *_, units = stages = (first, 2 * first, 4 * first)

    def top(x: Node, classes: int, activation: str | None) -> Node:
        x = Dense(units, activation="relu")(Flatten()(x))
        return Dense(classes, activation=activation)(Dropout(dropout)(x))

    return framed(lambda x: pooled(x, stages), who, frame, name=name, top=top)


def pooled(x: Node, filters: Sequence[int]) -> Node:
    """Convolution, ReLU, normalisation and pooling, once per number of filters; again with the last
    one for large pictures.

    A stage halves a side: n cells become (n - 2) // 2. Stages are left out where no cell would
    remain.
    """
    stage = 0
    while min(size := x.sample_shape[:2]) >= 4 and (
        stage < len(filters) or max(size) > SMALL_ENOUGH
    ):
        x = activated(x, filters[min(stage, len(filters) - 1)], padding="valid")
        x, stage = MaxPooling2D()(x), stage + 1
    return x
