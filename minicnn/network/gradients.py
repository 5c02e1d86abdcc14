"""What the users of values have given of their gradients, while backward goes from step to step."""

from collections import defaultdict

from minicnn.types import Array


class Gradients:
    """What users have given so far of the gradients of values, by number.

    Attributes:
        given: of each value, in the order of being given.
    """

    def __init__(self) -> None:
        self.given: dict[int, list[Array]] = defaultdict(list)
        self._buffers: set[int] = set()

    def give(self, value: int, dx: Array, buffer: bool = False) -> None:
        """Another one; `buffer`: whether it is an array that nobody else reads."""
        self.given[value].append(dx)
        (self._buffers.add if buffer else self._buffers.discard)(value)

    def take_buffer(self, value: int) -> Array | None:
        """What has been given so far for the next user to add its own to, if that is one buffer;
        with which the user gives it back.
        """
        if value not in self._buffers or len(self.given[value]) > 1:
            return None
        self._buffers.remove(value)
        return self.given.pop(value)[0]
