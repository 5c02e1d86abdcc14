"""One layer for a tensor of a drawn network: which one, with which arguments, and the shape of what
it gives.

Only `Generator.random` is used: the same layers on every machine. Arguments are numbers that
float32 holds exactly, for TensorFlow rounds some of them (the slope of LeakyReLU) to that.
"""

from typing import Any

import numpy as np

Shape = tuple[int, ...]
Drawn = tuple[str, dict[str, Any], Shape]  # class, arguments, outcome
ACTIVATIONS = (
    ("ReLU", {}),
    ("ReLU", {"max_value": 6.0}),
    ("LeakyReLU", {"negative_slope": 0.25}),
    *[("Activation", {"activation": name}) for name in ("relu", "sigmoid", "silu", "tanh", "elu")],
    *[("Activation", {"activation": name}) for name in ("hard_sigmoid", "hard_silu", "gelu")],
)


class Choices:
    """What is drawn from a generator."""

    def __init__(self, rng: np.random.Generator):
        self.rng = rng

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def integer(self, least: int, most: int) -> int:
        return least + int(self.rng.random() * (most + 1 - least))

    def pick(self, options: Any) -> Any:
        options = list(options)
        return options[self.integer(0, len(options) - 1)]

    def shuffled(self, values: list[int]) -> list[int]:
        return [values[n] for n in self.rng.random(len(values)).argsort()]


class Layers(Choices):
    """Draws layers.

    Attributes:
        wider: whether more kinds of layers are drawn, and channels that fill registers.
    """

    def __init__(self, rng: np.random.Generator, wider: bool):
        super().__init__(rng)
        self.wider = wider

    def layer(self, shape: Shape) -> Drawn:
        """A layer for one tensor of that shape."""
        if len(shape) == 1:
            units = self.integer(2, 5)
            activation = self.pick([None, None, "relu", "softmax"])
            return self.pick([
                (
                    "Dense",
                    {"units": units, "activation": activation, "use_bias": self.chance(0.7)},
                    (units,),
                ),
                ("Dense", {"units": shape[0]}, shape),
                ("ReLU", {}, shape),
                ("Softmax", {}, shape)
                if shape[0] > 1
                else ("LeakyReLU", {"negative_slope": 0.25}, shape),
            ])  # fmt: skip
        H, W, C = shape
        if self.wider and self.chance(0.25):
            return self.other_layer(shape)
        drawn = self.integer(0, 11)
        if drawn <= 4:
            return self.convolution(shape)
        if drawn == 5 and H * W >= 6:
            arguments = {"momentum": 0.75, "scale": self.chance(0.8)} | self.normalized()
            return "BatchNormalization", arguments, shape
        if drawn in (6, 7):
            kind, arguments = self.pick([
                ("ReLU", {}), ("Activation", {"activation": "relu"}),
                ("LeakyReLU", {"negative_slope": 0.25}),
                ("ReLU", {"max_value": 1.5}),
            ])  # fmt: skip
            return kind, arguments, shape
        if drawn in (8, 9) and min(H, W) > 1:
            kind, size = self.pick(["MaxPooling2D", "AveragePooling2D"]), self.pick([2, 2, 3])
            strides, padding = self.pick([1, 2]), self.pick(["valid", "same"])
            if padding == "same" or min(H, W) >= size:
                arguments = {"pool_size": size, "strides": strides, "padding": padding}
                return kind, arguments, (*self.slid((H, W), size, strides, padding), C)
        if drawn == 10 and max(H, W) < 8:
            return "ZeroPadding2D", {"padding": ((0, 1), (1, 0))}, (H + 1, W + 1, C)
        if H * W * C <= 48:
            return "Flatten", {}, (H * W * C,)
        return self.pick(["GlobalAveragePooling2D", "GlobalMaxPooling2D"]), {}, (C,)

    def normalized(self) -> dict[str, float]:
        """Further arguments of a normalisation: where more channels are drawn, more of them are
        almost constant, and float32 has few digits of what is divided by almost nothing.
        """
        return {"epsilon": 0.125} if self.wider else {}

    def other_layer(self, shape: Shape) -> Drawn:
        """One of those that only the wider graphs have."""
        arguments = {"kernel_size": self.pick([1, 3]), "padding": "same"}
        arguments |= {"use_bias": self.chance(0.6), "activation": self.pick([None, "relu", "silu"])}
        drawn = self.integer(0, 5)
        if drawn == 0:
            return "DepthwiseConv2D", arguments, shape
        if drawn == 1:
            return "SeparableConv2D", {"filters": shape[2]} | arguments, shape
        if drawn == 2 and shape[2] % 2 == 0:
            return "Conv2D", {"filters": shape[2], "groups": 2} | arguments, shape
        return *self.pick(ACTIVATIONS), shape

    def convolution(self, shape: Shape) -> Drawn:
        H, W, _ = shape
        filters = self.integer(2, 4)
        if self.wider and self.chance(0.5):
            filters = shape[2]
        size, padding = self.pick([1, 3, 3, 2]), self.pick(["same", "same", "valid"])
        strides = self.pick([1, 1, 2])
        if min(H, W) < size:
            padding = "same"
        activation = self.pick([None, None, "relu"])
        arguments = {
            "filters": filters,
            "kernel_size": size,
            "strides": strides,
            "padding": padding,
        }
        arguments |= {"activation": activation, "use_bias": self.chance(0.6)}
        return "Conv2D", arguments, (*self.slid((H, W), size, strides, padding), filters)

    @staticmethod
    def slid(picture: Shape, size: int, strides: int, padding: str) -> Shape:
        """Rows and columns of what a window makes."""
        return tuple(
            -(-n // strides) if padding == "same" else (n - size) // strides + 1 for n in picture
        )
