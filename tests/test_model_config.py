"""Models as plain values and as text, and made anew of them; clones; names of metrics; when fit
validates.
"""

import json

import numpy as np
import pytest

from minicnn import Input, Model, Sequential, layers, losses, metrics, models, optimizers
from minicnn.errors import ModelFileError


def chain(**options):
    stack = [Input((6, 6, 1)), layers.Conv2D(2, 3, activation="relu"), layers.BatchNormalization()]
    return Sequential([*stack, layers.Flatten(), layers.Dense(1, "sigmoid")], **options)


def graph(**options):
    inputs = Input((6, 6, 1))
    inside = Sequential([Input((6, 6, 1)), layers.Conv2D(3, 3, padding="same")], name="inside")
    x = layers.Add()([inside(inputs), layers.Conv2D(3, 1)(inputs)])
    outputs = layers.Dense(2, "softmax")(layers.GlobalAveragePooling2D()(x))
    return Model(inputs, outputs, **options)


@pytest.mark.parametrize("make", [chain, graph])
def test_a_model_made_of_what_it_says_of_itself(make):
    model = make(seed=3, name="mine", dtype="float64", class_names=["a", "b"])
    for made in (
        models.model_from_json(model.to_json()),
        models.model_from_json(model.to_json(indent=2)),
        models.model_from_config(model.get_config()),
        type(model).from_config(model.get_config()),
        models.model_from_config(json.loads(json.dumps(model.get_config()))),
    ):
        assert type(made) is type(model) and made.get_config() == model.get_config()
        assert made.name == "mine" and made.dtype == np.float64 and made.class_names == ["a", "b"]
        # of one seed, and so of the same first weights
        for mine, other in zip(made.get_weights(), model.get_weights(), strict=True):
            assert np.array_equal(mine, other)
        x = np.ones((2, 6, 6, 1))
        assert np.array_equal(made(x), model(x)) and made.optimizer is None


def test_a_layer_of_ones_own():
    class Double(layers.Layer):
        def forward(self, x, *, training=False):  # noqa: ARG002
            return 2 * self.accept(x)

        def backward(self, dy):
            return 2 * dy

    model = Sequential([Input((3,)), Double(), layers.Dense(1)])
    made = models.model_from_json(model.to_json(), custom_objects={"Double": Double})
    assert type(made.layers[0]) is Double
    with pytest.raises(ModelFileError, match="unknown layer 'Double'"):
        models.model_from_json(model.to_json())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "received what is no JSON"),
        (None, "received what is no JSON"),
        ("[1]", r"model.to_json\(\) gives, received '\[1\]'"),
        ('{"class_name": "Sequential"}', "gives, received"),
        (
            '{"class_name": "Sequential", "config": {}}',
            "expected what a model's get_config.. gives, a dict with name, layers, dtype, seed",
        ),
        ('{"module": "keras", "class_name": "Sequential", "config": {}}', "received Keras' own"),
    ],
)
def test_texts_that_are_no_models(text, message):
    with pytest.raises(ModelFileError, match=message):
        models.model_from_json(text)


def test_a_model_that_is_not_built_has_no_shapes_to_describe():
    with pytest.raises(ValueError, match="has no shapes to describe yet: add an Input, or call"):
        Sequential([layers.Dense(2)]).to_json()


@pytest.mark.parametrize("make", [chain, graph])
def test_a_clone_has_weights_of_its_own(make):
    for seed in (None, 3):
        model = make(seed=seed)
        model.compile("sgd", "mse")
        twin = models.clone_model(model)
        assert type(twin) is type(model) and twin.optimizer is None
        pairs = list(zip(twin.get_weights(), model.get_weights(), strict=True))
        assert not any(np.shares_memory(mine, other) for mine, other in pairs)
        # a model without a seed is drawn anew
        assert all(np.array_equal(mine, other) for mine, other in pairs) == (seed is not None)


def test_a_clone_with_other_layers():
    def wider(layer):
        return layer.clone(filters=5) if isinstance(layer, layers.Conv2D) else layer.clone()

    assert models.clone_model(chain(), clone_function=wider).layers[0].filters == 5
    with pytest.raises(TypeError, match="expected input_tensors=None"):
        models.clone_model(chain(), input_tensors=[Input((6, 6, 1))])


def test_from_config_of_what_trains():
    for thing in (
        losses.BinaryCrossentropy(label_smoothing=0.1),
        metrics.AUC(curve="PR"),
        optimizers.RMSprop(0.01, momentum=0.5, clipnorm=1.0),
        optimizers.Adam(optimizers.schedules.CosineDecay(0.1, 10)),
        optimizers.schedules.ExponentialDecay(0.1, 10, 0.5),
    ):
        config = thing.get_config()
        assert type(thing).from_config(config).get_config() == config


def pictures(n=12):
    rng = np.random.default_rng(4)
    return rng.random((n, 6, 6, 1), np.float32), rng.integers(0, 2, n)


def test_metrics_names_are_those_of_what_evaluate_returns():
    x, y = pictures()
    model = chain()
    assert model.metrics_names == ["loss"]
    model.compile("sgd", "bce", metrics=["accuracy", metrics.AUC(name="area")])
    assert model.metrics_names == ["loss", "accuracy", "area"]
    named = dict(zip(model.metrics_names, model.evaluate(x, y), strict=True))
    assert named == model.evaluate(x, y, return_dict=True)


@pytest.mark.filterwarnings("ignore:validation after")
@pytest.mark.parametrize(
    ("frequency", "epochs"),
    [(1, [1, 2, 3, 4]), (3, [3]), ([1, 4, 9], [1, 4]), ((2,), [2]), ({2, 3}, [2, 3]), ([], [])],
)
def test_validation_after_some_epochs(frequency, epochs):
    """Keras counts those of a list from 1."""
    x, y = pictures()
    model, seen = chain(), []
    model.compile("sgd", "bce")

    class Epochs(models.model.loop.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.extend([epoch + 1] * ("val_loss" in logs))

    options = {"validation_data": (x, y), "epochs": 4, "verbose": 0, "callbacks": Epochs()}
    history = model.fit(x, y, validation_freq=frequency, **options)
    assert seen == epochs and len(history.history.get("val_loss", [])) == len(epochs)


@pytest.mark.parametrize("frequency", [0, -1, 1.5, "2", [0], [1.5]])
def test_a_frequency_that_is_none(frequency):
    x, y = pictures()
    model = chain()
    model.compile("sgd", "bce")
    with pytest.raises(ValueError, match="validation_freq of at least 1, received"):
        model.fit(x, y, validation_data=(x, y), validation_freq=frequency, verbose=0)


@pytest.mark.filterwarnings("ignore:validation after")
def test_steps_of_arrays_and_sources():
    x, y = pictures()

    class Source:
        def __len__(self):
            return 6

        def __getitem__(self, i):
            return x[2 * i : 2 * i + 2], y[2 * i : 2 * i + 2]

    seen = []
    for data in ((x, y), (Source(),)):
        model = chain(seed=0)
        model.compile("sgd", "bce")
        size = {"batch_size": 2} if len(data) == 2 else {}
        history = model.fit(
            *data,
            **size,
            epochs=2,
            steps_per_epoch=3,
            validation_data=(x, y),
            validation_steps=2,
            validation_batch_size=2,
            shuffle=False,
            verbose=0,
        )
        seen.append(history.history)
        assert history.history["val_loss"][-1] == pytest.approx(model.evaluate(x[:4], y[:4]))
    assert seen[0] == seen[1]
