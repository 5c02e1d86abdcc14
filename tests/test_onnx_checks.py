"""The long checks of .onnx files were run and have passed; a short form of them."""

import json
from pathlib import Path

import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results"

import check_onnx_files  # noqa: E402
import check_onnx_fuzz  # noqa: E402


def test_the_long_forms_were_run_and_passed():
    files, fuzz = (
        json.loads((RESULTS / f"{name}.json").read_text()) for name in ("onnx_files", "onnx_fuzz")
    )
    assert files["passed"] and files["wrong"] == files["refused"] == []
    assert files["chains"] >= check_onnx_files.CHAINS and files["graphs"] >= check_onnx_files.GRAPHS
    assert max(files["worst"].values()) <= 1e-5 and files["nodes"]["failed"] == 0
    assert fuzz["passed"] and fuzz["tried"] >= check_onnx_fuzz.COUNT
    assert fuzz["read"] + fuzz["refused"] == fuzz["tried"]


def test_a_drawn_chain_goes_there_and_back(tmp_path):
    for seed in range(4):
        model = check_onnx_files.chain(seed)
        inputs = check_onnx_files.models.samples(model)
        errors = check_onnx_files.there_and_back(model, inputs, tmp_path / "model.onnx")
        assert max(errors) < 1e-5, seed
