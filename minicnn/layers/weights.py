"""What a layer remembers: its weights, by name and in Keras' order."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from minicnn import constraints, initializers, regularizers
from minicnn.constraints import Constraint, ConstraintLike
from minicnn.errors import ModelFileError
from minicnn.initializers import InitializerLike
from minicnn.layers.arrays import make_room
from minicnn.layers.variable import Variable
from minicnn.machine.threads import one_at_a_time
from minicnn.names.described import Configured
from minicnn.regularizers import Regularizer, RegularizerLike
from minicnn.types import Array, Shape


class Weights(Configured):
    """The half of every layer that holds its arrays.

    params: trained arrays; optimizers update them in place, and what is assigned is copied into
        them (arrays.py).
    grads: d(loss)/d(param), same keys and shapes; each backward overwrites, never accumulates.
    state: arrays that are saved but not trained, such as moving_mean.
    """

    name: str = ""
    trainable: bool
    dtype: np.dtype
    rng: np.random.Generator
    params: dict[str, Array]
    grads: dict[str, Array]
    state: dict[str, Array]
    has_fresh_weights: bool  # neither trained nor loaded
    own_state: tuple[str, ...] = ()  # names in state of what get_weights and set_weights leave out
    stored: Mapping[str, Shape] | None = (
        None  # while a model is loaded: the shapes in its file, by weight
    )
    # of params, by name: what training adds to the loss, and what it brings them back to
    regularizers: Mapping[str, Regularizer] = MappingProxyType({})
    constraints: Mapping[str, Constraint] = MappingProxyType({})
    _last_trained = 0

    def add_param(
        self,
        name: str,
        shape: Shape,
        initializer: InitializerLike,
        regularizer: RegularizerLike = None,
        constraint: ConstraintLike = None,
    ) -> None:
        """Allocate a trained array and its gradient, once; both are only ever written in place."""
        self._begin(self.params, name, shape, initializer)
        make_room(self.grads, name, shape, self.dtype)
        if (penalty := regularizers.get(regularizer)) is not None:
            self.regularizers = {**self.regularizers, name: penalty}
        if (limit := constraints.get(constraint)) is not None:
            limit.check(shape)
            self.constraints = {**self.constraints, name: limit}

    def add_state(self, name: str, shape: Shape, initializer: InitializerLike) -> None:
        """Allocate an array that is saved with the model but not trained."""
        self._begin(self.state, name, shape, initializer)

    def _begin(
        self, arrays: dict[str, Array], name: str, shape: Shape, initializer: InitializerLike
    ) -> None:
        """Put initial values; of a layer from a file only the room for them, and no more than the
        file has numbers.
        """
        if self.stored is None:
            arrays[name] = initializers.get(initializer)(shape, self.rng, self.dtype)
            return
        found = self.stored.get(f"{self.name}/{name}")
        if found != tuple(shape):
            received = "nothing" if found is None else found
            raise ModelFileError(
                f"{self} expected its {name} of shape {shape} in the model file, received "
                f"{received}"
            )
        make_room(arrays, name, shape, self.dtype)

    @property
    def built(self) -> bool:
        """Whether the weights are there; building.py knows."""
        raise NotImplementedError

    @property
    def losses(self) -> list[float]:
        """The penalties of its regularized weights, which training adds to the loss; none while it
        is frozen, as in Keras.
        """
        if not self.regularizers or not self.trainable:
            return []
        return [penalty(self.params[name]) for name, penalty in self.regularizers.items()]

    @property
    def variables_by_name(self) -> dict[str, Array]:
        """params and state by name: all that is saved."""
        return {**self.params, **self.state}

    @property
    def weights_by_name(self) -> dict[str, Array]:
        """The same in Keras' order, but for what Keras' layer of this name does not have."""
        found = self.variables_by_name
        return {name: array for name, array in found.items() if name not in self.own_state}

    @property
    def weights(self) -> list[Variable]:
        """The same as a list of objects; none before it is built."""
        return [Variable(self, name) for name in self.weights_by_name]

    @property
    def trainable_weights(self) -> list[Variable]:
        """Those that training changes: none of a frozen layer."""
        return [weight for weight in self.weights if weight.trainable]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """Moving averages, and all of a frozen layer."""
        return [weight for weight in self.weights if not weight.trainable]

    variables = weights
    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    @one_at_a_time
    def get_weights(self) -> list[Array]:
        """Copies of params, then state."""
        return [array.copy() for array in self.weights_by_name.values()]

    @one_at_a_time
    def set_weights(self, weights: list[Array]) -> None:
        """Overwrite params, then state. Raises ValueError when number or shapes differ."""
        self.check_weights(weights)
        for array, value in zip(self.weights_by_name.values(), weights, strict=True):
            array[...] = value
        self.has_fresh_weights, self._last_trained = False, 0

    def check_weights(self, weights: list[Array]) -> None:
        """Raise ValueError when number or shapes are not those of params, then state."""
        expected = self.weights_by_name
        if [np.shape(w) for w in weights] != [w.shape for w in expected.values()]:
            raise ValueError(
                f"{self} expected weights "
                f"{', '.join(f'{k} {w.shape}' for k, w in expected.items())}, received shapes "
                f"{[np.shape(w) for w in weights]}"
            )

    def count_params(self) -> int:
        """Numbers in params and state."""
        return sum(array.size for array in self.weights_by_name.values())
