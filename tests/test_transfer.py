"""Transfer learning: what replace_head keeps and makes, what freezing leaves alone, and what both
leave undone.
"""

import numpy as np
import pytest
from golden import make_transfer as recipe

import minicnn
from minicnn import Input, Sequential, layers, optimizers
from minicnn.models import load_model, transfer
from minicnn.models.transfer import freeze, replace_head, unfreeze
from minicnn.network.stages import layers_of

both_engines = pytest.mark.parametrize("engine", ["fast", "reference"])


def small(classes=3, seed=0, **options):
    return Sequential(
        [
            Input((12, 12, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Conv2D(6, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dense(8, activation="relu"),
            layers.Dropout(0.25),
            layers.Dense(
                classes, activation="softmax", kernel_initializer="he_normal", name="head"
            ),
        ],
        name="small",
        seed=seed,
        **options,
    )


def pictures(n=32, classes=3, seed=1):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, 12, 12, 3), dtype=np.uint8), np.arange(n) % classes


def compiled(model, optimizer="adam"):
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def trained(classes=3):
    model = compiled(small(classes))
    model.fit(*pictures(classes=classes), batch_size=8, epochs=2, verbose=0)
    return model


def weights_of(model):
    return {
        f"{layer.name}/{name}": array.copy()
        for layer in model.layers
        for name, array in layer.weights_by_name.items()
    }


def changed(before, after):
    return {name for name in before if not np.array_equal(before[name], after[name])}


# replace_head


def test_all_but_the_head_is_kept_and_the_head_is_new():
    model = trained()
    copy = replace_head(model, 5)
    before, after = weights_of(model), weights_of(copy)
    assert list(before) == list(after)
    for name in before.keys() - {"head/kernel", "head/bias"}:
        assert np.array_equal(before[name], after[name]) and after[name].dtype == np.float32
    assert after["head/kernel"].shape == (8, 5) and after["head/bias"].shape == (5,)
    assert copy.output_shape == (None, 5) and copy.input_shape == model.input_shape
    assert (copy.name, copy.seed, copy.dtype, copy.engine) == (
        model.name,
        model.seed,
        model.dtype,
        model.engine,
    )
    old_head, head = model.layers[-1].get_config(), copy.layers[-1].get_config()
    assert head == old_head | {"units": 5}
    assert copy.optimizer is None and copy.class_names is None
    features = [Sequential(m.layers[:-1]).predict(pictures()[0]) for m in (model, copy)]
    assert np.array_equal(*features)


def test_the_model_itself_stays_as_it_is_whatever_the_copy_goes_through():
    model = trained()
    before, slots = weights_of(model), set(model.optimizer.slots)
    copy = compiled(replace_head(model, 2), "sgd")
    freeze(copy, "conv")
    copy.fit(*pictures(classes=2), epochs=2, verbose=0)
    assert not changed(before, weights_of(model))
    assert all(layer.trainable for layer in model.layers) and set(model.optimizer.slots) == slots
    model.fit(*pictures(), epochs=1, verbose=0)  # and it trains on


def test_the_new_head_is_determined_by_the_models_seed():
    model = trained()
    one, same = replace_head(model, 5), replace_head(model, 5)
    other = trained()
    other.seed = 1
    kernels = [m.get_layer("head").params["kernel"] for m in (one, same, replace_head(other, 5))]
    assert np.array_equal(kernels[0], kernels[1]) and not np.array_equal(kernels[0], kernels[2])
    assert abs(kernels[0].std() - np.sqrt(2 / 8)) < 0.2  # he_normal, as the head that it replaces
    assert not replace_head(model, 5).get_layer("head").params["bias"].any()


def test_names_of_classes_become_the_copys():
    copy = replace_head(trained(), ["cup", "spoon"])
    assert copy.class_names == ["cup", "spoon"] and copy.output_shape == (None, 2)
    assert replace_head(trained(), ("a", "b", "c", "d")).class_names == ["a", "b", "c", "d"]
    assert replace_head(trained(), np.int64(4)).output_shape == (None, 4)


def test_a_new_head_has_fresh_weights_of_which_predict_warns():
    with pytest.warns(UserWarning, match="has neither been trained nor loaded"):
        replace_head(trained(), 2).predict(pictures()[0])


def test_a_softmax_layer_behind_the_head_is_kept():
    model = Sequential([Input((4,)), layers.Dense(3), layers.Softmax()], seed=0)
    copy = replace_head(model, 2)
    assert [type(layer) for layer in copy.layers] == [layers.Dense, layers.Softmax]
    assert copy.output_shape == (None, 2)


def test_a_frozen_layer_stays_frozen_in_the_copy_but_the_head_trains():
    model = trained()
    freeze(model)
    copy = replace_head(model, 2)
    assert [layer.trainable for layer in copy.layers] == [False] * 9 + [True]


def test_a_layer_of_ones_own_is_copied_too():
    class Halve(layers.Layer):
        def forward(self, x, *, training=False):
            self._cache = () if training else None
            return self.accept(x) / 2

        def backward(self, dy):
            return self.take_cache(dy)[0] / 2

    model = Sequential([Input((4,)), Halve(), layers.Dense(3)], seed=0)
    copy = replace_head(model, 2)
    assert isinstance(copy.layers[0], Halve) and copy.layers[0] is not model.layers[0]


@pytest.mark.parametrize(
    "classes, message",
    [
        (1, "replace_head expected classes of at least 2, received 1"),
        (0, "replace_head expected classes of at least 2, received 0"),
        (["cup"], "replace_head expected classes of at least 2, received 1"),
        (
            "cup",
            "expected the number of classes or a list of their different names, received 'cup'",
        ),
        ([], r"expected the number of classes or a list of their different names, received \[\]"),
        (
            [0, 1],
            r"expected the number of classes or a list of their different names, received \[0, 1\]",
        ),
        (["a", "b", "a"], r"list of their different names, received \['a', 'b', 'a'\]"),
        (2.5, "replace_head expected classes of at least 2, received 2.5"),
    ],
)
def test_classes_that_are_none(classes, message):
    with pytest.raises(ValueError, match=message):
        replace_head(trained(), classes)


@pytest.mark.parametrize(
    "stack, message",
    [
        ([layers.Dense(3)], "'nameless' has no weights to keep yet: build.*fit or load it first"),
        (
            [Input((4, 4, 1)), layers.Flatten()],
            "weights of 'nameless' to be Dense, received none: build a Sequential",
        ),
        (
            [Input((4, 4, 1)), layers.Conv2D(2, 3), layers.GlobalAveragePooling2D()],
            r"expected the last layer with weights of 'nameless' to be Dense, received Conv2D "
            r"'conv2d': build",
        ),
        (
            [Input((4,)), layers.Dense(3), layers.BatchNormalization()],
            "to be Dense, received BatchNormalization",
        ),
    ],
)
def test_models_without_a_head_to_replace(stack, message):
    with pytest.raises(ValueError, match=message):
        replace_head(Sequential(stack, name="nameless"), 2)


# freeze and unfreeze


def frozen(model):
    return [layer.name for layer in model.layers if not layer.trainable]


@pytest.mark.parametrize(
    "which, expected",
    [
        (["conv2d"], ["conv2d"]),
        (["conv"], ["conv2d", "conv2d_1"]),
        (["batch_normalization_"], ["batch_normalization_1"]),
        (["head", "dense"], ["dense", "head"]),
        ([3], ["rescaling", "conv2d", "batch_normalization"]),
        ([-8], ["rescaling", "conv2d"]),
        ([np.int64(1), "head"], ["rescaling", "head"]),
    ],
)
def test_layers_are_selected_by_name_by_prefix_and_by_number(which, expected):
    model = small()
    freeze(model, *which)
    assert frozen(model) == expected


def test_without_arguments_all_layers_are_frozen_and_unfrozen():
    model = small()
    freeze(model)
    assert frozen(model) == [layer.name for layer in model.layers]
    unfreeze(model)
    assert frozen(model) == []


@pytest.mark.parametrize("number", [-9, -3, -1, 1, 2, 9])
def test_unfreezing_by_number_frees_just_what_freezing_by_it_leaves(number):
    one, other = small(), small()
    freeze(one, number)
    freeze(other)
    unfreeze(other, number)
    assert frozen(one) == frozen(other) and 0 < len(frozen(one)) < 10


@pytest.mark.parametrize("change", [freeze, unfreeze])
@pytest.mark.parametrize("wanted", ["konv2d", "", 11, -11, 2.5, None])
def test_what_selects_no_layer_is_an_error_and_changes_none(change, wanted):
    model = small()
    freeze(model, "dense")
    name = change.__name__
    with pytest.raises(
        ValueError,
        match=f"{name} expected a layer's name.* 10 layers of 'small', received {wanted!r}",
    ):
        change(model, "conv", wanted)
    assert frozen(model) == ["dense"]


def test_a_misspelt_name_is_corrected():
    with pytest.raises(ValueError, match=r"selects none\. Did you mean 'conv2d'\?"):
        freeze(small(), "konv2d")


def test_freezing_no_layer_by_zero_is_an_error():
    with pytest.raises(ValueError, match="received 0, which selects none"):
        freeze(small(), 0)


# Training with frozen layers

OPTIMIZERS = {
    "sgd": lambda: optimizers.SGD(0.1, momentum=0.9),
    "adam": lambda: optimizers.Adam(0.01),
    "adamw": lambda: optimizers.AdamW(0.01, weight_decay=0.1),
}


@both_engines
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_frozen_layers_stay_bitwise_and_all_others_change(engine, optimizer):
    model = compiled(replace_head(trained(), 2), OPTIMIZERS[optimizer]())
    model.engine = engine
    freeze(model, 4)
    freeze(model, "dense")
    before = weights_of(model)
    model.fit(*pictures(classes=2), batch_size=8, epochs=2, verbose=0)
    moved = {
        name
        for name in before
        if name.split("/")[0] in ("conv2d_1", "batch_normalization_1", "head")
    }
    assert changed(before, weights_of(model)) == moved


@both_engines
def test_backward_ends_at_the_lowest_layer_that_trains(engine, monkeypatch):
    model = compiled(trained())
    model.engine = engine
    freeze(model, -1)
    model.fit(*pictures(), epochs=1, verbose=0)
    run, x, y = set(), *pictures()
    for step in model.execution_for(x).steps:
        monkeypatch.setattr(
            step, "backward", lambda dy, step=step, own=step.backward: run.add(step) or own(dy)
        )
    model.train_on_batch(x, y)
    steps = model.execution_for(x).steps
    assert run == {steps[-1]}
    assert steps[-1].needs_input_grad is False
    unfreeze(model)
    model.train_on_batch(x, y)
    lowest = next(step for step in steps if model.get_layer("conv2d") in layers_of(step))
    assert run == set(steps[steps.index(lowest) :])


def test_freezing_takes_effect_in_a_compiled_model_and_keeps_what_the_optimizer_remembers():
    model = trained()
    slots = {
        name: {slot: array.copy() for slot, array in of.items()}
        for name, of in model.optimizer.slots.items()
    }
    freeze(model, "conv", "batch")
    before = weights_of(model)
    model.fit(*pictures(), epochs=1, verbose=0)
    assert changed(before, weights_of(model)) == {
        "dense/kernel",
        "dense/bias",
        "head/kernel",
        "head/bias",
    }
    for name, of in slots.items():
        same = [
            np.array_equal(array, model.optimizer.slots[name][slot]) for slot, array in of.items()
        ]
        assert all(same) == name.startswith(("conv", "batch"))
    unfreeze(model)
    model.fit(*pictures(), epochs=1, verbose=0)
    assert changed(before, weights_of(model)) == set(before)


def test_frozen_and_unfrozen_between_epochs_is_as_if_it_had_never_been():
    plain, interrupted = trained(), trained()
    freeze(interrupted, "conv")
    unfreeze(interrupted, "conv")
    for model in (plain, interrupted):
        model.fit(*pictures(), epochs=1, verbose=0)
    assert not changed(weights_of(plain), weights_of(interrupted))


def test_an_optimizer_that_remembers_another_head_says_so():
    model = trained()
    copy = compiled(replace_head(model, 5), model.optimizer)
    with pytest.raises(
        ValueError,
        match="remembers m of 'head/kernel' with shape .8, 3., received .8, 5.: use a new",
    ):
        copy.fit(*pictures(classes=5), epochs=1, verbose=0)


def test_a_frozen_batch_normalization_sees_its_moving_statistics_in_training_too():
    model = trained()
    freeze(model, -1)
    copy = Sequential(model.layers[:7])
    x, _ = pictures()
    assert np.allclose(copy(x, training=True), copy(x, training=False), atol=1e-6)
    unfreeze(model)
    assert not np.allclose(copy(x, training=True), copy(x, training=False), atol=1e-2)


def test_what_is_frozen_is_saved_and_loaded(tmp_path):
    model = replace_head(trained(), ["cup", "spoon"])
    freeze(model, "conv", "batch")
    model.save(tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    assert frozen(loaded) == frozen(model) and len(frozen(model)) == 4
    assert loaded.class_names == ["cup", "spoon"]


@both_engines
def test_fine_tuning_computes_what_keras_computes(engine):
    model = Sequential(recipe.layers_of(minicnn, classes=recipe.CLASSES + 3), dtype="float64")
    model = replace_head(model, recipe.CLASSES)
    recipe.set_weights(model.layers)
    model.engine = engine
    freeze(model, recipe.FROZEN)
    received, expected = recipe.train(minicnn, model), np.load(recipe.GOLDEN)["row"]
    assert np.abs(received - expected).max() < 1e-9 * np.abs(expected).max()


def network(classes, seed):
    stack = [Input((32, 32, 3)), layers.Rescaling(1 / 255)]
    for filters in (8, 16):
        stack += [
            layers.Conv2D(filters, 3, activation="relu"),
            layers.BatchNormalization(momentum=0.9),
        ]
        stack += [layers.MaxPooling2D()]
    return Sequential(
        [*stack, layers.Flatten(), layers.Dense(classes, activation="softmax")], seed=seed
    )


def test_from_forty_pictures_of_two_new_classes_a_pretrained_model_learns_more_than_a_fresh_one():
    (x, y), (x_test, y_test) = minicnn.datasets.shapes.load_data(train=3000, test=600, seed=0)
    y, y_test = y.reshape(-1).astype(int), y_test.reshape(-1).astype(int)
    model = compiled(network(8, seed=0))
    model.fit(x[y < 8], y[y < 8], batch_size=32, epochs=5, verbose=0)
    tuned = replace_head(model, 2)
    freeze(tuned, -1)
    few, new = np.flatnonzero(y >= 8)[:40], y_test >= 8
    accuracy = []
    for candidate in (tuned, network(2, seed=1)):
        compiled(candidate, optimizers.Adam(0.003)).fit(
            x[few], y[few] - 8, epochs=15, seed=0, verbose=0
        )
        accuracy.append(
            candidate.evaluate(x_test[new], y_test[new] - 8, return_dict=True)["accuracy"]
        )
    assert accuracy[0] > accuracy[1] + 0.1, accuracy


def test_they_are_methods_of_the_model():
    model = trained()
    assert model.replace_head(["cup", "spoon"]).class_names == ["cup", "spoon"]
    model.freeze("conv")
    assert frozen(model) == ["conv2d", "conv2d_1"]
    model.unfreeze()
    assert frozen(model) == []
    assert transfer.freeze is freeze
