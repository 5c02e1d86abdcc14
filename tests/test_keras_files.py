"""Files of Keras: opened as Keras 3, tf-keras and tf.keras 2.13 wrote them (golden/keras_files,
made by golden/make_keras_files.py), and written so that what is written is read again.

That Keras opens what is written here is shown by check_keras_files.py, which needs Keras.
"""

import io
import json
import re
import zipfile
from functools import cache
from pathlib import Path

import h5py
import numpy as np
import pytest
from golden import make_keras_files as golden

from minicnn import Input, Model, Sequential, applications, layers, losses, optimizers, schedules
from minicnn.cli import main
from minicnn.errors import ModelFileError
from minicnn.models import load_model
from minicnn.saving import hdf5
from minicnn.saving.keras.layers import KINDS, weights_of

WRITERS = ("keras", "tf_keras", "tensorflow")
DROPPED = {"tf_keras": ["nadam"], "tensorflow": ["nadam"]}  # Keras 2 computes Nadam otherwise


@cache
def files(writer):
    return golden.contents(writer)


def file(folder, writer, name):
    path = folder / name
    path.write_bytes(files(writer)[name].tobytes())
    return path


def relative(received, expected):
    return np.abs(received - expected).max() / np.abs(expected).max()


def predict(model, x):
    model.engine = "reference"  # kernels of that many shapes would be compiled one after the other
    return model.predict(x, verbose=0)


# What Keras wrote


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize("network", golden.NETWORKS)
@pytest.mark.parametrize("writer", WRITERS)
def test_a_model_of_any_keras_opens_and_predicts_the_same(writer, network, ending, tmp_path):
    model = load_model(file(tmp_path, writer, network + ending))
    found = files(writer)
    assert relative(predict(model, found[f"{network}/x"]), found[f"{network}/y"]) < 1e-5


@pytest.mark.parametrize("ending", [".weights.h5", "_weights.h5", ".keras"])
@pytest.mark.parametrize("network", golden.NETWORKS)
@pytest.mark.parametrize("writer", WRITERS)
def test_weights_of_any_keras_are_loaded(writer, network, ending, tmp_path):
    found = files(writer)
    if network + ending not in found:
        pytest.skip("Keras 3 writes no weights of that kind")
    model = load_model(file(tmp_path, writer, f"{network}.h5"))
    model.set_weights([weight * 0 for weight in model.get_weights()])
    model.load_weights(file(tmp_path, writer, network + ending))
    assert relative(predict(model, found[f"{network}/x"]), found[f"{network}/y"]) < 1e-5


def trained_on(model, x, steps):
    model.engine = "reference"
    classes = model.output_shape[-1]
    y = np.eye(classes, dtype=np.float32)[np.arange(len(x)) % classes]
    return [model.train_on_batch(x, y) for _ in range(steps)]


def flat(model):
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


OPTIMIZERS = [name.partition(".")[0] for name in files("keras") if name.endswith(".keras")]
OPTIMIZERS = [name for name in OPTIMIZERS if name not in golden.NETWORKS]


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("writer", WRITERS)
def test_training_goes_on_as_in_keras(writer, name, tmp_path):
    """Optimizer, loss and what the optimizer remembers; five steps later the weights agree."""
    found = files(writer)
    for ending in (".keras", ".h5"):
        if name + ending not in found:
            continue
        model = load_model(file(tmp_path, writer, name + ending))
        assert model.optimizer.iterations == golden.STEPS_BEFORE
        trained_on(model, found[f"{name}/x"], golden.STEPS_AFTER)
        if name not in DROPPED.get(writer, []):
            assert np.abs(flat(model) - found[f"{name}/weights"]).max() < 2e-6


@pytest.mark.parametrize("writer", WRITERS)
def test_twenty_adam_steps_after_loading_are_those_of_keras(writer, tmp_path):
    """As close as tests/test_keras_parity.py has it in float32."""
    found = files(writer)
    model = load_model(file(tmp_path, writer, "chain.keras"))
    received = trained_on(model, found["chain/x"], golden.MORE)
    received = [values[0] if np.ndim(values) else values for values in received]
    np.testing.assert_allclose(received, found["chain/losses"], rtol=2e-3)
    assert [metric.name for metric in model.metrics] == ["accuracy"]


def test_layers_by_name_and_what_they_are(tmp_path):
    model = load_model(file(tmp_path, "keras", "branches.keras"))
    assert model.name == "branchy" and isinstance(model.get_layer("head"), Sequential)
    assert model.get_layer("stem_bn").momentum == 0.9
    frozen = load_model(file(tmp_path, "tensorflow", "transfer.h5"))
    assert not frozen.get_layer("trunk").get_layer("stem").trainable
    operators = load_model(file(tmp_path, "keras", "operators.keras"))
    numbers = [
        (layer.scale, layer.offset)
        for layer in operators.layers
        if type(layer).__name__ == "Rescaling"
    ]
    assert numbers == [(0.5, 0), (1, -0.25), (0.5, 0), (-1, 1), (1, -0.5)]


# What is written is read again


def rich(**options):
    """A graph with a model inside, a shared layer, several kinds of layers, and arguments."""
    inner = Sequential([Input((4, 4, 3)), layers.Conv2D(3, 1), layers.ReLU(6.0)], name="inner")
    inputs = Input((4, 4, 3), name="picture")
    shared = layers.Conv2D(
        3, 3, padding="same", kernel_regularizer="l2", kernel_initializer="he_normal"
    )
    x = shared(shared(inputs))
    x = layers.BatchNormalization(scale=False)(x)
    x = layers.Add()([inner(x), inner(inputs, training=False)])
    x = layers.LeakyReLU(0.2)(layers.Concatenate()([x, inputs]))
    outputs = layers.Dense(3, "softmax")(layers.GlobalAveragePooling2D()(x))
    return Model(inputs, outputs, name="rich", seed=0, **options)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_graph_comes_back(ending, dtype, tmp_path):
    model, path = rich(dtype=dtype), tmp_path / f"m{ending}"
    model.compile("adam", "categorical_crossentropy", ["accuracy"])
    model.engine = "reference"
    x = np.random.default_rng(0).random((4, 4, 4, 3), np.float32)
    trained_on(model, x, 2)
    model.export(path)
    again = load_model(path)
    assert again.dtype == dtype
    assert np.array_equal(predict(again, x), predict(model, x))
    if ending == ".keras":
        assert again.get_config()["layers"] == model.get_config()["layers"]
        assert trained_on(again, x, 3) == trained_on(model, x, 3)
    again.export(tmp_path / f"n{ending}")
    if ending == ".h5":
        model.export(path)
        assert load_model(tmp_path / "n.h5").name == load_model(path).name


def test_the_same_model_gives_the_same_bytes(tmp_path):
    model = rich()
    for ending in (".keras", ".h5", ".weights.h5"):
        model.export(tmp_path / f"one{ending}")
        model.export(tmp_path / f"two{ending}")
        one, two = ((tmp_path / f"{name}{ending}").read_bytes() for name in ("one", "two"))
        assert one == two


def test_weights_alone_come_back(tmp_path):
    model, fresh = rich(), rich()
    model.export(tmp_path / "m.weights.h5")
    fresh.set_weights([weight * 0 for weight in fresh.get_weights()])
    fresh.load_weights(tmp_path / "m.weights.h5")
    assert np.array_equal(flat(model), flat(fresh))
    with pytest.raises(ModelFileError, match="expected 'layers/.*' in it|has no|expected"):
        Sequential([Input((3,)), layers.Dense(2), layers.Dense(2)]).load_weights(
            tmp_path / "m.weights.h5"
        )


@pytest.mark.parametrize("name", ["DocumentedCNN", "ResNet20"])
def test_own_networks_come_back(name, tmp_path):
    model = getattr(applications, name)(seed=0)
    model.export(tmp_path / "m.keras")
    again = load_model(tmp_path / "m.keras")
    assert np.array_equal(flat(model), flat(again))


def test_schedules_and_averages_come_back(tmp_path):
    model = Sequential([Input((4,)), layers.Dense(3, "softmax")], seed=0)
    rate = schedules.CosineDecay(0.1, 20)
    model.compile(
        optimizers.RMSprop(rate, momentum=0.5, centered=True, use_ema=True),
        losses.CategoricalCrossentropy(label_smoothing=0.1),
    )
    x = np.random.default_rng(0).random((8, 4), np.float32)
    trained_on(model, x, 3)
    model.export(tmp_path / "m.keras")
    again = load_model(tmp_path / "m.keras")
    assert again.optimizer.get_config() == model.optimizer.get_config()
    assert trained_on(again, x, 3) == trained_on(model, x, 3)


def test_constants_are_written_as_they_are_by_now(tmp_path):
    norm = layers.Normalization(mean=[0.0, 0.0], variance=1.0)
    model = Sequential([Input((2,)), norm])
    model.set_weights([np.array([1.0, 2.0]), np.array([4.0, 9.0])])
    model.export(tmp_path / "m.keras")
    again = load_model(tmp_path / "m.keras")
    assert again.layers[0].mean == [1, 2] and again.layers[0].variance == [4, 9]


def test_the_table_of_weights_is_that_of_the_layers():
    shapes = {"Dense": (4,)}
    arguments = {
        "Conv2D": {"filters": 4, "kernel_size": 1},
        "Conv2DTranspose": {"filters": 4, "kernel_size": 1},
        "SeparableConv2D": {"filters": 4, "kernel_size": 1},
        "DepthwiseConv2D": {"kernel_size": 1},
        "Dense": {"units": 3},
        "GroupNormalization": {"groups": 2},
    }
    for kind, found in KINDS.items():
        if not found.weights:
            continue
        layer = getattr(layers, found.layer)(**arguments.get(kind, {}))
        layer.build(shapes.get(kind, (3, 3, 4)))
        assert tuple(layer.weights_by_name) == weights_of(kind, {}), kind


# What cannot be said is refused by name


class Own(layers.Layer):
    """A layer of one's own."""


@pytest.mark.parametrize(
    ("layer", "ending", "message"),
    [
        (Own(name="mine"), ".keras", "Keras has no layer Own 'mine': export the model without it"),
        (
            layers.RandomCrop(4, 4, padding=2, name="crop"),
            ".keras",
            "Keras cannot say what RandomCrop 'crop' does, padding=2",
        ),
        (
            layers.Activation("hard_sigmoid", name="act"),
            ".h5",
            "Keras 2 has no activation 'hard_sigmoid' as Keras 3 and Activation 'act' have it",
        ),
        (
            layers.RandomErasing(name="hole"),
            ".h5",
            "Keras 2 has no layer RandomErasing 'hole': export to .keras",
        ),
    ],
)
def test_what_keras_has_not_is_named(layer, ending, message, tmp_path):
    model = Sequential([Input((4, 4, 3)), layer])
    with pytest.raises(ValueError, match=message):
        model.export(tmp_path / f"m{ending}")
    assert not list(tmp_path.iterdir())


def test_other_endings_and_models_that_are_not_built_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"ends in one of .keras, .*received '.*m.tar'"):
        rich().export(tmp_path / "m.tar")
    with pytest.raises(ValueError, match="has no weights to export yet: build"):
        Sequential([layers.Dense(2)]).export(tmp_path / "m.keras")


def test_a_training_that_keras_has_not_is_left_out_with_a_warning(tmp_path):
    model = Sequential([Input((4,)), layers.Dense(3, "softmax")])
    model.compile(optimizers.SGD(schedules.OneCycle(0.1, 10)), "mse")
    with pytest.warns(UserWarning, match="without the training, .*: the schedule OneCycle"):
        model.export(tmp_path / "m.keras")
    assert load_model(tmp_path / "m.keras").optimizer is None


def test_the_command_exports(tmp_path, capsys):
    Sequential([Input((4,)), layers.Dense(3)]).save(tmp_path / "m.safetensors")
    assert main(["export", str(tmp_path / "m.safetensors"), str(tmp_path / "m.keras")]) == 0
    assert re.match(r"Saved .*m.keras, [\d,]+ bytes\n", capsys.readouterr().out)
    assert load_model(tmp_path / "m.keras").count_params() == 15
    assert main(["export", str(tmp_path / "m.safetensors"), str(tmp_path / "m.zip")]) == 2


def test_h5py_is_needed_to_write_and_not_to_read(tmp_path, monkeypatch):
    paths = [file(tmp_path, "keras", f"sgd{ending}") for ending in (".keras", ".h5")]
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    for path in paths:
        assert load_model(path).count_params() == 27
    with pytest.raises(ImportError, match=r'h5py to write .*: pip install "minicnn\[keras\]"'):
        rich().export(tmp_path / "m.h5")


# Files of strangers


def changed(folder, change, name="operators.keras"):
    """A file whose description is another."""
    archive = zipfile.ZipFile(io.BytesIO(files("keras")[name].tobytes()))
    config = json.loads(archive.read("config.json"))
    change(config)
    path = folder / "m.keras"
    with zipfile.ZipFile(path, "w") as new:
        new.writestr("metadata.json", archive.read("metadata.json"))
        new.writestr("config.json", json.dumps(config))
        new.writestr("model.weights.h5", archive.read("model.weights.h5"))
    return path


def layer_named(config, name):
    return next(one for one in config["config"]["layers"] if one["config"]["name"] == name)


def put(name, key, value):
    return lambda config: layer_named(config, name)["config"].update({key: value})


def rename(name, kind):
    return lambda config: layer_named(config, name).update(class_name=kind)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            rename("conv2d", "Lambda"),
            "minicnn has nothing for the layer 'conv2d' of class 'Lambda': it runs code",
        ),
        (
            rename("conv2d", "MyConv"),
            "minicnn has nothing for the layer 'conv2d' of class 'MyConv': build",
        ),
        (
            put("conv2d", "data_format", "channels_first"),
            "the layer 'conv2d' of class 'Conv2D' says, data_format='channels_first': "
            "expected 'channels_last'",
        ),
        (
            put("conv2d", "activation", "my_relu"),
            "the layer 'conv2d' of class 'Conv2D' says, activation='my_relu': .*no activation",
        ),
        (put("conv2d", "twist", 3), "of class 'Conv2D' says, twist=3: expected None"),
        (put("conv2d", "filters", 10**9), "expected its kernel of shape .*, received"),
        (put("conv2d", "filters", 2.5), "gives Conv2D arguments that it does not take"),
        (rename("multiply", "Power"), "minicnn has no layer for the operation 'multiply', Power"),
        (lambda config: config.update(class_name="MyModel"), "the file holds 'MyModel', expected"),
        (
            lambda config: layer_named(config, "conv2d").update(inbound_nodes=[]),
            "has no call 1 of a layer 'conv2d'|has no call 0 of a layer 'conv2d'",
        ),
        (
            lambda config: config["config"]["layers"][0]["config"].update(
                batch_shape=[None, None, None, 2]
            ),
            "takes samples of any size, .*: minicnn needs one",
        ),
    ],
)
def test_what_minicnn_has_not_is_named(change, message, tmp_path):
    with pytest.raises(ModelFileError, match=message) as caught:
        load_model(changed(tmp_path, change))
    assert "\n" not in str(caught.value)


def test_a_circle_is_refused(tmp_path):
    def change(config):
        conv = layer_named(config, "conv2d")["inbound_nodes"]
        conv[0]["args"][0]["config"]["keras_history"] = ["conv2d", 1, 0]

    with pytest.raises(ModelFileError, match="has a circle at the layer 'conv2d'"):
        load_model(changed(tmp_path, change))


def test_a_loss_of_ones_own_is_left_out_with_a_warning(tmp_path):
    def change(config):
        config["compile_config"]["loss"] = "my_loss"

    with pytest.warns(UserWarning, match="opened without its training, .*'my_loss'"):
        model = load_model(changed(tmp_path, change, "sgd.keras"))
    assert model.optimizer is None


def legacy(path, fill):
    """An .h5 file of a Dense layer, 4 to 3, whose weights another function writes."""
    dense = {"class_name": "Dense", "config": {"name": "d", "units": 3, "use_bias": False}}
    dense["config"]["batch_input_shape"] = [None, 4]
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [dense]}}
    with h5py.File(path, "w") as f:
        f.attrs["keras_version"], f.attrs["model_config"] = "2.4.0", json.dumps(config)
        group = f.create_group("model_weights/d")
        group.attrs["weight_names"] = np.array([b"d/kernel:0"])
        fill(group.create_group("d"))
    return path


def test_links_out_of_the_file_are_not_followed(tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as f:
        f["k"] = np.ones((4, 3), np.float32)
    links = {
        "external": h5py.ExternalLink(str(tmp_path / "secret.h5"), "/k"),
        "soft": h5py.SoftLink("/elsewhere"),
    }
    for name, link in links.items():
        path = legacy(tmp_path / f"{name}.h5", lambda g, link=link: g.update({"kernel:0": link}))
        with pytest.raises(ModelFileError, match="received a link to elsewhere"):
            load_model(path)

    def external(group):
        (tmp_path / "numbers").write_bytes(bytes(48))
        group.create_dataset(
            "kernel:0", (4, 3), np.float32, external=[(str(tmp_path / "numbers"), 0, 48)]
        )

    def virtual(group):
        layout = h5py.VirtualLayout((4, 3), np.float32)
        layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "k", (4, 3))
        group.create_virtual_dataset("kernel:0", layout)

    for fill in (external, virtual):
        with pytest.raises(ModelFileError, match="in another file, which is not opened"):
            load_model(legacy(tmp_path / f"{fill.__name__}.h5", fill))


def test_no_more_is_read_than_the_file_can_hold(tmp_path):
    """A dataset of any size takes no bytes while nothing is written to it."""
    path = tmp_path / "m.h5"
    model = Sequential([Input((4,)), layers.Dense(3, use_bias=False)])
    model.export(path)
    with h5py.File(path, "r+") as f:
        config = json.loads(f.attrs["model_config"])
        config["config"]["layers"][-1]["config"]["units"] = 10**8
        f.attrs["model_config"] = json.dumps(config)
        group = f["model_weights/dense/dense"]
        del group["kernel:0"]
        group.create_dataset("kernel:0", (4, 10**8), np.float32)
    with pytest.raises(ModelFileError, match="bytes, which cannot be 1,600,000,000 bytes"):
        load_model(path)


def test_of_a_zip_only_what_it_must_hold_is_taken(tmp_path):
    whole = zipfile.ZipFile(io.BytesIO(files("keras")["sgd.keras"].tobytes()))
    contents = {name: whole.read(name) for name in whole.namelist()}

    def archive(packing=zipfile.ZIP_STORED, leave=(), more=()):
        path = tmp_path / "m.keras"
        with zipfile.ZipFile(path, "w", packing) as new:
            for name, content in [*contents.items(), *more]:
                if name not in leave:
                    new.writestr(name, content)
        return path

    assert load_model(archive(zipfile.ZIP_DEFLATED)).count_params() == 27
    assert load_model(archive(more=[("../../evil", b"x")])).count_params() == 27
    with pytest.raises(ModelFileError, match="a ZIP with one config.json, received 0 of them"):
        load_model(archive(leave=("config.json",)))
    with pytest.raises(ModelFileError, match="compressed in another way"):
        load_model(archive(zipfile.ZIP_BZIP2))
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = archive(more=[("config.json", b"{}")])
    with pytest.raises(ModelFileError, match="with one config.json, received 2"):
        load_model(path)
    with zipfile.ZipFile(tmp_path / "bomb.keras", "w", zipfile.ZIP_DEFLATED) as new:
        for name in ("metadata.json", "config.json"):
            new.writestr(name, contents[name])
        new.writestr("model.weights.h5", bytes(hdf5.SPARE + 10**6))
    with pytest.raises(ModelFileError, match="unpacks to"):
        load_model(tmp_path / "bomb.keras")
    raw = bytearray(archive().read_bytes())
    raw[raw.index(contents["model.weights.h5"][-40:]) + 3] ^= 1
    path.write_bytes(raw)
    with pytest.raises(ModelFileError, match="not those that were written"):
        load_model(path)


def test_weights_alone_say_that_there_is_no_architecture(tmp_path):
    path = file(tmp_path, "keras", "chain.weights.h5")
    with pytest.raises(ModelFileError, match="weights without an architecture: use"):
        load_model(path)


def test_the_golden_files_are_small():
    assert sum(path.stat().st_size for path in Path(golden.FOLDER).iterdir()) < 300_000
