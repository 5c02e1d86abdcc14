"""Sequential: a stack of layers that can be built, trained, asked and saved."""

from collections.abc import Callable, Iterable
from typing import Any, Self

from minicnn.layers.base import Layer
from minicnn.layers.input import Input, InputLayer
from minicnn.layers.names import Names
from minicnn.layers.node import Node
from minicnn.machine.threads import one_at_a_time
from minicnn.models.model import Model
from minicnn.names import known_arguments
from minicnn.network.graph import Program
from minicnn.network.network import Network
from minicnn.training import checks
from minicnn.training.callbacks import History
from minicnn.types import Shape


class Sequential(Model):
    """A model in which each layer feeds the next: the graph that is a path.

    Args:
        layers: the layers in order, models among them; an Input first, or `input_shape=` in the
            first layer, lets the model build at once, otherwise the first data it sees decide.
        name: for messages and summary.
        seed: determines initial weights, dropout and shuffling; None draws one.
        dtype: "float32" to train, "float64" to check.
        class_names: the name of each class, for predict_image; they go into the model's file.

    Attributes:
        layers: the layers, Input left out.
        optimizer, loss, metrics: set by compile.
        history: the History of the last fit.
        stop_training: set to True by a callback, ends fit after the running epoch.

    >>> stack = [layers.Flatten(), layers.Dense(2, activation="softmax")]
    >>> model = Sequential([Input((8, 8, 1)), *stack])
    >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    >>> x = np.random.default_rng(0).random((64, 8, 8, 1), np.float32)
    >>> y = (x.mean(axis=(1, 2, 3)) > 0.5).astype(int)
    >>> history = model.fit(x, y, epochs=2, verbose=0)
    >>> sorted(history.history)
    ['accuracy', 'loss']
    >>> model.predict(x[:5], verbose=0).shape
    (5, 2)
    """

    own_name = "sequential"
    is_chain = True

    def __init__(
        self,
        layers: Iterable[Any] | None = None,
        *,
        name: str | None = None,
        seed: int | None = None,
        dtype: str = "float32",
        class_names: Iterable[str] | None = None,
    ):
        Network.__init__(self, name=name, seed=seed, dtype=dtype, class_names=class_names)
        self.history = History()
        self._names = Names(self.name)
        for layer in layers or []:
            self.add(layer)

    @known_arguments
    @one_at_a_time
    def add(self, layer: Any) -> None:
        """Append a layer.

        Raises TypeError for what is none, ValueError for a name that is taken or does not fit.
        """
        if isinstance(layer, Node) and isinstance(layer.layer, InputLayer):
            layer = layer.layer
        if isinstance(layer, type) or not isinstance(layer, Layer | Network):
            hint = f": write {layer.__name__}(...)" if isinstance(layer, type) else ""
            raise TypeError(f"Sequential {self.name!r} expected a layer, received {layer!r}{hint}")
        if isinstance(layer, InputLayer):
            if self.layers:
                raise ValueError(f"Sequential {self.name!r} expected Input as its first layer only")
            self._begin(layer.entrance)
            return
        self._names.give(layer, self.layers)
        before = self.inputs, self.nodes, self.outputs
        try:
            if not self.inputs and not self.layers:
                shape = own_shape(layer)
                if shape is not None:
                    self._begin(Input(shape))
            if self.inputs:
                self._append(layer, len(self.leaves))
        except BaseException:
            self.inputs, self.nodes, self.outputs = before
            raise
        self._names.keep(layer)
        self.layers.append(layer)

    def _begin(self, node: Node) -> None:
        """Let samples enter at that node."""
        self.inputs, self.nodes, self.outputs = [node], [node], [node]

    def _append(self, layer: Any, index: int) -> None:
        """Put a layer at the end and build it for what comes out there; index: how many layers come
        before it.
        """
        before = self.outputs[0]
        if isinstance(layer, Network):
            self._begin_at(layer.placed(before, None))
            for more, leaf in enumerate(layer.leaves.values()):
                self._draw_layer(leaf, index + more, leaf.input_shape)
            self._take_in(layer)
            return
        checks.channels_last(self.name, self.inputs[0].sample_shape, layer, before.sample_shape)
        self._draw_layer(layer, index, before.sample_shape)
        self._begin_at(Node(layer, [before], layer.output_shape, self.dtype))

    def _begin_at(self, node: Node) -> None:
        self.nodes.append(node)
        self.outputs = [node]

    @known_arguments
    @one_at_a_time
    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create all weights for batches of that shape, (None, H, W, C), with the batch axis.

        Raises ValueError where a layer does not fit its input, or when the model is built for
        another shape.
        """
        shape = tuple(int(n) for n in input_shape[1:] if n is not None)
        if len(shape) != len(input_shape) - 1:
            raise ValueError(
                "build expected (None, H, W, C) with only the batch axis open, received "
                f"{input_shape}"
            )
        if self.built:
            if shape != self.inputs[0].sample_shape:
                raise ValueError(
                    f"{self.name!r} is built for samples of {self.inputs[0].sample_shape}, "
                    f"received {shape}"
                )
            return
        self._join(Input(shape))

    def _join(self, node: Node) -> None:
        """Build all layers and let them feed each other, from that input on."""
        before = self.inputs, self.nodes, self.outputs
        self._begin(node)
        index = 0
        try:
            for layer in self.layers:
                self._append(layer, index)
                index += len(layer.leaves) if isinstance(layer, Network) else 1
        except BaseException:
            self.inputs, self.nodes, self.outputs = before
            raise

    def _like(self, copied: Callable[[Any], Any], options: dict[str, Any]) -> Self:
        """A model of what `copied` makes of its layers; it may leave some out."""
        first = [Input(node.sample_shape) for node in self.inputs]
        layers = [copied(layer) for layer in self.layers]
        return type(self)([*first, *(layer for layer in layers if layer is not None)], **options)

    def program(self) -> Program:
        """What has to be run; the list of layers may have been changed."""
        if [node.layer for node in self.nodes[1:]] != self.layers:
            self._begin(self.inputs[0])
            for index, layer in enumerate(self.layers):
                if isinstance(layer, Network) or not layer.built:
                    self._append(layer, index)
                else:
                    self._begin_at(Node(layer, self.outputs, layer.output_shape, layer.dtype))
        return super().program()


Model._chain = Sequential


def own_shape(layer: Any) -> Shape | None:
    """The shape of the samples that a first layer is for, if it says so, or has been built in
    another model.
    """
    if isinstance(layer, Network):
        return layer.inputs[0].sample_shape if layer.inputs else None
    return layer.given_input_shape or layer.input_shape
