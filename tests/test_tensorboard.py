"""Event files for TensorBoard: folders, tags, steps and values as Keras writes them."""

import struct
import sys

import numpy as np
import pytest

from minicnn import Input, Sequential, callbacks, layers, optimizers


def trained(folder, epochs=3, validation=True, optimizer="sgd", **options):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((20, 3)), np.arange(20) % 2
    model = Sequential([Input((3,)), layers.Dense(1, "sigmoid")], seed=0)
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
    held_out = (x, y) if validation else None
    board = callbacks.TensorBoard(log_dir=folder, **options)
    return model.fit(
        x, y, epochs=epochs, callbacks=[board], validation_data=held_out, verbose=0
    ).history


def scalars(folder):
    """{tag: {step: value}} of the event files in a folder: records of length, its checksum, bytes,
    and their checksum.
    """
    events = pytest.importorskip("tensorboardX.proto.event_pb2")
    found = {}
    for path in folder.glob("events.out.tfevents.*"):
        rest = path.read_bytes()
        while rest:
            (length,) = struct.unpack("<Q", rest[:8])
            event = events.Event()
            event.ParseFromString(rest[12 : 12 + length])
            for value in event.summary.value:
                found.setdefault(value.tag, {})[event.step] = value.simple_value
            rest = rest[16 + length :]
    return found


@pytest.mark.parametrize("validation", [True, False])
def test_every_epoch_is_written(tmp_path, validation):
    pytest.importorskip("tensorboardX")
    history = trained(tmp_path / "logs", validation=validation)
    train = scalars(tmp_path / "logs" / "train")
    assert train.keys() == {"epoch_loss", "epoch_accuracy", "epoch_learning_rate"}
    assert (tmp_path / "logs" / "validation").exists() == validation
    for tag, name in (("epoch_loss", "loss"), ("epoch_accuracy", "accuracy")):
        assert list(train[tag]) == [0, 1, 2]
        assert list(train[tag].values()) == pytest.approx(history[name], rel=1e-6)
    assert list(train["epoch_learning_rate"].values()) == pytest.approx([0.01] * 3)
    if validation:
        held_out = scalars(tmp_path / "logs" / "validation")
        assert held_out.keys() == {"epoch_loss", "epoch_accuracy"}
        assert list(held_out["epoch_loss"].values()) == pytest.approx(history["val_loss"])


def test_several_optimizers_have_no_rate_that_could_be_written(tmp_path):
    pytest.importorskip("tensorboardX")
    several = optimizers.OptimizerMap(optimizers.SGD(), {".*/bias": optimizers.Adam()})
    trained(tmp_path, optimizer=optimizers.MultiOptimizer(several))
    assert scalars(tmp_path / "train").keys() == {"epoch_loss", "epoch_accuracy"}


def test_arguments_that_ask_for_nothing_and_others(tmp_path):
    pytest.importorskip("tensorboardX")
    trained(tmp_path, epochs=1, histogram_freq=0, write_graph=True, update_freq="epoch")
    with pytest.warns(
        UserWarning, match="histogram_freq=1. writes no histograms, only numbers: "
    ) as w:
        trained(tmp_path, epochs=2, histogram_freq=1)
    assert len([one for one in w if "histogram" in str(one.message)]) == 1
    with pytest.raises(ValueError, match="TensorBoard expected histogram_freq of at least 0"):
        callbacks.TensorBoard(histogram_freq=-1)
    with pytest.raises(TypeError, match="expected update_freq='epoch', .* received 'batch'"):
        callbacks.TensorBoard(update_freq="batch")


def test_without_the_package_the_way_out_is_said(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError) as caught:
        trained(tmp_path)
    assert str(caught.value) == (
        "TensorBoard expected the package tensorboardX, which is not installed: pip install "
        '"minicnn[tensorboard]", or use CSVLogger, and plots.learning_curves(history)'
    )
