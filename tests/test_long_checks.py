"""The checks of model files that take minutes, shortened."""

import os
import warnings

import pytest

pytest.importorskip("resource", reason="not on Windows")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

import check_model_fuzz  # noqa: E402
import check_saving  # noqa: E402


def test_damaged_and_forged_model_files():
    found = check_model_fuzz.try_files(0, 150)
    assert found["unexpected"] == [] and found["seen"]["refused"] > 100 and found["seen"]["read"] > 5


def test_saves_that_are_killed(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads: the child only saves
        found = check_saving.kills(5, tmp_path / "m.safetensors")
    assert found["lost"] == [] and found["left"] == []
