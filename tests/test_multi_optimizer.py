"""An optimizer for some weights and others for others: beside each of them alone, in training, in
files and after an interruption. That its steps are Keras' is in test_optimizers.py.
"""

import copy
import json

import numpy as np
import pytest

from minicnn import Input, Sequential, callbacks, layers, models, optimizers, preflight, schedules
from minicnn.optimizers import SGD, Adam, MultiOptimizer, Muon, OptimizerMap


def network(seed=0):
    return Sequential(
        [
            Input((6, 6, 2)),
            layers.Conv2D(3, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ],
        seed=seed,
    )


RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((24, 6, 6, 2)).astype(np.float32), np.arange(24) % 3
LOSS = "sparse_categorical_crossentropy"
OPTIONS = {"batch_size": 8, "verbose": 0, "seed": 1}


def trained(optimizer, epochs=2, **more):
    model = network()
    model.compile(optimizer, LOSS)
    model.fit(X, Y, epochs=epochs, **OPTIONS | more)
    return model


def assert_same(one, other):
    for mine, theirs in zip(one.get_weights(), other.get_weights(), strict=True):
        assert np.array_equal(mine, theirs)


def several():
    """One with a schedule, one with averages, and Muon, whose slots differ from weight to
    weight.
    """
    falling = SGD(schedules.PolynomialDecay(0.1, 9, 0.0), momentum=0.9)
    averaged = Adam(0.01, use_ema=True, ema_momentum=0.5)
    muon = Muon(0.02, include_filters=True)
    return MultiOptimizer(OptimizerMap(muon, {".*/bias": falling, "dense/kernel": averaged}))


def test_all_alike_is_one_for_all():
    def one():
        return Adam(0.01, weight_decay=0.1)

    split = MultiOptimizer(OptimizerMap(one(), {".*/bias": one(), "conv2d/kernel": one()}))
    assert_same(trained(split), trained(one()))


def test_a_rate_of_zero_leaves_weights_as_they_are():
    model = trained(MultiOptimizer(OptimizerMap(Adam(), {"conv2d/.*": SGD(0.0)})))
    same = [
        np.array_equal(mine, first)
        for mine, first in zip(model.get_weights(), network().get_weights(), strict=True)
    ]
    assert same == [True, True, False, False]


def test_each_weight_is_changed_by_its_own():
    optimizer = MultiOptimizer(OptimizerMap(SGD(0.5), {"a/.*": SGD(1.0), ".*/bias": SGD(0.25)}))
    values = {name: np.zeros(1) for name in ("a/kernel", "b/kernel", "b/bias")}
    for _ in range(2):
        optimizer.step([(name, value, np.ones(1)) for name, value in values.items()])
    assert {name: value.item() for name, value in values.items()} == {
        "a/kernel": -2.0,
        "b/kernel": -1.0,
        "b/bias": -0.5,
    }
    assert optimizer.iterations == 2 and [one.iterations for one in optimizer.optimizers] == 3 * [2]


def test_the_path_itself_comes_before_patterns_and_two_patterns_are_too_many():
    first, second, third = SGD(), Adam(), Muon()
    chosen = OptimizerMap(first, {"conv2d/.*": second, "conv2d/bias": third})
    assert chosen["conv2d/bias"] is third and chosen["conv2d/kernel"] is second
    assert chosen["conv2d_1/kernel"] is first  # a pattern matches the whole path
    assert list(chosen) == ["conv2d/.*", "conv2d/bias"] and len(chosen) == 2
    del chosen["conv2d/bias"]
    chosen[".*/bias"] = third
    with pytest.raises(
        ValueError,
        match="OptimizerMap expected one optimizer for 'conv2d/bias', received those of "
        r"'conv2d/\.\*' and '\.\*/bias': narrow down all but one",
    ):
        chosen["conv2d/bias"]
    with pytest.raises(ValueError, match=r"each pattern once, received '\.\*/bias' again: del map"):
        chosen[".*/bias"] = first


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: MultiOptimizer(Adam()),
            "MultiOptimizer expected an OptimizerMap, received <minic",
        ),
        (lambda: MultiOptimizer(lambda _: Adam()), "expected an OptimizerMap, received <function"),
        (lambda: OptimizerMap("adam"), "expected default_optimizer as an optimizer .*'adam'"),
        (
            lambda: OptimizerMap(Adam(), {"a": None}),
            "expected 'a' as an optimizer .* received None",
        ),
        (
            lambda: OptimizerMap(MultiOptimizer(OptimizerMap(Adam()))),
            "expected default_optimizer as an optimizer such as Adam",
        ),
    ],
)
def test_what_is_no_optimizer_is_refused(make, message):
    with pytest.raises(TypeError, match=message):
        make()


def test_it_has_no_rate_of_its_own_and_says_where_they_are():
    optimizer = several()
    for ask in (
        lambda: optimizer.learning_rate,
        lambda: setattr(optimizer, "learning_rate", 0.1),
        lambda: copy.deepcopy(trained(optimizer)).lr_find(X, Y, 8),
    ):
        with pytest.raises(AttributeError, match=r"each of its optimizers has one, read and set"):
            ask()
    with pytest.raises(AttributeError, match="give them use_ema"):
        optimizer.use_ema = True
    optimizer.optimizers[-1].learning_rate = 0.5
    assert optimizer.highest_rate == 0.5


@pytest.mark.parametrize(
    "make",
    [
        lambda: callbacks.ReduceLROnPlateau(monitor="loss"),
        lambda: callbacks.LearningRateScheduler(lambda _: 0.1),
    ],
)
def test_callbacks_that_set_the_rate_are_refused(make):
    with pytest.raises(TypeError, match="has one for each of its optimizers: give them schedules"):
        trained(several(), callbacks=make())


def test_doctor_profile_and_a_loss_that_is_no_number_know_what_to_do():
    doctor = callbacks.Doctor(verbose=0)
    model = trained(several(), callbacks=doctor)
    rows = preflight.profile(model, batch=4, seconds=0.01)
    assert "optimizer" in str(rows)
    assert model.optimizer.iterations == 6
    with pytest.warns(UserWarning, match="Try a learning rate below 0.03333, or global_clip"):
        model.fit(np.full_like(X, np.nan), Y, epochs=1, **OPTIONS | {"batch_size": 24})


def test_averages_are_kept_of_those_that_ask_for_it():
    optimizer = several()
    assert optimizer.use_ema and not MultiOptimizer(OptimizerMap(Adam())).use_ema
    model = network()
    model.compile(optimizer, LOSS)
    for start in (0, 8, 16):
        model.train_on_batch(X[start : start + 8], Y[start : start + 8])
    own = {name: value.copy() for name, value, _ in model.parameters()}
    average = optimizer.slots["dense/kernel"]["average"].copy()
    assert not np.array_equal(average, own["dense/kernel"])
    for swapped in (True, False):
        optimizer.swap_averages(model.parameters())
        assert optimizer.averages_in_use is swapped
        for name, value, _ in model.parameters():
            expected = average if swapped and name == "dense/kernel" else own[name]
            assert np.array_equal(value, expected)
    optimizer.finalize_variable_values(model.parameters())
    for name, value, _ in model.parameters():
        assert np.array_equal(value, average if name == "dense/kernel" else own[name])


def test_swapped_averages_are_left_in_place_by_the_end():
    model = network()
    model.compile(several(), LOSS)
    model.fit(X, Y, epochs=2, callbacks=callbacks.SwapEMAWeights(swap_on_epoch=True), **OPTIONS)
    assert_same(model, trained(several()))


def test_a_file_holds_what_each_remembers(tmp_path):
    model = trained(several())
    model.save(tmp_path / "model.safetensors")
    loaded = models.load_model(tmp_path / "model.safetensors")
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    assert json.loads(json.dumps(loaded.optimizer.get_config())) == model.optimizer.get_config()
    rates = [one.learning_rate for one in model.optimizer.optimizers]
    assert [one.learning_rate for one in loaded.optimizer.optimizers] == rates
    for one in (model, loaded):
        one.fit(X, Y, epochs=1, **OPTIONS)
    assert_same(model, loaded)


def test_a_training_goes_on_with_rates_that_were_set_on_the_way(tmp_path):
    def halve(epoch, _):
        if epoch == 1:
            model.optimizer.optimizers[1].learning_rate /= 2

    whole = None
    for epochs, resume in ((4, None), (2, tmp_path), (4, tmp_path)):
        model = network()
        model.compile(several(), LOSS)
        hook = callbacks.LambdaCallback(on_epoch_begin=halve)
        model.fit(X, Y, epochs=epochs, callbacks=hook, resume=resume, **OPTIONS)
        whole = whole or model
    assert model.optimizer.optimizers[1].learning_rate == 0.005
    assert_same(model, whole)


def test_one_optimizer_may_stand_for_several_patterns():
    shared = SGD(0.1, momentum=0.9)
    optimizer = MultiOptimizer(OptimizerMap(Adam(), {"conv2d/.*": shared, ".*e/bias": shared}))
    assert len(optimizer.optimizers) == 2
    assert trained(optimizer).optimizer.iterations == shared.iterations == 6


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_keras_files_are_written_without_the_training(ending, tmp_path):
    pytest.importorskip("h5py")
    for optimizer in (several(), Muon(include_filters=True)):
        model = trained(optimizer)
        path = tmp_path / f"{optimizer.__class__.__name__}{ending}"
        with pytest.warns(UserWarning, match="written without the training, of which Keras cannot"):
            model.export(path)
        loaded = models.load_model(path)
        assert loaded.optimizer is None
        assert_same(loaded, model)


def test_muons_memory_goes_through_a_keras_file(tmp_path):
    pytest.importorskip("h5py")
    model = trained(Muon(0.01, exclude_layers=["nothing"]))
    model.export(tmp_path / "model.keras")
    loaded = models.load_model(tmp_path / "model.keras")
    assert loaded.optimizer.iterations == 6
    for name, slots in model.optimizer.slots.items():
        assert loaded.optimizer.slots[name].keys() == slots.keys()
        for slot, array in slots.items():
            assert np.array_equal(loaded.optimizer.slots[name][slot], array)


def test_a_damaged_description_is_refused():
    with pytest.raises(ValueError, match="optimizers has no class 'Sgd'"):
        optimizers.deserialize(
            {
                "class_name": "MultiOptimizer",
                "config": {
                    "optimizer_map": {
                        "class_name": "OptimizerMap",
                        "config": {"default_optimizer": {"class_name": "Sgd", "config": {}}},
                    }
                },
            }
        )
