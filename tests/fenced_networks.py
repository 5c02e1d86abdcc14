"""Drawn networks inside an electric fence (fence.py).

    python tests/fenced_networks.py 0 10
        networks 0 to 9, drawn; prints the number of each, and at last a count as JSON
    python tests/fenced_networks.py 0 1 short=x
        with an array that is one number short: this must die of SIGSEGV

tests/test_fence.py runs some networks, tests/check_fence.py thousands.
"""

import json
import sys
import warnings
from collections import Counter
from unittest.mock import patch

import numpy as np
from fence import Fence, fenced

from minicnn import Input, Model, Sequential, layers, optimizers
from minicnn.engine.conv import buffers

ACTIVATIONS = (
    layers.ReLU,
    lambda: layers.ReLU(6.0),
    lambda: layers.LeakyReLU(0.25),
    lambda: layers.Activation("sigmoid"),
    lambda: layers.Activation("silu"),
    lambda: layers.Activation("hard_sigmoid"),
    lambda: layers.Activation("hard_silu"),
    layers.GELU,
    lambda: layers.GELU(approximate=True),
)


def drawn(rng, winograd):
    """Layers of every kind that the engine runs, and some others, in an order that people write."""

    def integers(most, least=1):
        return int(rng.integers(least, most + 1))

    def chance(share):
        return bool(rng.random() < share)

    def conv():
        window = {"kernel_size": (integers(5), integers(5)), "strides": (integers(3), integers(3))}
        if chance(0.3):
            window |= {"strides": 1, "dilation_rate": (integers(3), integers(3))}
        filters = rng.choice([1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 32, 33, 40, 64])
        if winograd:
            window, filters = {"kernel_size": 3}, rng.choice([16, 32, 48, 64, 80])
        options = window | {
            "padding": str(rng.choice(["same", "valid"])),
            "activation": rng.choice([None, None, "relu", "leaky_relu", "relu6", "silu"]),
            "use_bias": chance(0.7),
            "trainable": chance(0.9),
        }
        kind = rng.random()
        if kind < 0.2:
            return layers.DepthwiseConv2D(**options)
        if kind < 0.3:
            return layers.SeparableConv2D(int(filters), **options)
        if kind < 0.4:  # where the channels cannot be cut so, another network is drawn
            groups = integers(8, 2)
            return layers.Conv2D(groups * integers(20), **options, groups=groups)
        return layers.Conv2D(int(filters), **options)

    def activation():
        return ACTIVATIONS[integers(len(ACTIVATIONS)) - 1]()

    stack = [layers.Rescaling(1 / 255)] if chance(0.3) else []
    for _ in range(integers(3)):
        if chance(0.2):
            stack.append(layers.ZeroPadding2D(((integers(3, 0), integers(3, 0)), integers(2, 0))))
        if chance(0.8):
            stack.append(conv())
        if chance(0.1):  # in groups that lie within a register
            channels, depth = int(rng.choice([16, 24, 32, 40])), int(rng.choice([2, 4, 8]))
            stack.append(layers.Conv2D(channels, 1))
            stack.append(
                layers.Conv2D(
                    channels,
                    (integers(3), integers(4)),
                    strides=(integers(2), integers(3)),
                    padding="same",
                    groups=channels // depth,
                )
            )
        if chance(0.3):
            stack.append(activation())
        if chance(0.1):  # pooling before the normalisation
            stack.append(layers.MaxPooling2D((integers(3), integers(3))))
        if chance(0.6):
            stack.append(
                layers.BatchNormalization(
                    scale=chance(0.8), center=chance(0.8), trainable=chance(0.9)
                )
            )
            if chance(0.4):
                stack.append(activation())
        pool = integers(20)
        padding = str(rng.choice(["same", "valid"]))
        if pool <= 8:
            stack.append(layers.MaxPooling2D((integers(3), integers(3))))
        elif pool <= 10:
            stack.append(layers.MaxPooling2D(integers(3), strides=integers(3), padding=padding))
        elif pool <= 12:
            stack.append(layers.AveragePooling2D(integers(5), strides=integers(3), padding=padding))
        elif pool <= 13:
            stack.append(layers.ZeroPadding2D(integers(2, 0)))
        if chance(0.1):
            stack.append(layers.Dropout(0.3))
    last = [layers.Flatten(), layers.GlobalMaxPooling2D(), layers.GlobalAveragePooling2D()]
    stack.append(last[max(integers(10) - 8, 0)])
    if chance(0.5):
        stack.append(
            layers.Dense(integers(69), activation=rng.choice([None, "relu"]), use_bias=chance(0.8))
        )
    return [*stack, layers.Dense(integers(40, 2), activation="softmax")]


def branched(rng, shape, stack):
    """The first and the last tensor of a network of these layers, some of which have a branch
    beside them, or are one that more than one reads.
    """
    inputs = x = Input(shape)
    for layer in stack:
        before, x = x, layer(x)
        if len(x.shape) != 4 or rng.random() < 0.5:
            continue
        C = x.shape[-1]
        kind = rng.choice(["Add", "Add", "Add", "Multiply", "Concatenate", "Average"])
        other = x
        if before.shape == x.shape and rng.random() < 0.5:
            other = before
        elif rng.random() < 0.8:
            filters = int(rng.integers(1, 40)) if kind == "Concatenate" else C
            other = layers.Conv2D(filters, 1)(x)
            if rng.random() < 0.3:
                other = layers.BatchNormalization()(other)
        elif kind == "Multiply" and rng.random() < 0.8:
            other = layers.Reshape((1, 1, C))(layers.GlobalAveragePooling2D()(x))
        both = [x, other] if rng.random() < 0.5 else [other, x]
        x = getattr(layers, kind)()(both + [x] * int(rng.random() < 0.3))
        if rng.random() < 0.6:
            x = ACTIVATIONS[rng.integers(len(ACTIVATIONS))]()(x)
    return inputs, x


def try_network(number, short=None, attempt=0):
    """Train, predict and differentiate the network of that number, on both engines: what became of
    it.
    """
    rng = np.random.default_rng((23, number, attempt))
    fence = Fence(at_end=number % 4 != 3, short=short)
    winograd = bool(rng.random() < 0.4) or short == "scratch"
    dtype = "float32" if rng.random() < 0.8 else "float64"
    channels = int(rng.choice([16, 32, 48, 64] if winograd else [1, 2, 3, 4, 7, 8, 16, 17, 33]))
    H, W = (int(n) for n in rng.integers(1, 20 if rng.random() < 0.95 else 48, 2))
    N = int(rng.choice([1, 1, 2, 3, 5, 7, 8, 9, 16, 17, 33]))
    stack = drawn(rng, winograd)
    if short:
        H, W, stack = (
            8,
            8,
            [layers.Conv2D(16, 3), layers.BatchNormalization(), layers.Flatten(), layers.Dense(3)],
        )
    # every other network's outputs go past the cache, as far as they are whole lines of it
    outgrown = 0 if number % 4 < 2 else buffers.OUTGROWN
    with fenced(fence), patch.object(buffers, "OUTGROWN", outgrown):
        try:
            shape = (H, W, channels)
            if short or number % 2:
                model = Sequential([Input(shape), *stack], seed=number, dtype=dtype)
            else:
                model = Model(*branched(rng, shape, stack), seed=number, dtype=dtype)
        except ValueError:  # a window larger than its picture
            return try_network(number, short, attempt + 1)
        model.compile(
            optimizers.Adam() if rng.random() < 0.7 else optimizers.SGD(1e-3),
            "sparse_categorical_crossentropy",
        )
        model.loss.from_logits = bool(short)
        shorten(model, fence, short)
        for n in (N, max(1, N - 1), N):
            model.engine = "fast" if n == N or number % 4 else "reference"
            x = rng.standard_normal((n, H, W, channels)).astype(dtype)
            if isinstance(stack[0], layers.Rescaling) and rng.random() < 0.5:
                x = rng.integers(0, 256, x.shape).astype(np.uint8)
            x = fence.like(x, missing=int(short == "x"))
            model.train_step(x, rng.integers(0, model.output_shape[-1], n))
            y = [model.forward(x) for _ in range(3)][-1]  # the last two by a frozen program
            dy = fence.like(
                rng.standard_normal(model.forward(x, training=True).shape).astype(dtype)
            )
            dx = model.backward(dy)
            if not (np.isfinite(y).all() and np.isfinite(dx).all()):
                if overflows(model, x, dy):  # as drawn, and no number can tell more of it
                    return "held"
                return f"network {number} is not finite"
    return "held"


def overflows(model, x, dy):
    """Whether the readable layers come to no finite numbers either."""
    model.engine = "reference"
    y = model.forward(x, training=True)
    return not (np.isfinite(y).all() and np.isfinite(model.backward(dy)).all())


def shorten(model, fence, short):
    """Put an array whose last number is in the guard page in the place of one of the model's."""
    norm = model.layers[1]
    if short == "gamma":
        dict.__setitem__(norm.params, "gamma", fence.like(norm.params["gamma"], missing=1))
    if short == "grads":
        dict.__setitem__(
            model.layers[0].grads, "kernel", fence.like(model.layers[0].grads["kernel"], missing=1)
        )


def main(first, last, short=None):
    warnings.simplefilter("ignore")
    seen = Counter()
    for number in range(first, last):
        print(number, flush=True)
        seen[try_network(number, short)] += 1
    print(json.dumps(seen))


if __name__ == "__main__":
    main(
        int(sys.argv[1]), int(sys.argv[2]), *(word.removeprefix("short=") for word in sys.argv[3:])
    )
