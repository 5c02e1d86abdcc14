"""The layers of a program, an object for every place at which one is run."""

from collections.abc import Sequence

import numpy as np

from minicnn.layers.base import Layer
from minicnn.layers.batch_normalization import BatchNormalization
from minicnn.network.graph import Call


class Places:
    """A layer that is called once runs itself; for each further call a twin runs, with cache and
    gradients of its own.

    The gradient of a shared weight is the sum over its places, in the order of the calls.

    Args:
        calls: of a program.

    Attributes:
        calls: the same, by the layer or its twin.
    """

    def __init__(self, calls: Sequence[Call]):
        self.calls: list[Call] = []
        running: dict[int, tuple[Layer, list[Layer]]] = {}  # of every layer, all that run for it
        for call in calls:
            layer = call.layer
            _, runs = running.setdefault(id(layer), (layer, []))
            holds = call.training is False and isinstance(layer, BatchNormalization)
            itself = not holds and call.takes == layer.input_shape and layer not in runs
            runs.append(layer if itself else layer.twin(call.takes))
            if holds:
                vars(runs[-1])["holds_averages"] = True
            fixed = None if holds or not tells_training(layer) else call.training
            self.calls.append(call._replace(layer=runs[-1], training=fixed))
        self.shared = [(layer, runs) for layer, runs in running.values() if runs != [layer]]

    def follow(self) -> None:
        """Let twins be as their layers have become: frozen, with another rate."""
        for layer, runs in self.shared:
            for twin in runs:
                if twin is not layer:
                    twin.follow(layer)

    def add_gradients(self) -> None:
        """Leave in every shared layer's grads the sum over its places, after a backward."""
        for layer, runs in self.shared:
            for name, total in layer.grads.items() if layer.trainable else ():
                first, *rest = [run.grads[name] for run in runs]
                # its own gradient is still to be added
                found = first.copy() if layer in runs[1:] else total
                if first is not total and found is total:
                    np.copyto(total, first)
                for part in rest:
                    np.add(found, part, out=found)
                if found is not total:
                    np.copyto(total, found)


def tells_training(layer: Layer) -> bool:
    """Whether it may compute something else in training than in inference."""
    own = type(layer).__module__.startswith("minicnn.")
    return not own or layer.acts_in_training_only or isinstance(layer, BatchNormalization)
