"""Gradients of the wrong shape are told by name, with what was expected and what came."""

import numpy as np
import pytest

from minicnn import Input, Sequential, layers
from minicnn.layers import Layer
from minicnn.testing import check_layer, check_model, diagnose, measure_layer


class Scale(Layer):
    """One factor for each channel; dgamma is whatever `summed` makes of dy * x."""

    def __init__(self, summed=lambda one: one.sum(axis=tuple(range(one.ndim - 1))), **options):
        super().__init__(**options)
        self.summed = summed

    def setup(self, input_shape):
        self.add_param("gamma", input_shape[-1:], "ones")
        return input_shape

    def forward(self, x, *, training=False):
        x = self.accept(x)
        self._cache = (x,) if training else None
        return self.params["gamma"] * x

    def backward(self, dy):
        dy, x = self.take_cache(dy)
        self.write(self.summed(dy * x))
        return self.params["gamma"] * dy

    def write(self, dgamma):
        self.grads["gamma"][...] = dgamma


class Assigned(Scale):
    def write(self, dgamma):
        self.grads["gamma"] = dgamma


class Added(Scale):
    def write(self, dgamma):
        self.grads["gamma"][...] = 0
        self.grads["gamma"] += dgamma


class IntoOut(Scale):
    def write(self, dgamma):
        np.add(dgamma, 0, out=self.grads["gamma"])


class Copied(Scale):
    def write(self, dgamma):
        np.copyto(self.grads["gamma"], dgamma)


class CopiedByName(Scale):
    def write(self, dgamma):
        np.copyto(dst=self.grads["gamma"], src=dgamma)


class ByEinsum(Scale):
    def write(self, dgamma):
        np.einsum("...->...", dgamma, out=self.grads["gamma"])


WRITTEN = [Scale, Added, IntoOut, Copied, CopiedByName, ByEinsum]


def message(layer, shape, kind=AssertionError, check=check_layer):
    with pytest.raises(kind) as error:
        check(layer, shape)
    print(error.value)
    assert "broadcast" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("cls", WRITTEN)
@pytest.mark.parametrize("check", [check_layer, measure_layer, diagnose])
def test_a_parameters_gradient_that_numpy_refuses(cls, check):
    N = 3 if check is diagnose else 2
    assert message(cls(lambda one: one, name="mine"), (6, 5, 3), check=check) == (
        f"{cls.__name__} 'mine': the gradient of gamma has shape ({N}, 6, 5, 3), expected (3,): "
        "sum over all axes but the last"
    )


def test_numpys_own_error_and_so_the_line_stay_as_the_cause():
    with pytest.raises(AssertionError) as error:
        check_layer(Scale(lambda one: one), (6, 3))
    assert "could not broadcast" in str(error.value.__cause__)


@pytest.mark.parametrize(
    ("summed", "told"),
    [
        (lambda one: one.sum(axis=(0, 1)), "(5, 3), expected (3,): sum over all axes but the last"),
        (lambda one: one.sum(axis=(0, 1, 3)), "(5,), expected (3,): a gradient has the shape of"),
    ],
)
def test_sums_over_other_axes(summed, told):
    assert f"the gradient of gamma has shape {told}" in message(Scale(summed), (6, 5, 3))


def test_a_gradient_that_is_assigned_by_name():
    assert message(Assigned(lambda one: one), (6, 3), ValueError) == (
        "Assigned expected grads['gamma'] of shape (3,) in float64, received shape (2, 6, 3) in "
        "float64: sum over all axes but the last"
    )


@pytest.mark.parametrize("cls", [*WRITTEN, Assigned])
def test_a_right_layer_passes_and_its_gradients_stay_where_they_are(cls):
    layer = cls()
    layer.build((6, 3), np.random.default_rng(0), np.float64)
    assert check_layer(layer, (6, 3)).error < 1e-7
    assert type(layer.grads["gamma"]) is np.ndarray


def test_gradients_are_plain_arrays_again_after_an_error():
    layer = Scale(lambda one: one)
    message(layer, (6, 3))
    assert type(layer.grads["gamma"]) is np.ndarray


def test_other_errors_of_backward_stay_what_they_are():
    def fails(_):
        raise ValueError("of the user")

    assert message(Scale(fails), (3,), ValueError) == "of the user"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda dx: dx[..., :-1],
            "(2, 4, 2), expected (2, 4, 3): a gradient has the shape of what",
        ),
        (lambda dx: dx.sum(axis=-1), "(2, 4), expected (2, 4, 3): too much is summed, or an axis"),
        (lambda dx: dx.swapaxes(1, 2), "(2, 3, 4), expected (2, 4, 3): a transpose is missing or"),
        (lambda dx: dx.reshape(2, 12), "(2, 12), expected (2, 4, 3): bring it back to that shape,"),
    ],
)
def test_dx(change, told):
    class Own(Scale):
        def backward(self, dy):
            return change(super().backward(dy))

    assert f"Own: the gradient of x has shape {told}" in message(Own(), (4, 3))


def test_dx_of_a_shape_that_no_usual_mistake_gives_is_named_all_the_same():
    class Cut(layers.Dense):
        def backward(self, dy):
            return super().backward(dy)[:, :-1]

    assert str(diagnose(Cut(3), (4,))) == (
        "dx has not the shape of x: sum over the axes that x has not, and keep those that it has\n"
        "dkernel, dbias are right"
    )


def test_dx_is_one_array():
    class Listed(Scale):
        def backward(self, dy):
            return [super().backward(dy)]

    assert message(Listed(), (4, 3)) == (
        "Listed: backward expected to return dx, an array of x's shape, received a list: return "
        "the array alone; gradients of parameters go to self.grads"
    )


@pytest.mark.parametrize(
    ("change", "came"), [(lambda dx: dx[:1], "1"), (lambda dx: dx[0], "one ndarray")]
)
def test_a_merge_gives_one_gradient_for_each_input(change, came):
    class Own(layers.Add):
        def backward(self, dy):
            return change(super().backward(dy))

    assert message(Own(), [(3,), (3,)]) == (
        f"Own: backward expected to return a list of 2 gradients, received {came}: one for each "
        "input, in their order"
    )


def test_y_of_another_shape_than_setup_has_said():
    class Own(Scale):
        def forward(self, x, *, training=False):
            return super().forward(x, training=training).sum(axis=-1)

    assert message(Own(), (4, 3)) == (
        "Own: forward gave y of shape (2, 4), expected (2, 4, 3): setup returns the shape of one "
        "sample of y, without N"
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda _: None, "None: end forward with return y"),
        (lambda y: (y, y), "a tuple: return the array alone"),
    ],
)
@pytest.mark.parametrize("check", [check_layer, measure_layer, diagnose])
def test_a_forward_that_returns_no_array(change, told, check):
    class Own(Scale):
        def forward(self, x, *, training=False):
            return change(super().forward(x, training=training))

    N = 3 if check is diagnose else 2
    assert message(Own(), (4, 3), check=check) == (
        f"Own: forward expected to return y, an array of shape ({N}, 4, 3), received {told}"
    )


def test_a_setup_that_returns_nothing():
    class Own(Scale):
        def setup(self, input_shape):
            super().setup(input_shape)

    told = (
        "expected to return the shape of one sample of y, without N, received None: end setup with "
        "return input_shape, where y has that shape"
    )
    assert message(Own(), (4, 3), TypeError) == f"Own.setup {told}"
    with pytest.raises(TypeError) as error:
        Sequential([Input((4, 3)), Own(), layers.Dense(2)])
    assert str(error.value) == f"Own 'own'.setup {told}"


def test_a_forward_that_does_not_accept():
    class Own(Scale):
        def forward(self, x, *, training=False):
            self._cache = (x,) if training else None
            return self.params["gamma"] * x

    told = (
        "Own.backward cannot check dy, for forward has not called accept: begin it with x = "
        "self.accept(x), which checks x, brings it into the layer's type and keeps N"
    )
    assert message(Own(), (4, 3), RuntimeError) == told


def model_of(layer, engine):
    model = Sequential([Input((6,)), layers.Dense(5), layer, layers.Dense(3)], dtype="float64")
    model.engine = engine
    return model


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_a_whole_network_says_whose_gradient_it_is(engine):
    with pytest.raises(AssertionError) as error:
        check_model(model_of(Scale(lambda one: one), engine))
    print(error.value)
    assert str(error.value) == (
        "Scale 'scale': the gradient of gamma has shape (2, 5), expected (5,): sum over all axes "
        "but the last"
    )


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_a_network_whose_layer_gives_dx_of_another_shape(engine):
    class Cut(Scale):
        def backward(self, dy):
            return super().backward(dy)[:, :-1]

    with pytest.raises(ValueError) as error:
        check_model(model_of(Cut(), engine))
    print(error.value)
    assert str(error.value) == (
        "Dense 'dense'.backward expected dy of its output's shape (2, 5), received (2, 4): in a "
        "network dy is the dx of the layer after it, which has to have the shape of that layer's "
        "input"
    )
