"""Sources of batches wherever arrays go too, against Keras: golden/sources.json, made by
golden/make_sources.py.
"""

import json
from typing import Any

import numpy as np
import pytest
from golden import make_sources as recipe

import minicnn
from minicnn import Sequential, callbacks, data, layers, optimizers, preflight, report, transforms
from minicnn.callbacks import LambdaCallback
from minicnn.preprocessing.image import ImageDataGenerator


class Counted(recipe.Batches):
    """Batches that note what is asked of them."""

    def __init__(self, size: int, *arrays: np.ndarray):
        super().__init__(size, *arrays)
        self.asked: list[int] = []
        self.ended = 0

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        self.asked.append(index)
        return super().__getitem__(index)

    def on_epoch_end(self) -> None:
        self.ended += 1


def network() -> Sequential:
    return recipe.network(minicnn)


def same(received: Any, expected: Any, where: str = "") -> None:
    """Fail where numbers differ, by name."""
    if isinstance(expected, dict):
        assert received.keys() == expected.keys(), where
        for name, value in expected.items():
            same(received[name], value, f"{where}/{name}")
    else:
        assert received == pytest.approx(expected, rel=2e-6), where


def test_measured_as_keras_does():
    same(
        recipe.measured(minicnn, recipe.Batches, ImageDataGenerator().flow),
        json.loads(recipe.GOLDEN.read_text()),
    )


# What measuring asks of a source


@pytest.mark.parametrize("size", [12, 20, 30, 60])
def test_a_source_is_asked_for_its_batches_in_order_and_told_of_the_end(size):
    x, y, _ = recipe.data()
    model = network()
    for measure in (model.evaluate, model.predict):
        source = Counted(size, x, y)
        measure(source, verbose=0)
        assert source.asked == [0, *range(len(source))] and source.ended == 1
    source = Counted(size, x, y)
    model.fit(x, y, epochs=2, validation_data=source, verbose=0)
    assert source.asked == [0, *range(len(source)), *range(len(source))] and source.ended == 2


def test_measures_do_not_depend_on_the_batches():
    x, y, weight = recipe.data()
    model = network()
    loss, accuracy = model.evaluate(x, y, sample_weight=weight)
    assert model.evaluate(Counted(7, x, y, weight)) == [pytest.approx(loss, rel=1e-6), accuracy]
    np.testing.assert_array_equal(model.predict(Counted(7, x, y, weight)), model.predict(x))
    flips = model.predict(Counted(7, x), average_flips=True)
    np.testing.assert_array_equal(flips, model.predict(x, average_flips=True))


def test_more_steps_than_batches():
    x, y, _ = recipe.data()
    model = network()
    with pytest.warns(
        UserWarning, match="evaluate expected at most 3 steps, for there are no more .*, received 4"
    ):
        model.evaluate(Counted(20, x, y), steps=4)
    with pytest.warns(UserWarning, match="fit expected at most 3 steps") as got:
        model.fit(Counted(20, x, y), steps_per_epoch=100, verbose=0)
    assert got[0].filename == __file__ and model.history.params["steps"] == 3


def test_an_epoch_of_fewer_steps_draws_from_all_samples():
    x, y, _ = recipe.data()
    seen: set[int] = set()
    model = network()
    for layer in model.layers[:1]:
        layer.next_samples = lambda _, numbers: seen.update(numbers.tolist())
    model.fit(x, y, batch_size=10, steps_per_epoch=1, epochs=40, seed=0, verbose=0)
    assert seen == set(range(60)) and model.optimizer.iterations == 40


def test_lr_find_takes_a_source_and_leaves_it_as_it_is():
    x, y, _ = recipe.data()
    flow = ImageDataGenerator().flow(x, y, seed=1)
    found = network().lr_find(flow, steps=20)
    assert len(found.losses) > 2 and flow.epoch == 0


@pytest.mark.parametrize("stop", [1, 2])
def test_a_validation_flow_goes_on_where_it_was_when_a_training_is_resumed(tmp_path, stop):
    x, y, _ = recipe.data()

    def fit(epochs: int, **options: Any) -> Sequential:
        model = network()
        flow = ImageDataGenerator(width_shift_range=3, horizontal_flip=True).flow(x, y, seed=3)
        model.fit(x, y, epochs=epochs, seed=0, validation_data=flow, verbose=0, **options)
        return model

    whole = fit(3).history.history
    fit(stop, resume=tmp_path)
    assert fit(3, resume=tmp_path).history.history == whole
    assert len(set(whole["val_loss"])) == 3


# What is no source, and where none goes


def wrong(message: str):
    return pytest.raises(ValueError, match=message)


@pytest.mark.parametrize("size", [12, 15, 20, 30, 60])
def test_a_source_where_an_array_is_expected(size):
    """Each of these was unpacked or handed to NumPy, for ever."""
    x, y, _ = recipe.data()
    flow, model = ImageDataGenerator().flow(x, y, batch_size=size), network()
    model.note_weights()
    places = {
        "train_on_batch": lambda: model.train_on_batch(flow, y),
        "fit": lambda: model.fit(x, flow, verbose=0),
        "evaluate": lambda: model.evaluate(x, flow),
        "fit ": lambda: model.fit(x, y, sample_weight=flow, verbose=0),
        r"fit\(validation_data\)": lambda: model.fit(x, y, validation_data=(x, flow), verbose=0),
        "fit  ?": lambda: model.fit(x, y, class_weight=flow, verbose=0),
        "Sequential": lambda: model(flow),
        "Sequential ": lambda: Sequential([layers.Flatten()]).forward(flow),
        "preflight": lambda: list(preflight.check(model, flow, y)),
        "describe": lambda: data.describe(flow, y),
        "split": lambda: data.split(flow, y),
        "fit_image": lambda: data.fit_image(flow, (3, 3)),
        "the picture": lambda: data.read_image(flow),
        "the picture ": lambda: model.predict_image(flow),
        "flow": lambda: ImageDataGenerator().flow(flow),
        "Normalization.adapt": lambda: layers.Normalization().adapt(flow),
        "confusion_matrix": lambda: report.confusion_matrix(flow, y),
        "classification_report": lambda: report.classification_report(y, flow),
        "evaluate_report": lambda: report.evaluate_report(y, flow),
        "to_categorical": lambda: minicnn.utils.to_categorical(flow),
        "metric 'accuracy'": lambda: model.metrics[0].update(flow, y),
        "explain.activations": lambda: minicnn.explain.activations(model, flow),
        "image_grid": lambda: minicnn.plots.image_grid(flow),
        "MixUp": lambda: transforms.MixUp()(flow, y, 0, y, 0),
    }
    for who, place in places.items():
        with wrong(f"^{who.strip()}.* as an array, received a source of batches, Flow"):
            place()


@pytest.mark.parametrize("parts", [1, 4])
def test_batches_that_are_none(parts):
    x, y, _ = recipe.data()
    model = network()
    with wrong(
        r"^fit: batch 0 of Batches is expected as \(x, y\) or \(x, y, sample_weight\), received "
        rf"{parts} parts"
    ):
        model.fit(recipe.Batches(20, *[x] * parts), verbose=0)
    with wrong(r"^evaluate: batch 0 of Flow is expected as .*, received ndarray"):
        model.evaluate(ImageDataGenerator().flow(x))
    with wrong(r"^fit\(validation_data\): batch 0 of Flow is expected as"):
        model.fit(x, y, validation_data=ImageDataGenerator().flow(x), verbose=0)
    with wrong(
        "^evaluate: batch 1 of Batches expected as many samples in y as in x, 20, received 10"
    ):
        model.evaluate(recipe.Batches(20, x[:40], y[:30]))


@pytest.mark.parametrize("made", [iter, lambda parts: (part for part in parts)])
def test_generators_are_refused(made):
    """They can neither be counted nor gone through again."""
    x, y, _ = recipe.data()
    model = network()
    model.note_weights()
    batches = [(x[:20], y[:20])] * 3
    with wrong(
        "fit expected labels y, or as x a source of batches .* received x of type "
        "(list_iterator|generator)"
    ):
        model.fit(made(batches), steps_per_epoch=3, verbose=0)
    with wrong("evaluate expected labels y, or as x a source"):
        model.evaluate(made(batches), steps=3)
    with wrong(
        "predict expected x as an array, received (list_iterator|generator), which gives its parts "
        "one after"
    ):
        model.predict(made(batches), steps=3)
    with wrong("fit expected validation_data .* received (list_iterator|generator)"):
        model.fit(x, y, validation_data=made(batches), verbose=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"y": np.zeros(60)}, "evaluate expected no y beside a source of batches"),
        ({"batch_size": 3}, "evaluate expected no batch_size beside a source of batches"),
        (
            {"sample_weight": np.zeros(60)},
            "evaluate expected no sample_weight beside a source of batches",
        ),
        ({"steps": 0}, "evaluate expected steps of at least 1, received 0"),
        (
            {"steps": 1.5},
            "evaluate expected steps of at least 1, received 1.5, which is no whole number",
        ),
        (
            {"x": recipe.data()[0]},
            "evaluate expected labels y, or as x a source .* received x of type ndarray alone",
        ),
    ],
)
def test_what_does_not_go_with_a_source(arguments, message):
    x, y, _ = recipe.data()
    with wrong(message):
        network().evaluate(**{"x": recipe.Batches(20, x, y)} | arguments)


@pytest.mark.parametrize(
    "validation", [np.zeros((2, 6, 6, 3)), {"x": 1, "y": 2}, "xy", (1,), [1, 2, 3, 4]]
)
def test_validation_data_that_are_no_pair(validation):
    x, y, _ = recipe.data()
    with wrong(
        r"fit expected validation_data \(x, y\) or \(x, y, sample_weight\), or a source of "
        r"batches, received"
    ):
        network().fit(x, y, validation_data=validation, verbose=0)


# What belongs to every sample stays with it


def test_weights_go_along_with_a_validation_split_and_class_weights_stay():
    x, y, weight = recipe.data()
    model = network()
    factors = {0: 3.0, 1: 0.5, 2: 2.0}
    model.fit(
        x, y, sample_weight=weight, validation_split=0.25, class_weight=factors, epochs=2, verbose=0
    )
    expected = model.evaluate(x[45:], y[45:], sample_weight=weight[45:])
    assert [
        values[-1] for name, values in model.history.history.items() if "val" in name
    ] == expected


# Measuring within a training

HOOKS = [
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_batch_end",
    "on_epoch_begin",
    "on_epoch_end",
    "on_test_begin",
    "on_test_end",
]


class Spread(minicnn.metrics.Metric):
    """A metric that counts in an array which reset keeps."""

    def __init__(self):
        self.seen = np.zeros(recipe.CLASSES)
        super().__init__("spread")

    def update(self, y_true, y_pred):  # noqa: ARG002
        self.seen += np.bincount(y_true, minlength=recipe.CLASSES)

    def result(self):
        return float(self.seen @ [1, 10, 100])

    def reset(self):
        self.seen[...] = 0


@pytest.mark.parametrize("hook", HOOKS)
def test_measuring_in_a_callback_leaves_the_epochs_means_alone(hook):
    x, y, _ = recipe.data()

    def history(*watchers: callbacks.Callback) -> dict[str, list[float]]:
        model = network()
        model.compile(
            "sgd",
            "sparse_categorical_crossentropy",
            ["accuracy", "sparse_top_k_categorical_accuracy", Spread()],
        )
        watchers = [
            type("Measure", (callbacks.Callback,), {hook: measure})() for measure in watchers
        ]
        return model.fit(
            x, y, epochs=2, callbacks=watchers, validation_split=0.1, seed=1, verbose=0
        ).history

    def measure(callback: callbacks.Callback, *_: Any, **__: Any) -> None:
        model = callback.model
        model.evaluate(x[:9], np.zeros(9, int))
        model.predict(x[:3])
        model.lr_find(x, y, steps=2)
        model.evaluate(recipe.Batches(20, x, y))

    assert history(measure) == history()


def test_evaluations_of_one_model_do_not_share_their_counts():
    x, y, _ = recipe.data()
    model, inner = network(), []
    hook = LambdaCallback(
        on_train_batch_end=lambda *_, **__: inner.append(model.evaluate(x[:6], y[:6]))
    )
    model.compile(optimizers.SGD(0.0), "sparse_categorical_crossentropy", ["accuracy"])
    outer = model.fit(x, y, callbacks=hook, verbose=0).history
    assert outer["accuracy"] == [pytest.approx(model.evaluate(x, y)[1])]
    assert inner == [model.evaluate(x[:6], y[:6])] * 2
