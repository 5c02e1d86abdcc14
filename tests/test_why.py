"""explain.why: what it says a number is made of, against loops written out by hand, against
derivatives measured numerically, and against the number itself.
"""

import inspect
from pathlib import Path

import graph_cases
import graph_parts
import numpy as np
import pytest
from graph_models import model_of
from trace_cases import CASES, chain, pictures, without_an_explanation

from minicnn import Input, Model, Sequential, constraints, explain, layers, losses, optimizers
from minicnn.explain.tracing import lines, place
from minicnn.explain.tracing.adding import each
from minicnn.explain.tracing.reasoning import explainer_of
from minicnn.explain.tracing.sums import Named, read
from minicnn.testing.standard import standard_cases, standard_losses

ROOT = Path(__file__).parent.parent
OPTIMIZERS = {
    "adam": lambda: optimizers.Adam(0.01, weight_decay=0.1),
    "amsgrad": lambda: optimizers.Adam(amsgrad=True, clipnorm=0.1),
    "sgd": lambda: optimizers.SGD(0.1, momentum=0.9),
    "nesterov": lambda: optimizers.SGD(0.1, 0.9, nesterov=True, weight_decay=0.1),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
def test_every_number_is_the_sum_of_its_terms(make, optimizer):
    """After a step, so that moments and averages have moved; some numbers of each array."""
    model, x, y = make()
    model.compile(optimizer(), "sparse_categorical_crossentropy")
    model.train_on_batch(x, y)
    traced = explain.trace(model, x, y)
    summed = check_sums(traced, 25)
    expected = {"output", "dx", "dy", "gradient", "after", "step", "value", "patches"}
    assert expected & {name.rpartition("/")[2] for name in traced.arrays} <= summed


def check_sums(traced, count):
    """Of so many numbers of each array, that they are the sum of their terms, if they are one; the
    last words of the names of those that are.
    """
    rng, summed = np.random.default_rng(0), set()
    for name, array in traced.arrays.items():
        places = list(each(array.shape))
        for n in rng.permutation(len(places))[:count]:
            found = explain.why(traced, name, places[n])
            if found.recomputed is None:
                continue
            summed.add(name.rpartition("/")[2])
            size = sum(abs(term.value) for term in found.terms)
            if name.endswith("/step"):  # what is added to a float32 is rounded as that is
                size += abs(traced.arrays[name.replace("/step", "/before")][places[n]])
            if any(one.through for term in found.terms for one in term.factors):
                size += max(abs(one.value) for term in found.terms for one in term.factors)
            assert abs(found.recomputed - found.value) <= 3e-6 * size, found.to_text()
    return summed


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
def test_what_has_no_sum_is_this_and_no_more(make):
    """Functions of one number, what was drawn, and which number was the largest."""
    model, x, y = make()
    traced = explain.trace(model, x, y)
    without = {
        name.rpartition("/")[2]
        for name, reason in traced.reasons.items()
        if "depends" in reason or not reason["exact"]
    }
    allowed = {"slope", "argmax", "winner", "factor", "of_penalty", "largest"}
    if make is CASES["branches"]:
        allowed |= {"deviation", "after"}  # of Normalization, which stays as it is
    outputs = {"dense/gelu", "elu", "activation_1"}
    assert without - allowed == {"output"}
    for name, reason in traced.reasons.items():
        if name.endswith("/output") and not reason["exact"]:
            assert name.removesuffix("/output") in outputs


def terms_of(traced, name, index):
    """The values of all terms, sorted, of one number, which is their sum."""
    found = explain.why(traced, name, index)
    assert found.recomputed == pytest.approx(found.value, rel=1e-5, abs=1e-6)
    return sorted(term.value for term in found.terms)


def convolution(dtype="float32"):
    """A convolution with stride 2, padding, dilation; one of groups; the rest is small."""
    model = Sequential(
        [
            Input((5, 6, 2)),
            layers.Conv2D(4, 3, strides=(2, 1), padding="same", dilation_rate=(1, 2)),
            layers.Conv2D(4, 2, groups=2),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ],
        seed=3,
        dtype=dtype,
    )
    return model, pictures(2, 5, 6, 2), np.array([2, 0])


def seen(i, kh, stride, dilation, top):
    return i * stride - top + kh * dilation


def test_convolution_by_loops():
    model, x, y = convolution()
    traced = explain.trace(model, x, y)
    layer, a = model.layers[0], traced.arrays
    (top, left), kernel = layer.window.before, a["conv2d/kernel/before"]
    dy = a["conv2d/dy"]
    N, OH, OW, F = dy.shape
    assert (top, left) == (1, 2)
    for n, i, j, f in [(0, 0, 0, 0), (1, 2, 5, 3), (0, 1, 3, 2)]:
        expected = [float(a["conv2d/bias/before"][f])]
        for kh in range(3):
            for kw in range(3):
                h, w = seen(i, kh, 2, 1, top), seen(j, kw, 1, 2, left)
                if 0 <= h < 5 and 0 <= w < 6:
                    for c in range(2):
                        expected.append(float(x[n, h, w, c]) * float(kernel[kh, kw, c, f]))
        assert terms_of(traced, "conv2d/output", (n, i, j, f)) == sorted(expected)
    for kh, kw, c, f in [(0, 0, 0, 0), (2, 1, 1, 3), (1, 2, 0, 1)]:
        expected = []
        for n in range(N):
            for i in range(OH):
                for j in range(OW):
                    h, w = seen(i, kh, 2, 1, top), seen(j, kw, 1, 2, left)
                    if 0 <= h < 5 and 0 <= w < 6:
                        expected.append(float(x[n, h, w, c]) * float(dy[n, i, j, f]))
        assert terms_of(traced, "conv2d/kernel", (kh, kw, c, f)) == sorted(expected)
    for n, h, w, c in [(0, 0, 0, 0), (1, 4, 5, 1), (0, 3, 2, 1)]:
        expected = [
            float(dy[n, i, j, f]) * float(kernel[kh, kw, c, f])
            for i in range(OH)
            for j in range(OW)
            for kh in range(3)
            for kw in range(3)
            for f in range(F)
            if seen(i, kh, 2, 1, top) == h and seen(j, kw, 1, 2, left) == w
        ]
        assert terms_of(traced, "conv2d/dx", (n, h, w, c)) == sorted(expected)
    bias = [float(value) for value in dy[..., 1].ravel()]
    assert terms_of(traced, "conv2d/bias", (1,)) == sorted(bias)


def test_groups_by_loops():
    """Filters 0 and 1 see channels 0 and 1, filters 2 and 3 see channels 2 and 3."""
    model, x, y = convolution()
    a = (traced := explain.trace(model, x, y)).arrays
    x, kernel, dy = a["conv2d/output"], a["conv2d_1/kernel/before"], a["conv2d_1/dy"]
    for n, i, j, f in [(0, 0, 0, 0), (1, 1, 4, 3)]:
        expected = [float(a["conv2d_1/bias/before"][f])] + [
            float(x[n, i + kh, j + kw, f // 2 * 2 + c]) * float(kernel[kh, kw, c, f])
            for kh in range(2)
            for kw in range(2)
            for c in range(2)
        ]
        assert terms_of(traced, "conv2d_1", (n, i, j, f)) == sorted(expected)
    for kh, kw, c, f in [(0, 1, 0, 1), (1, 1, 1, 2)]:
        expected = [
            float(x[n, i + kh, j + kw, f // 2 * 2 + c]) * float(dy[n, i, j, f])
            for n in range(2)
            for i in range(2)
            for j in range(5)
        ]
        assert terms_of(traced, "conv2d_1/kernel", (kh, kw, c, f)) == sorted(expected)
    # pixel (1, 2) of channel 3 is under 2x2 windows, of filters 2 and 3
    expected = [
        float(dy[0, 1 - kh, 2 - kw, f]) * float(kernel[kh, kw, 1, f])
        for kh in range(2)
        for kw in range(2)
        for f in (2, 3)
    ]
    assert terms_of(traced, "conv2d_1/dx", (0, 1, 2, 3)) == sorted(expected)


def test_depthwise_and_pooling_by_loops():
    model, x, y = chain()
    a = (traced := explain.trace(model, x, y)).arrays
    x, kernel = a["max_pooling2d/output"], a["depthwise_conv2d/kernel/before"]
    dy = a["depthwise_conv2d/dy"]
    for kh, kw, c, m in [(0, 0, 0, 0), (2, 1, 3, 1)]:
        expected = [
            float(x[n, i - 1 + kh, j - 1 + kw, c]) * float(dy[n, i, j, 2 * c + m])
            for n in range(3)
            for i in range(4)
            for j in range(3)
            if 0 <= i - 1 + kh < 4 and 0 <= j - 1 + kw < 3
        ]
        assert terms_of(traced, "depthwise_conv2d/kernel", (kh, kw, c, m)) == sorted(expected)
    expected = [float(a["depthwise_conv2d/bias/before"][5])] + [
        float(x[1, 2 + kh, 0 + kw, 2]) * float(kernel[kh + 1, kw + 1, 2, 1])
        for kh in (-1, 0, 1)
        for kw in (0, 1)
    ]
    assert terms_of(traced, "depthwise_conv2d", (1, 2, 0, 5)) == sorted(expected)
    # max pooling 3x3, stride 1, same: the winner; dx sums over the windows that the pixel won
    x, dy = a["leaky_re_lu/output"], a["max_pooling2d/dy"]
    assert terms_of(traced, "max_pooling2d", (0, 0, 0, 1)) == [float(x[0, :2, :2, 1].max())]
    for n, h, w, c in np.ndindex(3, 4, 3, 2):
        expected = [
            float(dy[n, i, j, c])
            for i in range(max(0, h - 1), min(4, h + 2))
            for j in range(max(0, w - 1), min(3, w + 2))
            if x[n, max(0, i - 1) : i + 2, max(0, j - 1) : j + 2, c].max() == x[n, h, w, c]
        ]
        assert terms_of(traced, "max_pooling2d/dx", (n, h, w, c)) == sorted(expected)
    # average pooling 2x2 over 4x3, same: the last column's windows have one column of pixels
    x, dy = a["depthwise_conv2d/tanh/output"], a["average_pooling2d/dy"]
    expected = [float(x[1, 2 + i, 2, 3]) / 2 for i in range(2)]
    assert terms_of(traced, "average_pooling2d", (1, 1, 1, 3)) == pytest.approx(sorted(expected))
    found = terms_of(traced, "average_pooling2d/dx", (1, 2, 2, 3))
    assert found == [float(dy[1, 1, 1, 3]) / 2]
    assert terms_of(traced, "average_pooling2d/dx", (1, 2, 1, 3)) == [float(dy[1, 1, 0, 3]) / 4]


def test_batch_normalization_by_loops():
    model, x, y = chain()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.train_on_batch(x, y)
    a = (traced := explain.trace(model, x, y)).arrays
    path, c = "batch_normalization", 4
    x, dy = (a[f"{name}"][..., c].astype(float) for name in ("conv2d/relu/output", f"{path}/dy"))
    gamma, beta = (float(a[f"{path}/{name}/before"][c]) for name in ("gamma", "beta"))
    M, mean = x.size, x.mean()
    std = np.sqrt(((x - mean) ** 2).mean() + 1e-3)
    x_hat = (x - mean) / std
    near = {"rel": 1e-4, "abs": 1e-7}
    found = terms_of(traced, path, (2, 1, 0, c))
    assert found == pytest.approx(sorted([gamma * x_hat[2, 1, 0], beta]), **near)
    found = terms_of(traced, f"{path}/gamma", (c,))
    assert found == pytest.approx(sorted((dy * x_hat).ravel()), **near)
    assert terms_of(traced, f"{path}/beta", (c,)) == pytest.approx(sorted(dy.ravel()), **near)
    expected = [
        gamma / std * dy[2, 1, 0],
        -gamma / std * dy.sum() / M,
        -gamma / std * x_hat[2, 1, 0] * (dy * x_hat).sum() / M,
    ]
    assert terms_of(traced, f"{path}/dx", (2, 1, 0, c)) == pytest.approx(sorted(expected), **near)
    for name, batch in (("moving_mean", mean), ("moving_variance", ((x - mean) ** 2).mean())):
        expected = [0.9 * a[f"{path}/{name}/before"][c], 0.1 * batch]
        assert terms_of(traced, f"{path}/{name}", (c,)) == pytest.approx(sorted(expected), **near)
    expected = sorted(x.ravel() / M)
    assert terms_of(traced, f"{path}/mean", (c,)) == pytest.approx(expected, **near)


def test_batch_normalization_that_is_frozen_or_has_no_scale():
    for trainable, terms in ((False, 1), (True, 3)):
        model = Sequential(
            [
                Input((3, 3, 2)),
                layers.BatchNormalization(scale=False, center=False, trainable=trainable),
                layers.BatchNormalization(warmup=True),
                layers.Flatten(),
                layers.Dense(2),
            ],
            seed=0,
        )
        loss = losses.SparseCategoricalCrossentropy(from_logits=True)
        traced = explain.trace(model, pictures(2, 3, 3, 2), [0, 1], loss=loss)
        found = explain.why(traced, "batch_normalization/dx", (0, 1, 1, 1))
        assert len(found.terms) == terms and " gamma[" not in f" {found.formula}"
        assert found.recomputed == pytest.approx(found.value, rel=1e-5)
        found = explain.why(traced, "batch_normalization/moving_mean", (1,))
        assert found.recomputed == pytest.approx(found.value, rel=1e-5)
        # the first batch with warmup: the average is the batch's mean
        found = explain.why(traced, "batch_normalization_1/moving_mean", (1,))
        assert found.recomputed == pytest.approx(found.value, abs=1e-6)
        assert found.terms[0].value == 0


def test_softmax_and_cross_entropy_by_loops():
    model, x, y = convolution()
    a = (traced := explain.trace(model, x, y)).arrays
    z = a["dense/output"].astype(float)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    for n in range(2):
        for k in range(3):
            expected = [p[n, k] / 2, *([0.0] * 2), -float(k == y[n]) / 2]
            found = terms_of(traced, "loss/dx", (n, k))
            assert found == pytest.approx(sorted(expected), abs=1e-6)
    found = explain.why(traced, "loss/value")
    expected = -np.log(p[[0, 1], y]).mean()
    assert found.value == pytest.approx(expected) == pytest.approx(found.recomputed)
    assert [term.value for term in found.largest(2)] == pytest.approx(
        sorted(-np.log(p[[0, 1], y]) / 2, reverse=True)
    )


def test_adam_and_momentum_by_hand():
    model, x, y = convolution()
    model.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    for _ in range(2):
        model.train_on_batch(x, y)
    a = (traced := explain.trace(model, x, y)).arrays
    name, at = "dense/kernel", (3, 1)
    g, m, v = (float(a[f"{name}/{one}"][at]) for one in ("gradient", "m/before", "v/before"))
    assert terms_of(traced, f"{name}/m", at) == pytest.approx(sorted([0.9 * m, 0.1 * g]))
    assert terms_of(traced, f"{name}/v", at) == pytest.approx(sorted([0.999 * v, 0.001 * g * g]))
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    assert a[f"{name}/m/corrected"][at] == pytest.approx(m / (1 - 0.9**3), rel=1e-5)
    assert a[f"{name}/v/corrected"][at] == pytest.approx(v / (1 - 0.999**3), rel=1e-5)
    step = -0.01 * np.sqrt(1 - 0.999**3) / (1 - 0.9**3) * m / (np.sqrt(v) + 1e-7)
    assert explain.why(traced, f"{name}/step", at).recomputed == pytest.approx(step, rel=1e-5)
    before = float(a[f"{name}/before"][at])
    assert explain.why(traced, f"{name}/after", at).value == pytest.approx(before + step)

    traced = explain.trace(model, x, y, optimizers.SGD(0.1, momentum=0.9))
    found = explain.why(traced, f"{name}/velocity", at)
    assert [term.value for term in found.terms] == pytest.approx([0.0, -0.1 * g])


@pytest.mark.parametrize("make", [convolution], ids=["convolution"])
def test_gradients_are_the_derivatives_of_the_loss(make):
    """In double precision, measured: of weights, of pictures, and as why adds them up."""
    model, x, y = make("float64")
    x = x.astype(np.float64)
    traced = explain.trace(model, x, y)

    def loss(pictures):
        return explain.trace(model, pictures, y).about["loss"]["value"]

    rng, step = np.random.default_rng(0), 1e-6
    for name, value, _ in model.parameters():
        at = tuple(rng.integers(size) for size in value.shape)
        kept = value[at]
        both = []
        for sign in (1, -1):
            value[at] = kept + sign * step
            both.append(loss(x))
        value[at] = kept
        measured = (both[0] - both[1]) / (2 * step)
        found = explain.why(traced, name, at)
        assert found.recomputed == pytest.approx(measured, rel=1e-6, abs=1e-9)
        assert found.value == pytest.approx(found.recomputed, rel=1e-12, abs=1e-15)
    for at in [(0, 0, 0, 0), (1, 3, 2, 1)]:
        moved = np.zeros_like(x)
        moved[at] = step
        measured = (loss(x + moved) - loss(x - moved)) / (2 * step)
        assert explain.why(traced, "input/dy", at).recomputed == pytest.approx(measured, rel=1e-5)


STANDARD = standard_cases()


@pytest.mark.filterwarnings("ignore:Rescaling")  # these pictures are none
@pytest.mark.parametrize("name", STANDARD)
def test_every_kind_of_layer_is_explained_or_says_that_it_is_not(name):
    """The step is that of training, and what has a sum is it, for each layer that minicnn has."""
    layer, shape = STANDARD[name]
    inputs = [Input(one) for one in shape] if isinstance(shape, list) else Input(shape)
    y = layers.Flatten()(layer.clone()(inputs))
    model = Model(inputs, layers.Dense(2, activation="softmax")(y), seed=0)
    shapes = shape if isinstance(shape, list) else [shape]
    x = [pictures(2, *one) for one in shapes]
    model.compile("adam", "sparse_categorical_crossentropy")
    model.engine = "reference"
    given = x if isinstance(shape, list) else x[0]
    traced = explain.trace(model, given, [0, 1])
    model.train_on_batch(given, np.array([0, 1]))
    for path, value, _ in model.parameters():
        assert np.array_equal(traced.arrays[f"{path}/after"], value)
    check_sums(traced, 15)
    for name, array in traced.arrays.items():
        explain.why(traced, name, (0,) * array.ndim).to_text()


@pytest.mark.parametrize("number", range(24))
def test_drawn_networks_with_branches(number):
    """Layers at several places, models inside, several inputs; those of one output."""
    graph = graph_cases.draw(number)
    model = model_of(graph, "float32")
    x = graph_parts.single([one.astype(np.float32) for one in graph_parts.given(graph)])
    out = model.forward(x)
    if isinstance(out, list):
        pytest.skip("it has several outputs, on which no model is trained")
    y = np.random.default_rng(0).uniform(0, 1, out.shape)
    model.compile("adam", "mse")
    traced = explain.trace(model, x, y)
    model.train_on_batch(x, y)
    for name, value, gradient in model.parameters():
        assert np.array_equal(traced.arrays[f"{name}/gradient"], gradient)
        assert np.array_equal(traced.arrays[f"{name}/after"], value)
    check_sums(traced, 3)


@pytest.mark.parametrize("loss", standard_losses(), ids=lambda loss: loss.name)
def test_every_loss_is_explained_or_says_that_it_is_not(loss):
    x = pictures(4, 3)
    ending = None if loss.from_logits else loss.fuses or "softmax"  # some take logarithms
    model = Sequential([Input((3,)), layers.Dense(3, ending)], seed=0)
    y = [0, 1, 2, 1] if "Sparse" in loss.name else np.eye(3)[[0, 1, 2, 1]]
    traced = explain.trace(model, x, y, "sgd", loss)
    check_sums(traced, 15)
    assert explain.why(traced, "loss/value").to_text()


# Words


def test_the_text_says_value_sum_terms_and_line():
    model, x, y = convolution()
    traced = explain.trace(model, x, y)
    found = explain.why(traced, "conv2d/kernel", (0, 1, 0, 3))
    lines = found.to_text().splitlines()
    assert lines[0] == f"conv2d/kernel/gradient[0, 1, 0, 3] = {found.value:.9g}"
    assert lines[1].startswith("  sum over n, i, j of x[n, i*SH - top + kh*DH, ")
    assert lines[1].endswith("with SH = 2, SW = 1, DH = 1, DW = 2, top = 1, left = 2")
    assert lines[2].startswith(f"  {len(found.terms)} terms, with the sum ")
    assert lines[2].endswith(("the same but for rounding", "the same number"))
    biggest = found.largest(1)[0]
    assert lines[3] == f"    {biggest.value:+.6g} = {biggest}"
    assert lines[-4].endswith(f"of {len(found.terms) - 8} smaller ones")
    assert lines[-3] == "  indices of input/output and conv2d/dy: picture, row, column, channel"
    assert lines[-2].startswith("  computed at minicnn/layers/conv2d.py:")
    assert "patches.transpose" in lines[-1]
    assert found.to_dict()["recomputed"] == found.recomputed
    assert repr(found) == found.to_text()


def test_the_line_is_the_one_that_is_named(monkeypatch):
    """Every line that is cited has in it what its explainer was looking for, in a file that is
    there.
    """
    cited = []

    def checked(where, text):
        found = lines.line_of(where, text)
        line = found["lines"][found["line"] - found["first"]]
        assert text in line, (where, text)
        path = ROOT / found["file"]
        assert path.read_text(encoding="utf-8").splitlines()[found["line"] - 1] == line
        cited.append(found["file"])
        return found

    monkeypatch.setattr(place, "line_of", checked)
    for make in CASES.values():
        for optimizer in ("adam", "sgd", "rmsprop"):
            explain.trace(*make(), optimizer)
    assert len(set(cited)) > 25


def test_padding_has_no_terms():
    model, x, y = convolution()
    traced = explain.trace(model, x, y)
    found = explain.why(traced, "conv2d/patches", (0, 0, 0))
    assert found.terms == [] and found.recomputed == found.value == 0
    assert "no term at this place: it is 0" in found.to_text()


def test_weights_pictures_and_what_is_drawn_are_made_of_nothing():
    model, x, y = chain()
    traced = explain.trace(model, x, y)
    for name in ("conv2d/kernel/before", "input/output", "dropout/factor", "loss/targets"):
        found = explain.why(traced, name, (0,) * traced.arrays[name].ndim)
        assert found.recomputed is None and not found.terms
        assert "made of no other number" in found.to_text()


def test_a_layer_without_an_explanation_says_what_it_depends_on():
    model, x = without_an_explanation()
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    traced = explain.trace(model, x, [0, 1], loss=loss)
    found = explain.why(traced, "separable_conv2d", (0, 0, 0, 0))
    assert found.depends[0] == "input_layer/output"
    assert "separable_conv2d/depthwise_kernel/before" in found.depends
    assert "no explanation of its own; it depends on input_layer/output" in found.to_text()
    assert found.where.startswith("minicnn/layers/separable_conv2d.py:")
    found = explain.why(traced, "layer_normalization/dx", (0, 0, 0, 0))
    assert found.depends[0] == "layer_normalization/dy"
    for name in traced.arrays:
        if name.endswith(("/output", "/dx", "/gradient")) and not name.startswith("input"):
            assert name in traced.reasons, name


class Doubled(layers.ReLU):
    """A subclass with work of its own, whose parent's explanation would be wrong."""

    def forward(self, x, *, training=False):
        return 2 * super().forward(x, training=training)

    def backward(self, dy):
        return 2 * super().backward(dy)


class Renamed(layers.ReLU):
    """A subclass that computes what its parent does."""


def test_a_subclass_with_a_forward_of_its_own_is_not_explained_as_its_parent():
    assert explainer_of(Doubled()) is None and explainer_of(Renamed()) is not None
    model = Sequential([Input((3,)), Doubled(), layers.Dense(2, "softmax")], seed=0)
    traced = explain.trace(model, pictures(2, 3), [0, 1])
    found = explain.why(traced, "doubled", (0, 0))
    assert found.recomputed is None and found.where.startswith("test_why.py:")
    assert "2 * super().forward" in found.to_text()


def test_a_weight_with_a_constraint_says_so():
    model = Sequential(
        [Input((3,)), layers.Dense(2, "softmax", kernel_constraint=constraints.MaxNorm(0.1))],
        seed=0,
    )
    traced = explain.trace(model, pictures(2, 3), [0, 1])
    found = explain.why(traced, "dense/kernel/after", (0, 0))
    assert found.recomputed is None and found.where.startswith("minicnn/training/penalties.py:")
    assert explain.why(traced, "dense/kernel/step", (0, 0)).recomputed is None
    assert explain.why(traced, "dense/bias/step", (0,)).recomputed is not None


def test_gradients_that_are_clipped_are_what_the_step_takes():
    model, x, y = convolution()
    traced = explain.trace(model, x, y, optimizers.SGD(0.1, clipvalue=1e-3))
    found = explain.why(traced, "dense/kernel/velocity", (0, 0))
    assert found.terms[1].factors[0].name == "dense/kernel/gradient/clipped"
    assert explain.why(traced, "dense/kernel/gradient/clipped", (0, 0)).depends == [
        "dense/kernel/gradient"
    ]


@pytest.mark.parametrize(
    ("loss", "ending", "y"),
    [
        ("mse", "softmax", [[1.0, 0.0], [0.0, 1.0]]),
        ("mse", "tanh", [[1.0, 0.0], [0.0, 1.0]]),
        ("binary_crossentropy", "sigmoid", [[1, 0], [0, 1]]),
        (losses.BinaryCrossentropy(label_smoothing=0.1), "sigmoid", [[1, 0], [0, 1]]),
        (losses.CategoricalCrossentropy(label_smoothing=0.1), "softmax", [[1, 0], [0, 1]]),
        (losses.CategoricalCrossentropy(from_logits=True), None, [[1, 0], [0, 1]]),
    ],
)
def test_losses_and_what_they_give_back(loss, ending, y):
    model = Sequential([Input((3,)), layers.Dense(2, ending)], seed=0)
    traced = explain.trace(model, pictures(2, 3), y, "sgd", loss)
    for name in ("loss/value", "loss/dx", "dense/dx"):
        for at in each(traced.arrays[name].shape):
            found = explain.why(traced, name, at)
            assert found.recomputed == pytest.approx(found.value, rel=2e-6, abs=1e-8)


def test_a_loss_without_an_explanation_says_so():
    model = Sequential([Input((3,)), layers.Dense(2)], seed=0)
    traced = explain.trace(model, pictures(2, 3), [[1.0, 0.0], [0.0, 1.0]], "sgd", "huber")
    found = explain.why(traced, "loss/value")
    assert found.depends == ["dense/output", "loss/targets"]
    found = explain.why(traced, "dense/kernel/velocity", (0, 0))
    assert found.recomputed is not None


# What goes wrong


def test_an_unknown_name_and_a_place_outside():
    model, x, y = convolution()
    traced = explain.trace(model, x, y)
    for name, index, says in (
        ("conv2/kernel", (0, 0, 0, 0), "received 'conv2/kernel'. Did you mean 'conv2d/"),
        ("conv2d/kernel", (0, 0, 0, 4), "from (0, 0, 0, 0) to (2, 2, 1, 3), received (0, 0, 0, 4)"),
        ("conv2d/kernel", (0, 0, 0, -1), "received (0, 0, 0, -1)"),
        ("conv2d/kernel", (0, 0), "of shape (3, 3, 2, 4)"),
        ("conv2d/bias", "a", "received 'a'"),
        ("conv2d/bias", 1.5, "received 1.5"),
        ("loss/value", (0,), "(), it is one number, received (0,)"),
    ):
        with pytest.raises(ValueError, match="explain.why expected") as error:
            explain.why(traced, name, index)
        print(error.value)
        assert says in str(error.value)
    assert explain.why(traced, "conv2d/bias", 1).index == (1,)


@pytest.mark.parametrize(
    "text", ["x[n] + x[n]", "x[n, n]", "sinus(x[n])", "x[n * n]", "2 / x[n]", "x[0.5]"]
)
def test_a_formula_that_is_none_says_so(text):
    with pytest.raises(ValueError, match="a formula expected products") as error:
        read(text, "", {"x": Named("a/output", (3,))}, {})
    print(error.value)


def test_a_layer_without_sums_names_the_lines_that_make_its_numbers():
    model = Sequential([Input((4, 4, 4)), layers.GroupNormalization(2), layers.Flatten(),
                        layers.Dense(2, activation="softmax")], seed=0)  # fmt: skip
    step = explain.trace(model, np.random.default_rng(0).random((2, 4, 4, 4)), [0, 1])
    lines = inspect.getsource(layers.GroupNormalization.backward)
    for name, starts in (("dx", "return "), ("gamma/gradient", 'self.grads["gamma"]')):
        full = f"group_normalization/{name}"
        why = explain.why(step, full, (0,) * step.arrays[full].ndim)
        named = why.code["lines"][why.code["line"] - why.code["first"]].strip()
        assert named.startswith(starts) and named != "return None" and named in lines
