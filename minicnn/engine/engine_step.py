"""What the steps of a plan have in common that hand jobs to the parallel region."""

from abc import ABC, abstractmethod
from typing import Any

from minicnn.layers.base import Layer
from minicnn.machine.region import Region
from minicnn.types import Array


class EngineStep(ABC):
    """A step of the engine. It runs built layers: borrows their arrays, and owns only buffers.

    What forward and backward return are these buffers, which hold their numbers when the region has
    run, and which the next pass overwrites.

    Attributes:
        layers: those that it does the work of.
        region: to which it adds its jobs.
        needs_input_grad: whether backward makes dx.
        so_far: what another user of x has given of its gradient, for the next backward alone, which
            adds its own to that array, and returns it.
    """

    needs_input_grad = True
    so_far: Array | None = None

    def __init__(self, layers: list[Layer]):
        self.layers = layers
        self.region = Region()
        self.buffers: dict[int, Any] = {}
        self._cache: tuple = ()

    @abstractmethod
    def forward(self, x: Any, *, training: bool = False) -> Array:
        """y for x, or for the list of several inputs."""

    @abstractmethod
    def backward(self, dy: Array) -> Any:
        """dx, or the list of those of several inputs; None where it is not needed."""

    def make_buffers(self, n: int) -> Any:
        """What it writes for n samples."""
        raise NotImplementedError

    @property
    def gives_own(self) -> bool:
        """Whether dx, the first of several, is a buffer that is nobody else's gradient."""
        return False

    @property
    def adds_up(self) -> bool:
        """Whether backward can do with `so_far`."""
        return False

    @property
    def checked_as(self) -> type[Layer]:
        """The kind of layer whose self-test says whether it can be trusted: see selftest.py."""
        return type(self.layers[0])

    @property
    def settings(self) -> list[tuple[Layer, str]]:
        """What forward reads beside arrays, and may be changed at any time: whose, and its name."""
        return []

    @property
    def read_in_place(self) -> list[Array]:
        """Those of its layers' arrays of which a frozen step keeps nothing: its jobs read them."""
        return []

    def takes_bytes(self, x: Array) -> bool:  # noqa: ARG002
        """Whether forward itself makes numbers of these pixels."""
        return False

    def passes_on(self, x: Any) -> bool:  # noqa: ARG002
        """Whether the passes, on this x where that matters, do nothing but add jobs."""
        return True

    def buffers_of(self, n: int) -> Any:
        """Its buffers for n samples, which are kept for two n: that of a batch, and of the last,
        smaller one.
        """
        if n not in self.buffers:
            if len(self.buffers) == 2:
                self.buffers.pop(next(iter(self.buffers)))
            self.buffers[n] = self.make_buffers(n)
        return self.buffers[n]
