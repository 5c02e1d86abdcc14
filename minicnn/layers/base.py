"""The layer protocol: what every layer is, and all that a new one must say.

The parts that every layer inherits, by file: its arrays (weights.py), being built (building.py),
and being called on symbolic tensors (symbolic.py).
"""

import inspect
from typing import Any, Self, TypedDict, Unpack

import numpy as np

from minicnn.expect import sample_shape
from minicnn.layers.arrays import Arrays
from minicnn.layers.node import Node, is_symbolic, made
from minicnn.layers.settings import check_assignment
from minicnn.layers.shapes import shape_hint, with_batch
from minicnn.layers.symbolic import Symbolic
from minicnn.seeds import fresh_seed
from minicnn.types import Array, Shape
from minicnn.wording import snake_case


class LayerOptions(TypedDict, total=False):
    """The arguments that every layer takes."""

    name: str | None
    trainable: bool
    input_shape: Shape | None


class Layer(Symbolic):
    """A differentiable function with parameters, whose forward and backward are written out by
    hand.

    A subclass overrides `setup` (if it has weights or changes the shape), `forward` and `backward`.
    Every constructor argument is kept in an attribute of its own name; that is what `get_config`
    reads. It stays as it is (settings.py), but for name, trainable, and those that a class makes
    properties.

    Args:
        name: unique in its model; None lets the model choose ("conv2d", "conv2d_1", ...).
        trainable: False freezes `params` (BatchNormalization then also uses its moving statistics,
            as in Keras).
        input_shape: shape of one sample, for the first layer of a model.

    State, all of it visible:
        params: trained arrays; optimizers update them in place, and what is assigned is copied into
            them (arrays.py).
        grads: d(loss)/d(param), same keys and shapes; each backward overwrites, never accumulates.
        state: arrays that are saved but not trained, such as moving_mean.
        rng: the layer's own random generator (initial weights, dropout).
        _cache: what the next backward needs; None unless a training forward just ran. backward
            consumes it.
        _last_trained: the number of a model's last training forward, see network/executor.py; 0
            after set_weights.
        _nodes: its calls on symbolic tensors.
        _number: of the layers that have been made; those without a name are named in this order.
        _provisional: whether such a call has drawn its weights; a model draws them again, by its
            seed.
    """

    trainable: bool
    given_input_shape: Shape | None
    # what `activation="relu"` makes, in the layers that take one
    activation_layer: "Layer | None" = None
    needs_input_grad = True  # the model sets it False where nobody reads dx
    acts_in_training_only = False  # whether it gives its input back in inference, as dropout does
    knows_range = False  # whether it has been told between which numbers its input lies
    is_named_by_itself = False  # whether its name is only what it is called where nobody names it
    # arguments that get_config names only where they are not the default: files of networks that
    # do without them stay readable for versions that did not know them
    optional_arguments: tuple[str, ...] = ()

    def __init__(self, **options: Unpack[LayerOptions]):
        self.name = options.get("name") or ""
        self.trainable = options.get("trainable", True)
        given_shape = options.get("input_shape")
        self.given_input_shape = (
            None if given_shape is None else sample_shape(given_shape, type(self).__name__)
        )
        self.dtype = np.dtype(np.float32)
        self.rng = np.random.default_rng()
        vars(self).update({what: Arrays(self, what) for what in ("params", "grads", "state")})
        self._cache: tuple | None = None
        self._batch = 0  # N of the last forward
        self.has_fresh_weights = True
        self._nodes: list[Node] = []
        self._number = next(made)

    def __init_subclass__(cls, **options: Any):
        super().__init_subclass__(**options)
        if "call" in vars(cls):
            raise TypeError(
                f"{cls.__name__} defines call(), which cannot be differentiated: minicnn has no "
                "autograd. Define forward(x, *, training=False) and backward(dy), and setup("
                "input_shape) in the place of build"
            )

    def __getstate__(self) -> dict[str, Any]:
        """What copies take along: everything but the networks that it is part of."""
        return vars(self) | {"_nodes": []}

    def __setattr__(self, name: str, value: Any) -> None:
        if name[0] == "_":  # those change with every batch
            object.__setattr__(self, name, value)
            return
        check_assignment(self, name, value)
        if name in ("params", "grads", "state"):
            vars(self)[name].replace(value)
        else:
            super().__setattr__(name, value)

    # What a subclass writes, besides setup (building.py)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        """y (N, *output_shape) for x (N, *input_shape); keeps what backward needs when training."""
        raise NotImplementedError(
            f"{type(self).__name__} must define forward(x, *, training=False)"
        )

    def backward(self, dy: Array) -> Any:
        """dx = d(loss)/dx for dy = d(loss)/dy, writing `grads`; None where needs_input_grad is
        False.
        """
        raise NotImplementedError(f"{type(self).__name__} must define backward(dy)")

    # What a subclass uses

    def accept(self, x: Array) -> Array:
        """x as a C-contiguous array of the layer's type; raises ValueError when it is not (N,
        *input_shape).
        """
        self.check_input(x.shape)
        vars(self)["_batch"] = len(x)  # as self._batch = len(x), which takes a microsecond
        return np.ascontiguousarray(x, dtype=self.dtype)

    def check_input(self, shape: Shape) -> None:
        """Raise ValueError when x of that shape is not (N, *input_shape), and for N = 0."""
        if self.input_shape is None:
            raise RuntimeError(
                f"{self} has no weights yet: call build(input_shape) first, or use it in a model"
            )
        if shape[1:] != self.input_shape:
            raise ValueError(
                f"{self} expected input of shape {with_batch(self.input_shape)}, received {shape}"
                f"{shape_hint(shape, self.input_shape)}"
            )
        if shape[0] == 0:
            raise ValueError(f"{self} expected at least one sample, received x of shape {shape}")

    def take_cache(self, dy: Array) -> tuple:
        """(dy, *cache) of the last training forward, once; dy comes back C-contiguous and in the
        layer's type.

        Raises RuntimeError on a second backward, one without a training forward, and after one that
        has not called accept; ValueError if dy has not y's shape.
        """
        dy = self.accept_gradient(dy, *self.last_forward())
        cache, self._cache = self._cache, None
        return dy, *(cache or ())

    def last_forward(self) -> tuple[bool, int]:
        """Whether backward may follow the last forward, and that one's N."""
        return self._cache is not None, self._batch

    def accept_gradient(self, dy: Array, has_run: bool, batch: int) -> Array:
        """dy as a C-contiguous array of the layer's type.

        Raises RuntimeError unless a training forward of `batch` samples has run and has called
        accept, ValueError if dy has not its shape.
        """
        if not has_run:
            raise RuntimeError(
                f"{self}.backward(dy) differentiates the last forward(x, training=True): "
                "none has run since the last backward or inference forward, or it has kept nothing "
                "in self._cache"
            )
        if not batch:
            raise RuntimeError(
                f"{self}.backward cannot check dy, for forward has not called accept: begin it "
                "with x = self.accept(x), which checks x, brings it into the layer's type and "
                "keeps N"
            )
        if dy.shape != (batch, *self.output_shape):
            raise ValueError(
                f"{self}.backward expected dy of its output's shape {(batch, *self.output_shape)}, "
                f"received {dy.shape}: in a network dy is the dx of the layer after it, which has "
                "to have the shape of that layer's input"
            )
        return np.ascontiguousarray(dy, dtype=self.dtype)

    # What its users call

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        """forward of an array (N, ...), for whose samples the layer is built unless it is; a node
        of a symbolic tensor.

        Raises TypeError for what is neither.
        """
        if is_symbolic(x):
            return self._call_symbolic(x, training)
        array = np.asarray(x)
        if array.dtype.kind not in "fiub":
            raise TypeError(
                f"{self} expected an array (N, ...) of numbers or a symbolic tensor, received "
                f"{x!r:.80}"
            )
        if not self.built:
            self.build(array.shape[1:], np.random.default_rng(fresh_seed()))
        return self.forward(array, training=bool(training))

    @property
    def own_name(self) -> str:
        """What it is called where nobody names it, "conv2d"."""
        return snake_case(type(self).__name__)

    def reseed(self, rng: np.random.Generator) -> None:
        """Draw from `rng` from now on."""
        self.rng = rng

    def next_samples(self, epoch: int, samples: Array) -> None:
        """Learn which samples (N,), by their numbers in the data, the next training forward gets,
        and in which epoch.

        fit says it before every batch. Layers that draw their noise per sample, as augmentation
        does, override this.
        """

    @property
    def random_state(self) -> dict[str, Any]:
        """What the layer's further random draws depend on, as JSON-able values; set it to repeat
        them.
        """
        return dict(self.rng.bit_generator.state)

    @random_state.setter
    def random_state(self, state: dict[str, Any]) -> None:
        self.rng.bit_generator.state = state

    def multiply_adds(self) -> int:
        """Multiply-add pairs of one sample's forward pass, where a matrix product is involved."""
        return 0

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON-able values, of which from_config makes a layer like
        this one.
        """
        parameters = list(inspect.signature(type(self).__init__).parameters.values())[1:]
        names = [
            p.name
            for p in parameters
            if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
            and not (p.name in self.optional_arguments and getattr(self, p.name) == p.default)
        ]
        for name in names:
            if not hasattr(self, name):
                raise NotImplementedError(
                    f"{type(self).__name__}.get_config() expected the argument {name!r} in an "
                    f"attribute of that name: write self.{name} = {name} in __init__, or define "
                    "get_config()"
                )
        return {name: getattr(self, name) for name in names} | {
            "name": self.name,
            "trainable": self.trainable,
        }

    def clone(self, **changes: Any) -> Self:
        """A layer like this one, not built, with other arguments where `changes` names some."""
        return type(self).from_config(self.get_config() | changes)

    def __str__(self) -> str:
        return f"{type(self).__name__} {self.name!r}" if self.name else type(self).__name__

    def __repr__(self) -> str:
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"
