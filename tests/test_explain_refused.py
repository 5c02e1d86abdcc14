"""What cannot be explained, and what is said of it."""

import numpy as np
import pytest
from explain_cases import MAPS, body, each_map, made, network, picture

from minicnn import Input, Sequential, explain, layers
from minicnn.layers import Conv2D, Dense, Flatten, GlobalAveragePooling2D


@each_map
def test_wrong_classes_are_refused(method):
    for wrong in (4, -1, 1.0, "cat"):
        with pytest.raises(
            ValueError, match=r"'sequential' expected a class_index from 0 to 3, received"
        ):
            method(network(), picture(), wrong)


EXPLAIN = {**MAPS, "activations": explain.activations}


@pytest.mark.parametrize("name", EXPLAIN)
def test_what_is_not_one_picture_is_refused(name):
    model, x, method = network(), picture(), EXPLAIN[name]
    begin = rf"explain.{name} expected one picture \(12, 11, 3\), received "
    with pytest.raises(ValueError, match=begin + r"\(2, 12, 11, 3\): choose one, x\[0\]"):
        method(model, np.stack([x, x]))
    with pytest.raises(
        ValueError,
        match=begin + r"\(3, 12, 11\): minicnn is channels-last, try x.transpose\(1, 2, 0\)",
    ):
        method(model, x.transpose(2, 0, 1))
    with pytest.raises(
        ValueError, match=begin + r"\(12, 11\): add the channel axis, x\[..., None\]"
    ):
        method(model, x[..., 0])
    with pytest.raises(ValueError, match=begin + r"\(9, 9, 3\)$"):
        method(model, picture((9, 9, 3)))
    with pytest.raises(ValueError, match=r"expected one picture \(H, W, C\), received \(12, 11\)"):
        method(Sequential(body()), x[..., 0])
    vectors = made([Dense(3)], shape=(5,))
    with pytest.raises(
        ValueError,
        match=r"expected a model of pictures, received 'sequential' for samples of shape \(5,\)",
    ):
        method(vectors, np.zeros((4, 5, 3)))


def test_layers_without_feature_maps_are_refused():
    x = picture()
    with pytest.raises(
        ValueError,
        match=r"grad_cam expected a model with a convolution \(Conv2D\), received 'plain', ",
    ):
        explain.grad_cam(made([Flatten(), Dense(2)], name="plain"), x)
    with pytest.raises(ValueError, match=r"has no layer 'secnd'. Did you mean 'second'\?"):
        explain.grad_cam(network(), x, layer="secnd")
    with pytest.raises(
        ValueError,
        match=r"received Flatten 'flatten' with output \(100,\): name one before Flatten",
    ):
        explain.grad_cam(network(), x, layer="flatten")
    with pytest.raises(
        ValueError,
        match=r"expected predictions \(N, K\), received shape \(1, 10, 9, 2\): put Flatten",
    ):
        explain.saliency(made([Conv2D(2, 3)]), x)
    with pytest.raises(
        ValueError,
        match=r"explain.filters expected a model with a convolution \(Conv2D\), received "
        r"'sequential'",
    ):
        explain.filters(made([Flatten(), Dense(2)]))
    with pytest.raises(
        ValueError, match=r"explain.filters expected a model with weights: call build"
    ):
        explain.filters(Sequential([Conv2D(2, 3)]))


def test_squares_and_kernels_that_do_not_fit_are_refused():
    model, x = network(), picture()
    for size, stride in ((12, 1), (4, 5)):
        with pytest.raises(
            ValueError, match=rf"stride <= size <= 11.*received size={size}, stride={stride}"
        ):
            explain.occlusion(model, x, size=size, stride=stride)
    with pytest.raises(
        ValueError, match=r"explain.occlusion expected size of at least 1, received 0"
    ):
        explain.occlusion(model, x, size=0)
    with pytest.raises(
        ValueError, match=r"explain.im2col expected one picture \(H, W, C\), received .* x\[0\]"
    ):
        explain.im2col(x[None])
    with pytest.raises(ValueError, match=r"explain.im2col expected one picture .* x\[..., None\]"):
        explain.im2col(x[..., 0])
    with pytest.raises(ValueError, match=r"smaller than its 13x13 window"):
        explain.im2col(x, 13)


@each_map
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_augmentation_is_off(method, dtype):
    random = [
        layers.RandomCrop(12, 11, padding=2),
        layers.RandomRotation(0.2),
        layers.RandomErasing(1.0),
    ]
    plain, x = network(dtype), picture()
    augmented = made(
        [layers.RandomFlip(), *random, *body(), Dense(4, activation="softmax")], dtype=dtype
    )
    augmented.set_weights(plain.get_weights())
    np.testing.assert_array_equal(method(augmented, x).heat, method(plain, x).heat)


def test_there_is_no_saliency_of_a_model_that_crops_but_the_other_maps():
    model, x = made([layers.RandomCrop(8, 8), *body(), Dense(4, activation="softmax")]), picture()
    with pytest.raises(
        ValueError,
        match=r"RandomCrop 'random_crop' computes .* explain.occlusion needs no gradient",
    ):
        explain.saliency(model, x)
    assert (
        explain.occlusion(model, x).heat.shape == explain.grad_cam(model, x).heat.shape == (12, 11)
    )


class Noise(layers.Layer):
    """Adds noise in training; what inference gives is a copy, so that nothing says that it is the
    same.

    Shapes: x, y (N, ...)
    """

    def forward(self, x, *, training=False):
        x = self.accept(x)
        self._cache = ()
        return x + self.rng.standard_normal(x.shape) if training else x.copy()

    def backward(self, dy):
        return dy


def test_a_layer_of_ones_own_that_cannot_be_frozen_is_named():
    model = made([Conv2D(3, 3), Noise(), GlobalAveragePooling2D(), Dense(2)])
    with pytest.raises(
        ValueError, match=r"Noise 'noise' computes something else in training than in inference"
    ):
        explain.grad_cam(model, picture())
    assert explain.occlusion(model, picture()).heat.shape == (12, 11)  # needs no gradient


@pytest.mark.parametrize("name", [*EXPLAIN, "filters"])
def test_untrained_models_are_warned_of(name):
    model = Sequential([Input((12, 11, 3)), *body(), Dense(4, activation="softmax")], seed=0)
    arguments = () if name == "filters" else (picture(),)
    with pytest.warns(
        UserWarning, match="'sequential' has neither been trained nor loaded"
    ) as caught:
        getattr(explain, name)(model, *arguments)
    assert [warning.filename for warning in caught] == [__file__]


@each_map
def test_pixels_in_another_range_are_warned_of(method):
    model = made([Conv2D(3, 3), GlobalAveragePooling2D(), Dense(2)])
    with pytest.warns(UserWarning, match="pixels up to 2.* go into Conv2D") as caught:
        method(model, 255 * picture())
    assert [warning.filename for warning in caught] == [__file__]
