"""Sequential: a stack of layers that can be built, trained, asked and saved."""

from collections.abc import Iterable

from minicnn import losses, optimizers, persistence, prediction, summary, transfer
from minicnn import metrics as metric_types
from minicnn.kernels.threads import one_at_a_time
from minicnn.layers.base import Layer
from minicnn.layers.input import Input
from minicnn.layers.names import Names
from minicnn.names import known_arguments
from minicnn.network.network import NOISE, WEIGHTS, Network
from minicnn.training import checks, inference, loop, lr_find, step
from minicnn.training.callbacks import History
from minicnn.types import Shape


class Sequential(Network):
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

    >>> model = Sequential([Input((8, 8, 1)), layers.Flatten(), layers.Dense(2, activation="softmax")])
    >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    >>> x = np.random.default_rng(0).random((64, 8, 8, 1), np.float32)
    >>> y = (x.mean(axis=(1, 2, 3)) > 0.5).astype(int)
    >>> history = model.fit(x, y, epochs=2, verbose=0)
    >>> sorted(history.history)
    ['accuracy', 'loss']
    >>> model.predict(x[:5], verbose=0).shape
    (5, 2)
    """

    history: History

    def __init__(
        self,
        layers: Iterable[Layer] | None = None,
        *,
        name: str = "sequential",
        seed: int | None = None,
        dtype: str = "float32",
        class_names: Iterable[str] | None = None,
    ):
        super().__init__(name=name, seed=seed, dtype=dtype, class_names=class_names)
        self.history = History()
        self._names = Names(name)
        for layer in layers or []:
            self.add(layer)

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

    __repr__ = summary.in_a_line
    summary = summary.summary

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

    # Files

    save = persistence.save
    save_weights = persistence.save_weights
    load_weights = persistence.load_weights
