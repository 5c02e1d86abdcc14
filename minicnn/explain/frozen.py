"""A model's layers as inference runs them, and yet with a backward."""

import copy
from functools import cached_property

import numpy as np

from minicnn.layers.base import Layer
from minicnn.machine.threads import alone
from minicnn.network import Network
from minicnn.network.by_layer import given, paths
from minicnn.network.ending import class_scores, probabilities
from minicnn.network.executor import Execution
from minicnn.network.graph import Call, Program
from minicnn.network.places import Places
from minicnn.network.stages import without_ending
from minicnn.types import Array


def copied(model: Network) -> tuple[Program, list[str]]:
    """What a built model computes, by copies of its layers that share nothing with it; and the path
    of each call's.
    """
    with alone:
        program = model.program()
        # in one, so that what is shared stays so
        layers = copy.deepcopy([call.layer for call in program.calls])
    calls = [call._replace(layer=layer) for call, layer in zip(program.calls, layers, strict=True)]
    return program._replace(calls=calls), paths(model)


class Frozen:
    """Copies of a built model's layers, up to the scores of its classes, that can be run and
    differentiated in parts.

    Backward needs a training forward, explanations need what inference computes. Both are had with
    two rules: `trainable = False` makes batch normalisation use its moving statistics, and a layer
    that gives its input back in inference (dropout, augmentation) is the identity, and so is its
    derivative. A layer that is called with training=True trains in inference too, and is left as it
    is.

    The softmax or sigmoid at the end is left out: explanations are of the score of a class, not of
    its probability, which also rises when the scores of others fall. One unit, of score z, stands
    for two classes of scores -z/2 and z/2. The copies share nothing with the model.

    Args:
        model: built, of one input, its outputs (N, K).

    Attributes:
        calls: in the order in which they run; each writes a value, by number, the picture being 0.
        paths: of their layers, "backbone/conv2d".
        output: the number of the scores.

    Raises ValueError when the outputs are none of classes.
    """

    def __init__(self, model: Network):
        if len(model.head.output_shape) != 1:
            raise ValueError(
                f"explain of {model.name!r} expected predictions (N, K), received shape "
                f"{(1, *model.head.output_shape)}: put Flatten() or GlobalAveragePooling2D() "
                "before the last layer"
            )
        self._program, self.paths = copied(model)
        for call in self._program.calls:
            call.layer.trainable = call.training is True and call.layer.trainable
        self.calls, (self.output,), self.ends_in, _ = without_ending(
            Places(self._program.calls).calls, self._program.outputs
        )
        self.paths = self.paths[: len(self.calls)]
        for call in self.calls:
            call.layer.needs_input_grad = True
        self.units = model.head.output_shape[-1]
        self._engine = model.engine

    def run(self, x: Array) -> dict[int, Array]:
        """All values, by number, for pictures x."""
        values = {0: x}
        for call in self.calls:
            values[call.writes] = call.layer.forward(
                given(call, values), training=call.training is True
            )
        return values

    def scores(self, x: Array) -> Array:
        """The scores (N, K) of a batch: those of run(x) by the model's engine, which is faster
        where there are many.
        """
        return class_scores(self._execution.logits(x, training=False))

    def probabilities(self, scores: Array) -> Array:
        """What the model makes of scores (N, K)."""
        several = self.ends_in == "sigmoid" and self.units > 1
        return probabilities("sigmoid" if several else "softmax", scores)

    @cached_property
    def _execution(self) -> Execution:
        return Execution(self._program, self._engine)

    def gradient(self, values: dict[int, Array], class_index: int, at: int = 0) -> Array:
        """d(score of the class) / d(value number `at`), for the values of a run.

        Raises ValueError for a layer that is neither the same in training as in inference nor
        without effect there.
        """
        values, after, differentiated = dict(values), {at}, list[tuple[Call, bool]]()
        for call in self.calls:
            if after.isdisjoint(call.reads):
                continue
            x = given(call, values)
            y = x if call.training else call.layer.forward(x)
            passed = not call.training and same(x, y)
            if not passed:
                z = call.layer.forward(x, training=True)
                if not call.training and not np.allclose(z, y, equal_nan=True):
                    raise _undifferentiable(call.layer)
                y = z
            values[call.writes] = y
            after.add(call.writes)
            differentiated.append((call, passed))
        gradients = {self.output: self._of_score(class_index, values[self.output])}
        for call, passed in reversed(differentiated):
            if call.writes not in gradients:  # nothing that is scored depends on it
                continue
            dy = gradients.pop(call.writes)
            dx = dy if passed else call.layer.backward(dy)
            for n, part in zip(call.reads, dx if call.layer.takes_several else [dx], strict=True):
                if n in after:
                    gradients[n] = part if n not in gradients else gradients[n] + part
        return gradients.get(at, np.zeros_like(values[at]))

    def _of_score(self, class_index: int, z: Array) -> Array:
        """d(score of the class) / dz, for what the network puts out (N, units)."""
        gradient = np.zeros_like(z)
        if self.units == 1:  # the scores are -z/2 and z/2
            gradient[...] = class_index - 0.5
        else:
            gradient[:, class_index] = 1
        return gradient


def same(x: Array, y: Array) -> bool:
    """Whether x and y are one array, in the same place in memory."""
    is_one = isinstance(x, np.ndarray) and isinstance(y, np.ndarray)
    return is_one and (x.ctypes.data, x.shape, x.strides) == (y.ctypes.data, y.shape, y.strides)


def _undifferentiable(layer: Layer) -> ValueError:
    return ValueError(
        f"{layer} computes something else in training than in inference, so that there is no "
        "gradient of the latter: it should give its input itself back in inference, or heed "
        "trainable=False. explain.occlusion needs no gradient"
    )
