"""ImageDataGenerator: pictures that are changed at random as they are handed out, in the words of
older Keras.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from minicnn.errors import did_you_mean
from minicnn.expect import array, count, flag, is_word_of, number
from minicnn.kernels.resample import CONSTANT, NEAREST, REFLECT, WRAP, resample
from minicnn.layers.augmentation.draws import uniform
from minicnn.layers.normalization import Normalization
from minicnn.names import KerasNames, known_arguments
from minicnn.preprocessing.affine import affine
from minicnn.preprocessing.directory_flow import flow_from_directory
from minicnn.preprocessing.flow import Flow
from minicnn.preprocessing.ranges import Limit, between, factors, shift, shift_limit
from minicnn.seeds import seed_of
from minicnn.types import Array

FILL_MODES = {"constant": CONSTANT, "nearest": NEAREST, "reflect": REFLECT, "wrap": WRAP}
# each change has its own random numbers, whatever else is switched on
DRAWS = np.arange(11, dtype=np.uint64)[:, None]
EPSILON = np.float32(1e-6)  # added to a standard deviation, as in Keras


class ImageDataGenerator(KerasNames):
    """Hands out batches of pictures changed at random: `model.fit(ImageDataGenerator(...).flow(x,
    y))`.

    For code that uses Keras' class of this name. New models rather begin with layers.RandomFlip and
    its like, which are saved with the model. All that moves pixels is one bilinear interpolation
    per picture (affine.py). What is drawn for a picture depends on the flow's seed, the epoch and
    the picture's number in x alone.

    Args:
        rotation_range: degrees; the angle is drawn between -rotation_range and rotation_range.
        width_shift_range, height_shift_range: the farthest shift, a share of the size below 1, else
            pixels. An integer n shifts by whole pixels, fewer than n; a list by one of its entries,
            to either side.
        shear_range: degrees, drawn as the rotation is.
        zoom_range: z for factors between 1 - z and 1 + z, or (least, greatest), drawn for columns
            and for rows. A factor above 1 makes smaller.
        brightness_range: (least, greatest) factor; the result ends at 255, or at 1 when x does.
        fill_mode: what lies beyond the edge: "nearest", "reflect", "wrap", or "constant", which is
            cval.
        horizontal_flip, vertical_flip: whether each picture is flipped with probability 1/2.
        rescale: a factor on the result.
        featurewise_center, featurewise_std_normalization: subtract each channel's mean, and divide
            by its standard deviation too; both as fit(x) has found them.
        validation_split: the share of the samples, the first ones as in Keras, that is the subset
            "validation".
        others: for code that spells them out; only the value that switches them off.

    Raises ValueError for arguments that are not supported or cannot be meant.
    Source: keras.src.legacy.preprocessing.image of Keras 3. There, height_shift_range moves
    pictures sideways and width_shift_range up and down; here each does what it is called.
    """

    mean: Any  # (C,), measured by fit
    std: Any

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,  # noqa: ARG002  it says nothing without zca_whitening
        rotation_range: float = 0,
        width_shift_range: Limit = 0.0,
        height_shift_range: Limit = 0.0,
        brightness_range: Sequence[float] | None = None,
        shear_range: float = 0.0,
        zoom_range: Limit = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: None = None,
        data_format: str | None = None,
        validation_split: float = 0.0,
    ):
        unsupported = {
            "samplewise_center": samplewise_center,
            "samplewise_std_normalization": samplewise_std_normalization,
            "zca_whitening": zca_whitening,
            "channel_shift_range": channel_shift_range,
            "preprocessing_function": preprocessing_function,
            "data_format": None if data_format == "channels_last" else data_format,
        }
        for name, value in unsupported.items():
            if value:
                raise ValueError(
                    f"ImageDataGenerator does not support {name}={value!r}: leave it out, prepare "
                    "x before flow(x)"
                )
        if not is_word_of(fill_mode, FILL_MODES):
            raise ValueError(
                "ImageDataGenerator has no fill_mode "
                f"{fill_mode!r}.{did_you_mean(str(fill_mode), FILL_MODES)}"
            )
        who = type(self).__name__
        if not 0 <= number(validation_split, "validation_split", who) < 1:
            raise ValueError(
                f"{who} expected 0 <= validation_split < 1, received {validation_split!r}"
            )
        if rescale is not None:
            number(rescale, "rescale", who)
        around_one = (
            (1 - zoom_range, 1 + zoom_range) if isinstance(zoom_range, int | float) else zoom_range
        )
        self.rotation_range = number(rotation_range, "rotation_range", who)
        self.width_shift_range = shift_limit(width_shift_range, "width_shift_range")
        self.height_shift_range = shift_limit(height_shift_range, "height_shift_range")
        self.brightness_range = (
            None if brightness_range is None else factors(brightness_range, "brightness_range", 0)
        )
        self.shear_range = number(shear_range, "shear_range", who)
        self.zoom_range = factors(around_one, "zoom_range", np.finfo(float).tiny)
        self.fill_mode = fill_mode
        self.cval = number(cval, "cval", who)
        self.horizontal_flip = horizontal_flip
        self.vertical_flip = vertical_flip
        self.rescale = rescale
        self.featurewise_center = featurewise_center or featurewise_std_normalization
        self.featurewise_std_normalization = featurewise_std_normalization
        self.validation_split = validation_split
        self.mean, self.std = None, None

    @known_arguments
    def fit(self, x: Array) -> None:
        """Measure the mean and the standard deviation of each channel of pictures (n, H, W, C),
        after rescale.
        """
        measured: Any = Normalization().adapt(x)
        scale = self.rescale or 1
        self.mean = np.multiply(measured.mean, scale, dtype=np.float32)
        self.std = np.multiply(np.sqrt(measured.variance), abs(scale), dtype=np.float32)

    @known_arguments
    def flow(
        self,
        x: Array,
        y: Array | None = None,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: Array | None = None,
        seed: int | None = None,
        *,
        subset: str | None = None,
    ) -> Flow:
        """Batches of changed pictures (N, H, W, C), float32, with their labels; of pictures alone
        when y is None.

        Args:
            x, y: pictures (n, H, W, C) and labels (n, ...).
            shuffle: draw a new order for every epoch.
            sample_weight: (n,), the third part of every batch.
            seed: for order and changes; None draws one.
            subset: "training" or "validation", the two parts that validation_split makes.

        Raises ValueError for x and y that do not fit each other or the generator.
        """
        x = array(x, "x", "flow")
        given = {"y": y, "sample_weight": sample_weight}
        labels = {
            name: array(part, name, "flow") for name, part in given.items() if part is not None
        }
        if x.ndim != 4 or len(x) == 0:
            raise ValueError(f"flow expected pictures (n, H, W, C), received x of shape {x.shape}")
        if y is None and labels:
            raise ValueError("flow expected labels y beside sample_weight, received None")
        for name, part in labels.items():
            if len(part) != len(x):
                raise ValueError(
                    f"flow expected as many samples in {name} as in x, {len(x)}, received "
                    f"{len(part)}"
                )
        self.check_measured("flow")
        if self.brightness_range is not None and x.min() < 0:
            raise ValueError(
                f"brightness_range expected levels 0 ... 255 or 0 ... 1, received {x.min():.4g} "
                "among them"
            )
        if subset is not None:
            chosen = self._part(len(x), subset)
            x, labels = x[chosen], {name: part[chosen] for name, part in labels.items()}
        size, shuffle = count(batch_size, "batch_size", "flow"), flag(shuffle, "shuffle", "flow")
        return Flow(self, x, list(labels.values()), size, shuffle, seed_of(seed, "flow"))

    flow_from_directory = flow_from_directory

    def check_measured(self, owner: str) -> None:
        """Raise ValueError where the mean is to be subtracted that fit has not measured yet."""
        if self.featurewise_center and self.mean is None:
            raise ValueError(
                f"{owner} with featurewise_center expected that fit(x) has measured the mean: call "
                "it first"
            )

    def _part(self, n: int, subset: str) -> slice:
        at = int(n * self.validation_split)
        if not is_word_of(subset, ("training", "validation")) or at == 0:
            raise ValueError(
                "flow expected subset 'training' or 'validation' and a validation_split that "
                f"leaves samples to both, received {subset!r} of {n} samples and "
                f"validation_split={self.validation_split}"
            )
        return slice(at, None) if subset == "training" else slice(at)

    def parameters(self, size: tuple[int, int], seeds: Array) -> dict[str, Array]:
        """What is drawn for pictures (H, W) of these seeds (N,), by Keras' names (see `affine`):
        arrays (N,).
        """
        u = uniform(seeds, DRAWS)  # (11, N)
        darkest, brightest = self.brightness_range or (1.0, 1.0)
        return {
            "theta": between(-self.rotation_range, self.rotation_range, u[0]),
            "shear": between(-self.shear_range, self.shear_range, u[1]),
            "tx": shift(self.width_shift_range, size[1], u[2], u[3]),
            "ty": shift(self.height_shift_range, size[0], u[4], u[5]),
            "zx": between(*self.zoom_range, u[6]),
            "zy": between(*self.zoom_range, u[7]),
            "flip_horizontal": self.horizontal_flip & (u[8] < 0.5),
            "flip_vertical": self.vertical_flip & (u[9] < 0.5),
            "brightness": between(darkest, brightest, u[10]),
        }

    def changed(self, x: Array, parameters: dict[str, Array], top: float) -> Array:
        """Pictures (N, H, W, C) changed as the parameters (N,) say, float32; levels end at top."""
        _, H, W, _ = x.shape
        moves = {name: value for name, value in parameters.items() if name != "brightness"}
        y = np.empty(x.shape, np.float32)
        resample(
            x, affine((H, W), **moves), FILL_MODES[self.fill_mode], np.float32(self.cval), True, y
        )
        if self.brightness_range is not None:
            y *= parameters["brightness"].astype(np.float32)[:, None, None, None]
        np.minimum(y, np.float32(top), out=y)  # without brightness too: interpolation rounds
        if self.rescale:
            y *= np.float32(self.rescale)
        if self.featurewise_center:
            y -= self.mean
        if self.featurewise_std_normalization:
            y /= self.std + EPSILON
        return y
