"""What an optimizer remembers may be assigned, and is used or refused."""

import numpy as np
import pytest
from assignment_cases import X, Y, ran

from minicnn import metrics, optimizers

FORMS = {
    "as it is": lambda a: a.copy(),
    "in double": lambda a: a.astype(np.float64),
    "the other byte order": lambda a: a.astype(">f4"),
    "Fortran's order": np.asfortranarray,
    "read-only": lambda a: np.frombuffer(a.tobytes(), np.float32).reshape(a.shape),
    "unaligned": lambda a: (
        np.frombuffer(b"x" + a.tobytes(), np.uint8)[1:].view(np.float32).reshape(a.shape)
    ),
    "a list": np.ndarray.tolist,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_slots_of_any_form_are_used(optimizer, form):
    expected, model = ran(optimizer=optimizer), ran(optimizer=optimizer)
    for slots in model.optimizer.slots.values():
        for name in slots:
            slots[name] = form(slots[name])
    for one in (expected, model):
        one.train_on_batch(X, Y)
    for one, two in zip(expected.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    slots = model.optimizer.slots["conv2d/kernel"]
    assert all(array.dtype == np.float32 and array.flags.carray for array in slots.values())
    with pytest.raises(ValueError, match="does not own"):
        next(iter(slots.values())).resize(3, refcheck=False)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("dtype", [np.float16, np.uint8, np.int8, np.bool_, np.int64])
def test_slots_of_smaller_numbers_are_converted(optimizer, dtype):
    """They were written past their end."""
    expected, model = ran(optimizer=optimizer), ran(optimizer=optimizer)
    for one in (expected, model):
        for slots in one.optimizer.slots.values():
            for name in slots:
                slots[name] = (
                    (slots[name] * 100).astype(dtype).astype(dtype if one is model else np.float32)
                )
        one.train_on_batch(X, Y)
    for one, two in zip(expected.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_slots_that_do_not_fit(optimizer):
    slot = {"SGD": "velocity", "Adam": "m"}[optimizer]
    for wrong, said in (
        (np.zeros(3, np.float32), r"with shape \(3,\), received \(3, 3, 3, 16\)"),
        (
            np.zeros((3, 3, 3, 16), complex),
            r"\(3, 3, 3, 16\) in complex128, received \(3, 3, 3, 16\) in float32",
        ),
    ):
        model = ran(optimizer=optimizer.lower())
        model.optimizer.slots["conv2d/kernel"][slot] = wrong
        message = (
            rf"^{optimizer} remembers {slot} of 'conv2d/kernel' with shape .*{said}.*: use a new "
            r"optimizer"
        )
        with pytest.raises(ValueError, match=message.replace("with shape .*with", "with")):
            model.train_on_batch(X, Y)


def test_parameters_that_adam_cannot_update():
    one = np.ones(3, np.float32)
    read_only = np.frombuffer(one.tobytes(), np.float32)
    for value, grad, message in (
        (
            one,
            np.ones(4, np.float32),
            r"expected values, gradients and slots of shape \(3,\) in one type of floats",
        ),
        (one, np.ones(3), r"received shape \(3,\) in float64: bring them into one form"),
        (np.ones(3, int), np.ones(3, int), "in one type of floats, int64"),
        (
            read_only,
            one,
            r"updates values in place, received a read-only one of shape \(3,\): copy it",
        ),
    ):
        with pytest.raises(ValueError, match=f"^Adam .*{message}"):
            optimizers.Adam().step([("w", value, grad)])


def test_a_user_s_class_of_one_argument_may_have_attributes_of_its_own():
    """A metric takes a name and nothing else: what else is assigned need not be meant as that."""

    class Spread(metrics.Metric):
        def __init__(self):
            self.seen = 0
            super().__init__("spread")

    assert Spread().seen == 0
    with pytest.raises(
        AttributeError, match=r"has no attribute 'nam' to assign to. Did you mean 'name'\?"
    ):
        Spread().nam = "other"
