"""What looks at models, looks at networks with branches and at models inside: checks, profile,
preview, callbacks.
"""

import networks
import numpy as np
import pytest

from minicnn import (
    Input,
    Model,
    Sequential,
    callbacks,
    layers,
    optimizers,
    plots,
    preflight,
    report,
)
from minicnn.network.by_layer import by_layer, paths
from minicnn.preflight.profiling import profile

X = np.random.default_rng(0).random((48, 8, 8, 3)).astype(np.float32)
Y = (X.mean(axis=(1, 2)).argmax(axis=1)).astype(np.int64)
CHECKS = ["initial loss", "overfits 50 pictures", "gradients", "dead units", "steps per epoch"]


def nested(**options):
    """Augmentation and a residual backbone as models inside."""
    augmentation = Sequential([Input((8, 8, 3)), layers.RandomFlip()], name="augmentation")
    maps = Input((8, 8, 3))
    backbone = Model(maps, networks.residual(networks.convolved(maps, 4), 8, 2), name="backbone")
    inputs = Input((8, 8, 3))
    x = layers.GlobalAveragePooling2D()(backbone(augmentation(inputs)))
    return Model(inputs, layers.Dense(3, activation="softmax")(layers.Dropout(0.2)(x)), **options)


def two_inputs(**options):
    picture, more = Input((8, 8, 3), name="picture"), Input((4,), name="more")
    x = layers.Flatten()(layers.Conv2D(4, 3, activation="relu")(picture))
    x = layers.Concatenate()([layers.Dense(8, activation="relu")(x), more])
    return Model([picture, more], layers.Dense(3, activation="softmax")(x), **options)


def compiled(model):
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    return model


# by_layer


@pytest.mark.parametrize("make", [nested, networks.residual_network, two_inputs, networks.several])
def test_by_layer_ends_in_the_prediction(make):
    model = make(seed=0) if make is not networks.several else make()
    rng = np.random.default_rng(0)
    x = [rng.random((2, *node.sample_shape)).astype(np.float32) for node in model.inputs]
    made = list(by_layer(model.program(), x if len(x) > 1 else x[0]))
    assert len(made) == len(paths(model)) and paths(model)[-1] == model.layers[-1].name
    np.testing.assert_allclose(
        made[-1][1], model.forward(x if len(x) > 1 else x[0]), rtol=1e-4, atol=1e-6
    )


# preflight


@pytest.mark.parametrize("make", [nested, two_inputs])
def test_preflight_checks_graphs(make):
    model = make(seed=0)
    x = X if make is nested else [X, np.random.default_rng(1).random((48, 4)).astype(np.float32)]
    before = model.get_weights()
    found = {finding.check: finding for finding in preflight.check(model, x, Y, batch_size=4)}
    assert list(found) == CHECKS
    assert all(found[name].passed for name in CHECKS[:4]), [
        str(finding) for finding in found.values()
    ]
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_dead_units_are_counted_in_models_inside():
    model = nested(seed=0)
    relus = [path for path, layer in model.leaves.items() if isinstance(layer, layers.Activation)]
    assert relus[0].startswith("backbone/")
    norm = model.leaves["backbone/batch_normalization"]
    norm.params["beta"][...] = -100
    model.note_weights()
    found = {finding.check: finding for finding in preflight.check(model, X, Y)}
    assert (
        not found["dead units"].passed
        and "4 of 4 in backbone/activation:" in found["dead units"].text
    )


def test_a_loss_that_is_not_finite_is_traced_into_models_inside():
    from minicnn.training.checks import _first_non_finite

    model = nested(seed=0)
    assert (
        _first_non_finite(model, X[:2])
        == "every layer's output is finite, the loss itself overflows"
    )
    kernel = model.leaves["backbone/conv2d_1"].params["kernel"]
    kernel[0, 0, 0, 0] = np.nan
    assert (
        _first_non_finite(model, X[:2])
        == "kernel of Conv2D 'backbone/conv2d_1' holds NaN or infinity"
    )
    kernel[...] = 3e38
    assert (
        _first_non_finite(model, X[:2])
        == "the output of Conv2D 'backbone/conv2d_1' is the first with NaN or infinity"
    )
    both = two_inputs(seed=0)
    assert (
        _first_non_finite(both, [X[:2], np.full((2, 4), np.inf, np.float32)])
        == "the input holds NaN or infinity"
    )


def test_the_rows_of_a_profile_add_up():
    model = compiled(nested(seed=0))
    found = profile(model, batch=4, seconds=0.1)
    assert sum(row.seconds for row in found.rows) == pytest.approx(found.total.seconds)
    forward = [row.layers for row in found.rows if row.work == "forward"]
    assert len(forward) == len(model.execution_for(X[:4]).stages)
    assert any(name.startswith("backbone/conv2d_1") for name in forward)
    flops = sum(row.flops for row in found.rows if row.work == "forward")
    assert 0 < flops and "backbone" in str(found)


def test_a_profile_of_two_inputs():
    found = profile(two_inputs(seed=0), batch=4, seconds=0.1)
    assert {row.work for row in found.rows} >= {"forward", "weight gradient", "update"}


# plots


def test_augmentation_inside_a_model_is_previewed():
    picture = np.random.default_rng(0).random((8, 8, 3))
    flips = Sequential(
        [layers.RandomFlip(), layers.RandomTranslation(0.1, 0.1)], name="augmentation"
    )
    inputs = Input((8, 8, 3))
    graph = Model(
        inputs, layers.Flatten()(layers.Conv2D(2, 3)(flips(layers.Rescaling(0.5)(inputs))))
    )
    found = plots.augmentation_preview(graph, picture, 3)
    assert found.data["layers"] == "Rescaling, RandomFlip, RandomTranslation"
    np.testing.assert_allclose(found.data["original"], picture * 0.5)
    outer = Sequential([flips, layers.Flatten()])
    assert (
        plots.augmentation_preview(outer, picture, 3).data["layers"]
        == "RandomFlip, RandomTranslation"
    )


def test_a_preview_needs_one_way_from_the_picture():
    inputs = Input((8, 8, 3))
    x = layers.RandomFlip()(layers.Add()([inputs, layers.Rescaling(2.0)(inputs)]))
    model = Model(inputs, layers.Flatten()(x))
    message = (
        "augmentation_preview expected one way from a picture to RandomFlip 'random_flip', "
        "received Add 'add'"
    )
    with pytest.raises(ValueError, match=message):
        plots.augmentation_preview(model, X[0])


# callbacks and reports


def test_callbacks_work_on_a_graph(tmp_path):
    model = compiled(nested(seed=0))
    doctor = callbacks.Doctor()
    path = tmp_path / "best.safetensors"
    checkpoint = callbacks.ModelCheckpoint(
        path, save_weights_only=True, save_best_only=True, monitor="loss"
    )
    stop = callbacks.EarlyStopping(monitor="loss", patience=3, restore_best_weights=True)
    model.fit(X, Y, epochs=2, batch_size=16, verbose=0, callbacks=[doctor, checkpoint, stop])
    assert path.exists() and len(model.history.history["loss"]) == 2
    other = nested(seed=1)
    other.load_weights(path)
    np.testing.assert_array_equal(other.predict(X), model.predict(X))


@pytest.mark.parametrize("overwrite", [None, 2])
def test_averaged_weights_are_swapped_in_models_inside(overwrite):
    model = nested(seed=0)
    optimizer = optimizers.Adam(use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=overwrite)
    model.compile(optimizer, "sparse_categorical_crossentropy", ["accuracy"])
    seen = []

    class Look(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):  # noqa: ARG002
            seen.append(self.model.get_weights())

    swap = callbacks.SwapEMAWeights(swap_on_epoch=True)
    model.fit(X, Y, epochs=2, batch_size=16, verbose=0, callbacks=[swap, Look()])
    assert any(not np.array_equal(a, b) for a, b in zip(seen[-1], seen[0], strict=True))
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_reports_ask_a_graph_for_predictions_alone():
    model = compiled(nested(seed=0))
    model.fit(X, Y, epochs=1, batch_size=16, verbose=0)
    found = report.evaluate_report(Y, model.predict(X))
    assert np.sum(found.confusion) == len(X)
