"""Weights by Keras' names; the lists are what Keras 3.15 gives for the same models."""

import copy
import pickle

import numpy as np
import pytest

import minicnn as keras
from minicnn import layers


def model():
    made = keras.Sequential(
        [
            layers.Input((8, 8, 3)),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dense(2),
        ],
        seed=0,
    )
    made.compile("sgd", "mse")
    return made


def of(weights):
    return [weight.name for weight in weights]


def test_the_weights_of_a_model_are_in_keras_order():
    weights = model().weights
    assert of(weights) == [
        *("kernel", "bias"),
        *("gamma", "beta", "moving_mean", "moving_variance"),
        *("kernel", "bias"),
    ]
    assert [weight.shape for weight in weights[:2]] == [(3, 3, 3, 4), (4,)]
    assert weights[0].path == "conv2d/kernel" and weights[0].ndim == 4
    assert sum(np.prod(weight.shape) for weight in weights) == model().count_params() == 418
    assert of(model().variables) == of(weights)
    for weight, array in zip(weights, model().get_weights(), strict=True):
        assert np.array_equal(weight, array) and weight.dtype == "float32"


def test_what_trains_and_what_does_not():
    made = model()
    assert [len(made.trainable_weights), len(made.non_trainable_weights)] == [6, 2]
    made.layers[0].trainable = False
    assert of(made.trainable_weights) == ["gamma", "beta", "kernel", "bias"]
    assert of(made.non_trainable_weights) == ["kernel", "bias", "moving_mean", "moving_variance"]
    assert sum(np.prod(w.shape) for w in made.trainable_variables) == 298
    assert made.layers[0].trainable_weights == [] and made.layers[0].trainable_variables == []
    assert of(made.layers[0].non_trainable_variables) == of(made.layers[0].variables)
    assert of(made.layers[1].non_trainable_weights) == ["moving_mean", "moving_variance"]
    made.trainable = False
    assert made.trainable_weights == [] and len(made.non_trainable_variables) == 8


def test_models_inside_and_shared_layers_count_once():
    base, inputs = model(), keras.Input((8, 8, 3))
    assert len(keras.Sequential([inputs, base, layers.Dense(3)]).weights) == 10
    shared = layers.Dense(8)
    assert of(keras.Model(inputs, shared(shared(layers.Dense(8)(inputs)))).weights) == [
        *("kernel", "bias"),
        *("kernel", "bias"),
    ]
    assert keras.Sequential([layers.Dense(3)]).weights == [] == layers.Dense(3).weights


def test_what_is_assigned_is_in_the_array_that_trains():
    made = model()
    kernel, array = made.layers[-1].kernel, made.layers[-1].params["kernel"]
    kernel.assign(np.full((144, 2), 0.5))
    assert (array == 0.5).all() and made.layers[-1].params["kernel"] is array
    kernel.assign_add(np.ones((144, 2)))
    kernel.assign_sub(np.full((144, 2), 0.25))
    assert (array == 1.25).all()
    made.layers[1].moving_mean.assign([1, 2, 3, 4])
    assert made.layers[1].state["moving_mean"].tolist() == [1, 2, 3, 4]
    before = kernel.numpy(), np.asarray(kernel), np.asarray(kernel, np.float64)
    pictures = np.random.default_rng(0).random((4, 8, 8, 3))
    made.fit(pictures, np.ones((4, 2)), verbose=0)
    assert all((values == 1.25).all() for values in before) and not (array == 1.25).all()
    assert before[2].dtype == np.float64 and np.array_equal(kernel, array)


@pytest.mark.parametrize(
    ("layer", "shape", "names"),
    [
        (layers.Conv2D(2, 3), (8, 8, 3), "kernel bias"),
        (layers.Conv2DTranspose(2, 3), (8, 8, 3), "kernel bias"),
        (layers.DepthwiseConv2D(3), (8, 8, 3), "kernel bias"),
        (layers.SeparableConv2D(2, 3), (8, 8, 3), "depthwise_kernel pointwise_kernel bias"),
        (layers.Dense(2), (3,), "kernel bias"),
        (layers.BatchNormalization(), (3,), "gamma beta moving_mean moving_variance"),
        (layers.LayerNormalization(), (3,), "gamma beta"),
        (layers.GroupNormalization(1), (4, 4, 3), "gamma beta"),
        (layers.PReLU(), (3,), "alpha"),
    ],
)
def test_weights_are_attributes_of_layers_by_keras_names(layer, shape, names):
    for name in names.split():
        with pytest.raises(AttributeError, match=rf"has no {name} yet: call build\(input_shape\)"):
            getattr(layer, name)
        assert not hasattr(layer, name)
    layer.build(shape)
    assert of(layer.weights) == names.split()
    for weight in layer.weights:
        own = getattr(layer, weight.name)
        assert own.name == weight.name and np.array_equal(own, weight)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert np.array_equal(twin.weights[0], layer.weights[0])


def test_a_weight_is_found_again():
    made = model()
    kernel = made.layers[0].kernel
    assert kernel in made.weights and kernel == made.layers[0].kernel != made.layers[0].bias
    assert kernel not in made.layers[-1].weights and len({*made.weights, *made.weights}) == 8


def test_a_weight_that_a_layer_does_without_is_none():
    dense = layers.Dense(2, use_bias=False)
    dense.build((3,))
    assert dense.bias is None and layers.BatchNormalization(scale=False)(np.ones((2, 3))).size
    assert of(dense.weights) == ["kernel"]


def test_a_layer_of_ones_own_has_them_too():
    class Scale(layers.Layer):
        def setup(self, input_shape):
            self.add_param("factor", input_shape, "ones")
            self.add_state("seen", (1,), "zeros")
            return input_shape

    scale = Scale(name="scale")
    scale.build((3,))
    assert [weight.path for weight in scale.weights] == ["scale/factor", "scale/seen"]
    assert of(scale.trainable_weights) == ["factor"]


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (
            lambda layer: layer.kernel.assign(np.ones((3, 3))),
            ValueError,
            r"expected params\['kernel'\] of shape \(144, 2\) in float32, received shape \(3, 3\)",
        ),
        (
            lambda layer: setattr(layer, "kernel", np.ones((144, 2))),
            AttributeError,
            r"Dense 'dense' keeps its kernel: write layer.kernel.assign\(values\)",
        ),
        (lambda layer: layer.kernel.value, AttributeError, r"no 'value'. Use numpy\(\)."),
        (lambda layer: setattr(layer.kernel, "trainable", False), AttributeError, "trainable"),
        (
            lambda layer: np.array(layer.kernel, copy=False),
            ValueError,
            "dense/kernel.* is read as a copy: leave copy=False out",
        ),
    ],
)
def test_what_is_refused(ask, error, message):
    with pytest.raises(error, match=message) as caught:
        ask(model().layers[-1])
    print(caught.value)
