"""QuantizedModel: a network in whole numbers that predicts."""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from minicnn.expect import array, count
from minicnn.layers.shapes import shape_hint, with_batch
from minicnn.machine.jit import ENABLED
from minicnn.names import known_arguments
from minicnn.network.ending import probabilities
from minicnn.quantize import checks, integers
from minicnn.quantize.numbers import Quantization
from minicnn.quantize.operations import Computation
from minicnn.saving.packages import need
from minicnn.types import Array

if TYPE_CHECKING:  # the engine is not everywhere
    from minicnn.quantize import native

BATCH = 32  # samples at once, for memory only
WRITERS = {".tflite": ("to_tflite", "flatbuffers"), ".onnx": ("to_onnx", "onnx")}


class QuantizedModel:
    """A network of whole numbers of 8 bits. It predicts, and cannot be trained.

    `quantize.quantized` makes one of a network, `quantize.load_model` of a file. Its answers have
    the same bits on every machine, and are LiteRT's for the .tflite file that `export` writes, but
    for softmax or sigmoid at the end, which are in reals.

    Args:
        computation: operations with whole numbers, see integers.py.
        of_input: how what comes in is rounded.

    Attributes:
        name, class_names: of the network.
        input_shape, output_shape: with N, (None, H, W, C).
        operations: see operations.py; in the order in which they run.
        ends_in: "softmax", "sigmoid" or None.

    Raises ValueError for operations that do not fit.
    """

    @known_arguments
    def __init__(self, computation: Computation, of_input: Quantization):
        checks.check(computation, of_input)
        self.computation, self.of_input = computation, of_input
        self._native: native.Native | None = None

    @property
    def name(self) -> str:
        """The network's name."""
        return self.computation.name

    @property
    def class_names(self) -> list[str] | None:
        """The name of each class."""
        return self.computation.class_names

    @property
    def operations(self) -> list[integers.IntegerOperation]:
        """What is computed."""
        return self.computation.operations

    @property
    def ends_in(self) -> str | None:
        """What makes probabilities of the last numbers."""
        return self.computation.ending

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Of what comes in."""
        return (None, *self.computation.input_shape)

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """Of what comes out."""
        return (None, *self.operations[-1].shape)

    def count_params(self) -> int:
        """Numbers in all kernels and biases."""
        arrays = [a for one in self.operations for a in (one.kernel, one.bias) if a is not None]
        return sum(a.size for a in arrays)

    @known_arguments
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int | str = "auto",  # noqa: ARG002
    ) -> Array:
        """The outputs (n, K) for samples x (n, ...), float32; in machine code of its own where
        there is one (native.py), which packs the weights at the first call.

        batch_size is for memory only, and verbose is accepted for Keras' sake.
        """
        x = self._accepted(x)
        network = self._in_machine_code()
        size = BATCH if network is None else network.batch
        if batch_size is not None:
            size = count(batch_size, "batch_size", "predict")
        parts = []
        for start in range(0, len(x), size):
            part = x[start : start + size]
            q = self.integers(part)[-1] if network is None else network(part)
            parts.append(self.operations[-1].makes.reals(q))
        logits = np.concatenate(parts)
        return logits if self.ends_in is None else probabilities(self.ends_in, logits)

    __call__ = predict

    def integers(self, x: Any) -> list[Array]:
        """The whole numbers of every value, int8: what comes in, and what each operation makes."""
        q = self.of_input.integers(self._accepted(x))
        return list(integers.values(self.computation, self.of_input, q))

    def _in_machine_code(self) -> "native.Native | None":
        """The same computation for this processor, None where NumPy has to do it."""
        if not ENABLED:
            return None
        from minicnn.quantize import native, trial  # only where the engine can run

        if not native.available() or not trial.trusted(self.computation, native.best()):
            return None
        if self._native is None:
            self._native = native.Native(self.computation, self.of_input)
        return self._native

    def _accepted(self, x: Any) -> Array:
        x = np.asarray(array(x, "x", f"QuantizedModel {self.name!r}"), np.float32)
        shape = self.computation.input_shape
        if x.shape[1:] != shape or not len(x):
            raise ValueError(
                f"QuantizedModel {self.name!r} expected x of shape {with_batch(shape)}, received "
                f"{x.shape}{shape_hint(x.shape, shape)}"
            )
        return x

    def save(self, filepath: str | os.PathLike[str]) -> None:
        """Write minicnn's own file, which quantize.load_model opens."""
        import_module("minicnn.quantize.files").save(self, filepath)

    def export(self, filepath: str | os.PathLike[str]) -> None:
        """Write it for other programs, as the name's ending tells.

            .tflite    for LiteRT, on telephones; needs the extra tflite
            .onnx      for ONNX Runtime, as operators between QuantizeLinear and DequantizeLinear;
                       needs the extra onnx

        Raises ValueError for another ending, ImportError without the library that one needs.
        """
        name = os.fsdecode(filepath)
        ending = os.path.splitext(name)[1].lower()
        if ending not in WRITERS:
            raise ValueError(
                f"export expected a file name that ends in {' or '.join(WRITERS)}, received "
                f"{name!r}: for minicnn's own format use save(filepath)"
            )
        writer, library = WRITERS[ending]
        need(library, f"to write {ending} files", ending[1:])
        import_module(f"minicnn.quantize.{writer}").write(name, self)

    def __repr__(self) -> str:
        return (
            f"<QuantizedModel {self.name!r}: {len(self.operations)} operations, "
            f"{self.count_params():,} parameters>"
        )
