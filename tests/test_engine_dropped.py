"""Rows and columns that no pooling window takes: counted in training, not computed in inference."""

import numpy as np
import pytest
from engine_cases import assert_close, both_engines

from minicnn import applications, layers
from minicnn.engine.conv.separable import SeparableBlock
from minicnn.engine.conv.step import ConvBlock
from minicnn.machine.threads import set_threads, state

CASES = {
    "3x3 kernels": ((15, 15, 32), [layers.Conv2D(64, 3)], 2),
    "padded 3x3 kernels": ((13, 13, 16), [layers.Conv2D(16, 3, padding="same")], 2),
    "a window that drops columns only": ((14, 15, 16), [layers.Conv2D(32, 3)], (2, 3)),
    "a window of half a picture": ((15, 13, 16), [layers.Conv2D(16, 3)], (7, 6)),
    "5x5 kernels with strides": ((21, 19, 3), [layers.Conv2D(8, 5, strides=2)], 2),
    "1x1 kernels with strides": ((9, 9, 8), [layers.Conv2D(40, 1, strides=2)], 2),
    "a small picture": ((5, 5, 4), [layers.Conv2D(24, 2)], 3),
    "a large kernel": ((9, 9, 128), [layers.Conv2D(256, 3, dilation_rate=2)], 2),
    "in groups": ((11, 9, 32), [layers.Conv2D(64, 3, groups=2)], 2),
    "in narrow groups": ((11, 9, 32), [layers.Conv2D(32, 3, groups=8)], 2),
    "depthwise": ((11, 9, 20), [layers.DepthwiseConv2D(3)], 2),
    "separable": ((11, 9, 20), [layers.SeparableConv2D(18, 3)], 2),
    "zeros before": (
        (10, 9, 16),
        [layers.ZeroPadding2D(((2, 1), (0, 3))), layers.Conv2D(16, 3)],
        (2, 3),
    ),
    "pixels": ((12, 11, 8), [layers.Rescaling(1 / 255), layers.Conv2D(16, 4)], 2),
}


def pooling_block(step):
    return step.pointwise if isinstance(step, SeparableBlock) else step


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES)
def test_inference_is_the_layers_own(case, dtype):
    shape, stack, window = CASES[case]
    stack = [*stack, layers.ReLU(), layers.BatchNormalization(), layers.MaxPooling2D(window)]
    slow, fast = both_engines(stack, shape, dtype, 0)
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (11, *shape)) / (1 if case == "pixels" else 64)
    for model in (slow, fast):
        model.forward(x, training=True)  # where all values of a channel count
    for n in (11, 1, 3):
        expected = slow.forward(x[:n])
        found = [fast.forward(x[:n]) for _ in range(4)]  # frozen programs from the second on
        assert_close(found[0], expected, tolerance, case)
        for other in found[1:]:
            np.testing.assert_array_equal(other, found[0])
    (block,) = {
        pooling_block(step)
        for step in fast.execution_for(x).steps
        if isinstance(step, ConvBlock | SeparableBlock)
    }
    assert block.for_inference.infers_alike and not block.infers_alike
    sizes = block.g.OH, block.g.OW
    rows, columns = block.window
    assert block.output_size == (sizes[0] // rows, sizes[1] // columns)
    smaller = block.for_inference.g
    assert (smaller.OH % rows, smaller.OW % columns) == (0, 0) and (smaller.OH, smaller.OW) != sizes


def test_a_picture_has_the_same_bits_whatever_the_batch_and_however_many_threads():
    model = applications.DocumentedCNN(seed=0)
    x = np.random.default_rng(0).random((70, 32, 32, 3), np.float32)
    whole, most = model.forward(x), state()["available"]
    for n in (1, 2, 8, 64):
        for threads in {1, most}:
            set_threads(threads)
            for _ in range(4):
                np.testing.assert_array_equal(model.forward(x[:n]), whole[:n])
    set_threads(most)


def test_a_network_infers_from_patches_of_its_own():
    model = applications.DocumentedCNN(seed=0)
    x = np.zeros((2, 32, 32, 3), np.float32)
    model.forward(x)
    steps = [step for step in model.execution_for(x).steps if isinstance(step, ConvBlock)]
    assert [step.infers_alike for step in steps] == [True, False, False]
    assert [step.convolution.form.out for step in steps[1:]] == [5, 4]
    assert [step.for_inference.convolution.form.out for step in steps[1:]] == [4, 2]


def test_there_is_no_gradient_after_inference():
    _, fast = both_engines([layers.Conv2D(8, 3), layers.MaxPooling2D()], (7, 7, 3), "float32", 0)
    x = np.ones((2, 7, 7, 3), np.float32)
    y = fast.forward(x, training=True)
    fast.forward(x)
    with pytest.raises(RuntimeError) as raised:
        fast.backward(np.ones_like(y))
    print(raised.value)
