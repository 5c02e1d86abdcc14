"""Weights that come from PyTorch and go back."""

from pathlib import Path

import numpy as np
import pytest

from minicnn import Input, Sequential, interchange, layers
from minicnn.errors import ModelFileError

GOLDEN = dict(np.load(Path(__file__).parent / "golden" / "torch.npz"))
X = GOLDEN["x"]


def state_dict(network):
    """Its arrays by PyTorch's names."""
    begins = f"{network} "
    found = {k.removeprefix(begins): v for k, v in GOLDEN.items() if k.startswith(begins)}
    found.pop("y")
    return found


def chain():
    """The layers of make_torch.chain."""
    norm = {"momentum": 0.9, "epsilon": 1e-5}
    model = Sequential([
        Input((32, 32, 3)),
        layers.Conv2D(4, 3), layers.BatchNormalization(**norm), layers.PReLU(shared_axes=[1, 2]),
        layers.MaxPooling2D(2),
        layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2),
        layers.GroupNormalization(2, epsilon=1e-5), layers.ReLU(),
        layers.Conv2DTranspose(2, 2, 2), layers.AveragePooling2D(6), layers.Flatten(),
        layers.BatchNormalization(**norm), layers.Dense(6, "relu"), layers.Dense(3),
    ])  # fmt: skip
    model.engine = "reference"
    return model


def close(received, expected):
    return np.abs(received - expected).max() / np.abs(expected).max() < 1e-5


def test_a_chain_computes_what_pytorch_does():
    model = chain()
    assert interchange.from_torch(state_dict("chain"), model) is model
    assert not model.has_fresh_weights
    assert close(model.forward(X), GOLDEN["chain y"])


def test_a_chain_goes_back():
    model = interchange.from_torch(state_dict("chain"), chain())
    found = interchange.to_torch(model)
    for (name, array), expected in zip(found.items(), state_dict("chain").values(), strict=True):
        assert array.dtype == expected.dtype and np.array_equal(array, expected), name


def test_resnet18_is_built_of_its_names():
    model = interchange.from_torch(state_dict("resnet"), input_shape=(32, 32, 3))
    model.engine = "reference"
    assert close(model.forward(X), GOLDEN["resnet y"])
    found, expected = interchange.to_torch(model), state_dict("resnet")
    assert found.keys() == expected.keys() and len(found) == 122
    for name, array in expected.items():
        assert np.array_equal(found[name], array), name
    model.compile("adam", "mse")
    model.train_on_batch(X, np.zeros((2, 4)))


def test_files_wrappings_and_prefixes(tmp_path):
    numpy = pytest.importorskip("safetensors.numpy")
    given = state_dict("chain")
    numpy.save_file(given, tmp_path / "chain.safetensors")
    wrapped = {"epoch": 3, "state_dict": {f"module.{name}": a for name, a in given.items()}}
    for source in (tmp_path / "chain.safetensors", wrapped):
        assert close(interchange.from_torch(source, chain()).forward(X), GOLDEN["chain y"])


def test_what_does_not_fit():
    given = state_dict("chain")
    before = (model := chain()).get_weights()
    with pytest.raises(ValueError, match=r"from_torch expected \{'weight': \(4, 3, 3, 3\), 'bias'"):
        interchange.from_torch(given | {"0.weight": np.zeros((4, 3, 5, 5), np.float32)}, model)
    with pytest.raises(ValueError, match="no linear left for Dense 'dense_1': the model has more"):
        part = {k: v for k, v in given.items() if not k.startswith("13.")}
        interchange.from_torch(part, model)
    with pytest.raises(ValueError, match="has no layer for 1 modules of the state dict: '14'"):
        interchange.from_torch(given | {"14.weight": np.zeros((2, 3), np.float32)}, model)
    with pytest.raises(ValueError, match="resnet18 and resnet34, received modules 0, 1, 2"):
        interchange.from_torch(given)
    with pytest.raises(ValueError, match="numbers with a point, received '0.weight' of int64"):
        interchange.from_torch({"0.weight": np.zeros(3, np.int64)}, model)
    for one, other in zip(before, model.get_weights(), strict=True):
        assert np.array_equal(one, other)
    with pytest.raises(ValueError, match="has weights that no module of PyTorch has alike"):
        interchange.to_torch(Sequential([Input((4, 4, 2)), layers.SeparableConv2D(2, 3)]))
    with pytest.raises(ValueError, match="has no weights yet: build"):
        interchange.from_torch(given, Sequential([layers.Dense(2)]))


def test_files_that_are_none(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        interchange.from_torch(tmp_path / "nothing")
    path = tmp_path / "weights.safetensors"
    for content in (b"PK\x03\x04 a pickle in a zip", b"", b"\x02\0\0\0\0\0\0\0[]"):
        path.write_bytes(content)
        with pytest.raises(ModelFileError, match="weights.safetensors"):
            interchange.from_torch(path)
