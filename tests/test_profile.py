"""`minicnn profile`: what it counts, what it leaves as it was, and what it prints.

Its times are not tested.
"""

import json

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import windows

from minicnn import Sequential, applications, cli, layers
from minicnn.machine import peak, processor, threads
from minicnn.preflight import profiling
from minicnn.preflight.profiling import profile


def small_model(end="softmax", **options):
    """A block, a frozen convolution, and two dense layers."""
    stack = [
        layers.Input((10, 9, 3)),
        layers.Conv2D(5, 3, activation="relu", padding="same"),
        layers.BatchNormalization(),
        layers.MaxPooling2D(),
        layers.Conv2D(4, 2, trainable=False),
        layers.Flatten(),
        layers.Dense(6, activation="relu"),
        layers.Dropout(0.5),
        layers.Dense(3, activation=end),
    ]
    return Sequential(stack, seed=0, **options)


@pytest.fixture
def all_threads_afterwards():
    """Gives the engine back all threads at the end."""
    yield
    threads.set_threads(numba.config.NUMBA_NUM_THREADS)


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_rows_are_the_passes_of_a_training_step_and_add_up_to_it(engine):
    model = small_model()
    model.engine = engine
    result = profile(model, batch=4, seconds=0)
    passes = {(row.layers.split(" ")[0], row.work) for row in result.rows}
    assert ("conv2d", "weight gradient") in passes
    assert ("conv2d", "input gradient") not in passes  # nobody needs the gradient of the pictures
    assert ("conv2d_1", "input gradient") in passes
    assert ("conv2d_1", "weight gradient") not in passes  # frozen
    assert {
        ("dropout", "forward"),
        ("dropout", "backward"),
        ("optimizer", "update"),
        ("loss", ""),
    } <= passes
    # else it runs with conv2d
    assert (("batch_normalization", "backward") in passes) == (engine == "reference")
    assert all(row.seconds >= 0 for row in result.rows)
    for field in ("seconds", "flops", "bytes"):
        assert getattr(result.total, field) == pytest.approx(
            sum(getattr(row, field) for row in result.rows)
        )
    assert (result.batch, result.peak > 0, result.threads > 0) == (4, True, True)


def test_both_engines_are_credited_with_the_same_arithmetic():
    counts = []
    for engine in ("fast", "reference"):
        model = small_model()
        model.engine = engine
        rows = profile(model, batch=4, seconds=0).rows
        counts.append(
            {(row.layers.split(" ")[0], row.work): row.flops for row in rows if row.flops}
        )
    assert counts[0] == counts[1]
    assert (
        counts[0]["dense", "forward"]
        == counts[0]["dense", "input gradient"]
        == 2 * 4 * (4 * 3 * 4 * 6)
    )


# floating point operations of the documented network for one picture: outputs, inputs of each, 2
OF_FORWARD = {
    "conv2d": 30 * 30 * 32 * (3 * 3 * 3) * 2,
    "conv2d_1": 13 * 13 * 64 * (3 * 3 * 32) * 2,
    "conv2d_2": 4 * 4 * 128 * (3 * 3 * 64) * 2,
    "dense": 128 * 512 * 2,
    "dense_1": 10 * 128 * 2,
}


def test_operations_of_the_documented_network():
    model = applications.DocumentedCNN()
    assert model.count_params() == 161_098
    counted = {layer.name: 2 * profiling.multiply_adds(layer) for layer in model.layers}
    assert {name: flops for name, flops in counted.items() if flops} == OF_FORWARD


@given(windows(dilated=True), st.sampled_from(["Conv2D", "grouped", "DepthwiseConv2D"]))
@settings(max_examples=150)
def test_multiplications_by_padding_are_not_counted(window, kind):
    """With ones for pictures and kernels, a convolution's outputs are how many products each is the
    sum of.
    """
    batch, *shape = window["x_shape"]
    geometry = {
        "kernel_size": window["size"],
        "strides": window["strides"],
        "padding": window["padding"],
        "dilation_rate": window["dilation"],
    }
    layer = {
        "Conv2D": lambda: layers.Conv2D(2, **geometry),
        "grouped": lambda: layers.Conv2D(2 * shape[-1], groups=shape[-1], **geometry),
        "DepthwiseConv2D": lambda: layers.DepthwiseConv2D(depth_multiplier=2, **geometry),
    }[kind]()
    layer.build(tuple(shape), dtype="float64")
    layer.params["kernel"][...] = 1
    assert batch * profiling.multiply_adds(layer) == layer.forward(np.ones((batch, *shape))).sum()


def trained(model, steps=2):
    rng = np.random.default_rng(0)
    for _ in range(steps):
        model.train_on_batch(rng.standard_normal((4, 10, 9, 3)), rng.integers(0, 3, 4))
    return model.get_weights()


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_a_profiled_model_is_as_before(engine):
    """Weights, statistics, the optimizer's memory and the dropout's generator: it trains on as its
    twin does.
    """
    models = [small_model(), small_model()]
    for model in models:
        model.engine = engine
        model.compile("adam", "sparse_categorical_crossentropy")
        trained(model)
    before = models[0].get_weights()
    profile(models[0], batch=3, seconds=0)
    for now, then in zip(models[0].get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    assert [layer.trainable for layer in models[0].layers] == [
        layer.trainable for layer in models[1].layers
    ]
    assert models[0].optimizer.learning_rate == 0.001 and models[0].loss.name == models[1].loss.name
    for one, other in zip(trained(models[0]), trained(models[1]), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_model_that_was_never_compiled_and_ends_in_logits():
    model = small_model(end=None, dtype="float64")
    result = profile(model, batch=2, seconds=0)
    assert model.optimizer is None and model.has_fresh_weights
    assert "float64" in result.title


def test_a_model_without_anything_to_train_has_no_backward():
    model = Sequential(
        [layers.Input((4, 4, 1)), layers.Flatten(), layers.Dense(3, trainable=False)], seed=0
    )
    assert {row.work for row in profile(model, batch=2, seconds=0).rows} == {
        "forward",
        "update",
        "",
    }


def test_pictures_for_a_rescaling_layer_are_bytes():
    x, y = profiling.random_batch(
        Sequential(
            [layers.Input((4, 5, 3)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(7)],
            seed=0,
        ),
        6,
    )
    assert (x.shape, x.dtype, y.shape) == ((6, 4, 5, 3), np.uint8, (6,))
    assert set(y) <= set(range(7))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_peaks_kernel_does_all_its_multiply_adds_on_every_thread(dtype):
    lanes = processor.lanes(np.dtype(dtype))
    values = np.ones((3, (2 + peak.chains()) * lanes), dtype)  # factors, terms, sums
    values[:, 2 * lanes :] = np.arange(3 * peak.chains() * lanes).reshape(3, -1)
    before = values.copy()
    peak.run_all(peak.kernel(dtype), 1000, values, values.ctypes.data)
    np.testing.assert_array_equal(values[:, 2 * lanes :], before[:, 2 * lanes :] + 1000)
    rate, count = peak.measure(dtype)
    assert rate > 0 and count == threads.state()["used"]


def test_an_unbuilt_model_is_refused():
    with pytest.raises(
        ValueError, match="profile expected a built model, received 'sequential': add an Input, or"
    ):
        profile(Sequential([layers.Flatten(), layers.Dense(3)]))


def test_an_empty_batch_is_refused():
    with pytest.raises(ValueError, match="profile expected a batch of at least 1, received 0"):
        profile(small_model(), batch=0)


def test_the_command_prints_a_table_one_screen_wide(tmp_path, capsys):
    path = tmp_path / "small.minicnn"
    small_model().save(path)
    assert cli.main(["profile", "--model", str(path), "--batch-size", "8", "--seconds", "0"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 110
    assert "batch 8" in lines[0] and "GFLOP/s" in lines[1]
    assert lines[3].split()[:4] == ["layers", "pass", "ms", "share"]
    assert any(line.startswith("conv2d .. max_pooling2d     forward") for line in lines)
    assert any(line.startswith("whole step") and "100.0 %" in line for line in lines)
    assert lines[-1].endswith("pictures/s")


@pytest.mark.usefixtures("all_threads_afterwards")
def test_the_command_prints_json(capsys):
    assert (
        cli.main(["profile", "--batch-size", "2", "--seconds", "0", "--threads", "1", "--json"])
        == 0
    )
    result = json.loads(capsys.readouterr().out)
    assert (
        result["batch"] == 2
        and result["threads"] == 1
        and result["title"].startswith("documented_cnn")
    )
    assert (
        {"layers", "work", "seconds", "flops", "bytes"}
        == set(result["rows"][0])
        == set(result["total"])
    )
    # Forward and two gradients, but none of the pictures.
    assert result["total"]["flops"] == 2 * (3 * sum(OF_FORWARD.values()) - OF_FORWARD["conv2d"])


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (
            ["--model", "nowhere.minicnn"],
            3,
            "minicnn profile: there is no model file 'nowhere.minicnn'",
        ),
        (
            ["--batch-size", "0"],
            2,
            "minicnn profile: profile expected a batch of at least 1, received 0",
        ),
        (["--threads", "0"], 2, "minicnn profile: set_threads expected an integer from 1 to"),
    ],
)
def test_what_cannot_be_profiled_is_said(options, code, message, capsys):
    assert cli.main(["profile", *options]) == code
    assert message in capsys.readouterr().err
