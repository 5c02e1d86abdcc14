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
        self.staying: dict[tuple[str, int, str], Side] = {}

    def new(self, library: str, threads: int, settings: Mapping[str, str]) -> Side:
        python = sys.executable if library == "minicnn" else self.peers_python
        return Side(python, "networks.py", library, threads, settings)

    def get(self, mode: str, threads: int) -> Side:
        """The one that stays, or another if that has ended; a mode that wants other variables of
        the process has one of its own.
        """
        library = mode.split()[0]
        settings = of_mode(mode) | (KEEP_MEMORY if library == "torch" else {})
        key = library, threads, str(settings)
        if key not in self.staying or self.staying[key].process.poll() is not None:
            self.staying[key] = self.enter_context(self.new(library, threads, settings))
        return self.staying[key]


def of_mode(mode: str) -> dict[str, str]:
    """The variables that a mode of Keras wants: whether TensorFlow computes with oneDNN. What it
    does by itself depends on the processor.
    """
    if "oneDNN" not in mode:
        return {}
    return {"TF_ENABLE_ONEDNN_OPTS": "0" if "without oneDNN" in mode else "1"}


def job(task: str, mode: str, pictures: int, **network: Any) -> tuple[str, dict[str, Any]]:
    """A mode such as "torch channels_last" taken apart: the library, and what its worker is to
    prepare (jobs.py).
    """
    library, _, words = mode.partition(" ")
    return library, {"task": task, "mode": words, "pictures": pictures} | network
