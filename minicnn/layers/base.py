"""The layer protocol: what every layer is, and all that a new one must say."""

import copy
import inspect
from contextlib import suppress
from typing import Any, Self, TypedDict, Unpack

import numpy as np

from minicnn.errors import ModelFileError
from minicnn.expect import sample_shape
from minicnn.layers.arrays import Arrays
from minicnn.layers.node import Node, first_call, is_symbolic, made, nodes
from minicnn.layers.settings import OF_BUILD, check_assignment
from minicnn.layers.shapes import shape_hint, with_batch
from minicnn.layers.weights import Weights
from minicnn.types import Array, Shape
from minicnn.utils import fresh_seed
from minicnn.wording import snake_case

# What twins have of their own; all else they take over from their layer.
OF_PLACE = {*OF_BUILD, "params", "grads", "state", "needs_input_grad", "stored"}
OF_PLACE |= {"_cache", "_batch", "_builds", "_last_trained", "_nodes", "_provisional"}


class LayerOptions(TypedDict, total=False):
    """The arguments that every layer takes."""

    name: str | None
    trainable: bool
    input_shape: Shape | None


class Layer(Weights):
    """A differentiable function with parameters, forward and backward written out by hand.

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
    input_shape: Shape = None  # type: ignore[assignment]  # of one sample; None until build
    output_shape: Shape = None  # type: ignore[assignment]
    given_input_shape: Shape | None
    activation_layer: "Layer | None" = (
        None  # what `activation="relu"` makes, in the layers that take one
    )
    needs_input_grad = True  # the model sets it False where nobody reads dx
    _builds = 0  # how often it has been built: plans made before the last time are void
    _provisional = False
    takes_several = False  # whether it is called on a list of tensors
    acts_in_training_only = False  # whether it gives its input back in inference, as dropout does
    is_named_by_itself = False  # whether its name is only what it is called where nobody names it

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

    # What a subclass writes

    def setup(self, input_shape: Shape) -> Shape:
        """Allocate the weights for samples of that shape and return the shape of one output."""
        return input_shape

    def forward(self, x: Array, *, training: bool = False) -> Array:
        """y (N, *output_shape) for x (N, *input_shape); keeps what backward needs when training."""
        raise NotImplementedError(
            f"{type(self).__name__} must define forward(x, *, training=False)"
        )

    def backward(self, dy: Array) -> Any:
        """dx = d(loss)/dx for dy = d(loss)/dy, writing `grads`; None unless needs_input_grad."""
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

        Raises RuntimeError on a second backward or one without a training forward, ValueError if dy
        has not y's shape.
        """
        dy = self.accept_gradient(dy, *self.last_forward())
        cache, self._cache = self._cache, None
        return dy, *(cache or ())

    def last_forward(self) -> tuple[bool, int]:
        """Whether backward may follow the last forward, and that one's N."""
        return self._cache is not None, self._batch

    def accept_gradient(self, dy: Array, has_run: bool, batch: int) -> Array:
        """dy as a C-contiguous array of the layer's type.

        Raises RuntimeError unless a training forward of `batch` samples has run, ValueError if dy
        has not its shape.
        """
        if not has_run:
            raise RuntimeError(
                f"{self}.backward(dy) differentiates the last forward(x, training=True): "
                "none has run since the last backward or inference forward"
            )
        if dy.shape != (batch, *self.output_shape):
            raise ValueError(
                f"{self}.backward expected dy of its output's shape {(batch, *self.output_shape)}, "
                f"received {dy.shape}"
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

    def _call_symbolic(self, x: Any, training: bool | None) -> Node:
        given = nodes(x, str(self))
        shapes = tuple(node.sample_shape for node in given)
        if not self.takes_several and len(given) != 1:
            raise TypeError(
                f"{self} expected one tensor, received {len(given)}: join them by Concatenate or "
                "Add first"
            )
        shape: Any = shapes if self.takes_several else shapes[0]
        if not self.built:
            self.build(shape, np.random.default_rng(fresh_seed()))
            self._provisional = True
        there = self if self.input_shape == shape else self.twin(shape)
        return Node(self, given, there.output_shape, self.dtype, training=training)

    @property
    def own_name(self) -> str:
        """What it is called where nobody names it, "conv2d"."""
        return snake_case(type(self).__name__)

    @property
    def input(self) -> Any:
        """The symbolic tensor of its first call, or the list of them.

        Raises AttributeError when there is none.
        """
        given = first_call(self, "input").inputs
        return list(given) if self.takes_several else given[0] if given else self._nodes[0]

    @property
    def output(self) -> Node:
        """The symbolic tensor that its first call gave; AttributeError when there is none."""
        return first_call(self, "output")

    def build(
        self, input_shape: Shape, rng: np.random.Generator | None = None, dtype: Any = np.float32
    ) -> Shape:
        """Create the weights for samples of `input_shape` (no batch axis) and return the shape of
        one output.

        rng draws the initial weights and is kept for dropout; dtype is float32 to train, float64 to
        check.
        """
        # Not by assignment, which a layer that is built already would refuse; setup may assign
        # again.
        vars(self).update(
            input_shape=self.as_input_shape(input_shape), output_shape=None, dtype=np.dtype(dtype)
        )
        self.rng = rng or np.random.default_rng()
        output_shape = self.setup(self.input_shape)
        if self.activation_layer is not None:
            self.activation_layer.build(output_shape, self.rng, dtype)
        self._builds += 1
        self.output_shape = output_shape
        return output_shape

    def twin(self, input_shape: Shape) -> Self:
        """The layer for another place in a network: its weights and settings, with a cache and
        gradients of its own.

        Raises ValueError where weights for samples of that shape would be of other shapes.
        """
        twin = copy.copy(self)
        room = {
            f"{self.name}/{name}": weight.shape for name, weight in self.variables.items()
        }  # nothing is drawn
        vars(twin).update(
            {what: Arrays(twin, what) for what in ("params", "grads", "state")}, stored=room
        )
        vars(twin).update(
            output_shape=None, activation_layer=copy.copy(self.activation_layer), _cache=None
        )
        with suppress(ModelFileError):
            twin.build(input_shape, np.random.default_rng(0), self.dtype)
        if not twin.built or len(twin.variables) != len(room):
            raise ValueError(
                f"{self} has weights for samples of {self.input_shape}, received samples of "
                f"{input_shape}, for which "
                "they would be of other shapes: use a layer of its own there"
            )
        vars(twin).update(params=self.params, state=self.state, stored=None)
        twin.follow(self)
        return twin

    def follow(self, layer: "Layer") -> None:
        """Take over what may have changed in the layer that this is a twin of: trainable, rate,
        generator ...
        """
        vars(self).update(
            {name: value for name, value in vars(layer).items() if name not in OF_PLACE}
        )

    def as_input_shape(self, shape: Any) -> Any:
        """What build was given, as input_shape is kept: a tuple of ints."""
        return tuple(int(n) for n in shape)

    def without_activation(self) -> Self:
        """A copy that shares weights, gradients and state, and ends before the activation."""
        linear = copy.copy(self)
        vars(linear)["activation_layer"] = None
        return linear

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
        """What further random draws depend on, as JSON-able values; set it to repeat them."""
        return dict(self.rng.bit_generator.state)

    @random_state.setter
    def random_state(self, state: dict[str, Any]) -> None:
        self.rng.bit_generator.state = state

    @property
    def built(self) -> bool:
        """Whether `build` has allocated the weights."""
        return self.output_shape is not None

    def multiply_adds(self) -> int:
        """Multiply-add pairs of one sample's forward pass, where a matrix product is involved."""
        return 0

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON-able values; `type(layer)(**config)` is a layer like
        this one.
        """
        names = [
            p.name
            for p in list(inspect.signature(type(self).__init__).parameters.values())[1:]
            if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        ]
        return {name: getattr(self, name) for name in names} | {
            "name": self.name,
            "trainable": self.trainable,
        }

    def clone(self, **changes: Any) -> Self:
        """A layer like this one, not built, with other arguments where `changes` names some."""
        return type(self)(**self.get_config() | changes)

    def __str__(self) -> str:
        return f"{type(self).__name__} {self.name!r}" if self.name else type(self).__name__

    def __repr__(self) -> str:
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"
