"""fit, evaluate, predict and train_on_batch: the history of a training, and that it learns."""

import math

import numpy as np
import pytest
from training_cases import CLASSES, bits, deep, easy_pictures, linear, linear_data, pictures

import minicnn as keras
from minicnn import Sequential, layers, optimizers
from minicnn.callbacks import LambdaCallback
from minicnn.losses.categorical_crossentropy import cross_entropy

# History


def test_history_has_keras_keys_and_one_value_per_epoch():
    x, y = linear_data()
    model = linear()
    history = model.fit(x, y, epochs=3, batch_size=4, validation_data=(x, y), verbose=0)
    assert model.history is history
    assert list(history.history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert {len(values) for values in history.history.values()} == {3}
    assert history.epoch == [0, 1, 2]
    assert history.params == {"verbose": 0, "epochs": 3, "steps": 3}
    assert history.interrupted is False
    assert list(model.fit(x, y, verbose=0).history) == ["loss", "accuracy"]


def test_every_fit_has_a_history_of_its_own():
    x, y = linear_data()
    model = linear()
    first = model.fit(x, y, epochs=2, verbose=0)
    second = model.fit(x, y, epochs=1, verbose=0)
    assert len(first.history["loss"]) == 2 and len(second.history["loss"]) == 1


def test_initial_epoch_counts_what_was_done_before():
    x, y = linear_data()
    seen: list[int] = []
    history = linear().fit(
        x,
        y,
        epochs=5,
        initial_epoch=3,
        verbose=0,
        callbacks=LambdaCallback(on_epoch_begin=lambda e, _: seen.append(e)),
    )
    assert history.epoch == seen == [3, 4] and len(history.history["loss"]) == 2
    assert linear().fit(x, y, epochs=3, initial_epoch=3, verbose=0).history == {}


def test_logged_loss_is_the_mean_over_samples_not_over_batches():
    """With learning rate 0 the weights stand still, so the epoch's loss is that of all samples, 4 +
    4 + 2 of them.
    """
    x, y = linear_data(10)
    model = linear(learning_rate=0.0)
    seen: list[dict] = []
    note = LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append({"batch": batch} | logs)
    )
    history = model.fit(x, y, batch_size=4, shuffle=False, verbose=0, callbacks=note)
    loss, accuracy = model.evaluate(x, y)
    p = np.exp(x.astype(float) @ model.get_weights()[0])
    losses = -np.log((p / p.sum(axis=1, keepdims=True))[np.arange(10), y])
    assert loss == pytest.approx(losses.mean(), rel=1e-6)
    assert accuracy == np.mean(p.argmax(axis=1) == y)
    assert history.history["loss"][0] == pytest.approx(loss, rel=1e-6)
    assert history.history["accuracy"][0] == accuracy
    assert [(logs["batch"], logs["size"]) for logs in seen] == [(0, 4), (1, 4), (2, 2)]
    assert [logs["loss"] for logs in seen] == pytest.approx(
        [losses[:n].mean() for n in (4, 8, 10)], rel=1e-6
    )


def test_validation_metrics_are_those_of_the_epochs_final_weights():
    x, y = linear_data()
    x_val, y_val = linear_data(7, seed=1)
    model = linear()
    history = model.fit(
        x, y, epochs=2, batch_size=2, validation_data=(x_val, y_val), verbose=0
    ).history
    assert [history["val_loss"][-1], history["val_accuracy"][-1]] == model.evaluate(x_val, y_val)
    assert history["loss"][-1] != model.evaluate(x, y)[0]  # a mean over changing weights


def test_validation_leaves_no_trace_in_the_training():
    x, y = linear_data()
    plain, validated = linear(), linear()
    one = plain.fit(x, y, epochs=3, batch_size=4, verbose=0).history
    two = validated.fit(
        x, y, epochs=3, batch_size=4, verbose=0, validation_data=linear_data(5, seed=2)
    ).history
    assert bits(plain) == bits(validated)
    assert one["loss"] == two["loss"] and one["accuracy"] == two["accuracy"]


def test_validation_data_may_carry_sample_weights():
    x, y = linear_data()
    weight = np.linspace(0, 3, len(x))
    model = linear()
    history = model.fit(x, y, validation_data=(x, y, weight), verbose=0).history
    assert history["val_loss"][0] == pytest.approx(
        model.evaluate(x, y, sample_weight=weight)[0], rel=1e-12
    )
    assert history["val_loss"][0] != pytest.approx(model.evaluate(x, y)[0], rel=1e-3)


# Learning


def test_an_easy_problem_is_learnt():
    x, y = easy_pictures(320)
    model = Sequential(
        [
            layers.Rescaling(1 / 255, input_shape=(8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(momentum=0.9, warmup=True),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.1),
            layers.Dense(4, activation="softmax"),
        ],
        seed=0,
    )
    model.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy", ["accuracy"])
    history = model.fit(x, y, batch_size=16, epochs=10, validation_split=0.2, verbose=0).history
    assert history["loss"][-1] < history["loss"][0] / 2
    assert history["val_accuracy"][-1] > 0.9
    x_test, y_test = easy_pictures(200, seed=1)
    assert model.evaluate(x_test, y_test)[1] > 0.9
    assert (
        np.mean(model.predict(x_test).argmax(axis=1) == y_test[:, 0])
        == model.evaluate(x_test, y_test)[1]
    )


def test_a_handful_of_samples_is_learnt_by_heart():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((12, 6, 6, 1)), rng.integers(0, CLASSES, 12)
    model = deep()
    model.fit(x, y, epochs=60, batch_size=12, verbose=0)
    loss, accuracy = Sequential.evaluate(model, x, y)
    assert accuracy == 1.0 and model.history.history["loss"][-1] < 0.05, loss


def test_the_loss_goes_down_along_its_own_gradient():
    """One small step changes the loss by -rate * |gradient|^2, to first order."""
    x, y = pictures(6)
    model = deep(dtype="float64")
    rate = 1e-7
    model.compile(optimizers.SGD(rate), "sparse_categorical_crossentropy")
    before, _ = model.loss_and_gradients(x, y)
    squared = sum(float((gradient**2).sum()) for _, _, gradient in model.parameters())
    model.train_step(x, y)
    after, _ = model.loss_and_gradients(x, y)
    assert (before - after) / rate == pytest.approx(squared, rel=1e-4)


def test_the_documented_script_runs_with_its_import_changed():
    """The training script that the project documents, tf.keras replaced by minicnn, on 64 small
    pictures.
    """
    rng = np.random.default_rng(0)
    x_train, x_test = (rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8) for n in (64, 16))
    y_train, y_test = (np.arange(n, dtype=np.uint8)[:, None] % 10 for n in (64, 16))
    keras.utils.set_random_seed(0)

    x_train = x_train.astype("float32") / 255.0
    x_test = x_test.astype("float32") / 255.0
    y_train = keras.utils.to_categorical(y_train, 10)
    y_test = keras.utils.to_categorical(y_test, 10)

    def build_cnn_model():
        model = keras.Sequential([
            # First convolutional block
            keras.layers.Conv2D(32, (3, 3), padding="valid", activation="relu",
                input_shape=(32, 32, 3)),
            keras.layers.BatchNormalization(),
            keras.layers.MaxPooling2D(pool_size=(2, 2)),
            # Second convolutional block
            keras.layers.Conv2D(64, (3, 3), padding="valid", activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.MaxPooling2D(pool_size=(2, 2)),
            # Third convolutional block
            keras.layers.Conv2D(128, (3, 3), padding="valid", activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.MaxPooling2D(pool_size=(2, 2)),
            # Fully connected layers
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(10, activation="softmax"),
        ])  # fmt: skip
        return model

    model = build_cnn_model()
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    callbacks = [
        keras.callbacks.EarlyStopping(patience=10, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau(factor=0.1, patience=5),
    ]
    with pytest.warns(UserWarning, match="averages that lag"):  # one step an epoch
        history = model.fit(
            x_train,
            y_train,
            validation_split=0.2,
            epochs=3,
            batch_size=64,
            callbacks=callbacks,
            verbose=0,
        )
    assert list(history.history) == [
        "loss",
        "accuracy",
        "val_loss",
        "val_accuracy",
        "learning_rate",
    ]
    assert len(history.history["loss"]) == 3 and history.history["learning_rate"] == [0.001] * 3
    test_loss, test_accuracy = model.evaluate(x_test, y_test)
    assert math.isfinite(test_loss) and 0 <= test_accuracy <= 1

    def predict_image(img_array, model):
        img_array = np.expand_dims(img_array, axis=0)
        predictions = model.predict(img_array)
        return np.argmax(predictions[0]), predictions[0]

    predicted_class, probabilities = predict_image(x_test[0], model)
    assert 0 <= predicted_class < 10 and probabilities.shape == (10,)
    assert probabilities.sum() == pytest.approx(1, abs=1e-6)
    assert test_loss == pytest.approx(
        float(cross_entropy(model.predict(x_test), y_test)[0].mean()), rel=1e-5
    )
