"""A network that learns to be whole numbers, for networks that lose too much without."""

from typing import Any

from minicnn.layers import (
    Activation,
    Add,
    AveragePooling2D,
    Concatenate,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Input,
    MaxPooling2D,
    ReLU,
    Rescaling,
    Reshape,
    ZeroPadding2D,
)
from minicnn.layers.node import Node
from minicnn.models.model import Model
from minicnn.names import known_arguments
from minicnn.network import Network
from minicnn.quantize.aware_layers import (
    AwareConv2D,
    AwareDense,
    AwareDepthwiseConv2D,
    FakeQuantize,
)
from minicnn.quantize.folding import folded
from minicnn.quantize.merging import factors
from minicnn.quantize.operations import MAKING, Operation
from minicnn.quantize.post_training import measured, of_all


@known_arguments
def aware(model: Network, x: Any, observer: str = "min_max", seed: int | None = None) -> Model:
    """A model that computes in reals what the whole numbers of `model` can say, to be trained on.

    Batch normalisation is in its kernels already, and its ranges are those that pictures x show and
    stay so. Rescaling(1 / 255) stays apart until whole numbers are made: a kernel of which it is a
    part has numbers 255 times as small, for which a step of Adam would be 255 times too large.

    Train it a little, an epoch or three, with a learning rate of a tenth or a hundredth of what the
    network was trained with; then `quantize.quantized` makes whole numbers of it, which are the
    ones that it has been trained with.

        careful = quantize.aware(model, x_train[:512])
        careful.compile(Adam(1e-4), "sparse_categorical_crossentropy", ["accuracy"])
        careful.fit(x_train, y_train, epochs=2)
        whole = quantize.quantized(careful)

    A file of it is opened by models.load_model(path, custom_objects=quantize.LAYERS). Arguments and
    what is raised: as `quantize.quantized`.

    >>> model = Sequential([Input((8, 8, 3)), layers.Conv2D(4, 3, activation="relu"),
    ...     layers.Flatten(), layers.Dense(2, activation="softmax")], seed=0)
    >>> x = np.random.default_rng(0).random((64, 8, 8, 3))
    >>> quantize.quantized(quantize.aware(model, x)).predict(x).shape
    (64, 2)
    """
    computation, known = folded(model, merge=False)
    rescaled = factors(computation.operations, known)
    ranges = of_all(computation, measured(computation, x, observer) | known)

    def rounded(node: Node, value: int, name: str) -> Node:
        low, high = (float(one) for one in ranges[value])
        return FakeQuantize(low, high, name=f"{name}_rounded")(node)

    first = Input(computation.input_shape)
    nodes = [rounded(first, 0, "input")]
    stems = _stems([one.name for one in computation.operations])
    for number, operation in enumerate(computation.operations):
        name = stems[number]
        xs = [nodes[n] for n in operation.reads]
        if number + 1 in rescaled:
            nodes.append(Rescaling(rescaled[number + 1], name=name)(xs[0]))
            continue
        node = _layer(operation, name, xs)
        if operation.kind in (*MAKING, "average_pooling2d"):
            node = rounded(node, number + 1, name)
        nodes.append(node)
    last = nodes[-1]
    if computation.ending is not None:
        last = Activation(computation.ending, name=computation.ending)(last)
    made = Model(
        first, last, name=f"{model.name}_aware", seed=seed, class_names=computation.class_names
    )
    for value, (operation, name) in enumerate(zip(computation.operations, stems, strict=True), 1):
        if operation.kernel is not None and value not in rescaled:
            made.get_layer(name).set_weights([operation.kernel, operation.bias])
    return made


def _stems(names: list[str]) -> list[str]:
    """Names without a slash, all different."""
    taken: dict[str, int] = {}
    found = []
    for name in names:
        stem = name.replace("/", "_")
        taken[stem] = taken.get(stem, 0) + 1
        found.append(stem if taken[stem] == 1 else f"{stem}_{taken[stem] - 1}")
    return found


def _layer(operation: Operation, name: str, xs: list[Node]) -> Any:
    """What computes an operation in reals, and can be trained."""
    told: dict[str, Any] = dict(operation.settings)
    plain, kernel = xs[0], operation.kernel
    if operation.kind == "conv2d" and kernel is not None:
        *size, _, F = kernel.shape
        return AwareConv2D(F, tuple(size), activation=operation.activation, name=name, **told)(
            plain
        )
    if operation.kind == "depthwise_conv2d" and kernel is not None:
        KH, KW, _, M = kernel.shape
        told |= {"depth_multiplier": M, "activation": operation.activation}
        return AwareDepthwiseConv2D((KH, KW), name=name, **told)(plain)
    if operation.kind == "dense":
        units = operation.shape[-1]
        return AwareDense(units, activation=operation.activation, name=name)(plain)
    if operation.kind == "add":
        total = Add(name=name)(xs)
        return total if operation.activation is None else _relu(operation, f"{name}_relu", total)
    if operation.kind == "relu":
        return _relu(operation, name, plain)
    if operation.kind == "concatenate":
        return Concatenate(told["axis"], name=name)(xs)
    if operation.kind == "zero_padding2d":
        return ZeroPadding2D(told["frame"], name=name)(plain)
    if operation.kind == "reshape":
        return Reshape(operation.shape, name=name)(plain)
    if operation.kind == "global_average":
        return GlobalAveragePooling2D(keepdims=len(operation.shape) == 3, name=name)(plain)
    if operation.kind == "global_max":
        return GlobalMaxPooling2D(keepdims=len(operation.shape) == 3, name=name)(plain)
    if operation.kind == "max_pooling2d":
        return MaxPooling2D(name=name, **told)(plain)
    return AveragePooling2D(name=name, **told)(plain)


def _relu(operation: Operation, name: str, x: Node) -> Any:
    return ReLU(max_value=6.0 if operation.activation == "relu6" else None, name=name)(x)
