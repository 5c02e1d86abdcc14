"""Modules that are not there: `from minicnn.layers.core import Dense`."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import Never

from minicnn.names.words import TABLES, instead


class NotFound(MetaPathFinder):
    """What Python asks for a module when nobody else has found it: for a part of minicnn it raises
    ModuleNotFoundError with advice.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> Never | None:
        del path, target
        package, _, name = fullname.rpartition(".")
        if package.split(".")[0] == "minicnn":
            kind = package.removeprefix("minicnn").removeprefix(".")
            known = getattr(sys.modules[package], "__all__", ())
            advice = f".{instead(name, kind, known)}" if known or kind in TABLES else ""
            raise ModuleNotFoundError(f"No module named {fullname!r}{advice}", name=fullname)
        return None
