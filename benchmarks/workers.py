"""The processes that run networks.py: for each library and number of threads one that stays, or a
new one.
"""

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from sides import KEEP_MEMORY, Side


class Workers(ExitStack):
    """Leaving it ends those that stay.

    Args:
        peers_python: the interpreter of Keras and PyTorch; minicnn runs in this one.
    """

    def __init__(self, peers_python: str):
        super().__init__()
        self.peers_python = peers_python
        self.staying: dict[tuple[str, int], Side] = {}

    def new(self, library: str, threads: int, settings: Mapping[str, str]) -> Side:
        python = sys.executable if library == "minicnn" else self.peers_python
        return Side(python, "networks.py", library, threads, settings)

    def get(self, library: str, threads: int) -> Side:
        """The one that stays, or another if that has ended."""
        key = library, threads
        if key not in self.staying or self.staying[key].process.poll() is not None:
            settings = KEEP_MEMORY if library == "torch" else {}
            self.staying[key] = self.enter_context(self.new(library, threads, settings))
        return self.staying[key]


def job(task: str, mode: str, pictures: int, **network: Any) -> tuple[str, dict[str, Any]]:
    """A mode such as "torch channels_last" taken apart: the library, and what its worker is to
    prepare.
    """
    library, _, words = mode.partition(" ")
    return library, {"task": task, "mode": words, "pictures": pictures} | network
