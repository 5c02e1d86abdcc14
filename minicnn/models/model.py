"""Model: a network of layers in any arrangement, that can be trained, asked and saved."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from minicnn.layers.base import Layer
from minicnn.layers.names import Names
from minicnn.layers.node import Node
from minicnn.models import compiling, describing, pictures, transfer
from minicnn.names import known_arguments
from minicnn.network import summary
from minicnn.network.clone import replayed
from minicnn.network.network import NOISE, WEIGHTS, Network
from minicnn.network.walk import between, in_keras_order
from minicnn.saving import formats, weights
from minicnn.training import inference, loop, lr_find, step
from minicnn.training.callbacks import History


class Model(Network):
    """The network between symbolic inputs and outputs.

        inputs = Input((32, 32, 3))
        x = layers.Conv2D(16, 3, padding="same", activation="relu")(inputs)
        y = layers.Conv2D(16, 3, padding="same")(x)
        x = layers.Add()([x, y])
        outputs = layers.Dense(10, activation="softmax")(layers.Flatten()(x))
        model = Model(inputs, outputs)

    Layers may be called several times, and then share their weights; models may be called like
    layers, and are parts of the model then. With several outputs a model predicts; it is trained on
    one.

    Args:
        inputs: a symbolic tensor, or a list or dict of them. It may lie inside another network,
            whose weights are then shared.
        outputs: likewise; predictions have the same form.
        name: for messages and summary.
        seed: determines initial weights, dropout and shuffling; None draws one.
        dtype: "float32" to train, "float64" to check.
        class_names: the name of each class, for predict_image; they go into the model's file.

    Attributes:
        layers: the farthest from the outputs first, as in Keras, and the inputs' among them.
        optimizer, loss, metrics: set by compile.
        history: the History of the last fit.
        stop_training: set to True by a callback, ends fit after the running epoch.

    Raises TypeError for what is no symbolic tensor; ValueError where outputs do not depend on the
    inputs alone, and for two layers of one name.

    >>> inputs = Input((8, 8, 3))
    >>> x = layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    >>> y = layers.Conv2D(4, 3, padding="same")(x)
    >>> outputs = layers.Dense(10, activation="softmax")(layers.Flatten()(layers.Add()([x, y])))
    >>> Model(inputs, outputs).output_shape
    (None, 10)
    """

    own_name = "functional"  # as in Keras
    history: History
    _keys: list[str] | None = None  # of its outputs, where they are a dict
    _chain: type["Model"]  # Sequential, which sequential.py puts here: a Model may hold one

    def __init__(
        self,
        inputs: Any,
        outputs: Any,
        *,
        name: str | None = None,
        seed: int | None = None,
        dtype: str = "float32",
        class_names: Iterable[str] | None = None,
    ):
        super().__init__(name=name, seed=seed, dtype=dtype, class_names=class_names)
        self.history = History()
        who = f"{type(self).__name__} {self.name!r}"
        self._keys = list(outputs) if isinstance(outputs, Mapping) else None
        ends = symbolic(inputs, "inputs", who), symbolic(outputs, "outputs", who)
        self.inputs, self.outputs, found = between(*ends, who)
        # Inputs that no output depends on are nodes, too, as in Keras.
        alone = [node for node in self.inputs if node not in set(found.finished)]
        self.nodes = [*alone, *found.finished]
        self.layers = in_keras_order(found, self.inputs)
        self._name_layers()
        self._draw()

    def __init_subclass__(cls, **options: Any):
        super().__init_subclass__(**options)
        if "call" in vars(cls):
            raise TypeError(
                f"{cls.__name__} defines call(), which cannot be differentiated: minicnn has no "
                "autograd. Join layers by Model(inputs, outputs), or write a layers.Layer with a "
                "forward and a backward of its own"
            )

    def _name_layers(self) -> None:
        """Names for layers that have none, as Keras', in the order in which they were made."""
        names = Names(self.name)
        done: list[Any] = []
        for layer in sorted(self.layers, key=lambda layer: (not named(layer), layer._number)):
            names.give(layer, done)
            names.keep(layer)
            done.append(layer)

    def _draw(self) -> None:
        """Initial weights by the model's seed, for layers that have none but those of a call;
        others keep theirs.
        """
        for index, layer in enumerate(self.leaves.values()):
            self._draw_layer(layer, index, layer.input_shape)
        for layer in self.layers:
            self._take_in(layer)

    def _take_in(self, layer: Any) -> None:
        """A model inside computes in the type of the whole."""
        if isinstance(layer, Network):
            layer.dtype = self.dtype
            for inner in layer.layers:
                self._take_in(inner)

    def _draw_layer(self, layer: Layer, index: int, input_shape: Any) -> None:
        """Create a layer's weights, unless another model has it too: then they are shared."""
        fits = layer.built and (layer.input_shape, layer.dtype) == (input_shape, self.dtype)
        if not fits or layer._provisional and layer.has_fresh_weights:
            if layer.params and not layer.has_fresh_weights:
                raise ValueError(
                    f"{layer} is built for samples of {layer.input_shape} in {layer.dtype} and has "
                    f"been trained or loaded, received {input_shape} in {self.dtype}: use a new "
                    "layer"
                )
            layer.build(input_shape, self.generator(WEIGHTS, index), self.dtype)
            layer._provisional = False
        layer.reseed(self.generator(NOISE, index))

    def in_form(self, outputs: list[Any]) -> Any:
        """Outputs as they are handed out: a dict by name where the model was given one, else an
        array, or the list of several.
        """
        if self._keys is not None:
            return dict(zip(self._keys, outputs, strict=True))
        return super().in_form(outputs)

    @known_arguments
    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Keras' call for models whose shape is open; this one's is known.

        Raises ValueError for another shape.
        """
        if input_shape != self.input_shape:
            raise ValueError(
                f"{self.name!r} is built for {self.input_shape}, received {input_shape}"
            )

    def _like(self, copied: Callable[[Any], Any], options: dict[str, Any]) -> Self:
        """A model of the same structure, of what `copied` makes of its layers."""
        inputs, outputs = self.ends()
        nodes = replayed([row._replace(layer=copied(row.layer)) for row in self.rows()])
        return type(self)(
            [nodes[n] for n in inputs], self.in_form([nodes[n] for n in outputs]), **options
        )

    __repr__ = summary.in_a_line
    summary = summary.summary

    # Training: one batch in training/step.py, many in training/loop.py, none in
    # training/inference.py

    compile = compiling.compile

    @property
    def metrics_names(self) -> list[str]:
        """The names of what evaluate returns: "loss", and those of the metrics."""
        return ["loss", *[metric.name for metric in self.metrics]]

    loss_and_gradients = step.loss_and_gradients
    train_step = step.train_step
    test_step = step.test_step
    fit = loop.fit
    train_on_batch = loop.train_on_batch
    test_on_batch = inference.test_on_batch
    predict_on_batch = inference.predict_on_batch
    lr_find = lr_find.lr_find
    evaluate = inference.evaluate
    predict = inference.predict
    predict_image = pictures.predict_image

    replace_head = transfer.replace_head
    freeze = transfer.freeze
    unfreeze = transfer.unfreeze
    trainable = property(transfer.is_trainable, transfer.set_trainable)

    # Files

    get_config = describing.get_config
    to_json = describing.to_json

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, type] | None = None
    ) -> "Model":
        """The model whose get_config this is, with fresh weights; a Sequential where that was one.

        custom_objects: classes of your own layers by name. Raises ModelFileError for what describes
        no model.
        """
        return describing.made(config, {"Sequential": Model._chain, "Model": Model}, custom_objects)

    save = weights.save
    export = formats.export
    save_weights = weights.save_weights
    load_weights = weights.load_weights


def named(layer: Any) -> bool:
    """Whether somebody has given the layer its name."""
    return bool(layer.name) and not layer.is_named_by_itself


def symbolic(given: Any, what: str, who: str) -> list[Node]:
    """Symbolic tensors, given as one, a list or a dict by name, as a list.

    Raises TypeError for others.
    """
    several = given.values() if isinstance(given, Mapping) else given
    parts = (
        list(several)
        if isinstance(several, Iterable) and not isinstance(several, Node)
        else [several]
    )
    for part in parts:
        if not isinstance(part, Node):
            raise TypeError(
                f"{who} expected symbolic {what}, such as Input((32, 32, 3)) and layers called on "
                "it, received "
                f"{part!r:.80}"
            )
    if not parts:
        raise ValueError(f"{who} expected at least one of its {what}, received none")
    return parts
