"""Sequential: a stack of layers that can be built, trained, asked and saved."""

import copy
import os
from collections.abc import Iterable, Iterator
from typing import Any, Self

import numpy as np

from minicnn import losses, optimizers, persistence, prediction, summary, transfer, weights
from minicnn import metrics as metric_types
from minicnn.errors import did_you_mean
from minicnn.execution import ENGINES, Execution
from minicnn.expect import array, count
from minicnn.kernels.threads import alone, one_at_a_time
from minicnn.layers.base import Layer
from minicnn.layers.input import Input
from minicnn.layers.names import Names
from minicnn.names import KerasNames, known_arguments
from minicnn.training import checks, inference, loop, lr_find, step
from minicnn.training.callbacks import History
from minicnn.types import Array, Shape
from minicnn.utils import fresh_seed

WEIGHTS, NOISE, SHUFFLE = range(3)  # what a model's random generators are for


class Sequential(KerasNames):
    """A model in which each layer feeds the next.

    Args:
        layers: the layers in order; an Input first, or `input_shape=` in the first layer, lets the model build at once,
            otherwise the first data it sees decide.
        name: for messages and summary.
        seed: determines initial weights, dropout and shuffling; None draws one.
        dtype: "float32" to train, "float64" to check.
        class_names: the name of each class, for predict_image; they go into the model's file.

    Attributes:
        layers: the layers, Input left out.
        optimizer, loss, metrics: set by compile.
        history: the History of the last fit.
        stop_training: set to True by a callback, ends fit after the running epoch.
    """

    layers: list[Layer]
    optimizer: Any = None  # set by compile, as are loss and metrics
    loss: Any = None
    metrics: list[metric_types.Metric]
    history: History
    stop_training = False
    epochs_done = 0  # in all fits
    shuffle_rng: np.random.Generator

    def __init__(
        self,
        layers: Iterable[Layer] | None = None,
        *,
        name: str = "sequential",
        seed: int | None = None,
        dtype: str = "float32",
        class_names: Iterable[str] | None = None,
    ):
        self.name = name
        self.seed = fresh_seed() if seed is None else count(seed, "seed", "Sequential", least=0)
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.float32, np.float64):
            raise ValueError(f"Sequential expected dtype 'float32' or 'float64', received {dtype!r}")
        self.class_names = None if class_names is None else list(class_names)
        self.layers, self.metrics, self.history = [], [], History()
        self._names = Names(name)
        self._sample_shape: Shape | None = None
        self.engine = os.environ.get("MINICNN_ENGINE", "fast")
        self._planned: tuple[tuple, Execution] | None = None
        self.shuffle_rng = self.generator(SHUFFLE)
        for layer in layers or []:
            self.add(layer)

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

    # Building

    @known_arguments
    @one_at_a_time
    def add(self, layer: Layer) -> None:
        """Append a layer. Raises TypeError for what is none, ValueError for a name that is taken or does not fit."""
        if isinstance(layer, type) or not isinstance(layer, Layer):
            hint = f": write {layer.__name__}(...)" if isinstance(layer, type) else ""
            raise TypeError(f"Sequential {self.name!r} expected a layer, received {layer!r}{hint}")
        if isinstance(layer, Input):
            if self.layers:
                raise ValueError(f"Sequential {self.name!r} expected Input as its first layer only")
            self._sample_shape = layer.shape
            return
        self._names.give(layer, self.layers)
        shape = self._sample_shape
        if not self.layers:  # the last of these is set in the first layer of another model
            shape = shape or layer.given_input_shape or layer.input_shape
        if shape is not None:
            self._build_layer(layer, len(self.layers), self.layers[-1].output_shape if self.layers else shape)
        self._sample_shape = shape
        self._names.keep(layer)
        self.layers.append(layer)

    def _build_layer(self, layer: Layer, index: int, input_shape: Shape) -> None:
        """Create a layer's weights, unless another model has it too: then they share them, as in Keras."""
        checks.channels_last(self.name, self.layers[0].input_shape if index else input_shape, layer, input_shape)
        if not layer.built or (layer.input_shape, layer.dtype) != (input_shape, self.dtype):
            if layer.params and not layer.has_fresh_weights:
                raise ValueError(
                    f"{layer} is built for samples of {layer.input_shape} in {layer.dtype} and has been trained or "
                    f"loaded, received {input_shape} in {self.dtype}: use a new layer"
                )
            layer.build(input_shape, self.generator(WEIGHTS, index), self.dtype)
        layer.reseed(self.generator(NOISE, index))

    @known_arguments
    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create all weights for batches of that shape, (None, H, W, C), the batch axis included as in Keras.

        Raises ValueError where a layer does not fit its input, or when the model is built for another shape.
        """
        shape = tuple(int(n) for n in input_shape[1:] if n is not None)
        if len(shape) != len(input_shape) - 1:
            raise ValueError(f"build expected (None, H, W, C) with only the batch axis open, received {input_shape}")
        if self.built:
            if shape != self._sample_shape:
                raise ValueError(f"{self.name!r} is built for samples of {self._sample_shape}, received {shape}")
            return
        for index, layer in enumerate(self.layers):
            self._build_layer(layer, index, self.layers[index - 1].output_shape if index else shape)
        self._sample_shape = shape

    @property
    def built(self) -> bool:
        return bool(self.layers) and all(layer.built for layer in self.layers)

    @property
    def input_shape(self) -> tuple[int | None, ...] | None:
        """(None, H, W, C), None before the model is built."""
        return None if self._sample_shape is None else (None, *self._sample_shape)

    @property
    def output_shape(self) -> tuple[int | None, ...] | None:
        """(None, K), None before the model is built."""
        return (None, *self.layers[-1].output_shape) if self.built else None

    @known_arguments
    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of that name, or at that place. Raises ValueError when there is none."""
        for place, layer in enumerate(self.layers):
            if layer.name == name or index in (place, place - len(self.layers)):
                return layer
        wanted, names = index if name is None else name, [layer.name for layer in self.layers]
        raise ValueError(f"{self.name!r} has no layer {wanted!r}.{did_you_mean(str(wanted), names)}")

    __repr__ = summary.in_a_line
    summary = summary.summary

    # Running

    @one_at_a_time
    def forward(self, x: Array, *, training: bool = False) -> Array:
        """Every layer's forward in order: (N, H, W, C) to (N, K)."""
        return self.execution_for(x).outputs(x, training)

    def __call__(self, x: Array, training: bool = False) -> Array:
        return self.forward(array(x, "x", f"Sequential {self.name!r}"), training=training)

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
            raise ValueError(f"Sequential {self.name!r} has no layers: add(...) some first")
        if not self.built:
            self.build((None, *array(x, "x", f"Sequential {self.name!r}").shape[1:]))

    def parameters(self) -> Iterator[tuple[str, Array, Array]]:
        """(name, value, gradient) of everything that trains; names are like "conv2d/kernel"."""
        for layer in self.layers:
            for name, value in layer.params.items() if layer.trainable else ():
                yield f"{layer.name}/{name}", value, layer.grads[name]

    # Training: one batch in training/step.py, many in training/loop.py, none in training/inference.py

    @known_arguments
    @one_at_a_time
    def compile(
        self,
        optimizer: str | optimizers.Optimizer = "adam",
        loss: str | losses.CategoricalCrossentropy = "categorical_crossentropy",
        metrics: "Iterable[str | metric_types.Metric] | str | None" = None,
    ) -> None:
        """Choose how to train: optimizer, loss and metrics, by name or as objects.

        Raises ValueError for unknown names, and for a loss from logits on a model that ends in a softmax.
        """
        chosen = [metrics] if isinstance(metrics, str) else metrics or []
        self.optimizer = optimizers.get(optimizer)
        self.metrics = [metric_types.get(metric) for metric in chosen]
        self.loss = losses.get(loss)
        if self.layers:
            step.check_logits(self)

    loss_and_gradients = step.loss_and_gradients
    train_step = step.train_step
    test_step = step.test_step
    fit = loop.fit
    train_on_batch = loop.train_on_batch
    lr_find = lr_find.lr_find
    evaluate = inference.evaluate
    predict = inference.predict
    predict_image = prediction.predict_image

    replace_head = transfer.replace_head
    freeze = transfer.freeze
    unfreeze = transfer.unfreeze
    trainable = property(transfer.is_trainable, transfer.set_trainable)

    # Weights and files

    def count_params(self) -> int:
        """Numbers in all layers' weights, trained or not."""
        return sum(layer.count_params() for layer in self.layers)

    get_weights = weights.get_weights
    set_weights = weights.set_weights
    save = persistence.save
    save_weights = persistence.save_weights
    load_weights = persistence.load_weights

    @property
    def has_fresh_weights(self) -> bool:
        """Whether some layer's weights have neither been trained nor loaded."""
        return any(layer.has_fresh_weights for layer in self.layers if layer.params)

    def note_weights(self) -> None:
        """Remember that no weight is fresh any more."""
        for layer in self.layers:
            if layer.has_fresh_weights:
                layer.has_fresh_weights = False
