"""The kernel cache: kept between processes, renewed when the source of any kernel changes, and never in the way."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import minicnn

PACKAGE = Path(minicnn.__file__).parent
PROGRAM = """
import numpy as np
from minicnn.engine import block_kernels
x, y = np.full((1, 1, 1, 1), 5.0), np.empty((1, 1, 1, 1))
block_kernels.affine_all(x, np.ones(1), np.ones(1), np.zeros(1), y)
print(y.item(), sum(block_kernels.affine_all.stats.cache_hits.values()))
"""


def run(folder, **environment):
    """(result, cache hits) of PROGRAM with the copy of the package in that folder."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path]), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    result, hits = done.stdout.split()
    return float(result), int(hits)


def test_the_cache_is_used_and_knows_when_a_called_function_changes(tmp_path):
    """affine_all calls rows.affine, in another file, which Numba by itself does not watch."""
    shutil.copytree(PACKAGE, tmp_path / "minicnn", ignore=shutil.ignore_patterns("__pycache__"))
    assert run(tmp_path) == (4.0, 0)
    assert run(tmp_path) == (4.0, 1)
    rows = tmp_path / "minicnn" / "engine" / "rows.py"
    source = rows.read_text()
    assert "x[p, c] - mean[c]" in source
    rows.write_text(source.replace("x[p, c] - mean[c]", "x[p, c] + mean[c]"))
    assert run(tmp_path) == (6.0, 0)


TRAINING = """
import hashlib
import numpy as np
from minicnn import Sequential, layers
stack = [layers.Conv2D(32, 3, activation="relu"), layers.BatchNormalization(), layers.MaxPooling2D(), layers.Flatten()]
model = Sequential([layers.Input((12, 12, 3)), *stack, layers.Dense(4, activation="softmax")], seed=0)
model.compile("adam", "sparse_categorical_crossentropy")
rng = np.random.default_rng(0)
for _ in range(5):
    model.train_on_batch(rng.standard_normal((64, 12, 12, 3)), rng.integers(0, 4, 64))
print(hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest())
"""


def test_kernels_just_compiled_and_from_the_cache_give_the_same_bits(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "minicnn", ignore=shutil.ignore_patterns("__pycache__"))
    hashes = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", TRAINING],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        hashes.append(done.stdout)
    assert hashes[0] == hashes[1]


def test_kernels_run_where_nothing_can_be_written(tmp_path):
    """Beside the source there is a file where the cache folder would be, and the user's own cannot be made."""
    shutil.copytree(PACKAGE, tmp_path / "minicnn", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("kernels", "engine"):
        (tmp_path / "minicnn" / folder / "__pycache__").write_text("")
    nowhere = {name: str(tmp_path / "minicnn" / "py.typed" / "x") for name in ("HOME", "XDG_CACHE_HOME", "TMPDIR")}
    assert run(tmp_path, PYTHONDONTWRITEBYTECODE="1", **nowhere) == (4.0, 0)
