"""Make scripts.json: what the scripts in tests/scripts leave in `results` when they run on Keras.

    python make_scripts.py [NAME ...]   needs keras and tensorflow (made with keras 3.15.1,
                                        tensorflow 2.21.0); two minutes; all scripts unless named

They are written for Keras, in the way of public ones. tests/test_scripts.py runs the same files on
minicnn, with nothing but their imports redirected. Data sets are small ones that drawn.py makes.
"""

import json
import os
import re
import sys
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

GOLDEN = Path(__file__).with_name("scripts.json")
SCRIPTS = Path(__file__).parent.parent / "scripts"
NAMES = sorted(path.stem for path in SCRIPTS.glob("*.py") if path.stem != "drawn")
sys.path.insert(0, str(SCRIPTS))  # where they import drawn from


def redirected(source: str, library: str) -> str:
    """A script with `library` in the place of keras and tensorflow.keras, in its imports alone."""
    source = re.sub(r"^import keras$", f"import {library} as keras", source, flags=re.MULTILINE)
    return re.sub(
        r"^from (?:tensorflow\.)?keras(?=[. ])", f"from {library}", source, flags=re.MULTILINE
    )


def run(name: str, library: str | None = None) -> dict[str, Any]:
    """What a script leaves in `results`, in the working directory; numbers are Python's."""
    path = SCRIPTS / f"{name}.py"
    source = path.read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(redirected(source, library) if library else source, str(path), "exec"), names)
    return json.loads(json.dumps(names["results"], default=plain))


def plain(value: Any) -> Any:
    """NumPy's numbers and arrays as Python's."""
    return np.asarray(value).tolist()


def data_sets(library: Any) -> dict[Any, Any]:
    """By data set of a library: what is to be in place of its load_data."""
    drawn = import_module("drawn")
    kinds = {
        "mnist": (28, 0, 10),
        "fashion_mnist": (28, 0, 10),
        "cifar10": (16, 3, 10),
        "cifar100": (16, 3, 20),
    }
    return {
        getattr(library.datasets, name): lambda *_, kind=kind, **__: drawn.data_set(*kind)
        for name, kind in kinds.items()
    }


def main() -> None:
    keras = import_module("keras")
    for module, load_data in data_sets(keras).items():
        module.load_data = load_data
    legacy = import_module("tensorflow").keras  # which scripts import ImageDataGenerator from
    assert legacy is not None
    results = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    here = Path.cwd()
    for name in sys.argv[1:] or NAMES:
        keras.backend.clear_session()
        with TemporaryDirectory() as folder:
            os.chdir(folder)
            results[name] = run(name)
            os.chdir(here)
        print(name)
    results = {name: results[name] for name in NAMES if name in results}
    GOLDEN.write_text(json.dumps(results, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
