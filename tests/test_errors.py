"""Mistakes that users make, and what they are told: who, what was expected, what was received, and
the likely fix.
"""

import inspect
import re
import warnings

import numpy as np
import pytest

from minicnn import Input, Sequential, initializers, layers, losses, metrics, optimizers, utils
from minicnn.callbacks import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from minicnn.errors import DataError, ModelFileError, did_you_mean
from minicnn.layers.base import Layer


def classifier(
    *first: Layer, classes: int = 3, loss: str = "sparse_categorical_crossentropy"
) -> Sequential:
    """For pictures (8, 8, 2): optional first layers, one convolution, one dense layer with a
    softmax.
    """
    last = [layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(classes, activation="softmax")]
    model = Sequential([Input((8, 8, 2)), *first, *last], name="net", seed=0)
    model.compile("sgd", loss, metrics=["accuracy"])
    return model


def used(model: Sequential) -> Sequential:
    """The same model, whose weights now come from somewhere: predict does not warn of them."""
    model.set_weights(model.get_weights())
    return model


def pictures(n: int = 6) -> tuple[np.ndarray, np.ndarray]:
    return np.random.default_rng(0).random((n, 8, 8, 2), np.float32), np.arange(n) % 3


# The shape of the input


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict", "train_on_batch", "forward"])
def test_channels_first_pictures(method):
    x, y = pictures()
    model = used(classifier())
    arguments = (
        (x.transpose(0, 3, 1, 2),)
        if method in ("predict", "forward")
        else (x.transpose(0, 3, 1, 2), y)
    )
    message = (
        r"^Conv2D 'conv2d' expected input of shape \(N, 8, 8, 2\), received \(6, 2, 8, 8\): "
        r"minicnn is channels-last, try x.transpose\(0, 2, 3, 1\)$"
    )
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(*arguments)


def test_a_model_built_channels_first():
    """Its first convolution may well fit, on 3 rows, and nothing after it would say why the rest
    does not.
    """
    message = (
        r"'conv2d' of 'net' is to see pictures of 3 rows, 32 columns and 32 channels: "
        r"minicnn is channels-last, try the shape \(32, 32, 3\) and x.transpose\(0, 2, 3, 1\)"
    )
    with pytest.raises(ValueError, match=message):
        Sequential([Input((3, 32, 32)), layers.Conv2D(4, 3)], name="net")
    with pytest.raises(ValueError, match=message):
        Sequential([layers.Conv2D(4, 3)], name="net").forward(np.zeros((2, 3, 32, 32)))
    with pytest.raises(ValueError, match=message):
        Sequential([Input((3, 32, 32)), layers.Rescaling(1 / 255), layers.Conv2D(4, 3)], name="net")
    # any order will do
    Sequential([Input((3, 32, 32)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(2)])
    for shape in ((32, 32, 3), (3, 32, 16), (1, 5, 5), (3, 3, 3)):
        Sequential([Input(shape), layers.ReLU()])


def test_a_single_picture():
    x, _ = pictures()
    model = used(classifier())
    message = (
        r"expected input of shape \(N, 8, 8, 2\), received \(8, 8, 2\): add the batch axis, "
        r"x\[None\]$"
    )
    with pytest.raises(ValueError, match=message):
        model.predict(x[0])
    assert model.predict(x[0][None]).shape == (1, 3)


def test_grey_pictures_without_a_channel_axis():
    model = Sequential([Input((8, 8, 1)), layers.Conv2D(2, 3)])
    message = (
        r"expected input of shape \(N, 8, 8, 1\), received \(6, 8, 8\): add the channel axis, "
        r"x\[..., None\]$"
    )
    with pytest.raises(ValueError, match=message):
        model.forward(np.zeros((6, 8, 8)))


def test_a_single_picture_for_a_model_without_a_shape():
    model = Sequential([layers.Conv2D(2, 3)])
    message = (
        r"Conv2D 'conv2d' expected pictures of shape \(N, H, W, C\), received samples of shape "
        r"\(8, 2\)"
    )
    with pytest.raises(ValueError, match=message):
        model.forward(np.zeros((8, 8, 2)))
    # nothing remembers the mistake
    assert model.forward(np.zeros((1, 8, 8, 2))).shape == (
        1,
        6,
        6,
        2,
    )


@pytest.mark.parametrize("shape", [(None, 8, 8, 2), (None, None, 3), (0, 8, 3), (8.5, 8, 3), 8])
@pytest.mark.parametrize("make", [Input, lambda shape: layers.Conv2D(2, 3, input_shape=shape)])
def test_a_shape_that_is_not_that_of_one_sample(shape, make):
    """With a batch axis, with open or empty ones."""
    message = (
        r"^(Input|Conv2D) expected the shape of one sample, without the batch axis, such as \(32, "
        r"32, 3\), "
        rf"received {re.escape(repr(shape))}$"
    )
    with pytest.raises(ValueError, match=message):
        make(shape)


def test_build_without_a_batch_axis():
    with pytest.raises(
        ValueError, match=r"received samples of shape \(8, 2\).*build\(\(None, H, W, C\)\) has it"
    ):
        Sequential([layers.Conv2D(2, 3)]).build((8, 8, 2))


# Labels


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch"])
def test_one_hot_labels_with_the_sparse_loss(method):
    x, y = pictures()
    message = (
        r"loss 'sparse_categorical_crossentropy' expected integer labels \(N,\) or \(N, 1\), "
        r"received shape \(6, 3\): "
        r"one-hot labels go with 'categorical_crossentropy', or use y.argmax\(axis=1\)"
    )
    with pytest.raises(ValueError, match=message):
        getattr(classifier(), method)(x, np.eye(3)[y])


@pytest.mark.parametrize("shape", [(6,), (6, 1)])
@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch"])
def test_integer_labels_with_the_categorical_loss(method, shape):
    x, y = pictures()
    message = (
        rf"loss 'categorical_crossentropy' expected one-hot labels \(N, 3\), received shape "
        rf"\({', '.join(map(str, shape))},?\): integer labels go with "
        r"'sparse_categorical_crossentropy', "
        r"or use utils.to_categorical\(y, 3\)"
    )
    with pytest.raises(ValueError, match=message):
        getattr(classifier(loss="categorical_crossentropy"), method)(x, y.reshape(shape))


@pytest.mark.parametrize("label", [3, 255, -1])
@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch"])
def test_labels_out_of_range(method, label):
    """NumPy would silently take the last class for -1."""
    x, y = pictures()
    y[4] = label
    low, high = min(0, label), max(2, label)
    message = (
        f"expected labels from 0 to 2, received {low} to {high}: the last layer must have one unit "
        "per class"
    )
    with pytest.raises(ValueError, match=message):
        getattr(classifier(), method)(x, y)


def test_labels_that_are_not_whole():
    x, y = pictures()
    with pytest.raises(ValueError, match="expected integer labels, received .*0.5.* among them"):
        classifier().fit(x, y + 0.5)


def test_one_hot_labels_of_another_number_of_classes():
    x, y = pictures()
    message = (
        r"expected one-hot labels \(N, 3\), received shape \(6, 10\): the last layer must have one "
        r"unit per class"
    )
    with pytest.raises(ValueError, match=message):
        classifier(loss="categorical_crossentropy").fit(x, np.eye(10)[y])


def test_labels_are_looked_at_before_anything_is_trained():
    """All of them, also those that would only be met in validation, after an epoch has been paid
    for.
    """
    x, y = pictures(12)
    wrong = y.copy()
    wrong[11] = 7
    for arguments in (
        {"x": x, "y": wrong, "batch_size": 2, "shuffle": False},
        {"x": x, "y": wrong, "validation_split": 0.5},
        {"x": x, "y": y, "validation_data": (x, wrong)},
        {"x": x, "y": y, "validation_data": (x, np.eye(3)[y])},
        {"x": x, "y": y, "validation_data": (x.transpose(0, 3, 1, 2), y)},
    ):
        model = classifier()
        before = [weight.tobytes() for weight in model.get_weights()]
        with pytest.raises(ValueError, match="expected"):
            model.fit(**arguments, verbose=0)
        assert [weight.tobytes() for weight in model.get_weights()] == before, list(arguments)


@pytest.mark.parametrize("labels", [[0, 3], [-1, 1]])
def test_to_categorical_out_of_range(labels):
    message = f"to_categorical expected labels from 0 to 2, received {min(labels)} to {max(labels)}"
    with pytest.raises(ValueError, match=message):
        utils.to_categorical(labels, 3)


def test_to_categorical():
    assert np.array_equal(utils.to_categorical([[2], [0]]), [[0, 0, 1], [1, 0, 0]])
    assert utils.to_categorical(np.array([1], np.uint8), 3).dtype == np.float32


# Numbers of samples


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"y": np.zeros(5, int)}, "fit expected as many samples in y as in x, 6, received 5"),
        (
            {"sample_weight": np.ones(5)},
            "fit expected as many samples in sample_weight as in x, 6, received 5",
        ),
        (
            {"sample_weight": np.ones((6, 2))},
            r"fit expected sample_weight as numbers of shape \(6,\), .*\(6, 2\)",
        ),
        (
            {"validation_data": (np.zeros((2, 8, 8, 2)), np.zeros(3, int))},
            r"fit\(validation_data\) expected as many samples in y as in x, 2, received 3",
        ),
        (
            {"validation_data": (np.zeros((2, 8, 8, 2)),)},
            r"validation_data.*\(x, y\) or \(x, y, sample_weight\)",
        ),
        ({"validation_split": 1.0}, "fit expected 0 <= validation_split < 1, received 1.0"),
        ({"validation_split": -0.1}, "fit expected 0 <= validation_split < 1, received -0.1"),
        (
            {"validation_split": 0.99},
            "fit cannot split 6 samples by validation_split=0.99: one part is empty",
        ),
        (
            {"validation_split": 1e-17},
            "cannot split 6 samples by validation_split=1e-17: one part is empty",
        ),
    ],
)
def test_fit_arguments_that_do_not_fit(arguments, message):
    x, y = pictures()
    with pytest.raises(ValueError, match=message):
        classifier().fit(**{"x": x, "y": y, "verbose": 0} | arguments)


def test_no_samples():
    x, y = pictures()
    for method, arguments in (
        ("fit", (x[:0], y[:0])),
        ("evaluate", (x[:0], y[:0])),
        ("predict", (x[:0],)),
    ):
        with pytest.raises(
            ValueError,
            match=rf"{method} expected at least one sample, received x of shape \(0, 8, 8",
        ):
            getattr(classifier(), method)(*arguments)


def test_a_validation_split_without_some_class():
    x, y = pictures(10)
    message = (
        "validation_split takes the last 4 of 10 samples, before any shuffling: class 1, 2 is in "
        "only one of the two parts. Shuffle x and y first"
    )
    with pytest.warns(UserWarning, match=message) as got:
        classifier().fit(
            x, np.array([0, 0, 0, 0, 1, 1, 2, 2, 0, 0]), validation_split=0.4, verbose=0
        )
    assert got[0].filename == __file__


@pytest.mark.parametrize("one_hot", [False, True])
def test_a_sorted_data_set_is_noticed_and_a_shuffled_one_is_fine(one_hot):
    x, _ = pictures(12)
    y = np.repeat([0, 1, 2], 4)
    model = classifier(
        loss="categorical_crossentropy" if one_hot else "sparse_categorical_crossentropy"
    )
    with pytest.warns(UserWarning, match="class 0, 1, 2 is in only one"):
        model.fit(x, np.eye(3)[y] if one_hot else y, validation_split=1 / 3, verbose=0)
    y = np.tile([0, 1, 2], 4)
    model.fit(x, np.eye(3)[y] if one_hot else y, validation_split=0.5, verbose=0)


# Windows and ranks


@pytest.mark.parametrize(
    ("layer", "window"),
    [
        (layers.Conv2D(1, 3), "3x3"),
        (layers.Conv2D(1, (1, 3)), "1x3"),
        (layers.MaxPooling2D((3, 2)), "3x2"),
        (layers.AveragePooling2D(3), "3x3"),
        (layers.Conv2D(1, 2, dilation_rate=2), "2x2"),
    ],
)
def test_a_window_larger_than_its_input(layer, window):
    model = Sequential([Input((5, 5, 1)), layers.MaxPooling2D()])  # 5 -> 2
    message = (
        rf"^{type(layer).__name__} '\w+' receives pictures of 2x2, smaller than its {window} "
        r"window.*: "
        r"use padding='same' or leave out a pooling layer before it"
    )
    with pytest.raises(ValueError, match=message):
        model.add(layer)


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(1, 1),
        layers.MaxPooling2D(),
        layers.AveragePooling2D(2),
        layers.ZeroPadding2D(),
        layers.GlobalAveragePooling2D(),
        layers.GlobalMaxPooling2D(),
    ],
)
def test_layers_for_pictures_on_something_else(layer):
    message = (
        rf"^{type(layer).__name__} '\w+' expected pictures of shape \(N, H, W, C\), received "
        r"samples of .* \(4,\)"
    )
    with pytest.raises(ValueError, match=message):
        Sequential([Input((4,)), layer])


def test_a_model_whose_output_is_a_picture():
    """Without a Flatten, (N, 6, 6, 3) goes into the loss, where NumPy would broadcast it with the
    labels.
    """
    x, y = pictures()
    model = Sequential([Input((8, 8, 2)), layers.Conv2D(3, 3, activation="softmax")], seed=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    message = (
        r"expected integer labels \(N, 6, 6\) .*received shape \(6,\): .*put Flatten\(\) or "
        r"GlobalAveragePooling2D\(\)"
    )
    for method in (model.fit, model.evaluate, model.train_on_batch):
        with pytest.raises(ValueError, match=message):
            method(x, y)


# Pixels


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_pixels_up_to_255_without_a_layer_for_them(method):
    x, y = pictures()
    model = used(classifier())
    arguments = (x * 255,) if method == "predict" else (x * 255, y)
    message = (
        r"pixels up to 25\d(\.\d)? go into Conv2D 'conv2d' as they are: "
        r"put Rescaling\(1 / 255\) first in the model, or divide them by 255"
    )
    with pytest.warns(UserWarning, match=message) as got:
        getattr(model, method)(*arguments, verbose=0)
    assert [w.filename for w in got] == [__file__]


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_pixels_up_to_1_with_a_rescaling(method):
    x, y = pictures()
    model = used(classifier(layers.Rescaling(1 / 255)))
    message = (
        r"Rescaling 'rescaling' multiplies pixels by 0.003922, but they only reach (1|0.\d+): "
        r"hand over the original 0 ... 255, or leave out the layer"
    )
    with pytest.warns(UserWarning, match=message):
        getattr(model, method)(*((x,) if method == "predict" else (x, y)), verbose=0)


@pytest.mark.parametrize(
    ("first", "scale", "shift"),
    [
        ([], 1, 0),
        ([], 255, -128),  # centred: whoever did that knows
        ([layers.Rescaling(1 / 255)], 255, 0),
        ([layers.Rescaling(1 / 255)], 0, 0),  # black pictures say nothing
        ([layers.Rescaling(2.0, offset=-1)], 1, 0),
        ([layers.Normalization(mean=120.0, variance=3600.0)], 255, 0),
        ([layers.BatchNormalization()], 255, 0),
        # no weight sees the raw pixels
        (
            [layers.ZeroPadding2D(), layers.Rescaling(1 / 255)],
            255,
            0,
        ),
    ],
)
def test_pixels_as_the_model_wants_them_are_fine(first, scale, shift):
    x, y = pictures()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier(*first).fit(x * scale + shift, y, verbose=0)


# Order of calls


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch"])
def test_training_before_compile(method):
    x, y = pictures()
    model = Sequential([Input((8, 8, 2)), layers.Flatten(), layers.Dense(3)], name="net")
    message = (
        r"'net' is not compiled: call compile\(optimizer='adam', loss='categorical_crossentropy', "
        r".* first"
    )
    with pytest.raises(RuntimeError, match=message):
        getattr(model, method)(x, y)


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch"])
def test_a_model_without_layers(method):
    x, y = pictures()
    model = Sequential(name="empty")
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(
        ValueError, match=r"Sequential 'empty' has no layers: add\(\.\.\.\) some first"
    ):
        getattr(model, method)(x, y)


def test_predictions_of_fresh_weights():
    x, y = pictures()
    message = (
        "'net' has neither been trained nor loaded: its predictions are random. Call fit, "
        "load_weights or"
    )
    with pytest.warns(UserWarning, match=message) as got:
        classifier().predict(x)
    assert got[0].filename == __file__
    for use in (
        lambda m: m.fit(x, y, verbose=0),
        lambda m: m.train_on_batch(x, y),
        lambda m: m.set_weights(m.get_weights()),
        lambda m: [layer.set_weights(layer.get_weights()) for layer in m.layers],
    ):
        model = classifier()
        use(model)
        model.predict(x)  # no warning, which would be an error here
    Sequential([Input((8, 8, 2)), layers.Flatten()]).predict(x)  # nothing to train
    model = classifier()
    model.get_layer("conv2d").set_weights(model.get_layer("conv2d").get_weights())
    with pytest.warns(UserWarning, match=message):  # the dense layer's are still random
        model.predict(x)
    model.fit(x, y, verbose=0)
    Sequential(model.layers[:-1]).predict(x)  # a part of a trained model


def test_a_layer_before_build():
    with pytest.raises(
        RuntimeError,
        match=r"Dense has no weights yet: call build\(input_shape\) first, or use it in",
    ):
        layers.Dense(3).forward(np.zeros((1, 2)))


@pytest.mark.parametrize("shape", [(6, 4), (5, 3)])
def test_a_gradient_of_another_shape(shape):
    x, _ = pictures()
    model = classifier()
    model.forward(x, training=True)
    message = (
        r"Dense 'dense'.backward expected dy of its output's shape \(6, 3\), received "
        rf"\({shape[0]}, {shape[1]}\)"
    )
    with pytest.raises(ValueError, match=message):
        model.backward(np.zeros(shape, np.float32))


# Callbacks


@pytest.mark.parametrize(
    "make", [EarlyStopping, ReduceLROnPlateau, lambda: ModelCheckpoint("m", save_best_only=True)]
)
def test_a_monitor_that_is_not_logged(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x, y = pictures()
    message = (
        r"monitors 'val_loss', which is not in the logs: .*\. Available: loss, accuracy.*"
        r"Pass validation_data or validation_split to fit"
    )
    with pytest.warns(UserWarning, match=message):
        classifier().fit(x, y, verbose=0, callbacks=make())


@pytest.mark.parametrize("thing", [EarlyStopping, "EarlyStopping", object()])
def test_what_is_no_callback(thing):
    x, y = pictures()
    with pytest.raises(TypeError, match="fit expected callback"):
        classifier().fit(x, y, callbacks=[thing])


# Weights of another model


def test_weights_of_another_model(tmp_path):
    x, y = pictures()
    source, target = classifier(classes=3), classifier(classes=4)
    source.save_weights(tmp_path / "three.safetensors")
    table = (
        r"three.safetensors' does not fit 'net' \(skip_mismatch=True loads what fits\):\n"
        r"  weight +in the file +in the model\n"
        r"  dense/kernel +\(72, 3\) +\(72, 4\)\n"
        r"  dense/bias +\(3,\) +\(4,\)$"
    )
    with pytest.raises(ModelFileError, match=table):
        target.load_weights(tmp_path / "three.safetensors")


def test_set_weights_of_another_shape():
    model = classifier()
    message = (
        r"Dense 'dense' expected weights kernel \(72, 3\), bias \(3,\), received shapes "
        r"\[\(72, 4\), \(3,\)\]"
    )
    with pytest.raises(ValueError, match=message):
        model.get_layer("dense").set_weights([np.zeros((72, 4)), np.zeros(3)])


# Losses


def test_a_loss_that_is_not_a_number():
    x, y = pictures()
    x[4, 1, 1] = np.nan
    model = classifier()
    message = (
        "the loss is nan at epoch 1, batch 3: the input holds NaN or infinity. The update was left "
        "out. Try a learning rate below 0.01, or global_clipnorm=1.0"
    )
    with pytest.warns(UserWarning, match=message) as got:
        model.fit(x, y, batch_size=2, shuffle=False, verbose=0)
    assert got[0].filename == __file__


@pytest.mark.parametrize(
    "loss", [losses.CategoricalCrossentropy(), losses.SparseCategoricalCrossentropy()]
)
@pytest.mark.parametrize("activation", [None, "relu"])
def test_predictions_that_are_no_probabilities(loss, activation):
    x, y = pictures()
    y = y if isinstance(loss, losses.SparseCategoricalCrossentropy) else np.eye(3)[y]
    model = Sequential(
        [Input((8, 8, 2)), layers.Flatten(), layers.Dense(3, activation=activation)], seed=0
    )
    model.compile("sgd", loss)
    message = (
        rf"loss '{loss.name}' expected probabilities \(at least 0, with sum 1\), received values "
        r"from .* to .* with "
        r"sums from .*: end the model in activation='softmax', or use the loss with "
        r"from_logits=True"
    )
    for method in (model.fit, model.evaluate, model.train_on_batch):
        with pytest.raises(ValueError, match=message):
            method(x, y)


@pytest.mark.parametrize(
    "end",
    [[layers.Dense(3, activation="softmax")], [layers.Softmax()], [layers.Activation("softmax")]],
)
@pytest.mark.parametrize(
    "loss", [losses.CategoricalCrossentropy, losses.SparseCategoricalCrossentropy]
)
def test_from_logits_with_a_softmax(end, loss):
    model = Sequential([Input((8, 8, 2)), layers.Flatten(), layers.Dense(3), *end])
    message = (
        rf"loss '{loss().name}' with from_logits=True expected logits, but {type(end[0]).__name__} "
        r"'\w+' ends in a "
        "softmax: leave out one of the two"
    )
    with pytest.raises(ValueError, match=message):
        model.compile("sgd", loss(from_logits=True))


def test_from_logits_with_a_softmax_that_is_added_later():
    x, y = pictures()
    model = Sequential([Input((8, 8, 2)), layers.Flatten()])
    model.compile("sgd", losses.SparseCategoricalCrossentropy(from_logits=True))
    model.add(layers.Dense(3, activation="softmax"))
    with pytest.raises(
        ValueError, match="from_logits=True expected logits, but Dense 'dense' ends in a softmax"
    ):
        model.fit(x, y, verbose=0)


@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_label_smoothing_out_of_range(value):
    with pytest.raises(
        ValueError,
        match=f"CategoricalCrossentropy expected 0 <= label_smoothing <= 1, received {value}",
    ):
        losses.CategoricalCrossentropy(label_smoothing=value)


# Misspelt words


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: layers.Conv2D(2, kernal_size=3),
            "Conv2D has no argument 'kernal_size'. Did you mean 'kernel_size'?",
        ),
        (
            lambda: layers.Conv2D(2, 3, stride=2),
            "Conv2D has no argument 'stride'. Did you mean 'strides'?",
        ),
        (
            lambda: layers.Dense(2, activaton="relu"),
            "Dense has no argument 'activaton'. Did you mean 'activation'?",
        ),
        (
            lambda: layers.Dense(2, inputshape=(3,)),
            "Dense has no argument 'inputshape'. Did you mean 'input_shape'?",
        ),
        (
            lambda: layers.MaxPooling2D(size=2),
            "MaxPooling2D has no argument 'size'. Did you mean 'pool_size'?",
        ),
        (
            lambda: layers.Flatten(zzz=1),
            "Flatten has no argument 'zzz'. Known are: input_shape, name, trainable.",
        ),
        (
            lambda: optimizers.SGD(lerning_rate=1),
            "SGD has no argument 'lerning_rate'. Did you mean 'learning_rate'?",
        ),
        (
            lambda: classifier().fit(*pictures(), epoch=3),
            "fit has no argument 'epoch'. Did you mean 'epochs'?",
        ),
        (
            lambda: classifier().compile(optimiser="adam"),
            "compile has no argument 'optimiser'. Did you mean 'optimizer'?",
        ),
    ],
)
def test_a_misspelt_argument(make, message):
    with pytest.raises(TypeError, match=message.replace("?", r"\?")):
        make()


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("Conv2d", "Conv2D"),
        ("CONV2D", "Conv2D"),
        ("Dens", "Dense"),
        ("MaxPool2d", "MaxPool2D"),
        ("Relu", "ReLU"),
    ],
)
def test_a_misspelt_layer(name, nearest):
    with pytest.raises(
        AttributeError,
        match=rf"module 'minicnn.layers' has no attribute '{name}'. Did you mean '{nearest}'\?",
    ):
        getattr(layers, name)


def test_a_layer_that_minicnn_does_not_have():
    with pytest.raises(
        AttributeError,
        match=r"has no attribute 'Octagon'. Known are: Activation, Add, Average, .*ZeroPadding2D",
    ):
        layers.Octagon  # noqa: B018  the look-up is the test


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optimizers.get("adamm"), "unknown optimizer 'adamm'. Did you mean 'adam'?"),
        (
            lambda: optimizers.get("newton"),
            "unknown optimizer 'newton'. Known are: adadelta, adagrad, adam, ad",
        ),
        (lambda: optimizers.get(None), "unknown optimizer None"),
        (
            lambda: optimizers.get(losses.Huber),
            "unknown optimizer <class 'minicnn.losses.robust.Huber'>",
        ),
        (lambda: losses.get("categorical_crossentrpy"), "Did you mean 'categorical_crossentropy'?"),
        (
            lambda: losses.get("zero_one"),
            "unknown loss 'zero_one'. Known are: binary_crossentropy, binary_focal",
        ),
        (lambda: losses.get(7), "unknown loss 7. Known are: binary_crossentropy"),
        (lambda: metrics.get("acuracy"), "unknown metric 'acuracy'. Did you mean 'accuracy'?"),
        (lambda: metrics.get("auk"), "unknown metric 'auk'. Did you mean 'auc'"),
        (
            lambda: initializers.get("glorot_unifrom"),
            "unknown initializer 'glorot_unifrom'. Did you mean 'glorot_uniform'?",
        ),
        (lambda: layers.Dense(2, kernel_initializer="he_norml"), "Did you mean 'he_normal'?"),
        (
            lambda: layers.Conv2D(2, 3, kernel_initializer="thirds"),
            "Conv2D has no kernel_initializer 'thirds'. Known are:",
        ),
        (
            lambda: layers.Dense(2, activation="rellu"),
            "Dense has no activation 'rellu'. Did you mean 'relu'?",
        ),
        (
            lambda: layers.Conv2D(2, 3, activation="Softmax"),
            "Conv2D has no activation 'Softmax'. Did you mean 'softmax'?",
        ),
        (
            lambda: layers.Activation("zigzag"),
            "Activation has no activation 'zigzag'. Known are: celu, elu, exponential, gelu,",
        ),
        (lambda: classifier().compile("adma"), "unknown optimizer 'adma'. Did you mean 'adam'"),
        (
            lambda: classifier().compile(loss="sparse_crossentropy"),
            "unknown loss 'sparse_crossentropy'. Did you mean",
        ),
        (
            lambda: classifier().compile(metrics=["acuracy"]),
            "unknown metric 'acuracy'. Did you mean 'accuracy'?",
        ),
        (
            lambda: classifier().get_layer("dens"),
            "'net' has no layer 'dens'. Did you mean 'dense'?",
        ),
    ],
)
def test_a_misspelt_name(make, message):
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        make()


def test_an_initializer_of_ones_own_cannot_be_kept_in_a_file():
    with pytest.raises(
        ValueError,
        match="cannot be named in a model file: use one of glorot_uniform, glorot_normal, he_uni",
    ):
        layers.Dense(2, kernel_initializer=lambda *given: np.ones(given[0], given[2]))


def test_did_you_mean():
    assert did_you_mean("kernal_size", ["filters", "kernel_size"]) == " Did you mean 'kernel_size'?"
    assert did_you_mean("CONV2D", ["Conv2D", "Dense"]) == " Did you mean 'Conv2D'?"
    assert did_you_mean("xyz", ["b", "a"]) == " Known are: a, b."


def test_the_packages_own_errors_are_value_errors():
    assert issubclass(ModelFileError, ValueError) and issubclass(DataError, ValueError)


# Arguments out of range


@pytest.mark.parametrize("wrong", [0, -1, 2.5, (1, 2, 3), (2, 0), (1.0, 2.0), "3", "33"])
@pytest.mark.parametrize(
    ("make", "who", "what"),
    [
        (lambda v: layers.Conv2D(1, v), "Conv2D", "kernel_size"),
        (lambda v: layers.Conv2D(1, 1, strides=v), "Conv2D", "strides"),
        (lambda v: layers.Conv2D(1, 1, dilation_rate=v), "Conv2D", "dilation_rate"),
        (layers.MaxPooling2D, "MaxPooling2D", "pool_size"),
        (lambda v: layers.MaxPooling2D(2, v), "MaxPooling2D", "strides"),
        (layers.AveragePooling2D, "AveragePooling2D", "pool_size"),
        (lambda v: layers.AveragePooling2D(2, v), "AveragePooling2D", "strides"),
    ],
)
def test_window_arguments(make, who, what, wrong):
    message = (
        rf"^{who} expected {what} to be an integer >= 1 or a pair of them, received "
        rf"{re.escape(repr(wrong))}$"
    )
    with pytest.raises(ValueError, match=message):
        make(wrong)


def test_windows_of_no_size():
    for make in (
        lambda: layers.Conv2D(1, None),
        lambda: layers.MaxPooling2D(None),
        lambda: layers.AveragePooling2D(None),
    ):
        with pytest.raises(
            ValueError, match="_size to be an integer >= 1 or a pair of them, received None"
        ):
            make()


@pytest.mark.parametrize(
    "make", [lambda p: layers.Conv2D(1, 1, padding=p), layers.MaxPooling2D, layers.AveragePooling2D]
)
@pytest.mark.parametrize("padding", ["full", 1, None])
def test_paddings(make, padding):
    name = "Conv2D" if inspect.isfunction(make) else make.__name__
    with pytest.raises(
        ValueError, match=rf"{name} expected padding 'valid' or 'same', received {padding!r}"
    ):
        make(padding) if name == "Conv2D" else make(2, padding=padding)


@pytest.mark.parametrize("value", [0, -3, 2.5, "10", None])
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (layers.Dense, "Dense expected units"),
        (lambda v: layers.Conv2D(v, 3), "Conv2D expected filters"),
    ],
)
def test_numbers_of_units_and_filters(make, message, value):
    with pytest.raises(ValueError, match=f"{message}.* at least 1, received {value!r}"):
        make(value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: layers.Dropout(1),
            r"Dropout expected 0 <= rate < 1 \(the share that is dropped\), received 1",
        ),
        (lambda: layers.Dropout(-0.1), "Dropout expected 0 <= rate < 1 .*received -0.1"),
        (lambda: layers.Dropout(50), "Dropout expected 0 <= rate < 1 .*received 50"),
        (lambda: layers.ReLU(max_value=0), "ReLU expected max_value above 0 or None, received 0"),
        (
            lambda: layers.ReLU(max_value=-1.0),
            "ReLU expected max_value above 0 or None, received -1.0",
        ),
        (
            lambda: layers.ZeroPadding2D(-1),
            "ZeroPadding2D expected padding as an integer >= 0.* received -1",
        ),
        (
            lambda: layers.ZeroPadding2D((1, 2, 3)),
            r"ZeroPadding2D expected padding .* received \(1, 2, 3\)",
        ),
        (lambda: layers.ZeroPadding2D(((1, 2), (3, -4))), "ZeroPadding2D expected padding"),
        (lambda: layers.ZeroPadding2D(1.5), "ZeroPadding2D expected padding .*received 1.5"),
        (
            lambda: layers.Normalization(mean=1.0),
            "Normalization expected mean and variance together, received mean=1.0",
        ),
        (
            lambda: layers.BatchNormalization(momentum=1.5),
            "BatchNormalization expected 0 <= momentum <= 1, received 1.5",
        ),
        (
            lambda: layers.BatchNormalization(momentum=-0.1),
            "BatchNormalization expected 0 <= momentum <= 1, received",
        ),
        (
            lambda: layers.BatchNormalization(epsilon=-1e-3),
            "BatchNormalization expected epsilon .*received -0.001",
        ),
        (
            lambda: layers.Normalization(mean=0.0, variance=-1.0),
            "Normalization expected variance .*received -1.0",
        ),
        (
            lambda: Sequential([Input((3, 4)), layers.BatchNormalization(axis=1)]),
            r"expected axis -1.*received axis=1",
        ),
        (
            lambda: Sequential([Input((3, 4)), layers.Normalization(axis=0)]),
            r"expected axis -1.*received axis=0",
        ),
    ],
)
def test_layer_arguments_out_of_range(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("method", ["forward", "backward"])
def test_a_layer_of_ones_own_that_is_not_finished(method):
    with pytest.raises(NotImplementedError, match=rf"Layer must define {method}\("):
        getattr(Layer(), method)(np.zeros(1))


def test_a_metric_and_an_optimizer_of_ones_own_that_are_not_finished():
    with pytest.raises(NotImplementedError, match=r"Metric must define values\(y_true, y_pred\)"):
        metrics.Metric("mine").update(np.zeros(1), np.zeros(1))
    with pytest.raises(
        NotImplementedError, match=r"Optimizer must define update\(value, grad, slots\)"
    ):
        optimizers.Optimizer(0.1).step([("w", np.zeros(1), np.zeros(1))])


def test_a_batch_of_one_value_per_channel():
    model = Sequential([Input((3,)), layers.BatchNormalization()])
    with pytest.warns(
        UserWarning,
        match="BatchNormalization 'batch_normalization' normalises a batch with one value",
    ):
        y = model.forward(np.array([[1.0, 2.0, 3.0]]), training=True)
    assert not y.any()
