"""Networks in whole numbers of 8 bits: a quarter of the size, and the same answers everywhere.

    whole = quantize.quantized(model, x_train[:512])
    whole.predict(x_test)
    whole.export("model.int8.tflite")

From the bottom up:

numbers.py          the one definition of the whole numbers
operations.py       a network as a list of few kinds of operations
arithmetic.py       what these compute, of any numbers
reals.py            ... in real numbers
integers.py         ... in whole ones
native.py           ... the same bits, in machine code: forms.py, of weights as packing.py has
                    them, of what fusing.py puts into one pass; trial.py checks them first
builder.py, layers.py, merging.py, folding.py       a network of layers as operations
calibration.py      how large values become
ties.py             which values have one scale
shapes.py, checks.py                    what is asked before anything is computed
model.py            the network that predicts
post_training.py    from a trained network to whole numbers
aware_layers.py, aware.py               from a network that has learnt to be whole numbers
files.py            minicnn's own file of it
to_tflite.py, to_onnx.py                the files of others
tflite_tensors.py, tflite_operators.py, from_tflite.py      ... and out of them

docs/shrink.md says what is won and lost.
"""

from minicnn.names import missing_from
from minicnn.quantize.aware import aware
from minicnn.quantize.aware_layers import (
    LAYERS,
    AwareConv2D,
    AwareDense,
    AwareDepthwiseConv2D,
    FakeQuantize,
)
from minicnn.quantize.files import load_model
from minicnn.quantize.model import QuantizedModel
from minicnn.quantize.post_training import quantized

__all__ = [
    "LAYERS",
    "AwareConv2D",
    "AwareDense",
    "AwareDepthwiseConv2D",
    "FakeQuantize",
    "QuantizedModel",
    "aware",
    "load_model",
    "quantized",
]

__getattr__ = missing_from(__name__, "quantize", __all__)
