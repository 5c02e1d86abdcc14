"""benchmarks/deploy.py and its parts: files for the engines, their answers, what counts."""

import json
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pytest

from minicnn import Input, Model, Sequential, layers

# its programs import each other by name
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))
comparison, deploy, deployed, draw, engines, sides = map(
    import_module, "comparison deploy deployed draw engines sides".split()
)


def small() -> Model:
    """A network with all that matters: a branch, normalisation, a picture with unequal sides."""
    x = inputs = Input((8, 6, 3))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(x))
    x = layers.ReLU()(layers.Add()([x, layers.Conv2D(4, 1)(inputs)]))
    x = layers.Dense(3, activation="softmax")(layers.Flatten()(x))
    return Model(inputs, x, seed=3)


@pytest.fixture
def stem(tmp_path, monkeypatch):
    monkeypatch.setitem(deployed.NETWORKS, "small", small)
    return deployed.write("small", tmp_path)


def test_a_network_is_written_for_every_engine(stem):
    """With the statistics of its pictures, and minicnn's answers."""
    endings = (".safetensors", ".onnx", ".first.onnx", ".tflite", ".npz")
    assert all(stem.with_suffix(ending).is_file() for ending in endings)
    with np.load(stem.with_suffix(".npz")) as data:
        x, probabilities = data["x"], data["probabilities"]
    assert x.shape == (deployed.PICTURES, 8, 6, 3) and probabilities.shape == (64, 3)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    assert np.ptp(probabilities, axis=0).max() > 0.01
    plain = small()(x)
    assert np.abs(plain - probabilities).max() > 1e-3  # its normalisation is no longer as it began


def test_settling_leaves_the_momentum_as_it_was():
    model = small()
    (norm,) = (layer for layer in model.layers if isinstance(layer, layers.BatchNormalization))
    before, conv = norm.momentum, model.layers[1]
    x = np.random.default_rng(0).random((16, 8, 6, 3), dtype=np.float32)
    deployed.settle(model, x)
    assert norm.momentum == before
    made = conv(x)
    np.testing.assert_allclose(norm.state["moving_mean"], made.mean((0, 1, 2)), atol=1e-5)


def test_a_network_that_says_the_same_of_every_picture_is_refused(tmp_path, monkeypatch):
    def constant():
        dense = layers.Dense(2, activation="softmax", kernel_initializer="zeros")
        return Sequential([Input((4, 4, 3)), layers.Flatten(), dense], seed=0)

    monkeypatch.setitem(deployed.NETWORKS, "constant", constant)
    with pytest.raises(ValueError, match=r"^constant: expected answers that depend on the picture"):
        deployed.write("constant", tmp_path)


def test_the_file_with_channels_first_says_the_same(stem):
    with np.load(stem.with_suffix(".npz")) as data:
        x, expected = data["x"], data["probabilities"]
    path = stem.with_suffix(".first.onnx")
    onnx.checker.check_model(onnx.load(path))
    session = onnxruntime.InferenceSession(path)
    assert session.get_inputs()[0].shape[1:] == [3, 8, 6]
    (made,) = session.run(None, {session.get_inputs()[0].name: x.transpose(0, 3, 1, 2)})
    np.testing.assert_allclose(made, expected, atol=1e-5)


def test_a_file_that_begins_otherwise_has_no_channels_to_move(stem):
    first = stem.with_suffix(".first.onnx")
    with pytest.raises(ValueError, match=r"^small.first.onnx expected to begin with a transpositi"):
        deployed.channels_first(first, first.with_suffix(".again"))


@pytest.mark.parametrize("engine", ["minicnn", "onnxruntime", "litert"])
def test_an_engine_is_asked_in_all_its_modes_and_timed_in_the_fastest(stem, engine):
    with sides.Side(sys.executable, "engines.py", engine, 1) as side:
        for batch in (1, 2):
            notes = side.prepare(stem=str(stem), batch=batch, threads=1)
            assert notes["difference"] <= 1e-5
            assert notes["mode"] == min(notes["tried"], key=notes["tried"].get)
            assert side.block(seconds=0, least=1) > 0
    modes = {
        "minicnn": {"predict", "call"},
        "onnxruntime": {"channels last", "channels first"},
        "litert": {"XNNPACK"},
    }
    assert notes["tried"].keys() == modes[engine]


def test_one_way_of_asking_can_be_chosen(stem):
    with sides.Side(sys.executable, "engines.py", "minicnn", 1) as side:
        assert side.prepare(stem=str(stem), batch=2, threads=1, mode="predict")["mode"] == "predict"


def test_an_engine_that_says_something_else_ends_the_measurement(stem):
    with np.load(stem.with_suffix(".npz")) as data:
        x, other = data["x"], data["probabilities"][:, ::-1]
    np.savez(stem.with_suffix(".npz"), x=x, probabilities=other)
    with (
        sides.Side(sys.executable, "engines.py", "onnxruntime", 1) as side,
        pytest.raises(sides.WorkerError, match="channels last: expected minicnn's probabilities"),
    ):
        side.prepare(stem=str(stem), batch=2, threads=1)


def test_answers_agree_only_in_shape_and_within_the_tolerance():
    expected = np.float32([[0.25, 0.75]])
    near = expected + np.float32(0.9 * engines.TOLERANCE)
    assert engines.agreeing({"a": lambda: expected, "b": lambda: near}, expected) == pytest.approx(
        0.9 * engines.TOLERANCE, rel=1e-3
    )
    with pytest.raises(ValueError, match=r"^b: expected minicnn's .* differ by 0.002$"):
        engines.agreeing({"a": lambda: expected, "b": lambda: expected + 0.002}, expected)
    with pytest.raises(ValueError, match="differ by nan"):
        engines.agreeing({"a": lambda: np.full((1, 2), np.nan)}, expected)
    with pytest.raises(ValueError, match=r"^a: expected \(1, 2\), received \(2,\)$"):
        engines.agreeing({"a": lambda: expected[0]}, expected)


def test_ncnn_is_told_of_the_zeros_that_its_converter_leaves_out():
    lines = [
        "Convolution  conv_1  1 1 0 1 0=8",
        "Pad    Pad_1   1 1 1 2",
        "Pad    Pad_11   1 1 2 3",
    ]
    said = "todo Pad\nignore Pad Pad_11 param pads=(0,0,0,1,0,0,2,3)\nmodel inputshape\n"
    expected = [*lines[:2], "Padding    Pad_11   1 1 2 3 0=0 1=2 2=1 3=3"]
    assert engines.padded("\n".join(lines), said).splitlines() == expected
    assert engines.padded("\n".join(lines), "nothing") == "\n".join(lines)


def test_engines_without_their_packages_are_named_as_missing():
    assert deploy.missing({"onnxruntime": "1", "ai-edge-litert": "2", "ncnn": "1"}) == [
        "OpenVINO",
        "ncnn",
        "MNN",
    ]
    every = dict.fromkeys("onnxruntime openvino ai-edge-litert ncnn pnnx MNN".split(), "1")
    assert deploy.missing(every) == []
    assert deploy.ENGINES.keys() | {"minicnn"} == engines.ENGINES.keys()


class Fake:
    """A side that says that a call takes so many seconds."""

    def __init__(self, seconds):
        self.seconds, self.asked = seconds, []

    def prepare(self, **what):
        self.asked.append(what)
        return {"mode": "best", "tried": {"best": self.seconds}, "difference": 1e-6}

    def block(self, *_):
        return self.seconds


@pytest.mark.parametrize(
    "batch, unit, ours, ratio, floor", [(1, "ms", 2.0, 0.5, 0.9), (8, "images/s", 4000.0, 2, 1.25)]
)
def test_one_picture_is_measured_in_time_and_batches_in_speed(batch, unit, ours, ratio, floor):
    own, peer = Fake(0.002), Fake(0.004)
    what = {"stem": "/tmp/documented", "batch": batch, "threads": 1}
    record = deploy.measure((own, peer), what, "call", "mnn", quick=True)
    assert own.asked == [what | {"mode": "call"}] and peer.asked == [what]
    assert (record["unit"], record["floor"], record["peer"]) == (unit, floor, "MNN")
    assert record["minicnn_values"] == [ours] * 3 and record["ratio"] == (ratio,) * 3
    assert comparison.lead(record) == 2
    assert len(deploy.row(record)) == len(deploy.HEADINGS)
    json.dumps(record)


def test_only_the_documented_network_has_floors():
    what = {"stem": "/tmp/ResNet-20", "batch": 8, "threads": 1}
    record = deploy.measure((Fake(1.0), Fake(1.0)), what, "call", "mnn", quick=True)
    assert record["floor"] is None
    assert {floor for floor, _ in deploy.FLOORS} == {"documented"}


def test_an_engine_that_fails_is_named_and_the_others_go_on(monkeypatch, capsys):
    def beside(options, results, stem, engine):
        if engine == "ncnn":
            raise sides.WorkerError("engines.py ncnn ended with 1")
        results.append((stem, engine, options))

    monkeypatch.setattr(deploy, "beside", beside)
    monkeypatch.setattr(deploy, "write", lambda network, folder: folder / network)
    options, measured = SimpleNamespace(networks=["documented"]), []
    failed = deploy.run(options, measured, ["ncnn", "mnn"])
    assert failed == ["documented in ncnn: engines.py ncnn ended with 1"]
    ((stem, engine, _),) = measured
    assert Path(stem).name == "documented" and engine == "mnn"
    assert failed[0] in capsys.readouterr().err


def record(network, batch, own, peer, ratio):
    one = batch == 1
    return {
        "task": "infer",
        "network": network,
        "batch": batch,
        "unit": "ms" if one else "images/s",
        "more_is_better": not one,
        "minicnn": own,
        "peer": peer,
        "peer_mode": "best",
        "minicnn_values": [1000.0],
        "peer_values": [500.0],
        "ratio": [ratio, 0.9 * ratio, 1.1 * ratio],
        "floor": deploy.FLOORS.get((network, batch)),
    }


RECORDS = [
    record("documented", 1, "predict", "MNN", 0.5),
    record("documented", 1, "predict", "LiteRT", 0.95),
    record("documented", 1, "call", "MNN", 0.4),
    record("documented", 1, "call", "LiteRT", 0.8),
    record("documented", 8, "predict", "MNN", 3.0),
    record("documented", 8, "predict", "LiteRT", 1.5),
    record("documented", 8, "call", "MNN", 9.0),
    record("documented", 8, "call", "LiteRT", 1.2),
]


def test_what_counts_is_the_better_way_beside_the_best_engine():
    assert deploy.decisive(RECORDS) == [RECORDS[3], RECORDS[5]]
    assert deploy.decisive(RECORDS[::-1]) == [RECORDS[5], RECORDS[3]]


def test_a_picture_of_the_engines_shows_the_better_way():
    from test_benchmarks import MACHINE, assert_nothing_leaves_the_figure, words

    ((_, figure),) = draw.deploy(MACHINE, [{"missing": ["ncnn"]}, *RECORDS])
    lines = [line.get_xdata() for line in figure.axes[0].get_lines()]
    points = [data[0] for data in lines if len(data) == 1]
    # ratios and floors, the least ahead first
    assert points == pytest.approx([1.25, 1 / 0.9, 2.5, 1 / 0.9, 1.5, 1.25, 3.0, 1.25])
    assert "documented, batch 8: LiteRT" in words(figure)
    assert_nothing_leaves_the_figure(figure)
