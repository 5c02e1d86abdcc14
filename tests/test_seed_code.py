"""Code and steps of tutorials on CIFAR-10 with Keras run here, on a small set of drawn shapes in
CIFAR-10's form.
"""

import os
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import minicnn as keras
from minicnn import data, plots, report
from minicnn.callbacks import EarlyStopping, ReduceLROnPlateau
from minicnn.datasets import cifar10
from minicnn.layers import (
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPool2D,
    MaxPooling2D,
)
from minicnn.models import Sequential, load_model
from minicnn.optimizers import Adam
from minicnn.preprocessing.image import ImageDataGenerator, img_to_array, load_img
from minicnn.utils import to_categorical

# Batch normalisation is Keras' own here, and 400 pictures make few steps: fit says so
# (tests/test_small_data.py).
pytestmark = pytest.mark.filterwarnings(
    "ignore:validation after .* is measured with moving averages that lag"
)
# of the tutorial's printed summary
PARAMETERS = [
    896,
    128,
    18_496,
    256,
    73_856,
    512,
    65_664,
    1_290,
]


@pytest.fixture(scope="module", autouse=True)
def small_cifar():
    """CIFAR-10 has 400 and 100 pictures in this module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            cifar10,
            "load_data",
            lambda: keras.datasets.shapes.load_data(train=400, test=100, seed=0),
        )
        yield


# A tutorial's code as it stands


@pytest.fixture(scope="module")
def code():
    keras.utils.set_random_seed(1)
    return SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("seed_code.py"))))


def test_its_model_has_the_layers_and_parameters_that_it_prints(code):
    assert [layer.count_params() for layer in code.model.layers if layer.weights] == PARAMETERS
    lines = []
    code.model.summary(print_fn=lambda text: lines.extend(text.splitlines()))
    assert lines[-3:] == [
        "Total params: 161,098",
        "Trainable params: 160,650",
        "Non-trainable params: 448",
    ]
    assert [layer.output_shape for layer in code.model.layers][::3][:3] == [
        (30, 30, 32),
        (13, 13, 64),
        (4, 4, 128),
    ]


def test_its_training_learns_and_both_callbacks_act(code):
    logs = code.history.history
    assert set(logs) == {"accuracy", "loss", "val_accuracy", "val_loss", "learning_rate"}
    assert logs["loss"][-1] < 0.5 * logs["loss"][0]
    assert min(logs["learning_rate"]) < 1e-3  # ReduceLROnPlateau
    assert len(logs["loss"]) < 100  # EarlyStopping
    assert code.model.evaluate(code.x_train[320:], code.y_train[320:])[0] == pytest.approx(
        min(logs["val_loss"])
    )


def test_its_augmentation_changes_pictures_in_training_only(code):
    x = code.x_test[:8]
    assert np.array_equal(code.data_augmentation(x), x)
    changed = code.data_augmentation(x, training=True)
    assert changed.shape == x.shape and all((a != b).any() for a, b in zip(changed, x, strict=True))


def test_its_augmentation_can_stand_before_its_model(code):
    model = Sequential(
        [keras.Input((32, 32, 3)), *code.data_augmentation.layers, *code.build_cnn_model().layers]
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(code.x_train, code.y_train, epochs=2, batch_size=64, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


@pytest.mark.parametrize(
    "name, mode, size",
    [("a.png", "RGB", (32, 32)), ("b.jpg", "L", (200, 90)), ("c.png", "RGBA", (7, 50))],
)
def test_its_predict_image_takes_any_picture(code, tmp_path, name, mode, size):
    Image.effect_noise(size, 80).convert(mode).save(tmp_path / name)
    predicted, probabilities = code.predict_image(tmp_path / name, code.model)
    assert probabilities.shape == (10,) and probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert predicted == probabilities.argmax()


def test_its_predict_image_says_what_the_model_says_of_the_array(code, tmp_path):
    Image.fromarray(np.round(code.x_test[3] * 255).astype(np.uint8)).save(tmp_path / "picture.png")
    _, probabilities = code.predict_image(tmp_path / "picture.png", code.model)
    assert np.allclose(probabilities, code.model.predict(code.x_test[3:4])[0], atol=1e-6)


def test_its_idea_of_transfer_learning(code):
    new = code.model.replace_head(["one", "other"])
    new.freeze("conv2d", "batch_normalization", "conv2d_1", "batch_normalization_1")
    new.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    before = new.layers[0].get_weights()
    new.fit(code.x_train[:40], to_categorical(np.arange(40) % 2, 2), epochs=1, verbose=0)
    assert np.array_equal(before[0], new.layers[0].get_weights()[0])


# The steps of four more, one after the other


@pytest.fixture(scope="module")
def loaded():
    (x_train, y_train), (x_test, y_test) = cifar10.load_data()
    return SimpleNamespace(x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)


@pytest.fixture(scope="module")
def prepared(loaded):
    """Float pictures from 0 to 1, one-hot labels."""
    x_train, x_test = loaded.x_train.astype("float32"), loaded.x_test.astype("float32")
    x_train, x_test = x_train / 255, x_test / 255
    return SimpleNamespace(
        x_train=x_train,
        x_test=x_test,
        y_train=to_categorical(loaded.y_train),
        y_test=to_categorical(loaded.y_test, 10),
    )


@pytest.fixture(scope="module")
def model():
    model = Sequential(seed=0)
    model.add(
        Conv2D(
            filters=16,
            kernel_size=(3, 3),
            activation="relu",
            padding="same",
            input_shape=(32, 32, 3),
        )
    )
    model.add(BatchNormalization(momentum=0.9))
    model.add(MaxPool2D(pool_size=(2, 2)))
    model.add(Conv2D(32, (3, 3), activation="relu"))
    model.add(AveragePooling2D((2, 2)))
    model.add(Conv2D(32, (3, 3), activation="relu"))
    model.add(MaxPooling2D((2, 2)))
    model.add(Flatten())
    model.add(Dense(64, activation="relu"))
    model.add(Dropout(0.25))
    model.add(Dense(10, activation="softmax"))
    model.compile(
        loss="categorical_crossentropy", optimizer=Adam(learning_rate=0.003), metrics=["accuracy"]
    )
    return model


@pytest.fixture(scope="module")
def trained(model, prepared):
    history = model.fit(
        prepared.x_train,
        prepared.y_train,
        batch_size=32,
        epochs=20,
        validation_data=(prepared.x_test, prepared.y_test),
        callbacks=[EarlyStopping(patience=5), ReduceLROnPlateau(patience=3)],
        verbose=0,
    )
    return SimpleNamespace(model=model, history=history)


@pytest.fixture(scope="module")
def answers(trained, prepared):
    probabilities = trained.model.predict(prepared.x_test)
    return SimpleNamespace(probabilities=probabilities, classes=np.argmax(probabilities, axis=1))


def test_step_load_the_dataset_and_split_it_into_train_and_test(loaded):
    assert loaded.x_train.shape == (400, 32, 32, 3) and loaded.y_train.shape == (400, 1)
    assert loaded.x_test.shape == (100, 32, 32, 3) and loaded.x_train.dtype == np.uint8


def test_step_examine_the_data(loaded):
    described = data.describe(loaded.x_train, loaded.y_train, keras.datasets.shapes.CLASS_NAMES)
    assert sum(described.counts) == 400 and len(described.mean) == 3
    assert "circle" in described.to_text()


def test_step_class_distribution(loaded, tmp_path):
    _, counts = np.unique(loaded.y_train, return_counts=True)
    plot = plots.class_distribution(counts, keras.datasets.shapes.CLASS_NAMES)
    assert plot.save(tmp_path / "distribution.png").stat().st_size > 5000


def test_step_visualize_a_single_picture_and_a_matrix_of_pictures(loaded, tmp_path):
    for number in (1, 16):
        plot = plots.image_grid(
            loaded.x_train[:number], loaded.y_train[:number], keras.datasets.shapes.CLASS_NAMES
        )
        assert plot.save(tmp_path / "pictures.png").stat().st_size > 2000


def test_step_split_into_training_validation_and_test_sets(loaded):
    parts = data.split(
        loaded.x_train, loaded.y_train, train=0.7, validation=0.15, test=0.15, seed=0
    )
    assert [len(x) for x, _ in parts] == [280, 60, 60]


def test_step_convert_train_and_test_data_into_float_type_and_normalize(prepared):
    assert prepared.x_train.dtype == np.float32
    assert prepared.x_train.min() >= 0 and 0.9 < prepared.x_train.max() <= 1


def test_step_convert_the_y_part_into_binary_form(prepared, loaded):
    assert prepared.y_train.shape == (400, 10) and (prepared.y_train.sum(axis=1) == 1).all()
    assert np.array_equal(prepared.y_train.argmax(axis=1), loaded.y_train.reshape(-1))


def test_step_build_the_model_in_sequential_manner(model):
    assert model.output_shape == (None, 10)
    names = [
        "conv2d",
        "batch_normalization",
        "max_pooling2d",
        "conv2d_1",
        "average_pooling2d",
        "conv2d_2",
    ]
    assert [layer.name for layer in model.layers][:6] == names


def test_step_compile_the_model_and_train_the_epochs(trained):
    logs = trained.history.history
    assert set(logs) == {"accuracy", "loss", "val_accuracy", "val_loss", "learning_rate"}
    assert logs["loss"][-1] < 0.5 * logs["loss"][0]


def test_step_visualize_the_accuracy_graph(trained, tmp_path):
    plot = plots.learning_curves(trained.history)
    assert plot.save(tmp_path / "curves.png").stat().st_size > 10_000


def test_step_evaluate_the_model(trained, prepared):
    loss, accuracy = trained.model.evaluate(prepared.x_test, prepared.y_test)
    assert loss < 2.3 and accuracy > 0.25  # chance is 0.1


def test_step_predict_the_model_on_the_test_dataset(answers):
    assert answers.probabilities.shape == (100, 10) and answers.classes.shape == (100,)


def test_step_accuracy_precision_recall_and_f1(answers, loaded, trained, prepared):
    result = report.evaluate_report(
        loaded.y_test, answers.probabilities, keras.datasets.shapes.CLASS_NAMES
    )
    assert result.classes.accuracy == pytest.approx(
        trained.model.evaluate(prepared.x_test, prepared.y_test)[1]
    )
    assert set(result.classes.macro_average) == {"precision", "recall", "f1-score"}


def test_step_pictures_with_their_predicted_and_true_classes(answers, loaded, tmp_path):
    plot = plots.predictions_grid(
        loaded.x_test, loaded.y_test, answers.probabilities, keras.datasets.shapes.CLASS_NAMES
    )
    assert plot.save(tmp_path / "predictions.png").stat().st_size > 10_000


def test_step_confusion_matrix_and_heatmap(answers, loaded, tmp_path):
    matrix = report.confusion_matrix(loaded.y_test, answers.classes, 10)
    assert matrix.sum() == 100
    plot = plots.confusion_heatmap(matrix, keras.datasets.shapes.CLASS_NAMES)
    assert plot.save(tmp_path / "heatmap.png").stat().st_size > 10_000


def test_step_save_the_model_using_os_path(trained, answers, prepared, tmp_path):
    save_dir = os.path.join(tmp_path, "saved_models")
    trained.model.save(os.path.join(save_dir, "cifar_cnn.safetensors"))
    loaded = load_model(os.path.join(save_dir, "cifar_cnn.safetensors"))
    assert np.array_equal(loaded.predict(prepared.x_test), answers.probabilities)


def test_step_predict_ones_own_picture(trained, loaded, tmp_path):
    Image.fromarray(loaded.x_test[0]).resize((300, 200)).save(tmp_path / "own.jpg")
    picture = img_to_array(load_img(tmp_path / "own.jpg", target_size=(32, 32))) / 255
    assert trained.model.predict(picture[np.newaxis]).shape == (1, 10)


def test_step_image_augmentation_retraining_and_saving_again(trained, prepared, tmp_path):
    datagen = ImageDataGenerator(
        rotation_range=15,
        width_shift_range=0.1,
        height_shift_range=0.1,
        zoom_range=0.1,
        horizontal_flip=True,
    )
    datagen.fit(prepared.x_train)
    flow = datagen.flow(prepared.x_train, prepared.y_train, batch_size=32, seed=0)
    pictures, labels = next(flow)
    assert pictures.shape == (32, 32, 32, 3) and labels.shape == (32, 10)
    before = trained.model.get_weights()
    history = trained.model.fit(
        flow, epochs=2, validation_data=(prepared.x_test, prepared.y_test), verbose=0
    )
    assert len(history.history["val_accuracy"]) == 2
    assert not np.array_equal(before[0], trained.model.get_weights()[0])
    trained.model.save(tmp_path / "augmented.safetensors")
    assert (tmp_path / "augmented.safetensors").stat().st_size > 10_000
