"""explain.why: its terms against loops and formulas written out by hand, its sums against
derivatives measured numerically.
"""

import numpy as np
import pytest
from trace_cases import chain, convolution, pictures
from why_sums import terms_of

from minicnn import Input, Sequential, explain, layers, losses, optimizers


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
