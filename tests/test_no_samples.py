"""N = 0: whoever gets no samples says so, in both engines and at every entrance."""

import numpy as np
import pytest

from minicnn import Input, Sequential, layers
from minicnn.testing import standard_cases

X, Y = np.zeros((4, 8, 8, 3), np.float32), np.arange(4) % 3


class Source:
    """Two batches, the second of which is empty."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return (X, Y) if index == 0 else (X[:0], Y[:0])


ENTRANCES = {
    "call": lambda m: m(X[:0]),
    "call, training": lambda m: m(X[:0], training=True),
    "forward": lambda m: m.forward(X[:0]),
    "predict": lambda m: m.predict(X[:0], verbose=0),
    "evaluate": lambda m: m.evaluate(X[:0], Y[:0]),
    "fit": lambda m: m.fit(X[:0], Y[:0], verbose=0),
    "validation": lambda m: m.fit(X, Y, validation_data=(X[:0], Y[:0]), verbose=0),
    "a source": lambda m: m.fit(Source(), shuffle=False, verbose=0),
    "train_on_batch": lambda m: m.train_on_batch(X[:0], Y[:0]),
    "train_step": lambda m: m.train_step(X[:0], Y[:0]),
    "test_step": lambda m: m.test_step(X[:0], Y[:0]),
    "loss_and_gradients": lambda m: m.loss_and_gradients(X[:0], Y[:0]),
}


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("first", ["conv", "bytes", "dense", "augmentation"])
@pytest.mark.parametrize("enter", ENTRANCES.values(), ids=ENTRANCES)
def test_no_samples(enter, first, engine):
    start = {
        "conv": [layers.Conv2D(2, 3), layers.BatchNormalization()],
        "bytes": [layers.Rescaling(1 / 255), layers.Conv2D(2, 3)],
        "augmentation": [layers.RandomFlip()],
        "dense": [],
    }[first]
    model = Sequential(
        [Input((8, 8, 3)), *start, layers.Flatten(), layers.Dense(3, activation="softmax")], seed=0
    )
    model.engine = engine
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.note_weights()
    with pytest.raises(
        ValueError, match=r"\S+ expected at least one sample, received x of shape \(0, 8, 8, 3\)"
    ):
        enter(model)
    model.fit(X, Y, verbose=0)  # nothing remembers the mistake


@pytest.mark.parametrize("case", standard_cases())
def test_every_layer_says_it(case):
    layer, shape = standard_cases()[case]
    layer.build(shape)
    if isinstance(layer, layers.Merge):
        x = [np.zeros((0, *one)) for one in shape]
        received = f"inputs of shapes {', '.join(str(array.shape) for array in x)}"
    else:
        x, received = np.zeros((0, *shape)), f"x of shape {(0, *shape)}"
    with pytest.raises(ValueError) as error:
        layer.forward(x)
    assert str(error.value) == f"{layer} expected at least one sample, received {received}"
