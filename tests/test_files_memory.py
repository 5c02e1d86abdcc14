"""What opening a file takes of memory, whatever its format: at most twice its size and 50 MB."""

import sys

import numpy as np
import pytest
from check_model_fuzz import peak_memory

from minicnn import Input, Sequential, layers
from minicnn.models import load_model

UNITS = 5_000  # a kernel of 48 MB, which goes back to the system when it is freed
ENDINGS = {".safetensors": None, ".keras": "h5py", ".h5": "h5py", ".onnx": "onnx",
           ".tflite": "flatbuffers"}  # fmt: skip


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peaks are Linux's")
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_takes_at_most_twice_its_size_and_50_megabytes(ending, tmp_path):
    if ENDINGS[ending]:
        pytest.importorskip(ENDINGS[ending])
    path = tmp_path / f"large{ending}"
    # the rows of the first kernel lie in another order in ONNX
    model = Sequential(
        [Input((4, 5, 120)), layers.MaxPooling2D((1, 1)), layers.Flatten(), layers.Dense(UNITS)]
    )
    model.build((None, 4, 5, 120))
    for array in model.variables_by_name().values():
        array[...] = 1
    (model.save if ending == ".safetensors" else model.export)(path)
    small = tmp_path / f"small{ending}"
    few = Sequential([Input((3,)), layers.Dense(2)])
    (few.save if ending == ".safetensors" else few.export)(small)
    load_model(small)  # imports what it needs
    before = peak_memory(reset=True)
    loaded = load_model(path)
    taken = peak_memory() - before
    assert np.all(loaded.layers[-1].params["kernel"] == 1)
    assert taken < 2 * path.stat().st_size / 1e6 + 50
