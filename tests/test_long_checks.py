"""The checks of model files that take minutes, shortened."""

import json
import os
import warnings
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="not on Windows")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

import check_keras_fuzz  # noqa: E402
import check_model_fuzz  # noqa: E402
import check_saving  # noqa: E402

RESULTS = Path(__file__).parents[1] / "docs" / "results"


@pytest.mark.filterwarnings("ignore:validation after .* is measured with moving averages that lag")
def test_damaged_and_forged_model_files():
    found = check_model_fuzz.try_files(0, 150)
    assert (
        found["unexpected"] == [] and found["seen"]["refused"] > 100 and found["seen"]["read"] > 5
    )


def test_damaged_files_of_keras_are_refused_or_read():
    found = check_keras_fuzz.try_files(0, 80)
    assert not found["unexpected"]
    assert found["seen"]["refused"] > 30 and found["seen"]["read"] > 5
    assert found["slowest"] < check_keras_fuzz.SECONDS
    # one that crashes HDF5's own library, 2.0.0
    assert check_keras_fuzz.try_files(8238, 8239)["unexpected"] == []


def test_saves_that_are_killed(tmp_path):
    with warnings.catch_warnings():
        # of a fork beside threads: the child only saves
        warnings.simplefilter("ignore", DeprecationWarning)
        found = check_saving.kills(5, tmp_path / "m.safetensors")
    assert found["lost"] == [] and found["left"] == []


def test_the_long_forms_were_run_and_passed():
    fuzz, saving = (
        json.loads((RESULTS / f"{name}.json").read_text()) for name in ("model_fuzz", "saving")
    )
    assert (
        fuzz["passed"]
        and fuzz["tried"] >= check_model_fuzz.COUNT
        and fuzz["every_byte"]["accepted"] == 0
    )
    assert (
        fuzz["read"] + fuzz["refused"] == fuzz["tried"]
        and fuzz["largest_memory_mb"] <= check_model_fuzz.MEMORY
    )
    keras = json.loads((RESULTS / "keras_fuzz.json").read_text())
    assert keras["passed"] and keras["tried"] >= check_keras_fuzz.COUNT
    assert keras["read"] + keras["refused"] == keras["tried"]
    assert keras["largest_memory_mb"] <= check_keras_fuzz.MEMORY
    assert saving["passed"] and saving["kills"] >= check_saving.KILLS and saving["torn"] == 0
    assert saving["lost"] == saving["left"] == saving["wrong"] == []


def test_servers_were_tried_at_length():
    told = json.loads((RESULTS / "serve_faults.json").read_text())
    assert told["passed"] and told["broken_requests"] >= 2000 and told["unexpected"] == []
    assert sum(told["ended"].values()) == told["broken_requests"]
    assert told["memory_mb_after"] - told["memory_mb_before"] < 200
    assert told["seconds_to_an_answer_after_a_kill"] < 2
    assert told["stops_under_load"]["lost"] == 0 < told["stops_under_load"]["answered"]
