"""What all networks of the zoo have: pictures at the beginning, a decision at the end."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

from minicnn.expect import count, flag, is_word_of, sample_shape
from minicnn.layers import Dense, GlobalAveragePooling2D, GlobalMaxPooling2D, Input
from minicnn.layers.node import Node
from minicnn.models.model import Model
from minicnn.models.sequential import Sequential
from minicnn.network.walk import walk
from minicnn.types import Pair, Shape

POOLING = {"avg": GlobalAveragePooling2D, "max": GlobalMaxPooling2D}


class ModelOptions(TypedDict, total=False):
    """What a Model can be told, besides its name."""

    seed: int | None
    dtype: str
    class_names: Iterable[str] | None


class Frame(ModelOptions, total=False):
    """What every network of the zoo can be told: as in keras.applications, but for the last three.

    Args:
        include_top: whether it decides among classes; otherwise it ends in maps (N, H, W, C).
        input_tensor: a symbolic tensor to begin at, such as Rescaling(1 / 255)(Input((32, 32, 3))).
        input_shape: of one picture, (H, W, C), where it begins at an Input of its own.
        pooling: of maps, where it does not decide: None, "avg" or "max".
        classes: among how many it decides.
        classifier_activation: "softmax"; None for logits.
        name, seed, dtype, class_names: the Model's.
    """

    include_top: bool
    input_tensor: Node | None
    input_shape: Shape | None
    pooling: str | None
    classes: int
    classifier_activation: str | None
    name: str


def averaged(x: Node, classes: int, activation: str | None) -> Node:
    """The usual decision: the mean of every map, and one dense layer. Source: Lin, Chen, Yan 2013,
    arXiv:1312.4400, section 3.2.
    """
    return Dense(classes, activation=activation)(GlobalAveragePooling2D()(x))


def framed(
    body: Callable[[Node], Node],
    who: str,
    told: Frame,
    *,
    name: str,
    shape: Shape = (32, 32, 3),
    classes: int = 10,
    least: int = 8,
    top: Callable[[Node, int, str | None], Node] = averaged,
    pooling_names: Mapping[str, str] | None = None,
) -> Model:
    """The network of a body (pictures -> maps) and a top (maps, classes, activation -> decision).

    Args:
        who: the function that users call.
        told: what they tell it.
        name, shape, classes: the model's name, the shape of a picture and the number of classes,
            unless they are told.
        least: pixels of the shorter side.
        pooling_names: of the layer that `pooling` stands for.

    Raises ValueError for pictures of fewer pixels, and for what is no choice.
    """
    classes = count(told.get("classes", classes), "classes", who)
    pooling = told.get("pooling")
    if not is_word_of(pooling, (None, *POOLING)):
        raise ValueError(f"{who} expected pooling as None, 'avg' or 'max', received {pooling!r}")
    x = begun(who, told.get("input_tensor"), told.get("input_shape"), shape, least)
    y = body(x)
    if flag(told.get("include_top", True), "include_top", who):
        y = top(y, classes, told.get("classifier_activation", "softmax"))
    elif pooling is not None:
        y = POOLING[pooling](name=(pooling_names or {}).get(pooling))(y)
    options = {key: value for key, value in told.items() if key in ModelOptions.__annotations__}
    return between_ends(y, name=told.get("name", name), **options)


def begun(who: str, tensor: Node | None, shape: Shape | None, usual: Shape, least: int) -> Node:
    """The symbolic tensor of the pictures."""
    if tensor is not None and not isinstance(tensor, Node):
        raise TypeError(
            f"{who} expected input_tensor as a symbolic tensor, such as Input((32, 32, 3)), "
            f"received {tensor!r:.80}"
        )
    if tensor is None:
        tensor = Input(sample_shape(shape or usual, who))
    received = tensor.sample_shape
    if shape is not None and tuple(shape) != received:
        raise ValueError(
            f"{who} expected an input_tensor of input_shape {tuple(shape)}, received one of "
            f"{received}: leave input_shape out"
        )
    if len(received) != 3:
        raise ValueError(f"{who} expected pictures (H, W, C), received samples of {received}")
    if min(received[:2]) < least:
        raise ValueError(
            f"{who} expected pictures of {least}x{least} pixels or more, received "
            f"{received[0]}x{received[1]}: choose a larger size"
        )
    return tensor


def between_ends(output: Node, **options: Any) -> Model:
    """The network from the Inputs that a symbolic tensor depends on to it: a Sequential where one
    path leads there.
    """
    nodes = walk([output], []).finished
    inputs = [node for node in nodes if not node.inputs]
    if all(len(node.inputs) == 1 for node in nodes[1:]):
        return Sequential([node.layer for node in nodes], **options)
    return Model(inputs if len(inputs) > 1 else inputs[0], output, **options)


def no_weights(weights: str | None, who: str) -> None:
    """Raise ValueError for anything but None."""
    if weights is not None:
        raise ValueError(
            f"{who} expected weights=None, for random ones, received {weights!r}: trained weights "
            "do not come with minicnn. Write weights=None; set_weights(keras_model.get_weights()) "
            "takes those of Keras' model, load_weights(path) those of a file of your own"
        )


def halving(x: Node, kernel_size: int) -> tuple[Pair, Pair]:
    """The zeros that keras.applications puts around a picture before a convolution of strides 2,
    without padding: one less before than after, where a side is even.
    """
    around = kernel_size // 2
    rows, columns = ((around - 1 + side % 2, around) for side in x.sample_shape[:2])
    return rows, columns
