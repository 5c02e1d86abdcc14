"""Modules that Keras has and minicnn has not: `from minicnn.layers.core import Dense`."""

from collections.abc import Sequence
from types import ModuleType
from typing import Never

from minicnn.names.words import of_keras


class NotFound:
    """What Python asks for a module when nobody else has found it: for a module of Keras, as a part
    of minicnn, it raises ModuleNotFoundError with advice.

    It does what importlib.abc.MetaPathFinder describes, whose module takes 15 ms to import.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> Never | None:
        del path, target
        package, _, name = fullname.rpartition(".")
        if package.split(".")[0] == "minicnn":
            advice = of_keras(name, package.removeprefix("minicnn").removeprefix("."))
            if advice:
                raise ModuleNotFoundError(f"No module named {fullname!r}. {advice}", name=fullname)
        return None
