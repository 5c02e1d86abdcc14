"""Arguments of a wrong kind are refused where they are given, and what Keras' users write works."""

import re
import traceback

import numpy as np
import pytest

from minicnn import (
    Input,
    Model,
    Sequential,
    applications,
    datasets,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    utils,
)
from minicnn.models import load_model
from minicnn.preprocessing.image import ImageDataGenerator

X = np.random.default_rng(0).random((6, 4, 4, 2), np.float32)
WORDS = np.array(["a", "b"])  # where one is expected; comparing it is no yes or no


@pytest.mark.parametrize("axis", [(1, 2), [3], [-1, 1]])
def test_a_softmax_over_several_axes_is_saved_and_loaded(axis, tmp_path):
    model = Sequential([Input((4, 4, 2)), layers.Softmax(axis=axis)], seed=0)
    y = model.forward(X)
    np.testing.assert_allclose(y.sum(axis=tuple(axis)), 1, rtol=1e-6)
    model.save(tmp_path / "m.safetensors")
    assert np.array_equal(load_model(tmp_path / "m.safetensors").forward(X), y)


WRONG = [
    (lambda: layers.Softmax(axis="x"), "Softmax expected axis as an integer or a list of them"),
    (lambda: layers.Softmax(axis=1.5), "Softmax expected axis as an integer or a list of them"),
    (lambda: Sequential([Input((4,)), layers.Softmax(axis=7)]), "axes of its samples, each once"),
    (lambda: layers.Softmax(axis=0).build((4,)), "each once, counted with the batch axis, 1 to 1"),
    (lambda: layers.Softmax(axis=(1, -1)).build((4,)), r"received axis=\[1, -1\]"),
    (lambda: losses.deserialize("x"), "losses expected a description as"),
    (lambda: losses.deserialize(None), "losses expected a description as"),
    (lambda: models.clone_model("x"), "clone_model expected a model, received 'x'"),
    (
        lambda: applications.MobileNetV2(weights=None, input_tensor="x"),
        "MobileNetV2 expected input_tensor as a symbolic tensor",
    ),
    (
        lambda: layers.Conv2D(2, 1, use_bias="False"),
        "Conv2D expected use_bias as True or False, received 'False'",
    ),
    (lambda: layers.Dense(2, use_bias=None), "Dense expected use_bias as True or False"),
    (lambda: layers.GaussianNoise(0.5, seed=1.5), "GaussianNoise expected seed"),
    (lambda: layers.Dropout(0.5, seed="x"), "Dropout expected seed"),
    (lambda: layers.RandomFlip(seed=-1), "RandomFlip expected seed"),
    (
        lambda: layers.Normalization(mean=[1, 2], variance=1).build((3, 3, 4)),
        "Normalization expected mean as one number or as 4, one per channel, received 2",
    ),
    (
        lambda: layers.Normalization(mean=1, variance=[1, 2]).build((4,)),
        "expected variance as one number or as 4, one per channel, received 2",
    ),
    (
        lambda: layers.Normalization(mean="x", variance=1),
        "Normalization expected mean as numbers, received 'x'",
    ),
    (lambda: layers.Normalization(mean=1, variance="x"), "expected variance as numbers"),
    (
        lambda: layers.Normalization(mean=float("nan"), variance=1),
        "Normalization expected mean as a finite number, or a list of one per channel",
    ),
    (lambda: layers.Normalization(mean=1, variance=-1), "expected variance of at least 0"),
    (lambda: layers.Normalization().adapt("x"), "Normalization.adapt expected data as numbers"),
    (lambda: layers.Normalization().adapt([1.0]), r"expected data \(n, ..., C\), received shape"),
    (
        lambda: metrics.AUC(thresholds=1.5),
        "AUC expected thresholds as a list of numbers, received 1.5",
    ),
    (lambda: metrics.AUC(curve=WORDS), "AUC expected curve as one of ROC, PR, received array"),
    (lambda: metrics.F1Score(average=WORDS), "expected average"),
    (lambda: layers.RandomFlip(mode=WORDS), "RandomFlip expected mode"),
    (lambda: layers.RandomCrop(2, 2, padding_mode=WORDS), "RandomCrop expected padding_mode"),
    (lambda: initializers.VarianceScaling(mode=WORDS), "VarianceScaling expected mode"),
    (lambda: ImageDataGenerator(fill_mode=WORDS), "ImageDataGenerator has no fill_mode array"),
    (
        lambda: ImageDataGenerator().flow(X, seed="x"),
        "flow expected seed of at least 0, received 'x', which is no whole number",
    ),
    (
        lambda: applications.MobileNetV2(weights=None, include_top=False, pooling=WORDS),
        "expected pooling",
    ),
    (lambda: datasets.cifar100.load_data(WORDS), "expected label_mode"),
    (lambda: utils.normalize(None), "normalize expected x as numbers, received None"),
    (lambda: utils.normalize("x"), "normalize expected x as numbers, received 'x'"),
    (lambda: utils.normalize(X, axis=4), "normalize expected axis as one of the 4 axes of x"),
    (
        lambda: utils.img_to_array("x"),
        "img_to_array expected a picture as numbers, received 'x'",
    ),
    (lambda: utils.img_to_array(1), r"expected a picture \(H, W, C\) or \(H, W\), received shape"),
    (
        lambda: utils.array_to_img("x"),
        "array_to_img expected one picture as numbers, received 'x'",
    ),
    (
        lambda: layers.Conv2D(2, 1, kernel_initializer="he_norml"),
        "Conv2D has no kernel_initializer 'he_norml'. Did you mean 'he_normal'?",
    ),
    (
        lambda: layers.Dense(2, name="top", kernel_regularizer="l3"),
        "Dense 'top' has no kernel_regularizer 'l3'",
    ),
    (lambda: layers.PReLU(alpha_initializer=None), "PReLU has no alpha_initializer None"),
    (lambda: layers.Dense(2, bias_constraint="x"), "Dense has no bias_constraint 'x'"),
    (lambda: layers.Dense(2, activation="rlu"), "Dense has no activation 'rlu'"),
    *(
        (
            lambda cls=cls: cls.from_config("x"),
            f"{cls.__name__}.from_config expected the dict that get_config",
        )
        for cls in (layers.Dense, losses.Huber, metrics.AUC, optimizers.SGD, initializers.Zeros)
    ),
    *(
        (
            lambda cls=cls, config=config: cls.from_config(config),
            "from_config expected what a model's get_config.. gives, a dict with name, layers, "
            f"dtype, seed, received {config!r}",
        )
        for cls in (Sequential, Model)
        for config in ("x", 1.5, None, {}, {"name": "a"})
    ),
]


@pytest.mark.parametrize(("make", "message"), WRONG)
def test_what_is_of_a_wrong_kind_is_refused(make, message):
    with pytest.raises((TypeError, ValueError), match=message) as error:
        make()
    print(error.value)


def test_an_input_layer_begins_a_sequential():
    model = Sequential([layers.InputLayer(shape=(4, 4, 2)), layers.Flatten(), layers.Dense(3)])
    assert model.output_shape == (None, 3)
    assert [layer.name for layer in model.layers] == ["flatten", "dense"]


def test_a_list_of_one_output_is_one_output():
    """As in Keras: U-Nets are written Model(inputs=[x], outputs=[y])."""
    x = Input((4, 4, 2))
    model = Model(inputs=[x], outputs=[layers.Flatten()(x)])
    assert isinstance(model.predict(X), np.ndarray) and isinstance(model(X), np.ndarray)
    assert model.output_shape == (None, 32)


def test_batches_are_measured_and_predicted():
    model = Sequential([Input((4, 4, 2)), layers.Flatten(), layers.Dense(3, "softmax")], seed=0)
    model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])
    y = np.arange(6) % 3
    assert model.test_on_batch(X, y) == model.evaluate(X, y, verbose=0)
    assert model.test_on_batch(X, y, return_dict=True).keys() == {"loss", "accuracy"}
    with pytest.raises(ValueError, match="test_on_batch expected as many samples in y as in x, 6"):
        model.test_on_batch(X, y[:4])
    model.train_on_batch(X, y)
    assert np.array_equal(model.predict_on_batch(X), model.predict(X, verbose=0))


def test_pooling_layers_have_keras_short_names():
    assert layers.AvgPool2D is layers.AveragePooling2D
    assert layers.GlobalAvgPool2D is layers.GlobalAveragePooling2D
    assert layers.GlobalMaxPool2D is layers.GlobalMaxPooling2D


@pytest.fixture
def folder(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        for number in range(2):
            utils.save_img(tmp_path / name / f"{number}.png", X[number, ..., :1])
    return tmp_path


@pytest.mark.parametrize("what", ["class_names", "classes"])
@pytest.mark.parametrize("names", [1.5, "ab", {"a", "b"}])
def test_names_of_classes_are_a_list(what, names, folder):
    def make():
        if what == "classes":
            return ImageDataGenerator().flow_from_directory(folder, classes=names)
        return utils.image_dataset_from_directory(folder, class_names=names, verbose=False)

    message = f"directory expected {what} as a list of names of subfolders, received"
    with pytest.raises(ValueError, match=message) as error:
        make()
    print(error.value)


@pytest.mark.parametrize(
    "argument", ["subset", "label_mode", "class_mode", "interpolation", "color_mode", "seed"]
)
@pytest.mark.parametrize("value", [WORDS, [1, 2], 1.5])
def test_words_for_folders_are_words(argument, value, folder):
    if argument != "class_mode":
        with pytest.raises(
            ValueError, match=f"image_dataset_from_directory.* {argument}.*receive|no"
        ):
            utils.image_dataset_from_directory(folder, **{argument: value})
    if argument != "label_mode":
        with pytest.raises(ValueError, match=f"flow_from_directory.* {argument}") as error:
            ImageDataGenerator(validation_split=0.5).flow_from_directory(
                folder, **{argument: value}
            )
        print(error.value)


def test_labels_of_files_are_as_many(folder):
    message = "expected a label for each of the 4 files, received 1.5"
    with pytest.raises(ValueError, match=message):
        utils.image_dataset_from_directory(folder, labels=1.5)


def test_every_layer_is_made_of_its_config():
    for layer in (
        layers.Dense(3, activation="relu", kernel_initializer="he_normal", name="top"),
        layers.Conv2D(2, 3, padding="same", kernel_regularizer="l2"),
        layers.BatchNormalization(momentum=0.9, trainable=False),
        layers.Normalization(mean=[1, 2], variance=[3, 4]),
        layers.Add(),
        layers.RandomFlip("horizontal", seed=1),
    ):
        again = type(layer).from_config(layer.get_config())
        assert type(again) is type(layer) and again.get_config() == layer.get_config()


class Scaled(layers.Layer):
    """Of a factor that its files keep as a text."""

    def __init__(self, factor=1.0, **options):
        super().__init__(**options)
        self.factor = factor

    def forward(self, x, *, training=False):  # noqa: ARG002
        return x * self.factor

    def get_config(self):
        return super().get_config() | {"factor": str(self.factor)}

    @classmethod
    def from_config(cls, config):
        return super().from_config({**config, "factor": float(config["factor"])})


def test_files_and_clones_make_layers_by_from_config(tmp_path):
    model = Sequential([Input((4,)), Scaled(2.0), layers.Dense(2)], seed=0)
    model.save(tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors", custom_objects={"Scaled": Scaled})
    x = np.ones((1, 4), np.float32)
    assert np.array_equal(again.forward(x), model.forward(x))
    assert models.clone_model(model).layers[0].factor == 2.0


@pytest.mark.parametrize(
    "read",
    [
        lambda: layers.TimeDistributed,
        lambda: layers.GlobalMaxPool,
        lambda: utils.normalise,
        lambda: layers.Dense(2).add_loss,
        lambda: layers.Dense(2).output,
        lambda: setattr(layers.Dense(2), "unit", 3),
        lambda: setattr(layers.Dense(2), "units", 3),
    ],
)
def test_python_adds_no_suggestion_to_one_of_ours(read):
    """ "Use GlobalMaxPooling2D.. Did you mean: 'GlobalMaxPooling2D'?" """
    with pytest.raises(AttributeError) as error:
        read()
    printed = "".join(traceback.format_exception(error.value)).rstrip().splitlines()[-1]
    assert printed.endswith(str(error.value)) and ".." not in printed.replace("...", "")


@pytest.mark.parametrize("word", ["GlobalMaxPool3D", "reluu"])
def test_one_sentence_follows_another(word):
    for look_up in (
        lambda: getattr(layers, word),
        lambda: losses.get(word),
        lambda: metrics.get(word),
        lambda: optimizers.get(word),
        lambda: initializers.get(word),
        lambda: layers.Dense(2, activation=word),
        lambda: layers.Dense(2, **{word: 1}),
        lambda: losses.deserialize({"class_name": word, "config": {}}),
    ):
        with pytest.raises((AttributeError, TypeError, ValueError)) as error:
            look_up()
        assert not re.search(r"\.\.(?!\.)|\?\.|  |[a-z'] Did you", str(error.value)), error.value


def test_a_metric_in_keras_form_says_how_it_is_written_here():
    with pytest.raises(
        TypeError,
        match=r"F1 defines update_state\(\). Define instead values\(y_true, y_pred\), one number "
        r"per sample, or, .*; or write a function of \(y_true, y_pred\)",
    ) as error:

        class F1(metrics.Metric):
            def update_state(self, y_true, y_pred, sample_weight=None):
                pass

    print(error.value)

    class Count(metrics.Metric):
        pass

    with pytest.raises(AttributeError, match="Count has no 'add_weight'. Keep sums in attributes"):
        Count().add_weight(name="total")
