"""Transfer learning: keep what a trained model sees, teach it to name something else."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from minicnn.errors import did_you_mean
from minicnn.expect import count, is_integer
from minicnn.layers.base import Layer
from minicnn.layers.dense import Dense
from minicnn.layers.node import Node
from minicnn.machine.threads import one_at_a_time
from minicnn.names import known_arguments
from minicnn.network import Network
from minicnn.network.clone import clone

Kind = TypeVar("Kind", bound=Network)


@known_arguments
@one_at_a_time
def replace_head(model: Kind, classes: int | Sequence[str]) -> Kind:
    """A copy of the model whose last Dense layer decides among other classes.

    All other layers keep their weights and whether they train. The new layer has the name and the
    settings of the one it replaces, but for a sigmoid, which becomes a softmax, and fresh weights
    that the model's seed determines. The model itself stays as it is. The copy is not compiled:
    what an optimizer remembers belongs to the weights that it has trained.

    Args:
        classes: how many, or their names, which become the copy's class_names.

    Raises ValueError for a model that is not built or does not decide by a Dense layer, and for
        fewer than two classes, names that repeat or that are no strings.
    Source: Yosinski et al. 2014, arXiv:1411.1792.
    """
    head = _head(model)
    changes: dict[str, Any] = {"trainable": True}
    if model.ends_in == "sigmoid":
        if getattr(head, "activation", None) != "sigmoid":
            raise ValueError(
                f"replace_head expected {model.name!r} to end in a softmax or in {head} itself, "
                "received a sigmoid behind it: build a model of the layers before, and a head of "
                "your own"
            )
        changes["activation"] = "softmax"
    names = None
    if isinstance(classes, Sequence):
        names = _names(classes)
        classes = len(names)
    units = count(classes, "classes", "replace_head", least=2)
    copy = clone(
        model,
        lambda layer: layer.clone(units=units, **changes) if layer is head else layer.clone(),
        class_names=names,
    )
    for layer, original in zip(copy.leaves.values(), model.leaves.values(), strict=True):
        if original is not head:
            layer.set_weights(original.get_weights())
    _forget_names(copy)
    return copy


def _head(model: Network) -> Layer:
    """The last layer with weights, which must be Dense. Only such as Softmax may follow it."""
    if not model.built:
        raise ValueError(
            f"{model.name!r} has no weights to keep yet: build((None, H, W, C)), fit or load it "
            "first"
        )
    model.program()  # a Sequential's list of layers may have been changed
    _ = model.head  # raises ValueError where several outputs share the decision
    last = _last(model, model.outputs[0])
    if not isinstance(last, Dense):
        own = (
            "build a Sequential from model.layers[:-1]"
            if model.is_chain
            else "build a Model up to one before it"
        )
        raise ValueError(
            f"replace_head expected the last layer with weights of {model.name!r} to be Dense, "
            "received "
            f"{last if isinstance(last, Layer) else 'none'}: {own} and a head of your own"
        )
    return last


def _last(network: Network, output: Node) -> Layer | Node:
    """The last layer with weights, or with several inputs, before an output; or the input that
    comes first.
    """
    node = output
    while node not in network.inputs:
        if isinstance(node.layer, Network):
            found = _last(node.layer, node.layer.outputs[node.index])
            if isinstance(found, Layer):
                return found
            node = node.inputs[node.layer.inputs.index(found)]
        elif node.layer.weights_by_name or len(node.inputs) > 1:
            return node.layer
        else:
            node = node.inputs[0]
    return node


def _forget_names(network: Network) -> None:
    """Leave no class_names to a model inside that decides among others now."""
    for inner in network.layers:
        if isinstance(inner, Network):
            if (
                inner.class_names is not None
                and len(inner.outputs) == 1
                and len(inner.class_names) != inner.classes
            ):
                inner.class_names = None
            _forget_names(inner)


def _names(classes: Sequence[str]) -> list[str]:
    names = [] if isinstance(classes, str) else list(classes)
    if (
        not names
        or not all(isinstance(name, str) for name in names)
        or len(set(names)) < len(names)
    ):
        raise ValueError(
            "replace_head expected the number of classes or a list of their different names, "
            f"received {classes!r}"
        )
    return names


@known_arguments
@one_at_a_time
def freeze(model: Network, *which: str | int) -> None:
    """Make layers keep their weights in training: set them to `trainable = False`.

        model.freeze("conv2d")            the layer of that name; all layers of a model inside
        model.freeze("backbone/conv2d")   a layer of the model inside of that name
        model.freeze("conv")              when no layer has that name: all whose names begin so
        model.freeze(6)                   the first six, layers[:6]; freeze(-1) all but the last
        model.freeze()                    all layers

    A frozen BatchNormalization uses its moving statistics in training too, as in Keras. Backward
    ends at the lowest layer that still trains: every frozen layer below it saves time. A compiled
    model need not be compiled again, as it must in Keras: the next batch is trained so, and what
    the optimizer remembers of frozen weights stays.

    Raises ValueError for what selects no layer.
    """
    for layer in _selected(model, which, "freeze"):
        layer.trainable = False


@known_arguments
@one_at_a_time
def unfreeze(model: Network, *which: str | int) -> None:
    """Let layers train again, selected as freeze does; but a number n means layers[n:], those that
    freeze(n) leaves.

        model.unfreeze(-3)       the last three layers
        model.unfreeze()         all layers

    Raises ValueError for what selects no layer.
    """
    for layer in _selected(model, which, "unfreeze"):
        layer.trainable = True


def is_trainable(model: Network) -> bool:
    """model.trainable: whether any of its layers trains.

    Assigning to it, as in Keras, is freeze() or unfreeze().
    """
    return not model.layers or any(layer.trainable for layer in model.leaves.values())


def set_trainable(model: Network, value: bool) -> None:
    """Let all layers train, or none. They are so in every other model that has them, too."""
    for layer in model.leaves.values():
        layer.trainable = bool(value)


def _selected(model: Network, which: tuple[str | int, ...], who: str) -> list[Any]:
    names = dict(_by_path(model))
    count = len(model.layers)
    selected: list[Any] = [] if which else model.layers
    for wanted in which:
        found: list[Any] = []
        if wanted in names:
            found = [names[str(wanted)]]
        elif isinstance(wanted, str):
            found = [layer for name, layer in names.items() if wanted and name.startswith(wanted)]
        elif is_integer(wanted, -count) and wanted <= count:
            found = model.layers[:wanted] if who == "freeze" else model.layers[wanted:]
        if not found:
            raise ValueError(
                f"{who} expected a layer's name, the beginning of names, or a number of the "
                f"{count} layers of "
                f"{model.name!r}, received {wanted!r}, which selects "
                f"none.{did_you_mean(str(wanted), names)}"
            )
        selected += found
    return selected


def _by_path(network: Network, path: str = "") -> Iterator[tuple[str, Any]]:
    """Its layers and models inside, and theirs: "backbone", "backbone/conv2d"."""
    for layer in network.layers:
        yield f"{path}{layer.name}", layer
        if isinstance(layer, Network):
            yield from _by_path(layer, f"{path}{layer.name}/")
