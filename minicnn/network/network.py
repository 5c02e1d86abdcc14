"""Network: what every model is: layers with weights that run forward and backward."""

import copy
import os
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import Any, Self

import numpy as np

from minicnn.expect import array, count
from minicnn.layers.base import Layer
from minicnn.machine.threads import alone, one_at_a_time
from minicnn.metrics import Metric
from minicnn.names import KerasNames
from minicnn.network.ending import ending
from minicnn.network.ends import Ends
from minicnn.network.executor import ENGINES, Execution
from minicnn.network.placed import Placed
from minicnn.network.variables import Variables
from minicnn.seeds import fresh_seed
from minicnn.types import Array

_builds_of = attrgetter("_builds")
WEIGHTS, NOISE, SHUFFLE = range(3)  # what a network's random generators are for


class Network(Ends, Placed, Variables, KerasNames):
    """Layers that feed each other, their weights, and what saving and training ask for.

    It knows neither: a model borrows what it does beside running from the rooms above.

    Args:
        name: for messages and summary; None for a name that another network, of which it is a part,
            may choose.
        seed: determines initial weights, dropout and shuffling; None draws one.
        dtype: "float32" to train, "float64" to check.
        class_names: the name of each class.

    Attributes:
        layers, inputs, outputs, nodes: see Graph.
        optimizer, loss, metrics: how it is trained; None and no metrics until that is decided.
        epochs_done: in all trainings.
        history, stop_training: of the last training; what it logged, and whether somebody wants it
            to end.
        shuffle_rng: draws the order of samples.
    """

    name: str
    layers: list[Any]
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
        name: str | None = None,
        seed: int | None = None,
        dtype: str = "float32",
        class_names: Iterable[str] | None = None,
    ):
        self.name, self._is_named = name or self.own_name, bool(name)
        self.is_seeded = seed is not None
        self.seed = (
            fresh_seed() if seed is None else count(seed, "seed", type(self).__name__, least=0)
        )
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.float32, np.float64):
            raise ValueError(
                f"{type(self).__name__} expected dtype 'float32' or 'float64', received {dtype!r}"
            )
        self.class_names = None if class_names is None else list(class_names)
        self.layers, self.metrics = [], []
        self.inputs, self.outputs, self.nodes = [], [], []
        self.place()
        self.engine = os.environ.get("MINICNN_ENGINE", "fast")
        self._planned: tuple[tuple, Execution] | None = None
        self.shuffle_rng = self.generator(SHUFFLE)

    # What a subclass writes

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create all weights for batches of that shape, the batch axis included."""
        raise NotImplementedError(f"{type(self).__name__} must define build(input_shape)")

    _like: Callable[..., Self]  # of what makes its layers anew and of arguments; see clone.py

    # What training and prediction ask of a model; a class of one's own may do it in another way

    loss_and_gradients: Callable[..., tuple[float, Array]]
    train_step: Callable[..., tuple[float, Array]]
    test_step: Callable[..., tuple[float, Array]]
    predict: Callable[..., Array]

    # Seeds

    def generator(
        self, purpose: int, index: int = 0, seed: int | None = None
    ) -> np.random.Generator:
        """A generator of its own for every purpose and layer, all determined by one seed."""
        seed = self.seed if seed is None else seed
        return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose, index)))

    @one_at_a_time
    def reseed(self, seed: int) -> None:
        """Start dropout and shuffling anew from a seed; weights stay as they are."""
        self.shuffle_rng = self.generator(SHUFFLE, seed=seed)
        for index, layer in enumerate(self.leaves.values()):
            layer.reseed(self.generator(NOISE, index, seed))

    # What it is

    @property
    def head(self) -> Layer:
        """The layer that its decision comes from.

        Raises ValueError where several outputs share that.
        """
        if len(self.outputs) != 1:
            raise ValueError(
                f"{self.name!r} has {len(self.outputs)} outputs, which can be predicted: training, "
                "measures and explanations are of one, make a Model of the output that is meant"
            )
        layer = self.outputs[0].layer
        return layer.head if isinstance(layer, Network) else layer

    @property
    def classes(self) -> int:
        """How many classes it decides among: K of its outputs (N, K); two, where that is one."""
        return max(2, self.head.output_shape[-1])

    @property
    def ends_in(self) -> str | None:
        """ "softmax" or "sigmoid", where its outputs are probabilities; else they are taken for
        logits.
        """
        return ending(self.head)[0]

    # Running

    def forward(self, x: Any, *, training: bool = False) -> Any:
        """Every layer's forward in order: (N, H, W, C) to (N, K); of several inputs and outputs see
        arrays, in_form.
        """
        with alone:
            outputs = self.execution_for(x).outputs(self.arrays(x), training)
        return self.in_form(outputs if isinstance(outputs, list) else [outputs])

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        """forward of arrays; on a symbolic tensor the model becomes a part of another."""
        placed = None if isinstance(x, np.ndarray) else self.placed(x, training)
        if placed is not None:
            return placed
        return self.forward(x, training=bool(training))

    @one_at_a_time
    def backward(self, dy: Any) -> Any:
        """Every layer's backward in reverse order, after forward(x, training=True): returns dx,
        leaves layer.grads.

        Of several outputs dy is a list, and of several inputs dx is one, with None where no output
        depends on it.
        """
        self.note_weights()  # a training by hand
        return self._execution().backward(dy)

    @property
    def engine(self) -> str:
        """What runs the layers: "fast", the engine, or "reference", the layers as they are written.

        Both compute the same, and may be switched at any time. MINICNN_ENGINE sets what new models
        begin with.
        """
        return self._engine

    @engine.setter
    def engine(self, name: str) -> None:
        if name not in ENGINES:
            raise ValueError(f"engine expected 'fast' or 'reference', received {name!r}")
        self._engine = name

    def execution_for(self, x: Any) -> Execution:
        """What runs the layers, which are built for the shape of x's samples unless they are."""
        if self._planned is None or self._planned[0] != self._plan_key():
            self.build_for(x)
            return self._execution()
        return self._planned[1]

    def _execution(self) -> Execution:
        """Planned anew where it must be."""
        key = self._plan_key()
        if self._planned is None or self._planned[0] != key:
            self._planned = key, Execution(self.program(), self._engine)
        return self._planned[1]

    def _plan_key(self) -> tuple:
        """What changes when a new plan is needed: with the engine, with a layer, and when one was
        built again.
        """
        layers = self.layers
        return self._engine, layers.copy(), [*map(_builds_of, layers)]

    @property
    def _builds(self) -> Any:
        return self._plan_key()

    def __getstate__(self) -> dict[str, Any]:
        """What copies take along: everything but the engine's buffers."""
        return self.__dict__ | self.table() | {"_planned": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state | self.joined(state["nodes"], state["inputs"], state["outputs"])

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        twin = memo[id(self)] = type(self).__new__(type(self))
        with alone:  # all of one moment, also while another thread trains the model
            twin.__setstate__(copy.deepcopy(self.__getstate__(), memo))
        return twin

    @one_at_a_time
    def build_for(self, x: Any) -> None:
        """Build for the shape of x's samples, unless the model is built."""
        if not self.layers:
            raise ValueError(
                f"{type(self).__name__} {self.name!r} has no layers: add(...) some first"
            )
        if not self.built:
            self.build((None, *array(x, "x", f"{type(self).__name__} {self.name!r}").shape[1:]))

    def parameters(self) -> Iterator[tuple[str, Array, Array]]:
        """(name, value, gradient) of everything that trains; names are like "conv2d/kernel"."""
        for path, layer in self.leaves.items():
            for name, value in layer.params.items() if layer.trainable else ():
                yield f"{path}/{name}", value, layer.grads[name]

    @property
    def losses(self) -> list[float]:
        """The penalties of all regularized weights that train; see regularizers."""
        return [penalty for layer in self.leaves.values() for penalty in layer.losses]

    # Weights

    def variables_by_name(self) -> dict[str, Array]:
        """All weights, the layers' own arrays: "conv2d/kernel"."""
        return {
            f"{path}/{name}": value
            for path, layer in self.leaves.items()
            for name, value in layer.variables_by_name.items()
        }

    def count_params(self) -> int:
        """Numbers in all layers' weights, trained or not."""
        return sum(layer.count_params() for layer in self.leaves.values())

    @one_at_a_time
    def get_weights(self) -> list[Array]:
        """Copies of all weights, layer by layer, in Keras' order; all of one moment."""
        return [array for layer in self.leaves.values() for array in layer.get_weights()]

    @one_at_a_time
    def set_weights(self, weights: Iterable[Array]) -> None:
        """Overwrite all weights, given in get_weights' order.

        Raises ValueError when number or shapes differ.
        """
        weights, layers = list(weights), list(self.leaves.values())
        expected = sum(len(layer.weights_by_name) for layer in layers)
        if len(weights) != expected:
            raise ValueError(
                f"{self.name!r} expected {expected} weight arrays, received {len(weights)}"
            )
        parts = []
        for layer in layers:
            count = len(layer.weights_by_name)
            own, weights = weights[:count], weights[count:]
            layer.check_weights(own)  # all of them, before any is overwritten
            parts.append(own)
        for layer, own in zip(layers, parts, strict=True):
            layer.set_weights(own)

    @property
    def has_fresh_weights(self) -> bool:
        """Whether some layer's weights have neither been trained nor loaded."""
        return any(
            layer.has_fresh_weights and (isinstance(layer, Network) or bool(layer.params))
            for layer in self.layers
        )

    def note_weights(self) -> None:
        """Remember that no weight is fresh any more."""
        for layer in self.leaves.values():
            if layer.has_fresh_weights:
                layer.has_fresh_weights = False
