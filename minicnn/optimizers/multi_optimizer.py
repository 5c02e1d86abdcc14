"""An optimizer for some weights, and others for others."""

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from re import fullmatch
from typing import Any, Self

from minicnn.machine.threads import one_at_a_time
from minicnn.names.described import Configured, described, from_description
from minicnn.optimizers.base import Optimizer
from minicnn.optimizers.single import SINGLE
from minicnn.types import Array, Shape

Parameters = Iterable[tuple[str, Array, Array]]


class OptimizerMap(Configured, MutableMapping):
    """Which optimizer changes which weight.

    A weight is looked up by its path, such as "conv2d_1/kernel": first as it is, then among
    patterns, regular expressions that have to match the whole path. What none of them matches is
    the default_optimizer's.

    Args:
        default_optimizer: of all other weights.
        optimizer_map: {path or pattern: optimizer}; `map[pattern] = optimizer` adds to it.

    Raises ValueError for a path that several patterns match, and for a pattern that is there twice.

    >>> chosen = optimizers.OptimizerMap(optimizers.Adam(), {".*/bias": optimizers.SGD(0.1)})
    >>> type(chosen["dense/bias"]).__name__, type(chosen["dense/kernel"]).__name__
    ('SGD', 'Adam')
    """

    def __init__(
        self,
        default_optimizer: Optimizer,
        optimizer_map: Mapping[str, Optimizer] | None = None,
    ):
        self.default_optimizer = _single(default_optimizer, "default_optimizer")
        self._map: dict[str, Optimizer] = {}
        for pattern, optimizer in (optimizer_map or {}).items():
            self[pattern] = optimizer

    def __getitem__(self, path: str) -> Optimizer:
        if path in self._map:
            return self._map[path]
        found = [pattern for pattern in self._map if fullmatch(pattern, path)]
        if len(found) > 1:
            raise ValueError(
                f"OptimizerMap expected one optimizer for {path!r}, received those of "
                f"{' and '.join(map(repr, found))}: narrow down all but one"
            )
        return self._map[found[0]] if found else self.default_optimizer

    def __setitem__(self, pattern: str, optimizer: Optimizer) -> None:
        if pattern in self._map:
            raise ValueError(
                f"OptimizerMap expected each pattern once, received {pattern!r} again: del "
                "map[pattern] first"
            )
        self._map[pattern] = _single(optimizer, repr(pattern))

    def __delitem__(self, pattern: str) -> None:
        del self._map[pattern]

    def __len__(self) -> int:
        return len(self._map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._map)

    def get_config(self) -> dict[str, Any]:
        return {
            "default_optimizer": described(self.default_optimizer),
            "optimizer_map": {name: described(one) for name, one in self._map.items()},
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """One like that whose get_config this is, of optimizers of minicnn's."""
        default, others = config["default_optimizer"], config.get("optimizer_map") or {}
        made = {name: _made(one) for name, one in others.items()}
        return cls(_made(default), made)


class MultiOptimizer(Optimizer):
    """Each weight has the optimizer that a map says, with a learning rate and a memory of its own.

        optimizers.MultiOptimizer(
            optimizers.OptimizerMap(optimizers.AdamW(), {".*/(bias|beta)": optimizers.SGD(0.05)})
        )

    It has no learning_rate, as each of `optimizers` has one: callbacks that set it raise, and
    schedules go into those.

    Args:
        optimizer_map: an OptimizerMap, or the description of one. Keras also takes a function,
            which no file could describe.
    """

    def __init__(self, optimizer_map: OptimizerMap | dict):
        if isinstance(optimizer_map, dict):
            optimizer_map = from_description(optimizer_map, MAPS, "optimizers")
        if not isinstance(optimizer_map, OptimizerMap):
            raise TypeError(
                f"MultiOptimizer expected an OptimizerMap, received {optimizer_map!r:.80}: write "
                "MultiOptimizer(OptimizerMap(default_optimizer, {'.*/bias': optimizer}))"
            )
        self.optimizer_map = optimizer_map
        self.schedule = self.weight_decay = None
        self.slots, self.iterations, self.averages_in_use = {}, 0, False

    @property
    def optimizers(self) -> list[Optimizer]:
        """All of the map, each once; the default is the last one."""
        every = [*self.optimizer_map.values(), self.optimizer_map.default_optimizer]
        return list({id(one): one for one in every}.values())

    @property
    def learning_rate(self) -> float:
        """There is none. Raises AttributeError, as in Keras."""
        raise AttributeError(NO_RATE)

    @learning_rate.setter
    def learning_rate(self, _: Any) -> None:
        raise AttributeError(NO_RATE)

    @property
    def use_ema(self) -> bool:
        """Whether averages are kept of some weights."""
        return any(one.use_ema for one in self.optimizers)

    @use_ema.setter
    def use_ema(self, _: bool) -> None:
        raise AttributeError("MultiOptimizer averages what its optimizers do: give them use_ema")

    @property
    def iterations(self) -> int:
        """The number of steps done, which is that of each."""
        return self._iterations

    @iterations.setter
    def iterations(self, steps: int) -> None:
        self._iterations = steps
        for one in self.optimizers:
            one.iterations = steps

    def slot_names_for(self, name: str, shape: Shape) -> tuple[str, ...]:
        return self.optimizer_map[name].slot_names_for(name, shape)

    @one_at_a_time
    def step(self, parameters: Parameters) -> None:
        steps = self.iterations
        for one, part in self._parted(parameters):
            one.step(part)
        self.iterations = steps + 1

    @one_at_a_time
    def swap_averages(self, parameters: Parameters) -> None:
        for one, part in self._parted(parameters):
            one.swap_averages(part)
        self.averages_in_use = not self.averages_in_use

    @one_at_a_time
    def finalize_variable_values(self, parameters: Parameters) -> None:
        for one, part in self._parted(parameters):
            one.finalize_variable_values(part)
        self.averages_in_use = False

    def _parted(
        self, parameters: Parameters
    ) -> Iterator[tuple[Optimizer, list[tuple[str, Array, Array]]]]:
        """Every optimizer and the parameters that are its own; what it remembers is here."""
        parts: dict[int, list[tuple[str, Array, Array]]] = {id(one): [] for one in self.optimizers}
        for row in parameters:
            parts[id(self.optimizer_map[row[0]])].append(row)
        for one in self.optimizers:
            one.slots, one.averages_in_use = self.slots, self.averages_in_use
            yield one, parts[id(one)]

    def adopt(self, other: Optimizer) -> None:
        if isinstance(other, MultiOptimizer):
            for one, its in zip(self.optimizers, other.optimizers, strict=True):
                one.adopt(its)

    def get_config(self) -> dict[str, Any]:
        return {"optimizer_map": described(self.optimizer_map)}


MAPS = {"OptimizerMap": OptimizerMap}
NO_RATE = (
    "MultiOptimizer has no learning_rate: each of its optimizers has one, read and set "
    "optimizer.optimizers[0].learning_rate"
)


def _single(optimizer: Any, what: str) -> Optimizer:
    """The optimizer. Raises TypeError for anything else, and for a MultiOptimizer."""
    if not isinstance(optimizer, Optimizer) or isinstance(optimizer, MultiOptimizer):
        raise TypeError(
            f"OptimizerMap expected {what} as an optimizer such as Adam(), received "
            f"{optimizer!r:.80}"
        )
    return optimizer


def _made(description: Any) -> Optimizer:
    """The optimizer that a description is of."""
    return from_description(description, SINGLE, "optimizers")
