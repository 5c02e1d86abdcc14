"""No Numba and no LLVM in this process, as in a browser: to be imported before minicnn.

PYTHONPATH=tests python -m pytest -p without_numba -m nojit $(grep -l mark.nojit tests/test_*.py)
"""

import sys


class NotThere:
    """A finder that stands before all others and finds neither."""

    @staticmethod
    def find_spec(name, path=None, target=None):  # noqa: ARG004  its callers' words
        if name.partition(".")[0] in ("numba", "llvmlite"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


assert "numba" not in sys.modules, "too late: numba has been imported"
sys.meta_path.insert(0, NotThere)
