"""Whole numbers in files: LiteRT and ONNX Runtime compute the same, what is written opens again,
and what is damaged is refused.
"""

import numpy as np
import pytest
from quantize_models import branching, chain, pictures

from minicnn import Input, Sequential, layers, models, quantize
from minicnn.errors import ModelFileError
from minicnn.quantize.from_tflite import read_bytes
from minicnn.saving import model_file
from minicnn.saving.description import refusing

REPOSITORY = "minicnn"


@pytest.fixture(scope="module", params=["branching", "chain", "sigmoid"])
def whole(request):
    """A network in whole numbers, and pictures for it."""
    made = {"branching": branching, "chain": chain, "sigmoid": lambda: branching("sigmoid")}
    model = made[request.param]()
    shape = model.input_shape[1:]
    return quantize.quantized(model, pictures(shape=shape)), pictures(200, shape, seed=8)


def test_litert_makes_the_same_numbers(whole, tmp_path):
    """Of XNNPACK, every one of them."""
    pytest.importorskip("flatbuffers")
    pytest.importorskip("ai_edge_litert")
    from tflite_models import Ran

    model, x = whole
    model.export(tmp_path / "model.tflite")
    ran = Ran((tmp_path / "model.tflite").read_bytes(), [x])
    np.testing.assert_allclose(ran.outputs[0], model.predict(x), rtol=0, atol=2e-6)
    assert set(ran.operators) <= {
        "QUANTIZE", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "MEAN", "RESHAPE",
        "MAX_POOL_2D", "AVERAGE_POOL_2D", "PAD", "CONCATENATION", "RELU", "DEQUANTIZE", "SOFTMAX",
        "LOGISTIC",
    }  # fmt: skip


def test_litert_takes_the_documented_networks_layers_whole(tmp_path):
    pytest.importorskip("flatbuffers")
    pytest.importorskip("ai_edge_litert")
    from tflite_models import Ran

    x = pictures(shape=(8, 8, 3))
    quantize.quantized(chain(), x).export(tmp_path / "model.tflite")
    assert Ran((tmp_path / "model.tflite").read_bytes(), [x]).whole


def test_onnx_runtime_takes_the_same_answers(whole, tmp_path):
    """Its own roundings differ where an addition or a mean is halfway between two numbers."""
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    model, x = whole
    model.export(tmp_path / "model.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    providers = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), options, providers)
    found = session.run(None, {"input": x})[0]
    wanted = model.predict(x)
    assert np.abs(found - wanted).max() < 0.01
    if model.name == "chain":  # where nothing is added or averaged
        np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-6)
    assert (found.argmax(axis=-1) == wanted.argmax(axis=-1)).mean() > 0.99


@pytest.mark.parametrize("ending", [".safetensors", ".tflite"])
def test_what_is_written_opens_again(whole, tmp_path, ending):
    model, x = whole
    path = tmp_path / f"model{ending}"
    if ending == ".tflite":
        pytest.importorskip("flatbuffers")
        model.export(path)
    else:
        model.save(path)
    again = quantize.load_model(path)
    assert np.array_equal(again.predict(x), model.predict(x))
    assert again.class_names == model.class_names
    assert again.ends_in == model.ends_in
    assert repr(again) == repr(model)


def test_files_are_a_quarter_as_large(tmp_path):
    stack = [Input((16, 16, 8)), layers.Conv2D(64, 3, activation="relu"), layers.Flatten()]
    model = Sequential([*stack, layers.Dense(10, activation="softmax")], seed=0)
    model.engine = "reference"
    model.save(tmp_path / "real.safetensors")
    whole = quantize.quantized(model, pictures(shape=(16, 16, 8)))
    whole.save(tmp_path / "whole.safetensors")
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("real", "whole")]
    assert sizes[1] < 0.27 * sizes[0]


def test_networks_in_whole_numbers_and_in_reals_say_which_door_opens_them(tmp_path):
    model = chain()
    model.save(tmp_path / "real.safetensors")
    quantize.quantized(model, pictures(shape=(8, 8, 3))).save(tmp_path / "whole.safetensors")
    with pytest.raises(ModelFileError, match=r"in reals.*models\.load_model"):
        quantize.load_model(tmp_path / "real.safetensors")
    with pytest.raises(ModelFileError, match=r"whole numbers.*quantize\.load_model"):
        models.load_model(tmp_path / "whole.safetensors")


def test_a_float_tflite_file_is_refused_with_its_door(tmp_path):
    pytest.importorskip("flatbuffers")
    chain().export(tmp_path / "real.tflite")
    with pytest.raises(ModelFileError, match="int8"):
        quantize.load_model(tmp_path / "real.tflite")


def tried(read, data):
    """Whether damaged bytes make a model, which then predicts, or are refused."""
    try:
        with refusing("it"):
            model = read(data)
    except ModelFileError:
        return False
    x = np.zeros((1, *model.input_shape[1:]), np.float32)
    assert model.predict(x).shape[0] == 1
    return True


def test_damaged_tflite_files_are_refused_or_are_models(tmp_path):
    pytest.importorskip("flatbuffers")
    quantize.quantized(chain(), pictures(shape=(8, 8, 3))).export(tmp_path / "model.tflite")
    data = (tmp_path / "model.tflite").read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(300):
        changed = bytearray(data)
        for place in rng.integers(0, len(data), rng.integers(1, 4)):
            changed[place] = rng.integers(0, 256)
        tried(read_bytes, bytes(changed))
    for length in rng.integers(0, len(data), 30):
        assert not tried(read_bytes, data[:length])


CHANGES = {
    "kind": lambda told, _: told["operations"][0].update(kind="lambda"),
    "reads": lambda told, _: told["operations"][0].update(reads=[1]),
    "shape": lambda told, _: told["operations"][0].update(shape=[6, 6, 9]),
    "activation": lambda told, _: told["operations"][1].update(activation="gelu"),
    "scale": lambda told, _: told["operations"][0].update(makes=[0.0, 0]),
    "nan": lambda told, _: told["operations"][0].update(makes=["nan", 0]),
    "zero point": lambda told, _: told["operations"][0].update(makes=[0.1, 400]),
    "strides": lambda told, _: told["operations"][0]["settings"].update(strides=[0, 1]),
    "groups": lambda told, _: told["operations"][0]["settings"].update(groups=0),
    "huge": lambda told, _: told["operations"][3].update(shape=[2**40]),
    "input": lambda told, _: told.update(input_shape=[8, -8, 3]),
    "setting": lambda told, _: told["operations"][0]["settings"].update(path="/etc"),
    "names": lambda told, _: told.update(class_names=["a", "b"]),
    "ending": lambda told, _: told.update(ending="argmax"),
    "no kernel": lambda _, arrays: arrays.pop("conv2d/kernel"),
    "other bias": lambda _, arrays: arrays.update({"conv2d/bias": np.zeros(3, np.int32)}),
    "real kernel": lambda _, arrays: arrays.update(
        {"conv2d/kernel": np.zeros((3, 3, 3, 8), np.float32)}
    ),
    "one more": lambda _, arrays: arrays.update(other=np.zeros(3, np.float32)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_no_network_says_is_refused(tmp_path, change):
    path = tmp_path / "model.safetensors"
    quantize.quantized(chain(), pictures(shape=(8, 8, 3))).save(path)
    config, arrays = model_file.read(path)
    arrays = dict(arrays)
    CHANGES[change](config["quantized"], arrays)
    model_file.write(path, config, arrays)
    with pytest.raises(ModelFileError, match=r"model\.safetensors"):
        quantize.load_model(path)
