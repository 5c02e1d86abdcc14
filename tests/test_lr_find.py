"""model.lr_find: the range test, what it suggests, and that it leaves the model as it was."""

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import Input, Sequential, layers, optimizers, plots, schedules
from minicnn.training.lr_find import LRFinder, valley


def model_and_data(optimizer: optimizers.Optimizer | None = None, normalized: bool = True):
    """A model with everything that could be left changed, and pictures that it can learn."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    x = rng.integers(0, 100, (60, 8, 8, 1))
    x[np.arange(60), 1 + 2 * y] += 150
    model = Sequential(
        [
            Input((8, 8, 1)),
            layers.RandomFlip("horizontal"),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, activation="relu"),
            *([layers.BatchNormalization()] if normalized else []),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(3, activation="softmax"),
        ],
        seed=0,
    )
    model.compile(optimizer or optimizers.Adam(), "sparse_categorical_crossentropy", ["accuracy"])
    return model, x.astype(np.uint8), y


def everything(model: Sequential) -> str:
    """sha256 of weights, optimizer and generators."""
    digest = hashlib.sha256()
    for array in model.get_weights():
        digest.update(array.tobytes())
    for name, slots in sorted(model.optimizer.slots.items()):
        for slot, array in sorted(slots.items()):
            digest.update(f"{name}/{slot}".encode() + array.tobytes())
    generators = [
        model.shuffle_rng.bit_generator.state,
        *(layer.random_state for layer in model.layers),
    ]
    rest = [
        model.optimizer.iterations,
        model.optimizer.get_config(),
        model.history.history,
        model.has_fresh_weights,
    ]
    digest.update(json.dumps([generators, rest, model.metrics[0].total]).encode())
    return digest.hexdigest()


@pytest.mark.parametrize(
    "optimizer",
    [
        optimizers.SGD(0.1, momentum=0.9),
        optimizers.AdamW(schedules.OneCycle(0.1, 50), use_ema=True, ema_overwrite_frequency=2),
    ],
)
def test_nothing_is_left_changed(optimizer):
    model, x, y = model_and_data(optimizer)
    for _ in range(2):  # of a fresh model, and of one in training
        before = everything(model)
        model.lr_find(x, y, 16, steps=15)
        assert everything(model) == before
        model.fit(x, y, batch_size=16, verbose=0)
        assert everything(model) != before
    untouched, _, _ = model_and_data(type(optimizer)(**settings(optimizer)))
    for _ in range(2):
        untouched.fit(x, y, batch_size=16, verbose=0)
    assert everything(untouched) == everything(model)


def settings(optimizer: optimizers.Optimizer) -> dict:
    return optimizer.get_config() | {"learning_rate": optimizer.schedule or optimizer.learning_rate}


def test_rates_grow_by_a_constant_factor_and_losses_are_smoothed():
    model, x, y = model_and_data(optimizers.SGD())
    found = model.lr_find(x, y, 16, start=1e-6, end=1e-2, steps=21)
    np.testing.assert_allclose(found.learning_rates, np.geomspace(1e-6, 1e-2, 21), rtol=1e-9)
    assert len(found.losses) == 21
    # By definition: the same steps by hand, and means that weigh each loss by 0.98 less than the
    # next.
    twin, _, _ = model_and_data(optimizers.SGD())
    losses: list[float] = []
    for step, rate in enumerate(found.learning_rates):
        if step % 4 == 0:
            order = twin.shuffle_rng.permutation(60)
        picked = order[16 * (step % 4) :][:16]
        twin.layers[0].next_samples(step // 4, picked)
        twin.optimizer.learning_rate = rate
        losses.append(twin.train_step(x[picked], y[picked])[0])
        weights = 0.98 ** np.arange(step + 1)[::-1]
        assert found.losses[step] == pytest.approx(np.average(losses, weights=weights), rel=1e-9)


def test_it_suggests_a_rate_that_trains_and_ends_where_the_loss_explodes():
    model, x, y = model_and_data(optimizers.SGD(), normalized=False)
    found = model.lr_find(x, y, 16, end=1e4, steps=120)
    assert len(found.losses) < 120 and max(found.losses) <= 4 * min(found.losses)
    assert found.suggestion in found.learning_rates and 1e-3 < found.suggestion < 10
    model.optimizer.learning_rate = found.suggestion
    losses = model.fit(x, y, batch_size=16, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]
    text = found.to_text()
    assert text.splitlines()[-1] == f"suggested learning rate: {found.suggestion:.2e}"
    assert len(text.splitlines()) <= 18 and "1.00e-07" in text
    assert plots.lr_finder(found).data["suggestion"] == found.suggestion


def test_a_loss_that_is_no_number_ends_it():
    model, x, y = model_and_data(optimizers.SGD())
    found = model.lr_find(x, y, 16, start=1e20, end=1e30, steps=10)
    assert len(found.losses) < 10 and np.isfinite(found.losses).all()
    assert found.suggestion is None
    assert "suggested learning rate: none: the loss never fell" in found.to_text()


def test_nothing_found_is_said_too():
    text = LRFinder([], [], None).to_text()
    assert text.splitlines() == [
        "learning rate      loss",
        "suggested learning rate: none: the loss never fell",
    ]


def longest_by_trying(losses: list[float]) -> int:
    """The length of the longest decreasing subsequence, by trying them all."""
    best = 0
    for chosen in range(2 ** len(losses)):
        part = [loss for i, loss in enumerate(losses) if chosen >> i & 1]
        if all(a > b for a, b in zip(part, part[1:], strict=False)):
            best = max(best, len(part))
    return best


@given(st.lists(st.integers(0, 6), max_size=9))
def test_a_valley_is_the_longest_row_of_smaller_losses(losses):
    longest, rates = longest_by_trying(losses), [float(i) for i in range(len(losses))]
    assert (valley(rates, losses, longest) is None) == (longest < 2)
    assert valley(rates, losses, longest + 1) is None


def test_the_suggestion_is_the_middle_of_the_valley():
    losses = [5.0] * 30 + list(np.linspace(5, 1, 40)) + list(np.linspace(1.1, 9, 20))
    rates = [float(i) for i in range(90)]
    assert 45 <= valley(rates, losses, 10) <= 55


def test_mistakes_are_named():
    model, x, y = model_and_data()
    with pytest.raises(
        ValueError, match="lr_find expected 0 < start < end, received start=1 and end=0.1"
    ):
        model.lr_find(x, y, start=1, end=0.1)
    with pytest.raises(ValueError, match="lr_find expected steps of at least 2, received 1"):
        model.lr_find(x, y, steps=1)
    with pytest.raises(
        ValueError, match="lr_find expected as many samples in y as in x, 60, received 59"
    ):
        model.lr_find(x, y[1:])
    with pytest.raises(RuntimeError, match="is not compiled"):
        Sequential([Input((3,)), layers.Dense(2)]).lr_find(np.eye(3), np.zeros(3, int))
