"""The layer protocol: what every layer is, and all that a new one must say."""

import copy
import inspect
import re
from collections.abc import Mapping
from typing import Any, Self, TypedDict, Unpack

import numpy as np

from minicnn import initializers
from minicnn.errors import ModelFileError
from minicnn.expect import sample_shape
from minicnn.kernels.threads import one_at_a_time
from minicnn.layers.arrays import Arrays
from minicnn.layers.settings import check_assignment
from minicnn.layers.shapes import shape_hint, with_batch
from minicnn.names import KerasNames
from minicnn.types import Array, Shape
from minicnn.utils import fresh_seed


class LayerOptions(TypedDict, total=False):
    """The arguments that every layer takes."""

    name: str | None
    trainable: bool
    input_shape: Shape | None


class Layer(KerasNames):
    """A differentiable function with parameters, whose forward and backward are written out by hand.

    A subclass overrides `setup` (if it has weights or changes the shape), `forward` and `backward`.
    Every constructor argument is kept in an attribute of its own name; that is what `get_config` reads. It stays as it
    is (settings.py), but for name, trainable, and those that a class makes properties.

    Args:
        name: unique in its model; None lets the model choose ("conv2d", "conv2d_1", ...).
        trainable: False freezes `params` (BatchNormalization then also uses its moving statistics, as in Keras).
        input_shape: shape of one sample, for the first layer of a model.

    State, all of it visible:
        params: trained arrays; optimizers update them in place, and what is assigned is copied into them (arrays.py).
        grads: d(loss)/d(param), same keys and shapes; each backward overwrites, never accumulates.
        state: arrays that are saved but not trained, such as moving_mean.
        rng: the layer's own random generator (initial weights, dropout).
        _cache: what the next backward needs; None unless a training forward just ran. backward consumes it.
        _last_trained: the number of a model's last training forward, see execution.py; 0 after set_weights.
    """

    name: str = ""
    trainable: bool
    input_shape: Shape = None  # type: ignore[assignment]  # of one sample; None until build
    output_shape: Shape = None  # type: ignore[assignment]
    given_input_shape: Shape | None
    dtype: np.dtype
    rng: np.random.Generator
    params: dict[str, Array]
    grads: dict[str, Array]
    state: dict[str, Array]
    has_fresh_weights: bool  # neither trained nor loaded
    activation_layer: "Layer | None" = None  # what `activation="relu"` makes, in the layers that take one
    needs_input_grad = True  # the model sets it False where nobody reads dx
    own_state: tuple[str, ...] = ()  # names in state of what get_weights and set_weights leave out
    _builds = 0  # how often it has been built: plans made before the last time are void
    _last_trained = 0
    stored: Mapping[str, Shape] | None = None  # while a model is loaded: the shapes in its file, by weight

    def __init__(self, **options: Unpack[LayerOptions]):
        self.name = options.get("name") or ""
        self.trainable = options.get("trainable", True)
        given_shape = options.get("input_shape")
        self.given_input_shape = None if given_shape is None else sample_shape(given_shape, type(self).__name__)
        self.dtype = np.dtype(np.float32)
        self.rng = np.random.default_rng()
        vars(self).update({what: Arrays(self, what) for what in ("params", "grads", "state")})
        self._cache: tuple | None = None
        self._batch = 0  # N of the last forward
        self.has_fresh_weights = True

    def __setattr__(self, name: str, value: Any) -> None:
        if name[0] == "_":  # those change with every batch
            object.__setattr__(self, name, value)
            return
        check_assignment(self, name, value)
        if name in ("params", "grads", "state"):
            vars(self)[name].replace(value)
        else:
            super().__setattr__(name, value)

    # What a subclass writes

    def setup(self, input_shape: Shape) -> Shape:
        """Allocate the weights for samples of that shape and return the shape of one output."""
        return input_shape

    def forward(self, x: Array, *, training: bool = False) -> Array:
        """y (N, *output_shape) for x (N, *input_shape); keeps what backward needs when training."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(x, *, training=False)")

    def backward(self, dy: Array) -> Any:
        """dx = d(loss)/dx for dy = d(loss)/dy, writing `grads`; None where needs_input_grad is False."""
        raise NotImplementedError(f"{type(self).__name__} must define backward(dy)")

    # What a subclass uses

    def add_param(self, name: str, shape: Shape, initializer: "str | initializers.Initializer") -> None:
        """Allocate a trained array and its gradient, once; both are only ever written in place."""
        self.params[name] = self._initial(name, shape, initializer)
        self.grads[name] = np.zeros(shape, self.dtype)

    def add_state(self, name: str, shape: Shape, initializer: "str | initializers.Initializer") -> None:
        """Allocate an array that is saved with the model but not trained."""
        self.state[name] = self._initial(name, shape, initializer)

    def _initial(self, name: str, shape: Shape, initializer: "str | initializers.Initializer") -> Array:
        """Initial values; of a layer from a file only the room for them, and no more than the file has numbers."""
        if self.stored is None:
            return initializers.get(initializer)(shape, self.rng, self.dtype)
        found = self.stored.get(f"{self.name}/{name}")
        if found != tuple(shape):
            received = "nothing" if found is None else found
            raise ModelFileError(f"{self} expected its {name} of shape {shape} in the model file, received {received}")
        return np.zeros(shape, self.dtype)

    def accept(self, x: Array) -> Array:
        """x as a C-contiguous array of the layer's type; raises ValueError when it is not (N, *input_shape)."""
        self.check_input(x.shape)
        vars(self)["_batch"] = len(x)  # as self._batch = len(x), which takes a microsecond
        return np.ascontiguousarray(x, dtype=self.dtype)

    def check_input(self, shape: Shape) -> None:
        """Raise ValueError when x of that shape is not (N, *input_shape), and for N = 0."""
        if self.input_shape is None:
            raise RuntimeError(f"{self} has no weights yet: call build(input_shape) first, or use it in a model")
        if shape[1:] != self.input_shape:
            raise ValueError(
                f"{self} expected input of shape {with_batch(self.input_shape)}, received {shape}"
                f"{shape_hint(shape, self.input_shape)}"
            )
        if shape[0] == 0:
            raise ValueError(f"{self} expected at least one sample, received x of shape {shape}")

    def take_cache(self, dy: Array) -> tuple:
        """(dy, *cache) of the last training forward, once; dy comes back C-contiguous and in the layer's type.

        Raises RuntimeError on a second backward or one without a training forward, ValueError if dy has not y's shape.
        """
        dy = self.accept_gradient(dy, *self.last_forward())
        cache, self._cache = self._cache, None
        return dy, *(cache or ())

    def last_forward(self) -> tuple[bool, int]:
        """Whether backward may follow the last forward, and that one's N."""
        return self._cache is not None, self._batch

    def accept_gradient(self, dy: Array, has_run: bool, batch: int) -> Array:
        """dy as a C-contiguous array of the layer's type.

        Raises RuntimeError unless a training forward of `batch` samples has run, ValueError if dy has not its shape.
        """
        if not has_run:
            raise RuntimeError(
                f"{self}.backward(dy) differentiates the last forward(x, training=True): "
                "none has run since the last backward or inference forward"
            )
        if dy.shape != (batch, *self.output_shape):
            raise ValueError(
                f"{self}.backward expected dy of its output's shape {(batch, *self.output_shape)}, received {dy.shape}"
            )
        return np.ascontiguousarray(dy, dtype=self.dtype)

    # What its users call

    def __call__(self, x: Array, training: bool = False) -> Array:
        """forward of an array (N, ...), for whose samples the layer is built unless it is.

        Raises TypeError for what is no array of numbers, such as Keras' symbolic tensors.
        """
        array = np.asarray(x)
        if array.dtype.kind not in "fiub":
            raise TypeError(
                f"{self} expected an array (N, ...) of numbers, received {x!r:.80}: layers are joined by "
                "Sequential([...]) alone"
            )
        if not self.built:
            self.build(array.shape[1:], np.random.default_rng(fresh_seed()))
        return self.forward(array, training=training)

    def build(self, input_shape: Shape, rng: np.random.Generator | None = None, dtype: Any = np.float32) -> Shape:
        """Create the weights for samples of `input_shape` (no batch axis) and return the shape of one output.

        rng draws the initial weights and is kept for dropout; dtype is float32 to train, float64 to check.
        """
        # Not by assignment, which a layer that is built already would refuse; setup may assign again.
        vars(self).update(input_shape=tuple(int(n) for n in input_shape), output_shape=None, dtype=np.dtype(dtype))
        self.rng = rng or np.random.default_rng()
        output_shape = self.setup(self.input_shape)
        if self.activation_layer is not None:
            self.activation_layer.build(output_shape, self.rng, dtype)
        self._builds += 1
        self.output_shape = output_shape
        return output_shape

    def without_activation(self) -> Self:
        """A copy that shares weights, gradients and state, and ends before the activation."""
        linear = copy.copy(self)
        vars(linear)["activation_layer"] = None
        return linear

    def reseed(self, rng: np.random.Generator) -> None:
        """Draw from `rng` from now on."""
        self.rng = rng

    def next_samples(self, epoch: int, samples: Array) -> None:
        """Learn which samples (N,), by their numbers in the data, the next training forward gets, and in which epoch.

        fit says it before every batch. Layers that draw their noise per sample, as augmentation does, override this.
        """

    @property
    def random_state(self) -> dict[str, Any]:
        """What the layer's further random draws depend on, as JSON-able values; set it to repeat them."""
        return dict(self.rng.bit_generator.state)

    @random_state.setter
    def random_state(self, state: dict[str, Any]) -> None:
        self.rng.bit_generator.state = state

    @property
    def built(self) -> bool:
        """Whether `build` has allocated the weights."""
        return self.output_shape is not None

    @property
    def variables(self) -> dict[str, Array]:
        """params and state by name: all that is saved."""
        return {**self.params, **self.state}

    @property
    def weights(self) -> dict[str, Array]:
        """The same in Keras' order, but for what Keras' layer of this name does not have."""
        return {name: array for name, array in self.variables.items() if name not in self.own_state}

    @one_at_a_time
    def get_weights(self) -> list[Array]:
        """Copies of params, then state."""
        return [array.copy() for array in self.weights.values()]

    @one_at_a_time
    def set_weights(self, weights: list[Array]) -> None:
        """Overwrite params, then state. Raises ValueError when number or shapes differ."""
        self.check_weights(weights)
        for array, value in zip(self.weights.values(), weights, strict=True):
            array[...] = value
        self.has_fresh_weights, self._last_trained = False, 0

    def check_weights(self, weights: list[Array]) -> None:
        """Raise ValueError when number or shapes are not those of params, then state."""
        expected = self.weights
        if [np.shape(w) for w in weights] != [w.shape for w in expected.values()]:
            raise ValueError(
                f"{self} expected weights {', '.join(f'{k} {w.shape}' for k, w in expected.items())}, "
                f"received shapes {[np.shape(w) for w in weights]}"
            )

    def count_params(self) -> int:
        """Numbers in params and state."""
        return sum(array.size for array in self.weights.values())

    def multiply_adds(self) -> int:
        """Multiply-add pairs of one sample's forward pass, where a matrix product is involved."""
        return 0

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON-able values; `type(layer)(**config)` is a layer like this one."""
        names = [
            p.name
            for p in list(inspect.signature(type(self).__init__).parameters.values())[1:]
            if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        ]
        return {name: getattr(self, name) for name in names} | {"name": self.name, "trainable": self.trainable}

    def __str__(self) -> str:
        return f"{type(self).__name__} {self.name!r}" if self.name else type(self).__name__

    def __repr__(self) -> str:
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


def snake_case(class_name: str) -> str:
    """The layer name that Keras derives from a class: Conv2D -> conv2d, MaxPooling2D -> max_pooling2d."""
    separated = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", class_name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", separated).lower()
