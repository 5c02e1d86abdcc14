"""Small .onnx files that ask for very much: each takes little memory and time, refused or read."""

import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import onnx_models as models  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx.helper import make_node  # noqa: E402

from minicnn.errors import ModelFileError  # noqa: E402

MEMORY, SECONDS = 150 * 2**20, 10
LONG = ["N", 2**20, 2**10]  # of which a reshape makes an axis of 2**30


def whole(*numbers):
    return np.array(numbers, np.int64)


def real(*numbers):
    return np.array(numbers, np.float32)


def filled(name, size, kind=TensorProto.FLOAT):
    """A constant of ones, of the shape that another constant says."""
    return make_node(
        "ConstantOfShape", [size], [name], value=helper.make_tensor("v", kind, [1], [1])
    )


def graph_of(nodes, shape, opset=18, **constants):
    """A file of these nodes, from x to y."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def outcome(proto):
    """The model, or why there is none, after which memory and time were as they should be."""
    data, began = proto.SerializeToString(), time.process_time()
    tracemalloc.start()
    try:
        return models.of_bytes(data, "model.onnx")
    except ModelFileError as error:
        return str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < MEMORY and time.process_time() - began < SECONDS


PRODUCT = make_node("MatMul", ["x", "k"], ["y"])
COPY = make_node("Relu", ["x"], ["y"])
TOO_LARGE = {
    "outputs of a split": (
        graph_of([make_node("Split", ["x"], ["y", "z"], axis=1, num_outputs=2**62)], ["N", 4]),
        "node 'y' ('Split') has 2 outputs, expected num_outputs=2, received 4611686018427387904",
    ),
    "one axis cut often": (
        graph_of(
            [make_node("Slice", ["x"], ["y"], starts=[0, 0], ends=[-1, -1], axes=[1, -1])],
            ["N", 9],
            opset=9,
        ),
        "('Slice') expected different axes, received [1, -1]",
    ),
    "a shape of many axes": (
        graph_of([make_node("Reshape", ["x"], ["y"], shape=[0] + [1] * 10**5)], ["N", 1]),
        "('Reshape') makes 100,001 axes, expected at most 8",
    ),
    "a number that is gathered often": (
        graph_of(
            [filled("w", "s"), make_node("Gather", ["w", "i"], ["k"]), PRODUCT],
            ["N", 1000],
            s=whole(1, 2**24),
            i=np.zeros(1000, np.int64),
        ),
        "('Gather') makes a constant of 16,777,216,000 numbers, expected at most 16,777,216",
    ),
    "a constant that is joined often": (
        graph_of(
            [filled("w", "s"), make_node("Concat", ["w"] * 7, ["k"], axis=0), PRODUCT],
            ["N", 7],
            s=whole(1, 2**24),
        ),
        "('Concat') makes a constant of 117,440,512 numbers, expected at most 16,777,216",
    ),
    "a scale for each of an axis of one": (
        graph_of(
            [
                filled("w", "s", TensorProto.INT8),
                filled("a", "t"),
                make_node("DequantizeLinear", ["w", "a"], ["k"], axis=1),
                PRODUCT,
            ],
            ["N", 2**12],
            s=whole(2**12, 1),
            t=whole(2**20),
        ),
        "('DequantizeLinear') expected a scale for each of an axis, received (1048576,)",
    ),
    "rows divided by columns": (
        graph_of(
            [
                filled("a", "s", TensorProto.INT64),
                filled("b", "t", TensorProto.INT64),
                make_node("Div", ["a", "b"], ["c"]),
                COPY,
            ],
            ["N", 2],
            s=whole(2**12, 1),
            t=whole(1, 2**12),
        ),
        "the .onnx file asks for more bytes of constants than a file of its size may",
    ),
    "sums that are kept": (
        graph_of(
            [
                filled("w", "s", TensorProto.INT64),
                *(make_node("Add", ["w", "one"], [f"v{n}"]) for n in range(16)),
                COPY,
            ],
            ["N", 2],
            s=whole(2**20),
            one=whole(1),
        ),
        "the .onnx file asks for more bytes of constants than a file of its size may",
    ),
    "a sum of a long constant again and again": (
        graph_of(
            [
                filled("w", "s"),
                *(
                    make_node("Add", [f"x{n}" if n else "x", "w"], [f"x{n + 1}"])
                    for n in range(200)
                ),
                make_node("Relu", ["x200"], ["y"]),
            ],
            ["N", 2**20],
            s=whole(2**20),
        ),
        "the .onnx file asks for more work than a file of its size may",
    ),
    "a scale of one group of many channels": (
        graph_of(
            [
                make_node("Reshape", ["x", "s"], ["r"]),
                make_node("GroupNormalization", ["r", "c", "c"], ["y"], num_groups=1),
            ],
            LONG,
            s=whole(0, 2**30),
            c=real(1),
        ),
        "the .onnx file asks for more weights than a file of its size may",
    ),
    "a group normalisation of many channels, taken apart": (
        graph_of(
            [
                make_node("Reshape", ["x", "s"], ["r"]),
                make_node("Reshape", ["r", "g"], ["t"]),
                make_node("InstanceNormalization", ["t", "one", "zero"], ["u"]),
                make_node("Reshape", ["u", "s"], ["y"]),
            ],
            LONG,
            s=whole(0, 2**30, 1),
            g=whole(0, 1, -1),
            one=real(1),
            zero=real(0),
        ),
        "the .onnx file asks for more weights than a file of its size may",
    ),
    "a mean of a million pixels": (
        graph_of(
            [make_node("Resize", ["x", "", "s"], ["y"], mode="cubic", antialias=1)],
            ["N", 1, 2**20, 1],
            s=real(1, 1, 2**-20, 1),
        ),
        "the .onnx file asks for more weights than a file of its size may",
    ),
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_what_a_few_bytes_ask_for_is_refused_before_it_is_made(name):
    proto, expected = TOO_LARGE[name]
    received = outcome(proto)
    assert isinstance(received, str) and received.endswith(expected)
    assert "\n" not in received and len(received) < 500


def test_a_number_that_is_added_along_a_long_axis_is_one_number():
    for shape in ([0, 2**30], [0, 2**30, 1]):
        nodes = [
            make_node("Reshape", ["x", "s"], ["r"]),
            make_node("Add", ["r", "c"], ["t"]),
            make_node("Mul", ["t", "c"], ["y"]),
        ]
        model = outcome(graph_of(nodes, LONG, s=whole(*shape), c=real(2)))
        (rescaling,) = [one for one in model.layers if type(one).__name__ == "Rescaling"]
        assert (rescaling.scale, rescaling.offset) == (2, 4)


CHANNELS = [0.5, -1.5, 2.0]
CHAINS = {
    "a convolution": make_node("Conv", ["x", "kernel"], ["v0"]),
    "a convolution and its bias": make_node("Conv", ["x", "kernel", "channels"], ["v0"]),
    "a normalisation": make_node("BatchNormalization", ["x", *["positive"] * 4], ["v0"]),
    "nothing": make_node("Identity", ["x"], ["v0"]),
}
NUMBERS = {
    "positive": np.abs(real(*CHANNELS)),
    "channels": real(*CHANNELS),
    "each": real(*CHANNELS).reshape(3, 1, 1),
    "one": real(3),
}


@pytest.mark.parametrize("before", CHAINS)
@pytest.mark.parametrize("order", [("one", "each"), ("each", "one"), ("one", "one")])
def test_numbers_and_channels_that_follow_one_another(before, order, tmp_path):
    """As ONNX Runtime computes them."""
    first, second = order
    nodes = [
        CHAINS[before],
        make_node("Mul", ["v0", first], ["v1"]),
        make_node("Sub", [second, "v1"], ["v2"]),
        make_node("Div", ["v2", first], ["v3"]),
        make_node("Add", ["v3", second], ["y"]),
    ]
    kernel = np.random.default_rng(0).normal(size=(3, 3, 1, 1)).astype(np.float32)
    path = Path(tmp_path / "model.onnx")
    used = {name for node in nodes for name in node.input}
    constants = {name: array for name, array in NUMBERS.items() if name in used}
    if "kernel" in used:
        constants["kernel"] = kernel
    path.write_bytes(graph_of(nodes, ["N", 3, 4, 5], **constants).SerializeToString())
    x = np.random.default_rng(1).normal(size=(2, 3, 4, 5)).astype(np.float32)
    model = models.read(path)
    model.engine = "reference"
    assert len(model.leaves) <= 1 + (before == "nothing")
    received = model.forward(np.ascontiguousarray(x.transpose(0, 2, 3, 1))).transpose(0, 3, 1, 2)
    assert models.apart([received], models.run(path, [x])) < models.TOLERANCE


@pytest.mark.parametrize("count", [1, 2, 20])
def test_products_without_a_number_in_float32_are_refused(count):
    names = [f"v{n}" for n in range(count)]
    nodes = [
        make_node("MatMul", ["x", "k"], ["v0"]),
        *(make_node("Mul", [a, "c"], [b]) for a, b in zip(names, [*names[1:], "y"], strict=True)),
    ]
    proto = graph_of(nodes, ["N", 1], k=real(1e38).reshape(1, 1), c=real(1e38))
    assert outcome(proto) == (
        "'model.onnx': the .onnx file's node 'v0' ('MatMul') has weights that are no numbers of "
        "float32, expected finite ones"
    )


def test_a_second_file_is_not_read_again_and_again(tmp_path):
    (tmp_path / "numbers").write_bytes(real(*[0.5] * 64).tobytes())
    proto = graph_of([make_node("MatMul", ["x", "k0"], ["y"])], ["N", 8])
    for n in range(3):
        tensor = proto.graph.initializer.add()
        tensor.name, tensor.data_type = f"k{n}", TensorProto.FLOAT
        tensor.dims.extend([8, 8])
        tensor.data_location = TensorProto.EXTERNAL
        place = tensor.external_data.add()
        place.key, place.value = "location", "numbers"
        path = tmp_path / "model.onnx"
        path.write_bytes(proto.SerializeToString())
        if n < 2:  # two tensors may share their numbers
            assert models.read(path).count_params() == 64
    with pytest.raises(ModelFileError, match="other tensors have read as much: expected a place"):
        models.read(path)


def test_layers_of_one_name_are_numbered_in_their_order():
    nodes = [make_node("Relu", [f"v{n}" if n else "x"], [f"v{n + 1}"], name="a") for n in range(4)]
    model = outcome(graph_of([*nodes, make_node("Relu", ["v4"], ["y"])], ["N", 2]))
    assert [one.name for one in model.layers] == ["a", "a_re_lu", "a_re_lu_1", "a_re_lu_2", "y"]
