"""What a rank can ask of the others. This group has one rank, to whom nobody answers but itself.

All ranks of a group make the same calls in the same order: each is an exchange in which all take
part, and whoever came first waits for the last.
"""

import socket
from collections.abc import Sequence

import numpy as np

from minicnn.types import Array


class Group:
    """One rank alone; mpi.py has the others.

    Attributes:
        rank, size: this process, counted from 0, and how many there are.
        doing: what they are at, for messages.
        go_on: how to go on when it fails, for messages.
    """

    rank, size = 0, 1
    doing = "its beginning"
    go_on = ""

    @property
    def host(self) -> str:
        """The name of this rank's machine."""
        return socket.gethostname()

    @property
    def library(self) -> str:
        """What the ranks talk by."""
        return "no MPI: one process"

    @property
    def named(self) -> str:
        """This rank, for messages.

        >>> Group().named.split(" on ")[0]
        'rank 0'
        """
        return f"rank {self.rank} on {self.host}"

    def gather(self, data: bytes, *, patient: bool = False) -> list[bytes]:  # noqa: ARG002
        """The bytes of every rank, in their order.

        patient: whether others may have something to do, such as writing files, that takes longer
            than what this one had to do.
        """
        return [data]

    def from_rank_0(self, data: bytes) -> bytes:
        """Rank 0's bytes; those of the others do not matter."""
        return data

    def any_of(self, *questions: bool, patient: bool = False) -> list[bool]:  # noqa: ARG002
        """Of each question, whether it is true on some rank."""
        return [bool(question) for question in questions]

    def exchange(
        self, parts: Sequence[Array], sizes: Sequence[int], *, patient: bool = False
    ) -> list[Array]:
        """Bytes for each rank, (R,) of uint8, for those from each, of which the sizes are known."""
        raise NotImplementedError("one rank alone has nothing to exchange")

    def join(self, part: Array, sizes: Sequence[int], *, patient: bool = False) -> Array:  # noqa: ARG002
        """The bytes of every rank, uint8, one after the other, of which the sizes are known."""
        return part

    def abort(self, code: int) -> None:
        """End all ranks, with this exit code."""
        raise SystemExit(code)


ALONE = Group()


def as_bytes(array: Array) -> Array:
    """The bytes of an array, (nbytes,) of uint8, without a copy where its numbers lie in order."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)
