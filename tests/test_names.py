"""Names of Keras that are not there, and misspelt ones: what is said, and that no name of Keras was
forgotten.
"""

import copy
import dataclasses
import importlib
import inspect
import json
import pickle
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import minicnn as keras
from minicnn import (
    callbacks,
    data,
    datasets,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    report,
    schedules,
    utils,
)
from minicnn.layers.base import Layer
from minicnn.names import instead, known_arguments
from minicnn.names.arguments import argument_names
from minicnn.names.keras_arguments import ARGUMENTS
from minicnn.names.keras_attributes import ATTRIBUTES
from minicnn.names.not_there import is_not_there
from minicnn.names.words import ADVICE, TABLES
from minicnn.preprocessing.image import ImageDataGenerator, img_to_array, load_img

KERAS = json.loads((Path(__file__).parent / "golden" / "names.json").read_text())


def classifier():
    model = keras.Sequential(
        [layers.Input((4, 4, 1)), layers.Flatten(), layers.Dense(3, activation="softmax")],
        name="net",
        seed=0,
    )
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def pictures():
    return np.random.default_rng(0).random((6, 4, 4, 1), np.float32), np.arange(6) % 3


def fitted():
    model = classifier()
    model.fit(*pictures(), verbose=0)
    return model


# What is said


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optimizers.Adam(lr=0.1), "Adam has no argument 'lr'. Use learning_rate."),
        (
            lambda: optimizers.SGD(decay=1e-6),
            "SGD expected decay=0.0, as by default, received 1e-06. Use learning_rate=sch",
        ),
        (
            lambda: optimizers.AdamW(loss_scale_factor=2.0),
            "AdamW expected loss_scale_factor=None, .* float32 needs no scaling",
        ),
        (
            lambda: metrics.AUC(multi_label=True),
            "AUC expected multi_label=False, .* Outputs are counted together",
        ),
        (
            lambda: optimizers.SGD(momentun=0.9),
            "SGD has no argument 'momentun'. Did you mean 'momentum'?",
        ),
        (
            lambda: classifier().fit(*pictures(), nb_epoch=2),
            "fit has no argument 'nb_epoch'. Use epochs.",
        ),
        (
            lambda: classifier().evaluate(*pictures(), callbacks=[1]),
            "evaluate expected callbacks=None, .* calls no callb",
        ),
        (
            lambda: classifier().predict(pictures()[0], batchsize=2),
            "predict has no argument 'batchsize'. Did you mean 'b",
        ),
        (
            lambda: classifier().compile(loss_weights=[1]),
            "compile expected loss_weights=None, .* There is one loss",
        ),
        (
            lambda: classifier().compile(steps_per_execution=8),
            "compile expected steps_per_execution=1, .* received 8. Ev",
        ),
        (
            lambda: classifier().summary(line_length=80),
            "summary expected line_length=None, as by default, received 80.",
        ),
        (
            lambda: classifier().save("m", save_format="h5"),
            "save expected save_format=None, .* There is one format, saf",
        ),
        (
            lambda: classifier().save(filepth="m"),
            "save has no argument 'filepth'. Did you mean 'filepath'?",
        ),
        (
            lambda: models.load_model("m", custom_object={}),
            "load_model has no argument 'custom_object'. Did you mean 'c",
        ),
        (
            lambda: callbacks.ModelCheckpoint("m", period=5),
            "ModelCheckpoint expected period=1, .* Use save_freq, 'epoc",
        ),
        (
            lambda: callbacks.ReduceLROnPlateau(epsilon=0.1),
            "ReduceLROnPlateau has no argument 'epsilon'. Use min_delta.",
        ),
        (
            lambda: callbacks.EarlyStopping(paitence=1),
            "EarlyStopping has no argument 'paitence'. Did you mean 'patience'?",
        ),
        (
            lambda: callbacks.CSVLogger(file_name="a"),
            "CSVLogger has no argument 'file_name'. Did you mean 'filename'?",
        ),
        (
            lambda: ImageDataGenerator(rotation=3),
            "ImageDataGenerator has no argument 'rotation'. Did you mean 'rotation_",
        ),
        (
            lambda: ImageDataGenerator().flow(*pictures(), save_to_dir="a"),
            "flow expected save_to_dir=None, .*augmentation_p",
        ),
        (
            lambda: ImageDataGenerator().fit(pictures()[0], augment=True),
            "fit expected augment=False, as by default, rece",
        ),
        (
            lambda: layers.Conv2D(2, 3, activity_regularizer="l2"),
            "Conv2D expected activity_regularizer=None, .* use kernel_regularizer, or Dropout.",
        ),
        (
            lambda: layers.Conv2D(2, 3, W_regularizer="l2"),
            "Conv2D has no argument 'W_regularizer'. Use kernel_regularizer.",
        ),
        (
            lambda: layers.Conv2D(2, 3, data_format="channels_first"),
            r"is channels-last: .* x.transpose\(0, 2, 3, 1\)",
        ),
        (
            lambda: layers.Dense(2, input_dim=3),
            r"Dense expected input_dim=None, .* Use input_shape=\(n,\).",
        ),
        (
            lambda: layers.Dense(2, b_constraint="max_norm"),
            "Dense has no argument 'b_constraint'. Use bias_constraint.",
        ),
        (
            lambda: layers.LeakyReLU(alpha=0.1),
            "LeakyReLU has no argument 'alpha'. Use negative_slope.",
        ),
        (lambda: layers.Dropout(p=0.5), "Dropout has no argument 'p'. Use rate."),
        (
            lambda: keras.initializers.HeNormal(input_axes=[0]),
            "HeNormal expected input_axes=None, .* Kernels are",
        ),
        (
            lambda: losses.CategoricalCrossentropy(reduction="sum"),
            "reduction='sum_over_batch_size', .* received 'sum'. The",
        ),
        (
            lambda: losses.SparseCategoricalCrossentropy(ignore_class=0),
            "ignore_class=None, .* the weight 0",
        ),
        (
            lambda: metrics.TopKCategoricalAccuracy(n=3),
            "TopKCategoricalAccuracy has no argument 'n'. Known are: k, name.",
        ),
        (
            lambda: schedules.CosineDecay(0.1, decay_step=3),
            "CosineDecay has no argument 'decay_step'. Did you mean 'deca",
        ),
        (
            lambda: report.classification_report([0], [0], target_names=["a"]),
            "'target_names'. Use class_names.",
        ),
        (
            lambda: data.from_directory("a", validation_split=0.2),
            r"received 0.2. Use data.split\(x, y\)",
        ),
        (
            lambda: load_img("a", grayscale=True),
            "load_img expected grayscale=False, .* Use color_mode='grayscale'.",
        ),
    ],
)
def test_an_argument_that_is_not_there(make, message):
    with pytest.raises(TypeError, match=message.replace("?", r"\?")) as caught:
        make()
    print(caught.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: optimizers.get("ftrl"),
            r"unknown optimizer 'ftrl'. It is for sparse linear models: use Adagrad\(\)",
        ),
        (
            lambda: layers.Dense(1, activation="sparsemax"),
            "Dense has no activation 'sparsemax'. Use 'softmax'.",
        ),
        (
            lambda: losses.get("tversky"),
            r"'tversky'. It is not there: derive it, and write a function that returns",
        ),
        (
            lambda: losses.get("categorical_generalized_cross_entropy"),
            r"cross_entropy'. Use CategoricalCrossentropy\(label_smoothing=0.1\) for doubtful",
        ),
        (
            lambda: metrics.get("MeanIoU"),
            r"unknown metric 'MeanIoU'. report.confusion_matrix\(y_true, y_pred\) has all",
        ),
        (
            lambda: keras.initializers.get("stft"),
            "'stft'. It is there for sound: use another",
        ),
        (
            lambda: keras.regularizers.get("orthogonal_regularizer"),
            "'orthogonal_regularizer'. Use L1, L2 or L1L2, and initializers.Orthogonal",
        ),
        (
            lambda: keras.regularizers.get("l1l2"),
            r"unknown regularizer 'l1l2'. Use 'l1_l2', or L1L2\(l1=0.01",
        ),
        (
            lambda: load_img("a", color_mode="rgba"),
            "no color_mode 'rgba'. Pictures are put on white .* use 'rgb'.",
        ),
    ],
)
def test_a_word_that_is_not_there(make, message):
    with pytest.raises(ValueError, match=message) as caught:
        make()
    print(caught.value)


@pytest.mark.parametrize(
    ("look_up", "message"),
    [
        (
            lambda: keras.Functional,
            r"module 'minicnn' has no attribute 'Functional'. Use Model\(inputs, outputs\)",
        ),
        (
            lambda: keras.regularizers.orthogonal_regularizer(),
            "'orthogonal_regularizer'. Use L1, L2 or L1L2",
        ),
        (lambda: keras.ops, "no attribute 'ops'. There is no backend: arrays are NumPy's"),
        (lambda: keras.activations.glu, "'glu'. It halves the channels: multiply one half by"),
        (lambda: keras.Sequentail, "no attribute 'Sequentail'. Did you mean 'Sequential'?"),
        (
            lambda: datasets.imdb.load_data(),
            r"'minicnn.datasets' has no attribute 'imdb'. minicnn classifies pictures: use ",
        ),
        (lambda: layers.AlphaDropout, "'AlphaDropout'. Use Dropout, or GaussianDropout"),
        (lambda: layers.LSTM, "'LSTM'. minicnn classifies pictures"),
        (
            lambda: metrics.R2Score(),
            r"'minicnn.metrics' has no attribute 'R2Score'. Subclass Metric, with update, res",
        ),
        (lambda: optimizers.Ftrl(), r"'Ftrl'. It is for sparse linear models: use Ada"),
        (lambda: callbacks.RemoteMonitor(), "'RemoteMonitor'. Use CSVLogger"),
        (
            lambda: losses.Dice,
            "'Dice'. It is not there: derive it, and write a function",
        ),
        (
            lambda: utils.text_dataset_from_directory,
            "minicnn classifies pictures: see data.from_directory",
        ),
        (lambda: utils.np_utils, "'np_utils'. Use utils.to_categorical."),
        (
            lambda: keras.preprocessing.image.DirectoryIterator,
            r"Use utils|ImageDataGenerator\(\).flow_from_directory\(path\) makes it",
        ),
        (lambda: keras.schedules.InverseTimeDecay, "'InverseTimeDecay'. Use CosineDecay"),
        (
            lambda: ImageDataGenerator().flow_from_dataframe,
            "ImageDataGenerator has no 'flow_from_dataframe'. Read the p",
        ),
        (
            lambda: ImageDataGenerator().flow(*pictures()).class_indices,
            "Flow has no 'class_indices'. The labels are fl",
        ),
        (
            lambda: classifier().fit_generator,
            r"Sequential has no 'fit_generator'. Use fit\(generator, epochs=...\).",
        ),
        (
            lambda: classifier().predict_classes,
            r"'predict_classes'. Use predict\(x\).argmax\(axis=-1\).",
        ),
        (
            lambda: classifier().to_yaml(),
            r"'to_yaml'. Use to_json\(\)",
        ),
        (
            lambda: keras.Sequential.build_from_config,
            r"Sequential has no 'build_from_config'. model.save\(filepath\)",
        ),
        (lambda: classifier().add_loss, "'add_loss'. There is one loss"),
        (lambda: optimizers.Adam().lr, "Adam has no 'lr'. Use learning_rate."),
        (lambda: optimizers.SGD().decay, "SGD has no 'decay'. Use learning_rate="),
        (
            lambda: classifier().layers[0].kernel,
            r"Flatten has no 'kernel'. Its weights are those in weights.",
        ),
        (
            lambda: metrics.Accuracy().reset_states,
            r"Accuracy has no 'reset_states'. Use reset\(\).",
        ),
    ],
)
def test_a_name_that_is_not_there(look_up, message):
    with pytest.raises(AttributeError, match=message.replace("?", r"\?")) as caught:
        look_up()
    print(caught.value)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "from minicnn import ops",
            "cannot import name 'ops' from 'minicnn'. There is no backend",
        ),
        (
            "from minicnn.layers import Dense, LSTM",
            "cannot import name 'LSTM' from 'minicnn.layers'. minicnn classifies",
        ),
        (
            "from minicnn.datasets import imdb",
            "cannot import name 'imdb' from 'minicnn.datasets'. minicnn classifies",
        ),
        (
            "from minicnn.optimizers import Adafactor",
            r"cannot import name 'Adafactor' from 'minicnn.optimizers'. Use Adam\(\).",
        ),
        (
            "from minicnn.layers import Conv2d",
            r"cannot import name 'Conv2d' from 'minicnn.layers'. Did you mean 'Conv2D'",
        ),
        ("from minicnn import __nothing__", "cannot import name '__nothing__' from 'minicnn'$"),
    ],
)
def test_an_import_of_a_name_that_is_not_there(statement, message):
    with pytest.raises(ImportError, match=message) as caught:
        exec(statement)
    print(caught.value)


def test_hasattr_and_getattr_with_a_default_get_no_error():
    model = fitted()
    assert (
        not hasattr(keras, "Functional")
        and not hasattr(layers, "LSTM")
        and not hasattr(model, "fit_generator")
    )
    assert getattr(model.optimizer, "lr", 3) == 3
    assert not [name for name in dir(model) if is_not_there(type(model), name)]
    assert hasattr(model, "fit") and "fit" in dir(model)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert np.array_equal(twin.predict(pictures()[0]), model.predict(pictures()[0]))


def test_a_key_that_the_history_has_not():
    history = fitted().history.history
    with pytest.raises(
        KeyError, match="the history has no 'acc'. Use 'accuracy', the metric's name in compile."
    ):
        history["acc"]
    with pytest.raises(
        KeyError,
        match="the history has no 'val_loss'. Give fit a validation_split or validation_data.",
    ):
        history["val_loss"]
    with pytest.raises(KeyError, match="the history has no 'los'. Did you mean 'loss'"):
        history["los"]
    assert history.get("acc") is None and json.loads(json.dumps(history)) == history
    resumed = callbacks.History()
    resumed.set_state({"history": {"loss": [1.0]}, "epoch": [0]})
    with pytest.raises(KeyError, match="Use 'accuracy'"):
        resumed.history["acc"]


def test_a_hook_that_is_never_called():
    class Watcher(callbacks.Callback):
        def on_predict_begin(self, logs=None):
            pass

    with pytest.warns(
        UserWarning, match="Watcher defines on_predict_begin, which .* predict calls no callbacks."
    ):
        callbacks.CallbackList([Watcher()])


# What Keras scripts may spell out


def test_what_asks_for_nothing_is_accepted():
    x, y = pictures()
    model = keras.Sequential([layers.Input((4, 4, 1), batch_size=None, dtype="float32")])
    model.add(
        layers.Conv2D(
            2, 3, kernel_regularizer=None, bias_constraint=None, groups=1, dtype="float32"
        )
    )
    model.add(layers.Flatten(data_format="channels_last"))
    model.add(layers.Dense(3, activation="softmax", bias_initializer="zeros"))
    optimizer = optimizers.Adam(0.01, clipnorm=None, amsgrad=False, decay=0.0, name="adam")
    model.compile(optimizer, "sparse_categorical_crossentropy", run_eagerly=True, jit_compile=False)
    model.fit(
        x, y, workers=4, use_multiprocessing=True, max_queue_size=10, validation_freq=1, verbose=0
    )
    model.evaluate(x, y, callbacks=None, workers=2)
    assert model.predict(x, callbacks=None).shape == (6, 3)


def shared(path):
    thing = keras.preprocessing.image if path.startswith("ImageDataGenerator") else keras
    for part in path.split("."):
        thing = getattr(thing, part, None)
    return thing


REQUIRED = {
    "filters": 2, "kernel_size": 3, "units": 2, "rate": 0.5, "pool_size": 2, "activation": "relu",
    "scale": 0.5, "stddev": 0.5, "dims": (1,), "target_shape": (1,),
    "shape": (3,), "factor": 0.1, "height": 4, "width": 4, "height_factor": 0.1,
    "width_factor": 0.1, "filename": "a",
    "filepath": "a", "schedule": abs, "learning_rate": 0.1, "initial_learning_rate": 0.1,
    "decay_steps": 3,
    "decay_rate": 0.5, "boundaries": [1], "values": [1, 2], "layers": None,
    "default_optimizer": keras.optimizers.SGD(),
    "optimizer_map": keras.optimizers.OptimizerMap(keras.optimizers.SGD()),
}  # fmt: skip
MADE = [
    path
    for path in KERAS["arguments"]
    if inspect.isclass(shared(path)) and path not in ("metrics.Metric", "models.Model")
]


@pytest.mark.parametrize("path", MADE)
def test_every_default_of_keras_may_be_spelled_out(path):
    arguments = {
        name: REQUIRED[name] if default == "<required>" or name == "shape" else default
        for name, default in KERAS["arguments"][path].items()
    }
    arguments |= {"name": "sequential"} if path.endswith("Sequential") else {}
    if path in ("layers.RandomCrop", "layers.CenterCrop", "layers.Resizing"):
        del arguments["factor"]
    shared(path)(**arguments)
    shared(path)(**{name: arguments[name] for name in reversed(arguments)})


METHODS = [path for path in KERAS["arguments"] if inspect.isfunction(shared(path))]


@pytest.mark.parametrize("path", METHODS)
def test_every_argument_of_keras_functions_is_there_or_answered(path):
    function = shared(path)
    answered = ARGUMENTS.get(path, {}) | ARGUMENTS.get(function.__name__, {})
    for name, default in KERAS["arguments"][path].items():
        if name not in argument_names(function):
            harmless, _ = answered[name]
            assert (
                default == "<required>" or not isinstance(harmless, tuple) or default in harmless
            ), name


def test_every_shared_name_has_been_compared():
    functions = {
        f"{module}.{name}" for module, names in KERAS["modules"].items() for name in names if module
    }
    here = {
        path
        for path in functions
        if inspect.isclass(shared(path)) or inspect.isfunction(shared(path))
    }
    assert {path for path in here - set(KERAS["arguments"]) if not path.endswith(".get")} == set()


@pytest.mark.parametrize("module", [module for module in KERAS["modules"] if module in TABLES])
def test_every_name_of_keras_modules_is_there_or_answered(module):
    ours = shared(module) if module and shared(module) else keras
    known = {*vars(ours), *getattr(ours, "__all__", ())}
    answers = {
        name: instead(name, module, ["zzz"])
        for name in KERAS["modules"][module]
        if name not in known
    }
    assert not [name for name, answer in answers.items() if "zzz" in answer]


@pytest.mark.parametrize("name", KERAS["attributes"])
def test_every_attribute_of_keras_classes_is_there_or_answered(name):
    ours = {
        "Loss": losses.CategoricalCrossentropy,
        "Layer": Layer,
        "Optimizer": optimizers.Optimizer,
    }
    cls = ours.get(name) or next(
        getattr(module, name) for module in (keras, metrics, callbacks, schedules,
            keras.preprocessing.image)
        if name in vars(module)
    )  # fmt: skip
    one = {
        "Sequential": classifier,
        "Layer": Layer,
        "Metric": metrics.Accuracy,
        "Optimizer": optimizers.SGD,
    }
    there = set(dir(one.get(name, cls)()))
    answered = {
        word
        for base in cls.__mro__
        for words, _ in ATTRIBUTES.get(base.__name__, ())
        for word in words.split()
    }
    # CallbackList warns of them
    hooks = {hook for hook in KERAS["attributes"][name] if hook.startswith("on_")}
    assert set(KERAS["attributes"][name]) - there - answered - hooks == set()
    assert not answered & there  # a line to be taken out of the table: the name is there


WORDS = {  # what tables are of that are no modules
    "history",
    "hooks",
    "color_mode",
    "interpolation",
    "resizing",
    "class_mode",
}


def test_no_table_speaks_of_what_is_there():
    """A line to be taken out: the name is there now."""
    for kind in set(TABLES) - WORDS:
        module = importlib.import_module(f"minicnn.{kind}".rstrip("."))
        for words, _ in TABLES[kind]:
            assert not [word for word in words.split() if hasattr(module, word)], kind
    places = [
        layers,
        optimizers,
        losses,
        metrics,
        callbacks,
        schedules,
        models,
        utils,
        data,
        report,
    ]
    places += [keras, keras.preprocessing.image, keras.Sequential, ImageDataGenerator]
    for owner, answers in ARGUMENTS.items():
        name, _, method = owner.partition(".")
        for thing in (getattr(place, name) for place in places if hasattr(place, name)):
            if method:
                thing = getattr(thing, method)
            known = argument_names(thing.__init__ if inspect.isclass(thing) else thing)
            assert not known & answers.keys(), owner


def test_advice_is_a_sentence():
    words = [advice for table in TABLES.values() for _, advice in table]
    words += [advice for table in ATTRIBUTES.values() for _, advice in table]
    words += [advice for table in ARGUMENTS.values() for _, advice in table.values() if advice]
    assert not [advice for advice in words if not re.fullmatch(r"(It|[A-Za-z'].*)[^.]*\.", advice)]
    assert len({len(advice) for advice in ADVICE["layers"].values()}) > 10


# The mechanism


def public():
    """Every function and every class to be constructed that a public module names, and Sequential's
    methods.
    """
    rooms = (
        "layers activations callbacks losses metrics optimizers schedules initializers "
        "regularizers constraints models utils preprocessing.image data "
    )
    rooms += "report plots explain pruning quantize datasets.cifar10 datasets.cifar100 "
    rooms += "datasets.mnist datasets.fashion_mnist datasets.shapes transforms"
    for room in rooms.split():
        module = importlib.import_module(f"minicnn.{room}")
        for name in getattr(module, "__all__", None) or ["load_data", "MixUp", "CutMix"]:
            thing = getattr(module, name, None)
            is_result = inspect.isclass(thing) and (
                dataclasses.is_dataclass(thing)
                or issubclass(thing, tuple | Exception)
                or name == "Plot"
            )
            if (
                (inspect.isclass(thing) or inspect.isfunction(thing))
                and name != "get"
                and not is_result
            ):
                # "MaxPooling2D" of its alias MaxPool2D
                yield pytest.param(thing, thing.__name__, id=f"{room}.{name}")
    for method in (
        "add build get_layer summary compile fit evaluate predict predict_image train_on_batch "
        "lr_find replace_head freeze unfreeze save save_weights load_weights"
    ).split():
        yield pytest.param(getattr(keras.Sequential, method), method, id=f"Sequential.{method}")
    yield pytest.param(ImageDataGenerator.flow, "flow", id="flow")
    yield pytest.param(keras.set_threads, "set_threads", id="set_threads")


@pytest.mark.parametrize(("thing", "name"), list(public()))
def test_everything_public_refuses_an_unknown_argument_by_its_own_name(thing, name):
    with pytest.raises(
        TypeError,
        match=rf"^{name} has no argument 'no_such_thing'\. Known are: |'no_such_thing'\.$",
    ):
        thing(*[0] * (name in ("fit", "flow")), no_such_thing=1)


def test_arguments_for_what_takes_none():
    with pytest.raises(TypeError, match=r"^Zeros takes no arguments, received \(3,\)$"):
        keras.initializers.Zeros(3)


def test_signature_and_docstring_stay():
    fit = inspect.signature(keras.Sequential.fit)
    assert list(fit.parameters)[:4] == ["model", "x", "y", "batch_size"] and "History" in str(
        fit.return_annotation
    )
    assert keras.Sequential.fit.__doc__.startswith("Train, and return the History")
    assert list(inspect.signature(layers.Dense).parameters)[:2] == ["units", "activation"]
    assert keras.Sequential.fit.__name__ == "fit"


def test_a_function_that_takes_anything_is_left_alone():
    def anything(**options):
        return options

    assert known_arguments(anything) is anything


class Scale(Layer):
    """A user's layer, with an argument of its own and a name that Keras has for something else."""

    def __init__(self, factor=2.0, **options):
        super().__init__(**options)
        self.factor = factor
        self.kernel = factor

    def forward(self, x, *, training=False):  # noqa: ARG002
        return self.factor * self.accept(x)


def test_layers_of_ones_own():
    assert Scale(3.0, name="s").kernel == 3.0
    assert Scale(activity_regularizer=None).factor == 2.0
    with pytest.raises(TypeError, match="^Scale has no argument 'facter'. Did you mean 'factor'"):
        Scale(facter=3)


def test_warnings_still_point_to_the_callers_line(tmp_path):
    other = keras.Sequential([layers.Input((3,)), layers.Dense(2)])
    keras.Sequential([layers.Input((3,)), layers.Dense(4)]).save_weights(
        tmp_path / "other.safetensors"
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        report.classification_report([0, 1], [0, 0])
        classifier().evaluate(255 * pictures()[0], pictures()[1])
        other.load_weights(tmp_path / "other.safetensors", skip_mismatch=True)
        classifier().predict(pictures()[0])
    assert [Path(warning.filename).name for warning in caught] == ["test_names.py"] * len(
        caught
    ) and len(caught) >= 4


# Names that are there


def test_files_are_given_as_filepath(tmp_path):
    x, _ = pictures()
    model, file = fitted(), tmp_path / "m.safetensors"
    model.save(filepath=file)
    twin = models.load_model(filepath=file)
    assert np.array_equal(twin.predict(x), model.predict(x)) and twin.optimizer.iterations == 1
    model.save_weights(filepath=file)
    twin.load_weights(filepath=file)
    callbacks.ModelCheckpoint(filepath=file)


def test_a_model_loaded_without_its_training_state(tmp_path):
    model, file = fitted(), tmp_path / "m.safetensors"
    model.save(file)
    loaded = models.load_model(file, compile=False, safe_mode=True)
    assert loaded.optimizer is None and loaded.metrics == []
    assert np.array_equal(loaded.predict(pictures()[0]), model.predict(pictures()[0]))
    with pytest.raises(RuntimeError, match="compile"):
        loaded.fit(*pictures())


def test_a_layer_called_with_an_array_runs_forward():
    x, _ = pictures()
    assert np.array_equal(layers.ReLU()(x - 0.5), np.maximum(x - 0.5, 0))
    dense = layers.Dense(2)
    assert np.array_equal(dense(x[:, 0, :, 0]), dense.forward(x[:, 0, :, 0]))
    assert (layers.Dropout(0.5)(x) == x).all() and (
        layers.Dropout(0.5)(x, training=True) == 0
    ).any()
    utils.set_random_seed(3)
    first = layers.Dense(2)(x[:, 0, :, 0])
    utils.set_random_seed(3)
    assert np.array_equal(first, layers.Dense(2)(x[:, 0, :, 0]))


@pytest.mark.parametrize("tensor", [{}, "x", None])
def test_a_layer_called_with_no_array(tensor):
    with pytest.raises(
        TypeError,
        match=r"Dense expected an array \(N, ...\) of numbers or a symbolic tensor, received ",
    ):
        layers.Dense(10)(tensor)


def test_pictures_as_arrays():
    assert img_to_array(np.zeros((2, 2), np.uint8), data_format=None, dtype="float32").shape == (
        2,
        2,
        1,
    )


def test_the_page_for_users_of_keras_shows_what_is_printed(capsys):
    page = (Path(__file__).parent.parent / "docs" / "coming_from_keras.md").read_text(
        encoding="utf-8"
    )
    code, shown = re.search(
        r"```python\n(def answer.*?)```\n\n```text\n(.*?)```", page, re.DOTALL
    ).groups()
    exec(code, {"keras": keras, "layers": layers, "model": classifier(), "x_test": pictures()[0]})
    assert capsys.readouterr().out == shown
