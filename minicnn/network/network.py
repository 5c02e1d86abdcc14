"""Network: what every model is, whatever else it can do: layers with weights that run forward and backward."""

import copy
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

import numpy as np

from minicnn.errors import did_you_mean
from minicnn.execution import ENGINES, Execution, final_softmax
from minicnn.expect import array, count
from minicnn.kernels.threads import alone, one_at_a_time
from minicnn.layers.base import Layer
from minicnn.metrics import Metric
from minicnn.names import KerasNames, known_arguments
from minicnn.types import Array, Shape
from minicnn.utils import fresh_seed

WEIGHTS, NOISE, SHUFFLE = range(3)  # what a network's random generators are for


class Network(KerasNames):
    """Layers that are run one after another, with their weights, and all that saving and training may ask for.

    It knows neither: a model, as Sequential, borrows what it does beside running from the rooms above.

    Args:
        name: for messages and summary.
        seed: determines initial weights, dropout and shuffling; None draws one.
        dtype: "float32" to train, "float64" to check.
        class_names: the name of each class.

    Attributes:
        layers: in their order.
        optimizer, loss, metrics: how it is trained; None and no metrics until that is decided.
        epochs_done: in all trainings.
        history, stop_training: of the last training; what it logged, and whether somebody wants it to end.
        shuffle_rng: draws the order of samples.
    """

    layers: list[Layer]
    optimizer: Any = None
    loss: Any = None
    metrics: list[Metric]
    history: Any = None
    stop_training = False
    epochs_done = 0
    shuffle_rng: np.random.Generator

    def __init__(
        self,
        *,
        name: str,
        seed: int | None = None,
        dtype: str = "float32",
        class_names: Iterable[str] | None = None,
    ):
        self.name = name
        self.seed = fresh_seed() if seed is None else count(seed, "seed", type(self).__name__, least=0)
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.float32, np.float64):
            raise ValueError(f"{type(self).__name__} expected dtype 'float32' or 'float64', received {dtype!r}")
        self.class_names = None if class_names is None else list(class_names)
        self.layers, self.metrics = [], []
        self._sample_shape: Shape | None = None
        self.engine = os.environ.get("MINICNN_ENGINE", "fast")
        self._planned: tuple[tuple, Execution] | None = None
        self.shuffle_rng = self.generator(SHUFFLE)

    # What a subclass writes

    def add(self, layer: Layer) -> None:
        """Append a layer."""
        raise NotImplementedError(f"{type(self).__name__} must define add(layer)")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create all weights for batches of that shape, the batch axis included."""
        raise NotImplementedError(f"{type(self).__name__} must define build(input_shape)")

    # What training and prediction ask of a model; a class of one's own may do it in another way

    loss_and_gradients: Callable[..., tuple[float, Array]]
    train_step: Callable[..., tuple[float, Array]]
    test_step: Callable[..., tuple[float, Array]]
    predict: Callable[..., Array]

    # Seeds

    def generator(self, purpose: int, index: int = 0, seed: int | None = None) -> np.random.Generator:
        """A generator of its own for every purpose and layer, all determined by one seed."""
        seed = self.seed if seed is None else seed
        return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose, index)))

    @one_at_a_time
    def reseed(self, seed: int) -> None:
        """Start dropout and shuffling anew from a seed; weights stay as they are."""
        self.shuffle_rng = self.generator(SHUFFLE, seed=seed)
        for index, layer in enumerate(self.layers):
            layer.reseed(self.generator(NOISE, index, seed))

    # What it is

    @property
    def built(self) -> bool:
        """Whether all weights are there."""
        return bool(self.layers) and all(layer.built for layer in self.layers)

    @property
    def input_shape(self) -> tuple[int | None, ...] | None:
        """(None, H, W, C), None before the model is built."""
        return None if self._sample_shape is None else (None, *self._sample_shape)

    @property
    def output_shape(self) -> tuple[int | None, ...] | None:
        """(None, K), None before the model is built."""
        return (None, *self.layers[-1].output_shape) if self.built else None

    @property
    def classes(self) -> int:
        """How many classes it decides among: K of its outputs (N, K)."""
        return self.layers[-1].output_shape[-1]

    @property
    def ends_in_softmax(self) -> bool:
        """Whether its outputs are probabilities; else they are taken for logits."""
        return final_softmax(self.layers[-1]) is not None

    @known_arguments
    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of that name, or at that place. Raises ValueError when there is none."""
        for place, layer in enumerate(self.layers):
            if layer.name == name or index in (place, place - len(self.layers)):
                return layer
        wanted, names = index if name is None else name, [layer.name for layer in self.layers]
        raise ValueError(f"{self.name!r} has no layer {wanted!r}.{did_you_mean(str(wanted), names)}")

    # Running

    @one_at_a_time
    def forward(self, x: Array, *, training: bool = False) -> Array:
        """Every layer's forward in order: (N, H, W, C) to (N, K)."""
        return self.execution_for(x).outputs(x, training)

    def __call__(self, x: Array, training: bool = False) -> Array:
        return self.forward(array(x, "x", f"{type(self).__name__} {self.name!r}"), training=training)

    @one_at_a_time
    def backward(self, dy: Array) -> Array | None:
        """Every layer's backward in reverse order, after forward(x, training=True): returns dx, leaves layer.grads."""
        self.note_weights()  # a training by hand
        return self._execution().backward(dy)

    @property
    def engine(self) -> str:
        """What runs the layers: "fast", the engine, or "reference", the layers as they are written.

        Both compute the same, and may be switched at any time. MINICNN_ENGINE sets what new models begin with.
        """
        return self._engine

    @engine.setter
    def engine(self, name: str) -> None:
        if name not in ENGINES:
            raise ValueError(f"engine expected 'fast' or 'reference', received {name!r}")
        self._engine = name

    def execution_for(self, x: Array) -> Execution:
        """What runs the layers, which are built for the shape of x's samples unless they are."""
        if self._planned is None or self._planned[0] != self._plan_key():
            self.build_for(x)
        return self._execution()

    def _execution(self) -> Execution:
        """Planned anew where it must be."""
        key = self._plan_key()
        if self._planned is None or self._planned[0] != key:
            self._planned = key, Execution(self.layers, self._engine)
        return self._planned[1]

    def _plan_key(self) -> tuple:
        """What changes when a new plan is needed: with the engine, with a layer, and when one was built again."""
        return (self._engine, *map(id, self.layers), *[layer._builds for layer in self.layers])

    def __getstate__(self) -> dict[str, Any]:
        """What copies of the model take along: everything but the engine's buffers."""
        return self.__dict__ | {"_planned": None}

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        twin = memo[id(self)] = type(self).__new__(type(self))
        with alone:  # all of one moment, also while another thread trains the model
            twin.__dict__ |= copy.deepcopy(self.__getstate__(), memo)
        return twin

    @one_at_a_time
    def build_for(self, x: Array) -> None:
        """Build for the shape of x's samples, unless the model is built."""
        if not self.layers:
            raise ValueError(f"{type(self).__name__} {self.name!r} has no layers: add(...) some first")
        if not self.built:
            self.build((None, *array(x, "x", f"{type(self).__name__} {self.name!r}").shape[1:]))

    def parameters(self) -> Iterator[tuple[str, Array, Array]]:
        """(name, value, gradient) of everything that trains; names are like "conv2d/kernel"."""
        for layer in self.layers:
            for name, value in layer.params.items() if layer.trainable else ():
                yield f"{layer.name}/{name}", value, layer.grads[name]

    # Weights

    def count_params(self) -> int:
        """Numbers in all layers' weights, trained or not."""
        return sum(layer.count_params() for layer in self.layers)

    @one_at_a_time
    def get_weights(self) -> list[Array]:
        """Copies of all weights, layer by layer, in Keras' order; all of one moment."""
        return [array for layer in self.layers for array in layer.get_weights()]

    @one_at_a_time
    def set_weights(self, weights: Iterable[Array]) -> None:
        """Overwrite all weights, given in get_weights' order. Raises ValueError when number or shapes differ."""
        weights = list(weights)
        expected = sum(len(layer.weights) for layer in self.layers)
        if len(weights) != expected:
            raise ValueError(f"{self.name!r} expected {expected} weight arrays, received {len(weights)}")
        parts = []
        for layer in self.layers:
            own, weights = weights[: len(layer.weights)], weights[len(layer.weights) :]
            layer.check_weights(own)  # all of them, before any is overwritten
            parts.append(own)
        for layer, own in zip(self.layers, parts, strict=True):
            layer.set_weights(own)

    @property
    def has_fresh_weights(self) -> bool:
        """Whether some layer's weights have neither been trained nor loaded."""
        return any(layer.has_fresh_weights for layer in self.layers if layer.params)

    def note_weights(self) -> None:
        """Remember that no weight is fresh any more."""
        for layer in self.layers:
            if layer.has_fresh_weights:
                layer.has_fresh_weights = False
