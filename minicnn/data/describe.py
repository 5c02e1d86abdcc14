"""Look at a data set before training on it: how many pictures of each class, and what their numbers
are like.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minicnn.expect import array
from minicnn.labels import class_of
from minicnn.names import known_arguments
from minicnn.wording import counted, percent

BLOCK = 1000  # pictures that are converted to float64 at a time
BAR = 24  # characters of the largest class's bar


@dataclass(frozen=True)
class Description:
    """What `describe` has found."""

    shape: list[int]  # n, H, W, C
    dtype: str
    low: float  # the smallest number in x
    high: float
    class_names: list[str]
    counts: list[int]  # pictures of each class
    mean: list[float]  # of each channel, over all pixels of all pictures
    std: list[float]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)

    def to_text(self) -> str:
        """Two tables: classes with a bar for each, and channels."""
        n, height, width, channels = self.shape
        lines = [
            f"{counted(n, 'picture')} of {height} x {width} x {channels}, {self.dtype} from "
            f"{self.low:g} to "
            f"{self.high:g}, in {counted(len(self.counts), 'class')}",
            "",
        ]
        name_width = max(map(len, ["channel", *self.class_names]))
        lines.append(f"{'class':<{name_width}}  {'pictures':>8}  {'share':>7}")
        for name, count in zip(self.class_names, self.counts, strict=True):
            bar = "#" * round(BAR * count / max(self.counts))
            lines.append(
                f"{name:<{name_width}}  {count:>8}  {percent(count / n):>7}  {bar}".rstrip()
            )
        lines += ["", f"{'channel':<{name_width}}  {'mean':>8}  {'std':>7}"]
        channel_names = ["red", "green", "blue"] if channels == 3 else map(str, range(channels))
        for name, mean, std in zip(channel_names, self.mean, self.std, strict=True):
            lines.append(f"{name:<{name_width}}  {mean:>#8.4g}  {std:>#7.4g}")
        return "\n".join(lines)


@known_arguments
def describe(x: ArrayLike, y: ArrayLike, class_names: Sequence[str] | None = None) -> Description:
    """Count the pictures of each class, and measure mean and standard deviation of each channel.

        mean_c = (1/m) sum x_c,   std_c = sqrt((1/m) sum (x_c - mean_c)^2)

    over all m pixels of all pictures.

    Args:
        x: pictures (n, H, W, C) or (n, H, W).
        y: integer labels (n,) or (n, 1), or one-hot labels (n, K).
        class_names: K names; by default the numbers 0 ... K - 1 of the classes up to the largest
            label.

    Raises ValueError for x and y that do not fit each other, for labels that are no classes, and
    for numbers in x that are not finite.

    >>> x, y = np.zeros((3, 8, 8, 1), np.uint8), [0, 1, 1]
    >>> data.describe(x, y, ["cat", "dog"]).counts
    [1, 2]
    """
    pictures, labels = checked("describe", x, y)
    if pictures.ndim == 3:
        pictures = pictures[..., None]
    if pictures.ndim != 4 or pictures.size == 0:
        raise ValueError(
            f"describe expected pictures (n, H, W, C) or (n, H, W), received {np.shape(x)}"
        )
    names = [str(k) for k in range(labels.max() + 1)] if class_names is None else list(class_names)
    if labels.max() >= len(names):
        raise ValueError(
            f"describe expected labels from 0 to {len(names) - 1}, one for each class name, "
            f"received {labels.max()}"
        )
    low, high = float(pictures.min()), float(pictures.max())
    if not np.isfinite([low, high]).all():
        raise ValueError(f"describe expected finite numbers in x, received {low} to {high}")
    pixels = pictures.size / pictures.shape[-1]
    mean = sum(_per_channel(block) for block in _blocks(pictures)) / pixels
    variance = sum(_per_channel(np.square(block - mean)) for block in _blocks(pictures)) / pixels
    return Description(
        shape=list(pictures.shape),
        dtype=pictures.dtype.name,
        low=low,
        high=high,
        class_names=names,
        counts=np.bincount(labels, minlength=len(names)).tolist(),
        mean=mean.tolist(),
        std=np.sqrt(variance).tolist(),
    )


def checked(who: str, x: ArrayLike, y: ArrayLike) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """x as an array, and the class of each sample (n,).

    Raises ValueError when they do not fit each other.
    """
    samples, labels = array(x, "x", who), array(y, "y", who)
    if len(samples) != len(labels) or len(samples) == 0:
        raise ValueError(
            f"{who} expected as many samples as labels, and at least one, received {len(samples)} "
            f"and {len(labels)}"
        )
    if labels.ndim not in (1, 2):
        raise ValueError(
            f"{who} expected labels (n,), (n, 1) or one-hot (n, K), received shape {labels.shape}"
        )
    classes = class_of(labels, who)
    if labels.size == len(labels) and (
        classes.min() < 0 or not np.array_equal(classes, labels.reshape(-1))
    ):
        raise ValueError(
            f"{who} expected integer labels from 0, received {labels.min()} to {labels.max()} in "
            "them"
        )
    return samples, classes


def _blocks(pictures: NDArray[Any]) -> Iterator[NDArray[np.float64]]:
    return (
        pictures[start : start + BLOCK].astype(np.float64)
        for start in range(0, len(pictures), BLOCK)
    )


def _per_channel(block: NDArray[np.float64]) -> NDArray[np.float64]:
    return block.sum(axis=0).sum(axis=(0, 1))  # over pictures first: long rows are fast
