"""Every layer's backward against numerical derivatives, in float64, for 50 drawn cases each.

check_gradients.py draws 200 of each, in which it compares every number.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import seeds, windows

from minicnn import Sequential, cli, layers, testing
from minicnn.layers.base import Layer
from minicnn.testing import check_layer, measure_layer, measure_loss, measure_model, standard_cases

EXAMPLES = settings(max_examples=50)
SAMPLES = 8  # numbers moved per tensor and example: 50 examples move 400 of each

shapes = st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple)
pictures = st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 4))
batches = st.integers(1, 3)


def check(layer, x_shape, seed, contiguous=True):
    """check_layer with an input that may be every other column of a wider array."""
    rng = np.random.default_rng([seed, 1])  # not check_layer's own stream: dy would equal x
    if contiguous:
        x = rng.standard_normal(x_shape)
    else:
        x = rng.standard_normal((*x_shape[:-1], 2 * x_shape[-1]))[..., ::2]
        assert x.size <= 1 or x.shape[-1] == 1 or not x.flags.c_contiguous
    report = check_layer(layer, x_shape[1:], x=x, seed=seed, samples=SAMPLES)
    assert set(report.tensors) == {"x", *layer.params}
    assert all(tensor.checked > 0 for tensor in report.tensors.values())


@given(windows(dilated=True), st.integers(1, 3), st.booleans(), st.booleans(), seeds)
@EXAMPLES
def test_conv2d(window, filters, use_bias, contiguous, seed):
    layer = layers.Conv2D(
        filters,
        window["size"],
        window["strides"],
        window["padding"],
        dilation_rate=window["dilation"],
        use_bias=use_bias,
        activation="gelu",
    )
    check(layer, window["x_shape"], seed, contiguous)


@given(
    batches,
    st.integers(1, 8),
    st.integers(1, 8),
    st.booleans(),
    st.sampled_from([None, "relu", "softmax"]),
    seeds,
)
@EXAMPLES
def test_dense(batch, inputs, units, contiguous, activation, seed):
    check(layers.Dense(units, activation=activation), (batch, inputs), seed, contiguous)


@pytest.mark.parametrize("pool", [layers.MaxPooling2D, layers.AveragePooling2D])
@given(windows(), st.booleans(), seeds)
@EXAMPLES
def test_pooling(pool, window, contiguous, seed):
    check(
        pool(window["size"], window["strides"], window["padding"]),
        window["x_shape"],
        seed,
        contiguous,
    )


@pytest.mark.parametrize("pool", [layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D])
@given(batches, pictures, st.booleans(), seeds)
@EXAMPLES
def test_global_pooling(pool, batch, picture, contiguous, seed):
    check(pool(), (batch, *picture), seed, contiguous)


@given(st.integers(2, 5), shapes, st.booleans(), st.booleans(), st.booleans(), st.booleans(), seeds)
@EXAMPLES
def test_batch_normalization(batch, shape, center, scale, trainable, contiguous, seed):
    layer = layers.BatchNormalization(center=center, scale=scale, trainable=trainable)
    x_shape = (batch, *shape)
    if not trainable:
        report = measure_layer(layer, shape, batch=batch, seed=seed, samples=SAMPLES)
        assert report.error <= testing.TOLERANCE and set(report.tensors) == {"x"}
        return
    # Two values a, b of a channel are normalised to +-1 whatever they are when |a - b| is far above
    # epsilon, and their gradient then is 0 but for rounding; more rows, or values close together,
    # leave something to compare.
    x = np.random.default_rng([seed, 1]).standard_normal(x_shape)
    layer.epsilon = 0.5 if batch * int(np.prod(shape[:-1])) == 2 else 1e-3
    x = np.repeat(x, 2, axis=-1)[..., ::2] if not contiguous else x
    check_layer(layer, shape, x=x, seed=seed, samples=SAMPLES)


@pytest.mark.parametrize(
    "make",
    [
        layers.ReLU,
        lambda: layers.ReLU(max_value=0.8),
        layers.LeakyReLU,
        layers.GELU,
        lambda: layers.GELU(approximate=True),
        layers.Softmax,
        lambda: layers.Activation("relu"),
        lambda: layers.Dropout(0.4),
        layers.Flatten,
        lambda: layers.Rescaling(0.5, offset=-1),
        lambda: layers.Normalization(mean=0.3, variance=2.0),
    ],
    ids="relu relu6 leaky gelu gelu-tanh softmax activation dropout flatten rescaling "
    "normalization".split(),
)
@given(batches, shapes, st.booleans(), seeds)
@EXAMPLES
def test_elementwise_and_shape_layers(make, batch, shape, contiguous, seed):
    check(make(), (batch, *shape), seed, contiguous)


@given(batches, pictures, st.tuples(*[st.integers(0, 3)] * 4), st.booleans(), seeds)
@EXAMPLES
def test_zero_padding(batch, picture, sides, contiguous, seed):
    top, bottom, left, right = sides
    check(layers.ZeroPadding2D(((top, bottom), (left, right))), (batch, *picture), seed, contiguous)


@pytest.mark.parametrize("loss", testing.standard_losses(), ids=lambda loss: loss.name)
@given(st.integers(1, 6), st.integers(2, 6), seeds)
@EXAMPLES
def test_losses(loss, batch, classes, seed):
    assert measure_loss(loss, batch=batch, classes=classes, seed=seed).error <= testing.TOLERANCE


def test_a_whole_three_block_network():
    reports = [measure_model(testing.standard_model(), seed=seed, samples=10) for seed in range(10)]
    for report in reports:
        assert report.error <= testing.MODEL_TOLERANCE
        # One activation of the first block that happens to lie at its kink takes all of that
        # block's parameters with it.
        assert report.kinks < 0.25, report
        # the input, 3 x (kernel, bias, gamma, beta), 2 x (kernel, bias)
        assert len(report.tensors) == 17
    kinks = [report.kinks for report in reports]
    assert sum(kinks) / len(kinks) < 0.01, kinks  # hardly a place of the network is left out


class WrongBatchNormalization(layers.BatchNormalization):
    """Returns zeros as dx, which a check with dy = 1 would accept."""

    def backward(self, dy):
        return 0 * super().backward(dy)


class WrongScale(Layer):
    """Forgets a factor in the gradient of its parameter."""

    def setup(self, input_shape):
        self.add_param("factor", input_shape, "ones")
        return input_shape

    def forward(self, x, *, training=False):
        x = self.accept(x)
        self._cache = (x,) if training else None
        return x * self.params["factor"] ** 2

    def backward(self, dy):
        dy, x = self.take_cache(dy)
        self.grads["factor"][...] = (dy * x * self.params["factor"]).sum(axis=0)  # should be 2 x
        return dy * self.params["factor"] ** 2


def test_the_check_finds_a_wrong_input_gradient():
    with pytest.raises(
        AssertionError, match=r"not the derivative of forward: WrongBatchNormalization.*\n  x "
    ):
        check_layer(WrongBatchNormalization(), (4, 3, 2))


def test_the_check_finds_a_wrong_parameter_gradient_and_names_it():
    with pytest.raises(AssertionError, match=r"factor +[0-9.e-]+  \(5 checked, 0 kinks"):
        check_layer(WrongScale(), (5,))


def test_the_check_refuses_too_many_kinks():
    x = np.zeros((2, 30))  # every number sits in the corner of ReLU
    with pytest.raises(AssertionError, match="are kinks, expected at most 1 %"):
        check_layer(layers.ReLU(), (30,), x=x)


def test_the_check_finds_a_gradient_of_the_wrong_shape():
    class WrongShape(layers.Flatten):
        def backward(self, dy):
            return dy

    with pytest.raises(
        AssertionError, match=r"gradient of x has shape \(2, 12\), expected \(2, 2, 3, 2\)"
    ):
        check_layer(WrongShape(), (2, 3, 2))


def test_every_layer_has_a_standard_case():
    covered = {type(layer) for layer, _ in standard_cases().values()}
    assert covered == set(layers.LAYERS.values()) - {layers.InputLayer}


def test_command_line_passes_and_prints_every_layer(capsys, monkeypatch):
    quick = Sequential([layers.Input((3,)), layers.Dense(2)], name="network", dtype="float64")
    monkeypatch.setattr(testing, "standard_model", lambda: quick)  # whose gradients are seen above
    assert cli.main(["gradcheck"]) == 0
    printed = capsys.readouterr().out
    for name in [
        *standard_cases(),
        quick.name,
        "SparseCategoricalCrossentropy of logits",
    ]:
        assert name in printed
    checks = len(standard_cases()) + len(testing.standard_losses()) + 1
    assert printed.count("PASS") == checks and "FAIL" not in printed


def test_command_line_fails_with_1_on_a_wrong_layer(capsys, monkeypatch):
    monkeypatch.setattr(testing, "standard_cases", lambda: {"WrongScale": (WrongScale(), (5,))})
    assert cli.main(["gradcheck", "--layer", "Wrong"]) == 1
    assert "FAIL" in capsys.readouterr().out


def test_command_line_knows_when_it_checked_nothing(capsys):
    assert cli.main(["gradcheck", "--layer", "Nonsense"]) == 2
    assert "no layer begins with 'Nonsense'" in capsys.readouterr().err
