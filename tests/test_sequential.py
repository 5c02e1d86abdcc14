"""Sequential: the documented model and its summary, forward, backward and the loss."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sequential_cases import DOCUMENTED_ROWS, bits, documented_model, tiny, tiny_data

import minicnn
from minicnn import Input, Sequential, layers, optimizers
from minicnn.layers.base import Layer

# The documented model and its summary


def test_documented_model_has_the_documented_layers_shapes_and_counts():
    model = documented_model()
    rows = [
        (layer.name, type(layer).__name__, layer.output_shape, layer.count_params())
        for layer in model.layers
    ]
    assert rows == DOCUMENTED_ROWS
    assert model.count_params() == 161_098
    assert (model.input_shape, model.output_shape) == ((None, 32, 32, 3), (None, 10))
    assert sum(value.size for _, value, _ in model.parameters()) == 160_650


def test_summary_prints_the_documented_table():
    lines: list[str] = []
    documented_model(name="documented").summary(print_fn=lines.append)
    text = "\n".join(lines).splitlines()
    table = [line.split("  ") for line in text]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in table]
    assert cells[0] == ['Model: "documented"']
    assert cells[2] == ["Layer (type)", "Output Shape", "Param #"]
    assert cells[4:17] == [
        [f"{name} ({kind})", str((None, *shape)), f"{count:,}"]
        for name, kind, shape, count in DOCUMENTED_ROWS
    ]
    assert text[-3:] == [
        "Total params: 161,098",
        "Trainable params: 160,650",
        "Non-trainable params: 448",
    ]
    assert "FLOPs" not in "".join(text) and "Receptive" not in "".join(text)


def test_summary_prints_to_stdout_unless_told_otherwise(capsys):
    assert documented_model().summary() is None
    assert "Total params: 161,098" in capsys.readouterr().out


def test_summary_shows_flops_and_receptive_fields():
    lines: list[str] = []
    documented_model().summary(print_fn=lines.append, flops=True, receptive_field=True)
    text = "\n".join(lines).splitlines()
    rows = {
        line.split()[0]: [cell.strip() for cell in line.split("  ") if cell.strip()]
        for line in text[4:17]
    }
    assert text[-1] == "FLOPs of one picture's forward pass: 10,278,144"
    multiply_adds = {  # output positions * kernel numbers, written out
        "conv2d": 30 * 30 * (3 * 3 * 3 * 32),
        "conv2d_1": 13 * 13 * (3 * 3 * 32 * 64),
        "conv2d_2": 4 * 4 * (3 * 3 * 64 * 128),
        "dense": 512 * 128,
        "dense_1": 128 * 10,
    }
    assert 2 * sum(multiply_adds.values()) == 10_278_144
    assert {name: row[3] for name, row in rows.items()} == {
        name: f"{2 * multiply_adds.get(name, 0):,}" for name, *_ in DOCUMENTED_ROWS
    }
    assert {name: row[4] for name, row in rows.items()} == {
        "conv2d": "3x3 / 1",
        "batch_normalization": "3x3 / 1",
        "max_pooling2d": "4x4 / 2",
        "conv2d_1": "8x8 / 2",
        "batch_normalization_1": "8x8 / 2",
        "max_pooling2d_1": "10x10 / 4",
        "conv2d_2": "18x18 / 4",
        "batch_normalization_2": "18x18 / 4",
        "max_pooling2d_2": "22x22 / 8",
        "flatten": "all",
        "dense": "all",
        "dropout": "all",
        "dense_1": "all",
    }


def receptive_field_of(model: Sequential, seed: int) -> tuple[int, int]:
    """Rows and columns of the input that a middle output depends on, found by asking backward."""
    rng = np.random.default_rng(seed)
    y = model.forward(rng.standard_normal((1, *model.input_shape[1:])), training=True)
    dy = np.zeros_like(y)
    dy[0, y.shape[1] // 2, y.shape[2] // 2, 0] = 1
    seen = model.backward(dy)[0].any(axis=-1)
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    return rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["conv", "pool"]),
            st.integers(1, 3),
            st.integers(1, 3),
            st.integers(1, 2),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_receptive_field_column_is_what_backward_reaches(drawn):
    chosen: list[Layer] = [Input((60, 61, 1))]
    for kind, rows, columns, step in drawn:
        if kind == "conv":
            chosen.append(layers.Conv2D(1, (rows, columns), dilation_rate=step))
        else:
            chosen.append(layers.AveragePooling2D((rows, columns), strides=step))
    model = Sequential(chosen, seed=1, dtype="float64")
    lines: list[str] = []
    model.summary(print_fn=lines.append, receptive_field=True)
    field = "\n".join(lines).splitlines()[-5].split("  ")[-1].split(" / ")[0].strip()
    assert field == "x".join(map(str, receptive_field_of(model, seed=2)))


def test_summary_of_a_model_without_shapes_yet_says_so():
    lines: list[str] = []
    Sequential([layers.Flatten(), layers.Dense(3)]).summary(print_fn=lines.append)
    assert "\n".join(lines).count("?") == 4  # shape and count of either layer
    assert "Total params: 0" in lines[0]


def test_summary_counts_a_frozen_layer_as_not_trainable():
    model = tiny()
    model.layers[0].trainable = False
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    total, kernel_and_bias, moving = model.count_params(), 3 * 3 * 2 * 3 + 3, 6
    assert lines[0].splitlines()[-2:] == [
        f"Trainable params: {total - kernel_and_bias - moving}",
        f"Non-trainable params: {kernel_and_bias + moving}",
    ]


# Forward, backward and the loss


def test_forward_is_the_layers_one_after_another():
    x, _ = tiny_data()
    model = tiny()
    model.engine = "reference"  # the other adds up in another order
    y = x
    for layer in model.layers:
        y = layer.forward(y)
    assert np.array_equal(model.forward(x), y) and np.array_equal(model(x), y)
    assert np.allclose(y.sum(axis=1), 1)


@pytest.mark.parametrize("runs", ["never ran", "inference", "used up"])
def test_backward_without_a_training_forward_raises(runs):
    x, _ = tiny_data()
    model = tiny()
    dy = np.ones((len(x), 4), np.float32)
    if runs != "never ran":
        model.forward(x, training=runs == "used up")
    if runs == "used up":
        assert model.backward(dy).shape == x.shape
    with pytest.raises(
        RuntimeError, match=r"Dense 'dense'.backward\(dy\) differentiates the last forward"
    ):
        model.backward(dy)


def heads() -> dict[str, list[Layer]]:
    """The three ways to end a model in a softmax."""
    return {
        "argument": [layers.Dense(4, activation="softmax")],
        "layer": [layers.Dense(4), layers.Softmax()],
        "activation": [layers.Dense(4), layers.Activation("softmax")],
    }


@pytest.mark.parametrize("head", heads())
@pytest.mark.parametrize("loss", ["sparse", "smoothed"])
def test_the_fused_softmax_gives_what_the_softmax_layer_gives(head, loss):
    """The same loss and gradients as forward through the softmax, loss from probabilities, backward
    through it.
    """
    x, y = tiny_data()
    weight = np.linspace(0.5, 2, len(x))
    model = Sequential(
        [Input((6, 6, 2)), layers.Conv2D(2, 3), layers.Flatten(), *heads()[head]], dtype="float64"
    )
    if loss == "sparse":
        model.compile("sgd", "sparse_categorical_crossentropy")
    else:
        model.compile("sgd", minicnn.losses.CategoricalCrossentropy(label_smoothing=0.1))
        y = np.eye(4)[y]
    fused, _ = model.loss_and_gradients(x, y, weight)
    fused_gradients = {name: gradient.copy() for name, _, gradient in model.parameters()}
    probabilities = model.forward(x, training=True)
    plain, dy = model.loss.value_and_gradient(y, probabilities, weight)
    model.backward(dy)
    assert fused == pytest.approx(plain, rel=1e-12)
    assert len(fused_gradients) == 4
    for name, _, gradient in model.parameters():
        assert np.abs(gradient).max() > 1e-4
        np.testing.assert_allclose(
            fused_gradients[name], gradient, rtol=1e-9, atol=1e-14, err_msg=name
        )


@pytest.mark.parametrize("head", heads())
def test_every_softmax_at_the_end_is_fused_and_so_exact(head):
    """Through the probabilities 1 and 0, the loss of a wrong class would be infinite and its
    gradient lost.
    """
    model = Sequential([Input((4,)), *heads()[head]])
    model.set_weights([np.eye(4) * 1e4, np.zeros(4)])
    model.compile("sgd", "sparse_categorical_crossentropy")
    loss, _ = model.loss_and_gradients(np.eye(4), np.array([0, 1, 2, 2]))
    assert loss == 1e4 / 4
    assert np.array_equal(model.predict(np.eye(4)), np.eye(4))
    assert model.layers[0].grads["bias"].tolist() == [0, 0, -0.25, 0.25]


def test_a_model_of_logits_trains_as_the_one_with_a_softmax():
    x, y = tiny_data()
    results = []
    for last, from_logits in (("softmax", False), (None, True)):
        model = Sequential(
            [Input((6, 6, 2)), layers.Flatten(), layers.Dense(4, activation=last)], seed=4
        )
        model.compile(
            "adam",
            minicnn.losses.SparseCategoricalCrossentropy(from_logits=from_logits),
            ["accuracy"],
        )
        history = model.fit(x, y, batch_size=8, epochs=3, verbose=0)
        results.append((bits(model), history.history))
    assert results[0] == results[1]


def test_a_softmax_that_is_left_to_the_loss_is_still_there_to_predict():
    x, y = tiny_data()
    model = tiny()
    model.fit(x, y, epochs=1, verbose=0)
    assert np.allclose(model.predict(x).sum(axis=1), 1)
    assert model.layers[-1].activation_layer is not None


def test_layers_below_the_lowest_trained_one_are_not_asked_for_gradients():
    """What nobody reads is not computed, and asking for it again works."""
    x, y = tiny_data()
    model = tiny()
    model.engine = "reference"  # the steps are then the layers themselves
    model.train_on_batch(x, y)
    assert model.layers[0].needs_input_grad is False
    y_pred = model.forward(x, training=True)
    assert model.backward(np.ones_like(y_pred)).shape == x.shape


def test_compile_takes_objects_names_and_one_metric_alone():
    model = tiny()
    sgd = optimizers.SGD(0.5)
    model.compile(sgd, minicnn.losses.CategoricalCrossentropy(), "accuracy")
    assert model.optimizer is sgd and [metric.name for metric in model.metrics] == ["accuracy"]
    model.compile(
        loss="categorical_crossentropy",
        optimizer="SGD",
        metrics=["acc", minicnn.metrics.Accuracy("mine")],
    )
    assert [metric.name for metric in model.metrics] == ["acc", "mine"]
    assert isinstance(model.optimizer, optimizers.SGD) and model.optimizer.learning_rate == 0.01
    model.optimizer.learning_rate = 0.25
    assert model.optimizer.learning_rate == 0.25
