"""Where batches come from and what is done to them: sources, numbers of samples, mixing, mirror
images.
"""

import numpy as np
import pytest

from minicnn import Input, Sequential, callbacks, layers, models, optimizers
from minicnn.layers.base import Layer
from minicnn.layers.softmax import softmax

CLASSES = 3


def data(n: int = 14, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Samples (n, 4), whose first number is their own, and labels."""
    x = np.random.default_rng(seed).standard_normal((n, 4)).astype(np.float32)
    x[:, 0] = np.arange(n)
    return x, np.arange(n) % CLASSES


class Listener(Layer):
    """A first layer that changes nothing and notes what it is told and what it then sees in
    training.
    """

    def __init__(self):
        super().__init__()
        self.told: list[tuple[int, list[int]]] = []
        self.seen: list[list[float]] = []

    def next_samples(self, epoch, samples):
        self.told.append((epoch, samples.tolist()))

    def forward(self, x, *, training=False):
        x = self.accept(x)
        if training:
            self.seen.append(x[:, 0].tolist())
        return x

    def backward(self, dy):
        return dy


def listening(loss: str = "sparse_categorical_crossentropy") -> tuple[Sequential, Listener]:
    listener = Listener()
    model = Sequential([Input((4,)), listener, layers.Dense(CLASSES, activation="softmax")], seed=0)
    model.compile(optimizers.SGD(0.1), loss, ["accuracy"])
    return model, listener


class Source:
    """Batches of arrays, as a data set of one's own would make them."""

    def __init__(self, x, y, size: int, weight=None):
        self.arrays = [x, y] if weight is None else [x, y, weight]
        self.size, self.ended = size, 0

    def __len__(self):
        return -(-len(self.arrays[0]) // self.size)

    def __getitem__(self, index):
        return tuple(array[index * self.size : (index + 1) * self.size] for array in self.arrays)

    def on_epoch_end(self):
        self.ended += 1


def weights(model: Sequential) -> bytes:
    return b"".join(array.tobytes() for array in model.get_weights())


# Numbers of samples


def test_a_second_fit_does_not_repeat_the_epochs_of_the_first():
    model, listener = listening()
    x, y = data()
    for epochs in (2, 1):
        model.fit(x, y, batch_size=14, epochs=epochs, verbose=0)
    assert [epoch for epoch, _ in listener.told] == [0, 1, 2]


@pytest.mark.parametrize("shuffle", [True, False])
def test_layers_are_told_which_samples_come(shuffle):
    model, listener = listening()
    x, y = data()
    model.fit(x, y, batch_size=5, epochs=3, shuffle=shuffle, validation_split=0.2, verbose=0)
    assert [epoch for epoch, _ in listener.told] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert [numbers for _, numbers in listener.told] == listener.seen
    assert all(sorted(sum(listener.seen[e : e + 3], [])) == list(range(11)) for e in (0, 3, 6))
    assert (listener.seen[0] == [0, 1, 2, 3, 4]) is not shuffle


def test_epochs_done_before_count():
    model, listener = listening()
    model.fit(*data(), epochs=4, initial_epoch=3, verbose=0)
    assert [epoch for epoch, _ in listener.told] == [3]


def test_samples_of_a_source_are_numbered_by_their_place():
    model, listener = listening()
    model.fit(Source(*data(), 5), verbose=0)
    assert sorted(listener.told) == [
        (0, [0, 1, 2, 3, 4]),
        (0, [5, 6, 7, 8, 9]),
        (0, [10, 11, 12, 13]),
    ]
    assert [numbers for _, numbers in listener.told] == listener.seen


# Sources


@pytest.mark.parametrize("weighted", [False, True])
def test_a_source_trains_as_its_arrays_do(weighted):
    x, y = data()
    weight = np.linspace(0.5, 2, len(x)) if weighted else None
    (by_arrays, _), (by_source, _) = listening(), listening()
    class_weight = {0: 2.0, 2: 0.5} if weighted else None
    options = {
        "epochs": 3,
        "shuffle": False,
        "class_weight": class_weight,
        "validation_data": data(6),
        "verbose": 0,
    }
    one = by_arrays.fit(x, y, batch_size=5, sample_weight=weight, **options)
    source = Source(x, y, 5, weight)
    two = by_source.fit(source, **options)
    assert weights(by_arrays) == weights(by_source)
    assert one.history == two.history and one.params == two.params == {
        "verbose": 0,
        "epochs": 3,
        "steps": 3,
    }
    assert source.ended == 3


def test_a_source_s_batches_are_shuffled_as_keras_does():
    model, listener = listening()
    model.fit(Source(*data(40), 4), epochs=3, verbose=0)
    epochs = [listener.seen[e : e + 10] for e in (0, 10, 20)]
    assert all(
        sorted(epoch) == [[*map(float, range(n, n + 4))] for n in range(0, 40, 4)]
        for epoch in epochs
    )
    assert len({str(epoch) for epoch in epochs}) == 3


def test_callbacks_and_the_bar_go_with_a_source(capsys):
    model, _ = listening()
    seen: list[int] = []
    note = callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append((batch, logs["size"]))
    )
    model.fit(Source(*data(), 7), callbacks=note, verbose=1)
    assert seen == [(0, 7), (1, 7)]
    assert "Epoch 1/1  loss" in capsys.readouterr().err


def test_an_unbuilt_model_is_built_by_the_first_batch():
    model = Sequential([layers.Dense(CLASSES, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(Source(*data(), 5), verbose=0)
    assert model.input_shape == (None, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"x": np.eye(4)},
            r"fit expected labels y, or as x a source of batches .*, received x of type ndarray "
            r"alone",
        ),
        ({"x": [[1.0] * 4]}, "received x of type list alone"),
        ({"x": iter([])}, "received x of type list_iterator alone"),
        (
            {"batch_size": 3},
            "fit expected no batch_size beside a source of batches: the source decides on it",
        ),
        ({"sample_weight": np.ones(14)}, "fit expected no sample_weight beside a source"),
        ({"validation_split": 0.1}, "fit expected no validation_split beside a source"),
        (
            {"x": Source(*data(0), 5)},
            "fit expected a source of at least one batch, received one of length 0",
        ),
        (
            {"x": Source(data()[0][:, :3], data()[1], 5)},
            r"expected input of shape \(N, 4\), received \(5, 3\)",
        ),
        (
            {"x": Source(data()[0], data()[1] + 1, 5)},
            "expected labels from 0 to 2, received 1 to 3",
        ),
    ],
)
def test_what_is_no_source_and_what_does_not_go_with_one(arguments, message):
    model, _ = listening()
    with pytest.raises(ValueError, match=message):
        model.fit(**{"x": Source(*data(), 5), "verbose": 0} | arguments)


# Mixing


def test_a_batch_transform_gets_the_batch_and_its_numbers_and_is_trained_on():
    model, listener = listening("categorical_crossentropy")
    x, y = data()
    calls: list[tuple] = []

    def swap(x, y, epoch, samples, seed):
        calls.append((epoch, samples.tolist(), seed))
        assert np.array_equal(x[:, 0], samples) and np.array_equal(
            y.argmax(axis=1), samples % CLASSES
        )
        return x[::-1], y[::-1]

    model.fit(x, np.eye(CLASSES)[y], batch_size=5, epochs=2, batch_transform=swap, verbose=0)
    assert [(epoch, numbers) for epoch, numbers, _ in calls] == listener.told
    assert [numbers[::-1] for _, numbers, _ in calls] == listener.seen
    assert {seed for *_, seed in calls} == {model.seed}
    calls.clear()
    model.fit(x, np.eye(CLASSES)[y], seed=77, batch_transform=swap, verbose=0)
    assert {seed for *_, seed in calls} == {77}


def test_validation_is_not_mixed():
    model, _ = listening("categorical_crossentropy")
    x, y = data()
    one_hot = np.eye(CLASSES)[y]
    nonsense = lambda x, y, *_: (x * 0, np.full_like(y, 1 / CLASSES))  # noqa: E731
    history = model.fit(
        x, one_hot, batch_transform=nonsense, validation_data=(x, one_hot), verbose=0
    ).history
    assert history["val_loss"][0] == model.evaluate(x, one_hot)[0]


# Mirror images


def pictures_model(last: str = "softmax") -> tuple[Sequential, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    model = Sequential(
        [
            Input((5, 6, 2)),
            layers.Conv2D(3, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(CLASSES, last),
        ],
        seed=0,
    )
    model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])
    x, y = rng.standard_normal((20, 5, 6, 2)).astype(np.float32), rng.integers(0, CLASSES, 20)
    if last == "softmax":
        model.fit(x, y, verbose=0)
    return model, x, y


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_average_flips_is_the_mean_of_both_views(engine):
    model, x, y = pictures_model()
    model.engine = engine
    mirrored = np.ascontiguousarray(x[:, :, ::-1])
    mean = (model.predict(x) + model.predict(mirrored)) / 2
    received = model.predict(x, batch_size=7, average_flips=True)
    np.testing.assert_allclose(received, mean, rtol=1e-5)
    np.testing.assert_allclose(received, model.predict(mirrored, average_flips=True), rtol=1e-5)
    assert not np.allclose(received, model.predict(x), rtol=1e-3) and received.dtype == np.float32
    loss, accuracy = model.evaluate(x, y, average_flips=True)
    assert loss == pytest.approx(-np.log(mean[np.arange(20), y]).mean(), rel=1e-5)
    assert accuracy == np.mean(mean.argmax(axis=1) == y)
    named = model.evaluate(
        x, y, batch_size=6, sample_weight=np.arange(20), return_dict=True, average_flips=True
    )
    assert named["loss"] == pytest.approx(
        np.mean(-np.log(mean[np.arange(20), y]) * np.arange(20)), rel=1e-5
    )


def test_average_flips_averages_probabilities_not_logits():
    model, x, _ = pictures_model()
    body = Sequential(model.layers[:-1])
    kernel, bias = model.layers[-1].get_weights()
    views = [softmax(body(view) @ kernel + bias) for view in (x, x[:, :, ::-1])]
    np.testing.assert_allclose(
        model.predict(x, average_flips=True), np.mean(views, axis=0), rtol=1e-5
    )


@pytest.mark.parametrize("ask", ["predict", "evaluate"])
def test_average_flips_needs_pictures_and_probabilities(ask):
    linear, x, y = pictures_model("linear")
    arguments = (x,) if ask == "predict" else (x, y)
    linear.note_weights()
    message = (
        rf"{ask}\(average_flips=True\) averages probabilities, but Dense 'dense' of 'sequential' "
        r"does not end in a"
    )
    with pytest.raises(ValueError, match=message):
        getattr(linear, ask)(*arguments, average_flips=True)
    model, _ = listening()
    model.fit(*data(), verbose=0)
    arguments = data()[:1] if ask == "predict" else data()
    message = (
        rf"{ask}\(average_flips=True\) expected pictures \(N, H, W, C\), received x of shape \(14, "
        r"4\)"
    )
    with pytest.raises(ValueError, match=message):
        getattr(model, ask)(*arguments, average_flips=True)


# Names of classes


def test_class_names_are_kept_and_saved(tmp_path):
    names = ("cat", "dog", "näturlich 鳥")
    model = Sequential([Input((3,)), layers.Dense(3, activation="softmax")], class_names=names)
    assert model.class_names == list(names)
    model.save(tmp_path / "named.safetensors")
    assert models.load_model(tmp_path / "named.safetensors").class_names == list(names)
    model.class_names = np.array(["a", "b", "c"])
    model.save(tmp_path / "array.safetensors")
    assert models.load_model(tmp_path / "array.safetensors").class_names == ["a", "b", "c"]
    model.class_names = None
    model.save(tmp_path / "none.safetensors")
    assert models.load_model(tmp_path / "none.safetensors").class_names is None
    assert Sequential().class_names is None
