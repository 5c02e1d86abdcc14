"""Sequential: a stack of layers that can be built, trained, asked and saved."""

import copy
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from minicnn import losses, optimizers, persistence, summary
from minicnn import metrics as metric_types
from minicnn.errors import did_you_mean
from minicnn.layers.base import Array, Layer, Shape, snake_case
from minicnn.layers.input import Input
from minicnn.layers.softmax import Softmax
from minicnn.training import loop
from minicnn.training.callbacks import History
from minicnn.utils import fresh_seed

WEIGHTS, NOISE, SHUFFLE = range(3)  # what a model's random generators are for


class Sequential:
    """A model in which each layer feeds the next.

    Args:
        layers: the layers in order; an Input first, or `input_shape=` in the first layer, lets the model build at once,
            otherwise the first data it sees decide.
        name: for messages and summary.
        seed: determines initial weights, dropout and shuffling; None draws one.
        dtype: "float32" to train, "float64" to check.

    Attributes:
        layers: the layers, Input left out.
        optimizer, loss, metrics: set by compile.
        history: the History of the last fit.
        stop_training: set to True by a callback, ends fit after the running epoch.
    """

    def __init__(
        self,
        layers: Iterable[Layer] | None = None,
        *,
        name: str = "sequential",
        seed: int | None = None,
        dtype: str = "float32",
    ):
        self.name = name
        self.seed = fresh_seed() if seed is None else seed
        self.dtype = np.dtype(dtype)
        self.layers: list[Layer] = []
        self._sample_shape: Shape | None = None
        self.has_fresh_weights = True  # neither trained nor loaded
        self.optimizer: Any = None  # set by compile, as are loss and metrics
        self.loss: Any = None
        self.metrics: list[metric_types.Metric] = []
        self.history = History()
        self.stop_training = False
        self.shuffle_rng = self.generator(SHUFFLE)
        for layer in layers or []:
            self.add(layer)

    def generator(self, purpose: int, index: int = 0, seed: int | None = None) -> np.random.Generator:
        """A generator of its own for every purpose and layer, all determined by one seed."""
        return np.random.default_rng(
            np.random.SeedSequence(self.seed if seed is None else seed, spawn_key=(purpose, index))
        )

    def reseed(self, seed: int) -> None:
        """Start dropout and shuffling anew from a seed; weights stay as they are."""
        self.shuffle_rng = self.generator(SHUFFLE, seed=seed)
        for index, layer in enumerate(self.layers):
            layer.reseed(self.generator(NOISE, index, seed))

    # Building

    def add(self, layer: Layer) -> None:
        """Append a layer. Raises TypeError for what is none, ValueError for a name that is taken or does not fit."""
        if isinstance(layer, type) or not isinstance(layer, Layer):
            hint = f": write {layer.__name__}(...)" if isinstance(layer, type) else ""
            raise TypeError(f"Sequential {self.name!r} expected a layer, received {layer!r}{hint}")
        if not self.layers and layer.given_input_shape is not None:
            self._sample_shape = layer.given_input_shape
        if isinstance(layer, Input):
            if self.layers:
                raise ValueError(f"Sequential {self.name!r} expected Input as its first layer only")
            return
        if any(layer is other for other in self.layers):
            raise ValueError(f"{layer} is in {self.name!r} already: every place in a model needs a layer of its own")
        self._name(layer)
        if self._sample_shape is not None:
            shape = self.layers[-1].output_shape if self.layers else self._sample_shape
            self._build_layer(layer, len(self.layers), shape)
        self.layers.append(layer)

    def _name(self, layer: Layer) -> None:
        """Give a nameless layer Keras' name: conv2d, conv2d_1, conv2d_2 ..."""
        taken = {other.name for other in self.layers}
        if layer.name in taken or "/" in layer.name:
            raise ValueError(f"{layer}: names must be unique in a model and have no '/'; taken are {sorted(taken)}")
        base, number = snake_case(type(layer).__name__), 0
        while not layer.name:
            candidate = f"{base}_{number}" if number else base
            layer.name, number = "" if candidate in taken else candidate, number + 1

    def _build_layer(self, layer: Layer, index: int, input_shape: Shape) -> None:
        layer.build(input_shape, self.generator(WEIGHTS, index), self.dtype)
        layer.reseed(self.generator(NOISE, index))

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
        self._sample_shape = shape
        for index, layer in enumerate(self.layers):
            self._build_layer(layer, index, self.layers[index - 1].output_shape if index else shape)

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

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of that name, or at that place. Raises ValueError when there is none."""
        for place, layer in enumerate(self.layers):
            if layer.name == name or (index is not None and place == index % len(self.layers)):
                return layer
        names = [layer.name for layer in self.layers]
        raise ValueError(f"{self.name!r} has no layer {name or index!r}.{did_you_mean(str(name), names)}")

    def summary(
        self, print_fn: Callable[[str], Any] = print, flops: bool = False, receptive_field: bool = False
    ) -> None:
        """Print layers, output shapes and parameter counts; optionally the work and the view of each layer."""
        print_fn(summary.table(self.name, self.layers, flops, receptive_field))

    # Running

    def forward(self, x: Array, *, training: bool = False) -> Array:
        """Every layer's forward in order: (N, H, W, C) to (N, K)."""
        self._build_for(x)
        return _forward(self.layers, x, training)

    def __call__(self, x: Array, training: bool = False) -> Array:
        return self.forward(np.asarray(x), training=training)

    def backward(self, dy: Array) -> Array | None:
        """Every layer's backward in reverse order, after forward(x, training=True): returns dx, leaves layer.grads."""
        return _backward(self.layers, dy, lowest=-1)

    def _build_for(self, x: Array) -> None:
        if not self.layers:
            raise ValueError(f"Sequential {self.name!r} has no layers: add(...) some first")
        if not self.built:
            self.build((None, *np.shape(x)[1:]))

    def parameters(self) -> Iterator[tuple[str, Array, Array]]:
        """(name, value, gradient) of everything that trains; names are like "conv2d/kernel"."""
        for layer in self.layers:
            if layer.trainable:
                for name, value in layer.params.items():
                    yield f"{layer.name}/{name}", value, layer.grads[name]

    # Training: one batch at a time here, everything around it in training/loop.py

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
        if self.layers and self.loss.from_logits and isinstance(self._last_activation(), Softmax):
            raise ValueError(
                f"loss {self.loss.name!r} with from_logits=True expected logits, but {self.layers[-1]} ends in a "
                "softmax: leave out one of the two"
            )

    def _last_activation(self) -> Layer:
        return self.layers[-1].activation_layer or self.layers[-1]

    def loss_and_gradients(self, x: Array, y: Array, sample_weight: Array | None = None) -> tuple[float, Array]:
        """The loss of a batch, its gradients in layer.grads, and its predictions (logits before a final softmax).

        Where the loss is NaN or infinite there are no gradients to compute, and layer.grads keep what they hold.
        """
        layers, from_logits = self._layers_for_loss(x)
        y_pred = _forward(layers, x, training=True)
        loss, dy = self.loss.value_and_gradient(y, y_pred, sample_weight, from_logits=from_logits)
        if np.isfinite(loss):
            trained = [index for index, layer in enumerate(layers) if layer.trainable and layer.params]
            _backward(layers, dy, lowest=min(trained, default=len(layers)))
        return loss, y_pred

    def train_step(self, x: Array, y: Array, sample_weight: Array | None = None) -> tuple[float, Array]:
        """One forward, backward and update; returns what loss_and_gradients does.

        When the loss is NaN or infinite the update is left out: it would make every weight NaN.
        """
        loss, y_pred = self.loss_and_gradients(x, y, sample_weight)
        if np.isfinite(loss):
            self.optimizer.step(self.parameters())
        self.has_fresh_weights = False
        return loss, y_pred

    def test_step(self, x: Array, y: Array, sample_weight: Array | None = None) -> tuple[float, Array]:
        """The loss and the predictions of a batch in inference, in the form train_step gives them."""
        layers, from_logits = self._layers_for_loss(x)
        y_pred = _forward(layers, x, training=False)
        return self.loss.value_and_gradient(y, y_pred, sample_weight, from_logits=from_logits)[0], y_pred

    def _layers_for_loss(self, x: Array) -> tuple[list[Layer], bool]:
        """The layers whose output the loss takes, and whether that is logits.

        A softmax at the end is left out: the loss applies it itself, exactly and with a simpler gradient (losses.py).
        """
        self._build_for(x)
        if self.loss.from_logits or not isinstance(self._last_activation(), Softmax):
            return self.layers, self.loss.from_logits
        *layers, last = self.layers
        if last.activation_layer is not None:
            linear = copy.copy(last)  # shares weights, gradients and state, and leaves out the activation
            linear.activation_layer = None
            layers.append(linear)
        return layers, True

    fit = loop.fit
    evaluate = loop.evaluate
    predict = loop.predict
    train_on_batch = loop.train_on_batch

    # Weights and files

    def count_params(self) -> int:
        """Numbers in all layers' weights, trained or not."""
        return sum(layer.count_params() for layer in self.layers)

    def get_weights(self) -> list[Array]:
        """Copies of all weights, layer by layer, in Keras' order."""
        return [array for layer in self.layers for array in layer.get_weights()]

    def set_weights(self, weights: list[Array]) -> None:
        """Overwrite all weights, given in get_weights' order. Raises ValueError when number or shapes differ."""
        weights = list(weights)
        expected = sum(len(layer.weights) for layer in self.layers)
        if len(weights) != expected:
            raise ValueError(f"{self.name!r} expected {expected} weight arrays, received {len(weights)}")
        for layer in self.layers:
            own, weights = weights[: len(layer.weights)], weights[len(layer.weights) :]
            layer.set_weights(own)
        self.has_fresh_weights = False

    def save(self, path: str | os.PathLike) -> None:
        """Write architecture, weights and training state to one file; `models.load_model` reads it."""
        persistence.save_model(self, path)

    def save_weights(self, path: str | os.PathLike) -> None:
        """Write the weights alone, by layer name."""
        persistence.save_weights(self, path)

    def load_weights(self, path: str | os.PathLike, skip_mismatch: bool = False) -> None:
        """Read weights by layer name from a model or weight file.

        Raises ModelFileError with a table of what does not fit; skip_mismatch=True loads what does.
        """
        persistence.load_weights(self, path, skip_mismatch)
        self.has_fresh_weights = False


def _forward(layers: list[Layer], x: Array, training: bool) -> Array:
    for layer in layers:
        x = layer.forward(x, training=training)
    return x


def _backward(layers: list[Layer], dy: Array, lowest: int) -> Any:
    """Backward from the last layer down to number `lowest`, which need not give a dx; -1: all of them give one."""
    for index in reversed(range(max(lowest, 0), len(layers))):
        layers[index].needs_input_grad = index > lowest
        dy = layers[index].backward(dy)
    return dy
