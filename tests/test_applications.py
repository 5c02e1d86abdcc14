"""minicnn.applications: layers, names, shapes and numbers of weights as Keras has them; every
family trains, is saved and loaded, and has right gradients.
"""

import inspect
import json
import re
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

import minicnn
from minicnn import Input, Sequential, applications, layers, models, optimizers, testing
from minicnn.models.zoo import (
    blocks,
    documented,
    efficientnet,
    inception,
    mobilenet_v2,
    resnet,
    resnet50,
    squeeze,
)
from minicnn.models.zoo.frame import framed
from minicnn.names import instead
from minicnn.saving import model_file

GOLDEN = json.loads((Path(__file__).parent / "golden" / "applications.json").read_text())
KERAS = {"ResNet50", "MobileNetV2", "EfficientNetB0"}
OWN = sorted(name for name in applications.__all__ if name[0].isupper() and name not in KERAS)


def made(name, /, **options):
    return getattr(applications, name)(**({"weights": None} if name in KERAS else {}), **options)


# As in Keras


def rows(model):
    """As golden/make_applications.py describes layers."""
    found = []
    for layer in model.layers:
        [node] = layer._nodes
        called_on = [before.name for before in node.inputs]
        row = [type(layer).__name__, layer.name, list(node.sample_shape), layer.count_params()]
        found.append(row if called_on == [found[-1][1] if found else ""] else [*row, called_on])
    return found


CALLS = [call for call in GOLDEN["networks"] if call["function"] in KERAS]


@pytest.mark.parametrize("keras", CALLS, ids=lambda call: call["name"])
def test_layers_names_shapes_connections_and_numbers_are_those_of_keras(keras):
    arguments = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in keras["arguments"].items()
    }
    model = made(keras["function"], **arguments)
    assert model.name == keras["name"]
    assert rows(model) == keras["layers"]
    text = []
    model.summary(text.append)
    assert f"\nTotal params: {keras['weights']:,}\n" in text[0]
    assert f"\nTrainable params: {keras['trainable']:,}\n" in text[0]


def drawn(model):
    """As golden/make_applications.py draws weights and pictures."""
    rng = np.random.default_rng(0)
    weights = []
    for weight in model.get_weights():
        if weight.ndim == 0:
            weights.append(weight)
            continue
        fan_in = np.prod(weight.shape[:-1]) if weight.ndim > 1 else 100
        if weight.ndim == 4 and weight.shape[-1] == 1 and weight.shape[0] > 1:
            fan_in = np.prod(weight.shape[:2])
        values = rng.normal(0, np.sqrt(2 / fan_in), weight.shape).astype(np.float32)
        weights.append(abs(values) + np.float32(1) if weight.ndim == 1 else values)
    x = rng.uniform(0, 255, (2, *model.input_shape[1:])) * np.reshape([1, 0.2], (2, 1, 1, 1))
    return weights, x.astype(np.float32)


@pytest.mark.parametrize("name", sorted(KERAS))
def test_the_weights_of_keras_model_give_its_outputs(name):
    """Also their order, which get_weights and set_weights rely on."""
    model = made(name, input_shape=(33, 48, 3), classes=5, classifier_activation=None)
    weights, x = drawn(model)
    model.set_weights(weights)
    logits, keras = model.forward(x), np.array(GOLDEN["outputs"][name])
    assert np.abs(keras[0] - keras[1]).max() > 0.01 * np.abs(keras).max()
    np.testing.assert_allclose(logits, keras, rtol=0, atol=1e-4 * np.abs(keras).max())


@pytest.mark.parametrize("name", GOLDEN["counts"])
def test_residual_networks_have_as_many_weights_as_the_same_layers_in_keras(name):
    assert made(name).count_params() == GOLDEN["counts"][name]


def test_residual_networks_have_as_many_layers_with_weights_as_their_names_say():
    """Shortcuts are not counted, as in the paper."""
    for name in ("ResNet20", "ResNet32", "ResNet56", "ResNet18"):
        deep = [
            layer
            for layer in made(name, input_shape=(32, 32, 3)).layers
            if isinstance(layer, layers.Dense)
            or (isinstance(layer, layers.Conv2D) and layer.kernel_size != (1, 1))
        ]
        assert len(deep) == int(name.removeprefix("ResNet"))


def test_known_sizes():
    """Of the papers and of other libraries: torchvision's 11,689,512 has no moving averages."""
    assert made("ResNet18").count_params() == 11_689_512 + 9_600
    assert made("DocumentedCNN").count_params() == 161_098
    maps = made("SmallInception", include_top=False).nodes[1:]
    channels = {node.sample_shape[:2]: node.sample_shape[2] for node in maps}
    assert channels == {(32, 32): 80, (16, 16): 144, (8, 8): 336}


@pytest.mark.parametrize("name", sorted(KERAS))
def test_arguments_are_those_of_keras(name):
    function = inspect.signature(getattr(applications, name))
    ours = [
        [one.name, one.default]
        for one in function.parameters.values()
        if one.kind is not one.VAR_KEYWORD
    ]
    assert ours == [list(pair) for pair in GOLDEN["arguments"][name].items()]


def test_every_name_of_keras_module_is_there_or_answered():
    for name in set(GOLDEN["names"]) - set(applications.__all__):
        answer = instead(name, "applications", applications.__all__)
        assert "not there" in answer or "Use " in answer or "itself" in answer or "mean" in answer


def test_the_first_example_shows_the_documented_network():
    """train_cifar.py and README spell its layers out, to be read and to be changed."""
    page = Path(__file__).parent.parent / "examples" / "train_cifar.py"
    code = re.search(r"(?ms)^model = (Sequential\(.*?^\))$", page.read_text(encoding="utf-8"))[1]
    names = {"Input": Input, "Sequential": Sequential, "layers": layers}
    shown = eval(
        code, names | {"options": Namespace(seed=7), "pictures": Namespace(class_names=None)}
    )
    x = layers.Rescaling(1 / 255)(Input((32, 32, 3)))
    model = applications.DocumentedCNN(input_tensor=x, seed=7)
    assert list(map(repr, shown.layers)) == list(map(repr, model.layers))
    for one, other in zip(shown.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


# Every network


@pytest.mark.parametrize("name", OWN)
def test_a_network_is_made_by_a_seed_and_ends_in_probabilities(name):
    options = {"input_shape": (32, 40, 1), "classes": 3, "seed": 1}
    model, again = made(name, **options), made(name, **options)
    assert model.output_shape == (None, 3) and model.layers[-1].activation == "softmax"
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", [*OWN, *sorted(KERAS)])
def test_without_a_top_there_are_maps_or_their_means(name):
    shape = (32, 40, 3)
    maps = made(name, input_shape=shape, include_top=False)
    _, _, _, channels = maps.output_shape
    pooled = made(name, input_shape=shape, include_top=False, pooling="max", name="features")
    assert pooled.output_shape == (None, channels) and pooled.name == "features"


def small(name, dtype="float32"):
    """A network of the family with few filters, for 8x8 pictures."""
    bodies = {
        "documented": lambda x: documented.pooled(x, (4, 6)),
        "residual": lambda x: resnet.stages(blocks.convolved(x, 4, 3), (4, 6), 1),
        "bottleneck": lambda x: resnet50.bottleneck(x, 2, 2, True, "block1_"),
        "inception": lambda x: inception.downsampled(inception.inception(x, 2, 3), 4),
        "inverted residual": lambda x: mobilenet_v2.inverted_residual(
            mobilenet_v2.inverted_residual(x, 4, 2, 1), 4, 1, 2
        ),
        "excited": lambda x: squeeze.residual(blocks.convolved(x, 4, 3), 6, 2),
        "efficient": lambda x: efficientnet.inverted_residual(
            x, efficientnet.Stage(1, 3, 6, 3, 1), 1, 0.2, "block1a_"
        ),
    }
    told = {"seed": 0, "dtype": dtype}
    return framed(bodies[name], name, told, name=name, shape=(8, 8, 3), classes=3)


FAMILIES = pytest.mark.parametrize(
    "name",
    [
        "documented",
        "residual",
        "bottleneck",
        "inception",
        "inverted residual",
        "excited",
        "efficient",
    ],
)


@FAMILIES
def test_gradients(name):
    testing.check_model(small(name, "float64"), samples=10)


@FAMILIES
def test_a_family_learns_and_is_saved_and_loaded(name, tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(24, 8, 8, 3)).astype(np.float32), np.arange(24) % 3
    model = small(name)
    model.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    first = model.train_on_batch(x, y)
    for _ in range(40):
        last = model.train_on_batch(x, y)
    assert last < 0.7 * first
    model.save(tmp_path / "model.safetensors")
    again = models.load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))
    assert type(again) is type(model) is (Sequential if name == "documented" else minicnn.Model)


def test_a_network_begins_at_a_symbolic_tensor():
    inputs = Input((32, 32, 3))
    x = layers.Rescaling(1 / 255)(layers.RandomFlip("horizontal")(inputs))
    for name, kind in (("DocumentedCNN", Sequential), ("ResNet20", minicnn.Model)):
        model = made(name, input_tensor=x, seed=0)
        assert type(model) is kind and model.input_shape == (None, 32, 32, 3)
        assert [layer.name for layer in model.layers if not isinstance(layer, layers.InputLayer)][
            :3
        ] == ["random_flip", "rescaling", "conv2d"]
        x = layers.Rescaling(1 / 255)(layers.RandomFlip("horizontal")(inputs))


def test_a_network_is_a_layer_of_another():
    base = made("ResNet50", include_top=False, pooling="avg", input_shape=(32, 32, 3))
    model = Sequential([Input((32, 32, 3)), base, layers.Dense(2, activation="softmax")])
    assert model.output_shape == (None, 2) and model.get_layer("resnet50") is base


# What is no choice


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: applications.ResNet50(),
            "ResNet50 expected weights=None, for random ones, received 'imagenet': trained weights "
            "do not come with minicnn. Write weights=None; "
            r"set_weights\(keras_model.get_weights\(\)\)",
        ),
        (
            lambda: applications.ResNet50(weights=None, input_shape=(31, 64, 3)),
            "ResNet50 expected pictures of 32x32 pixels or more, received 31x64",
        ),
        (
            lambda: applications.ResNet20(input_shape=(4, 9, 3)),
            "ResNet20 expected pictures of 8x8 pixels or more, received 4x9",
        ),
        (
            lambda: applications.ResNet20(input_shape=(32, 32)),
            r"ResNet20 expected pictures \(H, W, C\), received samples of \(32, 32\)",
        ),
        (
            lambda: applications.ResNet20(include_top=False, pooling="mean"),
            "ResNet20 expected pooling as None, 'avg' or 'max', received 'mean'",
        ),
        (
            lambda: applications.ResNet20(classes=0),
            "ResNet20 expected classes of at least 1, received 0",
        ),
        (
            lambda: applications.ResNet20(include_top="no"),
            "ResNet20 expected include_top as True or False, received 'no'",
        ),
        (
            lambda: applications.ResNet20(input_tensor=Input((32, 32, 3)), input_shape=(8, 8, 3)),
            r"ResNet20 expected an input_tensor of input_shape \(8, 8, 3\), received one of "
            r"\(32, 32, 3\): leave input_shape out",
        ),
        (
            lambda: applications.ResNet20(input_tensor=np.zeros((1, 32, 32, 3))),
            "ResNet20 expected input_tensor as a symbolic tensor, such as Input",
        ),
        (
            lambda: applications.ResNet20(filters=8),
            "ResNet20 has no argument 'filters'.",
        ),
        (
            lambda: applications.ResNet50(weights=None, alpha=0.5),
            "ResNet50 has no argument 'alpha'.",
        ),
        (
            lambda: applications.MobileNetV2(alpha=0, weights=None),
            "MobileNetV2 expected alpha as a finite number above 0, received 0",
        ),
        (lambda: applications.VGG16, "'VGG16'. It is not there: ResNet50, MobileNetV2 and"),
        (lambda: applications.efficientnet_v2, "It is not there: ResNet50, MobileNetV2 and"),
    ],
)
def test_what_no_network_can_be(make, message):
    with pytest.raises((ValueError, TypeError, AttributeError), match=message):
        make()


def test_the_usual_top_is_the_mean_of_the_maps():
    model = framed(lambda x: x, "nothing", {}, name="nothing")
    assert [type(layer).__name__ for layer in model.layers] == ["GlobalAveragePooling2D", "Dense"]
    assert model.output_shape == (None, 10)


def test_normalization_has_keras_third_number_until_it_is_adapted(tmp_path):
    """EfficientNetB0 begins with one; old files of such layers have two arrays, and are read."""
    model = Sequential([Input((4, 4, 3)), layers.Normalization(), layers.Flatten()])
    assert [weight.shape for weight in model.get_weights()] == [(3,), (3,), ()]
    path = tmp_path / "model.safetensors"
    model.save(path)
    assert len(models.load_model(path).get_weights()) == 3

    x = np.random.default_rng(0).normal(5, 2, (20, 4, 4, 3)).astype(np.float32)
    model.layers[0].adapt(x)
    assert [weight.shape for weight in model.get_weights()] == [(3,), (3,)]
    assert abs(model.predict(x, verbose=0).mean()) < 1e-4
    model.save(path)  # as before the number came
    again = models.load_model(path)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))

    config, arrays = model_file.read(path)
    described = json.loads(json.dumps(config).replace(json.dumps(model.layers[0].mean), "null"))
    described = json.loads(
        json.dumps(described).replace(json.dumps(model.layers[0].variance), "null")
    )
    model_file.write(path, described, arrays)
    assert len(models.load_model(path).get_weights()) == 2
