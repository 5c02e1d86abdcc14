"""An electric fence: every array that the engine touches ends, or begins, at a page of memory that
nobody may touch.

    python tests/fence.py 0 10           networks 0 to 9, drawn; prints the number of each, and at
                                         last a count as JSON
    python tests/fence.py 0 1 short=x    with an array that is one number short: this must die of
                                         SIGSEGV

Fenced are inputs, gradients of outputs, params, grads, state, what optimizers remember, every
buffer of the engine and of the layers, the records, and every single buffer in the workspace. One
byte read or written beside them ends the process. tests/test_fence.py runs some networks,
tests/check_fence.py thousands.
"""

import ctypes
import json
import mmap
import sys
import types
import warnings
from collections import Counter
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np

from minicnn import Input, Model, Sequential, layers, optimizers
from minicnn.engine.alone import step as alone
from minicnn.engine.conv import buffers, layout, ways
from minicnn.engine.pooling import step as pooling
from minicnn.layers import arrays
from minicnn.machine.workspace import LINE

PAGE = mmap.PAGESIZE
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
POSSIBLE = hasattr(mmap, "PROT_READ")  # not on Windows
# what may be made a number short, to see that the fence is there
SHORT = (
    "x",
    "gamma",
    "grads",
    "scratch",
)
INSIDE = {"minicnn.engine.conv.norm", "minicnn.machine.call"}  # whose np is that of compiled code


def pages(size):
    """size, rounded up to whole pages."""
    return -(-size // PAGE) * PAGE


class Fence:
    """Makes arrays at the end of memory before a page that may not be touched, or at its beginning
    after one.

    Args:
        at_end: which of the two.
        short: one of SHORT.
    """

    def __init__(self, at_end=True, short=None):
        self.at_end, self.short = at_end, short
        self.guards = {}  # per size of a workspace: where in it pages are that may not be touched
        self.workspaces = {}

    def memory(self, size, guards=(), missing=0, content=None):
        """(size,) bytes between two guard pages, of which the last (or first) `missing` ones lie in
        the guard page.
        """
        room = pages(size) or PAGE
        mapped = mmap.mmap(-1, room + 2 * PAGE)
        whole = np.frombuffer(mapped, np.uint8)
        start = PAGE + (room - size + missing if self.at_end else -missing)
        found = whole[start : start + size]
        if content is not None:
            found[...] = np.frombuffer(np.ascontiguousarray(content).tobytes(), np.uint8)
        protect = ctypes.CDLL(None, use_errno=True).mprotect
        protect.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
        for offset in (0, room + PAGE, *(start + guard for guard in guards)):
            assert offset % PAGE == 0 and protect(whole.ctypes.data + offset, PAGE, 0) == 0
        return found

    def like(self, array, missing=0):
        """A fenced copy of an array, in row-major order."""
        array = np.asarray(array)
        data = self.memory(array.nbytes, missing=missing * array.itemsize, content=array)
        return np.ndarray(array.shape, array.dtype, buffer=data)

    def empty(self, shape, dtype=float, fill=b"\xff", **_):
        """A fenced array; its numbers are NaN, in case somebody reads what nobody has written."""
        size = np.dtype(dtype).itemsize * int(np.prod(shape))
        data = self.memory(size)
        data[...] = fill[0]
        return np.ndarray(shape, dtype, buffer=data)

    # What minicnn makes its arrays with

    def numpy(self):
        """NumPy, whose new arrays are fenced."""
        fenced = types.ModuleType("numpy")
        fenced.__dict__.update(np.__dict__)
        fenced.empty = self.empty
        fenced.zeros = lambda *args, **more: self.empty(*args, **more, fill=b"\0")
        fenced.ones = lambda *args, **more: self.like(np.ones(*args, **more))
        fenced.array = lambda *args, **more: self.like(np.array(*args, **more))
        fenced.empty_like = lambda a, dtype=None, **_: self.empty(a.shape, dtype or a.dtype)
        fenced.ascontiguousarray = self.contiguous
        return fenced

    def contiguous(self, array, dtype=None):
        found = np.ascontiguousarray(array, dtype)
        return found if found is array else self.like(found)

    def kept(self, array):
        """arrays.kept: of params, grads, state, and what optimizers remember."""
        return self.like(array)

    def scratch(self, threads, dtype, blank, own, shared):
        """layout.scratch, with guard pages around every buffer; the blank ones, cleared at
        once, are one.
        """
        starts, guards = dict.fromkeys(layout.Scratch._fields, 0), []
        sizes = {name: numbers * dtype.itemsize for name, numbers in blank.items()}
        steps = [-(-size // LINE) * LINE + LINE for size in sizes.values()]
        together = sum(steps[:-1]) + list(sizes.values())[-1] if sizes else 0
        place = pages(together) - together if self.at_end else 0
        for name, step in zip(sizes, steps, strict=True):
            starts[name] = place
            place += step
        starts["blank"] = pages(together)

        def lay(buffers, place):
            for name, numbers in buffers.items():
                size = numbers * dtype.itemsize
                guards.append(place)
                starts[name] = place + PAGE + (pages(size) - size if self.at_end else 0)
                place += PAGE + pages(size)
            guards.append(place)
            return place + PAGE

        starts["stride"] = lay(own, starts["blank"])
        guards = [t * starts["stride"] + guard for t in range(threads) for guard in guards]
        size = lay(shared, threads * starts["stride"])
        while size in self.guards:  # a size stands for one layout
            size += PAGE
        self.guards[size], starts["size"] = guards, size
        if self.short == "scratch":
            starts["center"] += dtype.itemsize if self.at_end else -dtype.itemsize
        return layout.Scratch(**starts)

    def workspace(self, size):
        if size not in self.workspaces:
            self.workspaces[size] = self.memory(pages(size), self.guards.get(size, ()))
        return self.workspaces[size]


@contextmanager
def fenced(fence):
    """All that minicnn makes meanwhile is fenced."""
    modules = [
        module
        for name, module in sys.modules.items()
        if name.startswith(("minicnn.engine.", "minicnn.layers.", "minicnn.optimizers"))
        and name not in INSIDE
        or name == "minicnn.network.frozen"
    ]
    patches = [
        patch.object(module, "np", fence.numpy())
        for module in modules
        if getattr(module, "np", None) is np
    ]
    patches += [
        patch.object(arrays, "kept", fence.kept),
        *[patch.object(module, "scratch", fence.scratch) for module in (alone, ways)],
        *[patch.object(module, "workspace", fence.workspace) for module in (alone, buffers)],
        patch.object(buffers, "aligned", fence.empty),
        patch.object(pooling, "aligned", fence.empty),
    ]
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in patches:
            one.stop()


# Networks


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
    with fenced(fence):
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
                return f"network {number} is not finite"
    return "held"


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
