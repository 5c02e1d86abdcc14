"""What is said to whoever wants whole numbers where there are none."""

import numpy as np
import pytest
from quantize_models import chain, pictures, stirred

from minicnn import Input, Model, Sequential, layers, quantize

X = pictures(4, (8, 8, 3))


def network(*parts):
    """A network of these layers on pictures."""
    return stirred(Sequential([Input((8, 8, 3)), *parts], seed=0))


def two_inputs():
    inputs = [Input((4,)), Input((4,))]
    return Model(inputs, layers.Add()(inputs))


def broadcasting():
    inputs = Input((8, 8, 3))
    mean = layers.GlobalAveragePooling2D(keepdims=True)(inputs)
    return Model(inputs, layers.Add()([inputs, mean]))


REFUSED = {
    "gelu": (network(layers.Conv2D(4, 3, activation="gelu")), r"Conv2D 'conv2d'.*'gelu' is no "
             "straight line; train with 'relu'"),
    "leaky": (network(layers.Conv2D(4, 3), layers.LeakyReLU()), "LeakyReLU 'leaky_re_lu'"),
    "softmax inside": (network(layers.Dense(4, activation="softmax"), layers.Flatten()),
                       "softmax and sigmoid stand at the end"),
    "limit": (network(layers.Conv2D(4, 3), layers.ReLU(max_value=4)), "max_value=6"),
    "layer": (network(layers.UpSampling2D(2)), "UpSampling2D 'up_sampling2d'.*leave it out"),
    "sequence": (network(layers.Reshape((64, 3)), layers.Dense(4)), "2 axes"),
    "shapes": (broadcasting(), "Add 'add'.*different shapes"),
    "inputs": (two_inputs(), "one input and one output"),
    "nothing": (network(layers.Dropout(0.5)), "computes something"),
    "not built": (Sequential([layers.Dense(2)]), "no weights to quantize"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_whole_numbers_cannot_do_is_named(case, capsys):
    model, message = REFUSED[case]
    with pytest.raises(ValueError, match=message) as raised:
        quantize.quantized(model, X)
    with capsys.disabled():
        print(f"\n    {raised.value}", end="")


ARGUMENTS = {
    "no pictures": (lambda: quantize.quantized(chain()), "expected pictures x.*received none"),
    "their shape": (
        lambda: quantize.quantized(chain(), np.zeros((4, 9, 9, 3))),
        r"\(n, 8, 8, 3\).*\(4, 9, 9, 3\)",
    ),
    "observer": (lambda: quantize.quantized(chain(), X, "mean"), "'percentile'.*received 'mean'"),
    "kernel": (lambda: quantize.quantized(chain(), X, largest_kernel=200), "from 1 to 127"),
    "not finite": (lambda: quantize.quantized(chain(), X * np.nan), "finite"),
    "range": (lambda: quantize.FakeQuantize(1.0, 0.0), "low <= high"),
    "ending": (lambda: quantize.quantized(chain(), X).export("model.h5"), r"\.tflite or \.onnx"),
    "pictures": (
        lambda: quantize.quantized(chain(), X).predict(np.zeros((2, 3, 8, 8))),
        "channels-last",
    ),
}


@pytest.mark.parametrize("case", ARGUMENTS)
def test_what_is_wrong_with_arguments_is_said(case, capsys):
    call, message = ARGUMENTS[case]
    with pytest.raises(ValueError, match=message) as raised:
        call()
    with capsys.disabled():
        print(f"\n    {raised.value}", end="")
