"""Model files that are damaged, hostile or old: refused by name before they cost anything, or read
as ever.
"""

import inspect
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import version_1
from model_files import (
    config_of,
    crafted,
    data_of,
    described,
    floats,
    header_of,
    layer,
    repacked,
    sealed,
    with_length,
)

import minicnn
from minicnn import Input, Sequential, initializers, layers, optimizers
from minicnn.errors import ModelFileError
from minicnn.models import load_model
from minicnn.saving import description, model_file
from minicnn.saving.signature import arguments
from minicnn.saving.strict_json import DEPTH, PARTS, parse

GOLDEN = version_1.HERE
DENSE = {"dense/kernel": floats(4, 2), "dense/bias": floats(2)}


def dense(**config) -> dict:
    return layer("Dense", **({"units": 2, "name": "dense"} | config))


def tiny(compiled: bool = True) -> Sequential:
    """A trained model whose file has about three kilobytes."""
    model = Sequential(
        [Input((4,)), layers.Dense(2, activation="softmax")], seed=0, class_names=["a", "b"]
    )
    if compiled:
        model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
        model.fit(np.eye(4), np.arange(4) % 2, verbose=0)
    return model


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("good") / "m.safetensors"
    tiny().save(path)
    return path.read_bytes()


@pytest.fixture
def refused(tmp_path):
    """A function that sees that load_model refuses some bytes, and returns what it said."""

    def refuse(data: bytes) -> str:
        path = tmp_path / "m.safetensors"
        path.write_bytes(data)
        with pytest.raises(ModelFileError) as caught:
            load_model(path)
        assert len(str(caught.value)) < 1500
        return str(caught.value)

    return refuse


@pytest.fixture
def loaded(tmp_path):
    """A function that loads a model from bytes."""

    def load(data: bytes) -> Sequential:
        (tmp_path / "m.safetensors").write_bytes(data)
        return load_model(tmp_path / "m.safetensors")

    return load


# Version 1, for ever


def test_a_model_of_version_1_predicts_as_it_did():
    expected = json.loads((GOLDEN / "version_1.json").read_text())
    model = load_model(GOLDEN / "version_1.safetensors")
    x, y = version_1.pictures()
    np.testing.assert_allclose(model.predict(x), expected["predictions"], rtol=1e-4, atol=1e-6)
    assert (model.name, model.class_names) == ("version 1", ["cat", "dog", "bird"])
    assert model.layers[1].name == "λ conv"
    assert model.optimizer.iterations == expected["iterations"]
    model.fit(x, y, verbose=0)  # and trains on


def test_a_checkpoint_of_version_1_goes_on_as_it_would_have(tmp_path):
    expected = json.loads((GOLDEN / "version_1.json").read_text())
    shutil.copy(version_1.FOLDER / "checkpoint.safetensors", tmp_path)
    model = version_1.train(tmp_path)
    np.testing.assert_allclose(model.history.history["loss"], expected["loss"], rtol=1e-4)
    for weight, wanted in zip(model.get_weights(), expected["resumed"], strict=True):
        np.testing.assert_allclose(weight, wanted, rtol=1e-3, atol=1e-5)


def test_what_is_read_of_version_1_is_written_as_version_2(tmp_path):
    model = load_model(GOLDEN / "version_1.safetensors")
    model.save(tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors")
    for one, two in zip(model.get_weights(), again.get_weights(), strict=True):
        assert np.array_equal(one, two)
    assert header_of((tmp_path / "m.safetensors").read_bytes())["__metadata__"]["version"] == "2"


# The digest


def test_every_changed_byte_is_refused(raw, tmp_path):
    """Each byte with its lowest bit, its highest and all bits turned: tests/check_model_fuzz.py
    does all the rest.
    """
    path = tmp_path / "m.safetensors"
    for place in range(0, len(raw), 3):
        for turned in (1, 128, 255):
            path.write_bytes(raw[:place] + bytes([raw[place] ^ turned]) + raw[place + 1 :])
            with pytest.raises(ModelFileError):
                load_model(path)


def test_appended_bytes_and_other_json_of_the_same_meaning_are_refused(raw, refused):
    for more in (b"\0", b" ", raw):
        assert "damaged" in refused(raw + more)
    (length,) = struct.unpack("<Q", raw[:8])
    text, data = raw[8 : 8 + length], raw[8 + length :]
    same = text.rstrip()
    assert same.count(b'"dtype"') and same.count(b", ")
    for other in (
        same + b" " * 16,
        same.replace(b'"dtype"', b'"\\u0064type"', 1),
        same.replace(b", ", b",  ", 1),
    ):
        assert "damaged" in refused(with_length(other) + data)
    doubled = (
        same[:-1]
        + b', "__metadata__": '
        + json.dumps(header_of(raw)["__metadata__"]).encode()
        + b"}"
    )
    assert "once, received it twice" in refused(with_length(doubled) + data)


def test_the_file_says_what_is_in_it_and_any_safetensors_reader_reads_it(raw, tmp_path):
    path = tmp_path / "m.safetensors"
    path.write_bytes(raw)
    arrays, own = safetensors.numpy.load_file(path), model_file.read(path)[1]
    assert arrays.keys() == own.keys() and all(
        np.array_equal(arrays[name], own[name]) for name in own
    )
    assert all(array.flags.aligned for array in own.values())


@pytest.mark.parametrize("dtype", list(model_file.TYPES.values()))
def test_every_type_comes_back_also_big_endian_and_strided(dtype, tmp_path):
    values = np.arange(24).astype(dtype).reshape(4, 6)
    arrays = {
        "a": values,
        "b/λ": values.T[::-2],
        "c": values[0, 0],
        "d": values[:0],
        "e": values.astype(values.dtype.newbyteorder(">")),
    }
    model_file.write(tmp_path / "m", {"x": 1}, arrays)
    config, read = model_file.read(tmp_path / "m")
    assert config == {"x": 1}
    other = safetensors.numpy.load_file(tmp_path / "m")
    for name, array in arrays.items():
        assert read[name].dtype == other[name].dtype == np.dtype(dtype)
        assert np.array_equal(read[name], array) and np.array_equal(other[name], array)


def test_what_the_package_writes_is_read(tmp_path):
    arrays = {
        f"a{size}": np.arange(size).astype(dtype)
        for size, dtype in enumerate(model_file.TYPES.values())
    }
    metadata = {"format": "minicnn", "version": "1", "config": "{}"}
    safetensors.numpy.save_file(arrays, tmp_path / "m", metadata)
    read = model_file.read(tmp_path / "m")[1]
    assert all(np.array_equal(read[name], array) for name, array in arrays.items())


def test_the_same_model_makes_the_same_file(tmp_path):
    model = tiny()
    model.save(tmp_path / "one")
    model.save(tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


# The container


UNKNOWN = ("F8_E4M3", "F8_E5M2", "F8_E8M0", "F6_E2M3", "F4", "BF16", "C64", "X", 1)


def entry(start: int, end: int, shape=(2,), dtype: str = "F32") -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"a": entry(0, 8), "b": entry(4, 12)}, "not where it must be"),
        ({"a": entry(0, 8), "b": entry(12, 20)}, "not where it must be"),
        ({"a": entry(4, 12)}, "not where it must be"),
        ({"a": entry(0, 8)}, "its arrays have 8 bytes, received 16"),
        ({"a": entry(0, 32, [8])}, "its arrays have 32 bytes, received 16"),
        (
            {"a": entry(0, 1, [1], "U8"), "b": entry(1, 9), "c": entry(9, 16, [7], "U8")},
            "not where it must be",
        ),
        ({"a": entry(0, 16, [2])}, "not where it must be"),
        ({"a": entry(0, 16, [-2, -2])}, "expected whole numbers"),
        ({"a": entry(0, 16, [4.0])}, "expected whole numbers"),
        ({"a": entry(0, 16, [True] * 4)}, "expected whole numbers"),
        ({"a": entry(0, 16, [1] * 33)}, "expected whole numbers"),
        ({"a": entry(0, 16, [2**60, 2**60])}, "expected whole numbers"),
        ({"a": entry(0, 16, [4]) | {"more": 1}}, "expected a type"),
        ({"a": {"dtype": "F32"}}, "data_offsets"),
        ({"a": [0, 16]}, "damaged"),
        ({"a": None}, "damaged"),
        *(
            ({"a": entry(0, 16, [16], kind)}, "expected a type, one of F64")
            for kind in ("F8_E4M3", "F8_E5M2", "F8_E8M0", "BF16", "F4", "C64", "X", 1)
        ),
    ],
)
def test_arrays_that_are_not_where_they_must_be(arrays, says, refused):
    header = {"__metadata__": {"format": "minicnn", "version": "1", "config": "{}"}} | arrays
    assert says in refused(sealed(header, bytes(16)))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "it ends too early"),
        (b"\2" + bytes(7), "a header of 2 bytes in a file of 8"),
        (struct.pack("<Q", 2**63) + b"{}", "in a file of 10"),
        (struct.pack("<Q", 99_999_999) + b"{}" * 50, "a header of 99,999,999 bytes"),
        (with_length(b"[]"), "expected an object"),
        (with_length(b'{"a": NaN}'), "expected a file of format 'minicnn'"),
        (with_length(b"\xff\xfe"), "damaged"),
        (with_length(b'{"\\ud800": {}}'), "damaged"),
        (with_length(b"{}"), "expected a file of format 'minicnn', received None"),
        (with_length(b'{"__metadata__": []}'), "damaged"),
        (with_length(b'{"__metadata__": {"format": "minicnn", "version": "1"}}'),
            "version 1 expected"),
        (crafted({}, version="1", more="x"), "version 1 expected"),
        (crafted({}, version="1", data="0" * 64, digest="0" * 64), "version 1 expected"),
    ],
)  # fmt: skip
def test_headers_that_are_none(data, says, refused):
    assert says in refused(data)


@pytest.mark.parametrize("depth", [DEPTH, 900, 1000, 100_000])
@pytest.mark.parametrize(("before", "after"), [("[", "]"), ('{"a":', "}")])
def test_deep_json_is_refused(depth, before, after):
    with pytest.raises(ValueError, match="expected (at most|no object)"):
        parse('{"x": ' + before * depth + "1" + after * depth + "}")


def test_wide_json_is_refused():
    for text in (
        "[" + "[]," * PARTS + "[]]",
        "[" + "0," * 600_001 + "0]",
        '"' + "é" * 2**20 + '"]',
        '{"a": 1, "a": 1}',
    ):
        with pytest.raises(ValueError, match="expected"):
            parse(text)


# What it says of a model


@pytest.mark.parametrize(
    ("config", "arrays", "says"),
    [
        (described(), {}, "has no layers|list index|describes no model"),
        (
            described(dense(units=10**7), shape=(None, 100)),
            {},
            r"kernel of shape \(100, 10000000\) in the model file, re",
        ),
        (described(dense(units=10**18), shape=(None, 100)), {}, "kernel of shape"),
        (
            described(dense(), shape=(None, 5)),
            DENSE,
            r"kernel of shape \(5, 2\) in the model file, received \(4, 2\)",
        ),
        (described(layer("BatchNormalization"), shape=(None, 10**9)), {}, "gamma of shape"),
        (
            described(layer("ZeroPadding2D", padding=10**18), shape=(None, 8, 8, 1)),
            {},
            "make .* of every sample",
        ),
        (described(layer("Flatten"), shape=(None, -4, -4, 3)), {}, "input_shape such as"),
        (described(layer("Flatten"), shape=(None, 0, 4, 3)), {}, "input_shape such as"),
        (described(dense(), shape=(99, 4)), DENSE, "input_shape such as"),
        (described(dense(), shape=()), DENSE, "input_shape such as"),
        (described(dense(), shape=(None, 4.0)), DENSE, "input_shape such as"),
        (described(dense(), shape="abc"), DENSE, "'input_shape' in 'model' of another kind"),
        (
            described(dense(use_bias=[0])),
            DENSE,
            r"gives Dense an argument of another kind: use_bias=\[0\]",
        ),
        (described(dense(units="2")), DENSE, "argument of another kind: units='2'"),
        (described(dense(trainable="no")), DENSE, "argument of another kind: trainable='no'"),
        (described(dense(name=["dense"])), DENSE, "argument of another kind: name="),
        (described(layer("Rescaling", scale="abc")), {}, "argument of another kind: scale='abc'"),
        (described(layer("Rescaling", scale=[1, 2])), {}, "argument of another kind: scale="),
        (described(layer("Dropout", rate=0.5, seed="x")), {}, "argument of another kind: seed='x'"),
        (
            described(layer("BatchNormalization", epsilon=[1e-3])),
            {},
            "argument of another kind: epsilon=",
        ),
        (
            described(layer("Conv2D", filters=1, kernel_size=3, dilation_rate=10**30)),
            {},
            "argument of another kind",
        ),
        (described(dense(self=1)), DENSE, "arguments that it does not take"),
        (described(dense(cls=1)), DENSE, "arguments that it does not take"),
        (described(dense(), dense()), DENSE, "names must be unique"),
        (described(dense(name="a/b")), DENSE, "names must be unique in a model and have no '/'"),
        (described(*[layer("ReLU")] * 5001), {}, "at most 5,000 layers, received 5,001"),
        (described(dense(), seed=[1] * 1000), DENSE, "'seed' in 'model' of another kind"),
        (described(dense(), seed=-1), DENSE, "seed"),
        (described(dense(), seed=True), DENSE, "'seed' in 'model' of another kind"),
        (described(dense(), seed=None), DENSE, "'seed' in 'model' of another kind"),
        (described(dense(), dtype=">f4"), DENSE, "dtype"),
        (described(dense(), dtype=[["a", "f4"]]), DENSE, "'dtype' in 'model' of another kind"),
        (described(dense(), name={"a": 1}), DENSE, "'name' in 'model' of another kind"),
        (
            described(dense(), class_names=["a"] * 77),
            DENSE,
            "has 2 outputs and expected as many class_names",
        ),
        (described(dense(), class_names=[1, 2]), DENSE, "'class_names' in 'model' of another kind"),
        (described(dense(), class_names=5), DENSE, "'class_names' in 'model' of another kind"),
        (described(dense(), more=1), DENSE, "an unknown 'more' in 'model'"),
        (
            described(dense()) | {"dompile": {}},
            DENSE,
            "an unknown 'dompile' in 'config'. Did you mean 'compile'",
        ),
        (described(dense() | {"more": 1}), DENSE, "an unknown 'more' in 'class'"),
        (described(dense()), DENSE | {"x": floats(4)}, "holds 'x', of which 'm' knows nothing"),
        (described(dense()), DENSE | {"/x": floats(4)}, "holds '/x', of which 'm' knows nothing"),
        (described(dense()), DENSE | {"/training/0": floats(4)}, "holds '/training/0'"),
        (
            described(dense()),
            DENSE | {"/optimizer/dense/kernel/m": floats(4, 2)},
            "holds '/optimizer/dense/kernel/m'",
        ),
        (
            described(dense()),
            DENSE | {"dense/kernel": ("F64", (4, 2), bytes(64))},
            "float32 .4, 2., received float64",
        ),
        (
            described(dense()),
            DENSE | {"dense/kernel": ("I32", (4, 2), bytes(32))},
            "float32 .4, 2., received int32",
        ),
    ],
    ids=str,
)
@pytest.mark.parametrize("version", ["1", "2"])
def test_descriptions_of_no_model(config, arrays, says, version, refused):
    assert re.search(says, refused(crafted(config, arrays, version)))


def trained(optimizer=None, **more) -> dict:
    compiled = {
        "optimizer": optimizer or layer("Adam"),
        "iterations": 1,
        "metrics": [],
        "loss": layer("CategoricalCrossentropy"),
    }
    return described(dense()) | {"compile": compiled | more}


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (trained(iterations=10**17), "optimizer expected iterations of at least 0, received "
                                     "1000000"),
        (trained(iterations=10**30), "'iterations' in 'compile' of another kind"),
        (trained(iterations=True), "'iterations' in 'compile' of another kind"),
        (trained(iterations=1.0), "optimizer expected iterations"),
        (trained(epochs_done=-1), "model expected epochs_done of at least 0, received -1"),
        (trained(more=1), "an unknown 'more' in 'compile'"),
        (trained(layer("Adam", learning_rate="x")), "argument of another kind: learning_rate='x'"),
        (trained(layer("Adam", learning_rate=[1])), "argument of another kind: learning_rate="),
        (trained(layer("Adam", learning_rate={})), "has no 'class' with class, config"),
        (trained(layer("Adam", use_ema="yes")), "argument of another kind: use_ema='yes'"),
        (trained(layer("Dense")), "unknown optimizer 'Dense'|does not take"),
        (trained(metrics=[layer("TopKCategoricalAccuracy", k="5")]), "argument of another kind: "
                                                                     "k='5'"),
        (trained(metrics={}), "'metrics' in 'compile' of another kind"),
        (trained(loss=layer("CategoricalCrossentropy", label_smoothing=[])), "another kind: "
                                                                             "label_smoothing"),
    ],
    ids=str,
)  # fmt: skip
def test_descriptions_of_no_training(config, says, refused):
    assert re.search(says, refused(crafted(config, DENSE)))


KERNEL = "/optimizer/dense/kernel/"


@pytest.mark.parametrize("kind", ["F16", "U8", "I8", "BOOL", "F64", "I64", "I32"])
@pytest.mark.parametrize("version", ["1", "2"])
def test_memory_of_another_type_than_its_parameter_is_refused(kind, version, refused):
    """Machine code writes a float32 at each place: past the end of an array of bytes."""
    numbers = bytes(8 * np.dtype(model_file.TYPES[kind]).itemsize)
    arrays = DENSE | {KERNEL + "m": (kind, (4, 2), numbers), KERNEL + "v": (kind, (4, 2), numbers)}
    assert (
        f"of 'dense/kernel' as {np.dtype(model_file.TYPES[kind])} (4, 2), expected float32 (4, 2)"
        in refused(crafted(trained(), arrays, version))
    )


@pytest.mark.parametrize(
    ("memory", "says"),
    [
        ({KERNEL + "m": floats(2, 4), KERNEL + "v": floats(2, 4)}, "float32 (2, 4), expected "
                                                                   "float32 (4, 2)"),
        ({KERNEL + "m": floats(8), KERNEL + "v": floats(8)}, "float32 (8,), expected float32 (4, "
                                                             "2)"),
        ({KERNEL + "m": floats(4, 2)}, "has ['m'] of 'dense/kernel' for Adam, expected ['m', 'v']"),
        ({KERNEL + "x": floats(4, 2)}, "has ['x'] of 'dense/kernel' for Adam"),
        ({f"/optimizer/other/kernel/{slot}": floats(1) for slot in "mv"},
            "expected no such parameter"),
        ({"/optimizer/m": floats(1), "/optimizer/v": floats(1)}, "expected no such parameter"),
    ],
)  # fmt: skip
def test_memory_of_no_parameter_is_refused(memory, says, refused):
    assert says in refused(crafted(trained(), DENSE | memory))


def test_memory_of_its_parameters_is_taken(loaded):
    memory = {KERNEL + "m": floats(4, 2, value=3.0), KERNEL + "v": floats(4, 2)}
    model = loaded(crafted(trained(), DENSE | memory))
    assert model.optimizer.slots["dense/kernel"]["m"].tolist() == [[3.0] * 2] * 4
    assert model.optimizer.iterations == 1


def test_zero_and_one_count_as_bool_and_whole_numbers_as_floats(loaded):
    model = loaded(
        crafted(
            described(dense(use_bias=1, trainable=0), layer("LeakyReLU", negative_slope=0)), DENSE
        )
    )
    assert model.count_params() == 10


@pytest.mark.parametrize("change", [("names", ["a"]), ("double", None)])
def test_what_could_not_be_read_again_is_not_written(change, tmp_path):
    model = Sequential([Input((4,)), layers.Dense(2), layers.Dense(2)])
    what, value = change
    if what == "names":
        model.class_names = value
    else:
        model.layers[1].name = model.layers[0].name
    with pytest.raises(ValueError, match="class_names|different names"):
        model.save(tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())


def test_memory_of_another_models_parameters_is_not_written(tmp_path):
    optimizer = optimizers.Adam()
    for name in ("one", "two"):
        model = Sequential([Input((4,)), layers.Dense(2, activation="softmax", name=name)])
        model.compile(optimizer, "sparse_categorical_crossentropy")
        model.fit(np.eye(4), np.arange(4) % 2, verbose=0)
    model.save(tmp_path / "m.safetensors")
    assert set(load_model(tmp_path / "m.safetensors").optimizer.slots) == {"two/kernel", "two/bias"}


def test_a_type_that_no_file_can_hold_is_named(tmp_path):
    with pytest.raises(
        TypeError, match="a model file holds arrays of .*, received 'x' of complex128"
    ):
        model_file.write(tmp_path / "m", {}, {"x": np.zeros(2, complex)})
    with pytest.raises(ValueError, match="expected at most"):
        model_file.write(tmp_path / "m", {"x": [[]] * 2 * PARTS}, {})
    assert not list(tmp_path.iterdir())


def test_every_class_says_what_its_arguments_are():
    """So that what a file gives can be checked: an argument without an annotation is not."""
    tables = layers.LAYERS, description.OPTIMIZERS, description.LOSSES, description.METRICS
    for cls in {cls for table in tables for cls in table.values()}:
        names = [
            p.name
            for p in inspect.signature(cls).parameters.values()
            if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        ]
        assert set(names) <= arguments(cls).keys(), cls
    assert {"units", "name", "trainable", "input_shape"} <= arguments(layers.Dense).keys()
    assert {"beta_1", "use_ema", "global_clipnorm"} <= arguments(optimizers.AdamW).keys()


# What is no file


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_folder_a_pipe_a_socket_and_a_device_are_refused_at_once(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        for path in (
            tmp_path / "folder",
            tmp_path / "pipe",
            tmp_path / "s",
            "/dev/zero",
            "/dev/null",
            tmp_path / "loop",
        ):
            with pytest.raises(
                ModelFileError,
                match="expected a model file, received a folder, a device or a|cannot be read",
            ):
                load_model(path)


@pytest.mark.parametrize("path", ["x" * 5000, "a\0b", "nowhere/m", "test.py/m", b"nowhere"])
def test_a_path_where_nothing_can_be(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "test.py").write_text("")
    with pytest.raises(FileNotFoundError, match="there is no model file"):
        load_model(path)


# What it costs

COSTS = """
import resource, sys, warnings
import numpy as np
from minicnn import Input, Sequential, layers
from minicnn.errors import ModelFileError
from minicnn.models import load_model

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))

def reset():
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))

path, hostile = sys.argv[1], sys.argv[2]
before = reset()
try:
    load_model(path)
    assert not hostile
except ModelFileError:
    assert hostile
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc for the peak of memory")
@pytest.mark.parametrize("hostile", ["", "units", "unwanted"])
def test_loading_takes_twice_the_file_at_most(hostile, tmp_path):
    """An honest file of 61 MB with the optimizer's memory; 300 bytes that speak of 8 GB; an array
    nobody asked for.
    """
    path = tmp_path / "m.safetensors"
    if hostile == "units":
        path.write_bytes(crafted(described(dense(units=10**7), shape=(None, 200))))
    elif hostile == "unwanted":
        size = 2**32
        header = header_of(crafted(described(dense()), DENSE))
        header["x"] = {"dtype": "U8", "shape": [size], "data_offsets": [40, 40 + size]}
        metadata = {name: header["__metadata__"][name] for name in ("format", "config")} | {
            "version": "1"
        }
        head = sealed(header | {"__metadata__": metadata}, b"")
        path.write_bytes(head)
        os.truncate(path, len(head) + 40 + size)  # a hole, which takes no room
    else:
        model = Sequential([Input((2000,)), layers.Dense(2500), layers.Dense(10)])
        model.compile("adam", "sparse_categorical_crossentropy")
        for name, value, _ in model.parameters():
            model.optimizer._slots_of(name, value)
        model.save(path)
    environment = os.environ | {"PYTHONPATH": str(Path(minicnn.__file__).parents[1])}
    command = [sys.executable, "-c", COSTS, path, hostile]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    size = path.stat().st_size / 2**20 if not hostile else 0
    assert float(done.stdout) <= 2 * size + 50


def test_a_file_is_opened_once_and_read_once(raw, tmp_path, monkeypatch):
    path = tmp_path / "m.safetensors"
    path.write_bytes(raw)
    opened, read = [], []
    open_, fill = os.open, model_file.ModelFile._fill
    monkeypatch.setattr(os, "open", lambda name, *a: (opened.append(name), open_(name, *a))[1])
    monkeypatch.setattr(
        model_file.ModelFile,
        "_fill",
        lambda self, buffer, *a: (read.append(len(buffer)), fill(self, buffer, *a))[1],
    )
    load_model(path)
    assert opened.count(str(path)) == 1 and sum(read) == len(raw)


def test_a_model_loaded_while_it_is_replaced_is_of_one_save(tmp_path, monkeypatch):
    """Weights, optimizer memory and number of steps, in whatever moment another file takes the
    name.
    """
    path = tmp_path / "m.safetensors"
    model = tiny()

    def save(number: float) -> None:
        for array in [
            *model.layers[0].weights_by_name.values(),
            *(a for s in model.optimizer.slots.values() for a in s.values()),
        ]:
            array[...] = number
        model.optimizer.iterations = int(number)
        model.save(path)

    save(1)
    read = model_file.ModelFile.read
    monkeypatch.setattr(model_file.ModelFile, "read", lambda self: (save(2), read(self))[1])
    got = load_model(path)
    values = [
        *got.get_weights(),
        *(array for slots in got.optimizer.slots.values() for array in slots.values()),
    ]
    assert {float(number) for array in values for number in array.ravel()} == {
        1.0
    } and got.optimizer.iterations == 1


def test_adding_layers_looks_at_each_name_a_few_times(monkeypatch):
    """Counted, not timed: of thousands of layers, not each is compared with each."""
    looked = []

    def name(layer):
        looked.append(layer)
        return vars(layer)["_name"]

    both = property(name, lambda layer, name: vars(layer).update(_name=name))
    monkeypatch.setattr(layers.ReLU, "name", both, raising=False)
    Sequential([layers.ReLU() for _ in range(300)])
    assert len(looked) < 20 * 300


def test_names_are_given_as_before():
    model = Sequential([layers.ReLU(), layers.ReLU(name="re_lu_2"), layers.ReLU(), layers.ReLU()])
    assert [one.name for one in model.layers] == ["re_lu", "re_lu_2", "re_lu_1", "re_lu_3"]
    model.layers.pop()
    model.add(layers.ReLU())
    assert model.layers[-1].name == "re_lu_3"
    with pytest.raises(ValueError, match="already"):
        model.add(model.layers[0])


def test_nothing_is_drawn_for_a_model_that_is_loaded(raw, loaded, monkeypatch):
    for drawn in initializers.NAMES.values():
        monkeypatch.setattr(drawn, "__call__", lambda *_: pytest.fail("a weight was drawn"))
    model = loaded(raw)
    monkeypatch.undo()
    assert model.layers[0].stored is None


def test_nothing_warns(raw, loaded):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded(raw)


def test_the_helpers_make_whole_files(raw, loaded):
    """Otherwise all refusals above would say nothing."""
    for version in ("1", "2"):
        assert loaded(crafted(described(dense()), DENSE, version)).count_params() == 10
    assert config_of(raw)["model"]["name"] == "sequential" and len(data_of(raw)) == 120
    loaded(repacked(raw, header_of(raw)))
